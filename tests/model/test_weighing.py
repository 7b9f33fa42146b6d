"""The fast kernel against the slow one; weights, what is known at a visit, and who is trusted."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.courses import batch_of, readings
from tests.reference import observation_reference as slow
from turnpoint.model.arrays import FloatArray
from turnpoint.model.bank import SINGLE, Bank
from turnpoint.model.observation import run_series
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.weighing import (
    SMALLEST_EFFECTIVE_SIZE,
    at_visits,
    of_patients,
    smallest_effective_size,
    weigh,
    weighted_visits,
)

DAYS = [0, 42, 84, 126, 168, 210]


def any_batch(seed, quantity=SUM_OF_DIAMETERS, patients=9):
    """Courses of all lengths with repeats, limits on either side, jumps and a patient without any reading."""
    rng = np.random.default_rng(seed)
    frames = []
    for patient in range(patients):
        visits = int(rng.integers(1, 7))
        values = np.round(np.exp(3.5 + np.cumsum(rng.normal(0, 0.3, visits))))
        values[1:] = np.where(rng.random(visits - 1) < 0.3, values[:-1], values[1:])
        sign = rng.choice([0, 0, 0, 0, -1, 1 if quantity != SUM_OF_DIAMETERS else -1], visits)
        frames.append(
            readings(DAYS[:visits], values, quantity, patient_id=f"P{patient}", censoring=sign.tolist())
        )
    seen = pl.DataFrame(
        [(f"P{patient}", day) for patient in range(patients + 1) for day in DAYS],
        schema=["patient_id", "day"],
        orient="row",
    )
    from tests.model.courses import NO_DOSES
    from turnpoint.model.series import batches

    return next(batches(pl.concat(frames), NO_DOSES, [quantity], 100, seen))


def every_visit(batch, prior, particles):
    """All visits of all patients, weighted by one bank."""
    patient, visit = np.nonzero(np.arange(batch.day.shape[1]) < batch.visits[:, None])
    return weighted_visits(batch, weigh(batch, prior, particles), patient, visit)


@given(st.integers(0, 2**32 - 1), st.sampled_from([SUM_OF_DIAMETERS, "CEA"]))
@settings(max_examples=25, deadline=None)
def test_kernel_agrees_with_the_slow_one_reading_by_reading(seed, quantity):
    prior = starting_prior("any", [quantity])
    bank = Bank.of(prior, prior.bank(64, seed % 1000))
    (series,) = any_batch(seed, quantity).series[quantity]
    arguments = series, bank.dynamics, bank.readings[quantity], 0.9
    fast, expected = run_series(*arguments), slow.run_series(*arguments)
    known = np.arange(series.day.shape[1]) < series.length[:, None]
    for name in ("level_mean", "level_variance"):
        np.testing.assert_allclose(
            getattr(fast, name)[known], getattr(expected, name)[known], rtol=1e-6, atol=1e-9
        )
    likelihood, wanted = fast.log_likelihood[:, 1:][known], expected.log_likelihood[:, 1:][known]
    np.testing.assert_allclose(likelihood, wanted, rtol=1e-9, atol=1e-8)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_kernel_in_float32_gives_the_weights_of_float64(seed):
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    particles, batch = prior.bank(256, seed % 1000), any_batch(seed)
    exact, fast = (
        np.exp(run.log_weight.astype(np.float64) - run.log_weight.max(axis=-1, keepdims=True))
        for run in (
            weigh(batch, prior, Bank.of(prior, particles, precision=p)) for p in (np.dtype(float), SINGLE)
        )
    )
    apart = np.abs(exact / exact.sum(axis=-1, keepdims=True) - fast / fast.sum(axis=-1, keepdims=True)).sum(
        axis=-1
    )
    assert apart.max() < 1e-3


def test_patients_with_the_bank_of_all_as_their_own_get_the_same_likelihoods():
    prior, batch = starting_prior("any", [SUM_OF_DIAMETERS]), any_batch(3)
    particles = prior.bank(128, 0)
    own = np.broadcast_to(particles, (len(batch.patient_ids), *particles.shape))
    shared = weigh(batch, prior, Bank.of(prior, particles)).log_weight
    np.testing.assert_allclose(weigh(batch, prior, Bank.of(prior, own)).log_weight, shared, atol=1e-10)


def test_lesions_filtered_at_once_are_those_filtered_one_by_one():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    one, two = (
        readings(DAYS, [60, 50, 50, 44, 40, 45]),
        readings(DAYS[1:4], [20, 20, 5], censoring=[0, 0, -1]),
    )
    frame = pl.concat([one, two.with_columns(part=pl.lit("T2"))])
    bank = Bank.of(prior, prior.bank(64, 0))
    together = weigh(batch_of(frame), prior, bank).log_weight[0, -1]
    alone = sum(weigh(batch_of(part), prior, bank).log_weight[0, -1] for part in (one, two))
    np.testing.assert_allclose(together, alone, atol=1e-10)


def test_patients_of_a_batch_weigh_the_same_with_and_without_the_others():
    prior, batch = starting_prior("any", [SUM_OF_DIAMETERS]), any_batch(5)
    bank = Bank.of(prior, prior.bank(64, 0))
    everyone = weigh(batch, prior, bank).log_weight
    rows = np.array([6, 2])
    some = weigh(of_patients(batch, rows), prior, bank).log_weight
    np.testing.assert_allclose(some, everyone[rows, : some.shape[1]], atol=1e-10)


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_batch_cut_off_after_some_visits_knows_nothing_of_the_later_ones(seed):
    batch = any_batch(seed)
    rows = np.flatnonzero(batch.visits > 0)
    most = np.random.default_rng(seed).integers(1, 5, len(rows))
    cut = of_patients(batch, rows, most)
    np.testing.assert_array_equal(cut.visits, np.minimum(batch.visits[rows], most))
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    bank = Bank.of(prior, prior.bank(64, 0))
    whole, some = (weigh(own, prior, bank).log_weight for own in (of_patients(batch, rows), cut))
    for row, visits in enumerate(cut.visits):
        np.testing.assert_allclose(some[row, :visits], whole[row, :visits], atol=1e-10)
        assert cut.readings[SUM_OF_DIAMETERS][0][row].max() <= cut.series[SUM_OF_DIAMETERS][0].length[row]
    cut.sums()


def test_visit_is_at_the_floor_only_when_all_that_was_read_is():
    one = readings([0, 42, 84], [12, 5, 5], censoring=[0, -1, -1])
    two = readings([42, 84], [30, 5], censoring=[0, -1]).with_columns(part=pl.lit("T2"))
    batch = batch_of(pl.concat([one, two]))
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    found = every_visit(batch, prior, prior.bank(64, 0))
    assert found.readings(SUM_OF_DIAMETERS).tolist() == [1, 3, 5]
    assert found.at_floor(SUM_OF_DIAMETERS).tolist() == [False, False, True]


def test_shrinkage_is_that_of_the_weighted_variance():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    batch = batch_of(readings(DAYS, [60, 50, 44, 43, 50, 60]))
    particles = prior.bank(512, 0)
    found = every_visit(batch, prior, particles)
    rates = particles[:, :3]
    mean = found.weight @ rates
    variance = found.weight @ rates**2 - mean**2
    expected = (1 - variance / np.diag(prior.covariance)[:3]).max(axis=1)
    np.testing.assert_allclose(found.shrinkage, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("size", "shape", "expected"),
    [(75.0, np.nan, True), (74.9, np.nan, False), (75.0, 0.7, True), (75.0, 0.7001, False)],
)
def test_weights_are_trusted_when_enough_count_and_their_tail_is_light(size, shape, expected):
    prior, batch = starting_prior("any", [SUM_OF_DIAMETERS]), any_batch(1)
    some = every_visit(batch, prior, prior.bank(64, 0)).at(np.array([0]))
    judged = replace(some, effective_size=np.array([size]), pareto_k=np.array([shape]))
    assert judged.are_trusted(75.0).tolist() == [expected]


@pytest.mark.parametrize(("particles", "expected"), [(256, 1.0), (2048, 1.0), (8192, 4.0)])
def test_more_particles_are_asked_for_more(particles, expected):
    assert smallest_effective_size(particles) == expected * SMALLEST_EFFECTIVE_SIZE


def far_from_the_prior():
    return pl.concat(
        [
            readings(DAYS, [120, 60, 30, 15, 9, 8], patient_id="far"),
            readings(DAYS[:3], [50, 44, 41], patient_id="near"),
        ]
    )


def visits_by_patient(frame, prior, seed=0, particles=1024):
    """Weights' effective sizes and mean log d at every visit, by patient and visit."""
    batch = batch_of(frame)
    found = {}
    refiner = Refiner.of(prior, prior.bank(particles, seed), seed)
    for patients, visits, part in refiner.visits(batch, levels=False):
        for index, (patient, visit) in enumerate(zip(patients, visits, strict=True)):
            own = part.bank.particles[part.patient[index]] if part.bank.is_own else part.bank.particles
            key = batch.patient_ids[patient], int(visit)
            assert key not in found
            found[key] = (part.effective_size[index], part.weight[index] @ own[:, 0], part.bank.is_own)
    return found


