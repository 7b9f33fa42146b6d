"""PCWG3 PSA the slow and obvious way: one patient, one value at a time, from the rules in prose.

Scher et al. 2016, doi:10.1200/JCO.2015.64.2702. A value is (day, ng/mL, "none" / "left" / "right"), days all
different. The fast `turnpoint.criteria.pcwg3.psa` must agree with it.
"""

from __future__ import annotations

import math

Value = tuple[int, float, str]
_CLOSE = 1e-9


def at_least(value: Value) -> float:
    """The smallest value that the result allows."""
    return 0.0 if value[2] == "left" else value[1]


def at_most(value: Value) -> float:
    """The largest value that the result allows."""
    return math.inf if value[2] == "right" else value[1]


def course_responses(
    values: list[Value], new_therapy_day: int | None = None
) -> tuple[list[str | None], dict[str, object]]:
    """Overall response at every value, by day, and the best response."""
    values = sorted(values)
    before = [i for i, value in enumerate(values) if value[0] <= 0]
    first = before[-1] if before else 0
    baseline = values[first]
    evaluable = at_least(baseline) > 0.0
    later = [value for value in values[first + 1 :] if new_therapy_day is None or value[0] <= new_therapy_day]
    over = [_over(values[first : first + 1 + i], value) for i, value in enumerate(later)]
    progression = [_lasting(later, over, i, 21) for i in range(len(later))]
    first_progression = progression.index(True) if True in progression else None
    counted = later if first_progression is None else later[: first_progression + 1]
    fallen = {
        share: [evaluable and at_most(value) <= share * at_least(baseline) + _CLOSE for value in later]
        for share in (0.5, 0.1)
    }
    labels: list[str | None] = []
    for value in values:
        if value not in later:
            labels.append(None)
            continue
        i = later.index(value)
        labels.append("PD" if progression[i] else "NE" if not evaluable else "PR" if fallen[0.5][i] else "SD")
    seen = labels[first + 1 : first + 1 + len(counted)]
    n = len(counted)
    psa50, psa90 = any(fallen[0.5][:n]), any(fallen[0.1][:n])
    kept50 = any(_lasting(counted, fallen[0.5][:n], i, 21) for i in range(n))
    best = "PR" if psa50 else next((label for label in ("SD", "PD") if label in seen), "NE")
    known = [value for value in [baseline, *counted] if value[2] != "right"]
    lowest = min(known, key=lambda value: (value[1], value[0]), default=None)
    return labels, {
        "evaluable": evaluable,
        "best_response": best,
        "confirmed_best_response": "PR" if kept50 else "SD" if psa50 else best,
        "psa50": psa50,
        "psa50_confirmed": kept50,
        "psa90": psa90,
        "psa90_confirmed": any(_lasting(counted, fallen[0.1][:n], i, 21) for i in range(n)),
        "best_decline_pct": _decline(
            baseline, min((value[1] for value in counted if value[2] != "right"), default=None)
        ),
        "decline_at_12_weeks_pct": _decline(baseline, _at_12_weeks(counted)),
        "nadir_ng_per_ml": None if lowest is None else lowest[1],
        "nadir_day": None if lowest is None else lowest[0],
        "progression_day": None if first_progression is None else later[first_progression][0],
        "unconfirmed_progression_day": later[over.index(True)][0] if True in over else None,
        "last_evaluable_day": max(
            (value[0] for value, label in zip(counted, seen, strict=True) if label != "NE"), default=None
        ),
    }


def _over(earlier: list[Value], value: Value) -> bool:
    """Is the value over the bar, at a time when that counts?"""
    nadir = min(at_most(other) for other in earlier)
    declined = nadir < at_least(earlier[0])
    if not declined and value[0] < 84:
        return False
    rise = at_least(value) - nadir
    return rise >= 0.25 * nadir - _CLOSE and rise >= 2.0 - _CLOSE


def _lasting(values: list[Value], holds: list[bool], i: int, days: int) -> bool:
    """Does value i lie in an unbroken run that lasts so many days?"""
    if not holds[i]:
        return False
    start = i
    while start > 0 and holds[start - 1]:
        start -= 1
    end = i
    while end + 1 < len(holds) and holds[end + 1]:
        end += 1
    return values[end][0] - values[start][0] >= days


def _at_12_weeks(counted: list[Value]) -> float | None:
    near = [value for value in counted if abs(value[0] - 84) <= 14]
    if near:
        chosen = min(near, key=lambda value: (abs(value[0] - 84), value[0]))
    elif counted and counted[-1][0] < 70:
        chosen = counted[-1]
    else:
        return None
    return None if chosen[2] == "right" else chosen[1]


def _decline(baseline: Value, value: float | None) -> float | None:
    if value is None or at_least(baseline) == 0.0:
        return None
    return 100.0 * (baseline[1] - value) / baseline[1]
