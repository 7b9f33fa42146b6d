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

In float32 the same arithmetic runs as one compiled loop where Numba is installed (`model.kernel`); what is here is its
reference, and what serves everywhere else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
from scipy.special import log_ndtr

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.bank import DOUBLE, SINGLE, Signals, dynamics_sets, expected_log_value, sets
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.looks import CONSTANTS, Constants, Look, Looks
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
        log_likelihood: cumulative, shape (S, N+1, K); 0 beyond the last reading.
        level_mean: mean of the level x after each reading, shape (S, N, K); (S, 0, K) when not asked for.
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
class Known:
    """What an earlier pass has learnt of the level, the same for all series.

    Attributes:
        after: the reading after which it is known, counted from 0; those up to it are not looked at again.
        level_mean, level_variance: then, shape (K,).
    """

    after: int
    level_mean: FloatArray
    level_variance: FloatArray


def run_series(
    series: Series,
    dynamics: Dynamics,
    reading: Reading,
    floor_persistence: float,
    *,
    patient: IntArray | None = None,
    signals: Signals | None = None,
    levels: bool = True,
    known: Known | None = None,
    laid_out: FloatArray | None = None,
) -> Filtered:
    """Filter every series through every particle.

    Args:
        series: of S rows.
        dynamics: of the particles, shape (K,) (one bank for all) or (P, K) (a bank of their own for each patient).
        reading: of the same shape.
        floor_persistence: chance that a value at the floor stays there without a fresh look.
        patient: the row of `dynamics` and `reading` for each series, shape (S,); by default its own.
        signals: the log signals of a bank that serves many batches.
        levels: whether levels are wanted.
        known: where to begin; by default with the first reading.
        laid_out: the dynamics as `dynamics_sets` gives them, where somebody has them already.
    """
    rows_in_all, width = series.day.shape
    particles, precision = dynamics.kill_per_week.shape[-1], dynamics.kill_per_week.dtype
    log_likelihood = np.zeros((rows_in_all, width + 1, particles), precision)
    level_mean, level_variance = np.zeros((2, rows_in_all, width * levels, particles), precision)
    looks = Looks.of(series, is_diameter=reading.is_diameter)
    constants = Constants.of(reading, floor_persistence)
    owner = looks.rows if patient is None else patient[looks.rows]
    if precision == SINGLE and has_kernel():
        filtered = Filtered(log_likelihood, level_mean, level_variance)
        _run_kernel(
            filtered, series, looks, (constants, owner), (dynamics, reading), signals, known, laid_out
        )
        return filtered
    in_order = bool((np.diff(looks.rows) > 0).all())
    mean = variance = np.zeros(0)
    for i, count in enumerate(looks.count):
        if not count:
            break
        if known is not None and i <= known.after:
            mean, variance = (
                np.broadcast_to(own, (count, particles)) for own in (known.level_mean, known.level_variance)
            )
            continue
        here, rows = slice(count), looks.rows[:count]
        where = here if in_order else rows  # a slice is written to without a detour
        signal = _signal(series, (rows, i), owner[here], (dynamics, reading), signals)
        if i == 0:
            mean, variance = _first(
                looks.at(0, here, precision), signal, constants.at(owner[here], precision)
            )
        else:
            found = _read(looks, i, (mean[here] + signal, variance[here]), (constants, owner))
            log_likelihood[where, i + 1] = log_likelihood[where, i] + found.log_likelihood
            mean, variance = np.subtract(found.mean, signal, out=found.mean), found.variance
        if levels:
            level_mean[where, i], level_variance[where, i] = mean, variance
    return Filtered(log_likelihood, level_mean, level_variance)


@lru_cache(maxsize=1)
def has_kernel() -> bool:
    """The compiled loop serves: Numba is installed, and `TURNPOINT_KERNEL` in the environment is not `off`."""
    return os.environ.get("TURNPOINT_KERNEL") != "off" and find_spec("numba") is not None


