"""Patients, doses and adverse events from SDTM: DM, EX and AE.

The rules:

1. A partial first date (2014-02, 2014) is read as the first day of its span; day 0 when that lies within the span. A
   partial last date is read as the last day of its span. Both are counted in a warning.
2. A dose on one day is `given`; one over several days is a `start` and a `stop`, the stop on the day after the last
   dose, or when the drug's next record begins; one without an end is `given`, or a `start` when it is taken daily
   (EXDOSFRQ). EXOCCUR = N was not given.
3. An adverse event has the grade of AETOXGR, or else that of AESEV (mild 1, moderate 2, severe 3, life-threatening
   4, fatal 5). One that led to death (AESDTH, AEOUT) is 5.
4. An event without a start date, or without a grade, cannot be placed: it is left out, and counted.

Source: CDISC, SDTM Implementation Guide 3.4, sections 4.4.2 and 6.1; CTCAE v5.0 (2017), "Grades".
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.sdtm.days import dates, study_day, with_days
from turnpoint.formats.sdtm.states import plain
from turnpoint.formats.sdtm.tables import Records, note
from turnpoint.study.findings import Findings

_SEX: Final = {"F": "female", "M": "male", "U": "unknown", "UNDIFFERENTIATED": "other", "INTERSEX": "other"}
_GRADES: Final = {
    "MILD": 1,
    "MODERATE": 2,
    "SEVERE": 3,
    "LIFETHREATENING": 4,
    "POTENTIALLYLIFETHREATENING": 4,
    "FATAL": 5,
    "DEATH": 5,
}
_DAILY: Final = r"(?i)^(QD|BID|TID|QID|QOD|QAM|QPM|QHS|Q\d+H|DAILY|CONTINUOUS|\d TIMES PER DAY)"


def patient_rows(people: Records, starts: pl.DataFrame, findings: Findings) -> Records:
    """The patients table, `start_date` being day 0.

    Args:
        people: DM.
        starts: `USUBJID, start`.
        findings: where problems go.
    """
    frame = with_days(people.frame.drop_nulls("USUBJID"), starts, "DTHDTC", None, "death")
    frame = with_days(frame, starts, "RFPENDTC", None, "alive")
    note(
        findings,
        people.file,
        people.frame.filter(pl.col("USUBJID").is_null()),
        "without USUBJID",
        "They are left out; give every subject an identifier.",
        "USUBJID",
        left_out=True,
    )
    partial = frame.filter(pl.col("death").is_null() & pl.col("death_to").is_not_null())
    note(
        findings,
        people.file,
        partial,
        "only part of the date of death is given",
        "It is read as the last day that it may be; give the full date if it is known.",
        "DTHDTC",
    )
    born = dates("BRTHDTC")[0].dt.year().cast(pl.Int64)
    sex = pl.col("SEX").str.to_uppercase()
    # A qualifier that Turnpoint writes where no date can be (`out`).
    told = study_day(pl.col("DTHDY").cast(pl.Float64, strict=False))
    dated = pl.coalesce("death", "death_to", told)
    # RFPENDTC is the last contact; of who died it is the death, or when its form came in.
    alive = pl.coalesce("alive", study_day(pl.col("LSTALVDY").cast(pl.Float64, strict=False)))
    table = frame.join(starts, on="USUBJID", how="left", maintain_order="left").select(
        pl.col("USUBJID").alias("patient_id"),
        pl.coalesce("ARM", "ACTARM").alias("arm"),
        sex.replace_strict(_SEX, default=None, return_dtype=pl.String).alias("sex"),
        born.alias("birth_year"),
        pl.col("start").alias("start_date"),
        dated.clip(0).alias("death_day"),
        pl.when(alive >= 0).then(pl.min_horizontal(alive, dated.clip(0))).alias("last_alive_day"),
        pl.col("TUMTYPE").alias("tumour_type"),
        pl.col("TRTLINE").cast(pl.Int64, strict=False).alias("line"),
        "record",
    )
    return Records(people.file, table)


def dose_rows(exposure: Records, starts: pl.DataFrame, findings: Findings) -> Records:
    """The doses table (rule 2); EX with its own dates."""
    not_given = (pl.col("EXOCCUR") == "N").fill_null(value=False)
    note(
        findings,
        exposure.file,
        exposure.frame.filter(not_given),
        "doses that were not given (EXOCCUR = N)",
        "They are left out; nothing to do.",
        "EXOCCUR",
        left_out=True,
    )
    frame = spans(exposure, starts, "EXST", "EXEN", findings).filter(~not_given)
    undated = pl.col("first").is_null()
    note(
        findings,
        exposure.file,
        frame.filter(undated),
        "doses without a date",
        "They are left out; give EXSTDTC if it is known.",
        "EXSTDTC",
        left_out=True,
    )
    return Records(exposure.file, starts_and_stops(frame.filter(~undated)))


def starts_and_stops(frame: pl.DataFrame) -> pl.DataFrame:
    """Rule 2: rows of doses, from records with `first` and `last` day and the columns of EX."""
    first, last = pl.col("first"), pl.col("last")
    lasts = last > first
    daily = pl.col("EXDOSFRQ").str.contains(_DAILY).fill_null(value=False)
    next_start = first.shift(-1).over("USUBJID", "EXTRT", order_by=["first", "record"])
    stop = pl.when(next_start > first).then(pl.min_horizontal(last + 1, next_start)).otherwise(last + 1)
    goes_on = lasts | (last.is_null() & daily)
    dosed = frame.select(
        pl.col("USUBJID").alias("patient_id"),
        first.alias("day"),
        pl.col("EXTRT").alias("drug"),
        pl.col("EXDOSE").alias("dose"),
        pl.col("EXDOSU").alias("unit"),
        pl.when(goes_on).then(pl.lit("start")).otherwise(pl.lit("given")).alias("action"),
        pl.col("EXCYCLE").cast(pl.Int64, strict=False).alias("cycle"),
        pl.col("EXREGIM").alias("regimen"),
        pl.col("EXLINE").cast(pl.Int64, strict=False).alias("line"),
        pl.when(lasts).then(stop).alias("stop"),
        "record",
    )
    ended = dosed.drop_nulls("stop").select(
        "patient_id", pl.col("stop").alias("day"), "drug", pl.lit("stop").alias("action"), "record"
    )
    both = pl.concat([dosed.drop("stop"), ended], how="diagonal")
    return both.sort("record", "day", maintain_order=True)


def event_rows(adverse: Records, starts: pl.DataFrame, findings: Findings) -> Records:
    """The events table (rules 3 and 4)."""
    frame = spans(adverse, starts, "AEST", "AEEN", findings)
    toxicity = pl.col("AETOXGR").str.extract(r"([1-5])", 1).cast(pl.Int64, strict=False)
    severity = plain(pl.col("AESEV")).replace_strict(_GRADES, default=None, return_dtype=pl.Int64)
    fatal = (pl.col("AESDTH") == "Y") | (plain(pl.col("AEOUT")) == "FATAL")
    grade = pl.when(fatal.fill_null(value=False)).then(5).otherwise(pl.coalesce(toxicity, severity))
    frame = frame.with_columns(
        grade.cast(pl.Int64).alias("grade"), pl.coalesce("AEDECOD", "AETERM").alias("term")
    )
    of_severity = frame.filter(toxicity.is_null() & severity.is_not_null())
    note(
        findings,
        adverse.file,
        of_severity,
        "adverse events have no CTCAE grade",
        "Their severity is read instead: mild 1, moderate 2, severe 3.",
        "AETOXGR",
    )
    placed = pl.col("first").is_not_null() & pl.col("grade").is_not_null() & pl.col("term").is_not_null()
    note(
        findings,
        adverse.file,
        frame.filter(~placed),
        "adverse events without a start date, a grade or a term",
        "They are left out; give AESTDTC, AETOXGR and AEDECOD if they are known.",
        "AESTDTC",
        left_out=True,
    )
    ends = pl.when(pl.col("last") >= pl.col("first")).then("last")
    return Records(
        adverse.file,
        frame.filter(placed).select(
            pl.col("USUBJID").alias("patient_id"),
            pl.col("first").alias("day"),
            ends.alias("end_day"),
            "term",
            "grade",
            "record",
        ),
    )


def spans(records: Records, starts: pl.DataFrame, begin: str, end: str, findings: Findings) -> pl.DataFrame:
    """The records with `first` and `last` day (rule 1)."""
    frame = with_days(records.frame, starts, f"{begin}DTC", f"{begin}DY", "first")
    frame = with_days(frame, starts, f"{end}DTC", f"{end}DY", "last")
    partial = pl.any_horizontal(
        pl.col(name).is_null() & pl.col(f"{name}_from").is_not_null() for name in ("first", "last")
    )
    note(
        findings,
        records.file,
        frame.filter(partial),
        "only part of a date is given",
        "A first day is read as the earliest that it may be (day 0 if that may be), a last day as the latest.",
        f"{begin}DTC",
    )
    holds_start = pl.col("first_from").le(0) & pl.col("first_to").ge(0)
    earliest = pl.when(holds_start).then(0).otherwise("first_from")
    return frame.with_columns(
        pl.coalesce("first", earliest).alias("first"), pl.coalesce("last", "last_to").alias("last")
    )
