"""What the command-line tests share: a tiny study, and workflows put in place of the real ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from turnpoint.cli.commands import app
from turnpoint.study.study import Study


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command line in this process, stdout and stderr apart."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a function in place of a workflow: `put("workflows.assess", assess=...)`; other names stay."""

    def put_module(name: str, **names: object) -> None:
        real = import_module(f"turnpoint.{name}")
        for key, value in names.items():
            monkeypatch.setattr(real, key, value)

    return put_module


@pytest.fixture
def study_folder(tmp_path: Path) -> Path:
    """Two patients, three scans each; one responds, one does not."""
    folder = tmp_path / "my study"
    folder.mkdir()
    (folder / "lesions.csv").write_text(
        "patient_id,day,lesion_id,role,diameter_mm,status\n"
        "P001,-6,T1,target,50,measured\n"
        "P001,42,T1,target,30,measured\n"
        "P001,84,T1,target,28,measured\n"
        "P002,-3,T1,target,40,measured\n"
        "P002,43,T1,target,41,measured\n"
        "P002,85,T1,target,60,measured\n",
        encoding="utf-8",
    )
    return folder


def frame(columns: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema=columns)


@pytest.fixture
def study() -> Study:
    """The same two patients, as the reader would give them, with only the columns that summaries use."""
    visits = [("P001", -6, 50.0), ("P001", 42, 30.0), ("P001", 84, 28.0)]
    visits += [("P002", -3, 40.0), ("P002", 43, 41.0), ("P002", 85, 60.0)]
    empty = frame({"patient_id": pl.String, "day": pl.Int64})
    return Study(
        patients=pl.DataFrame({"patient_id": ["P001", "P002"]}),
        lesions=pl.DataFrame(visits, schema=["patient_id", "day", "diameter_mm"], orient="row"),
        markers=empty,
        doses=empty,
        events=empty,
        name="my study",
    )
