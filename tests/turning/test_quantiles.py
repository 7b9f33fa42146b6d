"""Quantiles of weighted particles against the plainest way to find them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnpoint.model import observation
from turnpoint.turning import quantiles
from turnpoint.turning.quantiles import Ranked, weighted_quantiles

LEVELS = (0.05, 0.5, 0.95)


@pytest.fixture(autouse=True, params=[True, False], ids=["compiled", "numpy"])
def by_kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not observation.has_kernel():
        pytest.skip("Numba is not installed")
    monkeypatch.setattr(quantiles, "has_kernel", lambda: request.param)


def plain_quantile(weight, numbers, level):
    """Walk up the numbers until enough weight lies behind."""
    passed = 0.0
    order = sorted(range(len(numbers)), key=lambda particle: numbers[particle])
    for particle in order:
        passed += weight[particle]
        if passed >= level * sum(weight):
            return numbers[particle]
    return numbers[order[-1]]


@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_quantiles_are_those_of_a_walk_up_the_numbers(particles, rows, tables, seed):
    rng = np.random.default_rng(seed)
    weight = rng.gamma(0.3, size=(rows, particles)) + 1e-9
    numbers = rng.normal(size=(tables, particles))
    which = rng.integers(0, tables, rows)
    found = weighted_quantiles(weight, Ranked.of(numbers), which, LEVELS)
    for row in range(rows):
        for index, level in enumerate(LEVELS):
            assert found[row, index] == plain_quantile(weight[row], numbers[which[row]], level)


def test_quantiles_do_not_depend_on_how_many_rows_share_a_table():
    rng = np.random.default_rng(0)
    weight, numbers = rng.gamma(0.3, size=(40, 200)), rng.normal(size=(3, 200))
    which = np.arange(40) % 3
    ranked = Ranked.of(numbers)
    together = weighted_quantiles(weight, ranked, which, LEVELS)
    one_by_one = [
        weighted_quantiles(weight[[row]], [ranked[which[row]]], np.array([0]), LEVELS) for row in range(40)
    ]
    np.testing.assert_array_equal(together, np.concatenate(one_by_one))


@pytest.mark.parametrize(("level", "expected"), [(0.25, 1.0), (0.2500001, 2.0), (1.0, 4.0)])
def test_quantile_is_the_number_at_which_the_level_is_reached_not_passed(level, expected):
    numbers = Ranked.of(np.array([[3.0, 1.0, 4.0, 2.0]]))
    assert weighted_quantiles(np.full((1, 4), 0.25), numbers, np.array([0]), [level])[0, 0] == expected


def test_particle_without_weight_is_never_a_quantile():
    weight = np.array([[0.0, 0.5, 0.5, 0.0]])
    found = weighted_quantiles(
        weight, Ranked.of(np.array([[-9.0, 1.0, 2.0, 9.0]])), np.array([0]), [0.0001, 1.0]
    )
    np.testing.assert_array_equal(found, [[1.0, 2.0]])


def test_quantile_of_weights_in_float32_has_its_level_behind_it_within_their_precision():
    rng = np.random.default_rng(1)
    weight: Any = rng.gamma(0.2, size=(30, 2048)).astype(np.float32)
    numbers = rng.normal(size=2048)
    found = weighted_quantiles(weight, Ranked.of(numbers[None]), np.zeros(30, dtype=int), LEVELS)
    for row in range(30):
        own = weight[row].astype(np.float64) / weight[row].sum(dtype=np.float64)
        for index, level in enumerate(LEVELS):
            assert own[numbers < found[row, index]].sum() <= level + 1e-6
            assert own[numbers <= found[row, index]].sum() >= level - 1e-6
