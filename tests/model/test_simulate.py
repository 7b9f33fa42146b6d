"""Courses from the model: the level that is told beside the readings is the one they were read from."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.population import starting_prior
from turnpoint.model.simulate import simulate_courses

DAYS = [0, 42, 85, 120]


def simulated(prior, courses=40):
    schedule = pl.DataFrame(
        {"patient_id": ["D"] * len(DAYS), "quantity": [prior.quantities[0]] * len(DAYS), "day": DAYS}
    )
    start = {prior.quantities[0]: np.array([400.0])}
    return simulate_courses(prior, schedule, start, np.random.default_rng(0), courses)


def with_parameters(quantity, **values):
    """A prior in which every patient has these reading parameters."""
    prior = starting_prior("truth", [quantity])
    mean, covariance = prior.mean.copy(), 1e-12 * np.eye(prior.dimensions)
    names = ("background", "log_sd_drift", "log_sd_reading", "logit_repeat", "log_repeat_window")
    for name, value in values.items():
        mean[5 + (*names, "logit_jump", "log_sd_jump", "log_surge").index(name)] = value
    return replace(prior, mean=mean, covariance=covariance)


@pytest.mark.parametrize("quantity", [SUM_OF_DIAMETERS, "CEA"])
def test_readings_without_error_are_the_level_and_the_signal(quantity):
    prior = with_parameters(quantity, log_sd_reading=-20.0, logit_repeat=-20.0)
    found = simulated(prior)
    weeks = np.array(DAYS) / 7.0
    for index, name in enumerate(found.patient_ids):
        reading = reading_of(found.particles[index], quantity, 0)
        signal = reading.log_signal(dynamics_of(found.particles[index]).log_burden(weeks, 0.0 * weeks))
        level = found.levels.filter(pl.col("patient_id") == name)["level"].to_numpy()
        value = found.readings.filter(pl.col("patient_id") == name)["value"].to_numpy()
        exact = np.exp(level + signal + reading.log_surge_at(weeks))
        step = 0.5 if quantity == SUM_OF_DIAMETERS else 1e-6  # a sum is written in whole mm
        np.testing.assert_allclose(value, exact, atol=step + 1e-6, rtol=1e-6)


def test_level_stays_when_nothing_drifts_or_jumps():
    prior = with_parameters("CEA", log_sd_drift=-20.0, logit_jump=-20.0)
    levels = simulated(prior).levels
    spread = levels.group_by("patient_id").agg(pl.col("level").max() - pl.col("level").min())["level"]
    assert spread.max() < 1e-6


def test_level_has_a_row_for_each_reading_in_the_readings_order():
    found = simulated(starting_prior("truth", ["CEA"]))
    keys = ["patient_id", "day", "quantity"]
    assert found.levels.select(keys).equals(found.readings.select(keys))
