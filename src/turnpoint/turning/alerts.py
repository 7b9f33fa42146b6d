"""When an alert is raised and withdrawn, and the threshold for a stated false-alert rate.

    signal      P(turned) where something that has been read stands above its smallest value, beyond error; else 0
    raised      signal >= threshold, and the data allow an alert
    withdrawn   the odds of P(turned) have fallen three times below what raising takes, or nothing stands above its
                smallest any more

A curve that is flat within the error of its readings raises nothing, however long it is flat and however probable it is
that the smallest size is behind: it stays as it is (docs/decisions/0013; what other rules would find:
docs/results/lead-time.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from turnpoint.errors import UsageError
from turnpoint.model.prior import Alert, Prior
from turnpoint.turning.reading_changes import SURGE_WEEKS

FALSE_ALERTS_PER_100 = 5.0
FALSE_ALERT_RATES = (1.0, 2.0, 5.0, 10.0, 20.0)
# At this factor one virtual course in a hundred or fewer has an alert that is withdrawn and raised again, with CT and
# CEA three (docs/results/lead-time.md).
HYSTERESIS_ODDS = 3.0
_HIGHEST_THRESHOLD = 0.99
_LOWEST_THRESHOLD = 0.5


def may_alert() -> pl.Expr:
    """Whether the data allow an alert at all at a visit, whatever the posterior says.

    A verdict (so three informative values and a posterior unlike the prior); something that stands above its smallest
    value beyond error; in the first eight weeks a rise of the size itself,
    never of a marker alone. Needs `day, verdict, risen, size_risen`.
    """
    early = pl.col("day") < 7.0 * SURGE_WEEKS
    known = pl.col("verdict") != "undetermined"
    return known & pl.col("risen") & (~early | pl.col("size_risen"))


def signal() -> pl.Expr:
    """What an alert compares with its threshold: 0 where none may be raised.

    Needs `p_turned` and what `may_alert` needs.
    """
    return pl.when(may_alert()).then(pl.col("p_turned")).otherwise(0.0)


def alert(threshold: float) -> pl.Expr:
    """Whether the visit by itself raises an alert; `alert_history` says whether one stands."""
    return (signal() >= threshold).alias("alert")


def alert_history(
    visits: pl.DataFrame, threshold: float, hysteresis_odds: float = HYSTERESIS_ODDS
) -> pl.DataFrame:
    """Which alerts stand at each visit, and when they were raised and withdrawn.

        raised_i   signal_i >= threshold
        held_i     odds(p_turned_i) >= odds(threshold)/h   and   something stands above its smallest value
        alert_i    raised_i, or alert_{i-1} and held_i

    A visit without a verdict does not withdraw an alert.

    Args:
        visits: `patient_id` and what `signal` needs, one row a visit.
        threshold: above 0, up to 1.
        hysteresis_odds: h, 1 or more; 1 withdraws an alert as soon as the probabilities would not raise it.

    Returns:
        `visits` in their order with `alert` (one stands), `raised` (it did not stand at the visit before) and
        `withdrawn` (it stood at the visit before, and does no more).
    """
    own, order = "patient_id", "day"
    odds = threshold / max(1.0 - threshold, 1e-12) / hysteresis_odds
    held = (pl.col("p_turned") >= odds / (1.0 + odds)) & pl.col("risen")
    raises = signal() >= threshold
    number = pl.int_range(pl.len()).over(own, order_by=order)

    def latest(event: pl.Expr) -> pl.Expr:
        return pl.when(event).then(number).forward_fill().over(own, order_by=order).fill_null(-1)

    stands = latest(raises) > latest(~(held | raises))
    before = pl.col("alert").shift(1, fill_value=False).over(own, order_by=order)
    return visits.with_columns(stands.alias("alert")).with_columns(
        (pl.col("alert") & ~before).alias("raised"), (~pl.col("alert") & before).alias("withdrawn")
    )


def calibrated(courses: pl.DataFrame, false_alerts_per_100: float = FALSE_ALERTS_PER_100) -> Alert:
    """The lowest threshold whose share of courses with a false alert is at most the rate asked for.

    Args:
        courses: one row a visit of simulated courses with known truth: `patient_id, day, true_turning_day` and what
            `signal` needs.
        false_alerts_per_100: courses with an alert before their true turning point, per 100 courses.

    Returns:
        The threshold (between 0.5 and 0.99), the rate it has on these courses, and the share of the courses
        that turned before their last visit that it alerts at or after the turn.
    """
    before = pl.col("day") < pl.col("true_turning_day")
    by_course = courses.group_by("patient_id").agg(
        signal().filter(before).max().fill_null(0.0).alias("strongest_false"),
        signal().filter(~before).max().alias("strongest_true"),
    )
    false = np.sort(by_course["strongest_false"].to_numpy())
    allowed = int(np.floor(false_alerts_per_100 / 100.0 * len(false)))
    # the (allowed + 1)-th strongest false signal must stay below the threshold
    blocking = false[max(len(false) - 1 - allowed, 0)]
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


def calibrated_thresholds(
    courses: pl.DataFrame, rates: Sequence[float] = FALSE_ALERT_RATES
) -> dict[float, Alert]:
    """The calibrated alert for each false-alert rate asked for, per 100 courses; a prior stores them.

    Args:
        courses: as for `calibrated`.
        rates: false alerts per 100 courses, 0 or more.
    """
    return {rate: calibrated(courses, rate) for rate in sorted(rates)}


def threshold_for(alert_calibration: Mapping[float, Alert], false_alerts_per_100: float) -> float:
    """The threshold for a false-alert rate: the one calibrated for it, or between two on a log scale of the rate.

    The threshold runs straight in log rate between the two neighbouring calibrated rates. Outside them nothing is
    known of the rate, and none is given.

    Args:
        alert_calibration: from `calibrated_thresholds`.
        false_alerts_per_100: within the calibrated rates.

    Raises:
        UsageError: the rate is outside the calibrated ones, or nothing is calibrated.

    >>> stored = {1.0: Alert(threshold=0.9), 10.0: Alert(threshold=0.7)}
    >>> threshold_for(stored, 1.0), round(threshold_for(stored, 10.0**0.5), 3)
    (0.9, 0.8)
    """
    rates = sorted(rate for rate in alert_calibration if rate > 0)
    if not rates or not rates[0] <= false_alerts_per_100 <= rates[-1]:
        known = f"calibrated for {rates[0]:g} to {rates[-1]:g}" if rates else "the prior is not calibrated"
        raise UsageError(
            f"--false-alerts-per-100 {false_alerts_per_100:g}: {known}. "
            "Ask for a rate in that range, or fit the prior again: turnpoint fit."
        )
    thresholds = [alert_calibration[rate].threshold for rate in rates]
    return float(np.interp(np.log(false_alerts_per_100), np.log(rates), thresholds))


def with_false_alerts(prior: Prior, false_alerts_per_100: float | None) -> Prior:
    """The prior with the alert threshold of another false-alert rate; None keeps its own.

    Raises:
        UsageError: the rate is outside those the prior was calibrated for.
    """
    if false_alerts_per_100 is None:
        return prior
    threshold = threshold_for(prior.alert_calibration, false_alerts_per_100)
    exact = prior.alert_calibration.get(false_alerts_per_100)
    chosen = exact or Alert(threshold, false_alerts_per_100, None, prior.alert.courses)
    return replace(prior, alert=chosen)
