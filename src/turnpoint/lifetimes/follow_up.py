"""How long each patient was followed, and what of a patient a link may want beside the curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from turnpoint.criteria.recist import deaths
from turnpoint.errors import Problem
from turnpoint.model.arrays import FloatArray
from turnpoint.study.study import Study

# Outside these a number is a slip of the pen or of the unit.
_RANGES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "asian": (0.0, 1.0),
        "ever_smoked": (0.0, 1.0),
        "albumin_g_per_l": (5.0, 80.0),
        "total_protein_g_per_l": (20.0, 150.0),
        "neutrophil_to_lymphocyte_ratio": (0.0, 300.0),
    }
)
_FLAGS: Final = {"true": "1", "yes": "1", "false": "0", "no": "0"}


def follow_up(study: Study) -> pl.DataFrame:
    """`patient_id, follow_up_day, died`: until death, or the last day known to be alive; one row a patient.

    Death is `patients.death_day` or the end of an event of grade 5. Who has not died is known to be alive on
    `patients.last_alive_day`, or on the last day with a row in any table where that is later or it is not given.
    """
    tables = (study.lesions, study.markers, study.doses, study.events)
    seen = pl.concat([table.select("patient_id", pl.col("day").alias("seen")) for table in tables])
    return (
        study.patients.select("patient_id", "last_alive_day")
        .join(seen.group_by("patient_id").agg(pl.col("seen").max()), on="patient_id", how="left")
        .join(deaths(study), on="patient_id", how="left")
        .select(
            "patient_id",
            pl.coalesce("death_day", pl.max_horizontal("last_alive_day", "seen"), 0)
            .cast(pl.Int64)
            .alias("follow_up_day"),
            pl.col("death_day").is_not_null().alias("died"),
        )
        .sort("patient_id")
    )


def patient_values(
    patients: pl.DataFrame, names: Sequence[str]
) -> tuple[pl.DataFrame, tuple[str, ...], list[Problem]]:
    """What `patients` says of some terms (`link.PATIENT_TERMS`).

    Args:
        patients: the study's table; each column may be there or not.
        names: of the terms.

    Returns:
        `patient_id` and the terms, null where not known; the terms that are not known of everybody; problems, all
        errors.
    """
    given = [name for name in names if name in patients.columns]
    text = patients.select(
        "patient_id",
        "source_row",
        *(
            pl.col(name)
            .cast(pl.String)
            .str.strip_chars()
            .str.to_lowercase()
            .replace(_FLAGS)
            .replace("", None)
            for name in given
        ),
    )
    numbers = text.with_columns(pl.col(name).cast(pl.Float64, strict=False) for name in given)
    problems = [
        Problem(
            "patients",
            row,
            name,
            value[:40],
            f"not a number from {_RANGES[name][0]:g} to {_RANGES[name][1]:g}",
            "Correct the value, or leave the cell empty.",
        )
        for name in given
        for row, value in text.filter(
            text[name].is_not_null() & ~numbers[name].is_between(*_RANGES[name]).fill_null(value=False)
        )
        .select("source_row", name)
        .rows()
    ]
    lacking = tuple(name for name in names if name not in given or numbers[name].null_count())
    missing = [pl.lit(None, pl.Float64).alias(name) for name in names if name not in given]
    return numbers.with_columns(*missing).select("patient_id", *names), lacking, problems


def values_of(known: pl.DataFrame, patient_ids: Sequence[str]) -> dict[str, FloatArray]:
    """The terms of some patients in order, nan where not known; shape (R,) each."""
    own = pl.DataFrame({"patient_id": list(patient_ids)}, schema={"patient_id": pl.String}).join(
        known, on="patient_id", how="left", maintain_order="left"
    )
    return {
        name: own[name].fill_null(float("nan")).to_numpy().astype(np.float64)
        for name in known.columns
        if name != "patient_id"
    }
