"""Best response: table 3 of Eisenhauer 2009 and the traps around it; visits are `day: overall response`."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist.best_response import (
    BEST_RESPONSES_SCHEMA,
    best_responses,
    first_progressions,
)

SCHEMA = {"patient_id": pl.String, "reader": pl.String, "day": pl.Int64, "overall_response": pl.String}


def course(visits, patient="P1", reader=None):
    rows = [(patient, reader, -3, None)] + [
        (patient, reader, day, overall) for day, overall in visits.items()
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def best(visits, new_therapy_day=None, **rules):
    therapy = None
    if new_therapy_day is not None:
        therapy = pl.DataFrame({"patient_id": ["P1"], "new_therapy_day": [new_therapy_day]})
    return best_responses(course(visits), therapy, ProtocolRules(**rules)).row(0, named=True)


def unconfirmed(visits, **options):
    return best(visits, **options)["best_response"]


def confirmed(visits, **options):
    return best(visits, **options)["confirmed_best_response"]


# Table 3, first and second time point; the first at 6 weeks, so that SD has lasted, then at 4 weeks, so that not.


@pytest.mark.parametrize(
    ("first", "second", "lasted", "not_lasted"),
    [
        ("CR", "CR", "CR", "CR"),
        ("CR", "PD", "SD", "PD"),
        ("CR", "NE", "SD", "NE"),
        ("PR", "CR", "PR", "PR"),
        ("PR", "PR", "PR", "PR"),
        ("PR", "PD", "SD", "PD"),
        ("PR", "NE", "SD", "NE"),
        ("NE", "NE", "NE", "NE"),
    ],
)
def test_confirmed_best_response_follows_table_3(first, second, lasted, not_lasted):
    assert confirmed({42: first, 84: second}) == lasted
    assert confirmed({28: first, 70: second}) == not_lasted


@pytest.mark.parametrize(("first", "second"), [("CR", "SD"), ("PR", "SD"), ("CR", "PR")])
def test_confirmed_best_response_is_sd_when_the_second_visit_shows_less(first, second):
    assert confirmed({42: first, 84: second}) == "SD"


@pytest.mark.parametrize(
    ("visits", "label"),
    [
        ({42: "SD", 84: "PR", 126: "PD"}, "PR"),
        ({42: "PR", 84: "CR"}, "CR"),
        ({42: "SD", 84: "PD"}, "SD"),
        ({42: "PD"}, "PD"),
        ({42: "NE"}, "NE"),
        ({42: "NE", 84: "PD"}, "PD"),
        ({42: "NON-CR/NON-PD", 84: "PD"}, "NON-CR/NON-PD"),
        ({42: "NON-CR/NON-PD", 84: "CR"}, "CR"),
        ({28: "PR"}, "PR"),
    ],
)
def test_best_response_is_the_best_of_the_visits(visits, label):
    assert unconfirmed(visits) == label


@pytest.mark.parametrize(("day", "label"), [(42, "SD"), (41, "NE")])
def test_stable_disease_counts_from_six_weeks(day, label):
    assert unconfirmed({day: "SD"}) == label
    assert unconfirmed({day: "NON-CR/NON-PD"}) == label.replace("SD", "NON-CR/NON-PD")


@pytest.mark.parametrize(("day", "label"), [(42, "SD"), (41, "PD")])
def test_early_stable_disease_is_pd_when_pd_follows(day, label):
    assert unconfirmed({day: "SD", 70: "PD"}) == label


def test_minimum_stable_days_is_an_option():
    assert unconfirmed({49: "SD"}, minimum_stable_days=56) == "NE"
    assert unconfirmed({56: "SD"}, minimum_stable_days=56) == "SD"


# Nothing after PD or a new therapy


def test_response_after_pd_never_counts():
    found = best({42: "PD", 84: "PR", 126: "PR"})
    assert (found["best_response"], found["confirmed_best_response"]) == ("PD", "PD")
    assert (found["progression_day"], found["last_evaluable_day"]) == (42, 42)


@pytest.mark.parametrize(("therapy_day", "label"), [(83, "SD"), (84, "PR"), (85, "PR")])
def test_response_after_a_new_therapy_never_counts(therapy_day, label):
    assert unconfirmed({42: "SD", 84: "PR"}, new_therapy_day=therapy_day) == label


def test_progression_after_a_new_therapy_is_no_progression():
    found = best({42: "SD", 84: "PD"}, new_therapy_day=60)
    assert (found["progression_day"], found["last_evaluable_day"]) == (None, 42)


def test_confirmation_after_a_new_therapy_does_not_confirm():
    assert confirmed({42: "PR", 84: "PR"}, new_therapy_day=60) == "SD"


# Confirmation


@pytest.mark.parametrize(("second_day", "label"), [(70, "PR"), (69, "SD")])
def test_confirmation_needs_28_days(second_day, label):
    assert confirmed({42: "PR", second_day: "PR"}) == label


@pytest.mark.parametrize(("second_day", "label"), [(70, "CR"), (69, "SD")])
def test_confirmation_of_cr_needs_28_days(second_day, label):
    assert confirmed({42: "CR", second_day: "CR"}) == label


def test_confirmation_days_is_an_option():
    assert confirmed({42: "PR", 70: "PR"}, confirmation_days=56) == "SD"
    assert confirmed({42: "PR", 98: "PR"}, confirmation_days=56) == "PR"


def test_confirmation_may_come_later_than_the_first_repeat():
    assert confirmed({42: "PR", 56: "PR", 72: "PR"}) == "PR"


@pytest.mark.parametrize("response", ["CR", "PR"])
def test_one_not_evaluable_may_lie_between_and_two_may_not(response):
    assert confirmed({42: response, 84: "NE", 126: response}) == response
    assert confirmed({42: response, 84: "NE", 126: "NE", 168: response}) == "SD"
    two = {"most_not_evaluable_between": 2}
    assert confirmed({42: response, 84: "NE", 126: "NE", 168: response}, **two) == response
    assert confirmed({42: response, 84: "NE", 126: response}, most_not_evaluable_between=0) == "SD"


def test_stable_disease_between_breaks_the_confirmation():
    assert confirmed({42: "PR", 84: "SD", 126: "PR"}) == "SD"
    assert confirmed({42: "PR", 84: "SD", 126: "PR", 168: "PR"}) == "PR"


def test_pr_between_breaks_the_confirmation_of_cr():
    assert confirmed({42: "CR", 84: "PR", 126: "CR"}) == "PR"


def test_pr_after_cr_does_not_confirm():
    assert confirmed({42: "CR", 84: "PR"}) == "SD"
    assert confirmed({42: "PR", 56: "CR", 84: "PR"}) == "SD"
    assert confirmed({42: "PR", 84: "CR", 126: "PR"}) == "PR"


def test_pr_after_cr_does_not_confirm_in_any_patient():
    visits = {21: "PR", 42: "CR", 63: "PR"}
    both = pl.concat([course(visits), course(visits, "P2")])
    assert best_responses(both)["confirmed_best_response"].to_list() == ["SD", "SD"]


def test_pr_after_an_earlier_cr_is_confirmed_by_later_pr():
    assert confirmed({42: "CR", 84: "PR", 126: "PR"}) == "PR"


# Patients and readers


def test_patient_with_a_baseline_only_is_ne():
    assert best({}) == {
        "patient_id": "P1",
        "reader": None,
        "best_response": "NE",
        "confirmed_best_response": "NE",
        "progression_day": None,
        "last_evaluable_day": None,
    }


def test_last_evaluable_day_skips_not_evaluable_visits():
    assert best({42: "SD", 84: "SD", 126: "NE"})["last_evaluable_day"] == 84


def test_patients_and_readers_are_judged_apart():
    frames = [
        course({42: "PR"}, reader="A"),
        course({42: "SD", 84: "PR"}, reader="B"),
        course({42: "PD"}, patient="P2", reader="A"),
    ]
    found = best_responses(pl.concat(frames))
    assert dict(found.schema) == BEST_RESPONSES_SCHEMA
    assert found.select("patient_id", "reader", "best_response", "confirmed_best_response").rows() == [
        ("P1", "A", "PR", "SD"),
        ("P1", "B", "PR", "SD"),
        ("P2", "A", "PD", "PD"),
    ]


def test_empty_table_gives_an_empty_table_with_the_columns():
    found = best_responses(pl.DataFrame(schema=SCHEMA))
    assert found.is_empty()
    assert dict(found.schema) == BEST_RESPONSES_SCHEMA


@given(
    labels=st.lists(st.sampled_from(["CR", "PR", "SD", "PD", "NE", None]), min_size=1, max_size=18),
    readers=st.sampled_from([[None], ["A", "B"]]),
    therapy_day=st.none() | st.integers(0, 300),
)
@settings(max_examples=60, deadline=None)
def test_first_progressions_are_those_of_best_responses(labels, readers, therapy_day):
    frames = [
        course(
            {42 * (index // 2): overall for index, overall in enumerate(labels[place::2])}, patient, reader
        )
        for place, patient in enumerate(["P1", "P2"])
        for reader in readers
    ]
    visits = pl.concat(frames)
    therapy = pl.DataFrame({"patient_id": ["P1"], "new_therapy_day": [therapy_day]}).drop_nulls()
    expected = best_responses(visits, therapy).drop_nulls("progression_day")
    assert_frame_equal(
        first_progressions(visits, therapy),
        expected.select("patient_id", "reader", "progression_day"),
        check_row_order=False,
    )
