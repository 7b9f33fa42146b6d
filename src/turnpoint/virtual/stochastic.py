"""Virtual tumours under a policy, by chance: what is given, when both drugs fail, whether the tumour dies out.

Every policy plays the same tumours with the same luck until its drugs differ: the course on drug A is drawn once (the
trunk), and a tumour leaves it at the visit at which the policy first gives it something else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.turning.detectable import READING_SD_SHARE
from turnpoint.virtual.clones import DRUG_A, DRUG_B, NO_DRUG, Rates, step, whole
from turnpoint.virtual.policies import Policy, Seen
from turnpoint.virtual.two_drugs import CELLS_PER_MM3

READING_SD_LOG = (
    0.08  # readers of the same CT lesion differ by so much (data of Woo et al. 2020, see docs/model.md)
)


@dataclass(frozen=True, slots=True)
class Trunk:
    """P tumours on drug A throughout, and the luck of reading them.

    Attributes:
        rates: of the clones.
        cells: at each visit, shape (V, P, 4).
        error: factor of each reading of the diameter, shape (V, P).
        scar_mm3: volume that stays whatever happens, shape (P,).
        step_weeks: between visits.
    """

    rates: Rates
    cells: FloatArray
    error: FloatArray
    scar_mm3: FloatArray
    step_weeks: float

    @property
    def weeks(self) -> FloatArray:
        """Of the visits, shape (V,)."""
        weeks: FloatArray = self.step_weeks * np.arange(len(self.cells), dtype=np.float64)
        return weeks

    def diameter_mm(self, visit: int, cells: FloatArray) -> FloatArray:
        """As read at a visit; a sphere of the living cells and the scar, shape (P,)."""
        volume = cells / CELLS_PER_MM3 + self.scar_mm3
        diameter: FloatArray = np.cbrt(6.0 / np.pi * volume) * self.error[visit]
        return diameter


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of P tumours under a policy; weeks are infinite where it did not happen.

    Attributes:
        switch_week: drug B first given.
        first_progression_week: RECIST progression on whatever was given first.
        second_progression_week: RECIST progression on drug B.
        lethal_week: living cells reach the lethal number.
        extinct_week: the last living cell has died.
        weeks_on_a, weeks_on_b: doses given, in weeks of treatment.
        left_too_early: drug A was left while it still shrank the living cells and would have for a step more.
    """

    switch_week: FloatArray
    first_progression_week: FloatArray
    second_progression_week: FloatArray
    lethal_week: FloatArray
    extinct_week: FloatArray
    weeks_on_a: FloatArray
    weeks_on_b: FloatArray
    left_too_early: BoolArray


def trunk(
    cells: FloatArray,
    rates: Rates,
    rng: np.random.Generator,
    *,
    visits: int,
    step_weeks: float,
    scar_mm3: FloatArray | None = None,
    reading_sd_log: float = READING_SD_SHARE,
) -> Trunk:
    """The tumours on drug A throughout.

    Args:
        cells: at the start, clones S, A, B, AB, shape (P, 4).
        rates: of the clones.
        rng: random generator; the same state gives the same course.
        visits: how many, the start among them.
        step_weeks: between visits.
        scar_mm3: shape (P,); none by default.
        reading_sd_log: SD of the log of a reading; 0 reads the truth.
    """
    patients = len(cells)
    on_a = np.full(patients, DRUG_A)
    course = np.empty((visits, patients, 4))
    course[0] = whole(cells, rng)
    for visit in range(1, visits):
        course[visit] = step(course[visit - 1], on_a, rates, step_weeks, rng)
    error = np.exp(reading_sd_log * rng.standard_normal((visits, patients)))
    return Trunk(rates, course, error, np.zeros(patients) if scar_mm3 is None else scar_mm3, step_weeks)


def play(
    own: Trunk, policy: Policy, rng: np.random.Generator, *, lethal_cells: FloatArray | float
) -> Outcomes:
    """The policy played on the tumours of a trunk.

    Args:
        own: the tumours.
        policy: which drug is given from a visit on.
        rng: of what happens after a tumour has left the trunk.
        lethal_cells: living cells that are lethal, shape (P,) or one number.
    """
    course = _Course.start(own)
    for visit in range(len(own.cells)):
        course.look(visit, lethal_cells)
        if visit + 1 < len(own.cells):
            course.advance(visit, policy, rng)
    return course.outcomes()


