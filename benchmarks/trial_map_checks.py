"""Two kinds of randomised result from one simulator, and whether virtual cohorts look like real ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import turnpoint as tp
from turnpoint.diagnostics.predictive_check import visual_predictive_check
from turnpoint.model.series import readings_of
from turnpoint.virtual.alerted import first_alert_day
from turnpoint.workflows.priors import prior_for
from turnpoint.workflows.simulate import simulate

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
HORIZON_WEEKS = 208.0
TRIALS = (
    (
        "PADA-1, SERENA-6: change at the alert to an active drug",
        {"cross_resistance": 0.02, "strength": 1.0},
        "PFS 11.9 v 5.7 and 16.0 v 9.2 months: gain",
    ),
    (
        "SWOG S0500: change at the alert to a drug that most resistant cells resist too",
        {"cross_resistance": 0.9, "strength": 1.0},
        "OS 12.5 v 10.7 months, p = 0.98: no gain",
    ),
    (
        "The same, and a weaker drug",
        {"cross_resistance": 0.9, "strength": 0.5},
        "as above",
    ),
    (
        "MRC OV05: the drug that would have followed anyway, given earlier",
        {"cross_resistance": 0.3, "strength": 0.7},
        "OS 25.7 v 27.1 months: no gain; third line sooner",
    ),
)


def hazard_ratio(weeks: np.ndarray, reference: np.ndarray, horizon: float) -> float:
    """Observed over expected events of one group against the other's (Peto's logrank expectation)."""
    times = np.concatenate([weeks, reference])
    group = np.repeat([1.0, 0.0], [len(weeks), len(reference)])
    event = times < horizon
    times = np.minimum(times, horizon)
    expected = np.zeros(2)
    for time in np.unique(times[event]):
        at_risk = times >= time
        deaths = float((event & (times == time)).sum())
        share = float(group[at_risk].mean())
        expected += deaths * np.array([share, 1.0 - share])
    observed = np.array([(event & (group == 1.0)).sum(), (event & (group == 0.0)).sum()])
    ratio = observed / np.maximum(expected, 1e-12)
    return float(ratio[0] / ratio[1])


def randomised(blocks: Sequence[Any], base: Any, compared_in: Callable[..., Any]) -> str:
    """Patients with an alert before progression, from the alert on: change now, or at progression."""
    head = [
        "like",
        "assumed",
        "PFS from the alert, weeks",
        "HR",
        "drug B used up, weeks",
        "HR",
        "lethal burden, HR",
        "seen",
    ]
    rows = [" | ".join(head), " | ".join(["---"] * len(head))]
    alert = np.concatenate(
        [
            first_alert_day(own.table, own.people.prior.alert.threshold, len(own.people.progression_day))
            for own in blocks
        ]
    )
    progression = np.concatenate([own.people.progression_day for own in blocks])
    chosen = np.flatnonzero(alert < progression)
    from_week = alert[chosen] / 7.0

    def when(block: Any) -> np.ndarray:
        people = block.people
        days = first_alert_day(block.table, people.prior.alert.threshold, len(people.progression_day))
        return np.minimum(days, people.progression_day)

    for name, assumed, seen in TRIALS:
        found = compared_in(blocks, replace(base, **assumed), when)
        cells = [
            name,
            f"cross-resistance {assumed['cross_resistance']:g}, strength {assumed['strength']:g} of A's",
        ]
        for outcome in ("progression", "second_progression", "lethal"):
            now = getattr(found.other, outcome)[chosen] - from_week
            later = getattr(found.reference, outcome)[chosen] - from_week
            ratio = hazard_ratio(now, later, HORIZON_WEEKS - float(from_week.max()))
            if outcome != "lethal":
                cells.append(f"{np.median(now):.0f} v {np.median(later):.0f}")
            cells.append(f"{ratio:.2f}")
        rows.append(" | ".join([*cells, seen]))
    return "\n".join(f"| {row} |" for row in rows)


def predictive_checks(seed: int) -> str:
    """Do virtual cohorts look like the real ones: percentiles of change from baseline, real against simulated."""
    rows = []
    for folder in ("oak-docetaxel", "ffcd2000-05-colorectal", "ascent2-docetaxel-psa"):
        study = tp.read(DATA / folder)
        readings = readings_of(study)
        prior = prior_for(study, None)
        found = visual_predictive_check(study, readings, prior, seed=seed, replicates=100)
        inside = pl.col("observed_log_ratio").is_between("simulated_log_ratio_q05", "simulated_log_ratio_q95")
        own = simulate(
            prior,
            study.patients.height,
            visits_every=round(prior.visit_gap_weeks[prior.quantities[0]]),
            seed=seed,
        )
        rows.append(
            [
                folder,
                prior.name,
                f"{found.filter(inside).height} of {found.height}",
                *(_spread(frame) for frame in (readings, readings_of(own.study))),
            ]
        )
    head = [
        "real data",
        "prior",
        "percentiles inside the band",
        "real change at 15 to 21 weeks (5, 50, 95 %)",
        "`simulate`: the same",
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _spread(readings: pl.DataFrame) -> str:
    """Percentiles of the change from baseline between 15 and 21 weeks, of courses still read then."""
    base = readings.sort("day").group_by("patient_id", "quantity").agg(pl.col("value").first().alias("first"))
    later = readings.filter(pl.col("day").is_between(105, 147)).join(base, on=["patient_id", "quantity"])
    change = later.group_by("patient_id").agg((pl.col("value") / pl.col("first") - 1.0).first())["value"]
    return ", ".join(
        f"{100 * float(np.quantile(change.to_numpy(), level)):+.0f} %" for level in (0.05, 0.5, 0.95)
    )
