"""The quasi-random points are SciPy's, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import qmc

from turnpoint.model.sobol import MOST_DIMENSIONS, sobol, standard_normals
from turnpoint.model.streams import Stream, generator


@pytest.mark.parametrize("dimensions", [1, 2, 13, 21, MOST_DIMENSIONS, MOST_DIMENSIONS + 1])
@pytest.mark.parametrize("points", [1, 2, 512, 2048])
def test_points_are_those_of_scipy(dimensions: int, points: int) -> None:
    ours = sobol(points, dimensions, np.random.default_rng(7))
    theirs = qmc.Sobol(dimensions, rng=np.random.default_rng(7)).random(points)
    np.testing.assert_array_equal(ours, theirs)


def test_the_generator_is_left_where_scipy_leaves_it() -> None:
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    sobol(64, 13, ours)
    qmc.Sobol(13, rng=theirs).random(64)
    assert ours.integers(2**40) == theirs.integers(2**40)


def test_every_dimension_has_one_point_in_each_of_as_many_intervals() -> None:
    points = sobol(1024, MOST_DIMENSIONS, np.random.default_rng(3))
    np.testing.assert_array_equal(
        np.sort((points * 1024).astype(int), axis=0), np.tile(np.arange(1024)[:, None], MOST_DIMENSIONS)
    )


def test_a_count_that_is_no_power_of_two_is_the_beginning_of_one() -> None:
    np.testing.assert_array_equal(
        sobol(300, 5, np.random.default_rng(2)), sobol(512, 5, np.random.default_rng(2))[:300]
    )


def test_normals_are_those_of_the_points_and_kept() -> None:
    found = standard_normals(64, 5, 3, Stream.BANK)
    expected = ndtri(np.clip(sobol(64, 5, generator(3, Stream.BANK)), 1e-9, 1.0 - 1e-9))
    np.testing.assert_array_equal(found, expected)
    assert standard_normals(64, 5, 3, Stream.BANK) is found
    assert standard_normals(64, 5, 4, Stream.BANK)[0, 0] != found[0, 0]
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 0.0
