import math

import numpy as np
import polars as pl
import pytest

from turnpoint.kinetics.growth_rates import log_slope, tumour_growth_rate_pct_per_month
from turnpoint.kinetics.regression_growth import fit_regression_growth
from turnpoint.kinetics.series_metrics import SERIES_METRICS_SCHEMA, series_metrics

SUM = "sum_of_diameters_mm"


def readings(days, values, quantity=SUM, unit="mm", patient="P1"):
    size = len(days)
    return pl.DataFrame(
        {
            "patient_id": [patient] * size,
            "quantity": [quantity] * size,
            "unit": [unit] * size,
            "day": days,
            "value": [None if value is None else float(value) for value in values],
        },
        schema_overrides={"value": pl.Float64, "day": pl.Int64},
    )


def row(*args, **kwargs):
    return series_metrics(readings(*args, **kwargs)).row(0, named=True)


def test_columns_are_as_declared():
    assert dict(series_metrics(readings([0, 42], [50, 40])).schema) == SERIES_METRICS_SCHEMA
    assert dict(series_metrics(readings([], [])).schema) == SERIES_METRICS_SCHEMA


def test_sizes_of_a_course_are_those_by_hand():
    found = row([-7, 42, 84, 126], [50, 40, 30, 33])
    assert (found["baseline_value"], found["nadir_value"], found["last_value"]) == (50, 30, 33)
    assert found["change_from_baseline_pct"] == pytest.approx(-34)
    assert found["change_from_nadir_pct"] == pytest.approx(10)
    assert found["depth_of_response_pct"] == pytest.approx(40)
    assert found["early_shrinkage_pct"] == pytest.approx(20)
    assert found["time_to_nadir_weeks"] == 12
    assert found["doublings_since_nadir"] == pytest.approx(3 * math.log2(1.1))
    assert (found["progression_sum_mm"], found["progression_to_go_mm"]) == (36, 3)
    assert found["doublings_to_progression"] == pytest.approx(3 * math.log2(36 / 33))


def test_baseline_is_the_last_reading_up_to_day_0_and_gives_the_rate_before_treatment():
    found = row([-40, -4, 42], [45, 50, 40])
    assert (found["readings"], found["first_day"], found["baseline_value"]) == (2, -4, 50)
    assert found["growth_rate_before_pct_per_month"] == tumour_growth_rate_pct_per_month(36, 45, 50)
    assert found["growth_rate_early_pct_per_month"] == tumour_growth_rate_pct_per_month(46, 50, 40)
    assert row([-4, 42], [50, 40])["growth_rate_before_pct_per_month"] is None


def test_last_rate_is_of_the_last_two_readings():
    found = row([0, 42, 84, 126], [50, 40, 30, 33])
    assert found["growth_rate_last_pct_per_month"] == tumour_growth_rate_pct_per_month(42, 30, 33)
    assert found["first_log_slope_per_week"] == pytest.approx(math.log(40 / 50) / 6)
    assert found["last_log_slope_per_week"] == pytest.approx(math.log(33 / 30) / 6)


def test_diameter_rates_and_volume_rates_are_never_mixed():
    days, values = [0, 42, 84, 126, 168], [50, 30, 33, 37, 40]
    found = row(days, values)
    slope = log_slope(days[1:], values[1:])
    assert found["growth_since_nadir_per_week"] == pytest.approx(slope.per_week)
    assert found["growth_since_nadir_se_per_week"] == pytest.approx(slope.standard_error_per_week)
    assert found["growth_since_nadir_volume_per_week"] == pytest.approx(3 * slope.per_week)
    assert found["doubling_time_weeks"] == pytest.approx(math.log(2) / slope.per_week)
    assert found["volume_doubling_time_weeks"] == pytest.approx(found["doubling_time_weeks"] / 3)
    assert found["fit_model"] in {"gd", "gdphi"}
    assert found["regrowth_volume_per_week"] == pytest.approx(3 * found["regrowth_per_week"])
    assert found["kill_volume_per_week"] == pytest.approx(3 * found["kill_per_week"])


def test_marker_has_no_lengths_and_no_volumes():
    found = row([0, 21, 42, 63], [40, 10, 20, 40], quantity="PSA", unit="ng/mL")
    assert found["unit"] == "ng/mL"
    assert found["doubling_time_weeks"] == pytest.approx(3.0)
    lengths = [name for name in found if "volume" in name or "_mm" in name or "pct_per_month" in name]
    assert len(lengths) >= 8
    assert {found[name] for name in lengths} == {None}


def test_reading_that_is_missing_is_left_out_and_not_zero():
    found = row([0, 42, 84], [50, None, 45])
    assert (found["readings"], found["nadir_value"]) == (2, 45)


