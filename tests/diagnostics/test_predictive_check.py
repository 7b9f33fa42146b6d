"""The visual predictive check: its bins, its drop-out, and that a model passes its own check."""

import numpy as np
import polars as pl
import pytest

from tests.workflows.virtual_study import virtual_study
from turnpoint.diagnostics.predictive_check import (
    FEWEST_IN_BIN,
    ends_of_follow_up,
    time_bins,
    visual_predictive_check,
)
from turnpoint.model.series import readings_of


def test_time_bins_lie_around_the_usual_visits():
    days = np.repeat([40.0, 44.0, 85.0, 126.0], 30)
    assert time_bins(days, 42.0).tolist() == [21, 63, 105, 127]


@pytest.mark.parametrize(("late", "edges"), [(FEWEST_IN_BIN, [21, 63, 85]), (FEWEST_IN_BIN - 1, [21, 85])])
def test_time_bins_join_the_one_before_when_they_hold_too_few(late, edges):
    days = np.concatenate([np.full(50, 42.0), np.full(late, 84.0)])
    assert time_bins(days, 42.0).tolist() == edges


@pytest.mark.parametrize(("readings", "bins"), [(FEWEST_IN_BIN, 1), (FEWEST_IN_BIN - 1, 0)])
def test_time_bins_are_none_when_there_are_too_few_readings_in_all(readings, bins):
    assert max(len(time_bins(np.full(readings, 42.0), 42.0)) - 1, 0) == bins


def test_time_bins_hold_every_reading_once():
    days = np.random.default_rng(0).integers(3, 700, 500).astype(float)
    edges = time_bins(days, 42.0)
    assert np.histogram(days, edges)[0].sum() == 500
    assert edges[-1] == days.max() + 1
    assert (np.histogram(days, edges)[0] >= FEWEST_IN_BIN).all()


def test_ends_of_follow_up_are_the_real_ones_when_the_course_did_not_progress():
    ends = ends_of_follow_up(np.array([50.0, 90.0]), np.array([False, False]), 5, np.random.default_rng(0))
    assert (ends == np.array([[50.0], [90.0]])).all()


def test_ends_of_follow_up_of_a_progressed_course_are_drawn_by_kaplan_meier_beyond_it():
    # Ends without progression at 10 (4 at risk), 30 (2 at risk) and 40 (1 at risk); progression at 20 (3 at risk).
    # Staying: 3/4 after 10, 3/8 after 30, 0 after 40. Beyond 20: 30 and 40 with the same mass, 3/8 each.
    last, progressed = np.array([10.0, 20.0, 30.0, 40.0]), np.array([False, True, False, False])
    ends = ends_of_follow_up(last, progressed, 4000, np.random.default_rng(0))[1]
    assert set(ends.tolist()) == {30.0, 40.0}
    assert (ends == 30.0).mean() == pytest.approx(0.5, abs=0.04)


def test_ends_of_follow_up_are_the_last_day_of_all_when_nobody_ends_without_progression():
    ends = ends_of_follow_up(np.array([20.0, 60.0]), np.array([True, True]), 3, np.random.default_rng(0))
    assert (ends[0] == 60.0).all()
    assert (ends[1] == 60.0).all()


@pytest.fixture(scope="module")
def checked():
    study, prior = virtual_study(patients=250, seed=2)
    readings = readings_of(study)
    table = visual_predictive_check(study, readings, prior, seed=1, replicates=100)
    return study, prior, readings, table


def test_predictive_check_holds_nine_percentiles_in_ten_when_the_data_come_from_the_model():
    inside = []
    for seed in range(6):
        study, prior = virtual_study(patients=150, seed=10 + seed)
        table = visual_predictive_check(study, readings_of(study), prior, seed=seed, replicates=80)
        assert table["readings"].min() >= FEWEST_IN_BIN
        inside += table.select(
            pl.col("observed_log_ratio").is_between("simulated_log_ratio_q05", "simulated_log_ratio_q95")
        )["observed_log_ratio"].to_list()
    # Of 90 percentiles, those of one study go together: the SD of this mean is about 0.04. Patients whose draws share
    # few particles would give 0.7.
    assert np.mean(inside) == pytest.approx(0.9, abs=0.1)


def test_predictive_check_fails_when_the_tumours_shrink_far_less_than_the_prior_says(checked):
    study, prior, readings, _ = checked
    first = pl.col("value").sort_by("day").first().over("patient_id")
    flat = readings.with_columns((first * (pl.col("value") / first).pow(0.2)).alias("value"))
    table = visual_predictive_check(study, flat, prior, seed=1, replicates=50)
    low = table.filter(pl.col("level") == 0.05)
    assert (low["observed_log_ratio"] > low["simulated_log_ratio_q95"]).all()


def test_predictive_check_is_the_same_for_a_seed_and_differs_between_seeds(checked):
    study, prior, readings, table = checked
    again = visual_predictive_check(study, readings, prior, seed=1, replicates=100)
    other = visual_predictive_check(study, readings, prior, seed=3, replicates=100)
    assert again.equals(table)
    assert not other.equals(table)
    assert other["observed_log_ratio"].equals(table["observed_log_ratio"])


def test_predictive_check_counts_no_reading_after_the_one_that_met_the_criterion(checked):
    study, prior, readings, table = checked
    grown = readings.filter(pl.col("day") > 0).group_by("patient_id").agg(pl.col("day").min())
    # a fivefold rise at each patient's first visit after baseline: every later reading must be left out
    jumped = readings.join(grown.rename({"day": "jump_day"}), on="patient_id").with_columns(
        pl.when(pl.col("day") == pl.col("jump_day"))
        .then(5 * pl.col("value"))
        .otherwise("value")
        .alias("value")
    )
    cut = visual_predictive_check(study, jumped, prior, seed=1, replicates=5)
    counted = cut.filter(pl.col("level") == 0.5)["readings"].sum()
    assert counted == grown.height
    assert table.filter(pl.col("level") == 0.5)["readings"].sum() > 2 * grown.height
