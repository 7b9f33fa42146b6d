"""Trials with informative death: growth drives the hazard, and scans end at progression or death.

Patients are drawn from a shipped prior and read every six weeks for two years; death is log-normal in the terms of
`workflows.fit_survival.FITTED_TERMS` with coefficients that are known, and follow-up ends at a time of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.lifetimes.fitting import Observed
from turnpoint.lifetimes.link import Link, Term
from turnpoint.lifetimes.size_curve import SizeCurve, size_curves
from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.simulate import simulate_courses
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.workflows.fit_survival import FITTED_TERMS, LONGEST_TIME_TO_GROWTH_WEEKS

SCAN_WEEKS, LAST_WEEK = 6, 104
# ln days by unit of each term: a median of 400 days in the middle, 13 % shorter for half as large again a tumour, a
# fifth shorter for an eighth more growth (of a scale on which the middle half of patients spans about as much).
TRUE_COEFFICIENTS = (6.0, -0.35, 0.4, -3.0)
TRUE_LOG_SCALE = -0.6
START_MM = (80.0, 0.6)  # median and SD of the log
FOLLOWED_DAYS = (400.0, 1100.0)
LARGEST_MM = 500.0  # of one lesion in a study folder


@dataclass(frozen=True)
class Simulated:
    """A trial, and the true terms of each of its patients."""

    study: Study
    truth: Observed


def true_link() -> Link:
    """What the deaths are drawn from."""
    terms = zip(FITTED_TERMS, TRUE_COEFFICIENTS, strict=True)
    return Link(
        "truth",
        "log-normal",
        tuple(Term(term.name, value, term.reference) for term, value in terms),
        TRUE_LOG_SCALE,
        LONGEST_TIME_TO_GROWTH_WEEKS,
    )


def simulated_trial(prior: Prior, patients: int, rng: np.random.Generator) -> Simulated:
    """One trial of a single quantity, the sum of diameters, read as one lesion."""
    days = np.arange(0, 7 * LAST_WEEK + 1, 7 * SCAN_WEEKS)
    schedule = pl.DataFrame({"patient_id": "S", "quantity": SUM_OF_DIAMETERS, "day": days})
    starts = START_MM[0] * np.exp(START_MM[1] * rng.standard_normal(patients * 4))
    courses = simulate_courses(prior, schedule, {SUM_OF_DIAMETERS: np.maximum(starts, 12.0)}, rng, patients)
    level = courses.levels.group_by("patient_id").agg(pl.col("level").sort_by("day").first())
    baseline = np.exp(level.sort("patient_id")["level"].to_numpy())[:, None]
    curve = _curve(courses.particles, baseline)
    link = true_link()
    design = link.design(curve)
    centre = (design @ link.parameters[:-1])[:, 0]
    death = np.exp(centre + np.exp(TRUE_LOG_SCALE) * rng.standard_normal(patients))
    ends = rng.uniform(*FOLLOWED_DAYS, patients)
    died = death <= ends
    followed = np.maximum(np.where(died, np.ceil(death), np.floor(ends)), 1.0)
    truth = Observed(design, followed, died, np.zeros(patients), np.arange(patients))
    return Simulated(_study(courses.patient_ids, courses.readings, followed, died), truth)


def _curve(particles: np.ndarray, baseline: np.ndarray) -> SizeCurve:
    dynamics, reading = dynamics_of(particles[:, None]), reading_of(particles[:, None], SUM_OF_DIAMETERS, 0)
    return size_curves(dynamics, reading.background, baseline)


def _study(ids: list[str], readings: pl.DataFrame, followed: np.ndarray, died: np.ndarray) -> Study:
    """Scans up to the first progression by the sum, and up to the end of follow-up."""
    ends = pl.DataFrame({"patient_id": ids, "end": followed.astype(np.int64), "died": died})
    nadir = pl.col("value").cum_min().shift(1).over("patient_id", order_by="day")
    progressed = (pl.col("value") >= 1.2 * nadir) & (pl.col("value") >= nadir + 5.0)
    read = (
        readings.with_columns(pl.col("value").clip(upper_bound=LARGEST_MM))
        .join(ends, on="patient_id")
        .filter(pl.col("day") < pl.col("end"))
        .with_columns(progressed.fill_null(value=False).alias("progressed"))
        .with_columns(
            pl.col("progressed").cum_sum().over("patient_id", order_by="day").alias("times"),
        )
        .filter((pl.col("times") == 0) | (pl.col("progressed") & (pl.col("times") == 1)))
    )
    small = pl.col("censoring") < 0
    lesions = read.select(
        "patient_id",
        "day",
        lesion_id=pl.lit("SUM"),
        role=pl.lit("target"),
        node=pl.lit(value=False),
        diameter_mm=pl.when(~small).then("value"),
        status=pl.when(small).then(pl.lit("too_small")).otherwise(pl.lit("measured")),
    )
    people = ends.select(
        "patient_id",
        death_day=pl.when("died").then("end"),
        last_alive_day=pl.when(~pl.col("died")).then("end"),
    )
    tables = {"patients": people, "lesions": lesions}
    frames = {}
    for name, table in TABLES.items():
        empty = table.frame_schema.to_frame()
        own = tables.get(name, empty)
        missing = [
            pl.lit(None, dtype).alias(column)
            for column, dtype in table.frame_schema.items()
            if column not in own.columns
        ]
        frames[name] = own.with_columns(missing).select(
            pl.col(column).cast(dtype) for column, dtype in table.frame_schema.items()
        )
    return Study(**frames, problems=(), name="simulated")
