"""RECIST 1.1 the slow and obvious way: one patient, one visit, one lesion at a time, from the rules in prose.

Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026. No frame, no expression: lists of dicts in, dicts out. The fast
`turnpoint.criteria` must agree with it on every study that Hypothesis can think of.
"""

from __future__ import annotations

import math
from typing import Any

Row = dict[str, Any]
_CERTAIN = {"measured", "too_small", "present", "unequivocal_progression"}


def contribution_mm(row: Row) -> float | None:
    """What one target row adds to the sum; None when it cannot be evaluated."""
    if row["status"] == "absent":
        return 0.0
    if row["status"] == "too_small":
        return 5.0 if row["diameter_mm"] is None else row["diameter_mm"]
    if row["status"] == "measured":
        return row["diameter_mm"]
    return None


def is_normal(row: Row) -> bool:
    """Absent, or a target node under 10 mm."""
    mm = contribution_mm(row)
    return row["status"] == "absent" or bool(row["node"] and mm is not None and mm < 10.0)


def baseline_set(rows: list[Row], role: str) -> tuple[int | None, set[str]]:
    """Day and lesions of the baseline of a role."""
    days = [row["day"] for row in rows if row["role"] == role]
    if not days:
        return None, set()
    before = [day for day in days if day <= 0]
    baseline = max(before) if before else min(days)
    return baseline, {row["lesion_id"] for row in rows if row["role"] == role and row["day"] <= baseline}


def pieces_of(rows: list[Row], targets: set[str]) -> dict[str, tuple[str, ...]]:
    """Later targets that are named after baseline targets: `T1.1` is a piece of T1, `T1/T2` the mass of both."""
    found = {}
    for name in {row["lesion_id"] for row in rows if row["role"] == "target"} - targets:
        parts = tuple(name.split("/"))
        if len(parts) > 1 and set(parts) <= targets:
            found[name] = parts
        elif name.split(".")[0] in targets and "." in name:
            found[name] = (name.split(".")[0],)
    return found


def split_parts(rows: list[Row], day: int, targets: set[str]) -> dict[str, tuple[float, bool, bool]]:
    """Lesions that have pieces at a visit: what the pieces add, whether all is known, whether any is malignant."""
    pieces = pieces_of(rows, targets)
    own = {row["lesion_id"]: row for row in rows if row["role"] == "target" and row["day"] == day}
    found = {}
    for lesion in targets:
        mine = [name for name, wholes in pieces.items() if lesion in wholes]
        read = [name for name in mine if name in own]
        if not read:
            continue
        fragments = [name for name in mine if len(pieces[name]) == 1]
        begun = {name for name in fragments for row in rows if row["lesion_id"] == name and row["day"] <= day}
        masses = [own[name] for name in read if len(pieces[name]) > 1]
        here = [own[name] for name in read if pieces[name][0] == lesion]
        whole = own.get(lesion)
        whole_read = whole is not None and contribution_mm(whole) is not None
        parts = here + ([whole] if whole_read else [])
        known = [row for row in parts if contribution_mm(row) is not None]
        if masses:
            complete = any(contribution_mm(row) is not None for row in masses)
        else:
            complete = begun == set(read) and all(contribution_mm(own[name]) is not None for name in read)
        mm = math.fsum(contribution_mm(row) for row in known)
        found[lesion] = (mm, complete or whole_read, any(not is_normal(row) for row in known))
    return found


def target_rows(rows: list[Row], day: int, targets: set[str]) -> dict[str, Row]:
    """The rows of the baseline targets that count at a visit, by lesion."""
    own = [row for row in rows if row["role"] == "target" and row["lesion_id"] in targets]
    here = {row["lesion_id"]: row for row in own if row["day"] == day}
    screening = sorted({row["day"] for row in own if row["day"] <= 0})
    if len(screening) > 1 and day == screening[-1]:
        complete = False
        for scan in screening:
            read = [row for row in own if row["day"] == scan and contribution_mm(row) is not None]
            complete = complete or len(read) == len(targets)
        if not complete:
            here = {}
            for row in sorted(own, key=lambda row: row["day"]):
                if row["day"] <= 0 and contribution_mm(row) is not None:
                    here[row["lesion_id"]] = row
    return here


