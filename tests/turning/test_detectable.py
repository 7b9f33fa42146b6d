"""What a change must exceed: of two readings, of a sum, and of the smallest of many."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference.reading_changes import bound
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.study.markers import MARKERS
from turnpoint.turning.detectable import (
    bounds_of_change,
    detectable_log_burden,
    detectable_log_change,
    detectable_log_change_of_sum,
    reading_sd_mm,
)


def bounds(n, m=1):
    return float(bounds_of_change(np.array([n]), np.array([m]))[0])


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 1), (5, 1), (15, 1), (64, 1), (1, 3), (4, 5)])
def test_reading_above_the_smallest_of_n_equal_ones_passes_the_bound_in_one_of_twenty_patients(n, m):
    """Plain Monte Carlo: a patient with m lesions is called wrongly in 5 of 100, each lesion in 5/m."""
    draws = np.random.default_rng(n).standard_normal((400_000, n + 1))
    above = (draws[:, -1] - draws[:, :-1].min(axis=1)) / math.sqrt(2)
    rate = (above > bounds(n, m)).mean()
    expected = 0.05 / m
    assert rate == pytest.approx(expected, abs=4 * math.sqrt(expected / 400_000))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 63])
@pytest.mark.parametrize("m", [1, 2, 5])
def test_bound_agrees_with_its_integral(n, m):
    assert bounds(n, m) == pytest.approx(bound(n, m), abs=1e-5)


def test_bound_grows_with_how_many_compete_and_how_many_are_looked_at():
    assert bounds(1) == pytest.approx(1.645, abs=1e-3)
    by_readings, by_lesions = [bounds(n) for n in range(1, 30)], [bounds(1, m) for m in range(1, 6)]
    assert (np.diff(by_readings) > 0).all()
    assert (np.diff(by_lesions) > 0).all()
    assert bounds(100) == bounds(64)


def test_bounds_keep_the_shape_of_what_they_are_asked_for():
    asked = np.array([[1, 2, 3], [3, 2, 1]])
    found = bounds_of_change(asked, np.ones_like(asked))
    assert found.shape == (2, 3)
    np.testing.assert_array_equal(found[0], found[1, ::-1])


def test_two_readings_of_34_mm_differ_by_the_2_4_mm_of_repeat_ct_and_by_10_percent_or_less_in_84_of_100():
    sd = math.sqrt(2) * reading_sd_mm(np.array([34.0]))[0]
    assert sd == pytest.approx(2.4, abs=0.05)
    assert math.erf(3.4 / sd / math.sqrt(2)) == pytest.approx(0.84, abs=0.01)


@given(st.floats(1.0, 200.0))
def test_error_of_a_reading_is_a_millimetre_and_a_share_of_the_size(mm):
    assert reading_sd_mm(np.array([mm]))[0] ** 2 == pytest.approx(1.0 + (0.04 * mm) ** 2)


@given(st.floats(5.0, 200.0), st.integers(1, 5))
def test_detectable_change_of_a_sum_is_that_of_equal_lesions_read_one_by_one(lesion_mm, lesions):
    total = lesions * lesion_mm
    found = detectable_log_change_of_sum(np.array([total]), np.array([lesions]))[0]
    sd = math.sqrt(lesions * (1.0 + (0.04 * lesion_mm) ** 2))
    assert found == pytest.approx(1.645 * math.sqrt(2) * sd / total)


def test_detectable_change_of_a_diameter_is_that_of_one_lesion_of_40_mm_whatever_the_prior():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    expected = 1.645 * math.sqrt(2) * math.hypot(0.04, 1 / 40)
    assert detectable_log_change(SUM_OF_DIAMETERS, prior) == pytest.approx(expected)
    assert detectable_log_burden(SUM_OF_DIAMETERS, prior) == pytest.approx(3 * expected)


def test_detectable_change_of_a_marker_is_its_reference_change_or_the_assays_error_if_that_is_larger():
    published = MARKERS["CA 19-9"].reference_change_log
    quiet, noisy = starting_prior("any", ["CA 19-9"]), starting_prior("any", ["CA 19-9"])
    noisy.mean[noisy.reading_block("CA 19-9").start + 2] = math.log(1.0)
    assert published is not None
    assert detectable_log_change("CA 19-9", quiet) == pytest.approx(published)
    assert detectable_log_change("CA 19-9", noisy) == pytest.approx(1.645 * math.sqrt(2))
    assert detectable_log_burden("CA 19-9", quiet) == pytest.approx(published)
