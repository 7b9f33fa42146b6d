"""Observations: which are markers, their values, limits, units, dates and statuses."""

import pytest

from tests.formats.fhir.records import amount, concept, converted, errors, given, marker, person, said, study

PROFILE = {"profile": ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-tumor-marker-test"]}


def rows(folder, *resources, columns=("marker", "value", "unit", "censoring")):
    return study(folder, *resources).markers.select(columns).rows()


@pytest.mark.parametrize(
    ("code", "unit", "name"),
    [
        (concept("2857-1"), "ng/mL", "PSA"),
        (concept("2039-6"), "ng/mL", "CEA"),
        (concept("10334-1"), "[IU]/mL", "CA-125"),
        (concept("10334-1", "urn:oid:2.16.840.1.113883.6.1"), "U/mL", "CA-125"),
        (concept("1834-1"), "ng/mL", "AFP"),
        (concept("99", "http://lab.example.org", "Carcinoembryonic antigen"), "ug/L", "CEA"),
        (concept(text="CA 19-9"), "U/mL", "CA 19-9"),
    ],
)
def test_observation_is_a_marker_by_loinc_or_by_name_without_loinc(tmp_path, code, unit, name):
    found = rows(tmp_path, marker(), marker(2, code=None, unit=unit) | {"code": code}, columns=("marker",))
    assert (name,) in found


@pytest.mark.parametrize(
    "code",
    [
        concept("718-7", display="Hemoglobin"),
        # CEA in a body fluid: the name would deceive.
        concept("2041-2", text="CEA"),
        # Triglycerides, not thyroglobulin.
        concept("9", "http://lab.example.org", "TG"),
    ],
)
def test_other_observations_are_counted_and_kept_in_the_side_table(tmp_path, code):
    found = converted(tmp_path, marker(), marker(2) | {"code": code})
    assert found.study.markers["marker"].to_list() == ["PSA"]
    assert "1 resource: observations that are no tumour marker and no tumour size" in said(found)
    assert found.unmapped.select("record", "patient_id", "value", "unit").rows() == [
        ("Observation/m2", "p1", "8.5", "ng/mL")
    ]


def test_unknown_concentration_keeps_its_name_when_it_claims_the_mcode_profile(tmp_path):
    told = marker(2, code=None, meta=PROFILE) | {"code": concept("99999-9", display="Osteopontin")}
    assert ("Osteopontin", 8.5, "ng/mL", "none") in rows(tmp_path, marker(), told)


def test_percentage_is_no_marker_when_it_claims_the_mcode_profile(tmp_path):
    told = marker(2, unit="%", meta=PROFILE) | {"code": concept("85329-1", display="Estrogen receptor cells")}
    assert len(rows(tmp_path, marker(), told)) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"valueQuantity": amount(0.01, comparator="<")}, (0.01, "left")),
        ({"valueQuantity": amount(5000, comparator=">=")}, (5000.0, "right")),
        ({"valueQuantity": amount(12, "ug/L")}, (12.0, "none")),
        ({"valueQuantity": amount(1.2, "ug/dL")}, (12.0, "none")),
        ({"valueQuantity": {"value": 7, "unit": "ng/mL"}}, (7.0, "none")),
        ({"valueQuantity": {"value": 7, "unit": "ng/mL", "code": "1"}}, (7.0, "none")),
        ({"valueQuantity": None, "valueString": "<0.1 ng/mL"}, (0.1, "left")),
    ],
)
def test_value_is_read_with_its_limit_and_unit(tmp_path, change, expected):
    assert rows(tmp_path, marker(**change), columns=("value", "censoring")) == [expected]


@pytest.mark.parametrize(
    "change",
    [
        {"valueQuantity": None, "valueString": "not detected"},
        {"valueQuantity": None, "valueCodeableConcept": concept("10828004", "http://snomed.info/sct")},
        {"valueQuantity": None, "dataAbsentReason": concept("not-performed", "x")},
        {"valueQuantity": {"value": "8.5", "unit": "ng/mL"}},
        {"valueQuantity": {"value": 8.5}},
        {"valueQuantity": amount(8.5, "mm[Hg]")},
        {"valueQuantity": amount(1e300)},
        {"effectiveDateTime": "2024-03"},
        {"effectiveDateTime": "2024-02-30"},
        {"effectiveDateTime": None},
        {"effectiveDateTime": "1990-01-01"},
    ],
)
def test_result_that_cannot_be_placed_is_left_out_and_kept_in_the_side_table(tmp_path, change):
    found = converted(tmp_path, given(), marker(), marker(2, code="2039-6", **change))
    assert found.study.markers["marker"].to_list() == ["PSA"]
    assert found.unmapped["record"].to_list() == ["Observation/m2"]
    assert any(found.unmapped["reason"][0] in str(problem) for problem in found.problems)


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered"])
def test_withdrawn_or_missing_result_is_left_out(tmp_path, status):
    found = converted(tmp_path, marker(), marker(2, code="2039-6", status=status))
    assert found.study.markers["marker"].to_list() == ["PSA"]
    assert found.unmapped.height == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"status": "nonsense"},
            "Observation.status=nonsense: 3 resources: not one of the codes that FHIR allows for status",
        ),
        ({"status": None}, "Observation.status: 3 resources: status is missing"),
        ({"status": ["final"]}, "Observation.status: 3 resources: not one of the codes"),
        ({"valueQuantity": amount(1, comparator="=")}, "comparator==: 3 resources: not one of the codes"),
    ],
)
def test_code_outside_a_required_value_set_is_one_error(tmp_path, change, message):
    found = converted(tmp_path, *(marker(number, day=f"2024-03-0{number}", **change) for number in (1, 2, 3)))
    assert found.study is None
    assert len([error for error in errors(found) if message in error]) == 1


