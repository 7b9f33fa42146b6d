"""The slow judge: every row by itself from equal-weight draws. State, three dates and causes of a plateau, from the posterior draws of the burden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, ObjectArray
from turnpoint.model.dynamics import FARTHEST_WEEK
from turnpoint.model.filter import Posterior
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.turning.detectable import detectable_log_burden, detectable_log_change

DATE_LEVELS = (0.05, 0.5, 0.95)
MOST_LIKELY_ENOUGH = 0.5
FEWEST_VALUES = 3
LEAST_SHRINKAGE = 0.1


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the posterior says at each of R rows.

    Attributes:
        p_state: probabilities of responding, plateau, regrowing, shape (R, 3), rows sum to 1.
        p_cause: of resistant, scar, floor, pause as the reason why what is seen does not shrink, shape (R, 4).
        resistant_fraction: 5, 50, 95 % quantiles of R(t), shape (R, 3).
        dominance_day, turning_day, regrowth_day: the same of the three dates, shape (R, 3).
        p_turned: chance that the turning point is past, shape (R,).
        p_turned_resistant: and that resistant cells will visibly grow within half a year, shape (R,).
    """

    p_state: FloatArray
    p_cause: FloatArray
    resistant_fraction: FloatArray
    dominance_day: FloatArray
    turning_day: FloatArray
    regrowth_day: FloatArray
    p_turned: FloatArray
    p_turned_resistant: FloatArray


def judge(posterior: Posterior, prior: Prior) -> Judgement:
    """State probabilities, dates and causes at every row of the posterior.

    As `turning.state.judge` says, written out.
    """
    dynamics, on, off = posterior.dynamics, posterior.on_weeks, posterior.off_weeks
    turning = dynamics.turning_week(on, off)
    p_state = np.empty((len(posterior.patient), 3))
    regrowth = np.empty_like(turning)
    shown_by = _shown_by(posterior, prior)
    for quantity in prior.quantities:
        rows = np.flatnonzero(shown_by == quantity)
        if rows.size:
            p_state[rows], regrowth[rows] = _seen_in(posterior.at(rows), quantity, prior)
    cause = _causes(posterior, prior)
    turned = turning <= on + off
    return Judgement(
        p_state=p_state,
        p_cause=cause.mean(axis=1),
        resistant_fraction=_quantiles(dynamics.resistant_share(on, off)),
        dominance_day=7.0 * _quantiles(dynamics.dominance_week(on, off)),
        turning_day=7.0 * _quantiles(turning),
        regrowth_day=7.0 * _quantiles(regrowth),
        p_turned=turned.mean(axis=1),
        p_turned_resistant=_will_show(posterior, prior, turned),
    )


def _seen_in(posterior: Posterior, quantity: str, prior: Prior) -> tuple[FloatArray, FloatArray]:
    """State probabilities, shape (R, 3), and week of detectable regrowth, shape (R, D), in one quantity."""
    dynamics, on, off = posterior.dynamics, posterior.on_weeks, posterior.off_weeks
    reading = posterior.quantities[quantity].reading
    gap, error = prior.visit_gap_weeks[quantity], detectable_log_change(quantity, prior)
    turning = dynamics.turning_week(on, off)
    off_before = np.minimum(off, turning)
    smallest_burden = np.minimum(
        dynamics.log_burden(turning - off_before, off_before), dynamics.log_burden(on, off)
    )
    now = reading.log_signal(dynamics.log_burden(on, off))
    paused = posterior.batch.off_now[posterior.patient, posterior.visit][:, None]
    ahead = reading.log_signal(
        dynamics.log_burden(np.where(paused, on, on + gap), np.where(paused, off + gap, off))
    )
    so_far = np.array(
        [
            _rise_so_far(posterior, quantity, *row)
            for row in zip(posterior.patient, posterior.visit, strict=True)
        ]
    )
    shrinks = ahead < now - error
    rises = (ahead - now + so_far[:, None] > error) & (paused | (on + off + gap > turning)) & ~shrinks
    p_state = np.stack([shrinks.mean(axis=1), (~shrinks & ~rises).mean(axis=1), rises.mean(axis=1)], axis=1)
    rise = reading.log_burden_of(reading.log_signal(smallest_burden) + error) - smallest_burden
    return p_state, np.minimum(turning + dynamics.weeks_to_rise(rise), FARTHEST_WEEK)


def _rise_so_far(posterior: Posterior, quantity: str, patient: int, visit: int) -> float:
    """Log of the last value over the smallest one since every part has been read."""
    batch, totals = posterior.batch, []
    parts = [part for part in batch.series[quantity] if part.length[patient] > 0]
    for day in batch.day[patient, : visit + 1]:
        last = [
            [
                np.exp(part.log_value[patient, i])
                for i in range(part.length[patient])
                if part.day[patient, i] <= day
            ]
            for part in parts
        ]
        if parts and all(last):
            totals.append(sum(values[-1] for values in last))
    return float(np.log(totals[-1] / min(totals))) if totals else 0.0


