"""Whom a resource is about, in all the ways in which FHIR says it."""

import json

import pytest

from tests.formats.fhir.records import converted, errors, marker, person, said, study
from turnpoint.formats import fhir

UUID = "urn:uuid:5d0c5f2e-1111-4222-8333-444455556666"


def about(reference, number=1, **other):
    return marker(number, **other) | {"subject": reference}


def entries(folder, *pairs, kind="collection"):
    told = {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"fullUrl": url, "resource": row} if url else {"resource": row} for url, row in pairs],
    }
    path = folder / "b.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return fhir.convert(path)


@pytest.mark.parametrize(
    ("reference", "patient"),
    [
        ({"reference": "Patient/p7"}, "p7"),
        ({"reference": "Patient/p7/_history/3"}, "p7"),
        ({"reference": "https://fhir.example.org/r4/Patient/p7"}, "p7"),
        ({"reference": UUID}, UUID.removeprefix("urn:uuid:")),
        ({"identifier": {"system": "http://hospital", "value": "MRN 1"}}, "MRN 1"),
        ({"reference": "Patient?identifier=http://hospital|MRN1"}, "MRN1"),
    ],
)
def test_patient_who_is_not_in_the_data_has_the_id_of_the_reference(tmp_path, reference, patient):
    assert study(tmp_path, about(reference)).patient_ids == [patient]


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Patient/p1"},
        {"reference": UUID},
        {"reference": "http://server/Patient/p1"},
        {"identifier": {"system": "http://hospital", "value": "77"}},
        {"reference": "Patient?identifier=http://hospital|77"},
    ],
)
@pytest.mark.parametrize("kind", ["collection", "transaction"])
def test_patient_of_the_data_is_found_by_every_reference(tmp_path, reference, kind):
    patient = person("p1", identifier=[{"system": "http://hospital", "value": "77"}])
    found = entries(tmp_path, (UUID, patient), (None, about(reference)), kind=kind)
    assert found.study.patients.select("patient_id", "sex").rows() == [("p1", "male")]


def test_patient_without_an_id_has_an_identifier_or_the_uuid(tmp_path):
    nameless = {name: value for name, value in person().items() if name != "id"}
    identified = nameless | {"identifier": [{"value": "A"}, {"value": "B"}]}
    assert entries(tmp_path, (UUID, nameless), (None, about({"reference": UUID}))).study.patient_ids == [
        UUID[9:]
    ]
    assert entries(tmp_path, (UUID, identified), (None, about({"reference": UUID}))).study.patient_ids == [
        "A"
    ]


def test_contained_patient_is_the_subject(tmp_path):
    inner = {"resourceType": "Patient", "id": "x", "gender": "female", "identifier": [{"value": "A1"}]}
    found = study(tmp_path, about({"reference": "#x"}, contained=[inner]))
    assert found.patients.select("patient_id", "sex").rows() == [("A1", "female")]


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Group/1"},
        {"reference": "Device/1"},
        {"reference": "Patient/1", "type": "Group"},
        {"display": "John Doe"},
        {},
        "Patient/1",
    ],
)
def test_observation_about_no_patient_is_left_out(tmp_path, reference):
    found = converted(tmp_path, marker(), about(reference, 2))
    assert found.study.markers.height == 1
    assert "1 resource: without a patient" in said(found)
    assert "John" not in said(found) + found.unmapped.write_csv()


def test_replaced_patient_is_the_one_that_remains(tmp_path):
    old = person("old", link=[{"other": {"reference": "Patient/new"}, "type": "replaced-by"}])
    found = study(tmp_path, old, person("new"), about({"reference": "Patient/old"}))
    assert found.patient_ids == ["new"]


def test_cyclic_links_of_patients_end(tmp_path):
    first = person("a", link=[{"other": {"reference": "Patient/b"}, "type": "replaced-by"}])
    second = person("b", link=[{"other": {"reference": "Patient/a"}, "type": "replaced-by"}])
    assert len(study(tmp_path, first, second, about({"reference": "Patient/a"})).patient_ids) == 1


def test_two_servers_with_one_id_are_an_error(tmp_path):
    told = [about({"reference": f"http://{name}.example.org/Patient/1"}, name) for name in ("a", "b")]
    assert "patients of two servers have the same id" in errors(converted(tmp_path, *told))[0]


def test_two_patients_with_one_id_are_an_error(tmp_path):
    assert (
        "two Patients that differ have the same id"
        in errors(converted(tmp_path, marker(), person(), person(gender="female")))[0]
    )


def test_later_version_of_a_patient_is_read(tmp_path):
    versions = [
        person(gender=sex, meta={"versionId": version}) for sex, version in (("male", "9"), ("female", "10"))
    ]
    assert study(tmp_path, marker(), *versions).patients["sex"].to_list() == ["female"]


def test_resource_that_is_there_twice_is_read_once(tmp_path):
    found = converted(tmp_path, marker(), marker())
    assert found.study.markers.height == 1
    assert "the resource is there twice" in said(found)


def test_later_version_of_a_resource_is_read(tmp_path):
    first = marker(value=1, meta={"lastUpdated": "2024-03-02T00:00:00Z"})
    second = marker(value=2, meta={"lastUpdated": "2024-03-03T00:00:00Z"})
    assert study(tmp_path, second, first).markers["value"].to_list() == [2.0]


def test_two_resources_with_one_id_are_an_error_in_one_file(tmp_path):
    assert (
        "two resources that differ have the same id"
        in errors(converted(tmp_path, marker(value=1), marker(value=2)))[0]
    )


def test_two_resources_with_one_id_are_both_read_from_two_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(
            json.dumps(about({"reference": f"Patient/{name}"})), encoding="utf-8"
        )
    found = fhir.convert(tmp_path)
    assert found.study.patient_ids == ["a", "b"]


def test_problem_names_file_and_entry_and_no_patient(tmp_path):
    (tmp_path / "first.json").write_text(json.dumps(marker(1, value=1)), encoding="utf-8")
    (tmp_path / "second.json").write_text(
        json.dumps(about({"reference": "Patient/Miller"}, 2, value=-4)), encoding="utf-8"
    )
    problem = errors(fhir.convert(tmp_path))[0]
    assert problem.startswith("second.json row 1, value=-4.0: below 0")
    assert "Miller" not in problem
