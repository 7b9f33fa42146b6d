"""Four clones with mutation, one step after the other: what chance does to a tumour under changing drugs.

The closed form for large clones, one change of drug and no chance is `virtual.two_drugs`; this adds dying out, mutation
one cell at a time, any order of drugs and pauses, and growth that slows towards a largest size (Gompertz). Without
chance it gives the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.virtual.branching import LARGE_CELLS, after
from turnpoint.virtual.luck import Luck
from turnpoint.virtual.two_drugs import (
    DIVISIONS_PER_WEEK,
    RESISTS_A,
    RESISTS_B,
    RESISTS_BOTH,
    SENSITIVE,
    Tumours,
)

NO_DRUG, DRUG_A, DRUG_B = range(3)
_SAME_RATE = 1e-9
_MOST_MUTANTS = 1e15  # what a Poisson draw can be asked for
_ROUTES = (
    (SENSITIVE, RESISTS_A),
    (SENSITIVE, RESISTS_B),
    (RESISTS_A, RESISTS_BOTH),
    (RESISTS_B, RESISTS_BOTH),
)


@dataclass(frozen=True, slots=True)
class Rates:
    """Of P tumours' clones (S, A, B, AB) under no drug, drug A and drug B.

    Attributes:
        net_per_week: growth rate of each clone under each drug, shape (P, 3, 4).
        birth_per_week: divisions of a cell, shape (P, 3, 4); a clone that grows faster divides as fast as it grows.
        mutation_per_division: chance that a division makes a cell resistant to one more drug.
        carrying_cells: size at which growth has slowed to nothing, shape (P,); infinite for exponential growth.
        start_cells: size at which the net rates hold, shape (P,).
    """

    net_per_week: FloatArray
    birth_per_week: FloatArray
    mutation_per_division: float
    carrying_cells: FloatArray
    start_cells: FloatArray

    @classmethod
    def of(
        cls,
        tumours: Tumours,
        off_growth_per_week: FloatArray,
        *,
        birth_per_week: float = DIVISIONS_PER_WEEK,
        carrying_cells: FloatArray | float = np.inf,
    ) -> Rates:
        """Those of the closed form, and what every clone grows at without a drug, shape (P,)."""
        d, e, g = tumours.kill_a_per_week, tumours.kill_b_per_week, tumours.regrowth_per_week
        under_none = np.stack([off_growth_per_week, g, off_growth_per_week, g], axis=1)
        under_a = np.stack([-d, g, -d, g], axis=1)
        under_b = np.stack([-e, -e, g, g], axis=1)
        start, net = tumours.cells.sum(axis=1), np.stack([under_none, under_a, under_b], axis=1)
        return cls(
            net,
            np.broadcast_to(np.asarray(birth_per_week), net.shape),
            tumours.mutation_per_division,
            np.broadcast_to(np.asarray(carrying_cells, float), start.shape),
            start,
        )


def whole(cells: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Cells of the start, with small clones in whole numbers and right on average."""
    found = cells.copy()
    small = cells < LARGE_CELLS
    found[small] = np.floor(cells[small] + rng.random(int(small.sum())))
    return found


def step(
    cells: FloatArray,
    drug: IntArray,
    rates: Rates,
    weeks: FloatArray | float,
    luck: Luck | None,
    rows: IntArray | None = None,
) -> FloatArray:
    """The clones so many weeks later, shape (P, 4).

    Without chance every clone is its mean, mutants included, up to terms of μ². By chance, so is a large clone; a small
    one divides and dies cell by cell, and gains mutants that are Poisson with mean μ·divisions of the step's mean
    course and come in the middle of the step.

    Args:
        cells: shape (P, 4).
        drug: in use during the step, `NO_DRUG`, `DRUG_A` or `DRUG_B`, shape (P,).
        rates: of the tumours.
        weeks: length of the step, one for all or shape (P,).
        luck: of the tumours of the rates; None is without chance.
        rows: which of the tumours of the rates these are, rising, shape (P,); all of them by default.
    """
    which = np.arange(len(cells)) if rows is None else rows
    lasting = np.broadcast_to(weeks, len(cells))[:, None]
    net = rates.net_per_week[which, drug]
    if np.isfinite(rates.carrying_cells).any():
        net = _slowed(net, cells, (rates.carrying_cells[which], rates.start_cells[which]), lasting)
    birth = np.maximum(rates.birth_per_week[which, drug], net)
    mutation, growth = rates.mutation_per_division, np.exp(net * lasting)
    found: FloatArray = cells * growth
    if mutation > 0.0:
        found += _mean_mutants(cells, net, mutation * birth, growth, lasting)
    if luck is None:
        return found
    small = (cells < LARGE_CELLS) & (found > 0.0)  # what is gone and gains no mutants stays gone
    now_small = (cells >= LARGE_CELLS) & (found < LARGE_CELLS)
    some = np.flatnonzero((small | now_small).any(axis=1))
    for rng, part in luck.parts(which[some]):
        own = some[part]
        lucky = found[own]
        lucky[now_small[own]] = whole(lucky[now_small[own]], rng)
        lucky[small[own]] = _by_chance(
            (cells[own], net[own], birth[own], growth[own]), small[own], mutation, lasting[own], rng
        )
        found[own] = lucky
    return found


