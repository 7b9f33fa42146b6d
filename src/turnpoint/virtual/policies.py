"""Policies: which drug is given when. One table: what `trial.toml` may name, what it needs, and what plays it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.study.recist_bar import progression_bar_mm
from turnpoint.virtual.clones import DRUG_A, DRUG_B, NO_DRUG

_AS_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to treat everybody; what its policy does not use is None.

    Attributes:
        name: as tables and charts call it.
        policy: a key of `POLICIES`.
        threshold: of the alert; None is the trial's.
        after_weeks: when the drug changes.
        cycles: before each change.
        weeks_per_cycle: length of a cycle.
        off_below, on_from: share of the first volume below which drug A pauses, and from which it is given again.
    """

    name: str
    policy: str
    threshold: float | None = None
    after_weeks: float | None = None
    cycles: int | None = None
    weeks_per_cycle: float | None = None
    off_below: float | None = None
    on_from: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan shows of P tumours; all shapes (P,).

    Attributes:
        sum_mm: as read.
        start_mm: of the first scan, as read.
        nadir_mm: the smallest read since the drug in use began, the last reading before it included.
        drug: in use until now.
    """

    sum_mm: FloatArray
    start_mm: FloatArray
    nadir_mm: FloatArray
    drug: IntArray

    @property
    def has_progressed(self) -> BoolArray:
        """RECIST progression on the drug in use, shape (P,)."""
        progressed: BoolArray = self.sum_mm >= progression_bar_mm(self.nadir_mm) - _AS_EQUAL
        return progressed


class Policy(Protocol):
    """Chooses drugs: by plan, on a day, or by what a scan shows."""

    def planned_day(self, drug: IntArray, since_day: FloatArray) -> FloatArray:
        """Day on which the other drug is due, for drugs in use since these days, shape (P,); infinite for none."""
        ...

    def at_scan(self, seen: Seen) -> IntArray:
        """`NO_DRUG`, `DRUG_A` or `DRUG_B` from the scan on, shape (P,)."""
        ...


@dataclass(frozen=True, slots=True)
class Once:
    """Drug B from a day of each tumour's own, or from RECIST progression where that comes before.

    Attributes:
        day: shape (P,), infinite for none.
        at_progression: whether progression changes the drug.
    """

    day: FloatArray
    at_progression: bool = True

    def planned_day(self, drug: IntArray, since_day: FloatArray) -> FloatArray:
        """See `Policy`."""
        due: FloatArray = np.where(drug == DRUG_A, np.maximum(self.day, since_day), np.inf)
        return due

    def at_scan(self, seen: Seen) -> IntArray:
        """See `Policy`."""
        failed = seen.has_progressed & (seen.drug == DRUG_A) & self.at_progression
        chosen: IntArray = np.where(failed, DRUG_B, seen.drug)
        return chosen

    def change_day(self, progression_day: FloatArray) -> FloatArray:
        """When the drug changes, told the day of progression on drug A, shape (P,); infinite when never."""
        sooner: FloatArray = np.minimum(self.day, progression_day) if self.at_progression else self.day
        return sooner


@dataclass(frozen=True, slots=True)
class Alternate:
    """The other drug every so many days, whatever scans show."""

    every_days: float

    def planned_day(self, drug: IntArray, since_day: FloatArray) -> FloatArray:  # noqa: ARG002 - of the protocol
        """See `Policy`."""
        due: FloatArray = since_day + self.every_days
        return due

    def at_scan(self, seen: Seen) -> IntArray:
        """See `Policy`."""
        return seen.drug


@dataclass(frozen=True, slots=True)
class Holidays:
    """Drug A off below a share of the first volume, on again from another; drug B at progression while drug A is on.

    Volume is the cube of the sum of diameters, relative to the first one. Progression is counted from the smallest sum
    since drug A was last begun: growth during a holiday is no failure of the drug. As in adaptive abiraterone (Zhang
    et al. 2017, doi:10.1038/s41467-017-01968-5): off under half of the start's, on again at the start's.
    """

    off_below: float
    on_from: float

    def planned_day(self, drug: IntArray, since_day: FloatArray) -> FloatArray:  # noqa: ARG002 - of the protocol
        """See `Policy`."""
        return np.full(len(drug), np.inf)

    def at_scan(self, seen: Seen) -> IntArray:
        """See `Policy`."""
        volume = (seen.sum_mm / seen.start_mm) ** 3
        rests = np.where(seen.drug == NO_DRUG, volume < self.on_from, volume < self.off_below)
        failed = (seen.drug == DRUG_A) & seen.has_progressed
        chosen: IntArray = np.where(failed | (seen.drug == DRUG_B), DRUG_B, np.where(rests, NO_DRUG, DRUG_A))
        return chosen


@dataclass(frozen=True, slots=True)
class Moments:
    """What a policy may be told of P tumours.

    Attributes:
        turning_day: of the true turning point on drug A, shape (P,).
        alert_day: of the first alert at the arm's threshold, shape (P,); infinite where there is none.
    """

    turning_day: FloatArray
    alert_day: Callable[[Arm], FloatArray]

    def on(self, weeks: float) -> FloatArray:
        """The same day for everybody, shape (P,)."""
        return np.full(len(self.turning_day), 7.0 * weeks)


@dataclass(frozen=True, slots=True)
class Kind:
    """A policy of the table.

    Attributes:
        meaning: when it changes drugs; documentation and pages are made from it.
        build: the policy of an arm.
        needs: keys of the arm that must be given.
        may: keys that may be given, with what they are by default.
    """

    meaning: str
    build: Callable[[Arm, Moments], Policy]
    needs: tuple[str, ...] = ()
    may: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that it takes."""
        return (*self.needs, *self.may)


def _cycles_weeks(arm: Arm) -> float:
    return (arm.cycles or 0) * (arm.weeks_per_cycle or 0.0)


POLICIES: Mapping[str, Kind] = MappingProxyType(
    {
        "progression": Kind(
            "at the first scan that meets RECIST progression", lambda _, at: Once(at.on(np.inf))
        ),
        "alert": Kind(
            "at Turnpoint's first alert, else at progression",
            lambda arm, at: Once(at.alert_day(arm)),
            may={"threshold": None},
        ),
        "turning": Kind(
            "at the true turning point, which nobody can know", lambda _, at: Once(at.turning_day)
        ),
        "weeks": Kind(
            "after a number of weeks, else at progression before",
            lambda arm, at: Once(at.on(arm.after_weeks or 0.0)),
            needs=("after_weeks",),
        ),
        "cycles": Kind(
            "after a number of cycles, else at progression before",
            lambda arm, at: Once(at.on(_cycles_weeks(arm))),
            needs=("cycles",),
            may={"weeks_per_cycle": 3.0},
        ),
        "alternate": Kind(
            "to the other drug after every so many cycles, whatever scans show",
            lambda arm, _: Alternate(7.0 * _cycles_weeks(arm)),
            needs=("cycles",),
            may={"weeks_per_cycle": 3.0},
        ),
        "holidays": Kind(
            "pauses the first drug while the tumour is small; to the second at progression on the first",
            lambda arm, _: Holidays(arm.off_below or 0.0, arm.on_from or 0.0),
            may={"off_below": 0.5, "on_from": 1.0},
        ),
        "never": Kind("stays on the first drug", lambda _, at: Once(at.on(np.inf), at_progression=False)),
    }
)
