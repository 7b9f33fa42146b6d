"""What a link says about survival at each landmark. For trials and research: never on a patient's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from turnpoint.engine.progress import Progress, part_of_progress
from turnpoint.errors import Problem, StudyError, UsageError
from turnpoint.lifetimes.follow_up import follow_up, patient_values, values_of
from turnpoint.lifetimes.link import Link, load_link
from turnpoint.lifetimes.prediction import SurvivalAhead, survival_ahead
from turnpoint.lifetimes.published import PUBLISHED
from turnpoint.model.filter import DEFAULT_PARTICLES
from turnpoint.model.prior import Prior
from turnpoint.study.schema import FARTHEST_DAY
from turnpoint.study.study import Study
from turnpoint.workflows.landmark_curves import Curves, curves, followed_at, known_by_day
from turnpoint.workflows.priors import usable_readings

LANDMARK_WEEKS: Final = (8, 16, 24)
# Half a year and a year.
HORIZON_DAYS: Final[Mapping[str, float]] = {"6m": 365.25 / 2, "12m": 365.25}
SURVIVAL_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "landmark_week": pl.Int64,
    "last_visit_day": pl.Int64,
    **{
        f"survival_{horizon}{level}": pl.Float64 for horizon in HORIZON_DAYS for level in ("", "_q05", "_q95")
    },
    "median_days": pl.Float64,
    "median_days_q05": pl.Float64,
    "median_days_q95": pl.Float64,
    "link": pl.String,
    "prior": pl.String,
}


@dataclass(frozen=True, slots=True)
class Survival:
    """Predictions, and what they were made with.

    Attributes:
        frame: columns `SURVIVAL_SCHEMA`, one row a patient and landmark.
        link: the link.
        at_reference: its terms that the study does not know of everybody; there the link's reference value is taken.
        not_followed: patients not known to be alive, by landmark week.
        without_size: patients alive whose sum of diameters had not been read by then, by landmark week.
    """

    frame: pl.DataFrame
    link: Link
    at_reference: tuple[str, ...]
    not_followed: Mapping[int, int]
    without_size: Mapping[int, int]


def survival(
    study: Study,
    link: str | Path | Link = "claret",
    *,
    landmark_weeks: Sequence[int] = LANDMARK_WEEKS,
    prior: str | Path | Prior | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> Survival:
    """Survival 6 and 12 months after each landmark, given that the patient is alive there, and the median.

    From what was known by the landmark: the posterior of the curve of tumour size, its growth, time to growth and
    baseline, by the prior that it was read with; and what the link's own estimates leave open, where they say so. A
    link speaks of the disease, the drugs and the years it was estimated in; carried to others its level may be far
    off, its order of patients less so (docs/survival.md).

    Args:
        study: with sums of diameters. What a link wants beside them (`lifetimes.link.PATIENT_TERMS`) are columns of
            `patients`, and taken at the link's reference value where not known.
        link: a published one (`claret`, `struemper`), a file of `turnpoint fit --survival`, or a link.
        landmark_weeks: whole weeks from the start of treatment.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        seed: the same seed gives the same numbers.
        progress: called with work done and work in all.
        particles: size of the particle bank.

    Raises:
        UsageError: there is no such link, or a landmark is no week of a course.
        SurvivalLinkError: the link's file is damaged.
        StudyError: nothing can be used, or nobody is known to be alive at any landmark.
    """
    chosen = link if isinstance(link, Link) else named_link(link)
    weeks = checked_landmarks(landmark_weeks)
    usable_readings(study)
    known, lacking, problems = patient_values(study.patients, chosen.patient_terms)
    if problems:
        raise StudyError(problems)
    watched = follow_up(study)
    rows, not_followed, without_size = [], {}, {}
    for done, week in enumerate(weeks):
        alive = followed_at(watched, 7 * week)
        here = None if progress is None else part_of_progress(progress, done, len(weeks))
        found = curves(
            known_by_day(study, 7 * week, alive), prior, seed=seed, particles=particles, progress=here
        )
        not_followed[week] = watched.height - len(alive)
        without_size[week] = len(alive) - len(found.patient_ids)
        if found.patient_ids:
            design = chosen.design(found.curve, values_of(known, found.patient_ids))
            days = np.full(len(design), 7.0 * week)
            ahead = survival_ahead(chosen, design, days, np.array(list(HORIZON_DAYS.values())), seed)
            rows.append(_table(found, ahead, week, chosen.name))
    if not rows:
        raise StudyError([_nobody(study.name, weeks)])
    frame = pl.concat(rows).sort("patient_id", "landmark_week")
    return Survival(frame, chosen, lacking, not_followed, without_size)


def named_link(name_or_path: str | Path) -> Link:
    """A published link by its name, or one from a file.

    Raises:
        UsageError: there is neither.
        SurvivalLinkError: the file is damaged.
    """
    if str(name_or_path) in PUBLISHED:
        return PUBLISHED[str(name_or_path)]
    if not Path(name_or_path).is_file():
        raise UsageError(
            f"--link: there is no link {Path(name_or_path).name!r}. Name {' or '.join(PUBLISHED)}, or the JSON file "
            "that `turnpoint fit --survival` wrote."
        )
    return load_link(name_or_path)


def checked_landmarks(landmark_weeks: Sequence[int]) -> tuple[int, ...]:
    """The landmarks, each once, in order.

    Raises:
        UsageError: there is none, or one is no week of a course.
    """
    weeks = tuple(sorted(set(landmark_weeks)))
    wrong = [week for week in weeks if not 1 <= week <= FARTHEST_DAY // 7]
    if wrong or not weeks:
        said = ", ".join(map(str, wrong)) or "none"
        raise UsageError(
            f"--landmark-weeks: {said}: a landmark is a whole number of weeks from 1 to {FARTHEST_DAY // 7}. Write for "
            "example --landmark-weeks 8,16,24."
        )
    return weeks


def _table(found: Curves, ahead: SurvivalAhead, week: int, link: str) -> pl.DataFrame:
    chances = {
        f"survival_{name}{level}": values
        for index, name in enumerate(HORIZON_DAYS)
        for level, values in (
            ("", ahead.survival[:, index]),
            ("_q05", ahead.survival_interval[:, index, 0]),
            ("_q95", ahead.survival_interval[:, index, 1]),
        )
    }
    medians = {
        "median_days": ahead.median_days,
        "median_days_q05": ahead.median_interval[:, 0],
        "median_days_q95": ahead.median_interval[:, 1],
    }
    frame = pl.DataFrame(
        {
            "patient_id": found.patient_ids,
            "landmark_week": [week] * len(found.patient_ids),
            "last_visit_day": found.visit_day,
            **chances,
            **medians,
            "link": [link] * len(found.patient_ids),
            "prior": found.prior,
        }
    )
    beyond = [pl.when(pl.col(name).is_between(0.0, 3650.0)).then(name).alias(name) for name in medians]
    return frame.with_columns(beyond).select(
        pl.col(name).cast(dtype) for name, dtype in SURVIVAL_SCHEMA.items()
    )


def _nobody(name: str, weeks: Sequence[int]) -> Problem:
    said = ", ".join(map(str, weeks))
    return Problem(
        file=name,
        row=None,
        column=None,
        value=None,
        rule=f"nobody with a sum of diameters is known to be alive at week {said}",
        mend="Give last_alive_day in patients, or an earlier landmark, for example --landmark-weeks 4.",
    )
