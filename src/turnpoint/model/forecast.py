"""What the next readings will be, as draws: from the posterior at a visit to readings at later days.

Where Numba is installed the same arithmetic runs as one compiled loop (`model.kernel_ahead`), in float32; what is here
is its reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtri

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.bank import dynamics_sets, reading_sets
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.filter import PartPosterior, Posterior, QuantityPosterior
from turnpoint.model.observation import has_kernel
from turnpoint.model.prior import BelowLimit, Prior
from turnpoint.model.sobol import sobol
from turnpoint.model.streams import Stream, generator

QUANTILE_LEVELS = np.arange(0.05, 0.951, 0.05).round(2)
QUANTILE_NAMES = tuple(f"q{round(100 * level):02d}" for level in QUANTILE_LEVELS)

# A lesion read as absent counts 0 mm, but is some millimetre or less of tissue; forecasts do not go below it,
# so that they can be shown and scored on a log scale.
SMALLEST_FORECAST_MM = 1.0
_SAME = 1e-9
_NO_BAR = 1e300  # compiled loops know no nan
_SHORTEST_DAYS = 1.0
_UNIFORMS = 5  # for each step of each part: drift, jump, reading, repeat, what is written below the limit


@dataclass(frozen=True, slots=True)
class _State:
    """The level and the last reading of a part from which the next is drawn; shape (R, D)."""

    level: FloatArray
    log_value: FloatArray
    is_repeat: BoolArray
    at_floor: BoolArray
    written: FloatArray
    day: FloatArray


def readings_ahead(
    posterior: Posterior,
    prior: Prior,
    quantity: str,
    days: FloatArray,
    exposure: tuple[FloatArray, FloatArray],
    seed: int,
) -> FloatArray:
    """Draw the quantity's readings at later days, each from the one before it; a sum lesion by lesion.

    Each step has noise of its own, the same whatever else is in the batch and however far it looks ahead.

    Args:
        posterior: at R rows.
        prior: for what readers do at the limit.
        quantity: with at least one reading at every row.
        days: later days, shape (R, W), increasing along W.
        exposure: weeks on and off treatment at those days, shape (R, W) each.
        seed: of the quasi-random noise.

    Returns:
        Draws as they would be written down, shape (R, W, D). A lesion below its limit is given as the prior's readers
        write it (0 mm for absent, 5 mm for too small, or the number), whole millimetres where its readings are whole; a
        sum is 1 mm at the least.
    """
    own = posterior.quantities[quantity]
    noise = _Noise.of(posterior.dynamics.size, len(own.parts), days.shape[1], seed)
    value = np.zeros((*days.shape, posterior.dynamics.size))
    reader = _Reader(posterior.dynamics, own, prior.floor_persistence[quantity], prior.below_limit)
    (reader.add_compiled if has_kernel() else reader.add)(value, days, exposure, noise)
    return np.maximum(value, SMALLEST_FORECAST_MM, out=value) if own.reading.is_diameter else value


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a criterion calls a value, at R rows and W times.

    Attributes:
        is_after_start: a value at the time can be called progression, and does not set a new baseline, shape (R, W).
        bar: the smallest value at the first time that is called so, shape (R,); nan: none is.
        limit: a value below it lowers the bar as one at it would, shape (R,).
        ratio, increment: the bar is the larger of so many times the smallest value, and so much above it.
        near: a value so little below the bar is at it.
    """

    is_after_start: BoolArray
    bar: FloatArray
    limit: FloatArray
    ratio: float
    increment: float
    near: float

    def rule(self, *, is_diameter: bool) -> tuple[float, float, float, float]:
        """As `model.kernel_ahead.first_called_ahead` takes it."""
        return self.ratio, self.increment, SMALLEST_FORECAST_MM if is_diameter else -1.0, self.near


