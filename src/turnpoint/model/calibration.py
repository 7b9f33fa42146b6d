"""Whether forecasts mean what they say: probability integral transforms, bands for them, shares with an interval.

A forecast F of a reading y is right when u = F(y) is uniform over many forecasts (Dawid 1984, doi:10.2307/2981683).
Readings are discrete (whole millimetres, repeats, a floor), so u is drawn at random within the step of F at y:

    u = F(y-) + v·[F(y) - F(y-)],   v ~ U(0, 1)

Source: Smith 1985, doi:10.1002/for.3980040305; Czado, Gneiting, Held 2009, doi:10.1111/j.1541-0420.2009.01191.x.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, ndtri

from turnpoint.model.arrays import FloatArray, IntArray

_SAME = 1e-9  # relative: a sum of rounded diameters is the same number however it was added up
_SIMULATIONS = 5000
_SIMULATIONS_AT_ONCE = 500


def pit_step(values: FloatArray, mass: FloatArray, observed: FloatArray) -> tuple[FloatArray, FloatArray]:
    """F(y-) and F(y) of each reading under its forecast; u lies between them.

    Args:
        values: that the forecast gives mass to, shape (R, D).
        mass: of each value, rows adding up to 1, shape (R, D).
        observed: y, shape (R,).

    Returns:
        Lower and upper end, shape (R,) each, in [0, 1].
    """
    reading = observed[:, None]
    margin = _SAME * np.abs(reading)
    low = (mass * (values < reading - margin)).sum(axis=1)
    high = (mass * (values <= reading + margin)).sum(axis=1)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def wilson_interval(events: IntArray, trials: IntArray, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Confidence limits of a share; 0 and 1 where there was no trial.

        [p + z²/2n ± z·√(p(1-p)/n + z²/4n²)] / (1 + z²/n)

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> wilson_interval(np.array([0, 5]), np.array([10, 10]))
    (array([0.        , 0.23659309]), array([0.2775328 , 0.76340691]))
    """
    z = float(ndtri(0.5 + level / 2.0))
    count = np.maximum(trials, 1)
    share = events / count
    centre = share + z**2 / (2.0 * count)
    spread = z * np.sqrt(share * (1.0 - share) / count + z**2 / (4.0 * count**2))
    low, high = ((centre + side * spread) / (1.0 + z**2 / count) for side in (-1.0, 1.0))
    untried = trials == 0
    return np.where(untried, 0.0, np.maximum(low, 0.0)), np.where(untried, 1.0, np.minimum(high, 1.0))


def histogram_band(values: int, bins: int, level: float = 0.9) -> tuple[int, int]:
    """Counts that each bin of a histogram of uniform values stays within with this probability, bin by bin."""
    from scipy.stats import binom  # noqa: PLC0415  (most of a second to import)

    low, high = binom.ppf([0.5 - level / 2.0, 0.5 + level / 2.0], values, 1.0 / bins)
    return int(low), int(high)


def ecdf_band(
    values: int, points: FloatArray, rng: np.random.Generator, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Band that the whole empirical distribution function of uniform values stays within with this probability.

    At a point z the count of values up to it is binomial(N, z). The band is that of every point's central interval
    with the same chance γ of missing it, and γ is the level-quantile of the smallest two-sided tail probability of
    simulated uniform samples.

    Args:
        values: N.
        points: z, increasing in (0, 1), shape (K,).
        rng: of the simulation.
        level: chance that none of the points lies outside.

    Returns:
        Lower and upper limit of the share of values up to each point, shape (K,) each.

    Source: Säilynoja, Bürkner, Vehtari 2022, doi:10.1007/s11222-022-10090-6, algorithm 1.
    """
    from scipy.stats import binom  # noqa: PLC0415  (see above)

    between = np.diff(points, prepend=0.0, append=1.0)
    smallest = []
    for _ in range(_SIMULATIONS // _SIMULATIONS_AT_ONCE):
        counts = np.cumsum(rng.multinomial(values, between, size=_SIMULATIONS_AT_ONCE)[:, :-1], axis=1)
        smallest.append(tail_probability(counts, values, points).min(axis=1))
    miss = float(np.quantile(np.concatenate(smallest), 1.0 - level))
    low, high = (binom.ppf(tail, values, points) / values for tail in (miss / 2.0, 1.0 - miss / 2.0))
    return low, high


def tail_probability(counts: IntArray, values: int, points: FloatArray) -> FloatArray:
    """Two-sided tail probability of each count of uniform values up to each point: 2·min(P(X <= k), P(X >= k))."""
    up_to = bdtr(counts.astype(np.float64), values, points)
    less = np.where(counts > 0, bdtr(np.maximum(counts - 1.0, 0.0), values, points), 0.0)
    found: FloatArray = np.minimum(1.0, 2.0 * np.minimum(up_to, 1.0 - less))
    return found
