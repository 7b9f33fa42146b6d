"""Trend of the living burden, three dates and causes of a plateau, from the weighted particles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.weighing import WeightedVisits, weighted_means
from turnpoint.turning.detectable import (
    USUAL_DIAMETER_MM,
    detectable_log_burden,
    detectable_log_change,
    detectable_log_change_of_sum,
)
from turnpoint.turning.quantiles import Ranked, weighted_quantiles
from turnpoint.turning.tables import BURDEN, COLUMNS, Dates, Moment, Tables, Time

DATE_LEVELS = (0.05, 0.5, 0.95)
_ERROR_STEPS = 4.0  # steps of an error to a doubling: errors this close share their dates


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the posterior says at each of R rows, the readings aside that `turning.verdict` adds.

    Attributes:
        p_trend: chances that the living burden shrinks, stays and grows (s < -δ, between, s > δ), shape (R, 3), rows
            sum to 1.
        p_cause: of resistant, scar, floor, pause as the reason why what is seen does not shrink, shape (R, 4).
        resistant_fraction: 5, 50, 95 % quantiles of R(t), shape (R, 3).
        dominance_day, turning_day, regrowth_day: the same of the three dates, shape (R, 3).
        p_turned: chance that the turning point is past, shape (R,).
        p_never: chance that it does not come within ten years, shape (R,).
        p_turned_resistant: chance that it is past, and that resistant cells will visibly grow within half a year, in
            the quantity that shows it best and is not at its limit, shape (R,).
    """

    p_trend: FloatArray
    p_cause: FloatArray
    resistant_fraction: FloatArray
    dominance_day: FloatArray
    turning_day: FloatArray
    regrowth_day: FloatArray
    p_turned: FloatArray
    p_never: FloatArray
    p_turned_resistant: FloatArray


def judge(weighted: WeightedVisits, tables: Tables) -> Judgement:
    """Trend, dates and causes at every row.

        s = d log B / dt at the visit, per week, volume scale      (`Dynamics.trend_per_week`)
        shrinks s < -δ,   grows s > δ,   stays between             δ = ln 2 / 26  (`tables.CHANGING_PER_WEEK`)

    The trend is the tumour's, whatever the marker, its error and the interval between visits. While no drug is on, the
    sensitive part regrows, and that is a trend too (its cause is `pause`). Detectable regrowth is the day at which the
    signal of the quantity that shows a change soonest first exceeds its smallest by the error of two readings, on the
    course as it was treated, then treated on.

    Args:
        weighted: visits and what each particle weighs there.
        tables: what each particle says; of the same prior.
    """
    quantities = tables.prior.quantities
    moments, which, owner = _moments(weighted, tables)
    seen = {quantity: _is_seen(weighted, quantity) for quantity in quantities}
    mean = np.empty((len(which), len(BURDEN) + len(COLUMNS) * len(quantities)))
    for index, moment in enumerate(moments):
        rows = np.flatnonzero(which == index)
        mean[rows] = weighted_means(weighted.weight[rows], moment.table)
    turned, never, shrinks, grows = (mean[:, BURDEN.index(name)] for name in BURDEN)
    first = len(BURDEN)
    means = {
        quantity: mean[:, first + len(COLUMNS) * index : first + len(COLUMNS) * (index + 1)]
        for index, quantity in enumerate(quantities)
    }
    p_cause, p_turned_resistant = _causes(weighted, means, seen)
    dates = [moment.dates for moment in moments]
    shown_by = _shown_by(seen, tables.prior)
    dominance, turning, regrowth = _days(weighted, tables, (dates, which, owner), shown_by)
    return Judgement(
        p_trend=_as_shares(np.stack([shrinks, 1.0 - shrinks - grows, grows], axis=1)),
        p_cause=p_cause,
        resistant_fraction=weighted_quantiles(
            weighted.weight, [moment.resistant_fraction for moment in moments], which, DATE_LEVELS
        ),
        dominance_day=dominance,
        turning_day=turning,
        regrowth_day=regrowth,
        p_turned=np.minimum(turned, 1.0),
        p_never=np.minimum(never, 1.0),
        p_turned_resistant=p_turned_resistant,
    )


