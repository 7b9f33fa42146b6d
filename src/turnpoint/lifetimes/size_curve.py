"""What a link reads off a particle's curve of tumour size: growth, time to growth, baseline.

A particle's diameter relative to the start, treated on, is D(t) = [(1-s)·B(t) + s]^(1/3), and links were estimated on
curves of other forms. *Time to growth* is the week at which D is smallest, whatever the form. *Growth and shrinkage per
week* are those of the curve that Struemper 2025 fitted,

    D(t) = exp(k_g·t) + exp(-k_s·t) - 1                                     (doi:10.1002/psp4.70002; Stein's form)

brought as near to the particle's own as it goes: least squares of ln D at every fourth week of the first year, by
Levenberg and Marquardt. It is a projection of the curve, not an estimate from readings: what the readings leave open
is in the particles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.dynamics import Dynamics

WEEKS: Final = np.arange(4.0, 53.0, 4.0)
_LEAST_PER_WEEK, _MOST_PER_WEEK, _START_PER_WEEK = 1e-4, 1.0, 0.02
_ITERATIONS: Final = 25
_TINY: Final = 1e-9
_CURVES_AT_ONCE: Final = 20_000


@dataclass(frozen=True, slots=True)
class SizeCurve:
    """What links read off a curve; any common shape.

    Attributes:
        growth_per_week, shrinkage_per_week: k_g and k_s, on the diameter scale.
        time_to_growth_weeks: week at which the size is smallest, 0 where it only grows, ten years where never.
        baseline_mm: sum of diameters at the start.
    """

    growth_per_week: FloatArray
    shrinkage_per_week: FloatArray
    time_to_growth_weeks: FloatArray
    baseline_mm: FloatArray


def size_curves(dynamics: Dynamics, scar: FloatArray, baseline_mm: FloatArray) -> SizeCurve:
    """The curves of particles.

    Args:
        dynamics: of the living burden, shape (R, D).
        scar: share s of the diameter's volume that no drug shrinks, shape (R, D).
        baseline_mm: shape (R, D).
    """
    # Draws of one bank are the same few particles again and again.
    facts = (dynamics.kill_per_week, dynamics.regrowth_per_week, dynamics.resistant_fraction, scar)
    own, place = np.unique(np.stack([fact.ravel() for fact in facts], axis=1), axis=0, return_inverse=True)
    rates = []
    for part in np.array_split(own, -(-len(own) // _CURVES_AT_ONCE)):
        kill, regrowth, resistant, dead = part.T[:, :, None]
        always_on = Dynamics(kill, regrowth, resistant, off_growth_per_week=kill)  # no week is off
        rates.append(nearest_rates(log_sizes(always_on, dead)))
    shape, zero = scar.shape, np.zeros((1, 1))
    growth, shrinkage = (np.concatenate(each)[place].reshape(shape) for each in zip(*rates, strict=True))
    return SizeCurve(growth, shrinkage, dynamics.turning_week(zero, zero), baseline_mm)


def log_sizes(dynamics: Dynamics, scar: FloatArray) -> FloatArray:
    """Ln D of particles at `WEEKS`, treated on; parameters of shape (n, 1), result (n, weeks)."""
    burden = np.exp(dynamics.log_burden(WEEKS, np.zeros(1)))
    found: FloatArray = np.log((1.0 - scar) * burden + scar) / 3.0
    return found


def nearest_rates(log_size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """k_g and k_s per week of the curve nearest to log sizes relative to the start.

    Args:
        log_size: ln D at `WEEKS`, shape (n, weeks).

    Returns:
        Both between 0.0001 and 1 per week, shape (n,).
    """
    target = np.asarray(log_size, np.float64)
    logs = np.full((len(target), 2), np.log(_START_PER_WEEK))
    damping = np.full(len(target), 1e-2)
    residual, (by_growth, by_shrinkage) = _residual_and_slopes(logs, target)
    error = (residual**2).sum(axis=1)
    for _ in range(_ITERATIONS):
        # The normal equations of two unknowns, written out: thousands of curves are solved at once.
        one, two, both = (
            (a * b).sum(axis=1) for a, b in (2 * (by_growth,), 2 * (by_shrinkage,), (by_growth, by_shrinkage))
        )
        one, two = one * (1.0 + damping) + _TINY, two * (1.0 + damping) + _TINY
        right = (by_growth * residual).sum(axis=1), (by_shrinkage * residual).sum(axis=1)
        determinant = one * two - both**2
        step = np.stack([two * right[0] - both * right[1], one * right[1] - both * right[0]], axis=1)
        step = np.clip(step / determinant[:, None], -1.0, 1.0)
        tried = np.clip(logs + step, np.log(_LEAST_PER_WEEK), np.log(_MOST_PER_WEEK))
        new_residual, (new_growth, new_shrinkage) = _residual_and_slopes(tried, target)
        new_error = (new_residual**2).sum(axis=1)
        better = new_error < error
        logs[better], error[better], residual[better] = tried[better], new_error[better], new_residual[better]
        by_growth[better], by_shrinkage[better] = new_growth[better], new_shrinkage[better]
        damping = np.where(better, damping / 5.0, damping * 5.0)
    growth, shrinkage = np.exp(logs).T
    return growth, shrinkage


def _residual_and_slopes(
    logs: FloatArray, target: FloatArray
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Target minus curve, and the curve's slopes by the log rates, shape (n, weeks) each."""
    growth, shrinkage = (np.exp(logs[:, index : index + 1]) * WEEKS for index in range(2))
    growing, shrinking = np.exp(growth), np.exp(-shrinkage)
    size = growing + shrinking - 1.0
    return target - np.log(size), (growth * growing / size, -shrinkage * shrinking / size)
