"""Probability integral transforms, their bands, and shares with an interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, kstest

from tests.reference.ecdf_band import chance_inside
from turnpoint.model.calibration import (
    ecdf_band,
    histogram_band,
    pit_step,
    tail_probability,
    wilson_interval,
)

POINTS = np.arange(1, 100) / 100


def test_pit_step_is_the_mass_below_and_up_to_the_reading():
    values = np.array([[1.0, 2.0, 2.0, 5.0], [1.0, 2.0, 2.0, 5.0], [1.0, 2.0, 2.0, 5.0]])
    mass = np.tile([0.1, 0.2, 0.3, 0.4], (3, 1))
    low, high = pit_step(values, mass, np.array([2.0, 3.0, 6.0]))
    assert low == pytest.approx([0.1, 0.6, 1.0])
    assert high == pytest.approx([0.6, 0.6, 1.0])


def test_pit_step_takes_a_value_for_the_reading_only_when_they_are_the_same_number():
    values, mass = np.array([[0.1 + 0.2, 0.3 + 1e-6]]), np.array([[0.5, 0.5]])
    low, high = pit_step(values, mass, np.array([0.3]))
    assert (low[0], high[0]) == (0.0, 0.5)


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 30.0))
def test_pit_step_is_uniform_once_randomised_when_readings_are_drawn_from_their_rounded_forecast(seed, sd):
    rng = np.random.default_rng(seed)
    values = np.round(50 + sd * rng.standard_normal((400, 300)))
    low, high = pit_step(values[:, 1:], np.full((400, 299), 1 / 299), values[:, 0])
    pit = low + rng.random(400) * (high - low)
    assert kstest(pit, "uniform").pvalue > 1e-4


@given(st.integers(1, 400), st.floats(0, 1))
def test_wilson_interval_is_that_of_scipy(trials, share):
    events = round(share * trials)
    expected = binomtest(events, trials).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(np.array([events]), np.array([trials]))
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_interval_is_everything_when_nothing_was_tried():
    low, high = wilson_interval(np.array([0]), np.array([0]))
    assert (low[0], high[0]) == (0.0, 1.0)


def test_histogram_band_holds_its_share_of_the_counts():
    low, high = histogram_band(1000, 20, 0.9)
    counts = np.random.default_rng(0).binomial(1000, 1 / 20, 20_000)
    inside = ((counts >= low) & (counts <= high)).mean()
    assert 0.9 <= inside < 0.93  # a whole-number band holds a little more


@pytest.mark.parametrize("values", [1, 7, 40])
def test_ecdf_band_holds_the_whole_curve_with_its_chance_when_computed_exactly(values):
    points = np.arange(1, 20) / 20
    low, high = ecdf_band(values, points, np.random.default_rng(3), 0.95)
    counts = [(edge * values).round().astype(int).tolist() for edge in (low, high)]
    exact = chance_inside(values, points.tolist(), *counts)
    # whole numbers leave few bands to choose from: the one chosen holds at least 95 % (up to the simulation's error),
    # and taking away one count on both sides would hold less
    assert exact >= 0.94
    narrower = chance_inside(
        values, points.tolist(), [edge + 1 for edge in counts[0]], [edge - 1 for edge in counts[1]]
    )
    assert narrower < 0.95


def test_ecdf_band_of_many_values_has_the_chance_that_simulation_says():
    values = 2000
    low, high = ecdf_band(values, POINTS, np.random.default_rng(0), 0.95)
    samples = np.random.default_rng(1).multinomial(values, np.full(100, 0.01), 4000)
    curves = np.cumsum(samples, axis=1)[:, :-1] / values
    inside = ((curves >= low - 1e-12) & (curves <= high + 1e-12)).all(axis=1).mean()
    assert inside == pytest.approx(0.95, abs=0.015)


def test_ecdf_band_is_wider_than_a_pointwise_one_and_the_same_for_the_same_seed():
    low, high = ecdf_band(500, POINTS, np.random.default_rng(0))
    again = ecdf_band(500, POINTS, np.random.default_rng(0))
    assert (low == again[0]).all()
    assert (high == again[1]).all()
    assert (high - low)[49] > 2 * 1.96 * np.sqrt(0.25 / 500)


def test_tail_probability_is_small_at_both_ends_and_never_above_one():
    found = tail_probability(np.array([0, 2, 5, 8, 10]), 10, np.full(5, 0.5))
    assert found[0] == pytest.approx(2 * 0.5**10)
    assert found[0] == pytest.approx(found[4])
    assert found[1] == pytest.approx(found[3])
    assert found[2] == 1.0
