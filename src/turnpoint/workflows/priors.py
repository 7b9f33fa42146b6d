"""Which prior a study is read with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from turnpoint.errors import Problem, StudyError
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import (
    Prior,
    choose_prior,
    diseases_of,
    fitting_prior,
    named_prior,
    require_known,
    shipped_priors,
)
from turnpoint.model.series import parts_of, quantities_of, readings_of, visits_of
from turnpoint.study.clinical_words import clinical_words
from turnpoint.study.diseases import Disease, diseases
from turnpoint.study.study import Study

_Known = Sequence[tuple[str, str]]  # kind and text of what is known of a patient (`_facts`)
_BEFORE_ALL = -(2**31)  # a day

PRIORS_SCHEMA: dict[str, type[pl.DataType]] = {
    "name": pl.String,
    "diseases": pl.String,
    "quantities": pl.String,
    "simulated": pl.Boolean,
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
    """The priors that come along, one a row and by disease, with their cards; columns `PRIORS_SCHEMA`.

    `diseases` are names of `study.diseases`, none for the generic prior. `simulated` says that a prior is from a
    published model, and its patients are virtual ones. `chosen_by` are the words of a study's tumour type, arm and
    drugs that choose the prior, where its disease is not another one's; a prior without them is taken only when it is
    named, and the generic one when no other fits.
    """
    rows = [
        {
            "name": prior.name,
            "diseases": ", ".join(sorted(diseases_of(prior))),
            "quantities": ", ".join(prior.quantities),
            "simulated": prior.card.simulated,
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
        for prior in shipped_priors().values()
    ]
    return pl.DataFrame(rows, schema=PRIORS_SCHEMA).sort(
        pl.col("diseases") == "", "diseases", "simulated", "name"
    )


def unmeasured_diseases() -> list[Disease]:
    """The diseases that no shipped prior is of."""
    known = frozenset[str]().union(*(diseases_of(prior) for prior in shipped_priors().values()))
    return [own for name, own in diseases().items() if name not in known]


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Visits that are read with one prior.

    Attributes:
        prior: of the visits.
        study: the patients', up to the last of their visits here.
        visits: `patient_id, day` of the visits that have this prior, sorted.
    """

    prior: Prior
    study: Study
    visits: pl.DataFrame


def by_prior_so_far(study: Study, prior: str | Path | Prior | None = None) -> list[Stretch]:
    """Every visit once, by the prior that it is read with, and the target lesions that there were.

    It is the user's prior, or the shipped one that fits best: by the patient's tumour type and arm, and by the drugs
    given and the quantities read up to that visit. It depends neither on what comes later nor on anybody else.

    Raises:
        PriorError: the user's prior cannot be read or knows none of a patient's quantities.
    """
    priors, visits = _chosen(study, prior)
    parts = visits.partition_by("prior", "wave", maintain_order=True)
    return [
        Stretch(priors[here["prior"][0]], _up_to_the_last(study, here), here.select("patient_id", "day"))
        for here in parts
    ]


def by_prior(study: Study, prior: str | Path | Prior | None = None) -> list[tuple[Prior, Study]]:
    """The patients of a study by the prior of their last visit, in patient order within each part.

    Raises:
        PriorError: the user's prior cannot be read or knows none of a patient's quantities.
    """
    priors, visits = _chosen(study, prior)
    last = visits.unique("patient_id", keep="last", maintain_order=True)
    parts = last.partition_by("prior", maintain_order=True)
    if len(parts) == 1 and last.height == len(study.patient_ids):
        return [(priors[last["prior"][0]], study)]
    return [(priors[own["prior"][0]], study.only(own["patient_id"].to_list())) for own in parts]


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


