"""STUDYID of each patient: a pool of trials keeps them, from SDTM through the study folder and back."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.study.study import Study

# Beside the columns of `patients`, where data sets have STUDYID.
STUDY_ID: Final = "study_id"


def study_ids(study: Study, given: str | None) -> pl.DataFrame:
    """The STUDYID of each patient.

    Args:
        study: whose patients may have `study_id`.
        given: the same for all, where it is said; else their own, or else the study's name.

    Returns:
        `patient_id, STUDYID`, one row a patient.
    """
    patients = study.patients
    own = pl.col(STUDY_ID).cast(pl.String) if STUDY_ID in patients.columns else pl.lit(None, dtype=pl.String)
    told = pl.when(own != "").then(own) if given is None else pl.lit(given)
    return patients.select("patient_id", pl.coalesce(told, pl.lit(study.name)).alias("STUDYID"))
