"""Least squares of many small problems at once: Levenberg and Marquardt's method, every problem on its own path.

The damping follows how much of the promised gain each step brought, so that it settles instead of swinging.

A problem has a handful of parameters and readings. All problems of one call have as many of each, so that whole
arrays take a step together; the damping, the step and the end are each problem's own, and none depends on what it
is solved beside.

Source: Marquardt 1963, doi:10.1137/0111030; the damping is that of Nielsen 1999 (IMM-REP-1999-05).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnpoint.kinetics.arrays import FloatArray

# Residuals (problems, readings) and their slopes (problems, parameters, readings) of the problems with these
# numbers at these parameters (problems, parameters).
Residuals = Callable[[FloatArray, NDArray[np.intp]], tuple[FloatArray, FloatArray]]

_MOST_STEPS = 200
_SMALL_STEP = 1e-10
_LEAST_DAMPING, _FIRST_DAMPING, _MOST_DAMPING = 1e-12, 1e-3, 1e12
# The slope of the sum of squares along each parameter, as a cosine: below it nothing is left to gain.
_FLAT = 1e-7
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Solutions:
    """What was found for each problem.

    Attributes:
        values: shape (problems, parameters).
        squares: sum of squared residuals, shape (problems,).
        slopes: of the residuals at `values`, shape (problems, parameters, readings).
        converged: shape (problems,).
    """

    values: FloatArray
    squares: FloatArray
    slopes: FloatArray
    converged: NDArray[np.bool_]


def least_squares(residuals: Residuals, start: FloatArray, farthest: float = np.inf) -> Solutions:
    """Parameters of a least sum of squared residuals, near the start.

    Args:
        residuals: of the problems asked for.
        start: shape (problems, parameters).
        farthest: a problem is given up, as not converged, when a parameter is farther from 0 than this.
    """
    values, everyone = start.copy(), np.arange(len(start))
    residual, slopes = (array.copy() for array in residuals(values, everyone))
    squares = np.sum(residual**2, axis=1)
    damping, brake = np.full(len(start), _FIRST_DAMPING), np.full(len(start), 2.0)
    converged = np.zeros(len(start), dtype=np.bool_)
    active = everyone
    for _ in range(_MOST_STEPS):
        if active.size == 0:
            break
        step, promised = _step(slopes[active], residual[active], damping[active])
        tried = values[active] + step
        new_residual, new_slopes = residuals(tried, active)
        new_squares = np.sum(new_residual**2, axis=1)
        old_squares = squares[active]
        better = new_squares <= old_squares
        won = active[better]
        values[won], squares[won] = tried[better], new_squares[better]
        residual[won], slopes[won] = new_residual[better], new_slopes[better]
        gained = (old_squares - new_squares) / np.maximum(promised, 1e-300)
        ease = np.maximum(1.0 / 3.0, 1.0 - (2.0 * np.clip(gained, 0.0, 1.0) - 1.0) ** 3)
        damping[active] = np.maximum(damping[active] * np.where(better, ease, brake[active]), _LEAST_DAMPING)
        brake[active] = np.where(better, 2.0, 2.0 * brake[active])
        small = np.all(np.abs(step) <= _SMALL_STEP * (np.abs(values[active]) + _SMALL_STEP), axis=1)
        stuck = damping[active] > _MOST_DAMPING
        lost = np.any(np.abs(values[active]) > farthest, axis=1)
        finished = active[(small | stuck) & ~lost]
        converged[finished] = _is_flat(slopes[finished], residual[finished])
        active = active[~(small | stuck | lost)]
    # One that still creeps along a valley after so many steps counts when there is nothing left to gain.
    converged[active] = _is_flat(slopes[active], residual[active])
    return Solutions(values, squares, slopes, converged)


def _step(slopes: FloatArray, residual: FloatArray, damping: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The damped Gauss-Newton step of each problem, and how far it promises to lower the sum of squares."""
    normal = slopes @ slopes.transpose(0, 2, 1)
    downhill = -(slopes @ residual[:, :, None])[:, :, 0]
    # A parameter that moves nothing keeps still, but the matrix must have an inverse.
    damped = damping[:, None] * np.maximum(np.einsum("npp->np", normal), 1e-30)
    matrix = normal + damped[:, :, None] * np.eye(slopes.shape[1])
    step = np.linalg.solve(matrix, downhill[:, :, None])[:, :, 0]
    promised = np.sum(step * (damped * step + downhill), axis=1)
    return step, promised


def _is_flat(slopes: FloatArray, residual: FloatArray) -> NDArray[np.bool_]:
    """Whether every parameter moves the residuals, and none can make them smaller."""
    length = np.sqrt(np.sum(residual**2, axis=1))
    reach = np.sqrt(np.sum(slopes**2, axis=2))
    along = np.abs((slopes @ residual[:, :, None])[:, :, 0])
    at_rest = np.all(along <= _FLAT * reach * length[:, None], axis=1) | (length < _NOTHING)
    flat: NDArray[np.bool_] = at_rest & np.all(reach > _NOTHING, axis=1)
    return flat
