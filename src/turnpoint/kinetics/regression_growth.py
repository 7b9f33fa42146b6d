"""Regression and growth rates of one series by least squares: the g-d family of Stein, Fojo and colleagues.

    f(t) = value(t) / value(first)            t in weeks from the first value

    gd      exp(-d·t) + exp(g·t) - 1          2 parameters
    g       exp(g·t)                          1
    d       exp(-d·t)                         1
    gdphi   (1-φ)·exp(-d·t) + φ·exp(g·t)      3; φ is the share that grows

The model is chosen as the R package tumgr does it: of those with more values than parameters that converge within
bounds and whose every parameter differs from 0 (p < 0.1), the one with the least AIC. What we do otherwise: time
starts at 0, not 1; g of gdphi is the raw rate, where tumgr reports g·sqrt(1-φ'); the time to the nadir is never
negative; and every number has its standard error.

Rates are on the scale of the values. The volume's late rate is three times a diameter's.

Source: Stein et al. 2008, doi:10.1634/theoncologist.2008-0016; tumgr 0.0.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import leastsq
from scipy.stats import t as student

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.arrays import DAYS_PER_WEEK, FloatArray, checked_series

LARGEST_RATE_PER_WEEK = 7.0  # tumgr: 1 a day
P_VALUE = 0.1
_START_PER_WEEK = 0.035  # tumgr: 0.00511 a day
# Two values this close are the same, and no trend (tumgr).
_SAME_LOW, _SAME_HIGH = 0.8, 1.2
_LARGEST_EXPONENT = 50.0
# Below this mean square error, in units of the first value, a fit is exact: AIC must not reward a longer one for it.
_EXACT = 1e-12

Curve = Callable[[FloatArray, FloatArray], FloatArray]
Slopes = Callable[[FloatArray, FloatArray], list[FloatArray]]


@dataclass(frozen=True, slots=True)
class RegressionGrowth:
    """The chosen model of one series.

    Attributes:
        model: `gd`, `g`, `d` or `gdphi`.
        kill_per_week, regrowth_per_week: d and g on the scale of the values; None when the model has none.
        growing_fraction: φ of gdphi, else None.
        kill_se_per_week, regrowth_se_per_week, growing_fraction_se: standard errors; None likewise.
        time_to_nadir_weeks: from the first value, 0 or more; None when the model never turns (`d`).
        residual_sd: SD of the residuals, as a share of the first value.
        aic: to within a constant of the series.
        readings: values it is from.
    """

    model: str
    kill_per_week: float | None
    regrowth_per_week: float | None
    growing_fraction: float | None
    kill_se_per_week: float | None
    regrowth_se_per_week: float | None
    growing_fraction_se: float | None
    time_to_nadir_weeks: float | None
    residual_sd: float
    aic: float
    readings: int


@dataclass(frozen=True, slots=True)
class _Model:
    """One member of the family: `parameters` are names, `curve` and `slopes` take (parameters, weeks)."""

    parameters: tuple[str, ...]
    curve: Curve
    slopes: Slopes
    starts: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class _Fit:
    name: str
    values: Mapping[str, float]
    errors: Mapping[str, float]
    residual_sd: float
    aic: float


def fit_regression_growth(days: ArrayLike, values: ArrayLike) -> RegressionGrowth | None:
    """Fit the family to one series and choose.

    Args:
        days: shape (visits,), rising.
        values: sums of diameters or a marker's values, shape (visits,), the first above 0.

    Returns:
        The chosen model; None when there is nothing to fit (one value, all alike, two within 20 %, a first value
        of 0) or no model passes.

    Raises:
        MeasurementError: the series is not one.
    """
    day, value = checked_series("values", days, values)
    if value.size < 2 or value[0] == 0 or (value == value[0]).all():
        return None
    size: FloatArray = value / value[0]
    if size.size == 2 and _SAME_LOW <= size[1] <= _SAME_HIGH:
        return None
    week: FloatArray = (day - day[0]) / DAYS_PER_WEEK
    fits = [_fitted(name, model, week, size) for name, model in _MODELS.items()]
    passing = [fit for fit in fits if fit is not None]
    if not passing:
        return None
    best = min(passing, key=lambda fit: fit.aic)
    return RegressionGrowth(
        model=best.name,
        kill_per_week=best.values.get("d"),
        regrowth_per_week=best.values.get("g"),
        growing_fraction=best.values.get("phi"),
        kill_se_per_week=best.errors.get("d"),
        regrowth_se_per_week=best.errors.get("g"),
        growing_fraction_se=best.errors.get("phi"),
        time_to_nadir_weeks=_time_to_nadir(best.values),
        residual_sd=best.residual_sd,
        aic=best.aic,
        readings=int(value.size),
    )


def time_to_nadir_weeks(
    kill_per_week: float, regrowth_per_week: float, growing_fraction: float | None = None
) -> float:
    """When the fitted curve is smallest, in weeks from its start; 0 when it only grows.

        gd:     max(0, ln(d/g) / (g+d))
        gdphi:  max(0, ln[d(1-φ) / (gφ)] / (g+d))

    Args:
        kill_per_week: d, 0 or more.
        regrowth_per_week: g, above 0; without growth there is no nadir.
        growing_fraction: φ, above 0 and at most 1; None for gd.

    Raises:
        MeasurementError: a number out of range.

    >>> round(time_to_nadir_weeks(0.06, 0.02), 2), time_to_nadir_weeks(0.02, 0.06)
    (13.73, 0.0)
    """
    share = 0.5 if growing_fraction is None else growing_fraction
    if not (0.0 <= kill_per_week < math.inf and 0.0 < regrowth_per_week < math.inf and 0.0 < share <= 1.0):
        raise MeasurementError(
            f"kill_per_week={kill_per_week:g}, regrowth_per_week={regrowth_per_week:g}, "
            f"growing_fraction={growing_fraction}: no nadir. "
            "Give a kill of 0 or more, a regrowth above 0 and a fraction above 0 up to 1."
        )
    odds = 1.0 if growing_fraction is None else (1.0 - growing_fraction) / growing_fraction
    ratio = odds * kill_per_week / regrowth_per_week
    return max(0.0, math.log(ratio) / (kill_per_week + regrowth_per_week)) if ratio > 0 else 0.0


def _fitted(name: str, model: _Model, week: FloatArray, size: FloatArray) -> _Fit | None:
    """The model's best fit, or None when it does not pass."""
    count, freedom = len(model.parameters), size.size - len(model.parameters)
    if freedom <= 0:
        return None
    best: tuple[float, FloatArray] | None = None
    for start in model.starts:
        solution, _, _, _, flag = leastsq(
            lambda theta: model.curve(theta, week) - size,
            np.array(start),
            Dfun=lambda theta: np.array(model.slopes(theta, week)),
            col_deriv=True,
            full_output=True,
            maxfev=200,
        )
        residual = model.curve(solution, week) - size
        squares = float(residual @ residual)
        if flag in {1, 2, 3, 4} and (best is None or squares < best[0]):
            best = squares, solution
    if best is None or not _within_bounds(model, best[1]):
        return None
    squares, solution = best
    errors = _standard_errors(np.array(model.slopes(solution, week)), squares / freedom)
    if errors is None or not _all_differ_from_zero(solution, errors, freedom):
        return None
    aic = size.size * math.log(max(squares / size.size, _EXACT)) + 2.0 * count
    return _Fit(
        name,
        dict(zip(model.parameters, solution.tolist(), strict=True)),
        dict(zip(model.parameters, errors.tolist(), strict=True)),
        math.sqrt(squares / freedom),
        aic,
    )


