"""A number as clinics and laboratories write it in a cell: `<5`, `> 1000`, `12.5 H`, `4,2 cm`, `5.2 ng/mL (H)`."""

from __future__ import annotations

from typing import Final

import polars as pl

_DIGITS: Final = r"[+-]?(?:\d+(?:[.,]\d+)*|[.,]\d+)"
_SIGN: Final = r"[<>≤≥＜＞]?=?\s*"
_UNIT: Final = r"[A-Za-zµμ\[\]]+/[A-Za-z]+|mm|cm|毫米|厘米|%"
# How a laboratory marks a value outside its range.
_FLAG: Final = r"[(\[]?\s*(?:H{1,2}|L{1,2}|high|low|hoch|tief|\*+|↑+|↓+|偏高|偏低|高|低)\s*[)\]]?"
_CELL: Final = rf"(?i)^\s*({_SIGN}{_DIGITS})\s*({_UNIT})?\s*(?:{_FLAG})?\s*$"


def looks_numeric(cell: pl.Expr) -> pl.Expr:
    """True for a number, with its sign, unit and flag if it has them."""
    return cell.str.contains(_CELL)


def number_in(cell: pl.Expr) -> pl.Expr:
    """The number of a cell with its sign; text that is no number stays as it is, for the reader to report."""
    return pl.coalesce(cell.str.extract(_CELL, 1), cell)


def unit_beside(cell: pl.Expr) -> pl.Expr:
    """The unit that a cell writes after its number; null when it writes none."""
    return cell.str.extract(_CELL, 2).str.replace_many(["毫米", "厘米"], ["mm", "cm"])


def plain_number(cell: pl.Expr, decimal_mark: str | None) -> pl.Expr:
    """The number with a decimal point and no mark for thousands.

    Args:
        cell: text.
        decimal_mark: `,`, or `.`; None where nobody said: then a comma stays, for the reader to report.
    """
    if decimal_mark == ",":
        parted = cell.str.contains(r"^\D*\d{1,3}(\.\d{3})+,\d+$")
        whole = pl.when(parted).then(cell.str.replace_all(".", "", literal=True)).otherwise(cell)
        return whole.str.replace(",", ".", literal=True)
    thousands = r"^\D*\d{1,3}(,\d{3})+\.\d+$" if decimal_mark is None else r"^\D*\d{1,3}(,\d{3})+(\.\d+)?$"
    return (
        pl.when(cell.str.contains(thousands))
        .then(cell.str.replace_all(",", "", literal=True))
        .otherwise(cell)
    )
