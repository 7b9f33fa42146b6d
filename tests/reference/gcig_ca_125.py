"""GCIG CA-125 the slow and obvious way: one patient, one sample at a time, from the rules in prose.

Rustin et al. 2011, doi:10.1097/IGC.0b013e3182070f17. No frame, no expression: lists in, dicts out. A sample is
(day, value in U/mL, "none" / "left" / "right", upper limit), days all different. The fast
`turnpoint.criteria.gcig.ca_125` must agree with it.
"""

from __future__ import annotations

import math

Sample = tuple[int, float, str, float]
_CLOSE = 1e-9


def at_least(sample: Sample) -> float:
    """The smallest value that the result allows."""
    return 0.0 if sample[2] == "left" else sample[1]


def at_most(sample: Sample) -> float:
    """The largest value that the result allows."""
    return math.inf if sample[2] == "right" else sample[1]


def is_normal(sample: Sample) -> bool:
    """Certainly within the reference range."""
    return at_most(sample) <= sample[3] + _CLOSE


def course_responses(
    samples: list[Sample],
    new_therapy_day: int | None = None,
    interventions: tuple[tuple[int, int], ...] = (),
    confirmation_days: int = 28,
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Responses at every sample, and the best response."""
    samples = sorted(samples)
    usable = [
        sample
        for sample in samples
        if not any(start <= sample[0] <= end + 28 for start, end in interventions)
    ]
    if not usable:
        visits = [_not_evaluable(sample, 0, new_therapy_day) for sample in samples]
        return visits, _best_of([], [], None, evaluable=False, raised=False)
    before = [i for i, sample in enumerate(usable) if sample[0] <= 0]
    first = before[-1] if before else 0
    baseline = usable[first]
    evaluable = -14 <= baseline[0] <= 0 and at_least(baseline) >= 2.0 * baseline[3] - _CLOSE
    later = [
        sample for sample in usable[first + 1 :] if new_therapy_day is None or sample[0] <= new_therapy_day
    ]
    raised = not is_normal(baseline)
    judged = [_bar(usable, first, sample, raised) for sample in later]
    over = [at_least(sample) >= bar - _CLOSE for sample, (_, bar) in zip(later, judged, strict=True)]
    progression = [_confirmed_rise(later, over, i) for i in range(len(later))]
    first_progression = progression.index(True) if True in progression else None
    counted = later if first_progression is None else later[: first_progression + 1]
    responded = [evaluable and at_most(sample) <= 0.5 * at_least(baseline) + _CLOSE for sample in later]
    confirmed = [
        _confirmed_response(counted, responded, i, confirmation_days) if i < len(counted) else None
        for i in range(len(later))
    ]
    visits = []
    for sample in samples:
        if sample not in usable:
            visits.append(_not_evaluable(sample, baseline[0], new_therapy_day))
        elif sample not in later:
            visits.append({"day": sample[0], "overall_response": None, "confirmed_response": None})
        else:
            i = later.index(sample)
            visits.append(
                {
                    "day": sample[0],
                    "category": judged[i][0],
                    "overall_response": _label(sample, progression[i], evaluable, responded[i]),
                    "confirmed_response": confirmed[i],
                }
            )
    labels = [_label(s, p, evaluable, r) for s, p, r in zip(later, progression, responded, strict=True)]
    best = _best_of(
        list(zip(counted, labels, strict=False)),
        confirmed,
        first_progression,
        evaluable=evaluable,
        raised=raised,
    )
    best["normalised"] = raised and any(is_normal(sample) for sample in later)
    best["unconfirmed_progression_day"] = later[over.index(True)][0] if True in over else None
    if first_progression is not None:
        best["progression_category"] = judged[first_progression][0]
    return visits, best


def _bar(usable: list[Sample], first: int, sample: Sample, raised: bool) -> tuple[str, float]:
    """Category, and the value from which the sample is over the bar."""
    earlier = [other for other in usable[first:] if other[0] < sample[0]]
    if not raised:
        return "C", 2.0 * sample[3]
    if any(is_normal(other) for other in earlier):
        return "A", 2.0 * sample[3]
    return "B", 2.0 * min(at_most(other) for other in earlier)


def _confirmed_rise(later: list[Sample], over: list[bool], i: int) -> bool:
    """Does sample i belong to a progression that was confirmed, with none under the bar between?"""
    if not over[i]:
        return False
    start = i
    while start > 0 and over[start - 1]:
        start -= 1
    end = i
    while end + 1 < len(over) and over[end + 1]:
        end += 1
    return later[end][0] - later[start][0] >= 7


def _confirmed_response(
    counted: list[Sample], responded: list[bool], i: int, confirmation_days: int
) -> str | None:
    """What the confirmed response is that sample i belongs to."""

    def maintained(j: int) -> bool:
        rises = at_most(counted[j]) > 1.1 * at_most(counted[j - 1]) + _CLOSE
        return responded[j] and responded[j - 1] and (is_normal(counted[j]) or not rises)

    if not responded[i]:
        return None
    start, end = i, i
    while start > 0 and maintained(start):
        start -= 1
    while end + 1 < len(counted) and maintained(end + 1):
        end += 1
    if counted[end][0] - counted[start][0] < confirmation_days:
        return None
    return "CR" if any(is_normal(sample) for sample in counted[start : i + 1]) else "PR"


def _label(sample: Sample, progressed: bool, evaluable: bool, responded: bool) -> str:
    if progressed:
        return "PD"
    if not evaluable:
        return "NE"
    if responded:
        return "CR" if is_normal(sample) else "PR"
    return "SD"


def _not_evaluable(sample: Sample, baseline_day: int, new_therapy_day: int | None) -> dict[str, object]:
    judged = sample[0] > max(baseline_day, 0) and (new_therapy_day is None or sample[0] <= new_therapy_day)
    return {
        "day": sample[0],
        "overall_response": "NE" if judged else None,
        "confirmed_response": None,
    }


def _best_of(
    seen: list[tuple[Sample, str]],
    confirmed: list[str | None],
    first_progression: int | None,
    *,
    evaluable: bool,
    raised: bool,
) -> dict[str, object]:
    labels = [label for _, label in seen]
    best = next((label for label in ("CR", "PR", "SD", "PD") if label in labels), "NE")
    if "CR" in confirmed:
        kept = "CR"
    elif "PR" in confirmed:
        kept = "PR"
    else:
        kept = "SD" if best in ("CR", "PR") else best
    responding = [seen[i][0][0] for i, name in enumerate(confirmed) if name is not None]
    known = [sample[0] for sample, label in seen if label != "NE"]
    return {
        "evaluable": evaluable,
        "best_response": best,
        "confirmed_best_response": kept,
        "normalised": False,
        "response_day": min(responding, default=None),
        "progression_day": None if first_progression is None else seen[first_progression][0][0],
        "progression_category": None,
        "unconfirmed_progression_day": None,
        "last_evaluable_day": max(known, default=None),
    }
