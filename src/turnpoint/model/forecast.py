"""What the next readings will be, as draws: from the posterior at a visit to readings at later days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.filter import Posterior, QuantityPosterior
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import TOO_SMALL_MM

QUANTILE_LEVELS = np.arange(0.05, 0.951, 0.05).round(2)
QUANTILE_NAMES = tuple(f"q{round(100 * level):02d}" for level in QUANTILE_LEVELS)

# A lesion read as absent counts 0 mm, but is some millimetre or less of tissue; forecasts do not go below it,
# so that they can be shown and scored on a log scale.
ABSENT_BELOW_MM = 2.0
SMALLEST_FORECAST_MM = 1.0


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
    """The level and the last reading from which the next is drawn; shape (R, D)."""

    level: FloatArray
    log_value: FloatArray
    at_floor: BoolArray
    day: FloatArray


def readings_ahead(
    posterior: Posterior,
    quantity: str,
    days: FloatArray,
    exposure: tuple[FloatArray, FloatArray],
    floor_persistence: float,
    seed: int,
) -> Ahead:
    """Draw the quantity's readings at later days, each from the one before it.

    Args:
        posterior: at R rows.
        quantity: with at least one reading at every row.
        days: later days, shape (R, W), increasing along W.
        exposure: weeks on and off treatment at those days, shape (R, W) each.
        floor_persistence: chance that a value at the floor stays there at the next look.
        seed: of the quasi-random noise.

    Returns:
        Draws; a diameter below its limit is given as 5 mm (too small) or 1 mm (absent), and whole
        millimetres where the patient's readings are whole.
    """
    own = posterior.quantities[quantity]
    rows, draws = own.level_mean.shape
    noise = _uniforms(draws, 5 * days.shape[1] + 1, seed)
    state = _State(
        level=own.level_mean + np.sqrt(own.level_variance) * ndtri(noise[:, -1]),
        log_value=np.broadcast_to(own.last_log_value, (rows, draws)),
        at_floor=np.broadcast_to(own.last_censoring < 0, (rows, draws)),
        day=own.last_day,
    )
    values, latents = [], []
    for step in range(days.shape[1]):
        on_weeks, off_weeks = (weeks[:, step : step + 1] for weeks in exposure)
        signal = own.reading.log_signal(posterior.dynamics.log_burden(on_weeks, off_weeks))
        state = _next(own, state, signal, days[:, step : step + 1], floor_persistence, noise[:, 5 * step :])
        values.append(_as_written(quantity, own, state))
        latents.append(np.exp(np.minimum(state.level + signal, 50.0)))
    return Ahead(np.stack(values, axis=1), np.stack(latents, axis=1))


def _next(
    own: QuantityPosterior,
    state: _State,
    signal: FloatArray,
    day: FloatArray,
    floor_persistence: float,
    noise: FloatArray,
) -> _State:
    """One reading further; `noise` holds five uniforms for each draw."""
    reading = own.reading
    weeks = np.maximum(day - state.day, 1.0) / 7.0
    variance = reading.sd_drift**2 * weeks + np.where(noise[:, 1] < reading.jump, reading.sd_jump**2, 0.0)
    level = state.level + np.sqrt(variance) * ndtri(noise[:, 0])
    fresh = level + signal + reading.sd_reading * ndtri(noise[:, 2])
    change = fresh - state.log_value
    tempted = reading.repeat * np.exp(-0.5 * (change / reading.repeat_window) ** 2)
    stays = state.at_floor & (noise[:, 3] < floor_persistence)
    repeats = ~state.at_floor & (noise[:, 3] < tempted)
    with np.errstate(divide="ignore"):
        limit = np.log(own.limit)
    log_value = np.where(stays | repeats, state.log_value, fresh)
    return _State(level, log_value, stays | (log_value < limit), day)


def _as_written(quantity: str, own: QuantityPosterior, state: _State) -> FloatArray:
    """The reading as it would stand in the table."""
    value = np.exp(np.minimum(state.log_value, 50.0))
    stayed = state.at_floor & (state.log_value == own.last_log_value) & (own.last_censoring < 0)
    if quantity != SUM_OF_DIAMETERS:
        return np.where(state.at_floor, np.maximum(own.limit, 0.0), value)
    value = np.where(own.whole_numbers, np.round(value), value)
    one_target = own.limit <= TOO_SMALL_MM
    small = np.where(value < ABSENT_BELOW_MM, SMALLEST_FORECAST_MM, TOO_SMALL_MM)
    value = np.where(one_target & state.at_floor, small, np.maximum(value, SMALLEST_FORECAST_MM))
    written: FloatArray = np.where(stayed, np.maximum(own.last_value, SMALLEST_FORECAST_MM), value)
    return written


def _uniforms(draws: int, dimensions: int, seed: int) -> FloatArray:
    """Scrambled Sobol points inside (0, 1), shape (draws, dimensions)."""
    from scipy.stats import qmc  # noqa: PLC0415  (see Prior.bank)

    power = int(np.ceil(np.log2(draws)))
    points = qmc.Sobol(dimensions, rng=np.random.default_rng((seed, 2))).random_base2(power)[:draws]
    uniforms: FloatArray = np.clip(points, 1e-9, 1.0 - 1e-9)
    return uniforms


def quantiles(draws: FloatArray) -> FloatArray:
    """The 19 quantiles 5, 10, ..., 95 % along the last axis, shape (..., 19)."""
    found: FloatArray = np.moveaxis(np.quantile(draws, QUANTILE_LEVELS, axis=-1), 0, -1)
    return found
