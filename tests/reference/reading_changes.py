"""The slow way to say what the readings did: one patient, one series and one reading after the other.

From the words of `turning.reading_changes`, with nothing of it used: a reading up to the visit counts, as do the lesions
read so far, and no other. The chance of error is shared by all that has been read by the day of a reading.
"""

from __future__ import annotations

import math
from functools import cache

from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

ONE_IN_TWENTY = 1.645
QUARTER = 91  # days
SLOW = math.log(2) / 26  # of the living burden, a week


@cache
def bound(others: int, looked_at: int) -> float:
    """How far the one more of n + 1 equal readings lies above the smallest of the n in all but 5 % / m of cases."""

    def above(c):
        return quad(lambda z: norm.pdf(z) * norm.cdf(c - z) ** others, -9, 9, epsabs=1e-12)[0]

    wanted = 1 - 0.05 / looked_at
    return brentq(lambda c: above(c) - wanted, 0.0, 12.0, xtol=1e-9) / math.sqrt(2)


def sd_mm(mm: float) -> float:
    return math.sqrt((0.04 * mm) ** 2 + 1.0)


def facts(lesions, markers, day, new_lesion_day=math.inf):
    """What was read up to a day.

    Args:
        lesions: by name, (day, mm) of each reading, oldest first.
        markers: by name, (SD of one log value, (day, value) of each reading, oldest first).
        day: of the visit.
        new_lesion_day: from which a new lesion is certain.
    """
    known = {
        name: [(when, max(mm, 5.0)) for when, mm in rows if when <= day] for name, rows in lesions.items()
    }
    known = {name: rows for name, rows in known.items() if rows}
    found = dict.fromkeys(("risen", "size_risen", "fallen", "new_lowest", "changed"), False)
    values = [0]
    several = len(known) > 1
    series = [([(when, mm, sd_mm(mm)) for when, mm in rows], "size", not several) for rows in known.values()]
    if several:
        series.append((_sums(known), "size", True))
    for sd, readings in markers.values():
        rows = [(when, math.log(value), sd) for when, value in readings if when <= day]
        series.append((rows, "marker", True))
    begun = {
        "size": [rows[0][0] for rows in known.values()],
        "marker": [readings[0][0] for _, readings in markers.values() if readings],
    }
    for rows, kind, tells_lowest in series:
        if not rows:
            continue
        read_on = rows[-1][0]
        own = _of_series(rows, _looked_at(begun, read_on), is_size=kind == "size")
        lately = day - read_on <= QUARTER
        found["risen"] |= own["risen"]
        found["size_risen"] |= own["risen"] and kind == "size"
        found["fallen"] |= own["fallen"] and lately
        found["changed"] |= own["changed"]
        found["new_lowest"] |= own["new_lowest"] and lately and tells_lowest
        values.append(len(rows))
    if day >= new_lesion_day:
        found["risen"] = found["size_risen"] = True
    found["new_lowest"] &= not found["size_risen"]
    return found | {"informative_values": max(values)}


def _looked_at(begun, day):
    """How many series have been read by a day: lesions, their sum if they are several, markers."""
    lesions, markers = (sum(first <= day for first in begun[kind]) for kind in ("size", "marker"))
    return lesions + (1 if lesions > 1 else 0) + markers


def _sums(known):
    """Sums on the days on which every lesion read so far is read."""
    rows = []
    for day in sorted({when for lesion in known.values() for when, _ in lesion}):
        so_far = [lesion for lesion in known.values() if lesion[0][0] <= day]
        sizes = [mm for lesion in so_far for when, mm in lesion if when == day]
        if len(sizes) == len(known):
            rows.append((day, sum(sizes), math.sqrt(sum(sd_mm(mm) ** 2 for mm in sizes))))
    return rows


def _of_series(rows, looked_at, *, is_size):
    """What a series did up to its last reading."""
    if not rows:
        return {"risen": False, "fallen": False, "new_lowest": False, "changed": False}
    *before, last = rows
    now, value, _ = last

    def apart(one, other):
        """How far one reading lies above another, in SDs of their difference."""
        return (one[1] - other[1]) / math.sqrt(one[2] ** 2 + other[2] ** 2)

    risen = fallen = new_lowest = False
    if before:
        lowest = min(before, key=lambda row: row[1])
        alike = sum(apart(row, lowest) < ONE_IN_TWENTY for row in before)
        risen = value > lowest[1] and apart(last, lowest) > bound(max(alike, 1), looked_at)
        risen = risen and (is_size or now >= 56)
        new_lowest = apart(last, lowest) < -ONE_IN_TWENTY
        recent = [
            row for index, row in enumerate(before) if now - row[0] <= QUARTER or index == len(before) - 1
        ]
        for row in recent:
            days = max(now - row[0], 1)
            log_burden = 3 * math.log(value / row[1]) if is_size else value - row[1]
            beyond_error = apart(last, row) < -bound(len(recent), looked_at)
            fallen |= beyond_error and 7 * log_burden / days < -SLOW
        fallen = fallen and not risen
    changed = any(abs(apart(rows[i], rows[j])) > ONE_IN_TWENTY for i in range(len(rows)) for j in range(i))
    return {"risen": risen, "fallen": fallen, "new_lowest": new_lowest, "changed": changed}
