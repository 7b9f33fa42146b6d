"""What Turnpoint writes as FHIR: valid by the base specification, and the same study when read back."""

import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnpoint.errors import UsageError
from turnpoint.formats import fhir
from turnpoint.formats.fhir.out import SENTENCE, assessment_bundle, write_assessment
from turnpoint.formats.fhir.study_out import study_bundle, write_study_as_fhir
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.validation import build
from turnpoint.workflows.assess import ASSESSMENT_SCHEMA

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# What every resource must have by R4, and the codes it must be of; R4B's models check neither of the last two.
REQUIRED = {
    "Observation": ("status", "code"),
    "MedicationAdministration": ("status", "medicationCodeableConcept", "subject"),
    "AdverseEvent": ("actuality", "subject"),
    "BodyStructure": ("patient",),
    "Condition": ("subject",),
    "Patient": (),
}
CODES = {
    "Observation": {"final", "preliminary"},
    "MedicationAdministration": {"completed", "in-progress", "not-done"},
}


def entries(written: Any) -> list[Any]:
    """A bundle's entries."""
    found: list[Any] = written["entry"]
    return found


def tables(**rows):
    raw = {}
    for table, several in rows.items():
        names = list(dict.fromkeys(name for row in several for name in row))
        frame = pl.DataFrame({name: [row.get(name) for row in several] for name in names}, strict=False)
        raw[table] = RawTable(
            f"{table}.csv", frame, pl.Series("source_row", range(2, len(several) + 2)), None
        )
    return raw


def built(**rows) -> Study | None:
    return build(tables(**{table: found for table, found in rows.items() if found}), "s", Findings())[0]


def example(start=date(2024, 3, 1)):
    return built(
        patients=[
            {"patient_id": "P 1", "start_date": start, "sex": "female", "birth_year": 1950, "arm": "A"},
            {"patient_id": "p2", "start_date": None, "tumour_type": "prostate cancer", "line": 2},
        ],
        lesions=[
            {
                "patient_id": "P 1",
                "day": 0,
                "lesion_id": "T1",
                "role": "target",
                "status": "measured",
                "diameter_mm": 24.5,
            },
            {"patient_id": "P 1", "day": 42, "lesion_id": "T1", "role": "target", "status": "too_small"},
            {
                "patient_id": "P 1",
                "day": 42,
                "lesion_id": "N1",
                "role": "new",
                "status": "equivocal",
                "site": "liver",
            },
        ],
        markers=[
            {
                "patient_id": "p2",
                "day": -3,
                "marker": "PSA",
                "value": "<0.1",
                "unit": "ng/mL",
                "upper_limit": 4.0,
            },
            {"patient_id": "p2", "day": 21, "marker": "PSA", "value": "3.25", "unit": "ng/mL", "assay": "X"},
        ],
        doses=[
            {
                "patient_id": "p2",
                "day": 0,
                "drug": "abiraterone",
                "dose": 1000.0,
                "unit": "mg",
                "action": "start",
            },
            {"patient_id": "p2", "day": 20, "drug": "abiraterone", "action": "stop"},
        ],
        events=[{"patient_id": "P 1", "day": 5, "end_day": 9, "term": "Nausea", "grade": 2}],
    )


def assessment(**other):
    empty = dict.fromkeys(ASSESSMENT_SCHEMA)
    first = {"patient_id": "P 1", "day": 0, "verdict": "undetermined", "alert": False, "p_responding": 1 / 3}
    second = {"patient_id": "p2", "day": 21, "verdict": "plateau", "alert": True, "turning_day_q95": 3650.0}
    return pl.DataFrame([empty | first, empty | second | other], schema=ASSESSMENT_SCHEMA)


def components(observation):
    return {part["code"]["coding"][0]["code"]: part for part in observation["component"]}


@pytest.mark.parametrize("kind", ["assessment", "study"])
def test_bundle_validates_against_the_base_specification(kind):
    study = example()
    written = (
        study_bundle(study, timestamp=NOW)
        if kind == "study"
        else assessment_bundle(assessment(), study, method="Turnpoint 0.1, prior generic", timestamp=NOW)
    )
    Bundle.model_validate_json(json.dumps(written))
    urls = [entry["fullUrl"] for entry in entries(written)]
    assert len(set(urls)) == len(urls)
    for entry in entries(written):
        resource = entry["resource"]
        assert all(name in resource for name in REQUIRED[resource["resourceType"]])
        assert resource.get("status") in CODES.get(resource["resourceType"], {None})


