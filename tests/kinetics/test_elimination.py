"""Half-life, KELIM and PSA doubling time: limits, invariances, simulate and recover."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.elimination import (
    KELIM_PRIORS,
    half_life_days,
    kelim,
    kelim_of_each,
    psa_doubling_time_months,
)
from turnpoint.kinetics.growth_rates import log_slope

MONTH = 365.25 / 12
VISITS = np.arange(0, 100, 21.0)


def curve(rate, share, days=VISITS, start=400.0):
    return start * ((1 - share) * np.exp(-rate * days) + share)


# KELIM


@pytest.mark.parametrize("rate", [0.02, 0.037, 0.08])
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_kelim_is_found_again_without_noise(rate, share):
    found = kelim(VISITS, curve(rate, share))
    # The prior of the share that is still produced pulls, least where the values say most.
    assert found.kelim_per_day == pytest.approx(rate, rel=0.3)
    assert abs(found.kelim_per_day - rate) < 1.5 * found.kelim_se_per_day


def test_kelim_intervals_cover_patients_drawn_from_its_prior():
    rng = np.random.default_rng(1)
    rates = np.exp(rng.normal(math.log(0.037), 1.0, 400))
    shares = 1 / (1 + np.exp(-rng.normal(-2.2, 2.0, 400)))
    noise = np.exp(rng.normal(0, 0.165, (400, VISITS.size)))
    several = [
        (VISITS, curve(rate, share) * one) for rate, share, one in zip(rates, shares, noise, strict=True)
    ]
    inside = 0
    for found, rate in zip(kelim_of_each(several, "CA-125"), rates, strict=True):
        sd = found.kelim_se_per_day / found.kelim_per_day
        inside += abs(math.log(found.kelim_per_day / rate)) < 1.645 * sd
    # 400 Bernoulli trials at 0.9 have an SD of 0.015; a Laplace interval is not exact.
    assert 0.84 < inside / 400 < 0.96


def test_kelim_goes_to_its_prior_when_the_values_say_nothing():
    found = kelim([0, 1e-6, 2e-6], [100.0, 100.0, 100.0])
    assert found.kelim_per_day == pytest.approx(0.037, rel=1e-3)
    assert found.kelim_se_per_day == pytest.approx(0.037, rel=1e-2)


@settings(max_examples=40, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_kelim_does_not_depend_on_the_unit(scale):
    values = curve(0.04, 0.1)
    assert kelim(VISITS, scale * values).kelim_per_day == pytest.approx(
        kelim(VISITS, values).kelim_per_day, rel=1e-5
    )


def test_kelim_is_higher_when_the_marker_falls_faster():
    rates = [kelim(VISITS, curve(rate, 0.1)).kelim_per_day for rate in (0.01, 0.02, 0.04, 0.08)]
    assert rates == sorted(rates)


@pytest.mark.parametrize(("last", "enough"), [(100, True), (101, False)])
def test_kelim_uses_the_first_100_days(last, enough):
    assert (kelim([0, 50, last], [400.0, 200.0, 100.0]) is not None) == enough


def test_kelim_uses_the_last_value_before_treatment_only():
    values = [400.0, 200.0, 100.0]
    earlier = kelim([-60, -3, 21, 42], [900.0, *values])
    assert earlier == kelim([-3, 21, 42], values)
    assert earlier.readings == 3


def test_kelim_refuses_a_value_of_0():
    with pytest.raises(MeasurementError, match="above 0"):
        kelim([0, 21, 42], [100.0, 10.0, 0.0])


def published_curve(rate, a50, loss, days):
    """The full K-PD model of You et al. by small steps: drug A of one unit every 21 days, growing production."""
    step = 0.1
    time = np.arange(0, 100, step)
    drug = sum(
        np.where(time >= dose, np.exp(-loss * np.maximum(time - dose, 0)), 0) for dose in range(0, 100, 21)
    )
    level = [1.0]
    for produced in (rate * np.exp(0.005 * time) * (1 - drug / (a50 + drug)))[:-1]:
        level.append(level[-1] + step * (produced - rate * level[-1]))
    return np.interp(days, time, level)


def test_kelim_ranks_patients_of_the_published_model_where_the_plain_slope_does_not():
    rng = np.random.default_rng(2)
    rates = np.exp(rng.normal(math.log(0.05), 0.6, 150))
    a50, loss = np.exp(rng.normal(math.log(0.16), 0.6, 150)), np.exp(rng.normal(math.log(0.03), 0.5, 150))
    values = [
        published_curve(*one, VISITS) * np.exp(rng.normal(0, 0.165, VISITS.size))
        for one in zip(rates, a50, loss, strict=True)
    ]
    found = kelim_of_each([(VISITS, value) for value in values], "CA-125")
    estimates = np.array([one.kelim_per_day for one in found])
    slopes = np.array([-log_slope(VISITS, value).per_week for value in values])

    def rank_correlation(x):
        return np.corrcoef(np.argsort(np.argsort(x)), np.argsort(np.argsort(rates)))[0, 1]

    assert rank_correlation(estimates) > 0.7
    assert rank_correlation(slopes) < 0.5
    # The constant effect biases KELIM down by some 10 %, the slope by more than half.
    assert abs(np.median(np.log(estimates / rates))) < 0.2


@pytest.mark.parametrize("values", [[100.0, 100.0, 100.0, 100.0], [100.0, 130.0, 170.0, 220.0]])
def test_kelim_is_as_uncertain_as_itself_when_the_marker_does_not_fall(values):
    found = kelim([0, 21, 42, 63], values)
    assert found.kelim_se_per_day > 0.9 * found.kelim_per_day


def test_kelim_of_psa_is_less_certain_than_that_of_ca_125():
    ca_125, psa = (kelim(VISITS, curve(0.04, 0.1), marker) for marker in KELIM_PRIORS)
    assert psa.kelim_se_per_day > 1.3 * ca_125.kelim_se_per_day
    assert psa.kelim_per_day == pytest.approx(ca_125.kelim_per_day, rel=0.3)


def test_kelim_of_series_together_is_that_of_each_alone():
    rng = np.random.default_rng(6)
    several = [
        (VISITS[:count], curve(0.04, 0.1, VISITS[:count]) * rng.uniform(0.8, 1.2, count))
        for count in (3, 5, 2, 4, 5)
    ]
    assert kelim_of_each(several, "PSA") == [kelim(*one, "PSA") for one in several]


def test_kelim_is_refused_for_a_marker_without_a_prior():
    with pytest.raises(MeasurementError, match="CA-125 or PSA"):
        kelim([0, 21, 42], [3.0, 2.0, 1.0], "CEA")


# Half-life


def test_half_life_is_that_of_an_exponential_decline():
    found = half_life_days([0, 21, 42, 63], 400 * 0.5 ** (np.array([0, 21, 42, 63]) / 15.8))
    assert found.time == pytest.approx(15.8)
    assert found.standard_error == pytest.approx(0.0, abs=1e-6)


def test_half_life_is_of_the_values_up_to_the_nadir():
    assert half_life_days([0, 20, 40, 60], [400.0, 200.0, 100.0, 300.0]).time == pytest.approx(20.0)


def test_half_life_has_no_standard_error_from_two_values():
    assert math.isnan(half_life_days([0, 20], [400.0, 200.0]).standard_error)


@pytest.mark.parametrize("values", [[100.0, 100.0], [100.0, 120.0], [100.0, 0.0], [100.0]])
def test_there_is_no_half_life_when_nothing_falls_or_all_is_gone(values):
    assert half_life_days([0, 20][: len(values)], values) is None


# PSA doubling time


# 1 January to 1 April: 90 days in a common year, 91 in a leap year; 1 June to 1 September: 92.
@pytest.mark.parametrize(("days", "enough"), [(90, True), (91, True), (92, True), (89, False), (84, False)])
def test_psa_doubling_time_needs_three_calendar_months(days, enough):
    found = psa_doubling_time_months([0, days / 2, days], [1.0, 2.0, 4.0])
    assert (found is not None) == enough
    if enough:
        assert found.time == pytest.approx(days / 2 / MONTH)


@pytest.mark.parametrize(("first", "enough"), [(0.2, True), (0.19, False)])
def test_psa_doubling_time_needs_three_values_of_at_least_0_2(first, enough):
    assert (psa_doubling_time_months([0, 60, 120], [first, 1.0, 2.0]) is not None) == enough


def test_there_is_no_psa_doubling_time_when_psa_falls():
    assert psa_doubling_time_months([0, 60, 120], [4.0, 2.0, 1.0]) is None
