import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.change import (
    change_from_baseline_pct,
    change_from_nadir_pct,
    depth_of_response_pct,
    early_shrinkage_pct,
    shrinkage_around_week_8_pct,
    time_to_nadir_weeks,
)

sums = st.lists(st.floats(1, 300), min_size=1, max_size=9)


def test_change_from_nadir_is_against_the_smallest_sum_before_it():
    np.testing.assert_allclose(change_from_nadir_pct([100, 60, 75, 50, 55]), [np.nan, -40, 25, -100 / 6, 10])


def test_change_from_nadir_is_zero_and_then_infinite_after_nothing_was_left():
    np.testing.assert_array_equal(change_from_nadir_pct([20, 0, 0, 4]), [np.nan, -100, 0, np.inf])


@given(values=sums, unit=st.floats(0.1, 10))
def test_changes_do_not_depend_on_the_unit(values, unit):
    scaled = [unit * value for value in values]
    np.testing.assert_allclose(change_from_baseline_pct(scaled), change_from_baseline_pct(values), atol=1e-6)
    np.testing.assert_allclose(change_from_nadir_pct(scaled), change_from_nadir_pct(values), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "depth"),
    [([100, 60, 75], 40.0), ([100, 110, 120], -10.0), ([100, 0], 100.0), ([100, 100], 0.0)],
)
def test_depth_of_response_is_the_largest_shrinkage(values, depth):
    assert depth_of_response_pct(values) == depth


@pytest.mark.parametrize("values", [[100], [0, 10], [0, 0]])
def test_depth_of_response_is_unknown_without_a_later_visit_or_a_baseline(values):
    assert math.isnan(depth_of_response_pct(values))


@pytest.mark.parametrize(("day", "found"), [(41, False), (42, True), (63, True), (64, False)])
def test_early_shrinkage_is_between_week_6_and_week_9(day, found):
    shrinkage = early_shrinkage_pct([0, day], [100, 80])
    assert (shrinkage == 20.0) if found else math.isnan(shrinkage)


@pytest.mark.parametrize(("day", "found"), [(41, False), (42, True), (70, True), (71, False)])
def test_shrinkage_around_week_8_is_two_weeks_to_either_side(day, found):
    shrinkage = shrinkage_around_week_8_pct([0, day], [100, 80])
    assert (shrinkage == 20.0) if found else math.isnan(shrinkage)


def test_early_shrinkage_is_at_the_visit_nearest_to_week_8():
    assert early_shrinkage_pct([-3, 43, 57, 62], [100, 90, 80, 70]) == 20.0
    assert early_shrinkage_pct([-3, 54, 58], [100, 90, 80]) == 10.0  # equally near: the earlier


def test_baseline_itself_is_no_early_assessment():
    assert math.isnan(early_shrinkage_pct([50, 92], [100, 80]))


@pytest.mark.parametrize(
    ("days", "values", "weeks"),
    [
        ([-7, 42, 84], [100, 60, 75], 6.0),
        ([-7, 42, 84], [100, 60, 60], 6.0),
        ([-7, 42], [100, 110], 0.0),
        ([14, 35], [100, 110], 2.0),
    ],
)
def test_time_to_nadir_is_from_the_start_and_never_negative(days, values, weeks):
    assert time_to_nadir_weeks(days, values) == weeks


@pytest.mark.parametrize("values", [[], [10, -1], [10, math.nan], [10, math.inf]])
def test_change_is_refused_when_a_value_cannot_be(values):
    with pytest.raises(MeasurementError):
        change_from_nadir_pct(values)


@pytest.mark.parametrize(
    ("days", "values"), [([0, 0], [1, 2]), ([7, 0], [1, 2]), ([0], [1, 2]), ([0, math.nan], [1, 2])]
)
def test_series_is_refused_when_its_days_do_not_rise_or_fit(days, values):
    with pytest.raises(MeasurementError):
        time_to_nadir_weeks(days, values)
