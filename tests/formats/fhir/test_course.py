"""Patients, the start of the course, drugs and adverse events."""

from datetime import date

import polars as pl
import pytest

from tests.formats.fhir.records import (
    MCODE,
    amount,
    concept,
    converted,
    errors,
    event,
    given,
    marker,
    person,
    said,
    saved,
    size,
    study,
)
from turnpoint.formats.fhir.drugs import plain_name, treats_cancer
from turnpoint.formats.fhir.responses import reported_in_fhir
from turnpoint.study.findings import Findings

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
RESOLVED = "http://hl7.org/fhir/us/ctcae/StructureDefinition/adverse-event-resolved-date"


def doses(folder, *resources, columns=("day", "drug", "dose", "unit", "action")):
    return study(folder, marker(day="2024-03-01"), *resources).doses.select(columns).rows()


def taken(number=1, **other):
    row = given(number) | {"resourceType": "MedicationStatement", "status": "active", "dosage": None}
    return {name: found for name, found in (row | other).items() if found is not None}


def ordered(**other):
    row = given() | {"resourceType": "MedicationRequest", "status": "active", "intent": "order"}
    return row | {"id": "r1", "effectiveDateTime": None, "authoredOn": "2024-02-20"} | other


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [(0, "docetaxel", 140.0, "mg", "given")]),
        ({"status": "in-progress"}, [(0, "docetaxel", 140.0, "mg", "given")]),
        (
            {
                "effectiveDateTime": None,
                "effectivePeriod": {"start": "2024-03-01T22:00:00Z", "end": "2024-03-01"},
            },
            [(0, "docetaxel", 140.0, "mg", "given")],
        ),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": "2024-03-01", "end": "2024-03-03"}},
            [(0, "docetaxel", 140.0, "mg", "start"), (3, "docetaxel", None, None, "stop")],
        ),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": "2024-03-01"}, "status": "in-progress"},
            [(0, "docetaxel", 140.0, "mg", "start")],
        ),
        ({"dosage": {"rateQuantity": amount(60, "mg/m2")}}, [(0, "docetaxel", 60.0, "mg/m2", "given")]),
        ({"dosage": {"rateQuantity": amount(60, "mL/h")}}, [(0, "docetaxel", None, None, "given")]),
        ({"dosage": None}, [(0, "docetaxel", None, None, "given")]),
    ],
)
def test_administration_is_a_dose_or_a_period(tmp_path, change, expected):
    assert doses(tmp_path, given(**change)) == expected


@pytest.mark.parametrize("status", ["not-done", "on-hold", "entered-in-error", "unknown"])
def test_administration_that_was_not_given_is_no_dose(tmp_path, status):
    found = converted(tmp_path, marker(), given(), given(2, status=status, day="2024-03-22"))
    assert found.study.doses.height == 1
    assert "drugs that were not given, by their status" in said(found)


def test_order_is_never_a_dose_but_plans_the_start(tmp_path):
    plan = {"timing": {"repeat": {"boundsPeriod": {"start": "2024-02-25"}}}}
    found = converted(tmp_path, marker(day="2024-03-01"), ordered(dosageInstruction=[plan]))
    assert found.study.doses.is_empty()
    assert found.study.markers["day"].to_list() == [5]
    assert "orders of drugs against cancer" in said(found)
    assert "Day 0 is the planned start" in said(found)


def test_statement_is_read_when_the_drug_has_no_administration(tmp_path):
    period = {"effectiveDateTime": None, "effectivePeriod": {"start": "2024-03-01"}}
    own = taken(2, medicationCodeableConcept={"text": "abiraterone"}, **period)
    found = converted(tmp_path, marker(), given(), taken(1), own)
    assert found.study.doses.select("drug", "action").rows() == [
        ("docetaxel", "given"),
        ("abiraterone", "start"),
    ]
    assert "statements of drugs whose administrations are there" in said(found)


@pytest.mark.parametrize("status", ["intended", "not-taken", "on-hold", "unknown", "entered-in-error"])
def test_statement_that_was_not_taken_is_no_dose(tmp_path, status):
    assert doses(tmp_path, given(), taken(status=status, medicationCodeableConcept={"text": "olaparib"})) == [
        (0, "docetaxel", 140.0, "mg", "given")
    ]


def test_first_cancer_drug_is_day_0_and_other_drugs_are_left_out(tmp_path):
    found = converted(
        tmp_path,
        marker(day="2024-03-22"),
        given(1, drug="ondansetron", day="2024-02-01"),
        given(2, drug="docetaxel", day="2024-03-01"),
    )
    assert found.study.markers["day"].to_list() == [21]
    assert found.study.doses["drug"].to_list() == ["docetaxel"]
    assert "drugs that are not known to treat cancer" in said(found)


