"""When Turnpoint would have raised its alert in virtual courses: the real filter on what was read, visit by visit.

The readings go into the filter's batches as they are, without a table in between; which visits raise an alert is left
to `turning.alerts`, as in `assess`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.criteria.sums import TOO_SMALL_MM
from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import MARKER_STEP, READING_STEP_MM, SMALLEST_MARKER, Batch, Series
from turnpoint.model.weighing import WeightedVisits
from turnpoint.turning.alerts import alert_history
from turnpoint.turning.detectable import has_changed
from turnpoint.turning.state import FEWEST_VALUES, judge, verdicts
from turnpoint.turning.tables import Tables
from turnpoint.virtual.readings import Readings

PATIENTS_PER_BATCH = 512
_STATES, _CAUSES = (
    ("p_responding", "p_plateau", "p_regrowing"),
    ("p_resistant", "p_scar", "p_floor", "p_pause"),
)


@dataclass(frozen=True, slots=True)
class Watcher:
    """The filter for one prior, with all that its batches share worked out once."""

    prior: Prior
    refiner: Refiner
    tables: Tables

    @classmethod
    def of(cls, prior: Prior, particles: int, seed: int) -> Watcher:
        """With as many particles as `assess` would take, drawn with the seed."""
        refiner = Refiner.of(prior, prior.bank(particles, seed), seed)
        return cls(prior, refiner, Tables(prior, refiner.bank))

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
        rows = np.flatnonzero(values >= FEWEST_VALUES)
        rows = rows[np.argsort(visits[rows], kind="stable")]  # alike ones together: no padding
        parts = [
            self._judged(_batch(readings, own, days, until_day[own]), own)
            for own in np.split(rows, range(PATIENTS_PER_BATCH, len(rows), PATIENTS_PER_BATCH))
            if own.size
        ]
        if not parts:
            return pl.DataFrame(schema={"patient_id": pl.Int64, "day": pl.Int64})
        judged = pl.concat(parts).sort("patient_id", "day")
        seen = has_changed(_table(readings, rows, until_day), self.prior)
        everything = judged.join(seen, on=["patient_id", "day"], how="left", maintain_order="left")
        named = verdicts(
            everything.select(_STATES).to_numpy(),
            everything["informative_values"].to_numpy(),
            everything["shrinkage"].to_numpy(),
        )
        return everything.with_columns(pl.Series("verdict", named))

    def _judged(self, batch: Batch, rows: IntArray) -> pl.DataFrame:
        return pl.concat(
            [
                _columns(weighted, self.tables, rows[own])
                for own, weighted in self.refiner.visits(batch, levels=False)
            ]
        )


def first_alert_day(watched: pl.DataFrame, threshold: float, patients: int) -> FloatArray:
    """Day of the first alert at this threshold, shape (patients,); infinite where none is raised."""
    first = np.full(patients, np.inf)
    if watched.height:
        raised = alert_history(watched, threshold).filter("raised")
        days = raised.group_by("patient_id").agg(pl.col("day").min())
        first[days["patient_id"].to_numpy()] = days["day"].to_numpy()
    return first


def _columns(weighted: WeightedVisits, tables: Tables, rows: IntArray) -> pl.DataFrame:
    judgement = judge(weighted, tables)
    columns: dict[str, FloatArray | IntArray] = {
        "patient_id": rows[weighted.patient],
        "day": weighted.day.astype(np.int64),
        "p_turned": judgement.p_turned,
        "p_turned_resistant": judgement.p_turned_resistant,
        "shrinkage": weighted.shrinkage,
    }
    columns |= {name: judgement.p_state[:, index] for index, name in enumerate(_STATES)}
    columns |= {name: judgement.p_cause[:, index] for index, name in enumerate(_CAUSES)}
    return pl.DataFrame(columns)


def _table(readings: Sequence[Readings], rows: IntArray, until_day: FloatArray) -> pl.DataFrame:
    """`patient_id, quantity, day, value`, as `has_changed` takes them."""
    return pl.concat(list(_tables(readings, rows, until_day)))


def _tables(readings: Sequence[Readings], rows: IntArray, until_day: FloatArray) -> Iterator[pl.DataFrame]:
    for own in readings:
        known = own.day < until_day[rows, None]
        yield pl.DataFrame(
            {
                "patient_id": np.broadcast_to(rows[:, None], known.shape)[known],
                "day": np.broadcast_to(own.day, known.shape)[known].astype(np.int64),
                "value": own.value[rows][known],
            }
        ).with_columns(pl.lit(own.quantity).alias("quantity"))


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
