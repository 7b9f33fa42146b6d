"""Which prior a study is read with."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from turnpoint.errors import Problem, StudyError
from turnpoint.model.prior import Prior, choose_prior, named_prior, shipped_priors
from turnpoint.model.series import quantities_of, readings_of
from turnpoint.study.study import Study

PRIORS_SCHEMA: dict[str, type[pl.DataType]] = {
    "name": pl.String,
    "quantities": pl.String,
    "chosen_by": pl.String,
    "patients": pl.Int64,
    "readings": pl.Int64,
    "data": pl.String,
    "source": pl.String,
    "licence": pl.String,
    "created": pl.String,
    "alert_threshold": pl.Float64,
    "false_alerts_per_100": pl.Float64,
    "warnings": pl.String,
}


def priors() -> pl.DataFrame:
    """The priors that come along, one a row, with their cards; columns `PRIORS_SCHEMA`.

    `chosen_by` are the words of a study's tumour type, arm and drugs that choose the prior; the generic one is taken
    when no word fits.
    """
    rows = [
        {
            "name": prior.name,
            "quantities": ", ".join(prior.quantities),
            "chosen_by": ", ".join(prior.keywords),
            "patients": prior.card.patients,
            "readings": prior.card.readings,
            "data": prior.card.data,
            "source": prior.card.source,
            "licence": prior.card.licence,
            "created": prior.card.created,
            "alert_threshold": prior.alert.threshold,
            "false_alerts_per_100": prior.alert.false_alerts_per_100,
            "warnings": " ".join(prior.card.warnings),
        }
        for _, prior in sorted(shipped_priors().items())
    ]
    return pl.DataFrame(rows, schema=PRIORS_SCHEMA)


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
