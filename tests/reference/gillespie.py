"""Birth and death, one event after the other: the slow and exact course of one clone (Gillespie 1977)."""

import numpy as np


def birth_and_death(
    cells: int, birth_per_week: float, death_per_week: float, weeks: float, rng: np.random.Generator
) -> int:
    """Cells left after so many weeks."""
    time = 0.0
    while cells > 0:
        time += rng.exponential(1.0 / (cells * (birth_per_week + death_per_week)))
        if time > weeks:
            return cells
        cells += 1 if rng.random() * (birth_per_week + death_per_week) < birth_per_week else -1
    return 0
