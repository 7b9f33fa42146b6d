import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.model.treatment import exposure, off_intervals, on_off_weeks


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
    ("third", "expected"),
    [
        (21 + 31, ((73.0, np.inf),)),  # a delay to 31 days: within one and a half cycles of 21
        (21 + 32, ((42.0, 53.0), (74.0, np.inf))),  # 32 days is a pause from the end of the cycle
    ],
)
def test_delayed_cycle_is_a_pause_only_beyond_one_and_a_half_cycles(third, expected):
    rows = [(0, "a", "given"), (21, "a", "given"), (third, "a", "given"), (third, "a", "given")]
    # the median of the gaps must be 21 days, so further regular cycles come before
    regular = [(-42, "a", "given"), (-21, "a", "given")]
    assert off_intervals(doses(*regular, *rows))["P1"] == expected


def test_single_dose_covers_three_weeks():
    assert off_intervals(doses((0, "a", "given")))["P1"] == ((21.0, np.inf),)


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
