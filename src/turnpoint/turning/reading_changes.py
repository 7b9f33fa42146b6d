"""What the readings did: fell, stayed or rose, each change against the error of those very readings.

Facts about what has been read, not about what the tumour is doing: no model enters. Each lesion, the sum of those read
at a visit, and each marker is a series. With two readings a and b and the SDs of their errors (`turning.detectable`),
the change is (b - a) / √(sd_a² + sd_b²), in mm for a diameter and on the log scale for a marker.

    risen      above the smallest so far, beyond error; the bound knows how many readings cannot be told from the
               smallest, and how many series are looked at
    fallen     below a reading of the last quarter of a year, beyond error, by more than the living burden of a plateau
               does; and not risen
    new lowest below every reading before, beyond error
    higher     above the smallest so far, beyond the usual error, that of one reading: the same bound as for a rise, but
               error alone passes it in one of four

A marker's rise in the first eight weeks is no rise: it may be a surge. A sum of more lesions than before, because one
was first read later, is a series that begins anew: it says nothing about the sums before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.series import Batch, Series
from turnpoint.study.markers import ONE_SIDED_95
from turnpoint.turning.detectable import (
    bounds_of_change,
    detectable_log_change,
    reading_sd_mm,
)
from turnpoint.turning.tables import CHANGING_PER_WEEK

SURGE_WEEKS = 8.0  # a marker may surge after the first doses, mostly in responders (references section 2)
RECENT_WEEKS = 13.0  # a fall since then is going on: a quarter of a year, two scans at six weeks
# One reading in four lies farther above one other of the same level than the SD of a reading's error.
CHANCE_OF_HIGHER = 0.25
SUM = "sum"  # of the lesions read at a visit, beside the lesions themselves


@dataclass(frozen=True, slots=True)
class Measured:
    """Series of one kind in P patients, padded to N readings.

    Attributes:
        quantity: `sum_of_diameters_mm` or the marker's name.
        part: which of the lesions, `SUM`, or 0 for a marker.
        length: readings of each, shape (P,).
        day: shape (P, N).
        value: mm, or log value of a marker, shape (P, N).
        sd: of the error of each reading, on the same scale, shape (P, N).
        lesions: of how many lesions each reading is, 1 for a marker, shape (P, N): readings of as many are compared.
    """

    quantity: str
    part: int | str
    length: IntArray
    day: FloatArray
    value: FloatArray
    sd: FloatArray
    lesions: IntArray

    @property
    def is_diameter(self) -> bool:
        """In mm, not on a log scale."""
        return self.quantity == SUM_OF_DIAMETERS

    @property
    def known(self) -> BoolArray:
        """Which entries are readings and no padding, shape (P, N)."""
        known: BoolArray = np.arange(self.day.shape[1]) < self.length[:, None]
        return known

    @property
    def log_burden(self) -> FloatArray:
        """The log burden that the values stand for, up to a constant, shape (P, N)."""
        log_burden: FloatArray = (
            3.0 * np.log(np.maximum(self.value, TOO_SMALL_MM)) if self.is_diameter else self.value
        )
        return log_burden


@dataclass(frozen=True, slots=True)
class Changes:
    """What a series did up to each of its readings, shape (P, N) each.

    Attributes:
        since_previous, above_smallest: changes in SDs of their errors; 0 at the first reading.
        risen, fallen, new_lowest, higher: as the module says.
        changed: the largest and the smallest so far are farther apart than two readings of one level.
        smallest_at: which reading up to this one is the smallest, shape (P, N) of places.
        rise_bound: what `above_smallest` must exceed for a rise.
        fallen_since: the recent reading that this one lies farthest below; its own place where there is none.
        fall_bound: by how many SDs it must lie below for a fall.
    """

    since_previous: FloatArray
    above_smallest: FloatArray
    risen: BoolArray
    fallen: BoolArray
    new_lowest: BoolArray
    changed: BoolArray
    higher: BoolArray
    smallest_at: IntArray
    rise_bound: FloatArray
    fallen_since: IntArray
    fall_bound: FloatArray


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """What all that has been read of a patient did, at each visit of a batch, shape (P, V) each.

    Attributes:
        risen: a lesion, the sum or a marker stands above its smallest value, or there is a new lesion beyond doubt.
        size_risen: a lesion or the sum does, or there is a new lesion.
        fallen: a lesion, the sum or a marker has been falling lately.
        new_lowest: the sum, or a marker, is lower than ever.
        changed: anything ever moved beyond error.
        higher: a lesion, the sum or a marker stands above its smallest value by more than one reading's error.
        size_higher: a lesion or the sum does.
        informative_values: readings of the series with most.
    """

    risen: BoolArray
    size_risen: BoolArray
    fallen: BoolArray
    new_lowest: BoolArray
    changed: BoolArray
    higher: BoolArray
    size_higher: BoolArray
    informative_values: IntArray

    def at(self, patient: IntArray, visit: IntArray) -> ReadingFacts:
        """At R visits, shape (R,)."""
        return ReadingFacts(*(getattr(self, name)[patient, visit] for name in self.__slots__))


def measured(batch: Batch, prior: Prior) -> Iterator[Measured]:
    """Every series of a batch: the lesions, their sum where there are several, the markers."""
    for quantity in prior.quantities:
        parts = batch.series[quantity]
        if quantity != SUM_OF_DIAMETERS:
            for index, series in enumerate(parts):
                sd = detectable_log_change(quantity, prior) / (ONE_SIDED_95 * np.sqrt(2.0))
                yield Measured(
                    quantity,
                    index,
                    series.length,
                    series.day,
                    series.log_value,
                    np.full(series.day.shape, sd),
                    np.ones(series.day.shape, dtype=np.int64),
                )
            continue
        lesions = [_lesion(series, index) for index, series in enumerate(parts)]
        yield from lesions
        if len(lesions) > 1:
            yield _sum(lesions, batch.day)


def _lesion(series: Series, index: int) -> Measured:
    """One lesion; below 5 mm it counts 5 mm, as nobody can tell it from that."""
    value = np.maximum(series.value, TOO_SMALL_MM)
    one = np.ones(value.shape, dtype=np.int64)
    return Measured(series.quantity, index, series.length, series.day, value, reading_sd_mm(value), one)


def _sum(lesions: Sequence[Measured], day: FloatArray) -> Measured:
    """Their sum on the days on which every lesion of the patient that has been read so far is read.

    Args:
        lesions: of P patients.
        day: of the visits, the readings' days among them, shape (P, V); padding repeats the last.
    """
    total, variance = np.zeros(day.shape), np.zeros(day.shape)
    begun = np.zeros(day.shape, dtype=np.int64)
    complete = np.diff(day, axis=1, prepend=-np.inf) > 0.0
    for lesion in lesions:
        counts = (lesion.known[:, None, :] & (lesion.day[:, None, :] <= day[:, :, None])).sum(axis=2)
        last, known = np.maximum(counts - 1, 0), counts > 0
        on, value, sd = (
            np.take_along_axis(own, last, axis=1) for own in (lesion.day, lesion.value, lesion.sd)
        )
        begun += known
        complete &= ~known | (on == day)
        total += np.where(known, value, 0.0)
        variance += np.where(known, sd**2, 0.0)
    complete &= begun > 0
    length = complete.sum(axis=1)
    place = np.argsort(~complete, axis=1, kind="stable")[:, : max(int(length.max(initial=0)), 1)]
    columns = (np.take_along_axis(own, place, axis=1) for own in (day, total, np.sqrt(variance), begun))
    padding = np.arange(place.shape[1]) >= length[:, None]
    padded = (np.where(padding, fill, own) for own, fill in zip(columns, (0.0, 0.0, 1.0, 0), strict=True))
    return Measured(SUM_OF_DIAMETERS, SUM, length, *padded)


def changes(series: Measured, looked_at: IntArray) -> Changes:
    """What a series did up to each of its readings.

    Args:
        series: of P patients.
        looked_at: how many series of the patient have been read by each reading, shape (P, N): they share the chance
            of error (`looked_at_by`).
    """
    value, sd, known = series.value, series.sd, series.known
    number = np.arange(value.shape[1])
    earlier = (number[None, :] < number[:, None])[None] & known[:, None, :] & known[:, :, None]
    earlier &= series.lesions[:, None, :] == series.lesions[:, :, None]
    # [patient, now, then]: how far a reading lies above an earlier one, in SDs of the difference
    above = (value[:, :, None] - value[:, None, :]) / np.hypot(sd[:, :, None], sd[:, None, :])
    up_to_now = earlier | (np.eye(len(number), dtype=np.bool_)[None] & known[:, :, None])
    smallest = _last_argmin(np.where(up_to_now, value[:, None, :], np.inf))
    rise = np.take_along_axis(above, smallest[:, :, None], axis=2)[:, :, 0]
    # readings before now that cannot be told from the smallest of them
    floor = np.where(earlier, value[:, None, :], np.inf).argmin(axis=2)
    apart = (value[:, None, :] - np.take_along_axis(value, floor, axis=1)[:, :, None]) / np.hypot(
        sd[:, None, :], np.take_along_axis(sd, floor, axis=1)[:, :, None]
    )
    competing = np.maximum((earlier & (apart < ONE_SIDED_95)).sum(axis=2), 1)
    shared = np.maximum(looked_at, 1)
    rise_bound = bounds_of_change(competing, shared)
    counts = known if series.is_diameter else known & (series.day >= 7.0 * SURGE_WEEKS)
    risen = counts & (rise > rise_bound)
    weeks = (series.day[:, :, None] - series.day[:, None, :]) / 7.0
    is_previous = (number[None, :] == number[:, None] - 1)[None]
    recent = earlier & ((weeks <= RECENT_WEEKS) | is_previous)
    rate = (series.log_burden[:, :, None] - series.log_burden[:, None, :]) / np.maximum(weeks, 1.0 / 7.0)
    bound = bounds_of_change(np.maximum(recent.sum(axis=2), 1), shared)
    fell = recent & (above < -bound[:, :, None]) & (rate < -CHANGING_PER_WEEK)
    fallen = fell.any(axis=2) & ~risen
    # of the readings that it fell from, or else of all recent ones, the one that it lies farthest below
    from_which = np.where(fell.any(axis=2)[:, :, None], fell, recent)
    before = np.take_along_axis(above, floor[:, :, None], axis=2)[:, :, 0]
    has_earlier = earlier.any(axis=2)
    higher = counts & (rise > bounds_of_change(competing, shared, CHANCE_OF_HIGHER))
    spread = np.where(earlier, np.abs(above), 0.0).max(axis=2)
    return Changes(
        since_previous=np.where(number > 0, np.where(is_previous & earlier, above, 0.0).sum(axis=2), 0.0),
        above_smallest=np.where(known, np.maximum(rise, 0.0), 0.0),
        risen=risen,
        fallen=fallen & known,
        new_lowest=has_earlier & (before < -ONE_SIDED_95),
        changed=np.maximum.accumulate(spread > ONE_SIDED_95, axis=1) & known,
        higher=higher,
        smallest_at=smallest,
        rise_bound=rise_bound,
        fallen_since=np.where(recent.any(axis=2), _last_argmin(np.where(from_which, above, np.inf)), number),
        fall_bound=bound,
    )


def _last_argmin(values: FloatArray) -> IntArray:
    """Where the smallest is along the last axis; of equal ones the last."""
    last: IntArray = values.shape[-1] - 1 - values[..., ::-1].argmin(axis=-1)
    return last


def looked_at_by(every: Sequence[Measured], day: FloatArray) -> tuple[IntArray, IntArray]:
    """How many lesions, and how many series in all, have been read by each day: shape (P, X) both.

    Several lesions are looked at one by one and as a sum.
    """
    lesions, markers = np.zeros((2, *day.shape), dtype=np.int64)
    for series in every:
        begun = (series.length > 0)[:, None] & (series.day[:, :1] <= day)
        if not series.is_diameter:
            markers += begun
        elif series.part != SUM:
            lesions += begun
    return lesions, lesions + (lesions > 1) + markers


def reading_facts(batch: Batch, prior: Prior) -> ReadingFacts:
    """What all that has been read did, up to each visit of a batch.

    A series keeps that it has risen until it is read again; that it is falling, or at its lowest, for a quarter of a
    year.
    """
    shape = batch.day.shape
    facts = {
        name: np.zeros(shape, dtype=np.bool_)
        for name in ReadingFacts.__slots__
        if name != "informative_values"
    }
    informative = np.zeros(shape, dtype=np.int64)
    every = list(measured(batch, prior))
    lesions, _ = looked_at_by(every, batch.day)
    for series in every:
        found = changes(series, looked_at_by(every, series.day)[1])
        counts = (series.known[:, None, :] & (series.day[:, None, :] <= batch.day[:, :, None])).sum(axis=2)
        last, read = np.maximum(counts - 1, 0), counts > 0
        informative = np.maximum(informative, counts)
        if series.part == SUM:  # of all lesions read so far, or it is no sum of the patient's any more
            read = read & (np.take_along_axis(series.lesions, last, axis=1) == lesions)
        lately = read & (batch.day - np.take_along_axis(series.day, last, axis=1) <= 7.0 * RECENT_WEEKS)

        risen, fallen, new_lowest, changed, higher = (
            np.take_along_axis(own, last, axis=1)
            for own in (
                found.risen,
                found.fallen,
                found.new_lowest,
                found.changed,
                found.higher,
            )
        )
        facts["risen"] |= read & risen
        facts["fallen"] |= lately & fallen
        facts["changed"] |= read & changed
        facts["higher"] |= read & higher
        if series.is_diameter:
            facts["size_risen"] |= read & risen
            facts["size_higher"] |= read & higher
        # of several lesions one may shrink while the others grow: their sum says whether the size is at its lowest
        says_so = (lesions == 1) | (series.part == SUM or not series.is_diameter)
        facts["new_lowest"] |= lately & new_lowest & says_so
    appeared = batch.day >= batch.new_lesion_day[:, None]
    for name in ("risen", "size_risen", "higher", "size_higher"):
        facts[name] |= appeared
    facts["new_lowest"] &= ~facts["size_risen"]
    return ReadingFacts(**facts, informative_values=informative)
