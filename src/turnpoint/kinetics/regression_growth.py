"""Regression and growth rates by least squares: the g-d family of Stein, Fojo and colleagues.

    f(t) = value(t) / value(first)            t in weeks from the first value

    gd      exp(-d·t) + exp(g·t) - 1          2 parameters
    g       exp(g·t)                          1, tumgr's gx
    d       exp(-d·t)                         1, tumgr's dx
    gdphi   (1-φ)·exp(-d·t) + φ·exp(g·t)      3; φ is the share that grows

The model is chosen as the R package tumgr does it: of those with more values than parameters that converge within
bounds and whose every parameter differs from 0 (p < 0.1), the one with the least AIC. What we do otherwise: time
starts at 0, not 1; g of gdphi is the raw rate, where tumgr reports g·sqrt(1-φ'); the time to the nadir is never
negative; and every number has its standard error. Each model is fitted from tumgr's start and from the best point of
a coarse grid, and the better of the fits within bounds counts.

Rates are on the scale of the values. The volume's late rate is three times a diameter's.

Source: Stein et al. 2008, doi:10.1634/theoncologist.2008-0016; tumgr 0.0.4.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.arrays import DAYS_PER_WEEK, FloatArray, checked_series
from turnpoint.kinetics.least_squares import Solutions, least_squares

LARGEST_RATE_PER_WEEK = 7.0  # tumgr: 1 a day
P_VALUE = 0.1
_START_PER_WEEK = 0.035  # tumgr: 0.00511 a day
# Two values this close are the same, and no trend (tumgr).
_SAME_LOW, _SAME_HIGH = 0.8, 1.2
_LARGEST_EXPONENT = 50.0
# A search is given up at a rate, or a logit of φ, beyond any that counts.
_FARTHEST = 40.0
# Below this mean square error, in units of the first value, a fit is exact: AIC must not reward a longer one for it.
_EXACT = 1e-12
# The coarse grid, a week; φ is the best there is at each pair of rates.
_RATES = (0.003, 0.006, 0.012, 0.022, 0.04, 0.07, 0.12, 0.2, 0.35, 0.6, 1.2)
_SLOWER_RATES = tuple(rate for rate in _RATES if rate <= 0.2)
_LEAST_SHARE = 1e-9

# Both take parameters of shape (parameters, series, 1) and weeks of shape (series, readings).
Curve = Callable[[FloatArray, FloatArray], FloatArray]
Slopes = Callable[[FloatArray, FloatArray], list[FloatArray]]


@dataclass(frozen=True, slots=True)
class RegressionGrowth:
    """The chosen model of one series.

    Attributes:
        model: `gd`, `g`, `d` or `gdphi`.
        kill_per_week, regrowth_per_week: d and g on the scale of the values; None when the model has none.
        growing_fraction: φ of gdphi, else None.
        kill_se_per_week, regrowth_se_per_week, growing_fraction_se: standard errors; None likewise, and when the
            model has as many parameters as there are later readings: it runs through all of them, and nothing is
            left that could tell the error.
        time_to_nadir_weeks: from the first value, 0 or more; None when the model never turns (`d`).
        time_to_nadir_se_weeks: its standard error by the delta method; None where those are, and
            at 0, the end of its range.
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
    time_to_nadir_se_weeks: float | None
    residual_sd: float
    aic: float
    readings: int


@dataclass(frozen=True, slots=True)
class _Model:
    """One member of the family: `parameters` are names, `start` is tumgr's."""

    name: str
    parameters: tuple[str, ...]
    curve: Curve
    slopes: Slopes
    start: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Fits:
    """One model's fits to series of one length, shape (series, ...); `passes` says which may be chosen."""

    model: _Model
    values: FloatArray
    covariance: FloatArray
    residual_sd: FloatArray
    aic: FloatArray
    passes: NDArray[np.bool_]


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
    return fit_each_regression_growth([checked_series("values", days, values)])[0]


def fit_each_regression_growth(
    series: Sequence[tuple[FloatArray, FloatArray]],
) -> list[RegressionGrowth | None]:
    """Fit the family to many series, each by itself; far quicker than one after the other.

    Args:
        series: days and values of each, as `fit_regression_growth` takes them, already checked.

    Returns:
        What `fit_regression_growth` gives for each.
    """
    chosen: list[RegressionGrowth | None] = [None] * len(series)
    of_length: defaultdict[int, list[int]] = defaultdict(list)
    for number, (_, value) in enumerate(series):
        if _has_trend(value):
            of_length[value.size].append(number)
    for numbers in of_length.values():
        day = np.stack([series[number][0] for number in numbers])
        value = np.stack([series[number][1] for number in numbers])
        fits = _fit_models((day - day[:, :1]) / DAYS_PER_WEEK, value / value[:, :1])
        for place, number in enumerate(numbers):
            chosen[number] = _choose(fits, place, day.shape[1])
    return chosen


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


