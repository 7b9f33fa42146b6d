"""Tumour sizes: dimensions, units, tumours and what FHIR does not say about lesions."""

import pytest

from tests.formats.fhir.records import amount, concept, converted, given, said, size, study, tumour

PATHOLOGY = concept("787377000", "http://snomed.info/sct", "Gross examination of tissue specimen")


def rows(folder, *resources, columns=("lesion_id", "role", "diameter_mm", "status")):
    return study(folder, given(), *resources).lesions.select(columns).rows()


@pytest.mark.parametrize(
    ("value", "unit", "mm"), [(24, "mm", 24.0), (1.1, "cm", 11.0), (1, "[in_i]", 25.4), (2.3, "CM", 23.0)]
)
def test_size_is_in_mm_exactly(tmp_path, value, unit, mm):
    assert rows(tmp_path, size(longest=value, unit=unit)) == [("t1", "target", mm, "measured")]


def test_longest_dimension_is_the_diameter_of_a_lesion(tmp_path):
    assert rows(tmp_path, tumour(), size(longest=30, other_dimensions=(20, 25)))[0][2] == 30


def test_size_without_components_is_the_value(tmp_path):
    told = size(component=None, valueQuantity=amount(18, "mm"))
    assert rows(tmp_path, told)[0][2] == 18


@pytest.mark.parametrize("site", ["Mediastinal lymph node", "Left axillary node"])
def test_short_axis_is_the_diameter_of_a_node(tmp_path, site):
    found = rows(
        tmp_path, tumour(site=site), size(longest=30, other_dimensions=(16,)), columns=("node", "diameter_mm")
    )
    assert found == [(True, 16.0)]


def test_node_without_a_short_axis_is_read_by_its_longest_and_reported(tmp_path):
    found = converted(tmp_path, tumour(site="lymph node"), size(longest=30))
    assert found.study.lesions["diameter_mm"].to_list() == [30.0]
    assert "sizes of lymph nodes without a short axis" in said(found)


def test_lymph_node_is_known_by_its_snomed_code(tmp_path):
    node = tumour() | {"location": concept("59441001", "http://snomed.info/sct")}
    assert rows(tmp_path, node, size(other_dimensions=(16,)), columns=("node",)) == [(True,)]


@pytest.mark.parametrize(
    ("mm", "node", "role"),
    [(10, False, "target"), (9.9, False, "non_target"), (15, True, "target"), (14.9, True, "non_target")],
)
def test_measurable_lesion_of_the_first_day_is_a_target(tmp_path, mm, node, role):
    told = size(longest=40, other_dimensions=(mm,)) if node else size(longest=mm)
    assert rows(tmp_path, tumour(site="lymph node" if node else "Liver"), told)[0][1] == role


def test_lesion_first_measured_later_is_non_target_and_reported(tmp_path):
    found = converted(tmp_path, given(), size(1), size(2, tumour="t2", day="2024-05-01"))
    assert dict(found.study.lesions.select("lesion_id", "role").rows()) == {
        "t1": "target",
        "t2": "non_target",
    }
    assert "lesions that are first measured after the patient's first assessment" in said(found)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"longest": 0}, (None, "absent")),
        (
            {"component": [{"code": concept("33728-7"), "valueQuantity": amount(5, "mm", "<")}]},
            (None, "too_small"),
        ),
        (
            {"component": [{"code": concept("33728-7"), "dataAbsentReason": concept("unknown", "x")}]},
            (None, "not_evaluable"),
        ),
        ({"component": [], "dataAbsentReason": concept("not-performed", "x")}, (None, "not_evaluable")),
    ],
)
def test_status_says_what_was_seen_without_a_size(tmp_path, change, expected):
    found = rows(tmp_path, size(1), size(2, day="2024-04-20", **change), columns=("diameter_mm", "status"))
    assert found[1] == expected


@pytest.mark.parametrize(
    "change",
    [
        {"component": []},
        {"longest": 24, "unit": "kg"},
        {"longest": -3},
        {"longest": 1e7},
        {"component": [{"code": concept("33728-7"), "valueQuantity": amount(50, "mm", ">")}]},
        {"component": [{"code": concept("33728-7"), "valueQuantity": amount(10, "mm", "<")}]},
        {"effectiveDateTime": "2024"},
    ],
)
def test_size_that_cannot_be_read_is_kept_in_the_side_table(tmp_path, change):
    found = converted(tmp_path, given(), size(1), size(2, tumour="t2", **change))
    assert found.study.lesions["lesion_id"].to_list() == ["t1"]
    assert found.unmapped["record"].to_list() == ["Observation/s2"]


def test_lesion_is_the_identifier_of_its_tumour_and_of_the_specimen_of_it(tmp_path):
    name = {
        "identifier": [
            {"type": concept("BodyStructure", "http://hl7.org/fhir/resource-types"), "value": "T 12"}
        ]
    }
    specimen = {"resourceType": "Specimen", "id": "sp", "subject": {"reference": "Patient/p1"}, **name}
    removed = size(2, tumour=None, day="2024-06-01", specimen={"reference": "Specimen/sp"}, method=PATHOLOGY)
    found = converted(tmp_path, given(), tumour(**name), size(1), specimen, removed)
    assert found.study.lesions["lesion_id"].to_list() == ["T 12", "T 12"]
    assert "sizes measured on a tumour that had been taken out" in said(found)


@pytest.mark.parametrize(
    ("change", "lesion"),
    [
        ({"tumour": "unknown"}, "unknown"),
        ({"tumour": None, "bodySite": concept(text="Right lung")}, "Right lung"),
        ({"tumour": None}, "tumour"),
        (
            {
                "tumour": None,
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/bodySite",
                        "valueReference": {"reference": "BodyStructure/t9"},
                    }
                ],
            },
            "t9",
        ),
        (
            {
                "tumour": None,
                "contained": [
                    {"resourceType": "BodyStructure", "id": "b", "patient": {"reference": "Patient/p1"}}
                ],
                "focus": [{"reference": "#b"}],
            },
            "b",
        ),
    ],
)
def test_lesion_is_named_by_what_there_is(tmp_path, change, lesion):
    assert rows(tmp_path, size(**change))[0][0] == lesion


def test_nameless_sizes_are_left_out_when_there_are_two_a_day(tmp_path):
    found = converted(tmp_path, given(), size(1), size(2, tumour=None), size(3, tumour=None, longest=50))
    assert found.study.lesions.height == 1
    assert "2 resources: sizes of several tumours that cannot be told apart" in said(found)


def test_performers_are_not_readers(tmp_path):
    told = [
        size(number, day=f"2024-0{number + 1}-25", performer=[{"reference": f"Practitioner/{number}"}])
        for number in (1, 2, 3)
    ]
    assert rows(tmp_path, *told, columns=("reader",)) == [(None,)] * 3


@pytest.mark.parametrize(
    ("method", "words"),
    [(concept("77477000", "http://snomed.info/sct"), "CT"), (concept(text="low-dose CT"), "low-dose CT")],
)
def test_method_is_in_words(tmp_path, method, words):
    assert rows(tmp_path, size(method=method), columns=("method",)) == [(words,)]