def test_vanished_tumour_has_no_rate_from_its_nadir():
    found = row([0, 42, 84], [20, 0, 8])
    assert found["nadir_value"] == 0
    assert found["change_from_nadir_pct"] == math.inf
    for name in ("doublings_since_nadir", "growth_since_nadir_per_week", "last_log_slope_per_week"):
        assert found[name] is None


def test_single_reading_has_sizes_and_no_rates():
    found = row([0], [20])
    assert found["readings"] == 1
    assert found["progression_sum_mm"] == 25
    for name in ("change_from_nadir_pct", "depth_of_response_pct", "first_log_slope_per_week", "fit_model"):
        assert found[name] is None


def test_series_never_mix_when_rows_are_shuffled():
    frames = [
        readings([0, 42, 84], [50, 40, 45], patient="P1"),
        readings([0, 42, 84], [5, 6, 9], quantity="CEA", unit="ng/mL", patient="P1"),
        readings([0, 42], [70, 90], patient="P2"),
    ]
    together = series_metrics(pl.concat(frames).sample(fraction=1.0, shuffle=True, seed=5))
    apart = pl.concat(series_metrics(frame) for frame in frames).sort("patient_id", "quantity")
    assert together.equals(apart)


def test_progress_is_told_of_every_series():
    seen = []
    series_metrics(
        pl.concat([readings([0, 42], [50, 40]), readings([0], [9], patient="P2")]),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


def test_constant_series_has_no_doubling_time():
    found = row([0, 42, 84], [50, 50, 50])
    assert found["doubling_time_weeks"] is None
    assert np.isclose(found["last_log_slope_per_week"], 0)


def test_reading_on_day_0_is_the_baseline_and_on_day_1_is_not():
    assert row([-5, 0, 42], [45, 50, 40])["baseline_value"] == 50
    assert row([-5, 1, 42], [45, 50, 40])["baseline_value"] == 45


@pytest.mark.parametrize(("last_mm", "reached"), [(80.0, True), (80.1, False)])
def test_early_shrinkage_is_reached_at_20_percent(last_mm, reached):
    assert row([0, 56], [100, last_mm])["early_shrinkage_reached"] is reached


@pytest.mark.parametrize(("day", "pct", "reached"), [(63, 30.0, True), (70, None, True), (71, None, None)])
def test_early_shrinkage_is_told_in_two_windows(day, pct, reached):
    found = row([0, day], [100, 70])
    assert (found["early_shrinkage_pct"], found["early_shrinkage_reached"]) == (pct, reached)


def test_slope_until_nadir_is_least_squares_from_the_baseline_to_the_first_smallest_reading():
    days, values = [0, 42, 84, 126, 168], [50, 30, 25, 25, 40]
    found, slope = row(days, values), log_slope(days[:3], values[:3])
    assert found["log_slope_until_nadir_per_week"] == pytest.approx(slope.per_week)
    assert found["log_slope_until_nadir_se_per_week"] == pytest.approx(slope.standard_error_per_week)


def test_there_is_no_slope_until_nadir_when_nothing_shrank():
    assert row([0, 42, 84], [50, 60, 70])["log_slope_until_nadir_per_week"] is None


def test_two_point_slopes_have_the_error_of_the_markers_published_variation():
    days, values = [0, 21, 63], [100.0, 60.0, 50.0]
    found = row(days, values, quantity="CA-125", unit="U/mL")
    # Tuxen 1999: 84.6 % one-sided is a CV of 84.6 / (1.645·√2) = 36.37 %, an SD of ln of 0.3524.
    assert found["first_log_slope_se_per_week"] == pytest.approx(math.sqrt(2) * 0.3524 / 3, rel=1e-3)
    assert found["last_log_slope_se_per_week"] == pytest.approx(math.sqrt(2) * 0.3524 / 6, rel=1e-3)
    assert row(days, values)["first_log_slope_se_per_week"] is None
    assert row(days, values, quantity="PSA", unit="ng/mL")["first_log_slope_se_per_week"] is None


def test_doubling_time_has_the_relative_error_of_its_rate():
    found = row([0, 42, 84, 126, 168], [50, 30, 33, 37, 40])
    relative = found["growth_since_nadir_se_per_week"] / found["growth_since_nadir_per_week"]
    assert found["doubling_time_se_weeks"] == pytest.approx(relative * found["doubling_time_weeks"])


def test_time_to_nadir_of_the_fit_comes_with_its_standard_error():
    days, values = [0, 42, 84, 126, 168, 210], [50, 30, 28, 33, 39, 50]
    found, fit = row(days, values), fit_regression_growth(days, values)
    assert found["fit_time_to_nadir_weeks"] == fit.time_to_nadir_weeks
    assert found["fit_time_to_nadir_se_weeks"] == fit.time_to_nadir_se_weeks > 0
    assert row([0, 42, 84], [50, 30, 40])["fit_time_to_nadir_se_weeks"] is None
