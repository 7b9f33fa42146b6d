"""`turnpoint map guess`, by itself: what it prints, asks and writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from turnpoint.cli import map_command
from turnpoint.errors import UsageError

TABLE = "patient,day,psa,spots\nA,0,4,12\nB,0,5,11\nA,21,3,11\nB,21,4,11\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    place = tmp_path / "t.csv"
    place.write_text(TABLE)
    return place


def test_questions_stay_in_the_file_when_there_is_no_terminal(table: Path) -> None:
    result = CliRunner().invoke(map_command.mapping, ["guess", str(table)])

    assert result.exit_code == 0, result.output
    assert "3 of 4 columns understood" in result.output
    assert "1 question;" in result.output
    assert "--answer markers.psa.unit=ng/mL" in result.output
    assert "Not read  spots" in result.output
    assert (table.parent / "t.mapping.toml").read_text().count('"?"') == 1


def test_proposals_are_taken_when_yes_is_said(table: Path) -> None:
    result = CliRunner().invoke(map_command.mapping, ["guess", str(table), "--yes"])

    assert "turnpoint check" in result.output
    assert '"?"' not in (table.parent / "t.mapping.toml").read_text()


def test_questions_are_asked_when_there_is_a_terminal(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(["ug/L", "?"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("turnpoint.cli.map_command.typer.prompt", lambda _text, **_options: next(said))

    map_command.guess(table)

    text = (table.parent / "t.mapping.toml").read_text()
    assert 'unit = { is = "ug/L" }' in text
    assert '"spots" = "?"' in text


def test_file_is_refused_when_it_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        map_command.guess(tmp_path / "none.csv")


def test_answers_are_taken_and_the_mapping_is_read_when_options_give_them(table: Path) -> None:
    result = CliRunner().invoke(
        map_command.mapping,
        ["guess", str(table), "--answer", "markers.psa.unit=ug/L", "--answer", "unmapped.spots=CEA ng/mL"],
    )

    assert result.exit_code == 0, result.output
    text = (table.parent / "t.mapping.toml").read_text()
    assert 'unit = { is = "ug/L" }' in text
    assert 'marker = { is = "CEA" }' in text
    assert '"?"' not in text
    assert "turnpoint check" in result.output


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("markers.psa.unit", "is not KEY=VALUE"),
        ("markers.cea.unit=ng/mL", "no question markers.cea.unit. The questions are markers.psa.unit"),
        ("unmapped.spots=nonsense", "nonsense says nothing of a column"),
        ("unmapped.stripes=CEA ng/mL", "no question stripes"),
    ],
)
def test_answer_is_refused_when_it_is_to_no_question(table: Path, answer: str, said: str) -> None:
    result = CliRunner().invoke(map_command.mapping, ["guess", str(table), "--answer", answer])

    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
    assert not (table.parent / "t.mapping.toml").exists()


def test_kinds_of_json_are_named_when_one_is_given(tmp_path: Path, run: Callable[..., Result]) -> None:
    (tmp_path / "x.json").write_text('{"rows": []}')

    for command in (("map", "guess"), ("check",)):
        result = run(*command, tmp_path / "x.json")
        assert result.exit_code in (1, 2)
        assert "FHIR R4" in result.output
        assert "Dataset-JSON" in result.output


def book(place: Path, sheets: dict[str, list[list[object]]]) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    pytest.importorskip("fastexcel")
    workbook = xlsxwriter.Workbook(place)
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        for line, row in enumerate(rows):
            sheet.write_row(line, 0, row)
    workbook.close()


SCANS: list[list[object]] = [
    ["Patient", "Start of treatment", "Scan date", "TL1 (mm)", "TL2 (mm)", "CEA (ng/mL)", "Hb"],
    [101, "2023-01-10", 44931, 42, 20, 85, 12.1],
    [101, "2023-01-10", 44990, 30, 18, 40, 12],
    [101, "2023-01-10", 45050, 27, 15, 31, 12],
    [102, "2023-01-12", 44935, 50, 22, 4, 11],
]


def test_workbook_becomes_a_page_in_one_command_when_nothing_is_open(
    tmp_path: Path, run: Callable[..., Result]
) -> None:
    book(tmp_path / "clinic.xlsx", {"Legend": [["Hb in g/dL"]], "Data": SCANS, "Empty": []})
    page = tmp_path / "page.html"

    result = run("report", tmp_path / "clinic.xlsx", "--patient", "101", "--out", page)

    assert result.exit_code == 0, result.output
    assert "clinic: 1 patient, 3 visits" in result.output
    assert "1 column: Hb" in result.output
    assert "1 other sheet of the workbook is not read: Legend" in result.output
    assert "101" in page.read_text(encoding="utf-8")


def test_sheets_are_named_and_asked_when_several_hold_patients(
    tmp_path: Path, run: Callable[..., Result]
) -> None:
    labs: list[list[object]] = [["Patient", "Date", "LDH (U/L)"], [101, "2023-01-05", 200]]
    book(tmp_path / "clinic.xlsx", {"Scans": SCANS, "Labs": labs, "Notes": [["x"]]})

    stopped = run("report", tmp_path / "clinic.xlsx", "--patient", "101", "--out", tmp_path / "page.html")
    guessed = run("map", "guess", tmp_path / "clinic.xlsx", "--sheet", "Scans")
    checked = run("check", tmp_path / "clinic.xlsx")

    assert stopped.exit_code == 1
    assert "Which sheet is read: Scans, Labs?" in stopped.output
    assert "turnpoint map guess clinic.xlsx --sheet NAME" in stopped.output
    assert "2 other sheets: Labs, Notes" in guessed.output
    assert checked.exit_code == 0, checked.output
    assert "2 other sheets of the workbook are not read: Labs, Notes" in checked.output


def test_check_says_what_a_table_looks_like_and_names_the_command(
    table: Path, run: Callable[..., Result]
) -> None:
    result = run("check", table)

    assert result.exit_code == 1
    assert "it looks like a clinic's" in result.output
    assert "turnpoint map guess t.csv" in result.output
    assert "--answer markers.psa.unit=ng/mL" in result.output


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        (
            "MRN,Scan dt,Liver lesion,Lung nodule (mm),CEA ng/mL,Comments\n"
            "101,01/02/2023,4.2,20,12.5 H,first\n101,03/02/2023,3.1,18,6,\n101,05/04/2023,2.9,16,ND,\n"
            "102,01/09/2023,5,22,4,\n",
            ["rows.date_format=mm/dd/yyyy", "lesions.Liver lesion.unit=cm"],
        ),
        (
            ";;Zielläsionen (mm);;Tumormarker\nPat.-Nr.;Datum;1;2;CEA (µg/l)\n"
            "101;02.01.2023;42;20;85,3\n101;02.03.2023;31;zu klein;40,1\n101;04.05.2023;29;6;n.d.\n"
            "102;09.01.2023;50;22;4\n",
            [],
        ),
        (
            "病历号,检查日期,肝病灶（cm）,靶病灶2(mm),癌胚抗原,新病灶\n"
            "101,2023年1月2日,4.2,20,85↑,无\n101,2023年3月2日,3.1,太小,未查,无\n101,2023年5月4日,2.9,6,31,无\n"
            "102,2023年1月9日,5,22,4,无\n",
            ["markers.癌胚抗原.unit=ng/mL"],
        ),
    ],
    ids=["English", "German", "Chinese"],
)
def test_messy_table_becomes_a_page_in_three_commands_when_it_is_in_any_of_three_languages(
    tmp_path: Path, run: Callable[..., Result], text: str, answers: list[str]
) -> None:
    place = tmp_path / "clinic.csv"
    place.write_text(text, encoding="utf-8")

    first = run("map", "guess", place)
    options = [part for one in answers for part in ("--answer", one)]
    second = run("map", "guess", place, "--yes", "--replace", *options)
    third = run("report", place, "--patient", "101", "--out", tmp_path / "page.html")

    assert first.exit_code == second.exit_code == third.exit_code == 0, third.output
    # The first command has said what the second must answer.
    assert "Open" in first.output
    assert all(f"{one.partition('=')[0]}=" in first.output for one in answers)
    assert "Open" not in second.output
    assert "clinic: 1 patient, 3 visits" in third.output
    assert (tmp_path / "page.html").stat().st_size > 10_000
