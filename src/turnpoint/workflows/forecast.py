"""Forecast the next reading of every quantity, at every visit, from data up to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.engine.progress import Progress, part_of_progress
from turnpoint.errors import UsageError
from turnpoint.model.filter import DEFAULT_PARTICLES
from turnpoint.model.forecast import QUANTILE_LEVELS, QUANTILE_NAMES, weighted_quantiles
from turnpoint.model.new_lesions import chance_of_new_lesion
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of, readings_of
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.workflows.forecast_draws import ForecastDraws, forecast_draws
from turnpoint.workflows.priors import by_prior, by_prior_so_far, usable_readings
from turnpoint.workflows.respond import first_new_lesions

FORECAST_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "origin_day": pl.Int64,
    "target_day": pl.Int64,
    "quantity": pl.String,
    **dict.fromkeys(QUANTILE_NAMES, pl.Float64),
    "p_progression": pl.Float64,
    "p_new_lesion": pl.Float64,
}
_SAME = 1e-9
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
        prior: a prior, the name of a shipped one, or a file; by default, for each origin, the shipped one that fits
            best: by the patient's own tumour type, and the drugs and quantities up to it.
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
    usable_readings(study)
    tasks = _of_each_visit(study, prior) if horizon_weeks is None else _ahead(study, prior, horizon_weeks)
    rows, done = [], 0
    total = sum(len(task.study.patient_ids) for task in tasks)
    for task in tasks:
        readings = readings_of(task.study)
        thresholds = progression_thresholds(readings, task.study.markers)
        here = None if progress is None else part_of_progress(progress, done, total)
        rows += [
            _rows(found, thresholds, task.prior)
            for found in forecast_draws(
                task.study,
                task.targets,
                task.prior,
                readings=readings,
                seed=seed,
                progress=here,
                particles=particles,
            )
        ]
        done += len(task.study.patient_ids)
    return (
        _where_new_lesions_can_be_foreseen(
            pl.concat(rows) if rows else pl.DataFrame(schema=FORECAST_SCHEMA), study
        )
        .sort("patient_id", "origin_day", "quantity")
        .select(pl.col(name).cast(dtype) for name, dtype in FORECAST_SCHEMA.items())
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """Forecasts with one prior: what is known, and `forecast_targets`."""

    prior: Prior
    study: Study
    targets: pl.DataFrame


def _ahead(study: Study, prior: str | Path | Prior | None, horizon_weeks: float) -> list[_Task]:
    """From each patient's last visit."""
    return [
        _Task(chosen, part, forecast_targets(readings_of(part), part, horizon_weeks))
        for chosen, part in by_prior(study, prior)
    ]


def _of_each_visit(study: Study, prior: str | Path | Prior | None) -> list[_Task]:
    """From each visit with what was known on it, and the doses up to the value that is forecast."""
    stretches = by_prior_so_far(study, prior)
    targets = pl.concat([forecast_targets(readings_of(own.study), own.study) for own in stretches]).unique()
    return [
        _Task(
            own.prior,
            replace(own.study, doses=study.only(own.study.patient_ids).doses),
            targets.join(
                own.visits.rename({"day": "origin_day"}), on=["patient_id", "origin_day"], how="semi"
            ),
        )
        for own in stretches
    ]


def forecast_targets(
    readings: pl.DataFrame, study: Study, horizon_weeks: float | None = None
) -> pl.DataFrame:
    """Which forecasts there are to make: `patient_id, origin_day, target_day, quantity`.

    From each value of a quantity from the second on that is followed by another, to that one; or, with a horizon, from
    each patient's last visit, for every quantity that has been read.
    """
    own = ["patient_id", "quantity"]
    if horizon_weeks is None:
        return (
            readings.sort(*own, "day")
            .with_columns(
                pl.col("day").shift(-1).over(own).alias("target_day"),
                pl.int_range(pl.len()).over(own).alias("before"),
            )
            .filter(pl.col("target_day").is_not_null() & (pl.col("before") >= _FIRST_ORIGIN))
            .select("patient_id", pl.col("day").alias("origin_day"), "target_day", "quantity")
        )
    parts = parts_of(study)
    last = parts.group_by("patient_id").agg(pl.col("day").max().alias("origin_day"))
    ahead = round(7.0 * horizon_weeks)
    return (
        parts.select(own)
        .unique()
        .join(last, on="patient_id")
        .with_columns((pl.col("origin_day") + ahead).alias("target_day"))
        .select("patient_id", "origin_day", "target_day", "quantity")
        .sort(own)
    )


def _rows(found: ForecastDraws, thresholds: pl.DataFrame, prior: Prior) -> pl.DataFrame:
    """The table's rows for some forecasts of one quantity."""
    threshold = _threshold_at(found.keys, thresholds)
    met = found.draws >= threshold.fill_null(np.inf).to_numpy()[:, None] - _SAME
    levels = weighted_quantiles(found.draws, found.mass, QUANTILE_LEVELS)
    return found.keys.with_columns(
        *(pl.Series(name, levels[:, index]) for index, name in enumerate(QUANTILE_NAMES)),
        pl.when(threshold.is_not_null())
        .then(pl.Series((found.mass * met).sum(axis=1)))
        .alias("p_progression"),
        _p_new_lesion(found, prior),
    )


def _p_new_lesion(found: ForecastDraws, prior: Prior) -> pl.Series:
    """Chance of a first new lesion between origin and target, of patients who have none at the origin."""
    if prior.new_lesions_per_exposed_week is None:
        return pl.Series("p_new_lesion", [None] * found.keys.height, pl.Float64)
    from_week, to_week = (found.keys[name].to_numpy()[:, None] / 7.0 for name in ("origin_day", "target_day"))
    hazard = prior.new_lesions_per_exposed_week
    chance = chance_of_new_lesion(found.origins.dynamics, from_week, to_week, hazard)
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
    """The threshold at the latest value of the quantity up to each origin, in the keys' order."""
    by = ["patient_id", "quantity"]
    known = thresholds.sort("day").rename({"day": "origin_day"})
    return (
        keys.with_row_index("order")
        .sort("origin_day")
        .join_asof(known, on="origin_day", by=by, strategy="backward", check_sortedness=False)
        .sort("order")["threshold"]
    )
