"""Policies: which drug is given next, told by what is seen of a tumour at its visits. One table of small objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.study.recist_bar import progression_bar_mm
from turnpoint.virtual.clones import DRUG_A, DRUG_B, NO_DRUG


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of P tumours at a visit.

    Attributes:
        week: of the visit.
        diameter_mm: as read, shape (P,).
        start_mm: of the first visit, shape (P,).
        nadir_mm: the smallest since the drug in use began, its first visit included, shape (P,).
        cells: living, which no one can see; for policies that stand for perfect knowledge, shape (P,).
        fewest_cells: the fewest so far, shape (P,).
        drug: in use until now, shape (P,).
        weeks_on_drug: since it began, shape (P,).
    """

    week: float
    diameter_mm: FloatArray
    start_mm: FloatArray
    nadir_mm: FloatArray
    cells: FloatArray
    fewest_cells: FloatArray
    drug: IntArray
    weeks_on_drug: FloatArray

    @property
    def has_progressed(self) -> BoolArray:
        """RECIST progression on the drug in use, shape (P,)."""
        progressed: BoolArray = self.diameter_mm >= progression_bar_mm(self.nadir_mm) - 1e-9
        return progressed


class Policy(Protocol):
    """Chooses the drug from the visit on."""

    def __call__(self, seen: Seen) -> IntArray:
        """`NO_DRUG`, `DRUG_A` or `DRUG_B` for each tumour, shape (P,)."""
        ...


def _to_b(seen: Seen, now: BoolArray) -> IntArray:
    """Drug B from now on for these; whoever is on it stays on it."""
    chosen: IntArray = np.where(now | (seen.drug == DRUG_B), DRUG_B, DRUG_A)
    return chosen


@dataclass(frozen=True, slots=True)
class Progression:
    """Drug B at RECIST progression."""

    def __call__(self, seen: Seen) -> IntArray:
        """See the class."""
        return _to_b(seen, seen.has_progressed)


@dataclass(frozen=True, slots=True)
class Turning:
    """Drug B at the first visit at which the living cells have risen; at progression at the latest."""

    def __call__(self, seen: Seen) -> IntArray:
        """See the class."""
        return _to_b(seen, (seen.cells > seen.fewest_cells) | seen.has_progressed)


@dataclass(frozen=True, slots=True)
class AtWeeks:
    """Drug B in a week of each tumour's own, as an alert gives it; at progression at the latest.

    Attributes:
        weeks: shape (P,), infinite for none.
    """

    weeks: FloatArray

    def __call__(self, seen: Seen) -> IntArray:
        """See the class."""
        return _to_b(seen, (self.weeks <= seen.week) | seen.has_progressed)


@dataclass(frozen=True, slots=True)
class AfterCycles:
    """Drug B after so many cycles; at progression at the latest."""

    cycles: int = 6
    weeks_per_cycle: float = 3.0

    def __call__(self, seen: Seen) -> IntArray:
        """See the class."""
        over = seen.weeks_on_drug >= self.cycles * self.weeks_per_cycle - 1e-9
        return _to_b(seen, over | seen.has_progressed)


@dataclass(frozen=True, slots=True)
class Alternate:
    """The other drug after every so many cycles."""

    cycles: int = 2
    weeks_per_cycle: float = 3.0

    def __call__(self, seen: Seen) -> IntArray:
        """See the class."""
        over = seen.weeks_on_drug >= self.cycles * self.weeks_per_cycle - 1e-9
        other = np.where(seen.drug == DRUG_A, DRUG_B, DRUG_A)
        chosen: IntArray = np.where(over, other, seen.drug)
        return chosen


@dataclass(frozen=True, slots=True)
class Holidays:
    """Drug A off below a share of the first diameter's volume, on again at another; drug B at progression on drug A.

    As in the adaptive abiraterone trial (Zhang et al. 2017, doi:10.1038/s41467-017-01968-5): off under half, on again
    at the start's.
    """

    off_below: float = 0.5
    on_from: float = 1.0

    def __call__(self, seen: Seen) -> IntArray:
        """See the class."""
        volume = (seen.diameter_mm / seen.start_mm) ** 3
        off = np.where(seen.drug == NO_DRUG, volume < self.on_from, volume < self.off_below)
        failed = (seen.drug == DRUG_A) & seen.has_progressed & (volume >= self.on_from)
        a_or_none = np.where(off, NO_DRUG, DRUG_A)
        chosen: IntArray = np.where(failed | (seen.drug == DRUG_B), DRUG_B, a_or_none)
        return chosen


@dataclass(frozen=True, slots=True)
class Never:
    """Drug A throughout."""

    def __call__(self, seen: Seen) -> IntArray:
        """See the class."""
        return np.full(len(seen.cells), DRUG_A)


@dataclass(frozen=True, slots=True)
class Named:
    """A policy with what tables call it."""

    words: str
    policy: Policy = field(default_factory=Never)


POLICIES: Mapping[str, Named] = MappingProxyType(
    {
        "progression": Named("at RECIST progression", Progression()),
        "turning": Named("at the true turning point", Turning()),
        "cycles": Named("after 6 cycles", AfterCycles()),
        "alternate": Named("alternating every 2 cycles", Alternate()),
        "holidays": Named("drug holidays, then at progression", Holidays()),
        "never": Named("never", Never()),
    }
)
