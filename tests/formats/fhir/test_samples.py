"""The standard's own samples: what the study folder can hold of them is there, and the rest is counted."""

import json
import os
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from turnpoint.formats import fhir
from turnpoint.formats.fhir.responses import reported_in_fhir
from turnpoint.study.findings import Findings

DATA = (
    Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[4] / "shared" / "data"))
    / "formats"
    / "fhir-mcode"
)
SERIES = DATA / "tumor_marker_observations.ndjson"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the sample files are not here")


def observations():
    return [json.loads(line) for line in SERIES.read_text(encoding="utf-8").splitlines()]


def test_every_serial_marker_of_the_samples_is_read_or_counted():
    told = [row for row in observations() if "valueQuantity" in row]
    found = fhir.convert(SERIES)
    counted = Counter(found.unmapped["reason"].to_list())
    several = "earlier results of a marker on a day that has several"
    far = "markers without a full date, or 20 years from the start of the course"
    # A day has one result of a marker in a study; two results are 30 years after the patient's first.
    placed = pl.concat([found.study.markers.select("resource"), found.unmapped.select(resource="record")])
    assert found.study.markers.height == len(told) - counted[several] - counted[far] == 53 - 13 - 2
    assert {f"Observation/{row['id']}" for row in told} <= set(placed["resource"])
    assert found.unmapped.height == 100 - found.study.markers.height


def test_values_of_the_samples_are_what_the_file_says():
    told = {f"Observation/{row['id']}": row for row in observations()}
    for resource, patient, value, unit in (
        fhir.convert(SERIES).study.markers.select("resource", "patient_id", "value", "unit").iter_rows()
    ):
        row = told[resource]
        assert (value, unit) == (row["valueQuantity"]["value"], row["valueQuantity"]["code"])
        assert row["subject"]["reference"] == f"Patient/{patient}"


def test_folder_of_all_samples_is_one_study():
    study = fhir.convert(DATA).study
    jenny = study.patients.filter(pl.col("patient_id") == "cancer-patient-jenny-m")
    assert jenny.select("sex", "birth_year", "tumour_type").row(0) == (
        "female",
        1965,
        "Primary malignant neoplasm of female left breast (disorder)",
    )
    assert study.doses.select("patient_id", "day", "drug", "dose", "unit").rows() == [
        ("cancer-patient-jenny-m", 0, "doxorubicin", 105.96, "mg")
    ]
    assert study.events.select("patient_id", "term", "grade").rows() == [
        ("mrn-1", "Anxiety disorder of childhood OR adolescence", 1)
    ]


def test_every_resource_of_the_samples_is_read_or_counted():
    found = fhir.convert(DATA)
    read = pl.concat(
        [getattr(found.study, table).select("resource") for table in ("markers", "doses", "events")]
    )
    kept = {*read["resource"], *found.unmapped["record"]}
    for file in DATA.glob("*.json"):
        for entry in json.loads(file.read_text(encoding="utf-8"))["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] in ("Patient", "BodyStructure"):
                continue
            is_primary = resource["id"] == "primary-cancer-condition-jenny-m"
            assert is_primary or f"{resource['resourceType']}/{resource['id']}" in kept, resource["id"]


def test_disease_status_of_the_samples_is_reported():
    starts = pl.DataFrame(schema={"patient_id": pl.String, "start_date": pl.Date})
    assert reported_in_fhir(DATA, starts, Findings())["reported"].to_list() == ["CR"]
