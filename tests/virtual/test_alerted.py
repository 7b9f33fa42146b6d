"""The alert in virtual courses is the alert that `assess` raises on the same readings."""

from dataclasses import replace
from importlib import resources
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import turnpoint as tp
from turnpoint.model.parameters import dynamics_of
from turnpoint.model.prior import choose_prior
from turnpoint.virtual.alerted import Watcher, first_alert_day
from turnpoint.virtual.readings import Chance, read
from turnpoint.virtual.schedule import Schedule, baselines
from turnpoint.workflows.assess import assess_readings

COURSES = 40


@pytest.fixture(scope="module")
def watched():
    schedule = Schedule(36, 6, {"CEA": 3})
    prior = choose_prior(schedule.quantities, "docetaxel nsclc")
    rng = np.random.default_rng(5)
    root = np.linalg.cholesky(prior.covariance)
    particles = prior.mean + rng.standard_normal((COURSES, prior.dimensions)) @ root.T
    dynamics, readings = dynamics_of(particles), []
    for quantity in schedule.quantities:
        days = schedule.days(quantity)
        burden = np.stack([dynamics.log_burden(np.asarray(day / 7), np.zeros(())) for day in days], axis=1)
        course = (days, burden, baselines(quantity, COURSES, rng))
        readings.append(read(prior, quantity, particles, course, Chance.drawn(COURSES, len(days), rng)))
    return prior, readings


def _assessed(prior, readings, until):
    """The same courses through `assess`."""
    rows = [
        (
            f"{row:03d}",
            int(day),
            own.quantity,
            "",
            own.value[row, index],
            5.0 if own.is_diameter else None,
            -int(own.at_floor[row, index]),
        )
        for own in readings
        for row in range(COURSES)
        for index, day in enumerate(own.day)
        if day < until[row]
    ]
    names = ["patient_id", "day", "quantity", "part", "value", "limit", "censoring"]
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    study = tp.read(str(resources.files("turnpoint").joinpath("datasets", "oak-docetaxel")))
    return assess_readings(frame, replace(study, doses=study.doses.clear()), prior, particles=512)


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_first_alert_day_is_that_of_assess(watched, threshold):
    prior, readings = watched
    prior = replace(prior, alert=replace(prior.alert, threshold=threshold))
    until = np.where(np.arange(COURSES) % 2, 1e9, 150.0)
    found = first_alert_day(Watcher.of(prior, 512, 0).watched(readings, until), threshold, COURSES)
    raised = (
        _assessed(prior, readings, until).filter("raised").group_by("patient_id").agg(pl.col("day").min())
    )
    expected = np.full(COURSES, np.inf)
    expected[raised["patient_id"].cast(int).to_numpy()] = raised["day"].to_numpy()
    assert np.isfinite(expected).sum() > 5
    assert np.array_equal(found, expected)


def test_first_alert_day_is_never_at_or_after_the_day_the_reading_ends(watched):
    prior, readings = watched
    until = np.linspace(0.0, 252.0, COURSES)
    found = first_alert_day(Watcher.of(prior, 512, 0).watched(readings, until), 0.5, COURSES)
    assert (found[np.isfinite(found)] < until[np.isfinite(found)]).all()


def test_first_alert_day_is_not_earlier_when_the_threshold_is_higher(watched):
    prior, readings = watched
    table = Watcher.of(prior, 512, 0).watched(readings, np.full(COURSES, np.inf))
    days = [first_alert_day(table, threshold, COURSES) for threshold in (0.5, 0.7, 0.9, 0.99)]
    assert all((later >= earlier).all() for earlier, later in pairwise(days))


def test_watched_is_empty_when_nobody_has_three_values(watched):
    prior, readings = watched
    table = Watcher.of(prior, 512, 0).watched(readings, np.full(COURSES, 7.0))
    assert table.is_empty()
    assert not np.isfinite(first_alert_day(table, 0.5, COURSES)).any()
