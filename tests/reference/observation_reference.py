"""How one quantity is read: a local-level filter around the signal of the burden, one for each particle.

    log y_i = log_signal(B(t_i)) + log_surge(t_i) + x_i + e_i     e_i ~ N(0, sd_reading² + step_i²/12)
    x_i     = x_{i-1} + w_i,   w_i ~ N(0, sd_drift²·Δt)      with probability 1 - jump
                               w_i ~ N(0, sd_drift²·Δt + sd_jump²)       with probability jump

step_i is the rounding step (1 mm) relative to the value: without its variance a lesion read as 4, 4, 4 mm would
have an unbounded likelihood at zero noise. The patient's own level x is integrated out in closed form given the
particle (Rao-Blackwell); its first value has a flat prior. The two branches of a jump are merged into one Gaussian
with their mean and variance.

A reader *repeats*: facing a fresh reading z, they write down the last value y' with probability
repeat·exp(-(z-y')²/(2·repeat_window²)). That keeps everything Gaussian: a repeat is an observation of y' with
the reading's variance + repeat_window². A value at a floor ("too small", "< 0.1") is censored, and a value
that follows one at the floor stays there with probability `floor_persistence` without a fresh look. For a lesion
sd_drift and repeat depend on its last reading (`Reading.after`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.parameters import Reading
from turnpoint.model.series import Series

_LOG_2PI = float(np.log(2.0 * np.pi))
_SHORTEST_GAP_WEEKS = 1.0 / 7.0
_CENSORED_START_SD = 1.0
_FARTHEST_Z = -1e4


@dataclass(frozen=True, slots=True)
class Filtered:
    """What one series taught each particle; N+1 because entry 0 is before the first reading.

    Attributes:
        log_likelihood: cumulative, shape (P, N+1, K).
        level_mean: mean of the level x after each reading, shape (P, N, K).
        level_variance: its variance, shape (P, N, K).
    """

    log_likelihood: FloatArray
    level_mean: FloatArray
    level_variance: FloatArray


@dataclass(frozen=True, slots=True)
class _Look:
    """One column of readings, each attribute of shape (P, 1); `present` masks the padding."""

    value: FloatArray
    last_value: FloatArray
    sign: FloatArray  # -1 below the limit, 0 a number, 1 above it
    last_at_floor: BoolArray
    log_step: FloatArray
    present: BoolArray


@dataclass(frozen=True, slots=True)
class _Branch:
    """One branch's log-likelihood and posterior of the level (relative to the log value), shape (P, K)."""

    log_likelihood: FloatArray
    mean: FloatArray
    variance: FloatArray


def run_series(series: Series, dynamics: Dynamics, reading: Reading, floor_persistence: float) -> Filtered:
    """Filter every patient of the batch through every particle.

    Parameters are of shape (K,) (one bank for all) or (P, K) (a bank of their own for each patient).
    """
    patients, width = series.day.shape
    particles = dynamics.kill_per_week.shape[-1]
    log_likelihood = np.zeros((patients, width + 1, particles))
    level_mean = np.zeros((patients, width, particles))
    level_variance = np.zeros((patients, width, particles))
    noise = np.broadcast_to(_noise(reading, series.log_step[:, :1]), (patients, particles))
    mean = variance = np.zeros((patients, particles))
    for i in range(width):
        on_weeks, off_weeks = series.on_weeks[:, i : i + 1], series.off_weeks[:, i : i + 1]
        signal = reading.log_signal(dynamics.log_burden(on_weeks, off_weeks))
        signal = signal + reading.log_surge_at(on_weeks + off_weeks)
        look = _look_at(series, i)
        if i == 0:
            # A first reading at a limit only says on which side of it the level lies: a wide guess beyond it.
            mean = look.value + look.sign * _CENSORED_START_SD - signal
            variance = np.where(look.sign != 0, _CENSORED_START_SD**2, noise)
        else:
            gap = series.day[:, i : i + 1] - series.day[:, i - 1 : i]
            now = reading.after(series.log_value[:, i - 1 : i], _is_repeat(series, i - 1))
            drift = now.sd_drift**2 * np.maximum(gap / 7.0, _SHORTEST_GAP_WEEKS)
            step = _merged(
                _branch(look, mean + signal, variance + drift, now, floor_persistence),
                _branch(look, mean + signal, variance + drift + now.sd_jump**2, now, floor_persistence),
                now.jump,
            )
            log_likelihood[:, i + 1] = log_likelihood[:, i] + np.where(look.present, step.log_likelihood, 0.0)
            mean = np.where(look.present, step.mean - signal, mean)
            variance = np.where(look.present, step.variance, variance)
        level_mean[:, i], level_variance[:, i] = mean, variance
    return Filtered(log_likelihood, level_mean, level_variance)


def _noise(reading: Reading, log_step: FloatArray) -> FloatArray:
    """Variance of one log reading: reading error, and rounding to the step."""
    variance: FloatArray = reading.sd_reading**2 + np.exp(2.0 * log_step) / 12.0
    return variance


def _is_repeat(series: Series, i: int) -> BoolArray:
    """Whether reading i is the same number as the one before it, shape (P, 1)."""
    if i == 0:
        return np.zeros((len(series.length), 1), dtype=bool)
    repeat: BoolArray = series.value[:, i : i + 1] == series.value[:, i - 1 : i]
    return repeat


