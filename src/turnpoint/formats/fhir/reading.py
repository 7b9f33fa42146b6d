"""HL7 FHIR R4, in which hospitals keep and send their records: Bundles, resources and bulk exports become a study.

    Observation (with BodyStructure, Specimen) -> markers, lesions      Patient, Condition -> patients
    MedicationAdministration, -Statement (with Medication) -> doses     AdverseEvent -> events

mCODE profiles are read, and so is what makes no claim but has their codes. Whatever is not read is counted in the
study's warnings and kept in a side table (`convert`).

Source: HL7 FHIR R4 (4.0.1); HL7 mCODE 4.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import Problem
from turnpoint.formats.fhir.conditions import primary_cancers
from turnpoint.formats.fhir.events import EVENT_COLUMNS, event_rows
from turnpoint.formats.fhir.gathering import Gathered
from turnpoint.formats.fhir.ledger import Place
from turnpoint.formats.fhir.lesions import LESION_COLUMNS, lesion_rows
from turnpoint.formats.fhir.markers import MARKER_COLUMNS, marker_rows
from turnpoint.formats.fhir.medications import DOSE_COLUMNS, dose_rows, settled
from turnpoint.formats.fhir.patients import PATIENT_COLUMNS, patient_rows, start_dates
from turnpoint.formats.fhir.resources import fhir_files, is_fhir, resources
from turnpoint.formats.ledger import Converted, with_aside
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.validation import build

Rows = Sequence[Mapping[str, object]]

_COLUMNS: Final = {
    "patients": PATIENT_COLUMNS,
    "lesions": LESION_COLUMNS,
    "markers": MARKER_COLUMNS,
    "doses": DOSE_COLUMNS,
    "events": EVENT_COLUMNS,
}
# The header is line 1 of a table.
_FIRST_ROW: Final = 2


def recognises(path: Path) -> bool:
    """True for FHIR resources as JSON or NDJSON, plain or gzip, in a file or in a folder."""
    try:
        candidates = path.iterdir() if path.is_dir() else [path]
        return any(file.is_file() and is_fhir(file) for file in candidates)
    except OSError:
        return False


def convert(path: Path, needed: Collection[str] = tuple(TABLES)) -> Converted:
    """Read FHIR files as a study, with what the study has no place for beside it.

    Args:
        path: a file with a Bundle, a resource or one resource a line; or a folder of such files.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).
    """
    findings = Findings()
    gathered = Gathered()
    try:
        for resource in resources(fhir_files(path), gathered.ledger, findings):
            gathered.take(resource)
    except OSError:
        findings.add(path.name, "cannot be opened", "Check the path and your rights to it.")
    ledger, people = gathered.ledger, gathered.people
    patients = {key: people.resolve(key, place, ledger) for key, place in gathered.subjects.items()}
    tables = _tables(gathered, patients)
    ledger.report(findings)
    if not tables["lesions"] and not tables["markers"] and not findings.has_errors:
        findings.add(
            path.name,
            "there is no tumour marker and no tumour size",
            "Give Observations with LOINC codes: of a marker (PSA 2857-1), or of a tumour's size (21889-1).",
        )
    known = pl.col("patient_id").replace_strict(patients, default=None, return_dtype=pl.String)
    unmapped = ledger.unmapped().with_columns(known)
    if findings.has_errors:
        return Converted(None, findings.listed(frozenset(patients.values())), unmapped)
    name = path.resolve().name if path.is_dir() else path.name.partition(".")[0]
    places = {table: [_place(row) for row in rows] for table, rows in tables.items()}
    raw = {table: _raw(table, rows) for table, rows in tables.items() if rows}
    study, problems = build(raw, name, findings, needed)
    problems = tuple(_located(problem, places, path.name) for problem in problems)
    if study is None:
        return Converted(None, problems, unmapped)
    unmapped = with_aside(unmapped, findings, lambda table, rows: _relocated(rows, places[table]))
    frames = {table: _renumbered(getattr(study, table), places.get(table, [])) for table in _COLUMNS}
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return Converted(Study(**frames, problems=warnings, name=name), problems, unmapped)


def _tables(gathered: Gathered, patients: Mapping[str, str]) -> dict[str, Rows]:
    """The rows of the tables, each with its `place`."""
    ledger = gathered.ledger
    doses = settled(gathered.doses, gathered.medications, gathered.conditions, patients, ledger)
    observed = [*gathered.sizes, *gathered.markers]
    starts = start_dates(gathered.people, patients, doses, observed, gathered.events, ledger)
    tables: dict[str, Rows] = {
        "lesions": lesion_rows(gathered.sizes, gathered.tumours, patients, starts, ledger),
        "markers": marker_rows(gathered.markers, gathered.tumours, patients, starts, ledger),
        "doses": list(dose_rows(doses, starts, ledger)),
        "events": list(event_rows(gathered.events, patients, starts, ledger)),
    }
    listed = {str(row["patient_id"]) for rows in tables.values() for row in rows}
    cancers = primary_cancers(gathered.cancers, patients)
    tables["patients"] = patient_rows(gathered.people, cancers, starts, listed, ledger)
    return tables


def _place(row: Mapping[str, object]) -> Place | None:
    place = row.get("place")
    return place if isinstance(place, Place) else None


def _raw(table: str, rows: Rows) -> RawTable:
    """The table as a file would give it, with the resource that each row is from beside it."""
    schema = _COLUMNS[table]
    frame = pl.DataFrame(
        {name: pl.Series(name, [row.get(name) for row in rows], dtype) for name, dtype in schema.items()}
    )
    if table != "patients":
        names = [place.name if (place := _place(row)) else None for row in rows]
        frame = frame.with_columns(pl.Series("resource", names, pl.String))
    numbers = pl.Series("source_row", range(_FIRST_ROW, len(rows) + _FIRST_ROW), pl.Int64)
    return RawTable(table, frame, numbers, None)


def _located(problem: Problem, places: Mapping[str, Sequence[Place | None]], name: str) -> Problem:
    """A problem of a table as one of the file and the entry that its row is from."""
    own = places.get(problem.file)
    if own is None:
        return problem

    def place_of(row: int) -> Place | None:
        return own[row - _FIRST_ROW] if 0 <= row - _FIRST_ROW < len(own) else None

    def said(found: re.Match[str]) -> str:
        other = place_of(int(found[2]))
        return found[0] if other is None else f"{found[1]} {other.row} of {other.file}"

    place = None if problem.row is None else place_of(problem.row)
    mend = re.sub(r"\b([Rr]ow) (\d{1,9})\b", said, problem.mend)
    if place is None:
        return replace(problem, file=name, row=None, mend=mend)
    return replace(problem, file=place.file, row=place.row, mend=mend)


def _relocated(rows: pl.DataFrame, places: Sequence[Place | None]) -> pl.DataFrame:
    """Rows that the checks set aside, by the resource that each is from; of a patient there is none."""
    known = {number: place for number, place in enumerate(places, start=_FIRST_ROW) if place is not None}
    own = [known.get(number) for number in rows["row"]]
    return rows.with_columns(
        pl.coalesce(pl.Series("file", [place.file if place else None for place in own], pl.String), "file"),
        pl.Series("row", [place.row if place else None for place in own], pl.Int64),
        pl.coalesce(
            pl.Series("record", [place.name if place else None for place in own], pl.String), "record"
        ),
    )


def _renumbered(frame: pl.DataFrame, places: Sequence[Place | None]) -> pl.DataFrame:
    """The table with the entry or line of each row instead of its number."""
    if frame.is_empty():
        return frame
    rows = {number: place.row for number, place in enumerate(places, start=_FIRST_ROW) if place is not None}
    numbered = pl.col("source_row").replace_strict(rows, default=None, return_dtype=pl.Int64)
    return frame.with_columns(numbered.alias("source_row"))
