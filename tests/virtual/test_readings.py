"""Readings of many virtual courses at once: the same law as one after the other, and RECIST on what was read."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of
from turnpoint.model.prior import shipped_priors
from turnpoint.model.simulate import simulate_courses
from turnpoint.virtual.readings import Chance, progression_index, read

CT = shipped_priors()["docetaxel-nsclc-ct"]
PSA = shipped_priors()["docetaxel-prostate-psa"]
WEEKS = np.array([0.0, 6.0, 12.0, 18.0, 30.0])


def _drawn(prior, courses, rng):
    root = np.linalg.cholesky(prior.covariance)
    particles = prior.mean + rng.standard_normal((courses, prior.dimensions)) @ root.T
    dynamics = dynamics_of(particles)
    burden = np.stack([dynamics.log_burden(np.asarray(week), np.zeros(())) for week in WEEKS], axis=1)
    return particles, burden


@pytest.mark.parametrize(("prior", "quantity"), [(CT, SUM_OF_DIAMETERS), (PSA, "PSA")])
def test_read_has_the_law_of_the_slow_simulator(prior, quantity):
    rng = np.random.default_rng(1)
    starts = np.maximum(40.0 * np.exp(0.6 * rng.standard_normal(1500)), 10.0)
    particles, burden = _drawn(prior, 6000, rng)
    found = read(
        prior,
        quantity,
        particles,
        (7.0 * WEEKS, burden, rng.choice(starts, 6000)),
        Chance.drawn(6000, len(WEEKS), rng),
    ).value
    schedule = pl.DataFrame({"patient_id": "V", "quantity": quantity, "day": (7.0 * WEEKS).astype(int)})
    slow = simulate_courses(prior, schedule, {quantity: starts}, rng, 1500).readings["value"].to_numpy()
    slow = slow.reshape(-1, len(WEEKS))
    for visit in range(1, len(WEEKS)):
        change, expected = (np.log(own[:, visit] / own[:, 0]) for own in (found, slow))
        assert ks_2samp(change, expected).pvalue > 1e-3
    repeated, expected = ((own[:, 1:] == own[:, :-1]).mean() for own in (found, slow))
    assert repeated == pytest.approx(expected, abs=0.03)


def test_read_is_the_same_before_a_change_of_the_burden_when_chance_is_the_same():
    rng = np.random.default_rng(2)
    particles, burden = _drawn(CT, 200, rng)
    chance, start = Chance.drawn(200, len(WEEKS), rng), np.full(200, 40.0)
    other = burden.copy()
    other[:, 3:] -= 2.0
    first = read(CT, SUM_OF_DIAMETERS, particles, (7.0 * WEEKS, burden, start), chance).value
    second = read(CT, SUM_OF_DIAMETERS, particles, (7.0 * WEEKS, other, start), chance).value
    assert np.array_equal(first[:, :3], second[:, :3])
    assert (second[:, 3:] <= first[:, 3:]).mean() > 0.99


def test_read_writes_too_small_when_a_lesion_is_under_5_mm():
    rng = np.random.default_rng(3)
    particles, burden = _drawn(CT, 500, rng)
    found = read(
        CT,
        SUM_OF_DIAMETERS,
        particles,
        (7.0 * WEEKS, burden - 6.0 * (WEEKS > 0), np.full(500, 12.0)),
        Chance.drawn(500, len(WEEKS), rng),
    )
    assert found.at_floor.any()
    assert (found.value[found.at_floor] == 5.0).all()
    assert (found.value >= 5.0).all()
    assert np.array_equal(found.value, np.round(found.value))


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([50, 40, 48], 2),  # +20 % and +8 mm over the nadir of 40
        ([50, 40, 47], 3),  # +17.5 %
        ([20, 20, 24], 3),  # +20 %, but 4 mm
        ([20, 20, 25], 2),  # +25 % and 5 mm
        ([50, 60, 70], 1),  # the baseline is a nadir too
    ],
)
def test_progression_index_needs_both_20_percent_and_5_mm(sums, expected):
    assert progression_index(np.array([sums], dtype=float))[0] == expected


def test_progression_index_counts_the_nadir_from_a_visit_on():
    sums = np.array([[30.0, 60.0, 50.0, 55.0, 60.0]])
    assert progression_index(sums)[0] == 1
    assert progression_index(sums, np.array([1]))[0] == 4


def test_read_of_a_marker_has_no_floor():
    rng = np.random.default_rng(4)
    particles, burden = _drawn(PSA, 100, rng)
    found = read(
        PSA, "PSA", particles, (7.0 * WEEKS, burden - 20.0, np.full(100, 1.0)), Chance.drawn(100, 5, rng)
    )
    assert not found.at_floor.any()
    assert replace(found, quantity=SUM_OF_DIAMETERS).is_diameter
    assert not found.is_diameter