def _slowed(
    net: FloatArray, cells: FloatArray, sizes: tuple[FloatArray, FloatArray], weeks: FloatArray
) -> FloatArray:
    """Mean net rates of a step, growth slowed towards the carrying size K (Gompertz), shape (P, 4).

        dN/dt = a·N·ln(K/N),  a = g/ln(K/N0)    so that over a step    g·ln(K/N)/ln(K/N0)·(1 - e^-at)/(at)

    exact, whatever the step, where one clone is nearly all there is. `sizes` are K, infinite for exponential growth,
    and N0, the size at which the net rates hold.
    """
    carrying, start = sizes
    finite = np.isfinite(carrying)
    room = np.log(carrying / np.maximum(cells.sum(axis=1), 1.0))
    whole_room = np.where(finite, np.log(carrying / start), np.inf)
    share = np.where(finite, np.maximum(room, 0.0) / np.where(finite, whole_room, 1.0), 1.0)[:, None]
    lasting = np.maximum(net * weeks / whole_room[:, None], 1e-12)
    return np.where(net > 0.0, net * share * -np.expm1(-lasting) / lasting, net)


def _mean_mutants(
    cells: FloatArray, net: FloatArray, supply: FloatArray, growth: FloatArray, weeks: FloatArray
) -> FloatArray:
    """Mean number of new cells of each clone by the end of the step, their own growth included, shape (P, 4).

        μb·N·(e^rt - e^st)/(r - s)    from a clone of N cells with net rate r to one with net rate s

    Args:
        cells: of the clones, shape (P, 4).
        net: their rates per week, shape (P, 4).
        supply: μb, mutations of a cell per week, shape (P, 4).
        growth: e^rt of each clone, shape (P, 4).
        weeks: t, shape (P, 1).
    """
    new = np.zeros_like(cells)
    for source, target in _ROUTES:
        apart = net[:, source] - net[:, target]
        alike = np.abs(apart) < _SAME_RATE
        lived = np.where(
            alike,
            weeks[:, 0] * growth[:, target],
            (growth[:, source] - growth[:, target]) / np.where(alike, 1.0, apart),
        )
        new[:, target] += supply[:, source] * cells[:, source] * lived
    return new


def _by_chance(
    clones: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    small: BoolArray,
    mutation: float,
    weeks: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """The small clones after a step cell by cell, in the order of the mask.

    Args:
        clones: cells, net rates, divisions, and e^rt of the step, shape (P, 4) each.
        small: which clones, shape (P, 4).
        mutation: chance that a division makes a cell resistant to one more drug.
        weeks: t, shape (P, 1).
        rng: random generator.
    """
    cells, net, birth, growth = clones
    lasting = np.broadcast_to(weeks, cells.shape)[small]
    divides, dies = birth[small], (birth - net)[small]
    found = after(cells[small], divides, dies, lasting, rng)
    if not mutation:
        return found
    still = np.abs(net) < _SAME_RATE
    lived = np.where(still, weeks, (growth - 1.0) / np.where(still, 1.0, net))
    mean = mutation * birth * cells * lived
    new = np.zeros_like(cells)
    for source, target in _ROUTES:
        gains = small[:, target]
        new[gains, target] += rng.poisson(np.minimum(mean[gains, source], _MOST_MUTANTS))
    mutants = new[small]
    came = mutants > 0.0
    if came.any():
        found[came] += after(mutants[came], divides[came], dies[came], lasting[came] / 2.0, rng)
    return found
