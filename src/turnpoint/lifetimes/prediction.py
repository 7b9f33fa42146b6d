"""Survival after a landmark, given that the patient is alive there.

With draws θ_d of a patient's curve (and of the link's coefficients, where their covariance is known), each as likely as
the other by the sizes up to the landmark L:

    P(T > L + h | T > L) = Σ_d S_d(L + h) / Σ_d S_d(L)

To be alive at L is itself a measurement: it weighs each draw by S_d(L). The interval is that of S_d(L + h)/S_d(L) under
these weights, whose mean is the chance itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from turnpoint.lifetimes.families import Family
from turnpoint.lifetimes.link import Link
from turnpoint.model.arrays import FloatArray
from turnpoint.model.forecast import weighted_quantiles
from turnpoint.model.streams import Stream, generator

LEVELS: Final = np.array([0.05, 0.95])
FARTHEST_DAYS: Final = 3650.0  # a median beyond ten years says nothing
_HALVINGS: Final = 40
_LOG_HALF: Final = float(np.log(0.5))


@dataclass(frozen=True, slots=True)
class SurvivalAhead:
    """R patients, H horizons.

    Attributes:
        survival: chance to be alive h after the landmark, shape (R, H).
        survival_interval: 5 and 95 % of it over the draws, shape (R, H, 2).
        median_days: after the landmark, infinite beyond ten years, shape (R,).
        median_interval: 5 and 95 % of each draw's own median, shape (R, 2).
    """

    survival: FloatArray
    survival_interval: FloatArray
    median_days: FloatArray
    median_interval: FloatArray


def survival_ahead(
    link: Link, design: FloatArray, landmark_day: FloatArray, horizon_days: FloatArray, seed: int = 0
) -> SurvivalAhead:
    """Survival after the landmark.

    Args:
        link: whose terms the design has.
        design: x - r of each draw, shape (R, D, terms) (`Link.design`).
        landmark_day: above 0, shape (R,).
        horizon_days: after the landmark, shape (H,).
        seed: of the draws of the link's coefficients.
    """
    parameters = _drawn(link, design.shape[1], seed)
    centre = np.einsum("rdj,dj->rd", design, parameters[:, :-1])
    scale = np.exp(parameters[:, -1])
    alive = _log_survival(link.law, centre, scale, landmark_day[:, None])
    mass = np.exp(alive - alive.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    chances, intervals = [], []
    for days in horizon_days:
        later = np.exp(_log_survival(link.law, centre, scale, landmark_day[:, None] + days) - alive)
        chances.append((mass * later).sum(axis=1))
        intervals.append(weighted_quantiles(later, mass, LEVELS))
    own = np.exp(centre + scale * link.law.z_at(alive + _LOG_HALF)) - landmark_day[:, None]
    return SurvivalAhead(
        np.stack(chances, axis=1),
        np.stack(intervals, axis=1),
        _median_days(link.law, (centre, scale), alive, mass, landmark_day),
        weighted_quantiles(own, mass, LEVELS),
    )


def _drawn(link: Link, draws: int, seed: int) -> FloatArray:
    """Coefficients and ln σ of each draw, shape (D, terms + 1)."""
    centre = link.parameters
    if link.covariance is None:
        return np.broadcast_to(centre, (draws, len(centre)))
    normals = generator(seed, Stream.SURVIVAL_LINK).standard_normal((draws, len(centre)))
    values, vectors = np.linalg.eigh(link.covariance)
    found: FloatArray = centre + (normals * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return found


def _log_survival(law: Family, centre: FloatArray, scale: FloatArray, day: FloatArray) -> FloatArray:
    return law.log_survival((np.log(day) - centre) / scale)


def _median_days(
    law: Family,
    curve: tuple[FloatArray, FloatArray],
    alive: FloatArray,
    mass: FloatArray,
    landmark_day: FloatArray,
) -> FloatArray:
    """Where the mean over the draws is one half, by halving; infinite beyond ten years."""
    low, high = np.zeros(len(mass)), np.full(len(mass), FARTHEST_DAYS)

    def survives(days: FloatArray) -> FloatArray:
        later = _log_survival(law, *curve, (landmark_day + days)[:, None])
        found: FloatArray = (mass * np.exp(later - alive)).sum(axis=1)
        return found

    beyond = survives(high) > 0.5
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = survives(middle) > 0.5
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(beyond, np.inf, 0.5 * (low + high))
