"""Tables as reports show them: cells already in words, and which columns are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts.language import NOTHING, Language

_LONGEST_NUMBER = 6  # significant digits in a table that shows everything


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        caption: what it holds; read out before the table.
        columns: the headings.
        rows: the cells, as text.
        numeric: which columns are numbers, set to the right.
        is_code: the headings are column names of a file, not words.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    is_code: bool = False


def table(caption: str, columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> Table:
    """A table from headings with whether they are numeric, and rows of cells."""
    return Table(
        caption,
        tuple(name for name, _ in columns),
        tuple(tuple(row) for row in rows),
        tuple(numeric for _, numeric in columns),
    )


def frame_table(caption: str, frame: pl.DataFrame, language: Language) -> Table:
    """Every value of a frame under its own column names, numbers with up to six significant digits."""
    cells = [[_cell(value, language) for value in row] for row in frame.iter_rows()]
    numeric = tuple(dtype.is_numeric() for dtype in frame.dtypes)
    return Table(caption, tuple(frame.columns), tuple(tuple(row) for row in cells), numeric, is_code=True)


def _cell(value: object, language: Language) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return language.text("yes") if value else language.text("no")
    if isinstance(value, int):
        return language.number(value)
    if isinstance(value, float):
        if value == 0 or not abs(value) < float("inf"):
            return language.number(value)
        digits_before = len(str(int(abs(value)))) if abs(value) >= 1 else 0
        return language.number(value, max(0, _LONGEST_NUMBER - digits_before - (0 if abs(value) >= 1 else 2)))
    return str(value)
