"""Timelines of a cBioPortal study become a study: tables of events with PATIENT_ID, START_DATE and EVENT_TYPE.

    LAB_TEST -> markers     TREATMENT -> doses     STATUS -> deaths     data_clinical_patient -> sex

The rules:

1. Dates are numbers of days since a date of the study's own, usually the diagnosis. Day 0 of a course is the first
   TREATMENT with an AGENT against the cancer; without one it is the first marker (warned of).
2. A marker is a LAB_TEST whose TEST, or else SUBTYPE, or else file name (`data_timeline_cea_labs.txt`) is one. Its
   value is RESULT or VALUE, its unit LR_UNIT_MEASURE, UNIT or UNITS, its upper limit LR_TEST_UP_LIMIT. Of several
   results of a day the last is read.
3. A TREATMENT from START_DATE to a later STOP_DATE is a start, and a stop on the day after; one on one day was given,
   one without STOP_DATE goes on. There is no amount. Radiotherapy, and what has no AGENT, is no dose.
4. A STATUS that says deceased is the death.
5. Everything else (imaging, surgery, progression by report, other tests) goes to the side table. There are no sizes.

Source: cBioPortal, File Formats, "Timeline Data".
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import counted
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted, with_aside
from turnpoint.formats.text_tables import (
    EARLIER,
    LINE,
    RESULT,
    Aside,
    TextTable,
    header_of,
    joined,
    last_of_each_day,
    located,
    read_text_table,
)
from turnpoint.study.findings import Findings
from turnpoint.study.markers import find_marker
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.validation import build

OTHER_EVENT: Final = "an event of a timeline that is no marker, drug or death"
OTHER_TEST: Final = "a laboratory test that is no tumour marker"
NO_RESULT: Final = "a marker without a number, a unit or a day"
NO_AGENT: Final = "a treatment that names no drug, or is radiotherapy"
OTHER_FILES: Final = "files of the cBioPortal study that are not read"
_TIMELINE: Final = frozenset({"PATIENT_ID", "START_DATE", "EVENT_TYPE"})
_FILE: Final = "data_"
_RADIATION: Final = r"(?i)radiation|radiotherap|\brt\b"
_DEAD: Final = r"(?i)deceased|\bdied\b|\bdead\b|\bdeath\b"
# What laboratories write where UCUM has U/mL.
_UNITS: Final = r"(?i)^units?\s*/\s*"
_SHOWN: Final = {
    "patient_id": ("PATIENT_ID",),
    "date": ("START_DATE",),
    "code": ("EVENT_TYPE",),
    "name": ("TEST", "AGENT", "SUBTYPE", "STATUS", "TREATMENT_TYPE"),
    "value": ("RESULT", "VALUE", "STOP_DATE"),
    "unit": ("LR_UNIT_MEASURE", "UNIT", "UNITS"),
}


def recognises(path: Path) -> bool:
    """True for a timeline of cBioPortal, or a folder that holds one."""
    return bool(_timelines(path))


def convert(path: Path, needed: Collection[str] = tuple(TABLES)) -> Converted:
    """Read timelines as a study, with what the study has no place for beside it.

    Args:
        path: one timeline, or the folder of a cBioPortal study.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).
    """
    findings = Findings()
    aside = Aside(findings, _SHOWN)
    files = _timelines(path)
    read = [table for file in files if (table := read_text_table(file, findings)) is not None]
    table = joined(read)
    if table is None or findings.has_errors:
        return Converted(None, findings.listed(), pl.DataFrame(schema=UNMAPPED_SCHEMA))
    tables = _tables(table, findings, aside)
    tables["patients"] = tables["patients"].join(
        _sexes(path, findings, aside, files), on="patient_id", how="left", maintain_order="left"
    )
    raw = {
        name: RawTable(
            "patients" if name == "patients" else table.file,
            frame.drop(LINE),
            frame[LINE].alias("source_row"),
            None,
        )
        for name, frame in tables.items()
        if frame.height
    }
    name = path.resolve().name if path.is_dir() else path.stem
    study, problems = build(raw, name, findings, needed)
    problems = tuple(located(problem, [table]) for problem in problems)
    if study is not None:
        study = replace(
            study, problems=tuple(problem for problem in problems if problem.severity == "warning")
        )
    return Converted(study, problems, with_aside(aside.unmapped(), findings))


def _timelines(path: Path) -> list[Path]:
    try:
        candidates = sorted(path.iterdir()) if path.is_dir() else [path]
        return [file for file in candidates if header_of(file) >= _TIMELINE]
    except OSError:
        return []


def _tables(table: TextTable, findings: Findings, aside: Aside) -> dict[str, pl.DataFrame]:
    kind = pl.col("EVENT_TYPE").str.to_uppercase().str.replace_all(r"[^A-Z]", "")
    frame = table.frame.with_columns(
        kind.alias("kind"),
        pl.col("PATIENT_ID").alias("patient_id"),
        *(
            table.text(name).cast(pl.Float64, strict=False).floor().cast(pl.Int64, strict=False).alias(alias)
            for name, alias in (("START_DATE", "from_day"), ("STOP_DATE", "to_day"))
        ),
    )
    nobody = frame.filter(pl.col("patient_id").is_null())
    aside.leave(table, nobody, "an event without PATIENT_ID", "Give every event its patient.")
    frame = frame.filter(pl.col("patient_id").is_not_null())
    results = _results(table, frame.filter(pl.col("kind").str.starts_with("LAB")), aside)
    courses = _courses(table, frame.filter(pl.col("kind").str.starts_with("TREATMENT")), aside)
    dead = pl.col("kind").eq("STATUS") & pl.concat_str(
        [table.text(name) for name in ("STATUS", "SUBTYPE", "EVENT_TYPE_DETAILED")],
        separator=" ",
        ignore_nulls=True,
    ).str.contains(_DEAD)
    died = frame.filter(dead & pl.col("from_day").is_not_null())
    aside.leave(
        table,
        frame.filter(
            ~pl.col("kind").str.contains("^(LAB|TREATMENT)") & ~pl.col(LINE).is_in(died[LINE].implode())
        ),
        OTHER_EVENT,
    )
    starts = _starts(table, courses, results, findings)
    return {
        "patients": _patients(starts, died),
        "markers": _in_days(results, starts).drop("from_day", "to_day"),
        "doses": _doses(_in_days(courses, starts)),
    }


def _results(table: TextTable, rows: pl.DataFrame, aside: Aside) -> pl.DataFrame:
    """Rule 2, in days of the timeline."""
    named = table.text("TEST", "SUBTYPE")
    of_file = (
        pl.col("FILE").str.to_lowercase().str.extract(r"data_timeline_(.+?)(?:_labs?|_labtests?)?\.\w+$", 1)
    )
    rows = rows.with_columns(named.alias("named"), of_file.alias("of_file"))
    names = rows.select("named", "of_file").unique(maintain_order=True)
    known = names.with_columns(
        pl.Series("marker", [_marker(*row) for row in names.iter_rows()], dtype=pl.String)
    )
    rows = rows.join(known, on=["named", "of_file"], how="left", nulls_equal=True, maintain_order="left")
    aside.leave(table, rows.filter(pl.col("marker").is_null()), OTHER_TEST)
    value = table.text("RESULT", "VALUE")
    unit = table.text("LR_UNIT_MEASURE", "UNIT", "UNITS").str.replace(_UNITS, "U/")
    rows = rows.filter(pl.col("marker").is_not_null()).with_columns(
        # A decimal comma, as some registries write it.
        pl.when(value.str.contains(r"^\D?\d+,\d+$"))
        .then(value.str.replace(",", "."))
        .otherwise(value)
        .alias("value"),
        unit.alias("unit"),
        table.text("LR_TEST_UP_LIMIT").cast(pl.Float64, strict=False).alias("upper_limit"),
    )
    whole = (
        pl.col("value").str.contains(RESULT).fill_null(value=False)
        & pl.col("unit").is_not_null()
        & pl.col("from_day").is_not_null()
    )
    aside.leave(
        table, rows.filter(~whole), NO_RESULT, "Give RESULT, its unit and START_DATE, if it was measured."
    )
    rows = rows.filter(whole).with_columns(pl.col("from_day").alias("day"))
    last = last_of_each_day(rows, LINE)
    aside.leave(table, rows.join(last, on=LINE, how="anti"), EARLIER, "The last of the day is read.")
    return last.select(
        "patient_id",
        "from_day",
        "to_day",
        "marker",
        "value",
        "unit",
        pl.when(pl.col("upper_limit") > 0).then("upper_limit").alias("upper_limit"),
        LINE,
    )


def _marker(named: str | None, of_file: str | None) -> str | None:
    for text in (named, of_file):
        found = find_marker(re.sub(r"[_]+", " ", text).strip()) if text else None
        if found is not None:
            return found.name
    return None


def _courses(table: TextTable, rows: pl.DataFrame, aside: Aside) -> pl.DataFrame:
    """Rule 3, in days of the timeline."""
    kind = pl.concat_str(
        [table.text(name) for name in ("SUBTYPE", "TREATMENT_TYPE")], separator=" ", ignore_nulls=True
    )
    agent = table.text("AGENT")
    drug = agent.is_not_null() & ~kind.str.contains(_RADIATION).fill_null(value=False)
    whole = drug & pl.col("from_day").is_not_null()
    aside.leave(table, rows.filter(~drug), NO_AGENT)
    undated = rows.filter(drug & ~whole)
    aside.leave(table, undated, "a treatment without START_DATE", "Give its day, if it is known.")
    return rows.filter(whole).select("patient_id", "from_day", "to_day", agent.alias("drug"), LINE)


def _starts(
    table: TextTable, courses: pl.DataFrame, results: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """Rule 1: `patient_id, start` in days of the timeline."""
    treated = courses.group_by("patient_id").agg(pl.col("from_day").min().alias("start"))
    measured = results.group_by("patient_id").agg(pl.col("from_day").min().alias("start"))
    guessed = measured.join(treated, on="patient_id", how="anti")
    if guessed.height:
        findings.add(
            table.file,
            f"no treatment of {counted(guessed.height, 'patient')} is known; day 0 is the first marker",
            "Give data_timeline_treatment.txt, if there is one.",
            column="START_DATE",
            severity="warning",
        )
    return pl.concat([treated, guessed]).sort("patient_id")


def _in_days(rows: pl.DataFrame, starts: pl.DataFrame) -> pl.DataFrame:
    return rows.join(starts, on="patient_id", how="left", maintain_order="left").select(
        pl.all().exclude("start"),
        (pl.col("from_day") - pl.col("start")).alias("day"),
        (pl.col("to_day") - pl.col("start")).alias("end"),
    )


def _doses(courses: pl.DataFrame) -> pl.DataFrame:
    """Rule 3."""
    begins, ends = pl.col("day"), pl.col("end")
    goes_on = (ends > begins) | ends.is_null()
    starts = courses.select(
        "patient_id",
        "day",
        "drug",
        pl.when(goes_on).then(pl.lit("start")).otherwise(pl.lit("given")).alias("action"),
        LINE,
    )
    stops = courses.filter(ends > begins).select(
        "patient_id", (ends + 1).alias("day"), "drug", pl.lit("stop").alias("action"), LINE
    )
    return pl.concat([starts, stops]).sort(LINE, "day", maintain_order=True)


def _patients(starts: pl.DataFrame, died: pl.DataFrame) -> pl.DataFrame:
    deaths = died.group_by("patient_id").agg(pl.col("from_day").min().alias("died"))
    return starts.join(deaths, on="patient_id", how="left", maintain_order="left").select(
        "patient_id",
        (pl.col("died") - pl.col("start")).alias("death_day"),
        pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias(LINE),
    )


def _sexes(path: Path, findings: Findings, aside: Aside, timelines: Collection[Path]) -> pl.DataFrame:
    """`patient_id, sex` of the clinical data beside the timelines; other files of the study are named."""
    nothing = pl.DataFrame(schema={"patient_id": pl.String, "sex": pl.String})
    if not path.is_dir():
        return nothing
    others = [file for file in sorted(path.glob(f"{_FILE}*")) if file.is_file() and file not in timelines]
    clinical = [
        file for file in others if {"PATIENT_ID"} < header_of(file) and header_of(file) & {"SEX", "GENDER"}
    ]
    aside.name_files([file.name for file in others if file not in clinical], OTHER_FILES)
    table = joined([found for file in clinical if (found := read_text_table(file, findings)) is not None])
    if table is None:
        return nothing
    sex = table.text("SEX", "GENDER").str.to_lowercase().replace({"f": "female", "m": "male"})
    told = table.frame.select(
        pl.col("PATIENT_ID").alias("patient_id"),
        pl.when(sex.is_in(["female", "male"])).then(sex).alias("sex"),
    )
    return told.drop_nulls().unique("patient_id", keep="first", maintain_order=True)
