"""Virtual courses for `benchmarks/limit.py`, and the oracle that knows each patient's parameters and level."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from forecast_baselines import FLOOR, Forecasts, Task
from lead_time_courses import MARKER_WEEKS, Schedule

import turnpoint as tp
from turnpoint.model.error_features import forecast_origins
from turnpoint.model.filter import PartPosterior, Posterior, posteriors
from turnpoint.model.forecast import QUANTILE_LEVELS, QUANTILE_NAMES, weighted_quantiles
from turnpoint.model.linear_pool import Pool
from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.prior import BelowLimit, Prior, choose_prior
from turnpoint.model.series import parts_of, readings_of
from turnpoint.model.simulate import SimulatedCourses, simulate_courses
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.turning.progression_ahead import (
    HORIZONS_WEEKS,
    DrawsAhead,
    draws_ahead,
    hazard_ratio,
    progression_ahead,
)

ORACLE = "oracle"
MARKER = "CEA"
# log of the first readings: median and SD
START = {SUM_OF_DIAMETERS: (np.log(40.0), 0.6), MARKER: (np.log(40.0), 1.3)}
SMALLEST_START = 10.0
_SAME = 1e-9
LARGEST_MM = 500.0  # no study may hold a larger lesion; courses get there long after progression, if at all


class Clinic(Schedule):
    """Whom it treats, and how often it looks."""

    def prior(self) -> Prior:
        """The shipped prior the courses are drawn from, with readers who write as the simulated ones do."""
        return replace(choose_prior(list(self.every_weeks), self.words), below_limit=BelowLimit(0.0, 1.0))


LUNG, COLORECTAL = "docetaxel nsclc", "colorectal folfiri"
CLINICS = (
    Clinic("CT every 6 weeks (NSCLC, docetaxel)", LUNG, {SUM_OF_DIAMETERS: 6}),
    Clinic(
        "CT every 6 weeks and a marker every 3 (NSCLC, docetaxel)",
        LUNG,
        {SUM_OF_DIAMETERS: 6, MARKER: MARKER_WEEKS},
    ),
    Clinic("CT every 8 weeks (colorectal)", COLORECTAL, {SUM_OF_DIAMETERS: 8}),
    Clinic(
        "CT every 8 weeks and a marker every 3 (colorectal)",
        COLORECTAL,
        {SUM_OF_DIAMETERS: 8, MARKER: MARKER_WEEKS},
    ),
)


def drawn(clinic: Clinic, courses: int, seed: tuple[int, ...]) -> SimulatedCourses:
    """Courses of the clinic's patients."""
    rng, prior = np.random.default_rng(seed), clinic.prior()
    starts = {}
    for quantity in prior.quantities:
        centre, sd = START[quantity]
        starts[quantity] = np.maximum(np.exp(centre + sd * rng.standard_normal(2000)), SMALLEST_START)
    return simulate_courses(prior, clinic.days(), starts, rng, courses)


def as_study(found: SimulatedCourses) -> Study:
    """The readings as a study folder gives them: one target lesion a patient, the marker in ng/mL."""
    is_sum = pl.col("quantity") == SUM_OF_DIAMETERS
    lesions = found.readings.filter(is_sum & (pl.col("value") <= LARGEST_MM)).select(
        "patient_id",
        "day",
        lesion_id=pl.lit("T1"),
        role=pl.lit("target"),
        diameter_mm=pl.when(pl.col("censoring") == 0).then("value"),
        status=pl.when(pl.col("censoring") == 0).then(pl.lit("measured")).otherwise(pl.lit("too_small")),
    )
    markers = found.readings.filter(~is_sum).select(
        "patient_id", "day", pl.col("quantity").alias("marker"), "value", unit=pl.lit("ng/mL")
    )
    with tempfile.TemporaryDirectory() as folder:
        lesions.write_csv(Path(folder) / "lesions.csv")
        if not markers.is_empty():
            markers.write_csv(Path(folder) / "markers.csv")
        return tp.read(folder)


def knowing(posterior: Posterior, prior: Prior, truth: SimulatedCourses) -> Posterior:
    """The filter's rows with the true parameters and the true level in every draw."""
    row = {name: index for index, name in enumerate(truth.patient_ids)}
    ids = [posterior.batch.patient_ids[patient] for patient in posterior.patient]
    own = truth.particles[[row[name] for name in ids]]
    particles = np.broadcast_to(own[:, None, :], posterior.particles.shape)
    quantities = {
        name: replace(
            quantity,
            reading=reading_of(particles, name, prior.quantities.index(name)),
            parts=tuple(_at_true_level(part, ids, truth, name) for part in quantity.parts),
        )
        for name, quantity in posterior.quantities.items()
    }
    return replace(
        posterior,
        dynamics=dynamics_of(particles),
        quantities=quantities,
        origins=(),
        where=posterior.where[:0],
    )


