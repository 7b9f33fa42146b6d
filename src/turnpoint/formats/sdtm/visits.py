"""One day for each visit: assessments of SDTM carry a visit, and their dates may be several, partial or missing.

The rules:

1. An assessment without a full date takes the day of its visit: the first day on which its reader, or else any
   reader, assessed the patient at that visit.
2. Failing that, a partial date is read as the day within it that is nearest to the planned day (VISITDY), or else to
   the study's median day of that visit, or else to the middle of it. A warning says so.
3. A visit whose scans lie on several days within two weeks is one visit, on the first of them: progression is dated by
   the earliest scan that shows it, and a screening scan stays before the start. Scans further apart, or a lesion
   assessed on two days of the visit, leave each scan on its own day.
4. What is still without a day is left out, and counted: it was not done at all, and is no visit, or its date cannot be
   read. One such record is not the whole study.

Source of rule 3: FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018), appendix C.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.sdtm.tables import note
from turnpoint.study.findings import Findings

_LONGEST_VISIT_DAYS: Final = 14
_LONGEST_MONTH_DAYS: Final = 31
_READER: Final = ["USUBJID", "reader"]


def settle_days(assessments: pl.DataFrame, file: str, findings: Findings) -> pl.DataFrame:
    """Give each assessment the day of its visit.

    Args:
        assessments: `USUBJID, reader, visit, planned_day, lesion, day, day_from, day_to, done, record`.
        file: the file's name, for messages.
        findings: where problems go.

    Returns:
        The assessments with their days settled, in the same order, and `imputed`: `D`, `M` or `Y` where the day is not
        that of a full date or study day.
    """
    frame = assessments.with_row_index("place")
    # What is imputed is said as ADaM says it: the day (D), day and month (M), or the whole date (Y).
    part = pl.col("day_to") - pl.col("day_from")
    frame = frame.with_columns(
        pl.when(pl.col("day").is_null())
        .then(
            pl.when(part.is_null())
            .then(pl.lit("Y"))
            .when(part < _LONGEST_MONTH_DAYS)
            .then(pl.lit("D"))
            .otherwise(pl.lit("M"))
        )
        .alias("imputed")
    )
    frame = _from_the_visit(frame)
    frame = _within_partial_dates(frame, file, findings)
    frame = _one_day_a_visit(frame)
    undated = pl.col("day").is_null()
    lost = frame.filter(undated & ~pl.col("done"))
    note(
        findings,
        file,
        lost,
        "assessments without a date, which were not done",
        "They are left out; nothing to do, unless the visit took place: then give its date.",
        "DTC",
        left_out=True,
    )
    timeless = frame.filter(undated & pl.col("done"))
    note(
        findings,
        file,
        timeless,
        "assessments without a date, a study day or a visit that has one",
        "They are kept aside and not read; give --DTC in full, as yyyy-mm-dd, or --DY.",
        "DTC",
        left_out=True,
    )
    return frame.filter(~undated).sort("place").drop("place")


def _from_the_visit(frame: pl.DataFrame) -> pl.DataFrame:
    """Rule 1."""
    if not frame["day"].has_nulls():
        return frame
    known = frame.filter(pl.col("day").is_not_null() & pl.col("visit").is_not_null())
    for keys, name in (([*_READER, "visit"], "own"), (["USUBJID", "visit"], "any")):
        first = known.group_by(keys).agg(pl.col("day").min().alias(name))
        frame = frame.join(first, on=keys, how="left", nulls_equal=True, maintain_order="left")
    # A visit's day outside a partial date is not the day of that date.
    found = pl.coalesce("own", "any")
    fits = pl.col("day_from").is_null() | found.is_between("day_from", "day_to")
    return frame.with_columns(pl.coalesce("day", pl.when(fits).then(found)).alias("day")).drop("own", "any")


def _within_partial_dates(frame: pl.DataFrame, file: str, findings: Findings) -> pl.DataFrame:
    """Rule 2."""
    partial = pl.col("day").is_null() & pl.col("day_from").is_not_null()
    found = frame.filter(partial)
    if found.is_empty():
        return frame
    usual = (
        frame.filter(pl.col("day").is_not_null() & pl.col("visit").is_not_null())
        .group_by("visit", "USUBJID")
        .agg(pl.col("day").min())
        .group_by("visit")
        .agg(pl.col("day").median().round().cast(pl.Int64).alias("usual"))
    )
    middle = (pl.col("day_from") + pl.col("day_to")) // 2
    wanted = pl.coalesce("planned_day", "usual", middle)
    findings.add(
        file,
        f"{found.height:,} assessments have only part of a date; read as the day within it that is nearest to the "
        "planned or usual day of the visit",
        "Give the full date if it is known.",
        column="DTC",
        row=found["record"].min(),  # type: ignore[arg-type]
        severity="warning",
    )
    return (
        frame.join(usual, on="visit", how="left", maintain_order="left")
        .with_columns(pl.when(partial).then(wanted.clip("day_from", "day_to")).otherwise("day").alias("day"))
        .drop("usual")
    )


def _one_day_a_visit(frame: pl.DataFrame) -> pl.DataFrame:
    """Rule 3."""
    dated = pl.col("visit").is_not_null() & pl.col("day").is_not_null()
    visit = [*_READER, "visit"]
    spans = (
        frame.filter(dated)
        .group_by(visit)
        .agg(pl.col("day").min().alias("first"), pl.col("day").max().alias("last"))
        .filter(
            (pl.col("last") > pl.col("first")) & (pl.col("last") - pl.col("first") <= _LONGEST_VISIT_DAYS)
        )
    )
    if spans.is_empty():
        return frame
    twice = (
        frame.filter(dated)
        .join(spans, on=visit, how="semi", nulls_equal=True)
        .group_by(*visit, "lesion")
        .agg(pl.col("day").n_unique().alias("days"))
        .filter(pl.col("days") > 1)
    )
    spans = spans.join(twice, on=visit, how="anti", nulls_equal=True).select(*visit, "first")
    return (
        frame.join(spans, on=visit, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.coalesce("first", "day").alias("day"))
        .drop("first")
    )
