"""Real patients judged with priors that were fitted without them: what an alert's threshold is chosen on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from turnpoint.criteria.marker_progression import first_progression
from turnpoint.model.prior import Prior
from turnpoint.model.streams import Stream, generator
from turnpoint.study.study import Study
from turnpoint.workflows.assess import assess
from turnpoint.workflows.respond import respond

FOLDS = 5


def folds_of(study: Study, folds: int = FOLDS, seed: int = 0) -> list[tuple[Study, Study]]:
    """The study cut into training and left-out patients, by patient."""
    ids = np.array(sorted(study.patient_ids))
    fold = generator(seed, Stream.FOLDS).permutation(len(ids)) % folds
    return [(study.only(ids[fold != k].tolist()), study.only(ids[fold == k].tolist())) for k in range(folds)]


def left_out_visits(
    study: Study, fit: Callable[[Study], Prior], *, folds: int = FOLDS, seed: int = 0
) -> pl.DataFrame:
    """Every visit as `assess` judges it with the prior fitted to the other folds' patients.

    Args:
        study: of one kind of patients.
        fit: makes a prior of a study.
        folds: by patient.
        seed: of the folds and of `assess`.

    Returns:
        The columns of `Assessment.frame` and `Assessment.diagnostics`, `fold`, `progression_day` (by RECIST 1.1, or by
        the marker's own criterion where no lesion was ever measured; null where none was seen) and `last_day`.
    """
    judged = []
    for number, (train, test) in enumerate(folds_of(study, folds, seed)):
        found = assess(test, fit(train), seed=seed)
        judged.append(
            found.frame.join(found.diagnostics, on=["patient_id", "day"]).with_columns(fold=pl.lit(number))
        )
    return (
        pl.concat(judged)
        .join(progression_days(study), on="patient_id", how="left")
        .with_columns(last_day=pl.col("day").max().over("patient_id"))
        .sort("patient_id", "day")
    )


def progression_days(study: Study) -> pl.DataFrame:
    """`patient_id, progression_day` of those who progressed: by RECIST 1.1, without lesions by a marker."""
    by_recist = (
        respond(study)
        .best_responses.select("patient_id", "progression_day")
        .drop_nulls()
        .unique("patient_id")
    )
    measured = study.lesions["patient_id"].unique().to_list()
    by_marker = (
        first_progression(study.markers)
        .filter(~pl.col("patient_id").is_in(measured))
        .group_by("patient_id")
        .agg(pl.col("progression_day").min())
    )
    return pl.concat([by_recist, by_marker.select(by_recist.columns)], how="vertical_relaxed")