def _quantiles(draws: FloatArray) -> FloatArray:
    found: FloatArray = np.quantile(draws, DATE_LEVELS, axis=1).T
    return found


def _is_seen(posterior: Posterior, quantity: str) -> BoolArray:
    """Rows at which the quantity has been read; before any reading at all, every quantity counts as seen."""
    nothing_yet = np.all([own.readings == 0 for own in posterior.quantities.values()], axis=0)
    seen: BoolArray = (posterior.quantities[quantity].readings > 0) | nothing_yet
    return seen


def _shown_by(posterior: Posterior, prior: Prior) -> ObjectArray:
    """For each row, the quantity seen so far that can show the smallest rate of change of the burden."""
    shown_by = np.full(len(posterior.patient), prior.quantities[0], dtype=object)
    slowest = np.full(len(posterior.patient), np.inf)
    for quantity in prior.quantities:
        rate = detectable_log_burden(quantity, prior) / prior.visit_gap_weeks[quantity]
        better = _is_seen(posterior, quantity) & (rate < slowest)
        shown_by[better], slowest[better] = quantity, rate
    return shown_by


def _will_show(posterior: Posterior, prior: Prior, turned: BoolArray) -> FloatArray:
    """The turning point is past and the resistant part counts: in the best quantity above its limit, shape (R,)."""
    best = np.zeros(len(posterior.patient))
    for quantity in prior.quantities:
        above = _is_seen(posterior, quantity) & ~posterior.quantities[quantity].at_floor[:, 0]
        resistant = _shares(posterior, quantity, prior)[..., 0] > 0
        best = np.maximum(best, np.where(above, (turned & resistant).mean(axis=1), 0.0))
    return best


def _causes(posterior: Posterior, prior: Prior) -> FloatArray:
    """Shares of the four causes in what is seen and does not shrink, shape (R, D, 4).

    What is seen is (1-s)·[S + P] + s for a diameter and S + P + f for a marker. Of the part that does not
    shrink, P counts as `resistant`, s or f as `scar`, S as `pause` while no drug is on. A quantity at its
    limit tells nothing: it counts as `floor`. The patient's quantities count alike. P that would not visibly grow
    within half a year counts as `scar`.
    """
    total = np.zeros((*posterior.dynamics.kill_per_week.shape, 4))
    for quantity, own in posterior.quantities.items():
        shares = _shares(posterior, quantity, prior)
        shares = np.where(own.at_floor[..., None], np.array([0.0, 0.0, 1.0, 0.0]), shares)
        total += np.where(_is_seen(posterior, quantity)[:, None, None], shares, 0.0)
    causes: FloatArray = total / total.sum(axis=-1, keepdims=True)
    return causes


def _shares(posterior: Posterior, quantity: str, prior: Prior) -> FloatArray:
    """The same in one quantity above its limit, shape (R, D, 4)."""
    dynamics = posterior.dynamics
    log_sensitive, log_resistant = dynamics.log_parts(posterior.on_weeks, posterior.off_weeks)
    sensitive, resistant = np.exp(np.minimum(log_sensitive, 300)), np.exp(np.minimum(log_resistant, 300))
    off_now = posterior.batch.off_now[posterior.patient, posterior.visit][:, None]
    scar = posterior.quantities[quantity].reading.background
    living = 1.0 - scar if quantity == SUM_OF_DIAMETERS else np.ones_like(scar)
    parts = np.stack([living * resistant, scar, np.zeros_like(scar), living * sensitive * off_now], axis=-1)
    shares: FloatArray = parts / parts.sum(axis=-1, keepdims=True)
    in_half_a_year = np.log(1.0 - shares[..., 0] + shares[..., 0] * np.exp(26.0 * dynamics.regrowth_per_week))
    hidden = in_half_a_year <= detectable_log_burden(quantity, prior)
    shares[..., 1] += np.where(hidden, shares[..., 0], 0.0)
    shares[..., 0] = np.where(hidden, 0.0, shares[..., 0])
    return shares


def verdicts(p_state: FloatArray, informative_values: FloatArray, shrinkage: FloatArray) -> list[str]:
    """The most probable state, or `undetermined`.

    Undetermined with under three values, a posterior that is nearly the prior, or no state with half of the
    probability.
    """
    names: Sequence[str] = ("responding", "plateau", "regrowing")
    unsure: BoolArray = (
        (informative_values < FEWEST_VALUES)
        | (shrinkage < LEAST_SHRINKAGE)
        | (p_state.max(axis=1) < MOST_LIKELY_ENOUGH)
    )
    best = p_state.argmax(axis=1)
    return ["undetermined" if unsure[row] else names[best[row]] for row in range(len(best))]
