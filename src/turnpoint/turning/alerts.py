"""When an alert is raised and withdrawn, and the threshold for a stated rate of alerts that nothing follows.

    signal      P(progression by the patient's criterion within 24 weeks) where the readings allow an alert; else 0
    raised      signal >= threshold, or the criterion has been met and the readings still allow an alert
    withdrawn   the odds of that chance have fallen three times below what raising takes, nothing stands above its
                smallest any more, or the burden is seen or likely to shrink

The readings allow an alert from the second one on where a lesion, the sum or a marker stands above its smallest value
by more than the error of a reading. Never at a new lowest beyond error, never while the burden is more likely than not
to shrink (a marker stands above its smallest after a surge, too), and never from a marker alone in the first eight
weeks. The turning point is another matter: it may be long past while nothing is near progression
(docs/decisions/0014; what other signals would find: docs/results/lead-time.md).

The threshold is chosen on real patients, each judged with a prior that was not fitted to them:

    unfollowed   no progression within 24 weeks of the first alert, although seen for 12 weeks or more after it
    followed     progression within 24 weeks of it
    rate         patients with an unfollowed first alert, per 100 patients
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from turnpoint.errors import UsageError
from turnpoint.model.prior import Alert, Prior
from turnpoint.turning.reading_changes import SURGE_WEEKS
from turnpoint.turning.verdict import EVEN

FALSE_ALERTS_PER_100 = 5.0
FALSE_ALERT_RATES = (1.0, 2.0, 5.0, 10.0, 20.0)
FEWEST_READINGS = 2
FOLLOWED_WEEKS = 24
SEEN_WEEKS = 12  # an alert after which a patient was seen for less says nothing
# Visits are planned in weeks and kept to within one.
TOLERANCE_DAYS = 7
# At this factor one virtual course in a hundred or fewer has an alert that is withdrawn and raised again
# (docs/results/lead-time.md).
HYSTERESIS_ODDS = 3.0
_HIGHEST_THRESHOLD = 0.99
_LOWEST_THRESHOLD = 0.05


def may_alert() -> pl.Expr:
    """Whether the readings allow an alert at all at a visit, whatever the chance of progression.

    Needs `day, p_shrinking` and, of `turning.reading_changes`, `informative_values, new_lowest, higher, size_higher`.
    """
    early = pl.col("day") < 7.0 * SURGE_WEEKS
    evidence = pl.col("size_higher") | (pl.col("higher") & ~early)
    return (pl.col("informative_values") >= FEWEST_READINGS) & ~_shrinks() & evidence


def _shrinks() -> pl.Expr:
    """The size is seen, or the burden is likely, to be shrinking."""
    return pl.col("new_lowest") | (pl.col("p_shrinking") >= EVEN)


def signal() -> pl.Expr:
    """What an alert compares with its threshold: 0 where none may be raised.

    Needs `p_progression_24w` and what `may_alert` needs.
    """
    return pl.when(may_alert()).then(pl.col("p_progression_24w").fill_null(0.0)).otherwise(0.0)


def alert(threshold: float) -> pl.Expr:
    """Whether the visit by itself raises an alert; `alert_history` says whether one stands."""
    return (signal() >= threshold).alias("alert")


def alert_history(
    visits: pl.DataFrame, threshold: float | pl.Expr, hysteresis_odds: float = HYSTERESIS_ODDS
) -> pl.DataFrame:
    """Which alerts stand at each visit, and when they were raised and withdrawn.

        raised_i   signal_i >= threshold   or   the criterion has been met, and the readings allow an alert
        held_i     odds(p_i) >= odds(threshold)/h   and   something stands above its smallest, and nothing shrinks
        alert_i    raised_i, or alert_{i-1} and held_i

    A visit without a chance of progression does not withdraw an alert.

    Args:
        visits: `patient_id`, `met` and what `signal` needs, one row a visit.
        threshold: above 0, up to 1; a number, or an expression where each row has its own.
        hysteresis_odds: h, 1 or more; 1 withdraws an alert as soon as the chance would not raise it.

    Returns:
        `visits` in their order with `alert` (one stands), `raised` (it did not stand at the visit before) and
        `withdrawn` (it stood at the visit before, and does no more).
    """
    own, order = "patient_id", "day"
    raise_at = threshold if isinstance(threshold, pl.Expr) else pl.lit(threshold)
    odds = raise_at / (1.0 - raise_at).clip(1e-12) / hysteresis_odds
    likely = (pl.col("p_progression_24w") >= odds / (1.0 + odds)).fill_null(value=True)
    held = likely & pl.col("higher") & ~_shrinks()
    raises = (signal() >= raise_at) | (pl.col("met") & may_alert())
    number = pl.int_range(pl.len()).over(own, order_by=order)

    def latest(event: pl.Expr) -> pl.Expr:
        return pl.when(event).then(number).forward_fill().over(own, order_by=order).fill_null(-1)

    stands = latest(raises) > latest(~(held | raises))
    before = pl.col("alert").shift(1, fill_value=False).over(own, order_by=order)
    return visits.with_columns(stands.alias("alert")).with_columns(
        (pl.col("alert") & ~before).alias("raised"), (~pl.col("alert") & before).alias("withdrawn")
    )


def first_alerts(visits: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """The first alert of each patient before progression, and what followed it.

    Args:
        visits: one row a visit: `patient_id, day, progression_day` (null: none was seen), `last_day` (last seen), and
            what `signal` needs.
        threshold: of the alert.

    Returns:
        `patient_id, day, progression_day, followed, unfollowed`; both False where it was seen for too short a time.
    """
    to_progression = pl.col("progression_day") - pl.col("day")
    followed = (to_progression <= 7 * FOLLOWED_WEEKS + TOLERANCE_DAYS).fill_null(value=False)
    until = pl.min_horizontal(pl.col("last_day"), pl.col("progression_day"))
    return (
        visits.filter((signal() >= threshold) & (to_progression > 0).fill_null(value=True))
        .group_by("patient_id")
        .agg(pl.col("day").min(), pl.col("progression_day", "last_day").first())
        .with_columns(followed.alias("followed"))
        .with_columns(
            (~pl.col("followed") & (until - pl.col("day") >= 7 * SEEN_WEEKS)).alias("unfollowed"),
        )
        .select("patient_id", "day", "progression_day", "followed", "unfollowed")
        .sort("patient_id")
    )


def calibrated(visits: pl.DataFrame, false_alerts_per_100: float = FALSE_ALERTS_PER_100) -> Alert:
    """The lowest threshold whose unfollowed alerts are at most as many in 100 patients as asked for.

    Args:
        visits: of real patients, each judged by a prior that was not fitted to them; as for `first_alerts`.
        false_alerts_per_100: patients with an unfollowed first alert, per 100 patients.

    Returns:
        The threshold (between 0.05 and 0.99), and what it did on these patients.
    """
    patients = visits["patient_id"].n_unique()
    strengths = visits.select(signal().alias("strength"))["strength"]
    allowed = false_alerts_per_100 / 100.0 * patients
    candidates = np.unique(np.round(strengths.filter(strengths >= _LOWEST_THRESHOLD).to_numpy(), 4))
    chosen = _HIGHEST_THRESHOLD
    # From the highest down: a lower threshold moves first alerts forward, so the count need not grow steadily.
    for candidate in candidates[candidates < _HIGHEST_THRESHOLD][::-1]:
        if int(first_alerts(visits, candidate)["unfollowed"].sum()) > allowed:
            break
        chosen = float(candidate)
    return measured_alert(visits, chosen)


def measured_alert(visits: pl.DataFrame, threshold: float) -> Alert:
    """What a threshold does on real patients (`first_alerts`)."""
    found, patients = first_alerts(visits, threshold), visits["patient_id"].n_unique()
    return Alert(
        threshold=threshold,
        false_alerts_per_100=round(100.0 * int(found["unfollowed"].sum()) / max(patients, 1), 2),
        followed=int(found["followed"].sum()),
        unfollowed=int(found["unfollowed"].sum()),
        patients=patients,
    )


def calibrated_thresholds(
    visits: pl.DataFrame, rates: Sequence[float] = FALSE_ALERT_RATES
) -> dict[float, Alert]:
    """The calibrated alert for each rate asked for, per 100 patients; a prior stores them.

    Args:
        visits: as for `calibrated`.
        rates: 0 or more.
    """
    return {rate: calibrated(visits, rate) for rate in sorted(rates)}


def early_alerts_per_100(courses: pl.DataFrame, threshold: float) -> float:
    """How many of 100 simulated courses with known truth are alerted before their turning point.

    Args:
        courses: one row a visit: `patient_id, day, true_turning_day` and what `signal` needs.
        threshold: of the alert.
    """
    early = (signal() >= threshold) & (pl.col("day") < pl.col("true_turning_day"))
    by_course = courses.group_by("patient_id").agg(early.any().alias("early"))
    return round(100.0 * float(by_course["early"].to_numpy().mean()), 2)


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
    """The prior with the alert threshold of another rate; None keeps its own.

    Between two calibrated rates what followed an alert is not known: only the rate is.

    Raises:
        UsageError: the rate is outside those the prior was calibrated for.
    """
    if false_alerts_per_100 is None:
        return prior
    threshold = threshold_for(prior.alert_calibration, false_alerts_per_100)
    exact = prior.alert_calibration.get(false_alerts_per_100)
    chosen = exact or Alert(threshold, false_alerts_per_100, data=prior.alert.data)
    return replace(prior, alert=chosen)
