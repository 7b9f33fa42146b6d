"""Birth and death of cells: exact in law while a clone is small, so that it can die out, and its mean when it is large.

From n cells, each dividing at rate b and dying at rate m per week, with r = b - m and E = exp(r·t):

    a = m(E - 1)/(bE - m)    chance that the line of one cell has died out after t
    c = b(E - 1)/(bE - m)    a line that has not died out has size k with chance (1 - c)·c^(k-1)

so that n(t) is K plus a negative binomial of K successes, K ~ Binomial(n, 1 - a): no step error, however long the step
(Kendall 1948, doi:10.1214/aoms/1177730285; Bailey 1964, The Elements of Stochastic Processes, section 8.6).
"""

from __future__ import annotations

import numpy as np

from turnpoint.model.arrays import FloatArray

# Above it chance moves a clone by under 1 % of its size a step, and its numbers need not be whole any more.
LARGE_CELLS = 1e4
_SAME_RATE = 1e-9


def lines(
    birth_per_week: FloatArray, death_per_week: FloatArray, weeks: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """The chances a and c above, by element; for equal rates both are bt/(1 + bt).

    >>> [float(x) for x in lines(np.array(1.0), np.array(0.0), np.log(2.0))]
    [0.0, 0.5]
    """
    birth, death = np.asarray(birth_per_week, float), np.asarray(death_per_week, float)
    rate = birth - death
    equal = np.abs(rate) < _SAME_RATE
    grown = np.expm1(np.where(equal, 1.0, rate) * weeks)
    below = np.where(equal, 1.0, birth * grown + rate)
    critical = birth * weeks / (1.0 + birth * weeks)
    extinct = np.where(equal, critical, death * grown / below)
    ratio = np.where(equal, critical, birth * grown / below)
    return extinct, ratio


def extinction_chance(
    cells: FloatArray | float, birth_per_week: FloatArray | float, death_per_week: FloatArray | float
) -> FloatArray:
    """Chance that so many cells die out in the end: (m/b)^n where b > m, else 1.

    >>> float(extinction_chance(10, 1.0, 0.5))
    0.0009765625
    """
    birth, death = np.asarray(birth_per_week, float), np.asarray(death_per_week, float)
    one = np.minimum(death / np.maximum(birth, 1e-300), 1.0)
    chance: FloatArray = one**cells
    return chance


def after(
    cells: FloatArray,
    birth_per_week: FloatArray,
    death_per_week: FloatArray,
    weeks: FloatArray | float,
    rng: np.random.Generator,
) -> FloatArray:
    """Cells after so many weeks, same shape; those of a large clone are its mean.

    Args:
        cells: any shape; whole numbers below `LARGE_CELLS`.
        birth_per_week: divisions of a cell, same shape.
        death_per_week: deaths of a cell, same shape.
        weeks: the step, one number or a shape that broadcasts.
        rng: random generator.
    """
    found: FloatArray = cells * np.exp((birth_per_week - death_per_week) * weeks)
    small = (cells > 0.0) & (cells < LARGE_CELLS)
    if small.any():
        extinct, ratio = lines(
            birth_per_week[small], death_per_week[small], np.broadcast_to(weeks, cells.shape)[small]
        )
        alive = rng.binomial(cells[small].astype(np.int64), np.clip(1.0 - extinct, 0.0, 1.0))
        more = rng.negative_binomial(np.maximum(alive, 1), np.clip(1.0 - ratio, 1e-15, 1.0))
        found[small] = np.where(alive > 0, alive + more, 0)
    fresh = (cells >= LARGE_CELLS) & (found < LARGE_CELLS)
    if fresh.any():
        # whole again, without a bias: the part after the point is the chance of one cell more
        found[fresh] = np.floor(found[fresh] + rng.random(int(fresh.sum())))
    return found
