"""One bad row is not the whole study: odd days are kept aside, and rows that nobody needs stop nothing."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import turnpoint as tp
from turnpoint.errors import StudyError
from turnpoint.study.reading import read_frames
from turnpoint.study.schema import FARTHEST_DAY
from turnpoint.workflows.opening import convert_to_study, inspect, read

LESIONS = """patient_id,day,lesion_id,role,diameter_mm,status
A,0,T1,target,50,measured
A,42,T1,target,30,measured
A,84,T1,target,30,measured
"""
EVENTS = "patient_id,day,end_day,term,grade\nA,{day},{end},nausea,2\nA,20,22,fatigue,1\n"
RESPOND = ("patients", "lesions", "doses")


def written(folder, **tables):
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("day", "is_kept"), [(-FARTHEST_DAY, True), (-FARTHEST_DAY - 1, False), (7305, True), (7306, False)]
)
def test_event_is_kept_aside_when_it_is_more_than_20_years_from_the_start(tmp_path, day, is_kept):
    found = convert_to_study(written(tmp_path, lesions=LESIONS, events=EVENTS.format(day=day, end="")))
    assert found.study is not None
    assert found.study.events["term"].sort().to_list() == (["fatigue", "nausea"] if is_kept else ["fatigue"])
    kept = found.unmapped.select("file", "row", "patient_id", "date", "name", "value").rows()
    assert kept == ([] if is_kept else [("events.csv", 2, "A", str(day), "nausea", "2")])
    told = [str(problem) for problem in found.problems if "kept aside" in str(problem)]
    assert len(told) == (0 if is_kept else 1)


def test_row_is_kept_aside_by_its_date_when_it_has_no_day(tmp_path):
    lesions = LESIONS.replace("day", "date").replace(",0,", ",2020-01-01,").replace(",42,", ",2020-02-12,")
    lesions = lesions.replace(",84,", ",1920-03-25,")
    study, problems = inspect(
        written(tmp_path, lesions=lesions, patients="patient_id,start_date\nA,2020-01-01\n")
    )
    assert study is not None
    assert study.lesions["day"].to_list() == [0, 42]
    assert [(p.row, p.column, p.value) for p in problems] == [(4, "date", "1920-03-25")]


@pytest.mark.parametrize(("odd", "reads"), [(1, True), (2, True), (3, False)])
def test_days_of_a_whole_column_are_an_error_when_most_of_its_rows_are_out_of_reach(tmp_path, odd, reads):
    days = [day + (40_000 if place < odd else 0) for place, day in enumerate((0, 42, 84, 126))]
    rows = "".join(f"A,{day},T1,target,50,measured\n" for day in days)
    study, _ = inspect(written(tmp_path, lesions=LESIONS.splitlines()[0] + "\n" + rows))
    assert (study is not None) == reads
    if study is not None:
        assert study.lesions.height == 4 - odd


@pytest.mark.parametrize(
    ("death_day", "is_read"), [(-1, False), (0, True), (FARTHEST_DAY, True), (FARTHEST_DAY + 1, False)]
)
def test_death_is_kept_aside_when_it_is_no_day_of_the_course(tmp_path, death_day, is_read):
    found = convert_to_study(
        written(tmp_path, lesions=LESIONS, patients=f"patient_id,arm,death_day\nA,B,{death_day}\n")
    )
    assert found.study is not None
    assert found.study.patients.select("arm", "death_day").row(0) == ("B", death_day if is_read else None)
    assert found.unmapped["date"].to_list() == ([] if is_read else [str(death_day)])


@pytest.mark.parametrize("end", ["9", "9999"])
def test_event_is_read_without_its_end_when_the_end_is_odd(tmp_path, end):
    study, problems = inspect(written(tmp_path, lesions=LESIONS, events=EVENTS.format(day=10, end=end)))
    assert study is not None
    assert study.events.select("day", "end_day").rows() == [(10, None), (20, 22)]
    assert [p.severity for p in problems] == ["warning"]


@pytest.mark.parametrize(
    "events",
    [
        EVENTS.format(day=10, end="").replace("nausea,2", "nausea,7"),
        EVENTS.format(day="soon", end=""),
        EVENTS.format(day=10, end="") + "Z,3,,nausea,1\nZ,4,,nausea,1\n",
        EVENTS.format(day=10, end="") + "A,3,,nausea\n",
    ],
    ids=["grade", "day", "patient", "cells"],
)
def test_command_without_events_reads_on_when_a_row_of_them_is_wrong(tmp_path, events):
    place = written(tmp_path, lesions=LESIONS, events=events, patients="patient_id,arm\nA,B\n")
    with pytest.raises(StudyError):
        read(place)
    study = read(place, RESPOND)
    assert tp.respond(study).responses["overall_response"].to_list() == [None, "PR", "PR"]
    assert study.patient_ids == ["A"]
    # The rows that say what they should are read: a fatal one would be a death.
    assert "fatigue" in study.events["term"].to_list()
    assert any("which is not needed here" in p.rule for p in study.problems)


def test_command_without_events_reads_none_of_them_when_a_column_is_missing(tmp_path):
    place = written(tmp_path, lesions=LESIONS, events="patient_id,day,term\nA,3,nausea\n")
    study = read(place, RESPOND)
    assert study.events.is_empty()
    assert any("none of events is read" in p.rule for p in study.problems)


def test_command_stops_when_a_table_that_it_needs_is_wrong(tmp_path):
    with pytest.raises(StudyError):
        read(written(tmp_path, lesions=LESIONS.replace("30,m", "many,m")), RESPOND)


@given(days=st.lists(st.integers(-12_000, 12_000), min_size=1, max_size=12, unique=True))
def test_every_row_is_read_or_kept_aside_whatever_its_day(tmp_path_factory, days):
    rows = "".join(f"A,{day},,event {day},2\n" for day in days)
    place = written(
        tmp_path_factory.mktemp("study"), lesions=LESIONS, events="patient_id,day,end_day,term,grade\n" + rows
    )
    found = convert_to_study(place)
    assert found.study is not None
    read_rows = found.study.events["term"].to_list()
    assert sorted([*read_rows, *found.unmapped["name"]]) == sorted(f"event {day}" for day in days)


def test_frames_in_memory_follow_the_same_rule():
    lesions = pl.read_csv(LESIONS.encode())
    events = pl.DataFrame({"patient_id": ["A"], "day": [-10_000], "term": ["nausea"], "grade": [1]})
    assert read_frames({"lesions": lesions, "events": events}).events.is_empty()
