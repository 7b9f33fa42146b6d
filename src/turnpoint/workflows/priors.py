"""Which prior a study is read with."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from turnpoint.errors import Problem, StudyError
from turnpoint.model.prior import Prior, choose_prior, named_prior
from turnpoint.model.series import quantities_of, readings_of
from turnpoint.study.study import Study


def usable_readings(study: Study) -> pl.DataFrame:
    """Every reading the model can use (`model.series.readings_of`).

    Raises:
        StudyError: there is none.
    """
    readings = readings_of(study)
    if readings.is_empty():
        raise StudyError(
            [
                Problem(
                    file=study.name,
                    row=None,
                    column=None,
                    value=None,
                    rule="no sum of diameters can be computed and there is no marker value",
                    mend="Add target lesions with diameters, or markers with values.",
                )
            ]
        )
    return readings


def prior_for(study: Study, readings: pl.DataFrame, prior: str | Path | Prior | None) -> Prior:
    """The user's prior, or the shipped one that fits the study's quantities, tumour types and drugs.

    Raises:
        PriorError: the user's prior cannot be read or knows none of the study's quantities.
    """
    named = prior if isinstance(prior, Prior) or prior is None else named_prior(prior)
    return choose_prior(quantities_of(readings), _words(study), named)


def _words(study: Study) -> str:
    """Tumour types, arms and drugs of the study, lower case, for matching a prior's keywords."""
    columns = [study.patients["tumour_type"], study.patients["arm"], study.doses["drug"]]
    return " ".join(
        str(word).lower() for column in columns for word in column.drop_nulls().unique().sort().to_list()
    )
