"""From text to types by the declared schema: a cell that cannot be converted is reported, none is guessed."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.study.cell_values import (
    MISSING_WORDS,
    Conversion,
    convert_category,
    convert_date,
    convert_flag,
    convert_number,
    convert_quantity,
    has_certain_decimal_comma,
)
from turnpoint.study.findings import Findings, TypedTable, as_read, failed
from turnpoint.study.naming import RawTable, declared_names
from turnpoint.study.schema import DTYPES, Column, Table

_SPACES: Final = " \t\n\r\v\f\u00a0\u3000\ufeff"
_NUMERIC_KINDS: Final = ("number", "integer", "quantity")
# Their range is checked once days and dates are one.
_TIMES: Final = ("day", "end_day", "death_day", "last_alive_day")


def typed(raw: RawTable, table: Table, findings: Findings) -> TypedTable:
    """Convert a table's cells to the declared types.

    Args:
        raw: the table as its file gave it.
        table: its declaration.
        findings: where problems go.

    Returns:
        Typed columns (null where a cell was missing or unreadable), the cells as read beside them. The sign of
        a marker's `value` is in `sign`. Declared columns that the file lacks are null.
    """
    frame, extras = declared_names(raw, table, findings)
    frame = frame.with_columns(raw.source_row.cast(pl.Int64).alias("source_row"))
    result = TypedTable(table.name, raw.file, frame, extras)
    present = [column for column in table.columns if result.has(column.name)]
    for column in present:
        _settle_dtype(result, column, findings)
    comma_marks_decimals: bool | None = None
    if raw.separator not in (None, ","):
        numeric = [as_read(c.name) for c in present if c.kind in _NUMERIC_KINDS]
        comma_marks_decimals = has_certain_decimal_comma(result.frame, numeric)
    for column in table.columns:
        if column in present:
            _convert(result, column, comma_marks_decimals, findings)
        else:
            empty = pl.lit(None, dtype=DTYPES[column.kind]).alias(column.name)
            result.frame = result.frame.with_columns(empty)
    return result


def _settle_dtype(result: TypedTable, column: Column, findings: Findings) -> None:
    """Text without outer spaces and words for missing; numbers, dates and flags of a Parquet file as they are."""
    name = as_read(column.name)
    dtype = result.frame.schema[name]
    cell = pl.col(name)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        text = cell.cast(pl.String).str.strip_chars(_SPACES)
        cell = pl.when(~text.str.to_lowercase().is_in(MISSING_WORDS)).then(text)
    elif isinstance(dtype, pl.Datetime):
        cell = cell.dt.date()
    elif dtype.is_float() or dtype.is_decimal():
        cell = cell.cast(pl.Float64).fill_nan(None)
    elif not (dtype.is_integer() or dtype in (pl.Boolean, pl.Date, pl.Null)):
        findings.add(
            result.file,
            f"the column holds {dtype.base_type().__name__.lower()} values",
            f"Store it as {column.kind} values.",
            column=column.name,
        )
        cell = pl.lit(None, dtype=pl.String)
    result.frame = result.frame.with_columns(cell.alias(name))


def _convert(
    result: TypedTable, column: Column, comma_marks_decimals: bool | None, findings: Findings
) -> None:
    cell = result.frame[as_read(column.name)]
    conversion = _conversion(cell, column, comma_marks_decimals)
    result.frame = result.frame.with_columns(
        conversion.value.cast(DTYPES[column.kind]).alias(column.name), *conversion.beside
    )
    unreadable = conversion.value.is_null() & cell.is_not_null()
    if unreadable.any():
        result.frame = result.frame.with_columns(
            unreadable.alias(failed(column.name)),
            conversion.rule.alias("rule"),
            conversion.mend.alias("mend"),
        )
        findings.rows(result, pl.col(failed(column.name)), column.name, pl.col("rule"), pl.col("mend"))
        result.frame = result.frame.drop("rule", "mend")
    if column.required:
        findings.rows(result, result.missing(column.name), column.name, "the cell is empty", column.mend)
    if column.name not in _TIMES:
        report_range(result, column, findings)


def _conversion(cell: pl.Series, column: Column, comma_marks_decimals: bool | None) -> Conversion:
    match column.kind:
        case "number" | "integer":
            return convert_number(cell, comma_marks_decimals, column.mend, whole=column.kind == "integer")
        case "quantity":
            return convert_quantity(cell, comma_marks_decimals, column.mend)
        case "date":
            return convert_date(cell, column.mend)
        case "flag":
            return convert_flag(cell, column.mend)
        case "category":
            return convert_category(cell, column)
        case "text":
            # Parquet keeps numeric identifiers as floats when one is missing: 7.0 is patient 7.
            whole = cell.cast(pl.Int64, strict=False) if cell.dtype.is_float() else cell
            same = whole.cast(pl.Float64) == cell if cell.dtype.is_float() else None
            text = cell if same is None or not same.all() else whole
            return Conversion(text.cast(pl.String))


def report_range(result: TypedTable, column: Column, findings: Findings) -> None:
    """Report numbers outside the declared range (errors) and outside the usual one (warnings)."""
    value = pl.col(column.name)
    unit = f" {column.unit}" if column.unit else ""
    low, high = column.low, column.high
    if low is not None:
        findings.rows(result, value < low, column.name, f"below {low:g}{unit}", column.mend)
    if high is not None:
        findings.rows(result, value > high, column.name, f"above {high:g}{unit}", column.mend)
    report_doubtful(result, column, findings)


def report_doubtful(result: TypedTable, column: Column, findings: Findings) -> None:
    """Report numbers outside the usual range, but within the declared one, as warnings."""
    value = pl.col(column.name)
    unit = f" {column.unit}" if column.unit else ""
    low, high = column.low, column.high
    doubt = "Check the value; nothing to do if it is right."
    if column.doubtful_low is not None:
        doubtful = (value < column.doubtful_low) & (value >= (low if low is not None else float("-inf")))
        rule = f"below {column.doubtful_low:g}{unit}, which is rare"
        findings.rows(result, doubtful, column.name, rule, doubt, severity="warning")
    if column.doubtful_high is not None:
        doubtful = (value > column.doubtful_high) & (value <= (high if high is not None else float("inf")))
        rule = f"above {column.doubtful_high:g}{unit}, which is rare"
        findings.rows(result, doubtful, column.name, rule, doubt, severity="warning")
