"""A wide table read by its mapping."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnpoint.formats import mapped
from turnpoint.formats.mapped.document import declared, parsed
from turnpoint.study.findings import Findings
from turnpoint.study.reading import read_frames
from turnpoint.workflows import opening

HEAD = 'format = "turnpoint mapping 1"\nfile = "t.csv"\n'
ROWS = '[rows]\npatient_id = "id"\nday = "day"\n'
LESIONS = (
    "[[lesions]]\nn = [1, 2]\nlesion_id = { is = 'T{n}' }\nrole = { is = 'target' }\ndiameter_mm = 'l{n}'\n"
)
CEA = "[[markers]]\nmarker = { is = 'CEA' }\nvalue = 'cea'\nunit = { is = 'ng/mL' }\n"


def written(folder: Path, table: str, mapping: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(table, encoding="utf-8")
    place = folder / "t.mapping.toml"
    place.write_text(mapping, encoding="utf-8")
    return place


def sizes(place: Path) -> list[tuple[object, ...]]:
    study, problems = mapped.inspect(place)
    assert study is not None, [str(problem) for problem in problems]
    return study.lesions.select("patient_id", "day", "lesion_id", "diameter_mm", "status").rows()


def errors(place: Path) -> list[str]:
    study, problems = mapped.inspect(place)
    assert study is None
    return [str(problem) for problem in problems if problem.severity == "error"]


def test_columns_become_lesions_when_a_number_is_in_their_names(tmp_path: Path) -> None:
    place = written(tmp_path, "id,day,l1,l2\nA,0,30,12\nA,42,25,\n", HEAD + ROWS + LESIONS)

    assert sizes(place) == [
        ("A", 0, "T1", 30.0, "measured"),
        ("A", 0, "T2", 12.0, "measured"),
        ("A", 42, "T1", 25.0, "measured"),
    ]


@pytest.mark.parametrize("given_path", ["t.mapping.toml", "t.csv", "."])
def test_study_is_recognised_when_mapping_table_or_folder_is_named(tmp_path: Path, given_path: str) -> None:
    written(tmp_path, "id,day,l1,l2\nA,0,30,12\n", HEAD + ROWS + LESIONS)

    assert mapped.recognises(tmp_path / given_path)
    assert mapped.inspect(tmp_path / given_path)[0] is not None


def test_other_toml_is_not_recognised_when_it_does_not_say_so(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text("[trial]\npatients = 100\n")

    assert not mapped.recognises(tmp_path / "trial.toml")
    assert not mapped.recognises(tmp_path)
    assert not mapped.recognises(tmp_path / "missing.csv")


def test_cells_are_states_when_words_say_so(tmp_path: Path) -> None:
    words = "[words]\ntoo_small = ['too small']\nabsent = ['0']\nnot_evaluable = ['NE']\n"
    place = written(
        tmp_path, "id,day,l1,l2\nA,0,30,12\nA,42,Too Small,0\nA,84,ne,8\n", HEAD + ROWS + words + LESIONS
    )

    assert [row[3:] for row in sizes(place)[2:]] == [
        (None, "too_small"),
        (None, "absent"),
        (None, "not_evaluable"),
        (8.0, "measured"),
    ]


def test_centimetres_and_decimal_commas_become_mm_when_the_mapping_says_so(tmp_path: Path) -> None:
    mapping = (
        HEAD + ROWS + "decimal_mark = ','\n" + LESIONS.replace("'l{n}'", "{ column = 'l{n}', unit = 'cm' }")
    )
    place = written(tmp_path, "id;day;l1;l2\nA;0;1,1;2,3\n", mapping)

    assert [row[3] for row in sizes(place)] == [11.0, 23.0]


def test_point_is_an_error_when_the_mark_is_a_comma(tmp_path: Path) -> None:
    place = written(tmp_path, "id;day;l1;l2\nA;0;1.100;2,3\n", HEAD + ROWS + "decimal_mark = ','\n" + LESIONS)

    assert any("l1=1.100" in error and "decimal_mark" in error for error in errors(place))


def test_codes_mean_nothing_known_but_not_in_patients_when_declared_missing(tmp_path: Path) -> None:
    place = written(tmp_path, "id,day,l1,l2\n999,0,30,999\n", HEAD + ROWS + "missing = [999]\n" + LESIONS)

    assert sizes(place) == [("999", 0, "T1", 30.0, "measured")]
    unmapped = mapped.convert(place).unmapped
    assert unmapped.select("patient_id", "name", "value").rows() == [("999", "l2", "999")]


@pytest.mark.parametrize(
    ("written_as", "cell"),
    [
        ("dd/mm/yyyy", "5/3/2024"),
        ("mm/dd/yyyy", "03/05/2024"),
        ("dd.mm.yyyy", "05.03.2024"),
        ("dd-mmm-yyyy", "05-Mar-2024"),
    ],
)
def test_dates_become_days_when_their_format_is_declared(tmp_path: Path, written_as: str, cell: str) -> None:
    rows = f'[rows]\npatient_id = "id"\ndate = "day"\ndate_format = "{written_as}"\n[patients]\nstart_date = "start"\n'
    start = dt.date(2024, 3, 1).isoformat()
    place = written(tmp_path, f"id,day,start,l1,l2\nA,{cell},{start},30,12\n", HEAD + rows + LESIONS)

    assert sizes(place)[0][1] == 4


def test_first_date_is_day_zero_when_the_mapping_says_so(tmp_path: Path) -> None:
    rows = '[rows]\npatient_id = "id"\ndate = "day"\nday_zero = "first_date"\n'
    place = written(tmp_path, "id,day,l1,l2\nA,2024-02-11,28,\nA,2024-01-01,30,12\n", HEAD + rows + LESIONS)

    assert [row[1] for row in sizes(place)] == [0, 0, 41]


def test_events_of_redcap_become_days_when_values_say_which(tmp_path: Path) -> None:
    rows = '[rows]\npatient_id = "id"\nday = { column = "event", values = { baseline_arm_1 = 0, week_6_arm_1 = 42 } }\n'
    table = "id,event,l1,l2\nA,baseline_arm_1,30,12\nA,week_6_arm_1,28,11\n"
    place = written(tmp_path, table, HEAD + rows + LESIONS)

    assert [row[1] for row in sizes(place)] == [0, 0, 42, 42]


def test_only_rows_of_an_instrument_are_read_when_only_says_so(tmp_path: Path) -> None:
    table = "id,day,redcap_repeat_instrument,cea\nA,0,labs,5\nA,7,other,9\n"
    place = written(tmp_path, table, HEAD + ROWS + CEA + "only = { redcap_repeat_instrument = 'labs' }\n")

    found = mapped.convert(place)

    assert found.study is not None
    assert found.study.markers["value"].to_list() == [5.0]
    assert found.unmapped.select("row", "value").rows() == [(3, "9")]
    assert any("no block of the mapping reads the row" in problem.rule for problem in found.problems)


def test_checkboxes_become_one_text_when_several_are_ticked(tmp_path: Path) -> None:
    site = "site = { checkboxes = { site___1 = 'liver', site___2 = 'lung' } }\n"
    table = "id,day,l1,l2,site___1,site___2\nA,0,30,,1,1\nB,0,20,,0,1\nC,0,10,,0,0\n"
    place = written(tmp_path, table, HEAD + ROWS + LESIONS + site)

    study, _ = mapped.inspect(place)

    assert study is not None
    assert study.lesions["site"].to_list() == ["liver, lung", "lung", None]


def test_rows_without_patient_or_time_are_counted_and_kept_when_left_out(tmp_path: Path) -> None:
    place = written(tmp_path, "id,day,l1,l2\nA,0,30,12\n,42,25,11\nA,,24,10\n", HEAD + ROWS + LESIONS)

    found = mapped.convert(place)

    assert found.study is not None
    assert found.study.lesions.height == 2
    said = {problem.rule for problem in found.problems}
    assert "1 row is not read: the row has no patient" in said
    assert "1 row is not read: the row has neither a day nor a date" in said
    assert {"25", "11", "24", "10"} <= set(found.unmapped["value"].to_list())


def test_patient_above_counts_when_fill_down_says_so(tmp_path: Path) -> None:
    place = written(
        tmp_path, "id,day,l1,l2\nA,0,30,12\n,42,25,11\n", HEAD + ROWS + "fill_down = ['id']\n" + LESIONS
    )

    assert [row[0] for row in sizes(place)] == ["A"] * 4


def test_unmapped_columns_are_named_and_kept_unless_dropped_when_read(tmp_path: Path) -> None:
    table = "id,day,l1,l2,hgb,name\nA,0,30,12,13,Jane\n"
    place = written(tmp_path, table, HEAD + ROWS + LESIONS + "[unmapped]\nname = 'drop'\n")

    found = mapped.convert(place)

    assert found.unmapped.select("name", "value").rows() == [("hgb", "13")]
    assert any("hgb" in problem.rule for problem in found.problems)
    assert not any("Jane" in str(problem) for problem in found.problems)


def test_problem_names_line_and_column_of_the_table_when_a_cell_is_wrong(tmp_path: Path) -> None:
    place = written(tmp_path, "id,day,l1,l2\nA,0,30,12\nA,42,x1,11\n", HEAD + ROWS + LESIONS)

    assert any(error.startswith("t.csv row 3, l1=x1: not a number") for error in errors(place))


def test_patient_is_an_error_when_rows_contradict_each_other(tmp_path: Path) -> None:
    table = "id,day,l1,l2,sex\nA,0,30,12,male\nA,42,25,11,female\n"
    place = written(tmp_path, table, HEAD + ROWS + "[patients]\nsex = 'sex'\n" + LESIONS)

    assert any("row 3, sex=female" in error for error in errors(place))


def test_every_mistake_of_a_mapping_is_told_at_once_when_it_has_several(tmp_path: Path) -> None:
    mapping = (
        HEAD
        + "wrong = 1\n[rows]\npatient_id = '?'\ndate = 'day'\ndecimal_mark = ';'\ndate_format = 'yy'\n"
        + "[[lesions]]\nlesion_id = { is = 'T' }\nrole = 5\ndiameter_mm = { column = 'l1', unit = 'inch' }\n"
        + "[[markers]]\nvalue = 'cea{n}'\nunit = { is = 'ng/mL' }\nassay = { is = '?' }\n[unmapped]\nhgb = '?'\n"
    )
    found = "\n".join(errors(written(tmp_path, "id,day,l1\nA,0,3\n", mapping)))

    for key in (
        "wrong", "rows.patient_id", "rows.decimal_mark", "rows.date_format", "rows.day_zero", "lesions[1].role",
        "lesions[1].diameter_mm.unit", "markers[1].marker", "markers[1].n", "markers[1].assay", "unmapped.hgb",
    ):  # fmt: skip
        assert f", {key}" in found, key


def test_unknown_column_is_told_with_the_nearest_when_the_table_lacks_it(tmp_path: Path) -> None:
    mapping = HEAD + ROWS + LESIONS.replace("'l{n}'", "'lesion{n}_sise'")
    found = errors(written(tmp_path, "id,day,lesion1_size,lesion2_size\nA,0,30,12\n", mapping))

    assert len(found) == 2
    assert "lesion1_sise" in found[0]
    assert "Is lesion1_size meant?" in found[0]


@pytest.mark.parametrize("file", ["../t.csv", "/etc/passwd", "none.csv"])
def test_table_is_refused_when_it_is_not_beside_the_mapping(tmp_path: Path, file: str) -> None:
    place = written(tmp_path, "id,day,l1,l2\n", HEAD.replace("t.csv", file) + ROWS + LESIONS)

    assert len(errors(place)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "format = 'turnpoint mapping 1'\n[[[",
        "format = 'turnpoint mapping 1'\nrows = 3\nlesions = 1\nunmapped = 2",
    ],
)
def test_mapping_is_an_error_not_a_crash_when_it_is_malformed(tmp_path: Path, text: str) -> None:
    assert errors(written(tmp_path, "id\nA\n", text))


def test_sheet_of_a_workbook_is_read_with_its_dates_and_formulas_when_named(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    pytest.importorskip("fastexcel")
    book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
    book.add_worksheet("Notes").write(0, 0, "nothing here")
    sheet, day = book.add_worksheet("Data"), book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.merge_range(0, 2, 0, 3, "Lesions")
    sheet.write_row(1, 0, ["id", "seen", "l1", "l2"])
    for row, (date, size) in enumerate([(dt.date(2024, 1, 1), 30), (dt.date(2024, 2, 12), 25.5)], start=2):
        sheet.write(row, 0, "A")
        sheet.write_datetime(row, 1, date, day)
        sheet.write(row, 2, size)
        sheet.write_formula(row, 3, f"=C{row + 1}/2", None, size / 2)
    book.close()
    rows = 'sheet = "Data"\nheader_row = 2\n[rows]\npatient_id = "id"\ndate = "seen"\ndate_format = "dd/mm/yyyy"\nday_zero = "first_date"\n'
    place = tmp_path / "t.mapping.toml"
    place.write_text(HEAD.replace("t.csv", "t.xlsx") + rows + LESIONS)

    assert [row[1:4] for row in sizes(place)] == [
        (0, "T1", 30.0),
        (0, "T2", 15.0),
        (42, "T1", 25.5),
        (42, "T2", 12.75),
    ]

    place.write_text(place.read_text().replace("header_row = 2", "header_row = 1"))
    assert any("header" in error for error in errors(place))
    place.write_text(place.read_text().replace('"Data"', '"Daten"'))
    assert any("Its sheets: Notes, Data" in error for error in errors(place))
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04 broken")
    assert len(errors(place)) == 1


def test_example_of_the_documentation_is_a_mapping_when_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "formats-mapping.md").read_text(encoding="utf-8")
    findings = Findings()

    found = parsed(page.split("```toml\n")[1].split("```")[0], "example.toml", findings)

    assert findings.listed() == ()
    assert found is not None
    assert [block.table for block in found.blocks] == ["lesions"] * 3 + ["markers"]


def test_study_opens_by_its_mapping_when_any_command_reads_it(tmp_path: Path) -> None:
    place = written(tmp_path, "id,day,l1,l2\nA,0,30,12\n", HEAD + ROWS + LESIONS)

    assert opening.read(place).lesions.height == opening.read(tmp_path / "t.csv").lesions.height == 2


KEYS = st.sampled_from(
    [
        "format",
        "file",
        "sheet",
        "header_row",
        "rows",
        "patients",
        "words",
        "unmapped",
        "lesions",
        "markers",
        "doses",
        "events",
        "patient_id",
        "day",
        "date",
        "missing",
        "date_format",
        "decimal_mark",
        "day_zero",
        "fill_down",
        "n",
        "only",
        "column",
        "is",
        "values",
        "unit",
        "checkboxes",
        "role",
        "diameter_mm",
        "value",
        "sex",
        "x",
    ]
)
LEAVES = st.one_of(st.text("?{n}abc", max_size=5), st.integers(-3, 3), st.booleans(), st.floats(), st.none())
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(document=st.dictionaries(KEYS, TREES, max_size=7))
def test_document_is_a_declaration_or_errors_when_it_is_anything(document: dict[str, object]) -> None:
    findings = Findings()

    found = declared(document, "t.toml", findings)

    assert (found is None) == findings.has_errors


@st.composite
def studies(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lesions and one marker that fit a wide table with three lesions."""
    lesions: list[tuple[object, ...]] = []
    markers: list[tuple[object, ...]] = []
    for patient in draw(
        st.lists(st.text("ABC019", min_size=1, max_size=3), min_size=1, max_size=3, unique=True)
    ):
        for day in sorted(draw(st.sets(st.integers(-20, 300), min_size=1, max_size=3))):
            for lesion in ("T1", "T2", "T3"):
                size = draw(st.one_of(st.none(), st.just("too_small"), st.integers(1, 2500)))
                if size == "too_small":
                    lesions.append((patient, day, lesion, "target", None, "too_small"))
                elif size is not None:
                    lesions.append((patient, day, lesion, "target", size / 10, "measured"))
            value = draw(st.one_of(st.none(), st.integers(1, 10_000)))
            if value is not None:
                sign = draw(st.sampled_from(["", "<", ">"]))
                markers.append((patient, day, "CEA", f"{sign}{value / 10}", "ng/mL"))
    names = ["patient_id", "day", "lesion_id", "role", "diameter_mm", "status"]
    types = {"patient_id": pl.String, "day": pl.Int64, "diameter_mm": pl.Float64}
    return (
        pl.DataFrame(lesions, schema=names, schema_overrides=types, orient="row"),
        pl.DataFrame(
            markers,
            schema=["patient_id", "day", "marker", "value", "unit"],
            orient="row",
            schema_overrides={"day": pl.Int64, "value": pl.String},
        ),
    )


