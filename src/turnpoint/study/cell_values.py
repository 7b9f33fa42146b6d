"""One kind of cell at a time: what its text means, and what is wrong with the text that means nothing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.study.schema import Column, fold

MISSING_WORDS: Final = ("", "na", "n/a", ".", "nan", "null")

_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_COMMA_NUMBER: Final = r"^[+-]?\d*,\d+$"
# One to three digits, a mark, three digits: a number with decimals, or a thousand.
_AMBIGUOUS_COMMA: Final = r"^[+-]?[1-9]\d{0,2},\d{3}$"
_AMBIGUOUS_POINT: Final = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
_SIGN: Final = r"^([<>]=?)?\s*"
_PLAIN_MEND: Final = "Write it without a thousands separator and with a decimal point."
_YEAR_FIRST: Final = r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})([T ].*)?$"
_BASIC_DATE: Final = r"^\d{8}$"
_PARTIAL_DATE: Final = r"(?i)^\d{4}$|^\d{4}-(\d{1,2}|un|unk|-)?(-.{0,3})?$|^-+\d|(^|[^a-z])(un|unk)([^a-z]|$)"
_EXCEL_DAY: Final = r"^\d{5}(\.\d+)?$"
_FLAGS: Final[Mapping[str, bool]] = MappingProxyType(
    dict.fromkeys(("true", "t", "yes", "y", "1", "1.0", "是"), True)
    | dict.fromkeys(("false", "f", "no", "n", "0", "0.0", "否"), False)
)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted column, and for each cell what would be wrong with it if it did not convert.

    Attributes:
        value: the values; null where the cell is missing or unreadable.
        rule, mend: texts for the unreadable cells, of the same height.
        beside: further columns that come from the same cells.
    """

    value: pl.Series
    rule: pl.Series = field(default_factory=lambda: pl.Series(["unreadable"]))
    mend: pl.Series = field(default_factory=lambda: pl.Series([""]))
    beside: tuple[pl.Series, ...] = ()


def has_certain_decimal_comma(frame: pl.DataFrame, columns: list[str]) -> bool:
    """True when some cell can only be a number with a decimal comma (`12,5`, `0,125`), so that the rest may be."""
    return any(
        frame.select((_number_text(name).str.contains(_COMMA_NUMBER) & ~_ambiguous(name)).any()).item()
        for name in columns
        if frame.schema[name] == pl.String
    )


def convert_number(
    cell: pl.Series, comma_marks_decimals: bool | None, mend: str, *, whole: bool = False
) -> Conversion:
    """Numbers, from text or as they are.

    Args:
        cell: the cells.
        comma_marks_decimals: None when a comma cannot be a decimal mark (it separates the cells); else whether
            other cells of the file prove that it is. Without proof `1,234` is ambiguous; with it `1.234` is.
        mend: what to do with text that is no number at all.
        whole: true when only whole numbers will do; 42.0 is one.

    Returns:
        Float64 values, or Int64 when whole.
    """
    if cell.dtype.is_numeric():
        value = cell.cast(pl.Float64)
        value = value.set(value.is_infinite().fill_null(value=False), None)
        return _as_whole(value, value, mend) if whole else _explained(value, "not a finite number", mend)
    frame = cell.cast(pl.String).alias("cell").to_frame()
    text = _number_text("cell")
    comma, point = text.str.contains(_AMBIGUOUS_COMMA), text.str.contains(_AMBIGUOUS_POINT)
    ambiguous = pl.lit(value=False)
    if comma_marks_decimals is not None:
        ambiguous = point if comma_marks_decimals else comma
        text = pl.when(text.str.contains(_COMMA_NUMBER)).then(text.str.replace(",", ".")).otherwise(text)
    number = pl.when(text.str.contains(_NUMBER) & ~ambiguous).then(text).cast(pl.Float64, strict=False)
    has_comma = pl.col("cell").str.contains(r"\d,\d")
    result = frame.select(
        pl.when(number.is_finite()).then(number).alias("value"),
        pl.when(ambiguous)
        .then(pl.lit("the mark may stand for decimals or for thousands"))
        .when(has_comma)
        .then(pl.lit("the comma may stand for decimals or for thousands"))
        .otherwise(pl.lit("not a number"))
        .alias("rule"),
        pl.when(ambiguous | has_comma).then(pl.lit(_PLAIN_MEND)).otherwise(pl.lit(mend)).alias("mend"),
    )
    conversion = Conversion(result["value"], result["rule"], result["mend"])
    return _as_whole(conversion.value, conversion, mend) if whole else conversion


