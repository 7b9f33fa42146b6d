"""What each series of one patient did up to its last reading, in numbers that a sentence can say.

One set of facts behind every sentence and table: rises and falls are those of `turning.reading_changes`, with the error
of those very readings. No model enters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import FloatArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.series import batches, in_slots
from turnpoint.study.markers import ONE_SIDED_95
from turnpoint.turning.detectable import bounds_of_change
from turnpoint.turning.reading_changes import SUM, Changes, Measured, changes, looked_at_by, measured

Trend = Literal["single", "floor", "risen", "early_rise", "fallen", "slow_fall", "level"]
_LEAST_WEEKS = 1.0 / 7.0


@dataclass(frozen=True, slots=True)
class Value:
    """One reading: its week and value, mm or the marker's unit."""

    week: float
    value: float


@dataclass(frozen=True, slots=True)
class SeriesFact:
    """What one lesion, their sum, or a marker did up to its last reading.

    Attributes:
        quantity: `sum_of_diameters_mm` or the marker's name.
        part: the lesion, `SUM`, or "" for a marker.
        trend: `risen` above its smallest, `early_rise` of a marker that may be a surge, `fallen` lately, `slow_fall`
            (beyond error, but not as fast as shrinking tumours do), `level` (within error), `floor` (at the limit of
            what can be read), `single` (one reading).
        first, smallest, last: readings.
        since: the reading that the trend is counted from: the smallest for a rise, an earlier one for a fall, the first
            of those within error for a level.
        level: smallest and largest of the readings from `since` on.
        readings: how many there are; `alike` of them, the last ones, are within error.
        error: by how much readings may differ by chance where the trend is judged: mm, or a ratio less 1 for a marker.
        below_first: the last lies below the first beyond error.
    """

    quantity: str
    part: str
    trend: Trend
    first: Value
    smallest: Value
    last: Value
    since: Value
    level: tuple[float, float]
    readings: int
    alike: int
    error: float
    below_first: bool

    @property
    def is_size(self) -> bool:
        """In mm."""
        return self.quantity == SUM_OF_DIAMETERS

    @property
    def is_lesion(self) -> bool:
        """One lesion, not a sum of several."""
        return self.is_size and self.part != SUM

    @property
    def weeks(self) -> float:
        """From where the trend is counted to the last reading."""
        return self.last.week - self.since.week

    @property
    def change(self) -> float:
        """Of the last reading from where the trend is counted, as a fraction; nan from 0."""
        return self.last.value / self.since.value - 1.0 if self.since.value else float("nan")

    @property
    def change_per_week(self) -> float:
        """The same as a constant rate a week, as a fraction."""
        if not (self.since.value > 0.0 and self.last.value > 0.0):
            return float("nan")
        weeks = max(self.weeks, _LEAST_WEEKS)
        return float(np.expm1(np.log(self.last.value / self.since.value) / weeks))


def series_facts(parts: pl.DataFrame, prior: Prior) -> tuple[SeriesFact, ...]:
    """The facts of every series of one patient: lesions, their sum where there are several, markers.

    Args:
        parts: readings of one patient (`model.series.parts_of`).
        prior: for the quantities and the error of markers.
    """
    if parts.is_empty():
        return ()
    (batch,) = batches(parts, pl.DataFrame(schema=_DOSES), list(prior.quantities), 1)
    sizes = in_slots(parts.filter(pl.col("quantity") == SUM_OF_DIAMETERS))
    lesions = sizes["part"].unique(maintain_order=True).to_list()
    every = list(measured(batch, prior))
    return tuple(_facts(every, lesions, parts))


_DOSES = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "drug": pl.String,
    "action": pl.String,
}


def _facts(every: Sequence[Measured], lesions: Sequence[str], parts: pl.DataFrame) -> Iterator[SeriesFact]:
    for each in every:
        series = _last_stretch(each, len(lesions))
        if not series.length[0]:
            continue
        found = changes(series, looked_at_by(every, series.day)[1])
        part = SUM if series.part == SUM else lesions[int(series.part)] if series.is_diameter else ""
        yield _fact(series, found, part, _as_written(parts, series, part))


