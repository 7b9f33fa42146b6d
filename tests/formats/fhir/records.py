"""FHIR resources as a hospital would send them, small ones, for tests."""

import json
from pathlib import Path

from turnpoint.formats import fhir
from turnpoint.formats.ledger import Converted

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
UCUM = "http://unitsofmeasure.org"


def concept(code=None, system="http://loinc.org", display=None, text=None):
    coding = {"system": system, "code": code, "display": display}
    found = {"coding": [{name: value for name, value in coding.items() if value}]} if code or display else {}
    return found | ({"text": text} if text else {})


def amount(value, unit="ng/mL", comparator=None):
    found = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return found | ({"comparator": comparator} if comparator else {})


def marker(number=1, value=8.5, day="2024-03-01", code="2857-1", unit="ng/mL", **other):
    row = {
        "resourceType": "Observation",
        "id": f"m{number}",
        "status": "final",
        "code": concept(code),
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": day,
        "valueQuantity": amount(value, unit),
    }
    return {name: found for name, found in (row | other).items() if found is not None}


def size(number=1, longest=24, day="2024-02-25", other_dimensions=(), tumour="t1", unit="mm", **other):
    parts = (
        [{"code": concept("33728-7"), "valueQuantity": amount(longest, unit)}] if longest is not None else []
    )
    parts += [{"code": concept("33729-5"), "valueQuantity": amount(mm, unit)} for mm in other_dimensions]
    row = {
        "resourceType": "Observation",
        "id": f"s{number}",
        "status": "final",
        "code": concept("21889-1"),
        "subject": {"reference": "Patient/p1"},
        "focus": [{"reference": f"BodyStructure/{tumour}"}] if tumour else None,
        "effectiveDateTime": day,
        "component": parts,
    }
    return {name: found for name, found in (row | other).items() if found is not None}


def tumour(name="t1", site="Lung", **other):
    row = {
        "resourceType": "BodyStructure",
        "id": name,
        "location": concept(text=site),
        "patient": {"reference": "Patient/p1"},
    }
    return row | other


def given(number=1, day="2024-03-01", drug="docetaxel", **other):
    row = {
        "resourceType": "MedicationAdministration",
        "id": f"d{number}",
        "status": "completed",
        "medicationCodeableConcept": {"text": drug},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": day,
        "dosage": {"dose": amount(140, "mg")},
    }
    return {name: found for name, found in (row | other).items() if found is not None}


def event(number=1, grade="2", term="Nausea", day="2024-03-05", **other):
    grades = "http://hl7.org/fhir/us/ctcae/CodeSystem/ctcae-grade-code-system"
    row = {
        "resourceType": "AdverseEvent",
        "id": f"e{number}",
        "actuality": "actual",
        "event": concept(text=term),
        "subject": {"reference": "Patient/p1"},
        "date": day,
        "extension": [
            {
                "url": "http://hl7.org/fhir/us/ctcae/StructureDefinition/ctcae-grade",
                "valueCodeableConcept": concept(grade, grades),
            }
        ],
    }
    return {name: found for name, found in (row | other).items() if found is not None}


def person(name="p1", **other):
    return {"resourceType": "Patient", "id": name, "gender": "male", "birthDate": "1950-06-01"} | other


def bundle(*resources, kind="collection", **other):
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": row} for row in resources]} | other


def saved(folder: Path, *resources, name="bundle.json") -> Path:
    path: Path = folder / name
    path.write_text(json.dumps(bundle(*resources)), encoding="utf-8")
    return path


def converted(folder: Path, *resources) -> Converted:
    return fhir.convert(saved(folder, *resources))


def study(folder: Path, *resources):
    found = converted(folder, *resources)
    assert found.study is not None, found.problems
    return found.study


def said(found) -> str:
    return "\n".join(str(problem) for problem in found.problems)


def errors(found: Converted) -> list[str]:
    return [str(problem) for problem in found.problems if problem.severity == "error"]
