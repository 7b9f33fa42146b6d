"""Birth and death against its known laws, and against the course of single events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from tests.reference.gillespie import birth_and_death
from turnpoint.virtual.branching import LARGE_CELLS, after, extinction_chance, lines


def many(cells, birth, death, weeks, count=40_000, seed=0):
    start = np.full(count, float(cells))
    return after(start, np.full(count, birth), np.full(count, death), weeks, np.random.default_rng(seed))


@pytest.mark.parametrize(("birth", "death"), [(1.0, 0.7), (0.5, 0.9), (1.0, 1.0), (0.8, 0.0)])
def test_mean_and_variance_are_those_of_the_linear_birth_and_death_process(birth, death):
    n, weeks = 20, 2.0
    found = many(n, birth, death, weeks)
    rate = birth - death
    mean = n * np.exp(rate * weeks)
    # Bailey 1964, 8.48; at equal rates its limit 2bt
    spread = (
        (birth + death) / rate * np.exp(rate * weeks) * np.expm1(rate * weeks) if rate else 2 * birth * weeks
    )
    assert found.mean() == pytest.approx(mean, abs=4 * np.sqrt(n * spread / len(found)))
    assert found.var() == pytest.approx(n * spread, rel=0.05)


@pytest.mark.parametrize(("birth", "death"), [(1.0, 0.6), (0.4, 0.9)])
def test_step_has_the_law_of_single_events(birth, death):
    rng = np.random.default_rng(1)
    slow = [birth_and_death(6, birth, death, 3.0, rng) for _ in range(3000)]
    fast = many(6, birth, death, 3.0, count=3000, seed=2)
    assert ks_2samp(slow, fast).pvalue > 0.01
    assert np.mean(np.array(slow) == 0) == pytest.approx((fast == 0).mean(), abs=0.04)


@pytest.mark.parametrize("cells", [1, 5])
def test_clone_dies_out_as_often_as_theory_says(cells):
    birth, death = 1.0, 0.7
    found = many(cells, birth, death, 30.0)
    expected = float(extinction_chance(cells, birth, death))
    assert (found == 0).mean() == pytest.approx(expected, abs=0.012)


def test_clone_that_dies_faster_than_it_divides_always_dies_out():
    assert float(extinction_chance(50, 0.5, 0.6)) == 1.0
    assert (many(50, 0.5, 0.6, 400.0, count=2000) == 0).all()


@given(st.floats(0.01, 3.0), st.floats(0.0, 3.0), st.floats(0.1, 5.0), st.floats(0.1, 5.0))
@settings(max_examples=60)
def test_two_steps_make_one(birth, death, first, second):
    """Probability generating functions compose; at 0 that is the chance to have died out."""
    (a1, c1), (a2, _), (a12, _) = (
        lines(np.array(birth), np.array(death), weeks) for weeks in (first, second, first + second)
    )
    # generating function of the first step at the chance of the second: a + (1-a)(1-c)z/(1-cz)
    composed = a1 + (1 - a1) * (1 - c1) * a2 / (1 - c1 * a2)
    assert float(composed) == pytest.approx(float(a12), abs=1e-8)


@pytest.mark.parametrize(("cells", "is_exact"), [(LARGE_CELLS, True), (LARGE_CELLS - 1, False)])
def test_large_clone_goes_by_its_mean_and_a_small_one_by_chance(cells, is_exact):
    found = many(cells, 1.0, 0.9, 1.0, count=200)
    assert np.allclose(found, cells * np.exp(0.1), rtol=1e-9) == is_exact


def test_clone_that_shrinks_below_the_bound_is_whole_and_right_on_average():
    found = many(LARGE_CELLS * 1.5, 0.5, 1.0, 1.0)
    assert (found == np.floor(found)).all()
    assert found.mean() == pytest.approx(LARGE_CELLS * 1.5 * np.exp(-0.5), abs=0.02)
