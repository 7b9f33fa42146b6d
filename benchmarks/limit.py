"""How much of the way to an oracle is covered: `python benchmarks/limit.py [--courses N] [--seed S] [--write]`.

Design section 7, the limit. Virtual courses are drawn from the shipped priors (the marker from the generic one) and
read for 60 weeks as the clinic's schedule says, with the reading error, repeats, rounding and jumps as fitted. The
*oracle* knows each patient's parameters and the level of the moment, and foresees nothing else: drift, jumps and
reading error to come are chance to it too. *Turnpoint* and its *filter alone* have the prior the courses were drawn
from. Turnpoint averages the filter with its regression of errors, which was fitted to real patients; *refitted* has
one fitted to other courses of the same clinic.

*Next visit*: the sum at every origin of `benchmarks/forecast.py` (two values or more, before the first progression).
CRPS ratio to the last value with the errors of other courses; AUC of progression at the next visit; coverage of the
80 % interval. *Led*: at a visit from the second reading on, before the first progression by the sum's criterion, the
signal passes a threshold; shares in percent of the courses that progress. *Unfollowed*: the signal passes it, no
progression comes, although 12 weeks or more were still seen; thresholds for at most 5 and 10 of 100 courses. Signal of
Turnpoint and the oracle: the chance of progression within 24 weeks; of the *ruler*: the smaller of rise over the
smallest sum / 10 % and rise / 3 mm, with every threshold. *Covered*: (Turnpoint - last value or ruler) / (oracle - last
value or ruler), with a 95 % interval by bootstrap over courses.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from forecast import auc, crps, within
from forecast_baselines import Forecasts, Task, last_value, task
from lead_time_real import led_at
from lead_time_rules import RULER, ruler
from limit_courses import CLINICS, ORACLE, Clinic, as_forecasts, as_study, drawn, foreseen
from limit_structure import structure
from provenance import commit

import turnpoint as tp
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import readings_of
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.workflows.fit import with_error_regressions

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "limit.md"
BOOTSTRAPS = 300
SEEN_DAYS = 84
LAST, OURS, REFITTED, FILTER = "last value or ruler", "Turnpoint", "Turnpoint, refitted", "filter alone"
METHODS = (LAST, OURS, REFITTED, FILTER, ORACLE)


@dataclass(frozen=True)
class Alerts:
    """The highest signal of each course where it counts, shape (C,); -inf where there is no such visit.

    Attributes:
        before: of the courses that progress, before they do; nan for the others.
        unfollowed: of the courses that never do, with 12 weeks or more still seen; nan for the others.
    """

    before: np.ndarray
    unfollowed: np.ndarray

    def led(self, per_100: float, chosen: np.ndarray) -> float:
        """Percent of the progressions that are led, at the threshold with so many unfollowed alerts in 100 courses."""
        before, unfollowed = self.before[chosen], self.unfollowed[chosen]
        progressed = before[~np.isnan(before)]
        led = led_at(progressed, unfollowed[~np.isnan(unfollowed)], int(per_100 * len(chosen) / 100.0))
        return 100.0 * led / len(progressed)


@dataclass(frozen=True)
class Scored:
    """Every method's forecasts of the same origins, and its alerts."""

    forecasts: dict[str, Forecasts]
    alerts: dict[str, Alerts]
    task: Task
    course: np.ndarray
    courses: int

    def scores(self, chosen: np.ndarray) -> dict[str, dict[str, float]]:
        """Each score of each method over these courses (repeats allowed)."""
        starts = np.searchsorted(self.course, np.arange(self.courses + 1))
        rows = np.concatenate([np.arange(starts[own], starts[own + 1]) for own in chosen])
        truth, event = self.task.log_value[rows], self.task.progressed[rows]
        found: dict[str, dict[str, float]] = {}
        for name, made in self.forecasts.items():
            q = made.log_quantiles[rows]
            found[name] = {
                "CRPS": float(crps(q, truth).mean()),
                "AUC of progression at the next visit": auc(made.p_progression[rows], event),
                "coverage of the 80 % interval": within(q, truth, 80),
                **{
                    f"progressions led at {per_100} unfollowed, %": self.alerts[name].led(per_100, chosen)
                    for per_100 in (5, 10)
                },
            }
        reference = found[LAST]["CRPS"]
        return {name: {"CRPS ratio": own.pop("CRPS") / reference, **own} for name, own in found.items()}


