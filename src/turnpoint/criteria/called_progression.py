"""Progression that has been called: by which criterion, on which day, and by what.

    RECIST 1.1   the first PD that counts (`recist.best_response`, rule 1): growth of the targets, unequivocal growth of
                 other lesions, a new lesion, or several of these
    PCWG3        PSA, confirmed by a second value (`pcwg3.psa`)
    GCIG         CA-125, confirmed by a second sample (`gcig.ca_125`)

Other markers have no criterion that calls progression: a rise of theirs is no progression, however large.

What has been called is a fact. It is said before anything else, and nothing forecasts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import polars as pl

from turnpoint.criteria.gcig import ca_125
from turnpoint.criteria.pcwg3 import psa
from turnpoint.criteria.recist import CERTAIN, first_progressions, responses, without_normal_new_nodes
from turnpoint.study.study import Study

RECIST: Final = "RECIST 1.1"
MARKER_CRITERIA: Final = {psa.MARKER: "PCWG3", ca_125.MARKER: "GCIG"}
Kind = Literal["new_lesion", "target", "non_target", "marker"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

CALLED_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "known_day": pl.Int64,
    "criterion": pl.String,
    "kind": pl.String,
    "lesion_id": pl.String,
    "site": pl.String,
    "value": pl.Float64,
    "smallest": pl.Float64,
    "unit": pl.String,
}


@dataclass(frozen=True, slots=True)
class CalledProgression:
    """One thing that called a patient's progression: a row of `called_progressions`.

    Attributes:
        day, known_day: when it was called, and when that was known.
        criterion: `RECIST 1.1`, `PCWG3` or `GCIG`.
        kind: `new_lesion`, `target`, `non_target` or `marker`.
        lesion_id: of a new or a non-target lesion, or the marker's name.
        site: of the lesion.
        value, smallest, unit: on that day, and what it is compared with.
    """

    day: int
    known_day: int
    criterion: str
    kind: Kind
    lesion_id: str | None
    site: str | None
    value: float | None
    smallest: float | None
    unit: str | None


def called_of(called: pl.DataFrame, patient_id: str) -> tuple[CalledProgression, ...]:
    """What called one patient's progression, the first first."""
    own = called.filter(pl.col("patient_id") == patient_id).drop("patient_id")
    return tuple(CalledProgression(**row) for row in own.iter_rows(named=True))


def called_progressions(study: Study, new_therapy: pl.DataFrame) -> pl.DataFrame:
    """What called each criterion's first progression.

    Args:
        study: its lesions, of one reader a patient, its markers and events are looked at.
        new_therapy: `patient_id, new_therapy_day`; nothing counts after it.

    Returns:
        `patient_id, day, known_day` (of the value that confirmed it, or on which a lesion became certain; else `day`),
        `criterion, kind` (one of `KINDS`), `lesion_id` (of a new or a non-target lesion; the marker's
        name for a marker), `site`, `value` on that day (sum of diameters, diameter, or the marker's), `smallest` (the
        value it is compared with) and `unit`, one row for each thing that called it, sorted by day and `KINDS`.
    """
    found = [_by_recist(study.lesions, new_therapy), *_by_markers(study, new_therapy)]
    rows = pl.concat(
        [frame.select(pl.col(name).cast(dtype) for name, dtype in CALLED_SCHEMA.items()) for frame in found]
    )
    order = pl.col("kind").replace_strict(
        {kind: place for place, kind in enumerate(KINDS)}, return_dtype=pl.Int64
    )
    return rows.sort("patient_id", "day", order, "lesion_id")


def _by_recist(lesions: pl.DataFrame, new_therapy: pl.DataFrame) -> pl.DataFrame:
    if lesions.is_empty():
        return pl.DataFrame(schema=CALLED_SCHEMA)
    visits = responses(lesions)
    first = first_progressions(visits, new_therapy)
    called = visits.join(first, on=["patient_id", "reader"], nulls_equal=True).filter(
        pl.col("day") == pl.col("progression_day")
    )
    of_targets = called.filter(pl.col("target_response") == "PD").select(
        "patient_id",
        "day",
        known_day="day",
        kind=pl.lit("target"),
        lesion_id=pl.lit(None, pl.String),
        site=pl.lit(None, pl.String),
        value="sum_of_diameters_mm",
        smallest="nadir_mm",
    )
    others = [
        _new_lesions(lesions, called.filter("new_lesion")),
        _non_targets(lesions, called.filter(pl.col("non_target_response") == "PD")),
    ]
    return pl.concat([of_targets, *others]).with_columns(criterion=pl.lit(RECIST), unit=pl.lit("mm"))


