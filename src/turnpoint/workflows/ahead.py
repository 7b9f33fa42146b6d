"""When each quantity's criterion will call progression if the regimen stays as it is, from data up to a visit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.criteria.called_progression import RECIST
from turnpoint.engine.progress import Progress, part_of_progress
from turnpoint.model.filter import DEFAULT_PARTICLES, Posterior, posteriors
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of, readings_of, visits_of
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import CHANCES, DAYS, Context, bars_of, quantity_rows
from turnpoint.turning.judged_visits import JudgedCourse
from turnpoint.turning.progression_ahead import FARTHEST_WEEKS
from turnpoint.workflows.priors import Stretch, by_prior, by_prior_so_far, usable_readings
from turnpoint.workflows.respond import called

PROGRESSION_AHEAD_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "quantity": pl.String,
    **dict.fromkeys(CHANCES, pl.Float64),
    **dict.fromkeys(DAYS, pl.Float64),
    "called_day": pl.Int64,
    "called_by": pl.String,
}


def ahead(
    study: Study,
    prior: str | Path | Prior | None = None,
    *,
    every_visit: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> pl.DataFrame:
    """Forecast when each quantity's own criterion is first met, from each patient's last visit.

    Visits go on as the patient's last ones did (at the prior's usual gap where there are none), the drug stays on or
    off as it is, and each draw carries its own smallest value on (`turning.progression_ahead`).

    Args:
        study: with lesions, markers or both.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best, by what is
            known on the visit.
        every_visit: from each visit on which the quantity was read instead, from data up to it.
        seed: the same seed gives the same numbers.
        progress: called with patients done and patients in all.
        particles: size of the particle bank.

    Returns:
        `patient_id, day, quantity, p_progression_6w, p_progression_12w, p_progression_24w, progression_day_q05,
        progression_day_q50, progression_day_q95, called_day, called_by`, one row a patient and quantity that has been
        read. A day is null when it is later than two years from `day`; a chance is null where no visit is due by then.
        All are null where the sum's bar has been reached, and where progression has been called: by a marker's own
        criterion for that marker, by RECIST 1.1 for all of them. `called_day` and `called_by` say when and by what
        (`criteria.called_progression.KINDS`), from what was known on `day`.

    Raises:
        StudyError: nothing in the study can be used.
        PriorError: the prior cannot be read or knows none of the study's quantities.
    """
    usable_readings(study)
    stretches = by_prior_so_far(study, prior) if every_visit else _at_the_end(study, prior)
    rows, done = [], 0
    total = sum(len(own.study.patient_ids) for own in stretches)
    for own in stretches:
        context = Context(bars_of(readings_of(own.study), own.study.markers), own.prior, seed)
        here = None if progress is None else part_of_progress(progress, done, total)
        rows += [
            row.join(own.visits, on=["patient_id", "day"], how="semi")
            for posterior in posteriors(
                parts_of(own.study), own.study, own.prior, seed=seed, progress=here, particles=particles
            )
            for row in _rows(posterior, context, every_visit=every_visit)
        ]
        done += len(own.study.patient_ids)
    return _table(rows, called(study))


def ahead_of(course: JudgedCourse, progressions: pl.DataFrame) -> pl.DataFrame:
    """The rows of one patient whose course has been judged.

    Args:
        course: the patient's.
        progressions: that have been called (`workflows.respond.called`).
    """
    return _table(list(_rows(course.posterior, course.context, every_visit=False)), progressions)


def _table(rows: list[pl.DataFrame], progressions: pl.DataFrame) -> pl.DataFrame:
    found = pl.concat(rows) if rows else pl.DataFrame(schema=PROGRESSION_AHEAD_SCHEMA)
    return (
        _with_called(found.drop("called_day", "called_by", strict=False), progressions)
        .sort("patient_id", "day", "quantity")
        .select(pl.col(name).cast(dtype) for name, dtype in PROGRESSION_AHEAD_SCHEMA.items())
    )


def _at_the_end(study: Study, prior: str | Path | Prior | None) -> list[Stretch]:
    """Each patient with the prior of the last visit."""
    return [Stretch(chosen, part, visits_of(part)) for chosen, part in by_prior(study, prior)]


def _with_called(found: pl.DataFrame, progressions: pl.DataFrame) -> pl.DataFrame:
    """What has been called is said, and not forecast."""
    own = ["patient_id", "day", "quantity"]
    known = (
        found.select(own)
        .join(progressions.rename({"day": "called_day"}), on="patient_id")
        .filter(pl.col("known_day") <= pl.col("day"))
        .filter((pl.col("criterion") == RECIST) | (pl.col("lesion_id") == pl.col("quantity")))
        .sort("called_day", maintain_order=True)
        .group_by(own, maintain_order=True)
        .agg(pl.col("called_day").first(), pl.col("kind").first().alias("called_by"))
    )
    forecast = pl.col("called_day").is_null()
    return found.join(known, on=own, how="left", maintain_order="left").with_columns(
        pl.when(forecast).then(name).alias(name) for name in (*CHANCES, *DAYS)
    )


def _rows(posterior: Posterior, context: Context, *, every_visit: bool) -> Iterator[pl.DataFrame]:
    """The table's rows for one batch of patients."""
    here = context.of(posterior.batch)
    for quantity, own in posterior.quantities.items():
        if every_visit:
            rows = np.flatnonzero(own.last_day == posterior.day)
        else:
            last = np.flatnonzero(np.diff(posterior.patient, append=-1) != 0)
            rows = last[own.readings[last] > 0]
        if rows.size:
            yield quantity_rows(posterior.at(rows), here, quantity, FARTHEST_WEEKS).drop("met")
