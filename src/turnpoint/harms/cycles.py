"""Which cycle each administration belongs to, and how long a cycle is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from turnpoint.study.dose_lists import USUAL_CYCLE_DAYS

# Without cycle numbers: a day 8 or 15 belongs to the cycle that its day 1 began; a dose so long after the last one, or
# after the cycle's first one, begins the next. So daily and weekly treatment counts in blocks of three weeks.
NEW_CYCLE_AFTER_GAP_DAYS: Final = 10
NEW_CYCLE_AFTER_DAYS: Final = 21
SHORTEST_CYCLE_DAYS: Final = 7.0

CYCLES_SCHEMA: Final = {
    "patient_id": pl.String(),
    "cycle": pl.Int64(),
    "first_day": pl.Int64(),
    "end_day": pl.Float64(),
    "cycle_days": pl.Float64(),
    "dose_days": pl.Int64(),
}


def cycle_starts(days: Sequence[int]) -> list[int]:
    """First days of the cycles of one patient whose doses carry no cycle number.

    >>> cycle_starts([0, 7, 14, 28, 35, 42])
    [0, 28]
    >>> cycle_starts([0, 14, 28])
    [0, 14, 28]
    """
    starts: list[int] = []
    last = 0
    for day in sorted(set(days)):
        if not starts or day - last >= NEW_CYCLE_AFTER_GAP_DAYS or day - starts[-1] >= NEW_CYCLE_AFTER_DAYS:
            starts.append(day)
        last = day
    return starts


def cycles_of(given: pl.DataFrame) -> pl.DataFrame:
    """The cycles of every patient with doses, numbered from 1.

    A patient whose doses all carry a cycle number has those: a new one begins where the number, or the line, changes.
    Otherwise they follow from the days (`cycle_starts`).

    Args:
        given: administrations, `patient_id, day, line, cycle, ...`.

    Returns:
        One row a cycle, columns `CYCLES_SCHEMA`. `end_day` is the first day of the next cycle, for the last one its
        first day and `cycle_days`: the patient's usual cycle, the median distance of first days, 21 days where there
        is one cycle only. `dose_days` is on how many days anything was given.
    """
    days = (given.group_by("patient_id", "day").agg(pl.col("line").first(), pl.col("cycle").first())).sort(
        "patient_id", "day"
    )
    numbered = pl.col("cycle").is_not_null().all().over("patient_id")
    by_number = days.filter(numbered).with_columns(
        pl.struct("line", "cycle").rle_id().over("patient_id").alias("run")
    )
    first_days = by_number.group_by("patient_id", "run").agg(pl.col("day").min()).select("patient_id", "day")
    plain = days.filter(~numbered).group_by("patient_id").agg("day")
    derived = plain.with_columns(
        pl.col("day").map_elements(lambda own: cycle_starts(own.to_list()), return_dtype=pl.List(pl.Int64))
    ).explode("day")
    starts = pl.concat([first_days, derived.select("patient_id", "day")]).sort("patient_id", "day")
    cycles = starts.with_columns(
        pl.int_range(1, pl.len() + 1).over("patient_id").alias("cycle"),
        pl.col("day").shift(-1).over("patient_id").alias("next_day"),
        pl.col("day")
        .diff()
        .over("patient_id")
        .median()
        .over("patient_id")
        .fill_null(USUAL_CYCLE_DAYS)
        .clip(SHORTEST_CYCLE_DAYS)
        .alias("cycle_days"),
    )
    counts = (
        numbered_by_cycle(days.select("patient_id", "day"), cycles.rename({"day": "first_day"}))
        .group_by("patient_id", "cycle")
        .agg(pl.len().alias("dose_days"))
    )
    return (
        cycles.join(counts, on=["patient_id", "cycle"], how="left", maintain_order="left")
        .with_columns(
            pl.col("day").alias("first_day"),
            pl.coalesce("next_day", pl.col("day") + pl.col("cycle_days")).alias("end_day"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in CYCLES_SCHEMA.items())
    )


def numbered_by_cycle(rows: pl.DataFrame, cycles: pl.DataFrame) -> pl.DataFrame:
    """The rows (`patient_id, day, ...`) with the `cycle` that was running on the day; 0 before the first."""
    return (
        rows.drop("cycle", strict=False)
        .sort("patient_id", "day", maintain_order=True)
        .join_asof(
            cycles.select("patient_id", "cycle", pl.col("first_day").alias("day")).sort("patient_id", "day"),
            on="day",
            by="patient_id",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(pl.col("cycle").fill_null(0))
    )


def pattern_cycles(cycles: pl.DataFrame, last_days: pl.DataFrame) -> pl.DataFrame:
    """The cycle that the next one is taken to repeat: `patient_id, cycle`.

    That is the last one; the one before where the last is still running on the last recorded day with fewer dose days,
    so that a day 1 without its day 8 is not taken for a whole cycle.
    """
    last_two = (
        cycles.join(last_days, on="patient_id", how="left", maintain_order="left")
        .with_columns(pl.col("dose_days").shift(1).over("patient_id").alias("before"))
        .group_by("patient_id", maintain_order=True)
        .last()
    )
    running = (pl.col("last_day") < pl.col("end_day")) & (pl.col("dose_days") < pl.col("before"))
    return last_two.select(
        "patient_id", (pl.col("cycle") - running.fill_null(value=False).cast(pl.Int64)).alias("cycle")
    )
