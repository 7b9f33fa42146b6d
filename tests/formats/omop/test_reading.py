"""Tables of OMOP: markers and drugs by the shipped concepts, or by CONCEPT beside them; the rest kept aside."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

import turnpoint as tp
from turnpoint.formats import recognise
from turnpoint.formats.omop.concepts import MARKERS
from turnpoint.study.markers import find_marker
from turnpoint.workflows.opening import convert_to_study

MEASUREMENT = """measurement_id,person_id,measurement_concept_id,measurement_date,operator_concept_id,value_as_number,unit_concept_id,range_high,measurement_source_value,unit_source_value,value_source_value
1,7,3013603,2020-01-02,4172703,20,8842,4,PSA,ng/mL,20
2,7,3013603,2020-02-13,4171756,0.1,8842,4,PSA,ng/mL,<0.1
3,7,3000963,2020-02-13,,13.5,8713,,Hemoglobin,g/dL,13.5
4,7,0,2020-03-01,,,,,2039-6,ng/mL,<0.5
5,7,3003785,2020-03-01,4172704,1000,9999,,CEA,ng/mL,
6,8,3037551,2020-03-01,,55,8763,35,,,
"""
DRUGS = """drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_end_date,quantity,drug_source_value,dose_unit_source_value
1,7,1,2020-01-10,2020-01-10,140,10 ML docetaxel 20 MG/ML Injection,mg
2,7,2,2020-01-31,2020-02-06,5,,
3,7,3,2020-01-31,2020-02-06,5,aspirin,
4,7,999,2020-01-31,2020-02-06,5,,
"""
CONCEPT = "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_code\n2\tcapecitabine 500 MG Oral Tablet\tDrug\tRxNorm\t9\n"


@pytest.fixture
def folder(tmp_path):
    for name, text in (
        ("measurement.csv", MEASUREMENT),
        ("drug_exposure.csv", DRUGS),
        ("CONCEPT.csv", CONCEPT),
        ("person.csv", "person_id,gender_concept_id,year_of_birth\n7,8507,1950\n8,8532,1960\n"),
        ("death.csv", "person_id,death_date,death_type_concept_id\n7,2021-01-09,32815\n"),
        ("visit_occurrence.csv", "visit_occurrence_id,person_id\n1,7\n"),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_tables_give_markers_drugs_and_patients(folder):
    assert recognise(folder).name == "tables of the OMOP common data model"
    study = tp.read(folder)
    assert study.markers.select("patient_id", "day", "marker", "value", "unit", "censoring").rows() == [
        ("7", -8, "PSA", 20.0, "ng/mL", "none"),
        ("7", 34, "PSA", 0.1, "ng/mL", "left"),
        ("7", 51, "CEA", 1000.0, "ng/mL", "right"),
        ("8", 0, "CA-125", 55.0, "U/mL", "none"),
    ]
    assert study.doses.select("day", "drug", "dose", "unit", "action").rows() == [
        (0, "docetaxel", 140.0, "mg", "given"),
        (21, "capecitabine", None, None, "start"),
        (28, "capecitabine", None, None, "stop"),
    ]
    assert study.patients.select("patient_id", "sex", "birth_year", "start_date", "death_day").rows() == [
        ("7", "male", 1950, date(2020, 1, 10), 365),
        ("8", "female", 1960, date(2020, 3, 1), None),
    ]


def test_nothing_is_dropped_in_silence(folder):
    found = convert_to_study(folder)
    assert sorted(found.unmapped.select("file", "row", "reason").rows(), key=str) == [
        ("drug_exposure.csv", 4, "a drug that is not known to be against cancer"),
        ("drug_exposure.csv", 5, "a drug that is given by a number alone"),
        ("measurement.csv", 4, "a measurement that is no tumour marker"),
        ("measurement.csv", 5, "an earlier result of a marker on a day that has several"),
        ("visit_occurrence.csv", None, "tables of OMOP that are not read"),
    ]
    assert any("Put CONCEPT beside the tables" in str(problem) for problem in found.problems)


def test_concept_says_markers_and_units_that_are_not_shipped(tmp_path):
    (tmp_path / "measurement.csv").write_text(
        "person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id\n"
        "1,500,2020-01-01,12,600\n"
    )
    (tmp_path / "concept.csv").write_text(
        "concept_id\tconcept_name\tvocabulary_id\tconcept_code\n"
        "500\tCancer Ag 27-29\tLOINC\t17842-6\n600\tunit per milliliter\tUCUM\t[U]/mL\n"
    )
    markers = tp.read(tmp_path).markers
    assert markers.select("marker", "value", "unit").rows() == [("CA 27.29", 12.0, "U/mL")]


def test_shipped_markers_are_markers_that_turnpoint_knows():
    assert [find_marker(name).name for name in MARKERS.values()] == list(MARKERS.values())


@pytest.mark.parametrize(
    "row",
    [
        "7,3013603,2020-13-02,5,8842",
        "7,3013603,2020-02-13,,8842",
        "7,3013603,2020-02-13,5,0",
        ",3013603,2020-02-13,5,8842",
    ],
)
def test_marker_without_number_unit_date_or_person_is_left_out_and_counted(tmp_path, row):
    place = tmp_path / "measurement.csv"
    place.write_text(
        "person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id\n"
        f"7,3013603,2020-01-02,20,8842\n{row}\n"
    )
    found = convert_to_study(place)
    assert found.study.markers.height == 1
    assert found.unmapped["row"].to_list() == [3]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["3013603", "3003785", "0", "77"]),
            st.integers(1, 28),
            st.sampled_from(["5", "", "-"]),
            st.sampled_from(["8842", "0", ""]),
        ),
        max_size=12,
    )
)
def test_every_measurement_is_read_or_kept_aside(tmp_path_factory, rows):
    place = tmp_path_factory.mktemp("omop") / "measurement.csv"
    lines = [f"1,{concept},2020-01-{day:02},{value},{unit}" for concept, day, value, unit in rows]
    lines.append("2,3013603,2020-01-01,4,8842")
    header = "person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id"
    place.write_text("\n".join([header, *lines]) + "\n")
    found = convert_to_study(place)
    assert found.study is not None
    assert sorted([*found.study.markers["source_row"], *found.unmapped["row"]]) == list(
        range(2, len(lines) + 2)
    )
