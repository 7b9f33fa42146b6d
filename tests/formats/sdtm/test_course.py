"""DM, EX and AE: patients, doses and adverse events."""

from datetime import date

import pytest

from tests.formats.transport import read_all, size, warnings, write
from turnpoint.workflows.opening import read

DM = {
    "USUBJID": "P1",
    "RFSTDTC": "2024-01-10",
    "SEX": "F",
    "ARM": "Docetaxel",
    "BRTHDTC": "1950-06",
    "DTHDTC": "",
}
TR = [size("T01", 1, 20)]


def dose(first, last, **other):
    row = {
        "USUBJID": "P1",
        "EXTRT": "DOCETAXEL",
        "EXDOSE": 75.0,
        "EXDOSU": "mg/m2",
        "EXSTDTC": first,
        "EXENDTC": last,
    }
    return row | other


def event(first, **other):
    return {"USUBJID": "P1", "AEDECOD": "Neutropenia", "AETOXGR": "3", "AESTDTC": first} | other


def doses(folder, *rows):
    study = read_all(folder, dm=[DM], tr=TR, ex=rows)
    return study.doses.select("day", "drug", "dose", "action").rows()


def events(folder, *rows):
    study = read_all(folder, dm=[DM], tr=TR, ae=rows)
    return study.events.select("day", "end_day", "term", "grade").rows()


def test_patient_has_arm_sex_year_of_birth_and_start(tmp_path):
    patients = read_all(tmp_path, dm=[DM], tr=TR).patients
    shown = patients.select("arm", "sex", "birth_year", "start_date", "death_day").row(0)
    assert shown == ("Docetaxel", "female", 1950, date(2024, 1, 10), None)


@pytest.mark.parametrize(("text", "day"), [("2024-03-10", 60), ("2024-03", 81), ("2024-01-05", 0)])
def test_death_is_a_day_of_the_course_the_last_possible_one_when_partial(tmp_path, text, day):
    assert read_all(tmp_path, dm=[DM | {"DTHDTC": text}], tr=TR).patients["death_day"].to_list() == [day]


@pytest.mark.parametrize(
    ("alive", "death", "day"),
    [
        ("2024-03-10", "", 60),
        ("2024-03-10", "2024-02-10", 31),
        ("2024-01-05", "", None),
        ("2024-03", "", None),
    ],
)
def test_end_of_participation_is_the_last_day_alive_up_to_the_death(tmp_path, alive, death, day):
    people = [DM | {"RFPENDTC": alive, "DTHDTC": death}]
    assert read_all(tmp_path, dm=people, tr=TR).patients["last_alive_day"].to_list() == [day]


def test_patients_whom_dm_lacks_are_added_with_a_warning(tmp_path):
    study = read_all(tmp_path, dm=[DM], tr=[*TR, size("T01", 1, 20, USUBJID="P2")])
    assert study.patient_ids == ["P1", "P2"]
    assert "not in DM: 1 patient of other data sets" in warnings(study)


def test_dose_of_one_day_is_given(tmp_path):
    assert doses(tmp_path, dose("2024-01-10", "2024-01-10")) == [(0, "docetaxel", 75.0, "given")]


def test_doses_of_several_days_start_and_stop_after_the_last(tmp_path):
    found = doses(tmp_path, dose("2024-01-10", "2024-01-16"))
    assert found == [(0, "docetaxel", 75.0, "start"), (7, "docetaxel", None, "stop")]


@pytest.mark.parametrize("second", ["2024-01-17", "2024-01-16"])
def test_records_that_follow_each_other_leave_no_gap_and_do_not_overlap(tmp_path, second):
    found = doses(tmp_path, dose("2024-01-10", "2024-01-16"), dose(second, "2024-01-30"))
    starts = [day for day, _, _, action in found if action == "start"]
    stops = [day for day, _, _, action in found if action == "stop"]
    assert starts[1] == stops[0]


@pytest.mark.parametrize(
    ("frequency", "action"), [("QD", "start"), ("BID", "start"), ("Q3W", "given"), (None, "given")]
)
def test_dose_without_an_end_goes_on_when_it_is_taken_daily(tmp_path, frequency, action):
    assert doses(tmp_path, dose("2024-01-10", None, EXDOSFRQ=frequency))[0][3] == action


def test_dose_that_was_not_given_is_left_out_and_counted(tmp_path):
    study = read_all(tmp_path, dm=[DM], tr=TR, ex=[dose("2024-01-10", "2024-01-10", EXOCCUR="N")])
    assert study.doses.is_empty()
    assert "1 record: doses that were not given" in warnings(study)


def test_event_has_its_ctcae_grade_and_its_days(tmp_path):
    found = events(tmp_path, event("2024-01-20", AEENDTC="2024-01-25"))
    assert found == [(10, 15, "Neutropenia", 3)]


@pytest.mark.parametrize(
    ("other", "grade"),
    [
        ({"AESEV": "MILD"}, 1),
        ({"AESEV": "LIFE THREATENING"}, 4),
        ({"AETOXGR": "GRADE 2", "AESEV": "SEVERE"}, 2),
        ({"AESEV": "SEVERE", "AESDTH": "Y"}, 5),
        ({"AETOXGR": "4", "AEOUT": "FATAL"}, 5),
    ],
)
def test_grade_of_an_event(tmp_path, other, grade):
    assert events(tmp_path, event("2024-01-20", **({"AETOXGR": None} | other)))[0][3] == grade


def test_severity_read_as_a_grade_is_warned_of(tmp_path):
    study = read_all(tmp_path, dm=[DM], tr=TR, ae=[event("2024-01-20", AETOXGR=None, AESEV="MILD")])
    assert "no CTCAE grade" in warnings(study)


@pytest.mark.parametrize(("text", "day"), [("2024-01", 0), ("2024-02", 22), ("2023-12", -40)])
def test_event_with_a_partial_start_begins_as_early_as_it_may_but_not_before_treatment_when_it_may(
    tmp_path, text, day
):
    assert events(tmp_path, event(text))[0][0] == day


def test_event_that_cannot_be_placed_is_left_out_and_counted(tmp_path):
    study = read_all(tmp_path, dm=[DM], tr=TR, ae=[event(None), event("2024-01-20", AETOXGR=None)])
    assert study.events.is_empty()
    assert "2 records: adverse events without a start date, a grade or a term" in warnings(study)


def test_supplement_fills_what_its_domain_leaves_empty(tmp_path):
    write(tmp_path, "DM", [DM])
    write(tmp_path, "TR", TR)
    write(tmp_path, "AE", [event("2024-01-20", AETOXGR=None, AESEQ=1.0), event("2024-01-21", AESEQ=2.0)])
    told = {"USUBJID": "P1", "IDVAR": "AESEQ", "IDVARVAL": "1", "QNAM": "AETOXGR", "QVAL": "4"}
    write(tmp_path, "SUPPAE", [told, told | {"IDVARVAL": "2", "QVAL": "1"}])
    assert read(tmp_path).events.select("day", "grade").rows() == [(10, 4), (11, 3)]
