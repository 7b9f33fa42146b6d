"""What the next cycle is expected to do to the living burden and to its resistant part, going on or pausing.

    change = 100 * (B(t + L) / B(t) - 1) %,   the same for the resistant part P,   L = length of a cycle in weeks

Each draw of the posterior gives one change; B and P are those of `model.dynamics`. Pausing counts the cycle's weeks as
off: the sensitive part regrows then. The model's resistant part grows alike in both: its rate does not depend on the
drug, so a pause shows its cost in the sensitive part only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.dynamics import Dynamics

LEVELS: Final = (0.05, 0.5, 0.95)
LEVEL_NAMES: Final = ("q05", "q50", "q95")


@dataclass(frozen=True, slots=True)
class CycleAhead:
    """The next cycle, one way of spending it, R patients.

    Attributes:
        living_change_pct: change of the living burden, quantiles 5, 50 and 95 %, shape (R, 3).
        resistant_change_pct: change of the resistant part, shape (R, 3).
        resistant_share: of the living burden at the end, shape (R, 3).
        p_shrinks: chance that the living burden is smaller at the end than at the start, shape (R,).
    """

    living_change_pct: FloatArray
    resistant_change_pct: FloatArray
    resistant_share: FloatArray
    p_shrinks: FloatArray


def cycle_ahead(
    dynamics: Dynamics,
    exposure: tuple[FloatArray, FloatArray],
    cycle_weeks: FloatArray,
    *,
    on: bool,
) -> CycleAhead:
    """The next cycle with the regimen on, or paused.

    Args:
        dynamics: draws of the posterior, equal weights, shape (R, D).
        exposure: weeks on and weeks off at the start of that cycle, shape (R, 1) each.
        cycle_weeks: its length, shape (R, 1).
        on: whether the regimen goes on.
    """
    on_weeks, off_weeks = exposure
    end = (on_weeks + cycle_weeks, off_weeks) if on else (on_weeks, off_weeks + cycle_weeks)
    before, after = dynamics.log_parts(on_weeks, off_weeks), dynamics.log_parts(*end)
    living = _log_change(dynamics.log_burden(*end) - dynamics.log_burden(on_weeks, off_weeks))
    resistant = _log_change(after[1] - before[1])
    return CycleAhead(
        living_change_pct=_quantiles(living),
        resistant_change_pct=_quantiles(resistant),
        resistant_share=_quantiles(dynamics.resistant_share(*end)),
        p_shrinks=(living < 0).mean(axis=1),
    )


def course_so_far(dynamics: Dynamics, exposure: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Living burden and resistant part of one patient over time, in percent of the living burden at the start.

    Args:
        dynamics: draws of the posterior at one visit, shape (1, D).
        exposure: weeks on and weeks off at T times, shape (T, 1) each.

    Returns:
        Quantiles 5, 50 and 95 %, shape (2, T, 3), the living burden first.
    """
    sensitive, resistant = dynamics.parts(*exposure)
    return 100.0 * np.stack([_quantiles(sensitive + resistant), _quantiles(resistant)])


def _log_change(log_ratio: FloatArray) -> FloatArray:
    change: FloatArray = 100.0 * np.expm1(log_ratio)
    return change


def _quantiles(draws: FloatArray) -> FloatArray:
    levels: FloatArray = np.quantile(draws, LEVELS, axis=1).T
    return levels
