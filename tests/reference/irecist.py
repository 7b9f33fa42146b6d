"""iRECIST the slow and obvious way: one patient, one visit, one lesion at a time, from the rules in prose.

Seymour et al. 2017, doi:10.1016/S1470-2045(17)30074-8. What RECIST 1.1 says of a visit is asked of the RECIST reference;
the rest is lists of dicts. The fast `turnpoint.criteria.irecist.visit_response` must agree with it on any study.
"""

from __future__ import annotations

import math
from typing import Any

from tests.reference.recist import (
    baseline_set,
    confirmed,
    course_responses,
    known_part,
    normal_new_node,
    overall_response,
)

Row = dict[str, Any]
_CERTAIN = {"measured", "too_small", "present", "unequivocal_progression"}
_GOOD = {"iCR", "iPR", "iSD", "NON-iCR/NON-iUPD"}
_RANK = {"CR": 0, "PR": 1, "SD": 2, "NON-CR/NON-PD": 2, "NE": 2, "PD": 3}


def size(row: Row) -> float | None:
    """Size of any lesion."""
    if row["status"] == "absent":
        return 0.0
    if row["status"] == "not_evaluable":
        return None
    if row["status"] == "too_small" and row["diameter_mm"] is None:
        return 5.0
    return row["diameter_mm"]


class NewLesions:
    """The new lesions of one patient, visit by visit."""

    def __init__(self, rows: list[Row]) -> None:
        days = sorted({row["day"] for row in rows})
        diseased = any(row["role"] != "new" for row in rows)
        earliest = max(days[0], 0) if diseased else 0
        self.readings: dict[str, dict[int, Row]] = {}
        self.appears: dict[str, int] = {}
        for name in {row["lesion_id"] for row in rows if row["role"] == "new"}:
            own = {row["day"]: row for row in rows if row["role"] == "new" and row["lesion_id"] == name}
            abnormal = [day for day, row in own.items() if not normal_new_node(row)]
            own = {day: row for day, row in own.items() if abnormal and day >= min(abnormal)}
            if not any(row["status"] in _CERTAIN for row in own.values()):
                continue
            first = min(day for day, row in own.items() if row["status"] in _CERTAIN | {"equivocal"})
            counted = [day for day in days if day >= first and day > earliest]
            self.readings[name] = {day: row for day, row in own.items() if day >= first}
            if counted:
                self.appears[name] = counted[0]
        self.targets = self._choose(rows)

    def _choose(self, rows: list[Row]) -> set[str]:
        candidates = []
        for name, own in self.readings.items():
            day = min(day for day, row in own.items() if row["status"] in _CERTAIN)
            row = own[day]
            least = 15.0 if row["node"] else 10.0
            if row["status"] == "measured" and row["diameter_mm"] >= least:
                sites = [r["site"] for r in rows if r["lesion_id"] == name and r["site"] is not None]
                organ = "lymph node" if row["node"] else sites[0].lower() if sites else None
                candidates.append((day, -row["diameter_mm"], name, organ))
        chosen: list[tuple[str, str | None]] = []
        for _, _, name, organ in sorted(candidates):
            here = [other for _, other in chosen if other == organ]
            if len(chosen) < 5 and (organ is None or len(here) < 2):
                chosen.append((name, organ))
        return {name for name, _ in chosen}

    def appeared(self, day: int) -> int:
        """How many so far."""
        return sum(first <= day for first in self.appears.values())

    def there(self, day: int) -> int:
        """How many of them were not last seen to be gone; a lesion gone before it counts is gone too."""
        gone = 0
        for own in self.readings.values():
            seen = [own[d] for d in sorted(own) if d <= day and own[d]["status"] != "not_evaluable"]
            gone += bool(seen) and seen[-1]["status"] == "absent"
        return self.appeared(day) - gone

    def rows(self, day: int) -> list[Row]:
        """Readings at a visit that could be evaluated."""
        return [
            own[day] for own in self.readings.values() if day in own and own[day]["status"] != "not_evaluable"
        ]

    def known_mm(self, day: int) -> float | None:
        """Known part of the sum of new target lesions; None when nothing new was evaluated."""
        rows = self.rows(day)
        if not rows:
            return None
        sizes = [size(row) for row in rows if row["lesion_id"] in self.targets]
        return math.fsum(mm for mm in sizes if mm is not None)

    def set_at(self, day: int) -> frozenset[str]:
        """New target lesions so far."""
        return frozenset(name for name in self.targets if self.appears.get(name, day + 1) <= day)

    def sum_mm(self, day: int) -> float | None:
        """Their sum, None without any or when one was not evaluated."""
        sizes = [size(row) for row in self.rows(day) if row["lesion_id"] in self.targets]
        complete = [mm for mm in sizes if mm is not None]
        own = self.set_at(day)
        return math.fsum(complete) if own and len(complete) == len(own) else None

    def nadir_mm(self, day: int, days: list[int]) -> float | None:
        """Smallest earlier sum of the same lesions."""
        sums = [self.sum_mm(d) for d in days if d < day and self.set_at(d) == self.set_at(day)]
        return min((mm for mm in sums if mm is not None), default=None)