def first_called(
    posterior: Posterior,
    prior: Prior,
    quantity: str,
    days: FloatArray,
    exposure: tuple[FloatArray, FloatArray],
    criterion: Criterion,
    seed: int,
) -> tuple[FloatArray, IntArray]:
    """What `readings_ahead` draws, seen by a criterion: compiled, from the banks that the draws come from.

    Args:
        posterior: at R rows, with their origins.
        prior: as for `readings_ahead`, and what follows up to `exposure`.
        quantity: likewise.
        days: likewise, shape (R, W).
        exposure: likewise.
        criterion: at the same rows and days.
        seed: as for `readings_ahead`.

    Returns:
        The value at the first of the days, and the first day on which the criterion is met, counted from 0 (W where it
        is not); shape (R, D) each.
    """
    from turnpoint.model.kernel_ahead import first_called_ahead  # noqa: PLC0415  (Numba is an extra)

    own = posterior.quantities[quantity]
    reader = _Reader(posterior.dynamics, own, prior.floor_persistence[quantity], prior.below_limit)
    draws = posterior.origins[0].chosen.shape[1]
    noise = _Noise.of(draws, len(own.parts), days.shape[1], seed)
    start, steps = noise.start.astype(np.float32), noise.steps.astype(np.float32)
    weeks = np.stack(exposure, axis=-1).astype(np.float32)
    facts, last_value, since_weeks, is_read, *habits = reader.facts(days)
    next_value, step = np.empty((len(days), draws)), np.empty((len(days), draws), dtype=np.int64)
    for index in np.unique(posterior.where[:, 0]):
        rows = np.flatnonzero(posterior.where[:, 0] == index)
        origin = posterior.origins[index].at(posterior.where[rows, 1])
        bank, together, counts = origin.run.bank, origin.run.together[quantity], origin.readings[quantity]
        first = np.arange(len(counts))[:, None] * origin.patients
        found = np.empty((len(rows), draws)), np.empty((len(rows), draws), dtype=np.int64)
        first_called_ahead(
            origin.chosen,
            origin.patient if bank.is_own else np.zeros_like(origin.patient),
            bank.dynamics_sets(),
            bank.reading_sets(quantity),
            own.reading.is_diameter,
            weeks[rows],
            start,
            steps,
            together.level_mean,
            together.level_variance,
            first + origin.patient,
            np.maximum(np.array(counts) - 1, 0),
            np.ascontiguousarray(facts[: len(counts), rows]),
            np.ascontiguousarray(last_value[: len(counts), rows]),
            np.ascontiguousarray(since_weeks[: len(counts), rows]),
            np.ascontiguousarray(is_read[: len(counts), rows]),
            *habits,
            criterion.is_after_start[rows],
            np.nan_to_num(criterion.bar[rows], nan=_NO_BAR),
            criterion.limit[rows],
            criterion.rule(is_diameter=own.reading.is_diameter),
            *found,
        )
        next_value[rows], step[rows] = found
    return next_value, step


@dataclass(frozen=True, slots=True)
class _Noise:
    """What is random in the readings ahead, the same for all rows; P parts, W steps, D draws.

    Attributes:
        start: standard normals, for the level at the start, shape (P, D).
        steps: standard normals for drift and reading (0 and 2); uniforms for jump, repeat and what is written below the
            limit (1, 3 and 4); shape (P, W, 5, D).
    """

    start: FloatArray
    steps: FloatArray

    @classmethod
    def of(cls, draws: int, parts: int, steps: int, seed: int) -> _Noise:
        """From streams of their own for each part and step."""
        start = [_noise(draws, 1, (seed, part, 0))[0] for part in range(parts)]
        own = [
            [_noise(draws, _UNIFORMS, (seed, part, 1 + step)) for step in range(steps)]
            for part in range(parts)
        ]
        return cls(np.array(start), np.array(own))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads the parts of one quantity from visit to visit, at R rows."""

    dynamics: Dynamics
    own: QuantityPosterior
    floor_persistence: float
    below_limit: BelowLimit

    def add(
        self, value: FloatArray, days: FloatArray, exposure: tuple[FloatArray, FloatArray], noise: _Noise
    ) -> None:
        """Add what each part will be given as."""
        reading = self.own.reading
        signals = [
            reading.log_signal(self.dynamics.log_burden(on_weeks[:, None], off_weeks[:, None]))
            + reading.log_surge_at((on_weeks + off_weeks)[:, None])
            for on_weeks, off_weeks in zip(exposure[0].T, exposure[1].T, strict=True)
        ]
        for part, start, steps in zip(self.own.parts, noise.start, noise.steps, strict=True):
            known, shape = (part.readings > 0)[:, None], part.level_mean.shape
            state = _State(
                level=part.level_mean + np.sqrt(part.level_variance) * start,
                log_value=np.broadcast_to(part.last_log_value, shape),
                is_repeat=part.last_is_repeat,
                at_floor=np.broadcast_to(part.last_censoring < 0, shape),
                written=np.broadcast_to(part.last_value, shape),
                day=part.last_day,
            )
            for step, signal in enumerate(signals):
                state = self._next(part, state, signal, days[:, step : step + 1], steps[step])
                value[:, step] += np.where(known, state.written, 0.0)

    def add_compiled(
        self, value: FloatArray, days: FloatArray, exposure: tuple[FloatArray, FloatArray], noise: _Noise
    ) -> None:
        """The same by `model.kernel_ahead`."""
        from turnpoint.model.kernel_ahead import draw_ahead  # noqa: PLC0415  (Numba is an extra)

        parts = self.own.parts
        draw_ahead(
            dynamics_sets(self.dynamics),
            reading_sets(self.own.reading),
            self.own.reading.is_diameter,
            np.stack(exposure, axis=-1).astype(np.float32),
            noise.start.astype(np.float32),
            noise.steps.astype(np.float32),
            np.array([part.level_mean for part in parts], np.float32),
            np.array([part.level_variance for part in parts], np.float32),
            *self.facts(days),
            value,
        )

    def facts(self, days: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray, Any, Any]:
        """Of the parts' last readings and of who reads, as `model.kernel_ahead.draw_ahead` takes them."""
        parts = self.own.parts
        facts = [
            np.concatenate(
                [
                    _log_limit(part),
                    part.limit,
                    part.whole_numbers,
                    _measures_small(part),
                    part.last_log_value,
                    part.last_is_repeat,
                    part.last_censoring < 0,
                ],
                axis=1,
                dtype=np.float32,
                casting="unsafe",
            )
            for part in parts
        ]
        absent, too_small = self.below_limit.absent, self.below_limit.too_small
        return (
            np.nan_to_num(np.array(facts)),
            np.array([part.last_value[:, 0] for part in parts], np.float64),
            np.array([_since_weeks(part, days) for part in parts], np.float32),
            np.array([part.readings > 0 for part in parts]),
            np.float32(self.floor_persistence),
            (np.float32(absent), np.float32(absent + too_small)),
        )

    def _next(
        self, part: PartPosterior, state: _State, signal: FloatArray, day: FloatArray, noise: FloatArray
    ) -> _State:
        """One reading of a part further; `noise` as in `_Noise.steps`, shape (5, D)."""
        reading = self.own.reading.after(state.log_value, state.is_repeat)
        weeks = np.maximum(day - state.day, _SHORTEST_DAYS) / 7.0
        variance = reading.sd_drift**2 * weeks
        variance = variance + np.where(noise[1] < reading.jump, reading.sd_jump**2, 0.0)
        level = state.level + np.sqrt(variance) * noise[0]
        fresh = level + signal + reading.sd_reading * noise[2]
        change = fresh - state.log_value
        tempted = reading.repeat * np.exp(-0.5 * (change / reading.repeat_window) ** 2)
        stays = state.at_floor & (noise[3] < self.floor_persistence)
        repeats = ~state.at_floor & (noise[3] < tempted)
        same = stays | repeats
        log_value = np.where(same, state.log_value, fresh)
        at_floor = stays | (log_value < _log_limit(part))
        written = np.where(same, state.written, self._as_written(part, log_value, at_floor, noise[4]))
        return _State(level, log_value, repeats, at_floor, written, day)

    def _as_written(
        self, part: PartPosterior, log_value: FloatArray, at_floor: BoolArray, choice: FloatArray
    ) -> FloatArray:
        """A fresh reading as it would stand in the table.

        A reader who has written a number below the limit can measure that small, and does so again.
        """
        value = np.exp(np.minimum(log_value, 50.0))
        if not self.own.reading.is_diameter:
            marker: FloatArray = np.where(at_floor, np.maximum(part.limit, 0.0), value)
            return marker
        value = np.where(part.whole_numbers, np.round(value), value)
        absent, too_small = self.below_limit.absent, self.below_limit.too_small
        small = np.where(choice < absent, 0.0, np.where(choice < absent + too_small, part.limit, value))
        written: FloatArray = np.where(at_floor & ~_measures_small(part), small, value)
        return written


