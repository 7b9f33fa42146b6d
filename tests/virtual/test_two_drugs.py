"""Four clones in closed form, against their differential equations and against the model's own course."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.two_drugs import integrated
from turnpoint.model.dynamics import Dynamics
from turnpoint.virtual.two_drugs import Tumours, cells_of, crossing_week, shares_at_start

WEEKS = np.array([0.0, 5.0, 20.0, 40.0])


def _tumours(cells, kill_a=0.1, kill_b=0.08, regrowth=0.03, mutation=0.0):
    one = np.ones(1)
    return Tumours(np.array([cells]), kill_a * one, kill_b * one, regrowth * one, mutation)


@settings(max_examples=15, deadline=None)
@given(
    kill_a=st.floats(0.01, 0.5),
    kill_b=st.floats(-0.02, 0.5),
    regrowth=st.floats(0.021, 0.1),
    switch=st.floats(0.0, 50.0),
)
def test_cells_follow_their_differential_equations(kill_a, kill_b, regrowth, switch):
    cells = [1e9, 1e8, 1e6, 1e7]
    mutation = 1e-6
    found = _tumours(cells, kill_a, kill_b, regrowth, mutation).at(WEEKS, np.array([switch]))[0]
    expected = integrated(cells, (kill_a, kill_b, regrowth, mutation), WEEKS, switch)
    assert found == pytest.approx(expected, rel=1e-4)


def test_cells_are_those_of_the_model_when_the_drug_is_never_changed():
    fraction, start = np.array([0.2]), 1e9
    dynamics = Dynamics(np.array([0.1]), np.array([0.03]), fraction, np.array([0.02]))
    cells = start * shares_at_start(fraction, 0.3, 0.01)
    found = _tumours(cells[0]).at(WEEKS, np.array([np.inf]))[0].sum(axis=1) / start
    expected = [dynamics.log_burden(np.asarray(week), np.zeros(()))[0] for week in WEEKS]
    assert np.log(found) == pytest.approx(expected, abs=1e-12)


def test_change_of_drug_makes_no_difference_when_every_resistant_cell_resists_both():
    tumours = _tumours([1e9, 0.0, 0.0, 1e8], kill_a=0.1, kill_b=0.1)
    early, late = (tumours.at(WEEKS, np.array([week])) for week in (3.0, 30.0))
    assert early == pytest.approx(late)


def test_clone_that_resists_both_does_not_depend_on_the_day_of_the_change_without_mutation():
    tumours = _tumours([1e9, 1e8, 1e6, 1e5])
    early, late = (tumours.at(WEEKS, np.array([week]))[..., 3] for week in (3.0, 30.0))
    assert early == pytest.approx(late)


def test_useless_drug_lets_everything_grow_when_its_kill_is_minus_the_growth():
    tumours = _tumours([1e9, 1e8, 0.0, 0.0], kill_b=-0.03, regrowth=0.03, mutation=1e-6)
    found = tumours.at(WEEKS, np.array([0.0]))[0]
    assert np.isfinite(found).all()
    assert found[:, :2].sum(axis=1) == pytest.approx(1.1e9 * np.exp(0.03 * WEEKS))


def test_shares_at_start_sum_to_one_and_keep_the_resistant_fraction():
    fraction = np.array([0.01, 0.5, 0.99])
    shares = shares_at_start(fraction, 0.2, 0.05)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert shares[:, [1, 3]].sum(axis=1) == pytest.approx(fraction)


def test_cells_of_grow_eightfold_when_the_diameter_doubles():
    assert cells_of(20.0) / cells_of(10.0) == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("level", "expected"), [(0.5, 0.0), (3.0, 2.0), (3.0 + 1e-9, 2.0), (5.0, np.inf), (2.0, 1.0)]
)
def test_crossing_week_is_where_the_level_is_first_reached(level, expected):
    found = crossing_week(np.array([[1.0, 2.0, 3.0 + 1e-9, 2.0]]), np.arange(4.0), level)
    assert found[0] == pytest.approx(expected)
