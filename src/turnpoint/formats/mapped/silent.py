"""Cells that a mapping takes as saying nothing: codes and words for missing, and texts among numbers."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.mapped.cells import Sheet
from turnpoint.formats.mapped.declaration import Declaration
from turnpoint.formats.mapped.numbers import looks_numeric, several_diameters

CODED: Final = "the cell says by a code that nothing is known"
NO_NUMBER: Final = "the cell is no number, and the mapping keeps such cells aside"


def silent_cells(mapping: Declaration, sheet: Sheet) -> list[tuple[str, pl.Expr, str]]:
    """For each column that may have such cells, where they are, and why they say nothing.

    Args:
        mapping: what it says.
        sheet: its table. A patient may well be number 999, so the column of the patient has none.
    """
    found: list[tuple[str, pl.Expr, str]] = []
    words = [word.casefold() for word in mapping.missing]
    told = [word.casefold() for those in mapping.words.values() for word in those]
    for name in mapping.columns():
        if name not in sheet.columns or name == mapping.patient.column:
            continue
        cell = pl.col(name)
        coded = cell.str.to_lowercase().is_in(words) | cell.is_in(list(mapping.codes.get(name, ())))
        found.append((name, coded, CODED))
        if name in mapping.text_aside:
            known = looks_numeric(cell) | several_diameters(cell) | cell.str.to_lowercase().is_in(told)
            found.append((name, ~known & ~coded, NO_NUMBER))
    return found
