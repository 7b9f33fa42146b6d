"""Fit a link from growth to survival to a study that records deaths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from turnpoint._version import __version__
from turnpoint.engine.progress import Progress, part_of_progress
from turnpoint.errors import Problem, StudyError, UsageError
from turnpoint.lifetimes.families import FAMILIES
from turnpoint.lifetimes.fitting import Observed, fit_link
from turnpoint.lifetimes.follow_up import follow_up
from turnpoint.lifetimes.link import INTERCEPT, Link, LinkCard, Term, design_of
from turnpoint.model.filter import DEFAULT_PARTICLES
from turnpoint.model.prior import Prior
from turnpoint.study.clinical_words import clinical_words
from turnpoint.study.study import Study
from turnpoint.workflows.landmark_curves import Curves, curves, followed_at, known_by_day
from turnpoint.workflows.priors import usable_readings
from turnpoint.workflows.survival import LANDMARK_WEEKS, checked_landmarks

METHODS: Final = ("shared", "landmark")
# What the two published links have in common: size at the start, Claret's time to growth, Struemper's growth. The
# references are near the middle of trials, so that the intercept is the log of a usual median.
FITTED_TERMS: Final = (
    Term(INTERCEPT, 0.0),
    Term("log_baseline", 0.0, round(float(np.log(80.0)), 4)),
    Term("log_time_to_growth", 0.0, round(float(np.log(240.0)), 4)),
    Term("saturating_growth", 0.0, 0.08),
)
LONGEST_TIME_TO_GROWTH_WEEKS: Final = 104.0  # no trial's scans look further
_FEW_DEATHS_A_TERM: Final = 10


def fit_survival(
    study: Study,
    method: str = "shared",
    *,
    landmark_weeks: Sequence[int] = LANDMARK_WEEKS,
    prior: str | Path | Prior | None = None,
    family: str = "log-normal",
    name: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> Link:
    """A link fitted to the deaths of a study.

    Args:
        study: with sums of diameters and deaths (`death_day`, or events of grade 5).
        method: `shared`: the death time's likelihood over each patient's posterior from all sizes, so that scans which
            end with death tell of it; `landmark`: of those alive at each landmark, from the sizes up to it.
        landmark_weeks: of a landmark link.
        prior: by which sizes are read: best one fitted to patients like these; by default the shipped one that fits.
        family: `log-normal` or `weibull`.
        name: of the link; the study's name by default.
        seed: the same seed gives the same numbers.
        progress: called with work done and work in all.
        particles: size of the particle bank.

    Raises:
        UsageError: there is no such method or family, or a landmark is no week of a course.
        StudyError: nobody died, or nobody is known to be alive at any landmark.
        SurvivalLinkError: too few died for so many terms.
    """
    for option, value, known in (("--method", method, METHODS), ("--family", family, tuple(FAMILIES))):
        if value not in known:
            raise UsageError(f"{option}: {value!r} is not one of {', '.join(known)}.")
    weeks = checked_landmarks(landmark_weeks) if method == "landmark" else ()
    usable_readings(study)
    observed, priors = observed_rows(
        study, weeks, prior=prior, seed=seed, progress=progress, particles=particles
    )
    fitted = fit_link(observed, family, is_clustered=method == "landmark")
    patients, deaths = (len(np.unique(observed.patient[which])) for which in (slice(None), observed.dead))
    return Link(
        name=name or study.name,
        family=family,
        terms=tuple(
            Term(term.name, float(own), term.reference)
            for term, own in zip(FITTED_TERMS, fitted.parameters, strict=False)
        ),
        log_scale=float(fitted.parameters[-1]),
        longest_time_to_growth_weeks=LONGEST_TIME_TO_GROWTH_WEEKS,
        covariance=fitted.covariance,
        card=LinkCard(
            method=method,
            data=study.name,
            disease=_disease(study),
            patients=patients,
            deaths=deaths,
            landmark_weeks=weeks,
            prior=", ".join(priors),
            created=datetime.now(tz=UTC).date().isoformat(),
            version=__version__,
            log_likelihood=round(fitted.log_likelihood, 3),
            warnings=_warnings(deaths),
        ),
    )


def observed_rows(
    study: Study,
    weeks: Sequence[int],
    *,
    prior: str | Path | Prior | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
    terms: tuple[Term, ...] = FITTED_TERMS,
) -> tuple[Observed, tuple[str, ...]]:
    """What a link is fitted to: a row a patient from all data, or with `weeks` one for each landmark; and the priors.

    Raises:
        StudyError: nobody died, or nobody with a sum of diameters is known to be alive at any landmark.
    """
    watched = follow_up(study)
    if not watched["died"].any():
        raise StudyError([_nobody_died(study.name)])
    ends = {patient: (day, died) for patient, day, died in watched.iter_rows()}
    parts: list[tuple[Curves, float]] = []
    for done, week in enumerate(weeks or (None,)):
        here = None if progress is None else part_of_progress(progress, done, max(len(weeks), 1))
        alive = list(ends) if week is None else followed_at(watched, 7 * week)
        own = until_death(study, watched) if week is None else known_by_day(study, 7 * week, alive)
        found = curves(own, prior, seed=seed, particles=particles, progress=here)
        parts.append((found, 0.0 if week is None else 7.0 * week))
    ids = [one for found, _ in parts for one in found.patient_ids]
    if not ids:
        raise StudyError([_nobody_followed(study.name)])
    number = {one: place for place, one in enumerate(dict.fromkeys(ids))}
    observed = Observed(
        design=np.concatenate(
            [design_of(terms, LONGEST_TIME_TO_GROWTH_WEEKS, found.curve) for found, _ in parts]
        ),
        day=np.array([float(ends[one][0]) for one in ids]),
        dead=np.array([ends[one][1] for one in ids], dtype=np.bool_),
        entry_day=np.concatenate([np.full(len(found.patient_ids), entry) for found, entry in parts]),
        patient=np.array([number[one] for one in ids]),
    )
    return observed, tuple(sorted({name for found, _ in parts for name in found.prior}))


def until_death(study: Study, watched: pl.DataFrame) -> Study:
    """The study without what is dated after a death."""
    ends = watched.select("patient_id", "follow_up_day")
    kept = {
        name: getattr(study, name)
        .join(ends, on="patient_id", how="left", maintain_order="left")
        .filter(pl.col("day") <= pl.col("follow_up_day"))
        .drop("follow_up_day")
        for name in ("lesions", "markers", "doses", "events")
    }
    return replace(study, **kept)


def _disease(study: Study) -> str:
    named = study.patients["tumour_type"].drop_nulls().unique().sort().to_list()
    return clinical_words(", ".join(named)) if named else "not stated"


def _warnings(deaths: int) -> tuple[str, ...]:
    if deaths >= _FEW_DEATHS_A_TERM * (len(FITTED_TERMS) + 1):
        return ()
    return (f"Fitted to {deaths} deaths only: its standard errors are wide, and rough themselves.",)


def _nobody_died(name: str) -> Problem:
    return Problem(
        file=name,
        row=None,
        column=None,
        value=None,
        rule="no death is recorded, and a link is fitted to deaths",
        mend="Give death_day in patients, and last_alive_day of those who live; or use a published link.",
    )


def _nobody_followed(name: str) -> Problem:
    return Problem(
        file=name,
        row=None,
        column=None,
        value=None,
        rule="nobody with a sum of diameters is known to be alive at any landmark",
        mend="Give last_alive_day in patients, or earlier landmarks.",
    )