@pytest.mark.parametrize(
    "change",
    [
        {"meta": {"profile": [f"{MCODE}mcode-cancer-related-medication-administration|4.0.0"]}},
        {"reasonReference": [{"reference": "Condition/c"}]},
        {"reasonCode": [{"text": "Adenocarcinoma of lung"}]},
        {"medicationCodeableConcept": concept("L01XX99", "http://www.whocc.no/atc", "ABC-123")},
    ],
)
def test_study_drug_is_read_when_the_record_says_what_it_is_for(tmp_path, change):
    cancer = {
        "resourceType": "Condition",
        "id": "c",
        "code": concept("C34.1", "http://hl7.org/fhir/sid/icd-10"),
    }
    found = doses(
        tmp_path,
        cancer | {"subject": {"reference": "Patient/p1"}},
        given(drug="ABC-123", **change),
        columns=("day",),
    )
    assert found == [(0,)]


@pytest.mark.parametrize("place", ["contained", "bundle"])
def test_medication_may_stand_in_a_resource_of_its_own(tmp_path, place):
    medicine = {
        "resourceType": "Medication",
        "id": "m",
        "ingredient": [{"itemCodeableConcept": concept("72962", RXNORM, "docetaxel")}],
        "code": {"text": "infusion"},
    }
    change = {"medicationCodeableConcept": None}
    if place == "contained":
        told = [given(contained=[medicine], medicationReference={"reference": "#m"}, **change)]
    else:
        told = [given(medicationReference={"reference": "Medication/m"}, **change), medicine]
    assert doses(tmp_path, *told, columns=("drug",)) == [("docetaxel",)]


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("doxorubicin hydrochloride 20 MG per 10 ML Injection", "doxorubicin"),
        ("5 ML Oxaliplatin 5 MG/ML Injection", "oxaliplatin"),
        ("Cyclophosphamide 1000 MG Injection", "cyclophosphamide"),
        ("Capecitabine 500 MG Oral Tablet [Xeloda]", "capecitabine"),
        ("DOXOrubicin", "doxorubicin"),
        ("sodium chloride 9 MG/ML", "chloride"),
        ("5-fluorouracil", "5-fluorouracil"),
    ],
)
def test_drug_is_its_generic_name_without_strength_and_form(product, name):
    assert plain_name(product) == name


def test_combined_product_keeps_both_drugs(tmp_path):
    product = concept("1", RXNORM, "trifluridine 15 MG / tipiracil 6.14 MG Oral Tablet")
    assert doses(tmp_path, given(medicationCodeableConcept=product), columns=("drug",)) == [
        ("trifluridine / tipiracil",)
    ]


@pytest.mark.parametrize(
    "name", ["aspirin", "doxycycline", "pantoprazole", "sodium chloride", "dexamethasone", None]
)
def test_supportive_drug_does_not_treat_cancer(name):
    assert not treats_cancer(name, {})


def test_partial_date_of_a_dose_is_the_earliest_day(tmp_path):
    found = converted(tmp_path, marker(), given(1), given(2, day="2024-04"))
    assert found.study.doses["day"].to_list() == [0, 31]
    assert "only part of a date is given" in said(found)


def test_event_is_read_with_its_grade_and_end(tmp_path):
    ended = event()
    ended["extension"].append({"url": RESOLVED, "valueDateTime": "2024-03"})
    found = study(tmp_path, given(), marker(), ended)
    assert found.events.select("day", "end_day", "term", "grade").rows() == [(4, 30, "Nausea", 2)]


@pytest.mark.parametrize(
    ("change", "grade"),
    [
        ({"extension": None, "severity": concept("severe", "http://x")}, 3),
        ({"outcome": concept("fatal", "http://x")}, 5),
        ({"extension": [{"url": "http://x/ctcae-grade", "valueInteger": 4}]}, 4),
        ({"extension": [{"url": "http://x/ctcae-grade", "valueCodeableConcept": {"text": "Grade 3"}}]}, 3),
    ],
)
def test_grade_is_read_in_its_forms(tmp_path, change, grade):
    assert study(tmp_path, given(), marker(), event(**change)).events["grade"].to_list() == [grade]


