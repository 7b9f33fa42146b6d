"""What benchmarks/trial.py counts in each block; a module of its own, so that worker processes can import it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from turnpoint.virtual.cohort import Cohort
from turnpoint.virtual.people import Assumptions
from turnpoint.virtual.policies import POLICIES

PRIOR = "docetaxel-nsclc-ct"
ASSUMED = Assumptions(cross_resistance=0.1, resistant_to_b=1e-3, mutation_per_division=1e-8)
CHOSEN = {name: POLICIES[name].policy for name in ("progression", "turning")}


def counted(cohort: Cohort) -> Callable[[tuple[int, int]], np.ndarray]:
    """Sums over a block: patients, then of each policy switched, second progressions, lethal, extinct, too early."""

    def block(asked: tuple[int, int]) -> np.ndarray:
        found = cohort.played(*asked, CHOSEN)
        sums = [
            [
                np.isfinite(own.switch_week).sum(),
                np.isfinite(own.second_progression_week).sum(),
                np.isfinite(own.lethal_week).sum(),
                np.isfinite(own.extinct_week).sum(),
                own.left_too_early.sum(),
                np.minimum(own.lethal_week, 156.0).sum(),
            ]
            for own in found.values()
        ]
        return np.array(sums, dtype=np.float64)

    return block


def compared(cohort: Cohort, patients: int) -> list[str]:
    """Every policy of the table on the same tumours: a Markdown row each, differences against the first, paired."""
    found = cohort.played(0, patients, {name: own.policy for name, own in POLICIES.items()})
    horizon = cohort.step_weeks * (cohort.visits - 1)
    usual = np.minimum(next(iter(found.values())).lethal_week, horizon)
    rows = []
    for name, own in found.items():
        lethal, second = (np.minimum(x, horizon) for x in (own.lethal_week, own.second_progression_week))
        gain = lethal - usual
        error = 1.96 * gain.std() / np.sqrt(patients)
        rows.append(
            f"| {POLICIES[name].words} | {second.mean():.1f} | {lethal.mean():.1f} | {gain.mean():+.1f} ± {error:.1f} "
            f"| {own.weeks_on_a.mean():.0f} | {own.weeks_on_b.mean():.0f} "
            f"| {100 * own.left_too_early.mean():.0f} % | {100 * np.isfinite(own.extinct_week).mean():.1f} % |"
        )
    return rows
