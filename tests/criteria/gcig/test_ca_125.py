"""GCIG CA-125: the definitions of Rustin 2011, row by row, and both sides of every threshold.

Courses are `day: value in U/mL`; the upper limit is 35 U/mL unless said otherwise, so that 70 is twice it.
"""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.criteria.marker_tables import events_of, judged, markers_of, series, therapy_of
from turnpoint.criteria.gcig.ca_125 import BEST_RESPONSES_SCHEMA, RESPONSES_SCHEMA, judge
from turnpoint.criteria.marker_progression import first_progression

PROCEDURES = [
    "Paracentesis",
    "THORACENTESIS",
    "Pleurodesis",
    "Laparotomy",
    "drainage of ascites",
    "Ascites drain",
]


def of(seen, limit=None, therapy=None, intervention=None, term="Paracentesis", **rules):
    therapies = therapy_of({"P1": therapy})
    events = None if intervention is None else events_of({"P1": (intervention,)}, term)
    return judged(judge, markers_of(series(seen, limit), "CA-125"), therapies, events, **rules)


def best(seen, **options):
    return of(seen, **options).best_responses.row(0, named=True)


def confirmed(seen, **options):
    return best(seen, **options)["confirmed_best_response"]


def overall(seen, **options):
    return of(seen, **options).responses["overall_response"].to_list()


def progression(seen, **options):
    found = best(seen, **options)
    return found["progression_category"], found["progression_day"]


def test_columns_are_those_of_the_contract():
    found = of({0: 400, 28: 100})
    assert dict(found.responses.schema) == RESPONSES_SCHEMA
    assert dict(found.best_responses.schema) == BEST_RESPONSES_SCHEMA
    nothing = judged(judge, markers_of([], "CA-125"))
    assert nothing.responses.is_empty()
    assert nothing.best_responses.is_empty()
    assert dict(nothing.responses.schema) == RESPONSES_SCHEMA
    assert dict(nothing.best_responses.schema) == BEST_RESPONSES_SCHEMA


# Evaluable for response


@pytest.mark.parametrize(
    ("value", "limit", "evaluable"), [(70, None, True), (69.9, None, False), (60, 30, True)]
)
def test_patient_is_evaluable_from_twice_the_upper_limit(value, limit, evaluable):
    assert best({-3: value, 28: 10}, limit=limit)["evaluable"] is evaluable


@pytest.mark.parametrize(("day", "evaluable"), [(-15, False), (-14, True), (0, True), (1, False)])
def test_patient_is_evaluable_with_a_sample_within_two_weeks_before_the_start(day, evaluable):
    assert best({day: 400, 28: 10})["evaluable"] is evaluable


def test_last_sample_before_treatment_decides():
    assert best({-10: 400, -2: 60, 28: 10})["evaluable"] is False
    assert best({-10: 60, -2: 400, 28: 10})["evaluable"] is True


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({-3: 400, 28: 300}, "evaluable: 400 U/mL on day -3 is at least 2 x the upper limit of 35"),
        (
            {-3: 60.5, 28: 30},
            "not evaluable for response: 60.5 U/mL on day -3 is below 2 x the upper limit of 35",
        ),
        ({-20: 400, 28: 30}, "not evaluable for response: 400 U/mL on day -20, more than 14 days before"),
        ({5: 400, 28: 30}, "not evaluable for response: no sample up to day 0"),
        ({-3: 400}, "no sample after it"),
        ({-3: 400, 28: 150, 56: 140}, "maintained until day 56, not normal"),
        ({-3: 400, 28: 150}, "at least 50 % lower on day 28, not confirmed"),
        ({-3: 400, 28: 300}, "never 50 % lower"),
        ({-3: 400, 28: 30, 84: 80, 91: 85}, "progression (A) on day 84: 80 U/mL is at least 70"),
        ({-3: 400, 28: 30, 84: ">5000"}, "over the bar of progression on day 84, not confirmed"),
        ({-3: "<5", 28: 30}, "<5 U/mL on day -3 is below"),
    ],
)
def test_reason_says_in_numbers_what_decided(seen, words):
    assert words in best(seen)["reason"]


# Response


@pytest.mark.parametrize(("value", "label"), [(200, "PR"), (200.1, "SD"), (35, "CR"), (35.1, "PR")])
def test_response_is_half_and_complete_when_normal(value, label):
    assert overall({-3: 400, 28: value}) == [None, label]
    assert best({-3: 400, 28: value})["best_response"] == label