def course_irecist(rows: list[Row], least_days: int = 28) -> list[Row]:
    """The response at every visit of one patient as one reader saw them."""
    recist = course_responses(rows)
    days = [visit["day"] for visit in recist]
    new = NewLesions(rows)
    _, targets = baseline_set(rows, "target")
    state = {"run": None, "ever": False, "confirmed": False, "complete": False, "reset": None}
    answers = []
    for visit in recist:
        if visit["overall_response"] is None:
            answers.append({"day": visit["day"], "overall_response": None})
            continue
        facts = facts_of(visit, rows, new, targets, days, state)
        response = respond(facts, state, least_days)
        answers.append(
            {
                "day": visit["day"],
                "overall_response": response,
                "new_lesion": facts["shows_new"],
                "new_lesion_sum_mm": facts["new_sum"],
            }
        )
        remember(facts, state, response)
    return answers


def facts_of(
    visit: Row, rows: list[Row], new: NewLesions, targets: set[str], days: list[int], state: Row
) -> Row:
    """All that one visit says, given what was before it."""
    day = visit["day"]
    part, _, malignant = known_part(rows, day, targets)
    here = [row for row in rows if row["role"] == "non_target" and row["day"] == day]
    back = any(row["status"] not in {"absent", "not_evaluable"} and not row["node"] for row in here)
    target = visit["target_response"] == "PD" or (state["complete"] and malignant > 0)
    non_target = visit["non_target_response"] == "PD" or (state["complete"] and back)
    known, nadir = new.known_mm(day), new.nadir_mm(day, days)
    unequivocal = any(row["status"] == "unequivocal_progression" for row in new.rows(day))
    there = new.there(day) > 0
    shows_new = there if state["ever"] else new.appeared(day) > 0
    new_pd = shows_new
    if state["reset"] is not None:
        grown = known is not None and nadir is not None
        grown = grown and known >= 1.2 * nadir - 1e-9 and known >= nadir + 5.0 - 1e-9
        new_pd = unequivocal or grown
        new_pd = new_pd or (there and (state["complete"] or new.appeared(day) > state["reset"]))
    base = "PD"
    if not target and not non_target:
        base = overall_response(visit["target_response"], visit["non_target_response"], new_lesion=False)
    small = {
        (row["lesion_id"], row["role"]): row
        for row in [*here, *new.rows(day)]
        if row["role"] == "non_target"
        or row["lesion_id"] not in new.targets
        or (row["status"] == "unequivocal_progression" and size(row) is None)
    }
    return {
        "day": day,
        "pd": (target, non_target, new_pd),
        "base": base,
        "no_targets": visit["target_response"] is None,
        "non_target_ne": visit["non_target_response"] == "NE",
        "sum": visit["sum_of_diameters_mm"],
        "part": part,
        "appeared": new.appeared(day),
        "new_read": bool(new.rows(day)),
        "new_known": known,
        "new_sum": new.sum_mm(day),
        "shows_new": shows_new,
        "small": small,
    }


def went_on(facts: Row, run: Row) -> bool:
    """Rules 5 and 6: has the open progression gone on?"""
    had, now = run["pd"], facts["pd"]
    added = any(new and not old for new, old in zip(now[:2], had[:2], strict=True))
    grew = had[0] and by_5_mm(facts["part"], run["sum"])
    more = facts["appeared"] > run["appeared"] or (now[2] and not had[2])
    new_grew = had[2] and by_5_mm(facts["new_known"], run["new_sum"])
    larger = any(
        had[1 if key[1] == "non_target" else 2] and is_larger(row, run["sizes"].get(key))
        for key, row in facts["small"].items()
    )
    return added or grew or (more and facts["new_read"]) or new_grew or larger


def by_5_mm(now: float | None, before: float | None) -> bool:
    """A sum at least 5 mm above that at the iUPD, both known."""
    return now is not None and before is not None and now >= before + 5.0 - 1e-9


def is_larger(row: Row, before: float | None) -> bool:
    """A lesion that is not summed up is larger than at the iUPD, by its size or else by its status."""
    mm = size(row)
    if mm is None or before is None:
        return row["status"] == "unequivocal_progression"
    return mm > before + 1e-9


