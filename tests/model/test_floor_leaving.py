"""The law of a sum of 5 mm or less: limits, agreement with the slow reference, its fit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.test_error_regression import origins, regression
from tests.reference import floor_leaving as reference
from turnpoint.errors import PriorError
from turnpoint.model.error_regression import error_regression_from_dict
from turnpoint.model.error_regression_fit import fit_error_regression
from turnpoint.model.floor_leaving import POOLED, FloorLaw, at_floor, fit_floor_law

LEVELS = np.linspace(0.005, 0.995, 199)


def low_origins(last, following, gap_days):
    """Origins with these values."""
    last, following = np.array(last, dtype=float), np.array(following, dtype=float)
    found = origins(len(last), np.random.default_rng(0))
    return replace(
        found, last_value=last, change=np.log(following / last), gap_days=np.array(gap_days, dtype=float)
    )


@given(st.floats(0.001, 0.2), st.floats(0.2, 3.0), st.sampled_from([1.0, 2.0, 5.0]), st.floats(1.0, 400.0))
def test_law_quantiles_invert_the_slow_distribution(leaving, size, last, gap):
    law = FloorLaw(leaving, size)
    values = law.quantiles(np.array([last]), np.array([gap]), LEVELS)[0]
    for level, value in zip(LEVELS, values, strict=True):
        assert reference.cdf(value * (1 + 1e-9), last, gap, leaving, size) >= level - 1e-6
        assert reference.cdf(value * (1 - 1e-6), last, gap, leaving, size) <= level + 1e-4


def test_law_stays_for_sure_when_no_time_passes():
    values = POOLED.quantiles(np.array([2.0]), np.array([1e-9]), LEVELS)
    assert (values == 2.0).all()


def test_law_leaves_for_sure_after_a_very_long_time():
    values = POOLED.quantiles(np.array([2.0]), np.array([1e6]), LEVELS)
    assert (values > 5.0).all()


def test_law_of_two_gaps_is_that_of_their_sum():
    stays = 1.0 - POOLED.leaving_chance(np.array([30.0, 50.0, 80.0]))
    assert stays[0] * stays[1] == pytest.approx(stays[2])


def test_floor_is_5_mm_and_below():
    assert at_floor(np.array([1.0, 5.0, 5.1])).tolist() == [True, True, False]


def test_fit_agrees_with_the_slow_reference():
    rows = [(5, 5, 63), (5, 40, 70), (1, 1, 56), (2, 2, 42), (30, 60, 42), (1, 9, 84)]
    found = fit_floor_law(low_origins(*zip(*rows, strict=True)))
    expected = reference.fitted(rows, POOLED.leaving_per_week, POOLED.log_size)
    assert (found.leaving_per_week, found.log_size) == pytest.approx(expected)


def test_fit_is_its_centre_where_no_sum_is_at_the_floor():
    centre = FloorLaw(0.02, 0.7)
    found = fit_floor_law(low_origins([30, 40], [60, 20], [42, 42]), centre)
    assert (found.leaving_per_week, found.log_size) == pytest.approx((0.02, 0.7))


def test_fit_recovers_the_chance_of_many_origins():
    rng, truth = np.random.default_rng(0), FloorLaw(0.02, 0.8)
    gap = rng.uniform(30.0, 90.0, 20_000)
    last = np.full(len(gap), 5.0)
    levels = rng.random((len(gap), 1))
    following = [truth.quantiles(*row)[0, 0] for row in zip(last[:, None], gap[:, None], levels, strict=True)]
    found = fit_floor_law(low_origins(last, following, gap))
    # a gap in which the lesion comes back is counted whole, which makes the rate too low by half the chance
    assert found.leaving_per_week == pytest.approx(0.02, rel=0.12)
    assert found.log_size == pytest.approx(0.8, rel=0.05)


def test_regression_carries_the_law_that_it_was_fitted_with_through_json():
    rng = np.random.default_rng(1)
    known = replace(origins(150, rng), last_value=np.full(150, 5.0), change=np.zeros(150))
    fitted = fit_error_regression(known, is_diameter=True)
    assert fitted.floor.leaving_per_week < POOLED.leaving_per_week
    again = error_regression_from_dict(fitted.to_dict(), "test")
    assert again.floor.leaving_per_week == pytest.approx(fitted.floor.leaving_per_week, abs=1e-6)
    assert again.floor.log_size == pytest.approx(fitted.floor.log_size, abs=1e-6)


def test_regression_of_an_earlier_version_gets_the_pooled_law():
    document = {name: value for name, value in regression().to_dict().items() if name != "floor"}
    assert error_regression_from_dict(document, "test").floor == POOLED


@pytest.mark.parametrize(
    "floor",
    [
        {"leaving_per_week": -0.1, "log_size": 1.0},
        {"leaving_per_week": 0.01, "log_size": float("nan")},
        {"leaving_per_week": 0.01},
        {"leaving_per_week": 0.01, "log_size": 1.0, "more": 1.0},
        3.0,
    ],
)
def test_regression_says_so_when_its_law_of_the_floor_is_damaged(floor):
    with pytest.raises(PriorError, match="test"):
        error_regression_from_dict(regression().to_dict() | {"floor": floor}, "test")


def test_regression_of_a_marker_stores_no_law_of_the_floor():
    assert "floor" not in regression(is_diameter=False).to_dict()
