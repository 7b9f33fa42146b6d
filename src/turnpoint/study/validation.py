"""From typed tables to a study: every rule is checked, and everything found is reported at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from turnpoint.errors import Problem
from turnpoint.study.assessments import settle_assessments, settle_readers
from turnpoint.study.centimetres import as_mm, to_mm
from turnpoint.study.converting import typed
from turnpoint.study.course_rules import (
    report_dose_lists,
    report_doses,
    report_events,
    report_new_drugs,
    report_patients,
)
from turnpoint.study.day_one import as_day, count_from_0
from turnpoint.study.duplicates import report_duplicates
from turnpoint.study.findings import Findings, TypedTable, kept
from turnpoint.study.lesion_rules import number_lesions, report_courses, report_lesion_rows, settle_nodes
from turnpoint.study.marker_rules import report_doubtful_values, standardise
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.timing import resolve_days, resolve_follow_up, start_dates

NOTHING_MEASURED = "there is neither a lesion nor a marker"


def build(
    raw_tables: dict[str, RawTable],
    name: str,
    findings: Findings,
    needed: Collection[str] = tuple(TABLES),
    *,
    as_written: bool = False,
) -> tuple[Study | None, tuple[Problem, ...]]:
    """Convert and check the tables of a study.

    Args:
        raw_tables: by table name, as the files gave them; emptied, since a large one need not be held twice.
        name: the study's name.
        findings: what was found while the files were opened.
        needed: the tables that the work at hand cannot do without. An error in another one is a warning, and its row
            is left out: what a command does not need never stops it.
        as_written: days and sizes are as someone wrote them: days may begin at 1 (`study.day_one`), sizes be in cm
            (`study.centimetres`); else a format has made days of the course and mm of them.

    Returns:
        The study, or None when there is an error; everything found, in file and row order.
    """
    study_days = []
    for written in raw_tables if as_written else ():
        raw_tables[written], told = as_day(raw_tables[written], written)
        study_days += [written] if told else []
    in_cm = False
    if as_written and "lesions" in raw_tables:
        raw_tables["lesions"], in_cm = as_mm(raw_tables["lesions"])
    tables = {
        table: typed(raw_tables.pop(table), TABLES[table], findings)
        for table in TABLES
        if table in raw_tables
    }
    if in_cm:
        to_mm(tables["lesions"], findings)
    starts = start_dates(tables.get("patients"))
    if "patients" in tables:
        resolve_follow_up(tables["patients"], findings)
    for table in tables.values():
        if TABLES[table.name].timed:
            resolve_days(table, starts, findings)
    if as_written:
        count_from_0(tables, study_days, findings)
    for table in tables.values():
        _sort(table)
    _check(tables, findings)
    _leave_unneeded(tables, needed, findings)
    observations = sum(tables[table].frame.height for table in ("lesions", "markers") if table in tables)
    # When a file could not be read that is said already, and is why.
    if observations == 0 and not findings.has_errors:
        findings.add(
            name,
            NOTHING_MEASURED,
            "Add lesions.csv or markers.csv; one of them must have rows.",
        )
    identifiers = _identifiers(tables)
    problems = findings.listed(frozenset(identifiers))
    if findings.has_errors:
        return None, problems
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    frames = {table: _frame(tables.get(table), table) for table in TABLES}
    frames["patients"] = _all_patients(frames["patients"], identifiers)
    return Study(**frames, problems=warnings, name=name), problems


def _check(tables: Mapping[str, TypedTable], findings: Findings) -> None:
    report_patients(tables, findings)
    if "markers" in tables:
        standardise(tables["markers"], findings)
    if "lesions" in tables:
        settle_readers(tables["lesions"], findings)
    for table in tables.values():
        report_duplicates(table, findings)
    if "lesions" in tables:
        # After the duplicates: a lesion that is read twice on one day is no reason to keep days apart.
        settle_assessments(tables["lesions"], findings)
        report_lesion_rows(tables["lesions"], findings)
        number_lesions(tables["lesions"])
        settle_nodes(tables["lesions"], findings)
        report_courses(tables["lesions"], findings)
    if "markers" in tables:
        report_doubtful_values(tables["markers"], findings)
    if "doses" in tables:
        report_doses(tables["doses"], findings)
        report_dose_lists(tables, findings)
        report_new_drugs(tables, findings)
    if "events" in tables:
        report_events(tables["events"], findings)


def _leave_unneeded(tables: dict[str, TypedTable], needed: Collection[str], findings: Findings) -> None:
    """Leave out the rows with errors of tables that nobody needs; all rows, when the table itself is wrong."""
    for name in TABLES:
        if name in needed or name == "patients":
            continue
        # A table that could not be opened is known by its file alone.
        files = [tables[name].file] if name in tables else findings.files_named(name)
        for file in files:
            errors = findings.errors_in(file)
            if not errors:
                continue
            whole = name not in tables or any(error.row is None for error in errors)
            what = f"none of {name} is read" if whole else "the row is not read"
            findings.demote(file, f"{what}, which is not needed here")
            if whole:
                tables.pop(name, None)
            else:
                tables[name].frame = _without_rows(tables[name].frame, errors)


def _without_rows(frame: pl.DataFrame, errors: Sequence[Problem]) -> pl.DataFrame:
    """The rows without errors; a patient who is wrong is told once, and goes with all rows."""
    row = pl.col("source_row")
    wrong = [error.row for error in errors]
    of_patients = [error.row for error in errors if error.column == "patient_id"]
    patients = frame.filter(row.is_in(of_patients))["patient_id"].drop_nulls().unique()
    return frame.filter(
        ~row.is_in(wrong) & ~pl.col("patient_id").is_in(patients.implode()).fill_null(value=False)
    )


def _sort(table: TypedTable) -> None:
    by = ["patient_id", "day", "source_row"] if TABLES[table.name].timed else ["patient_id", "source_row"]
    table.frame = table.frame.sort(by, nulls_last=True, maintain_order=True)


def _identifiers(tables: Mapping[str, TypedTable]) -> set[str]:
    return {
        identifier
        for table in tables.values()
        for identifier in table.frame["patient_id"].drop_nulls().unique().to_list()
    }


def _frame(table: TypedTable | None, name: str) -> pl.DataFrame:
    """The table as a `Study` holds it: declared columns, `source_row`, then the file's other columns."""
    schema = TABLES[name].frame_schema
    if table is None:
        return pl.DataFrame(schema=schema)
    extras = [extra for extra in table.extras if extra not in schema]
    return table.frame.select(
        *(pl.col(column).cast(dtype) for column, dtype in schema.items()),
        *(pl.col(kept(extra)).alias(extra) for extra in extras),
    )


def _all_patients(patients: pl.DataFrame, identifiers: set[str]) -> pl.DataFrame:
    unlisted = sorted(identifiers - set(patients["patient_id"].to_list()))
    added = pl.DataFrame({"patient_id": unlisted}, schema={"patient_id": pl.String})
    return pl.concat([patients, added], how="diagonal").sort("patient_id")