def respond(facts: Row, state: Row, least_days: int) -> str:
    """Rules 3 to 8."""
    run, base = state["run"], facts["base"]
    growing = run is not None and went_on(facts, run)
    met = any(facts["pd"]) or growing
    nothing_seen = base == "NE" and not growing and not (facts["pd"][2] and facts["new_read"])
    if run is not None and nothing_seen:
        return "NE"
    if state["confirmed"] and met:
        return "iCPD"
    if growing and facts["day"] - run["day"] >= least_days:
        return "iCPD"
    unseen = run is not None and run["pd"][1] and facts["non_target_ne"]
    shown = {"CR": "iCR", "PR": "iPR", "SD": "iSD", "NON-CR/NON-PD": "NON-iCR/NON-iUPD", "NE": "NE"}
    if base == "CR" and facts["shows_new"]:
        shown["CR"] = "NON-iCR/NON-iUPD" if facts["no_targets"] else "iPR"
    if met:
        better = run is not None and facts["pd"][2] and not growing and not unseen and is_better(facts, run)
        return shown[base] if better else "iUPD"
    return "NE" if unseen else shown[base]


def is_better(facts: Row, run: Row) -> bool:
    """Rule 8."""
    if facts["base"] == "NE":
        return False
    if facts["base"] == run["base"] == "PR" and facts["sum"] is not None and run["sum_at"] is not None:
        return facts["sum"] <= run["sum_at"] - 5.0 + 1e-9
    return _RANK[facts["base"]] < _RANK[run["base"]]


def remember(facts: Row, state: Row, response: str) -> None:
    """Rules 4, 5 and 7: what the next visit is compared with."""
    if response == "iUPD" and state["run"] is None:
        state["ever"] = True
        state["run"] = {
            "day": facts["day"],
            "pd": facts["pd"],
            "base": facts["base"],
            "appeared": facts["appeared"],
            "sum_at": facts["sum"],
            "sum": None,
            "new_sum": None,
            "sizes": {},
        }
    run = state["run"]
    if run is not None:
        run["sum"] = facts["sum"] if run["sum"] is None else run["sum"]
        run["new_sum"] = facts["new_sum"] if run["new_sum"] is None else run["new_sum"]
        for key, row in facts["small"].items():
            if size(row) is not None:
                run["sizes"].setdefault(key, size(row))
    state["confirmed"] = state["confirmed"] or response == "iCPD"
    state["complete"] = state["complete"] or response == "iCR"
    if response in _GOOD and run is not None:
        state["run"], state["reset"] = None, facts["appeared"]


def course_best_response(
    visits: list[tuple[int, str]],
    new_therapy_day: int | None = None,
    *,
    minimum_stable_days: int = 42,
    confirmation_days: int = 28,
    most_not_evaluable_between: int = 1,
    most_stable_between: int = 0,
) -> Row:
    """Best response of one patient from the days and responses after baseline, in order."""
    counted = []
    for day, response in visits:
        if new_therapy_day is not None and day > new_therapy_day:
            break
        counted.append((day, response))
        if response == "iCPD":
            break
    labels = [response for _, response in counted]
    rest = resting_response(counted, minimum_stable_days)
    best = "iCR" if "iCR" in labels else "iPR" if "iPR" in labels else rest
    plain = [(day, response.removeprefix("i")) for day, response in counted]
    confirmed_best = rest
    if confirmed(plain, "CR", {"CR"}, confirmation_days, most_not_evaluable_between, 0):
        confirmed_best = "iCR"
    elif confirmed(
        plain, "PR", {"CR", "PR"}, confirmation_days, most_not_evaluable_between, most_stable_between
    ):
        confirmed_best = "iPR"
    progression, unconfirmed = progression_days(counted)
    return {
        "best_response": best,
        "confirmed_best_response": confirmed_best,
        "progression_day": progression,
        "unconfirmed_progression_day": unconfirmed,
        "last_evaluable_day": max((day for day, response in counted if response != "NE"), default=None),
    }


def resting_response(counted: list[tuple[int, str]], minimum_stable_days: int) -> str:
    """What remains when there is no response."""
    labels = [response for _, response in counted]
    late = [response for day, response in counted if day >= minimum_stable_days]
    if any(response in {"iCR", "iPR", "iSD"} for response in late):
        return "iSD"
    if "NON-iCR/NON-iUPD" in late:
        return "NON-iCR/NON-iUPD"
    return "iCPD" if "iCPD" in labels else "iUPD" if "iUPD" in labels else "NE"


def progression_days(counted: list[tuple[int, str]]) -> tuple[int | None, int | None]:
    """First iUPD of the confirmed sequence, and first of one that was not."""
    sequences: list[list[tuple[int, str]]] = [[]]
    for day, response in counted:
        if response in _GOOD:
            sequences.append([])
        sequences[-1].append((day, response))
    progression, unconfirmed = None, None
    for sequence in sequences:
        first = next((day for day, response in sequence if response == "iUPD"), None)
        if any(response == "iCPD" for _, response in sequence):
            progression = first
        elif unconfirmed is None:
            unconfirmed = first
    return progression, unconfirmed
