"""The expected information of one reading, slow and exact: every integral a sum over a fine grid of log values."""

import numpy as np
from scipy.stats import norm


def entropy_bits(chance):
    """Of a yes or no."""
    return sum(-p * np.log2(p) for p in (chance, 1.0 - chance) if p > 0.0)


def information_bits(shares, answers, means, sds):
    """What a log value says about the answer, by the fall of its entropy.

    Args:
        shares: of each hypothesis, adding up to 1.
        answers: 0 or 1 for each.
        means, sds: of the log value under each, normally distributed.
    """
    grid = np.linspace(min(means) - 8 * max(sds), max(means) + 8 * max(sds), 20001)
    step = grid[1] - grid[0]
    density = np.array([norm.pdf(grid, mean, sd) for mean, sd in zip(means, sds, strict=True)])
    before = entropy_bits(sum(share * answer for share, answer in zip(shares, answers, strict=True)))
    after = 0.0
    for column in density.T:
        joint = [share * p for share, p in zip(shares, column, strict=True)]
        total = sum(joint)
        if total > 0.0:
            yes = sum(own for own, answer in zip(joint, answers, strict=True) if answer) / total
            after += total * step * entropy_bits(min(max(yes, 0.0), 1.0))
    return before - after
