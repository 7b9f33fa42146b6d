"""State, three dates and causes of a plateau, from the weighted particles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from turnpoint.model.prior import Prior
from turnpoint.model.weighing import WeightedVisits, weighted_means
from turnpoint.turning.detectable import detectable_log_burden, detectable_log_change
from turnpoint.turning.quantiles import Ranked, weighted_quantiles
from turnpoint.turning.tables import COLUMNS, Dates, Moment, Tables

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
        p_turned_resistant: and that resistant cells will visibly grow within half a year, in the quantity that shows it
            best and is not at its limit, shape (R,).
    """

    p_state: FloatArray
    p_cause: FloatArray
    resistant_fraction: FloatArray
    dominance_day: FloatArray
    turning_day: FloatArray
    regrowth_day: FloatArray
    p_turned: FloatArray
    p_turned_resistant: FloatArray


def judge(weighted: WeightedVisits, tables: Tables) -> Judgement:
    """State probabilities, dates and causes at every row.

    With y(t) the signal in the quantity that shows a change soonest (log value, scar or background included), Δ
    its usual time to the next reading, δ the change it can just show, and m how far its last reading lies above its
    smallest (log scale):

        responding   y(t+Δ) - y(t) < -δ                     the next reading would show it shrink
        regrowing    y(t+Δ) - y(t) + m > δ and t+Δ > t*      the next reading would show it above its smallest
        plateau      neither

    The rise so far is the one read, not the particle's: size drifts as well as grows, and a signal that has grown
    under a level that has drifted down is nothing that anyone has seen. The regimen stays as it is at the visit:
    while no drug is on, the sensitive part regrows, and that is regrowing too (its cause is `pause`). Detectable
    regrowth is the day at which y first exceeds y(t*) by δ.

    Args:
        weighted: visits and what each particle weighs there.
        tables: what each particle says; of the same prior.
    """
    quantities = tables.prior.quantities
    moments, which = _moments(weighted, tables)
    seen = {quantity: _is_seen(weighted, quantity) for quantity in quantities}
    shown_by = _shown_by(seen, tables.prior)
    wanted = np.empty(len(which), dtype=weighted.weight.dtype)
    for quantity in quantities:
        own = shown_by == quantity
        error = detectable_log_change(quantity, tables.prior)
        wanted[own] = error - weighted.at(own).rise_so_far(quantity)
    mean, rises = np.empty((len(which), 1 + len(COLUMNS) * len(quantities))), np.empty(len(which))
    for index, moment in enumerate(moments):
        rows = np.flatnonzero(which == index)
        weight = weighted.weight[rows]
        mean[rows] = weighted_means(weight, moment.table)
        for quantity in quantities:
            own = shown_by[rows] == quantity
            shown = moment.rise[quantity] > wanted[rows[own], None]
            rises[rows[own]] = np.einsum("rk,rk->r", weight[own], shown)
    means = {
        quantity: mean[:, 1 + len(COLUMNS) * index : 1 + len(COLUMNS) * (index + 1)]
        for index, quantity in enumerate(quantities)
    }
    dominance, turning, regrowth = _days(weighted, [moment.dates for moment in moments], which, shown_by)
    p_cause, p_turned_resistant = _causes(weighted, means, seen)
    return Judgement(
        p_state=_states(means, rises, shown_by),
        p_cause=p_cause,
        resistant_fraction=weighted_quantiles(
            weighted.weight, [moment.resistant_fraction for moment in moments], which, DATE_LEVELS
        ),
        dominance_day=dominance,
        turning_day=turning,
        regrowth_day=regrowth,
        p_turned=np.minimum(mean[:, 0], 1.0),
        p_turned_resistant=p_turned_resistant,
    )


def _moments(weighted: WeightedVisits, tables: Tables) -> tuple[list[Moment], IntArray]:
    """The moments of the rows, and which of them is each row's, shape (R,).

    A moment is a time, and a patient where each has a bank of their own.
    """
    owner = weighted.patient if weighted.bank.is_own else np.zeros_like(weighted.patient)
    columns = (owner, weighted.on_weeks, weighted.off_weeks, weighted.off_now)
    places: dict[tuple[int, float, float, bool], int] = {}
    keys = zip(*(column.tolist() for column in columns), strict=True)
    which = np.array([places.setdefault(key, len(places)) for key in keys])
    moments = tables.at(weighted.bank, np.array([key[0] for key in places]), [key[1:] for key in places])
    return moments, which


