"""How one quantity is read: a local-level filter around the signal of the burden, one for each particle.

    log y_i = log_signal(B(t_i)) + log_surge(t_i) + x_i + e_i     e_i ~ N(0, sd_reading² + step_i²/12)
    x_i     = x_{i-1} + w_i,   w_i ~ N(0, sd_drift²·Δt)      with probability 1 - jump
                               w_i ~ N(0, sd_drift²·Δt + sd_jump²)       with probability jump

step_i is the rounding step (1 mm) relative to the value: without its variance a lesion read as 4, 4, 4 mm would
have an unbounded likelihood at zero noise. The patient's own level x is integrated out in closed form given the
particle (Rao-Blackwell); its first value has a flat prior. The branches of a jump are merged into one Gaussian
with their mean and variance.

A reader *repeats*: facing a fresh reading z, they write down the last value y' with probability
repeat·exp(-(z-y')²/(2·repeat_window²)). That keeps everything Gaussian: a repeat is an observation of y' with
the reading's variance + repeat_window². A value at a floor ("too small", "< 0.1") is censored, and a value
that follows one at the floor stays there with probability `floor_persistence` without a fresh look. For a lesion
sd_drift and repeat depend on its last reading (`Reading.after`).

The arithmetic is done in the precision of the parameters: float32 is three times as fast, and its log-likelihoods
are off by about 0.001, far below what 2048 particles can tell. Values at a limit are always worked out in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.bank import DOUBLE, Signals, expected_log_value
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.looks import Constants, Look, Looks
from turnpoint.model.parameters import Reading
from turnpoint.model.series import Series

_LOG_2PI = float(np.log(2.0 * np.pi))
_ROOT_2PI_INVERSE = float(1.0 / np.sqrt(2.0 * np.pi))
_CENSORED_START_SD = 1.0
_FARTHEST_Z = -1e4


@dataclass(frozen=True, slots=True)
class Filtered:
    """What one series taught each particle; N+1 because entry 0 is before the first reading.

    Attributes:
        log_likelihood: cumulative, shape (P, N+1, K).
        level_mean: mean of the level x after each reading, shape (P, N, K); (P, 0, K) when not asked for.
        level_variance: its variance, of the same shape.
    """

    log_likelihood: FloatArray
    level_mean: FloatArray
    level_variance: FloatArray


@dataclass(frozen=True, slots=True)
class _Belief:
    """Log-likelihood of a reading, and mean and variance of the noise-free log value; shape (n, K)."""

    log_likelihood: FloatArray
    mean: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the Gaussians a reading may come from; shape (n, K).

    Attributes:
        weight: its prior probability, times what its density is multiplied by.
        variance: of the noise-free log value before the reading.
        total: the same with the reading's own.
    """

    weight: FloatArray
    variance: FloatArray
    total: FloatArray


def run_series(
    series: Series,
    dynamics: Dynamics,
    reading: Reading,
    floor_persistence: float,
    *,
    signals: Signals | None = None,
    levels: bool = True,
) -> Filtered:
    """Filter every patient of the batch through every particle.

    Parameters are of shape (K,) (one bank for all) or (P, K) (a bank of their own for each patient). `signals`
    holds the log signals of a bank that serves many batches; `levels` says whether levels are wanted.
    """
    patients, width = series.day.shape
    particles, dtype = dynamics.kill_per_week.shape[-1], dynamics.kill_per_week.dtype
    log_likelihood = np.zeros((patients, width + 1, particles), dtype)
    level_mean, level_variance = np.zeros((2, patients, width * levels, particles), dtype)
    looks, constants = (
        Looks.of(series, is_diameter=reading.is_diameter),
        Constants.of(reading, floor_persistence),
    )
    total, mean, variance = np.zeros((3, patients, particles), dtype)
    for i, count in enumerate(looks.count):
        rows = looks.rows[:count]
        signal = _signal(series, rows, i, (dynamics, reading), signals)
        if i == 0:
            mean[:count], variance[:count] = _first(
                looks.at(0, slice(count), dtype), signal, constants.at(rows, dtype)
            )
        elif count:
            found = _read(looks, i, (mean[:count] + signal, variance[:count]), constants)
            total[:count] += found.log_likelihood
            np.subtract(found.mean, signal, out=mean[:count])
            variance[:count] = found.variance
        log_likelihood[looks.rows, i + 1] = total
        if levels:
            level_mean[looks.rows, i], level_variance[looks.rows, i] = mean, variance
    return Filtered(log_likelihood, level_mean, level_variance)


