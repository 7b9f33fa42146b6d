"""The tables of the study of lead time: one function a table, each a list of markdown lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from first_alerts import Alerted, cut_for, first_alerts
from lead_time_courses import ANY_CAUSE, BY_SHARE, OURS

from turnpoint.model.calibration import wilson_interval
from turnpoint.turning.alerts import alert_history

RULES = ("two rises", "flat over two", "change point", "own g", "own nadir passed")
METHODS = (OURS, BY_SHARE, ANY_CAUSE, *RULES)
RATES = (1.0, 5.0, 10.0)
BOOTSTRAPS = 400
FARTHEST_DAY = 3650.0

Cuts = dict[tuple[str, float], float]


def chosen_cuts(tuning: pl.DataFrame) -> Cuts:
    """The cut of every method for every rate, on the tuning half."""
    return {(method, rate): cut_for(tuning, method, rate) for method in METHODS for rate in RATES}


def share(events: int, trials: int) -> str:
    """A percentage with its 95 % interval (Wilson)."""
    low, high = wilson_interval(np.array([events]), np.array([trials]))
    return f"{100 * events / max(trials, 1):.1f} ({100 * low[0]:.0f}-{100 * high[0]:.0f})"


def resampled(numbers: np.ndarray, statistic: object = np.median, digits: int = 0) -> str:
    """A statistic with its 95 % interval (bootstrap over courses)."""
    if not numbers.size:
        return "-"
    rng = np.random.default_rng(0)
    again = [statistic(rng.choice(numbers, numbers.size)) for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(again, [0.025, 0.975])
    return f"{statistic(numbers):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def alert_table(cuts: Cuts, measured: pl.DataFrame) -> list[str]:
    """Every method at every rate on the measuring half."""
    lines = [
        "| asked | signal | false per 100 | detected, % of turned | before progression, % of progressed "
        "| median lead, days | mean lead, days | median lead where it led | days after the turn |",
        "|" + " --- |" * 9,
    ]
    for rate in RATES:
        for method in METHODS:
            found = first_alerts(measured, method, cuts[method, rate])
            led = found.detected & found.progressed
            leads = found.lead_days[found.progressed]
            cells = [
                f"{rate:g}",
                f"**{method}**" if method == OURS else method,
                share(int(found.false.sum()), found.false.size),
                share(int(found.detected.sum()), int(found.turned.sum())),
                share(int(led.sum()), int(found.progressed.sum())),
                resampled(leads),
                resampled(leads, np.mean, 1),
                resampled(found.lead_days[led]),
                resampled(found.delay_days[found.detected]),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def verdict(cuts: Cuts, measured: pl.DataFrame) -> list[str]:
    """Our sensitivity and mean lead against the best rule at each rate, paired over courses."""
    lines = []
    for rate in RATES:
        found = {
            method: first_alerts(measured, method, cuts[method, rate]) for method in (OURS, BY_SHARE, *RULES)
        }
        for others, words in ((RULES, "the best rule"), ((BY_SHARE,), "the second probability by itself")):
            by_sensitivity = max(others, key=lambda name: found[name].detected.sum())
            by_lead = max(others, key=lambda name: found[name].lead_days.sum())
            turned, progressed = found[OURS].turned, found[OURS].progressed
            gain = 100.0 * _less(found, by_sensitivity, "detected")[turned]
            lead = _less(found, by_lead, "lead_days")[progressed]
            lines.append(
                f"- {rate:g} per 100, Turnpoint less {words}: detected {resampled(gain, np.mean, 1)} points "
                f"({by_sensitivity}), mean lead {resampled(lead, np.mean, 1)} days ({by_lead})."
            )
    return [*lines, ""]


def _less(found: Mapping[str, Alerted], other: str, name: str) -> np.ndarray:
    return getattr(found[OURS], name).astype(float) - getattr(found[other], name).astype(float)


def coverage_rows(name: str, visits: pl.DataFrame) -> list[str]:
    """Coverage of the 90 % interval of the turning point: at the last visit, at all, and where it has two ends."""
    last = visits.filter(pl.col("day") == pl.col("day").max().over("patient_id"))
    middle = visits.filter(pl.col("day") == 168)
    cells = [_covered(last), _covered(_two_ended(last)), _covered(middle), _covered(_two_ended(middle))]
    none = (last["true_turning_day"] <= 0).mean()
    return [f"| {name} | {100 * none:.0f} % | " + " | ".join(cells) + " |"]


def _two_ended(visits: pl.DataFrame) -> pl.DataFrame:
    inside = (pl.col("turning_day_q05") > 0) & (pl.col("turning_day_q95") < FARTHEST_DAY)
    return visits.filter(inside)


def _covered(visits: pl.DataFrame) -> str:
    truth = pl.col("true_turning_day")
    inside = (truth >= pl.col("turning_day_q05") - 0.5) & (truth <= pl.col("turning_day_q95") + 0.5)
    below = int(visits.select((truth < pl.col("turning_day_q05") - 0.5).sum()).item())
    above = int(visits.select((truth > pl.col("turning_day_q95") + 0.5).sum()).item())
    covered = int(visits.select(inside.sum()).item())
    return f"{share(covered, visits.height)}; {below} early, {above} late of {visits.height}"


def reliability_rows(name: str, visits: pl.DataFrame) -> list[str]:
    """Fifths of the visits by what was said: mean said and mean true share, in percent."""
    lines = []
    for said, true in (
        ("p_resistant", "true_resistant"),
        ("p_scar", "true_scar"),
        ("p_floor", "true_floor"),
        ("p_pause", "true_pause"),
        ("p_turned", "turned"),
    ):
        known = visits.filter(pl.col("day") > 0).with_columns(
            turned=(pl.col("true_turning_day") <= pl.col("day")).cast(pl.Float64)
        )
        if known[said].max() == 0 or (said == "p_turned" and known["true_pause"].max() > 0):
            continue  # when a course with a pause turns depends on the pause
        order = np.argsort(known[said].to_numpy(), kind="stable")
        cells = []
        for part in np.array_split(order, 5):
            own = known[part.tolist()]
            error = _clustered_error(own, true)
            cells.append(f"{100 * own[said].mean():.0f}: {100 * own[true].mean():.0f} ± {error:.0f}")
        lines.append(f"| {name} | {said} | " + " | ".join(cells) + " |")
    return lines


def _clustered_error(visits: pl.DataFrame, true: str) -> float:
    """Two standard errors of the mean in percentage points, courses counting as wholes."""
    mean = visits[true].mean()
    sums = visits.group_by("patient_id").agg((pl.col(true) - mean).sum())[true].to_numpy()
    return float(200.0 * np.sqrt((sums**2).sum()) / visits.height)


def history_rows(name: str, visits: pl.DataFrame, cuts: Cuts) -> list[str]:
    """What hysteresis does at the threshold for five in a hundred."""
    lines = []
    for odds in (1.0, 2.0, 3.0, 5.0):
        found = alert_history(visits, cuts[OURS, 5.0] + 1e-9, odds)
        courses = found.group_by("patient_id").agg(
            pl.col("raised").sum(),
            pl.col("withdrawn").sum(),
            (pl.col("raised") & (pl.col("day") < pl.col("true_turning_day"))).any().alias("false"),
            (pl.col("withdrawn") & (pl.col("day") < pl.col("true_turning_day"))).any().alias("in_time"),
        )
        alerted, count = courses.filter(pl.col("raised") > 0), courses.height
        false = alerted.filter("false")
        lines.append(
            f"| {name} | {odds:g} | {share(alerted.height, count)} "
            f"| {share(alerted.filter(pl.col('withdrawn') > 0).height, alerted.height)} "
            f"| {share(false.filter('in_time').height, false.height)} "
            f"| {share(courses.filter(pl.col('raised') > 1).height, count)} |"
        )
    return lines
