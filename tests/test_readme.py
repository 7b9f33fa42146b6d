"""What README.md shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The one block of code in that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(found)


def test_python_block_runs_on_the_table_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study").mkdir()
    Path("study/lesions.csv").write_text(block("csv"), encoding="utf-8")
    names: dict[str, object] = {}

    exec(compile(block("python"), "README.md", "exec"), names)  # noqa: S102  (our own text)

    best = names["best"]
    assert isinstance(best, pl.DataFrame)
    assert best["patient_id"].to_list() == ["P001"]
    assert Path("P001.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_every_command_of_the_command_line_block_is_one_of_ours() -> None:
    from typer.main import get_command

    from turnpoint.cli.commands import app

    shown = "".join(re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
    named = set(re.findall(r"^\$ (?:\.venv/bin/)?turnpoint ([a-z]+)", shown, re.MULTILINE))

    assert {"check", "serve"} <= named
    assert named <= set(getattr(get_command(app), "commands", {}))