def _last_stretch(series: Measured, lesions: int) -> Measured:
    """Of a sum the readings that are of all lesions: those before one was first read are of another sum."""
    if series.part != SUM:
        return series
    own = np.flatnonzero(series.known[0] & (series.lesions[0] == lesions))
    columns = {name: getattr(series, name)[:, own] for name in ("day", "value", "sd", "lesions")}
    return replace(series, length=np.array([len(own)]), **columns)


def _as_written(parts: pl.DataFrame, series: Measured, part: str) -> pl.DataFrame:
    """`day, value, at_floor` of the series as they were written down: 0 mm is 0 mm."""
    own = parts.filter(pl.col("quantity") == series.quantity)
    if part != SUM:
        own = own.filter(pl.col("part").fill_null("") == part)
    return (
        own.group_by("day")
        .agg(pl.col("value").sum(), (pl.col("censoring") < 0).all().alias("at_floor"))
        .filter(pl.col("day").is_in(series.day[0, : series.length[0]].astype(np.int64).tolist()))
        .sort("day")
    )


def _fact(series: Measured, found: Changes, part: str, written: pl.DataFrame) -> SeriesFact:
    last = int(series.length[0]) - 1
    value, sd = series.value[0], series.sd[0]
    trend = _trend(series, found, last, at_floor=bool(written["at_floor"][last]))
    alike = _alike(value, sd, last)
    smallest = int(found.smallest_at[0, last])
    since, bound = {
        "risen": (smallest, found.rise_bound[0, last]),
        "early_rise": (smallest, found.rise_bound[0, last]),
        "fallen": (int(found.fallen_since[0, last]), found.fall_bound[0, last]),
        "slow_fall": (int(found.fallen_since[0, last]), found.fall_bound[0, last]),
    }.get(trend, (last - alike + 1, bounds_of_change(np.array([max(alike - 1, 1)]), np.array([1]))[0]))
    spread = float(bound * np.hypot(sd[since], sd[last]))
    values = [Value(day / 7.0, own) for day, own in written.select("day", "value").rows()]
    tail = [own.value for own in values[since:]]
    return SeriesFact(
        quantity=series.quantity,
        part=part,
        trend=trend,
        first=values[0],
        smallest=values[smallest],
        last=values[last],
        since=values[since],
        level=(min(tail), max(tail)),
        readings=last + 1,
        alike=alike,
        error=spread if series.is_diameter else float(np.expm1(spread)),
        below_first=bool((value[0] - value[last]) > ONE_SIDED_95 * np.hypot(sd[0], sd[last])),
    )


def _trend(series: Measured, found: Changes, last: int, *, at_floor: bool) -> Trend:
    if at_floor:
        return "floor"
    if last == 0:
        return "single"
    if found.risen[0, last]:
        return "risen"
    if found.above_smallest[0, last] > found.rise_bound[0, last]:
        return "early_rise"
    if found.fallen[0, last]:
        return "fallen"
    since = int(found.fallen_since[0, last])
    value, sd = series.value[0], series.sd[0]
    fall = (value[since] - value[last]) / np.hypot(sd[since], sd[last])
    return "slow_fall" if fall > found.fall_bound[0, last] else "level"


def _alike(value: FloatArray, sd: FloatArray, last: int) -> int:
    """How many of the last readings lie as close together as readings of one level do; at least 2 where there are."""
    alike = min(2, last + 1)
    while alike <= last:
        tail = slice(last - alike, last + 1)
        low, high = int(np.argmin(value[tail])) + last - alike, int(np.argmax(value[tail])) + last - alike
        bound = bounds_of_change(np.array([alike]), np.array([1]))[0]
        if value[high] - value[low] > bound * np.hypot(sd[low], sd[high]):
            break
        alike += 1
    return alike


def at_floor_mm(value_mm: float) -> bool:
    """Whether a size is below what can be measured."""
    return value_mm < TOO_SMALL_MM