@dataclass(slots=True)
class _Course:
    """The state of P tumours while a policy is played; changed in place, as the loop over visits goes on."""

    own: Trunk
    cells: FloatArray
    drug: IntArray
    has_left: BoolArray
    start_mm: FloatArray
    nadir_mm: FloatArray
    fewest_cells: FloatArray
    weeks_on_drug: FloatArray
    week_of: dict[str, FloatArray]
    weeks_on: FloatArray
    left_too_early: BoolArray
    diameter_mm: FloatArray

    @classmethod
    def start(cls, own: Trunk) -> _Course:
        patients = own.cells.shape[1]
        first = own.diameter_mm(0, own.cells[0].sum(axis=1))
        names = ("switch", "first", "second", "lethal", "extinct")
        return cls(
            own=own,
            cells=own.cells[0].copy(),
            drug=np.full(patients, DRUG_A),
            has_left=np.zeros(patients, dtype=np.bool_),
            start_mm=first,
            nadir_mm=first.copy(),
            fewest_cells=own.cells[0].sum(axis=1),
            weeks_on_drug=np.zeros(patients),
            week_of={name: np.full(patients, np.inf) for name in names},
            weeks_on=np.zeros((3, patients)),
            left_too_early=np.zeros(patients, dtype=np.bool_),
            diameter_mm=first,
        )

    def look(self, visit: int, lethal_cells: FloatArray | float) -> None:
        """Read the tumours and note what has happened."""
        week, total = self.own.weeks[visit], self.cells.sum(axis=1)
        self.diameter_mm = self.own.diameter_mm(visit, total)
        self._note("extinct", total == 0.0, week)
        self._note("lethal", total >= lethal_cells, week)
        progressed = self._seen(week).has_progressed
        self._note("first", progressed, week)
        self._note("second", progressed & (self.drug == DRUG_B), week)
        self.nadir_mm = np.minimum(self.nadir_mm, self.diameter_mm)

    def advance(self, visit: int, policy: Policy, rng: np.random.Generator) -> None:
        """Choose the drugs and go on to the next visit."""
        own, week = self.own, self.own.weeks[visit]
        chosen = policy(self._seen(week))
        changes = chosen != self.drug
        leaves = ~self.has_left & (chosen != DRUG_A)
        ahead = own.cells[visit + 1].sum(axis=1)
        self.left_too_early |= leaves & (chosen == DRUG_B) & (ahead < self.cells.sum(axis=1))
        self.has_left |= leaves
        self._note("switch", chosen == DRUG_B, week)
        # progression on a drug is judged from the smallest since it began
        restarts = changes & (chosen == DRUG_B)
        self.nadir_mm = np.where(restarts, self.diameter_mm, self.nadir_mm)
        self.weeks_on_drug = np.where(changes, 0.0, self.weeks_on_drug) + own.step_weeks
        self.drug = chosen
        self.fewest_cells = np.minimum(self.fewest_cells, self.cells.sum(axis=1))
        for drug in (NO_DRUG, DRUG_A, DRUG_B):
            self.weeks_on[drug] += own.step_weeks * (chosen == drug)
        following = own.cells[visit + 1].copy()
        rows = np.flatnonzero(self.has_left)
        if rows.size:
            following[rows] = step(self.cells[rows], chosen[rows], own.rates.at(rows), own.step_weeks, rng)
        self.cells = following

    def outcomes(self) -> Outcomes:
        """After the last visit."""
        week = self.week_of
        return Outcomes(
            switch_week=week["switch"],
            first_progression_week=week["first"],
            second_progression_week=week["second"],
            lethal_week=week["lethal"],
            extinct_week=week["extinct"],
            weeks_on_a=self.weeks_on[DRUG_A],
            weeks_on_b=self.weeks_on[DRUG_B],
            left_too_early=self.left_too_early,
        )

    def _seen(self, week: float) -> Seen:
        return Seen(
            week=week,
            diameter_mm=self.diameter_mm,
            start_mm=self.start_mm,
            nadir_mm=self.nadir_mm,
            cells=self.cells.sum(axis=1),
            fewest_cells=self.fewest_cells,
            drug=self.drug,
            weeks_on_drug=self.weeks_on_drug,
        )

    def _note(self, name: str, happens: BoolArray, week: float) -> None:
        self.week_of[name] = np.where(happens & np.isinf(self.week_of[name]), week, self.week_of[name])
