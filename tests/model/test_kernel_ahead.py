"""The compiled readings ahead are those of the NumPy code, but for what float32 rounds the other way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.courses import batch_of, readings
from tests.model.test_kernel import PRIORS, courses
from turnpoint.model import forecast
from turnpoint.model.filter import Posterior, posterior_of
from turnpoint.model.forecast import readings_ahead
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import choose_prior
from turnpoint.model.refinement import Refiner
from turnpoint.turning.progression_ahead import DrawsAhead, draws_ahead, progression_ahead

pytest.importorskip("turnpoint.model.kernel_ahead")
DRAWS = 512


def drawn(posterior: Posterior, quantity: str, days: np.ndarray, *, by_kernel: bool) -> np.ndarray:
    patch = pytest.MonkeyPatch()
    patch.setattr(forecast, "has_kernel", lambda: by_kernel)
    exposure = days / 7.0 - 3.0, np.full_like(days, 3.0)
    try:
        return readings_ahead(posterior, PRIORS[quantity], quantity, days, exposure, seed=4)
    finally:
        patch.undo()


def assert_same(posterior: Posterior, quantity: str) -> None:
    read = posterior.at(np.flatnonzero(posterior.quantities[quantity].readings > 0))
    days = read.day[:, None] + np.array([0.0, 42.0, 84.0, 85.0, 400.0])
    ours, reference = (drawn(read, quantity, days, by_kernel=one) for one in (True, False))
    assert ours.shape == reference.shape == (len(read.patient), 5, DRAWS)
    same = np.isclose(ours, reference, rtol=2e-4, atol=1e-6)
    # a comparison or a rounding that falls the other way, and what follows from it
    assert same.mean() > 0.995
    np.testing.assert_allclose(ours.mean(axis=2), reference.mean(axis=2), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("quantity", [SUM_OF_DIAMETERS, "PSA"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_draws_of_the_loop_are_those_of_numpy(quantity: str, data: st.DataObject) -> None:
    batch = data.draw(courses(quantity))
    refiner = Refiner.of(PRIORS[quantity], PRIORS[quantity].bank(256, data.draw(st.integers(0, 5))), 0)
    assert_same(posterior_of(batch, refiner, DRAWS), quantity)


def test_lesions_one_by_one_some_not_yet_read_and_some_below_their_limit() -> None:
    lesions = {
        "T1": ([0, 42, 84, 126], [40.0, 36.0, 30.5, 30.5], [0, 0, 0, 0]),
        "T2": ([42, 84, 126], [11.0, 5.0, 5.0], [0, -1, -1]),
        "T3": ([84, 126], [3.0, 3.0], [0, 0]),
        "T4": ([0, 126], [30.0, 900.0], [0, 1]),
    }
    together = pl.concat(
        readings(days, values, censoring=censoring).with_columns(pl.lit(name).alias("part"))
        for name, (days, values, censoring) in lesions.items()
    )
    prior = PRIORS[SUM_OF_DIAMETERS]
    posterior = posterior_of(batch_of(together), Refiner.of(prior, prior.bank(1024, 0), 0), DRAWS)
    assert len(posterior.quantities[SUM_OF_DIAMETERS].parts) == len(lesions)
    assert_same(posterior, SUM_OF_DIAMETERS)


def seen_by(posterior: Posterior, quantity: str, bar: np.ndarray, limit: np.ndarray) -> DrawsAhead:
    gaps = np.resize([6.0, 3.0, 9.0], len(bar))
    return draws_ahead(posterior, PRIORS[quantity], quantity, bar, gaps, upper_limit=limit, weeks=30, seed=4)


def assert_seen_alike(posterior: Posterior, quantity: str, bars: np.ndarray) -> None:
    """By the loop that looks at what it draws, and by the criterion that looks at all draws of the other loop."""
    read = posterior.at(np.flatnonzero(posterior.quantities[quantity].readings > 0))
    bar, limit = np.resize(bars, len(read.patient)), np.resize([20.0, 40.0], len(read.patient))[:, None]
    ours, reference = (
        seen_by(own, quantity, bar, limit) for own in (read, replace(read, origins=(), where=read.where[:0]))
    )
    np.testing.assert_array_equal(ours.next_value, reference.next_value)
    read_on = ~np.isnan(bar)
    np.testing.assert_array_equal(ours.first_day[read_on], reference.first_day[read_on])
    assert np.isnan(progression_ahead(ours).chance[~read_on]).all()


@pytest.mark.parametrize("quantity", [SUM_OF_DIAMETERS, "PSA"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_criterion_sees_the_same_draws_whoever_looks(quantity: str, data: st.DataObject) -> None:
    batch = data.draw(courses(quantity))
    refiner = Refiner.of(PRIORS[quantity], PRIORS[quantity].bank(256, data.draw(st.integers(0, 5))), 0)
    bars = data.draw(st.lists(st.floats(1.0, 400.0) | st.just(np.nan), min_size=1, max_size=4))
    assert_seen_alike(posterior_of(batch, refiner, DRAWS), quantity, np.array(bars))


@pytest.mark.parametrize("quantity", ["CA-125", "CEA"])
def test_criterion_of_each_marker_sees_the_same_draws(quantity: str) -> None:
    prior = choose_prior([quantity], "ovarian cancer", None)
    batch = batch_of(readings([-20, 0, 30, 60, 90], [400.0, 90.0, 38.0, 19.0, 25.0], quantity), (quantity,))
    posterior = posterior_of(batch, Refiner.of(prior, prior.bank(512, 0), 0), DRAWS)
    patch = pytest.MonkeyPatch()
    patch.setitem(PRIORS, quantity, prior)
    try:
        assert_seen_alike(posterior, quantity, np.array([30.0, 80.0]))
    finally:
        patch.undo()
