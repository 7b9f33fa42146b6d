"""Clinicians' judgements of the disease in FHIR, as responses that were reported.

mCODE's cancer disease status is a judgement from all evidence, not a response by RECIST. The comparison with derived
responses is for reading: its words stand for the response nearest to them (improved for PR, stable for SD, worsened for
PD, complete remission for CR, not evaluated for NE); any other words stay as they are.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from turnpoint.formats.fhir.days import full_date
from turnpoint.formats.fhir.gathering import Gathered
from turnpoint.formats.fhir.resources import fhir_files, resources
from turnpoint.formats.reported import REPORTED_SCHEMA
from turnpoint.study.findings import Findings


def reported_in_fhir(path: Path, starts: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """What the disease status Observations of FHIR files report.

    Args:
        path: as for `fhir.convert`.
        starts: `patient_id, start_date` of the study it belongs to.
        findings: where problems go.

    Returns:
        `REPORTED_SCHEMA`, one row a judgement; `day` is null where the patient has no start or it has no full date.
    """
    gathered = Gathered()
    for resource in resources(fhir_files(path), gathered.ledger, findings):
        gathered.take(resource)
    rows = [
        (
            gathered.people.resolve(draft.place.subject, draft.place, gathered.ledger),
            full_date(draft.moment),
            draft.response,
        )
        for draft in gathered.statuses
        if draft.place.subject is not None
    ]
    schema = {"patient_id": pl.String, "date": pl.Date, "reported": pl.String}
    told = pl.DataFrame(rows, schema=schema, orient="row")
    return (
        told.join(starts, on="patient_id", how="left", maintain_order="left")
        .with_columns(
            pl.lit(None, dtype=pl.String).alias("reader"),
            (pl.col("date") - pl.col("start_date")).dt.total_days().alias("day"),
            pl.lit(None, dtype=pl.String).alias("visit"),
            pl.lit("overall_response").alias("item"),
        )
        .select(REPORTED_SCHEMA.names())
        .cast(REPORTED_SCHEMA)
    )
