"""From typed tables to a study: every rule is checked, and everything found is reported at once."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from turnpoint.errors import Problem
from turnpoint.study.converting import typed
from turnpoint.study.course_rules import report_dose_lists, report_doses, report_events, report_patients
from turnpoint.study.duplicates import report_duplicates
from turnpoint.study.findings import Findings, TypedTable, kept
from turnpoint.study.lesion_rules import number_lesions, report_courses, report_lesion_rows, settle_nodes
from turnpoint.study.marker_rules import report_doubtful_values, standardise
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.timing import resolve_days, resolve_deaths, start_dates

NOTHING_MEASURED = "there is neither a lesion nor a marker"


def build(
    raw_tables: dict[str, RawTable], name: str, findings: Findings
) -> tuple[Study | None, tuple[Problem, ...]]:
    """Convert and check the tables of a study.

    Args:
        raw_tables: by table name, as the files gave them; emptied, since a large one need not be held twice.
        name: the study's name.
        findings: what was found while the files were opened.

    Returns:
        The study, or None when there is an error; everything found, in file and row order.
    """
    tables = {
        table: typed(raw_tables.pop(table), TABLES[table], findings)
        for table in TABLES
        if table in raw_tables
    }
    starts = start_dates(tables.get("patients"))
    if "patients" in tables:
        resolve_deaths(tables["patients"], findings)
    for table in tables.values():
        if TABLES[table.name].timed:
            resolve_days(table, starts, findings)
        _sort(table)
    _check(tables, findings)
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
    for table in tables.values():
        report_duplicates(table, findings)
    if "lesions" in tables:
        report_lesion_rows(tables["lesions"], findings)
        number_lesions(tables["lesions"])
        settle_nodes(tables["lesions"], findings)
        report_courses(tables["lesions"], findings)
    if "markers" in tables:
        report_doubtful_values(tables["markers"], findings)
    if "doses" in tables:
        report_doses(tables["doses"], findings)
        report_dose_lists(tables, findings)
    if "events" in tables:
        report_events(tables["events"], findings)


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
