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
_NO_FRACTION = _f4(2.0**23)  # a float32 of this size has none


@njit(inline="always", **FAST)
def _rounded(x):
    """The whole number nearest to x ≥ 0, to even halfway: what has no room for a fraction is one already."""
    return (x + _NO_FRACTION) - _NO_FRACTION if x < _NO_FRACTION else x


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
            value = _rounded(value) if is_whole else value
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
def _read_ahead(
    reading,
    is_diameter,
    facts,
    last_value,
    since_weeks,
    floor_persistence,
    shares,
    signals,
    noise,
    state,
    value,
):
    """Add one part's readings at W times to `value`, shape (W, D), from its level in `state[0]`."""
    times, draws = value.shape
    level, log_value, repeated, floor = state[0], state[1], state[2], state[3]
    written, is_last = state[4], state[5]
    log_value[:], repeated[:], floor[:], written[:], is_last[:] = (
        facts[4],
        facts[5],
        facts[6],
        _f4(0.0),
        _f4(1.0),
    )
    for w in range(times):
        _step(
            reading[1], reading[2], reading[3], reading[4], reading[5], reading[6],
            is_diameter, facts, floor_persistence, shares, since_weeks[w], signals[w],
            noise[w, 0], noise[w, 1], noise[w, 2], noise[w, 3], noise[w, 4],
            level, log_value, repeated, floor, written, is_last,
        )  # fmt: skip
        for k in range(draws):
            value[w, k] += last_value if is_last[k] > _f4(0.0) else np.float64(written[k])


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
    state = np.empty((6, draws), _f4)
    for r in range(rows):
        for w in range(times):
            log_signals(
                signals[w], dynamics[r, 0], dynamics[r, 1], dynamics[r, 2], dynamics[r, 3], dynamics[r, 4],
                reading[r, 0], reading[r, 7], weeks[r, w, 0], weeks[r, w, 1], is_diameter,
            )  # fmt: skip
        for p in range(start.shape[0]):
            if is_read[p, r]:
                for k in range(draws):
                    state[0, k] = level_mean[p, r, k] + math.sqrt(level_variance[p, r, k]) * start[p, k]
                _read_ahead(
                    reading[r], is_diameter, facts[p, r], last_value[p, r], since_weeks[p, r],
                    floor_persistence, shares, signals, noise[p], state, value[r],
                )  # fmt: skip


@njit(**FAST)
def _call(value, is_after_start, limit, rule, w, never, bars, firsts):
    """One time further, for all draws: is it the first at which the criterion is met, and the bar it sets."""
    ratio, increment, smallest, near = rule
    for k in range(value.shape[0]):
        seen = max(value[k], smallest)
        counted = max(seen if seen > smallest else 0.0, limit)
        sets = max(ratio * counted, counted + increment)
        is_first = is_after_start & (firsts[k] == never) & (seen >= bars[k] - near)
        firsts[k] = w if is_first else firsts[k]
        bars[k] = min(bars[k], sets) if is_after_start else sets
        value[k] = seen


@njit(**FAST)
def first_called_ahead(
    chosen, owner, dynamics, reading, is_diameter, weeks, start, noise, level_mean, level_variance, series, last,
    facts, last_value, since_weeks, is_read, floor_persistence, shares,
    is_after_start, bar, limit, rule, next_value, step,
):  # fmt: skip
    """What `draw_ahead` draws, seen by a criterion; nothing of it is kept but what the criterion says.

    The particles that were drawn are picked out of their bank here, row by row: arrays of all of them would take
    longer to write than what is drawn from them.

    Args:
        chosen: the particles drawn, shape (R, D).
        owner: their bank, shape (R,).
        dynamics: as for `draw_ahead`, of B banks, shape (B, 5, K).
        reading: likewise, shape (B, 8, K).
        is_diameter: as for `draw_ahead`, and all up to `noise`.
        weeks: likewise.
        start: likewise.
        noise: likewise.
        level_mean: of the particles after each reading of S series, shape (S, N, K).
        level_variance: likewise.
        series: of each part, shape (P, R).
        last: its last reading, shape (P, R).
        facts: as for `draw_ahead`, and all up to `shares`.
        last_value: likewise.
        since_weeks: likewise.
        is_read: likewise.
        floor_persistence: likewise.
        shares: likewise.
        is_after_start: a value at the time can call progression, shape (R, W).
        bar: what would at the first of them, shape (R,).
        limit: a smaller value sets no lower bar, shape (R,).
        rule: ratio and increment of the bar, the value up to which nothing counts as measured, and how near the bar
            is at it (`turning.progression_ahead.bar_set_by`).
        next_value: result: the value at the first time, shape (R, D); float64.
        step: result: the first time at which the criterion is met, counted from 0, W where it is not, shape (R, D).
    """
    rows, times, draws = chosen.shape[0], weeks.shape[1], chosen.shape[1]
    bars, firsts = np.empty(draws), np.empty(draws)
    signals = np.empty((times, draws), _f4)
    state = np.empty((6, draws), _f4)
    moves, reads = np.empty((5, draws), _f4), np.empty((8, draws), _f4)
    value = np.empty((times, draws))
    for r in range(rows):
        own, bank = chosen[r], owner[r]
        for each in range(5):
            for k in range(draws):
                moves[each, k] = dynamics[bank, each, own[k]]
        for each in range(8):
            for k in range(draws):
                reads[each, k] = reading[bank, each, own[k]]
        for w in range(times):
            log_signals(
                signals[w], moves[0], moves[1], moves[2], moves[3], moves[4],
                reads[0], reads[7], weeks[r, w, 0], weeks[r, w, 1], is_diameter,
            )  # fmt: skip
        value[:] = 0.0
        for p in range(start.shape[0]):
            if is_read[p, r]:
                mean, variance = (
                    level_mean[series[p, r], last[p, r]],
                    level_variance[series[p, r], last[p, r]],
                )
                for k in range(draws):
                    state[0, k] = mean[own[k]] + math.sqrt(variance[own[k]]) * start[p, k]
                _read_ahead(
                    reads, is_diameter, facts[p, r], last_value[p, r], since_weeks[p, r],
                    floor_persistence, shares, signals, noise[p], state, value,
                )  # fmt: skip
        bars[:], firsts[:] = bar[r], times
        for w in range(times):
            _call(value[w], is_after_start[r, w], limit[r], rule, w, times, bars, firsts)
        for k in range(draws):
            next_value[r, k], step[r, k] = value[0, k], firsts[k]
