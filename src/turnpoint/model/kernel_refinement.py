"""The banks of `model.refinement` filled by one compiled loop: a visit after the other (see `model.kernel`).

The NumPy code there is the reference (`tests/model/test_kernel_refinement.py`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from turnpoint.model.kernel import FAST, exp32, log32

_f4 = np.float32
_BLOCK = 256  # particles whose numbers of all parameters stay in a core's first cache


@njit(**FAST)
def _sum_of_squares(total, triangle, offset, points, low):
    """|triangle · point + offset|² of some of the points, shape (dimensions, ...), from the one at `low` on."""
    n = total.shape[0]
    white = np.empty(n, _f4)
    total[:] = _f4(0.0)
    for d in range(len(offset)):
        _combine(white, triangle[d, : d + 1], offset[d], points, low)
        for k in range(n):
            total[k] += white[k] * white[k]


@njit(**FAST)
def _combine(result, factors, offset, points, low):
    """Offset + Σ factor · coordinate of some of the points, as there."""
    result[:] = offset
    for j in range(len(factors)):
        factor, own = factors[j], points[j, low : low + len(result)]
        for k in range(len(result)):
            result[k] += factor * own[k]


@njit(**FAST)
def _importance(density_ratio, log_kept, log_fresh, importance):
    """-log[exp(log_kept) + exp(log_fresh + ratio)] of each particle."""
    for k in range(density_ratio.shape[0]):
        other = log_fresh + density_ratio[k]
        apart = abs(other - log_kept)
        importance[k] = -(max(other, log_kept) + log32(_f4(1.0) + exp32(-apart)))


@njit(**FAST)
def fill_banks(
    mean, root, inverse, log_peak, to_prior, from_prior, prior_peak, kept, kept_density, normals, log_shares,
    particles, importance,
):  # fmt: skip
    """Some of the prior's particles, and fresh ones from a normal for each of P visits; D dimensions, all float32.

    Args:
        mean: of the normals, shape (P, D).
        root: of their covariances, shape (P, D, D).
        inverse: of the roots, shape (P, D, D).
        log_peak: log density at the mean, shape (P,).
        to_prior: inverse root of the prior times the root, shape (P, D, D).
        from_prior: inverse root of the prior times mean less the prior's, shape (P, D).
        prior_peak: log density of the prior at its mean.
        kept: of the prior's particles, shape (D, n).
        kept_density: their log density in the prior, shape (n,).
        normals: standard normals, shape (D, N).
        log_shares: log share of kept and of fresh particles.
        particles: result, shape (D, P, n + N).
        importance: result: log of prior / density drawn from, shape (P, 1, n + N).
    """
    dimensions, first = kept.shape
    log_kept, log_fresh = log_shares
    total, ratio = np.empty(_BLOCK, _f4), np.empty(_BLOCK, _f4)
    squares = np.zeros(normals.shape[1], _f4)
    for d in range(dimensions):
        for k in range(normals.shape[1]):
            squares[k] += normals[d, k] * normals[d, k]
    for p in range(mean.shape[0]):
        moved = np.empty(dimensions, _f4)
        for d in range(dimensions):
            moved[d] = _f4(0.0)
            for j in range(d + 1):
                moved[d] -= inverse[p, d, j] * mean[p, j]
            particles[d, p, :first] = kept[d]
        for low in range(0, first, _BLOCK):
            n = min(_BLOCK, first - low)
            _sum_of_squares(total[:n], inverse[p], moved, kept, low)
            for k in range(n):
                ratio[k] = log_peak[p] - _f4(0.5) * total[k] - kept_density[low + k]
            _importance(ratio[:n], log_kept, log_fresh, importance[p, 0, low : low + n])
        for low in range(0, normals.shape[1], _BLOCK):
            n = min(_BLOCK, normals.shape[1] - low)
            _sum_of_squares(total[:n], to_prior[p], from_prior[p], normals, low)
            for k in range(n):
                # in units of its own normal a fresh particle is where it was drawn
                ratio[k] = log_peak[p] - prior_peak + _f4(0.5) * (total[k] - squares[low + k])
            _importance(ratio[:n], log_kept, log_fresh, importance[p, 0, first + low : first + low + n])
            for d in range(dimensions):
                _combine(total[:n], root[p, d, : d + 1], mean[p, d], normals, low)
                particles[d, p, first + low : first + low + n] = total[:n]