def _log_limit(part: PartPosterior) -> FloatArray:
    """Below which nothing is measured, finite where there is no limit, shape (R, 1)."""
    limit: FloatArray = np.log(np.maximum(part.limit, np.finfo(np.float32).tiny))
    return limit


def _measures_small(part: PartPosterior) -> BoolArray:
    """The last reading was a number below the limit, shape (R, 1)."""
    small: BoolArray = (part.last_value < part.limit) & (part.last_censoring == 0)
    return small


def _since_weeks(part: PartPosterior, days: FloatArray) -> FloatArray:
    """Weeks to each day from the reading before it, shape (R, W)."""
    weeks: FloatArray = np.maximum(np.diff(days, axis=1, prepend=part.last_day), _SHORTEST_DAYS) / 7.0
    return weeks


@lru_cache(maxsize=1024)
def _noise(draws: int, dimensions: int, stream: tuple[int, int, int]) -> FloatArray:
    """Scrambled Sobol points in an order of their own for each stream, shape (dimensions, draws).

    The first and the third as standard normals, the others as they are, inside (0, 1).
    """
    seed, part, step = stream
    rng = generator(seed, Stream.READINGS_AHEAD, part, step)
    power = int(np.ceil(np.log2(draws)))
    points = sobol(2**power, dimensions, rng)[:draws]
    noise: FloatArray = np.ascontiguousarray(np.clip(rng.permutation(points), 1e-9, 1.0 - 1e-9).T)
    noise[::2][:2] = ndtri(noise[::2][:2])
    noise.flags.writeable = False  # it is kept for whoever asks next
    return noise


def weighted_quantiles(draws: FloatArray, mass: FloatArray, levels: FloatArray) -> FloatArray:
    """The smallest draw at which the distribution function reaches each level, shape (R, levels).

    Args:
        draws: shape (R, D).
        mass: of each draw, rows adding up to 1, shape (R, D).
        levels: shape (levels,).
    """
    order = np.argsort(draws, axis=1)
    reached = np.cumsum(np.take_along_axis(mass, order, axis=1), axis=1)
    places = np.stack([np.searchsorted(row, levels - _SAME) for row in reached])
    ordered = np.take_along_axis(draws, order, axis=1)
    found: FloatArray = np.take_along_axis(ordered, np.minimum(places, draws.shape[1] - 1), axis=1)
    return found
