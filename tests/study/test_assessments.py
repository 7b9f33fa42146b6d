"""One assessment over several days, and rows without a reader among rows with one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.studies import study_of
from turnpoint.workflows.respond import respond

COLUMNS = "patient_id,day,lesion_id,role,diameter_mm,status"
BASELINE = ("0,T1,target,50,measured", "0,T2,target,50,measured")


def study_with(*rows, more=""):
    return study_of(lesions="\n".join([COLUMNS + more, *(f"A,{row}" for row in rows)]))


def judged(study):
    return respond(study).responses.select("day", "sum_of_diameters_mm", "overall_response").rows()


def warned(study, text):
    return [p.row for p in study.problems if text in p.rule]


# pharmaverse/admiralonco vignettes/adtr.Rmd groups by visit; the date is that of the first scan.
@pytest.mark.parametrize(
    ("day", "visits"),
    [
        (42, [(42, 60.0, "PR")]),
        (43, [(42, 60.0, "PR")]),
        (49, [(42, 60.0, "PR")]),
        (50, [(42, None, "NE"), (50, None, "NE")]),
    ],
)
def test_scans_within_7_days_are_one_assessment_dated_on_the_first(day, visits):
    study = study_with(*BASELINE, "42,T1,target,30,measured", f"{day},T2,target,30,measured")
    assert judged(study)[1:] == visits
    assert warned(study, "taken as part of it") == ([5] if 42 < day < 50 else [])


def test_the_window_counts_from_the_first_day_of_the_assessment():
    rows = ("42,T1,target,30,measured", "46,T2,target,30,measured", "50,N1,non_target,,present")
    assert [day for day, *_ in judged(study_with(*BASELINE, *rows))] == [0, 42, 50]


def test_a_lesion_read_twice_is_two_assessments():
    rows = ("42,T1,target,30,measured", "45,T1,target,31,measured", "45,T2,target,30,measured")
    assert judged(study_with(*BASELINE, *rows))[1:] == [(42, None, "NE"), (45, 61.0, "PR")]


@pytest.mark.parametrize(("day", "new_day"), [(3, 3), (45, 42)])
def test_a_new_lesion_joins_an_assessment_but_never_the_baseline(day, new_day):
    rows = ("42,T1,target,50,measured", "42,T2,target,50,measured", f"{day},N1,new,,present")
    best = respond(study_with(*BASELINE, *rows)).best_responses
    assert best["progression_day"].to_list() == [new_day]


def test_a_new_lesion_does_not_join_a_first_assessment_after_day_0():
    rows = ("5,T1,target,50,measured", "8,N1,new,,present")
    assert respond(study_with(*rows)).best_responses["progression_day"].to_list() == [8]


def test_rows_of_one_visit_are_one_assessment_however_far_apart():
    rows = [f"{row},base" for row in BASELINE]
    rows += ["42,T1,target,30,measured,W6", "58,T2,target,30,measured,W6"]
    study = study_with(*rows, more=",visit")
    assert judged(study)[1:] == [(42, 60.0, "PR")]
    assert study.problems == ()


@pytest.mark.parametrize(("last", "doubted"), [(70, []), (71, [4])])
def test_a_visit_of_more_than_four_weeks_is_doubted(last, doubted):
    rows = [f"{row},base" for row in BASELINE]
    rows += ["42,T1,target,30,measured,W6", f"{last},T2,target,30,measured,W6"]
    assert warned(study_with(*rows, more=",visit"), "lie more than 28 days apart") == doubted


def test_two_visits_by_name_are_not_made_one():
    rows = [f"{row},base" for row in BASELINE]
    rows += ["42,T1,target,30,measured,a", "43,T2,target,30,measured,b"]
    study = study_with(*rows, more=",visit")
    assert [day for day, *_ in judged(study)] == [0, 42, 43]
    assert warned(study, "taken as part of it") == []


def test_a_row_without_a_visit_joins_a_named_one():
    rows = [f"{row},base" for row in BASELINE]
    rows += ["42,T1,target,30,measured,W6", "43,T2,target,30,measured,"]
    assert judged(study_with(*rows, more=",visit"))[1:] == [(42, 60.0, "PR")]


def test_a_lesion_twice_in_a_visit_leaves_each_row_its_day():
    rows = [f"{row},base" for row in BASELINE]
    rows += ["42,T1,target,30,measured,W6", "50,T1,target,30,measured,W6", "50,T2,target,30,measured,W6"]
    study = study_with(*rows, more=",visit")
    assert [day for day, *_ in judged(study)] == [0, 42, 50]
    assert warned(study, "a lesion was read on two days of this visit") == [4]


def test_readers_keep_their_assessments_apart():
    rows = [f"{row},{reader}" for reader in "RS" for row in BASELINE]
    rows += ["42,T1,target,30,measured,R", "43,T2,target,30,measured,S"]
    days = respond(study_with(*rows, more=",reader")).responses.select("reader", "day").rows()
    assert days == [("R", 0), ("R", 42), ("S", 0), ("S", 43)]


# T1 on day 0 at the latest, so that the course has a baseline of its own.
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["T1", "T2", "T3"])),
        min_size=1,
        max_size=12,
        unique=True,
    )
)
def test_no_reading_is_lost_and_none_moves_later_or_by_more_than_7_days(readings):
    rows = [f"{day},{lesion},target,30,measured" for day, lesion in readings]
    lesions = study_with(*rows).lesions
    assert sorted(lesions["source_row"]) == list(range(2, 2 + len(rows)))
    for day, lesion, row in lesions.select("day", "lesion_id", "source_row").rows():
        read_day, read_lesion = readings[row - 2]
        assert lesion == read_lesion
        assert 0 <= read_day - day <= 7
    assert lesions.select("day", "lesion_id").is_unique().all()


READ = ("0,T1,target,100,measured,R1", "42,T1,target,60,measured,R1")


def test_a_blank_reader_is_the_one_who_read_the_lesion_otherwise():
    study = study_with(*READ, "84,T1,target,60,measured,", "126,T1,target,60,measured,R1", more=",reader")
    found = respond(study).responses
    assert found.select("reader", "day").rows() == [("R1", 0), ("R1", 42), ("R1", 84), ("R1", 126)]
    assert warned(study, "the row is read as that reader's") == [4]


@pytest.mark.parametrize(
    "rows",
    [
        # Another reader, without a name, of the same lesion on the same days.
        (*READ, "0,T1,target,90,measured,", "42,T1,target,80,measured,"),
        # Another who called the lesion otherwise.
        (*READ, "0,L1,target,90,measured,", "42,L1,target,80,measured,"),
        # One of two.
        (*READ, "0,T1,target,99,measured,R2", "84,T1,target,60,measured,"),
    ],
)
def test_a_blank_reader_who_may_be_another_is_a_reader_of_its_own_and_said_so(rows):
    study = study_with(*rows, more=",reader")
    assert None in study.lesions["reader"].to_list()
    assert len(warned(study, "those of a reader of their own")) == 1