def test_every_visit_comes_once_and_is_refined_until_enough_particles_count():
    found = visits_by_patient(far_from_the_prior(), starting_prior("any", [SUM_OF_DIAMETERS]))
    assert sorted(found) == [("far", visit) for visit in range(6)] + [("near", visit) for visit in range(3)]
    assert min(size for size, _, _ in found.values()) >= SMALLEST_EFFECTIVE_SIZE
    assert found["far", 5][2]
    assert not found["near", 0][2]


def test_refinement_is_the_same_for_the_same_seed_and_with_other_patients_beside():
    prior, frame = starting_prior("any", [SUM_OF_DIAMETERS]), far_from_the_prior()
    once, again = visits_by_patient(frame, prior), visits_by_patient(frame, prior)
    assert once == again
    alone = visits_by_patient(frame.filter(pl.col("patient_id") == "far"), prior)
    assert alone == {key: own for key, own in once.items() if key[0] == "far"}
    other = visits_by_patient(frame, prior, seed=1)
    assert other["far", 5][1] != once["far", 5][1]


@pytest.mark.parametrize("known", [4, 5])
def test_visit_is_refined_by_itself_from_the_readings_up_to_it(known):
    prior, frame = starting_prior("any", [SUM_OF_DIAMETERS]), far_from_the_prior()
    whole = visits_by_patient(frame, prior)
    cut = visits_by_patient(frame.filter(pl.col("day") <= DAYS[known - 1]), prior)
    assert cut["far", known - 1][2]  # with particles of its own
    assert cut == {key: own for key, own in whole.items() if key[1] < known}