def _chosen(study: Study, prior: str | Path | Prior | None) -> tuple[list[Prior], pl.DataFrame]:
    """Priors, and `patient_id, day, prior, wave` of every visit, sorted: the number of the visit's prior among them.

    A wave begins whenever a target lesion is first read: with it the sums of before it are no sums any more.
    """
    named = prior if isinstance(prior, Prior) or prior is None else named_prior(prior)
    visits = visits_of(study).group_by("patient_id", maintain_order=True).agg("day")
    facts = _facts(study).group_by("patient_id", maintain_order=True).agg("first", "kind", "text")
    priors: dict[tuple[str, tuple[str, ...]], Prior] = {}
    chosen: dict[_Known, tuple[str, tuple[str, ...]]] = {}
    keys: list[tuple[str, tuple[str, ...]]] = []
    waves: list[int] = []
    for _, days, first, kind, text in visits.join(facts, on="patient_id", maintain_order="left").iter_rows():
        known = list(zip(first, kind, text, strict=True))
        targets = sorted({own[0] for own in known if own[1] == "target"})
        for day in days:
            waves.append(max(sum(own <= day for own in targets) - 1, 0))
            so_far = tuple(own[1:] for own in known if own[0] <= day and own[1] != "target")
            if so_far not in chosen:
                fitting = fitting_prior(_quantities(so_far), _words(so_far) if named is None else "", named)
                chosen[so_far] = fitting.name, fitting.quantities
                priors.setdefault(chosen[so_far], fitting)
            keys.append(chosen[so_far])
        if named is not None:
            require_known(_quantities(so_far), named)
    numbers = {key: number for number, key in enumerate(priors)}
    rows = visits.explode("day").with_columns(
        pl.Series("prior", [numbers[key] for key in keys], pl.Int64), pl.Series("wave", waves, pl.Int64)
    )
    return list(priors.values()), rows


def _facts(study: Study) -> pl.DataFrame:
    """What chooses a patient's prior: `patient_id, first, kind, text`, known from the day `first` on.

    A `quantity` that has been read, or one that was `tried` only; a `word` of the tumour type, arm or drugs; and a
    `target` lesion, which chooses no prior but changes what the sum is of.
    """
    always = pl.lit(_BEFORE_ALL).alias("day")
    facts = [
        ("quantity", parts_of(study).select("patient_id", "day", text="quantity")),
        ("tried", study.lesions.select("patient_id", "day", text=pl.lit(SUM_OF_DIAMETERS))),
        ("tried", study.markers.select("patient_id", "day", text="marker")),
        ("target", study.lesions.filter(role="target").select("patient_id", "day", text="lesion_id")),
        ("word", study.patients.select("patient_id", always, text="tumour_type")),
        ("word", study.patients.select("patient_id", always, text="arm")),
        ("word", study.doses.select("patient_id", "day", text="drug")),
    ]
    columns = (pl.col("patient_id", "text").cast(pl.String), pl.col("day").cast(pl.Int64))
    return (
        pl.concat([rows.select(*columns, pl.lit(kind).alias("kind")) for kind, rows in facts])
        .drop_nulls("text")
        .group_by("patient_id", "kind", "text")
        .agg(pl.col("day").min().alias("first"))
        .sort("patient_id", "first", "kind", "text")
    )


def _quantities(known: _Known) -> tuple[str, ...]:
    """The sum of diameters first, then markers by name; without a usable reading those that could have been read."""
    read = [text for kind, text in known if kind == "quantity"]
    own = read or [text for kind, text in known if kind == "tried"]
    return tuple(sorted(own, key=lambda text: (text != SUM_OF_DIAMETERS, text)))


def _words(known: _Known) -> str:
    """Tumour type, arm and drugs, lower case, for matching a prior's keywords."""
    return " ".join(sorted({clinical_words(text) for kind, text in known if kind == "word"}))


def _up_to_the_last(study: Study, visits: pl.DataFrame) -> Study:
    """The study with these patients and what was recorded of them up to the last of these visits."""
    last = visits.group_by("patient_id").agg(pl.col("day").max().alias("last_day"))
    tables: dict[str, Any] = {
        name: _recorded_by(getattr(study, name), last) for name in ("lesions", "markers", "doses", "events")
    }
    return replace(study.only(last["patient_id"].to_list()), **tables)


def _recorded_by(table: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """The table up to each patient's last day; itself where that is all, for of one frame all is worked out once."""
    cut = (
        table.join(last, on="patient_id", how="inner", maintain_order="left")
        .filter(pl.col("day") <= pl.col("last_day"))
        .drop("last_day")
    )
    return table if cut.height == table.height else cut


def prior_for(study: Study, prior: str | Path | Prior | None) -> Prior:
    """One prior for a whole study, where a prior itself is looked at: the user's, or the one that fits best.

    Raises:
        PriorError: the user's prior cannot be read or knows none of the study's quantities.
    """
    named = prior if isinstance(prior, Prior) or prior is None else named_prior(prior)
    words = _words(_facts(study).select("kind", "text").rows())
    return choose_prior(quantities_of(readings_of(study)), words, named)
