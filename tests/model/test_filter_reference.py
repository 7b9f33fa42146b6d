"""The fast filter against direct numerical integration."""

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from tests.model.courses import batch_of, natural_values, particle, readings
from tests.model.test_treatment import doses
from tests.reference.filter_reference import log_likelihoods
from turnpoint.model.filter import posteriors_of_batch, systematic_draws
from turnpoint.model.observation import run_series
from turnpoint.model.parameters import DYNAMICS_NAMES, SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import Prior
from turnpoint.model.weighing import SMALLEST_EFFECTIVE_SIZE, effective_sizes, weigh

DAYS = [0, 42, 84, 126, 168, 210]
VALUES = [60, 52, 47, 47, 50, 58]

PARTICLES = [
    natural_values(),
    natural_values(d=0.02, g=0.01, fraction=0.6),
    natural_values(sd_reading=0.09, repeat=0.05),
    natural_values(sd_drift=0.08, background=0.4),
    natural_values(d=0.25, fraction=0.02, g=0.08),
]


def fast(days, values, natural):
    batch = batch_of(readings(days, values))
    thetas = np.stack([particle(**p) for p in natural])
    return run_series(
        batch.series[SUM_OF_DIAMETERS][0], dynamics_of(thetas), reading_of(thetas, SUM_OF_DIAMETERS, 0), 0.9
    )


def slow(days, values, p):
    logs = np.log(np.array(values, dtype=float))
    return log_likelihoods(np.array(days) / 7.0, logs, 1.0 / np.array(values, dtype=float), p)


def test_filter_is_exact_when_there_are_neither_jumps_nor_repeats():
    natural = [p | {"jump": 1e-9, "repeat": 1e-9} for p in PARTICLES]
    result = fast(DAYS, VALUES, natural)
    for k, p in enumerate(natural):
        expected, means = slow(DAYS, VALUES, p)
        np.testing.assert_allclose(result.log_likelihood[0, 1:, k], expected, atol=2e-4)
        np.testing.assert_allclose(result.level_mean[0, :, k], means, atol=2e-4)


def test_filter_agrees_with_the_grid_when_readings_repeat_and_jump():
    # merging the jump's branches and counting a repeat as one noisier look are the two approximations
    result = fast(DAYS, VALUES, PARTICLES)
    for k, p in enumerate(PARTICLES):
        expected, means = slow(DAYS, VALUES, p)
        np.testing.assert_allclose(result.log_likelihood[0, 1:, k], expected, atol=0.05)
        np.testing.assert_allclose(result.level_mean[0, :, k], means, atol=0.01)


def test_filter_follows_a_real_jump_when_it_is_large():
    values = [60, 58, 59, 110, 112, 108]
    result = fast(DAYS, values, PARTICLES)
    for k, p in enumerate(PARTICLES):
        expected, _ = slow(DAYS, values, p)
        np.testing.assert_allclose(result.log_likelihood[0, 1:, k], expected, atol=0.1)


def _two_free_parameters() -> Prior:
    """A prior in which only log d and logit φ are uncertain, so that a product grid can integrate it."""
    start = starting_prior("two-free", [SUM_OF_DIAMETERS])
    centre = particle()
    variance = np.full(start.dimensions, 1e-10)
    variance[[0, 2]] = 0.8**2, 1.2**2
    return Prior(
        name=start.name,
        quantities=start.quantities,
        mean=centre,
        covariance=np.diag(variance),
        floor_persistence=start.floor_persistence,
        visit_gap_weeks=start.visit_gap_weeks,
    )


