"""Four clones under two drugs by a solver of differential equations: slow, and obvious."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.integrate import solve_ivp


def integrated(
    cells: Sequence[float], rates: tuple[float, float, float, float], weeks: np.ndarray, switch_week: float
) -> np.ndarray:
    """Cells of S, A, B, AB at each week, shape (V, 4); `rates` are kill of A and B, growth, mutation per division."""
    kill_a, kill_b, growth, mutation = rates

    def slope(week: float, now: np.ndarray) -> list[float]:
        sensitive, a, b = now[:3]
        if week < switch_week:
            gained = [0.0, mutation * sensitive, 0.0, mutation * (a + b)]
            net = [-kill_a, growth, -kill_a, growth]
        else:
            gained = [0.0, 0.0, mutation * sensitive, mutation * (a + b)]
            net = [-kill_b, -kill_b, growth, growth]
        return [rate * clone + more for rate, clone, more in zip(net, now, gained, strict=True)]

    found = []
    for week in weeks:
        state, begin = np.array(cells, dtype=float), 0.0
        for end in (min(float(week), switch_week), float(week)):
            if end > begin:
                state = solve_ivp(
                    lambda _, y, middle=0.5 * (begin + end): slope(middle, y),
                    (begin, end),
                    state,
                    rtol=1e-9,
                    atol=1e-9,
                ).y[:, -1]
                begin = end
        found.append(state)
    return np.array(found)
