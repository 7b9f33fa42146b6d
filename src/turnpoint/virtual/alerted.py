"""When Turnpoint would have raised its alert in virtual courses: the real filter on what was read, visit by visit.

The readings go into the filter's batches as they are, without a table in between; which visits raise an alert is left
to `turning.alerts`, as in `assess`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import (
    MARKER_STEP,
    READING_STEP_MM,
    READINGS_SCHEMA,
    SMALLEST_MARKER,
    Batch,
    Series,
)
from turnpoint.turning.alerts import FEWEST_READINGS, alert_history
from turnpoint.turning.criterion_ahead import Context, bars_of, markers_of
from turnpoint.turning.judged_visits import judged_visits, with_verdicts
from turnpoint.turning.tables import Tables
from turnpoint.virtual.readings import Readings

PATIENTS_PER_BATCH = 512


@dataclass(frozen=True, slots=True)
class Watcher:
    """The filter for one prior, with all that its batches share worked out once."""

    prior: Prior
    refiner: Refiner
    tables: Tables
    seed: int

    @classmethod
    def of(cls, prior: Prior, particles: int, seed: int) -> Watcher:
        """With as many particles as `assess` would take, drawn with the seed."""
        refiner = Refiner.of(prior, prior.bank(particles, seed), seed)
        return cls(prior, refiner, Tables(prior, refiner.bank), seed)

    def watched(self, readings: Sequence[Readings], until_day: FloatArray) -> pl.DataFrame:
        """All that an alert is raised by, at every visit before a patient's day, from readings up to the visit.

        Args:
            readings: of each quantity of the prior.
            until_day: shape (P,), the day from which nothing is read any more; patients with too few values before
                it to raise an alert are left out.

        Returns:
            `patient_id` (row of the patient), `day`, and the columns that `alert_history` needs, by patient and day.
        """
        days = np.unique(np.concatenate([own.day for own in readings]))
        visits = (days < until_day[:, None]).sum(axis=1)
        values = np.max([(own.day < until_day[:, None]).sum(axis=1) for own in readings], axis=0)
        rows = np.flatnonzero(values >= FEWEST_READINGS)
        rows = rows[np.argsort(visits[rows], kind="stable")]  # alike ones together: no padding
        if not rows.size:
            return pl.DataFrame(schema={"patient_id": pl.Int64, "day": pl.Int64})
        parts = [
            self._judged(readings, own, days, until_day[own])
            for own in np.split(rows, range(PATIENTS_PER_BATCH, len(rows), PATIENTS_PER_BATCH))
        ]
        judged = pl.concat(parts).with_columns(pl.col("patient_id").cast(pl.Int64))
        return with_verdicts(judged.sort("patient_id", "day"))

    def _judged(
        self, readings: Sequence[Readings], rows: IntArray, days: FloatArray, until_day: FloatArray
    ) -> pl.DataFrame:
        values = pl.concat([_frame(own, rows, until_day) for own in readings])
        context = Context(bars_of(values, markers_of(values)), self.prior, self.seed)
        return judged_visits(_batch(readings, rows, days, until_day), self.refiner, self.tables, context)


class Remembering:
    """A watcher that does not watch the same readings twice: what a second drug is like changes none on the first."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._seen: dict[bytes, pl.DataFrame] = {}

    def watched(self, readings: Sequence[Readings], until_day: FloatArray) -> pl.DataFrame:
        """See `Watcher`."""
        before = [np.where(own.day < until_day[:, None], own.value, np.nan).tobytes() for own in readings]
        key = hashlib.sha256(b"".join([until_day.tobytes(), *before])).digest()
        if key not in self._seen:
            self._seen[key] = self._watcher.watched(readings, until_day)
        return self._seen[key]


def first_alert_day(watched: pl.DataFrame, threshold: float, patients: int) -> FloatArray:
    """Day of the first alert at this threshold, shape (patients,); infinite where none is raised."""
    first = np.full(patients, np.inf)
    if watched.height:
        raised = alert_history(watched, threshold).filter("raised")
        days = raised.group_by("patient_id").agg(pl.col("day").min())
        first[days["patient_id"].to_numpy()] = days["day"].to_numpy()
    return first


def _batch(readings: Sequence[Readings], rows: IntArray, days: FloatArray, until_day: FloatArray) -> Batch:
    """The readings of these patients before their day, as the filter takes them."""
    visits = (days < until_day[:, None]).sum(axis=1)
    last = max(int(visits.max()), 1)
    day = np.broadcast_to(days[:last], (len(rows), last))
    weeks = np.maximum(day, 0.0) / 7.0
    return Batch(
        patient_ids=[str(row) for row in rows],
        series={own.quantity: (_series(own, rows, until_day),) for own in readings},
        visits=visits,
        day=day,
        on_weeks=weeks,
        off_weeks=np.zeros_like(weeks),
        readings={
            own.quantity: (np.broadcast_to(np.searchsorted(own.day, days[:last], side="right"), day.shape),)
            for own in readings
        },
        off_now=np.zeros(day.shape, dtype=np.bool_),
        off=((),) * len(rows),
        new_lesion_day=np.full(len(rows), np.inf),
    )


def _series(readings: Readings, rows: IntArray, until_day: FloatArray) -> Series:
    length = (readings.day < until_day[:, None]).sum(axis=1)
    width = max(int(length.max()), 1)
    value, at_floor = readings.value[rows, :width], readings.at_floor[rows, :width]
    day = np.broadcast_to(readings.day[:width], value.shape)
    is_diameter = readings.is_diameter
    shown = np.maximum(value, SMALLEST_MARKER)
    return Series(
        quantity=readings.quantity,
        length=length,
        day=day,
        on_weeks=np.maximum(day, 0.0) / 7.0,
        off_weeks=np.zeros(value.shape),
        value=value,
        log_value=np.log(shown),
        censoring=-at_floor.astype(np.int64),
        limit=np.full(value.shape, TOO_SMALL_MM if is_diameter else 0.0),
        log_step=np.log(READING_STEP_MM / shown)
        if is_diameter
        else np.full(value.shape, np.log(MARKER_STEP)),
    )


def _frame(readings: Readings, rows: IntArray, until_day: FloatArray) -> pl.DataFrame:
    """The readings of these patients before their day, as a table."""
    patient, reading = np.nonzero(readings.day < until_day[:, None])
    at_floor = readings.at_floor[rows[patient], reading]
    return pl.DataFrame(
        {
            "patient_id": rows[patient].astype(str),
            "day": readings.day[reading].astype(np.int64),
            "quantity": [readings.quantity] * len(patient),
            "part": [""] * len(patient),
            "value": readings.value[rows[patient], reading],
            "limit": np.full(len(patient), TOO_SMALL_MM if readings.is_diameter else 0.0),
            "censoring": -at_floor.astype(np.int64),
        },
        schema=READINGS_SCHEMA,
    )
