"""ADSL: the patients, as far as a study knows them."""

from __future__ import annotations

import polars as pl

from turnpoint.formats.adam.variables import labelled
from turnpoint.formats.datasets import LabelledDataset, study_ids
from turnpoint.formats.sdtm import relative_day
from turnpoint.study.study import Study


def subject_level(study: Study, study_id: str | None) -> LabelledDataset:
    """ADSL, one row a patient: only what a study knows.

    Args:
        study: the study.
        study_id: its STUDYID; None for each patient's own (`datasets.study_ids`).
    """
    death, alive, start = pl.col("death_day"), pl.col("last_alive_day"), pl.col("start_date")
    identified = study.patients.join(
        study_ids(study, study_id), on="patient_id", how="left", maintain_order="left"
    )
    frame = identified.select(
        "STUDYID",
        pl.col("patient_id").alias("USUBJID"),
        pl.col("arm").alias("ARM"),
        pl.col("sex")
        .replace_strict(
            {"female": "F", "male": "M", "unknown": "U", "other": "UNDIFFERENTIATED"},
            default=None,
            return_dtype=pl.String,
        )
        .alias("SEX"),
        pl.col("birth_year").alias("BRTHYR"),
        start.alias("TRTSDT"),
        (start + pl.duration(days=death)).alias("DTHDT"),
        relative_day(death).alias("DTHDY"),
        (start + pl.duration(days=alive)).alias("LSTALVDT"),
        relative_day(alive).alias("LSTALVDY"),
    )
    return labelled("ADSL", "Subject-Level Analysis Dataset", frame, ("USUBJID",))
