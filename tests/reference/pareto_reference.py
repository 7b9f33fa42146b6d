"""The Pareto shape of one row of weights, written as the papers give it: slow, one number at a time.

Zhang, Stephens 2009, section 3 (grid and posterior); Vehtari et al., arXiv:1507.02646, appendix C (prior).
"""

from __future__ import annotations

import math


def pareto_k_of(log_weights: list[float]) -> float:
    """k of the upper tail of weights without ties, none of them vanishing."""
    largest_log = max(log_weights)
    weights = sorted(math.exp(log_weight - largest_log) for log_weight in log_weights)
    count = len(weights)
    size = math.ceil(min(0.2 * count, 3.0 * math.sqrt(count)))
    cutoff = weights[-size - 1]
    tail = [weight - cutoff for weight in weights[-size:]]
    return (size * _shape(tail) + 10.0 * 0.5) / (size + 10.0)


def _shape(tail: list[float]) -> float:
    """Zhang and Stephens' k (the sign as in arXiv:1507.02646: positive is heavy)."""
    size = len(tail)
    points = 30 + int(math.sqrt(size))
    quartile = tail[int(size / 4 + 0.5) - 1]
    grid = [
        1.0 / tail[-1] + (1.0 - math.sqrt(points / (j - 0.5))) / (3.0 * quartile)
        for j in range(1, points + 1)
    ]
    profile = []
    for b in grid:
        k = sum(math.log(1.0 - b * x) for x in tail) / size
        profile.append(size * (math.log(-b / k) - k - 1.0))
    weights = [1.0 / sum(math.exp(min(other - own, 700.0)) for other in profile) for own in profile]
    b = sum(weight * b for weight, b in zip(weights, grid, strict=True))
    return sum(math.log(1.0 - b * x) for x in tail) / size
