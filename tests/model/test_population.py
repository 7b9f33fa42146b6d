"""Simulate and recover: what was put into virtual patients comes out of the fit and of the filter."""

import numpy as np
import polars as pl
import pytest

from tests.model.courses import NO_DOSES, readings
from turnpoint.errors import StudyError
from turnpoint.model.dynamics import RESTING_PER_WEEK
from turnpoint.model.filter import posteriors
from turnpoint.model.parameters import DORMANCY, SUM_OF_DIAMETERS, dynamics_of
from turnpoint.model.population import fit_population, starting_prior, typical
from turnpoint.model.prior import Prior
from turnpoint.model.simulate import simulate_courses
from turnpoint.study.study import Study


def truth_prior(quantity) -> Prior:
    start = starting_prior("truth", [quantity])
    mean, covariance = start.mean.copy(), start.covariance.copy()
    mean[:3] = np.log(0.15), np.log(0.05), -1.5
    covariance[:3, :3] = np.diag([0.5**2, 0.4**2, 0.8**2])
    return Prior("truth", start.quantities, mean, covariance, start.floor_persistence, start.visit_gap_weeks)


def simulated(quantity, courses, days, seed=0):
    schedule = pl.DataFrame(
        {"patient_id": ["D"] * len(days), "quantity": [quantity] * len(days), "day": days}
    )
    start = {quantity: np.array([40.0, 60.0, 90.0])}
    return simulate_courses(truth_prior(quantity), schedule, start, np.random.default_rng(seed), courses)


def empty_study() -> Study:
    nothing = pl.DataFrame(schema={"patient_id": pl.String})
    no_lesions = nothing.with_columns(
        day=pl.lit(None, pl.Int64),
        role=pl.lit(None, pl.String),
        status=pl.lit(None, pl.String),
        node=pl.lit(None, pl.Boolean),
        diameter_mm=pl.lit(None, pl.Float64),
    )
    return Study(nothing, no_lesions, nothing, NO_DOSES, nothing)


@pytest.mark.slow
def test_fit_recovers_the_population_of_simulated_marker_courses():
    courses = simulated("CEA", 300, list(range(0, 400, 21)))
    fitted = fit_population(courses.readings, NO_DOSES, starting_prior("fit", ["CEA"])).prior
    truth = truth_prior("CEA")
    # SE of a mean over 300 patients is under 0.05 SD; what is left is what a noisy marker cannot tell
    error = (fitted.mean - truth.mean)[:3] / np.sqrt(np.diag(truth.covariance)[:3])
    assert np.abs(error).max() < 0.5, error


@pytest.mark.slow
@pytest.mark.parametrize("quantity", [SUM_OF_DIAMETERS, "CEA"])
def test_posterior_intervals_cover_the_truth_at_their_nominal_rate(quantity):
    courses = simulated(quantity, 300, list(range(0, 300, 42 if quantity == SUM_OF_DIAMETERS else 21)))
    truth = dict(zip(courses.patient_ids, courses.particles, strict=True))
    inside = np.zeros(3)
    for posterior in posteriors(courses.readings, empty_study(), truth_prior(quantity)):
        last = posterior.visit == posterior.batch.visits[posterior.patient] - 1
        for row in np.flatnonzero(last):
            own = truth[posterior.batch.patient_ids[posterior.patient[row]]]
            low, high = np.quantile(posterior.particles[row, :, :3], [0.05, 0.95], axis=0)
            inside += (low <= own[:3]) & (own[:3] <= high)
    # 300 Bernoulli trials at 0.9: SD 0.017; the fixed seed keeps this from flickering
    assert (np.abs(inside / 300 - 0.9) < 0.055).all(), inside / 300


def test_fit_raises_the_likelihood_it_climbs():
    courses = simulated(SUM_OF_DIAMETERS, 40, [0, 42, 84, 126, 168])
    start = starting_prior("fit", [SUM_OF_DIAMETERS])
    fitted = fit_population(courses.readings, NO_DOSES, start, particles=512, iterations=8)
    assert fitted.log_likelihood[-1] > fitted.log_likelihood[0]
    assert fitted.patients == 40
    assert np.linalg.eigvalsh(fitted.prior.covariance).min() > 0


def test_fit_is_the_same_for_the_same_seed_and_another_for_another():
    courses = simulated(SUM_OF_DIAMETERS, 12, [0, 42, 84, 126])
    start = starting_prior("fit", [SUM_OF_DIAMETERS])

    def once(seed):
        return fit_population(
            courses.readings, NO_DOSES, start, particles=256, iterations=3, seed=seed
        ).prior.mean

    assert (once(1) == once(1)).all()
    assert (once(1) != once(2)).any()


@pytest.mark.parametrize(("patients", "enough"), [(4, False), (5, True)])
def test_fit_needs_five_patients_with_two_readings(patients, enough):
    frames = [readings([0, 42, 84], [60, 50, 45], patient_id=f"P{i}") for i in range(patients)]
    frame = pl.concat([*frames, readings([0], [30], patient_id="Q")])
    start = starting_prior("fit", [SUM_OF_DIAMETERS])
    if enough:
        fitted = fit_population(frame, NO_DOSES, start, particles=128, iterations=1)
        assert fitted.patients == 5
    else:
        with pytest.raises(StudyError, match="4 patients have two readings"):
            fit_population(frame, NO_DOSES, start, particles=128, iterations=1)


def test_fit_keeps_dormancy_at_sd_1_and_independent_of_the_rest():
    courses = simulated(SUM_OF_DIAMETERS, 12, [0, 42, 84, 126])
    start = starting_prior("fit", [SUM_OF_DIAMETERS])
    fitted = fit_population(courses.readings, NO_DOSES, start, particles=256, iterations=3).prior
    expected = np.eye(fitted.dimensions)[DORMANCY]
    assert fitted.covariance[DORMANCY].tolist() == expected.tolist()
    assert fitted.covariance[:, DORMANCY].tolist() == expected.tolist()
    assert fitted.mean[DORMANCY] != start.mean[DORMANCY]


@pytest.mark.parametrize(("mean", "share"), [(-8.0, 0.0), (0.0, 0.5), (-1.2816, 0.1), (1.2816, 0.9)])
def test_share_that_never_regrows_is_that_of_the_particles_that_rest(mean, share):
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    prior.mean[DORMANCY] = mean
    assert typical(prior)["share_that_never_regrows"] == pytest.approx(share, abs=1e-4)
    rests = dynamics_of(prior.bank(4096, 0)).regrowth_per_week == RESTING_PER_WEEK
    assert rests.mean() == pytest.approx(share, abs=0.002)


@pytest.mark.slow
def test_fit_finds_that_many_courses_never_regrow():
    """Half of them rest, in a marker that shows it: the start believes in 6 of 100."""
    truth = truth_prior("CEA")
    truth.mean[DORMANCY], truth.mean[2] = 0.0, 0.0
    schedule = pl.DataFrame(
        {"patient_id": ["D"] * 40, "quantity": ["CEA"] * 40, "day": list(range(0, 840, 21))}
    )
    drawn = simulate_courses(truth, schedule, {"CEA": np.array([60.0])}, np.random.default_rng(1), 200)
    fitted = fit_population(drawn.readings, NO_DOSES, starting_prior("fit", ["CEA"])).prior
    assert typical(fitted)["share_that_never_regrows"] == pytest.approx(0.5, abs=0.15)
