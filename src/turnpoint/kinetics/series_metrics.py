"""Every growth metric of every series, one row a patient and quantity: the fits of many at once, the rest in a loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from turnpoint.kinetics.arrays import DAYS_PER_WEEK, FloatArray
from turnpoint.kinetics.change import (
    EARLY_SHRINKAGE_CUT_PCT,
    change_from_baseline_pct,
    change_from_nadir_pct,
    depth_of_response_pct,
    early_shrinkage_pct,
    shrinkage_around_week_8_pct,
    time_to_nadir_weeks,
)
from turnpoint.kinetics.elimination import (
    KELIM_PRIORS,
    Elimination,
    half_life_days,
    kelim_of_each,
    psa_doubling_time_months,
)
from turnpoint.kinetics.growth_rates import (
    VOLUME_PER_DIAMETER_RATE,
    doubling_time_weeks,
    log_slope,
    tumour_growth_rate_pct_per_month,
)
from turnpoint.kinetics.progression_gap import progression_gap
from turnpoint.kinetics.regression_growth import RegressionGrowth, fit_each_regression_growth
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
    "early_shrinkage_reached": pl.Boolean,
    "time_to_nadir_weeks": pl.Float64,
    "doublings_since_nadir": pl.Float64,
    "progression_sum_mm": pl.Float64,
    "progression_to_go_mm": pl.Float64,
    "doublings_to_progression": pl.Float64,
    "growth_rate_before_pct_per_month": pl.Float64,
    "growth_rate_early_pct_per_month": pl.Float64,
    "growth_rate_last_pct_per_month": pl.Float64,
    "first_log_slope_per_week": pl.Float64,
    "first_log_slope_se_per_week": pl.Float64,
    "last_log_slope_per_week": pl.Float64,
    "last_log_slope_se_per_week": pl.Float64,
    "log_slope_until_nadir_per_week": pl.Float64,
    "log_slope_until_nadir_se_per_week": pl.Float64,
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
    "fit_time_to_nadir_se_weeks": pl.Float64,
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
# Series fitted together: enough to share the work, few enough for the progress to move.
_TOGETHER = 2000


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
    operations: Mapping[str, int] | None = None,
) -> pl.DataFrame:
    """Growth metrics of every series.

    Args:
        readings: `patient_id, quantity, unit, day, value`; what could not be measured has no row. The baseline
            of a series is its last reading up to day 0, or its first.
        diameters: the quantity whose values are diameters.
        progress: called with series done and series in all.
        operations: by patient, the day of the first operation on the tumour; KELIM looks at nothing after it.

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
    for start in range(0, len(ends), _TOGETHER):
        bounds = list(pairwise([0, *ends][start : start + _TOGETHER + 1]))
        labels = [names.row(first, named=True) for first, _ in bounds]
        several = [
            _from_baseline(
                day[first:end],
                value[first:end],
                label["quantity"],
                diameters=label["quantity"] == diameters,
            )
            for (first, end), label in zip(bounds, labels, strict=True)
        ]
        fits = fit_each_regression_growth([(series.day, series.value) for series in several])
        eliminations = _eliminations(
            several, [(operations or {}).get(label["patient_id"], math.inf) for label in labels]
        )
        for label, series, fit, elimination in zip(labels, several, fits, eliminations, strict=True):
            rows.append({**label, **_metrics(series), **_fit(fit, series), **_elimination(elimination)})
            if progress is not None:
                progress(len(rows), len(ends))
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
        **_two_point_slopes(series),
        **_slopes_about_nadir(series),
    }


def _sizes(series: Series) -> dict[str, Number]:
    day, value = series.day, series.value
    around_week_8 = shrinkage_around_week_8_pct(day, value)
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
        "early_shrinkage_reached": (
            None if math.isnan(around_week_8) else around_week_8 >= EARLY_SHRINKAGE_CUT_PCT
        ),
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
        "doublings_to_progression": gap.doublings,
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


def _eliminations(several: Sequence[Series], last_days: Sequence[float]) -> list[Elimination | None]:
    """KELIM of each series of a marker that has one, from its values up to a day; None for the others."""
    found: list[Elimination | None] = [None] * len(several)
    for marker in KELIM_PRIORS:
        numbers = [
            number
            for number, series in enumerate(several)
            if series.quantity == marker and (series.value > 0).all()
        ]
        counted = [several[number].day <= last_days[number] for number in numbers]
        rates = kelim_of_each(
            [
                (several[number].day[own], several[number].value[own])
                for number, own in zip(numbers, counted, strict=True)
            ],
            marker,
        )
        for number, rate in zip(numbers, rates, strict=True):
            found[number] = rate
    return found


def _elimination(rate: Elimination | None) -> dict[str, Number]:
    if rate is None:
        return {}
    return {
        "kelim_per_day": rate.kelim_per_day,
        "kelim_se_per_day": rate.kelim_se_per_day,
        "kelim_readings": rate.readings,
    }


def _two_point_slopes(series: Series) -> dict[str, Number]:
    """Log slopes of the first step and of the last.

    Two values leave nothing over to tell an error, so the standard error is that of the marker's published
    variation, √2·sd / weeks; without one there is none.
    """
    day, value = series.day, series.value
    known = MARKERS.get(series.quantity)
    sd = None if known is None else known.sd_reference_log
    found: dict[str, Number] = {}
    for name, part in (("first_log_slope", slice(0, 2)), ("last_log_slope", slice(-2, None))):
        if value.size > 1 and (value[part] > 0).all():
            found[f"{name}_per_week"] = log_slope(day[part], value[part]).per_week
            if sd is not None:
                weeks = float(np.diff(day[part])[0]) / DAYS_PER_WEEK
                found[f"{name}_se_per_week"] = math.sqrt(2.0) * sd / weeks
    return found


def _slopes_about_nadir(series: Series) -> dict[str, Number]:
    """Least-squares log slopes down to the first smallest value, and up from the last one."""
    day, value = series.day, series.value
    found: dict[str, Number] = {}
    first, last = int(np.argmin(value)), int(value.size - 1 - np.argmin(value[::-1]))
    if first > 0 and value[first] > 0:
        until = log_slope(day[: first + 1], value[: first + 1])
        found["log_slope_until_nadir_per_week"] = until.per_week
        found["log_slope_until_nadir_se_per_week"] = until.standard_error_per_week
    if value.size - last < 2 or value[last] == 0:
        return found
    since = log_slope(day[last:], value[last:])
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


def _fit(fit: RegressionGrowth | None, series: Series) -> dict[str, Number]:
    if fit is None:
        return {}
    found: dict[str, Number] = asdict(fit)
    found |= {
        "fit_model": found.pop("model"),
        "fit_time_to_nadir_weeks": found.pop("time_to_nadir_weeks"),
        "fit_time_to_nadir_se_weeks": found.pop("time_to_nadir_se_weeks"),
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
