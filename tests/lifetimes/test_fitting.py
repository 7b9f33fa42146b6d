"""Links fitted: against lifelines, against a loop, by law, and with truth that is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import survival as reference
from turnpoint.errors import SurvivalLinkError
from turnpoint.lifetimes import fitting
from turnpoint.lifetimes.families import FAMILIES
from turnpoint.lifetimes.fitting import Observed, fit_link

ORACLE = json.loads((Path(__file__).parents[1] / "golden" / "survival" / "oracle.json").read_text())
FAMILY = pytest.mark.parametrize("family", list(FAMILIES))


def oracle_rows():
    own = {name: np.array(column) for name, column in ORACLE["data"].items()}
    design = np.stack([np.ones(len(own["time"])), own["size"], own["growth"]], axis=1)[:, None]
    return Observed(design, own["time"], own["dead"], own["entry"], np.arange(len(design)))


def rows(patients, draws, rng, *, entry=False):
    design = np.concatenate([np.ones((patients, draws, 1)), rng.normal(size=(patients, draws, 2))], axis=2)
    day = np.exp(rng.normal(5.5, 0.8, patients))
    entries = np.where(rng.random(patients) < 0.5, 0.0, 0.7 * day) if entry else np.zeros(patients)
    return Observed(design, day, rng.random(patients) < 0.8, entries, np.arange(patients))


@FAMILY
def test_fit_with_delayed_entry_is_that_of_lifelines(family):
    own, found = ORACLE[family], fit_link(oracle_rows(), family)
    assert found.parameters == pytest.approx(own["parameters"], abs=2e-4)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(own["standard_errors"], rel=2e-3)
    assert found.log_likelihood == pytest.approx(own["log_likelihood"], abs=1e-4)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_log_likelihood_is_that_of_a_loop_over_patients_and_draws(seed):
    rng = np.random.default_rng(seed)
    own, at = rows(4, 3, rng, entry=True), rng.normal([5.0, 0.3, -0.3, -0.3], 0.2)
    lists = zip(own.design.tolist(), own.day, own.dead, own.entry_day, strict=True)
    value, _ = fitting._scores(FAMILIES["log-normal"], own, own.design, at)
    assert value.sum() == pytest.approx(reference.log_likelihood(list(lists), at[:-1], at[-1]), rel=1e-9)


@FAMILY
@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_slopes_are_those_of_the_log_likelihood(family, seed):
    rng = np.random.default_rng(seed)
    own, at = rows(5, 3, rng, entry=True), rng.normal([5.0, 0.3, -0.3, -0.3], 0.2)
    law, step = FAMILIES[family], 1e-5
    _, slopes = fitting._scores(law, own, own.design, at)
    for index in range(len(at)):
        apart = step * (np.arange(len(at)) == index)
        high, low = (fitting._scores(law, own, own.design, at + sign * apart)[0] for sign in (1, -1))
        assert slopes[:, index] == pytest.approx((high - low) / 2 / step, rel=1e-3, abs=1e-5)


def test_draws_that_are_all_the_same_are_worth_one():
    one = rows(40, 1, np.random.default_rng(0), entry=True)
    many = replace(one, design=np.repeat(one.design, 7, axis=1))
    assert fit_link(many, "weibull").parameters == pytest.approx(
        fit_link(one, "weibull").parameters, abs=1e-4
    )


def test_fit_keeps_with_the_unit_of_a_term():
    own = rows(60, 5, np.random.default_rng(1))
    scaled = replace(own, design=own.design * np.array([1.0, 1000.0, 1.0]) + np.array([0.0, 50.0, 0.0]))
    found, other = fit_link(own, "log-normal"), fit_link(scaled, "log-normal")
    assert other.parameters[1] * 1000.0 == pytest.approx(found.parameters[1], rel=1e-3)
    assert other.parameters[0] + 50.0 * other.parameters[1] == pytest.approx(found.parameters[0], rel=1e-3)
    assert np.sqrt(other.covariance[1, 1]) * 1000.0 == pytest.approx(
        np.sqrt(found.covariance[1, 1]), rel=1e-2
    )


def test_rows_of_a_patient_said_twice_make_the_clustered_errors_no_smaller():
    own = rows(150, 1, np.random.default_rng(2))
    twice = Observed(*(np.concatenate([getattr(own, name)] * 2) for name in Observed.__slots__))
    once, naive, clustered = (
        np.sqrt(np.diag(fit_link(data, "log-normal", is_clustered=is_clustered).covariance))
        for data, is_clustered in ((own, True), (twice, False), (twice, True))
    )
    assert clustered == pytest.approx(once, rel=1e-3)
    assert naive == pytest.approx(once / np.sqrt(2.0), rel=0.25)


def noisy_trial(rng, patients=1500, noise=1.0, draws=60):
    """A latent term with slope -0.5, read with noise; draws of its exact posterior."""
    truth = rng.normal(size=patients)
    read = truth + noise * rng.normal(size=patients)
    share = 1.0 / (1.0 + noise**2)
    posterior = share * read[:, None] + np.sqrt(1.0 - share) * rng.normal(size=(patients, draws))
    day = np.exp(6.0 - 0.5 * truth + 0.4 * rng.normal(size=patients))
    end = rng.uniform(200.0, 1500.0, patients)
    design = np.stack([np.ones_like(posterior), posterior], axis=-1)
    return Observed(design, np.minimum(day, end), day <= end, np.zeros(patients), np.arange(patients))


def test_shared_fit_recovers_the_law_behind_noisy_terms_and_two_stages_miss_its_scale():
    own = noisy_trial(np.random.default_rng(3))
    shared = fit_link(own, "log-normal")
    error = np.sqrt(np.diag(shared.covariance))
    truth = np.array([6.0, -0.5, np.log(0.4)])
    assert (np.abs(shared.parameters - truth) < 3.0 * error).all()
    assert error.max() < 0.1
    two_stage = fit_link(replace(own, design=own.design.mean(axis=1, keepdims=True)), "log-normal")
    assert two_stage.parameters[-1] - truth[-1] > 5.0 * np.sqrt(two_stage.covariance[-1, -1])


def test_fit_that_looks_at_draws_with_entries_recovers_the_law_too():
    own = noisy_trial(np.random.default_rng(4), patients=2500)
    late = own.day > 250.0
    kept = Observed(
        own.design[late], own.day[late], own.dead[late], np.full(late.sum(), 250.0), own.patient[late]
    )
    fitted = fit_link(kept, "log-normal")
    assert fitted.parameters[1] == pytest.approx(-0.5, abs=3.0 * np.sqrt(fitted.covariance[1, 1]))
    without = fit_link(replace(kept, entry_day=np.zeros(late.sum())), "log-normal")
    assert abs(without.parameters[1] + 0.5) > 5.0 * np.sqrt(without.covariance[1, 1])


@pytest.mark.parametrize(("deaths", "is_enough"), [(4, False), (5, True)])
def test_more_deaths_than_numbers_are_needed(deaths, is_enough):
    own = rows(40, 1, np.random.default_rng(5))
    own = replace(own, dead=np.arange(40) < deaths)
    if is_enough:
        assert np.isfinite(fit_link(own, "log-normal").parameters).all()
        return
    with pytest.raises(SurvivalLinkError, match="4 patients died, and the link has 4 numbers"):
        fit_link(own, "log-normal")


def test_rows_of_one_patient_who_died_are_one_death():
    own = rows(40, 1, np.random.default_rng(6))
    with pytest.raises(SurvivalLinkError, match="1 patients died"):
        fit_link(replace(own, dead=np.arange(40) < 9, patient=np.zeros(40, dtype=np.int64)), "log-normal")


def test_term_that_is_the_same_in_everybody_is_refused():
    own = rows(40, 1, np.random.default_rng(7))
    own.design[:, :, 2] = 3.0
    with pytest.raises(SurvivalLinkError, match="same value of a term"):
        fit_link(own, "log-normal")


def test_terms_that_say_the_same_are_refused():
    own = rows(40, 1, np.random.default_rng(8))
    own.design[:, :, 2] = 2.0 * own.design[:, :, 1]
    with pytest.raises(SurvivalLinkError, match="tell the terms of the link apart"):
        fit_link(own, "log-normal")


@pytest.mark.parametrize(("scatter", "is_refused"), [(0.02, True), (0.2, False)])
def test_deaths_that_follow_without_scatter_are_refused(scatter, is_refused):
    rng = np.random.default_rng(10)
    own = rows(60, 1, rng)
    centre = own.design[:, 0] @ [5.5, 0.4, -0.3]
    own = replace(own, day=np.exp(centre + scatter * rng.normal(size=60)), dead=np.ones(60, dtype=bool))
    if not is_refused:
        assert fit_link(own, "log-normal").parameters[-1] == pytest.approx(np.log(scatter), abs=0.3)
        return
    with pytest.raises(SurvivalLinkError, match="tell the terms of the link apart"):
        fit_link(own, "log-normal")


def test_death_on_day_0_counts_as_half_a_day():
    own = rows(40, 1, np.random.default_rng(9))
    first, half = (replace(own, day=np.where(np.arange(40) == 0, day, own.day)) for day in (0.0, 0.5))
    assert fit_link(first, "weibull").parameters == pytest.approx(fit_link(half, "weibull").parameters)
