"""DICOM structured reports of measurements (TID 1500): the diameters of a patient's lesions over time.

    measurement group (tracking identifier, finding site, axes) -> a row of lesions     PatientID, sex -> patients

A folder of reports becomes a study; images and other objects in it are passed over and counted. What is no diameter of
a lesion is kept in a side table (`convert`).

Day 0: the event that the trial counts from, where the reports say the offset (0012,0052); else each patient's first
report with a lesion, with a warning, since a report does not know when treatment began.

Source: DICOM PS3.3 section A.35, PS3.16 TID 1500.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import Problem, counted
from turnpoint.formats.dicom_sr.files import Report, holds_dicom, reports
from turnpoint.formats.dicom_sr.ledger import Ledger
from turnpoint.formats.dicom_sr.lesions import Reading, latest, lesion_ids, readings
from turnpoint.formats.ledger import Converted, with_aside
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.validation import build

_LESION_SCHEMA: Final = {
    "patient_id": pl.String(),
    "date": pl.Date(),
    "lesion_id": pl.String(),
    "role": pl.String(),
    "site": pl.String(),
    "node": pl.Boolean(),
    "diameter_mm": pl.Float64(),
    "status": pl.String(),
    "reader": pl.String(),
    "tracking_uid": pl.String(),
}
_PATIENT_SCHEMA: Final = {
    "patient_id": pl.String(),
    "sex": pl.String(),
    "birth_year": pl.Int64(),
    "start_date": pl.Date(),
}
# The header is line 1 of a table.
_FIRST_ROW: Final = 2


def recognises(path: Path) -> bool:
    """True for a DICOM file, with or without its preamble, and for a folder that holds one, however deep."""
    try:
        return holds_dicom(path)
    except OSError:
        return False


def convert(path: Path, needed: Collection[str] = tuple(TABLES)) -> Converted:
    """Read measurement reports as a study, with what the study has no place for beside it.

    Args:
        path: a report, or a folder with reports in it and in its folders.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).

    Raises:
        MissingExtraError: pydicom is not installed.
    """
    findings, ledger = Findings(), Ledger()
    name = path.resolve().name if path.is_dir() else path.name.partition(".")[0]
    try:
        known = _current(list(reports(path, findings)), ledger)
    except OSError:
        findings.add(name, "cannot be opened", "Check the path and your rights to it.")
        known = []
    found: list[Reading] = []
    for report in known:
        found += _readings(report, findings, ledger)
    found = sorted(latest(found, ledger), key=lambda each: (each.patient_id, each.day, each.report.file))
    patients = {report.patient_id for report in known if report.patient_id}
    starts = _starts(found, findings) if found else {}
    lesions = _lesions(found, ledger)
    ledger.report(findings)
    if not found and not findings.has_errors:
        findings.add(
            name,
            "there is no diameter of a lesion in it",
            "Give structured reports of measurements (TID 1500); images hold no diameters.",
        )
    if findings.has_errors:
        return Converted(None, findings.listed(patients), ledger.unmapped())
    raw = {"patients": _patients(known, starts), "lesions": lesions}
    study, problems = build(raw, name, findings, needed)
    problems = tuple(_located(problem, found, name) for problem in problems)
    if study is not None:
        warnings = tuple(problem for problem in problems if problem.severity == "warning")
        study = replace(study, problems=warnings)

    def located(table: str, rows: pl.DataFrame) -> pl.DataFrame:
        files = [found[row - _FIRST_ROW].report.file for row in rows["row"]] if table == "lesions" else name
        told = pl.lit(files) if isinstance(files, str) else pl.Series("file", files, pl.String)
        return rows.with_columns(told.alias("file"), pl.lit(None, dtype=pl.Int64).alias("row"))

    return Converted(study, problems, with_aside(ledger.unmapped(), findings, located))


def _current(known: Sequence[Report], ledger: Ledger) -> list[Report]:
    """Each report once, without those that another one replaces."""
    replaced = {uid for report in known for uid in report.replaced if uid}
    seen: set[str] = set()
    current = []
    for report in known:
        if report.uid in replaced:
            ledger.leave_report(report, "a later report replaces it", "Nothing to do.")
        elif report.uid and report.uid in seen:
            ledger.leave_report(report, "it is there twice", "It is read once; nothing to do.")
        else:
            seen.add(report.uid)
            current.append(report)
    return current


def _readings(report: Report, findings: Findings, ledger: Ledger) -> list[Reading]:
    """The lesions of a report whose patient and date are known."""
    if not report.groups:
        ledger.leave_report(
            report, "it has no measurement group (TID 1501)", "Nothing to do unless it should have."
        )
        return []
    if report.patient_id is None:
        findings.add(
            report.file,
            "the report has no patient",
            "Fill in Patient ID (0010,0020), or leave the file out.",
            column="PatientID",
        )
    if report.day is None:
        findings.add(
            report.file,
            "the report has no date",
            "Fill in Study Date (0008,0020), or leave the file out.",
            column="StudyDate",
        )
    if report.patient_id is None or report.day is None:
        return []
    found = readings(report, report.patient_id, report.day, ledger)
    if found and report.day_is_of_report:
        ledger.note(
            report,
            "there is no Study Date, so the day is that on which the report was written",
            "Fill in Study Date (0008,0020) if the scan is older.",
        )
    return found


def _starts(found: Sequence[Reading], findings: Findings) -> dict[str, date]:
    """Day 0 of each patient."""
    told: dict[str, set[date]] = {}
    first: dict[str, date] = {}
    for reading in found:
        first[reading.patient_id] = min(first.get(reading.patient_id, reading.day), reading.day)
        if reading.report.start is not None:
            told.setdefault(reading.patient_id, set()).add(reading.report.start)
    unsure = [patient for patient, starts in told.items() if len(starts) > 1]
    guessed = [patient for patient in first if patient not in told]
    file = found[0].report.file
    if unsure:
        findings.add(
            file,
            f"reports of {counted(len(unsure), 'patient')} count days from different dates",
            "The first is day 0; check the offsets.",
            column="LongitudinalTemporalOffsetFromEvent",
            severity="warning",
        )
    if guessed:
        findings.add(
            file,
            f"for {counted(len(guessed), 'patient')} no report says when treatment began: the first is day 0",
            "Convert to a study folder and write start_date in patients if treatment began on another day.",
            severity="warning",
        )
    return {patient: min(told.get(patient, {day})) for patient, day in first.items()}


def _patients(known: Sequence[Report], starts: Mapping[str, date]) -> RawTable:
    rows = []
    for patient, start in starts.items():
        own = [report for report in known if report.patient_id == patient]
        sex = next((report.sex for report in own if report.sex), None)
        born = next((report.birth_year for report in own if report.birth_year), None)
        rows.append((patient, sex, born, start))
    return _table("patients", pl.DataFrame(rows, schema=_PATIENT_SCHEMA, orient="row"))


def _lesions(found: Sequence[Reading], ledger: Ledger) -> RawTable:
    """The rows, each lesion with the part in the criteria that any report gives it."""
    names = lesion_ids(found, ledger)
    lesions = list(zip((reading.patient_id for reading in found), names, strict=True))
    roles: dict[tuple[str, str], str] = {}
    for key, reading in zip(lesions, found, strict=True):
        if reading.role is not None:
            roles.setdefault(key, reading.role)
    unsaid = [key for key in dict.fromkeys(lesions) if key not in roles]
    if unsaid:
        ledger.note(
            found[0].report,
            f"not said to be target, non-target or new: {len(unsaid):,} of {counted(len(set(lesions)), 'lesion')}",
            "They are read as target lesions.",
        )
    readers = _readers(found, lesions)
    rows = [
        (
            reading.patient_id,
            reading.day,
            name,
            reading.role or roles.get(key, "target"),
            reading.site,
            reading.node or None,
            reading.diameter_mm,
            reading.status,
            reader,
            reading.group.uid,
        )
        for reading, name, key, reader in zip(found, names, lesions, readers, strict=True)
    ]
    return _table("lesions", pl.DataFrame(rows, schema=_LESION_SCHEMA, orient="row"))


def _readers(found: Sequence[Reading], lesions: Sequence[tuple[str, str]]) -> list[str | None]:
    """`reader 1`, ... for patients whose scans several people read; who they are stays in the files."""
    seen: dict[tuple[str, date], set[str]] = {}
    for reading in found:
        seen.setdefault((reading.patient_id, reading.day), set()).add(reading.report.observer or "")
    several = {patient for (patient, _), people in seen.items() if len(people) > 1}
    people = sorted({reading.report.observer or "" for reading in found if reading.patient_id in several})
    names = {person: f"reader {number}" for number, person in enumerate(people, start=1)}
    return [
        names[reading.report.observer or ""] if patient in several else None
        for reading, (patient, _) in zip(found, lesions, strict=True)
    ]


def _table(name: str, frame: pl.DataFrame) -> RawTable:
    numbers = pl.int_range(_FIRST_ROW, frame.height + _FIRST_ROW, dtype=pl.Int64, eager=True)
    return RawTable(name, frame, numbers.alias("source_row"), None)


def _located(problem: Problem, found: Sequence[Reading], name: str) -> Problem:
    """A problem of a row as one of the report and the measurement group that the row is from."""
    if problem.file not in ("lesions", "patients"):
        return problem
    if problem.file == "patients" or problem.row is None:
        return replace(problem, file=name, row=None)

    def place(row: int) -> Reading | None:
        return found[row - _FIRST_ROW] if 0 <= row - _FIRST_ROW < len(found) else None

    def said(match: re.Match[str]) -> str:
        other = place(int(match[2]))
        return match[0] if other is None else f"{match[1]} {other.group.number} of {other.report.file}"

    reading = place(problem.row)
    mend = re.sub(r"\b([Rr]ow) (\d{1,9})\b", said, problem.mend)
    if reading is None:
        return replace(problem, file=name, row=None, mend=mend)
    return replace(problem, file=reading.report.file, row=reading.group.number, mend=mend)
