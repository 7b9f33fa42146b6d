"""A number as clinics and laboratories write it in a cell: `<5`, `> 1000`, `12.5 H`, `4,2 cm`, `5.2 ng/mL (H)`."""

from __future__ import annotations

from typing import Final

import polars as pl

_DIGITS: Final = r"[+-]?(?:\d+(?:[.,]\d+)*|[.,]\d+)"
_SIGN: Final = r"[<>≤≥＜＞]?=?\s*"
_UNIT: Final = r"[A-Za-zµμ\[\]]+/[A-Za-z]+|mm|cm|毫米|厘米|%"
# How a laboratory marks a value outside its range.
_FLAG: Final = r"[(\[]?\s*(?:H{1,2}|L{1,2}|high|low|hoch|tief|\*+|↑+|↓+|偏高|偏低|高|低)\s*[)\]]?"
# A size that was read roughly is still the one that was read.
_ROUGHLY: Final = r"(?:~|≈|ca\.?|approx\.?|about|约)?"
_CELL: Final = rf"(?i)^\s*{_ROUGHLY}\s*({_SIGN}{_DIGITS})\s*({_UNIT})?\s*(?:{_FLAG})?\s*$"


# Two or three diameters of one lesion: 42 x 31 mm.
_DIAMETERS: Final = (
    rf"(?i)^\s*({_DIGITS})\s*(?:mm|cm)?\s*[x×*]\s*({_DIGITS})(?:\s*[x×*]\s*({_DIGITS}))?\s*(mm|cm)?\s*$"
)


def several_diameters(cell: pl.Expr) -> pl.Expr:
    """True for a cell with two or three diameters of one lesion."""
    return cell.str.contains(_DIAMETERS)


def one_diameter(cell: pl.Expr, decimal_mark: str | None, *, node: bool) -> pl.Expr:
    """Of two or three diameters the one that RECIST counts, with its unit; other cells stay as they are.

    The longest diameter, of a lymph node the short axis.

    Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, sections 3.1 and 4.2.
    """
    parts = [
        plain_number(cell.str.extract(_DIAMETERS, n), decimal_mark).cast(pl.Float64, strict=False)
        for n in (1, 2, 3)
    ]
    counts = pl.min_horizontal(parts) if node else pl.max_horizontal(parts)
    unit = cell.str.extract(_DIAMETERS, 4).fill_null("")
    return pl.when(several_diameters(cell)).then(pl.concat_str(counts.cast(pl.String), unit)).otherwise(cell)


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