def _new_lesions(lesions: pl.DataFrame, called: pl.DataFrame) -> pl.DataFrame:
    """The new lesions that are beyond doubt and had been seen by the day, each as it was first seen."""
    certain = pl.col("status").is_in(CERTAIN)
    rows = without_normal_new_nodes(lesions).filter(
        (pl.col("role") == "new") & (certain | (pl.col("status") == "equivocal"))
    )
    seen = (
        rows.sort("day")
        .group_by("patient_id", "reader", "lesion_id", maintain_order=True)
        .agg(
            pl.col("day", "site", "diameter_mm").first(),
            pl.col("day").filter(certain).min().alias("certain_day"),
        )
        .drop_nulls("certain_day")
    )
    return _of_called(seen, called, pl.col("day_seen") <= pl.col("day"), "new_lesion")


def _non_targets(lesions: pl.DataFrame, called: pl.DataFrame) -> pl.DataFrame:
    """The other lesions that grew beyond doubt on the day; all that are there where they are back after a CR."""
    rows = lesions.filter((pl.col("role") == "non_target") & pl.col("status").is_in(CERTAIN))
    grown = pl.col("status") == "unequivocal_progression"
    own = ["patient_id", "reader", "day"]
    rows = rows.filter(grown | ~grown.any().over(own)).with_columns(certain_day="day")
    return _of_called(rows, called, pl.col("day_seen") == pl.col("day"), "non_target")


def _of_called(rows: pl.DataFrame, called: pl.DataFrame, counts: pl.Expr, kind: str) -> pl.DataFrame:
    """The rows of lesions that called a progression, dated on its day."""
    return (
        rows.rename({"day": "day_seen"})
        .join(called.select("patient_id", "reader", "day"), on=["patient_id", "reader"], nulls_equal=True)
        .filter(counts)
        .select(
            "patient_id",
            "day",
            known_day=pl.max_horizontal("day", "certain_day"),
            kind=pl.lit(kind),
            lesion_id=pl.col("lesion_id").cast(pl.String),
            site=pl.col("site").cast(pl.String),
            value="diameter_mm",
            smallest=pl.lit(None, pl.Float64),
        )
    )


def _by_markers(study: Study, new_therapy: pl.DataFrame) -> list[pl.DataFrame]:
    """Confirmed progressions by the criteria that markers have of their own."""
    found = []
    for criteria, column, nadir, unit, apart_days in (
        (psa, "psa_ng_per_ml", "nadir_ng_per_ml", "ng/mL", psa.CONFIRMATION_DAYS),
        (ca_125, "ca_125_u_per_ml", "nadir_u_per_ml", "U/mL", ca_125.PROGRESSION_APART_DAYS),
    ):
        if study.markers.filter(pl.col("marker") == criteria.MARKER).is_empty():
            continue
        judged = criteria.judge(study, new_therapy)
        days = judged.best_responses.drop_nulls("progression_day").select("patient_id", "progression_day")
        late_enough = pl.col("day") >= pl.col("progression_day") + apart_days
        found.append(
            judged.responses.join(days, on="patient_id")
            .with_columns(known_day=pl.col("day").filter(late_enough).min().over("patient_id"))
            .filter(pl.col("day") == pl.col("progression_day"))
            .select(
                "patient_id",
                "day",
                "known_day",
                criterion=pl.lit(MARKER_CRITERIA[criteria.MARKER]),
                kind=pl.lit("marker"),
                lesion_id=pl.lit(criteria.MARKER),
                site=pl.lit(None, pl.String),
                value=column,
                smallest=nadir,
                unit=pl.lit(unit),
            )
        )
    return found
