"""Which prior a study is read with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from turnpoint.errors import Problem, StudyError
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior, choose_prior, named_prior, shipped_priors
from turnpoint.model.series import parts_of, quantities_of, readings_of
from turnpoint.study.study import Study

Progress = Callable[[int, int], None]

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


def by_prior(study: Study, prior: str | Path | Prior | None = None) -> list[tuple[Prior, Study]]:
    """The patients of a study by the prior that each is read with, in patient order within each part.

    A patient's prior is the user's, or the shipped one that fits their own tumour type, drugs and quantities best; it
    does not depend on anybody else.

    Raises:
        PriorError: the user's prior cannot be read or knows none of a patient's quantities.
    """
    named = prior if isinstance(prior, Prior) or prior is None else named_prior(prior)
    words, quantities = _words(study), _quantities(study)
    chosen: dict[tuple[tuple[str, ...], str], Prior] = {}
    parts: dict[int, tuple[Prior, list[str]]] = {}
    for patient_id, own in quantities.items():
        key = own, words[patient_id] if named is None else ""
        if key not in chosen:
            chosen[key] = choose_prior(own, key[1], named)
        found = next((each for each in chosen.values() if _is_same(each, chosen[key])), chosen[key])
        chosen[key] = found
        parts.setdefault(id(found), (found, []))[1].append(patient_id)
    if len(parts) == 1 and set(quantities) == set(study.patient_ids):
        ((only, _),) = parts.values()
        return [(only, study)]
    return [(own, study.only(patient_ids)) for own, patient_ids in parts.values()]


def part_of_progress(progress: Progress, done: int, total: int) -> Progress:
    """Progress over the patients of one part as progress over all of them."""

    def report(patients: int, _: int) -> None:
        progress(done + patients, total)

    return report


def _is_same(one: Prior, other: Prior) -> bool:
    """Put together from the same priors for the same quantities."""
    return one is other or (one.name == other.name and one.quantities == other.quantities)


def prior_of(study: Study, patient_id: str, prior: str | Path | Prior | None = None) -> Prior:
    """The prior of one patient (`by_prior`).

    Raises:
        StudyError: nothing of the patient can be used.
        PriorError: the user's prior cannot be read or knows none of the patient's quantities.
    """
    own = study.only([patient_id])
    usable_readings(own)
    ((found, _),) = by_prior(own, prior)
    return found


def _quantities(study: Study) -> dict[str, tuple[str, ...]]:
    """The quantities of each patient, the sum of diameters first, then markers by name; in patient order.

    Of a patient without a usable reading those that could have been read.
    """
    own = ["patient_id", "quantity"]
    usable = parts_of(study).select(own).unique()
    tried = pl.concat(
        [
            study.lesions.select("patient_id", pl.lit(SUM_OF_DIAMETERS).alias("quantity")),
            study.markers.select("patient_id", pl.col("marker").cast(pl.String).alias("quantity")),
        ]
    ).unique()
    rows = (
        pl.concat([usable, tried.join(usable, on="patient_id", how="anti")])
        .sort("patient_id", pl.col("quantity") != SUM_OF_DIAMETERS, "quantity")
        .group_by("patient_id", maintain_order=True)
        .agg("quantity")
        .rows()
    )
    return {str(patient_id): tuple(found) for patient_id, found in rows}


def _words(study: Study) -> dict[str, str]:
    """Tumour type, arm and drugs of each patient, lower case, for matching a prior's keywords."""
    frames = [
        study.patients.select("patient_id", pl.col("tumour_type").alias("word")),
        study.patients.select("patient_id", pl.col("arm").alias("word")),
        study.doses.select("patient_id", pl.col("drug").alias("word")),
    ]
    found = (
        pl.concat([frame.cast(pl.String) for frame in frames])
        .drop_nulls()
        .with_columns(pl.col("word").str.to_lowercase())
        .unique()
        .sort("patient_id", "word")
        .group_by("patient_id", maintain_order=True)
        .agg(pl.col("word").str.join(" "))
        .rows()
    )
    return dict.fromkeys(study.patient_ids, "") | dict(found)


def prior_for(study: Study, prior: str | Path | Prior | None) -> Prior:
    """One prior for a whole study, where a prior itself is looked at: the user's, or the one that fits best.

    Raises:
        PriorError: the user's prior cannot be read or knows none of the study's quantities.
    """
    named = prior if isinstance(prior, Prior) or prior is None else named_prior(prior)
    words = " ".join(word for word in _words(study).values() if word)
    return choose_prior(quantities_of(readings_of(study)), words, named)
