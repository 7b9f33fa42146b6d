"""Forecast the next reading of every quantity, at every visit, from data up to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.criteria.marker_progression import first_progression, progression_threshold
from turnpoint.criteria.sums import progression_sum_mm
from turnpoint.errors import UsageError
from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.filter import DEFAULT_PARTICLES, Posterior, posteriors
from turnpoint.model.forecast import QUANTILE_NAMES, quantiles, readings_ahead
from turnpoint.model.new_lesions import chance_of_new_lesion
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of
from turnpoint.model.treatment import exposure, off_intervals
from turnpoint.study.study import Study
from turnpoint.workflows.priors import prior_for, usable_readings
from turnpoint.workflows.respond import first_new_lesions

Progress = Callable[[int, int], None]

FORECAST_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "origin_day": pl.Int64,
    "target_day": pl.Int64,
    "quantity": pl.String,
    **dict.fromkeys(QUANTILE_NAMES, pl.Float64),
    "p_progression": pl.Float64,
    "p_new_lesion": pl.Float64,
}
_FIRST_ORIGIN = 1  # a forecast needs a second value


def forecast(
    study: Study,
    prior: str | Path | Prior | None = None,
    *,
    horizon_weeks: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> pl.DataFrame:
    """Forecast each quantity at the next visit where it has a value, from all data up to the origin.

    Args:
        study: with lesions, markers or both.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        horizon_weeks: forecast this far from each patient's last visit instead.
        seed: the same seed gives the same numbers.
        progress: called with patients done and patients in all.
        particles: size of the particle bank.

    Returns:
        `patient_id, origin_day, target_day, quantity, q05, q10, ..., q95, p_progression, p_new_lesion`.
        Quantiles are in mm or the marker's unit, of the reading as it would be written down (1 mm stands for a
        lesion that has disappeared). `p_progression` is the chance that the quantity's own criterion is first
        met at the target day, null once it has been met. `p_new_lesion` is the chance of a first new lesion by
        the target day, null where the study records none.

    Raises:
        UsageError: the horizon is not positive.
        StudyError: nothing in the study can be used.
        PriorError: the prior cannot be read or knows none of the study's quantities.
    """
    if horizon_weeks is not None and not horizon_weeks > 0:
        raise UsageError(
            f"--horizon {horizon_weeks}: not above 0 weeks. Give the weeks to look ahead, such as 6."
        )
    readings = usable_readings(study)
    chosen = prior_for(study, readings, prior)
    thresholds = progression_thresholds(readings, study)
    parts = [
        _rows(posterior, target, thresholds, chosen, seed)
        for posterior in posteriors(
            parts_of(study), study, chosen, seed=seed, progress=progress, particles=particles
        )
        for target in _targets(posterior, readings, study, horizon_weeks)
    ]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=FORECAST_SCHEMA)
    return (
        _where_new_lesions_can_be_foreseen(rows, study)
        .sort("patient_id", "origin_day", "quantity")
        .select(pl.col(name).cast(dtype) for name, dtype in FORECAST_SCHEMA.items())
    )


def progression_thresholds(readings: pl.DataFrame, study: Study) -> pl.DataFrame:
    """The smallest value at the next visit that would first meet each quantity's criterion.

    Returns:
        `patient_id, quantity, day, threshold`, one row a reading; null once the criterion has been met.
    """
    # The nadir starts at the baseline, the last sum up to day 0, not at an earlier screening scan.
    nadir = pl.col("value").cum_min().over("patient_id", "since_baseline", order_by="day")
    bar_before = pl.col("threshold").shift(1).over("patient_id", order_by="day")
    sums = (
        readings.filter(pl.col("quantity") == SUM_OF_DIAMETERS)
        .with_columns(
            (pl.col("day") <= 0).cum_sum().over("patient_id", order_by="day").alias("since_baseline")
        )
        .with_columns(progression_sum_mm(nadir).alias("threshold"))
        .with_columns(
            ((pl.col("day") > 0) & (pl.col("value") >= bar_before - 1e-9))
            .fill_null(value=False)
            .cum_max()
            .over("patient_id", order_by="day")
            .alias("met")
        )
    )
    markers = (
        progression_threshold(study.markers)
        .join(first_progression(study.markers), on=["patient_id", "marker"], how="left")
        .with_columns((pl.col("day") >= pl.col("progression_day")).fill_null(value=False).alias("met"))
        .rename({"marker": "quantity"})
    )
    columns = ["patient_id", "quantity", "day", "threshold"]
    return pl.concat(
        part.with_columns(pl.when(~pl.col("met")).then(pl.col("threshold"))).select(columns)
        for part in (sums, markers)
    ).unique(["patient_id", "quantity", "day"], keep="last", maintain_order=True)


@dataclass(frozen=True, slots=True)
class _Target:
    """Which rows of a posterior to forecast for one quantity, and when; days of shape (rows, 1)."""

    quantity: str
    rows: IntArray
    day: FloatArray
    on_weeks: FloatArray
    off_weeks: FloatArray


def _targets(
    posterior: Posterior, readings: pl.DataFrame, study: Study, horizon_weeks: float | None
) -> Iterator[_Target]:
    ids = np.array(posterior.batch.patient_ids)[posterior.patient]
    off_by_patient = off_intervals(study.doses)
    for quantity, own in posterior.quantities.items():
        if horizon_weeks is None:
            keys = pl.DataFrame({"patient_id": ids, "day": posterior.day.astype(np.int64)})
            following = keys.join(_following(readings, quantity), on=["patient_id", "day"], how="left")
            day = following["next_day"].cast(pl.Float64).fill_null(np.nan).to_numpy()
            rows = np.flatnonzero(np.isfinite(day))
            day = day[rows, None]
        else:
            final = posterior.visit == posterior.batch.visits[posterior.patient] - 1
            rows = np.flatnonzero(final & (own.readings > 0))
            day = posterior.day[rows, None] + np.round(7.0 * horizon_weeks)
        on_weeks, off_weeks, _ = exposure(day, ids[rows].tolist(), off_by_patient)
        yield _Target(quantity, rows, day, on_weeks, off_weeks)


def _following(readings: pl.DataFrame, quantity: str) -> pl.DataFrame:
    """`patient_id, day, next_day`: the days from a patient's second value on that are followed by another."""
    return (
        readings.filter(pl.col("quantity") == quantity)
        .sort("patient_id", "day")
        .with_columns(
            pl.col("day").shift(-1).over("patient_id").alias("next_day"),
            pl.int_range(pl.len()).over("patient_id").alias("before"),
        )
        .filter(pl.col("next_day").is_not_null() & (pl.col("before") >= _FIRST_ORIGIN))
        .select("patient_id", "day", "next_day")
    )


