"""Adverse events by CTCAE term and grade: the worst, what has not resolved, how many a cycle."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.harms.cycles import numbered_by_cycle

FLAGGED_FROM_GRADE: Final = 2

ADVERSE_EVENTS_SCHEMA: Final = {
    "patient_id": pl.String(),
    "term": pl.String(),
    "events": pl.Int64(),
    "events_per_cycle": pl.Float64(),
    "first_day": pl.Int64(),
    "worst_grade": pl.Int64(),
    "worst_grade_day": pl.Int64(),
    "events_without_end": pl.Int64(),
    "unresolved_grade": pl.Int64(),
    "unresolved_since_day": pl.Int64(),
    "flagged": pl.Boolean(),
}
EVENTS_BY_CYCLE_SCHEMA: Final = {
    "patient_id": pl.String(),
    "cycle": pl.Int64(),
    "events": pl.Int64(),
    "worst_grade": pl.Int64(),
}


def adverse_events(events: pl.DataFrame, cycles: pl.DataFrame, last_days: pl.DataFrame) -> pl.DataFrame:
    """One row a patient and term, the worst first.

    An event is unresolved when it has no end, or ends after the last day on which anything of the patient is recorded.
    Nothing is read into a later row of the same term: each event needs its own end.

    Args:
        events: `patient_id, day, end_day, term, grade`.
        cycles: `cycles.cycles_of`, for how many there were.
        last_days: `patient_id, last_day`.

    Returns:
        Columns `ADVERSE_EVENTS_SCHEMA`; `unresolved_grade` is the worst unresolved one, null when none;
        `flagged` from grade 2 on; `events_per_cycle` is null without cycles.

    Source: grades as in CTCAE v5.0, National Cancer Institute, 27 November 2017.
    """
    unresolved = pl.col("end_day").is_null() | (pl.col("end_day") > pl.col("last_day"))
    counts = cycles.group_by("patient_id").agg(pl.len().alias("cycles"))
    own = ["patient_id", "term"]
    rows = (
        events.join(last_days, on="patient_id", how="left")
        .with_columns(unresolved.alias("unresolved"))
        .sort("patient_id", "term", "day", "source_row")
        .group_by(own, maintain_order=True)
        .agg(
            pl.len().alias("events"),
            pl.col("day").min().alias("first_day"),
            pl.col("grade").max().alias("worst_grade"),
            pl.col("day").filter(pl.col("grade") == pl.col("grade").max()).min().alias("worst_grade_day"),
            pl.col("end_day").is_null().sum().alias("events_without_end"),
            pl.col("grade").filter("unresolved").max().alias("unresolved_grade"),
            pl.col("day").filter("unresolved").min().alias("unresolved_since_day"),
        )
    )
    return (
        rows.join(counts, on="patient_id", how="left", maintain_order="left")
        .with_columns(
            (pl.col("events") / pl.col("cycles")).alias("events_per_cycle"),
            (pl.col("unresolved_grade") >= FLAGGED_FROM_GRADE).fill_null(value=False).alias("flagged"),
        )
        .sort("patient_id", "worst_grade", "first_day", descending=[False, True, False], maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in ADVERSE_EVENTS_SCHEMA.items())
    )


def events_by_cycle(events: pl.DataFrame, cycles: pl.DataFrame) -> pl.DataFrame:
    """Events that began in each cycle and their worst grade, columns `EVENTS_BY_CYCLE_SCHEMA`.

    Cycle 0 is before the first dose, and has a row only with an event; a cycle without events has 0 and null.
    """
    own = ["patient_id", "cycle"]
    seen = (
        numbered_by_cycle(events, cycles)
        .group_by(own)
        .agg(pl.len().alias("events"), pl.col("grade").max().alias("worst_grade"))
    )
    everything = pl.concat([cycles.select(own), seen.select(own)]).unique()
    return (
        everything.join(seen, on=own, how="left")
        .with_columns(pl.col("events").fill_null(0))
        .sort(own)
        .select(pl.col(name).cast(dtype) for name, dtype in EVENTS_BY_CYCLE_SCHEMA.items())
    )
