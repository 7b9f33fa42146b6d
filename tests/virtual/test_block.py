"""A block of a trial: the same people in every arm, and days of change as the policies say."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from turnpoint.model.prior import named_prior
from turnpoint.virtual import block as module
from turnpoint.virtual.block import OUTCOMES, block_player
from turnpoint.virtual.declaration import parsed
from turnpoint.virtual.people import with_resistant_fraction
from turnpoint.virtual.policies import Arm

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


MANY = """
[[arm]]
name = "cycles"
policy = "cycles"
cycles = 1040
[[arm]]
name = "alternate"
policy = "alternate"
cycles = 2
[[arm]]
name = "no holidays"
policy = "holidays"
off_below = 0
on_from = 0
[[arm]]
name = "holidays"
policy = "holidays"
"""
LARGE = replace(parsed(TEXT), arms=(*parsed(TEXT).arms, *parsed(TEXT.split("[[arm]]", 1)[0] + MANY).arms))
STOCHASTIC = replace(LARGE, clones="stochastic")


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


@pytest.fixture(scope="module")
def stochastic():
    return _played(STOCHASTIC)


@pytest.fixture(scope="module")
def large():
    return _played(LARGE)


WEEKS = ("switch_week", "progression_week", "second_progression_week", "lethal_week", "turning_week")


@pytest.mark.parametrize("name", ["large", "stochastic"])
@pytest.mark.parametrize("limit", ["cycles", "no holidays"])
def test_policies_are_the_one_that_waits_in_their_limit(request, name, limit):
    """So many cycles that they never end; holidays that never begin: the same in every number."""
    found = request.getfixturevalue(name)
    late, same = _arm(found, "late"), _arm(found, limit)
    for column in (*WEEKS, "weeks_on_a", "weeks_on_b"):
        apart = (late[column].fill_null(1e9) - same[column].fill_null(1e9)).abs()
        assert apart.max() < 0.05, column
    assert late["switched_at"].equals(same["switched_at"])


def test_large_tumours_by_chance_do_as_they_do_without(large, stochastic):
    """The prior's tumours have 10^8 cells and more; both trials have the same patients and luck of reading."""
    for arm in STOCHASTIC.arms:
        usual, lucky = _arm(large, arm.name), _arm(stochastic, arm.name)
        assert usual["kill_per_week"].equals(lucky["kill_per_week"])
        for column in ("progression_week", "second_progression_week", "lethal_week"):
            apart = (usual[column].fill_null(104.0) - lucky[column].fill_null(104.0)).to_numpy()
            assert abs(apart.mean()) < 1.96 * apart.std() / np.sqrt(len(apart)) + 0.1, (arm.name, column)
            assert np.median(np.abs(apart)) < 0.05
    assert large["extinct_week"].is_null().all()


@pytest.mark.parametrize("name", ["large", "stochastic"])
def test_dose_goes_on_to_a_lethal_burden_or_the_horizon_but_for_holidays(request, name):
    found = request.getfixturevalue(name).with_columns(
        (pl.col("weeks_on_a") + pl.col("weeks_on_b")).alias("given"),
        pl.col("lethal_week").fill_null(104.0).clip(0.0, 104.0).alias("end"),
    )
    for arm in LARGE.arms:
        own = _arm(found, arm.name)
        if arm.name == "holidays":
            assert (own["given"] <= own["end"] + 1e-6).all()
            assert own["given"].mean() < 0.95 * own["end"].mean()
        else:
            assert np.allclose(own["given"], own["end"])
    assert (_arm(found, "never")["weeks_on_b"] == 0.0).all()


@pytest.mark.parametrize("declared", [parsed(TEXT), STOCHASTIC], ids=["large", "stochastic"])
def test_another_block_size_gives_the_same_patients(declared, monkeypatch):
    monkeypatch.setattr(module, "LOT", 40)
    play = block_player(declared, PRIOR)
    whole = play((0, 100)).sort("arm", "patient")
    parts = pl.concat([play(block) for block in ((0, 30), (30, 55), (85, 15))]).sort("arm", "patient")
    assert parts.equals(whole)
    assert play((0, 50)).equals(play((0, 100)).filter(pl.col("patient") < 50))


def test_tumours_die_out_by_chance_when_hardly_a_cell_resists_and_the_second_drug_is_strong():
    """What chance alone can do, and the closed form cannot."""
    declared = replace(
        STOCHASTIC, cross_resistance=0.0, resistant_to_b=0.0, mutation_per_division=0.0, strength=40.0
    )
    found = _played(declared, prior=with_resistant_fraction(PRIOR, 1e-9))
    shares = found.group_by("arm", maintain_order=True).agg(pl.col("extinct_week").count() / pl.len())
    share = dict(shares.iter_rows())
    assert share["week 20"] > 0.9 > share["never"]
    assert (_arm(found, "week 20").drop_nulls("extinct_week")["extinct_week"] > 20.0).mean() > 0.9


def test_alert_is_raised_by_what_is_read_of_the_clones_that_were_played():
    arms = (Arm("late", "progression"), Arm("early", "alert", threshold=0.6))
    usual, lucky = (
        _arm(_played(replace(parsed(TEXT), arms=arms, particles=256, clones=clones), patients=60), "early")
        for clones in ("large", "stochastic")
    )
    assert (lucky["switched_at"] == "alert").sum() >= 10
    # large clones: the same readings but for their last digits, so the same alerts
    assert (lucky["switch_week"].fill_null(-1) == usual["switch_week"].fill_null(-1)).mean() > 0.9


def test_growth_that_slows_postpones_a_lethal_burden():
    usual, slowed = (
        _arm(_played(replace(parsed(TEXT), carrying_fold=fold)), "never")["lethal_week"].fill_null(104.0)
        for fold in (None, 9.0)
    )
    assert (slowed >= usual - 1e-6).mean() > 0.8
    assert slowed.mean() > usual.mean() + 5.0


def test_change_after_the_horizon_is_none():
    declared = replace(parsed(TEXT), arms=(Arm("late", "progression"), Arm("w", "weeks", after_weeks=105.0)))
    assert _arm(_played(declared), "w")["switch_week"].drop_nulls().max() <= 104.0
