"""The average of the filter's draws and the regression of errors: limits, atoms, agreement with the definition."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.test_error_regression import origins, regression
from tests.reference import error_regression as reference
from tests.reference import floor_leaving as floor_reference
from turnpoint.model.linear_pool import SPREAD, Pool, filter_weight


def pool_of(count=6, weight=0.4, is_diameter=True, seed=0, draws=400):
    rng = np.random.default_rng(seed)
    known = origins(count, rng, is_diameter)
    drawn = known.last_value[:, None] * np.exp(0.2 * rng.standard_normal((count, draws)))
    return Pool.of(drawn, regression(rng, is_diameter), known, weight)


def quantile(values, masses, level):
    reached = np.cumsum(masses, axis=1)
    return np.array(
        [row[np.searchsorted(mass, level - 1e-9)] for row, mass in zip(values, reached, strict=True)]
    )


def chance_at_least(values, masses, threshold):
    return (masses * (values >= threshold[:, None])).sum(axis=1)


def test_pool_is_the_filter_when_its_weight_is_one():
    pool = pool_of(weight=1.0)
    values, masses = pool.values_and_masses()
    for level in (0.05, 0.5, 0.95):
        plain = np.quantile(pool.draws, level, axis=1, method="inverted_cdf")
        np.testing.assert_array_equal(quantile(values, masses, level), plain)


def test_pool_is_the_regression_when_the_filter_has_no_weight():
    pool = pool_of(weight=0.0)
    values, masses = pool.values_and_masses()
    learned = pool.last_value[:, None] * np.exp(pool.law.quantiles(np.array([0.1, 0.5, 0.9])))
    found = np.stack([quantile(values, masses, level) for level in (0.1, 0.5, 0.9)], axis=1)
    np.testing.assert_allclose(found, np.maximum(learned, 1.0), rtol=0.02)
    threshold = 1.2 * pool.last_value
    exact = pool.law.chance_at_least(np.full(6, np.log(1.2)))
    np.testing.assert_allclose(chance_at_least(values, masses, threshold), exact, atol=0.01)


@pytest.mark.parametrize("weight", [0.2, 0.4, 0.7])
@pytest.mark.parametrize("is_diameter", [True, False])
def test_pool_agrees_with_its_definition(weight, is_diameter):
    pool = pool_of(weight=weight, is_diameter=is_diameter)
    values, masses = pool.values_and_masses()
    for row in range(3):
        law = [getattr(pool.law, name)[[row]] for name in pool.law.__slots__]
        law_cdf = lambda x, law=law, row=row: float(  # noqa: E731
            type(pool.law)(*law).cdf(np.log([x / pool.last_value[row]]))[0, 0]
        )
        for factor in (0.8, 0.97, 1.0, 1.1, 1.4):
            x = factor * pool.last_value[row]
            slow = reference.pooled_cdf(x, pool.draws[row], law_cdf, weight, pool.spread[row])
            assert masses[row] @ (values[row] <= x) == pytest.approx(slow, abs=0.012)


def test_pool_keeps_the_chance_of_an_exact_repeat():
    pool = pool_of(weight=0.4)
    plain = replace(pool, spread=np.ones(6))
    values, masses = plain.values_and_masses()
    same = (masses * (values == pool.last_value[:, None])).sum(axis=1)
    expected = 0.6 * (1.0 - pool.law.vanish) * pool.law.repeat
    np.testing.assert_allclose(same, expected, atol=0.01)


def test_pool_forecasts_nothing_below_the_smallest_value():
    pool = pool_of(weight=0.4)
    values, masses = replace(pool, smallest_value=pool.draws.min(axis=1)).values_and_masses()
    assert (values.min(axis=1) == pool.draws.min(axis=1)).all()
    np.testing.assert_allclose(masses.sum(axis=1), 1.0)


def test_pool_is_the_filter_alone_where_the_regression_has_nothing_to_say():
    rng = np.random.default_rng(0)
    known = origins(3, rng)
    usable = np.array([True, False, True])
    known = replace(known, usable=usable, gap_days=np.array([42.0, 42.0, 400.0]))
    pool = Pool.of(np.ones((3, 50)), regression(), known, 0.4)
    assert pool.weight.tolist() == [0.4, 1.0, 1.0]
    assert pool.spread.tolist() == [SPREAD, 1.0, 1.0]


def test_pool_of_two_equal_forecasts_is_narrower_by_its_spread():
    rng = np.random.default_rng(0)
    known = origins(1, rng)
    learned = regression()
    law = learned.law(known.features, known.last_log_value)
    draws = known.last_value[:, None] * np.exp(law.quantiles((np.arange(2000) + 0.5) / 2000))
    values, masses = Pool.of(np.maximum(draws, 1.0), learned, known, 0.4).values_and_masses()
    from scipy.stats import norm

    for level in (0.1, 0.9):
        inner = norm.cdf(SPREAD * norm.ppf(level))
        expected = known.last_value * np.exp(law.quantiles(np.array([inner]))[:, 0])
        np.testing.assert_allclose(quantile(values, masses, level), expected, rtol=0.01)


def test_filter_counts_more_the_fewer_origins_the_regression_has_learned_from():
    weights = [filter_weight(n) for n in (1, 64, 65, 100, 300, 10**6)]
    assert weights[:2] == [1.0, 1.0]
    assert weights[2] < 1.0
    assert (np.diff(weights[1:]) < 0.0).all()
    assert weights[-1] == pytest.approx(0.3, abs=1e-3)


def at_the_floor(gap_days=60.0, usable=True, is_diameter=True):
    """The pool of one origin at 5 mm, and the same without the law of leaving it."""
    rng = np.random.default_rng(0)
    known = replace(
        origins(1, rng),
        last_value=np.array([5.0]),
        gap_days=np.array([gap_days]),
        usable=np.array([usable]),
    )
    pool = Pool.of(
        5.0 * np.exp(0.1 * rng.standard_normal((1, 300))), regression(rng, is_diameter), known, 0.4
    )
    return pool, replace(pool, floor_weight=np.zeros(1))


@pytest.mark.parametrize("gap_days", [60.0, 400.0])
def test_pool_at_the_floor_is_half_the_law_of_leaving_it(gap_days):
    pool, without = at_the_floor(gap_days)
    (values, masses), (plain, plain_masses) = (one.values_and_masses() for one in (pool, without))
    floor = pool.floor
    for value in (2.0, 4.99, 5.0, 6.0, 12.0, 40.0):
        slow = floor_reference.cdf(value, 5.0, gap_days, floor.leaving_per_week, floor.log_size)
        expected = 0.5 * (plain_masses[plain <= value].sum() + slow)
        assert masses[values <= value].sum() == pytest.approx(expected, abs=0.01)
    assert (np.diff(values) >= 0.0).all()
    assert masses.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("how", [{"usable": False}, {"is_diameter": False}])
def test_law_of_leaving_the_floor_is_not_asked_of_pauses_or_markers(how):
    pool, _ = at_the_floor(**how)
    assert pool.floor_weight.tolist() == [0.0]


@given(st.integers(0, 50), st.floats(0.0, 1.0), st.booleans())
@settings(max_examples=40, deadline=None)
def test_pool_is_a_distribution_with_sorted_values(seed, weight, is_diameter):
    values, masses = pool_of(3, weight, is_diameter, seed, draws=30).values_and_masses()
    assert (np.diff(values, axis=1) >= 0.0).all()
    assert (masses >= 0.0).all()
    np.testing.assert_allclose(masses.sum(axis=1), 1.0, atol=1e-9)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.6, 1.0]), st.floats(0.5, 2.0), st.booleans())
@settings(max_examples=40)
def test_chance_at_least_agrees_with_the_atoms_added_up(seed, weight, ratio, is_diameter):
    pool = pool_of(weight=weight, is_diameter=is_diameter, seed=seed)
    value = ratio * pool.last_value
    values, masses = pool.values_and_masses()
    added = chance_at_least(values, masses, value)
    np.testing.assert_allclose(pool.chance_at_least(value), added, atol=0.02)
    assert np.isnan(pool.chance_at_least(np.full(len(value), np.nan))).all()