@pytest.mark.parametrize(
    "told",
    [
        event(grade="0"),
        event(extension=None),
        event(event=None),
        event(actuality="potential"),
        event(day=None),
    ],
)
def test_event_that_cannot_be_placed_is_kept_in_the_side_table(tmp_path, told):
    found = converted(tmp_path, given(), marker(), told)
    assert found.study.events.is_empty()
    assert found.unmapped["record"].to_list() == ["AdverseEvent/e1"]


def test_observation_with_a_ctcae_grade_is_an_event(tmp_path):
    told = marker(2, valueQuantity=None, code=None, extension=event()["extension"]) | {
        "code": concept(text="Fatigue")
    }
    assert study(tmp_path, given(), marker(), told).events["term"].to_list() == ["Fatigue"]


def test_coded_term_comes_before_the_words_of_the_note(tmp_path):
    told = event() | {"event": concept("C57787", "http://ncit", "Dehydration", "DHN IV given")}
    assert study(tmp_path, given(), marker(), told).events["term"].to_list() == ["Dehydration"]


def test_patient_has_sex_and_birth_year_and_no_name(tmp_path):
    named = person(name="p1", deceasedDateTime="2024-09-01T10:00:00Z") | {
        "name": [{"family": "Secretfamily"}]
    }
    found = converted(tmp_path, given(), marker(), named)
    row = found.study.patients.select("sex", "birth_year", "start_date", "death_day").row(0)
    assert row == ("male", 1950, date(2024, 3, 1), 184)
    tables = [found.study.patients, found.study.markers, found.unmapped]
    assert "Secretfamily" not in "".join(table.write_csv() for table in tables) + said(found)


@pytest.mark.parametrize(
    "change", [{"deceasedDateTime": "1900-01-01"}, {"deceasedBoolean": True}, {"birthDate": "1203"}]
)
def test_what_cannot_be_true_of_a_patient_is_reported_and_left_out(tmp_path, change):
    found = converted(tmp_path, given(), marker(), person(**change))
    assert found.study.patients["death_day"].to_list() == [None]
    assert "1 resource: d" in said(found)


def test_gender_outside_its_value_set_is_an_error(tmp_path):
    assert (
        "Patient.gender=M: not one of the codes"
        in errors(converted(tmp_path, marker(), person(gender="M")))[0]
    )


@pytest.mark.parametrize(
    ("conditions", "name"),
    [
        ([("C34.1", "Upper lobe"), ("C79.3", "Brain")], "Upper lobe"),
        ([("C79.3", "Brain")], None),
        (
            [
                ("254637007", "Non-small cell lung cancer"),
                ("94225005", "Secondary malignant neoplasm of brain"),
            ],
            "Non-small cell lung cancer",
        ),
        ([("38341003", "Hypertension")], None),
    ],
)
def test_tumour_type_is_the_primary_cancer(tmp_path, conditions, name):
    told = [
        {
            "resourceType": "Condition",
            "id": code,
            "code": concept(
                code, "http://hl7.org/fhir/sid/icd-10" if code[0] == "C" else "http://snomed.info/sct", words
            ),
            "subject": {"reference": "Patient/p1"},
        }
        for code, words in conditions
    ]
    assert study(tmp_path, marker(), *told).patients["tumour_type"].to_list() == [name]


def test_refuted_cancer_is_no_tumour_type(tmp_path):
    told = {
        "resourceType": "Condition",
        "code": {"text": "Lung cancer"},
        "subject": {"reference": "Patient/p1"},
        "verificationStatus": concept("refuted", "http://x"),
    }
    assert study(tmp_path, marker(), told).patients["tumour_type"].to_list() == [None]


@pytest.mark.parametrize(
    ("value", "response"),
    [
        (concept("359746009", "http://snomed.info/sct", "Patient's condition stable"), "SD"),
        (concept("271299001", "http://snomed.info/sct"), "PD"),
        ({"text": "Mixed response"}, "Mixed response"),
    ],
)
def test_disease_status_is_kept_and_reported_for_comparing(tmp_path, value, response):
    status = marker(5, valueQuantity=None, code="97509-4", valueCodeableConcept=value, day="2024-05-01")
    path = saved(tmp_path, given(), size(), status)
    starts = pl.DataFrame({"patient_id": ["p1"], "start_date": [date(2024, 3, 1)]})
    found = reported_in_fhir(path, starts, Findings())
    assert found.select("patient_id", "day", "item", "reported").rows() == [
        ("p1", 61, "overall_response", response)
    ]
    assert converted(tmp_path, given(), size(), status).unmapped["code"].to_list() == [
        status["code"]["coding"][0]["code"]
    ]
