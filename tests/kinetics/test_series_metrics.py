import math

import numpy as np
import polars as pl
import pytest

from turnpoint.kinetics.growth_rates import log_slope, tumour_growth_rate_pct_per_month
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