def convert_quantity(cell: pl.Series, comma_marks_decimals: bool | None, mend: str) -> Conversion:
    """Laboratory results: a number, or `<0.1`, `<= 0.1`, `>5000`; the sign goes to the column `sign`."""
    if cell.dtype.is_numeric():
        plain = convert_number(cell, comma_marks_decimals, mend)
        return Conversion(
            plain.value,
            plain.rule,
            plain.mend,
            (pl.Series("sign", [None], pl.String).new_from_index(0, len(cell)),),
        )
    frame = cell.cast(pl.String).alias("cell").to_frame()
    split = frame.select(
        _ascii_signs("cell").str.extract(_SIGN, 1).alias("sign"),
        _ascii_signs("cell").str.replace(_SIGN, "").alias("number"),
    )
    plain = convert_number(split["number"], comma_marks_decimals, mend)
    return Conversion(plain.value, plain.rule, plain.mend, (split["sign"],))


def convert_date(cell: pl.Series, mend: str) -> Conversion:
    """Calendar dates: year first (`2024-03-05`, `2024/3/5`, `20240305`), a time of day is left off."""
    if cell.dtype == pl.Date:
        return _explained(cell, "not a date", mend)
    frame = cell.cast(pl.String).alias("cell").to_frame()
    text = pl.col("cell")
    full, basic = text.str.contains(_YEAR_FIRST), text.str.contains(_BASIC_DATE)
    parts = [text.str.extract(_YEAR_FIRST, place).str.zfill(2) for place in (1, 2, 3)]
    iso = pl.when(full).then(pl.concat_str(parts, separator="-"))
    result = frame.select(
        pl.coalesce(
            iso.str.to_date("%Y-%m-%d", strict=False),
            pl.when(basic).then(text).str.to_date("%Y%m%d", strict=False),
        ).alias("value"),
        pl.when(full | basic)
        .then(pl.lit("no such day in the calendar"))
        .when(text.str.contains(_PARTIAL_DATE))
        .then(pl.lit("only part of a date"))
        .when(text.str.contains(_EXCEL_DAY))
        .then(pl.lit("a day number of Excel, not a date"))
        .otherwise(pl.lit("not a date as yyyy-mm-dd; the order of day and month cannot be known"))
        .alias("rule"),
    )
    return _explained(result["value"], result["rule"], mend)


def convert_flag(cell: pl.Series, mend: str) -> Conversion:
    """True and false in the words people write."""
    if cell.dtype == pl.Boolean:
        return _explained(cell, "not true or false", mend)
    text = cell.cast(pl.String).str.to_lowercase()
    return _explained(
        text.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean), "not true or false", mend
    )


def convert_category(cell: pl.Series, column: Column) -> Conversion:
    """One of the allowed values; case, spaces, hyphens and underscores do not matter."""
    known = {fold(value): value for value in column.allowed} | dict(column.synonyms)
    written = cell.cast(pl.String)
    meanings: dict[str, str] = {}
    mends: dict[str, str] = {}
    for text in written.drop_nulls().unique().to_list():
        meaning = known.get(fold(text))
        if meaning is not None:
            meanings[text] = meaning
            continue
        near = difflib.get_close_matches(fold(text), list(known), n=1)
        mends[text] = column.mend + (f" Is {known[near[0]]} meant?" if near else "")
    value = written.replace_strict(meanings, default=None, return_dtype=pl.String)
    mend = written.replace_strict(mends, default=column.mend, return_dtype=pl.String)
    return Conversion(value, pl.repeat("not an allowed value", len(cell), eager=True), mend)


def _as_whole(value: pl.Series, otherwise: Conversion | pl.Series, mend: str) -> Conversion:
    """Whole numbers only; a number with decimals is told so, text that is no number keeps its own rule."""
    # Beyond 2^53 a float is no longer a count of anything.
    whole = (value == value.floor()) & (value.abs() < 2**53)
    base = otherwise if isinstance(otherwise, Conversion) else _explained(value, "not a number", mend)
    has_decimals = value.is_not_null()
    frame = pl.DataFrame(
        {"value": value, "whole": whole, "number": has_decimals, "rule": base.rule, "mend": base.mend}
    ).select(
        pl.when("whole").then("value").cast(pl.Int64).alias("value"),
        pl.when("number").then(pl.lit("not a whole number")).otherwise("rule").alias("rule"),
        pl.when("number").then(pl.lit(mend)).otherwise("mend").alias("mend"),
    )
    return Conversion(frame["value"], frame["rule"], frame["mend"])


def _explained(value: pl.Series, rule: str | pl.Series, mend: str) -> Conversion:
    rules = pl.repeat(rule, len(value), eager=True) if isinstance(rule, str) else rule
    return Conversion(value, rules, pl.repeat(mend, len(value), eager=True))


def _ascii_signs(name: str) -> pl.Expr:
    return pl.col(name).str.replace_many(
        ["\N{LESS-THAN OR EQUAL TO}", "\N{GREATER-THAN OR EQUAL TO}", "＜", "＞"], ["<=", ">=", "<", ">"]
    )


def _number_text(name: str) -> pl.Expr:
    return pl.col(name).str.replace("\N{MINUS SIGN}", "-", literal=True)


def _ambiguous(name: str) -> pl.Expr:
    return _number_text(name).str.contains(_AMBIGUOUS_COMMA)
