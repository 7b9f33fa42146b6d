"""How long a drug stays on after a dose, and which lists of doses cannot be complete."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.study.dose_lists import grace_days, incomplete_lists
from turnpoint.workflows.check import check


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((0, 21), 31.5),
        ((0, 21, 42), 31.5),
        ((0, 21, 63), 47.25),  # the median of 21 and 42
        ((0, 21, 42, 84), 31.5),
        ((0, 9), 14.0),  # 13.5 is under the two weeks
        ((0, 10), 15.0),
        ((0, 7, 14, 21), 14.0),
        ((0, 56), 84.0),  # the longest cycle in use
        ((0, 57), math.inf),
        ((0,), math.inf),
        ((), math.inf),
    ],
)
def test_grace_is_one_and_a_half_of_the_intervals_so_far_and_two_weeks_at_least(days, expected):
    assert grace_days(list(days)) == expected


@pytest.mark.parametrize(
    ("cycles", "complete"),
    [
        ((1, 2, 3), True),
        ((1, 1, 2), True),  # two doses of one cycle
        ((2, 3, 4), True),  # the list begins later, and has no gap in it
        ((1, None, 2), True),
        ((1, 2, 4), False),
        ((1, None, 3), False),
    ],
)
def test_grace_never_ends_when_cycle_numbers_are_left_out(cycles, complete):
    assert math.isfinite(grace_days([0, 21, 42], cycles)) is complete


@given(st.lists(st.integers(0, 400), min_size=1, max_size=9, unique=True).map(sorted), st.integers(-90, 90))
def test_grace_does_not_depend_on_when_the_course_began(days, shift):
    assert grace_days(days) == grace_days([day + shift for day in days])


def incomplete(rows, last_day, cycles=None):
    """The rule that a list of (day, action) of one drug breaks, seen from the last visit; None for a good one."""
    doses = pl.DataFrame(
        [("P1", day, "a", action) for day, action in rows],
        schema=["patient_id", "day", "drug", "action"],
        orient="row",
    ).with_columns(cycle=pl.Series(cycles or [None] * len(rows), dtype=pl.Int64))
    found = incomplete_lists(doses, pl.DataFrame({"patient_id": ["P1"], "last_day": [last_day]}))
    return found["rule"].item() if found.height else None


@pytest.mark.parametrize(
    ("days", "last_day", "expected"),
    [
        ((0,), 31, None),  # one and a half cycles of 21 days: the second may be late
        ((0,), 32, "one dose alone, and visits long after it"),
        ((0, 56), 200, None),
        ((0, 57), 200, "its doses are more than 56 days apart"),
        ((0, 21, 42), 400, None),  # stopped, as far as anybody knows
        ((0, 0), 32, "one dose alone, and visits long after it"),
    ],
)
def test_list_is_incomplete_when_its_doses_are_fewer_than_any_regimen_has(days, last_day, expected):
    assert incomplete([(day, "given") for day in days], last_day) == expected


@pytest.mark.parametrize(("cycles", "skips"), [([1, 2, 3], False), ([1, 2, 4], True), ([1, None, 2], False)])
def test_list_is_incomplete_when_cycle_numbers_are_left_out(cycles, skips):
    found = incomplete([(0, "given"), (21, "given"), (42, "given")], 60, cycles)
    assert found == ("cycle numbers are left out" if skips else None)


def test_drug_taken_daily_has_no_list_of_doses():
    assert incomplete([(0, "start")], 400) is None


def test_check_warns_of_an_incomplete_list_at_its_last_dose_and_goes_on(tmp_path):
    (tmp_path / "lesions.csv").write_text(
        "patient_id,day,lesion_id,role,diameter_mm,status\n"
        + "".join(f"P1,{day},T1,target,{mm},measured\n" for day, mm in ((0, 50), (42, 40), (200, 30)))
    )
    (tmp_path / "doses.csv").write_text("patient_id,day,drug\nP1,0,A\nP1,70,A\n")
    result = check(tmp_path)
    assert result.ok
    (problem,) = result.problems
    assert (problem.severity, problem.file, problem.row, problem.column) == (
        "warning",
        "doses.csv",
        3,
        "drug",
    )
    assert "incomplete" in problem.rule
    assert "action=stop" in problem.mend
