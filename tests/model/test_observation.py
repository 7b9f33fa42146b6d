"""How readings move the filter: floors, limits, repeats, invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.courses import batch_of, natural_values, particle, readings
from turnpoint.model.observation import run_series
from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of

DAYS = [0, 42, 84, 126]


def run(values, quantity=SUM_OF_DIAMETERS, days=DAYS, censoring=None, persistence=0.9, **natural):
    batch = batch_of(readings(days, values, quantity, censoring=censoring), (quantity,))
    theta = particle(quantity, **natural)[None]
    return run_series(
        batch.series[quantity][0], dynamics_of(theta), reading_of(theta, quantity, 0), persistence
    )


@given(st.floats(2.0, 50.0))
@settings(max_examples=25)
def test_likelihood_of_a_marker_does_not_depend_on_its_unit(factor):
    values = [100.0, 61.3, 47.9, 52.2]
    plain = run(values, "CEA").log_likelihood[0, -1, 0]
    scaled_frame = readings(DAYS, [value * factor for value in values], "CEA")
    series = batch_of(scaled_frame, ("CEA",)).series["CEA"][0]
    theta = particle("CEA")[None]
    scaled = run_series(series, dynamics_of(theta), reading_of(theta, "CEA", 0), 0.9)
    assert scaled.log_likelihood[0, -1, 0] == pytest.approx(plain, abs=1e-8)


def test_patients_are_independent_of_each_other():
    import polars as pl

    one, two = readings(DAYS, [60, 50, 44, 43], patient_id="A"), readings([0, 30], [20, 25], patient_id="B")
    together = batch_of(pl.concat([one, two]))
    theta = particle()[None]
    both = run_series(
        together.series[SUM_OF_DIAMETERS][0], dynamics_of(theta), reading_of(theta, SUM_OF_DIAMETERS, 0), 0.9
    )
    alone = run([60, 50, 44, 43])
    assert both.log_likelihood[0, -1] == pytest.approx(alone.log_likelihood[0, -1], abs=1e-12)
    short = run([20, 25], days=[0, 30])
    assert both.log_likelihood[1, 2] == pytest.approx(short.log_likelihood[0, -1], abs=1e-12)


def test_repeated_reading_is_more_likely_the_more_the_reader_repeats():
    low = run([60, 60, 60, 60], repeat=0.05, sd_drift=0.05).log_likelihood[0, -1, 0]
    high = run([60, 60, 60, 60], repeat=0.8, sd_drift=0.05).log_likelihood[0, -1, 0]
    assert high > low + 1.0


def test_repeated_reading_moves_the_level_less_than_a_fresh_one_of_the_same_value():
    # the burden has shrunk by then, so "the same again" pulls the level up; a mere repeat pulls less
    fresh = run([60, 60], days=[0, 42], repeat=1e-9, window=0.3).level_mean[0, -1, 0]
    repeat = run([60, 60], days=[0, 42], repeat=0.999, window=0.3).level_mean[0, -1, 0]
    start = run([60], days=[0]).level_mean[0, -1, 0]
    assert start < repeat < fresh


def test_value_below_the_limit_pulls_the_level_down_and_no_further_than_needed():
    censored = run([20, 5, 5, 5], censoring=[0, -1, -1, -1])
    assert (np.diff(censored.level_mean[0, :2, 0]) < 0).all()
    assert np.isfinite(censored.log_likelihood).all()


def test_censored_likelihood_is_the_mass_below_the_limit():
    from scipy.stats import norm

    natural = {"jump": 1e-9, "sd_drift": 0.1, "sd_reading": 0.1, "surge": 1e-12}
    result = run([20, 5], days=[0, 42], censoring=[0, -1], **natural)
    p = natural_values(**natural)
    burden = (1 - p["fraction"]) * np.exp(-p["d"] * 6) + p["fraction"] * np.exp(p["g"] * 6)
    signal = np.log((1 - p["background"]) * burden + p["background"]) / 3
    mean = np.log(20) + signal
    rounding = ((1 / 20) ** 2 + (1 / 5) ** 2) / 12
    drift = 0.1 * (20 / 25) ** -0.2
    sd = np.sqrt(2 * 0.1**2 + rounding + drift**2 * 6)
    expected = norm.logcdf((np.log(5) - mean) / sd)
    assert result.log_likelihood[0, -1, 0] == pytest.approx(expected, abs=1e-6)


def test_value_above_the_limit_is_the_mirror_image_of_one_below():
    natural = {"d": 1e-9, "g": 1e-9, "fraction": 0.5, "background": 1e-9, "surge": 1e-12}
    natural |= {"jump": 0.2, "sd_jump": 1.0}
    below = run([100, 50], "CEA", [0, 21], [0, -1], **natural).log_likelihood[0, -1, 0]
    above = run([100, 200], "CEA", [0, 21], [0, 1], **natural).log_likelihood[0, -1, 0]
    assert above == pytest.approx(below, abs=1e-6)


def test_lesion_stays_too_small_with_the_stated_persistence():
    stay = run([20, 5, 5], days=[0, 42, 84], censoring=[0, -1, -1], persistence=0.99)
    leave = run([20, 5, 12], days=[0, 42, 84], censoring=[0, -1, 0], persistence=0.99)
    step = np.diff(stay.log_likelihood[0, :, 0])[-1]
    assert step == pytest.approx(0.0, abs=0.011)
    assert np.diff(leave.log_likelihood[0, :, 0])[-1] < np.log(0.011)


@given(st.lists(st.floats(1.0, 500.0), min_size=1, max_size=8), st.floats(0.001, 0.9), st.floats(0.01, 0.6))
@settings(max_examples=60)
def test_filter_stays_finite_for_any_course(values, fraction, sd_drift):
    days = [i * 40 for i in range(len(values))]
    result = run(values, days=days, fraction=fraction, sd_drift=sd_drift)
    assert np.isfinite(result.log_likelihood).all()
    assert (result.level_variance > 0).all()


def test_hopeless_particle_gets_a_finite_and_tiny_likelihood_at_a_limit():
    result = run([20, 5, 5], days=[0, 4200, 8400], censoring=[0, -1, -1], g=0.5, sd_drift=1e-4, jump=1e-6)
    assert np.isfinite(result.log_likelihood).all()
    assert np.isfinite(result.level_mean).all()
    assert result.log_likelihood[0, -1, 0] < -1e4


def test_likelihood_of_a_lesion_that_is_always_read_alike_is_bounded_as_noise_vanishes():
    small = run([4] * 6, days=[i * 42 for i in range(6)], sd_reading=1e-6, sd_drift=1e-6, d=1e-9, g=1e-9)
    assert np.isfinite(small.log_likelihood).all()
    assert small.log_likelihood[0, -1, 0] < 5 * np.log(1.4)  # 1 / √(2π/12) at most for each reading


def test_early_surge_of_a_marker_is_not_growth():
    surging, growing = {"surge": 0.4, "g": 1e-6}, {"surge": 1e-9, "g": 0.1}
    early_rise = [100, 140, 120, 100]
    days = [0, 21, 42, 84]
    surge, growth = (
        run(early_rise, "PSA", days=days, fraction=0.9, sd_drift=0.02, **natural).log_likelihood[0, -1, 0]
        for natural in (surging, growing)
    )
    assert surge > growth + 5
