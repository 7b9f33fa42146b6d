"""Expected information: against direct integration of a tiny example, and by the laws of information."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.courses import batch_of, particle, readings
from tests.reference.next_measurement import entropy_bits, information_bits
from turnpoint.model.filter import posteriors_of_batch
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import choose_prior
from turnpoint.turning.next_measurement import Plan, Simulator, outlook, turned_resistant
from turnpoint.turning.unread_marker import CTDNA, with_unread_marker

CALM = {"jump": 1e-8, "repeat": 1e-8, "surge": 1e-8, "background": 0.01}
TURNED = {"d": 0.1, "g": 0.06, "fraction": 0.4} | CALM
FALLING = {"d": 0.04, "g": 0.02, "fraction": 1e-6} | CALM
STEADY = {"d": 0.02, "g": 0.01, "fraction": 0.9} | CALM
DAYS, VALUES = [0, 21, 42], [50.0, 44.0, 41.0]


def posterior_of(
    hypotheses, quantity="PSA", days=DAYS, values=VALUES, censoring=None, draws=1500
) -> tuple[Any, Any]:
    """The posterior at the last visit when only these hypotheses are possible, and a prior for the floor."""
    prior = starting_prior("few", [quantity])
    particles = [particle(quantity, **natural) for natural in hypotheses]
    bank = np.array([particles[index % len(particles)] for index in range(1024)])
    batch = batch_of(readings(days, values, quantity, censoring=censoring), (quantity,))
    (found,) = posteriors_of_batch(batch, prior, bank, draws=draws)
    return found.at(np.array([len(days) - 1])), prior


def information(posterior, prior, quantity, weeks, *, paths=500, seed=0):
    found = Simulator(posterior, prior, paths=paths, seed=seed).outlook(Plan("", {quantity: tuple(weeks)}))
    return found.information_bits


@pytest.mark.parametrize("weeks", [3.0, 9.0])
@pytest.mark.parametrize("sd_reading", [0.05, 0.2])
def test_information_of_one_reading_is_that_of_direct_integration(weeks, sd_reading):
    hypotheses = [natural | {"sd_reading": sd_reading} for natural in (TURNED, FALLING, STEADY)]
    posterior, prior = posterior_of(hypotheses, draws=3000)
    own, dynamics = posterior.quantities["PSA"], posterior.dynamics
    paths = 1000
    shares, answers, means, sds = [], [], [], []
    for rate in np.unique(dynamics.kill_per_week):
        same = np.flatnonzero(dynamics.kill_per_week[0] == rate)
        one, part = same[0], own.parts[0]
        week = DAYS[-1] / 7.0 + weeks
        burden = (1 - dynamics.resistant_fraction[0, one]) * np.exp(-rate * week)
        burden += dynamics.resistant_fraction[0, one] * np.exp(dynamics.regrowth_per_week[0, one] * week)
        shares.append((same >= paths).sum() / (3000 - paths))
        answers.append(int(turned_resistant(posterior, prior)[0, one]))
        means.append(part.level_mean[0, one] + np.log(burden + own.reading.background[0, one]))
        drift = own.reading.sd_drift[0, one] ** 2 * weeks
        sds.append(np.sqrt(part.level_variance[0, one] + drift + sd_reading**2))
    assert sorted(answers) == [0, 0, 1] or sorted(answers) == [0, 1, 1]
    expected = information_bits(shares, answers, means, sds)
    found = Simulator(posterior, prior, paths=paths).outlook(Plan("", {"PSA": (weeks,)}))
    assert found.information_bits == pytest.approx(expected, abs=4 * found.standard_error_bits + 0.005)


def test_information_is_0_when_readings_are_equally_likely_in_every_draw():
    answer = np.array([1, 0, 0, 1, 0])
    found = outlook(np.full((7, 2, 5), -3.0), answer, (3.0, 6.0))
    assert found.information_bits == pytest.approx(0.0, abs=1e-12)
    assert (found.p_decided, found.weeks) == (0.0, 24.0)


def test_information_is_the_whole_entropy_when_the_first_reading_tells_the_answer():
    answer = np.array([1, 1, 0, 0, 0, 0, 0, 0])
    own = np.arange(8)[:, None, None]
    log_likelihood = np.where(answer[own] == answer, 0.0, -1e3)
    found = outlook(np.repeat(log_likelihood, 2, axis=1), answer, (3.0, 6.0))
    assert found.information_bits == pytest.approx(entropy_bits(0.25))
    assert (found.p_decided, found.weeks) == (1.0, 3.0)
    assert found.information_bit_weeks == pytest.approx(entropy_bits(0.25) * 21.0)


@pytest.mark.parametrize(("yes", "decided"), [(10, True), (11, False), (89, False), (90, True)])
def test_nothing_has_to_be_waited_for_when_the_answer_is_known_well_enough(yes, decided):
    answer = (np.arange(100) < yes).astype(float)
    found = outlook(np.zeros((5, 1, 100)), answer, (6.0,), decided_above=0.9)
    assert (found.p_decided, found.weeks) == ((1.0, 0.0) if decided else (0.0, 24.0))


def test_course_that_is_decided_at_its_second_reading_counts_the_weeks_to_it():
    answer = np.array([1, 0])
    log_likelihood = np.array([[[0.0, 0.0], [0.0, -50.0]], [[0.0, 0.0], [0.0, 0.0]]])
    found = outlook(log_likelihood, answer, (3.0, 6.0))
    assert found.p_decided == 0.5
    assert found.weeks == pytest.approx((6.0 + 24.0) / 2)


@given(
    log_likelihood=st.lists(st.floats(-20, 5), min_size=12, max_size=12),
    answer=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_information_is_never_negative_whatever_the_likelihoods(log_likelihood, answer):
    found = outlook(np.array(log_likelihood).reshape(2, 2, 3), np.array(answer), (3.0, 6.0))
    assert found.information_bits >= 0.0
    assert found.information_bit_weeks >= 0.0
    assert 0.0 <= found.p_decided <= 1.0
    assert 0.0 <= found.weeks <= 24.0


def test_reading_with_endless_noise_tells_nothing_and_one_without_tells_much():
    told = {}
    for sd in (0.02, 1e3):
        hypotheses = [natural | {"sd_reading": sd} for natural in (TURNED, FALLING)]
        told[sd] = information(*posterior_of(hypotheses), "PSA", (6.0,))
    assert told[1e3] < 1e-3
    assert told[0.02] > 0.05


def test_more_readings_never_tell_less():
    noisy = [natural | {"sd_reading": 0.2} for natural in (TURNED, FALLING, STEADY)]
    posterior, prior = posterior_of(noisy, draws=2000)
    plans = [(6.0,), (3.0, 6.0), (3.0, 6.0, 9.0), (2.0, 3.0, 4.0, 6.0, 8.0, 9.0, 12.0)]
    told = [information(posterior, prior, "PSA", weeks, paths=1000) for weeks in plans]
    assert (np.diff(told) > -0.01).all(), told
    assert told[-1] > told[0] + 0.03


def test_two_quantities_together_tell_no_less_than_the_better_one():
    from tests.workflows.studies import both_study
    from turnpoint.model.filter import posteriors
    from turnpoint.model.series import parts_of
    from turnpoint.workflows.priors import prior_of

    study = both_study(with_marker=True)
    prior = prior_of(study, "P1")
    (found,) = posteriors(parts_of(study), study, prior, draws=1500, particles=1024)
    simulator = Simulator(found.at(np.array([5])), prior, paths=500)
    scan, marker = {SUM_OF_DIAMETERS: (6.0,)}, {"CEA": (3.0, 6.0)}
    one, other, both = (simulator.outlook(Plan("", weeks)) for weeks in (scan, marker, scan | marker))
    assert both.information_bits > max(one.information_bits, other.information_bits) - 0.01


def test_marker_below_its_limit_tells_less_than_one_above_it():
    falling = [natural | {"background": 1e-4, "sd_reading": 0.1} for natural in (FALLING, STEADY, TURNED)]
    above = posterior_of(falling, values=[50.0, 44.0, 41.0])
    frame = readings(DAYS, [0.5, 0.1, 0.1], "PSA", censoring=[0, -1, -1])
    below, prior = above
    batch = batch_of(frame.with_columns(limit=0.1), ("PSA",))
    bank = np.array([particle("PSA", **falling[index % 3]) for index in range(1024)])
    (found,) = posteriors_of_batch(batch, prior, bank, draws=1500)
    below = found.at(np.array([2]))
    assert bool(below.quantities["PSA"].at_floor[0, 0])
    assert information(below, prior, "PSA", (3.0,)) < 0.2 * information(*above, "PSA", (3.0,))


def test_same_seed_gives_the_same_numbers_and_another_seed_nearly():
    posterior, prior = posterior_of([natural | {"sd_reading": 0.1} for natural in (TURNED, FALLING)])
    first, again, other = (information(posterior, prior, "PSA", (6.0,), seed=seed) for seed in (0, 0, 7))
    assert first == again
    assert first != other
    assert first == pytest.approx(other, abs=0.05)


@pytest.mark.parametrize(
    ("natural", "expected"),
    [
        (TURNED, True),
        (FALLING, False),  # has not turned
        (TURNED | {"background": 0.99}, False),  # what is left is scar
        (TURNED | {"g": 0.001}, False),  # what grows will not show within half a year
    ],
)
def test_answer_is_yes_when_the_tumour_has_turned_and_its_growth_will_show(natural, expected):
    posterior, prior = posterior_of([natural], SUM_OF_DIAMETERS, days=[0, 42, 84])
    assert (turned_resistant(posterior, prior) == expected).all()


def test_answer_does_not_depend_on_a_marker_that_was_only_assumed():
    posterior, prior = posterior_of([TURNED, FALLING], SUM_OF_DIAMETERS)
    together = choose_prior([SUM_OF_DIAMETERS, CTDNA.quantity], "", prior)
    with_ctdna = with_unread_marker(posterior, together, CTDNA)
    np.testing.assert_array_equal(turned_resistant(with_ctdna, together), turned_resistant(posterior, prior))


def test_unread_marker_tells_more_the_further_it_starts_above_its_limit():
    hypotheses = [natural | {"sd_reading": 0.3} for natural in (TURNED, FALLING, STEADY)]
    posterior, prior = posterior_of(hypotheses, SUM_OF_DIAMETERS)
    together = choose_prior([SUM_OF_DIAMETERS, CTDNA.quantity], "", prior)
    told = []
    for times_limit in (0.01, 1.0, 100.0):
        assay = replace(CTDNA, times_limit_at_start=times_limit)
        told.append(
            information(with_unread_marker(posterior, together, assay), together, "ctDNA", (3.0, 6.0, 9.0))
        )
    assert told[0] < 0.1 * told[2]
    assert told[0] < told[1] < told[2]


def test_plan_counts_days_scans_and_one_blood_test_for_markers_of_the_same_day():
    plan = Plan("all", {SUM_OF_DIAMETERS: (6.0,), "CEA": (3.0, 6.0), "CA-125": (3.0, 9.0)})
    assert plan.days == (21, 42, 63)
    assert (plan.scans, plan.blood_tests) == (1, 3)