@pytest.mark.parametrize(("day", "label"), [(56, "PR"), (55, "SD")])
def test_response_is_confirmed_after_28_days(day, label):
    found = best({-3: 400, 28: 150, day: 140})
    assert found["best_response"] == "PR"
    assert found["confirmed_best_response"] == label
    assert found["response_day"] == (28 if label == "PR" else None)


def test_confirmation_days_is_an_option():
    assert confirmed({-3: 400, 28: 150, 49: 140}, confirmation_days=21) == "PR"


@pytest.mark.parametrize(("value", "label"), [(110, "PR"), (110.1, "SD"), (90.9, "SD"), (91, "PR")])
def test_sample_between_may_rise_by_10_percent(value, label):
    # From 90.9 back to 100 is just over 10 %.
    assert confirmed({-3: 400, 28: 100, 42: value, 56: 100}) == label


@pytest.mark.parametrize(("value", "label"), [(165, "PR"), (165.1, "SD")])
def test_confirming_sample_may_rise_by_10_percent(value, label):
    assert confirmed({-3: 400, 28: 150, 56: value}) == label


def test_sample_between_must_itself_be_half():
    # 195 to 205 is a rise of 5 %, and 205 is no longer half of 400.
    assert confirmed({-3: 400, 28: 195, 42: 205, 56: 190}) == "SD"
    assert confirmed({-3: 400, 28: 195, 42: 200, 56: 190}) == "PR"


def test_rises_within_the_normal_range_do_not_matter():
    found = best({-3: 400, 28: 10, 42: 20, 56: 34})
    assert (found["confirmed_best_response"], found["response_day"]) == ("CR", 28)


def test_response_is_dated_at_the_first_sample_of_the_confirmed_one():
    # 28 is not maintained (100 to 130); 42 begins again and is.
    assert best({-3: 400, 28: 100, 42: 130, 56: 120, 70: 110})["response_day"] == 42


@pytest.mark.parametrize(
    ("seen", "label"),
    [
        ({28: 150, 56: 30}, "CR"),
        ({28: 150, 56: 35}, "CR"),
        ({28: 150, 56: 35.1}, "PR"),
        ({28: 150, 55: 30}, "SD"),  # not confirmed
        ({28: 34, 56: 36}, "CR"),
        ({28: 30, 56: 36}, "SD"),  # from 30 to 36 is more than 10 %: not maintained
        ({28: 30, 42: 60, 56: 55, 70: 55}, "PR"),  # normal before the confirmed response began
    ],
)
def test_confirmed_response_is_complete_when_it_becomes_normal(seen, label):
    assert confirmed({-3: 400, **seen}) == label


@pytest.mark.parametrize(("seen", "normalised"), [({28: 35}, True), ({28: 36}, False), ({28: "<50"}, False)])
def test_normalised_is_a_raised_value_that_became_normal(seen, normalised):
    assert best({-3: 400, **seen})["normalised"] is normalised
    assert best({-3: 50, **seen})["normalised"] is normalised
    assert best({-3: 20, **seen})["normalised"] is False


# Progression


@pytest.mark.parametrize(("rise", "category"), [(70, "A"), (69.9, None)])
def test_progression_a_is_twice_the_upper_limit_after_normalising(rise, category):
    found = progression({-3: 400, 28: 30, 84: rise, 91: 80})
    assert found == ((category, 84) if category else (None, None))


@pytest.mark.parametrize(("rise", "category"), [(160, "B"), (159.9, None)])
def test_progression_b_is_twice_the_nadir_when_never_normal(rise, category):
    found = progression({-3: 400, 28: 80, 84: rise, 91: 200})
    assert found == ((category, 84) if category else (None, None))


def test_progression_b_counts_the_baseline_as_nadir():
    assert progression({-3: 100, 28: 200, 35: 210}) == ("B", 28)


@pytest.mark.parametrize(("rise", "category"), [(70, "C"), (69.9, None)])
def test_progression_c_is_twice_the_upper_limit_from_a_normal_baseline(rise, category):
    found = best({-3: 20, 28: rise, 35: 80})
    assert (found["progression_category"], found["evaluable"]) == (category, False)
    # Not evaluable for response, but progression counts.
    assert found["best_response"] == ("PD" if category else "NE")
    assert found["confirmed_best_response"] == ("PD" if category else "NE")