def test_at_visits_makes_each_visit_a_patient_who_was_seen_no_further():
    one = readings([0, 42, 84], [12, 5, 5], censoring=[0, -1, -1])
    two = readings([42, 84], [30, 20]).with_columns(part=pl.lit("T2"))
    batch = batch_of(pl.concat([one, two]))
    found = at_visits(batch, np.array([0, 0]), np.array([2, 1]))
    assert found.visits.tolist() == [1, 1]
    assert found.day.tolist() == [[84], [42]]
    first, second = found.series[SUM_OF_DIAMETERS]
    assert (first.length.tolist(), second.length.tolist()) == ([3, 2], [2, 1])
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    bank = Bank.of(prior, prior.bank(64, 0))
    whole = weigh(batch, prior, bank).log_weight
    np.testing.assert_array_equal(weigh(found, prior, bank).log_weight[:, 0], whole[0, [2, 1]])


def test_new_lesion_weighs_by_the_root_of_the_resistant_burden_from_its_day_on():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    bank = Bank.of(prior, prior.bank(64, 0))
    without = batch_of(readings([0, 42, 84, 126], [50, 40, 35, 30]))
    appeared = replace(without, new_lesion_day=np.array([84.0]))
    before, after = (weigh(batch, prior, bank).log_weight[0] for batch in (without, appeared))
    np.testing.assert_array_equal(before[:2], after[:2])
    dynamics = bank.dynamics
    resistant = dynamics.resistant_fraction * np.exp(dynamics.regrowth_per_week * 12)
    for visit in (2, 3):  # at its own week whatever the visit is
        added = after[visit] - before[visit]
        np.testing.assert_allclose(added - added[0], 0.5 * np.log(resistant / resistant[0]), rtol=1e-6)