def test_preliminary_result_is_read_and_flagged_unless_a_final_one_follows(tmp_path):
    first = marker(1, value=1, status="preliminary", day="2024-03-01")
    both = [
        marker(2, value=2, day="2024-04-01T08:00:00Z"),
        marker(3, value=3, status="preliminary", day="2024-04-01T09:00:00Z"),
    ]
    found = converted(tmp_path, first, *both)
    assert found.study.markers["value"].to_list() == [1.0, 2.0]
    assert "1 resource: markers whose result is preliminary" in said(found)


def test_last_result_of_a_day_is_read_when_there_are_several(tmp_path):
    found = converted(
        tmp_path,
        marker(1, value=2, day="2024-03-01T15:00:00+01:00"),
        marker(2, value=1, day="2024-03-01T07:00:00+01:00"),
    )
    assert found.study.markers["value"].to_list() == [2.0]
    assert "earlier results of a marker on a day that has several" in said(found)


@pytest.mark.parametrize(
    ("ranges", "limit"),
    [
        ([{"high": amount(4)}], 4.0),
        ([{"high": amount(0.4, "ug/dL")}], 4.0),
        ([{"high": {"value": 4}}], 4.0),
        ([{"high": amount(4)}, {"high": amount(6.5), "type": concept("treatment", "x")}], 4.0),
        ([{"high": amount(4)}, {"high": amount(6.5)}], None),
        ([{"low": amount(1)}], None),
        ([{"high": amount(0)}], None),
    ],
)
def test_upper_limit_is_the_one_normal_range(tmp_path, ranges, limit):
    assert rows(tmp_path, marker(referenceRange=ranges), columns=("upper_limit",)) == [(limit,)]


def test_components_of_a_panel_are_results(tmp_path):
    panel = marker(
        valueQuantity=None,
        component=[
            {"code": concept("2039-6"), "valueQuantity": amount(5)},
            {"code": concept("24108-3"), "valueQuantity": amount(40, "U/mL")},
            {"code": concept("718-7"), "valueQuantity": amount(12, "g/dL")},
        ],
    ) | {"code": concept("1-8", text="tumour markers")}
    assert sorted(rows(tmp_path, panel, columns=("marker", "value"))) == [("CA 19-9", 40.0), ("CEA", 5.0)]


@pytest.mark.parametrize(
    "timing",
    [
        {"effectivePeriod": {"start": "2024-03-22", "end": "2024-03-23"}},
        {"effectivePeriod": {"end": "2024-03-22"}},
        {"effectiveInstant": "2024-03-22T23:59:00-11:00"},
        {"effectiveTiming": {"event": ["2024-03-22"]}},
        {"issued": "2024-03-22T10:00:00Z"},
        {"specimen": {"reference": "Specimen/x"}},
    ],
)
def test_date_is_taken_as_written_from_any_form_of_it(tmp_path, timing):
    taken = {"collection": {"collectedDateTime": "2024-03-22"}}
    specimen = {"resourceType": "Specimen", "id": "x", "subject": {"reference": "Patient/p1"}} | taken
    found = rows(tmp_path, given(), specimen, marker(effectiveDateTime=None, **timing), columns=("day",))
    assert found == [(21,)]


def test_day_0_is_the_first_result_when_no_dose_is_known(tmp_path):
    found = converted(tmp_path, person(), marker(1, day="2024-03-22"), marker(2, day="2024-03-01"))
    assert sorted(found.study.markers["day"]) == [0, 21]
    assert "Day 0 is their first size or marker" in said(found)


def test_rows_name_their_resource_and_entry(tmp_path):
    found = study(tmp_path, person(), marker(7))
    assert found.markers.select("resource", "source_row").row(0) == ("Observation/m7", 2)
