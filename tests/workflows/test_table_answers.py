"""A clinic's table read by answers: what is asked, what is wrong with an answer, and that it is as by `map guess`."""

from pathlib import Path

import pytest

from turnpoint.workflows.mapping import guess_mapping
from turnpoint.workflows.opening import convert_to_study
from turnpoint.workflows.table_answers import TableRead, read_table

TABLE = """Pat-Nr,Scan date,TL1,TL2,CEA,Comment,RP,Sex
101,03/04/2025,4.2,3.1,12.5,ok,5.5,1
101,05/06/2025,3.9,2.8,8.1,,4.5,1
101,02/08/2025,3.6,ND,6.0,,3.3,1
102,04/05/2025,6.1,2.2,30,,8.1,2
102,01/07/2025,5.8,2.0,25,,7.2,2
"""
ANSWERS = {
    "rows.date_format": "dd/mm/yyyy",
    "rows.missing": '["ND"]',
    "sex.1": "male",
    "sex.2": "female",
    "lesions.TL{n}.unit": "cm",
    "markers.CEA.unit": "ng/mL",
}


def read(folder: Path, answers: dict[str, str], text: str = TABLE) -> TableRead:
    table = folder / "clinic.csv"
    table.write_text(text, encoding="utf-8")
    return read_table(table, answers)


def test_open_table_asks_everything_and_says_what_each_column_would_be(tmp_path: Path) -> None:
    found = read(tmp_path, {})
    assert found.is_open
    assert found.converted.study is None
    assert [one.key for one in found.questions] == [*ANSWERS, "unmapped.RP"]
    assert found.answers == {"unmapped.RP": '"ignore"'}  # nothing depends on it but what is left aside
    assert found.became["TL2"] == "lesions.diameter_mm"
    assert found.became["Pat-Nr"] == "rows.patient_id"
    assert found.aside == ("Comment", "RP")
    assert {one.key: one.choices for one in found.questions}["lesions.TL{n}.unit"] == ('"mm"', '"cm"')


def test_answered_table_is_what_map_guess_reads(tmp_path: Path) -> None:
    found = read(tmp_path, ANSWERS)
    (tmp_path / "other").mkdir()
    table = tmp_path / "other" / "clinic.csv"
    table.write_text(TABLE, encoding="utf-8")
    written = guess_mapping(table, answers=ANSWERS)
    assert found.mapping == written.written.read_text(encoding="utf-8")
    theirs = convert_to_study(table)
    assert found.converted.problems == theirs.problems
    assert found.converted.study is not None
    assert theirs.study is not None
    assert found.converted.study.lesions.equals(theirs.study.lesions)
    assert found.converted.unmapped.equals(theirs.unmapped)


@pytest.mark.parametrize(
    ("key", "answer", "says"),
    [
        ("rows.date_format", "yy", "none of dd/mm/yyyy, mm/dd/yyyy"),
        ("lesions.TL{n}.unit", "inch", "none of mm, cm"),
        ("sex.1", "3", "none of male, female"),
        ("markers.CEA.unit", "apples", "is no unit"),
        ("unmapped.RP", "banana", "says nothing of a column"),
        ("rows.missing", "ND", 'none of ["ND"], []'),
    ],
)
def test_answer_that_means_nothing_is_said_so_and_nothing_is_read(
    tmp_path: Path, key: str, answer: str, says: str
) -> None:
    found = read(tmp_path, {**ANSWERS, key: answer})
    assert list(found.wrong) == [key]
    assert says in found.wrong[key]
    assert found.is_open


def test_answer_to_no_question_is_named(tmp_path: Path) -> None:
    assert read(tmp_path, {**ANSWERS, "sex.9": "male"}).unknown == ("sex.9",)


def test_column_that_a_person_names_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, {**ANSWERS, "unmapped.RP": "target cm"})
    assert found.became["RP"] == "lesions.diameter_mm"
    assert found.converted.study is not None
    assert 55.0 in found.converted.study.lesions["diameter_mm"].to_list()


def test_another_list_will_do_where_cells_are_listed(tmp_path: Path) -> None:
    assert not read(tmp_path, {**ANSWERS, "rows.missing": '["ND", "999"]'}).is_open


def test_answer_cannot_write_a_line_of_its_own(tmp_path: Path) -> None:
    found = read(tmp_path, {**ANSWERS, "markers.CEA.unit": '"ng/mL"\n[unmapped]\nCEA = "drop"'})
    assert list(found.wrong) == ["markers.CEA.unit"]


def test_what_is_presumed_of_one_patient_is_a_warning(tmp_path: Path) -> None:
    text = "Patient,Day,TL1 (mm)\nA,0,40\nA,60,30\nA,120,28\n"
    found = read(tmp_path, {}, text)
    assert not found.is_open
    assert any("read as one patient" in one.rule for one in found.converted.problems)
    assert all(one.severity == "warning" for one in found.converted.problems)


def test_sheet_is_asked_and_chosen(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    pytest.importorskip("fastexcel")
    place = tmp_path / "clinic.xlsx"
    with xlsxwriter.Workbook(str(place)) as book:
        for name, size in (("First", 40), ("Second", 50)):
            sheet = book.add_worksheet(name)
            for row, cells in enumerate(
                [["Patient", "Day", "TL1 (mm)"], ["A", 0, size], ["A", 60, 30], ["B", 0, 20], ["B", 60, 30]]
            ):
                sheet.write_row(row, 0, cells)
    asked = read_table(place, {})
    assert [one.key for one in asked.questions] == ["sheet"]
    assert read_table(place, {"sheet": "Third"}).wrong.keys() == {"sheet"}
    found = read_table(place, {"sheet": "Second"})
    assert found.converted.study is not None
    assert 50.0 in found.converted.study.lesions["diameter_mm"].to_list()
    assert found.other_sheets == ("First",)