def _has_trend(value: FloatArray) -> bool:
    if value.size < 2 or value[0] == 0 or bool((value == value[0]).all()):
        return False
    return value.size > 2 or not _SAME_LOW <= value[1] / value[0] <= _SAME_HIGH


def _fit_models(week: FloatArray, size: FloatArray) -> list[_Fits]:
    """Every model that has fewer parameters than the series have readings."""
    return [_fitted(model, week, size) for model in _MODELS if len(model.parameters) < size.shape[1]]


def _fitted(model: _Model, week: FloatArray, size: FloatArray) -> _Fits:
    """The model's best fits, and which of them pass."""
    count, readings = len(model.parameters), size.shape[1]
    best = _better(
        model,
        _solved(model, week, size, np.tile(model.start, (len(size), 1))),
        _solved_from_grid(model, week, size),
    )
    variance = best.squares / (readings - count)
    information = best.slopes @ best.slopes.transpose(0, 2, 1)
    tells_apart = best.converged & np.isfinite(information).all(axis=(1, 2))
    information[~tells_apart] = np.eye(count)
    tells_apart &= np.linalg.cond(information) <= 1e12
    information[~tells_apart] = np.eye(count)
    covariance = variance[:, None, None] * np.linalg.inv(information)
    passes = tells_apart & _within_bounds(model, best.values)
    passes &= _all_differ_from_zero(best.values, covariance, readings - count)
    aic = readings * np.log(np.maximum(best.squares / readings, _EXACT)) + 2.0 * count
    return _Fits(model, best.values, covariance, np.sqrt(variance), aic, passes)


def _solved(model: _Model, week: FloatArray, size: FloatArray, start: FloatArray) -> Solutions:
    """Least squares from this start, searched in logit φ: in φ itself the valley bends too much to walk along."""
    shares = np.array([name == "phi" for name in model.parameters])

    def natural(searched: FloatArray) -> FloatArray:
        return np.where(shares, expit(searched), searched)

    def residuals(searched: FloatArray, numbers: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        values, weeks = natural(searched), week[numbers]
        chain = np.where(shares, values * (1.0 - values), 1.0)
        parameters = values.T[:, :, None]
        slopes = np.stack(model.slopes(parameters, weeks), axis=1) * chain[:, :, None]
        return model.curve(parameters, weeks) - size[numbers], slopes

    with np.errstate(divide="ignore", invalid="ignore"):
        found = least_squares(residuals, np.where(shares, logit(start), start), _FARTHEST)
    values = natural(found.values)
    slopes = np.stack(model.slopes(values.T[:, :, None], week), axis=1)
    return Solutions(values, found.squares, slopes, found.converged)


def _solved_from_grid(model: _Model, week: FloatArray, size: FloatArray) -> Solutions:
    """Least squares from the best point of the grid, or from its best slower one where that leads nowhere.

    A kill that is over before the second reading looks the same at any rate, and the search from it may run away.
    """
    first = _solved(model, week, size, _best_of_grid(model, week, size, _RATES))
    again = np.flatnonzero(~(first.converged & _within_bounds(model, first.values)))
    if not again.size:
        return first
    slower = _best_of_grid(model, week[again], size[again], _SLOWER_RATES)
    second = _solved(model, week[again], size[again], slower)
    for found, retried in (
        (first.values, second.values),
        (first.squares, second.squares),
        (first.slopes, second.slopes),
        (first.converged, second.converged),
    ):
        found[again] = retried
    return first


def _best_of_grid(model: _Model, week: FloatArray, size: FloatArray, kills: Sequence[float]) -> FloatArray:
    """The point of the coarse grid with the least squares, of each series: shape (series, parameters)."""
    best, least = np.tile(model.start, (len(size), 1)), np.full(len(size), np.inf)
    rates = [kills if name == "d" else _RATES for name in model.parameters if name != "phi"]
    for point in product(*rates):
        tried = np.tile(point, (len(size), 1))
        if len(rates) < len(model.parameters):
            kill, regrowth = point
            tried = np.column_stack([tried, _best_share(kill, regrowth, week, size)])
        squares = np.sum((model.curve(tried.T[:, :, None], week) - size) ** 2, axis=1)
        less = squares < least
        best[less], least[less] = tried[less], squares[less]
    return best


def _best_share(kill: float, regrowth: float, week: FloatArray, size: FloatArray) -> FloatArray:
    """φ of least squares at these rates, of each series: the curve is a straight line in φ."""
    dying, growing = _exp(-kill * week), _exp(regrowth * week)
    span = growing - dying
    share = np.sum(span * (size - dying), axis=1) / np.sum(span**2, axis=1)
    within: FloatArray = np.clip(share, _LEAST_SHARE, 1.0 - _LEAST_SHARE)
    return within


def _better(model: _Model, first: Solutions, second: Solutions) -> Solutions:
    """Of two solutions of each series, the one with less squares among those converged within bounds."""

    def cost(found: Solutions) -> FloatArray:
        good = found.converged & _within_bounds(model, found.values)
        return np.where(good, found.squares, np.inf)

    take = cost(second) < cost(first)
    return Solutions(
        np.where(take[:, None], second.values, first.values),
        np.where(take, second.squares, first.squares),
        np.where(take[:, None, None], second.slopes, first.slopes),
        np.where(take, second.converged, first.converged),
    )


def _within_bounds(model: _Model, values: FloatArray) -> NDArray[np.bool_]:
    most = np.array([1.0 if name == "phi" else LARGEST_RATE_PER_WEEK for name in model.parameters])
    return np.asarray(((values > 0) & (values < most)).all(axis=1))


def _all_differ_from_zero(values: FloatArray, covariance: FloatArray, freedom: int) -> NDArray[np.bool_]:
    errors = np.sqrt(np.einsum("npp->np", covariance))
    least = np.min(np.abs(values) / np.maximum(errors, 1e-300), axis=1)
    return np.asarray(2.0 * student.sf(least, freedom) < P_VALUE)


def _choose(fits: Sequence[_Fits], place: int, readings: int) -> RegressionGrowth | None:
    """The fit of the series at this place with the least AIC of those that pass."""
    passing = [fit for fit in fits if fit.passes[place]]
    if not passing:
        return None
    best = min(passing, key=lambda fit: float(fit.aic[place]))
    names, covariance = best.model.parameters, best.covariance[place]
    values: Mapping[str, float] = dict(zip(names, best.values[place].tolist(), strict=True))
    # Every model is 1 at the first reading, so only the later ones have residuals.
    told = readings - 1 > len(names)
    errors: Mapping[str, float] = (
        dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True)) if told else {}
    )
    weeks = _time_to_nadir(values)
    return RegressionGrowth(
        model=best.model.name,
        kill_per_week=values.get("d"),
        regrowth_per_week=values.get("g"),
        growing_fraction=values.get("phi"),
        kill_se_per_week=errors.get("d"),
        regrowth_se_per_week=errors.get("g"),
        growing_fraction_se=errors.get("phi"),
        time_to_nadir_weeks=weeks,
        time_to_nadir_se_weeks=_time_to_nadir_se(values, weeks, covariance) if told and weeks else None,
        residual_sd=float(best.residual_sd[place]),
        aic=float(best.aic[place]),
        readings=readings,
    )


