"""A prior from a published model: its course from the model, its reading from people, its card says so."""

from __future__ import annotations

import numpy as np
import pytest

import turnpoint as tp
from turnpoint.errors import UsageError
from turnpoint.model.parameters import DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.prior import GENERIC, load_prior, shipped_priors
from turnpoint.virtual.published import PUBLISHED_MODELS
from turnpoint.workflows.priors import unmeasured_diseases

SMALLEST = "docetaxel-nsclc-ct-published"  # 34 patients


@pytest.fixture(scope="module")
def made():
    return tp.prior_from(SMALLEST, courses=40)


def test_course_is_fitted_to_the_cohort_and_reading_taken_from_the_generic_prior(made):
    generic = shipped_priors()[GENERIC]
    first, reading = (
        len(DYNAMICS_NAMES),
        slice(len(DYNAMICS_NAMES) + 1, len(DYNAMICS_NAMES) + len(READING_NAMES)),
    )
    assert made.mean[reading] == pytest.approx(generic.mean[reading])
    assert not made.covariance[: first + 1, reading].any()
    assert np.abs(made.mean[: first - 1] - generic.mean[: first - 1]).max() > 0.1
    assert made.error_regressions == {SUM_OF_DIAMETERS: generic.error_regressions[SUM_OF_DIAMETERS]}
    assert made.new_lesions_per_exposed_week == generic.new_lesions_per_exposed_week


def test_typical_rates_are_those_of_the_model(made):
    """Volume is the cube of a diameter: a published rate is a third of ours, within what 34 patients allow."""
    growth, shrinkage = 3 * 0.01822, 3 * 0.03566
    kill, regrowth = np.exp(made.mean[0]), np.exp(made.mean[1])
    assert 0.5 < kill / shrinkage < 2.0
    assert 0.5 < regrowth / growth < 2.0


def test_card_says_that_it_is_not_from_patients(made):
    assert made.card.simulated
    assert made.card.warnings[0].startswith("From a published model, not from patients: 34 virtual ones")
    assert "728 days" in made.card.warnings[0]
    assert "Struemper" in made.card.source


def test_alert_is_that_of_the_shipped_priors_with_its_own_count_of_early_ones(made):
    generic = shipped_priors()[GENERIC]
    assert made.alert.threshold == generic.alert.threshold
    assert made.alert.courses == 40


def test_same_seed_gives_the_same_prior_and_a_file_keeps_it(made, tmp_path):
    again = tp.prior_from(SMALLEST, courses=0)
    assert (again.mean == made.mean).all()
    assert load_prior(made.save(tmp_path / "own.json")).card.simulated


def test_unknown_model_is_refused_with_those_there_are():
    with pytest.raises(
        UsageError, match=r"model=nobody: no published model is called so\. Give platinum-ovarian"
    ):
        tp.prior_from("nobody")


@pytest.mark.parametrize("name", PUBLISHED_MODELS)
def test_shipped_prior_of_each_model_says_so_and_has_the_papers_size(name):
    prior, model = shipped_priors()[name], PUBLISHED_MODELS[name]
    assert prior.card.simulated
    assert prior.card.patients == model.patients
    assert prior.quantities == model.quantities
    assert prior.keywords == model.keywords
    assert prior.alert.data == GENERIC
    assert prior.alert.patients > 800


def test_priors_are_listed_by_disease_with_the_generic_one_last():
    frame = tp.priors()
    assert frame["diseases"].to_list() == [*sorted(frame["diseases"][:-1]), ""]
    assert frame["name"][-1] == GENERIC
    assert set(frame.filter("simulated")["name"]) == set(PUBLISHED_MODELS)


def test_unmeasured_diseases_are_those_without_a_prior():
    names = {own.name for own in unmeasured_diseases()}
    assert {"breast", "pancreatic", "gastric", "sclc"} <= names
    assert not names & {"nsclc", "colorectal", "prostate", "ovarian"}
