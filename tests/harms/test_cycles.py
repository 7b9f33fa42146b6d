import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from turnpoint.harms.cycles import NEW_CYCLE_AFTER_DAYS, cycle_starts, cycles_of, numbered_by_cycle


def administrations_on(days, cycles=None, lines=None):
    return pl.DataFrame(
        {
            "patient_id": "P1",
            "day": days,
            "line": lines or [None] * len(days),
            "cycle": cycles or [None] * len(days),
        },
        schema={"patient_id": pl.String, "day": pl.Int64, "line": pl.Int64, "cycle": pl.Int64},
    )


@pytest.mark.parametrize(
    ("days", "starts"),
    [
        ([0, 21, 42], [0, 21, 42]),
        ([0, 14, 28], [0, 14, 28]),
        ([0, 7, 21, 28], [0, 21]),
        ([0, 7, 14, 28, 35, 42], [0, 28]),
        ([0, 1, 2, 3, 4, 7, 14, 21, 22], [0, 21]),
        (list(range(50)), [0, 21, 42]),
        ([0, 9], [0]),
        ([0, 10], [0, 10]),
        ([], []),
    ],
)
def test_cycles_begin_where_the_days_say(days, starts):
    assert cycle_starts(days) == starts


@drawn(st.lists(st.integers(-30, 400), max_size=60))
def test_cycles_hold_every_dose_and_none_is_too_long(days):
    starts = cycle_starts(days)
    assert starts == sorted(set(starts))
    assert set(starts) <= set(days)
    for day in days:
        assert day - max(start for start in starts if start <= day) < NEW_CYCLE_AFTER_DAYS


def test_cycle_numbers_go_before_days_when_every_dose_has_one():
    found = cycles_of(administrations_on([0, 14, 28, 42], [1, 1, 2, 2]))
    assert found["first_day"].to_list() == [0, 28]
    assert found["cycle_days"].to_list() == [28.0, 28.0]
    assert found["end_day"].to_list() == [28.0, 56.0]
    assert found["dose_days"].to_list() == [2, 2]


def test_cycles_count_on_when_a_second_line_starts_at_one_again():
    found = cycles_of(administrations_on([0, 21, 60, 81], [1, 2, 1, 2], [1, 1, 2, 2]))
    assert found["cycle"].to_list() == [1, 2, 3, 4]


def test_one_cycle_is_taken_to_last_three_weeks():
    assert cycles_of(administrations_on([0]))["end_day"].to_list() == [21.0]


def test_day_before_the_first_dose_is_in_cycle_0():
    cycles = cycles_of(administrations_on([0, 21]))
    rows = pl.DataFrame({"patient_id": "P1", "day": [-3, 0, 20, 21, 400]})
    assert numbered_by_cycle(rows, cycles)["cycle"].to_list() == [0, 1, 1, 2, 2]
