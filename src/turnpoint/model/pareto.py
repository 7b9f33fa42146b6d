"""Can the importance weights be trusted? The shape k of their tail.

Importance weights have a generalised Pareto tail of shape k: their mean has a finite variance for k < 1/2 and
converges well in practice up to k = 0.7 (Vehtari et al., arXiv:1507.02646, section 3). An effective sample size
cannot see a heavy tail from which no particle has been drawn yet; k can.

    tail       the M = ceil(min(K/5, 3·√K)) largest weights, each minus the next smaller weight
    k(b)       mean of log(1 - b·x) over the tail x, for b on a grid of 30 + √M points
    b          posterior mean on the grid: weights ∝ (-b/k(b))^M · exp(-M·(k(b) + 1))
    k          (M·k(b) + 10·0.5) / (M + 10): a weak prior at 0.5 as if from ten weights

Zhang, Stephens 2009, doi:10.1198/tech.2009.08017 (the grid and its posterior); Vehtari et al., appendix C (the prior).
"""

from __future__ import annotations

import numpy as np

from turnpoint.model.arrays import FloatArray

TRUSTED_BELOW = 0.7

_FEWEST_IN_TAIL = 5
_PRIOR_SHAPE, _PRIOR_WEIGHTS = 0.5, 10.0
_GRID_BASE, _GRID_SCALE = 30, 3.0
_FACTORS = 8  # logarithms are slow: each is taken of a product of eight terms
_WIDEST_TAIL = 1e30  # largest over lower-quartile weight up to which a product of eight stays finite
_COLUMN = 8
_ROWS_AT_ONCE = 32  # rows x grid x tail then fit into a core's cache
_SMALLEST_LOG = float(np.log(np.finfo(np.float64).tiny))


def pareto_k(log_weight: FloatArray) -> FloatArray:
    """Shape of the generalised Pareto tail of each row's importance weights.

    Args:
        log_weight: unnormalised log weights, shape (..., K), K >= 25.

    Returns:
        k, shape (...,). -inf where the largest weights are all equal (no tail at all), inf where fewer than five
        weights rise above the rest, nan where a row has a nan or no weight above 0.
    """
    particles = log_weight.shape[-1]
    rows = np.asarray(log_weight, dtype=np.float64).reshape(-1, particles)
    tail_size = int(np.ceil(min(0.2 * particles, 3.0 * np.sqrt(particles))))
    shape = np.empty(len(rows))
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        here = slice(first, first + _ROWS_AT_ONCE)
        top = _largest(rows[here], tail_size + 1)
        top.sort(axis=1)
        with np.errstate(invalid="ignore"):  # a row without any weight: -inf - -inf
            shape[here] = _tail_shape(top - top[:, -1:])
    return shape.reshape(log_weight.shape[:-1])


def _largest(rows: FloatArray, count: int) -> FloatArray:
    """The `count` largest numbers of each row, in any order, shape (R, count).

    Each row is cut into columns of eight numbers; the count-th largest of the columns' own largest numbers is a lower
    bound that few others pass, so that only those have to be partitioned. Rows with a nan give a nan.
    """
    width = rows.shape[1]
    columns = width // _COLUMN
    if columns >= count:
        peaks = rows[:, : _COLUMN * columns].reshape(-1, _COLUMN, columns).max(axis=1)
        bound = np.partition(peaks, columns - count, axis=1)[:, columns - count, None]
        place = np.flatnonzero(~(rows < bound))
        row = place // width
        found = np.bincount(row, minlength=len(rows))
        before = np.cumsum(found) - found
        kept = np.full((len(rows), found.max()), -np.inf)
        kept[row, np.arange(len(place)) - before[row]] = rows.reshape(-1)[place]
        rows = kept
    largest: FloatArray = np.partition(rows, rows.shape[1] - count, axis=1)[:, -count:]
    return largest


def _tail_shape(log_tail: FloatArray) -> FloatArray:
    """Shape of each row, from the logs of the cutoff and of the weights above it, sorted, the largest 0."""
    full = (log_tail[:, 1] > log_tail[:, 0]) & (log_tail[:, 0] > _SMALLEST_LOG)
    shape = np.full(len(log_tail), np.nan)
    if full.any():
        shape[full] = _fitted_shape(_excess(log_tail[full, 1:], log_tail[full, :1]))
    for row in np.flatnonzero(~full & np.isfinite(log_tail[:, -1])):
        shape[row] = _shape_of_short_tail(log_tail[row])
    return shape


def _shape_of_short_tail(log_tail: FloatArray) -> float:
    """Shape where weights are tied at the edge of the tail, or too small to be told from 0."""
    cutoff = max(float(log_tail[0]), _SMALLEST_LOG)
    above = log_tail[log_tail > cutoff]
    if not above.size:
        return -np.inf
    if above.size < _FEWEST_IN_TAIL:
        return np.inf
    return float(_fitted_shape(_excess(above, cutoff)[None])[0])


def _excess(log_tail: FloatArray, log_cutoff: FloatArray | float) -> FloatArray:
    """exp(log_tail) - exp(log_cutoff), without cancellation between nearly equal weights."""
    excess: FloatArray = np.exp(log_cutoff) * np.expm1(log_tail - log_cutoff)
    return excess


def _fitted_shape(excess: FloatArray) -> FloatArray:
    """Shape of each row's excesses over the cutoff; sorted, positive, shape (R, M)."""
    size = excess.shape[1]
    points = _GRID_BASE + int(np.sqrt(size))
    place = 1.0 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))
    quartile, largest = excess[:, int(size / 4 + 0.5) - 1, None], excess[:, -1:]
    b = place / (_GRID_SCALE * quartile) + 1.0 / largest
    k = _mean_log(b, excess)
    log_density = size * (np.log(-b / k) - k - 1.0)
    weight = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    best = (b * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    likeliest = _mean_log(best, excess)[:, 0]
    shape: FloatArray = (size * likeliest + _PRIOR_WEIGHTS * _PRIOR_SHAPE) / (size + _PRIOR_WEIGHTS)
    return shape


def _mean_log(b: FloatArray, excess: FloatArray) -> FloatArray:
    """Mean of log(1 - b·x) over the tail: b of shape (R, G), x of shape (R, M), result (R, G).

    Row by row the same whatever the other rows are: a wide tail is worked out apart.
    """
    quartile = excess[:, int(excess.shape[1] / 4 + 0.5) - 1]
    wide = excess[:, -1] > _WIDEST_TAIL * quartile
    mean = np.empty_like(b)
    for rows, factors in ((~wide, _FACTORS), (wide, 1)):
        if rows.any():
            mean[rows] = _mean_log_of(b[rows], excess[rows], factors)
    return mean


def _mean_log_of(b: FloatArray, excess: FloatArray, factors: int) -> FloatArray:
    """`_mean_log`, each logarithm taken of a product of so many terms."""
    size = excess.shape[1]
    term = b[:, :, None] * excess[:, None, :]
    np.subtract(1.0, term, out=term)
    even = 0 if factors == 1 else size // factors * factors
    left = even
    while left > even // factors:
        left //= 2
        term[..., :left] *= term[..., left : 2 * left]
    total = np.log(term[..., :left]).sum(axis=-1) + np.log(term[..., even:]).sum(axis=-1)
    mean: FloatArray = total / size
    return mean
