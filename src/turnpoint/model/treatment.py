"""When the drug was off: intervals without treatment, from the doses table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.dynamics import Pauses
from turnpoint.study.dose_lists import grace_days

OffIntervals = tuple[tuple[float, float], ...]


def off_intervals(doses: pl.DataFrame) -> dict[str, OffIntervals]:
    """Days without any drug, for each patient with doses: `((first_day, end_day), ...)`, the end may be inf.

    A drug with `start` / `stop` is on between them. A drug that is `given` stays on for a grace period after each dose
    (`study.dose_lists`): a pause begins after it, and a list that cannot be complete makes none. What is on a day
    follows from the doses up to that day alone: a later dose ends a pause, and changes nothing before it. The course
    is off while every drug is off; before its first dose it counts as on, because day 0 is the start of treatment.
    """
    intervals: dict[str, OffIntervals] = {}
    for (patient_id,), rows in doses.sort("patient_id", "day").group_by("patient_id", maintain_order=True):
        covered: list[tuple[float, float]] = []
        for _, drug_rows in rows.group_by("drug", maintain_order=True):
            covered += _covered_days(drug_rows)
        intervals[str(patient_id)] = _complement(covered)
    return intervals


def _covered_days(drug_rows: pl.DataFrame) -> list[tuple[float, float]]:
    """Days on which one drug was on."""
    given = drug_rows.filter(pl.col("action") == "given").unique("day", keep="first", maintain_order=True)
    days = given["day"].to_list()
    cycles = given["cycle"].to_list() if "cycle" in given.columns else []
    covered: list[tuple[float, float]] = []
    for known, following in enumerate([*days[1:], np.inf] if days else [], start=1):
        end = days[known - 1] + grace_days(days[:known], cycles[:known])
        covered.append((float(days[known - 1]), float(min(end, following))))
    started: float | None = None
    for day, action in drug_rows.filter(pl.col("action") != "given").select("day", "action").rows():
        if action == "start" and started is None:
            started = float(day)
        elif action == "stop" and started is not None:
            covered.append((started, float(day)))
            started = None
    if started is not None:
        covered.append((started, np.inf))
    return covered


def _complement(covered: list[tuple[float, float]]) -> OffIntervals:
    """The days after the first covered one that nothing covers."""
    off: list[tuple[float, float]] = []
    reached: float | None = None
    for first, end in sorted(covered):
        if reached is not None and first > reached:
            off.append((reached, first))
        reached = end if reached is None else max(reached, end)
    if reached is not None and np.isfinite(reached):
        off.append((reached, np.inf))
    return tuple(off)


def on_off_weeks(days: FloatArray, off: OffIntervals) -> tuple[FloatArray, FloatArray]:
    """Weeks on and weeks off treatment from day 0 to each day; both 0 before the start.

    >>> on_off_weeks(np.array([-7.0, 14.0, 70.0]), ((28.0, 42.0),))
    (array([0., 2., 8.]), array([0., 0., 2.]))
    """
    elapsed = np.maximum(days, 0.0)
    off_days = np.zeros_like(elapsed)
    for first, end in off:
        off_days += np.clip(elapsed, max(first, 0.0), end) - max(first, 0.0) if end > 0 else 0.0
    return (elapsed - off_days) / 7.0, off_days / 7.0


def pauses_before(day: float, off: OffIntervals) -> Pauses:
    """Weeks on and weeks off before each pause that has begun by this day, oldest first (`Dynamics.turning_week`).

    >>> pauses_before(70.0, ((28.0, 42.0), (84.0, 98.0)))
    ((4.0, 0.0),)
    """
    begun = np.array([max(first, 0.0) for first, end in off if first < day and end > 0.0])
    on_weeks, off_weeks = on_off_weeks(begun, off)
    return tuple(zip(on_weeks.tolist(), off_weeks.tolist(), strict=True))


def exposure(
    days: FloatArray, patient_ids: list[str], off_by_patient: Mapping[str, OffIntervals]
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """`on_off_weeks` for a batch, and whether the drug was off at each day; `days` has one row a patient."""
    on_weeks = np.maximum(days, 0.0) / 7.0
    off_weeks = np.zeros_like(on_weeks)
    off_now = np.zeros(days.shape, dtype=np.bool_)
    for row, patient_id in enumerate(patient_ids):
        off = off_by_patient.get(patient_id, ())
        if not off:
            continue
        on_weeks[row], off_weeks[row] = on_off_weeks(days[row], off)
        for first, end in off:
            off_now[row] |= (first < days[row]) & (days[row] < end)
    return on_weeks, off_weeks, off_now
