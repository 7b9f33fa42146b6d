"""Four clones under one drug and then another, in closed form: the limit of large clones, exact for visible disease.

    clone         S      A          B          AB          A resists drug A, B resists drug B, AB both
    under drug A  S·e^-dt  A·e^gt   B·e^-dt    AB·e^gt      d: kill of A, g: growth of what resists
    under drug B  S·e^-et  A·e^-et  B·e^gt     AB·e^gt      e: kill of B

A division makes a cell resistant to a further drug with probability μ, divisions come at rate b per week and cell:

    under drug A  dS = -dS,  dA = gA + μbS,  dB = -dB,  dAB = gAB + μb(A + B)
    after t       A(t)  = A·e^gt + μb·S·k(t),   AB(t) = AB·e^gt + μb·A·t·e^gt + μb·B·k(t) + O(μ²),
                  k(t)  = (e^gt - e^-dt) / (g + d)  (t·e^gt where the drug does nothing: d = -g)

and under drug B the same with A and B, d and e exchanged. Mutation into a clone that shrinks is left out: it is of the
order of μ beside the clone that grows. `Tumours.shares_at_start` is where cross-resistance enters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import FloatArray

CELLS_PER_MM3 = 1e6  # 10^9 cells in a cubic centimetre
# Divisions per week and cell. Lung and colorectal tumours double their cells' number every few days by labelling
# studies while their volume takes months: most cells are lost again. Only μ·b counts here.
DIVISIONS_PER_WEEK = 1.0
_SMALLEST_RATE = 1e-12
_LARGEST_EXPONENT = 300.0  # beyond this nothing is a tumour any more, and sums stay finite
SENSITIVE, RESISTS_A, RESISTS_B, RESISTS_BOTH = range(4)


@dataclass(frozen=True, slots=True)
class Tumours:
    """The living cells of P patients and their rates; all shapes (P,) but `cells`.

    Attributes:
        cells: at the start, clones S, A, B, AB, shape (P, 4).
        kill_a_per_week: d, net rate at which drug A shrinks what does not resist it.
        kill_b_per_week: e, the same of drug B; negative where what B reaches grows all the same, -g where B does
            nothing.
        regrowth_per_week: g, net rate at which what resists the drug in use grows.
        mutation_per_division: μ, one number for all.
    """

    cells: FloatArray
    kill_a_per_week: FloatArray
    kill_b_per_week: FloatArray
    regrowth_per_week: FloatArray
    mutation_per_division: float = 0.0

    @classmethod
    def joined(cls, parts: Sequence[Tumours]) -> Tumours:
        """Of patients one part after the other; the mutation is that of the first."""
        return cls(
            np.concatenate([own.cells for own in parts]),
            np.concatenate([own.kill_a_per_week for own in parts]),
            np.concatenate([own.kill_b_per_week for own in parts]),
            np.concatenate([own.regrowth_per_week for own in parts]),
            parts[0].mutation_per_division,
        )

    def at_rows(self, rows: slice) -> Tumours:
        """Of these patients only."""
        return Tumours(
            self.cells[rows],
            self.kill_a_per_week[rows],
            self.kill_b_per_week[rows],
            self.regrowth_per_week[rows],
            self.mutation_per_division,
        )

    def at(self, weeks: FloatArray, switch_week: FloatArray) -> FloatArray:
        """Cells of each clone, shape (P, V, 4).

        Args:
            weeks: since the start, shape (V,).
            switch_week: when drug B takes the place of drug A, shape (P,); infinite when never.
        """
        on_a = np.minimum(weeks, switch_week[:, None])
        on_b = weeks - on_a
        start = tuple(self.cells[:, clone, None] for clone in range(4))
        sensitive, a, b, both = self._after(start, on_a, self.kill_a_per_week[:, None])
        # under drug B the clones A and B change places
        sensitive, b, a, both = self._after((sensitive, b, a, both), on_b, self.kill_b_per_week[:, None])
        return np.stack([sensitive, a, b, both], axis=-1)

    def _after(
        self, clones: tuple[FloatArray, ...], weeks: FloatArray, kill: FloatArray
    ) -> tuple[FloatArray, ...]:
        """S, the one that grows, the one that shrinks, AB, after so many weeks on one drug; shape (P, V) each."""
        sensitive, growing, shrinking, both = clones
        regrowth = self.regrowth_per_week[:, None]
        fade = np.exp(np.minimum(-kill * weeks, _LARGEST_EXPONENT))
        grow = np.exp(np.minimum(regrowth * weeks, _LARGEST_EXPONENT))
        supply = self.mutation_per_division * DIVISIONS_PER_WEEK
        apart = np.maximum(regrowth + kill, _SMALLEST_RATE)
        seeded = supply * grow * -np.expm1(-apart * weeks) / apart
        return (
            sensitive * fade,
            growing * grow + seeded * sensitive,
            shrinking * fade,
            both * grow + supply * weeks * grow * growing + seeded * shrinking,
        )


def shares_at_start(
    resistant_fraction: FloatArray, cross_resistance: float, resistant_to_b: float
) -> FloatArray:
    """Shares of S, A, B, AB in the living cells at the start, shape (P, 4); rows sum to 1.

    >>> shares_at_start(np.array([0.2]), 0.5, 0.1).round(3)
    array([[0.72, 0.1 , 0.08, 0.1 ]])
    """
    fraction, to_b = resistant_fraction, resistant_to_b
    return np.stack(
        [
            (1.0 - fraction) * (1.0 - to_b),
            fraction * (1.0 - cross_resistance),
            (1.0 - fraction) * to_b,
            fraction * cross_resistance,
        ],
        axis=-1,
    )


def cells_of(diameter_mm: FloatArray | float) -> FloatArray:
    """Cells of a sphere of this diameter: (π/6)·D³ mm³, 10^6 cells each.

    >>> f"{cells_of(10.0):.2g}"
    '5.2e+08'
    """
    cells: FloatArray = np.asarray(np.pi / 6.0 * np.asarray(diameter_mm) ** 3 * CELLS_PER_MM3)
    return cells


def crossing_week(log_cells: FloatArray, weeks: FloatArray, log_level: float) -> FloatArray:
    """The first week at which the cells reach a level, straight in log cells between grid weeks; shape (P,).

    Args:
        log_cells: shape (P, V).
        weeks: shape (V,).
        log_level: log of the level.

    Returns:
        Infinite where it is not reached by the last week.
    """
    above = log_cells >= log_level
    index = np.maximum(above.argmax(axis=1), 1)
    rows = np.arange(len(index))
    low, high = log_cells[rows, index - 1], log_cells[rows, index]
    share = np.clip((log_level - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    week = weeks[index - 1] + share * (weeks[index] - weeks[index - 1])
    found: FloatArray = np.where(above.any(axis=1), np.where(above[:, 0], weeks[0], week), np.inf)
    return found
