"""The readings ahead of `model.forecast` as one compiled loop: rows outside, draws inside (see `model.kernel`).

The NumPy code there is the reference (`tests/model/test_kernel_ahead.py`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from turnpoint.model.kernel import FAST, exp32, log_signals
from turnpoint.model.parameters import (
    DRIFT_BY_SIZE,
    FARTHEST_SIZE,
    REFERENCE_DIAMETER_MM,
    REPEAT_AFTER_REPEAT,
    REPEAT_BY_SIZE,
)

_f4 = np.float32
_LOG_REFERENCE = _f4(math.log(REFERENCE_DIAMETER_MM))
_FARTHEST_SIZE = _f4(FARTHEST_SIZE)
_DRIFT_BY_SIZE, _REPEAT_BY_SIZE = _f4(DRIFT_BY_SIZE), _f4(REPEAT_BY_SIZE)
_REPEAT_AFTER_REPEAT = _f4(REPEAT_AFTER_REPEAT)
_LARGEST_LOG = _f4(50.0)  # as in `model.forecast`


@njit(**FAST)
def _step(
    sd_drift, sd_reading, repeat_0, window, jump, sd_jump, is_diameter, facts, floor_persistence, shares, weeks,
    signal, z_drift, u_jump, z_reading, u_repeat, u_small,
    level, log_value, repeated, floor, written, is_last,
):  # fmt: skip
    """One reading further, as `model.forecast._Reader._next`, for all draws."""
    log_limit, limit, is_whole, measures_small = facts[0], facts[1], facts[2] > _f4(0.0), facts[3] > _f4(0.0)
    absent, absent_or_small = shares
    one, zero = _f4(1.0), _f4(0.0)
    for k in range(signal.shape[0]):
        last = log_value[k]
        drift, repeat = sd_drift[k], repeat_0[k]
        if is_diameter:
            size = min(max(last - _LOG_REFERENCE, -_FARTHEST_SIZE), _FARTHEST_SIZE)
            odds = repeat * exp32(_REPEAT_AFTER_REPEAT * repeated[k] - _REPEAT_BY_SIZE * size)
            repeat = odds / (one - repeat + odds)
            drift = drift * exp32(-_DRIFT_BY_SIZE * size)
        jumped = sd_jump[k] * sd_jump[k]
        variance = drift * drift * weeks + (jumped if u_jump[k] < jump[k] else zero)
        now = level[k] + math.sqrt(variance) * z_drift[k]
        fresh = now + signal[k] + sd_reading[k] * z_reading[k]
        change = (fresh - last) / window[k]
        tempted = repeat * exp32(_f4(-0.5) * change * change)
        at_floor, chance = floor[k] > zero, u_repeat[k]
        is_same = chance < (floor_persistence if at_floor else tempted)
        own = last if is_same else fresh
        is_below = own < log_limit
        is_below = (is_same & at_floor) | is_below
        value = exp32(min(own, _LARGEST_LOG))
        if is_diameter:
            value = np.rint(value) if is_whole else value
            if not measures_small:
                choice = u_small[k]
                small = limit if choice < absent_or_small else value
                small = zero if choice < absent else small
                value = small if is_below else value
        else:
            value = max(limit, zero) if is_below else value
        level[k] = now
        log_value[k] = own
        repeated[k] = one if is_same & (not at_floor) else zero
        floor[k] = one if is_below else zero
        written[k] = written[k] if is_same else value
        is_last[k] = is_last[k] if is_same else zero


@njit(**FAST)
def draw_ahead(
    dynamics, reading, is_diameter, weeks, start, noise, level_mean, level_variance,
    facts, last_value, since_weeks, is_read, floor_persistence, shares, value,
):  # fmt: skip
    """Add the draws of each part's readings at W later times to `value`, shape (R, W, D); float64.

    Args:
        dynamics: log(1-phi), d, r, log(phi), g, shape (R, 5, D).
        reading: background, SDs of drift and reading, repeat, its window, jump, its SD, surge, shape (R, 8, D).
        is_diameter: of the quantity.
        weeks: on and off treatment at each time, shape (R, W, 2).
        start: standard normals for the level at the start, by part, shape (P, D).
        noise: standard normals for drift and reading (0, 2), uniforms for jump, repeat and what is written below the
            limit (1, 3, 4), shape (P, W, 5, D).
        level_mean: at the start, shape (P, R, D).
        level_variance: likewise.
        facts: log of the limit, limit, are values whole numbers, is a value below the limit measured; log of the last
            value, is it a repeat, is it at the floor; shape (P, R, 7).
        last_value: as written down, shape (P, R); float64.
        since_weeks: to each time from the one before, the first from the last reading, shape (P, R, W).
        is_read: the part has readings at the row, shape (P, R).
        floor_persistence: as in the prior.
        shares: of lesions below the limit that are absent, and absent or too small.
        value: result.
    """
    rows, times, draws = value.shape
    signals = np.empty((times, draws), _f4)
    level, log_value, repeated = np.empty(draws, _f4), np.empty(draws, _f4), np.empty(draws, _f4)
    floor, written, is_last = np.empty(draws, _f4), np.empty(draws, _f4), np.empty(draws, _f4)
    for r in range(rows):
        for w in range(times):
            log_signals(
                signals[w], dynamics[r, 0], dynamics[r, 1], dynamics[r, 2], dynamics[r, 3], dynamics[r, 4],
                reading[r, 0], reading[r, 7], weeks[r, w, 0], weeks[r, w, 1], is_diameter,
            )  # fmt: skip
        for p in range(start.shape[0]):
            if not is_read[p, r]:
                continue
            own, last = facts[p, r], last_value[p, r]
            log_value[:], repeated[:], floor[:], written[:], is_last[:] = (
                own[4],
                own[5],
                own[6],
                _f4(0.0),
                _f4(1.0),
            )
            for k in range(draws):
                level[k] = level_mean[p, r, k] + math.sqrt(level_variance[p, r, k]) * start[p, k]
            for w in range(times):
                _step(
                    reading[r, 1], reading[r, 2], reading[r, 3], reading[r, 4], reading[r, 5], reading[r, 6],
                    is_diameter, own, floor_persistence, shares, since_weeks[p, r, w], signals[w],
                    noise[p, w, 0], noise[p, w, 1], noise[p, w, 2], noise[p, w, 3], noise[p, w, 4],
                    level, log_value, repeated, floor, written, is_last,
                )  # fmt: skip
                for k in range(draws):
                    value[r, w, k] += last if is_last[k] > _f4(0.0) else np.float64(written[k])
