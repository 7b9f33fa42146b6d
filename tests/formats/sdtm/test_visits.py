"""Days of SDTM: the start, days without a day 0, partial and missing dates, visits whose scans lie on several days."""

from datetime import date

import polars as pl
import pytest

from tests.formats.transport import errors, named, read_all, size, state, warnings
from turnpoint.formats.sdtm.days import dates, study_day
from turnpoint.workflows.convert import convert

DM = [{"USUBJID": "P1", "RFSTDTC": "2024-01-10", "RFXSTDTC": "2024-01-11", "SEX": "F"}]


def dated(lesion, text, mm=20, **other):
    return size(lesion, None, mm, TRDTC=text, **other)


def days(folder, **domains):
    return read_all(folder, **domains).lesions["day"].to_list()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-02-03", date(2024, 2, 3), date(2024, 2, 3)),
        ("2024-02-03T10:54", date(2024, 2, 3), date(2024, 2, 3)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-02--", date(2023, 2, 1), date(2023, 2, 28)),
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024---15", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024-02-30", None, None),
        ("--02-03", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_date_is_the_span_of_days_that_it_may_mean(text, first, last):
    frame = pl.DataFrame({"DTC": [text]}, schema={"DTC": pl.String})
    assert frame.select(*(bound.alias(name) for bound, name in zip(dates("DTC"), "ab", strict=True))).row(
        0
    ) == (
        first,
        last,
    )


def test_study_day_has_no_day_0_and_the_course_has():
    said = pl.DataFrame({"DY": [-2.0, -1.0, 1.0, 2.0, None]}).select(study_day("DY")).to_series().to_list()
    assert said == [-2, -1, 0, 1, None]


def test_date_counts_from_the_reference_start(tmp_path):
    assert days(tmp_path, dm=DM, tr=[dated("T01", "2024-01-03"), dated("T01", "2024-02-21T09:00")]) == [
        -7,
        42,
    ]


def test_first_exposure_is_the_start_when_the_reference_start_is_missing(tmp_path):
    dm = [DM[0] | {"RFSTDTC": None}]
    assert days(tmp_path, dm=dm, tr=[dated("T01", "2024-01-11")]) == [0]


def test_first_dose_is_the_start_when_dm_has_none(tmp_path):
    ex = [
        {"USUBJID": "P1", "EXTRT": "X", "EXDOSE": 1.0, "EXDOSU": "mg", "EXSTDTC": text, "EXENDTC": text}
        for text in ("2024-02-01", "2024-01-12")
    ]
    assert days(tmp_path, ex=ex, tr=[dated("T01", "2024-01-13")]) == [1]


def test_start_follows_from_a_record_with_date_and_study_day_when_nothing_says_it(tmp_path):
    tr = [dated("T01", "2024-01-03") | {"TRDY": -7.0}, dated("T01", "2024-02-21")]
    study = read_all(tmp_path, tr=tr)
    assert study.lesions["day"].to_list() == [-7, 42]
    assert study.patients["start_date"].to_list() == [date(2024, 1, 10)]


def test_first_assessment_is_day_0_with_a_warning_when_no_start_is_known(tmp_path):
    study = read_all(tmp_path, tr=[dated("T01", "2024-01-03"), dated("T01", "2024-02-14")])
    assert study.lesions["day"].to_list() == [0, 42]
    assert "start of treatment not known for 1 patient;" in warnings(study)


def test_partial_date_takes_the_day_of_its_visit_when_another_reader_has_it(tmp_path):
    tr = [
        dated("T01", "2024-01-03", VISITNUM=1, TREVAL="A"),
        dated("T01", "2024-02-21", VISITNUM=2, TREVAL="A"),
        dated("T01", "2024-02", VISITNUM=2, TREVAL="B"),
    ]
    assert days(tmp_path, dm=DM, tr=tr) == [-7, 42, 42]


@pytest.mark.parametrize(("planned", "expected"), [(43.0, 42), (80.0, 50), (1.0, 22)])
def test_partial_date_is_the_day_within_it_nearest_to_the_planned_day(tmp_path, planned, expected):
    tr = [dated("T01", "2024-01-03"), dated("T01", "2024-02", VISITNUM=2, VISITDY=planned)]
    study = read_all(tmp_path, dm=DM, tr=tr)
    assert study.lesions["day"].to_list() == [-7, expected]
    assert "have only part of a date" in warnings(study)


def test_partial_date_is_the_day_within_it_nearest_to_the_usual_day_of_the_visit(tmp_path):
    others = [
        dated("T01", text, VISITNUM=2, USUBJID=patient)
        for patient, text in (("P2", "2024-02-20"), ("P3", "2024-02-22"), ("P4", "2024-02-24"))
    ]
    dm = [DM[0] | {"USUBJID": f"P{number}"} for number in (1, 2, 3, 4)]
    study = read_all(tmp_path, dm=dm, tr=[dated("T01", "2024-02", VISITNUM=2), *others])
    assert study.lesions.filter(patient_id="P1")["day"].to_list() == [43]


def test_partial_date_is_its_middle_when_nothing_is_known_of_the_visit(tmp_path):
    # 1 to 29 February are days 22 to 50.
    assert days(tmp_path, dm=DM, tr=[dated("T01", "2024-02")]) == [36]


def test_missing_date_is_that_of_the_visit(tmp_path):
    tr = [dated("T01", "2024-02-21", VISITNUM=2), dated("T02", None, VISITNUM=2)]
    assert days(tmp_path, dm=DM, tr=tr) == [42, 42]


def test_tu_without_a_date_takes_the_day_of_its_visit(tmp_path):
    tu = [
        named("T01", "TARGET", "LIVER", TUDY=None, VISITNUM=1),
        named("NEW01", "NEW", "LUNG", TUDY=None, VISITNUM=2),
    ]
    tr = [dated("T01", "2024-01-03", VISITNUM=1), dated("T01", "2024-02-21", VISITNUM=2)]
    found = read_all(tmp_path, dm=DM, tu=tu, tr=tr).lesions.select("lesion_id", "day").rows()
    assert found == [("T01", -7), ("T01", 42), ("NEW01", 42)]


def test_assessment_that_cannot_be_dated_is_kept_aside_and_is_an_error_only_when_there_is_no_other(tmp_path):
    bad = dated("T01", "2024-13-02", VISITNUM=9)
    study = read_all(tmp_path, dm=DM, tr=[dated("T01", "2024-01-03"), bad, dated("T01", "2024-02-21")])
    assert study.lesions["day"].to_list() == [-7, 42]
    assert "1 record: assessments without a date, a study day or a visit that has one" in warnings(study)
    left = convert(tmp_path, tmp_path / "study").unmapped
    assert left.select("file", "row", "date").rows() == [("tr.xpt", 2, "2024-13-02")]
    (tmp_path / "alone").mkdir()
    told = errors(tmp_path / "alone", dm=DM, tr=[bad])
    assert told == [
        "alone: there is neither a lesion nor a marker. Add lesions.csv or markers.csv; one of them must have rows."
    ]


def test_visit_that_was_not_done_is_left_out_and_counted(tmp_path):
    missed = size("T01", None, None, VISITNUM=2, TRSTAT="NOT DONE")
    study = read_all(tmp_path, dm=DM, tr=[dated("T01", "2024-01-03", VISITNUM=1), missed])
    assert study.lesions["day"].to_list() == [-7]
    assert "1 record: assessments without a date, which were not done" in warnings(study)


def test_scans_of_one_visit_within_two_weeks_are_one_visit_on_the_first_day(tmp_path):
    tr = [
        dated("T01", "2024-02-21", VISITNUM=2),
        dated("T02", "2024-03-06", VISITNUM=2),
        state("NT01", None, "PRESENT", TRDTC="2024-02-25", VISITNUM=2),
    ]
    assert days(tmp_path, dm=DM, tr=tr) == [42, 42, 42]


def test_scans_of_one_visit_more_than_two_weeks_apart_keep_their_days(tmp_path):
    tr = [dated("T01", "2024-02-21", VISITNUM=2), dated("T02", "2024-03-07", VISITNUM=2)]
    assert days(tmp_path, dm=DM, tr=tr) == [42, 57]


def test_scans_keep_their_days_when_a_lesion_was_assessed_on_both(tmp_path):
    tr = [dated("T01", "2024-02-21", VISITNUM=2), dated("T01", "2024-02-25", 21, VISITNUM=2)]
    assert days(tmp_path, dm=DM, tr=tr) == [42, 46]


def test_visit_is_told_by_its_number_and_kept_beside_the_lesion(tmp_path):
    tr = [dated("T01", "2024-02-21", VISITNUM=3.01, VISIT="UNSCHEDULED")]
    assert read_all(tmp_path, dm=DM, tr=tr).lesions["visit"].to_list() == ["3.01"]
