"""Outcomes of the arms of a virtual trial, alone and against the first arm, patient by patient.

Every arm has the same patients, the same clones and the same errors of reading, so the differences are paired: they
vary far less than the difference of two groups would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl

from turnpoint.model.arrays import FloatArray
from turnpoint.model.calibration import wilson_interval

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def estimate(values: FloatArray) -> Estimate:
    """Mean with its normal 95 % interval; nan ends for fewer than two values.

    >>> estimate(np.array([1.0, 1.0, 1.0]))
    Estimate(mean=1.0, low=1.0, high=1.0)
    """
    mean = float(np.mean(values)) if values.size else float("nan")
    spread = float(np.std(values, ddof=1)) if values.size > 1 else float("nan")
    error = Z95 * spread / math.sqrt(max(values.size, 1))
    return Estimate(mean, mean - error, mean + error)


def restricted(weeks: FloatArray, horizon_weeks: float) -> FloatArray:
    """Times cut at the horizon, so that a patient without the event has a time as well; their mean is the RMST.

    Source: Royston and Parmar 2013, doi:10.1186/1471-2288-13-152 (restricted mean survival time).
    """
    cut: FloatArray = np.minimum(weeks, horizon_weeks)
    return cut


def median_weeks(weeks: FloatArray, horizon_weeks: float) -> float:
    """Median time; infinite when half of the patients have no event by the horizon."""
    middle = float(np.sort(weeks)[(len(weeks) - 1) // 2]) if len(weeks) else float("inf")
    return middle if middle <= horizon_weeks else float("inf")


@dataclass(frozen=True, slots=True)
class Difference:
    """One outcome of one arm against the same outcome of the same patients in the first arm.

    Attributes:
        gained_weeks: mean difference of the restricted times; above 0 when this arm is later, so better.
        better, worse: share of patients who gain, or lose, at least the margin.
    """

    gained_weeks: Estimate
    better: float
    worse: float


def difference(
    weeks: FloatArray, reference_weeks: FloatArray, horizon_weeks: float, margin_weeks: float
) -> Difference:
    """Paired difference of restricted times.

    Args:
        weeks: of each patient, shape (P,); infinite without an event.
        reference_weeks: of the same patients in the first arm, shape (P,).
        horizon_weeks: where both are cut.
        margin_weeks: from which gain or loss a patient counts as better or worse.
    """
    gained = restricted(weeks, horizon_weeks) - restricted(reference_weeks, horizon_weeks)
    return Difference(
        estimate(gained), float(np.mean(gained >= margin_weeks)), float(np.mean(gained <= -margin_weeks))
    )


def survival(weeks: FloatArray, at_weeks: FloatArray) -> FloatArray:
    """Share of patients without the event after each time; nobody is censored before the horizon.

    >>> survival(np.array([1.0, 2.0, np.inf]), np.array([0.0, 1.0, 5.0])).round(2)
    array([1.  , 0.67, 0.33])
    """
    order = np.sort(weeks)
    share: FloatArray = 1.0 - np.searchsorted(order, at_weeks, side="right") / max(len(order), 1)
    return share


OUTCOME_COLUMNS: tuple[str, ...] = ("progression_week", "second_progression_week", "lethal_week")
SUMMARY_SCHEMA: Mapping[str, type[pl.DataType]] = MappingProxyType(
    {
        "arm": pl.String,
        "outcome": pl.String,
        "patients": pl.Int64,
        "event_share": pl.Float64,
        "median_weeks": pl.Float64,
        "mean_weeks": pl.Float64,
        "mean_weeks_low": pl.Float64,
        "mean_weeks_high": pl.Float64,
        "gained_weeks": pl.Float64,
        "gained_weeks_low": pl.Float64,
        "gained_weeks_high": pl.Float64,
        "better_share": pl.Float64,
        "worse_share": pl.Float64,
    }
)


TREATMENT_SCHEMA: Mapping[str, type[pl.DataType]] = MappingProxyType(
    {
        "arm": pl.String,
        "patients": pl.Int64,
        "changed_share": pl.Float64,
        "before_progression_share": pl.Float64,
        "before_turning_share": pl.Float64,
        "median_switch_week": pl.Float64,
        "mean_weeks_on_a": pl.Float64,
        "mean_weeks_on_b": pl.Float64,
        "extinct_share": pl.Float64,
        "extinct_share_low": pl.Float64,
        "extinct_share_high": pl.Float64,
    }
)


def treatment(outcomes: pl.DataFrame, *, by_chance: bool) -> pl.DataFrame:
    """What was given in each arm, and how often the tumour died out; columns `TREATMENT_SCHEMA`.

    Args:
        outcomes: columns `virtual.block.OUTCOMES`, arms in order.
        by_chance: whether a tumour could die out; if not its columns are null, as nothing was there to be counted.

    Returns:
        One row an arm: shares of all patients, the median week of those who changed drugs, mean weeks on each drug
        until a lethal burden or the horizon, and the share that died out with its 95 % interval (Wilson).
    """
    changed = pl.col("switch_week").is_not_null()
    found = outcomes.group_by("arm", maintain_order=True).agg(
        pl.len().alias("patients"),
        changed.mean().alias("changed_share"),
        (changed & (pl.col("switched_at") != "progression")).mean().alias("before_progression_share"),
        pl.col("before_turning").mean().alias("before_turning_share"),
        pl.col("switch_week").median().alias("median_switch_week"),
        pl.col("weeks_on_a").mean().alias("mean_weeks_on_a"),
        pl.col("weeks_on_b").mean().alias("mean_weeks_on_b"),
        pl.col("extinct_week").count().alias("extinct"),
    )
    low, high = wilson_interval(found["extinct"].to_numpy(), found["patients"].to_numpy())
    shares = {
        "extinct_share": found["extinct"] / found["patients"],
        "extinct_share_low": pl.Series(low),
        "extinct_share_high": pl.Series(high),
    }
    known = found.with_columns(
        (own if by_chance else pl.lit(None, pl.Float64)).alias(name) for name, own in shares.items()
    )
    return known.select(pl.col(name).cast(kind) for name, kind in TREATMENT_SCHEMA.items())


def summary(outcomes: pl.DataFrame, horizon_weeks: float, margin_weeks: float) -> pl.DataFrame:
    """Every outcome of every arm, alone and against the first arm; columns `SUMMARY_SCHEMA`.

    Args:
        outcomes: `patient, arm, switch_week` and `OUTCOME_COLUMNS` (null without the event), arms in order, patients
            in the same order in each; an arm in which nobody changes drugs has no progression on the second one.
        horizon_weeks: where times are cut; means are restricted means.
        margin_weeks: gain or loss from which a patient counts as better or worse.
    """
    names = outcomes["arm"].unique(maintain_order=True).to_list()
    arms = {name: outcomes.filter(pl.col("arm") == name) for name in names}
    rows = [
        _row(
            str(name),
            outcome,
            _weeks(own, outcome),
            _weeks(arms[names[0]], outcome)
            if name != names[0] and _can_have(arms[names[0]], outcome)
            else None,
            (horizon_weeks, margin_weeks),
        )
        for outcome in OUTCOME_COLUMNS
        for name, own in arms.items()
        if _can_have(own, outcome)
    ]
    return pl.DataFrame(rows, schema=dict(SUMMARY_SCHEMA), orient="row")


def _can_have(own: pl.DataFrame, outcome: str) -> bool:
    """Whether an arm can reach the outcome: nobody progresses on a second drug that nobody gets."""
    return outcome != "second_progression_week" or own["switch_week"].count() > 0


def _weeks(own: pl.DataFrame, outcome: str) -> FloatArray:
    weeks: FloatArray = own[outcome].fill_null(float("inf")).to_numpy()
    return weeks


def _row(
    arm: str,
    outcome: str,
    weeks: FloatArray,
    reference: FloatArray | None,
    limits: tuple[float, float],
) -> tuple[str | float | int | None, ...]:
    horizon, margin = limits
    mean, median = estimate(restricted(weeks, horizon)), median_weeks(weeks, horizon)
    alone = (
        arm,
        outcome,
        len(weeks),
        float(np.mean(weeks <= horizon)),
        median if np.isfinite(median) else None,
        mean.mean,
        mean.low,
        mean.high,
    )
    if reference is None:
        return (*alone, None, None, None, None, None)
    found = difference(weeks, reference, horizon, margin)
    gained = found.gained_weeks
    return (*alone, gained.mean, gained.low, gained.high, found.better, found.worse)
