"""Every growth metric of every series: one obvious loop, one row a patient and quantity."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from turnpoint.kinetics.arrays import FloatArray
from turnpoint.kinetics.change import (
    change_from_baseline_pct,
    change_from_nadir_pct,
    depth_of_response_pct,
    early_shrinkage_pct,
    time_to_nadir_weeks,
)
from turnpoint.kinetics.elimination import (
    KELIM_MARKERS,
    half_life_days,
    kelim,
    psa_doubling_time_months,
)
from turnpoint.kinetics.growth_rates import (
    VOLUME_PER_DIAMETER_RATE,
    doubling_time_weeks,
    log_slope,
    tumour_growth_rate_pct_per_month,
)
from turnpoint.kinetics.progression_gap import progression_gap
from turnpoint.kinetics.regression_growth import fit_regression_growth
from turnpoint.kinetics.volume import doublings
from turnpoint.study.markers import MARKERS

Number = float | int | str | bool | None

SERIES_METRICS_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "quantity": pl.String,
    "unit": pl.String,
    "readings": pl.Int64,
    "first_day": pl.Int64,
    "last_day": pl.Int64,
    "baseline_value": pl.Float64,
    "nadir_value": pl.Float64,
    "last_value": pl.Float64,
    "change_from_baseline_pct": pl.Float64,
    "change_from_nadir_pct": pl.Float64,
    "depth_of_response_pct": pl.Float64,
    "early_shrinkage_pct": pl.Float64,
    "time_to_nadir_weeks": pl.Float64,
    "doublings_since_nadir": pl.Float64,
    "progression_sum_mm": pl.Float64,
    "progression_to_go_mm": pl.Float64,
    "doublings_to_progression": pl.Float64,
    "growth_rate_before_pct_per_month": pl.Float64,
    "growth_rate_early_pct_per_month": pl.Float64,
    "growth_rate_last_pct_per_month": pl.Float64,
    "first_log_slope_per_week": pl.Float64,
    "last_log_slope_per_week": pl.Float64,
    "growth_since_nadir_per_week": pl.Float64,
    "growth_since_nadir_se_per_week": pl.Float64,
    "growth_since_nadir_volume_per_week": pl.Float64,
    "doubling_time_weeks": pl.Float64,
    "doubling_time_se_weeks": pl.Float64,
    "volume_doubling_time_weeks": pl.Float64,
    "fit_model": pl.String,
    "kill_per_week": pl.Float64,
    "kill_se_per_week": pl.Float64,
    "regrowth_per_week": pl.Float64,
    "regrowth_se_per_week": pl.Float64,
    "growing_fraction": pl.Float64,
    "growing_fraction_se": pl.Float64,
    "kill_volume_per_week": pl.Float64,
    "regrowth_volume_per_week": pl.Float64,
    "fit_time_to_nadir_weeks": pl.Float64,
    "fit_residual_sd": pl.Float64,
    "half_life_days": pl.Float64,
    "half_life_se_days": pl.Float64,
    "kelim_per_day": pl.Float64,
    "kelim_se_per_day": pl.Float64,
    "kelim_readings": pl.Int64,
    "psa_doubling_time_months": pl.Float64,
    "psa_doubling_time_se_months": pl.Float64,
    "reference_change_pct": pl.Float64,
    "last_change_beyond_reference": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One patient's values of one quantity, oldest first, from the baseline on.

    Attributes:
        day: shape (visits,), rising.
        value: mm for a sum of diameters, else the marker's unit, shape (visits,).
        day_before, value_before: the reading before the baseline; None when there is none.
        quantity: the sum of diameters or a marker's name.
        diameters: true for a sum of diameters, whose volumes grow three times as fast.
    """

    day: FloatArray
    value: FloatArray
    day_before: float | None
    value_before: float | None
    quantity: str
    diameters: bool