def _moments(weighted: WeightedVisits, tables: Tables) -> tuple[list[Moment], IntArray, IntArray]:
    """The moments of the rows, which of them is each row's, shape (R,), and whose particles each moment is of.

    A moment is a time with the pauses before it, and a patient where each has a bank of their own.
    """
    batch = weighted.batch
    owner = weighted.patient if weighted.bank.is_own else np.zeros_like(weighted.patient)
    paused = [
        batch.pauses(patient, visit) if off > 0.0 or now else ()
        for patient, visit, off, now in zip(
            weighted.patient, weighted.visit, weighted.off_weeks, weighted.off_now, strict=True
        )
    ]
    columns = (owner, weighted.on_weeks, weighted.off_weeks, weighted.off_now)
    places: dict[tuple[int, Time], int] = {}
    keys = [
        (key[0], (*key[1:], own))
        for *key, own in zip(*(column.tolist() for column in columns), paused, strict=True)
    ]
    which = np.array([places.setdefault(key, len(places)) for key in keys])
    owners = np.array([key[0] for key in places])
    return tables.at(weighted.bank, owners, [key[1] for key in places]), which, owners


def _days(
    weighted: WeightedVisits,
    tables: Tables,
    moments: tuple[Sequence[Dates], IntArray, IntArray],
    shown_by: ObjectArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Quantiles of dominance, turning point and detectable regrowth in days, shape (R, 3) each.

    Times without a pause before them share one object of dates.
    """
    dates, which, owner = moments
    places: dict[int, int] = {}
    own_place = np.array([places.setdefault(id(own), len(places)) for own in dates])
    different = list({id(own): own for own in dates}.values())
    own, owners = own_place[which], owner[np.unique(own_place, return_index=True)[1]]

    def days(ranked: Sequence[Ranked], place: IntArray, rows: IntArray) -> FloatArray:
        return 7.0 * weighted_quantiles(weighted.weight[rows], ranked, place, DATE_LEVELS)

    regrowth = np.empty((len(which), len(DATE_LEVELS)))
    for quantity in tables.prior.quantities:
        rows = np.flatnonzero(shown_by == quantity)
        if rows.size:
            error = _stepped(_error_at_smallest(weighted.at(rows), quantity, tables.prior))
            pairs, place = np.unique(np.stack([own[rows], error], axis=1), axis=0, return_inverse=True)
            index = pairs[:, 0].astype(np.int64)
            found = tables.regrowth(
                weighted.bank, owners[index], [different[each] for each in index], quantity, pairs[:, 1]
            )
            regrowth[rows] = days(found, place.reshape(-1), rows)
    every = np.arange(len(which))
    return (
        days([each.dominance for each in different], own, every),
        days([each.turning for each in different], own, every),
        regrowth,
    )


def _stepped(error: FloatArray) -> FloatArray:
    """Errors to the nearest of a few steps, so that many rows share their dates."""
    stepped: FloatArray = np.exp2(np.round(_ERROR_STEPS * np.log2(error)) / _ERROR_STEPS)
    return stepped


def _error_at_smallest(weighted: WeightedVisits, quantity: str, prior: Prior) -> FloatArray:
    """What a rise of the quantity's log value above its smallest so far must exceed, shape (R,)."""
    if quantity != SUM_OF_DIAMETERS:
        return np.full(len(weighted.patient), detectable_log_change(quantity, prior))
    sums, lesions = weighted.batch.sums()
    smallest = np.minimum.accumulate(np.where(lesions > 0, sums, np.inf), axis=1)
    here = weighted.patient, weighted.visit
    size = np.where(lesions > 0, smallest, USUAL_DIAMETER_MM)[here]
    return detectable_log_change_of_sum(size, lesions[here])


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
