"""Fit a population prior to a study, calibrate its alert, and write its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl

from turnpoint._version import __version__
from turnpoint.engine.progress import Progress
from turnpoint.model.error_features import training_origins
from turnpoint.model.error_regression import ErrorRegression
from turnpoint.model.error_regression_fit import fit_error_regression
from turnpoint.model.filter import posteriors
from turnpoint.model.linear_pool import filter_weight
from turnpoint.model.new_lesions import exposure_weeks, hazard_per_exposed_week
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import FEW_PATIENTS, Fit, fit_population, starting_prior, typical
from turnpoint.model.prior import GENERIC, Alert, Card, Prior, shipped_priors
from turnpoint.model.series import parts_of, quantities_of, visits_of
from turnpoint.model.simulate import simulate_courses
from turnpoint.model.streams import Stream, generator
from turnpoint.study.study import Study
from turnpoint.turning.alerts import FALSE_ALERTS_PER_100, early_alerts_per_100
from turnpoint.workflows.assess import assess_readings
from turnpoint.workflows.priors import usable_readings
from turnpoint.workflows.respond import first_new_lesions

CALIBRATION_COURSES = 600


def fit(
    study: Study,
    *,
    name: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    courses: int = CALIBRATION_COURSES,
) -> Prior:
    """Fit a population prior to every quantity of a study.

    Its alert is that of the shipped priors, which was calibrated on real patients (`workflows.left_out`). How often it
    comes before the turning point is counted on courses simulated from the fitted prior, with the study's own schedule
    and starting values.

    Args:
        study: five patients with two readings at the least; a prior from under 30 carries a warning.
        name: of the prior; the study's name by default.
        seed: of every random draw.
        progress: called with iterations done and iterations in all.
        courses: simulated courses for that count; with 0 the prior has no calibrated alert.

    Raises:
        StudyError: too few patients with two readings of one quantity.
    """
    readings = usable_readings(study)
    start = starting_prior(name or study.name, quantities_of(readings))
    fitted = fit_population(parts_of(study), study.doses, start, seed=seed, progress=progress)
    prior = replace(
        fitted.prior,
        keywords=_keywords(study),
        card=_card(study, fitted),
    )
    prior = replace(prior, new_lesions_per_exposed_week=new_lesion_hazard(study, prior, seed=seed))
    prior = with_error_regressions(prior, readings, study)
    if courses:
        calibration = shipped_priors()[GENERIC].alert_calibration
        prior = with_alerts(prior, calibration, readings, study, courses=courses, seed=seed)
    return prior


def with_alerts(
    prior: Prior,
    calibration: Mapping[float, Alert],
    readings: pl.DataFrame,
    study: Study,
    *,
    courses: int,
    seed: int,
) -> Prior:
    """The prior with alerts calibrated on real patients, and how early each comes in courses simulated from it."""
    starting = {
        quantity: readings.filter((pl.col("quantity") == quantity) & (pl.col("censoring") == 0))
        .sort("day")
        .group_by("patient_id")
        .agg(pl.col("value").first())["value"]
        .sort()
        .to_numpy()
        for quantity in prior.quantities
    }
    rng = generator(seed, Stream.FITTED_COURSES)
    simulated = simulate_courses(prior, readings, starting, rng, courses)
    nobody = study.only([])
    judged = assess_readings(simulated.readings, nobody, prior, seed=seed)
    zero = np.zeros(len(simulated.patient_ids))
    truth = pl.DataFrame(
        {
            "patient_id": simulated.patient_ids,
            "true_turning_day": 7.0 * simulated.dynamics.turning_week(zero, zero),
        }
    )
    courses_judged = judged.join(truth, on="patient_id")
    found = {
        rate: replace(own, early_per_100=early_alerts_per_100(courses_judged, own.threshold), courses=courses)
        for rate, own in calibration.items()
    }
    return replace(prior, alert=found[FALSE_ALERTS_PER_100], alert_calibration=found)


def new_lesion_hazard(study: Study, prior: Prior, *, seed: int = 0) -> float | None:
    """λ of `model.new_lesions` from the study's first new lesions; None when it records none.

    The exposure is foreseen at each visit from data up to it, as the forecast will use it.
    """
    first = first_new_lesions(study)
    if first.is_empty():
        return None
    new_day = dict(first.iter_rows())
    events, exposed_weeks = 0, 0.0
    for posterior in posteriors(parts_of(study), study, prior, visits=visits_of(study), seed=seed):
        batch, patient = posterior.batch, posterior.patient
        following = np.minimum(posterior.visit + 1, batch.visits[patient] - 1)
        day, next_day = posterior.day, batch.day[patient, following]
        new = np.array([new_day.get(batch.patient_ids[row], np.inf) for row in patient])
        end = np.where(new > day, np.minimum(next_day, new), day)
        exposure = exposure_weeks(posterior.dynamics, day[:, None] / 7.0, end[:, None] / 7.0)
        exposed_weeks += float(exposure.mean(axis=1).sum())
        events += int(((new > day) & (new <= next_day)).sum())
    return round(hazard_per_exposed_week(events, exposed_weeks), 6) if exposed_weeks > 0.0 else None


def with_error_regressions(
    prior: Prior, readings: pl.DataFrame, study: Study, *, centre: ErrorRegression | None = None
) -> Prior:
    """The prior with a regression of forecast errors for every quantity that has readings enough for one."""
    found = {}
    for quantity in prior.quantities:
        is_diameter = quantity == SUM_OF_DIAMETERS
        origins = training_origins(readings, quantity, study.doses)
        of_kind = centre if centre is not None and centre.is_diameter == is_diameter else None
        fitted = fit_error_regression(origins, is_diameter=is_diameter, centre=of_kind)
        if fitted is not None:
            found[quantity] = fitted
    weights = {quantity: filter_weight(regression.origins) for quantity, regression in found.items()}
    return replace(prior, error_regressions=found, filter_weight=weights)


def _keywords(study: Study) -> tuple[str, ...]:
    columns = [study.patients["tumour_type"], study.patients["arm"], study.doses["drug"]]
    words = {str(word).strip().lower() for column in columns for word in column.drop_nulls().unique()}
    return tuple(sorted(words))


def _card(study: Study, fitted: Fit) -> Card:
    small = (
        f"Fitted to {fitted.patients} patients only: its spread is uncertain. "
        "Prefer a shipped prior unless these patients are unlike any of them."
    )
    gained = fitted.log_likelihood[-1] - fitted.log_likelihood[-6]
    return Card(
        data=study.name,
        patients=fitted.patients,
        readings=fitted.readings,
        created=datetime.now(tz=UTC).date().isoformat(),
        version=__version__,
        diagnostics={
            "log_likelihood_per_reading": round(fitted.log_likelihood[-1] / fitted.readings, 4),
            "log_likelihood_gained_in_last_five_iterations": round(gained, 2),
            "smallest_effective_size": round(fitted.smallest_effective_size, 1),
        }
        | {f"median_{key}": round(value, 5) for key, value in typical(fitted.prior).items()},
        warnings=(small,) if fitted.patients < FEW_PATIENTS else (),
    )
