"""What the filter needs of a series of readings and of the reading parameters, made ready for the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.bank import Precision
from turnpoint.model.parameters import Reading
from turnpoint.model.series import Series

# Of the readings, in the order in which `model.kernel` takes them.
CONSTANTS = (
    "reading_variance",
    "drift_variance",
    "jump_variance",
    "window_variance",
    "window",
    "window_precision",
    "repeat_odds",
    "jump",
)
_SHORTEST_GAP_WEEKS = 1.0 / 7.0


@dataclass(frozen=True, slots=True)
class Look:
    """One column of `Looks` for n rows, each of shape (n, 1).

    Attributes:
        value: log value.
        shift: log value less the one before it.
        step: size of a rounding step relative to the value.
        sign: -1 below the limit, 0 a number, 1 above it.
        drift_weeks: weeks since the reading before it, times what its size does to the drift's variance.
        repeat_odds: what the reading before it does to the odds of a repeat.
        after_floor: the reading before it is below the limit.
    """

    value: FloatArray
    shift: FloatArray
    step: FloatArray
    sign: FloatArray
    drift_weeks: FloatArray
    repeat_odds: FloatArray
    after_floor: BoolArray


@dataclass(frozen=True, slots=True)
class Looks:
    """The readings of S series, those with most readings first.

    Attributes:
        rows: the series in this order, shape (S,).
        count: how many series have a reading in each column, shape (N,).
        numbers: what `Look` holds but the last, shape (6, S, N).
        after_floor: the reading before is below the limit, shape (S, N).
        censored: not a number, shape (S, N).
        same: equal to the reading before it, both numbers, shape (S, N).
    """

    rows: IntArray
    count: IntArray
    numbers: FloatArray
    after_floor: BoolArray
    censored: BoolArray
    same: BoolArray

    @classmethod
    def of(cls, series: Series, *, is_diameter: bool) -> Looks:
        """The columns of a series."""
        rows = np.argsort(-series.length, kind="stable")
        value, censoring = series.log_value[rows], series.censoring[rows]
        columns = np.arange(value.shape[1])
        before = np.maximum(columns - 1, 0)
        gap = np.maximum(np.diff(series.day[rows], axis=1, prepend=-np.inf) / 7.0, _SHORTEST_GAP_WEEKS)
        is_repeat = np.diff(series.value[rows], axis=1, prepend=np.nan) == 0.0
        effects = _unit_reading(is_diameter).after(value[:, before], is_repeat[:, before])
        shift = value - value[:, before]
        after_floor = (censoring[:, before] < 0) & (columns > 0)
        numbers = (
            value,
            shift,
            np.exp(series.log_step[rows]),
            censoring,
            gap * effects.sd_drift**2,
            effects.repeat / (1.0 - effects.repeat),
        )
        return cls(
            rows=rows,
            count=(columns < series.length[:, None]).sum(axis=0),
            numbers=np.stack([np.broadcast_to(own, value.shape) for own in numbers]),
            after_floor=after_floor,
            censored=censoring != 0,
            same=(shift == 0.0) & (censoring == 0) & ~after_floor & (columns > 0),
        )

    def at(self, i: int, rows: IntArray | slice, precision: Precision) -> Look:
        """Column i for these rows, in this precision."""
        value, shift, step, sign, weeks, odds = self.numbers[:, rows, i : i + 1].astype(precision)
        return Look(value, shift, step, sign, weeks, odds, self.after_floor[rows, i : i + 1])


def _unit_reading(is_diameter: bool) -> Reading:
    """A reading whose `after` is nothing but the effects of the last reading: unit SDs, even odds of a repeat."""
    ones = {name: np.ones(1) for name in Reading.__slots__ if name != "is_diameter"}
    return Reading(is_diameter, **ones | {"repeat": np.full(1, 0.5)})


@dataclass(frozen=True, slots=True)
class Constants:
    """What the particles say about every reading; shape (K,), or (P, K) with a bank for each patient.

    Attributes:
        reading_variance, drift_variance (of a week), jump_variance, window_variance: parameters squared.
        window, window_precision: repeat_window, and 1 / its square.
        repeat_odds: repeat / (1 - repeat), before the effects of the last reading.
        jump: its probability.
        floor_persistence: chance that a value at the floor stays there without a fresh look.
    """

    reading_variance: FloatArray
    drift_variance: FloatArray
    jump_variance: FloatArray
    window_variance: FloatArray
    window: FloatArray
    window_precision: FloatArray
    repeat_odds: FloatArray
    jump: FloatArray
    floor_persistence: float

    @classmethod
    def of(cls, reading: Reading, floor_persistence: float) -> Constants:
        """From the natural parameters; a repeat is never quite certain, whatever the precision."""
        repeat = np.minimum(reading.repeat, 1.0 - float(np.finfo(reading.repeat.dtype).eps))
        return cls(
            reading_variance=reading.sd_reading**2,
            drift_variance=reading.sd_drift**2,
            jump_variance=reading.sd_jump**2,
            window_variance=reading.repeat_window**2,
            window=reading.repeat_window,
            window_precision=1.0 / reading.repeat_window**2,
            repeat_odds=repeat / (1.0 - repeat),
            jump=reading.jump,
            floor_persistence=floor_persistence,
        )

    def at(self, rows: IntArray, precision: Precision) -> Constants:
        """Those of these patients, in this precision."""
        is_own, every = self.jump.ndim > 1, np.arange(len(self.jump))
        if precision == self.jump.dtype and (not is_own or np.array_equal(rows, every)):
            return self
        values = {name: getattr(self, name) for name in self.__slots__ if name != "floor_persistence"}
        chosen = {
            name: (value[rows] if is_own else value).astype(precision, copy=False)
            for name, value in values.items()
        }
        return replace(self, **chosen)

    def noise(self, look: Look) -> FloatArray:
        """Variance of one log reading: reading error, and rounding to the step."""
        variance: FloatArray = self.reading_variance + look.step**2 / 12.0
        return variance

    def totals(self, look: Look, variance: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Variance of the log reading, with a jump of the level and without, from the level's before any drift."""
        calm = self.drift_variance * look.drift_weeks
        calm += variance
        calm += noise
        return calm + self.jump_variance, calm