def known_part(rows: list[Row], day: int, targets: set[str]) -> tuple[float, int, int]:
    """Known part of the sum, how many targets it has, and how many of them are not normal."""
    split = split_parts(rows, day, targets)
    here = [row for name, row in target_rows(rows, day, targets).items() if name not in split]
    parts = [contribution_mm(row) for row in here if contribution_mm(row) is not None]
    malignant = [row for row in here if contribution_mm(row) is not None and not is_normal(row)]
    evaluable = len(parts) + sum(complete for _, complete, _ in split.values())
    whole = parts + [mm for mm, _, _ in split.values()]
    return math.fsum(whole), evaluable, len(malignant) + sum(bad for _, _, bad in split.values())


def non_target_response(rows: list[Row], day: int) -> str | None:
    """Rule 8."""
    own = [row for row in rows if row["role"] == "non_target"]
    known = {row["lesion_id"] for row in own if row["day"] <= day}
    here = [row for row in own if row["day"] == day]
    if not known:
        return None
    if any(row["status"] == "unequivocal_progression" for row in here):
        return "PD"
    if len([row for row in here if row["status"] != "not_evaluable"]) < len(known):
        return "NE"
    return "CR" if all(non_target_gone(row) for row in here) else "NON-CR/NON-PD"


def non_target_gone(row: Row) -> bool:
    """Absent, or a node that is normal."""
    small = row["status"] == "too_small" or (row["diameter_mm"] is not None and row["diameter_mm"] < 10.0)
    return row["status"] == "absent" or bool(row["node"] and small)


def normal_new_node(row: Row) -> bool:
    """A new node under 10 mm is normal; absent and not evaluable are not yet anything either."""
    return row["status"] in {"absent", "not_evaluable"} or bool(row["node"] and non_target_gone(row))


def first_new_lesion(rows: list[Row]) -> int | None:
    """Rule 9: the day the first certain new lesion was first seen, be it as equivocal."""
    days = []
    for lesion in {row["lesion_id"] for row in rows if row["role"] == "new"}:
        own = sorted(
            (row for row in rows if row["role"] == "new" and row["lesion_id"] == lesion),
            key=lambda row: row["day"],
        )
        own = own[next((place for place, row in enumerate(own) if not normal_new_node(row)), len(own)) :]
        if any(row["status"] in _CERTAIN for row in own):
            days += [row["day"] for row in own if row["status"] in _CERTAIN or row["status"] == "equivocal"]
    return min(days) if days else None


def overall_response(target: str | None, non_target: str | None, new_lesion: bool) -> str:
    """Tables 1 and 2."""
    if new_lesion or target == "PD" or non_target == "PD":
        return "PD"
    if target is None:
        return non_target or "NE"
    if target == "CR":
        return "CR" if non_target in {None, "CR"} else "PR"
    return target


def all_targets(rows: list[Row]) -> tuple[int | None, set[str]]:
    """The day of the targets' baseline, and the targets: those recorded by then, and later ones that are no piece."""
    first_day, targets = baseline_set(rows, "target")
    named = {row["lesion_id"] for row in rows if row["role"] == "target"}
    return first_day, named - set(pieces_of(rows, targets))


