"""Days of an SDTM study: its dates and study days become days of the course, day 0 being the start of treatment.

The rules:

1. The start is DM.RFSTDTC, or else DM.RFXSTDTC, or else the first EXSTDTC. Without any of them it follows from a record
   that has both a date and a study day; without that, day 0 is the first assessment (warned of).
2. A full date less the start is the day. Without a full date the study day is: SDTM has no day 0, so --DY from 1 on
   is one too many, and before 1 it is right as it is.
3. A partial date is a span: 2014-02 is 1 to 28 February. What is read from a span is said where it is used.

Source: CDISC, SDTM Implementation Guide 3.4, sections 4.4.1 to 4.4.4.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.errors import counted
from turnpoint.study.findings import Findings

_FULL: Final = r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$"
_MONTH: Final = r"^(\d{4}-\d{2})(?:-{0,2}(?:T.*)?)?$"
_YEAR: Final = r"^(\d{4})(?:-.*)?$"


def dates(column: str) -> tuple[pl.Expr, pl.Expr]:
    """First and last date that an ISO 8601 text may mean, both the same for a full date; null for anything else."""
    text = pl.col(column)
    full = text.str.extract(_FULL, 1).str.to_date("%Y-%m-%d", strict=False)
    month = (text.str.extract(_MONTH, 1) + "-01").str.to_date("%Y-%m-%d", strict=False)
    year = (text.str.extract(_YEAR, 1) + "-01-01").str.to_date("%Y-%m-%d", strict=False)
    # Without the year's rule for a date such as 2014-13-02, which is none.
    partial_year = pl.when(~text.str.contains(_FULL) & ~text.str.contains(_MONTH)).then(year)
    return (
        pl.coalesce(full, month, partial_year),
        pl.coalesce(full, month.dt.month_end(), partial_year.dt.offset_by("1y").dt.offset_by("-1d")),
    )


def study_day(column: str | pl.Expr) -> pl.Expr:
    """The day of the course that a --DY says (rule 2); a day 0, which SDTM does not have, is taken as the start."""
    said = pl.col(column) if isinstance(column, str) else column
    day = said.round().cast(pl.Int64, strict=False)
    return pl.when(day >= 1).then(day - 1).otherwise(day)


def relative_day(day: pl.Expr) -> pl.Expr:
    """The study day of a day of the course (rule 2 the other way round).

    >>> pl.select(relative_day(pl.Series([-7, 0, 42]))).to_series().to_list()
    [-7, 1, 43]
    """
    return pl.when(day >= 0).then(day + 1).otherwise(day)


def with_days(
    records: pl.DataFrame, starts: pl.DataFrame, date: str, study_days: str | None, name: str = "day"
) -> pl.DataFrame:
    """Add `<name>` (null when there is no full date and no study day), `<name>_from` and `<name>_to`.

    Args:
        records: with `USUBJID`.
        starts: `USUBJID, start`, one row a patient.
        date: the column with the date.
        study_days: the column with the study day, if there is one.
        name: of the new columns.
    """
    first, last = dates(date)
    frame = records.join(starts, on="USUBJID", how="left", maintain_order="left").with_columns(
        (first - pl.col("start")).dt.total_days().alias(f"{name}_from"),
        (last - pl.col("start")).dt.total_days().alias(f"{name}_to"),
    )
    of_date = pl.when(pl.col(f"{name}_from") == pl.col(f"{name}_to")).then(f"{name}_from")
    said = study_day(study_days) if study_days else pl.lit(None, dtype=pl.Int64)
    return frame.with_columns(pl.coalesce(of_date, said).alias(name)).drop("start")


def start_dates(
    people: pl.DataFrame | None,
    exposure: pl.DataFrame | None,
    assessments: list[tuple[str, pl.DataFrame]],
    findings: Findings,
) -> pl.DataFrame:
    """The start of each patient's course (rule 1): `USUBJID, start`, unique; patients without any are left out.

    Args:
        people: DM.
        exposure: EX.
        assessments: TR, TU and LB under their prefixes, each with its DTC and DY columns.
        findings: where it is said when the start had to be guessed.
    """
    known = [
        *_said(people, "RFSTDTC"),
        *_said(people, "RFXSTDTC"),
        *_said(exposure, "EXSTDTC"),
    ]
    paired, first_seen = [], []
    for prefix, records in assessments:
        date = dates(f"{prefix}DTC")
        full = pl.when(date[0] == date[1]).then(date[0])
        dated = records.select("USUBJID", full.alias("start"), study_day(f"{prefix}DY").alias("day"))
        dated = dated.drop_nulls(["USUBJID", "start"])
        started = dated.drop_nulls("day").with_columns(pl.col("start") - pl.duration(days=pl.col("day")))
        paired.append(started.group_by("USUBJID").agg(pl.col("start").min()))
        first_seen.append(dated.group_by("USUBJID").agg(pl.col("start").min()))
    schema = {"USUBJID": pl.String, "start": pl.Date}
    empty = pl.DataFrame(schema=schema)
    sure = pl.concat([empty, *known, *paired]).unique("USUBJID", keep="first", maintain_order=True)
    # The first assessment of all, whatever table it is in.
    guess = pl.concat([empty, *first_seen]).group_by("USUBJID").agg(pl.col("start").min())
    guessed = guess.join(sure, on="USUBJID", how="anti")
    if guessed.height:
        findings.add(
            "dm",
            f"start of treatment not known for {counted(guessed.height, 'patient')}; day 0 is the first assessment",
            "Add DM with RFSTDTC, or EX, if the start is known.",
            column="RFSTDTC",
            severity="warning",
        )
    return pl.concat([sure, guessed]).sort("USUBJID")


def _said(records: pl.DataFrame | None, column: str) -> list[pl.DataFrame]:
    if records is None:
        return []
    first, last = dates(column)
    own = records.select("USUBJID", pl.when(first == last).then(first).alias("start")).drop_nulls()
    return [own.group_by("USUBJID").agg(pl.col("start").min())]
