"""A patient of a new disease: simulate diseases, recover how they differ; and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.errors import PriorError
from turnpoint.model.hierarchy import Population, new_disease


def population(disease, mean, variance=1.0, patients=10**9):
    mean = np.atleast_1d(np.asarray(mean, dtype=float))
    return Population(disease, patients, mean, np.eye(len(mean)) * variance)


def test_two_diseases_by_hand():
    """Means 0 and 2, variance 1 within: m = 1, B = 1/(1 - 1/2) = 2, and 1 + 2·(1 + 1/2) = 4."""
    found = new_disease([population("a", 0.0), population("b", 2.0)])
    assert found.mean == pytest.approx([1.0])
    assert found.between[0, 0] == pytest.approx(2.0)
    assert found.covariance[0, 0] == pytest.approx(4.0)
    assert found.diseases == 2


def test_disease_counts_once_however_many_populations_it_has():
    once = new_disease([population("a", 0.0), population("b", 3.0)])
    often = new_disease([population("a", 0.0), *[population("b", 3.0)] * 5])
    assert often.mean == pytest.approx(once.mean)
    assert often.covariance == pytest.approx(once.covariance)


def test_what_means_vary_by_chance_is_no_difference_between_diseases():
    """Ten patients of variance 10 each: a mean has variance 1, all of the 2/(1/2)/2 that is seen."""
    by_chance = new_disease([population("a", -1.0, 20.0, 10), population("b", 1.0, 20.0, 10)])
    assert by_chance.between[0, 0] == pytest.approx(0.0, abs=1e-12)
    assert by_chance.covariance[0, 0] == pytest.approx(20.0)
    real = new_disease([population("a", -1.0, 20.0, 10**9), population("b", 1.0, 20.0, 10**9)])
    assert real.between[0, 0] == pytest.approx(2.0)


def test_spread_between_diseases_is_recovered_from_simulated_ones():
    rng = np.random.default_rng(0)
    truth = np.array([[1.0, 0.6], [0.6, 0.5]])
    root = np.linalg.cholesky(truth)
    found = []
    for _ in range(400):
        means = rng.standard_normal((6, 2)) @ root.T
        seen = means + rng.standard_normal((6, 2)) * np.sqrt(0.3 / 50)
        found.append(new_disease([population(str(i), own, 0.3, 50) for i, own in enumerate(seen)]).between)
    assert np.mean(found, axis=0) == pytest.approx(truth, abs=0.12)


def test_interval_of_a_new_disease_holds_its_patients_at_the_stated_rate():
    """With eight diseases 80 % hold about 80 (the spread is estimated: a little less, as of a t with seven degrees)."""
    rng = np.random.default_rng(1)
    held = []
    for _ in range(3000):
        means = rng.standard_normal(9)
        found = new_disease([population(str(i), own, 0.5, 1000) for i, own in enumerate(means[:8])])
        patient = means[8] + rng.standard_normal() * np.sqrt(0.5)
        held.append(abs(patient - found.mean[0]) <= 1.2816 * np.sqrt(found.covariance[0, 0]))
    assert 0.76 < np.mean(held) < 0.83


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(-3, 3))
def test_shifting_every_population_shifts_the_mean_alone(means, shift):
    here = new_disease([population(str(i), own) for i, own in enumerate(means)])
    there = new_disease([population(str(i), own + shift) for i, own in enumerate(means)])
    assert there.mean == pytest.approx(here.mean + shift, abs=1e-9)
    assert there.covariance == pytest.approx(here.covariance, abs=1e-9)


def test_one_disease_is_refused():
    with pytest.raises(PriorError, match="1 disease: how diseases differ can be told from two or more"):
        new_disease([population("a", 0.0), population("a", 1.0)])