def test_particles_of_an_own_bank_stand_for_the_prior():
    """Weighted by importance alone, without any reading, they have its mean and variance."""
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    refiner = Refiner.of(prior, prior.bank(4096, 0), 0)
    batch = batch_of(readings(DAYS, [120, 60, 30, 15, 9, 8]))
    *_, (_, _, last) = refiner.visits(batch, levels=False)
    assert last.bank.is_own
    assert isinstance(last.bank.log_importance, np.ndarray)
    weight = np.exp(last.bank.log_importance[0, 0].astype(np.float64))
    assert weight.mean() == pytest.approx(1.0, abs=0.1)
    weight /= weight.sum()
    mean = weight @ last.bank.particles[0]
    assert np.abs((mean - prior.mean) / np.sqrt(np.diag(prior.covariance))).max() < 0.35


def test_posterior_of_the_prior_itself_is_the_prior():
    prior: Prior = starting_prior("any", [SUM_OF_DIAMETERS])
    batch = batch_of(readings([0], [50]))
    found = every_visit(batch, prior, prior.bank(64, 0))
    np.testing.assert_allclose(found.weight, 1 / 64)
    assert found.effective_size[0] == pytest.approx(64)


def test_burden_and_dates_stay_finite_in_float32_for_absurd_particles():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    absurd = np.stack([prior.mean, prior.mean])
    absurd[:, :4] = [[-12.0, 3.0, 40.0, 3.0], [3.0, -12.0, -40.0, 3.0]]
    dynamics = Bank.of(prior, absurd, precision=SINGLE).dynamics
    weeks: FloatArray = np.array([[0.0], [6.0], [520.0]]).astype(SINGLE)
    for on, off in ((weeks, 0 * weeks), (0 * weeks, weeks)):
        for name in ("log_burden", "resistant_share", "turning_week", "dominance_week"):
            assert np.isfinite(getattr(dynamics, name)(on, off)).all(), name
    rise = np.array([0.3, 50.0]).astype(weeks.dtype)
    for pauses in ((), ((2.0, 0.0), (9.0, 5.0))):
        turning = dynamics.turning_week(0 * weeks, 0 * weeks + np.float32(8.0), pauses)
        assert np.isfinite(dynamics.weeks_to_rise(rise, turning, 8.0 if pauses else 0.0, pauses)).all()


def test_weeks_to_rise_in_float32_are_those_of_float64():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    particles = prior.bank(512, 0)
    exact, fast = (Bank.of(prior, particles, precision=p).dynamics for p in (np.dtype(float), SINGLE))
    zero = np.zeros(1)
    for off, pauses in ((0.0, ()), (12.0, ((8.0, 0.0), (30.0, 6.0)))):
        turning = exact.turning_week(zero, zero + off, pauses)
        found = fast.weeks_to_rise(0.3, turning.astype(SINGLE), off, pauses)
        expected = exact.weeks_to_rise(0.3, turning, off, pauses)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_particles_that_serve_longer_than_they_were_tried_are_aimed_on_from_the_last_visit_tried():
    days = [42 * visit for visit in range(24)]
    values = [120 * 0.55**visit + 20 * 1.03**visit for visit in range(24)]
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    frame = readings(days, [round(value) for value in values])
    whole = visits_by_patient(frame, prior)
    assert sorted(visit for _, visit in whole) == list(range(24))
    assert min(size for size, _, _ in whole.values()) >= SMALLEST_EFFECTIVE_SIZE
    cut = visits_by_patient(frame.filter(pl.col("day") <= days[12]), prior)
    assert cut == {key: own for key, own in whole.items() if key[1] <= 12}
