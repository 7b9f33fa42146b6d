"""Tables as clinics keep them, in English, German and Chinese: each kind of disorder, and what comes of it.

The first five are of the project's shared cases (made from what people report in public); the expected values are
read off the tables by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnpoint.errors import Problem
from turnpoint.formats import mapped
from turnpoint.study.study import Study
from turnpoint.workflows.mapping import Mapping, guess_mapping
from turnpoint.workflows.opening import inspect
from turnpoint.workflows.respond import respond


def guessed(
    folder: Path,
    table: str,
    answers: dict[str, str] | None = None,
    *,
    yes: bool = True,
    encoding: str = "utf-8",
) -> Mapping:
    (folder / "t.csv").write_text(table, encoding=encoding)
    return guess_mapping(folder / "t.csv", answers=answers, accept_proposals=yes, replace=True)


def open_keys(folder: Path, table: str, answers: dict[str, str] | None = None) -> list[str]:
    return [question.key for question in guessed(folder, table, answers).open_questions]


def read(
    folder: Path, table: str, answers: dict[str, str] | None = None, *, encoding: str = "utf-8"
) -> Study:
    found = guessed(folder, table, answers, encoding=encoding)
    assert not found.open_questions, [question.text for question in found.open_questions]
    study, problems = inspect(found.written)
    assert study is not None, [str(problem) for problem in problems]
    return study


def in_one_go(folder: Path, table: str, name: str = "t.csv") -> tuple[Study | None, tuple[Problem, ...]]:
    (folder / name).write_text(table, encoding="utf-8")
    return inspect(folder / name)


def sizes(study: Study) -> list[tuple[object, ...]]:
    return study.lesions.select("patient_id", "day", "lesion_id", "diameter_mm").rows()


def values(study: Study) -> list[tuple[object, ...]]:
    return study.markers.select("patient_id", "day", "marker", "value", "unit").rows()


def test_marker_is_read_when_the_case_of_its_unit_is_unusual(tmp_path: Path) -> None:
    table = "patient_id,visit_date,start_date,{}\n1,2022-01-03,2022-01-03,12.5\n1,2022-02-14,2022-01-03,6.1\n"
    for name in ("PSA (ng/mL)", "PSA [NG/ML]", "PSA (ng/ml)", "psa_ng_ml", '"PSA, ng/mL"', "PSA ng/mL"):
        assert values(read(tmp_path, table.format(name))) == [
            ("1", 0, "PSA", 12.5, "ng/mL"),
            ("1", 42, "PSA", 6.1, "ng/mL"),
        ], name


@pytest.mark.parametrize(
    ("name", "cells", "key"),
    [
        ("CA 19-9 (U/mL)", ("420", "210", "99", "180"), None),  # the shared case: 99 lies among the others
        ("TL1 (mm)", ("81", "99", "118", "90"), None),  # a real tumour of 99 mm
        ("TL1 (mm)", ("81", "99", "60", "50"), None),  # ... that is the largest
        (
            "TL1 (mm)",
            ("12", "99", "11", "10"),
            "codes.TL1 (mm)",
        ),  # far above all others: asked, and nothing proposed
        ("CEA (ng/mL)", ("4", "999", "3", "5"), "codes.CEA (ng/mL)"),
        ("CEA (ng/mL)", ("4", "-9", "-9", "-9"), None),  # no value could be: proposed, which --yes takes
        ("CEA (ng/mL)", ("-9", "-9", "-9", "-9"), "codes.CEA (ng/mL)"),  # nothing would be left of the column
    ],
)
def test_code_for_missing_is_asked_only_when_no_value_could_be_it(
    tmp_path: Path, name: str, cells: tuple[str, ...], key: str | None
) -> None:
    rows = "".join(f"{'AB'[place % 2]},{place // 2 * 42},{cell}\n" for place, cell in enumerate(cells))

    assert open_keys(tmp_path, f"patient,day,{name}\n{rows}") == ([] if key is None else [key])


def test_code_is_a_value_in_another_column_when_it_is_a_code_in_one(tmp_path: Path) -> None:
    table = "patient,day,TL1 (mm),CA 19-9 (U/mL)\nA,0,30,1999\nA,42,999,999\nB,0,31,850\n"
    study = read(tmp_path, table)

    assert ("A", 42, "CA 19-9", 999.0, "U/mL") in values(study)
    assert sizes(study) == [("A", 0, "T1", 30.0), ("B", 0, "T1", 31.0)]


def test_tumour_of_99_mm_progresses_when_it_is_read_as_a_size(tmp_path: Path) -> None:
    # RECIST 1.1: 99 is 22 % and 18 mm above the nadir of 81.
    study = read(tmp_path, "patient,day,TL1 (mm)\nA,0,81\nA,45,99\nA,85,118\nB,0,20\nB,45,20\n")

    assert respond(study).best_responses.filter(patient_id="A")["progression_day"].to_list() == [45]


@pytest.mark.parametrize("seen", ["1", "yes", "Ja", "是", "x", "2"])
@pytest.mark.parametrize("name", ["new_lesion", "Neue Läsion", "新病灶", "New lesions?"])
def test_new_lesion_is_progression_when_a_column_says_so(tmp_path: Path, name: str, seen: str) -> None:
    none = {"yes": "no", "Ja": "nein", "是": "否"}.get(seen, "0")
    table = f"patient_id,visit_date,tl1_mm,{name}\n1,2022-01-03,34,{none}\n1,2022-02-14,28,{none}\n1,2022-03-28,20,{seen}\n"

    responses = respond(read(tmp_path, table)).responses

    assert responses["overall_response"].to_list()[-1] == "PD"
    assert responses["new_lesion"].to_list()[-1]


def test_german_table_is_read_when_it_is_windows_text_with_decimal_commas(tmp_path: Path) -> None:
    table = (
        "Pat.-Nr.;Geburtsdatum;Untersuchungsdatum;Läsion 1 Leber (cm);Läsion 2 Lunge (cm);CEA (µg/l);CA 19-9;Bemerkung\n"
        "101;12.03.1955;05.01.2023;4,2;2,1;85,3;<2;Ausgangs-CT\n"
        "101;12.03.1955;02.03.2023;3,1;1,6;40,1;12;\n"
        "101;12.03.1955;22.06.2023;2,4;n.b.;<0,5;;Neue Läsion Lunge?\n"
        "102;01.07.1948;10.02.2023;;3,3;n.d.;120;\n"
        "102;01.07.1948;05.04.2023;5,0;zu klein;;>1000;\n"
    )
    study = read(tmp_path, table, encoding="cp1252")

    states = study.lesions.select("patient_id", "day", "lesion_id", "site", "diameter_mm", "status").rows()
    assert states == [
        ("101", 0, "L1", "liver", 42.0, "measured"),
        ("101", 0, "L2", "lung", 21.0, "measured"),
        ("101", 56, "L1", "liver", 31.0, "measured"),
        ("101", 56, "L2", "lung", 16.0, "measured"),
        ("101", 168, "L1", "liver", 24.0, "measured"),
        ("101", 168, "L2", "lung", None, "not_evaluable"),
        ("102", 0, "L2", "lung", 33.0, "measured"),
        ("102", 54, "L1", "liver", 50.0, "measured"),
        ("102", 54, "L2", "lung", None, "too_small"),
    ]
    assert study.markers.filter(patient_id="101", marker="CEA")["censoring"].to_list() == [
        "none",
        "none",
        "left",
    ]
    said = [str(problem) for problem in study.problems]
    assert any("Geburtsdatum, Bemerkung" in one for one in said)
    assert any("may speak of a new lesion" in one and "row 4" in one for one in said)


def test_chinese_table_is_read_when_its_headers_join_words_and_units(tmp_path: Path) -> None:
    table = (
        "病历号,检查日期,肝病灶（mm）,靶病灶2长径(cm),癌胚抗原CEA(ng/mL),糖链抗原19-9(U/mL),新病灶,备注\n"
        "101,2023年1月5日,42,2.0,85↑,<2,无,\n"
        "101,2023年3月5日,太小,1.8,未查,12,有,新发肝转移\n"
    )
    study = read(tmp_path, table)

    assert study.lesions.select("day", "lesion_id", "role", "diameter_mm", "status").rows() == [
        (0, "肝病灶", "target", 42.0, "measured"),
        (0, "T2", "target", 20.0, "measured"),
        (59, "肝病灶", "target", None, "too_small"),
        (59, "T2", "target", 18.0, "measured"),
        (59, "新病灶", "new", None, "present"),
    ]
    assert values(study) == [
        ("101", 0, "CEA", 85.0, "ng/mL"),
        ("101", 0, "CA 19-9", 2.0, "U/mL"),
        ("101", 59, "CA 19-9", 12.0, "U/mL"),
    ]


def test_units_and_limits_are_read_when_rows_differ(tmp_path: Path) -> None:
    # The shared case: mm and cm side by side, a column of units, day before month, limits.
    table = (
        "Patient,Scan date,Liver lesion (mm),Lung lesion (cm),CEA,CEA unit\n"
        "A1,03/04/2023,42,2.1,85,ng/mL\nA1,28/05/2023,31,1.6,<5,ng/mL\n"
        "A2,04/05/2023,33,1.5,<0.5,ng/mL\nA2,13/09/2023,28,1.1,12.5 H,ug/L\n"
    )
    study = read(tmp_path, table)

    assert sizes(study)[:4] == [
        ("A1", 0, "Liver lesion", 42.0),
        ("A1", 0, "Lung lesion", 21.0),
        ("A1", 55, "Liver lesion", 31.0),
        ("A1", 55, "Lung lesion", 16.0),
    ]
    assert study.markers.select("value", "censoring").rows() == [
        (85.0, "none"), (5.0, "left"), (0.5, "left"), (12.5, "none"),
    ]  # fmt: skip


def test_serials_of_excel_are_dates_when_the_column_is_called_so(tmp_path: Path) -> None:
    # 45020 is 2023-04-04 and 45062 is 2023-05-16, 42 days later.
    study = read(tmp_path, "ID,Date,Target1,PSA (ng/mL)\nP1,45020,42,85\nP1,45062,31,40\nP2,45020,30,3\n")

    assert [row[1] for row in sizes(study)] == [0, 42, 0]
    # Beside a date as yyyy-mm-dd, one of 1900 or of 1904 or a day beside it would show.
    started = read(
        tmp_path, "patient,start_date,Date,Target1\nP1,2023-04-03,45020,42\nP2,2023-04-03,45062,31\n"
    )
    assert [row[1] for row in sizes(started)] == [1, 43]


@pytest.mark.parametrize("cells", [("4.2", "3.0", "5.0"), ("15", "12", "3")])
def test_size_is_asked_without_a_proposal_when_it_may_be_in_cm(
    tmp_path: Path, cells: tuple[str, ...]
) -> None:
    table = f"patient,day,TL1\nA,0,{cells[0]}\nA,42,{cells[1]}\nB,0,{cells[2]}\n"

    assert open_keys(tmp_path, table) == ["lesions.TL{n}.unit"]
    study = read(tmp_path, table, {"lesions.TL{n}.unit": "cm"})
    assert sizes(study)[0][3] == float(cells[0]) * 10


def test_size_is_in_mm_when_one_is_above_15(tmp_path: Path) -> None:
    assert open_keys(tmp_path, "patient,day,TL1\nA,0,15.1\nA,42,12\nB,0,3\n") == []


@pytest.mark.parametrize(
    ("dates", "ways"),
    [
        (("01/02/2023", "03/04/2023"), ["rows.date_format"]),
        (("01/02/2023", "13/04/2023"), []),
        (("01.02.2023", "03.04.2023"), []),  # nobody writes the month first before a point
        (("20230102", "20230302"), []),
        (("05-Mär-2023", "01-Dez-2023"), []),
        (("01/02/23", "13/04/23"), ["rows.date_format"]),  # the year may come first
        (("01/12/98", "30/04/99"), []),
        (("2023-01-02", "13.04.2023"), []),  # two ways that cannot be taken for each other
        (("2023-01-02", "03/04/2023"), ["rows.date_format"]),
    ],
)
def test_order_of_dates_is_asked_when_the_cells_leave_it_open(
    tmp_path: Path, dates: tuple[str, str], ways: list[str]
) -> None:
    table = f"patient,visit_date,tl1_mm\nA,{dates[0]},30\nA,{dates[1]},25\nB,{dates[0]},30\n"

    assert open_keys(tmp_path, table) == ways


def test_order_of_dates_is_known_when_the_header_says_it(tmp_path: Path) -> None:
    table = "patient,Scan date (mm/dd/yyyy),tl1_mm\nA,01/02/2023,30\nA,03/04/2023,25\nB,01/02/2023,30\n"

    assert [row[1] for row in sizes(read(tmp_path, table))] == [0, 61, 0]


@pytest.mark.parametrize(
    "name",
    [
        "study_date",
        "Collection Date",
        "measurement_date",
        "Result Date",
        "scan_dt",
        "TRDTC",
        "ADT",
        "Datum",
        "检查日期",
    ],
)
def test_date_is_known_when_it_has_a_usual_name(tmp_path: Path, name: str) -> None:
    table = f"patient,{name},tl1_mm\nA,2023-01-02,30\nA,2023-02-13,25\nB,2023-01-02,30\n"

    assert [row[1] for row in sizes(read(tmp_path, table))] == [0, 42, 0]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("TIME", ("0", "42")), ("Days", ("0", "42")), ("ADY", ("0", "42")), ("Week", ("0", "6")),
        ("Woche", ("0", "6")), ("周", ("0", "6")), ("Visit", ("Baseline", "Week 6")), ("访视", ("基线", "第6周")),
    ],
)  # fmt: skip
def test_day_is_known_when_weeks_or_visits_say_it(tmp_path: Path, name: str, cells: tuple[str, str]) -> None:
    table = f"patient,{name},tl1_mm\nA,{cells[0]},30\nA,{cells[1]},25\nB,{cells[0]},30\n"

    assert [row[1] for row in sizes(read(tmp_path, table))] == [0, 42, 0]


def test_day_of_each_cycle_is_asked_when_nothing_else_says_when(tmp_path: Path) -> None:
    table = "patient,Cycle,tl1_mm\nA,1,30\nA,3,25\nB,1,30\n"

    assert open_keys(tmp_path, table) == ["rows.day.1", "rows.day.3"]
    study = read(tmp_path, table, {"rows.day.1": "0", "rows.day.3": "42"})
    assert [row[1] for row in sizes(study)] == [0, 42, 0]


@pytest.mark.parametrize(
    "name", ["Patient No", "person_id", "Case ID", "病历号", "住院号", "Pat.-Nr.", "MRN", "Subject"]
)
def test_patient_is_known_when_the_column_has_a_usual_name(tmp_path: Path, name: str) -> None:
    table = f"{name},day,tl1_mm\nA,0,30\nA,42,25\nB,0,30\n"

    assert read(tmp_path, table).patient_ids == ["A", "B"]


def test_study_is_not_the_patient_when_there_is_another_column(tmp_path: Path) -> None:
    study = read(tmp_path, "STUDYID,SUBJID,ADT,tl1_mm\nX,1,2023-01-02,50\nX,2,2023-01-02,30\n")

    assert study.patient_ids == ["1", "2"]


@pytest.mark.parametrize(("header", "proposed"), [("STUDYID", False), ("patient_id", True), ("id", True)])
def test_patient_is_asked_when_every_row_has_the_same(tmp_path: Path, header: str, *, proposed: bool) -> None:
    table = f"{header},visit_date,tl1_mm\nX,2023-01-02,50\nX,2023-02-13,30\n"
    found = guessed(tmp_path, table, yes=False)

    (question,) = found.open_questions
    assert question.key == "rows.patient_id"
    assert (question.proposal is not None) == proposed
    study, _ = in_one_go(tmp_path, table, "other.csv")
    assert (study is not None) == proposed


def test_patient_is_asked_in_one_go_too_when_its_days_come_twice(tmp_path: Path) -> None:
    study, problems = in_one_go(tmp_path, "patient_id,day,tl1_mm\nX,0,50\nX,0,31\nX,42,30\n")

    assert study is None
    assert any(problem.column == "rows.patient_id" for problem in problems)


def test_patient_is_asked_when_two_columns_may_name_it_or_it_numbers_the_rows(tmp_path: Path) -> None:
    two = "Subject,Case ID,day,tl1_mm\nA,1,0,50\nA,2,42,30\nB,2,0,20\nB,1,42,21\n"
    numbers = "id,day,tl1_mm\n1,0,50\n2,42,30\n3,0,20\n4,42,21\n"

    assert open_keys(tmp_path, two) == ["rows.patient_id"]
    assert open_keys(tmp_path, numbers) == ["rows.patient_id"]


def test_rows_that_disagree_stop_the_reading_when_they_are_of_one_patient_and_day(tmp_path: Path) -> None:
    found = guessed(
        tmp_path, "patient,visit_date,tl1_mm\nA,2023-01-02,81\nA,2023-01-02,60\nB,2023-01-02,20\n"
    )

    assert any("with other values" in problem.rule and problem.row == 3 for problem in found.problems)
    assert inspect(found.written)[0] is None


def test_marker_needs_a_no_in_words_when_its_column_holds_no_value(tmp_path: Path) -> None:
    table = "patient,day,tl1_mm,CEA (ng/mL)\nA,0,30,ND\nA,42,28,not done\nB,0,20,ND\n"

    assert open_keys(tmp_path, table) == ["unmapped.CEA (ng/mL)"]
    assert read(tmp_path, table, {"unmapped.CEA (ng/mL)": "no"}).markers.is_empty()


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Tumour extent cm", "3 to 4"),
        ("CA 15-3 old assay", "12"),
        ("Date of referral", "2023-01-02"),
        ("病灶大小", "见报告"),
    ],
)
def test_column_needs_a_no_in_words_when_it_looks_like_data(tmp_path: Path, name: str, cell: str) -> None:
    table = f"patient,day,tl1_mm,{name}\nA,0,30,{cell}\nA,42,28,{cell}\nB,0,20,{cell}\n"

    assert open_keys(tmp_path, table) == [f"unmapped.{name}"]


def test_column_is_read_when_an_answer_says_what_it_is(tmp_path: Path) -> None:
    table = "patient,day,RP,SLR\nA,0,30,2\nA,42,28,3\nB,0,20,4\n"
    study = read(tmp_path, table, {"unmapped.RP": "target mm", "unmapped.SLR": "CEA ng/mL"})

    assert sizes(study)[0] == ("A", 0, "RP", 30.0)
    assert values(study)[0] == ("A", 0, "CEA", 2.0, "ng/mL")


@pytest.mark.parametrize("name", ["Test Name", "Analyte", "检验项目", "Laborparameter"])
def test_tumour_markers_are_read_when_each_result_has_a_row(tmp_path: Path, name: str) -> None:
    table = (
        f"person_id,Collection Date,{name},Result,Units\n"
        "1,2023-01-05,CEA,85,ng/mL\n1,2023-01-05,Hemoglobin,12.1,g/dL\n1,2023-03-05,CEA,40 H,ng/mL\n"
        "2,2023-01-05,CA 19-9,99,U/mL\n2,2023-03-05,CA 19-9,<2,U/mL\n"
    )
    found = guessed(tmp_path, table)
    converted = mapped.convert(found.written)

    assert converted.study is not None
    assert [row[2:4] for row in values(converted.study)] == [
        ("CEA", 85.0), ("CEA", 40.0), ("CA 19-9", 99.0), ("CA 19-9", 2.0),
    ]  # fmt: skip
    assert "12.1" in converted.unmapped["value"].to_list()


def test_lesions_are_read_when_each_has_a_row_with_its_own_unit(tmp_path: Path) -> None:
    table = (
        "Case ID,Result Date,lesion_name,Lesion type,Organ,Size,Size unit\n"
        "1,2023-01-05,A,Target,liver,4.2,cm\n1,2023-01-05,B,Non-target,lung,11,mm\n1,2023-03-05,A,Target,liver,30,mm\n"
        "2,2023-01-05,A,Target,liver,50,mm\n"
    )
    study = read(tmp_path, table)

    assert study.lesions.select("lesion_id", "role", "site", "diameter_mm").rows() == [
        ("A", "target", "liver", 42.0), ("B", "non_target", "lung", 11.0), ("A", "target", "liver", 30.0),
        ("A", "target", "liver", 50.0),
    ]  # fmt: skip


def test_each_time_has_a_column_when_names_say_the_week(tmp_path: Path) -> None:
    table = "ID,SLD_BL,SLD_wk6,SLD_wk12,CEA_BL (ng/mL),CEA_wk6 (ng/mL)\nP1,102,80,61,5,4\nP2,90,95,120,7,8\n"
    study = read(tmp_path, table)

    assert sizes(study)[:3] == [
        ("P1", day, "sum of diameters", size) for day, size in ((0, 102), (42, 80), (84, 61))
    ]
    assert [row[1:4] for row in values(study)] == [
        (0, "CEA", 5),
        (42, "CEA", 4),
        (0, "CEA", 7),
        (42, "CEA", 8),
    ]


def test_change_in_percent_is_of_a_baseline_when_no_size_is_known(tmp_path: Path) -> None:
    table = "Patient,Day,% change{}\n1,42,-30{}\n1,84,-20{}\n2,0,0{}\n2,42,10%{}\n"
    plain = table.format(*[""] * 5)

    assert open_keys(tmp_path, plain) == ["lesions.percent_of"]
    as_it_is = read(tmp_path, plain, {"lesions.percent_of": "100"})
    # The baseline of the first patient has no row of its own: without one, day 42 would be taken for it.
    assert sizes(as_it_is)[:3] == [
        ("1", day, "sum of diameters", size) for day, size in ((0, 100), (42, 70), (84, 80))
    ]
    known = read(tmp_path, table.format(",Baseline SLD (mm)", ",80", ",80", ",50", ",50"))
    assert [row[3] for row in sizes(known)] == [80, 56, 64, 50, 55]


def test_change_in_percent_stops_when_the_day_of_its_baseline_is_not_known(tmp_path: Path) -> None:
    table = "Patient,Date,% change\n1,2023-02-03,-30\n1,2023-03-03,-20\n2,2023-02-03,0\n"
    found = guessed(tmp_path, table, {"lesions.percent_of": "100"})

    assert any("the baseline" in problem.rule and problem.severity == "error" for problem in found.problems)


@pytest.mark.parametrize("diameters", ["50 x 42", "42×50 mm", "5,0 x 4,2 cm", "50*42*30"])
def test_longest_diameter_is_read_when_a_cell_has_several(tmp_path: Path, diameters: str) -> None:
    study = read(
        tmp_path, f"patient;day;TL1 (mm);LN 2 (mm)\nA;0;{diameters};{diameters}\nA;42;30;12\nB;0;20;16\n"
    )

    shortest = 30.0 if "30" in diameters else 42.0
    assert [row[3] for row in sizes(study)[:2]] == [50.0, shortest]
    assert sum("several diameters" in problem.rule for problem in study.problems) == 2


@pytest.mark.parametrize(
    ("mark", "cells", "first"),
    [
        ("", ("1,250.5", "840"), 1250.5),
        (".", ("1,250", "840"), 1250.0),
        (",", ("1,250", "840"), 1.25),
    ],
)
def test_comma_is_asked_when_it_may_part_thousands(
    tmp_path: Path, mark: str, cells: tuple[str, str], first: float
) -> None:
    table = f'patient,day,CA 19-9 (U/mL)\nA,0,"{cells[0]}"\nA,42,{cells[1]}\nB,0,30\n'

    assert open_keys(tmp_path, table) == (["rows.decimal_mark"] if mark else [])
    answers = {"rows.decimal_mark": mark} if mark else {}
    assert values(read(tmp_path, table, answers))[0][3] == first


@pytest.mark.parametrize(
    "table",
    [
        "Ward 3,,,\nExport of May,,,\nPatient No,Visit Date,TL1 (mm),PSA (ng/mL)\n{}",
        "Patient No,Visit Date,TL1,PSA\n,,mm,ng/mL\n{}",
        ",,Target lesions (mm),Markers\nPatient,Date,1,PSA (ng/mL)\n{}",
    ],
)
def test_names_are_found_when_they_are_not_in_the_first_line_alone(tmp_path: Path, table: str) -> None:
    study = read(tmp_path, table.format("1,2023-01-02,42,12\n1,2023-02-13,30,6\n2,2023-01-02,41,13\n"))

    assert sizes(study) == [("1", 0, "T1", 42.0), ("1", 42, "T1", 30.0), ("2", 0, "T1", 41.0)]
    assert [row[3] for row in values(study)] == [12.0, 6.0, 13.0]


def test_dates_of_scans_and_samples_stay_apart_when_a_row_has_both(tmp_path: Path) -> None:
    table = (
        "Patient;CT-Datum;Labordatum;Zielläsion 1 (mm);CEA (ng/ml)\n"
        "1;02.01.2023;05.01.2023;50;12,5\n1;13.02.2023;14.02.2023;40;8\n2;02.01.2023;02.01.2023;50;7\n"
    )
    study = read(tmp_path, table)

    assert [row[1] for row in sizes(study)] == [0, 42, 0]
    assert [row[1] for row in values(study)] == [3, 43, 0]


def test_lesions_stay_apart_when_they_are_numbered_afresh_for_each_organ(tmp_path: Path) -> None:
    table = "patient,day,Liver 1 (mm),Lung 1 (mm)\nA,0,30,20\nA,42,28,18\n"
    study = read(tmp_path, table)

    assert study.lesions["lesion_id"].n_unique() == 2
    assert study.lesions.height == 4


def test_codes_are_known_when_the_dictionary_of_the_project_is_given(tmp_path: Path) -> None:
    table = (
        "record_id,redcap_repeat_instrument,redcap_repeat_instance,sex,c1d1_date,ct_date,les_no,les_role,les_mm,lab_date,"
        "lab1,newles\n1,,,1,2023-01-10,,,,,,,\n1,scans,1,,,2023-01-02,1,1,42,,,0\n1,scans,2,,,2023-01-02,2,2,20,,,0\n"
        "1,scans,3,,,2023-03-02,1,1,30,,,1\n1,labs,1,,,,,,,2023-01-03,85,\n2,,,2,2023-01-12,,,,,,,\n"
        "2,scans,1,,,2023-01-03,1,1,50,,,0\n"
    )
    (tmp_path / "t.csv").write_text(table)
    (tmp_path / "d.csv").write_text(
        '"Variable / Field Name","Field Type","Field Label","Choices, Calculations, OR Slider Labels"\n'
        'sex,radio,Sex,"1, Male | 2, Female"\nles_role,radio,Role,"1, Target | 2, Non-target"\n'
        'lab1,text,"CEA (ng/mL)",\nnewles,yesno,New lesion?,"0, No | 1, Yes"\n'
    )
    found = guess_mapping(tmp_path / "t.csv", dictionary=tmp_path / "d.csv")
    study, problems = inspect(found.written)

    assert not found.open_questions
    assert study is not None, problems
    assert study.patients["sex"].to_list() == ["male", "female"]
    assert study.lesions.select("patient_id", "day", "lesion_id", "role").rows() == [
        ("1", -8, "1", "target"), ("1", -8, "2", "non_target"), ("1", 51, "1", "target"), ("1", 51, "newles", "new"),
        ("2", -9, "1", "target"),
    ]  # fmt: skip
    assert values(study) == [("1", -7, "CEA", 85.0, "ng/mL")]


def test_lesion_is_one_when_each_time_has_its_own_column(tmp_path: Path) -> None:
    table = (
        "Subject,Baseline tumor size (cm),Week 8 tumor size (cm),Hilar mass wk8 (cm)\n1,4.2,3.1,2\n2,5,4,3\n"
    )
    study = read(tmp_path, table)

    assert sizes(study)[:3] == [
        ("1", 0, "tumor size", 42.0), ("1", 56, "tumor size", 31.0), ("1", 56, "hilar lesion", 20.0),
    ]  # fmt: skip


def test_column_of_one_time_is_read_when_an_answer_says_of_what(tmp_path: Path) -> None:
    table = "Subject,Baseline,Week 6\n1,100,80\n2,90,95\n"

    assert open_keys(tmp_path, table) == ["lesions", "unmapped.Baseline", "unmapped.Week 6"]
    answers = {"unmapped.Baseline": "sum mm", "unmapped.Week 6": "sum mm"}
    assert [row[1:] for row in sizes(read(tmp_path, table, answers))[:2]] == [
        (0, "sum of diameters", 100.0), (42, "sum of diameters", 80.0),
    ]  # fmt: skip


@pytest.mark.parametrize("cell", ["not visible", "s. Befund", "见报告"])
def test_text_among_numbers_is_kept_aside_only_when_an_answer_says_so(tmp_path: Path, cell: str) -> None:
    table = f"patient,day,tl1_mm\nA,0,30\nA,42,{cell}\nA,84,~25\nB,0,20\n"
    (question,) = guessed(tmp_path, table, yes=False).open_questions

    assert question.key == "rows.text_aside"
    assert cell not in question.text
    found = guessed(tmp_path, table)
    converted = mapped.convert(found.written)
    assert converted.study is not None
    assert [row[3] for row in sizes(converted.study)] == [30.0, 25.0, 20.0]
    assert converted.unmapped.select("row", "name", "value").rows() == [(3, "tl1_mm", cell)]
    assert any(problem.row == 3 and "no number" in problem.rule for problem in converted.problems)
    kept = guessed(tmp_path, table, {"rows.text_aside": "[]"})
    assert any(problem.severity == "error" and problem.row == 3 for problem in kept.problems)


def test_states_of_non_targets_are_read_when_a_column_has_them_in_words(tmp_path: Path) -> None:
    table = "patient,day,tl1_mm,Non-target lesions\nA,0,30,present\nA,42,28,non-CR/non-PD\nA,84,27,PD\n"
    study = read(tmp_path, table)

    assert study.lesions.filter(role="non_target")["status"].to_list() == [
        "present", "present", "unequivocal_progression",
    ]  # fmt: skip
    assert respond(study).responses["overall_response"].to_list()[-1] == "PD"


def test_day_is_read_and_the_date_left_when_a_table_has_both(tmp_path: Path) -> None:
    study = read(
        tmp_path, "patient,Date,Day,tl1_mm\nA,2023-01-02,0,30\nA,2023-02-13,42,28\nB,2023-01-02,0,30\n"
    )

    assert [row[1] for row in sizes(study)] == [0, 42, 0]
    assert any("1 column: Date" in problem.rule for problem in study.problems)


OPEN_TABLE = "Patient,Visit date,TL1,CEA\nA,01/02/2023,4.2,5\nA,03/04/2023,3.1,4\nB,01/02/2023,5,3\n"


def test_questions_are_named_with_their_option_when_a_table_is_read_in_one_go(tmp_path: Path) -> None:
    study, problems = in_one_go(tmp_path, OPEN_TABLE)

    assert study is None
    open_ones = {problem.column: problem.mend for problem in problems if problem.column}
    assert open_ones.keys() == {"rows.date_format", "lesions.TL{n}.unit", "markers.CEA.unit"}
    assert open_ones["markers.CEA.unit"] == "turnpoint map guess t.csv --answer markers.CEA.unit=ng/mL."
    assert any("turnpoint map guess t.csv" in problem.mend and problem.column is None for problem in problems)


def test_table_is_read_in_one_go_with_its_assumptions_when_nothing_is_open(tmp_path: Path) -> None:
    table = "Patient,Visit date,TL1 (mm),Hb\nA,2023-02-01,42,12\nA,2023-04-03,31,11\nB,2023-02-01,50,12\n"
    study, problems = in_one_go(tmp_path, table)

    assert study is not None
    assert sizes(study)[0] == ("A", 0, "T1", 42.0)
    said = " ".join(problem.rule for problem in problems)
    assert "a clinic's" in said
    assert "1 column: Hb" in said
    assert "day 0 is each patient's first date" in said


@pytest.mark.parametrize(
    ("name", "text", "is_table"),
    [
        (
            "lesions.csv",
            "patient_id,day,lesion_id,role,diameter_mm,status\nA,0,T1,target,30,measured\n",
            True,
        ),
        ("x.csv", "patient_id,day,lesion_id,role,diameter_mm,status\nA,0,T1,target,30,measured\n", True),
        ("lesions.csv", "patient_id,day,lesion_id,role,diameter_mm\nA,0,T1,target,30\n", True),
        ("patients.csv", "patient_id,start_date,tl1_mm\nA,2023-01-01,30\n", False),
        ("markers.csv", "Patient,Date,CEA (ng/mL)\nA,2023-01-01,30\n", False),
        ("x.csv", "patient_id,visit_date,start_date,PSA (ng/mL)\nA,2023-01-01,2023-01-01,30\n", False),
    ],
)
def test_table_of_the_study_folder_is_left_to_its_reader_when_it_is_one(
    tmp_path: Path, name: str, text: str, *, is_table: bool
) -> None:
    (tmp_path / name).write_text(text)

    assert mapped.recognises_table(tmp_path / name) != is_table


NAMES = st.lists(
    st.sampled_from(["TL1 (mm)", "TL2 (cm)", "CEA (ng/mL)", "LDH", "Hb", "Comments", "XYZ", "new_lesion"]),
    min_size=1,
    max_size=5,
    unique=True,
)
CELL = st.sampled_from(
    ["", "30", "42.5", "<5", "> 1000", "ND", "12.5 H", "too small", "abc", "NA", "0", "-9", "999", "1"]
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header and some rows, whatever the cells."""
    names = draw(NAMES)
    rows = draw(st.lists(st.lists(CELL, min_size=len(names), max_size=len(names)), min_size=1, max_size=6))
    times = [
        [draw(st.sampled_from(["A", "B", ""])), draw(st.sampled_from([f"2023-0{place + 1}-02", ""]))]
        for place in range(len(rows))
    ]
    return [["Patient", "Date", *names], *([*time, *row] for time, row in zip(times, rows, strict=True))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), yes=st.booleans())
