"""Plateaus in plain sight: readings in a row within reading error after a fall, and what came next.

Counting only, without a model: what anyone with the series and a ruler would count. A window is so many readings in
a row of one patient, by default three, none of them the baseline, the last of them lower than the baseline by more
than reading error:

    flat     no two of them differ by more than reading error: a plateau
    fallen   the last is lower than the first by more than reading error
    risen    the last is higher than the first by more than reading error
    mixed    the last is like the first, one between is not

Windows that touch a value at or below a floor (a lesion gone or too small to measure) are left out: there is nothing
left to read. So are windows at or after progression.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from turnpoint.errors import MeasurementError

Trend = Literal["flat", "fallen", "risen", "mixed"]
Outcome = Literal["progressed", "risen", "flat", "fallen", "unknown"]

OUTCOMES: Final[tuple[Outcome, ...]] = ("progressed", "risen", "flat", "fallen", "unknown")
DAYS_LATE: Final = 7  # a visit planned for the horizon may come a week late
DAYS_APART: Final = (
    35  # further from the horizon a reading says nothing about it; half of a nine-week interval
)
_DAYS_PER_WEEK: Final = 7
_TOLERANCE: Final = 1e-9  # 66 mm is 10 % more than 60 mm, not a rounding error more than that


@dataclass(frozen=True, slots=True)
class ReadingError:
    """When two readings count as the same.

        |ln(a / b)| <= error_log   or   |a - b| <= rounding

    Attributes:
        error_log: change of log value that error alone can make (`turning.detectable`), 0 or more.
        rounding: in the unit of the values, 0 or more; 1 mm for diameters, which readers write as whole mm.
        floor: a value up to this is at the limit of what can be read; 5 mm for diameters (RECIST 1.1, 4.2).
    """

    error_log: float
    rounding: float = 0.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no error.

        Raises:
            MeasurementError: a negative number.
        """
        for name in self.__slots__:
            value = getattr(self, name)
            if not value >= 0:
                raise MeasurementError(f"{name}={value:g}: below 0, or not a number. Give 0 or more.")

    def is_below(self, low: pl.Expr, high: pl.Expr) -> pl.Expr:
        """Whether the first is below the second by more than error; neither below 0."""
        ratio = math.exp(self.error_log) * (1 + _TOLERANCE)
        return (low * ratio < high) & (low + self.rounding < high)


def windows(
    readings: pl.DataFrame, progressions: pl.DataFrame, error: ReadingError, length: int = 3
) -> pl.DataFrame:
    """Every window after a fall and before progression.

    Args:
        readings: `patient_id, day, value`, one row a day; what could not be measured has no row. The baseline is
            the last reading up to day 0, or the first one.
        progressions: `patient_id, progression_day`, of the patients who progressed.
        error: when two readings count as the same.
        length: readings in a window, 2 or more.

    Returns:
        `patient_id, day, level, baseline, trend`: day of the last reading, median of them, baseline, `Trend`; by
        patient and day.

    Raises:
        MeasurementError: a window of fewer than two readings.
    """
    if length < 2:
        raise MeasurementError(f"length={length}: a window of fewer than 2 readings. Give 2 or more.")
    own, value, first = "patient_id", pl.col("value"), pl.col("0")
    places = [str(place) for place in range(length)]
    before = [value.shift(length - 1 - place).over(own).alias(str(place)) for place in range(length)]
    since = _from_baseline(readings).with_columns(
        *before, value.first().over(own).alias("baseline"), pl.int_range(pl.len()).over(own).alias("after")
    )
    lowest, highest = pl.min_horizontal(places), pl.max_horizontal(places)
    trend = (
        pl.when(~error.is_below(lowest, highest))
        .then(pl.lit("flat"))
        .when(error.is_below(value, first))
        .then(pl.lit("fallen"))
        .when(error.is_below(first, value))
        .then(pl.lit("risen"))
        .otherwise(pl.lit("mixed"))
    )
    judged = pl.col("progression_day").is_null() | (pl.col("day") < pl.col("progression_day"))
    return (
        since.join(progressions, on=own, how="left", maintain_order="left")
        .filter(
            (pl.col("after") >= length)
            & (lowest > error.floor)
            & error.is_below(value, pl.col("baseline"))
            & judged
        )
        .select(
            own, "day", pl.concat_list(places).list.median().alias("level"), "baseline", trend.alias("trend")
        )
    )


def _from_baseline(readings: pl.DataFrame) -> pl.DataFrame:
    """The readings from each patient's baseline on, by patient and day."""
    day = pl.col("day")
    start = pl.coalesce(day.filter(day <= 0).max(), day.min()).over("patient_id")
    return readings.sort("patient_id", "day").filter(day >= start)


def first_of(found: pl.DataFrame, trend: Trend) -> pl.DataFrame:
    """Each patient's first window of a trend.

    Args:
        found: from `windows`.
        trend: which.
    """
    return (
        found.filter(pl.col("trend") == trend)
        .sort("patient_id", "day")
        .unique("patient_id", keep="first", maintain_order=True)
    )


def what_came_next(
    visits: pl.DataFrame,
    readings: pl.DataFrame,
    progressions: pl.DataFrame,
    error: ReadingError,
    weeks: float,
) -> pl.DataFrame:
    """What was seen so many weeks after each visit.

    Progression by then (up to a week late) comes first; else the reading nearest to the horizon, at most five weeks
    from it, against the level of the window; else unknown, because the series ended before.

    Args:
        visits: from `windows`, at most one a patient.
        readings: as for `windows`.
        progressions: as for `windows`.
        error: when two readings count as the same.
        weeks: the horizon, above 0.

    Returns:
        `visits` with `value_then` (of that reading, also after progression; null without one) and `outcome`
        (`Outcome`), in their order.
    """
    horizon = pl.col("day") + round(_DAYS_PER_WEEK * weeks)
    away = (pl.col("day_then") - horizon).abs()
    then = (
        visits.select("patient_id", "day")
        .join(
            readings.select(
                "patient_id", pl.col("day").alias("day_then"), pl.col("value").alias("value_then")
            ),
            on="patient_id",
        )
        .filter((pl.col("day_then") > pl.col("day")) & (away <= DAYS_APART))
        .sort("patient_id", away, "day_then")
        .unique("patient_id", keep="first", maintain_order=True)
        .select("patient_id", "value_then")
    )
    level, value = pl.col("level"), pl.col("value_then")
    outcome = (
        pl.when(pl.col("progression_day") <= horizon + DAYS_LATE)
        .then(pl.lit("progressed"))
        .when(value.is_null())
        .then(pl.lit("unknown"))
        .when(error.is_below(level, value))
        .then(pl.lit("risen"))
        .when(error.is_below(value, level))
        .then(pl.lit("fallen"))
        .otherwise(pl.lit("flat"))
    )
    return (
        visits.join(then, on="patient_id", how="left", maintain_order="left")
        .join(progressions, on="patient_id", how="left", maintain_order="left")
        .with_columns(outcome.alias("outcome"))
        .drop("progression_day")
    )
