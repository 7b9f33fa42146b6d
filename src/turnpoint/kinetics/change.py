"""Changes along one series: from baseline, from the nadir, at their deepest, and early on.

A series is one patient's values of one quantity in order of time, baseline first. What could not be measured is left
out of it: a sum that is not evaluable is never 0 mm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from turnpoint.kinetics.arrays import DAYS_PER_WEEK, FloatArray, checked_series, checked_values

# Early shrinkage is that of the assessment nearest to week 8. How near is near differs: as a percentage it is given
# between weeks 6 and 9; whether it reached the usual cut of 20 % is told of 8 weeks give or take 2
# (Cremolini 2015, doi:10.1093/annonc/mdv112).
EARLY_FIRST_DAY = 42
EARLY_LAST_DAY = 63
EARLY_DAY = 56
AROUND_WEEK_8_LAST_DAY = 70
EARLY_SHRINKAGE_CUT_PCT = 20.0


def change_from_baseline_pct(sums_mm: ArrayLike) -> FloatArray:
    """Change of each value from the first, in percent.

        change[i] = 100·(value[i] - value[0]) / value[0]

    Args:
        sums_mm: sums of diameters in mm, or values of a marker, shape (visits,), baseline first.

    Returns:
        Percent, shape (visits,); after a baseline of 0, 0 while it stays 0 and inf on growth.

    Raises:
        MeasurementError: a value is negative or not a number, or there is none.

    >>> change_from_baseline_pct([100, 60, 75])
    array([  0., -40., -25.])
    """
    value = checked_values("sums_mm", sums_mm)
    return _change_pct(value, np.full_like(value, value[0]))


def change_from_nadir_pct(sums_mm: ArrayLike) -> FloatArray:
    """Change of each sum of diameters from the smallest sum before it, in percent.

        change[i] = 100·(sums_mm[i] - nadir[i]) / nadir[i],   nadir[i] = min(sums_mm[:i])

    Args:
        sums_mm: sums of diameters in mm, or values of a marker, shape (visits,), baseline first.

    Returns:
        Percent, shape (visits,); nan at baseline; after a nadir of 0 mm, 0 while it stays 0 and inf on regrowth.

    Raises:
        MeasurementError: a value is negative or not a number, or there is none.

    Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.3.1.

    >>> change_from_nadir_pct([100, 60, 75])
    array([ nan, -40.,  25.])
    """
    value = checked_values("sums_mm", sums_mm)
    nadir = np.minimum.accumulate(value)[:-1]
    return np.concatenate([[np.nan], _change_pct(value[1:], nadir)])


def depth_of_response_pct(sums_mm: ArrayLike) -> float:
    """Largest shrinkage from baseline, in percent of it; negative when the tumour only grew.

        depth = 100·(baseline - smallest later value) / baseline

    Returns:
        Percent, at most 100; nan with the baseline alone or after a baseline of 0.

    Raises:
        MeasurementError: a value is negative or not a number, or there is none.

    Source: Heinemann et al. 2015, Eur J Cancer, PubMed 26188850 (depth of response).

    >>> depth_of_response_pct([100, 60, 75]), depth_of_response_pct([100, 110])
    (40.0, -10.0)
    """
    change = change_from_baseline_pct(sums_mm)
    if change.size < 2 or not np.isfinite(change[1:]).all() or checked_values("sums_mm", sums_mm)[0] == 0:
        return float("nan")
    return float(-change[1:].min())


def early_shrinkage_pct(days: ArrayLike, sums_mm: ArrayLike) -> float:
    """Shrinkage from baseline at the assessment nearest to week 8, between weeks 6 and 9, in percent.

    Args:
        days: of the course, shape (visits,), rising; the first is the baseline's.
        sums_mm: shape (visits,).

    Returns:
        Percent, negative for growth; nan without an assessment after the baseline from day 42 to 63 of the course,
        or after a baseline of 0. Of two equally near to day 56, the earlier counts.

    Raises:
        MeasurementError: the series is not one.

    Source: Cremolini et al. 2015, doi:10.1093/annonc/mdv112 (TRIBE): early shrinkage at 8 weeks, cut 20 %.

    >>> early_shrinkage_pct([-3, 43, 85], [100, 75, 60])
    25.0
    """
    return _shrinkage_near_week_8_pct(days, sums_mm, EARLY_LAST_DAY)


def shrinkage_around_week_8_pct(days: ArrayLike, sums_mm: ArrayLike) -> float:
    """Shrinkage from baseline at the assessment nearest to week 8, two weeks to either side, in percent.

    The tumour shrank early when it is at least `EARLY_SHRINKAGE_CUT_PCT`.

    Args:
        days: of the course, shape (visits,), rising; the first is the baseline's.
        sums_mm: shape (visits,).

    Returns:
        As `early_shrinkage_pct`, from day 42 to 70.

    Raises:
        MeasurementError: the series is not one.

    Source: Cremolini et al. 2015, doi:10.1093/annonc/mdv112 (TRIBE); 8 weeks, give or take 2.

    >>> shrinkage_around_week_8_pct([-3, 70], [100, 80]), early_shrinkage_pct([-3, 70], [100, 80])
    (20.0, nan)
    """
    return _shrinkage_near_week_8_pct(days, sums_mm, AROUND_WEEK_8_LAST_DAY)


def _shrinkage_near_week_8_pct(days: ArrayLike, sums_mm: ArrayLike, last_day: int) -> float:
    day, value = checked_series("sums_mm", days, sums_mm)
    within = (day >= EARLY_FIRST_DAY) & (day <= last_day)
    within[0] = False
    if not within.any() or value[0] == 0:
        return float("nan")
    distance = np.where(within, np.abs(day - EARLY_DAY), np.inf)
    return float(100.0 * (value[0] - value[int(np.argmin(distance))]) / value[0])


def time_to_nadir_weeks(days: ArrayLike, sums_mm: ArrayLike) -> float:
    """Weeks from the start of treatment to the first day with the smallest value.

    Args:
        days: of the course (day 0 = start), shape (visits,), rising.
        sums_mm: shape (visits,), baseline included.

    Returns:
        Weeks; 0 when the smallest is the baseline, however long before the start that was.

    Raises:
        MeasurementError: the series is not one.

    >>> time_to_nadir_weeks([-3, 42, 84], [100, 60, 75]), time_to_nadir_weeks([-3, 42], [100, 110])
    (6.0, 0.0)
    """
    day, value = checked_series("sums_mm", days, sums_mm)
    return float(max(day[int(np.argmin(value))], 0.0) / DAYS_PER_WEEK)


def _change_pct(now: FloatArray, before: FloatArray) -> FloatArray:
    still_nothing = np.where(now == 0.0, 0.0, np.inf)
    safe = np.where(before > 0.0, before, 1.0)
    change: FloatArray = np.where(before > 0.0, 100.0 * (now - before) / safe, still_nothing)
    return change
