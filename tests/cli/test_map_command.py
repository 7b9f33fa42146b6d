"""`turnpoint map guess`, by itself: what it prints, asks and writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

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