@pytest.mark.parametrize(("day", "progressed"), [(91, True), (90, False)])
def test_progression_needs_a_second_sample_a_week_later(day, progressed):
    found = best({-3: 400, 28: 30, 84: 80, day: 90})
    assert found["progression_day"] == (84 if progressed else None)
    assert found["unconfirmed_progression_day"] == 84
    assert overall({-3: 400, 28: 30, 84: 80, day: 90})[2] == ("PD" if progressed else "PR")


def test_sample_under_the_bar_between_begins_the_progression_anew():
    assert progression({-3: 400, 28: 30, 84: 80, 88: 60, 95: 90}) == (None, None)
    assert progression({-3: 400, 28: 30, 84: 80, 88: 75, 95: 90}) == ("A", 84)
    assert progression({-3: 400, 28: 30, 84: 80, 88: 60, 95: 90, 102: 95}) == ("A", 95)


def test_bar_after_normalising_does_not_fall_back_to_the_nadir():
    # Twice the nadir of 5 is 10; the bar stays at 70.
    assert progression({-3: 400, 28: 5, 84: 60, 91: 65}) == (None, None)


def test_upper_limit_is_that_of_each_sample():
    rows = [("P1", -3, 400.0, "none", 35.0), ("P1", 28, 32.0, "none", 30.0), ("P1", 84, 32.0, "none", 35.0)]
    found = judged(judge, markers_of(rows, "CA-125"))
    assert found.responses["overall_response"].to_list() == [None, "PR", "CR"]
    assert found.responses["category"].to_list() == [None, "B", "B"]


def test_nothing_after_progression_counts():
    found = best({-3: 100, 28: 210, 35: 220, 60: 20, 100: 20})
    assert (found["best_response"], found["confirmed_best_response"]) == ("PD", "PD")
    assert (found["progression_day"], found["last_evaluable_day"], found["response_day"]) == (28, 28, None)


def test_stable_disease_needs_no_minimum_time():
    assert best({-3: 400, 7: 390})["best_response"] == "SD"


@pytest.mark.parametrize("seen", [{-3: 400}, {-3: 20, 28: 25}, {-20: 400, 28: 100, 56: 90}])
def test_best_response_is_ne_when_not_evaluable_or_never_sampled_again(seen):
    found = best(seen)
    assert (found["best_response"], found["confirmed_best_response"]) == ("NE", "NE")
    assert found["last_evaluable_day"] is None


# New therapy


@pytest.mark.parametrize(("therapy", "label"), [(55, "SD"), (56, "PR"), (None, "PR")])
def test_sample_after_a_new_therapy_confirms_no_response(therapy, label):
    assert confirmed({-3: 400, 28: 150, 56: 140}, therapy=therapy) == label


@pytest.mark.parametrize(("therapy", "day"), [(90, None), (91, 84)])
def test_sample_after_a_new_therapy_confirms_no_progression(therapy, day):
    assert best({-3: 400, 28: 30, 84: 80, 91: 90}, therapy=therapy)["progression_day"] == day


def test_sample_after_a_new_therapy_is_listed_and_not_judged():
    assert overall({-3: 400, 28: 150, 56: 10}, therapy=40) == [None, "PR", None]


# Censored values


def test_value_below_the_limit_may_prove_a_response_and_never_a_rise():
    assert overall({-3: 400, 28: "<5"}) == [None, "CR"]
    assert overall({-3: 400, 28: "<250"}) == [None, "SD"]
    assert progression({-3: 20, 28: "<100", 35: "<100"}) == (None, None)


def test_value_above_the_limit_may_prove_a_rise_and_never_a_response():
    assert progression({-3: 400, 28: 300, 56: ">5000", 63: ">5000"}) == ("B", 56)
    assert overall({-3: 12000, 28: ">5000"}) == [None, "SD"]
    # The baseline is at least 5000: 2500 is half of it or less.
    assert overall({-3: ">5000", 28: 2500}) == [None, "PR"]
    assert overall({-3: ">5000", 28: 2501}) == [None, "SD"]
    # A nadir that is only known to be above 5000 has no double.
    assert progression({-3: ">5000", 28: ">20000", 56: ">20000"}) == (None, None)


def test_missing_value_is_no_zero():
    markers = markers_of(series({-3: 400, 28: 300, 56: 390}), "CA-125")
    gap = markers.with_columns(pl.when(pl.col("day") != 28).then("value").alias("value"))
    found = judged(judge, gap).responses
    assert found["day"].to_list() == [-3, 56]
    assert found["nadir_u_per_ml"].to_list() == [None, 400.0]