def _time_to_nadir(values: Mapping[str, float]) -> float | None:
    if "g" not in values:
        return None
    if "d" not in values:
        return 0.0
    return time_to_nadir_weeks(values["d"], values["g"], values.get("phi"))


def _time_to_nadir_se(values: Mapping[str, float], weeks: float, covariance: FloatArray) -> float:
    """Standard error by the delta method.

    With t = ln(d·odds / g) / (g+d):  ∂t/∂d = (1/d - t) / (g+d),  ∂t/∂g = (-1/g - t) / (g+d),
    ∂t/∂φ = -1 / (φ(1-φ)(g+d)).
    """
    kill, regrowth, share = values["d"], values["g"], values.get("phi")
    slopes = [1.0 / kill - weeks, -1.0 / regrowth - weeks]
    if share is not None:
        slopes.append(-1.0 / (share * (1.0 - share)))
    slope = np.array(slopes) / (kill + regrowth)
    return math.sqrt(max(float(slope @ covariance @ slope), 0.0))


def _exp(exponent: FloatArray) -> FloatArray:
    grown: FloatArray = np.exp(np.clip(exponent, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
    return grown


_MODELS: tuple[_Model, ...] = (
    _Model(
        "gd",
        ("d", "g"),
        lambda p, t: _exp(-p[0] * t) + _exp(p[1] * t) - 1.0,
        lambda p, t: [-t * _exp(-p[0] * t), t * _exp(p[1] * t)],
        (_START_PER_WEEK, _START_PER_WEEK),
    ),
    _Model("g", ("g",), lambda p, t: _exp(p[0] * t), lambda p, t: [t * _exp(p[0] * t)], (_START_PER_WEEK,)),
    _Model(
        "d", ("d",), lambda p, t: _exp(-p[0] * t), lambda p, t: [-t * _exp(-p[0] * t)], (_START_PER_WEEK,)
    ),
    _Model(
        "gdphi",
        ("d", "g", "phi"),
        lambda p, t: (1.0 - p[2]) * _exp(-p[0] * t) + p[2] * _exp(p[1] * t),
        lambda p, t: [
            -t * (1.0 - p[2]) * _exp(-p[0] * t),
            t * p[2] * _exp(p[1] * t),
            _exp(p[1] * t) - _exp(-p[0] * t),
        ],
        (_START_PER_WEEK, _START_PER_WEEK, 0.1),
    ),
)
