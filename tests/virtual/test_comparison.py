"""Outcomes of the arms, alone and paired."""

import numpy as np
import polars as pl
import pytest

from turnpoint.virtual.comparison import SUMMARY_SCHEMA, difference, estimate, median_weeks, summary, survival


def test_estimate_is_the_mean_with_its_normal_interval():
    found = estimate(np.array([0.0, 2.0, 4.0]))
    assert found.mean == 2.0
    assert found.high - found.mean == pytest.approx(1.96 * 2.0 / np.sqrt(3.0), rel=1e-3)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_estimate_covers_the_truth_in_95_of_100_trials():
    rng = np.random.default_rng(0)
    found = [estimate(rng.normal(1.0, 3.0, 200)) for _ in range(400)]
    inside = np.mean([own.low <= 1.0 <= own.high for own in found])
    assert inside == pytest.approx(0.95, abs=0.035)


def test_difference_is_paired_and_cut_at_the_horizon():
    found = difference(np.array([10.0, np.inf, 50.0]), np.array([6.0, 90.0, np.inf]), 100.0, 4.0)
    assert found.gained_weeks.mean == pytest.approx((4.0 + 10.0 - 50.0) / 3.0)
    assert (found.better, found.worse) == pytest.approx((2 / 3, 1 / 3))


@pytest.mark.parametrize(("gain", "better"), [(4.0, 1.0), (3.999, 0.0)])
def test_difference_counts_a_gain_from_the_margin_on(gain, better):
    assert difference(np.array([10.0 + gain]), np.array([10.0]), 100.0, 4.0).better == better


def test_difference_changes_its_sign_when_the_arms_change_places():
    rng = np.random.default_rng(1)
    one, other = rng.exponential(20.0, 50), rng.exponential(30.0, 50)
    here, there = difference(one, other, 40.0, 2.0), difference(other, one, 40.0, 2.0)
    assert here.gained_weeks.mean == pytest.approx(-there.gained_weeks.mean)
    assert (here.better, here.worse) == (there.worse, there.better)


def test_median_is_infinite_when_half_have_no_event():
    assert median_weeks(np.array([1.0, np.inf, np.inf]), 100.0) == np.inf
    assert median_weeks(np.array([1.0, 2.0, np.inf]), 100.0) == 2.0


def test_survival_falls_from_one_by_the_share_with_the_event():
    found = survival(np.array([1.0, 1.0, 4.0, np.inf]), np.array([0.0, 1.0, 3.9, 4.0]))
    assert found.tolist() == [1.0, 0.5, 0.5, 0.25]


def test_summary_leaves_out_what_an_arm_cannot_have_and_compares_with_the_first_arm():
    outcomes = pl.DataFrame(
        {
            "patient": [1, 2, 1, 2],
            "arm": ["late", "late", "never", "never"],
            "progression_week": [10.0, None, 12.0, 30.0],
            "second_progression_week": [20.0, 30.0, None, None],
            "switch_week": [10.0, None, None, None],
            "lethal_week": [None, None, 40.0, None],
        },
        schema_overrides={"lethal_week": pl.Float64},
    )
    found = summary(outcomes, 50.0, 4.0)
    assert dict(found.schema) == dict(SUMMARY_SCHEMA)
    assert found.select("arm", "outcome").rows() == [
        ("late", "progression_week"),
        ("never", "progression_week"),
        ("late", "second_progression_week"),
        ("late", "lethal_week"),
        ("never", "lethal_week"),
    ]
    assert found["gained_weeks"].to_list() == [None, pytest.approx((2.0 - 20.0) / 2), None, None, -5.0]