def _signal(
    series: Series, rows: IntArray, i: int, model: tuple[Dynamics, Reading], signals: Signals | None
) -> FloatArray:
    """Log signal at reading i of these patients, shape (n, K)."""
    dynamics, reading = model
    on_weeks, off_weeks = series.on_weeks[rows, i], series.off_weeks[rows, i]
    if signals is not None:
        return signals.at(on_weeks, off_weeks)
    if dynamics.kill_per_week.ndim > 1:
        dynamics, reading = dynamics.at(rows), reading.at(rows)
    dtype = dynamics.kill_per_week.dtype
    return expected_log_value(
        dynamics, reading, on_weeks[:, None].astype(dtype), off_weeks[:, None].astype(dtype)
    )


def _first(look: Look, signal: FloatArray, constants: Constants) -> tuple[FloatArray, FloatArray]:
    """The level after the first reading: at a limit only a wide guess beyond it, for all it says is the side."""
    mean = look.value + look.sign * _CENSORED_START_SD - signal
    variance = np.where(look.sign != 0, _CENSORED_START_SD**2, constants.noise(look))
    return mean, variance


def _read(
    looks: Looks,
    i: int,
    before: tuple[FloatArray, FloatArray],
    constants: Constants,
) -> _Belief:
    """What reading i says, given mean and variance of the noise-free log value before any drift."""
    mean, variance = before
    count, dtype = len(mean), mean.dtype
    censored, same = looks.sign[:count, i] != 0, looks.same[:count, i]
    kinds = ((_number, ~censored & ~same, dtype), (_repeated, same, dtype), (_limit, censored, DOUBLE))
    found = _Belief(*np.empty((3, *mean.shape), dtype))
    for read, chosen, precision in kinds:
        own = np.flatnonzero(chosen)
        if not own.size:
            continue
        told = read(
            looks.at(i, own, precision),
            mean[own].astype(precision, copy=False),
            variance[own].astype(precision, copy=False),
            constants.at(looks.rows[own], precision),
        )
        if own.size == count and precision == dtype:
            return told
        for name in _Belief.__slots__:
            getattr(found, name)[own] = getattr(told, name)
    return found


def _number(look: Look, mean: FloatArray, variance: FloatArray, constants: Constants) -> _Belief:
    """A number other than the last one: a fresh reading that nobody was tempted to replace.

    With odds o of a repeat and temptation τ the chance that it was not replaced is 1 - τ·o/(1+o).
    """
    odds = constants.repeat_odds * look.repeat_odds
    not_replaced = constants.window_precision * (-0.5 * look.shift**2)
    np.exp(not_replaced, out=not_replaced)
    np.subtract(1.0, not_replaced, out=not_replaced)
    not_replaced *= odds
    not_replaced += 1.0
    odds += 1.0
    not_replaced /= odds
    if look.after_floor.any():
        not_replaced[look.after_floor[:, 0]] = 1.0 - constants.floor_persistence
    not_replaced *= look.step * _ROOT_2PI_INVERSE
    noise = constants.noise(look)
    parts = [
        _Part(chance, spread, spread + noise)
        for chance, spread in zip(constants.chances, constants.spreads(look, variance), strict=True)
    ]
    return _mixed(look.value - mean, mean, parts, not_replaced)


def _repeated(look: Look, mean: FloatArray, variance: FloatArray, constants: Constants) -> _Belief:
    """The last number again: a repeat, or a fresh reading that fell on the same value.

    A repeat is an observation of the last value with the reading's variance + repeat_window²:
    ∫ N(z; mean, total)·repeat·exp(-(z-y')²/(2·window²)) dz has a closed form, and so has the posterior.
    """
    odds = constants.repeat_odds * look.repeat_odds
    fresh = (look.step * _ROOT_2PI_INVERSE) / (1.0 + odds)
    repeat = constants.window * odds / (1.0 + odds)
    noise = constants.noise(look)
    parts = []
    for chance, spread in zip(constants.chances, constants.spreads(look, variance), strict=True):
        total = spread + noise
        parts.append(_Part(repeat * chance, spread, total + constants.window_variance))
        parts.append(_Part(fresh * chance, spread, total))
    return _mixed(look.value - mean, mean, parts)


