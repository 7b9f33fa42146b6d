"""What the next readings will be, as draws: from the posterior at a visit to readings at later days."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.filter import PartPosterior, Posterior
from turnpoint.model.parameters import Reading
from turnpoint.model.prior import BelowLimit, Prior
from turnpoint.model.sobol import sobol
from turnpoint.model.streams import Stream, generator

QUANTILE_LEVELS = np.arange(0.05, 0.951, 0.05).round(2)
QUANTILE_NAMES = tuple(f"q{round(100 * level):02d}" for level in QUANTILE_LEVELS)

# A lesion read as absent counts 0 mm, but is some millimetre or less of tissue; forecasts do not go below it,
# so that they can be shown and scored on a log scale.
SMALLEST_FORECAST_MM = 1.0
_SAME = 1e-9
_UNIFORMS = 5  # for each step of each part: drift, jump, reading, repeat, what is written below the limit


@dataclass(frozen=True, slots=True)
class Ahead:
    """Draws of readings at W later times for each row.

    Attributes:
        value: as it would be written down, shape (R, W, D).
        latent: the noise-free value, shape (R, W, D).
    """

    value: FloatArray
    latent: FloatArray


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
) -> Ahead:
    """Draw the quantity's readings at later days, each from the one before it; a sum lesion by lesion.

    Args:
        posterior: at R rows.
        prior: for what readers do at the limit.
        quantity: with at least one reading at every row.
        days: later days, shape (R, W), increasing along W.
        exposure: weeks on and off treatment at those days, shape (R, W) each.
        seed: of the quasi-random noise.

    Returns:
        Draws. A lesion below its limit is given as the prior's readers write it (0 mm for absent, 5 mm for too
        small, or the number), whole millimetres where its readings are whole; a sum is 1 mm at the least.
    """
    own, draws = posterior.quantities[quantity], posterior.dynamics.size
    signals = [
        own.reading.log_signal(posterior.dynamics.log_burden(on_weeks[:, None], off_weeks[:, None]))
        + own.reading.log_surge_at((on_weeks + off_weeks)[:, None])
        for on_weeks, off_weeks in zip(exposure[0].T, exposure[1].T, strict=True)
    ]
    value = latent = np.zeros((len(days), days.shape[1], draws))
    for index, part in enumerate(own.parts):
        reader = _Reader(own.reading, part, prior.floor_persistence[quantity], prior.below_limit)
        drawn = reader.read(signals, days, (seed, index))
        known = (part.readings > 0)[:, None, None]
        value, latent = value + np.where(known, drawn.value, 0.0), latent + np.where(known, drawn.latent, 0.0)
    if own.reading.is_diameter:
        value = np.maximum(value, SMALLEST_FORECAST_MM)
    return Ahead(value, latent)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads one part from visit to visit."""

    reading: Reading
    part: PartPosterior
    floor_persistence: float
    below_limit: BelowLimit

    def read(self, signals: list[FloatArray], days: FloatArray, stream: tuple[int, int]) -> Ahead:
        """One reading at each day, given the signal at each day, shape (R, D), and whose noise it is.

        Each step has noise of its own, the same whatever else is in the batch and however far it looks ahead.
        """
        part = self.part
        rows, draws = part.level_mean.shape
        state = _State(
            level=part.level_mean
            + np.sqrt(part.level_variance) * ndtri(_uniforms(draws, 1, (*stream, 0))[:, 0]),
            log_value=np.broadcast_to(part.last_log_value, (rows, draws)),
            is_repeat=part.last_is_repeat,
            at_floor=np.broadcast_to(part.last_censoring < 0, (rows, draws)),
            written=np.broadcast_to(part.last_value, (rows, draws)),
            day=part.last_day,
        )
        values, latents = [], []
        for step, signal in enumerate(signals):
            noise = _uniforms(draws, _UNIFORMS, (*stream, 1 + step))
            state = self._next(state, signal, days[:, step : step + 1], noise)
            values.append(state.written)
            latents.append(np.exp(np.minimum(state.level + signal, 50.0)))
        return Ahead(np.stack(values, axis=1), np.stack(latents, axis=1))

    def _next(self, state: _State, signal: FloatArray, day: FloatArray, noise: FloatArray) -> _State:
        """One reading further; `noise` holds five uniforms for each draw."""
        reading = self.reading.after(state.log_value, state.is_repeat)
        weeks = np.maximum(day - state.day, 1.0) / 7.0
        variance = reading.sd_drift**2 * weeks
        variance = variance + np.where(noise[:, 1] < reading.jump, reading.sd_jump**2, 0.0)
        level = state.level + np.sqrt(variance) * ndtri(noise[:, 0])
        fresh = level + signal + reading.sd_reading * ndtri(noise[:, 2])
        change = fresh - state.log_value
        tempted = reading.repeat * np.exp(-0.5 * (change / reading.repeat_window) ** 2)
        stays = state.at_floor & (noise[:, 3] < self.floor_persistence)
        repeats = ~state.at_floor & (noise[:, 3] < tempted)
        with np.errstate(divide="ignore"):
            limit = np.log(self.part.limit)
        same = stays | repeats
        log_value = np.where(same, state.log_value, fresh)
        at_floor = stays | (log_value < limit)
        written = np.where(same, state.written, self._as_written(log_value, at_floor, noise[:, 4]))
        return _State(level, log_value, repeats, at_floor, written, day)

    def _as_written(self, log_value: FloatArray, at_floor: BoolArray, choice: FloatArray) -> FloatArray:
        """A fresh reading as it would stand in the table.

        A reader who has written a number below the limit can measure that small, and does so again.
        """
        part = self.part
        value = np.exp(np.minimum(log_value, 50.0))
        if not self.reading.is_diameter:
            marker: FloatArray = np.where(at_floor, np.maximum(part.limit, 0.0), value)
            return marker
        value = np.where(part.whole_numbers, np.round(value), value)
        absent, too_small = self.below_limit.absent, self.below_limit.too_small
        small = np.where(choice < absent, 0.0, np.where(choice < absent + too_small, part.limit, value))
        measures_small = (part.last_value < part.limit) & (part.last_censoring == 0)
        written: FloatArray = np.where(at_floor & ~measures_small, small, value)
        return written


@lru_cache(maxsize=1024)
def _uniforms(draws: int, dimensions: int, stream: tuple[int, int, int]) -> FloatArray:
    """Scrambled Sobol points inside (0, 1), in an order of their own for each stream, shape (draws, dimensions)."""
    seed, part, step = stream
    rng = generator(seed, Stream.READINGS_AHEAD, part, step)
    power = int(np.ceil(np.log2(draws)))
    points = sobol(2**power, dimensions, rng)[:draws]
    uniforms: FloatArray = np.clip(rng.permutation(points), 1e-9, 1.0 - 1e-9)
    uniforms.flags.writeable = False  # it is kept for whoever asks next
    return uniforms


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
