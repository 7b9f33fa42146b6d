"""A block of a trial: the same people in every arm, and days of change as the policies say."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from turnpoint.model.prior import named_prior
from turnpoint.virtual.block import OUTCOMES, block_player
from turnpoint.virtual.declaration import Arm, parsed
from turnpoint.virtual.people import with_resistant_fraction

TEXT = """
[trial]
patients = 300
horizon_weeks = 104
[population]
prior = "docetaxel-nsclc-ct"
[[arm]]
name = "late"
policy = "progression"
[[arm]]
name = "turning"
policy = "turning"
[[arm]]
name = "week 20"
policy = "weeks"
after_weeks = 20
[[arm]]
name = "never"
policy = "never"
"""
PRIOR = named_prior("docetaxel-nsclc-ct")


def _played(declaration=None, patients=300, prior=PRIOR):
    return block_player(declaration or parsed(TEXT), prior)((0, patients))


@pytest.fixture(scope="module")
def outcomes():
    return _played()


def _arm(outcomes, name):
    return outcomes.filter(pl.col("arm") == name).sort("patient")


def test_block_has_every_patient_in_every_arm_with_the_same_truth(outcomes):
    assert dict(outcomes.schema) == dict(OUTCOMES)
    truth = [
        _arm(outcomes, name).select("patient", "kill_per_week", "turning_week") for name in ("late", "never")
    ]
    assert truth[0].equals(truth[1])
    assert outcomes.height == 4 * 300


def test_change_is_at_progression_of_the_first_drug_when_the_arm_waits(outcomes):
    late, never = _arm(outcomes, "late"), _arm(outcomes, "never")
    assert late["switch_week"].equals(never["progression_week"].alias("switch_week"))
    assert never["switch_week"].is_null().all()


def test_change_is_never_after_progression(outcomes):
    bar = _arm(outcomes, "late")["switch_week"].fill_null(np.inf).to_numpy()
    for name in ("turning", "week 20"):
        own = _arm(outcomes, name)
        days = own["switch_week"].fill_null(np.inf).to_numpy()
        assert (days <= bar).all()
        early = own["switched_at"].to_numpy() != "progression"
        assert np.array_equal(early & np.isfinite(days), days < bar)


def test_change_at_the_turning_point_is_never_before_it(outcomes):
    own = _arm(outcomes, "turning").filter(pl.col("switched_at") == "turning")
    assert own.height > 100
    assert not own["before_turning"].any()
    assert np.allclose(own["switch_week"], own["turning_week"])


def test_second_progression_comes_after_the_change(outcomes):
    for name in ("late", "turning", "week 20"):
        own = _arm(outcomes, name).drop_nulls("second_progression_week")
        assert own.height > 50
        assert (own["second_progression_week"] > own["switch_week"]).all()
    assert _arm(outcomes, "never")["second_progression_week"].is_null().all()


def test_arms_do_not_differ_in_burden_when_all_resistance_is_shared_and_the_drugs_are_equal():
    declared = replace(parsed(TEXT), cross_resistance=1.0, resistant_to_b=0.0, mutation_per_division=0.0)
    found = _played(declared)
    late, turning = _arm(found, "late"), _arm(found, "turning")
    assert np.allclose(late["lethal_week"].fill_null(-1.0), turning["lethal_week"].fill_null(-1.0))
    assert late["progression_week"].equals(turning["progression_week"])


def test_lethal_burden_is_not_later_when_the_second_drug_does_nothing():
    declared = replace(parsed(TEXT), strength=0.0)
    found = _played(declared)
    late, early = (_arm(found, name)["lethal_week"].fill_null(1e9).to_numpy() for name in ("late", "week 20"))
    assert (early <= late + 1e-6).all()
    assert (early < late - 1.0).any()


def test_block_is_the_same_again_and_another_with_another_seed(outcomes):
    assert _played().equals(outcomes)
    assert not _played(replace(parsed(TEXT), seed=1)).equals(outcomes)


def test_alert_arm_is_the_waiting_arm_when_the_threshold_cannot_be_reached():
    arms = (Arm("late", "progression"), Arm("early", "alert", threshold=1.0))
    found = _played(replace(parsed(TEXT), arms=arms, particles=256), patients=60)
    late, early = (_arm(found, name).drop("arm") for name in ("late", "early"))
    assert late.equals(early)


def test_alert_arm_changes_some_patients_before_progression():
    arms = (Arm("late", "progression"), Arm("early", "alert", threshold=0.6))
    found = _played(replace(parsed(TEXT), arms=arms, particles=256), patients=60)
    early = _arm(found, "early")
    assert (early["switched_at"] == "alert").sum() >= 10
    assert (early["switch_week"] <= _arm(found, "late")["switch_week"].fill_null(1e9)).drop_nulls().all()


@pytest.mark.parametrize("fraction", [0.01, 0.4])
def test_resistant_fraction_of_the_declaration_is_the_median_of_the_patients(fraction):
    found = _played(patients=2000, prior=with_resistant_fraction(PRIOR, fraction))
    median = float(np.median(_arm(found, "never")["resistant_fraction"]))
    assert np.log(median / fraction) == pytest.approx(0.0, abs=0.25)