def _run_kernel(
    found: Filtered,
    series: Series,
    looks: Looks,
    constants: tuple[Constants, IntArray],
    model: tuple[Dynamics, Reading],
    signals: Signals | None,
    known: Known | None,
    laid_out: FloatArray | None,
) -> None:
    """Fills in what `run_series` finds by `model.kernel.filter_series`."""
    from turnpoint.model.kernel import LIMIT, NUMBER, SAME, filter_series  # noqa: PLC0415  (Numba is an extra)

    (own, owner), (dynamics, reading), rows = constants, model, looks.rows
    nothing: FloatArray = np.zeros((1, 1, 0), np.float32)
    weeks = np.stack([series.on_weeks[rows], series.off_weeks[rows]], axis=-1)
    table: FloatArray = nothing[0, :0]
    times: IntArray = np.zeros((0, 0), dtype=np.int64)
    parts = background = nothing
    if signals is None:
        parts = dynamics_sets(dynamics) if laid_out is None else laid_out
        background = sets(reading.background, reading.surge)
    else:
        pairs, place = np.unique(weeks.reshape(-1, 2), axis=0, return_inverse=True)
        table, times = signals.at(pairs[:, 0], pairs[:, 1]), place.reshape(weeks.shape[:2])
    filter_series(
        np.ascontiguousarray(np.moveaxis(looks.numbers, 0, -1), dtype=np.float32),
        np.where(looks.censored, LIMIT, np.where(looks.same, SAME, NUMBER)).astype(np.int8, order="C"),
        looks.after_floor.astype(np.uint8, order="C"),
        rows,
        series.length[rows],
        owner if own.jump.ndim > 1 else np.zeros_like(owner),
        sets(*(getattr(own, name) for name in CONSTANTS)),
        float(own.floor_persistence),
        table,
        times,
        parts,
        background,
        weeks.astype(np.float32, order="C"),
        reading.is_diameter,
        0 if known is None else known.after + 1,
        nothing[0, 0] if known is None else known.level_mean.astype(np.float32),
        nothing[0, 0] if known is None else known.level_variance.astype(np.float32),
        found.log_likelihood,
        found.level_mean,
        found.level_variance,
    )


def _signal(
    series: Series,
    where: tuple[IntArray, int],
    owner: IntArray,
    model: tuple[Dynamics, Reading],
    signals: Signals | None,
) -> FloatArray:
    """Log signal of n series at one of their readings, shape (n, K)."""
    dynamics, reading = model
    on_weeks, off_weeks = series.on_weeks[where], series.off_weeks[where]
    if signals is not None:
        return signals.at(on_weeks, off_weeks)
    if dynamics.kill_per_week.ndim > 1:
        dynamics, reading = dynamics.at(owner), reading.at(owner)
    precision = dynamics.kill_per_week.dtype
    on_weeks, off_weeks = on_weeks[:, None].astype(precision), off_weeks[:, None].astype(precision)
    return expected_log_value(dynamics, reading, on_weeks, off_weeks)


def _first(look: Look, signal: FloatArray, constants: Constants) -> tuple[FloatArray, FloatArray]:
    """The level after the first reading: at a limit only a wide guess beyond it, for all it says is the side."""
    mean = look.value + look.sign * _CENSORED_START_SD - signal
    variance = np.where(look.sign != 0, _CENSORED_START_SD**2, constants.noise(look))
    return mean, variance


def _read(
    looks: Looks, i: int, before: tuple[FloatArray, FloatArray], model: tuple[Constants, IntArray]
) -> _Belief:
    """What reading i says, given mean and variance of the noise-free log value before any drift.

    All are worked out as numbers, then the few that are not as what they are: taking the others out and putting them
    back would cost more.
    """
    (mean, variance), (constants, owner) = before, model
    count, precision = len(mean), mean.dtype
    every = slice(count)
    found = _number(looks.at(i, every, precision), mean, variance, constants.at(owner[every], precision))
    repeated = np.flatnonzero(looks.same[every, i])
    if repeated.size:
        fresh = _Belief(*(getattr(found, name)[repeated] for name in _Belief.__slots__))
        own = constants.at(owner[repeated], precision)
        look = looks.at(i, repeated, precision)
        _put(found, repeated, _repeated(look, mean[repeated], variance[repeated], own, fresh))
    limited = np.flatnonzero(looks.censored[every, i])
    if limited.size:
        own = constants.at(owner[limited], DOUBLE)
        exact = (mean[limited].astype(DOUBLE), variance[limited].astype(DOUBLE))
        _put(found, limited, _limit(looks.at(i, limited, DOUBLE), *exact, own))
    return found


def _put(beliefs: _Belief, rows: IntArray, others: _Belief) -> None:
    """Write other beliefs over these rows."""
    for name in _Belief.__slots__:
        getattr(beliefs, name)[rows] = getattr(others, name)


def _number(look: Look, mean: FloatArray, variance: FloatArray, constants: Constants) -> _Belief:
    """A number other than the last one: a fresh reading that nobody was tempted to replace.

    With odds o of a repeat and temptation τ the chance that it was not replaced is 1 - τ·o/(1+o).
    """
    odds = constants.repeat_odds * look.repeat_odds
    not_replaced = constants.window_precision * (-0.5 * look.shift**2)
    np.exp(not_replaced, out=not_replaced)
    not_replaced *= odds
    odds += 1.0
    np.subtract(odds, not_replaced, out=not_replaced)
    not_replaced /= odds
    if look.after_floor.any():
        not_replaced[look.after_floor[:, 0]] = 1.0 - constants.floor_persistence
    noise = constants.noise(look)
    precisions = _inverses(constants.totals(look, variance, noise))
    error = look.value - mean
    square = error * error
    fresh = _jumped_or_not(square, noise, precisions, constants)
    weight = np.multiply(fresh.weight, not_replaced, out=fresh.weight)
    weight *= look.step * _ROOT_2PI_INVERSE
    return _told(look, error, square, fresh, precisions[0])