def _mixed(
    error: FloatArray, mean: FloatArray, parts: Sequence[_Part], common: FloatArray | None = None
) -> _Belief:
    """The reading's likelihood under all parts, and their posteriors as one Gaussian of the same two moments.

        likelihood = common·Σ_p weight_p·total_p^-1/2·exp(-error²/(2·total_p))

    The first part must have the largest total: its exponent is taken out, so that no other can overflow. Parts are
    merged one after the other, which leaves the moments as they are. Works in place: nothing here outlives the call
    but the result, and fresh arrays are what would cost most.
    """
    square = error * error
    widest = 1.0 / parts[0].total
    weight = np.sqrt(widest)
    weight *= parts[0].weight
    gain, spread = _posterior(parts[0], widest.copy())
    for part in parts[1:]:
        precision = np.divide(1.0, part.total, out=part.total)
        exponent = widest - precision
        exponent *= square
        exponent *= 0.5
        own = np.exp(exponent, out=exponent)
        own *= np.sqrt(precision)
        own *= part.weight
        weight += own
        own /= weight
        _merge((gain, spread), _posterior(part, precision), own, square)
    if common is not None:
        weight *= common
    log_likelihood = np.log(weight, out=weight)
    square *= widest
    square *= 0.5
    log_likelihood -= square
    gain *= error
    gain += mean
    return _Belief(log_likelihood, gain, spread)


def _posterior(part: _Part, precision: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gain (mean/error) and variance of the noise-free log value given the reading; overwrites the precision."""
    gain = np.multiply(part.variance, precision, out=precision)
    spread = part.variance * gain
    return gain, np.subtract(part.variance, spread, out=spread)


def _merge(
    one: tuple[FloatArray, FloatArray],
    other: tuple[FloatArray, FloatArray],
    share: FloatArray,
    square: FloatArray,
) -> None:
    """Merge another Gaussian (gain, variance) with this share into one, in place; a mean is gain·error.

    mean += share·(m' - m)        variance += share·[v' - v + (1-share)·(m' - m)²]
    """
    (gain, spread), (own_gain, own_spread) = one, other
    own_gain -= gain
    own_spread -= spread
    apart = own_gain * own_gain
    apart *= square
    own_gain *= share
    gain += own_gain
    own_spread += apart
    apart *= share
    own_spread -= apart
    own_spread *= share
    spread += own_spread


def _limit(look: Look, mean: FloatArray, variance: FloatArray, constants: Constants) -> _Belief:
    """A value only known to lie below (sign -1) or above (sign +1) a limit, with and without a jump."""
    jumped, calm = (
        _censored(look, mean, spread, spread + constants.noise(look), constants.floor_persistence)
        for spread in constants.spreads(look, variance)
    )
    calm_log, jumped_log = (
        np.log1p(-constants.jump) + calm.log_likelihood,
        np.log(constants.jump) + jumped.log_likelihood,
    )
    log_likelihood = np.logaddexp(calm_log, jumped_log)
    share = np.exp(jumped_log - log_likelihood)
    apart = jumped.mean - calm.mean
    spread = calm.variance + share * (jumped.variance - calm.variance) + share * (1.0 - share) * apart**2
    return _Belief(log_likelihood, calm.mean + share * apart, spread)


def _censored(
    look: Look, mean: FloatArray, variance: FloatArray, total: FloatArray, floor_persistence: float
) -> _Belief:
    """Moments of the truncated normal, carried from the reading to the noise-free value by regression."""
    side = np.where(look.sign > 0, -1.0, 1.0)  # above a limit is below it, mirrored
    sd = np.sqrt(total)
    # Further out the particle is hopeless anyway, and the two large terms of the hazard would not cancel.
    z = np.maximum(side * (look.value - mean) / sd, _FARTHEST_Z)
    log_mass = log_ndtr(z)
    hazard = np.exp(-0.5 * (z**2 + _LOG_2PI) - log_mass)
    log_likelihood = np.where(
        look.after_floor & (look.sign < 0),
        np.log(floor_persistence + (1.0 - floor_persistence) * np.exp(log_mass)),
        log_mass,
    )
    gain = variance / total
    truncated_variance = total * np.clip(1.0 - z * hazard - hazard**2, 0.0, 1.0)
    return _Belief(
        log_likelihood, mean - gain * side * sd * hazard, variance - gain**2 * (total - truncated_variance)
    )
