"""A prior from a population model that was published as numbers, where no patient's data may be shipped."""

from __future__ import annotations

from dataclasses import replace

from turnpoint.engine.progress import Progress
from turnpoint.errors import UsageError
from turnpoint.model.generic import read_as
from turnpoint.model.prior import GENERIC, Prior, choose_prior, shipped_priors
from turnpoint.virtual.published import PUBLISHED_MODELS, PublishedModel, cohort_of
from turnpoint.workflows.fit import CALIBRATION_COURSES, fit, with_alerts
from turnpoint.workflows.priors import usable_readings


def prior_from(
    model: str,
    *,
    name: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    courses: int = CALIBRATION_COURSES,
) -> Prior:
    """A prior from a published model: fitted to a cohort that is drawn from it with its schedule and error.

    How fast tumours shrink and grow, and how much of them stays, is the model's. How readings are made is not in it: a
    published residual holds error, drift, jumps and repeated numbers in one, so all of that is taken from the generic
    prior, which knows it from real readings (`model.generic.read_as`).

    Args:
        model: one of `PUBLISHED_MODELS`.
        name: of the prior; the model's by default.
        seed: of every random draw.
        progress: called with iterations done and iterations in all.
        courses: simulated courses for the count of early alerts; with 0 the prior has no calibrated alert.

    Returns:
        The prior, whose card says that it is not from patients.

    Raises:
        UsageError: no such model.
    """
    if model not in PUBLISHED_MODELS:
        raise UsageError(
            f"model={model}: no published model is called so. Give {', '.join(PUBLISHED_MODELS)}."
        )
    published, generic = PUBLISHED_MODELS[model], shipped_priors()[GENERIC]
    prior = read_by_people(fitted_to(published, seed=seed, progress=progress), published, generic)
    if courses:
        study = cohort_of(published, seed=seed).study
        calibration = generic.alert_calibration
        prior = with_alerts(prior, calibration, usable_readings(study), study, courses=courses, seed=seed)
    return replace(prior, name=name or published.name)


def fitted_to(published: PublishedModel, *, seed: int = 0, progress: Progress | None = None) -> Prior:
    """The prior fitted to the model's own cohort, its reading included."""
    study = cohort_of(published, seed=seed).study
    return fit(study, name=published.name, seed=seed, progress=progress, courses=0)


def read_by_people(fitted: Prior, published: PublishedModel, generic: Prior) -> Prior:
    """The fitted prior with the generic one's reading, and the card of a published model."""
    prior = read_as(fitted, choose_prior(fitted.quantities, "", generic))
    card = replace(
        fitted.card,
        data=published.data,
        source=published.source,
        licence="",
        simulated=True,
        warnings=(
            f"From a published model, not from patients: {fitted.card.patients} virtual ones, as many as it was "
            f"{'estimated on' if published.estimated else 'simulated for'}, over {published.horizon_days} days.",
            "How readings are made is taken from the generic prior.",
            *published.caveats,
        ),
    )
    return replace(prior, keywords=published.keywords, card=card)
