"""Timelines of cBioPortal: markers, drugs and deaths in days from the first drug; everything else kept aside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import turnpoint as tp
from turnpoint.formats import recognise
from turnpoint.workflows.opening import convert_to_study

# Laid out as in the public studies of MSK: padded units, line ends of Windows, no STOP_DATE.
LABS = """PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tTEST\tRESULT\tLR_UNIT_MEASURE\tLR_TEST_UP_LIMIT\r
P-1\t90\t\tLab_test\tCEA\t40\tng/ml     \t5\r
P-1\t130\t\tLab_test\tCEA\t<0.6\tng/ml     \t5\r
P-1\t130\t\tLab_test\tHemoglobin\t13\tg/dL\t\r
P-2\t10\t\tLab_test\tCA_15-3\t1412\tUnits/ml\t30\r
P-2\t10\t\tLab_test\tCA_15-3\t25\tUnits/ml\t30\r
"""
TREATMENT = """PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tSUBTYPE\tAGENT
P-1\t100\t128\tTreatment\tChemo\tCAPECITABINE
P-1\t100\t100\tTreatment\tChemo\tOXALIPLATIN
P-1\t200\t\tTreatment\tTargeted\tCETUXIMAB
P-1\t50\t60\tTreatment\tRadiation Therapy\t
"""
STATUS = """PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tSTATUS
P-1\t900\t\tSTATUS\tDeceased
P-1\t300\t\tSTATUS\tProgression
"""
CLINICAL = """#Patient Identifier\tSex
#Identifier\tSex
#STRING\tSTRING
#1\t1
PATIENT_ID\tSEX\tOS_MONTHS
P-1\tFemale\t12.5
"""


@pytest.fixture
def folder(tmp_path):
    for name, text in (
        ("data_timeline_labs.txt", LABS),
        ("data_timeline_treatment.txt", TREATMENT),
        ("data_timeline_status.txt", STATUS),
        ("data_clinical_patient.txt", CLINICAL),
        ("data_mutations.txt", "Hugo_Symbol\tChromosome\nTP53\t17\n"),
    ):
        (tmp_path / name).write_text(text, newline="")
    return tmp_path


def test_days_are_counted_from_the_first_drug(folder):
    assert recognise(folder).name == "timelines of cBioPortal"
    study = tp.read(folder)
    assert study.markers.select(
        "patient_id", "day", "marker", "value", "censoring", "upper_limit"
    ).rows() == [
        ("P-1", -10, "CEA", 40.0, "none", 5.0),
        ("P-1", 30, "CEA", 0.6, "left", 5.0),
        ("P-2", 0, "CA 15-3", 25.0, "none", 30.0),
    ]
    assert study.doses.select("day", "drug", "action").rows() == [
        (0, "capecitabine", "start"),
        (0, "oxaliplatin", "given"),
        (29, "capecitabine", "stop"),
        (100, "cetuximab", "start"),
    ]
    assert study.patients.select("patient_id", "sex", "death_day").rows() == [
        ("P-1", "female", 800),
        ("P-2", None, None),
    ]
    assert any(
        "no treatment of 1 patient is known; day 0 is the first marker" in str(p) for p in study.problems
    )


def test_nothing_is_dropped_in_silence(folder):
    left = convert_to_study(folder).unmapped
    assert left.select("file", "row", "reason").rows() == [
        ("data_timeline_labs.txt", 4, "a laboratory test that is no tumour marker"),
        ("data_timeline_labs.txt", 5, "an earlier result of a marker on a day that has several"),
        ("data_timeline_treatment.txt", 5, "a treatment that names no drug, or is radiotherapy"),
        ("data_timeline_status.txt", 3, "an event of a timeline that is no marker, drug or death"),
        ("data_mutations.txt", None, "files of the cBioPortal study that are not read"),
    ]


def test_file_name_says_the_marker_when_no_column_does(tmp_path):
    text = "PATIENT_ID\tSTART_DATE\tEVENT_TYPE\tRESULT\tUNIT\nP\t0\tLAB\t5,66\tng/ml\n"
    (tmp_path / "data_timeline_psa_labs.txt").write_text(text)
    markers = tp.read(tmp_path / "data_timeline_psa_labs.txt").markers
    assert markers.select("marker", "value").rows() == [("PSA", 5.66)]


@pytest.mark.parametrize(
    "row", ["P\t\tLAB\tCEA\t5\tng/mL", "P\t0\tLAB\tCEA\thaemolysed\tng/mL", "P\t0\tLAB\tCEA\t5\t"]
)
def test_marker_without_number_unit_or_day_is_left_out_and_counted(tmp_path, row):
    place = tmp_path / "data_timeline.txt"
    place.write_text(
        f"PATIENT_ID\tSTART_DATE\tEVENT_TYPE\tTEST\tRESULT\tUNIT\nP\t7\tLAB\tCEA\t5\tng/mL\n{row}\n"
    )
    found = convert_to_study(place)
    assert found.study.markers.height == 1
    assert found.unmapped["row"].to_list() == [3]
    assert any("1 record: a marker without a number, a unit or a day" in str(p) for p in found.problems)


def test_problem_names_the_file_and_line_of_its_row(folder):
    place = folder / "data_timeline_more_labs.txt"
    place.write_text(
        "PATIENT_ID\tSTART_DATE\tEVENT_TYPE\tTEST\tRESULT\tUNIT\nP-1\t95\tLAB\tCEA\t7\tfurlong\n"
    )
    problems = convert_to_study(folder).problems
    assert [(p.file, p.row) for p in problems if p.severity == "error"] == [
        ("data_timeline_more_labs.txt", 2)
    ]


KINDS = st.sampled_from(["LAB_TEST", "Treatment", "STATUS", "IMAGING", "Surgery"])


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-400, 4000),
            KINDS,
            st.sampled_from(["CEA", "HGB", ""]),
            st.sampled_from(["5", "", "x"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_event_is_read_or_kept_aside(tmp_path_factory, rows):
    place = tmp_path_factory.mktemp("t") / "data_timeline.txt"
    lines = [
        f"P\t{day}\t\t{kind}\t{test}\t{result}\tng/mL\t{test or ''}\tDeceased"
        for day, kind, test, result in rows
    ]
    header = "PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tTEST\tRESULT\tUNIT\tAGENT\tSTATUS"
    # One marker that is read in any case, so that there is a study.
    lines.append("Q\t0\t\tLAB\tCEA\t5\tng/mL\t\t")
    place.write_text("\n".join([header, *lines]) + "\n")
    found = convert_to_study(place)
    assert found.study is not None
    aside = set(found.unmapped["row"].drop_nulls())
    read = set(found.study.markers["source_row"]) | set(found.study.doses["source_row"])
    deaths = {number for number, (_, kind, *_) in enumerate(rows, start=2) if kind == "STATUS"}
    assert aside | read | deaths == set(range(2, len(lines) + 2))
