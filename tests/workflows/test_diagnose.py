"""Diagnose: nothing is wrong where the model is right, and what is wrong is seen."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import turnpoint as tp
from tests.workflows.studies import both_study, study_of
from tests.workflows.virtual_study import virtual_study
from turnpoint.diagnostics.forecast_calibration import (
    coverage_table,
    outcomes,
    pit_ecdfs,
    pit_histograms,
    pit_table,
    reliability_table,
)
from turnpoint.diagnostics.posterior_checks import transformed, transformed_names, transformed_prior
from turnpoint.model.filter import posteriors
from turnpoint.model.parameters import DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.prior import named_prior
from turnpoint.model.series import parts_of, readings_of
from turnpoint.workflows.diagnose import TABLES
from turnpoint.workflows.forecast import forecast_targets
from turnpoint.workflows.forecast_draws import forecast_draws

EMPTY_NEW = pl.DataFrame(schema={"patient_id": pl.String, "new_lesion_day": pl.Int64})


@pytest.fixture(scope="module")
def virtual():
    study, prior = virtual_study(patients=120, seed=5)
    return study, prior, tp.diagnose(study, prior, seed=1)


def test_pit_is_uniform_when_the_patients_come_from_the_prior(virtual):
    _, _, found = virtual
    outside = ~pl.col("difference").is_between(pl.col("expected_low"), pl.col("expected_high"))
    assert found.pit_ecdf.filter(outside).is_empty()
    assert found.pit_histogram["forecasts"].sum() == found.pit.height == 120 * 4


def test_coverage_by_pit_is_nominal_and_the_printed_one_not_less_when_the_patients_come_from_the_prior(
    virtual,
):
    _, _, found = virtual
    assert found.coverage["nominal"].to_list() == pytest.approx([level / 10 for level in range(1, 10)])
    assert (found.coverage["coverage_by_pit"] - found.coverage["nominal"]).abs().max() < 0.08
    assert (found.coverage["coverage"] >= found.coverage["coverage_by_pit"] - 1e-9).all()


def test_chance_of_progression_is_reliable_when_the_patients_come_from_the_prior(virtual):
    _, _, found = virtual
    inside = pl.col("mean_chance").is_between("share_low", "share_high")
    assert found.reliability.select(inside.mean()).item() >= 0.8
    assert found.reliability["mean_chance"].is_sorted()
    counts = found.reliability["forecasts"]
    assert counts.max() - counts.min() <= 1


def test_shrinkage_is_the_variance_ratio_when_the_patients_come_from_the_prior(virtual):
    _, _, found = virtual
    apart = (found.shrinkage["eta_shrinkage"] - found.shrinkage["mean_variance_ratio"]).abs()
    assert apart.max() < 0.2
    off = found.shrinkage.row(by_predicate=pl.col("parameter") == "log_off_growth_per_week", named=True)
    assert off["mean_variance_ratio"] > 0.9  # nobody paused: the data say nothing
    assert found.shrinkage["mean_variance_ratio"].min() < 0.7  # and they do say something


def test_pit_sees_forecasts_that_are_too_wide(virtual):
    study, prior, _ = virtual
    block = prior.reading_block(SUM_OF_DIAMETERS)
    mean = prior.mean.copy()
    mean[block.start + READING_NAMES.index("log_sd_reading")] += np.log(4.0)
    wide = replace(prior, mean=mean)
    readings = readings_of(study)
    drawn = forecast_draws(study, forecast_targets(readings, study), wide, readings=readings, seed=1)
    pit = pit_table(drawn, readings, 1)
    assert pit["pit"].is_between(0.25, 0.75).mean() > 0.6
    assert pit_ecdfs(pit, 1).filter(~pl.col("difference").is_between("expected_low", "expected_high")).height


def test_pit_has_the_forecasts_of_the_forecast_command_in_its_order(virtual):
    study, prior, found = virtual
    keys = ["patient_id", "origin_day", "target_day", "quantity"]
    assert found.pit.select(keys).equals(tp.forecast(study, prior, seed=1).select(keys))


def test_diagnose_is_the_same_for_a_seed_however_the_readings_are_ordered(virtual):
    study, prior, _ = virtual
    some = study.only(study.patient_ids[:15])
    turned = replace(some, lesions=some.lesions.reverse())
    first, again, other = (
        tp.diagnose(some, prior),
        tp.diagnose(turned, prior),
        tp.diagnose(some, prior, seed=2),
    )
    for name, table in first.tables().items():
        assert table.equals(again.tables()[name]), name
    assert not first.pit.equals(other.pit)


def test_tables_are_every_table_and_the_command_knows_them(virtual):
    from turnpoint.cli.summaries import DIAGNOSTIC_TABLES

    assert tuple(virtual[2].tables()) == TABLES == DIAGNOSTIC_TABLES


def test_patients_have_their_last_visit_and_how_many_readings(virtual):
    study, _, found = virtual
    last = study.lesions.group_by("patient_id").agg(pl.col("day").max()).sort("patient_id")
    assert found.patients.select("patient_id", "day").equals(last)
    assert (found.patients["readings"] == 6).all()
    assert (found.patients["effective_size"] > 20).all()


def test_diagnose_covers_every_quantity_when_there_are_sums_and_a_marker():
    found = tp.diagnose(both_study(with_marker=True))
    assert set(found.pit["quantity"]) == {SUM_OF_DIAMETERS, "CEA"}
    assert set(found.coverage["quantity"]) == {SUM_OF_DIAMETERS, "CEA"}
    assert found.shrinkage.height == len(DYNAMICS_NAMES) + 2 * len(READING_NAMES)
    assert (
        found.shrinkage["eta_shrinkage"].null_count() == found.shrinkage.height
    )  # one patient has no spread
    assert found.visual_predictive_check.is_empty()


@pytest.mark.parametrize(("readings", "enough"), [(2, False), (3, True)])
def test_diagnose_needs_three_readings_of_a_quantity(readings, enough):
    rows = ["patient_id,day,marker,value,unit", *(f"P1,{21 * i},PSA,{40 + i},ng/mL" for i in range(readings))]
    study = study_of(markers="\n".join(rows))
    if enough:
        assert tp.diagnose(study).pit.height == 1
    else:
        with pytest.raises(tp.StudyError, match="no forecast to judge"):
            tp.diagnose(study)


def test_transformed_draws_are_on_the_scales_of_the_prior():
    study, prior = both_study(with_marker=True), named_prior("docetaxel-nsclc-ct")
    lesions = replace(study, markers=study.markers.clear())
    (posterior,) = posteriors(parts_of(lesions), lesions, prior)
    draws = transformed(posterior, prior)
    assert draws.shape[-1] == prior.dimensions == len(transformed_names(prior))
    # with a single reading the posterior is the prior
    mean, variance = transformed_prior(prior)
    assert draws[0].mean(axis=0) == pytest.approx(mean, abs=0.2 * np.sqrt(variance).max())
    assert draws[0].var(axis=0) == pytest.approx(variance, rel=0.25)
    # which is the prior's normal distribution, but for the bound on a lesion's repeat window
    free = np.array([name != "log_repeat_window" for _, name in transformed_names(prior)])
    assert mean[free] == pytest.approx(prior.mean[free], abs=0.02)
    assert variance[free] == pytest.approx(np.diag(prior.covariance)[free], rel=0.05)


def forecasts(values, chances, thresholds=100.0) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = len(values)
    frame = pl.DataFrame(
        {
            "patient_id": [f"P{row}" for row in range(rows)],
            "origin_day": [0] * rows,
            "target_day": [42] * rows,
            "quantity": ["PSA"] * rows,
            **{f"q{level:02d}": [float(level)] * rows for level in range(5, 100, 5)},
            "p_progression": chances,
            "p_new_lesion": [None] * rows,
            "value": [float(value) for value in values],
        },
        schema_overrides={"p_new_lesion": pl.Float64},
    )
    bars = frame.select(
        "patient_id", "quantity", pl.col("origin_day").alias("day"), pl.lit(thresholds).alias("threshold")
    )
    return frame, bars


@pytest.mark.parametrize(
    ("value", "first"), [(50.0, 0.1), (55.0, 0.1), (55.1, 0.2), (95.0, 0.9), (95.1, None)]
)
def test_coverage_counts_a_reading_from_the_narrowest_interval_that_holds_it_ends_included(value, first):
    frame, _ = forecasts([value], [0.1])
    pit = frame.select("patient_id", "origin_day", "target_day", "quantity", pl.lit(0.5).alias("pit"))
    covered = coverage_table(frame, pit).filter(pl.col("covered") == 1)["nominal"].to_list()
    assert (min(covered) if covered else None) == first


@pytest.mark.parametrize(("value", "happened"), [(99.9, 0), (100.0, 1)])
def test_progression_has_happened_from_the_threshold_on(value, happened):
    table = reliability_table(*forecasts([value], [0.3]), EMPTY_NEW)
    assert table.select("event", "forecasts", "happened").row(0) == ("progression", 1, happened)


def test_forecasts_after_progression_do_not_count_for_its_chance():
    frame, bars = forecasts([120.0, 120.0], [0.3, None])
    assert reliability_table(frame, bars, EMPTY_NEW)["forecasts"].to_list() == [1]


@pytest.mark.parametrize(("day", "happened"), [(42, 1), (43, 0)])
def test_new_lesion_has_happened_when_it_came_by_the_target_day_and_is_counted_once_a_visit(day, happened):
    frame, bars = forecasts([50.0], [None])
    frame = frame.with_columns(pl.lit(0.2).alias("p_new_lesion"))
    twice = pl.concat([frame, frame.with_columns(pl.lit("CEA").alias("quantity"))])
    new = pl.DataFrame({"patient_id": ["P0"], "new_lesion_day": [day]})
    table = reliability_table(twice, bars, new)
    assert table.select("event", "forecasts", "happened", "mean_chance").rows() == [
        ("new_lesion", 1, happened, 0.2)
    ]


@pytest.mark.parametrize(("count", "groups"), [(19, 1), (20, 2), (99, 9), (100, 10), (1000, 10)])
def test_reliability_has_at_most_ten_groups_of_at_least_ten(count, groups):
    chances = np.random.default_rng(0).random(count).tolist()
    table = reliability_table(*forecasts([50.0] * count, chances), EMPTY_NEW)
    assert table.height == groups
    assert table["forecasts"].sum() == count


def test_outcomes_count_an_absent_lesion_as_one_millimetre_as_the_forecasts_do():
    rows = ["patient_id,day,lesion_id,role,diameter_mm,status", "P1,-3,T1,target,30,measured"]
    rows += ["P1,42,T1,target,12,measured", "P1,84,T1,target,,absent"]
    study = study_of(lesions="\n".join(rows))
    came = outcomes(tp.forecast(study), readings_of(study))
    assert came["value"].to_list() == [1.0]


def test_pit_tables_have_no_rows_when_there_are_no_transforms():
    none = pl.DataFrame(schema={"quantity": pl.String, "pit": pl.Float64})
    assert pit_histograms(none).is_empty()
    assert pit_ecdfs(none, 0).is_empty()