def test_samples_of_one_day_count_as_their_mean():
    rows = [*series({-3: 400, 28: 150}), *series({28: 250})]
    assert judged(judge, markers_of(rows, "CA-125")).responses["ca_125_u_per_ml"].to_list() == [400.0, 200.0]


# Interference, assays


@pytest.mark.parametrize(("day", "label"), [(-1, "CR"), (0, "NE"), (28, "NE"), (29, "CR")])
def test_sample_within_28_days_after_an_intervention_is_not_evaluable(day, label):
    assert overall({-3: 400, 40 + day: 30}, intervention=(40, 40))[1] == label


def test_intervention_counts_from_its_last_day():
    assert overall({-3: 400, 70: 30}, intervention=(40, 45))[1] == "NE"
    assert overall({-3: 400, 74: 30}, intervention=(40, 45))[1] == "CR"


def test_longer_of_two_interventions_counts():
    events = events_of({"P1": ((40, 60), (45, 45))})
    found = judged(judge, markers_of(series({-3: 400, 88: 30, 89: 30}), "CA-125"), events=events)
    assert found.responses["overall_response"].to_list() == [None, "NE", "CR"]


@pytest.mark.parametrize("term", PROCEDURES)
def test_intervention_is_known_by_its_name(term):
    assert best({-3: 400, 28: 30}, intervention=(-10, -10), term=term)["evaluable"] is False


@pytest.mark.parametrize("term", ["Ascites", "Pleural effusion", "Abdominal pain", "Peritoneal infection"])
def test_finding_is_no_intervention(term):
    assert best({-3: 400, 28: 30}, intervention=(-10, -10), term=term)["evaluable"] is True


def test_patient_without_any_evaluable_sample_is_listed():
    found = best({-3: 400}, intervention=(-10, -10))
    assert (found["best_response"], found["evaluable"], found["normalised"]) == ("NE", False, False)
    assert "interference" in found["reason"]


def test_several_assays_are_a_warning():
    rows = [*series({-3: 400, 28: 100}), *series({-3: 400, 28: 100}, patient="P2")]
    same = markers_of(rows, "CA-125", ["x", "x", "y", None])
    assert judged(judge, same).problems == ()
    (problem,) = judged(judge, markers_of(rows, "CA-125", ["x", "y", "y", "y"])).problems
    assert (problem.severity, problem.column, problem.row) == ("warning", "assay", 2)
    assert problem.rule.startswith("1 patient with")
    assert "P1" not in str(problem)


# Laws

courses = st.lists(
    st.tuples(
        st.integers(-20, 150), st.sampled_from([4.0, 20.0, 35.0, 36.0, 70.0, 100.0, 140.0, 200.0, 400.0])
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda seen: seen[0],
).map(dict)
RATIOS = [
    "evaluable",
    "best_response",
    "confirmed_best_response",
    "normalised",
    "response_day",
    "progression_day",
    "progression_category",
    "last_evaluable_day",
]


@settings(max_examples=15, deadline=None)
@given(seen=courses, unit=st.sampled_from([0.25, 2.0, 1024.0]))
def test_responses_do_not_depend_on_the_unit(seen, unit):
    scaled = {day: value * unit for day, value in seen.items()}
    found = of(scaled, limit=35.0 * unit).best_responses
    assert_frame_equal(found.select(RATIOS), of(seen).best_responses.select(RATIOS))


@settings(max_examples=15, deadline=None)
@given(first=courses, second=courses)
def test_a_patients_responses_do_not_depend_on_who_else_is_in_the_study(first, second):
    rows = [*series(second, patient="P2"), *series(first)]
    found = judged(judge, markers_of(rows, "CA-125"))
    alone = of(first)
    assert_frame_equal(found.responses.filter(pl.col("patient_id") == "P1"), alone.responses)
    assert_frame_equal(found.best_responses.filter(pl.col("patient_id") == "P1"), alone.best_responses)


@settings(max_examples=15, deadline=None)
@given(seen=courses)
def test_first_sample_over_the_bar_is_that_of_the_forecasts(seen):
    forecast = first_progression(markers_of(series(seen), "CA-125"))["progression_day"].to_list()
    assert best(seen)["unconfirmed_progression_day"] == (forecast[0] if forecast else None)


def test_other_markers_are_not_looked_at():
    rows = markers_of(series({-3: 400, 28: 100}), "CA-125")
    other = markers_of(series({-3: 1, 28: 900, 56: 900}), "CEA")
    assert_frame_equal(
        judged(judge, pl.concat([rows, other])).best_responses, of({-3: 400, 28: 100}).best_responses
    )
