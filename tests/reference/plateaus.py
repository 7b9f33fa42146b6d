"""The slow, obvious way to count plateaus: one patient, one visit at a time."""

from __future__ import annotations

import math
from statistics import median


def differ(low, high, error):
    if low == 0 or high == 0:
        return high > error.rounding
    return math.log(high / low) > error.error_log + 1e-9 and high - low > error.rounding


def windows(readings, progression_day, error, length):
    """`(day, level, baseline, trend)` of one patient's readings, a list of (day, value)."""
    readings = sorted(readings)
    up_to_start = [index for index, (day, _) in enumerate(readings) if day <= 0]
    readings = readings[up_to_start[-1] if up_to_start else 0 :]
    baseline, found = readings[0][1], []
    for last in range(length, len(readings)):
        day, value = readings[last]
        window = [each for _, each in readings[last - length + 1 : last + 1]]
        if min(window) <= error.floor or not differ(value, baseline, error):
            continue
        if progression_day is not None and day >= progression_day:
            continue
        if not differ(min(window), max(window), error):
            trend = "flat"
        elif differ(value, window[0], error):
            trend = "fallen"
        elif differ(window[0], value, error):
            trend = "risen"
        else:
            trend = "mixed"
        found.append((day, median(window), baseline, trend))
    return found


def what_came_next(day, level, readings, progression_day, error, weeks):
    """Outcome and the reading then, after one visit."""
    horizon = day + 7 * weeks
    near = [(abs(then - horizon), then, value) for then, value in readings if then > day]
    near = [each for each in near if each[0] <= 35]
    value = min(near)[2] if near else None
    if progression_day is not None and progression_day <= horizon + 7:
        return "progressed", value
    if value is None:
        return "unknown", None
    if differ(value, level, error):
        return "fallen", value
    return ("risen" if differ(level, value, error) else "flat"), value