def alerts(signals: pl.DataFrame, study: Study, ids: list[str]) -> Alerts:
    """The highest signal of each course before progression, or while 12 weeks or more were still to be seen."""
    readings = readings_of(study)
    visits = (
        progression_thresholds(readings, study.markers)
        .filter(pl.col("quantity") == SUM_OF_DIAMETERS)
        .sort("patient_id", "day")
        .with_columns(
            pl.int_range(pl.len()).over("patient_id").alias("before_it"),
            pl.col("threshold").is_null().any().over("patient_id").alias("progresses"),
            (pl.col("day").max().over("patient_id") - pl.col("day")).alias("still_seen"),
        )
        .join(signals, on=["patient_id", "day"], how="left")
    )
    counts = (pl.col("before_it") > 0) & pl.col("threshold").is_not_null()
    counts = counts & (pl.col("progresses") | (pl.col("still_seen") >= SEEN_DAYS))
    highest = (
        visits.group_by("patient_id")
        .agg(pl.col("chance").filter(counts).max().alias("highest"), pl.col("progresses").first())
        .with_columns(pl.col("highest").fill_null(-np.inf))
    )
    own = pl.DataFrame({"patient_id": ids}).join(highest, on="patient_id", how="left", maintain_order="left")
    value, progresses = own["highest"].to_numpy(), own["progresses"].to_numpy().astype(bool)
    return Alerts(np.where(progresses, value, np.nan), np.where(progresses, np.nan, value))


def scored(clinic: Clinic, courses: int, seed: int) -> Scored:
    """Courses to learn the last value's errors and the regression from, and others to score."""
    prior = clinic.prior()
    learned = as_study(drawn(clinic, courses, (seed, 0)))
    truth = drawn(clinic, courses, (seed, 1))
    study = as_study(truth)
    train, test = task(learned), task(study)
    ways = {
        OURS: prior,
        REFITTED: with_error_regressions(prior, readings_of(learned), learned),
        FILTER: replace(prior, error_regressions={}, filter_weight={}),
    }
    tables = foreseen(study, clinic, truth, ways)
    forecasts = {LAST: last_value(learned, train, study, test)}
    sums = readings_of(study).filter(pl.col("quantity") == SUM_OF_DIAMETERS)
    signals = {LAST: ruler(sums).rename({RULER: "chance"})}
    for name, table in tables.items():
        forecasts[name] = as_forecasts(table, test)
        signals[name] = table.select("patient_id", "day", chance="p_24w")
    row = {name: index for index, name in enumerate(truth.patient_ids)}
    return Scored(
        forecasts,
        {name: alerts(own, study, truth.patient_ids) for name, own in signals.items()},
        test,
        np.array([row[name] for name in test.keys["patient_id"]]),
        courses,
    )


def clinic_table(clinic: Clinic, found: Scored) -> list[str]:
    every = np.arange(found.courses)
    scores = found.scores(every)
    rng = np.random.default_rng(0)
    again = [found.scores(rng.integers(0, found.courses, found.courses)) for _ in range(BOOTSTRAPS)]

    def covered(own: dict[str, dict[str, float]], score: str, name: str) -> float:
        last, oracle = own[LAST][score], own[ORACLE][score]
        return (own[name][score] - last) / (oracle - last) if oracle != last else np.nan

    def cell(score: str, name: str) -> str:
        if score.startswith("coverage"):
            return "-"
        low, high = np.nanquantile([covered(one, score, name) for one in again], [0.025, 0.975])
        return f"{100 * covered(scores, score, name):.0f} % ({100 * low:.0f} to {100 * high:.0f})"

    events = int(found.task.progressed.sum())
    lines = [
        f"### {clinic.name}",
        "",
        f"{found.courses} courses, {len(found.course)} origins, {events} progressions.",
        "",
        f"| score | {' | '.join(METHODS)} | Turnpoint covers | filter alone covers |",
        "|" + " --- |" * (len(METHODS) + 3),
    ]
    for score in scores[OURS]:
        digits = 1 if score.endswith("%") else 3
        cells = [f"{scores[name][score]:.{digits}f}" for name in METHODS]
        lines.append(
            "| " + " | ".join([score, *cells, *(cell(score, name) for name in (OURS, FILTER))]) + " |"
        )
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--courses", type=int, default=400, help="of a clinic with CT alone; half with a marker"
    )
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    chosen = parser.parse_args()
    start = time.perf_counter()
    body: list[str] = ["## Virtual courses", ""]
    for index, clinic in enumerate(CLINICS):
        courses = chosen.courses // len(clinic.every_weeks)
        lines = clinic_table(clinic, scored(clinic, courses, chosen.seed + index))
        print("\n".join(lines), flush=True)
        body += lines
    lines = structure(chosen.seed)
    print("\n".join(lines), flush=True)
    stamp = (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Turnpoint {tp.__version__}; seed {chosen.seed}; "
        f"{time.perf_counter() - start:.0f} s in all."
    )
    text = "\n".join(["# The limit", "", __doc__.split("\n\n", 1)[1].strip(), "", stamp, "", *body, *lines])
    if chosen.write:
        RESULTS.write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
