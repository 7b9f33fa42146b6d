"""What a report says first, picked from the view: the last visit, the next value, the alert, the likely cause."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from turnpoint.pictures.dates import DateInterval
from turnpoint.pictures.patient import PatientPicture

SUM_OF_DIAMETERS = "sum_of_diameters_mm"
CAUSES = ("resistant", "scar", "floor", "pause")
DATES = ("dominance_day", "turning_day", "regrowth_day")
_CAUSE_IS_LIKELY = 0.75
# One patient in a hundred of the prior's own lies farther out in one of the three rates.
FARTHEST_FROM_PRIOR_SD = 2.9
SMALL_CHANCE = 0.05  # rarer than 1 in 20 is not said of a date
_USUAL_GAP_DAYS = 42.0  # six weeks between scans

_CHANGED = frozenset({"size_risen", "size_fallen", "marker_risen", "marker_fallen"})

Situation = Literal[
    "responding",
    "plateau_resistant",
    "plateau_scar",
    "plateau_background",
    "plateau_floor",
    "plateau_pause",
    "plateau_unclear",
    "plateau_sizes_only",
    "plateau_changed",
    "regrowing",
    "mixed",
    "nothing_left",
    "undetermined",
    "unclear",
    "off_treatment",
    "not_assessed",
]
Progressed = Literal["progressed_new_lesion", "progressed_growth", "progressed_marker"]
AlertState = Literal["now", "earlier", "none"]


@dataclass(frozen=True, slots=True)
class NextValue:
    """The forecast of one quantity about one usual interval after the last visit.

    Attributes:
        quantity: `sum_of_diameters_mm` or the marker.
        day: of the forecast.
        weeks_ahead: from the last visit to it.
        q05, q50, q95: its quantiles, in the quantity's unit.
    """

    quantity: str
    day: float
    weeks_ahead: float
    q05: float
    q50: float
    q95: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of things at the last visit.

    Attributes:
        situation: the verdict, for a plateau with its likely cause, for an undetermined one with why.
        progressed: what called progression first; None while nothing has. It is said before the situation.
        last: the last row of the assessment; empty when there is none.
        last_day: the last visit with a reading, or None.
        visits: how many there are.
        alert: raised at the last visit, at an earlier one only, or never.
        unlike_the_prior: the rates lie so far from the middle of the prior that what was counted in its patients may
            not hold.
        met_day: on which the criterion for progression was first seen to be met.
        alert_days: of each alert the day it was raised and the day it was withdrawn, None while it stands.
        p_never: chance that the turning point is not within ten years, where it is not small; else None.
        off_treatment: no drug is on at the last visit.
        week_regrowth_read: since when growth has been read, as in the view.
        last_sum: the last row of the sums that has one; empty when there is none.
        sum_before: the row before that; empty when there is none.
        last_markers: the last value of each marker, with `before`, the value before it (null for the first).
        next_values: what is likely at the next visit, a quantity each.
    """

    situation: Situation
    progressed: Progressed | None
    last: Mapping[str, Any]
    last_day: float | None
    visits: int
    alert: AlertState
    alert_days: tuple[tuple[float, float | None], ...]
    unlike_the_prior: bool
    met_day: float | None
    p_never: float | None
    off_treatment: bool
    week_regrowth_read: float | None
    last_sum: Mapping[str, Any]
    sum_before: Mapping[str, Any]
    last_markers: tuple[Mapping[str, Any], ...]
    next_values: tuple[NextValue, ...]

    @property
    def headline(self) -> Situation | Progressed:
        """What is said first."""
        return self.progressed or self.situation

    @property
    def expects_dates(self) -> bool:
        """Whether dates of what was measured are worth saying: not beside a progression that they do not show."""
        return self.progressed is None or self.last.get("verdict") == "regrowing"

    @property
    def first_alert_day(self) -> float | None:
        """When an alert was first raised."""
        return self.alert_days[0][0] if self.alert_days else None

    def date(self, name: str) -> DateInterval:
        """One of the three dates as the last assessment has it."""
        values = [self.last.get(f"{name}_{level}") for level in ("q05", "q50", "q95")]
        if name == "regrowth_day" and values[0] is not None:
            # what has not been read by the last visit lies after it
            values[0] = max(values[0], self.last_day or 0.0)
        return DateInterval.from_days(values[0], values[1], values[2], self.last_day or 0.0)

    @property
    def regrowth_is_ahead(self) -> bool:
        """Nothing read has risen so far, and by the model it need not have."""
        middle = self.last.get("regrowth_day_q50")
        return self.week_regrowth_read is None and (middle is None or middle > (self.last_day or 0.0))


def snapshot(view: PatientPicture) -> Snapshot:
    """Pick the facts that every kind of reader needs."""
    assessment = view.assessment.sort("day")
    last = assessment.row(-1, named=True) if assessment.height else {}
    diagnosed = view.diagnostics.sort("day").row(-1, named=True) if view.diagnostics.height else {}
    alert_days = _alert_days(assessment)
    sums = view.sums.filter(pl.col("sum_of_diameters_mm").is_not_null()).sort("day")
    days = pl.concat([frame["day"].cast(pl.Float64) for frame in (view.sums, view.markers, view.assessment)])
    last_day = days.max()
    day = float(last_day) if isinstance(last_day, int | float) else None
    return Snapshot(
        situation=_situation(view, last, has_sums=sums.height > 0),
        progressed=_progressed(view),
        last=last,
        last_day=day,
        visits=days.n_unique(),
        alert="now" if last.get("alert") else "earlier" if alert_days else "none",
        alert_days=alert_days,
        met_day=_met_day(view.diagnostics),
        unlike_the_prior=(diagnosed.get("prior_distance") or 0.0) > FARTHEST_FROM_PRIOR_SD,
        p_never=_p_never(diagnosed),
        off_treatment=bool(diagnosed.get("off_treatment")),
        week_regrowth_read=view.week_regrowth_read,
        last_sum=sums.row(-1, named=True) if sums.height else {},
        sum_before=sums.row(-2, named=True) if sums.height > 1 else {},
        last_markers=_last_markers(view.markers),
        next_values=_next_values(view, day),
    )


