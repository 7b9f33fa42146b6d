"""The order of iRECIST: which progression is open, what confirms it, what resets it.

A response depends on those before it, so the visits are walked in order, all patients at once: first every patient's
first visit, then every second one, and so on. The rules are those of `criteria.irecist`, whose numbers are cited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from turnpoint.criteria.labels import LABELS
from turnpoint.criteria.recist.visit_response import OVERALL, TOLERANCE_MM
from turnpoint.study.recist_bar import progression_bar_mm

FURTHER_GROWTH_MM: Final = 5.0

# In the places of the RECIST 1.1 labels, so that the same codes serve both; a confirmed progression comes last.
IMMUNE_LABELS: Final = ("iCR", "iPR", "iSD", "NON-iCR/NON-iUPD", "iUPD", "NE", "iCPD")
_CR, _PR, _SD, _NON, _PD, _NE = range(6)
_CONFIRMED = 6
_NONE = len(LABELS)
# How good each response of the lesions known at baseline is (rule 8); one that was not evaluated counts as SD.
_RANK = np.array([0, 1, 2, 2, 3, 2])

Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Visits:
    """Columns of the visits, one value a visit; what they are is said in `sequence`."""

    course: Whole
    day: Whole
    target: Whole
    non_target: Whole
    malignant: Flags
    non_target_there: Flags
    sum_mm: Real
    known_mm: Real
    appeared: Whole
    there: Whole
    new_read: Flags
    new_known_mm: Real
    new_sum_mm: Real
    new_nadir_mm: Real
    new_unequivocal: Flags


@dataclass(frozen=True, slots=True)
class _Readings:
    """Readings of non-target and new non-target lesions, in the order in which visits are walked."""

    visit: Whole
    lesion: Whole
    mm: Real
    unequivocal: Flags
    new: Flags


def sequence(visits: pl.DataFrame, readings: pl.DataFrame, least_days: int) -> pl.DataFrame:
    """The iRECIST response at every visit, and what it rests on.

    Args:
        visits: sorted by course and day: `course, day`, `target` and `non_target` (RECIST 1.1 labels), `malignant`
            (a target is malignant), `non_target_there` (one that is no node), `sum_of_diameters_mm, known_part_mm`,
            and the columns of `new_lesions.with_new_lesions`.
        readings: of non-target and new non-target lesions: `place` (of the visit among the visits, from 0),
            `course, lesion_id, mm, unequivocal, new`.
        least_days: days from the iUPD to the visit that may confirm it.

    Returns:
        One row a visit: `response` (iRECIST label), `target_progressed, non_target_progressed, new_progressed`,
        `new_lesion` (one is there), `iupd_day` (first iUPD of the sequence the visit is in), `target_at_iupd_mm,
        new_at_iupd_mm` (sums further growth counts from), and one flag for each way in which progression went on
        (`FURTHER`).
    """
    steps = visits.select(pl.int_range(pl.len()).over("course")).to_series().to_numpy()
    courses = visits["course"].rank("dense").cast(pl.Int64).to_numpy() - 1
    ordered = readings.with_columns(
        pl.struct("course", "lesion_id").rank("dense").cast(pl.Int64).alias("lesion") - 1,
        pl.Series("step", steps[readings["place"].to_numpy()], dtype=pl.Int64),
    ).sort("step", maintain_order=True)
    walk = _Walk(_visits(visits, courses), _readings(ordered), least_days)
    in_order = np.argsort(steps, kind="stable")
    last = int(steps.max()) + 1 if len(steps) else 0
    of_visits = np.searchsorted(steps[in_order], np.arange(last + 1))
    of_readings = np.searchsorted(ordered["step"].to_numpy(), np.arange(last + 1))
    for step in range(last):
        walk.step(
            in_order[of_visits[step] : of_visits[step + 1]],
            slice(int(of_readings[step]), int(of_readings[step + 1])),
        )
    return walk.answers()


# How an open progression may go on; each is a reason for iCPD once enough days have passed (rules 5 and 6).
FURTHER: Final = (
    "target_grew",
    "target_added",
    "non_target_grew",
    "non_target_added",
    "more_new",
    "new_sum_grew",
    "new_grew",
    "new_added",
)


class _Walk:
    """What each course carries from visit to visit, and the answers so far."""

    def __init__(self, visits: _Visits, readings: _Readings, least_days: int) -> None:
        self.visits, self.readings, self.least_days = visits, readings, least_days
        courses = int(visits.course.max()) + 1 if len(visits.course) else 0
        lesions = int(readings.lesion.max()) + 1 if len(readings.lesion) else 0
        count = len(visits.day)
        self.open = np.full(courses, -1)  # visit of the first iUPD of the open sequence
        self.ever = np.zeros(courses, bool)  # there was an iUPD
        self.confirmed = np.zeros(courses, bool)
        self.complete = np.zeros(courses, bool)  # there was an iCR
        self.new_at_reset = np.full(courses, -1)  # new lesions known at the last reset
        self.target_mm = np.full(courses, np.nan)  # sums from which further growth counts
        self.new_mm = np.full(courses, np.nan)
        self.lesion_mm = np.full(lesions, np.nan)
        self.lesion_open = np.full(lesions, -1)  # the sequence in which that size was read
        self.response = np.full(count, _NE)
        self.progressed = np.zeros((count, 3), bool)  # target, non-target, new
        self.base = np.full(count, _NE)
        self.new_lesion = np.zeros(count, bool)
        self.iupd_visit = np.full(count, -1)
        self.at_iupd_mm = np.full((count, 2), np.nan)
        self.further = np.zeros((count, len(FURTHER)), bool)
        self.grew = np.zeros((count, 2), bool)  # a non-target, a new non-target lesion

    def step(self, visit: Whole, rows: slice) -> None:
        """The next visit of every course that has one."""
        course = self.visits.course[visit]
        self._progress(visit, course)
        self._compare_lesions(rows)
        self._compare(visit, course)
        response = self._respond(visit, course)
        self.response[visit] = response
        self._carry(visit, course, response)
        self._remember_lesions(rows)

    def _progress(self, visit: Whole, course: Whole) -> None:
        """Rules 2, 7 and 9: which categories meet RECIST 1.1 progression, and the response without new lesions."""
        at, complete = self.visits, self.complete[course]
        target = (at.target[visit] == _PD) | (complete & at.malignant[visit])
        non_target = (at.non_target[visit] == _PD) | (complete & at.non_target_there[visit])
        reset = self.new_at_reset[course]
        there = at.there[visit] > 0
        nadir = at.new_nadir_mm[visit]
        bar = progression_bar_mm(nadir) - TOLERANCE_MM
        again = (
            (there & (complete | (at.appeared[visit] > reset)))
            | (at.new_known_mm[visit] >= bar)
            | at.new_unequivocal[visit]
        )
        first = np.where(self.ever[course], there, at.appeared[visit] > 0)
        new = np.where(reset >= 0, again, first)
        self.progressed[visit] = np.stack([target, non_target, new], axis=1)
        self.new_lesion[visit] = first
        overall = _OVERALL[at.target[visit], at.non_target[visit]]
        self.base[visit] = np.where(target | non_target, _PD, overall)

    def _compare_lesions(self, rows: slice) -> None:
        """Rule 5: which non-target and new non-target lesions are larger than at the iUPD."""
        read = self.readings
        visit, lesion, mm = read.visit[rows], read.lesion[rows], read.mm[rows]
        opened = self.open[self.visits.course[visit]]
        same = (opened >= 0) & (self.lesion_open[lesion] == opened)
        before = np.where(same, self.lesion_mm[lesion], np.nan)
        unmeasured = np.isnan(mm) | np.isnan(before)
        grew = (mm > before + TOLERANCE_MM) | (read.unequivocal[rows] & unmeasured)
        self.grew[visit[grew], read.new[rows][grew].astype(np.int64)] = True

    def _compare(self, visit: Whole, course: Whole) -> None:
        """Rules 5 and 6: how the open progression has gone on."""
        at, opened = self.visits, self.open[course]
        running = opened >= 0
        target, non_target, new = self.progressed[visit].T
        had_target, had_non_target, had_new = self.progressed[opened].T
        more = at.new_read[visit] & (at.appeared[visit] > at.appeared[opened])
        enough = FURTHER_GROWTH_MM - TOLERANCE_MM
        # In the order of FURTHER.
        ways = (
            had_target & (at.known_mm[visit] >= self.target_mm[course] + enough),
            target & ~had_target,
            had_non_target & self.grew[visit, 0],
            non_target & ~had_non_target,
            more,
            had_new & (at.new_known_mm[visit] >= self.new_mm[course] + enough),
            had_new & self.grew[visit, 1],
            new & ~had_new & ~more & at.new_read[visit],
        )
        self.further[visit] = np.stack(ways, axis=1) & running[:, None]
        self.at_iupd_mm[visit, 0] = self.target_mm[course]
        self.at_iupd_mm[visit, 1] = self.new_mm[course]

    def _respond(self, visit: Whole, course: Whole) -> Whole:
        """Rules 3 to 8, as codes of `IMMUNE_LABELS`."""
        at, opened, base = self.visits, self.open[course], self.base[visit]
        running, after = opened >= 0, self.confirmed[course]
        target, non_target, new = self.progressed[visit].T
        growing = self.further[visit].any(axis=1)
        progression = target | non_target | new | growing
        late = at.day[visit] - at.day[opened] >= self.least_days
        # Nothing that could tell was looked at: neither the lesions of baseline nor a new one.
        blind = running & (base == _NE) & ~growing & ~(new & at.new_read[visit])
        unseen = running & self.progressed[opened, 1] & (at.non_target[visit] == _NE)
        there = self.new_lesion[visit]
        incomplete = np.where(at.target[visit] == _NONE, _NON, _PR)
        best = np.where((base == _CR) & there, incomplete, base)
        return np.select(
            [
                blind,
                after & progression,
                running & growing & late,
                running & ~growing & ~unseen & self._better(visit, opened),
                progression,
                unseen,
            ],
            [_NE, _CONFIRMED, _CONFIRMED, best, _PD, _NE],
            default=best,
        )

    def _better(self, visit: Whole, opened: Whole) -> Flags:
        """Rule 8: the lesions of baseline respond better than at the iUPD."""
        base, before, sums = self.base[visit], self.base[opened], self.visits.sum_mm
        smaller = sums[visit] <= sums[opened] - FURTHER_GROWTH_MM + TOLERANCE_MM
        deeper = (base == _PR) & (before == _PR) & smaller
        better: Flags = (base != _NE) & ((_RANK[base] < _RANK[before]) | deeper)
        return better

    def _carry(self, visit: Whole, course: Whole, response: Whole) -> None:
        """Rules 4 and 7: what the next visit is compared with."""
        at = self.visits
        opens = (response == _PD) & (self.open[course] < 0)
        self.open[course[opens]] = visit[opens]
        self.ever[course[opens]] = True
        self.target_mm[course[opens]] = np.nan
        self.new_mm[course[opens]] = np.nan
        running = self.open[course] >= 0
        for carried, sums in ((self.target_mm, at.sum_mm), (self.new_mm, at.new_sum_mm)):
            missing = running & np.isnan(carried[course])
            carried[course[missing]] = sums[visit[missing]]
        self.iupd_visit[visit] = self.open[course]
        self.confirmed[course[response == _CONFIRMED]] = True
        self.complete[course[response == _CR]] = True
        resets = running & np.isin(response, (_CR, _PR, _SD, _NON))
        self.new_at_reset[course[resets]] = at.appeared[visit[resets]]
        self.iupd_visit[visit[resets]] = -1
        self.open[course[resets]] = -1

    def _remember_lesions(self, rows: slice) -> None:
        """The first size of each lesion in an open sequence, from which further growth counts."""
        read = self.readings
        lesion, mm = read.lesion[rows], read.mm[rows]
        opened = self.open[self.visits.course[read.visit[rows]]]
        fresh = (opened >= 0) & ~np.isnan(mm) & (self.lesion_open[lesion] != opened)
        self.lesion_mm[lesion[fresh]] = mm[fresh]
        self.lesion_open[lesion[fresh]] = opened[fresh]

    def answers(self) -> pl.DataFrame:
        """The table of `sequence`."""
        labels = pl.Series(IMMUNE_LABELS, dtype=pl.String)
        iupd_day = np.where(self.iupd_visit >= 0, self.visits.day[self.iupd_visit], 0)
        return pl.DataFrame(
            {
                "response": labels.gather(pl.Series(self.response, dtype=pl.UInt32)),
                "target_progressed": self.progressed[:, 0],
                "non_target_progressed": self.progressed[:, 1],
                "new_progressed": self.progressed[:, 2],
                "new_lesion": self.new_lesion,
                "iupd_day": pl.Series(iupd_day, dtype=pl.Int64),
                "target_at_iupd_mm": self.at_iupd_mm[:, 0],
                "new_at_iupd_mm": self.at_iupd_mm[:, 1],
                **{name: self.further[:, place] for place, name in enumerate(FURTHER)},
            }
        ).with_columns(pl.when(pl.Series(self.iupd_visit >= 0)).then("iupd_day").alias("iupd_day"))


def _overall() -> Whole:
    """Tables 1 and 2 of RECIST 1.1 by the places of the labels; with PD in either it is PD."""
    table = np.full((_NONE + 1, _NONE + 1), _PD)
    places: dict[str | None, int] = {name: place for place, name in enumerate(LABELS)} | {None: _NONE}
    for (target, non_target), overall in OVERALL.items():
        table[places[target], places[non_target]] = places[overall]
    return table


_OVERALL = _overall()


def _visits(frame: pl.DataFrame, course: Whole) -> _Visits:
    def real(name: str) -> Real:
        return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    def code(name: str) -> Whole:
        return frame[name].to_physical().cast(pl.Int64).fill_null(_NONE).to_numpy()

    return _Visits(
        course=course,
        day=frame["day"].to_numpy(),
        target=code("target"),
        non_target=code("non_target"),
        malignant=frame["malignant"].to_numpy(),
        non_target_there=frame["non_target_there"].to_numpy(),
        sum_mm=real("sum_of_diameters_mm"),
        known_mm=real("known_part_mm"),
        appeared=frame["appeared"].to_numpy(),
        there=frame["there"].to_numpy(),
        new_read=frame["new_read"].to_numpy(),
        new_known_mm=real("new_known_mm"),
        new_sum_mm=real("new_lesion_sum_mm"),
        new_nadir_mm=real("new_nadir_mm"),
        new_unequivocal=frame["new_unequivocal"].to_numpy(),
    )


def _readings(frame: pl.DataFrame) -> _Readings:
    return _Readings(
        visit=frame["place"].to_numpy(),
        lesion=frame["lesion"].to_numpy(),
        mm=frame["mm"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        unequivocal=frame["unequivocal"].to_numpy(),
        new=frame["new"].to_numpy(),
    )
