"""How dates are written in tables that people keep, and turning them into one way."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

EXCEL: Final = "excel"
# The format as people say it, and as Polars (chrono) does.
DATE_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "yyyy-mm-dd": "%Y-%m-%d",
        "yyyy/mm/dd": "%Y/%m/%d",
        "yyyy.mm.dd": "%Y.%m.%d",
        "yyyymmdd": "%Y%m%d",
        "dd/mm/yyyy": "%d/%m/%Y",
        "mm/dd/yyyy": "%m/%d/%Y",
        "dd.mm.yyyy": "%d.%m.%Y",
        "mm.dd.yyyy": "%m.%d.%Y",
        "dd-mm-yyyy": "%d-%m-%Y",
        "mm-dd-yyyy": "%m-%d-%Y",
        "dd/mm/yy": "%d/%m/%y",
        "mm/dd/yy": "%m/%d/%y",
        "yy/mm/dd": "%y/%m/%d",
        "dd.mm.yy": "%d.%m.%y",
        "dd-mm-yy": "%d-%m-%y",
        "mm-dd-yy": "%m-%d-%y",
        "dd-mmm-yyyy": "%d-%B-%Y",
        "dd-mmm-yy": "%d-%B-%y",
        "dd mmm yyyy": "%d %B %Y",
        "dd. mmm yyyy": "%d. %B %Y",
        "mmm dd, yyyy": "%B %d, %Y",
        "ddmmmyyyy": "%d%b%Y",
        "yyyy年mm月dd日": "%Y年%m月%d日",
        # Days since 1899-12-30, as Excel keeps dates (and 1900-02-29, which never was, as a day).
        EXCEL: "",
    }
)
_TIME_OF_DAY: Final = r"[T ]+\d{1,2}:\d{2}.*$"
_SERIAL: Final = r"^\d{5}(\.\d+)?$"
_ISO: Final = r"^\d{4}-\d{2}-\d{2}$"
# Other spellings of the months, in German.
_MONTHS: Final = (
    [
        "Jänner",
        "Januar",
        "Februar",
        "März",
        "Mär",
        "Mai",
        "Juni",
        "Juli",
        "Oktober",
        "Okt",
        "Dezember",
        "Dez",
    ],
    ["Jan", "Jan", "Feb", "Mar", "Mar", "May", "Jun", "Jul", "Oct", "Oct", "Dec", "Dec"],
)


def as_iso(cell: pl.Expr, *ways: str) -> pl.Expr:
    """The cells as `yyyy-mm-dd`; what is not written as said stays as it is, for the reader to report.

    Args:
        cell: text.
        ways: keys of `DATE_FORMATS`, the first that fits counts.
    """
    text = cell.str.strip_chars().str.replace(_TIME_OF_DAY, "")
    days = [_day(text, way) for way in ways]
    # %Y takes a year of two digits as one of the first century.
    sane = [pl.when(day.dt.year().is_between(1800, 2200)).then(day) for day in days]
    return pl.coalesce(*(day.dt.strftime("%Y-%m-%d") for day in sane), text)


def written_as(way: str) -> pl.Expr:
    """True for a cell, the column `cell`, that is a date written this way, a key of `DATE_FORMATS`."""
    return as_iso(pl.col("cell"), way).str.contains(_ISO)


def fitting(cells: pl.Series, least: float) -> list[str]:
    """The ways, keys of `DATE_FORMATS`, in which at least this share of the cells can be read."""
    return [way for way in DATE_FORMATS if _share(cells, way) >= least]


def several(cells: pl.Series) -> list[str]:
    """Ways that read all cells together and none of them twice; empty when no such ways are there.

    Cells as `yyyy-mm-dd` are read in any case.
    """
    frame = cells.alias("cell").to_frame().filter(~pl.col("cell").str.contains(r"^\d{4}-\d{2}-\d{2}"))
    cells = frame["cell"]
    ways = [way for way in DATE_FORMATS if way != EXCEL and _share(cells, way) > 0]
    read = frame.select(written_as(way).fill_null(value=False).alias(way) for way in ways)
    if not ways:
        return []
    # Of two orders of day and month the one that reads all that the other does.
    kept = [way for way in ways if not any(_covers(read, other, way) for other in ways if other != way)]
    once = read.select(pl.sum_horizontal(kept) == 1)
    return kept if once.to_series().all() else []


def _covers(read: pl.DataFrame, more: str, less: str) -> bool:
    return bool((read[more] | ~read[less]).all()) and bool((read[more] & ~read[less]).any())


def _share(cells: pl.Series, way: str) -> float:
    if not len(cells):
        return 0.0
    frame = cells.alias("cell").to_frame()
    return float(frame.select(written_as(way).fill_null(value=False).mean()).item())


def _day(text: pl.Expr, way: str) -> pl.Expr:
    if way == EXCEL:
        number = pl.when(text.str.contains(_SERIAL)).then(text).cast(pl.Float64, strict=False)
        return pl.date(1899, 12, 30) + pl.duration(days=number.floor().cast(pl.Int64))
    if way.startswith("yy/"):  # a year has two digits
        text = pl.when(text.str.contains(r"^\d{2}/")).then(text)
    if "mmm" in way:
        text = text.str.replace_many(*_MONTHS)
    return text.str.to_date(DATE_FORMATS[way], strict=False)
