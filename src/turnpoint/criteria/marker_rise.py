"""Progression by a marker that a second sample confirms: what GCIG and PCWG3 share. Each sets its own bar and days.

1. Progression is a run of samples over the bar, none between them under it, at least so many days long; it is dated at
   the first of them. A rise that is not confirmed is listed and is no progression.
2. Nothing after progression counts, nor after a new therapy.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.marker_series import measured, number, with_run


def with_confirmed_rise(series: pl.DataFrame, apart_days: int) -> pl.DataFrame:
    """Rule 1: `progression_from`, `progression_to`, `progressed`, `progression_day`.

    Args:
        series: with `course`, `day` and `met`, which says that a sample is over the bar when it may count.
        apart_days: from the first sample over the bar to the one that confirms it.
    """
    series = with_run(series, "met", "progression")
    apart = pl.col("progression_to") - pl.col("progression_from")
    confirmed = (apart >= apart_days).fill_null(value=False)
    return series.with_columns(confirmed.alias("progressed")).with_columns(
        pl.when("progressed").then("day").min().over("course").alias("progression_day")
    )


def counted() -> pl.Expr:
    """Rule 2: true for a sample after the baseline that may still be a response."""
    until = pl.col("progression_day")
    return pl.col("after") & pl.col("judged") & (until.is_null() | (pl.col("day") <= until))


def summary() -> list[pl.Expr]:
    """What a reason needs to know of each course, as aggregates of its samples."""
    day = pl.col("day")
    then, value = day == pl.col("progression_day"), measured("value", "lower", "upper")
    return [
        pl.col("evaluable", "baseline_day", "progression_day").first(),
        pl.when(day == pl.col("baseline_day")).then(value).drop_nulls().first().alias("before"),
        pl.when(pl.col("counted") & (pl.col("overall_response") != "NE"))
        .then(day)
        .max()
        .alias("last_evaluable_day"),
        pl.when("met").then(day).min().alias("unconfirmed_progression_day"),
        pl.when(then).then(value).drop_nulls().first().alias("progression_value"),
        pl.when(then).then("bar").max().alias("progression_bar"),
        pl.when(then).then("progression_to").max().alias("progression_until"),
    ]


def reason(unit: str, kind: pl.Expr | None = None) -> pl.Expr:
    """Whether there was progression, with the numbers.

    Args:
        unit: of the marker.
        kind: of progression, to be named.
    """
    name = pl.lit("") if kind is None else pl.format(" ({})", kind)
    return (
        pl.when(pl.col("progression_day").is_not_null())
        .then(
            pl.format(
                f"; progression{{}} on day {{}}: {{}} {unit} is at least {{}}, and still so on day {{}}",
                name,
                "progression_day",
                "progression_value",
                number("progression_bar"),
                "progression_until",
            )
        )
        .when(pl.col("unconfirmed_progression_day").is_not_null())
        .then(
            pl.format("; over the bar of progression on day {}, not confirmed", "unconfirmed_progression_day")
        )
        .otherwise(pl.lit(""))
    )
