"""Rows that say the same thing twice, and rows that contradict each other."""

from __future__ import annotations

import polars as pl

from turnpoint.study.findings import Findings, TypedTable
from turnpoint.study.schema import TABLES


def report_duplicates(table: TypedTable, findings: Findings) -> None:
    """Warn of rows that repeat another, and report second rows for one key that differ.

    A repetition is left out of lesions, markers, events and patients, where it says nothing new. It stays in
    doses: the same dose twice on a day may be what was given. Of several values of a marker on one day the last is
    read.

    Args:
        table: its frame changes in place.
        findings: where problems go.
    """
    declared = TABLES[table.name]
    key = list(declared.key)
    told = [c.name for c in declared.columns if not c.derived and not c.transient]
    content = [*told, "censoring"] if table.name == "markers" else told
    identified = [name for name in ("patient_id", "day") if name in table.frame.columns]
    complete = pl.all_horizontal(pl.col(name).is_not_null() for name in identified)
    kept = table.name == "doses"
    repeated = _later(table, content, complete)
    findings.rows(
        repeated,
        pl.lit(value=True),
        None,
        "the row repeats an earlier one" + (", and both count" if kept else ""),
        pl.format(
            "Remove it if it is the same dose as row {}."
            if kept
            else "Remove it; row {} says the same and is read.",
            pl.col("first_row"),
        ),
        severity="warning",
    )
    if not kept:
        rows = repeated.frame["source_row"].implode()
        table.frame = table.frame.filter(~pl.col("source_row").is_in(rows))
    if not key:
        return
    if table.name == "markers":
        _keep_last_of_day(table, key, complete, findings)
        return
    named = complete & pl.all_horizontal(pl.col(name).is_not_null() for name in key if name != "reader")
    findings.rows(
        _later(table, key, named),
        pl.lit(value=True),
        None,
        f"a second row for the same {', '.join(name.removesuffix('_id') for name in key)}, with other values",
        pl.format("Keep this row or row {}, and remove the other.", pl.col("first_row")),
    )


def _keep_last_of_day(table: TypedTable, key: list[str], complete: pl.Expr, findings: Findings) -> None:
    """Read the last of several values of a marker on one day, as of SDTM's LB, and warn of the others."""
    named = complete & pl.all_horizontal(pl.col(name).is_not_null() for name in key)
    frame = table.frame.filter(named)
    if frame.select(pl.struct(key).is_unique().all()).item():
        return
    last = pl.col("source_row").max().over(key)
    earlier = frame.with_columns(last.alias("last_row")).filter(pl.col("source_row") < pl.col("last_row"))
    findings.rows(
        table.part(earlier),
        pl.lit(value=True),
        "value",
        "several values of one marker on one day; the last of them is read, not this one",
        pl.format("Keep this row or row {}, and remove the other.", pl.col("last_row")),
        severity="warning",
    )
    left_out = earlier["source_row"].implode()
    table.frame = table.frame.filter(~pl.col("source_row").is_in(left_out))


def _later(table: TypedTable, columns: list[str], complete: pl.Expr) -> TypedTable:
    """The rows that agree with an earlier row in some columns; `first_row` is that row."""
    frame = table.frame.filter(complete)
    # Nearly every study has none: looking for the earlier rows is left until there are some.
    later = frame.filter(~pl.struct(columns).is_first_distinct())
    first = frame.join(later.select(columns).unique(), on=columns, how="semi", nulls_equal=True)
    first = first.group_by(columns).agg(pl.col("source_row").min().alias("first_row"))
    return table.part(later.join(first, on=columns, how="left", nulls_equal=True, maintain_order="left"))
