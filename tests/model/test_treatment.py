"""When the drug was on and off."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.model.treatment import exposure, off_intervals, on_off_weeks, pauses_before


def doses(*rows):
    return pl.DataFrame(
        [("P1", day, drug, action) for day, drug, action in rows],
        schema={"patient_id": pl.String, "day": pl.Int64, "drug": pl.String, "action": pl.String},
        orient="row",
    )


def test_daily_drug_is_off_between_stop_and_start():
    found = off_intervals(doses((0, "a", "start"), (28, "a", "stop"), (140, "a", "start")))
    assert found == {"P1": ((28.0, 140.0),)}


def test_daily_drug_stays_off_after_the_last_stop():
    assert off_intervals(doses((0, "a", "start"), (28, "a", "stop")))["P1"] == ((28.0, np.inf),)


def test_course_is_on_while_any_drug_is_on():
    found = off_intervals(doses((0, "a", "start"), (28, "a", "stop"), (0, "b", "start"), (50, "b", "stop")))
    assert found["P1"] == ((50.0, np.inf),)


@pytest.mark.parametrize(
    ("fourth", "expected"),
    [
        (63, ((94.5, np.inf),)),
        (73, ((104.5, np.inf),)),  # a delay to 31 days: within one and a half cycles of 21
        (74, ((73.5, 74.0), (105.5, np.inf))),  # 32 days is a pause, from the end of the grace period
    ],
)
def test_delayed_cycle_is_a_pause_only_beyond_one_and_a_half_cycles(fourth, expected):
    """Dose at 42 with intervals of 21 days: on until 42 + 31.5."""
    rows = [(day, "a", "given") for day in (0, 21, 42, fourth, fourth)]
    assert off_intervals(doses(*rows))["P1"] == expected


@pytest.mark.parametrize(("third", "expected"), [(21, ()), (22, ((21.0, 22.0),))])
def test_weekly_dose_left_out_is_a_pause_only_beyond_two_weeks(third, expected):
    found = off_intervals(doses(*((day, "a", "given") for day in (0, 7, third))))["P1"]
    assert tuple(interval for interval in found if np.isfinite(interval[1])) == expected


def test_single_dose_makes_no_pause():
    assert off_intervals(doses((0, "a", "given")))["P1"] == ()


def test_doses_far_apart_or_with_cycles_left_out_make_no_pause():
    far = doses((0, "a", "given"), (57, "a", "given"))
    skipping = doses((0, "a", "given"), (21, "a", "given"), (42, "a", "given")).with_columns(
        cycle=pl.Series([1, 2, 4])
    )
    assert off_intervals(far)["P1"] == ()
    assert off_intervals(skipping)["P1"] == ()
    assert off_intervals(skipping.with_columns(cycle=pl.Series([1, 2, 3])))["P1"] == ((73.5, np.inf),)


def is_off(day, off):
    return any(first <= day < end for first, end in off)


ANY_DOSE = st.tuples(st.integers(0, 250), st.sampled_from("ab"), st.just("given"))
COURSES = st.lists(ANY_DOSE, max_size=12).map(lambda rows: sorted(set(rows)))


@given(COURSES, st.lists(st.tuples(ANY_DOSE, st.integers(1, 8)), min_size=1, max_size=3), st.integers(0, 300))
def test_later_dose_changes_nothing_before_it(known, later, seen):
    """What is on a day follows from the doses up to that day alone."""
    rows = [row for row in known if row[0] <= seen]
    added = [(seen + gap, drug, action) for (_, drug, action), gap in later]
    before, after = (off_intervals(doses(*own)).get("P1", ()) for own in (rows, sorted({*rows, *added})))
    if rows:
        for half_day in range(2 * seen + 1):
            assert is_off(half_day / 2, before) == is_off(half_day / 2, after)
        days = np.arange(seen + 1.0)
        np.testing.assert_array_equal(on_off_weeks(days, before), on_off_weeks(days, after))


def test_visit_on_the_day_a_pause_begins_or_ends_is_on_treatment():
    days = np.array([[28.0, 29.0, 41.0, 42.0]])
    _, _, off_now = exposure(days, ["P1"], {"P1": ((28.0, 42.0),)})
    assert off_now.tolist() == [[False, True, True, False]]


@pytest.mark.parametrize(
    ("day", "expected"),
    [(28, ()), (29, ((4.0, 0.0),)), (84, ((4.0, 0.0),)), (85, ((4.0, 0.0), (10.0, 2.0)))],
)
def test_pauses_before_are_those_that_have_begun(day, expected):
    assert pauses_before(float(day), ((28.0, 42.0), (84.0, np.inf))) == expected


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100)), max_size=4), st.integers(-50, 400))
def test_weeks_on_and_off_add_up_to_the_weeks_since_the_start(gaps, day):
    off, reached = [], -1
    for first, length in sorted(gaps):
        if first > reached:
            off.append((float(first), float(first + length)))
            reached = first + length
    on_weeks, off_weeks = on_off_weeks(np.array([float(day)]), tuple(off))
    inside = sum(1 for d in range(max(day, 0)) if any(a <= d < b for a, b in off))
    assert off_weeks[0] * 7 == pytest.approx(inside)
    assert on_weeks[0] + off_weeks[0] == pytest.approx(max(day, 0) / 7)


def test_patients_without_doses_are_on_treatment_throughout():
    days = np.array([[-7.0, 0.0, 70.0]])
    on_weeks, off_weeks, off_now = exposure(days, ["P9"], {})
    assert on_weeks.tolist() == [[0.0, 0.0, 10.0]]
    assert not off_weeks.any()
    assert not off_now.any()
