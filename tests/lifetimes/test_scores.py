"""Scores of predictions: against other libraries, against loops, by law and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference import survival as reference
from turnpoint.lifetimes.kaplan_meier import kaplan_meier, staying_in_follow_up
from turnpoint.lifetimes.scores import auc, brier, calibration, inverse_censoring_weights

ORACLE = json.loads((Path(__file__).parents[1] / "golden" / "survival" / "oracle.json").read_text())
DATA = {name: np.array(column) for name, column in ORACLE["data"].items()}
PATIENTS = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 4), st.integers(0, 2)), min_size=2, max_size=12
)


def columns(patients):
    time, dead, score, stratum = (np.array(column) for column in zip(*patients, strict=True))
    return time.astype(float), dead, score / 4.0, stratum


def test_kaplan_meier_is_that_of_lifelines():
    own = ORACLE["kaplan_meier"]
    found = kaplan_meier(DATA["time"], DATA["dead"]).at(np.array(own["day"]))
    assert found == pytest.approx(own["survival"], abs=1e-12)


def test_auc_and_brier_score_are_those_of_another_library():
    own = ORACLE["scores"]
    for day, area, error in zip(own["day"], own["auc"], own["brier"], strict=True):
        assert auc(1.0 - DATA["survival"], DATA["time"], DATA["dead"], day) == pytest.approx(area, abs=1e-12)
        assert brier(DATA["survival"], DATA["time"], DATA["dead"], day) == pytest.approx(error, abs=1e-12)


def test_kaplan_meier_steps_at_deaths_and_counts_who_is_censored_on_that_day_as_at_risk():
    steps = kaplan_meier(np.array([2.0, 2.0, 3.0, 5.0]), np.array([True, False, True, False]))
    assert steps.at(np.array([1.9, 2.0, 3.0, 9.0])) == pytest.approx([1.0, 0.75, 0.375, 0.375])
    assert steps.before(np.array([2.0, 2.1])) == pytest.approx([1.0, 0.75])


def test_who_dies_on_a_day_is_not_at_risk_of_being_censored_there():
    steps = staying_in_follow_up(np.array([2.0, 2.0, 3.0]), np.array([True, False, True]))
    assert steps.at(2.0) == pytest.approx(0.5)
    assert steps.before(2.0) == pytest.approx(1.0)


@given(patients=PATIENTS, horizon=st.integers(1, 6))
def test_scores_are_those_of_loops(patients, horizon):
    time, dead, score, stratum = columns(patients)
    risks, times, deaths = score.tolist(), time.tolist(), dead.tolist()
    assert auc(score, time, dead, horizon) == pytest.approx(
        reference.auc(risks, times, deaths, horizon), nan_ok=True
    )
    own = reference.auc(risks, times, deaths, horizon, stratum.tolist())
    assert auc(score, time, dead, horizon, stratum) == pytest.approx(own, nan_ok=True)
    if reference.stays(times, deaths, horizon, before=False) > 0.0:
        assert brier(score, time, dead, horizon) == pytest.approx(
            reference.brier(risks, times, deaths, horizon)
        )
    steps = kaplan_meier(time, dead)
    assert steps.at(float(horizon)) == pytest.approx(reference.survives(times, deaths, horizon), abs=1e-12)


@given(patients=PATIENTS, horizon=st.integers(1, 6))
def test_weights_add_up_to_the_patients_where_some_are_followed_past_the_horizon(patients, horizon):
    time, dead, _, _ = columns(patients)
    if (time > horizon).any():
        assert inverse_censoring_weights(time, dead, horizon).sum() == pytest.approx(len(time))


@given(patients=PATIENTS, horizon=st.integers(1, 6))
def test_auc_keeps_with_any_rising_scale_and_turns_over_with_the_order(patients, horizon):
    time, dead, score, _ = columns(patients)
    own = auc(score, time, dead, horizon)
    assert auc(np.exp(3.0 * score), time, dead, horizon) == pytest.approx(own, nan_ok=True)
    assert auc(-score, time, dead, horizon) == pytest.approx(1.0 - own, nan_ok=True)


def test_without_censoring_brier_is_the_mean_square_and_auc_the_share_of_pairs():
    time, dead = np.array([1.0, 2.0, 8.0, 9.0]), np.ones(4, dtype=bool)
    survival = np.array([0.2, 0.7, 0.6, 0.9])
    assert brier(survival, time, dead, 5.0) == pytest.approx((0.2**2 + 0.7**2 + 0.4**2 + 0.1**2) / 4)
    assert auc(1.0 - survival, time, dead, 5.0) == pytest.approx(3 / 4)


def test_death_at_the_horizon_counts_as_a_death_by_it():
    time, dead, risk = np.array([5.0, 6.0]), np.array([True, True]), np.array([1.0, 0.0])
    assert auc(risk, time, dead, 5.0) == 1.0
    assert np.isnan(auc(risk, time, dead, 4.9))
    assert np.isnan(auc(risk, time, dead, 6.0))


def test_constant_prediction_of_each_fold_is_worth_nothing_when_patients_are_compared_within_it():
    time, dead = np.array([1.0, 9.0, 2.0, 9.0]), np.array([True, False, True, False])
    risk, fold = np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 1])
    assert auc(risk, time, dead, 5.0, fold) == 0.5


def test_calibration_groups_go_from_the_lowest_prediction_up():
    survival = np.array([0.9, 0.1, 0.8, 0.2])
    found = calibration(
        survival, np.array([9.0, 1.0, 9.0, 9.0]), np.array([False, True, False, True]), 5.0, 2
    )
    assert [(own.patients, round(own.predicted, 6), own.observed) for own in found] == [
        (2, 0.15, 0.5),
        (2, 0.85, 1.0),
    ]
    whole = calibration(survival, np.array([9.0, 1.0, 9.0, 9.0]), np.array([False, True, False, True]), 5.0)
    assert [(own.patients, own.predicted, own.observed) for own in whole] == [(4, 0.5, 0.75)]
