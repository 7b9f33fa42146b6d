"""Virtual courses with their truth, and what Turnpoint and the rules make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
from lead_time_rules import rule_signals

import turnpoint as tp
from turnpoint.criteria.marker_progression import first_progression
from turnpoint.criteria.recist import progression_sum_mm
from turnpoint.model.parameters import SUM_OF_DIAMETERS, reading_of
from turnpoint.model.prior import Prior, choose_prior
from turnpoint.model.simulate import SimulatedCourses, simulate_courses
from turnpoint.study.study import Study
from turnpoint.turning.alerts import may_alert, signal
from turnpoint.turning.criterion_ahead import markers_of
from turnpoint.turning.detectable import detectable_log_burden
from turnpoint.turning.tables import VISIBLE_WITHIN_WEEKS
from turnpoint.workflows.assess import assess_readings

OURS, BY_SHARE, ANY_CAUSE = (
    "Turnpoint",
    "P(turned and will visibly grow)",
    "P(turned), visible or not",
)
LAST_WEEK = 60
MARKER_WEEKS = 3
BASELINE_LOG_SD = {
    SUM_OF_DIAMETERS: (np.log(40.0), 0.6),
    "PSA": (np.log(80.0), 1.3),
    "CEA": (np.log(40.0), 1.3),
}


@dataclass(frozen=True)
class Schedule:
    """Which quantities are read, how often, and which patients they are."""

    name: str
    words: str
    every_weeks: dict[str, int]
    pause_weeks: tuple[int, int] | None = None

    def prior(self) -> Prior:
        """Whom to draw, and what to read them by."""
        return choose_prior(list(self.every_weeks), self.words)

    def days(self) -> pl.DataFrame:
        """As `simulate_courses` takes a schedule."""
        rows = [
            ("V", quantity, 7 * week)
            for quantity, every in self.every_weeks.items()
            for week in range(0, LAST_WEEK + 1, every)
        ]
        return pl.DataFrame(rows, schema=["patient_id", "quantity", "day"], orient="row")


SCHEDULES = (
    Schedule("CT every 6 weeks (NSCLC, docetaxel)", "docetaxel nsclc", {SUM_OF_DIAMETERS: 6}),
    Schedule("CT every 8 weeks (colorectal)", "colorectal folfiri", {SUM_OF_DIAMETERS: 8}),
    Schedule("PSA every 3 weeks (prostate, docetaxel)", "docetaxel prostate", {"PSA": MARKER_WEEKS}),
    Schedule(
        "CT every 8 weeks and CEA every 3 (colorectal)",
        "colorectal folfiri",
        {SUM_OF_DIAMETERS: 8, "CEA": MARKER_WEEKS},
    ),
    Schedule(
        "CT every 6 weeks and PSA every 3 (docetaxel)",
        "docetaxel prostate",
        {SUM_OF_DIAMETERS: 6, "PSA": MARKER_WEEKS},
    ),
)

PAUSED = tuple(
    replace(schedule, name=f"{schedule.name}, no drug in weeks 18 to 36", pause_weeks=(18, 36))
    for schedule in SCHEDULES[:3]
)


def simulated(schedule: Schedule, courses: int, seed: int) -> SimulatedCourses:
    rng = np.random.default_rng(seed)
    prior = schedule.prior()
    starts = {}
    for quantity in prior.quantities:
        centre, sd = BASELINE_LOG_SD[quantity]
        starts[quantity] = np.maximum(np.exp(centre + sd * rng.standard_normal(2000)), 10.0)
    return simulate_courses(prior, schedule.days(), starts, rng, courses, pause_weeks=schedule.pause_weeks)


def progressions(readings: pl.DataFrame) -> pl.DataFrame:
    """`patient_id, progression_day`: RECIST on the sum where it is read, else the marker's own criterion."""
    sums = readings.filter(pl.col("quantity") == SUM_OF_DIAMETERS).sort("patient_id", "day")
    if sums.is_empty():
        return first_progression(markers_of(readings)).select("patient_id", "progression_day")
    bar = progression_sum_mm(pl.col("value").cum_min()).shift(1).over("patient_id")
    since = pl.col("day") >= pl.col("day").filter(pl.col("day") <= 0).max().fill_null(0).over("patient_id")
    return (
        sums.filter(since)
        .filter((pl.col("value") >= bar - 1e-9) & (pl.col("day") > 0))
        .group_by("patient_id")
        .agg(pl.col("day").min().alias("progression_day"))
    )


