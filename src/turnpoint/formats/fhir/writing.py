"""What all FHIR that Turnpoint writes has: ids, references, codes, its own extensions, and Bundles or NDJSON.

Nothing is claimed that is not so: where LOINC or SNOMED CT has no code, Turnpoint's own code systems and extensions are
used (`urn:turnpoint:...`), listed in docs/formats-fhir.md.

Source: HL7 FHIR R4 (4.0.1), "Bundle", "Extensibility" and "Resource" (ids).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from turnpoint.errors import UsageError
from turnpoint.formats.fhir.elements import OWN, OWN_EXTENSION

Resource: TypeAlias = dict[str, object]

LOINC_URL: Final = "http://loinc.org"
UCUM_URL: Final = "http://unitsofmeasure.org"
MCODE: Final = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# All of Turnpoint's ids follow from what they name, so that writing twice gives the same file.
_NAMESPACE: Final = uuid.UUID("6f0c9f0e-5b1f-5a55-9f6b-3a1d0a9b7c11")
_ENDINGS: Final = (".json", ".ndjson")


def resource_id(*names: object) -> str:
    """An id that follows from names, the same every time."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps([str(name) for name in names])))


def patient_resource_id(patient_id: str) -> str:
    """The id of a Patient: the patient's own where FHIR allows it."""
    return patient_id if _ID.fullmatch(patient_id) else resource_id("Patient", patient_id)


def subject(patient_id: str, *, is_written: bool) -> Resource:
    """A reference to a patient, by identifier and by id.

    Args:
        patient_id: the patient.
        is_written: true when the Patient is written too; else the id must be one that the reader's Patient may have.
    """
    reference: Resource = {"type": "Patient", "identifier": {"system": f"{OWN}patient", "value": patient_id}}
    if is_written or _ID.fullmatch(patient_id):
        reference["reference"] = f"Patient/{patient_resource_id(patient_id)}"
    return reference


def coded(system: str, code: str, display: str | None = None, words: str | None = None) -> Resource:
    """A CodeableConcept with one coding."""
    coding = {"system": system, "code": code} | ({} if display is None else {"display": display})
    return {"coding": [coding]} | ({} if words is None else {"text": words})


def own_coded(system: str, code: str, words: str) -> Resource:
    """A CodeableConcept of one of Turnpoint's own code systems."""
    return coded(f"{OWN}{system}", code, words, words)


def absent(reason: str = "unknown") -> Resource:
    """Why there is no value."""
    return {"dataAbsentReason": coded(ABSENT, reason)}


def own_extension(name: str, kind: str, value: object) -> Resource:
    """One of Turnpoint's own extensions."""
    return {"url": OWN_EXTENSION + name, f"value{kind}": value}


def extensions(*found: Resource | None) -> Resource:
    """The extensions that there are, as an element; empty without any."""
    present = [extension for extension in found if extension is not None]
    return {"extension": present} if present else {}


def when(element: str, day: int | None, start: date | None) -> Resource:
    """A date as an element: the calendar date where the start of the course is known, else the day in an extension."""
    if day is None:
        return {}
    if start is not None:
        return {element: (start + timedelta(days=day)).isoformat()}
    return {f"_{element}": extensions(own_extension("day", "Integer", day))}


def bundle(resources: Iterable[Resource], timestamp: datetime) -> Resource:
    """A Bundle of type collection.

    Args:
        resources: each with its id.
        timestamp: when it was made, with its time zone.
    """
    found = list(resources)
    names = [(resource["resourceType"], resource["id"]) for resource in found]
    urls = {f"{kind}/{name}": f"urn:uuid:{resource_id(kind, name)}" for kind, name in names}
    entries = [
        {"fullUrl": urls[f"{kind}/{name}"], "resource": _linked(resource, urls)}
        for (kind, name), resource in zip(names, found, strict=True)
    ]
    written: Resource = {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": timestamp.isoformat(timespec="seconds"),
    }
    return written | ({"entry": entries} if entries else {})


def _linked(value: object, urls: Mapping[str, str]) -> object:
    """The same JSON with references to the Bundle's own entries by their fullUrl, the only way that R4 resolves."""
    if isinstance(value, list):
        return [_linked(part, urls) for part in value]
    if not isinstance(value, dict):
        return value
    linked = {name: _linked(part, urls) for name, part in value.items()}
    reference = linked.get("reference")
    return linked | {"reference": urls.get(reference, reference)} if isinstance(reference, str) else linked


def write_resources(resources: Iterable[Resource], path: str | Path, timestamp: datetime) -> Path:
    """Write resources as a Bundle (`.json`) or one a line (`.ndjson`); the file appears whole or not at all.

    Raises:
        UsageError: another ending, or a place that cannot be written to.
    """
    place = Path(path)
    if place.suffix.lower() not in _ENDINGS:
        raise UsageError(
            f"{place.name}: FHIR is written as {' or '.join(_ENDINGS)}. Name the file with one of these endings"
        )
    temporary = place.with_name(f".{place.name}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            if place.suffix.lower() == ".json":
                file.write(as_json(bundle(resources, timestamp)))
            else:
                file.writelines(as_json(resource) + "\n" for resource in resources)
        temporary.replace(place)
    except OSError as error:
        raise UsageError(
            f"{place.name}: cannot be written ({(error.strerror or 'error').lower()})"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return place


def as_json(resource: Mapping[str, object]) -> str:
    """One line of JSON; infinity and NaN, which FHIR has not, are a fault of the caller."""
    return json.dumps(resource, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
