"""Assess and forecast as a user calls them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from turnpoint.model.series import SMALLEST_MARKER, readings_of
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.workflows.assess import ASSESSMENT_SCHEMA, DIAGNOSTICS
from turnpoint.workflows.forecast import FORECAST_SCHEMA

CONTRACT = [
    "patient_id",
    "day",
    "p_responding",
    "p_plateau",
    "p_regrowing",
    "verdict",
    "p_resistant",
    "p_scar",
    "p_floor",
    "p_pause",
    "resistant_fraction_q05",
    "resistant_fraction_q50",
    "resistant_fraction_q95",
    "dominance_day_q05",
    "dominance_day_q50",
    "dominance_day_q95",
    "turning_day_q05",
    "turning_day_q50",
    "turning_day_q95",
    "regrowth_day_q05",
    "regrowth_day_q50",
    "regrowth_day_q95",
    "p_turned",
    "alert",
    "p_progression_12w",
    "p_progression_24w",
    "prior",
]


@pytest.fixture(scope="module")
def psa_study():
    from importlib import resources

    return tp.read(Path(str(resources.files("turnpoint") / "datasets" / "ascent2-docetaxel-psa")))


@pytest.fixture(scope="module")
def ct_study():
    from importlib import resources

    study = tp.read(Path(str(resources.files("turnpoint") / "datasets" / "oak-docetaxel")))
    return study.only(study.patient_ids[:40])


@pytest.fixture(scope="module")
def assessment(ct_study):
    return tp.assess(ct_study)


def test_columns_are_exactly_those_of_the_contract(assessment):
    assert assessment.frame.columns == CONTRACT
    assert assessment.frame.schema == pl.Schema(ASSESSMENT_SCHEMA)
    assert assessment.diagnostics.columns == ["patient_id", "day", *DIAGNOSTICS]
    assert_frame_equal(
        assessment.diagnostics.select("patient_id", "day"), assessment.frame.select("patient_id", "day")
    )


def test_every_visit_has_a_row_even_when_the_sum_is_not_evaluable(assessment, ct_study):
    visits = ct_study.lesions.select("patient_id", "day").unique().sort("patient_id", "day")
    assert_frame_equal(assessment.frame.select("patient_id", "day"), visits)
    assert (ct_study.lesions["status"] == "not_evaluable").any()


def test_probabilities_sum_to_one_and_quantiles_are_ordered(assessment):
    frame = assessment.frame
    for names in (CONTRACT[2:5], CONTRACT[6:10]):
        np.testing.assert_allclose(frame.select(names).sum_horizontal(), 1.0, atol=1e-9)
    for name in ("resistant_fraction", "dominance_day", "turning_day", "regrowth_day"):
        low, mid, high = (frame[f"{name}_{level}"].to_numpy() for level in ("q05", "q50", "q95"))
        assert (low <= mid).all()
        assert (mid <= high).all()
    assert frame["verdict"].is_in(["responding", "plateau", "regrowing", "undetermined"]).all()


def test_assessment_uses_only_data_up_to_the_visit(assessment, ct_study):
    """Cutting everything after day 100 away changes nothing at the visits before."""
    early = pl.col("day") <= 100
    cut = tp.Study(
        ct_study.patients,
        ct_study.lesions.filter(early),
        ct_study.markers,
        ct_study.doses,
        ct_study.events,
    )
    again = tp.assess(cut)
    for whole, part in ((assessment.frame, again.frame), (assessment.diagnostics, again.diagnostics)):
        before = whole.join(part.select("patient_id", "day"), on=["patient_id", "day"])
        assert_frame_equal(part, before, check_exact=True)


def test_assessment_is_the_same_for_the_same_seed_and_does_not_depend_on_patient_order(assessment, ct_study):
    shuffled = tp.Study(
        ct_study.patients.reverse(),
        ct_study.lesions.sample(fraction=1.0, shuffle=True, seed=1),
        ct_study.markers,
        ct_study.doses,
        ct_study.events,
    )
    assert_frame_equal(tp.assess(shuffled).frame, assessment.frame, check_exact=True)


def test_another_seed_changes_numbers_within_monte_carlo_error_only(assessment, ct_study):
    other = tp.assess(ct_study, seed=7).frame
    gap = (other["p_turned"] - assessment.frame["p_turned"]).abs()
    assert gap.max() > 0
    assert gap.mean() < 0.02


def test_forecast_has_a_row_for_every_value_from_the_second_on_that_has_a_next(ct_study):
    frame = tp.forecast(ct_study)
    assert frame.schema == pl.Schema(FORECAST_SCHEMA)
    values = readings_of(ct_study).sort("patient_id", "day")
    expected = values.with_columns(
        pl.col("day").shift(-1).over("patient_id").alias("target_day"),
        pl.int_range(pl.len()).over("patient_id").alias("index"),
    ).filter((pl.col("index") >= 1) & pl.col("target_day").is_not_null())
    assert_frame_equal(
        frame.select("patient_id", "origin_day", "target_day"),
        expected.select("patient_id", pl.col("day").alias("origin_day"), "target_day"),
    )


def test_forecast_quantiles_rise_and_stay_positive(ct_study, psa_study):
    for study in (ct_study, psa_study):
        levels = tp.forecast(study).select(pl.col("^q[0-9]+$")).to_numpy()
        assert (np.diff(levels, axis=1) >= 0).all()
        assert (levels > 0).all()


def test_chance_of_progression_is_missing_once_it_has_been_met(psa_study):
    frame = tp.forecast(psa_study)
    readings = readings_of(psa_study)
    met = progression_thresholds(readings, psa_study.markers).rename({"day": "origin_day"})
    joined = frame.join(met, on=["patient_id", "quantity", "origin_day"])
    assert (joined["threshold"].is_null() == joined["p_progression"].is_null()).all()
    assert joined["p_progression"].is_null().any()
    assert joined["p_progression"].drop_nulls().is_between(0, 1).all()


@pytest.mark.parametrize("weeks", [6.0, 24.0])
def test_horizon_forecasts_once_from_each_last_visit(psa_study, weeks):
    frame = tp.forecast(psa_study, horizon_weeks=weeks)
    last = psa_study.markers.group_by("patient_id").agg(pl.col("day").max()).sort("patient_id")
    assert frame["origin_day"].to_list() == last["day"].to_list()
    assert (frame["target_day"] - frame["origin_day"]).unique().to_list() == [round(7 * weeks)]


@pytest.mark.parametrize("weeks", [0.0, -3.0, float("nan")])
def test_horizon_must_be_positive(psa_study, weeks):
    with pytest.raises(tp.UsageError, match="horizon"):
        tp.forecast(psa_study, horizon_weeks=weeks)


def test_study_without_a_usable_reading_is_one_clear_error(ct_study):
    nothing = tp.Study(
        ct_study.patients,
        ct_study.lesions.with_columns(status=pl.lit("not_evaluable"), diameter_mm=None),
        ct_study.markers,
        ct_study.doses,
        ct_study.events,
    )
    with pytest.raises(tp.StudyError, match="no sum of diameters can be computed"):
        tp.assess(nothing)


def test_patient_whose_first_visit_cannot_be_read_starts_from_the_prior(ct_study):
    first = ct_study.patient_ids[0]
    earliest = ct_study.lesions.filter(pl.col("patient_id") == first)["day"].min()
    hidden = (pl.col("patient_id") == first) & (pl.col("day") == earliest)
    lesions = ct_study.lesions.with_columns(
        pl.when(hidden).then(pl.lit("not_evaluable")).otherwise("status").alias("status"),
        pl.when(~hidden).then("diameter_mm").alias("diameter_mm"),
    )
    study = tp.Study(ct_study.patients, lesions, ct_study.markers, ct_study.doses, ct_study.events)
    row = tp.assess(study.only([first])).frame.row(0, named=True)
    assert row["verdict"] == "undetermined"
    assert row["alert"] is False
    assert sum(row[name] for name in CONTRACT[2:5]) == pytest.approx(1.0)


def test_tumour_and_marker_are_read_together(psa_study, ct_study):
    """A patient with both: CT flat, marker rising, is more surely past the turn than by CT alone."""
    from tests.workflows.studies import both_study

    together, alone = both_study(with_marker=True), both_study(with_marker=False)
    p_both = tp.assess(together).frame["p_turned"][-1]
    p_alone = tp.assess(alone).frame["p_turned"][-1]
    assert p_both > p_alone
    assert tp.assess(together).priors["P1"].quantities == ("sum_of_diameters_mm", "CEA")
    quantities = tp.forecast(together)["quantity"].unique().sort().to_list()
    assert quantities == ["CEA", "sum_of_diameters_mm"]


def test_smallest_marker_is_below_every_assay():
    assert SMALLEST_MARKER < 1e-3