def _at_true_level(
    part: PartPosterior, ids: list[str], truth: SimulatedCourses, quantity: str
) -> PartPosterior:
    """The level at the last reading of each row, known exactly."""
    last = pl.DataFrame({"patient_id": ids, "day": part.last_day[:, 0].astype(np.int64)})
    known = truth.levels.filter(pl.col("quantity") == quantity)
    level = last.join(known, on=["patient_id", "day"], how="left", maintain_order="left")["level"]
    return replace(
        part,
        level_mean=np.broadcast_to(level.fill_null(0.0).to_numpy()[:, None], part.level_mean.shape),
        level_variance=np.zeros_like(part.level_variance),
    )


FORESEEN = ("patient_id", "day", *QUANTILE_NAMES, "p_next", "p_24w")


def foreseen(
    study: Study, clinic: Clinic, truth: SimulatedCourses, ways: dict[str, Prior]
) -> dict[str, pl.DataFrame]:
    """`FORESEEN` at every scan before the first progression, by each of the ways and by the oracle.

    What `workflows.forecast` and `workflows.ahead` say, from one run of the filter for all the ways: their
    priors differ in nothing but the regression of errors.
    """
    prior, readings = clinic.prior(), readings_of(study)
    bars = progression_thresholds(readings, study.markers).filter(pl.col("quantity") == SUM_OF_DIAMETERS)
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in (*ways, ORACLE)}
    for posterior in posteriors(parts_of(study), study, prior):
        at = pl.DataFrame(
            {
                "patient_id": [posterior.batch.patient_ids[patient] for patient in posterior.patient],
                "day": posterior.day.astype(np.int64),
            }
        ).with_row_index("row")
        keys = at.join(bars.drop_nulls("threshold"), on=["patient_id", "day"], maintain_order="left")
        gap_weeks = np.full(keys.height, float(clinic.every_weeks[SUM_OF_DIAMETERS]))
        bar, rows = keys["threshold"].to_numpy(), keys["row"].to_numpy()
        known = knowing(posterior, prior, truth)
        by_filter, by_oracle = (
            draws_ahead(one.at(rows), prior, SUM_OF_DIAMETERS, bar, gap_weeks) for one in (posterior, known)
        )
        targets = keys.with_columns(target_day=pl.Series(by_filter.days[:, 0]))
        origins = forecast_origins(readings, SUM_OF_DIAMETERS, study.doses, targets)
        found[ORACLE].append(_by_draws(by_oracle, keys))
        for name, way in ways.items():
            regression = way.error_regressions.get(SUM_OF_DIAMETERS)
            if regression is None:
                found[name].append(_by_draws(by_filter, keys))
            else:
                weight = way.filter_weight[SUM_OF_DIAMETERS]
                pool = Pool.of(by_filter.next_value, regression, origins, weight)
                found[name].append(_by_pool(by_filter, pool, keys))
    return {name: pl.concat(parts) for name, parts in found.items()}


def _by_draws(drawn_ahead: DrawsAhead, keys: pl.DataFrame) -> pl.DataFrame:
    values = drawn_ahead.next_value
    mass = np.full_like(values, 1.0 / values.shape[1])
    return _table(keys, values, mass, drawn_ahead.next_chance, progression_ahead(drawn_ahead).chance)


def _by_pool(drawn_ahead: DrawsAhead, pool: Pool, keys: pl.DataFrame) -> pl.DataFrame:
    values, mass = pool.values_and_masses()
    chance = np.clip((mass * (values >= drawn_ahead.bar[:, None] - _SAME)).sum(axis=1), 0.0, 1.0)
    ratio = hazard_ratio(chance, drawn_ahead.next_chance)
    return _table(keys, values, mass, chance, progression_ahead(drawn_ahead, ratio).chance)


def _table(
    keys: pl.DataFrame, values: np.ndarray, mass: np.ndarray, p_next: np.ndarray, chance: np.ndarray
) -> pl.DataFrame:
    levels = weighted_quantiles(values, mass, QUANTILE_LEVELS)
    return keys.with_columns(
        *(pl.Series(name, levels[:, index]) for index, name in enumerate(QUANTILE_NAMES)),
        p_next=pl.Series(p_next),
        p_24w=pl.Series(chance[:, HORIZONS_WEEKS.index(24)]),
    ).select(FORESEEN)


def as_forecasts(table: pl.DataFrame, wanted: Task) -> Forecasts:
    """The forecasts of the task's origins."""
    keys = wanted.keys.rename({"origin_day": "day"})
    own = keys.join(table, on=["patient_id", "day"], how="left", maintain_order="left")
    values = np.maximum(own.select(QUANTILE_NAMES).to_numpy(), FLOOR[SUM_OF_DIAMETERS])
    return Forecasts(np.log(values), own["p_next"].to_numpy())