def _within_bounds(model: _Model, solution: FloatArray) -> bool:
    most = np.array([1.0 if name == "phi" else LARGEST_RATE_PER_WEEK for name in model.parameters])
    return bool(((solution > 0) & (solution < most)).all())


def _standard_errors(slopes: FloatArray, variance: float) -> FloatArray | None:
    """Square roots of the diagonal of σ²(JᵀJ)⁻¹; None when the parameters cannot be told apart."""
    information = slopes @ slopes.T
    if np.linalg.cond(information) > 1e12:
        return None
    errors: FloatArray = np.sqrt(variance * np.diag(np.linalg.inv(information)))
    return errors


def _all_differ_from_zero(solution: FloatArray, errors: FloatArray, freedom: int) -> bool:
    largest_error = float(np.max(errors / solution))
    return largest_error == 0.0 or bool(2.0 * student.sf(1.0 / largest_error, freedom) < P_VALUE)


def _time_to_nadir(values: Mapping[str, float]) -> float | None:
    if "g" not in values:
        return None
    if "d" not in values:
        return 0.0
    return time_to_nadir_weeks(values["d"], values["g"], values.get("phi"))


def _exp(exponent: FloatArray) -> FloatArray:
    grown: FloatArray = np.exp(np.clip(exponent, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
    return grown


_MODELS: Mapping[str, _Model] = {
    "gd": _Model(
        ("d", "g"),
        lambda p, t: _exp(-p[0] * t) + _exp(p[1] * t) - 1.0,
        lambda p, t: [-t * _exp(-p[0] * t), t * _exp(p[1] * t)],
        ((_START_PER_WEEK, _START_PER_WEEK),),
    ),
    "g": _Model(
        ("g",), lambda p, t: _exp(p[0] * t), lambda p, t: [t * _exp(p[0] * t)], ((_START_PER_WEEK,),)
    ),
    "d": _Model(
        ("d",), lambda p, t: _exp(-p[0] * t), lambda p, t: [-t * _exp(-p[0] * t)], ((_START_PER_WEEK,),)
    ),
    "gdphi": _Model(
        ("d", "g", "phi"),
        lambda p, t: (1.0 - p[2]) * _exp(-p[0] * t) + p[2] * _exp(p[1] * t),
        lambda p, t: [
            -t * (1.0 - p[2]) * _exp(-p[0] * t),
            t * p[2] * _exp(p[1] * t),
            _exp(p[1] * t) - _exp(-p[0] * t),
        ],
        ((2 * _START_PER_WEEK, _START_PER_WEEK, 0.1), (10 * _START_PER_WEEK, _START_PER_WEEK, 0.5)),
    ),
}
