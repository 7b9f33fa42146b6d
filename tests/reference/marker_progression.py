"""Marker progression the slow and obvious way: one series, one value at a time, from the rules in prose.

PSA: PCWG3, doi:10.1200/JCO.2015.64.2702. CA-125: GCIG, doi:10.1097/IGC.0b013e3182070f17. Others: twice the reference
change in percent, Turnpoint's choice. The fast `turnpoint.criteria.marker_progression` must agree with it.
"""

from __future__ import annotations


def bar(marker: str, earlier: list[float], upper_limit: float, reference_change_pct: float) -> float:
    """The value that is progression after `earlier`, which start at the baseline."""
    nadir = min(earlier)
    if marker == "PSA":
        return max(nadir + 0.25 * nadir, nadir + 2.0)
    if marker == "CA-125":
        was_normal = any(value <= upper_limit for value in earlier)
        return 2.0 * upper_limit if was_normal else 2.0 * nadir
    return nadir + 2.0 * nadir * reference_change_pct / 100.0


def progression_day(
    marker: str,
    visits: list[tuple[int, float, bool]],
    upper_limit: float,
    reference_change_pct: float,
) -> int | None:
    """First day of progression of one series of (day, value, below the assay's limit), days all different."""
    visits = sorted(visits)
    before = [visit for visit in visits if visit[0] <= 0]
    start = visits.index(before[-1]) if before else 0
    earlier = [visits[start][1]]
    for day, value, below_limit in visits[start + 1 :]:
        reached = value >= bar(marker, earlier, upper_limit, reference_change_pct) - 1e-9
        if reached and not below_limit:
            return day
        earlier.append(value)
    return None