def references(value):
    if isinstance(value, dict):
        yield from ([value["reference"]] if isinstance(value.get("reference"), str) else [])
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from references(part)


def test_references_of_a_study_are_to_entries_of_its_bundle():
    written = study_bundle(example(), timestamp=NOW)
    told = set(references(written))
    assert told
    assert told <= {entry["fullUrl"] for entry in entries(written)}


def test_study_uses_every_kind_of_resource():
    kinds = {entry["resource"]["resourceType"] for entry in entries(study_bundle(example(), timestamp=NOW))}
    assert kinds == set(REQUIRED)


def test_assessment_is_a_preliminary_observation_that_says_what_it_is():
    written = assessment_bundle(assessment(), example(), method="Turnpoint 0.1", timestamp=NOW)
    first, second = (entry["resource"] for entry in entries(written))
    assert first["status"] == "preliminary"
    assert first["note"] == [{"text": SENTENCE}]
    assert first["effectiveDateTime"] == "2024-03-01"
    assert "effectiveDateTime" not in second
    assert second["valueCodeableConcept"]["coding"][0]["code"] == "plateau"
    assert "loinc" not in json.dumps(written)
    parts = components(second)
    assert parts["alert"]["valueBoolean"] is True
    assert parts["turning-day-q95"]["valueQuantity"]["comparator"] == ">="
    assert components(first)["p-responding"]["valueQuantity"]["value"] == 0.333333
    assert parts["p-scar"]["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_assessment_has_every_column_of_assess():
    parts = components(
        entries(assessment_bundle(assessment(), example(), method="m", timestamp=NOW))[0]["resource"]
    )
    columns = {name.replace("_", "-") for name in ASSESSMENT_SCHEMA} - {
        "patient-id",
        "day",
        "verdict",
        "prior",
    }
    assert set(parts) == columns


def test_assessment_is_derived_from_the_observations_up_to_its_visit(tmp_path):
    path = write_study_as_fhir(example(), tmp_path / "s.ndjson", timestamp=NOW)
    study = fhir.convert(path).study
    rows = pl.concat([assessment(), assessment(day=-3)]).unique(["patient_id", "day"], maintain_order=True)
    written = assessment_bundle(rows, study, method="m", timestamp=NOW)
    counts = {
        (entry["resource"]["subject"]["identifier"]["value"], row["day"]): len(
            entry["resource"]["derivedFrom"]
        )
        for entry, row in zip(entries(written), rows.iter_rows(named=True), strict=True)
    }
    assert counts == {("P 1", 0): 1, ("p2", 21): 2, ("p2", -3): 1}


@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_assessment_file_reads_back_as_json(tmp_path, ending):
    path = write_assessment(assessment(), example(), tmp_path / f"a.{ending}", method="m", timestamp=NOW)
    text = path.read_text(encoding="utf-8")
    found = json.loads(text)["entry"] if ending == "json" else text.splitlines()
    assert len(found) == 2
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_other_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"written as \.json or \.ndjson"):
        write_study_as_fhir(example(), tmp_path / "a.xml", timestamp=NOW)


def test_stop_without_a_start_is_no_dose_to_other_readers():
    study = built(
        markers=[{"patient_id": "p", "day": 0, "marker": "PSA", "value": "1", "unit": "ng/mL"}],
        doses=[{"patient_id": "p", "day": 0, "drug": "x", "action": "stop"}],
    )
    kinds = [entry["resource"] for entry in entries(study_bundle(study, timestamp=NOW))]
    assert [row["status"] for row in kinds if row["resourceType"] == "MedicationAdministration"] == [
        "not-done"
    ]


# Letters that a file keeps as they are: no outer or double spaces, no missing words.
WORDS = st.text(st.sampled_from("abcXYZ07-.é癌<&"), min_size=2, max_size=12).map(lambda word: f"n{word}")
MAYBE = st.none() | WORDS
DAYS = st.integers(-100, 2000)
MM = st.integers(1, 2999).map(lambda tenths: tenths / 10)
PATIENTS = st.lists(WORDS, min_size=1, max_size=3, unique=True)
MARKERS = {
    "PSA": "ng/mL",
    "CA-125": "U/mL",
    "hCG": "[IU]/L",
    "ctDNA": "%",
    "ctDNA copies": "copies/mL",
    "n-own": "ng/mL",
}
STATUSES = (
    "measured",
    "too_small",
    "absent",
    "present",
    "not_evaluable",
    "equivocal",
    "unequivocal_progression",
)