def test_posterior_at_every_visit_agrees_with_direct_integration_within_monte_carlo_error():
    prior = _two_free_parameters()
    nodes, weights = hermegauss(15)
    pairs = list(zip(nodes, weights, strict=True))
    grid = [(x, y, wx * wy) for x, wx in pairs for y, wy in pairs]
    thetas = np.tile(prior.mean, (len(grid), 1))
    thetas[:, 0] += 0.8 * np.array([x for x, _, _ in grid])
    thetas[:, 2] += 1.2 * np.array([y for _, y, _ in grid])
    natural = [natural_values(d=np.exp(theta[0]), fraction=1 / (1 + np.exp(-theta[2]))) for theta in thetas]
    log_likelihood = np.array([slow(DAYS, VALUES, p)[0] for p in natural])
    weight = np.array([w for _, _, w in grid])[:, None] * np.exp(log_likelihood)
    weight /= weight.sum(axis=0)
    expected_mean = weight.T @ thetas[:, [0, 2]]
    expected_sd = np.sqrt(weight.T @ thetas[:, [0, 2]] ** 2 - expected_mean**2)

    batch = batch_of(readings(DAYS, VALUES))
    run = weigh(batch, prior, prior.bank(8192, seed=1))
    for visit in range(len(DAYS)):
        draws = run.particles[systematic_draws(run.log_weight[:, visit], 4000)[0]][:, [0, 2]]
        error = np.abs(draws.mean(axis=0) - expected_mean[visit]) / expected_sd[visit]
        spread = draws.std(axis=0) / expected_sd[visit]
        assert (error < 0.1).all(), (visit, error)
        assert (np.abs(spread - 1) < 0.1).all(), (visit, spread)


def test_refined_posterior_agrees_with_a_huge_bank_when_the_patient_is_far_from_the_prior():
    prior = starting_prior("wide", [SUM_OF_DIAMETERS])
    frame = readings(DAYS, [120, 60, 30, 15, 9, 8])
    batch = batch_of(frame)
    small = prior.bank(512, seed=3)
    assert effective_sizes(weigh(batch, prior, small).log_weight).min() < 150  # so it must be refined
    (refined,) = posteriors_of_batch(batch, prior, small, draws=2000)
    assert refined.effective_size.min() >= SMALLEST_EFFECTIVE_SIZE
    huge = weigh(batch, prior, prior.bank(2**17, seed=9))
    final = huge.log_weight[0, -1]
    weight = np.exp(final - final.max())
    weight /= weight.sum()
    for column, name in enumerate(DYNAMICS_NAMES[:2]):
        mean = weight @ huge.particles[:, column]
        sd = np.sqrt(weight @ huge.particles[:, column] ** 2 - mean**2)
        got = refined.particles[-1, :, column]
        assert abs(got.mean() - mean) < 0.25 * sd, name
        assert got.std() == pytest.approx(sd, rel=0.2), name


def test_draws_keep_the_particles_they_are_made_of():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    batch = batch_of(readings(DAYS, [120, 60, 30, 15, 9, 8]))  # far from the prior: particles of its own
    (found,) = posteriors_of_batch(batch, prior, prior.bank(512, seed=3), draws=300)
    assert found.particles.shape == (6, 300, prior.dimensions)
    made = dynamics_of(found.particles)
    for name in ("kill_per_week", "regrowth_per_week", "resistant_fraction", "off_growth_per_week"):
        # particles of a visit's own are in single precision
        np.testing.assert_allclose(getattr(found.dynamics, name), getattr(made, name), rtol=1e-6)
    reading = reading_of(found.particles, SUM_OF_DIAMETERS, 0)
    kept = found.quantities[SUM_OF_DIAMETERS].reading
    np.testing.assert_allclose(kept.sd_drift, reading.sd_drift, rtol=1e-6)


def test_turning_week_of_the_draws_is_that_of_the_course_as_it_was_treated():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    table = doses((0, "a", "start"), (56, "a", "stop"), (140, "a", "start"))
    batch = batch_of(readings(DAYS, VALUES), doses=table)
    (found,) = posteriors_of_batch(batch, prior, prior.bank(512, seed=3), draws=300)
    weeks = found.turning_week()
    for visit, pauses in enumerate([(), (), *[((8.0, 0.0),)] * 4]):
        own = found.at(np.array([visit]))
        expected = own.dynamics.turning_week(own.on_weeks, own.off_weeks, pauses)
        np.testing.assert_array_equal(weeks[visit], expected[0])
