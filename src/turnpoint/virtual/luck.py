"""The luck of many tumours, lot by lot: what happens in one lot does not hang on which others are played beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import IntArray


@dataclass(frozen=True, slots=True)
class Luck:
    """A random generator for each lot of tumours.

    Attributes:
        generators: of the lots, in order.
        tumours_per_lot: the last lot may have fewer.
    """

    generators: tuple[np.random.Generator, ...]
    tumours_per_lot: int

    @classmethod
    def of(cls, rng: np.random.Generator, tumours: int) -> Luck:
        """One generator for all of them."""
        return cls((rng,), max(tumours, 1))

    def parts(self, rows: IntArray) -> Iterator[tuple[np.random.Generator, slice]]:
        """Each lot's generator and which of the rows are its own.

        Args:
            rows: of tumours, rising.
        """
        lots = rows // self.tumours_per_lot
        edges = np.searchsorted(lots, np.arange(len(self.generators) + 1))
        for generator, first, last in zip(self.generators, edges[:-1], edges[1:], strict=True):
            if last > first:
                yield generator, slice(int(first), int(last))
