"""The filter of `model.observation` as one loop: visits outside, particles inside, nothing kept in between.

The NumPy code there is the reference; this says the same within rounding (`tests/model/test_kernel.py`), several times
as fast, for its numbers never leave a core's cache. It needs Numba (the extra `fast`), which compiles it once for a
machine and keeps the result beside this file, or in the user's cache where that cannot be written to.

What makes LLVM vectorise it, each alone not enough: divisions that are not checked (`error_model="numpy"`), no care for
infinities, exponential and logarithm of float32 as polynomials on their bits (Cephes: relative error 1e-7, absolute
4e-6), integers that stay 32 bits wide. Particles pass in blocks that fit a core's first cache.

Nothing is reordered or contracted (of `fastmath` only the flags about what cannot occur): the code of the process that
compiled and that of those that load it from the cache are optimised differently, and one patient would get two answers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.extending import intrinsic

NUMBER, SAME, LIMIT = 0, 1, 2
BLOCK = 1024

_f4 = np.float32
EXACT: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
FAST: dict[str, Any] = EXACT | {"fastmath": {"nnan", "ninf", "nsz"}}
_INLINE: dict[str, Any] = {"inline": "always", **FAST}
_LARGEST_EXPONENT = _f4(80.0)  # as in `model.dynamics`
_ROOT_2PI_INVERSE = float(1.0 / np.sqrt(2.0 * np.pi))
_LOG_2PI = float(np.log(2.0 * np.pi))
_ROOT_HALF = math.sqrt(0.5)
_FAR_TAIL_Z = -25.0  # erfc is exact to here, and the asymptotic series from here on
_FARTHEST_Z = -1e4
_SURGE_PEAK_WEEKS = _f4(3.0)
_EXP = tuple(
    _f4(c)
    for c in (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
    )
)  # fmt: skip
_LOG = tuple(
    _f4(c)
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip


def _cast(instruction: str, result: Any, argument: Any) -> Any:
    """One instruction of LLVM that makes one type of another."""

    @intrinsic
    def cast(_typing, _x):
        def built(context, builder, _signature, given):
            return getattr(builder, instruction)(given[0], context.get_value_type(result))

        return result(argument), built

    return cast


def _on_bits(*instructions: tuple[str, int]) -> Any:
    """Instructions of LLVM with a constant each, one after the other, on 32 bits."""

    @intrinsic
    def done(_typing, _x):
        def built(_context, builder, _signature, given):
            value = given[0]
            for instruction, constant in instructions:
                value = getattr(builder, instruction)(value, ir.Constant(ir.IntType(32), constant))
            return value

        return types.int32(types.int32), built

    return done


_bits = _cast("bitcast", types.int32, types.float32)
_real = _cast("bitcast", types.float32, types.int32)
_to_int = _cast("fptosi", types.int32, types.float32)
_to_real = _cast("sitofp", types.float32, types.int32)
_exponent_as_bits = _on_bits(("shl", 23))
_exponent_bits = _on_bits(("lshr", 23))
_mantissa_bits = _on_bits(("and_", 0x007FFFFF), ("or_", 0x3F000000))


@njit(**_INLINE)
def exp32(x):
    """exp(x) of a float32 up to 88; 1e-38 below -87."""
    x = max(x, _f4(-87.0))
    n = _to_int(x * _f4(1.44269504) + _f4(127.5))  # above 0, where cutting off is rounding down
    k = _to_real(n) - _f4(127.0)
    r = x - k * _f4(0.693359375) + k * _f4(2.12194440e-4)
    p = _EXP[0]
    p = p * r + _EXP[1]
    p = p * r + _EXP[2]
    p = p * r + _EXP[3]
    p = p * r + _EXP[4]
    p = p * r + _EXP[5]
    return (p * r * r + r + _f4(1.0)) * _real(_exponent_as_bits(n))


@njit(**_INLINE)
def log32(x):
    """log(x) of a float32; that of 1e-37 below it."""
    b = _bits(max(x, _f4(1e-37)))
    e = _to_real(_exponent_bits(b)) - _f4(126.0)
    m = _real(_mantissa_bits(b))
    low = m < _f4(0.70710678)
    e = e - (_f4(1.0) if low else _f4(0.0))
    m = m + (m if low else _f4(0.0)) - _f4(1.0)
    z = m * m
    p = _LOG[0]
    p = p * m + _LOG[1]
    p = p * m + _LOG[2]
    p = p * m + _LOG[3]
    p = p * m + _LOG[4]
    p = p * m + _LOG[5]
    p = p * m + _LOG[6]
    p = p * m + _LOG[7]
    p = p * m + _LOG[8]
    return p * m * z - _f4(2.12194440e-4) * e - _f4(0.5) * z + m + _f4(0.693359375) * e


@njit(**EXACT)
def log_ndtr(z):
    """Log of the standard normal distribution function."""
    if z > _FAR_TAIL_Z:
        upper = 0.5 * math.erfc(z * _ROOT_HALF)
        return math.log1p(-upper) if z > 0.0 else math.log(0.5 * math.erfc(-z * _ROOT_HALF))
    w = 1.0 / (z * z)
    return -0.5 * (z * z + _LOG_2PI) - math.log(-z) + math.log1p(-w * (1.0 - 3.0 * w * (1.0 - 5.0 * w)))


@njit(**EXACT)
def _censored(value, side, is_at_floor, mean, variance, total, floor_persistence):
    """As `model.observation._censored`."""
    sd = math.sqrt(total)
    z = max(side * (value - mean) / sd, _FARTHEST_Z)
    log_mass = log_ndtr(z)
    hazard = math.exp(-0.5 * (z * z + _LOG_2PI) - log_mass)
    log_likelihood = log_mass
    if is_at_floor:
        log_likelihood = math.log(floor_persistence + (1.0 - floor_persistence) * math.exp(log_mass))
    gain = variance / total
    truncated = total * min(max(1.0 - z * hazard - hazard * hazard, 0.0), 1.0)
    return log_likelihood, mean - gain * side * sd * hazard, variance - gain * gain * (total - truncated)


@njit(**EXACT)
def _limit(value, sign, is_at_floor, mean, variance, noise, drift, jump_variance, jump, floor_persistence):
    """As `model.observation._limit`: with and without a jump, then both as one."""
    side = -1.0 if sign > 0 else 1.0
    calm = drift + variance + noise
    jumped = calm + jump_variance
    log_1, mean_1, variance_1 = _censored(
        value, side, is_at_floor, mean, calm - noise, calm, floor_persistence
    )
    log_2, mean_2, variance_2 = _censored(
        value, side, is_at_floor, mean, jumped - noise, jumped, floor_persistence
    )
    log_1 += math.log1p(-jump)
    log_2 += math.log(jump)
    lead = log_1 - log_2
    smaller = math.exp(-abs(lead))
    share = (smaller if lead > 0 else 1.0) / (1.0 + smaller)
    apart = mean_2 - mean_1
    return (
        max(log_1, log_2) + math.log1p(smaller),
        mean_1 + share * apart,
        variance_1 + share * (variance_2 - variance_1 + (1.0 - share) * apart * apart),
    )


@njit(**_INLINE)
def _jumped_or_not(square, noise, before, jump_variance, jump):
    """As `model.observation._jumped_or_not`: weight, residual, variance, and the jumped precision."""
    p_calm = _f4(1.0) / (before + noise)
    p_jumped = _f4(1.0) / (before + noise + jump_variance)
    apart = p_calm - p_jumped
    jumped = math.sqrt(p_jumped) * jump
    weight = exp32(_f4(-0.5) * square * apart) * math.sqrt(p_calm) * (_f4(1.0) - jump) + jumped
    share = jumped / weight
    apart = apart * noise
    residual = p_calm * noise - share * apart
    variance = (_f4(1.0) - residual) * noise + apart * apart * square * (share - share * share)
    return weight, residual, variance, p_jumped


@njit(**FAST)
def log_signals(
    signal, log_sensitive, kill, off_growth, log_resistant, regrowth, backgrounds, surges, on, off, is_diameter
):  # fmt: skip
    """As `model.bank.expected_log_value`, for a block of particles at one time."""
    share = max(on + off, _f4(0.0)) / _SURGE_PEAK_WEEKS
    surge = share * _f4(math.exp(1.0 - share))
    weeks = on + off
    for k in range(signal.shape[0]):
        sensitive = log_sensitive[k] - kill[k] * on + off_growth[k] * off
        resistant = log_resistant[k] + regrowth[k] * weeks
        burden = exp32(min(sensitive, _LARGEST_EXPONENT)) + exp32(min(resistant, _LARGEST_EXPONENT))
        background = backgrounds[k]
        if is_diameter:
            signal[k] = log32((_f4(1.0) - background) * burden + background) / _f4(3.0) + surges[k] * surge
        else:
            signal[k] = log32(burden + background) + surges[k] * surge


@njit(**FAST)
def _firsts(look, reading_variance, signal, mean, variance):
    """As `model.observation._first`, for a block of particles."""
    rounding = look[2] * look[2] / _f4(12.0)
    is_limit = look[3] != _f4(0.0)
    for k in range(signal.shape[0]):
        mean[k] = look[0] + look[3] - signal[k]
        variance[k] = _f4(1.0) if is_limit else reading_variance[k] + rounding


@njit(**FAST)
def _numbers(
    look, is_after_floor, floor_persistence,
    reading_variance, drift_variance, jump_variance, window_precision, repeat_odds, jump,
    signal, log_likelihood, mean, variance,
):  # fmt: skip
    """As `model.observation._number`, for a block of particles."""
    y, step, weeks, last_odds = look[0], look[2], look[4], look[5]
    half = _f4(-0.5) * look[1] * look[1]
    rounding = step * step / _f4(12.0)
    constant = _f4(math.log(step * _f4(_ROOT_2PI_INVERSE)))
    kept = _f4(1.0) - _f4(floor_persistence)
    for k in range(signal.shape[0]):
        noise = reading_variance[k] + rounding
        before = drift_variance[k] * weeks + variance[k]
        odds = repeat_odds[k] * last_odds
        fresh = (odds + _f4(1.0) - odds * exp32(window_precision[k] * half)) / (odds + _f4(1.0))
        fresh = kept if is_after_floor else fresh
        error = y - mean[k] - signal[k]
        square = error * error
        weight, residual, spread, p_jumped = _jumped_or_not(square, noise, before, jump_variance[k], jump[k])
        log_likelihood[k] += log32(weight * fresh) + constant - _f4(0.5) * square * p_jumped
        mean[k] = y - error * residual - signal[k]
        variance[k] = spread


@njit(**FAST)
def _repeats(
    look,
    reading_variance, drift_variance, jump_variance, window_variance, window, repeat_odds, jump,
    signal, log_likelihood, mean, variance,
):  # fmt: skip
    """As `model.observation._repeated` mixed with a fresh reading, for a block of particles."""
    y, step, weeks, last_odds = look[0], look[2], look[4], look[5]
    rounding = step * step / _f4(12.0)
    constant = _f4(math.log(step * _f4(_ROOT_2PI_INVERSE)))
    for k in range(signal.shape[0]):
        noise = reading_variance[k] + rounding
        before = drift_variance[k] * weeks + variance[k]
        odds = repeat_odds[k] * last_odds
        error = y - mean[k] - signal[k]
        square = error * error
        # fresh: the chance that it was not replaced is 1 / (1 + odds)
        weight, residual, variance_1, p_jumped = _jumped_or_not(
            square, noise, before, jump_variance[k], jump[k]
        )
        log_1 = log32(weight / (odds + _f4(1.0))) + constant - _f4(0.5) * square * p_jumped
        rest_1 = error * residual
        # repeated: an observation of the last value with the window's variance besides
        noise = noise + window_variance[k]
        weight, residual, variance_2, p_jumped = _jumped_or_not(
            square, noise, before, jump_variance[k], jump[k]
        )
        log_2 = log32(weight * window[k] * odds / (odds + _f4(1.0))) - _f4(0.5) * square * p_jumped
        rest_2 = error * residual
        lead = log_1 - log_2
        smaller = exp32(-abs(lead))
        share = (smaller if lead > _f4(0.0) else _f4(1.0)) / (_f4(1.0) + smaller)
        apart = rest_1 - rest_2
        log_likelihood[k] += max(log_1, log_2) + log32(_f4(1.0) + smaller)
        mean[k] = y - rest_1 + share * apart - signal[k]
        variance[k] = variance_1 + share * (variance_2 - variance_1 + (_f4(1.0) - share) * apart * apart)


@njit(**EXACT)
def _limits(
    look, is_after_floor, floor_persistence,
    reading_variance, drift_variance, jump_variance, jump,
    signal, log_likelihood, mean, variance,
):  # fmt: skip
    """As `model.observation._limit`, for a block of particles, in float64."""
    value, step, sign, weeks = look[0], look[2], look[3], look[4]
    for k in range(signal.shape[0]):
        found, level, spread = _limit(
            np.float64(value),
            sign,
            is_after_floor and sign < 0,
            np.float64(mean[k] + signal[k]),
            np.float64(variance[k]),
            np.float64(reading_variance[k]) + np.float64(step) * step / 12.0,
            np.float64(drift_variance[k]) * weeks,
            np.float64(jump_variance[k]),
            np.float64(jump[k]),
            floor_persistence,
        )
        log_likelihood[k] += _f4(found)
        mean[k] = _f4(level) - signal[k]
        variance[k] = _f4(spread)


@njit(**FAST)
def filter_series(
    looks, kinds, after_floor, rows, lengths, owner,
    constants, floor_persistence,
    table, times, dynamics, reading, weeks, is_diameter,
    first, start_mean, start_variance,
    log_likelihood, level_mean, level_variance,
):  # fmt: skip
    """Filter S series through K particles, of one set for all (P = 1) or of P sets.

    Args:
        looks: as `Looks.numbers`, series by series, float32, shape (S, N, 6).
        kinds: `NUMBER`, `SAME` or `LIMIT`, shape (S, N); int8.
        after_floor: shape (S, N); uint8.
        rows: where the results of each series go, shape (S,).
        lengths: readings of each series, shape (S,).
        owner: its set of particles, shape (S,).
        constants: of the readings, shape (P, 8, K): variances of reading, drift, jump and window; window and the
            inverse of its variance; odds of a repeat; jump.
        floor_persistence: as in `model.observation`.
        table: log signals at some times, shape (T, K); T = 0 where they are worked out here, from the next four.
        times: the row of the table for each reading, shape (S, N).
        dynamics: log(1-phi), d, r, log(phi), g, shape (P, 5, K).
        reading: background and surge, shape (P, 2, K).
        weeks: on and off treatment at each reading, shape (S, N, 2).
        is_diameter: of the quantity.
        first: the reading to begin with; those before it are known.
        start_mean: of the level then, shape (K,).
        start_variance: its variance, shape (K,).
        log_likelihood: result, as `model.observation.Filtered`.
        level_mean: result; of width 0 where levels are not wanted.
        level_variance: result, likewise.
    """
    size = constants.shape[2]
    keeps_levels = level_mean.shape[1] > 0
    mean, variance = np.empty(BLOCK, _f4), np.empty(BLOCK, _f4)
    running, own_signal = np.empty(BLOCK, _f4), np.empty(BLOCK, _f4)
    for s in range(rows.shape[0]):
        row, patient = rows[s], owner[s]
        for low in range(0, size, BLOCK):
            high = min(low + BLOCK, size)
            n = high - low
            reading_variance = constants[patient, 0, low:high]
            drift_variance = constants[patient, 1, low:high]
            jump_variance = constants[patient, 2, low:high]
            window_variance = constants[patient, 3, low:high]
            window = constants[patient, 4, low:high]
            window_precision = constants[patient, 5, low:high]
            repeat_odds = constants[patient, 6, low:high]
            jump = constants[patient, 7, low:high]
            level, spread, total = mean[:n], variance[:n], running[:n]
            for k in range(n):
                total[k] = _f4(0.0)
                level[k] = start_mean[low + k] if first > 0 else _f4(0.0)
                spread[k] = start_variance[low + k] if first > 0 else _f4(0.0)
            for i in range(first, lengths[s]):
                look = looks[s, i]
                if table.shape[0] > 0:
                    signal = table[times[s, i], low:high]
                else:
                    signal = own_signal[:n]
                    log_signals(
                        signal,
                        dynamics[patient, 0, low:high],
                        dynamics[patient, 1, low:high],
                        dynamics[patient, 2, low:high],
                        dynamics[patient, 3, low:high],
                        dynamics[patient, 4, low:high],
                        reading[patient, 0, low:high],
                        reading[patient, 1, low:high],
                        weeks[s, i, 0],
                        weeks[s, i, 1],
                        is_diameter,
                    )
                if i == 0:
                    _firsts(look, reading_variance, signal, level, spread)
                elif kinds[s, i] == NUMBER:
                    _numbers(
                        look, after_floor[s, i] > 0, floor_persistence,
                        reading_variance, drift_variance, jump_variance, window_precision, repeat_odds, jump,
                        signal, total, level, spread,
                    )  # fmt: skip
                elif kinds[s, i] == SAME:
                    _repeats(
                        look,
                        reading_variance, drift_variance, jump_variance, window_variance, window, repeat_odds, jump,
                        signal, total, level, spread,
                    )  # fmt: skip
                else:
                    _limits(
                        look, after_floor[s, i] > 0, floor_persistence,
                        reading_variance, drift_variance, jump_variance, jump,
                        signal, total, level, spread,
                    )  # fmt: skip
                if i > 0:
                    log_likelihood[row, i + 1, low:high] = total
                if keeps_levels:
                    level_mean[row, i, low:high] = level
                    level_variance[row, i, low:high] = spread
