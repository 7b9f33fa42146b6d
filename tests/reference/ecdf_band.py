"""The chance that the counts of uniform values stay inside a band, exactly, one state at a time.

The count up to the next point, given the count so far, is that count plus a binomial draw of the values left
(Säilynoja, Bürkner, Vehtari 2022, section 2.2).
"""

from __future__ import annotations

from math import comb


def chance_inside(values: int, points: list[float], low: list[int], high: list[int]) -> float:
    """P(low[i] <= values up to points[i] <= high[i] for every i)."""
    state = {0: 1.0}
    before = 0.0
    for point, least, most in zip(points, low, high, strict=True):
        share = (point - before) / (1.0 - before)
        following: dict[int, float] = {}
        for count, chance in state.items():
            left = values - count
            for more in range(left + 1):
                reached = count + more
                if least <= reached <= most:
                    step = comb(left, more) * share**more * (1.0 - share) ** (left - more)
                    following[reached] = following.get(reached, 0.0) + chance * step
        state, before = following, point
    return sum(state.values())
