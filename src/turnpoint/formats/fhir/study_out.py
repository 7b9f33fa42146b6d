"""A study as FHIR resources in the mCODE profiles, which read back as the same study.

    patients -> Patient, Condition (primary cancer)      lesions -> BodyStructure (tumour), Observation (tumour size)
    markers -> Observation (tumour marker test)          doses -> MedicationAdministration      events -> AdverseEvent

What FHIR has no element for (a lesion's role and status, the reader, the cycle, a day without a date) is in Turnpoint's
own extensions. What is given is `completed`; a drug taken daily is one administration over its period; a stop without a
start is `not-done`, so that no reader counts it as a dose. Columns that a study keeps beyond its own are not written.

Source: HL7 FHIR R4 (4.0.1); HL7 mCODE 4.0.0; HL7 CTCAE extension `ctcae-grade`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

import polars as pl

from turnpoint.formats.fhir.codes import ADMINISTRATION_PROFILE, MARKER_PROFILE, SIZE_PROFILE
from turnpoint.formats.fhir.elements import OWN
from turnpoint.formats.fhir.writing import (
    CATEGORY,
    LOINC_URL,
    MCODE,
    UCUM_URL,
    Resource,
    absent,
    bundle,
    coded,
    extensions,
    own_coded,
    own_extension,
    patient_resource_id,
    resource_id,
    subject,
    when,
    write_resources,
)
from turnpoint.study.markers import MARKERS
from turnpoint.study.study import Study
from turnpoint.study.units import parse

Row = Mapping[str, Any]
Starts = Mapping[str, date]

_GRADE: Final = "http://hl7.org/fhir/us/ctcae/StructureDefinition/ctcae-grade"
_GRADES: Final = "http://hl7.org/fhir/us/ctcae/CodeSystem/ctcae-grade-code-system"
_RESOLVED: Final = "http://hl7.org/fhir/us/ctcae/StructureDefinition/adverse-event-resolved-date"
_COMPARATORS: Final = {"left": "<", "right": ">"}


def study_bundle(study: Study, *, timestamp: datetime) -> Resource:
    """A study as a Bundle of type collection.

    Args:
        study: what to write.
        timestamp: when, with its time zone.
    """
    return bundle(study_resources(study), timestamp)


def write_study_as_fhir(study: Study, path: str | Path, *, timestamp: datetime) -> Path:
    """Write a study as a Bundle (`.json`) or one resource a line (`.ndjson`).

    Raises:
        UsageError: another ending, or a place that cannot be written to.
    """
    return write_resources(study_resources(study), path, timestamp)


def study_resources(study: Study) -> Iterator[Resource]:
    """The resources of a study, patients first."""
    starts: Starts = dict(study.patients.select("patient_id", "start_date").drop_nulls().iter_rows())
    tumours = study.lesions.unique(["patient_id", "lesion_id"], maintain_order=True)
    yield from chain.from_iterable(_patient(row) for row in study.patients.iter_rows(named=True))
    yield from (_tumour(row) for row in _numbered(tumours))
    yield from (_size(row, starts) for row in _numbered(study.lesions))
    yield from (_marker(row, starts) for row in _numbered(study.markers))
    yield from _doses(study.doses, starts)
    yield from (_event(row, starts) for row in _numbered(study.events))


def _numbered(frame: pl.DataFrame) -> Iterator[Row]:
    return frame.with_row_index("number").iter_rows(named=True)


def _own(name: str, kind: str, value: object) -> Resource | None:
    return None if value is None else own_extension(name, kind, value)


def _patient(row: Row) -> Iterator[Resource]:
    patient, start = row["patient_id"], row["start_date"]
    born = row["birth_year"]
    yield {
        "resourceType": "Patient",
        "id": patient_resource_id(patient),
        "meta": {"profile": [f"{MCODE}mcode-cancer-patient"]},
        **extensions(
            _own("start-date", "Date", None if start is None else start.isoformat()),
            _own("arm", "String", row["arm"]),
            _own("line", "Integer", row["line"]),
        ),
        "identifier": [{"system": f"{OWN}patient", "value": patient}],
        **({} if row["sex"] is None else {"gender": row["sex"]}),
        **({} if born is None else {"birthDate": f"{born:04d}"}),
        **when("deceasedDateTime", row["death_day"], start),
    }
    if row["tumour_type"] is not None:
        yield {
            "resourceType": "Condition",
            "id": resource_id("Condition", patient),
            "meta": {"profile": [f"{MCODE}mcode-primary-cancer-condition"]},
            "code": {"text": row["tumour_type"]},
            "subject": subject(patient, is_written=True),
        }


def _tumour(row: Row) -> Resource:
    return {
        "resourceType": "BodyStructure",
        "id": resource_id("BodyStructure", row["patient_id"], row["lesion_id"]),
        "meta": {"profile": [f"{MCODE}mcode-tumor"]},
        "identifier": [
            {
                "use": "usual",
                "type": coded("http://hl7.org/fhir/resource-types", "BodyStructure"),
                "value": row["lesion_id"],
            }
        ],
        **({} if row["site"] is None else {"location": {"text": row["site"]}}),
        "patient": subject(row["patient_id"], is_written=True),
    }


def _size(row: Row, starts: Starts) -> Resource:
    patient = row["patient_id"]
    mm = row["diameter_mm"]
    measured = {"value": mm, "unit": "mm", "system": UCUM_URL, "code": "mm"}
    value: Resource = {"valueQuantity": measured} if mm is not None else absent()
    longest: Resource = {"code": coded(LOINC_URL, "33728-7")}
    if row["status"] == "absent" and mm is None:
        value = {"valueQuantity": measured | {"value": 0}}
    elif row["status"] == "too_small" and mm is None:
        value = {"valueQuantity": measured | {"value": 5, "comparator": "<"}}
    components = [longest | value]
    if row["node"]:
        # A node's diameter is its short axis, and its longest dimension is not known.
        components = [longest | absent(), {"code": coded(LOINC_URL, "33729-5")} | value]
    return {
        "resourceType": "Observation",
        "id": resource_id("size", patient, row["number"]),
        "meta": {"profile": [MCODE + SIZE_PROFILE]},
        **extensions(
            _own("lesion-role", "Code", row["role"]),
            _own("lesion-status", "Code", row["status"]),
            _own("lesion-node", "Boolean", row["node"]),
            _own("reader", "String", row["reader"]),
        ),
        "status": "final",
        "category": [coded(CATEGORY, "imaging")],
        "code": coded(LOINC_URL, "21889-1"),
        "subject": subject(patient, is_written=True),
        "focus": [{"reference": f"BodyStructure/{resource_id('BodyStructure', patient, row['lesion_id'])}"}],
        **when("effectiveDateTime", row["day"], starts.get(patient)),
        **({} if row["site"] is None else {"bodySite": {"text": row["site"]}}),
        **({} if row["method"] is None else {"method": {"text": row["method"]}}),
        "component": components,
    }


def _marker(row: Row, starts: Starts) -> Resource:
    patient, name, unit = row["patient_id"], row["marker"], row["unit"]
    known = MARKERS.get(name)
    code = (
        coded(LOINC_URL, known.loinc[0], None, name)
        if known is not None and known.loinc
        else own_coded("marker", name, name)
    )
    measured: Resource = {"value": row["value"], **_unit(unit)}
    if row["censoring"] in _COMPARATORS:
        measured["comparator"] = _COMPARATORS[row["censoring"]]
    limit = row["upper_limit"]
    return {
        "resourceType": "Observation",
        "id": resource_id("marker", patient, row["number"]),
        "meta": {"profile": [MCODE + MARKER_PROFILE]},
        "status": "final",
        "category": [coded(CATEGORY, "laboratory")],
        "code": code,
        "subject": subject(patient, is_written=True),
        **when("effectiveDateTime", row["day"], starts.get(patient)),
        "valueQuantity": measured,
        **({} if row["assay"] is None else {"method": {"text": row["assay"]}}),
        **({} if limit is None else {"referenceRange": [{"high": {"value": limit, **_unit(unit)}}]}),
    }


def _unit(unit: str) -> Resource:
    if parse(unit) is None:
        return {"unit": unit}
    return {"unit": unit, "system": UCUM_URL, "code": unit.replace("copies", "{copies}")}


def _doses(doses: pl.DataFrame, starts: Starts) -> Iterator[Resource]:
    """A start and the stop that follows it become one administration over the period between."""
    rows = list(_numbered(doses))
    paired: set[int] = set()
    following: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(rows):
        following.setdefault((row["patient_id"], row["drug"]), []).append(place)
    stops: dict[int, Row] = {}
    for places in following.values():
        for place, after in pairwise(places):
            if _is_stop_of(rows[after], rows[place]):
                stops[place] = rows[after]
                paired.add(after)
    for place, row in enumerate(rows):
        if place not in paired:
            yield _dose(row, stops.get(place), starts)


def _is_stop_of(row: Row, start: Row) -> bool:
    same = all(row[name] == start[name] for name in ("cycle", "regimen", "line"))
    bare = row["dose"] is None and row["unit"] is None
    is_pair = start["action"] == "start" and row["action"] == "stop"
    return is_pair and bare and same and row["day"] > start["day"]


def _dose(row: Row, stop: Row | None, starts: Starts) -> Resource:
    patient, action = row["patient_id"], row["action"]
    start = starts.get(patient)
    amount: Resource = {} if row["dose"] is None else {"value": row["dose"]}
    if row["unit"] is not None:
        amount["unit"] = row["unit"]
    period = when("start", row["day"], start) | when("end", None if stop is None else stop["day"] - 1, start)
    status = "completed" if action == "given" or stop is not None else "in-progress"
    return {
        "resourceType": "MedicationAdministration",
        "id": resource_id("dose", patient, row["number"]),
        "meta": {"profile": [MCODE + ADMINISTRATION_PROFILE]},
        **extensions(
            _own("dose-action", "Code", action),
            _own("cycle", "Integer", row["cycle"]),
            _own("regimen", "String", row["regimen"]),
            _own("line", "Integer", row["line"]),
        ),
        "status": "not-done" if action == "stop" else status,
        "medicationCodeableConcept": {"text": row["drug"]},
        "subject": subject(patient, is_written=True),
        **(
            {"effectivePeriod": period} if action == "start" else when("effectiveDateTime", row["day"], start)
        ),
        **({"dosage": {"dose": amount}} if amount else {}),
    }


def _event(row: Row, starts: Starts) -> Resource:
    patient = row["patient_id"]
    start = starts.get(patient)
    resolved = when("valueDateTime", row["end_day"], start)
    return {
        "resourceType": "AdverseEvent",
        "id": resource_id("event", patient, row["number"]),
        "meta": {"profile": [f"{MCODE}ctc-adverse-event"]},
        **extensions(
            {"url": _GRADE, "valueCodeableConcept": coded(_GRADES, str(row["grade"]))},
            {"url": _RESOLVED, **resolved} if resolved else None,
        ),
        "actuality": "actual",
        "event": {"text": row["term"]},
        "subject": subject(patient, is_written=True),
        **when("date", row["day"], start),
    }