def _alert_days(assessment: pl.DataFrame) -> tuple[tuple[float, float | None], ...]:
    """When each alert was raised and withdrawn, from whether one stands at each visit."""
    stands = pl.col("alert").fill_null(value=False)
    before = stands.shift(1, fill_value=False)
    raised = assessment.filter(stands & ~before)["day"].cast(pl.Float64).to_list()
    withdrawn = assessment.filter(~stands & before)["day"].cast(pl.Float64).to_list()
    return tuple(zip(raised, [*withdrawn, *([None] * (len(raised) - len(withdrawn)))], strict=True))


def _met_day(diagnostics: pl.DataFrame) -> float | None:
    day = diagnostics.filter("met")["day"].min() if diagnostics.height else None
    return float(day) if isinstance(day, int | float) else None


def _p_never(diagnosed: Mapping[str, Any]) -> float | None:
    chance = diagnosed.get("p_never_turns")
    return float(chance) if chance is not None and chance >= SMALL_CHANCE else None


def _progressed(view: PatientPicture) -> Progressed | None:
    """What called progression first, a new lesion before all else of the same day."""
    named: dict[str, Progressed] = {
        "new_lesion": "progressed_new_lesion",
        "target": "progressed_growth",
        "non_target": "progressed_growth",
        "marker": "progressed_marker",
    }
    return named[view.called[0].kind] if view.called else None


def _situation(view: PatientPicture, last: Mapping[str, Any], *, has_sums: bool) -> Situation:
    """The verdict with its cause or its reason; what was read goes before what the model makes of it."""
    verdict, codes = last.get("verdict"), {fact.code for fact in view.evidence}
    if verdict not in ("responding", "plateau", "regrowing", "undetermined"):
        return "not_assessed"
    if verdict == "regrowing":
        return "regrowing"
    if view.nothing_left is not None and not view.nothing_left.raised:
        return "nothing_left"
    if view.parted is not None or "contrary_readings" in codes:
        return "mixed"
    if verdict == "plateau":
        return _plateau(view, last, has_sums=has_sums)
    return "responding" if verdict == "responding" else _undetermined(codes)


def _undetermined(codes: AbstractSet[str]) -> Situation:
    """Too early, or enough to go by and still no state; with so little to go by nothing else needs saying."""
    if codes & {"few_values", "near_prior"}:
        return "undetermined"
    if "off_nothing_risen" in codes:
        return "off_treatment"
    return "unclear" if codes & {"contrary_state", "no_state_likely"} else "undetermined"


def _plateau(view: PatientPicture, last: Mapping[str, Any], *, has_sums: bool) -> Situation:
    """The likely cause; what a scar is to a scan, the level that healthy tissue makes is to a marker.

    Where something read has risen, or fallen lately, that is said instead: the trend can be level all the same.
    """
    if any(fact.code in _CHANGED for fact in view.evidence):
        return "plateau_changed"
    if any(fact.code == "off_treatment" for fact in view.evidence):
        return "plateau_pause"
    if view.cause_is_prior:
        return "plateau_sizes_only" if has_sums else "plateau_unclear"
    chances = {cause: last.get(f"p_{cause}") or 0.0 for cause in CAUSES}
    likely = max(chances, key=lambda cause: chances[cause])
    named: dict[str, Situation] = {
        "resistant": "plateau_resistant",
        "scar": "plateau_scar" if has_sums else "plateau_background",
        "floor": "plateau_floor",
        "pause": "plateau_pause",
    }
    return named[likely] if chances[likely] >= _CAUSE_IS_LIKELY else "plateau_unclear"


def _last_markers(markers: pl.DataFrame) -> tuple[Mapping[str, Any], ...]:
    known = markers.filter(pl.col("value").is_not_null()).sort("day", maintain_order=True)
    last = known.with_columns(pl.col("value").shift(1).over("marker").alias("before")).group_by(
        "marker", maintain_order=True
    )
    return tuple(last.tail(1).iter_rows(named=True))


def _next_values(view: PatientPicture, last_day: float | None) -> tuple[NextValue, ...]:
    if last_day is None:
        return ()
    found = []
    ahead = view.fan.filter(
        (pl.col("kind") == "forecast") & (pl.col("day") > last_day) & pl.col("q50").is_not_null()
    )
    for quantity in ahead["quantity"].unique(maintain_order=True):
        seen = (
            view.sums if quantity == SUM_OF_DIAMETERS else view.markers.filter(pl.col("marker") == quantity)
        )
        # the baseline scan may be weeks before the start; its distance says nothing about the rhythm since
        gap = seen["day"].clip(0).unique().sort().diff().median()
        wanted = last_day + (float(gap) if isinstance(gap, int | float) else _USUAL_GAP_DAYS)
        nearest = (
            ahead.filter(pl.col("quantity") == quantity)
            .sort((pl.col("day") - wanted).abs())
            .row(0, named=True)
        )
        found.append(
            NextValue(
                quantity=str(quantity),
                day=float(nearest["day"]),
                weeks_ahead=(float(nearest["day"]) - last_day) / 7.0,
                q05=nearest["q05"],
                q50=nearest["q50"],
                q95=nearest["q95"],
            )
        )
    return tuple(found)
