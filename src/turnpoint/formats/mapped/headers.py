"""Which lines of a table hold the names of its columns, and which sheet of a workbook is a table of patients."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from turnpoint.formats.mapped.cells import WORKBOOKS, filled_sheets, first_rows, joined
from turnpoint.formats.mapped.columns import Meaning, meaning_of

# Of more than one sign: 1, 2 and 3 may well be names of lesions under a common one.
_NUMBER: Final = re.compile(r"[<>]?\s*[\d.,/:年月日-]{2,}")
_MOST_NUMBERS: Final = 0.3
_LEAST_KNOWN: Final = 2.0


def header_of(place: Path, sheet: str | None) -> tuple[int, int]:
    """The last line of the column names, from 1, and how many lines they take.

    Titles above the names, and names in two lines (a lesion over its unit), are told by what the names mean.

    Raises:
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    return found_header(first_rows(place, sheet))


def found_header(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """The same, of the first lines of a table.

    >>> found_header([["Ward 3", ""], ["Patient", "TL1 (mm)"], ["7", "30"]])
    (2, 1)
    """
    best, place = _score(rows[:1]), (1, 1)
    for line in range(len(rows)):
        if _is_data(rows[line]):
            continue
        for lines in (1, 2):
            if lines > line + 1 or (lines > 1 and _is_data(rows[line - 1])):
                continue
            score = _score(rows[line + 1 - lines : line + 1])
            if score > best and score >= _LEAST_KNOWN:
                best, place = score, (line + 1, lines)
    return place


def patient_sheets(place: Path) -> list[str]:
    """The sheets of a workbook that have a patient and a size or a marker; empty for other files."""
    if place.suffix.lower() not in WORKBOOKS:
        return []
    return [name for name in filled_sheets(place) if _of_patients(first_rows(place, name))]


def _of_patients(rows: Sequence[Sequence[str]]) -> bool:
    line, lines = found_header(rows)
    names = joined(rows[line - lines : line]) if len(rows) >= line else []
    return any(_meaning(name).kind == "patient" for name in names if name) and has_sizes_or_markers(names)


def has_sizes_or_markers(names: Sequence[str]) -> bool:
    """Whether one of the names is that of a size or a marker's value."""
    return any(_meaning(name).kind in ("size", "sum", "marker", "result", "change") for name in names if name)


def _meaning(name: str) -> Meaning:
    number = meaning_of(name, is_date=False, is_number=True)
    return number if number.kind != "unknown" else meaning_of(name, is_date=True, is_number=False)


def _score(lines: Sequence[Sequence[str]]) -> float:
    """How many of the names mean something, and how many of those say their unit."""
    if not lines:
        return 0.0
    meanings = [_meaning(name) for name in joined(lines) if name]
    known = sum(1.0 if one.kind != "ignored" else 0.5 for one in meanings if one.kind != "unknown")
    units = sum(one.unit is not None for one in meanings if one.kind in ("size", "sum", "marker"))
    return known + units / 2


def _is_data(row: Sequence[str]) -> bool:
    filled = [cell for cell in row if cell]
    numbers = sum(_NUMBER.fullmatch(cell) is not None for cell in filled)
    return not filled or numbers > _MOST_NUMBERS * len(filled)
