"""Hostile bytes for the FHIR reader: `python benchmarks/fuzz_fhir.py [CORPUS] [-runs=N] [-max_total_time=SECONDS]`.

Coverage-guided (atheris, the extra `turnpoint[fuzz]`). Every input must end in a study or in errors, never in another
exception. Seeds are written into the corpus folder on the first run. Arguments are those of libFuzzer.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["turnpoint.formats"]):
    from turnpoint.formats import fhir

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-fhir-"))


def _seeds() -> dict[str, bytes]:
    subject = {"subject": {"reference": "Patient/p"}}
    loinc = [{"system": "http://loinc.org", "code": "2857-1"}]
    marker = {
        "resourceType": "Observation",
        "id": "m",
        "status": "final",
        "code": {"coding": loinc},
        "effectiveDateTime": "2024-03-01",
        "valueQuantity": {"value": 8.5, "unit": "ng/mL", "code": "ng/mL", "comparator": "<"},
        "referenceRange": [{"high": {"value": 4, "unit": "ng/mL"}}],
        **subject,
    }
    size = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [loinc[0] | {"code": "21889-1"}]},
        "effectivePeriod": {"start": "2024-03-01"},
        "focus": [{"reference": "#b"}],
        "contained": [{"resourceType": "BodyStructure", "id": "b", "location": {"text": "lymph node"}}],
        "component": [
            {"code": {"coding": [loinc[0] | {"code": code}]}, "valueQuantity": {"value": 1.2, "code": "cm"}}
            for code in ("33728-7", "33729-5")
        ],
        **subject,
    }
    drug = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"text": "cisplatin"},
        "effectiveDateTime": "2024-03",
        "dosage": {"dose": {"value": 140, "unit": "mg"}},
        **subject,
    }
    event = {
        "resourceType": "AdverseEvent",
        "actuality": "actual",
        "event": {"text": "Nausea"},
        "date": "2024-03-02",
        "extension": [{"url": "x/ctcae-grade", "valueInteger": 2}],
        **subject,
    }
    patient = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1950-01-01"}
    all_of_them = [patient, marker, size, drug, event]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": row} for row in all_of_them],
    }
    lines = "".join(json.dumps(row) + "\n" for row in all_of_them)
    return {
        "bundle": json.dumps(bundle).encode(),
        "lines": lines.encode(),
        "gzip": gzip.compress(lines.encode(), mtime=0),
    }


def one_input(data: bytes) -> None:
    """One file of these bytes, read as FHIR."""
    path = _FOLDER / "input"
    path.write_bytes(data)
    fhir.recognises(path)
    found = fhir.convert(path)
    has_errors = any(problem.severity == "error" for problem in found.problems)
    if (found.study is None) != has_errors and fhir.recognises(path):
        raise RuntimeError("neither a study nor an error")


def main() -> None:
    corpus = (
        Path(sys.argv[1]) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else _FOLDER / "corpus"
    )
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in _seeds().items():
        (corpus / name).write_bytes(data)
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    atheris.Setup([sys.argv[0], str(corpus), *options], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