def _rows(
    posterior: Posterior, target: _Target, thresholds: pl.DataFrame, prior: Prior, seed: int
) -> pl.DataFrame:
    """The forecasts of one quantity for one posterior."""
    keys = pl.DataFrame(
        {
            "patient_id": [posterior.batch.patient_ids[row] for row in posterior.patient[target.rows]],
            "origin_day": posterior.day[target.rows].astype(np.int64),
            "target_day": target.day[:, 0].astype(np.int64),
            "quantity": [target.quantity] * len(target.rows),
        },
        schema_overrides={"patient_id": pl.String, "quantity": pl.String},
    )
    if not len(target.rows):
        return keys.with_columns(
            pl.lit(None, dtype).alias(name)
            for name, dtype in FORECAST_SCHEMA.items()
            if name not in keys.columns
        )
    ahead = readings_ahead(
        posterior.at(target.rows),
        prior,
        target.quantity,
        target.day,
        (target.on_weeks, target.off_weeks),
        seed,
    )
    draws = ahead.value[:, 0]
    last_day = posterior.quantities[target.quantity].last_day[target.rows]
    threshold = _threshold_at(keys.with_columns(day=pl.Series(last_day.astype(np.int64))), thresholds)
    met = (draws >= threshold.fill_null(np.inf).to_numpy()[:, None] - 1e-9).mean(axis=1)
    quantile_columns = quantiles(draws)
    return keys.with_columns(
        *(pl.Series(name, quantile_columns[:, index]) for index, name in enumerate(QUANTILE_NAMES)),
        pl.when(threshold.is_not_null()).then(pl.Series(met)).alias("p_progression"),
        _p_new_lesion(posterior, target, prior),
    )


def _p_new_lesion(posterior: Posterior, target: _Target, prior: Prior) -> pl.Series:
    """Chance of a first new lesion between origin and target, of patients who have none at the origin."""
    if prior.new_lesions_per_exposed_week is None:
        return pl.Series("p_new_lesion", [None] * len(target.rows), pl.Float64)
    chance = chance_of_new_lesion(
        posterior.dynamics.at(target.rows),
        posterior.day[target.rows, None] / 7.0,
        target.day / 7.0,
        prior.new_lesions_per_exposed_week,
    )
    return pl.Series("p_new_lesion", chance)


def _where_new_lesions_can_be_foreseen(rows: pl.DataFrame, study: Study) -> pl.DataFrame:
    """`p_new_lesion` set to null where the study records no new lesion, or the patient has had one."""
    first = first_new_lesions(study)
    free = pl.col("new_lesion_day").is_null() | (pl.col("new_lesion_day") > pl.col("origin_day"))
    foreseen = free & pl.lit(value=not first.is_empty())
    return rows.join(first, on="patient_id", how="left").with_columns(
        pl.when(foreseen).then("p_new_lesion").alias("p_new_lesion")
    )


def _threshold_at(keys: pl.DataFrame, thresholds: pl.DataFrame) -> pl.Series:
    """The threshold of each key's latest value up to its `day`, in the keys' order."""
    by = ["patient_id", "quantity"]
    return (
        keys.with_row_index("order")
        .sort("day")
        .join_asof(thresholds.sort("day"), on="day", by=by, strategy="backward", check_sortedness=False)
        .sort("order")["threshold"]
    )
