import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.growth_rates import (
    doubling_time_weeks,
    log_slope,
    tumour_growth_rate_pct_per_month,
)

MONTH = 365.25 / 12


def test_tumour_growth_rate_is_of_the_volume_and_per_month():
    # D +10 % in a month is a volume of 1.331.
    assert tumour_growth_rate_pct_per_month(MONTH, 10, 11) == pytest.approx(33.1)
    # The same in two months is the square root of it a month.
    assert tumour_growth_rate_pct_per_month(2 * MONTH, 10, 11) == pytest.approx(100 * (1.331**0.5 - 1))


@pytest.mark.parametrize(("second", "rate"), [(10, 0.0), (0, -100.0)])
def test_tumour_growth_rate_is_zero_or_all_when_nothing_or_all_changes(second, rate):
    assert tumour_growth_rate_pct_per_month(42, 10, second) == rate


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 10, 11),
        (42, 0, 11),
        (42, 10, -1),
        (math.nan, 10, 11),
        (math.inf, 10, 11),
        (42, math.inf, 11),
        (42, 10, math.inf),
        (42, 10, math.nan),
    ],
)
def test_tumour_growth_rate_is_refused_when_a_number_cannot_be(numbers):
    with pytest.raises(MeasurementError):
        tumour_growth_rate_pct_per_month(*numbers)


@given(rate=st.floats(-0.3, 0.3), scale=st.floats(0.1, 1000), shift=st.integers(-50, 50))
def test_log_slope_is_the_rate_whatever_the_unit_and_the_first_day(rate, scale, shift):
    days = np.array([0, 21, 42, 84]) + shift
    slope = log_slope(days, scale * np.exp(rate * days / 7))
    assert slope.per_week == pytest.approx(rate, abs=1e-9)
    assert slope.standard_error_per_week == pytest.approx(0, abs=1e-9)


def test_log_slope_and_its_standard_error_are_those_of_a_regression_by_hand():
    # ln values 0, 1, 1 at weeks 0, 1, 2: slope 1/2, residuals -1/6, 1/3, -1/6, so SSR 1/6, Sxx 2, SE sqrt(1/12).
    slope = log_slope([0, 7, 14], np.exp([0.0, 1.0, 1.0]))
    assert slope.per_week == pytest.approx(0.5)
    assert slope.standard_error_per_week == pytest.approx(math.sqrt(1 / 12))
    assert slope.readings == 3


def test_two_values_have_a_slope_without_a_standard_error():
    slope = log_slope([0, 7], [1.0, math.e])
    assert slope.per_week == pytest.approx(1.0)
    assert math.isnan(slope.standard_error_per_week)


@pytest.mark.parametrize("values", [[1.0], [1.0, 0.0]])
def test_log_slope_is_refused_when_there_are_not_two_positive_values(values):
    with pytest.raises(MeasurementError):
        log_slope(list(range(len(values))), values)


def test_psa_doubling_time_is_ln_2_over_the_slope():
    slope = log_slope([0, 28, 56], [5, 10, 20])
    assert doubling_time_weeks(slope.per_week) == pytest.approx(4.0)


@pytest.mark.parametrize("rate", [0.0, -0.1])
def test_doubling_time_is_unknown_when_nothing_grows(rate):
    assert math.isnan(doubling_time_weeks(rate))