def _look_at(series: Series, i: int) -> _Look:
    before = max(i - 1, 0)
    return _Look(
        value=series.log_value[:, i : i + 1],
        last_value=series.log_value[:, before : before + 1],
        sign=series.censoring[:, i : i + 1].astype(np.float64),
        last_at_floor=(series.censoring[:, before : before + 1] < 0) & (i > 0),
        log_step=series.log_step[:, i : i + 1],
        present=(i < series.length)[:, None],
    )


def _branch(
    look: _Look, mean: FloatArray, variance: FloatArray, reading: Reading, floor_persistence: float
) -> _Branch:
    """Log-likelihood of the reading and posterior of the noise-free log value, given its prior N(mean, variance)."""
    noise = _noise(reading, look.log_step)
    total = variance + noise
    error = look.value - mean
    log_density = -0.5 * (_LOG_2PI + np.log(total) + error**2 / total) + look.log_step

    window = reading.repeat_window**2
    shift = look.value - look.last_value
    tempted = reading.repeat * np.exp(-0.5 * shift**2 / window)
    log_gate = np.where(look.last_at_floor, np.log1p(-floor_persistence), np.log1p(-tempted))
    gain = variance / total
    posterior = _Branch(log_density + log_gate, mean + gain * error, variance * (1.0 - gain))
    same = (look.value == look.last_value) & (look.sign == 0) & ~look.last_at_floor & look.present
    if same.any():
        posterior = _with_repeats(posterior, same, (error, variance, total), reading)
    if (look.sign != 0).any():
        posterior = _with_censored(posterior, look, mean, variance, total, floor_persistence)
    return posterior


def _with_repeats(
    fresh: _Branch, same: BoolArray, look: tuple[FloatArray, FloatArray, FloatArray], reading: Reading
) -> _Branch:
    """Let a reading equal to the last one be either a repeat or a fresh reading that fell on the same value.

    A repeat is an observation of the last value with the reading's variance + repeat_window²:
    ∫ N(z; mean, total)·repeat·exp(-(z-y')²/(2·window)) dz has a closed form, and so has the posterior.
    """
    error, variance, total = look
    window = reading.repeat_window**2
    log_repeat = np.log(reading.repeat) + 0.5 * (
        np.log(window) - np.log(total + window) - error**2 / (total + window)
    )
    gain = variance / (total + window)
    mean = fresh.mean - (variance / total - gain) * error
    repeated = _Branch(log_repeat, mean, variance * (1.0 - gain))
    merged = _mixed(fresh, repeated)
    return _Branch(
        np.where(same, merged.log_likelihood, fresh.log_likelihood),
        np.where(same, merged.mean, fresh.mean),
        np.where(same, merged.variance, fresh.variance),
    )


def _with_censored(
    uncensored: _Branch,
    look: _Look,
    mean: FloatArray,
    variance: FloatArray,
    total: FloatArray,
    floor_persistence: float,
) -> _Branch:
    """Replace the rows whose reading is only known to lie below (sign -1) or above (sign +1) a limit.

    Moments of the truncated normal, carried from the reading to the noise-free value by regression.
    """
    side = np.where(look.sign > 0, -1.0, 1.0)  # above a limit is below it, mirrored
    sd = np.sqrt(total)
    # Further out the particle is hopeless anyway, and the two large terms of the hazard would not cancel.
    z = np.maximum(side * (look.value - mean) / sd, _FARTHEST_Z)
    log_mass = log_ndtr(z)
    hazard = np.exp(-0.5 * (z**2 + _LOG_2PI) - log_mass)
    log_likelihood = np.where(
        look.last_at_floor & (look.sign < 0),
        np.log(floor_persistence + (1.0 - floor_persistence) * np.exp(log_mass)),
        log_mass,
    )
    gain = variance / total
    truncated_variance = total * np.clip(1.0 - z * hazard - hazard**2, 0.0, 1.0)
    posterior_mean = mean - gain * side * sd * hazard
    posterior_variance = variance - gain**2 * (total - truncated_variance)
    censored = look.sign != 0
    return _Branch(
        np.where(censored, log_likelihood, uncensored.log_likelihood),
        np.where(censored, posterior_mean, uncensored.mean),
        np.where(censored, posterior_variance, uncensored.variance),
    )


def _merged(calm: _Branch, jumped: _Branch, jump: FloatArray) -> _Branch:
    """The two branches of a jump as one Gaussian."""
    return _mixed(
        replace(calm, log_likelihood=np.log1p(-jump) + calm.log_likelihood),
        replace(jumped, log_likelihood=np.log(jump) + jumped.log_likelihood),
    )


def _mixed(one: _Branch, other: _Branch) -> _Branch:
    """Two weighted branches as one Gaussian with the mixture's mean and variance."""
    log_likelihood = np.logaddexp(one.log_likelihood, other.log_likelihood)
    share = np.exp(other.log_likelihood - log_likelihood)
    apart = other.mean - one.mean
    variance = one.variance + share * (other.variance - one.variance) + share * (1.0 - share) * apart**2
    return _Branch(log_likelihood, one.mean + share * apart, variance)
