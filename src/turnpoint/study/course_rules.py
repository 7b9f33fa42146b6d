"""What patients, doses and events must and should satisfy, and that all tables speak of the same patients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from turnpoint.study.dose_lists import incomplete_lists
from turnpoint.study.findings import Findings, TypedTable, failed
from turnpoint.study.new_therapy import new_drugs
from turnpoint.study.schema import PATIENTS

_OLDEST_YEARS: Final = 120


def report_patients(tables: Mapping[str, TypedTable], findings: Findings) -> None:
    """Leave out years of birth that cannot be true, and report patients who are only listed or only observed."""
    patients = tables.get("patients")
    if patients is None:
        return
    age = pl.col("start_date").dt.year() - pl.col("birth_year")
    year = PATIENTS.column("birth_year")
    findings.empty_cells(
        patients,
        # A year out of its own range is reported already.
        pl.col("birth_year").is_between(year.low, year.high) & ((age < 0) | (age > _OLDEST_YEARS)),
        "birth_year",
        "birth_year",
        f"the age at start_date would be below 0 or above {_OLDEST_YEARS} years",
        "The year is not read; correct birth_year or start_date.",
    )
    listed = patients.frame["patient_id"].drop_nulls().unique()
    if not patients.has("patient_id"):
        return
    observed: list[pl.Series] = []
    unlisted = False
    for name, table in tables.items():
        if name == "patients" or not table.has("patient_id"):
            continue
        if name in ("lesions", "markers"):
            observed.append(table.frame["patient_id"].drop_nulls().unique())
        unlisted |= _report_unlisted(table, listed, findings)
    # An identifier written in two ways would be reported twice.
    if observed and not unlisted:
        findings.rows(
            patients,
            pl.col("patient_id").is_not_null()
            & ~pl.col("patient_id").is_in(pl.concat(observed).unique().implode()),
            "patient_id",
            "the patient has no lesion and no marker",
            "Nothing to do if there was none; else check the identifier.",
            severity="warning",
        )


def report_doses(table: TypedTable, findings: Findings) -> None:
    """Fill `action`, and report doses without a unit and starts and stops that do not alternate.

    The frame must be sorted by patient and day; it changes in place.
    """
    unreadable = pl.col(failed("action")) if failed("action") in table.frame.columns else pl.lit(value=False)
    table.frame = table.frame.with_columns(
        pl.col("drug").str.to_lowercase(),
        pl.when(unreadable).then(pl.lit(None)).otherwise(pl.col("action").fill_null("given")).alias("action"),
    )
    findings.rows(
        table,
        (pl.col("dose") > 0) & table.missing("unit"),
        "dose",
        "the dose has no unit",
        "Write its unit, for example mg/m2; without it doses cannot be added up.",
        severity="warning",
    )
    findings.rows(
        table,
        (pl.col("dose") == 0) & (pl.col("action") == "given"),
        "dose",
        "a dose of 0 was not given",
        "Leave the row out, or write action=stop for a drug taken daily.",
        severity="warning",
    )
    periods = table.frame.filter(
        pl.col("action").is_in(["start", "stop"])
        & pl.col("patient_id").is_not_null()
        & pl.col("drug").is_not_null()
    ).with_columns(pl.col("action").shift(1).over("patient_id", "drug").alias("last_action"))
    findings.rows(
        table.part(periods),
        # A stop at the start of the course says that the drug was paused then; nothing is missing.
        (pl.col("action") == "stop") & pl.col("last_action").ne_missing("start") & (pl.col("day") > 0),
        "action",
        "the drug stops without having been started",
        "Add the row with action=start; until then the drug is not known to have been taken.",
        severity="warning",
    )
    findings.rows(
        table.part(periods),
        (pl.col("action") == "start") & (pl.col("last_action") == "start"),
        "action",
        "the drug starts while it is being taken",
        "Add the row with action=stop, or write action=given for single doses.",
        severity="warning",
    )


def report_dose_lists(tables: Mapping[str, TypedTable], findings: Findings) -> None:
    """Warn of doses that cannot be all: a list with gaps is not taken for a pause, and says nothing of one."""
    doses = tables["doses"]
    seen = [
        tables[name].frame.select("patient_id", "day") for name in ("lesions", "markers") if name in tables
    ]
    if not seen:
        return
    last = pl.concat(seen).drop_nulls().group_by("patient_id").agg(pl.col("day").max().alias("last_day"))
    incomplete = incomplete_lists(doses.frame, last)
    with_rule = doses.frame.join(
        incomplete.rename({"rule": "gap"}),
        on=["patient_id", "drug", "day"],
        how="left",
        maintain_order="left",
    ).with_columns((pl.int_range(pl.len()).over("patient_id", "drug", "day") == 0).alias("first of its day"))
    findings.rows(
        doses.part(with_rule),
        pl.col("gap").is_not_null() & pl.col("first of its day"),
        "drug",
        pl.format("the list of doses seems incomplete: {}", pl.col("gap")),
        "Add the missing doses, or write action=stop on the day the drug was stopped; until then it counts as on.",
        severity="warning",
    )


def report_new_drugs(tables: Mapping[str, TypedTable], findings: Findings) -> None:
    """Warn of drugs that begin outside the regimen without a line, and say what is made of them."""
    doses = tables["doses"]
    if "patients" in tables:
        patients = tables["patients"].frame
    else:
        patients = pl.DataFrame(schema={"patient_id": pl.String(), "line": pl.Int64()})
    begun = new_drugs(doses.frame, patients).select("source_row", "switched")
    if begun.is_empty():
        return
    first = doses.part(doses.frame.join(begun, on="source_row", how="inner", maintain_order="left"))
    for switched, read in (
        (
            pl.col("switched"),
            "none of the drugs before it is given on its first day: read as a new anti-cancer therapy, before which "
            "progression-free survival is censored",
        ),
        (
            ~pl.col("switched"),
            "drugs before it are given on its first day too: read as added to them, so that progression-free survival "
            "is not censored for it",
        ),
    ):
        findings.rows(
            first,
            switched & (pl.col("action") != "stop"),
            "drug",
            f"a drug that is not part of the regimen so far, and no line; {read}",
            "Write line in doses: a later one for a new therapy (no progression or death after it is an event of "
            "progression-free survival, which is censored at the last evaluable visit up to it, and nothing after it "
            "counts towards the best response), the line of the drugs before it if it belongs to their treatment.",
            severity="warning",
        )


def report_events(table: TypedTable, findings: Findings) -> None:
    """Leave out the end of events that end before they begin."""
    findings.empty_cells(
        table,
        pl.col("end_day") < pl.col("day"),
        "end_day",
        "end_day" if table.has("end_day") else "end_date",
        "the event ends before it begins",
        "It is read without its end; correct one of the two, or leave the end empty while the event lasts.",
    )


def _report_unlisted(table: TypedTable, listed: pl.Series, findings: Findings) -> bool:
    """One error a patient that is not in patients, at the first of the rows; true when there is any."""
    unlisted = (
        table.frame.filter(pl.col("patient_id").is_not_null() & ~pl.col("patient_id").is_in(listed.implode()))
        .group_by("patient_id", maintain_order=True)
        .agg(pl.col("source_row").min(), pl.len().alias("count"))
    )
    if unlisted.is_empty():
        return False
    known_plainly = _plain(listed.to_frame("patient_id")).unique()
    alike = _plain(unlisted).is_in(known_plainly.implode())
    mend = (
        pl.when("alike")
        .then(
            pl.lit("Write the identifier alike in all tables: leading zeros, or upper and lower case, differ")
        )
        .otherwise(pl.lit("Add the patient to patients, or correct the identifier"))
    )
    findings.rows(
        table.part(unlisted.with_columns(alike.alias("alike"))),
        pl.lit(value=True),
        "patient_id",
        "the patient is not in patients",
        pl.format("{} (rows of this patient here: {}).", mend, pl.col("count")),
    )
    return True


def _plain(frame: pl.DataFrame) -> pl.Series:
    """Identifiers without case and leading zeros, which spreadsheets take away."""
    return frame.select(
        pl.col("patient_id").str.to_lowercase().str.replace_all(r"(^|\D)0+(\d)", "${1}${2}")
    ).to_series()