def _days(
    weighted: WeightedVisits, dates: Sequence[Dates], which: IntArray, shown_by: ObjectArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Quantiles of dominance, turning point and detectable regrowth in days, shape (R, 3) each.

    Times without a pause before them share one object of dates.
    """
    places: dict[int, int] = {}
    own_place = np.array([places.setdefault(id(own), len(places)) for own in dates])
    different = list({id(own): own for own in dates}.values())
    own = own_place[which]

    def days(ranked: Sequence[Ranked], rows: BoolArray) -> FloatArray:
        weight = weighted.weight if rows.all() else weighted.weight[rows]
        return 7.0 * weighted_quantiles(weight, ranked, own[rows], DATE_LEVELS)

    every = np.ones(len(which), dtype=np.bool_)
    regrowth = np.empty((len(which), len(DATE_LEVELS)))
    for quantity in different[0].regrowth:
        rows = shown_by == quantity
        if rows.any():
            regrowth[rows] = days([each.regrowth[quantity] for each in different], rows)
    return (
        days([each.dominance for each in different], every),
        days([each.turning for each in different], every),
        regrowth,
    )


def _states(means: Mapping[str, FloatArray], rises: FloatArray, shown_by: ObjectArray) -> FloatArray:
    """Probabilities of the three states in the quantity that shows them, shape (R, 3)."""
    shrinks = np.empty_like(rises)
    for quantity, mean in means.items():
        own = shown_by == quantity
        shrinks[own] = mean[own, COLUMNS.index("shrinks")]
    return _as_shares(np.stack([shrinks, 1.0 - shrinks - rises, rises], axis=1))


def _is_seen(weighted: WeightedVisits, quantity: str) -> BoolArray:
    """Rows at which the quantity has been read; before any reading at all, every quantity counts as seen."""
    nothing_yet = np.all([weighted.readings(own) == 0 for own in weighted.bank.readings], axis=0)
    seen: BoolArray = (weighted.readings(quantity) > 0) | nothing_yet
    return seen


def _shown_by(seen: Mapping[str, BoolArray], prior: Prior) -> ObjectArray:
    """For each row, the quantity seen so far that can show the smallest rate of change of the burden."""
    shown_by = np.full(len(seen[prior.quantities[0]]), prior.quantities[0], dtype=object)
    slowest = np.full(len(shown_by), np.inf)
    for quantity in prior.quantities:
        rate = detectable_log_burden(quantity, prior) / prior.visit_gap_weeks[quantity]
        better = seen[quantity] & (rate < slowest)
        shown_by[better], slowest[better] = quantity, rate
    return shown_by


def _causes(
    weighted: WeightedVisits, means: Mapping[str, FloatArray], seen: Mapping[str, BoolArray]
) -> tuple[FloatArray, FloatArray]:
    """Shares of the four causes in what is seen and does not shrink, shape (R, 4), and p_turned_resistant.

    A quantity at its limit tells nothing: it counts as `floor`. The patient's quantities count alike.
    """
    cause, turned_resistant = np.zeros((len(weighted.patient), 4)), np.zeros(len(weighted.patient))
    resistant, scar, pause, late = (
        COLUMNS.index(name) for name in ("resistant", "scar", "pause", "turned_resistant")
    )
    for quantity, mean in means.items():
        floor = weighted.at_floor(quantity)
        above = seen[quantity] & ~floor
        cause += np.where(above[:, None], np.insert(mean[:, [resistant, scar, pause]], 2, 0.0, axis=1), 0.0)
        cause[:, 2] += seen[quantity] & floor
        turned_resistant = np.maximum(turned_resistant, np.where(above, mean[:, late], 0.0))
    return _as_shares(cause), np.minimum(turned_resistant, 1.0)


def _as_shares(rows: FloatArray) -> FloatArray:
    """Rows scaled to sum to 1, which sums in float32 do only nearly."""
    clipped = np.maximum(rows, 0.0)
    shares: FloatArray = clipped / clipped.sum(axis=1, keepdims=True)
    return shares


def verdicts(p_state: FloatArray, informative_values: FloatArray, shrinkage: FloatArray) -> list[str]:
    """The most probable state, or `undetermined`.

    Undetermined with under three values, a posterior that is nearly the prior, or no state with half of the
    probability.
    """
    unsure: BoolArray = (
        (informative_values < FEWEST_VALUES)
        | (shrinkage < LEAST_SHRINKAGE)
        | (p_state.max(axis=1) < MOST_LIKELY_ENOUGH)
    )
    names = np.array(["responding", "plateau", "regrowing"])[p_state.argmax(axis=1)]
    named: list[str] = np.where(unsure, "undetermined", names).tolist()
    return named