def test_every_cell_is_used_kept_aside_or_an_error_when_the_table_is_anything(
    tmp_path: Path, table: list[list[str]], *, yes: bool
) -> None:
    text = "".join(",".join(row) + "\n" for row in table)
    found = guessed(tmp_path, text, yes=yes)
    told = {one.key: "ignore" for one in found.open_questions if one.key.startswith("unmapped.")}
    told |= {
        one.key: "[]"
        for one in found.open_questions
        if one.key.startswith(("codes.", "rows.missing", "rows.text", "words."))
    }
    found = guessed(tmp_path, text, told, yes=yes)
    if found.open_questions:
        return
    converted = mapped.convert(found.written)
    if converted.study is None:
        assert any(problem.severity == "error" for problem in converted.problems)
        return
    used = {
        (row, f"TL{lesion[1:]}")
        for row, lesion in converted.study.lesions.select("source_row", "lesion_id").rows()
    }
    used |= set(converted.study.markers.select("source_row", "marker").rows())
    aside = set(converted.unmapped.select("row", "name").rows())
    repeated = {problem.row for problem in converted.problems if "repeats an earlier" in problem.rule}
    counted = {name for problem in converted.problems for name in table[0] if name in problem.rule}
    for line, row in enumerate(table[1:], start=2):
        for name, cell in zip(table[0][2:], row[2:], strict=True):
            if cell in ("", "NA"):
                continue
            if (line, name) in aside:
                coded = any(problem.column == name for problem in converted.problems)
                assert name in counted or coded or any("not read" in one.rule for one in converted.problems)
            elif name == "new_lesion" and cell in ("0", "-9", "NA"):
                continue  # says that there is none, or nothing
            else:
                at = {(line, name.split(" (")[0]), (line, "TLew_lesion" if name == "new_lesion" else name)}
                assert at & used or line in repeated, (line, name, cell)
