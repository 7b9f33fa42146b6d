"""Laws of the two-population model (design section 5)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.model.dynamics import FARTHEST_WEEK, Dynamics

rates = st.floats(0.005, 0.5)
fractions = st.floats(0.001, 0.999)
weeks = st.floats(0.0, 150.0)


def model(d, g, fraction, off=0.1):
    return Dynamics(*(np.array([float(value)]) for value in (d, g, fraction, off)))


def at(week):
    return np.array([float(week)]), np.zeros(1)


@given(rates, rates, fractions)
def test_burden_is_one_at_the_start(d, g, fraction):
    assert model(d, g, fraction).log_burden(*at(0))[0] == pytest.approx(0.0, abs=1e-12)


@given(rates, rates, fractions)
def test_resistant_share_at_the_nadir_is_d_over_g_plus_d_whatever_the_fraction(d, g, fraction):
    dynamics = model(d, g, fraction)
    turning = dynamics.turning_week(*at(0))
    if 0.0 < turning[0] < FARTHEST_WEEK:
        share = dynamics.resistant_share(turning, np.zeros(1))[0]
        assert share == pytest.approx(d / (g + d), rel=1e-9)


@given(rates, rates, fractions)
def test_dominance_comes_log_d_over_g_before_the_nadir(d, g, fraction):
    dynamics = model(d, g, fraction)
    turning, dominance = dynamics.turning_week(*at(0))[0], dynamics.dominance_week(*at(0))[0]
    if 0.0 < turning < FARTHEST_WEEK and 0.0 < dominance < FARTHEST_WEEK:
        assert turning - dominance == pytest.approx(np.log(d / g) / (g + d), abs=1e-8)


@given(rates, rates, fractions, weeks)
def test_dates_do_not_depend_on_the_week_they_are_seen_from_without_a_pause(d, g, fraction, week):
    dynamics = model(d, g, fraction)
    for date in ("turning_week", "dominance_week"):
        from_start = getattr(dynamics, date)(*at(0))[0]
        seen_later = getattr(dynamics, date)(*at(week))[0]
        assert seen_later == pytest.approx(from_start, abs=1e-6)


@given(rates, rates, fractions, st.floats(-60.0, 60.0))
def test_burden_is_smallest_at_the_turning_point(d, g, fraction, apart):
    dynamics = model(d, g, fraction)
    turning = dynamics.turning_week(*at(0))[0]
    if turning == FARTHEST_WEEK:
        return  # the cap, not the turning point
    other = max(turning + apart, 0.0)
    assert dynamics.log_burden(*at(other))[0] >= dynamics.log_burden(*at(turning))[0] - 1e-9


@given(rates, rates, st.floats(0.0, 2.0))
def test_burden_has_risen_by_the_amount_asked_after_weeks_to_rise_whatever_the_fraction(d, g, rise):
    dynamics = model(d, g, 0.01)
    after = dynamics.weeks_to_rise(rise)[0]
    climb = (d * np.exp(g * after) + g * np.exp(-d * after)) / (g + d)
    if after < FARTHEST_WEEK:
        assert np.log(climb) == pytest.approx(rise, abs=1e-5)


def test_turning_point_is_at_the_start_when_resistant_growth_wins_from_the_start():
    assert model(0.05, 0.05, 0.6).turning_week(*at(0))[0] == 0.0
    # d(1-φ) = gφ exactly at the threshold; a little less resistance gives a later turn
    assert model(0.05, 0.05, 0.5).turning_week(*at(0))[0] == pytest.approx(0.0, abs=1e-12)
    assert model(0.05, 0.05, 0.49).turning_week(*at(0))[0] > 0.0


def test_burden_falls_at_the_kill_rate_when_almost_nothing_is_resistant():
    assert model(0.1, 0.03, 1e-12).log_burden(*at(20))[0] == pytest.approx(-2.0, abs=1e-8)


def test_burden_grows_at_the_regrowth_rate_when_almost_all_is_resistant():
    assert model(0.1, 0.03, 1 - 1e-12).log_burden(*at(20))[0] == pytest.approx(0.6, abs=1e-8)


def test_burden_of_ten_to_twelve_mm_is_73_percent_more_volume():
    # design section 1: diameters move at a third of volume
    assert np.exp(3 * np.log(1.2)) == pytest.approx(1.728)


def test_sensitive_part_regrows_while_the_drug_is_off():
    dynamics = model(0.2, 0.01, 0.01, off=0.3)
    before = dynamics.log_burden(np.array([4.0]), np.array([0.0]))[0]
    paused = dynamics.log_burden(np.array([4.0]), np.array([6.0]))[0]
    resumed = dynamics.log_burden(np.array([14.0]), np.array([6.0]))[0]
    assert paused > before + 1.0
    assert resumed < paused - 1.0


def test_a_pause_is_not_taken_for_resistance():
    dynamics = model(0.2, 0.01, 0.01, off=0.3)
    paused = dynamics.resistant_share(np.array([4.0]), np.array([6.0]))[0]
    unpaused = dynamics.resistant_share(np.array([10.0]), np.array([0.0]))[0]
    assert paused < unpaused


@given(rates, rates, fractions, weeks)
def test_share_and_parts_are_consistent(d, g, fraction, week):
    dynamics = model(d, g, fraction)
    sensitive, resistant = dynamics.log_parts(*at(week))
    burden = np.exp(sensitive) + np.exp(resistant)
    assert np.log(burden) == pytest.approx(dynamics.log_burden(*at(week)), abs=1e-9)
    assert dynamics.resistant_share(*at(week)) == pytest.approx(np.exp(resistant) / burden, rel=1e-9)
