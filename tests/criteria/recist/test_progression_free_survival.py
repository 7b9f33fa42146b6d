"""Progression-free survival: which event counts, and where the time is censored."""

import polars as pl
import pytest

from tests.workflows.studies import study_of
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist.progression_free_survival import deaths, progression_free_survival
from turnpoint.errors import UsageError

SCHEMA = {"patient_id": pl.String, "reader": pl.String, "day": pl.Int64, "overall_response": pl.String}


def pfs(visits, died=None, therapy=None, **rules):
    rows = [("P1", None, -3, None)] + [("P1", None, day, overall) for day, overall in visits.items()]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    death = pl.DataFrame(
        {"patient_id": ["P1"], "death_day": [died]}, schema_overrides={"death_day": pl.Int64}
    )
    new = pl.DataFrame(
        {"patient_id": ["P1"], "new_therapy_day": [therapy]}, schema_overrides={"new_therapy_day": pl.Int64}
    )
    found = progression_free_survival(frame, death.drop_nulls(), new.drop_nulls(), ProtocolRules(**rules))
    return found.select("progression_free_days", "event", "reason").row(0)


@pytest.mark.parametrize(
    ("visits", "options", "expected"),
    [
        ({42: "SD", 84: "PD"}, {}, (84, True, "progression")),
        ({42: "SD", 84: "PD", 126: "PR"}, {}, (84, True, "progression")),
        ({42: "SD", 84: "PR"}, {}, (84, False, "no_event")),
        ({42: "SD", 84: "NE"}, {}, (42, False, "no_event")),
        ({42: "NE"}, {}, (0, False, "no_evaluable_visit")),
        ({}, {}, (0, False, "no_evaluable_visit")),
        ({42: "SD"}, {"died": 100}, (100, True, "death")),
        ({}, {"died": 30}, (30, True, "death")),
        ({42: "SD", 84: "PD"}, {"died": 200}, (84, True, "progression")),
        ({42: "SD", 84: "PD"}, {"died": 84}, (84, True, "progression")),
        ({42: "SD", 84: "PD"}, {"died": 83}, (83, True, "death")),
        ({42: "SD", 84: "PD"}, {"therapy": 60}, (42, False, "new_therapy")),
        ({42: "SD", 84: "PD"}, {"therapy": 84}, (84, True, "progression")),
        ({42: "SD", 84: "PD"}, {"therapy": 83}, (42, False, "new_therapy")),
        ({42: "SD"}, {"therapy": 60, "died": 61}, (42, False, "new_therapy")),
        ({42: "SD"}, {"therapy": 60, "died": 60}, (60, True, "death")),
        ({42: "NE", 84: "PD"}, {"therapy": 60}, (0, False, "no_evaluable_visit")),
    ],
)
def test_event_or_censoring_is_found(visits, options, expected):
    assert pfs(visits, **options) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (42 + 2 * 42, (126, True, "progression")),  # one visit missed
        (42 + 104, (146, True, "progression")),  # nearer to the second visit after the last
        (42 + 106, (42, False, "missed_visits")),  # nearer to the third: two missed
        (42 + 3 * 42, (42, False, "missed_visits")),
    ],
)
def test_progression_after_two_missed_visits_is_censored_by_option(day, expected):
    assert pfs({42: "SD", day: "PD"}, most_missed_visits=1, visit_interval_days=42) == expected
    assert pfs({42: "SD", day: "PD"}) == (day, True, "progression")


@pytest.mark.parametrize(
    ("died", "expected"), [(42 + 83, (125, True, "death")), (42 + 84, (42, False, "missed_visits"))]
)
def test_death_after_two_missed_visits_is_censored_by_option(died, expected):
    assert pfs({42: "SD"}, died=died, most_missed_visits=1, visit_interval_days=42) == expected


def test_a_visit_that_could_not_be_evaluated_is_a_missed_one():
    visits = {42: "SD", 84: "NE", 126: "NE", 168: "PD"}
    assert pfs(visits, most_missed_visits=1, visit_interval_days=42) == (42, False, "missed_visits")
    assert pfs(visits, most_missed_visits=2, visit_interval_days=42) == (168, True, "progression")


def test_interval_between_visits_is_the_studys_median_when_none_is_given():
    visits = {42: "SD", 84: "SD", 126: "SD", 252: "PD"}
    assert pfs(visits, most_missed_visits=1) == (126, False, "missed_visits")
    assert pfs(visits, most_missed_visits=2) == (252, True, "progression")


def test_death_is_taken_from_patients_before_events():
    study = study_of(
        lesions="patient_id,day,lesion_id,role,diameter_mm,status\nP1,0,T1,target,20,measured",
        patients="patient_id,death_day\nP1,90\nP2,\nP3,\nP4,",
        events="patient_id,day,end_day,term,grade\n"
        "P1,70,80,sepsis,5\nP2,70,80,sepsis,5\nP3,50,,sepsis,5\nP4,50,,rash,4",
    )
    assert deaths(study).rows() == [("P1", 90), ("P2", 80), ("P3", 50)]


def test_death_may_be_a_date():
    study = study_of(
        lesions="patient_id,date,lesion_id,role,diameter_mm,status\nP1,2024-02-28,T1,target,20,measured",
        patients="patient_id,start_date,death_date\nP1,2024-02-28,2024-03-01",
    )
    assert deaths(study).rows() == [("P1", 2)]


@pytest.mark.parametrize(
    ("name", "value"), [("most_missed_visits", -1), ("visit_interval_days", 0), ("confirmation_days", -1)]
)
def test_rules_out_of_range_are_refused(name, value):
    with pytest.raises(UsageError, match=f"{name}={value}"):
        ProtocolRules(**{name: value})
