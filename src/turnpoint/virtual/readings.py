"""What is written down about many virtual courses at once: the filter's observation model, run forwards.

The same equations as `model.simulate`, which reads one course after the other. All chance is drawn beforehand
(`Chance`), so that two policies see the same patient through the same errors of reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS, reading_of
from turnpoint.model.prior import Prior
from turnpoint.study.recist_bar import progression_bar_mm

_SHORTEST_GAP_DAYS = 1.0
_AS_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Chance:
    """The random numbers behind the readings of one quantity: P courses, V readings each.

    Attributes:
        level, fresh: standard normals of the level's step and of the reading's error, shape (P, V).
        jumps, repeats: uniforms: does the level jump, is the last value written down again, shape (P, V).
    """

    level: FloatArray
    fresh: FloatArray
    jumps: FloatArray
    repeats: FloatArray

    @classmethod
    def drawn(cls, courses: int, readings: int, rng: np.random.Generator) -> Chance:
        """Random numbers for as many readings of as many courses."""
        shape = (courses, readings)
        return cls(
            rng.standard_normal(shape), rng.standard_normal(shape), rng.random(shape), rng.random(shape)
        )

    @classmethod
    def joined(cls, parts: Sequence[Chance]) -> Chance:
        """That of courses one part after the other."""
        return cls(*(np.concatenate([getattr(own, name) for own in parts]) for name in cls.__slots__))

    def at(self, rows: slice) -> Chance:
        """Of these courses only."""
        return Chance(self.level[rows], self.fresh[rows], self.jumps[rows], self.repeats[rows])


@dataclass(frozen=True, slots=True)
class Readings:
    """One quantity of P courses, read on the same V days.

    Attributes:
        quantity: `sum_of_diameters_mm` or the marker's name.
        day: shape (V,).
        value: what was written down; 5 mm for a lesion too small to measure; shape (P, V).
        at_floor: too small to measure, shape (P, V).
    """

    quantity: str
    day: FloatArray
    value: FloatArray
    at_floor: BoolArray

    @property
    def is_diameter(self) -> bool:
        """A length, read in whole mm, and not a marker."""
        return self.quantity == SUM_OF_DIAMETERS

    def at(self, rows: slice) -> Readings:
        """Of these courses only."""
        return Readings(self.quantity, self.day, self.value[rows], self.at_floor[rows])


def read(
    prior: Prior,
    quantity: str,
    particles: FloatArray,
    course: tuple[FloatArray, FloatArray, FloatArray],
    chance: Chance,
) -> Readings:
    """Read one quantity of every course.

    Args:
        prior: whose quantities the particles have.
        quantity: which of them.
        particles: transformed parameters of each patient, shape (P, dimensions).
        course: days of the readings, shape (V,), the first one being the baseline; log living burden relative to the
            start on these days, shape (P, V); and the value at the baseline before any error, shape (P,).
        chance: of P courses and V readings at least.

    Returns:
        The readings.
    """
    days, log_burden, start = course
    reader = Reader(prior, quantity, particles, start, chance)
    value, at_floor = np.empty_like(log_burden), np.zeros(log_burden.shape, dtype=np.bool_)
    for index, day in enumerate(days):
        value[:, index], at_floor[:, index] = reader.next(float(day), log_burden[:, index])
    return Readings(quantity, days, value, at_floor)


class Reader:
    """Reads one quantity of P courses, one reading after the other; changed in place as the course goes on."""

    def __init__(
        self, prior: Prior, quantity: str, particles: FloatArray, start: FloatArray, chance: Chance
    ) -> None:
        """Before the first reading.

        Args:
            prior: whose quantities the particles have.
            quantity: which of them.
            particles: transformed parameters of each patient, shape (P, dimensions).
            start: value at the baseline before any error, shape (P,).
            chance: of P courses and as many readings as will be made.
        """
        self._reading = reading_of(particles, quantity, prior.quantities.index(quantity))
        self._floor_persistence = prior.floor_persistence.get(quantity, 0.0)
        self._chance = chance
        self._index = 0
        self._day = 0.0
        self._level = np.log(start)
        self._last = self._level
        self._values: tuple[FloatArray, FloatArray] = (start, start)  # the last one and the one before
        self._at_floor = np.zeros(len(start), dtype=np.bool_)

    def next(self, day: float, log_burden: FloatArray) -> tuple[FloatArray, BoolArray]:
        """What is written down, and whether it is too small to measure, shape (P,) each.

        Args:
            day: of the reading, after the one before; the first one is the baseline.
            log_burden: log of the living burden relative to the start, shape (P,).
        """
        reading, chance, index = self._reading, self._chance, self._index
        weeks = np.asarray(np.maximum(day, 0.0) / 7.0)
        signal = reading.log_signal(log_burden) + reading.log_surge_at(weeks)
        if index == 0:
            self._level = self._level - signal
            self._last = self._level + signal + chance.fresh[:, 0] * reading.sd_reading
        else:
            is_repeat = (self._values[0] == self._values[1]) & (index > 1)
            now = reading.after(np.log(self._values[0]), is_repeat)
            gap_weeks = max(day - self._day, _SHORTEST_GAP_DAYS) / 7.0
            variance = now.sd_drift**2 * gap_weeks + (chance.jumps[:, index] < now.jump) * now.sd_jump**2
            self._level = self._level + chance.level[:, index] * np.sqrt(variance)
            fresh = self._level + signal + chance.fresh[:, index] * now.sd_reading
            tempted = now.repeat * np.exp(-0.5 * ((fresh - self._last) / now.repeat_window) ** 2)
            stays = np.where(self._at_floor, self._floor_persistence, tempted)
            self._last = np.where(chance.repeats[:, index] < stays, self._last, fresh)
        value, self._at_floor = _written(self._last, is_diameter=reading.is_diameter)
        self._values = (value, self._values[0])
        self._index, self._day = index + 1, day
        return value, self._at_floor


def _written(log_value: FloatArray, *, is_diameter: bool) -> tuple[FloatArray, BoolArray]:
    """What is written down, and whether it is "too small to measure": a diameter in whole mm, from 5 mm on."""
    if not is_diameter:
        return np.exp(log_value), np.zeros(log_value.shape, dtype=np.bool_)
    at_floor = log_value < np.log(TOO_SMALL_MM)
    return np.where(at_floor, TOO_SMALL_MM, np.round(np.exp(log_value))), at_floor


def progression_index(sums_mm: FloatArray, first: IntArray | int = 0) -> IntArray:
    """Index of the first visit that meets progression by RECIST 1.1 on the sums read; V where none does.

        sum >= 1.2 x nadir and sum >= nadir + 5 mm,   nadir = smallest sum before, from visit `first` on

    Args:
        sums_mm: shape (P, V), baseline first.
        first: the visit from which the nadir counts, one for all or shape (P,): the one at the switch for progression
            on the second drug.

    Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.3.1.
    """
    visits = np.arange(sums_mm.shape[1])
    counts = visits >= np.broadcast_to(first, len(sums_mm))[:, None]
    nadir = np.minimum.accumulate(np.where(counts, sums_mm, np.inf), axis=1)[:, :-1]
    later = sums_mm[:, 1:]
    met = later >= progression_bar_mm(nadir) - _AS_EQUAL
    index: IntArray = np.where(met.any(axis=1), 1 + met.argmax(axis=1), sums_mm.shape[1])
    return index
