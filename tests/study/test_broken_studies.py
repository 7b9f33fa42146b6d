"""A good study broken in one way at a time gives exactly that problem: where, value, rule, severity."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from turnpoint.study.reading import inspect

Files = dict[str, str]
# severity, file, row, column, value, start of the rule
Expected = tuple[str, str, int | None, str | None, str | None, str]


def cell(file: str, row: int, **values: str) -> Callable[[Files], None]:
    """Put other values into a row (the header is row 1)."""

    def break_it(files: Files) -> None:
        lines = files[file].splitlines()
        header = lines[0].split(",")
        cells = lines[row - 1].split(",")
        for column, value in values.items():
            cells[header.index(column)] = value
        lines[row - 1] = ",".join(cells)
        files[file] = "\n".join(lines) + "\n"

    return break_it


def added(file: str, *rows: str) -> Callable[[Files], None]:
    """Add rows at the end."""

    def break_it(files: Files) -> None:
        files[file] += "".join(f"{row}\n" for row in rows)

    return break_it


def without_row(file: str, row: int) -> Callable[[Files], None]:
    """Leave out a row."""

    def break_it(files: Files) -> None:
        lines = files[file].splitlines(keepends=True)
        del lines[row - 1]
        files[file] = "".join(lines)

    return break_it


def header(file: str, old: str, new: str) -> Callable[[Files], None]:
    """Rename a column."""

    def break_it(files: Files) -> None:
        first, rest = files[file].split("\n", 1)
        files[file] = first.replace(old, new) + "\n" + rest

    return break_it


def without_file(file: str) -> Callable[[Files], None]:
    """Leave out a file."""

    def break_it(files: Files) -> None:
        del files[file]

    return break_it


L, M, D, E, P = "lesions.csv", "markers.csv", "doses.csv", "events.csv", "patients.csv"

CASES: dict[str, tuple[list[Callable[[Files], None]], list[Expected]]] = {
    # Cells that cannot be read
    "diameter is text": (
        [cell(L, 5, diameter_mm="30 mm")],
        [("error", L, 5, "diameter_mm", "30 mm", "not a number")],
    ),
    "diameter with a thousands separator": (
        [cell(L, 5, diameter_mm="30.000.0")],
        [("error", L, 5, "diameter_mm", "30.000.0", "not a number")],
    ),
    "day has decimals": ([cell(L, 5, day="42.5")], [("error", L, 5, "day", "42.5", "not a whole number")]),
    "day is a word": ([cell(L, 5, day="week 6")], [("error", L, 5, "day", "week 6", "not a number")]),
    "status is unknown": (
        [cell(L, 5, status="measurable")],
        [("error", L, 5, "status", "measurable", "not an allowed value")],
    ),
    "role is unknown": (
        [cell(L, 4, role="index")],
        [("error", L, 4, "role", "index", "not an allowed value")],
    ),
    "node is unknown": (
        [cell(L, 4, node="perhaps")],
        [("error", L, 4, "node", "perhaps", "not true or false")],
    ),
    "sex is unknown": ([cell(P, 2, sex="2")], [("error", P, 2, "sex", "2", "not an allowed value")]),
    "marker value is text": (
        [cell(M, 3, value="pending")],
        [("error", M, 3, "value", "pending", "not a number")],
    ),
    "start date has no day": (
        [cell(P, 2, start_date="2024-01")],
        [("error", P, 2, "start_date", "2024-01", "only part of a date")],
    ),
    "start date is day first": (
        [cell(P, 2, start_date="03/05/2024")],
        [("error", P, 2, "start_date", "03/05/2024", "not a date as yyyy-mm-dd")],
    ),
    "start date does not exist": (
        [cell(P, 2, start_date="2023-02-29")],
        [("error", P, 2, "start_date", "2023-02-29", "no such day in the calendar")],
    ),
    "start date is a day number of Excel": (
        [cell(P, 2, start_date="45301")],
        [("error", P, 2, "start_date", "45301", "a day number of Excel")],
    ),
    # Cells that are empty
    "patient is empty": (
        [cell(M, 3, patient_id="")],
        [("error", M, 3, "patient_id", None, "the cell is empty")],
    ),
    "lesion is empty": (
        [cell(L, 4, lesion_id="NA")],
        [("error", L, 4, "lesion_id", None, "the cell is empty")],
    ),
    "status is empty": ([cell(L, 4, status=".")], [("error", L, 4, "status", None, "the cell is empty")]),
    "day is empty": (
        [cell(L, 4, day="N/A")],
        [("error", L, 4, None, None, "the row has neither a day nor a date")],
    ),
    "unit is empty": ([cell(M, 3, unit="")], [("error", M, 3, "unit", None, "the cell is empty")]),
    "grade is empty": ([cell(E, 2, grade="")], [("error", E, 2, "grade", None, "the cell is empty")]),
    # Ranges
    "diameter is negative": (
        [cell(L, 5, diameter_mm="-4.0")],
        [("error", L, 5, "diameter_mm", "-4.0", "below 0 mm")],
    ),
    "diameter is two metres": (
        [cell(L, 8, diameter_mm="2000")],
        [("error", L, 8, "diameter_mm", "2000", "above 500 mm")],
    ),
    "diameter is 500.1 mm": (
        [cell(L, 8, diameter_mm="500.1")],
        [("error", L, 8, "diameter_mm", "500.1", "above 500 mm")],
    ),
    "diameter is 500 mm": (
        [cell(L, 8, diameter_mm="500")],
        [("warning", L, 8, "diameter_mm", "500", "above 300 mm, which is rare")],
    ),
    "PSA is negative": ([cell(M, 5, value="-3")], [("error", M, 5, "value", "-3", "below 0")]),
    "grade is 6": ([cell(E, 2, grade="6")], [("error", E, 2, "grade", "6", "above 5")]),
    "grade is 0": ([cell(E, 2, grade="0")], [("error", E, 2, "grade", "0", "below 1")]),
    "birth year has two digits": (
        [cell(P, 2, birth_year="50")],
        [("error", P, 2, "birth_year", "50", "below 1880")],
    ),
    "born after the start": (
        [cell(P, 2, birth_year="2025")],
        [("warning", P, 2, "birth_year", "2025", "the age at start_date would be below 0")],
    ),
    "day is 21 years on": (
        [cell(M, 6, day="7306")],
        [("warning", M, 6, "day", "7306", "above 7305 days")],
    ),
    "day is long before the start": (
        [cell(M, 2, day="-121")],
        [("warning", M, 2, "day", "-121", "below -120 days, which is rare")],
    ),
    "dose is negative": ([cell(D, 2, dose="-75")], [("error", D, 2, "dose", "-75", "below 0")]),
    # Lesions that contradict themselves
    "measured without a diameter": (
        [cell(L, 8, diameter_mm="")],
        [("error", L, 8, "status", "measured", "measured, but there is no diameter_mm")],
    ),
    "measured as 0": (
        [cell(L, 5, diameter_mm="0")],
        [("error", L, 5, "diameter_mm", "0", "0 mm is no measurement")],
    ),
    "absent with a diameter": (
        [cell(L, 5, status="absent")],
        [("error", L, 5, "diameter_mm", "30", "an absent lesion has no diameter")],
    ),
    "too small at 10 mm": (
        [cell(L, 9, diameter_mm="10")],
        [("error", L, 9, "diameter_mm", "10", "too_small means less than 5 mm")],
    ),
    "too small at 9.9 mm": (
        [cell(L, 9, diameter_mm="9.9")],
        [
            (
                "warning",
                L,
                9,
                "diameter_mm",
                "9.9",
                "too_small means less than 5 mm, yet the sum counts the diameter given",
            )
        ],
    ),
    "not evaluable with a diameter": (
        [cell(L, 5, status="NE")],
        [
            (
                "warning",
                L,
                5,
                "diameter_mm",
                "30",
                "the diameter of a lesion that is not_evaluable is not used",
            )
        ],
    ),
    "target in unequivocal progression": (
        [cell(L, 5, status="unequivocal_progression")],
        [("error", L, 5, "status", "unequivocal_progression", "a target lesion is measured")],
    ),
    "target becomes non-target": (
        [cell(L, 5, role="non_target")],
        [
            ("error", L, 5, "role", "non_target", "differs from an earlier row of the same lesion"),
            ("warning", L, 6, "lesion_id", "T1", "this target lesion has no row at the visit"),
        ],
    ),
    "node flag changes": (
        [cell(L, 6, node="false")],
        [("error", L, 6, "node", "false", "differs from an earlier row of the same lesion")],
    ),
    "site changes": (
        [cell(L, 5, site="lung")],
        [("warning", L, 5, "site", "lung", "differs from an earlier row of the same lesion")],
    ),
    "lymph node that is no node": (
        [cell(L, 3, node=""), cell(L, 6, node="")],
        [("warning", L, 3, "site", "lymph node", "the site is a lymph node, but node is not true")],
    ),
    # Courses
    "target missing at a visit": (
        [without_row(L, 6)],
        [("warning", L, 5, "lesion_id", "N1", "this target lesion has no row at the visit")],
    ),
    "baseline missing": (
        [without_row(L, 8), cell(L, 8, status="measured", diameter_mm="50")],
        [("warning", L, 8, "day", "44", "no target lesion was assessed up to day 14")],
    ),
    "two baselines": (
        [added(L, "P002,-20,T1,target,lung,false,51,measured,CT,")],
        [("warning", L, 12, "day", "-20", "target lesions were assessed on several days up to day 0")],
    ),
    "target lesion of 9 mm": (
        [cell(L, 8, diameter_mm="9")],
        [("warning", L, 8, "diameter_mm", "9", "a target lesion has a diameter of at least 10 mm")],
    ),
    "target node of 14 mm": (
        [cell(L, 3, diameter_mm="14")],
        [("warning", L, 3, "diameter_mm", "14", "a target node has a short axis of at least 15 mm")],
    ),
    "target absent at baseline": (
        [cell(L, 8, diameter_mm="", status="absent")],
        [("warning", L, 8, "status", "absent", "a target lesion is measured at baseline")],
    ),
    "target appears late": (
        [added(L, "P002,84,T2,target,lung,false,20,measured,CT,")],
        [("warning", L, 12, "lesion_id", "T2", "a target lesion that appears after baseline")],
    ),
    "death before it could be": (
        [header("patients.csv", "line", "death_day"), cell("patients.csv", 3, death_day="-4")],
        [("warning", "patients.csv", 3, "death_day", "-4", "below 0 days")],
    ),
    "death on two different days": (
        [
            header("patients.csv", "line", "death_day,death_date"),
            cell("patients.csv", 2, death_day="2,2024-01-13"),
            cell("patients.csv", 3, death_day="1,2024-02-02"),
        ],
        [("error", "patients.csv", 2, "death_day", "2", "death_day and death_date contradict each other")],
    ),
    "alive after death": (
        [
            header("patients.csv", "line", "death_day,last_alive_day"),
            cell("patients.csv", 2, death_day="90,91"),
            cell("patients.csv", 3, death_day="90,90"),
        ],
        [
            (
                "error",
                "patients.csv",
                2,
                "last_alive_day",
                "91",
                "the patient is known to be alive after the day of death",
            )
        ],
    ),
    "last seen alive on two different days": (
        [
            header("patients.csv", "line", "last_alive_day,last_alive_date"),
            cell("patients.csv", 2, last_alive_day="2,2024-01-13"),
            cell("patients.csv", 3, last_alive_day="1,2024-02-02"),
        ],
        [
            (
                "error",
                "patients.csv",
                2,
                "last_alive_day",
                "2",
                "last_alive_day and last_alive_date contradict each other",
            )
        ],
    ),
    "last seen alive before the start": (
        [header("patients.csv", "line", "last_alive_day"), cell("patients.csv", 3, last_alive_day="-1")],
        [("warning", "patients.csv", 3, "last_alive_day", "-1", "below 0 days")],
    ),
    "piece of a lesion that was never there": (
        [added(L, "P002,84,T9.1,target,lung,false,20,measured,CT,")],
        [("warning", L, 12, "lesion_id", "T9.1", "a target lesion that appears after baseline")],
    ),
    "new lesion at baseline": (
        [added(L, "P002,0,W2,new,lung,false,20,measured,CT,")],
        [("warning", L, 12, "role", "new", "a lesion seen at or before baseline is not new")],
    ),
    "six target lesions": (
        [
            added(
                L,
                *(
                    f"P002,{day},T{n},target,lung,false,20,measured,CT,"
                    for day in (0, 44, 84)
                    for n in range(2, 7)
                ),
            )
        ],
        [("warning", L, 8, None, None, "the patient has more than 5 target lesions")],
    ),
    "decimal point slipped": (
        [cell(L, 9, diameter_mm="4.9", status="measured"), cell(L, 10, diameter_mm="48")],
        [("warning", L, 9, "diameter_mm", "4.9", "5 times above or below both")],
    ),
    # Duplicates
    "lesion row repeated": (
        [added(L, "P002,44,T1,target,lung,false,,too_small,CT,")],
        [("warning", L, 12, None, None, "the row repeats an earlier one")],
    ),
    "lesion measured twice": (
        [added(L, "P002,44,T1,target,lung,false,7,measured,CT,")],
        [("error", L, 12, None, None, "a second row for the same patient, day, lesion, reader")],
    ),
    "marker repeated under another name and unit": (
        [added(M, "P001,21,2039-6,8.1,ug/L,5.0,")],
        [("warning", M, 7, None, None, "the row repeats an earlier one")],
    ),
    "marker measured twice": (
        [added(M, "P001,21,cea,8.2,ng/mL,5.0,")],
        [
            (
                "warning",
                M,
                3,
                "value",
                "8.1",
                "several values of one marker on one day; the last of them is read",
            )
        ],
    ),
    "dose repeated": (
        [added(D, "P001,21,docetaxel,75,mg/m2,given,2")],
        [("warning", D, 6, None, None, "the row repeats an earlier one, and both count")],
    ),
    "patient listed twice": (
        [added(P, "P002,docetaxel,NSCLC,male,1962,2024-02-01,1")],
        [("error", P, 4, None, None, "a second row for the same patient")],
    ),
    # Markers
    "marker unknown": (
        [cell(M, 5, marker="PZA", day="1")],
        [("warning", M, 5, "marker", "PZA", "not a marker that Turnpoint knows")],
    ),
    "unit unknown": (
        [cell(M, 3, unit="ng")],
        [("error", M, 3, "unit", "ng", "not a unit that Turnpoint knows")],
    ),
    "unit of another quantity": (
        [cell(M, 3, unit="U/mL")],
        [("error", M, 3, "unit", "U/mL", "cannot be converted into ng/mL, the unit of CEA")],
    ),
    "marker is 0": (
        [cell(M, 3, value="0")],
        [("warning", M, 3, "value", "0", "0 is below the assay's limit; read as <0.5 ng/mL")],
    ),
    "the only value is 0": (
        [cell(M, 5, value="0"), without_row(M, 6)],
        [("warning", M, 5, "value", "0", "0 is below the assay's limit; read as <0.1 ng/mL")],
    ),
    "the first value of an unknown marker is 0": (
        [added(M, "P002,60,XYZ,0,ng/mL,,")],
        [
            ("warning", M, 7, "marker", "XYZ", "not a marker that Turnpoint knows"),
            ("error", M, 7, "value", "0", "0 is below some limit"),
        ],
    ),
    "below 0": ([cell(M, 4, value="<0")], [("error", M, 4, "value", "<0", "a limit of 0 says nothing")]),
    "upper limit of 0": (
        [cell(M, 4, upper_limit="0")],
        [("error", M, 4, "upper_limit", "0", "0 is no upper limit")],
    ),
    "PSA in pg taken for ng": (
        [added(M, "P002,60,PSA,80,ng/mL,4,"), cell(M, 6, value="90000")],
        [("warning", M, 6, "value", "90000", "100 times above or below both")],
    ),
    "PSA above all that is known": (
        [cell(M, 5, value="100001"), cell(M, 6, value="80000")],
        [("warning", M, 5, "value", "100001", "higher than PSA is ever reported")],
    ),
    # Doses and events
    "dose without unit": ([cell(D, 2, unit="")], [("warning", D, 2, "dose", "75", "the dose has no unit")]),
    "dose of 0 given": (
        [cell(D, 2, dose="0")],
        [("warning", D, 2, "dose", "0", "a dose of 0 was not given")],
    ),
    "stop without start": (
        [without_row(D, 4)],
        [("warning", D, 4, "action", "stop", "the drug stops without having been started")],
    ),
    "start after start": (
        [cell(D, 5, action="start")],
        [("warning", D, 5, "action", "start", "the drug starts while it is being taken")],
    ),
    "event ends before it begins": (
        [cell(E, 2, end_day="6")],
        [("warning", E, 2, "end_day", "6", "the event ends before it begins")],
    ),
    # Tables
    "patient not listed": (
        [cell(M, 5, patient_id="P003"), cell(M, 6, patient_id="P003")],
        [("error", M, 5, "patient_id", None, "the patient is not in patients")],
    ),
    "patient without observations": (
        [added(P, "P009,docetaxel,NSCLC,male,1962,2024-02-01,1")],
        [("warning", P, 4, "patient_id", None, "the patient has no lesion and no marker")],
    ),
    "column missing": (
        [header(L, ",role,", ",part,")],
        [("error", L, None, "role", None, "the column is missing")],
    ),
    "no column of time": (
        [header(L, ",day,", ",when,")],
        [("error", L, None, None, None, "there is neither a day nor a date column")],
    ),
    "column twice": (
        [header(M, "assay", "Value")],
        [("error", M, None, "value", None, "columns 4 and 7 have the same name")],
    ),
    "too many cells": (
        [added(M, "P002,60,PSA,1,234,ng/mL,4,")],
        [("error", M, 7, None, None, "the row has 8 cells, the header has 7")],
    ),
    "too few cells": (
        [added(M, "P002,60,PSA,12")],
        [("error", M, 7, None, None, "the row has 4 cells, the header has 7")],
    ),
    "neither lesions nor markers": (
        [without_file(L), without_file(M)],
        [("error", "study", None, None, None, "there is neither a lesion nor a marker")],
    ),
}


def test_the_good_study_has_no_problem(good, study_folder):
    study, problems = inspect(study_folder(good))
    assert problems == ()
    assert study is not None


@pytest.mark.parametrize("case", CASES)
def test_a_broken_study_gives_exactly_the_problem_it_was_given(case, good, study_folder):
    breaks, expected = CASES[case]
    for break_it in breaks:
        break_it(good)
    study, problems = inspect(study_folder(good))
    found = [(p.severity, p.file, p.row, p.column, p.value) for p in problems]
    assert found == [problem[:5] for problem in expected], [str(problem) for problem in problems]
    for problem, (*_, rule) in zip(problems, expected, strict=True):
        assert problem.rule.startswith(rule)
        assert problem.mend.endswith((".", "?"))
        assert "P00" not in str(problem), "a message names a patient"
    assert (study is None) == any(problem[0] == "error" for problem in expected)


def test_pieces_of_a_split_lesion_are_no_problem_and_need_no_row_of_the_whole(good, study_folder):
    without_row("lesions.csv", 10)(good)
    added("lesions.csv", *(f"P002,84,T1.{n},target,lung,false,9,measured,CT," for n in (1, 2)))(good)
    study, problems = inspect(study_folder(good))
    assert (study is not None, problems) == (True, ())
