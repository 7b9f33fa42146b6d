"""Virtual tumours under a policy: what is given, when both drugs fail, whether the tumour dies out.

Every policy plays the same tumours with the same luck until its drugs differ: the course on drug A is played once (the
trunk), and a tumour leaves it on the day on which the policy first gives it something else. Between days of the trunk
a step ends where a drug is changed, so that no policy waits for a visit that it does not need.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.study.recist_bar import progression_bar_mm
from turnpoint.virtual.clones import DRUG_A, DRUG_B, NO_DRUG, Rates, step, whole
from turnpoint.virtual.fates import Fates
from turnpoint.virtual.luck import Luck
from turnpoint.virtual.policies import Policy, Seen
from turnpoint.virtual.readings import Reader
from turnpoint.virtual.two_drugs import crossing_week

_AS_EQUAL = 1e-9
_POINTS = 24  # of the mean course of a step, on which a crossing or the fewest cells are looked for


@dataclass(frozen=True, slots=True)
class Trunk:
    """P tumours on drug A throughout.

    Attributes:
        rates: of the clones.
        days: on which something is looked at, the start first, shape (D,).
        cells: on these days, shape (D, P, 4).
    """

    rates: Rates
    days: FloatArray
    cells: FloatArray

    def log_burden(self, days: FloatArray) -> FloatArray:
        """Log of the living cells relative to the start on some of the days, shape (P, V); one cell stands for none."""
        total = self.cells[np.searchsorted(self.days, days)].sum(axis=2)
        log_burden: FloatArray = np.log(np.maximum(total, 1.0) / self.cells[0].sum(axis=1)).T
        return log_burden

    def turning_day(self) -> FloatArray:
        """When the living cells are fewest, shape (P,): the true turning point of what was played.

        Between the days around the fewest it is looked for on the mean course from the day before. Infinite where the
        tumour dies out, or still shrinks on the last day.
        """
        total = self.cells.sum(axis=2)
        fewest, last = total.argmin(axis=0), len(self.days) - 1
        patients = np.arange(total.shape[1])
        first = np.maximum(fewest - 1, 0)
        span = (self.days[np.minimum(fewest + 1, last)] - self.days[first]) / 7.0
        on_a = np.full(len(patients), DRUG_A)
        course = _mean_course(self.cells[first, patients], on_a, self.rates, span, patients)
        day = self.days[first] + 7.0 * span * course.argmin(axis=1) / _POINTS
        # a floor of cells that rest is flat to the last digit, and is no turn
        has_turned = total[-1] > total.min(axis=0) * (1.0 + _AS_EQUAL)
        found: FloatArray = np.where(has_turned & (total.min(axis=0) > 0.0), day, np.inf)
        return found


def trunk(cells: FloatArray, rates: Rates, days: FloatArray, luck: Luck | None) -> Trunk:
    """The tumours on drug A throughout.

    Args:
        cells: at the start, clones S, A, B, AB, shape (P, 4).
        rates: of the clones.
        days: to look at, the start first, shape (D,).
        luck: of each lot, the same state gives the same course; None is without chance.
    """
    on_a = np.full(len(cells), DRUG_A)
    course = np.empty((len(days), *cells.shape))
    course[0] = cells
    for rng, part in () if luck is None else luck.parts(np.arange(len(cells))):
        course[0, part] = whole(cells[part], rng)
    for index, weeks in enumerate(np.diff(days) / 7.0):
        course[index + 1] = step(course[index], on_a, rates, float(weeks), luck)
    return Trunk(rates, days, course)


def play(
    own: Trunk,
    policy: Policy,
    luck: Luck | None,
    *,
    lethal_cells: FloatArray | float = np.inf,
    scans: tuple[Reader, FloatArray] | None = None,
) -> Fates:
    """The policy played on the tumours of a trunk.

    Args:
        own: the tumours.
        policy: which drug is given when.
        luck: of what happens after a tumour has left the trunk; None is without chance.
        lethal_cells: living cells that are lethal, shape (P,) or one number.
        scans: a reader of the sum of diameters before its first reading, and its days, some of the trunk's; None makes
            no scans.
    """
    course = _Course(own, policy, np.broadcast_to(np.asarray(lethal_cells, float), own.cells.shape[1]))
    reader, scan_days = scans or (None, np.zeros(0))
    last = len(own.days) - 1
    for index, day in enumerate(own.days):
        if index:
            course.advance(index, luck)
        course.note_extinct(day)
        if reader is not None and day in scan_days:
            course.scan(day, reader)
        if index == last:
            course.change_what_is_due(np.full(own.cells.shape[1], day))
    return course.fates()


class _Course:
    """The state of P tumours while a policy is played; changed in place, as the loop over days goes on."""

    def __init__(self, own: Trunk, policy: Policy, lethal_cells: FloatArray) -> None:
        patients = own.cells.shape[1]
        self.own, self.policy, self.lethal_cells = own, policy, lethal_cells
        self.cells = own.cells[0].copy()
        self.start_cells = self.cells.sum(axis=1)
        self.drug = np.full(patients, DRUG_A)
        self.since_day = np.zeros(patients)
        self.has_left = np.zeros(patients, dtype=np.bool_)
        self.by_plan = np.zeros(patients, dtype=np.bool_)
        self.start_mm = self.sum_mm = np.full(patients, np.nan)
        # the smallest sum since the start, since drug B was first given, since the drug in use began
        self.nadir_mm = {name: np.full(patients, np.inf) for name in ("first", "second", "drug")}
        self.day_of = {
            name: np.full(patients, np.inf) for name in ("switch", "first", "second", "lethal", "extinct")
        }
        self.weeks_on = np.zeros((3, patients))

    def note_extinct(self, day: float) -> None:
        """The last living cell has died by this day."""
        self._note("extinct", self.cells.sum(axis=1) == 0.0, day)

    def scan(self, day: float, reader: Reader) -> None:
        """Read the tumours, judge progression, and let the policy choose."""
        total = self.cells.sum(axis=1)
        self.sum_mm, _ = reader.next(day, np.log(np.maximum(total, 1.0) / self.start_cells))
        if np.isnan(self.start_mm).all():
            self.start_mm = self.sum_mm
            self.nadir_mm |= {"first": self.sum_mm, "drug": self.sum_mm}
        seen = Seen(self.sum_mm, self.start_mm, self.nadir_mm["drug"], self.drug)
        met = {
            name: self.sum_mm >= progression_bar_mm(self.nadir_mm[name]) - _AS_EQUAL
            for name in ("first", "second")
        }
        self._note("first", met["first"], day)
        self._note("second", met["second"] & np.isfinite(self.day_of["switch"]), day)
        chosen = self.policy.at_scan(seen)
        self.nadir_mm = {name: np.minimum(own, self.sum_mm) for name, own in self.nadir_mm.items()}
        self._change(chosen, np.full(len(chosen), day), by_plan=False)

    def change_what_is_due(self, day: FloatArray) -> None:
        """Planned changes on these days, shape (P,)."""
        due = self.policy.planned_day(self.drug, self.since_day) <= day
        other = np.where(self.drug == DRUG_A, DRUG_B, DRUG_A)
        self._change(np.where(due, other, self.drug), day, by_plan=True)

    def advance(self, index: int, luck: Luck | None) -> None:
        """Go on to a day of the trunk, with a step to each planned change before it."""
        own, begin, end = self.own, self.own.days[index - 1], self.own.days[index]
        day = np.full(len(self.drug), begin)
        while True:
            self.change_what_is_due(day)
            until = np.minimum(self.policy.planned_day(self.drug, self.since_day), end)
            # whoever stays on drug A to the end of the step goes with the trunk
            self.has_left |= until < end
            rows = np.flatnonzero(self.has_left & (day < end))
            if not rows.size:
                break
            weeks = (until - day)[rows] / 7.0
            after = step(self.cells[rows], self.drug[rows], own.rates, weeks, luck, rows)
            self._went(rows, day, until, after)
            day[rows] = until[rows]
        rows = np.flatnonzero(~self.has_left)
        self._went(rows, day, np.full(len(day), end), own.cells[index, rows])

    def fates(self) -> Fates:
        """After the last day."""
        week = {name: day / 7.0 for name, day in self.day_of.items()}
        return Fates(
            switch=week["switch"],
            by_plan=self.by_plan,
            progression=week["first"],
            second_progression=week["second"],
            lethal=week["lethal"],
            extinct=week["extinct"],
            on_a=self.weeks_on[DRUG_A],
            on_b=self.weeks_on[DRUG_B],
        )

    def _change(self, chosen: IntArray, day: FloatArray, *, by_plan: bool) -> None:
        changes = chosen != self.drug
        if not changes.any():
            return
        first_b = changes & (chosen == DRUG_B) & np.isinf(self.day_of["switch"])
        self.day_of["switch"] = np.where(first_b, day, self.day_of["switch"])
        self.by_plan |= first_b & by_plan
        self.nadir_mm["second"] = np.where(first_b, self._last_read(), self.nadir_mm["second"])
        self.nadir_mm["drug"] = np.where(changes, self._last_read(), self.nadir_mm["drug"])
        self.since_day = np.where(changes, day, self.since_day)
        self.has_left |= changes
        self.drug = chosen

    def _last_read(self) -> FloatArray:
        return np.where(np.isnan(self.sum_mm), np.inf, self.sum_mm)

    def _went(self, rows: IntArray, day: FloatArray, until: FloatArray, after: FloatArray) -> None:
        """These tumours have got so far: their cells, a lethal burden, weeks of treatment before it."""
        weeks = (until - day)[rows] / 7.0
        reached = (after.sum(axis=1) >= self.lethal_cells[rows]) & np.isinf(self.day_of["lethal"][rows])
        if reached.any():
            which = rows[reached]
            into = _reached_after(
                _mean_course(self.cells[which], self.drug[which], self.own.rates, weeks[reached], which),
                after[reached].sum(axis=1),
                weeks[reached],
                self.lethal_cells[which],
            )
            self.day_of["lethal"][which] = day[which] + 7.0 * into
        alive = np.clip((np.minimum(until, self.day_of["lethal"]) - day)[rows] / 7.0, 0.0, None)
        for drug in (NO_DRUG, DRUG_A, DRUG_B):
            self.weeks_on[drug, rows] += alive * (self.drug[rows] == drug)
        self.cells[rows] = after

    def _note(self, name: str, happens: BoolArray, day: float) -> None:
        self.day_of[name] = np.where(happens & np.isinf(self.day_of[name]), day, self.day_of[name])


def _mean_course(
    cells: FloatArray, drug: IntArray, rates: Rates, weeks: FloatArray, rows: IntArray
) -> FloatArray:
    """Living cells of the mean course at the ends of equal parts of a step, its start first, shape (P, 25)."""
    points = np.repeat(np.arange(len(cells)), _POINTS + 1)  # one call for all points
    into = (weeks[:, None] * np.arange(_POINTS + 1) / _POINTS).ravel()
    course = step(cells[points], drug[points], rates, into, None, rows[points]).sum(axis=1)
    return np.reshape(course, (len(cells), _POINTS + 1))


def _reached_after(
    mean_course: FloatArray, end: FloatArray, weeks: FloatArray, level: FloatArray
) -> FloatArray:
    """Weeks into a step at which the living cells reach a level, shape (P,).

    The course is the mean one, bent so that it ends where chance did.
    """
    log_cells = np.log(np.maximum(mean_course, 1.0))
    shares = np.arange(_POINTS + 1) / _POINTS
    missed = np.log(end) - log_cells[:, -1]
    found = log_cells + missed[:, None] * shares - np.log(level)[:, None]
    found[:, -1] = np.maximum(found[:, -1], 0.0)
    return weeks * crossing_week(found, shares, 0.0)