def course_responses(rows: list[Row]) -> list[Row]:
    """The response at every visit of one patient as one reader saw them."""
    days = sorted({row["day"] for row in rows})
    first_day, targets = all_targets(rows)
    sums = {}
    for day in days:
        part, evaluable, _ = known_part(rows, day, targets)
        sums[day] = part if targets and evaluable == len(targets) else None
    complete = [day for day in days if sums[day] is not None]
    before = [day for day in complete if day <= 0]
    baseline_day = max(before) if before else None
    if first_day is not None and first_day > 0 and sums[first_day] is not None:
        baseline_day = first_day
    screening = [day for day in days if day <= 0]
    diseased = any(row["role"] != "new" for row in rows)
    if screening:
        baseline_visit = max(screening)
    elif diseased:
        baseline_visit = days[0] if baseline_day is None else baseline_day
    else:
        baseline_visit = days[0] - 1
    new_day = first_new_lesion(rows)
    answers, had_complete_response = [], False
    for day in days:
        part, evaluable, malignant = known_part(rows, day, targets)
        has_baseline = baseline_day is not None and day >= baseline_day
        baseline = sums[baseline_day] if has_baseline else None
        earlier = [sums[d] for d in complete if baseline_day <= d < day] if has_baseline else []
        nadir = min(earlier) if earlier else None
        new_lesion = new_day is not None and day >= new_day and day > (max(days[0], 0) if diseased else 0)
        judged = day > baseline_visit or new_lesion
        target = None
        if targets:
            target = target_response(sums[day], part, malignant, baseline, nadir)
        non_target = non_target_response(rows, day)
        if had_complete_response:
            if malignant > 0:
                target = "PD"
            if any(
                row["role"] == "non_target"
                and row["day"] == day
                and row["status"] != "not_evaluable"
                and not non_target_gone(row)
                and not row["node"]
                for row in rows
            ):
                non_target = "PD"
        overall = overall_response(target, non_target, new_lesion)
        had_complete_response = had_complete_response or (judged and overall == "CR")
        answers.append(
            {
                "day": day,
                "sum_of_diameters_mm": sums[day],
                "baseline_mm": baseline,
                "nadir_mm": nadir,
                "target_response": target if judged else None,
                "non_target_response": non_target if judged else None,
                "new_lesion": new_lesion,
                "overall_response": overall if judged else None,
            }
        )
    return answers


def target_response(
    sum_mm: float | None, part: float, malignant: int, baseline: float | None, nadir: float | None
) -> str:
    """Rules 3 to 6."""
    if nadir is None:
        return "NE"
    if malignant > 0 and part >= 1.2 * nadir - 1e-9 and part >= nadir + 5.0 - 1e-9:
        return "PD"
    if sum_mm is None:
        return "NE"
    if malignant == 0:
        return "CR"
    return "PR" if sum_mm <= 0.7 * baseline + 1e-9 else "SD"


def course_best_response(
    visits: list[tuple[int, str]],
    new_therapy_day: int | None = None,
    *,
    minimum_stable_days: int = 42,
    confirmation_days: int = 28,
    most_not_evaluable_between: int = 1,
    most_stable_between: int = 0,
) -> Row:
    """Best response of one patient from the days and overall responses after baseline, in order."""
    counted = []
    for day, overall in visits:
        if new_therapy_day is not None and day > new_therapy_day:
            break
        counted.append((day, overall))
        if overall == "PD":
            break
    labels = [overall for _, overall in counted]
    lasting = "NE"
    if any(overall in {"CR", "PR", "SD"} and day >= minimum_stable_days for day, overall in counted):
        lasting = "SD"
    elif any(overall == "NON-CR/NON-PD" and day >= minimum_stable_days for day, overall in counted):
        lasting = "NON-CR/NON-PD"
    elif "PD" in labels:
        lasting = "PD"
    best = "CR" if "CR" in labels else "PR" if "PR" in labels else lasting

    confirmed_best = lasting
    if confirmed(counted, "CR", {"CR"}, confirmation_days, most_not_evaluable_between, 0):
        confirmed_best = "CR"
    elif confirmed(
        counted, "PR", {"CR", "PR"}, confirmation_days, most_not_evaluable_between, most_stable_between
    ):
        confirmed_best = "PR"
    return {
        "best_response": best,
        "confirmed_best_response": confirmed_best,
        "progression_day": next((day for day, overall in counted if overall == "PD"), None),
        "last_evaluable_day": max((day for day, overall in counted if overall != "NE"), default=None),
    }


def confirmed(
    counted: list[tuple[int, str]], wanted: str, by: set[str], least_days: int, most_ne: int, most_sd: int
) -> bool:
    """Rule 4 of best response: is there a response with a confirmation?"""
    labels = [overall for _, overall in counted]
    for i, (first_day, first) in enumerate(counted):
        for j in range(i + 1, len(counted)):
            day, second = counted[j]
            if first != wanted or second not in by or day - first_day < least_days:
                continue
            between = labels[i + 1 : j]
            downgraded = any(labels[k] == "CR" and "PR" in labels[k + 1 : j + 1] for k in range(i + 1, j))
            allowed = all(label in {*by, "NE", "SD"} for label in between)
            few = between.count("NE") <= most_ne and between.count("SD") <= most_sd
            if allowed and few and not downgraded:
                return True
    return False
