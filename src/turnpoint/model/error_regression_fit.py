"""Fit the regression of forecast errors: the smallest mean CRPS, with a ridge.

Public:
    fit_error_regression(origins, *, is_diameter, centre=None) -> ErrorRegression | None

What is minimised over the coefficients b of `model.error_regression`:

    sum_i CRPS(F_i, e_i) / sum_i CRPS(no change, e_i)  +  (ridge / n)·sum_k penalty_k·(b_k - centre_k)²

    CRPS(F, e) = ∫ (F(x) - [e <= x])² dx          Gneiting, Raftery 2007, doi:10.1198/016214506000001437, eq. 20

on a fixed grid of x, by L-BFGS with the analytic gradient. Without a centre the features' slopes are drawn to 0; with
one, a regression fitted elsewhere, all coefficients but the intercepts of repeat, location and scale are drawn to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from turnpoint.model.arrays import FloatArray
from turnpoint.model.error_features import SMALLEST_DIAMETER_MM, Origins
from turnpoint.model.error_regression import (
    CONSTANTS,
    LARGEST_SCALE,
    PREDICTORS,
    SMALLEST_SCALE,
    TERMS,
    ErrorLaw,
    ErrorRegression,
    law_of,
    log_size,
    with_intercept,
)
from turnpoint.model.floor_leaving import POOLED, fit_floor_law

FEWEST_ORIGINS = 100  # with fewer, 53 coefficients are not worth their noise
RIDGE = 1.0

# x of the integral: close around no change, both sides of it, out to a factor of 13.
_SIDE = np.geomspace(0.01, 2.6, 26)
_GRID = np.concatenate([-_SIDE[::-1], [-1e-6, 1e-6], _SIDE])
_SAME = 1e-9

_SLOPE_PENALTY = np.array([3.0, 10.0, 10.0, 10.0, 10.0])  # of the features, by predictor
_INTERCEPT_PENALTY = np.array([0.0, 0.0, 0.0, 1.0, 1.0])
_CONSTANT_PENALTY = np.array([1.0, 0.3, 1.0])
_USUAL_NARROW = 0.8  # logit: two thirds of the changes
_USUAL_CONSTANTS = np.array([0.8, -4.5, -1.0])  # tail 3.2 times as wide, 1 % of 25 mm lesions vanish

_ITERATIONS = 150
_SHORTEST_SCALE = 0.01
# Twice the gap that one in a hundred origins exceeds: well beyond it the regression would be guessing.
_LONG_GAP_QUANTILE, _LONGEST_IN_LONG_GAPS = 0.99, 2.0


def fit_error_regression(
    origins: Origins, *, is_diameter: bool, centre: ErrorRegression | None = None, ridge: float = RIDGE
) -> ErrorRegression | None:
    """The regression fitted to these origins.

    Args:
        origins: with known change; those that are not usable are left out.
        is_diameter: of the quantity.
        centre: a regression to shrink to, of the same kind.
        ridge: strength of the penalty.

    Returns:
        The regression; the centre (None without one) when there are fewer than 100 origins.
    """
    usable = origins.only(origins.usable & np.isfinite(origins.change))
    if len(usable.change) < FEWEST_ORIGINS:
        return centre
    problem = _Problem.of(usable, is_diameter, centre, ridge)
    found = minimize(
        problem.value_and_gradient,
        problem.start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS},
    ).x
    slopes, constants = _split(found)
    return ErrorRegression(
        is_diameter=is_diameter,
        slopes=slopes,
        constants=constants,
        origins=len(usable.change),
        longest_gap_days=_LONGEST_IN_LONG_GAPS * float(np.quantile(usable.gap_days, _LONG_GAP_QUANTILE)),
        floor=fit_floor_law(usable, POOLED if centre is None else centre.floor) if is_diameter else POOLED,
    )


def _cells() -> FloatArray:
    """Length of the axis that each point of `_GRID` stands for, shape (G,)."""
    edges = np.concatenate([_GRID[:1], (_GRID[1:] + _GRID[:-1]) / 2.0, _GRID[-1:]])
    cells: FloatArray = np.diff(edges)
    return cells


def _happened(change: FloatArray) -> FloatArray:
    """Whether each change is at or below each point of `_GRID`, 0 or 1, shape (R, G)."""
    return (change[:, None] <= _GRID + _SAME).astype(np.float64)


def _split(coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
    slopes, constants = coefficients[: -len(CONSTANTS)], coefficients[-len(CONSTANTS) :]
    return slopes.reshape(len(PREDICTORS), len(TERMS)), constants


def _joined(slopes: FloatArray, constants: FloatArray) -> FloatArray:
    return np.concatenate([slopes.ravel(), constants])


@dataclass(frozen=True, slots=True)
class _Problem:
    """The penalised mean CRPS and its gradient.

    Attributes:
        terms: intercept and features, shape (R, 10).
        log_size: for the chance to disappear, or None, shape (R,).
        happened: change <= grid, shape (R, G).
        weight: of each cell of the grid, summing over R and G to CRPS relative to no change, shape (R, G).
        start, centre, penalty: of the coefficients, shape (53,).
    """

    terms: FloatArray
    log_size: FloatArray | None
    happened: FloatArray
    weight: FloatArray
    start: FloatArray
    centre: FloatArray
    penalty: FloatArray

    @classmethod
    def of(
        cls, origins: Origins, is_diameter: bool, centre: ErrorRegression | None, ridge: float
    ) -> _Problem:
        change = origins.change
        before = _happened(change)
        weight = np.broadcast_to(_cells(), before.shape)
        if is_diameter:  # below the smallest diameter all is "disappeared"
            below = origins.last_log_value[:, None] + _GRID < np.log(SMALLEST_DIAMETER_MM) - _SAME
            weight = np.where(below, 0.0, weight)
        no_change = max(float((weight * ((_GRID >= 0.0) - before) ** 2).sum()), _SAME)
        penalty = np.repeat(_SLOPE_PENALTY[:, None], len(TERMS), axis=1)
        penalty[:, 0] = _INTERCEPT_PENALTY
        penalty = _joined(penalty, _CONSTANT_PENALTY)
        target = _no_slopes() if centre is None else _joined(centre.slopes, centre.constants)
        return cls(
            terms=with_intercept(origins.features),
            log_size=log_size(origins.last_log_value) if is_diameter else None,
            happened=before,
            weight=weight / no_change,
            start=np.where(penalty > 0.0, target, _usual(change)),
            centre=target,
            penalty=ridge / len(change) * penalty,
        )

    def value_and_gradient(self, coefficients: FloatArray) -> tuple[float, FloatArray]:
        """What is minimised, and its gradient, shape (53,)."""
        slopes, constants = _split(coefficients)
        law = law_of(slopes, constants, self.terms, self.log_size)
        vanish, repeat = law.vanish[:, None], law.repeat[:, None]
        pieces = _Pieces.of(law)
        free = (law.scale > SMALLEST_SCALE) & (law.scale < LARGEST_SCALE)
        step = _GRID >= 0.0
        there = repeat * step + (1.0 - repeat) * pieces.cdf
        residual = vanish + (1.0 - vanish) * there - self.happened
        weighted = self.weight * residual
        away = coefficients - self.centre
        value = float((weighted * residual).sum() + (self.penalty * away * away).sum())

        by_cdf = 2.0 * weighted  # derivative by F at each grid point
        by_there = by_cdf * (1.0 - vanish)
        by_continuous = by_there * (1.0 - repeat)
        by_predictors = np.stack(
            [
                (by_there * (step - pieces.cdf)).sum(axis=1) * law.repeat * (1.0 - law.repeat),
                -(by_continuous * pieces.density).sum(axis=1),
                -(by_continuous * pieces.density * _GRID).sum(axis=1) / law.scale * free,
                (by_continuous * (pieces.narrow - pieces.wide)).sum(axis=1) * law.narrow * (1.0 - law.narrow),
                -(by_continuous * pieces.wide_density).sum(axis=1),
            ]
        )
        by_vanish = (by_cdf * (1.0 - there)).sum(axis=1) * law.vanish * (1.0 - law.vanish)
        by_constants = np.array(
            [
                -(by_continuous * pieces.wide_density * pieces.wide_place).sum() * np.exp(constants[0]),
                by_vanish.sum(),
                0.0 if self.log_size is None else by_vanish @ self.log_size,
            ]
        )
        gradient = _joined(by_predictors @ self.terms, by_constants) + 2.0 * self.penalty * away
        return value, gradient


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The continuous part on the grid, shape (R, G); densities are by u, the change in scales."""

    narrow: FloatArray
    wide: FloatArray
    wide_place: FloatArray
    wide_density: FloatArray
    density: FloatArray
    cdf: FloatArray

    @classmethod
    def of(cls, law: ErrorLaw) -> _Pieces:
        share, tail_scale = law.narrow[:, None], law.tail_scale[:, None]
        u = _GRID / law.scale[:, None] - law.location[:, None]
        place = (u - law.tail_location[:, None]) / tail_scale
        narrow, wide = expit(u), expit(place)
        wide_density = (1.0 - share) * wide * (1.0 - wide) / tail_scale
        return cls(
            narrow=narrow,
            wide=wide,
            wide_place=place,
            wide_density=wide_density,
            density=share * narrow * (1.0 - narrow) + wide_density,
            cdf=wide + share * (narrow - wide),
        )


def _no_slopes() -> FloatArray:
    slopes = np.zeros((len(PREDICTORS), len(TERMS)))
    slopes[PREDICTORS.index("logit_narrow"), 0] = _USUAL_NARROW
    return _joined(slopes, _USUAL_CONSTANTS)


def _usual(change: FloatArray) -> FloatArray:
    """Where the search starts: the share of repeats and the usual size of a change."""
    slopes, _ = _split(_no_slopes())
    moved = np.abs(change[np.abs(change) > _SAME])
    repeats = 1.0 - len(moved) / len(change)
    slopes[PREDICTORS.index("logit_repeat"), 0] = np.log((repeats + 0.003) / (1.003 - repeats))
    slopes[PREDICTORS.index("log_scale"), 0] = np.log(
        max(0.6 * float(np.median(moved)) if len(moved) else 0.0, _SHORTEST_SCALE)
    )
    return _joined(slopes, _USUAL_CONSTANTS)
