"""Readings of virtual courses from the model itself: the same equations as the filter, run forwards.

Used to calibrate alerts, and to test that what was put in is recovered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import FloatArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.series import READINGS_SCHEMA


@dataclass(frozen=True, slots=True)
class SimulatedCourses:
    """Readings, and the truth behind them.

    Attributes:
        readings: as `series.readings_of` gives them.
        patient_ids: C identifiers, `SIM-0001` and so on.
        dynamics: true parameters, shape (C,).
        particles: transformed parameters, shape (C, dimensions).
        levels: `patient_id, day, quantity, level`: x of `model.observation` at each reading, in the readings' order.
    """

    readings: pl.DataFrame
    patient_ids: list[str]
    dynamics: Dynamics
    particles: FloatArray
    levels: pl.DataFrame


def simulate_courses(
    prior: Prior,
    schedule: pl.DataFrame,
    starting_values: dict[str, FloatArray],
    rng: np.random.Generator,
    courses: int,
    *,
    pause_weeks: tuple[float, float] | None = None,
) -> SimulatedCourses:
    """Simulate courses of patients drawn from the prior, on real visit schedules.

    Args:
        prior: whom to draw.
        schedule: `patient_id, quantity, day` of a real study; each course takes one patient's days at random.
        starting_values: by quantity, first readings to draw from.
        rng: random generator.
        courses: how many.
        pause_weeks: from when to when no drug is on; by default treatment never pauses.
    """
    root = np.linalg.cholesky(prior.covariance)
    particles = prior.mean + rng.standard_normal((courses, prior.dimensions)) @ root.T
    donors = rng.choice(schedule["patient_id"].unique().sort().to_list(), size=courses)
    days = {
        (str(patient), str(quantity)): rows["day"].to_numpy().astype(np.float64)
        for (patient, quantity), rows in schedule.sort("day").group_by("patient_id", "quantity")
    }
    width = len(str(courses))
    ids = [f"SIM-{index + 1:0{width}d}" for index in range(courses)]
    told: list[tuple[str, str, FloatArray, FloatArray, FloatArray]] = []
    paused_from, paused_to = pause_weeks or (np.inf, np.inf)
    for index, (patient_id, donor) in enumerate(zip(ids, donors, strict=True)):
        for position, quantity in enumerate(prior.quantities):
            own_days = days.get((str(donor), quantity))
            if own_days is None:
                continue
            start = float(rng.choice(starting_values[quantity]))
            weeks = np.maximum(own_days, 0.0) / 7.0
            off_weeks = np.maximum(np.minimum(weeks, paused_to) - paused_from, 0.0)
            times = (own_days, weeks - off_weeks, off_weeks)
            values, own_levels = _one_series(prior, particles[index], (quantity, position), times, start, rng)
            told.append((patient_id, quantity, own_days, values, own_levels))
    readings = _frame(told).sort("patient_id", "quantity", "day")
    return SimulatedCourses(
        readings.drop("level"),
        ids,
        dynamics_of(particles),
        particles,
        readings.select("patient_id", "day", "quantity", "level"),
    )


def _one_series(
    prior: Prior,
    particle: FloatArray,
    which: tuple[str, int],
    times: tuple[FloatArray, FloatArray, FloatArray],
    start: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Readings of one quantity of one course, and its level at each; a diameter below 5 mm is nan (too small)."""
    (quantity, position), (days, on_weeks, off_weeks) = which, times
    dynamics, reading = dynamics_of(particle), reading_of(particle, quantity, position)
    signal = reading.log_signal(dynamics.log_burden(on_weeks, off_weeks))
    signal = signal + reading.log_surge_at(on_weeks + off_weeks)
    level = np.log(start) - signal[0]
    is_diameter = quantity == SUM_OF_DIAMETERS
    floor = np.log(TOO_SMALL_MM) if is_diameter else -np.inf
    values, levels = np.empty(len(days)), np.empty(len(days))
    last, now = np.nan, reading
    for index, day in enumerate(days):
        if index > 0:
            written = np.log(np.nan_to_num(values[max(index - 2, 0) : index], nan=TOO_SMALL_MM))
            now = reading.after(written[-1], np.asarray(index > 1 and written[0] == written[-1]))
            gap = max(day - days[index - 1], 1.0) / 7.0
            jumped = rng.random() < now.jump
            level += rng.normal(0.0, np.sqrt(now.sd_drift**2 * gap + jumped * now.sd_jump**2))
        levels[index] = level
        fresh = level + signal[index] + rng.normal(0.0, float(now.sd_reading))
        if index > 0 and np.isnan(last):
            value = np.nan if rng.random() < prior.floor_persistence[quantity] else fresh
        elif index > 0 and rng.random() < now.repeat * np.exp(
            -0.5 * ((fresh - last) / now.repeat_window) ** 2
        ):
            value = last
        else:
            value = fresh
        last = np.nan if value < floor else value
        values[index] = np.round(np.exp(last)) if is_diameter else np.exp(last)
    return values, levels


def _frame(told: Sequence[tuple[str, str, FloatArray, FloatArray, FloatArray]]) -> pl.DataFrame:
    """`READINGS_SCHEMA` and `level`, from patient, quantity, days, values and levels of each series."""
    lengths = [len(days) for _, _, days, _, _ in told]
    days, value, level = (np.concatenate([own[place] for own in told]) for place in (2, 3, 4))
    quantity = np.repeat(np.array([own[1] for own in told], dtype=object), lengths)
    at_floor = np.isnan(value)
    limit = np.where(quantity == SUM_OF_DIAMETERS, TOO_SMALL_MM, 0.0)
    return pl.DataFrame(
        {
            "patient_id": np.repeat(np.array([own[0] for own in told], dtype=object), lengths),
            "day": days.astype(np.int64),
            "quantity": quantity,
            "part": [""] * len(days),
            "value": np.where(at_floor, limit, value),
            "limit": limit,
            "censoring": np.where(at_floor, -1, 0),
            "level": level,
        },
        schema=READINGS_SCHEMA | {"level": pl.Float64},
    )
