"""What is read off a particle's curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from turnpoint.lifetimes.size_curve import WEEKS, log_sizes, nearest_rates, size_curves
from turnpoint.model.dynamics import FARTHEST_WEEK, RESTING_PER_WEEK, Dynamics

RATE = st.floats(0.001, 0.15)


def curve(growth, shrinkage):
    return np.log(np.exp(growth * WEEKS) + np.exp(-shrinkage * WEEKS) - 1.0)[None]


def dynamics(kill, regrowth, resistant):
    shape = np.ones((1, 1))
    return Dynamics(kill * shape, regrowth * shape, resistant * shape, 0.1 * shape)


@given(growth=RATE, shrinkage=RATE)
def test_curve_of_the_form_itself_gives_its_own_rates(growth, shrinkage):
    found = nearest_rates(curve(growth, shrinkage))
    assert found[0][0] == pytest.approx(growth, rel=0.01)
    assert found[1][0] == pytest.approx(shrinkage, rel=0.01)


@settings(max_examples=25)
@given(kill=st.floats(0.02, 0.4), regrowth=st.floats(0.005, 0.15), resistant=st.floats(0.02, 0.9))
def test_nearest_curve_is_as_near_as_a_general_solver_finds(kill, regrowth, resistant):
    target = log_sizes(dynamics(kill, regrowth, resistant), np.full((1, 1), 0.1))

    def apart(logs):
        return (curve(*np.exp(logs)) - target)[0]

    low, high = np.log(1e-4), np.log(1.0)
    starts = [(np.log(a), np.log(b)) for a in (0.001, 0.01, 0.05) for b in (0.001, 0.02, 0.1)]
    best = min(least_squares(apart, start, bounds=(low, high)).cost for start in starts)
    found = nearest_rates(target)
    assert 0.5 * np.sum(apart(np.log([found[0][0], found[1][0]])) ** 2) <= best + 1e-4


def test_time_to_growth_is_when_the_burden_is_smallest():
    own = size_curves(dynamics(0.1, 0.02, 0.2), np.full((1, 1), 0.1), np.full((1, 1), 80.0))
    expected = np.log(0.1 * 0.8 / (0.02 * 0.2)) / 0.12
    assert own.time_to_growth_weeks[0, 0] == pytest.approx(expected)
    assert own.baseline_mm[0, 0] == 80.0


def test_tumour_that_only_grows_has_time_to_growth_0_and_one_that_never_does_ten_years():
    grows = size_curves(dynamics(0.01, 0.1, 0.5), np.full((1, 1), 0.01), np.full((1, 1), 80.0))
    rests = size_curves(dynamics(0.1, RESTING_PER_WEEK, 0.2), np.full((1, 1), 0.01), np.full((1, 1), 80.0))
    assert grows.time_to_growth_weeks[0, 0] == 0.0
    assert rests.time_to_growth_weeks[0, 0] == FARTHEST_WEEK
    assert rests.growth_per_week[0, 0] < 0.01 < grows.growth_per_week[0, 0]


def test_draws_that_repeat_get_what_each_gets_alone():
    kill, regrowth = np.array([[0.1, 0.2, 0.1]]), np.array([[0.02, 0.01, 0.02]])
    many = Dynamics(kill, regrowth, np.full((1, 3), 0.2), np.full((1, 3), 0.1))
    found = size_curves(many, np.full((1, 3), 0.1), np.full((1, 3), 80.0))
    assert found.growth_per_week[0, 0] == found.growth_per_week[0, 2] != found.growth_per_week[0, 1]
    alone = size_curves(dynamics(0.2, 0.01, 0.2), np.full((1, 1), 0.1), np.full((1, 1), 80.0))
    assert found.growth_per_week[0, 1] == pytest.approx(alone.growth_per_week[0, 0])
    assert found.shrinkage_per_week[0, 1] == pytest.approx(alone.shrinkage_per_week[0, 0])
