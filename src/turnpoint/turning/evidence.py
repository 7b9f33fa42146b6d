"""Why a verdict was reached, as facts with numbers; reports turn each into a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.turning.detectable import detectable_log_change
from turnpoint.turning.reading_changes import SURGE_WEEKS
from turnpoint.turning.verdict import FEWEST_VALUES, LEAST_SHRINKAGE

_SMALLEST_VALUE = 1e-4

EvidenceCode = Literal[
    "sum_change",  # quantity, change_pct, weeks, error_pct: the sum changed by more than reading error
    "sum_within_error",  # scans, change_pct (largest over smallest), error_pct, weeks: within reading error
    "marker_slope",  # quantity, before_pct_per_week, until_week, since_pct_per_week: a marker's slope changed
    "marker_falling",  # quantity, pct_per_week, weeks
    "marker_rising",  # quantity, change_pct, weeks, reference_change_pct: rise beyond the reference change
    "marker_within_error",  # quantity, change_pct, reference_change_pct
    "marker_at_floor",  # quantity, value: the last value is at the assay's limit
    "early_rise",  # quantity, week: a rise in the first 8 weeks may be a surge
    "paused",  # drug, since_week: treatment was off; a rise then is not resistance
    "few_values",  # informative_values: fewer than three
    "near_prior",  # shrinkage_pct: the posterior is nearly the prior
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact behind a verdict.

    Attributes:
        code: which fact; its numbers are listed beside `EvidenceCode`.
        numbers: the numbers the sentence needs, by name.
        labels: the words it needs (a marker's or a drug's name), by name.
    """

    code: EvidenceCode
    numbers: Mapping[str, float]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Course:
    """One quantity's readings up to the visit, oldest first."""

    quantity: str
    week: FloatArray
    value: FloatArray
    censoring: IntArray
    error_log: float

    @property
    def log_value(self) -> FloatArray:
        log_value: FloatArray = np.log(np.maximum(self.value, _SMALLEST_VALUE))
        return log_value


def gather_evidence(
    readings: pl.DataFrame, prior: Prior, diagnostics: Mapping[str, float], paused_since_week: float | None
) -> tuple[Evidence, ...]:
    """The facts behind one patient's verdict at their last visit, those that limit it first.

    Args:
        readings: of one patient, up to the visit (`model.series.readings_of`).
        prior: for reading and assay error.
        diagnostics: `informative_values` and `shrinkage` at the visit.
        paused_since_week: start of the pause the visit lies in; None when the drug is on.
    """
    found: list[Evidence] = []
    if diagnostics["informative_values"] < FEWEST_VALUES:
        found.append(Evidence("few_values", {"informative_values": diagnostics["informative_values"]}, {}))
    if diagnostics["shrinkage"] < LEAST_SHRINKAGE:
        found.append(
            Evidence("near_prior", {"shrinkage_pct": 100.0 * max(diagnostics["shrinkage"], 0.0)}, {})
        )
    if paused_since_week is not None:
        found.append(Evidence("paused", {"since_week": paused_since_week}, {"drug": ""}))
    for quantity in prior.quantities:
        own = readings.filter(pl.col("quantity") == quantity).sort("day")
        if own.height < 2:
            continue
        course = _Course(
            quantity,
            own["day"].to_numpy() / 7.0,
            own["value"].to_numpy(),
            own["censoring"].to_numpy().astype(np.int64),
            detectable_log_change(quantity, prior),
        )
        found += [_sum_fact(course)] if quantity == SUM_OF_DIAMETERS else _marker_facts(course)
    return tuple(found)


def _pct(log_change: float) -> float:
    return 100.0 * float(np.expm1(log_change))


def _sum_fact(course: _Course) -> Evidence:
    """The sum against its smallest value, against the scan before, or flat over the last scans."""
    log_value, label = course.log_value, {"quantity": course.quantity}
    lowest = int(len(log_value) - 1 - np.argmin(log_value[::-1]))
    since = {"lowest": lowest, "previous": len(log_value) - 2}
    for start in since.values():
        change = float(log_value[-1] - log_value[start])
        if abs(change) > course.error_log:
            weeks = float(course.week[-1] - course.week[start])
            numbers = {"change_pct": _pct(change), "weeks": weeks, "error_pct": _pct(course.error_log)}
            return Evidence("sum_change", numbers, label)
    flat = len(log_value) - 2
    while flat > 0 and np.ptp(log_value[flat - 1 :]) <= course.error_log:
        flat -= 1
    numbers = {
        "scans": float(len(log_value) - flat),
        "change_pct": _pct(float(np.ptp(log_value[flat:]))),
        "error_pct": _pct(course.error_log),
        "weeks": float(course.week[-1] - course.week[flat]),
    }
    return Evidence("sum_within_error", numbers, label)


def _marker_facts(course: _Course) -> list[Evidence]:
    """A marker's rise since its lowest value, its fall, or its slope before and since."""
    log_value, label = course.log_value, {"quantity": course.quantity}
    if course.censoring[-1] < 0:
        return [Evidence("marker_at_floor", {"value": float(course.value[-1])}, label)]
    lowest = int(len(log_value) - 1 - np.argmin(log_value[::-1]))
    rise = float(log_value[-1] - log_value[lowest])
    weeks = float(course.week[-1] - course.week[lowest])
    facts: list[Evidence] = []
    if rise > course.error_log:
        numbers = {
            "change_pct": _pct(rise),
            "weeks": weeks,
            "reference_change_pct": _pct(course.error_log),
        }
        facts.append(Evidence("marker_rising", numbers, label))
        if course.week[-1] < SURGE_WEEKS:
            facts.append(Evidence("early_rise", {"week": float(course.week[-1])}, label))
    fall = float(log_value[0] - log_value[lowest])
    until = float(course.week[lowest])
    if fall > course.error_log and lowest == len(log_value) - 1:
        numbers = {
            "pct_per_week": _pct(-fall / max(until - float(course.week[0]), 1.0 / 7.0)),
            "weeks": until - float(course.week[0]),
        }
        facts.append(Evidence("marker_falling", numbers, label))
    elif fall > course.error_log:
        numbers = {
            "before_pct_per_week": _pct(-fall / max(until - float(course.week[0]), 1.0 / 7.0)),
            "until_week": until,
            "since_pct_per_week": _pct(rise / max(weeks, 1.0 / 7.0)),
        }
        facts.append(Evidence("marker_slope", numbers, label))
    elif rise <= course.error_log:
        change = float(log_value[-1] - log_value[0])
        numbers = {"change_pct": _pct(change), "reference_change_pct": _pct(course.error_log)}
        facts.append(Evidence("marker_within_error", numbers, label))
    return facts
