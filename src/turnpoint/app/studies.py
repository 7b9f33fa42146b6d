"""The rows of a patient as the study that the workflows read, by the same rules as any file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import polars as pl

from turnpoint.app.models import TABLES, Patient, Row
from turnpoint.errors import Problem
from turnpoint.study.reading import inspect_frames
from turnpoint.study.schema import TABLES as SCHEMAS
from turnpoint.study.study import Study

Cells = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows that were read.

    Attributes:
        study: None when there is an error.
        problems: what was found; `row` counts the rows of the table, the first being line 2, as in a file.
    """

    study: Study | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What stops the work."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def checked(rows: Mapping[str, Sequence[Cells]], name: str = "study") -> Checked:
    """Rows by table, read as the files of a study folder."""
    frames = {table: _frame(table, own) for table, own in rows.items() if own}
    study, problems = inspect_frames(frames, name, as_written=False)
    return Checked(study, problems)


def rows_of(patients: Iterable[Patient]) -> dict[str, list[Row]]:
    """The rows of some patients that stand, by table, as they were written."""
    found: dict[str, list[Row]] = {table: [] for table in TABLES}
    for row in Row.objects.filter(patient__in=list(patients), removed=False).order_by("position"):
        found[row.table].append(row)
    return found


def cells_of(rows: Mapping[str, Sequence[Row]]) -> dict[str, list[Cells]]:
    """Their cells."""
    return {table: [row.cells for row in own] for table, own in rows.items()}


def study_of(patients: Sequence[Patient]) -> Checked:
    """Some patients of one study."""
    name = patients[0].study.name if patients else "study"
    return checked(cells_of(rows_of(patients)), name)


def starts_of(patients: Iterable[Patient]) -> dict[str, date]:
    """The first day of treatment by patient, where it is known."""
    rows = Row.objects.filter(patient__in=list(patients), table="patients", removed=False)
    found = {}
    for own, cells in rows.values_list("patient_id", "cells"):
        with suppress(ValueError):  # empty, or not a date: then days are counted
            found[own] = date.fromisoformat(cells.get("start_date") or "")
    return found


def _frame(table: str, rows: Sequence[Cells]) -> pl.DataFrame:
    """Text in columns: those of the schema that any row has, then the others."""
    named = list(dict.fromkeys(name for row in rows for name in row))
    known = [column.name for column in SCHEMAS[table].columns if column.name in named]
    order = [*known, *(name for name in named if name not in known)]
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in order}, schema=dict.fromkeys(order, pl.String)
    )
