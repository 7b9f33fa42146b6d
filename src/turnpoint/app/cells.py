"""Text that no cell may hold, since other programs open what is exported: formulas, and characters of no text.

A spreadsheet that opens a .csv runs a cell that begins with =, @, a tab or a carriage return, and one that begins with
+ or - unless it is a number (CWE-1236). It is refused when it comes in, so that what is exported stays as entered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from turnpoint.errors import Problem

_ALWAYS = ("=", "@", "\t", "\r")
_UNLESS_A_NUMBER = ("+", "-")
_NAME = "patient_id"


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run the cell.

    >>> [is_formula(text) for text in ("=1+1", "@SUM(A1)", "-cmd|' /C calc'!A1", "-4.5", "+1e3", "-", "liver")]
    [True, True, True, False, False, False, False]
    """
    if text.startswith(_ALWAYS):
        return True
    return text.startswith(_UNLESS_A_NUMBER) and len(text) > 1 and not _is_number(text)


def unsafe_cells(table: str, rows: Sequence[Mapping[str, str | None]], first: int = 2) -> Iterator[Problem]:
    """A problem for every cell that may not be kept.

    Args:
        table: of the rows.
        rows: cells by column.
        first: number of the first row in messages.
    """
    for place, row in enumerate(rows, first):
        for column, text in row.items():
            if text is None or (rule_and_mend := _wrong(text)) is None:
                continue
            rule, mend = rule_and_mend
            shown = None if column == _NAME else repr(text)[1:-1]
            yield Problem(f"{table}.csv", place, column, shown, rule, mend)


def _wrong(text: str) -> tuple[str, str] | None:
    if is_formula(text):
        return (
            f"begins with {text[0]!r}, which a spreadsheet would run as a formula",
            "Write it with a letter or a number first.",
        )
    if "\0" in text or (not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        return "holds a character that belongs to no text", "Write it anew."
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