def series_metrics(
    readings: pl.DataFrame,
    diameters: str = "sum_of_diameters_mm",
    progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Growth metrics of every series.

    Args:
        readings: `patient_id, quantity, unit, day, value`; what could not be measured has no row. The baseline
            of a series is its last reading up to day 0, or its first.
        diameters: the quantity whose values are diameters.
        progress: called with series done and series in all.

    Returns:
        One row a patient and quantity, `SERIES_METRICS_SCHEMA`; null where a metric cannot be computed.
    """
    frame = readings.drop_nulls("value").sort("patient_id", "quantity", "day")
    starts = frame.select(
        pl.struct("patient_id", "quantity").rle().struct.field("len").cast(pl.Int64)
    ).to_series()
    ends = starts.cum_sum().to_list()
    day, value = frame["day"].to_numpy().astype(float), frame["value"].to_numpy().astype(float)
    names = frame.select("patient_id", "quantity", "unit")
    rows: list[Mapping[str, Number]] = []
    first = 0
    for done, end in enumerate(ends, start=1):
        patient_id, quantity, unit = names.row(first)
        series = _from_baseline(day[first:end], value[first:end], quantity, diameters=quantity == diameters)
        rows.append({"patient_id": patient_id, "quantity": quantity, "unit": unit, **_metrics(series)})
        first = end
        if progress is not None:
            progress(done, len(ends))
    return pl.DataFrame(rows, schema=SERIES_METRICS_SCHEMA).with_columns(pl.selectors.float().fill_nan(None))


def _from_baseline(day: FloatArray, value: FloatArray, quantity: str, *, diameters: bool) -> Series:
    start = max(int((day <= 0).sum()) - 1, 0)
    return Series(
        day=day[start:],
        value=value[start:],
        day_before=float(day[start - 1]) if start else None,
        value_before=float(value[start - 1]) if start else None,
        quantity=quantity,
        diameters=diameters,
    )


def _metrics(series: Series) -> dict[str, Number]:
    return {
        **_sizes(series),
        **(_lengths(series) if series.diameters else _marker(series)),
        **_slopes(series),
        **_fit(series),
    }


def _sizes(series: Series) -> dict[str, Number]:
    day, value = series.day, series.value
    return {
        "readings": int(value.size),
        "first_day": int(day[0]),
        "last_day": int(day[-1]),
        "baseline_value": float(value[0]),
        "nadir_value": float(value.min()),
        "last_value": float(value[-1]),
        "change_from_baseline_pct": float(change_from_baseline_pct(value)[-1]),
        "change_from_nadir_pct": float(change_from_nadir_pct(value)[-1]),
        "depth_of_response_pct": depth_of_response_pct(value),
        "early_shrinkage_pct": early_shrinkage_pct(day, value),
        "time_to_nadir_weeks": time_to_nadir_weeks(day, value),
    }


def _lengths(series: Series) -> dict[str, Number]:
    """Metrics that only diameters have."""
    day, value = series.day, series.value
    nadir = float(value.min())
    gap = progression_gap(float(value[-1]), nadir)
    found: dict[str, Number] = {
        "doublings_since_nadir": doublings(nadir, float(value[-1])) if nadir > 0 else None,
        "progression_sum_mm": gap.progression_sum_mm,
        "progression_to_go_mm": gap.to_go_mm,
        "doublings_to_progression": gap.doublings if math.isfinite(gap.doublings) else None,
    }
    if series.day_before is not None and series.value_before:
        found["growth_rate_before_pct_per_month"] = tumour_growth_rate_pct_per_month(
            float(day[0]) - series.day_before, series.value_before, float(value[0])
        )
    for name, later in (("growth_rate_early_pct_per_month", 1), ("growth_rate_last_pct_per_month", -1)):
        if value.size > 1 and value[later - 1] > 0:
            found[name] = tumour_growth_rate_pct_per_month(
                float(day[later] - day[later - 1]), float(value[later - 1]), float(value[later])
            )
    return found


def _marker(series: Series) -> dict[str, Number]:
    """Metrics that only markers have."""
    day, value = series.day, series.value
    found: dict[str, Number] = {}
    half_life = half_life_days(day, value)
    if half_life is not None:
        found |= {"half_life_days": half_life.time, "half_life_se_days": half_life.standard_error}
    if series.quantity in KELIM_MARKERS and (value > 0).all():
        rate = kelim(day, value)
        if rate is not None:
            found |= {
                "kelim_per_day": rate.kelim_per_day,
                "kelim_se_per_day": rate.kelim_se_per_day,
                "kelim_readings": rate.readings,
            }
    if series.quantity == "PSA":
        nadir = int(value.size - 1 - np.argmin(value[::-1]))
        doubling = psa_doubling_time_months(day[nadir:], value[nadir:])
        if doubling is not None:
            found |= {
                "psa_doubling_time_months": doubling.time,
                "psa_doubling_time_se_months": doubling.standard_error,
            }
    known = MARKERS.get(series.quantity)
    if known is not None and known.reference_change_log is not None:
        found["reference_change_pct"] = known.reference_change_pct
        if value.size > 1 and (value[-2:] > 0).all():
            change = abs(math.log(value[-1] / value[-2]))
            found["last_change_beyond_reference"] = bool(change > known.reference_change_log)
    return found


def _slopes(series: Series) -> dict[str, Number]:
    """Log slopes of the first step, of the last, and of all values from the nadir on."""
    day, value = series.day, series.value
    found: dict[str, Number] = {}
    for name, part in (
        ("first_log_slope_per_week", slice(0, 2)),
        ("last_log_slope_per_week", slice(-2, None)),
    ):
        if value.size > 1 and (value[part] > 0).all():
            found[name] = log_slope(day[part], value[part]).per_week
    nadir = int(value.size - 1 - np.argmin(value[::-1]))
    if value.size - nadir < 2 or value[nadir] == 0:
        return found
    since = log_slope(day[nadir:], value[nadir:])
    found["growth_since_nadir_per_week"] = since.per_week
    found["growth_since_nadir_se_per_week"] = since.standard_error_per_week
    found["doubling_time_weeks"] = doubling_time_weeks(since.per_week)
    # Delta method: ln 2 / g has the relative error of g.
    found["doubling_time_se_weeks"] = (
        doubling_time_weeks(since.per_week) * since.standard_error_per_week / since.per_week
        if since.per_week > 0
        else None
    )
    if series.diameters:
        volume_rate = VOLUME_PER_DIAMETER_RATE * since.per_week
        found["growth_since_nadir_volume_per_week"] = volume_rate
        found["volume_doubling_time_weeks"] = doubling_time_weeks(volume_rate)
    return found


def _fit(series: Series) -> dict[str, Number]:
    fit = fit_regression_growth(series.day, series.value)
    if fit is None:
        return {}
    found: dict[str, Number] = asdict(fit)
    found |= {
        "fit_model": found.pop("model"),
        "fit_time_to_nadir_weeks": found.pop("time_to_nadir_weeks"),
        "fit_residual_sd": found.pop("residual_sd"),
    }
    del found["aic"], found["readings"]
    if series.diameters:
        for name in ("kill", "regrowth"):
            rate = found[f"{name}_per_week"]
            found[f"{name}_volume_per_week"] = (
                VOLUME_PER_DIAMETER_RATE * rate if isinstance(rate, float) else None
            )
    return found
