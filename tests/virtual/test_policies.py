"""Policies: what a scan makes them do, both sides of each threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.virtual.clones import DRUG_A, DRUG_B, NO_DRUG
from turnpoint.virtual.declaration import ARM_KEYS
from turnpoint.virtual.policies import POLICIES, Alternate, Arm, Holidays, Moments, Once, Seen

MOMENTS = Moments(np.array([70.0]), lambda arm: np.array([100.0 * (arm.threshold or 1.0)]))


def seen(sum_mm, nadir_mm, drug=DRUG_A, start_mm=100.0):
    return Seen(np.array([sum_mm]), np.array([start_mm]), np.array([nadir_mm]), np.array([drug]))


@pytest.mark.parametrize(
    ("nadir", "sum_mm", "progressed"),
    [(10.0, 15.0, True), (10.0, 14.9, False), (50.0, 60.0, True), (50.0, 59.9, False)],
)
def test_progression_needs_twenty_percent_and_five_millimetres(nadir, sum_mm, progressed):
    at_scan = seen(sum_mm, nadir)
    assert at_scan.has_progressed.item() is progressed
    waiting = Once(np.array([np.inf]))
    assert waiting.at_scan(at_scan).item() == (DRUG_B if progressed else DRUG_A)
    assert Once(np.array([np.inf]), at_progression=False).at_scan(at_scan).item() == DRUG_A


@pytest.mark.parametrize(
    ("drug", "volume", "expected"),
    [(DRUG_A, 0.49, NO_DRUG), (DRUG_A, 0.51, DRUG_A), (NO_DRUG, 0.99, NO_DRUG), (NO_DRUG, 1.01, DRUG_A)],
)
def test_holiday_begins_under_half_of_the_volume_and_ends_at_the_whole(drug, volume, expected):
    sum_mm = 100.0 * volume ** (1 / 3)
    assert Holidays(0.5, 1.0).at_scan(seen(sum_mm, sum_mm, drug)).item() == expected


def test_growth_in_a_holiday_is_no_failure_of_the_drug():
    assert Holidays(0.5, 1.0).at_scan(seen(99.0, 60.0, NO_DRUG)).item() == NO_DRUG
    assert Holidays(0.5, 1.0).at_scan(seen(99.0, 60.0, DRUG_A)).item() == DRUG_B


@given(
    sum_mm=st.floats(5.0, 300.0),
    nadir_mm=st.floats(5.0, 300.0),
    drug=st.sampled_from([DRUG_A, DRUG_B]),
)
def test_holidays_without_thresholds_are_the_policy_that_waits_for_progression(sum_mm, nadir_mm, drug):
    at_scan = seen(sum_mm, nadir_mm, drug)
    assert Holidays(0.0, 0.0).at_scan(at_scan) == Once(np.array([np.inf])).at_scan(at_scan)


@pytest.mark.parametrize(("drug", "due"), [(DRUG_A, 80.0), (DRUG_B, np.inf)])
def test_once_plans_its_day_and_nothing_after_it(drug, due):
    assert Once(np.array([80.0])).planned_day(np.array([drug]), np.array([0.0])).item() == due


def test_alternate_plans_the_next_turn_from_the_last():
    assert Alternate(42.0).planned_day(np.array([DRUG_B]), np.array([42.0])).item() == 84.0


@pytest.mark.parametrize(
    ("arm", "day"),
    [
        (Arm("", "progression"), 90.0),
        (Arm("", "alert", threshold=0.5), 50.0),
        (Arm("", "turning"), 70.0),
        (Arm("", "weeks", after_weeks=5.0), 35.0),
        (Arm("", "cycles", cycles=2, weeks_per_cycle=3.0), 42.0),
        (Arm("", "cycles", cycles=1040, weeks_per_cycle=3.0), 90.0),
        (Arm("", "never"), np.inf),
    ],
)
def test_policies_that_change_once_change_on_their_day_or_at_progression_before(arm, day):
    policy = POLICIES[arm.policy].build(arm, MOMENTS)
    assert isinstance(policy, Once)
    assert policy.change_day(np.array([90.0])).item() == day


def test_every_policy_takes_keys_that_an_arm_has():
    assert {key for kind in POLICIES.values() for key in kind.keys} == set(ARM_KEYS) - {"name", "policy"}
    for kind in POLICIES.values():
        assert all(ARM_KEYS[name].default == default for name, default in kind.may.items())
