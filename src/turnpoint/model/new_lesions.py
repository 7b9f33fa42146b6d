"""When a new lesion appears: a hazard that grows with the resistant burden.

    h(t) = λ·√P(t),   P(t) = φ·exp(g·t)   resistant part relative to the living burden at the start
    E(u, v) = ∫ √P dt = 2·√φ·[exp(g·v/2) - exp(g·u/2)] / g        weeks of exposure from u to v
    P(none between u and v) = exp(-λ·E(u, v))

Cells spread in proportion to the surface or the mass of what lives on; the power ½ lies between a constant hazard and
one in proportion to the burden, and forecast new lesions in FFCD 2000-05 better than either on patients left out
(docs/results/forecast.md).
"""

from __future__ import annotations

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.dynamics import Dynamics

EVENTS_BEFORE = 0.5  # half an event, so that a small study without any does not claim that there are none
_LARGEST_EXPONENT = 50.0


def log_hazard(dynamics: Dynamics, week: FloatArray) -> FloatArray:
    """Log h(t) up to log λ: half the log of the resistant part."""
    _, log_resistant = dynamics.log_parts(week, np.zeros_like(week))
    half: FloatArray = 0.5 * log_resistant
    return half


def exposure_weeks(dynamics: Dynamics, from_week: FloatArray, to_week: FloatArray) -> FloatArray:
    """E(u, v), the weeks between u and v weighted by √P; weeks broadcast against the parameters."""
    g = dynamics.regrowth_per_week

    def grown(week: FloatArray) -> FloatArray:
        power: FloatArray = np.expm1(np.minimum(0.5 * g * np.maximum(week, 0.0), _LARGEST_EXPONENT))
        return power

    exposure: FloatArray = (
        2.0 * np.sqrt(dynamics.resistant_fraction) * (grown(to_week) - grown(from_week)) / g
    )
    return exposure


def chance_of_new_lesion(
    dynamics: Dynamics, from_week: FloatArray, to_week: FloatArray, per_exposed_week: float
) -> FloatArray:
    """Chance of a first new lesion between two weeks, averaged over the draws: shape (R,).

    Args:
        dynamics: posterior draws, shape (R, D).
        from_week: shape (R, 1); a week before the start counts as the start.
        to_week: shape (R, 1).
        per_exposed_week: λ, from `hazard_per_exposed_week`.
    """
    exposure = exposure_weeks(dynamics, from_week, to_week)
    chance: FloatArray = -np.expm1(-per_exposed_week * exposure).mean(axis=-1)
    return chance


def hazard_per_exposed_week(events: int, exposed_weeks: float) -> float:
    """λ = (events + ½) / exposure, the maximum of the likelihood Πλ^events·exp(-λ·E) with half an event added.

    `exposed_weeks` is the sum over patients and visits of the posterior mean of E from the visit to the next one, or
    to the new lesion.
    """
    return (events + EVENTS_BEFORE) / exposed_weeks