@settings(max_examples=20, deadline=None)
@given(tables=studies(), comma=st.booleans())
def test_study_reads_back_the_same_when_written_as_a_wide_table(
    tables: tuple[pl.DataFrame, pl.DataFrame], comma: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lesions, markers = tables
    if lesions.is_empty() and markers.is_empty():
        return
    folder = tmp_path_factory.mktemp("wide")
    wide: dict[tuple[str, int], dict[str, str]] = {}
    mark = "," if comma else "."
    for patient, day, lesion, _, size, _ in lesions.rows():
        cell = "too small" if size is None else str(size).replace(".", mark)
        wide.setdefault((patient, day), {})[lesion.replace("T", "l")] = cell
    for patient, day, _, value, _ in markers.rows():
        wide.setdefault((patient, day), {})["cea"] = value.replace(".", mark)
    columns = ["l1", "l2", "l3", "cea"]
    lines = [";".join(["id", "day", *columns])]
    lines += [
        ";".join([patient, str(day), *(cells.get(c, "") for c in columns)])
        for (patient, day), cells in wide.items()
    ]
    mapping = (
        HEAD
        + ROWS
        + f"decimal_mark = '{mark}'\n[words]\ntoo_small = ['too small']\n"
        + LESIONS.replace("[1, 2]", "[1, 2, 3]")
        + CEA
    )
    place = written(folder, "\n".join(lines) + "\n", mapping)

    found, problems = mapped.inspect(place)
    expected = read_frames({"lesions": lesions, "markers": markers})

    assert found is not None, problems
    for name in ("lesions", "markers", "patients"):
        here, there = getattr(found, name).drop("source_row"), getattr(expected, name).drop("source_row")
        order = [column for column in ("patient_id", "day", "lesion_id") if column in here.columns]
        assert (
            here.drop("reported_value", strict=False)
            .sort(order)
            .equals(there.drop("reported_value", strict=False).sort(order))
        ), name