def signals(judged: pl.DataFrame, readings: pl.DataFrame) -> pl.DataFrame:
    """Our alert's signal and every rule's at every visit, with the day of progression."""
    ours = judged.with_columns(
        signal().alias(OURS),
        pl.when(may_alert()).then("p_turned_resistant").alias(BY_SHARE),
        pl.when(may_alert()).then("p_turned").alias(ANY_CAUSE),
    )
    return ours.join(rule_signals(readings), on=["patient_id", "day"], how="left").join(
        progressions(readings), on="patient_id", how="left"
    )


def judged_courses(schedule: Schedule, found: SimulatedCourses, seed: int) -> pl.DataFrame:
    """Everything `assess` says at each visit of the courses, and the truth: turning day and causes."""
    judged = assess_readings(found.readings, doses(schedule, found.patient_ids), schedule.prior(), seed=seed)
    zero = np.zeros(len(found.patient_ids))
    truth = pl.DataFrame(
        {
            "patient_id": found.patient_ids,
            "true_turning_day": 7.0 * found.dynamics.turning_week(zero, zero),
        }
    )
    return judged.join(truth, on="patient_id").join(
        true_causes(schedule, found), on=["patient_id", "day"], how="left"
    )


def doses(schedule: Schedule, patient_ids: list[str]) -> Study:
    """A study with nothing but the doses: a daily drug that stops for the pause, none at all without one."""
    study = tp.read(Path(str(resources.files("turnpoint"))) / "datasets" / "oak-docetaxel")
    if schedule.pause_weeks is None:
        return replace(study, doses=study.doses.clear())
    events = [(0, "start"), (7 * schedule.pause_weeks[0], "stop"), (7 * schedule.pause_weeks[1], "start")]
    rows = [
        {"patient_id": own, "day": day, "drug": "drug", "action": action}
        for own in patient_ids
        for day, action in events
    ]
    table = pl.DataFrame(rows, schema_overrides={"day": study.doses.schema["day"]})
    return replace(study, doses=pl.concat([study.doses.clear(), table], how="diagonal"))


def true_causes(schedule: Schedule, found: SimulatedCourses) -> pl.DataFrame:
    """The causes at each visit from the course's own particle, as `turning.state` takes them from any particle.

    Of each quantity read so far: `floor` when its last reading is at its limit, else the shares of resistant cells,
    of scar (healthy background) and, while no drug is on, of sensitive cells in what is seen and does not shrink;
    resistant cells that would not visibly grow within half a year count as scar; quantities count alike.
    """
    prior, row = schedule.prior(), {name: index for index, name in enumerate(found.patient_ids)}
    visits = found.readings.select("patient_id", "day").unique().sort("patient_id", "day")
    own = np.array([row[name] for name in visits["patient_id"]])
    weeks = visits["day"].to_numpy() / 7.0
    begins, ends = schedule.pause_weeks or (np.inf, np.inf)
    off_weeks, is_off = np.maximum(np.minimum(weeks, ends) - begins, 0.0), (weeks >= begins) & (weeks < ends)
    dynamics = found.dynamics.at(own)
    sensitive, resistant = dynamics.parts(weeks - off_weeks, off_weeks)
    causes = np.zeros((len(own), 4))
    for position, quantity in enumerate(prior.quantities):
        reading = reading_of(found.particles[own], quantity, position)
        scar, living = reading.background, 1.0 - reading.background if reading.is_diameter else 1.0
        parts = np.stack([living * resistant, scar, np.zeros_like(scar), living * sensitive * is_off], axis=1)
        shares = parts / parts.sum(axis=1, keepdims=True)
        growth = np.log1p(shares[:, 0] * np.expm1(dynamics.regrowth_per_week * VISIBLE_WITHIN_WEEKS))
        hidden = growth <= detectable_log_burden(quantity, prior)
        shares[hidden, 1] += shares[hidden, 0]
        shares[hidden, 0] = 0.0
        limited = _at_limit(visits, found.readings.filter(pl.col("quantity") == quantity))
        causes += np.where(limited[:, None], np.array([0.0, 0.0, 1.0, 0.0]), shares) / len(prior.quantities)
    names = ("true_resistant", "true_scar", "true_floor", "true_pause")
    return visits.with_columns(pl.Series(name, causes[:, index]) for index, name in enumerate(names))


def _at_limit(visits: pl.DataFrame, readings: pl.DataFrame) -> np.ndarray:
    """Whether the last reading up to each visit is below its limit, shape (visits,)."""
    known = readings.select("patient_id", "day", "censoring")
    joined = visits.join(known, on=["patient_id", "day"], how="left", maintain_order="left")
    return joined.select(pl.col("censoring").forward_fill().over("patient_id"))["censoring"].to_numpy() < 0
