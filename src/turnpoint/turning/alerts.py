"""When an alert is raised, and the threshold for a stated false-alert rate."""

from __future__ import annotations

import numpy as np
import polars as pl

from turnpoint.model.prior import Alert

SURGE_WEEKS = 8.0  # a marker may surge after the first doses, mostly in responders (references section 2)
FALSE_ALERTS_PER_100 = 5.0
_HIGHEST_THRESHOLD = 0.99
_LOWEST_THRESHOLD = 0.5


def may_alert() -> pl.Expr:
    """Whether the data allow an alert at all at a visit, whatever the posterior says.

    A verdict (so three informative values and a posterior unlike the prior), a change beyond reading or assay
    error at some time, and in the first eight weeks a rise of the sum itself: never a marker alone. Needs
    `day, verdict, changed, sum_risen`.
    """
    early = pl.col("day") < 7.0 * SURGE_WEEKS
    known = pl.col("verdict") != "undetermined"
    return known & pl.col("changed") & (~early | pl.col("sum_risen"))


def alert(threshold: float) -> pl.Expr:
    """Alert at a visit: allowed, and P(turning point passed and cause is resistance) >= threshold."""
    return (may_alert() & (pl.col("p_turned_resistant") >= threshold)).alias("alert")


def calibrated(courses: pl.DataFrame, false_alerts_per_100: float = FALSE_ALERTS_PER_100) -> Alert:
    """The lowest threshold whose share of courses with a false alert is at most the rate asked for.

    Args:
        courses: one row a visit of simulated courses with known truth: `patient_id, day, true_turning_day,
            p_turned_resistant` and what `may_alert` needs.
        false_alerts_per_100: courses with an alert before their true turning point, per 100 courses.

    Returns:
        The threshold (between 0.5 and 0.99), the rate it has on these courses, and the share of the courses
        that turned before their last visit that it alerts at or after the turn.
    """
    strength = pl.when(may_alert()).then(pl.col("p_turned_resistant")).otherwise(0.0)
    before = pl.col("day") < pl.col("true_turning_day")
    by_course = courses.group_by("patient_id").agg(
        strength.filter(before).max().fill_null(0.0).alias("strongest_false"),
        strength.filter(~before).max().alias("strongest_true"),
    )
    false = np.sort(by_course["strongest_false"].to_numpy())
    allowed = int(np.floor(false_alerts_per_100 / 100.0 * len(false)))
    # the (allowed + 1)-th strongest false signal must stay below the threshold
    blocking = false[len(false) - 1 - allowed]
    above = round(float(blocking), 4)
    if above <= blocking:
        above = round(above + 1e-4, 4)
    threshold = float(np.clip(above, _LOWEST_THRESHOLD, _HIGHEST_THRESHOLD))
    turned = by_course["strongest_true"].drop_nulls().to_numpy()
    return Alert(
        threshold=threshold,
        false_alerts_per_100=round(100.0 * float((false >= threshold).mean()), 2),
        sensitivity=round(float((turned >= threshold).mean()), 3) if turned.size else None,
        courses=len(false),
    )
