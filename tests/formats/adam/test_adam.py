"""ADTR, ADRS and ADTTE: the numbers of `respond` in the columns of ADaM, each traced to its source."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turnpoint as tp
from tests.formats.transport import named, read_all, size
from turnpoint.formats.adam import ParameterCodes
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.validation import build
from turnpoint.study.writing import write_study
from turnpoint.workflows.convert import adam

START = date(2024, 1, 10)


def lesion(day, mm, lesion="T1", role="target", status="measured", **other):
    row = {
        "patient_id": "P1",
        "day": day,
        "lesion_id": lesion,
        "role": role,
        "diameter_mm": mm,
        "status": status,
    }
    return {"node": False, "reader": None} | row | other


def study_of(*lesions, patients=()):
    tables = {"lesions": pl.DataFrame(lesions, infer_schema_length=None)}
    if patients:
        tables["patients"] = pl.DataFrame(patients)
    raw = {
        name: RawTable(name, frame, pl.Series("source_row", range(2, frame.height + 2), pl.Int64), None)
        for name, frame in tables.items()
    }
    study, problems = build(raw, "S1", Findings())
    assert study is not None, problems
    return study


def data_sets(study, **options):
    return {found.name: found.frame for found in adam(study, study_id="S1", **options)}


COURSE = (
    *(lesion(-7, 30.0), lesion(42, 18.0), lesion(84, 24.0)),
    *(
        lesion(-7, 20.0, "T2", node=True),
        lesion(42, 12.0, "T2", node=True),
        lesion(84, 18.0, "T2", node=True),
    ),
)
DATED = ({"patient_id": "P1", "start_date": START, "arm": "A"},)


def test_adtr_has_a_diameter_a_lesion_and_their_sum(tmp_path):
    adtr = data_sets(study_of(*COURSE))["ADTR"]
    assert adtr.select("PARAMCD", "AVISIT", "AVAL").rows() == [
        *(("LDIAM1", "BASELINE", 30.0), ("LDIAM1", "VISIT 1", 18.0), ("LDIAM1", "VISIT 2", 24.0)),
        *(("NLDIAM2", "BASELINE", 20.0), ("NLDIAM2", "VISIT 1", 12.0), ("NLDIAM2", "VISIT 2", 18.0)),
        *(("SDIAM", "BASELINE", 50.0), ("SDIAM", "VISIT 1", 30.0), ("SDIAM", "VISIT 2", 42.0)),
    ]


def test_adtr_changes_are_from_baseline_and_from_the_nadir_before_the_visit():
    sums = data_sets(study_of(*COURSE))["ADTR"].filter(PARAMCD="SDIAM")
    wanted = ("BASE", "CHG", "PCHG", "NADIR", "CHGNAD", "PCHGNAD", "ABLFL", "ANL01FL")
    assert sums.select(wanted).rows() == [
        (50.0, 0.0, 0.0, None, None, None, "Y", "Y"),
        (50.0, -20.0, -40.0, 50.0, -20.0, -40.0, None, "Y"),
        (50.0, -8.0, -16.0, 30.0, 12.0, 40.0, None, "Y"),
    ]


def test_relative_day_has_no_day_0_and_dates_need_the_start():
    undated = data_sets(study_of(*COURSE))["ADTR"].filter(PARAMCD="SDIAM")
    assert undated.select("ADY", "ADT").rows() == [(-7, None), (43, None), (85, None)]
    at_start = data_sets(study_of(lesion(0, 30.0), patients=DATED))["ADTR"]
    assert at_start.select("ADY", "ADT").unique().rows() == [(1, START)]


def test_lesion_that_was_not_evaluable_has_a_row_without_a_value():
    rows = (lesion(0, 30.0), lesion(42, None, status="not_evaluable"), lesion(84, 30.0))
    adtr = data_sets(study_of(*rows))["ADTR"]
    assert adtr.filter(PARAMCD="LDIAM1").select("AVAL", "ANL01FL").rows() == [
        (30.0, "Y"),
        (None, None),
        (30.0, "Y"),
    ]
    assert adtr.filter(PARAMCD="SDIAM").select("AVAL", "ANL01FL").rows() == [
        (30.0, "Y"),
        (None, None),
        (30.0, "Y"),
    ]


def test_screening_before_the_baseline_is_no_baseline():
    adtr = data_sets(study_of(lesion(-20, 33.0), lesion(-7, 30.0), lesion(42, 18.0)))["ADTR"].filter(
        PARAMCD="SDIAM"
    )
    assert adtr.select("AVISIT", "AVISITN", "ABLFL", "ANL01FL").rows() == [
        ("SCREENING", -1, None, None),
        ("BASELINE", 0, "Y", "Y"),
        ("VISIT 1", 1, None, "Y"),
    ]


def test_change_from_a_nadir_of_0_is_no_infinity():
    rows = (lesion(0, 30.0), lesion(42, None, status="absent"), lesion(84, 10.0))
    sums = data_sets(study_of(*rows))["ADTR"].filter(PARAMCD="SDIAM")
    assert sums["PCHGNAD"].to_list() == [None, -100.0, None]
    assert sums["CHGNAD"].to_list() == [None, -30.0, 10.0]


def test_parameter_codes_are_the_trials_own():
    codes = ParameterCodes(lesion="TL", node="NTL", sum="SUMDIAM")
    found = data_sets(study_of(*COURSE), codes=codes)
    assert found["ADTR"]["PARAMCD"].unique(maintain_order=True).to_list() == ["TL1", "NTL2", "SUMDIAM"]
    assert found["ADRS"].filter(PARAMCD="OVR")["SRCDOM"].to_list() == ["ADTR", "ADTR"]


def test_value_is_traced_to_its_record_in_tr_when_the_study_came_from_sdtm(tmp_path):
    tr = [size("T01", 1, 30, TRSEQ=11), size("T01", 1, 20, "LPERP", TRSEQ=12), size("T01", 43, 21, TRSEQ=13)]
    tu = [named("T01", "TARGET", "LIVER")]
    adtr = data_sets(read_all(tmp_path, tu=tu, tr=tr))["ADTR"].filter(PARAMCD="LDIAM1")
    assert adtr.select("SRCDOM", "SRCVAR", "SRCSEQ").rows() == [
        ("TR", "TRSTRESN", 11),
        ("TR", "TRSTRESN", 13),
    ]


def test_value_is_traced_to_tr_through_a_study_folder_too(tmp_path):
    folder = tmp_path / "sdtm"
    folder.mkdir()
    study = read_all(folder, tr=[size("T01", 1, 30, TRSEQ=11), size("T01", 43, 21)])
    write_study(study, tmp_path / "study")
    adtr = data_sets(tp.read(tmp_path / "study"))["ADTR"].filter(PARAMCD="LDIAM1")
    assert adtr.select("SRCDOM", "SRCSEQ").rows() == [("TR", 11), ("LESIONS", 3)]


def test_value_is_traced_to_the_row_of_the_study_folder_otherwise():
    adtr = data_sets(study_of(*COURSE))["ADTR"].filter(PARAMCD="NLDIAM2")
    assert adtr.select("SRCDOM", "SRCVAR", "SRCSEQ").row(0) == ("LESIONS", "diameter_mm", 5)


def test_adrs_numbers_responses_and_dates_the_best_by_its_first_visit():
    adrs = data_sets(study_of(*COURSE))["ADRS"]
    assert adrs.select("PARAMCD", "AVALC", "AVAL", "ADY").rows() == [
        *(("OVR", "PR", 2, 43), ("OVR", "PD", 5, 85)),
        *(("BOR", "PR", 2, 43), ("CBOR", "SD", 3, 43), ("RSP", "Y", 1, 43)),
    ]


def test_best_response_is_traced_to_the_response_at_its_visit_and_that_to_the_sum():
    found = data_sets(study_of(*COURSE))
    sums = found["ADTR"].filter(PARAMCD="SDIAM")["ASEQ"].to_list()
    assert found["ADRS"].select("SRCDOM", "SRCVAR", "SRCSEQ").rows() == [
        *(("ADTR", "AVAL", sums[1]), ("ADTR", "AVAL", sums[2])),
        *[("ADRS", "AVALC", 1)] * 3,
    ]


def test_no_response_has_no_date():
    rows = (lesion(0, 30.0), lesion(42, 30.0))
    adrs = data_sets(study_of(*rows))["ADRS"].filter(PARAMCD="RSP")
    assert adrs.select("AVALC", "AVAL", "ADY", "SRCSEQ").rows() == [("N", 0, None, None)]


def test_adtte_counts_both_days_and_0_is_an_event():
    adtte = data_sets(study_of(*COURSE, patients=DATED))["ADTTE"]
    wanted = ("PARAMCD", "AVAL", "CNSR", "EVNTDESC", "STARTDT", "ADT", "SRCDOM", "SRCVAR", "SRCSEQ")
    ends = (START, date(2024, 4, 3), "ADRS", "ADT", 2)
    assert adtte.select(wanted).rows() == [
        ("PFS", 85.0, 0, "Disease Progression", *ends),
        ("TTP", 85.0, 0, "Disease Progression", *ends),
    ]


def test_death_is_an_event_of_pfs_and_censors_time_to_progression():
    patient = {"patient_id": "P1", "death_day": 100}
    adtte = data_sets(study_of(lesion(0, 30.0), lesion(42, 30.0), patients=(patient,)))["ADTTE"]
    assert adtte.select("PARAMCD", "AVAL", "CNSR", "EVNTDESC", "SRCDOM").rows() == [
        ("PFS", 101.0, 0, "Death", "ADSL"),
        ("TTP", 43.0, 5, "Death Without Progression", "ADRS"),
    ]


def test_adsl_says_when_a_patient_was_last_known_alive():
    patient = DATED[0] | {"last_alive_day": 100}
    adsl = data_sets(study_of(lesion(0, 30.0), lesion(42, 30.0), patients=(patient,)))["ADSL"]
    assert adsl.select("LSTALVDT", "LSTALVDY", "DTHDT").row(0) == (START + timedelta(100), 101, None)


def test_patient_without_an_assessment_after_baseline_is_censored_at_the_start():
    adtte = data_sets(study_of(lesion(-7, 30.0)))["ADTTE"]
    assert adtte.select("AVAL", "CNSR").rows() == [(1.0, 4), (1.0, 4)]


def test_study_with_non_target_lesions_alone_has_responses_and_no_sums():
    rows = (lesion(day, None, "N1", "non_target", "present") for day in (0, 42))
    found = data_sets(study_of(*rows))
    assert found["ADTR"].is_empty()
    assert found["ADRS"].filter(PARAMCD="OVR")["AVALC"].to_list() == ["NON-CR/NON-PD"]


def test_readers_keep_apart(tmp_path):
    tr = [
        size("T01", day, mm, TREVALID=reader)
        for reader, mms in (("R1", (30, 15)), ("R2", (40, 40)))
        for day, mm in zip((1, 43), mms, strict=True)
    ]
    adrs = data_sets(read_all(tmp_path, tr=tr))["ADRS"]
    assert adrs.filter(PARAMCD="BOR").select("PARCAT2", "AVALC").rows() == [("R1", "PR"), ("R2", "SD")]


def test_criteria_without_sums_are_refused():
    with pytest.raises(tp.UsageError, match="Use recist"):
        adam(study_of(*COURSE), study_id="S1", criteria="pcwg3-psa")


SIZES = st.one_of(st.none(), st.integers(0, 80).map(float))


def a_row(patient, day, number, mm):
    status = "not_evaluable" if mm is None else "absent" if mm == 0 else "measured"
    return lesion(day, mm or None, f"T{number}", status=status, patient_id=patient, node=number == 2)


@settings(max_examples=12, deadline=None)
@given(courses=st.lists(st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=5), min_size=1, max_size=3))
def test_adam_holds_the_numbers_of_respond_whatever_the_study(courses):
    rows = [
        a_row(f"P{place}", 42 * visit, number, mm)
        for place, course in enumerate(courses)
        for visit, sizes in enumerate(course)
        for number, mm in enumerate(sizes, start=1)
    ]
    study = study_of(*rows)
    judged, found = tp.respond(study), data_sets(study)
    sums = (
        found["ADTR"]
        .filter(PARAMCD="SDIAM")
        .select("USUBJID", pl.col("ADY") - 1, "AVAL", "BASE", "PCHG", "NADIR")
    )
    own = judged.responses.filter(pl.col("baseline_mm").is_not_null().any().over("patient_id"))
    names = ("sum_of_diameters_mm", "baseline_mm", "change_from_baseline_pct", "nadir_mm")
    assert sums.rows() == own.select("patient_id", "day", *names).rows()
    overall = judged.responses.drop_nulls("overall_response").select("patient_id", "overall_response")
    assert found["ADRS"].filter(PARAMCD="OVR").select("USUBJID", "AVALC").rows() == overall.rows()
    best = judged.best_responses.drop_nulls("best_response").select("patient_id", "best_response")
    assert found["ADRS"].filter(PARAMCD="BOR").select("USUBJID", "AVALC").rows() == best.rows()
    times = judged.progression_free.select(
        "patient_id", pl.col("progression_free_days") + 1.0, ~pl.col("event")
    )
    pfs = found["ADTTE"].filter(PARAMCD="PFS").select("USUBJID", "AVAL", pl.col("CNSR") > 0)
    assert pfs.rows() == times.rows()
    assert not found["ADTR"].select("USUBJID", "ASEQ").is_duplicated().any()