@st.composite
def studies(draw):
    """A study with everything that FHIR holds."""
    patients = draw(PATIENTS)
    person = st.sampled_from(patients)
    lesions, markers = {}, {}
    roles: dict[tuple[Any, ...], tuple[str, bool]] = {}
    for _ in range(draw(st.integers(0, 6))):
        key = (
            draw(person),
            draw(DAYS),
            draw(st.sampled_from(["nT1", "nT2"])),
            draw(st.none() | st.just("R1")),
        )
        role, node = roles.setdefault(
            (key[0], key[2], key[3]), (draw(st.sampled_from(["non_target", "new"])), draw(st.booleans()))
        )
        status = draw(st.sampled_from(STATUSES))
        mm = (
            draw(MM)
            if status == "measured"
            else draw(st.none() | st.floats(1, 4))
            if status != "absent"
            else None
        )
        lesions[key] = dict(zip(("patient_id", "day", "lesion_id", "reader"), key, strict=True)) | {
            "role": role,
            "node": node,
            "status": status,
            "diameter_mm": mm,
            "site": draw(MAYBE),
            "method": draw(MAYBE),
        }
    for _ in range(draw(st.integers(1, 6))):
        series = (draw(person), draw(DAYS), draw(st.sampled_from(sorted(MARKERS))))
        value = draw(st.floats(1e-6, 1e6))
        markers[series] = dict(zip(("patient_id", "day", "marker"), series, strict=True)) | {
            "value": draw(st.sampled_from(["", "<", ">"])) + repr(value),
            "unit": MARKERS[series[2]],
            "upper_limit": draw(st.none() | st.floats(0.1, 1e5)),
            "assay": draw(MAYBE),
        }
    dose = st.fixed_dictionaries(
        {
            "patient_id": person,
            "day": DAYS,
            "drug": WORDS.map(str.lower),
            "dose": st.none() | st.floats(0.1, 5000),
            "unit": st.just("mg/m2"),
            "action": st.sampled_from(["given", "start", "stop"]),
            "cycle": st.none() | st.integers(1, 30),
            "regimen": MAYBE,
            "line": st.none() | st.integers(1, 9),
        }
    ).map(lambda row: row | ({"unit": None} if row["dose"] is None else {}))
    event = st.tuples(person, DAYS, st.integers(0, 99), WORDS, st.integers(1, 5)).map(
        lambda row: {
            "patient_id": row[0],
            "day": row[1],
            "end_day": row[1] + row[2],
            "term": row[3],
            "grade": row[4],
        }
    )
    people = [
        {
            "patient_id": patient,
            "start_date": draw(st.none() | st.dates(date(2000, 1, 1), date(2030, 1, 1))),
            "arm": draw(MAYBE),
            "tumour_type": draw(st.none() | st.sampled_from(["lung cancer", "melanoma"])),
            "sex": draw(st.sampled_from([None, "female", "male", "other", "unknown"])),
            "birth_year": draw(st.none() | st.integers(1930, 1990)),
            "line": draw(st.none() | st.integers(1, 9)),
            "death_day": draw(st.none() | st.integers(0, 3000)),
        }
        for patient in patients
    ]
    return built(
        patients=people,
        lesions=list(lesions.values()),
        markers=list(markers.values()),
        doses=draw(st.lists(dose, max_size=5)),
        events=draw(st.lists(event, max_size=4, unique_by=str)),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(study=studies(), ending=st.sampled_from(["json", "ndjson"]))
def test_study_is_the_same_after_a_round_trip(tmp_path_factory, study, ending):
    assert study is not None
    folder = tmp_path_factory.mktemp("trip")
    found = fhir.convert(write_study_as_fhir(study, folder / f"s.{ending}", timestamp=NOW))
    assert found.study is not None, found.problems
    for name, table in TABLES.items():
        columns = [c.name for c in table.columns if not c.derived and not c.transient]
        columns += ["censoring"] if name == "markers" else []
        before, after = (getattr(one, name).select(columns) for one in (study, found.study))
        assert sorted(map(repr, before.rows())) == sorted(map(repr, after.rows())), name
    assert found.unmapped.is_empty()
