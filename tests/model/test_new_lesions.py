"""New lesions: a hazard that grows with the resistant burden."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from turnpoint.model.dynamics import Dynamics
from turnpoint.model.new_lesions import (
    chance_of_new_lesion,
    exposure_weeks,
    hazard_per_exposed_week,
    log_hazard,
)

rate = st.floats(0.001, 0.2)
share = st.floats(0.001, 0.999)
week = st.floats(0.0, 150.0)


def dynamics(g=0.03, fraction=0.2):
    one = np.ones((1, 1))
    return Dynamics(0.1 * one, g * one, fraction * one, 0.1 * one)


@given(rate, share, week, week)
def test_exposure_is_the_integral_of_the_root_of_the_resistant_burden(g, fraction, one, other):
    start, end = sorted((one, other))
    direct, _ = quad(lambda t: np.sqrt(fraction * np.exp(g * t)), start, end)
    found = exposure_weeks(dynamics(g, fraction), np.array([[start]]), np.array([[end]]))
    assert found[0, 0] == pytest.approx(direct, rel=1e-6, abs=1e-9)


@given(rate, share, week)
def test_chance_grows_with_time_and_is_a_chance(g, fraction, start):
    ends = np.array([[start], [start + 6.0], [start + 60.0]])
    chances = [
        chance_of_new_lesion(dynamics(g, fraction), np.array([[start]]), end[None], 0.02)[0] for end in ends
    ]
    assert chances[0] == 0.0
    assert 0.0 < chances[1] <= chances[2] <= 1.0


def test_chance_is_larger_the_more_resistant_cells_there_are():
    few, many = (
        chance_of_new_lesion(dynamics(fraction=f), np.array([[6.0]]), np.array([[12.0]]), 0.02)
        for f in (0.01, 0.5)
    )
    assert many > 4 * few


def test_chance_is_that_of_a_constant_hazard_when_nothing_grows():
    chance = chance_of_new_lesion(dynamics(g=1e-9, fraction=1.0), np.array([[3.0]]), np.array([[9.0]]), 0.05)
    assert chance[0] == pytest.approx(1 - np.exp(-0.05 * 6), rel=1e-6)


def test_days_before_the_start_are_no_exposure():
    early = exposure_weeks(dynamics(), np.array([[-4.0]]), np.array([[6.0]]))
    assert early[0, 0] == exposure_weeks(dynamics(), np.array([[0.0]]), np.array([[6.0]]))[0, 0]


def test_hazard_is_recovered_from_simulated_new_lesions():
    rng = np.random.default_rng(0)
    events, exposed = 0, 0.0
    for _ in range(4000):
        one = dynamics(rng.uniform(0.005, 0.05), rng.uniform(0.05, 0.6))
        start = rng.uniform(0, 60)
        # time to the new lesion by inverting its distribution on a grid of weeks
        weeks = start + np.linspace(0, 8, 200)
        chance = [
            chance_of_new_lesion(one, np.array([[start]]), np.array([[w]]), 0.03)[0] for w in (weeks[-1],)
        ]
        hit = rng.random() < chance[0]
        events += hit
        end = weeks[-1]
        if hit:
            ladder = exposure_weeks(one, np.array([[start]]), weeks[None])[0]
            target = -np.log1p(-rng.random() * chance[0]) / 0.03
            end = np.interp(target, ladder, weeks)
        exposed += exposure_weeks(one, np.array([[start]]), np.array([[end]]))[0, 0]
    assert hazard_per_exposed_week(events, exposed) == pytest.approx(0.03, rel=0.08)


def test_hazard_without_any_event_is_small_but_not_0():
    assert hazard_per_exposed_week(0, 100.0) == 0.005


@given(rate, share, week)
def test_log_hazard_is_the_log_of_what_exposure_adds_up(g, fraction, at):
    one, step = dynamics(g, fraction), 1e-3
    added = exposure_weeks(one, np.array([[at]]), np.array([[at + step]])) / step
    assert log_hazard(one, np.array([[at + step / 2]]))[0, 0] == pytest.approx(np.log(added[0, 0]), abs=1e-4)
