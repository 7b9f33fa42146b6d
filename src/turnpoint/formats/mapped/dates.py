"""How dates are written in tables that people keep, and turning them into one way."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

# The format as people say it, and as Polars (chrono) does.
DATE_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "yyyy-mm-dd": "%Y-%m-%d",
        "yyyy/mm/dd": "%Y/%m/%d",
        "yyyymmdd": "%Y%m%d",
        "dd/mm/yyyy": "%d/%m/%Y",
        "mm/dd/yyyy": "%m/%d/%Y",
        "dd.mm.yyyy": "%d.%m.%Y",
        "dd-mm-yyyy": "%d-%m-%Y",
        "mm-dd-yyyy": "%m-%d-%Y",
        "dd-mmm-yyyy": "%d-%b-%Y",
        "dd mmm yyyy": "%d %b %Y",
        "ddmmmyyyy": "%d%b%Y",
    }
)
_TIME_OF_DAY: Final = r"[T ]+\d{1,2}:\d{2}.*$"


def as_iso(cell: pl.Expr, written: str) -> pl.Expr:
    """The cells as `yyyy-mm-dd`; what is not written as said stays as it is, for the reader to report.

    Args:
        cell: text.
        written: a key of `DATE_FORMATS`.
    """
    text = cell.str.strip_chars().str.replace(_TIME_OF_DAY, "")
    day = text.str.to_date(DATE_FORMATS[written], strict=False)
    # %Y takes a year of two digits as one of the first century.
    sane = day.dt.year().is_between(1800, 2200)
    return pl.when(sane).then(day.dt.strftime("%Y-%m-%d")).otherwise(text)
