"""What weights are asked for, as compiled loops: equal-weight draws and quantiles (see `model.kernel`).

The NumPy code in `model.filter` and `turning.quantiles` is the reference (`tests/model/test_kernel_weights.py`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from turnpoint.model.kernel import EXACT

_BLOCK = 64


@njit(**EXACT)
def systematic(weight, places, chosen):
    """The first particle up to which each place's share of the weight lies, for each row.

    Args:
        weight: of the particles, shape (R, K).
        places: between 0 and 1, increasing, shape (D,).
        chosen: result, shape (R, D).
    """
    last = weight.shape[1] - 1
    for r in range(weight.shape[0]):
        total = 0.0
        for k in range(last + 1):
            total += weight[r, k]
        particle, running = 0, np.float64(weight[r, 0])
        for d in range(places.shape[0]):
            target = places[d] * total
            while running < target and particle < last:
                particle += 1
                running += weight[r, particle]
            chosen[r, d] = particle


@njit(**EXACT)
def quantiles(weight, orders, values, which, levels, found):
    """As `turning.quantiles.weighted_quantiles`; block by block, and one by one where a level is passed.

    Args:
        weight: of the particles, shape (R, K).
        orders: particles by size of each of T numbers, shape (T, K).
        values: the numbers in that order, shape (T, K).
        which: of them each row asks for, shape (R,).
        levels: increasing, shape (L,).
        found: result, shape (R, L).
    """
    size = weight.shape[1]
    blocks = -(-size // _BLOCK)
    sums = np.empty(blocks)
    for r in range(weight.shape[0]):
        own, order = weight[r], orders[which[r]]
        total = 0.0
        for b in range(blocks):
            block = 0.0
            for k in range(b * _BLOCK, min((b + 1) * _BLOCK, size)):
                block += own[order[k]]
            sums[b] = block
            total += block
        b, before = 0, 0.0
        for each in range(levels.shape[0]):
            target = levels[each] * total
            while b < blocks - 1 and before + sums[b] < target:
                before += sums[b]
                b += 1
            place, running = b * _BLOCK, before
            for k in range(b * _BLOCK, min((b + 1) * _BLOCK, size)):
                running += own[order[k]]
                place = k
                if running >= target:
                    break
            found[r, each] = values[which[r], place]
