"""Judge the response at every visit, and the best response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from turnpoint.criteria import recist_1_1
from turnpoint.criteria.best_response import best_responses
from turnpoint.errors import UsageError
from turnpoint.study.study import Study


@dataclass(frozen=True, slots=True)
class Responses:
    """Responses by one set of criteria.

    Attributes:
        responses: one row a patient, reader and visit (design section 4).
        best_responses: one row a patient and reader.
    """

    responses: pl.DataFrame
    best_responses: pl.DataFrame


def _recist_1_1(study: Study) -> Responses:
    visits = recist_1_1.responses(study.lesions)
    return Responses(visits, best_responses(visits, new_therapy(study)))


CRITERIA: Mapping[str, Callable[[Study], Responses]] = {"recist-1.1": _recist_1_1}


def respond(study: Study, criteria: str = "recist-1.1") -> Responses:
    """Judge every visit of a study.

    Args:
        study: with lesions; without any, both tables are empty.
        criteria: one of `CRITERIA`.

    Raises:
        UsageError: unknown criteria.
    """
    if criteria not in CRITERIA:
        raise UsageError(f"--criteria {criteria}: unknown. Choose one of: {', '.join(CRITERIA)}.")
    return CRITERIA[criteria](study)


def new_therapy(study: Study) -> pl.DataFrame:
    """`patient_id, new_therapy_day`: the first dose of a later line than the course's first."""
    line = pl.col("line")
    return (
        study.doses.filter(line.is_not_null())
        .filter(line > line.min().over("patient_id"))
        .group_by("patient_id")
        .agg(pl.col("day").min().alias("new_therapy_day"))
    )
