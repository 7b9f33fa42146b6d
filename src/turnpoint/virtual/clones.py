"""Four clones with mutation, one step after the other: what chance does to a tumour under changing drugs.

The closed form for large clones without chance is `virtual.two_drugs`; this adds dying out, mutation one cell at a
time, any order of drugs and pauses, and growth that slows towards a largest size (Gompertz).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.virtual.branching import LARGE_CELLS, after
from turnpoint.virtual.two_drugs import (
    DIVISIONS_PER_WEEK,
    RESISTS_A,
    RESISTS_B,
    RESISTS_BOTH,
    SENSITIVE,
    Tumours,
)

NO_DRUG, DRUG_A, DRUG_B = range(3)
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

    def at(self, rows: IntArray) -> Rates:
        """Of these tumours only."""
        return Rates(
            self.net_per_week[rows],
            self.birth_per_week[rows],
            self.mutation_per_division,
            self.carrying_cells[rows],
            self.start_cells[rows],
        )


def whole(cells: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Cells of the start, with small clones in whole numbers and right on average."""
    found = cells.copy()
    small = cells < LARGE_CELLS
    found[small] = np.floor(cells[small] + rng.random(int(small.sum())))
    return found


def step(
    cells: FloatArray, drug: IntArray, rates: Rates, weeks: float, rng: np.random.Generator
) -> FloatArray:
    """The clones so many weeks later, shape (P, 4).

    Mutants are Poisson with mean μ·divisions of the step's mean course, and come in the middle of the step. Under
    Gompertz growth the rates are those at the step's beginning.

    Args:
        cells: shape (P, 4).
        drug: in use during the step, `NO_DRUG`, `DRUG_A` or `DRUG_B`, shape (P,).
        rates: of the tumours.
        weeks: length of the step.
        rng: random generator.
    """
    patients = np.arange(len(cells))
    net, birth = rates.net_per_week[patients, drug], rates.birth_per_week[patients, drug]
    if np.isfinite(rates.carrying_cells).any():
        room = np.log(rates.carrying_cells / np.maximum(cells.sum(axis=1), 1.0))
        slowed = np.maximum(room / np.log(rates.carrying_cells / rates.start_cells), 0.0)
        slowed[~np.isfinite(rates.carrying_cells)] = 1.0
        net = np.where(net > 0.0, net * slowed[:, None], net)
    birth = np.maximum(birth, net)
    death = birth - net
    found = after(cells, birth, death, weeks, rng)
    if rates.mutation_per_division > 0.0:
        found += _mutants(cells, net, birth, rates.mutation_per_division, weeks, rng)
    return found


def _mutants(
    cells: FloatArray,
    net: FloatArray,
    birth: FloatArray,
    mutation: float,
    weeks: float,
    rng: np.random.Generator,
) -> FloatArray:
    """New cells of each clone by the end of the step, shape (P, 4)."""
    still = np.abs(net) < 1e-9
    lived = np.where(still, weeks, np.expm1(net * weeks) / np.where(still, 1.0, net))
    mean = mutation * birth * cells * lived
    new = np.zeros_like(cells)
    for source, target in _ROUTES:
        new[:, target] += rng.poisson(np.minimum(mean[:, source], 1e15))
    came = new > 0.0
    grown = np.zeros_like(cells)
    if came.any():
        grown[came] = after(new[came], birth[came], (birth - net)[came], weeks / 2.0, rng)
    return grown
