"""Lesion by lesion: where each is, what was read of it, what that did against its error; where lesions part ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from turnpoint.criteria.recist import CERTAIN, TOO_SMALL_MM, normal_new_node
from turnpoint.turning.series_facts import SeriesFact

LesionTrend = Literal[
    "fell",
    "flat",
    "rose",
    "too_small",
    "gone",
    "not_evaluable",
    "once",
    "new",
    "equivocal",
    "present",
    "progressed",
]
_OF_SERIES: Final[Mapping[str, LesionTrend]] = {
    "single": "once",
    "risen": "rose",
    "fallen": "fell",
    "slow_fall": "fell",
    "level": "flat",
}
_OF_STATUS: Final[Mapping[str, LesionTrend]] = {
    "absent": "gone",
    "too_small": "too_small",
    "not_evaluable": "not_evaluable",
}
ROLES: Final = ("target", "non_target", "new")


@dataclass(frozen=True, slots=True)
class LesionReading:
    """One row of one lesion.

    Attributes:
        day: of the visit.
        status: as in the study.
        diameter_mm: None where it has none.
    """

    day: int
    status: str
    diameter_mm: float | None

    @property
    def size_mm(self) -> float | None:
        """What it counts: 0 mm when gone, 5 mm when too small, None where nothing can be said."""
        if self.status == "absent":
            return 0.0
        if self.status == "too_small" and self.diameter_mm is None:
            return TOO_SMALL_MM
        return self.diameter_mm if self.status in ("measured", "too_small") else None


@dataclass(frozen=True, slots=True)
class LesionCourse:
    """One lesion over time.

    Attributes:
        lesion_id, site, role: as in the study.
        node: a lymph node, measured across its short axis.
        readings: by day.
        trend: what its readings did up to the last, against their error; or what was said of it.
        from_baseline_pct, from_smallest_pct: change of the last size from the first, and from the smallest; None where
            there is none to compare, or it is 0 mm.
    """

    lesion_id: str
    site: str | None
    role: str
    node: bool
    readings: tuple[LesionReading, ...]
    trend: LesionTrend
    from_baseline_pct: float | None
    from_smallest_pct: float | None


@dataclass(frozen=True, slots=True)
class PartedLesion:
    """One of several lesions that part ways: its name and site, and the sizes it went from and to, in mm."""

    lesion_id: str
    site: str | None
    from_mm: float
    to_mm: float


@dataclass(frozen=True, slots=True)
class PartedWays:
    """Lesions of one patient that changed in opposite directions, each beyond the error of its readings.

    Attributes:
        shrank: from the first reading to the last.
        grew: from the smallest to the last.
    """

    shrank: tuple[PartedLesion, ...]
    grew: tuple[PartedLesion, ...]


def lesion_courses(lesions: pl.DataFrame, facts: Sequence[SeriesFact]) -> tuple[LesionCourse, ...]:
    """Every lesion of one patient, targets first, then other lesions, then new ones.

    Args:
        lesions: as in `Study.lesions`, of one patient and one reader.
        facts: of the same patient.
    """
    by_lesion = {fact.part: fact for fact in facts if fact.is_lesion}
    courses = [
        _course(rows.sort("day"), by_lesion.get(str(lesion_id)))
        for (lesion_id,), rows in lesions.sort("day").group_by("lesion_id", maintain_order=True)
    ]
    return tuple(
        sorted(courses, key=lambda own: (ROLES.index(own.role) if own.role in ROLES else 9, own.lesion_id))
    )


def _course(rows: pl.DataFrame, fact: SeriesFact | None) -> LesionCourse:
    last = rows.row(-1, named=True)
    readings = tuple(
        LesionReading(day, str(status), mm)
        for day, status, mm in rows.select("day", "status", "diameter_mm").rows()
    )
    sizes = [own.size_mm for own in readings if own.size_mm is not None]
    later = len(sizes) > 1
    return LesionCourse(
        lesion_id=str(last["lesion_id"]),
        site=_last_site(rows),
        role=str(last["role"]),
        node=bool(last["node"]),
        readings=readings,
        trend=_trend(rows, fact),
        from_baseline_pct=_change_pct(sizes[0], sizes[-1]) if later else None,
        from_smallest_pct=_change_pct(min(sizes[:-1]), sizes[-1]) if later else None,
    )


def _last_site(rows: pl.DataFrame) -> str | None:
    known = rows["site"].drop_nulls().to_list()
    return str(known[-1]) if known else None


def _change_pct(before_mm: float, now_mm: float) -> float | None:
    return 100.0 * (now_mm / before_mm - 1.0) if before_mm > 0.0 else None


def _trend(rows: pl.DataFrame, fact: SeriesFact | None) -> LesionTrend:
    last = rows.row(-1, named=True)
    role, status = str(last["role"]), str(last["status"])
    if rows.select(normal_new_node().all()).item():
        return "present"
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    if role == "new":
        return "new" if status in CERTAIN else "equivocal"
    if role == "target" and fact is not None:
        return _OF_SERIES.get(fact.trend, "too_small")
    if status == "unequivocal_progression":
        return "progressed"
    return "equivocal" if status == "equivocal" else "present"


def parted_ways(facts: Sequence[SeriesFact], sites: Mapping[str, str | None]) -> PartedWays | None:
    """The lesions that shrank while others grew; None when all go one way.

    Args:
        facts: of one patient.
        sites: of each lesion.
    """
    lesions = [fact for fact in facts if fact.is_lesion]
    shrank = [own for own in lesions if own.below_first and own.trend != "risen"]
    grew = [own for own in lesions if own.trend == "risen"]
    if not (shrank and grew):
        return None
    return PartedWays(
        tuple(PartedLesion(own.part, sites.get(own.part), own.first.value, own.last.value) for own in shrank),
        tuple(
            PartedLesion(own.part, sites.get(own.part), own.smallest.value, own.last.value) for own in grew
        ),
    )