def _repeated(
    look: Look, mean: FloatArray, variance: FloatArray, constants: Constants, fresh: _Belief
) -> _Belief:
    """The last number again: a repeat, or a fresh reading that fell on the same value, which is known already.

    A repeat is an observation of the last value with the reading's variance + repeat_window²:
    ∫ N(z; mean, total)·repeat·exp(-(z-y')²/(2·window²)) dz has a closed form, and so has the posterior.
    """
    odds = constants.repeat_odds * look.repeat_odds
    noise = constants.noise(look)
    noise += constants.window_variance
    precisions = _inverses(constants.totals(look, variance, noise))
    error = look.value - mean
    square = error * error
    repeat = _jumped_or_not(square, noise, precisions, constants)
    weight = np.multiply(repeat.weight, constants.window, out=repeat.weight)
    weight *= odds
    odds += 1.0
    weight /= odds
    repeated = _told(look, error, square, repeat, precisions[0])
    return _mixed(fresh, repeated)


@dataclass(frozen=True, slots=True)
class _Merged:
    """Gaussians a reading may come from, merged into one with their mean and variance; shape (n, K).

    Attributes:
        weight: their likelihood, but for exp(-error²·jumped precision/2).
        residual: share of the error that stays with the reading: the mean of the noise-free value is
            value - residual·error.
        variance: of the noise-free value, given the reading.
    """

    weight: FloatArray
    residual: FloatArray
    variance: FloatArray


def _jumped_or_not(
    square: FloatArray,
    noise: FloatArray,
    precisions: tuple[FloatArray, FloatArray],
    constants: Constants,
) -> _Merged:
    """A reading with this noise after a jump of the level, or without.

        weight = Σ chance·precision^½·exp(-error²·(precision - jumped precision)/2)
        residual of each = noise·precision,   variance of each = noise·(1 - residual)

    With the jumped part's exponent, the smaller one, taken out nothing overflows, and the weight never vanishes. Works
    in place, for fresh arrays would cost most.
    """
    jumped, calm = precisions
    apart = calm - jumped
    share = np.sqrt(jumped)
    share *= constants.jump
    weight = square * apart
    weight *= -0.5
    np.exp(weight, out=weight)
    weight *= np.sqrt(calm)
    weight *= 1.0 - constants.jump
    weight += share
    share /= weight
    apart *= noise
    residual = np.multiply(calm, noise, out=calm)
    residual -= share * apart
    variance = 1.0 - residual
    variance *= noise
    apart *= apart
    apart *= square
    share -= share * share
    apart *= share
    variance += apart
    return _Merged(weight, residual, variance)


def _inverses(totals: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The precisions of these variances; overwrites them."""
    jumped, calm = totals
    return np.divide(1.0, jumped, out=jumped), np.divide(1.0, calm, out=calm)


def _told(
    look: Look, error: FloatArray, square: FloatArray, merged: _Merged, jumped_precision: FloatArray
) -> _Belief:
    """What the merged Gaussians say; overwrites them."""
    log_likelihood = np.log(merged.weight, out=merged.weight)
    square *= jumped_precision
    square *= 0.5
    log_likelihood -= square
    error *= merged.residual
    np.subtract(look.value, error, out=error)
    return _Belief(log_likelihood, error, merged.variance)


def _limit(look: Look, mean: FloatArray, variance: FloatArray, constants: Constants) -> _Belief:
    """A value only known to lie below (sign -1) or above (sign +1) a limit, with and without a jump."""
    noise = constants.noise(look)
    jumped, calm = (
        _censored(look, mean, (total - noise, total), constants.floor_persistence)
        for total in constants.totals(look, variance, noise)
    )
    return _mixed(
        replace(calm, log_likelihood=np.log1p(-constants.jump) + calm.log_likelihood),
        replace(jumped, log_likelihood=np.log(constants.jump) + jumped.log_likelihood),
    )


def _mixed(one: _Belief, other: _Belief) -> _Belief:
    """Two beliefs, each as likely as it says, as one Gaussian with the mean and variance of both."""
    lead = one.log_likelihood - other.log_likelihood
    smaller = np.exp(-np.abs(lead))
    log_likelihood = np.maximum(one.log_likelihood, other.log_likelihood) + np.log1p(smaller)
    share = np.where(lead > 0, smaller, 1.0) / (1.0 + smaller)
    apart = other.mean - one.mean
    variance = one.variance + share * (other.variance - one.variance + (1.0 - share) * apart**2)
    return _Belief(log_likelihood, one.mean + share * apart, variance)


def _censored(
    look: Look, mean: FloatArray, variances: tuple[FloatArray, FloatArray], floor_persistence: float
) -> _Belief:
    """Moments of the truncated normal, carried from the reading to the noise-free value by regression."""
    variance, total = variances
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
