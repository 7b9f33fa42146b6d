"""PCWG3 PSA: the rules of Scher 2016, row by row, and both sides of every threshold. Courses are `day: ng/mL`."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.criteria.marker_tables import judged, markers_of, series, therapy_of
from turnpoint.criteria.marker_progression import first_progression
from turnpoint.criteria.pcwg3.psa import BEST_RESPONSES_SCHEMA, RESPONSES_SCHEMA, judge


def of(seen, therapy=None):
    return judged(judge, markers_of(series(seen), "PSA"), therapy_of({"P1": therapy}))


def best(seen, **options):
    return of(seen, **options).best_responses.row(0, named=True)


def overall(seen, **options):
    return of(seen, **options).responses["overall_response"].to_list()


def progression(seen, **options):
    found = best(seen, **options)
    return found["progression_day"], found["unconfirmed_progression_day"]


def test_columns_are_those_of_the_contract():
    found = of({0: 20, 28: 10})
    assert dict(found.responses.schema) == RESPONSES_SCHEMA
    assert dict(found.best_responses.schema) == BEST_RESPONSES_SCHEMA
    nothing = judged(judge, markers_of([], "PSA"))
    assert dict(nothing.responses.schema) == RESPONSES_SCHEMA
    assert dict(nothing.best_responses.schema) == BEST_RESPONSES_SCHEMA
    assert nothing.best_responses.is_empty()


# Declines


@pytest.mark.parametrize(
    ("value", "psa50", "psa90", "label"),
    [
        (50, True, False, "PR"),
        (50.1, False, False, "SD"),
        (10, True, True, "PR"),
        (10.1, True, False, "PR"),
        (150, False, False, "SD"),
    ],
)
def test_psa50_and_psa90_are_declines_from_the_baseline(value, psa50, psa90, label):
    found = best({0: 100, 28: value})
    assert (found["psa50"], found["psa90"], found["best_response"]) == (psa50, psa90, label)
    assert (found["psa50_confirmed"], found["psa90_confirmed"]) == (False, False)
    assert overall({0: 100, 28: value}) == [None, label]


@pytest.mark.parametrize(("day", "kept"), [(49, True), (48, False)])
def test_decline_is_confirmed_after_21_days(day, kept):
    found = best({0: 100, 28: 8, day: 9})
    assert (found["psa50_confirmed"], found["psa90_confirmed"]) == (kept, kept)
    assert found["confirmed_best_response"] == ("PR" if kept else "SD")


def test_decline_is_confirmed_only_if_every_value_between_is_as_low():
    found = best({0: 100, 28: 8, 42: 11, 56: 9})
    assert (found["psa50_confirmed"], found["psa90_confirmed"]) == (True, False)
    assert best({0: 100, 28: 40, 42: 51, 49: 45})["psa50_confirmed"] is False


def test_best_decline_is_negative_when_psa_only_rose():
    assert best({0: 100, 28: 40, 56: 45})["best_decline_pct"] == pytest.approx(60)
    assert best({0: 100, 28: 130, 56: 120})["best_decline_pct"] == pytest.approx(-20)
    assert best({0: 100})["best_decline_pct"] is None


@pytest.mark.parametrize(
    ("seen", "decline"),
    [
        ({56: 70, 84: 40, 98: 20}, 60),
        ({69: 70}, 30),  # the series ended before 12 weeks
        ({69: 70, 99: 20}, None),  # a gap at 12 weeks
        ({70: 80, 99: 20}, 20),
        ({98: 30}, 70),
        ({80: 30, 88: 10}, 70),  # as near: the earlier
        ({81: 30, 86: 10}, 90),
        ({99: 30}, None),
    ],
)
def test_decline_at_12_weeks_is_that_of_the_nearest_value(seen, decline):
    assert best({0: 100, **seen})["decline_at_12_weeks_pct"] == (
        None if decline is None else pytest.approx(decline)
    )


def test_nadir_is_the_first_smallest_value():
    found = best({0: 100, 28: 20, 56: 20, 84: 22})
    assert (found["nadir_ng_per_ml"], found["nadir_day"]) == (20.0, 28)
    assert best({0: 100, 28: 120})["nadir_day"] == 0


# Progression after a decline


@pytest.mark.parametrize(
    ("nadir", "rise", "progressed"),
    [
        (20, 25, True),  # 25 %, 5 ng/mL
        (20, 24.9, False),
        (4, 6, True),  # 50 %, 2 ng/mL
        (4, 5.99, False),  # 49.8 %, 1.99 ng/mL
        (8, 10, True),  # both at once
        (8, 9.99, False),
        (0.1, 2.1, True),
        (0.1, 2.09, False),
    ],
)
def test_progression_is_25_percent_and_2_ng_per_ml_over_the_nadir(nadir, rise, progressed):
    found = progression({0: 100, 28: nadir, 120: rise, 141: 90})
    assert found == ((120, 120) if progressed else (None, 141))


@pytest.mark.parametrize(("day", "progressed"), [(141, 120), (140, None)])
def test_progression_is_confirmed_after_21_days_and_dated_at_the_first_value(day, progressed):
    assert progression({0: 100, 28: 20, 120: 30, day: 35}) == (progressed, 120)


def test_last_value_over_the_bar_is_unconfirmed():
    found = of({0: 100, 28: 20, 120: 60})
    assert found.responses["overall_response"].to_list() == [None, "PR", "SD"]
    assert found.responses["progression_met"].to_list() == [None, False, True]
    assert "day 120, not confirmed" in found.best_responses["reason"].item()


def test_value_under_the_bar_between_begins_the_progression_anew():
    assert progression({0: 100, 28: 20, 120: 30, 130: 24, 150: 40}) == (None, 120)
    assert progression({0: 100, 28: 20, 120: 30, 130: 24, 150: 40, 171: 50}) == (150, 120)


def test_decline_however_small_makes_the_nadir_count_before_12_weeks():
    assert progression({0: 100, 28: 40, 49: 60, 70: 70}) == (49, 49)
    assert progression({0: 100, 14: 99.9, 49: 130, 70: 140}) == (49, 49)


# Progression without a decline: only from 12 weeks on


@pytest.mark.parametrize(("day", "progressed"), [(84, 84), (83, None)])
def test_rise_before_12_weeks_is_ignored_without_a_decline(day, progressed):
    assert progression({0: 100, day: 130, 110: 140})[0] == (progressed or 110 if day == 84 else None)
    assert progression({0: 100, day: 130, 110: 140})[1] == (84 if day == 84 else 110)


def test_early_rise_that_lasts_is_progression_from_12_weeks_on():
    assert progression({0: 100, 28: 150, 56: 160, 84: 170, 105: 180}) == (84, 84)
    assert overall({0: 100, 28: 150, 56: 160, 84: 170, 105: 180}) == [None, "SD", "SD", "PD", "PD"]


def test_early_rise_does_not_matter_for_a_response():
    found = best({0: 100, 28: 150, 56: 45, 84: 40})
    assert (found["best_response"], found["confirmed_best_response"]) == ("PR", "PR")
    assert found["progression_day"] is None


@pytest.mark.parametrize(
    ("baseline", "rise", "progressed"), [(100, 125, 90), (100, 124.9, None), (4, 6, 90), (4, 5.99, None)]
)
def test_bar_without_a_decline_is_over_the_baseline(baseline, rise, progressed):
    # The value equal to the baseline is no decline.
    assert progression({0: baseline, 28: baseline, 90: rise, 111: rise})[0] == progressed


def test_unchanged_value_is_no_decline():
    assert progression({0: 100, 28: 100, 49: 130, 70: 140}) == (None, None)


# What counts


def test_nothing_after_progression_counts():
    found = best({0: 100, 28: 90, 56: 120, 77: 130, 98: 5, 119: 5})
    assert (found["best_response"], found["psa50"], found["progression_day"]) == ("SD", False, 56)
    assert (found["nadir_ng_per_ml"], found["last_evaluable_day"]) == (90.0, 56)


def test_progression_at_the_first_value_that_counts_is_pd():
    found = best({0: 100, 84: 130, 105: 140})
    assert (found["best_response"], found["confirmed_best_response"]) == ("PD", "PD")


@pytest.mark.parametrize(("therapy", "label", "day"), [(140, "SD", None), (141, "SD", 120), (27, "NE", None)])
def test_value_after_a_new_therapy_does_not_count(therapy, label, day):
    found = best({0: 100, 28: 80, 120: 130, 141: 150}, therapy=therapy)
    assert (found["best_response"], found["progression_day"]) == (label, day)


def test_baseline_is_the_last_value_up_to_day_0():
    assert best({-60: 400, 0: 100, 28: 60})["psa50"] is False
    assert best({-60: 40, -2: 100, 28: 50})["psa50"] is True


def test_first_value_is_the_baseline_with_a_warning_when_none_precedes_treatment():
    found = of({14: 100, 35: 40})
    assert found.best_responses["best_response"].item() == "PR"
    assert "first value" in found.best_responses["reason"].item()
    (problem,) = found.problems
    assert (problem.severity, problem.column) == ("warning", "day")
    assert of({0: 100, 35: 40}).problems == ()


def test_patient_with_a_baseline_only_is_ne():
    found = best({0: 100})
    assert (found["best_response"], found["confirmed_best_response"]) == ("NE", "NE")
    assert (found["last_evaluable_day"], found["decline_at_12_weeks_pct"]) == (None, None)
    assert "no value after it" in found["reason"]


# Censored values


def test_value_below_the_limit_may_prove_a_decline_and_never_a_rise():
    found = best({0: 100, 28: "<0.1"})
    assert (found["psa90"], found["nadir_ng_per_ml"]) == (True, 0.1)
    assert progression({0: 100, 28: 5, 120: "<50", 141: "<50"}) == (None, None)
    # The nadir is at most 0.1: 2.1 is proven to be 2 ng/mL higher.
    assert progression({0: 100, 28: "<0.1", 120: 2.1, 141: 3})[0] == 120
    assert progression({0: 100, 28: "<0.1", 120: 2.0, 141: 2.05}) == (None, None)


def test_value_above_the_limit_may_prove_a_rise_and_never_a_decline():
    assert progression({0: 100, 28: 50, 120: ">5000", 141: ">5000"})[0] == 120
    found = best({0: 20000, 28: ">5000"})
    assert (found["psa50"], found["best_decline_pct"]) == (False, None)


def test_baseline_below_the_limit_is_not_evaluable():
    found = best({0: "<0.1", 28: 0.01})
    assert (found["evaluable"], found["best_response"], found["psa50"]) == (False, "NE", False)
    # Progression counts all the same.
    assert best({0: "<0.1", 90: 3, 111: 4})["best_response"] == "PD"


def test_missing_value_is_no_zero():
    markers = markers_of(series({0: 100, 28: 90, 56: 95}), "PSA")
    gap = markers.with_columns(pl.when(pl.col("day") != 28).then("value").alias("value"))
    found = judged(judge, gap)
    assert found.responses["day"].to_list() == [0, 56]
    assert found.best_responses["nadir_ng_per_ml"].item() == 95.0


# Laws

courses = st.lists(
    st.tuples(
        st.integers(-20, 200), st.sampled_from([1.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 25.0, 40.0, 50.0])
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda seen: seen[0],
).map(dict)


@settings(max_examples=15, deadline=None)
@given(seen=courses, unit=st.sampled_from([0.25, 2.0, 1024.0]))
def test_declines_do_not_depend_on_the_unit_while_nothing_progresses(seen, unit):
    # Only the 2 ng/mL of progression knows the unit: the courses here never rise.
    falling = dict(zip(sorted(seen), sorted(seen.values(), reverse=True), strict=True))
    scaled = {day: value * unit for day, value in falling.items()}
    labels = ["best_response", "confirmed_best_response", "psa50", "psa90_confirmed", "best_decline_pct"]
    found, scaled_found = of(falling).best_responses, of(scaled).best_responses
    assert_frame_equal(found.select(labels), scaled_found.select(labels))


@settings(max_examples=15, deadline=None)
@given(first=courses, second=courses)
def test_a_patients_responses_do_not_depend_on_who_else_is_in_the_study(first, second):
    rows = [*series(second, patient="P2"), *series(first)]
    found = judged(judge, markers_of(rows, "PSA"))
    alone = of(first)
    assert_frame_equal(found.responses.filter(pl.col("patient_id") == "P1"), alone.responses)
    assert_frame_equal(found.best_responses.filter(pl.col("patient_id") == "P1"), alone.best_responses)


@settings(max_examples=15, deadline=None)
@given(seen=courses)
def test_first_value_over_the_bar_is_that_of_the_forecasts_after_12_weeks(seen):
    later = {day + 84 if day > 0 else day: value for day, value in seen.items()}
    if min(later) > 0:
        later[0] = 20.0
    forecast = first_progression(markers_of(series(later), "PSA"))["progression_day"].to_list()
    assert best(later)["unconfirmed_progression_day"] == (forecast[0] if forecast else None)
