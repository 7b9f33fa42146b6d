"""How early an alert comes, and what it costs: on courses whose true turning point is known.

A signal is a number at each visit; it alerts where it is above a cut. A course is followed up to its criterion's
progression, or its last visit.

    false        the first alert comes before the true turning point
    detected     the first alert comes at or after it, and before progression
    lead time    days from the first alert to progression; 0 where progression came first or with it
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.model.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Alerted:
    """First alerts of C courses.

    Attributes:
        false: the first alert is false, shape (C,).
        turned: the course turned before progression or its last visit, shape (C,).
        detected: of these, whether it was detected, shape (C,); False where not turned.
        progressed: the course turned and then progressed, shape (C,).
        lead_days: from the first alert to progression where detected and progressed, else 0, shape (C,).
        delay_days: from the true turning point to the first alert where detected, else nan, shape (C,).
    """

    false: BoolArray
    turned: BoolArray
    detected: BoolArray
    progressed: BoolArray
    lead_days: FloatArray
    delay_days: FloatArray


def up_to_progression(visits: pl.DataFrame) -> pl.DataFrame:
    """The visits up to each course's progression, that visit included.

    Args:
        visits: with `day` and `progression_day`, null where there is none.
    """
    progression = pl.col("progression_day")
    return visits.filter(progression.is_null() | (pl.col("day") <= progression))


def cut_for(visits: pl.DataFrame, signal: str, false_alerts_per_100: float) -> float:
    """The lowest cut above which the signal goes too early in at most so many of a hundred courses.

    Args:
        visits: `patient_id, day, true_turning_day` and the signal, one row a visit.
        signal: its column; null where it cannot alert.
        false_alerts_per_100: courses with an alert before their true turning point, per 100 courses.
    """
    early = pl.col(signal).filter(pl.col("day") < pl.col("true_turning_day"))
    strongest = visits.group_by("patient_id").agg(early.max().fill_null(-np.inf))[signal].sort().to_numpy()
    allowed = int(np.floor(false_alerts_per_100 / 100.0 * len(strongest) + 1e-9))
    return float(strongest[max(len(strongest) - 1 - allowed, 0)])


def first_alerts(visits: pl.DataFrame, signal: str, cut: float) -> Alerted:
    """What a signal does above a cut, course by course in the order of `patient_id`.

    Args:
        visits: `patient_id, day, true_turning_day, progression_day` and the signal, one row a visit, up to progression.
        signal: its column; null where it cannot alert.
        cut: it alerts above this.
    """
    first = pl.col("day").filter(pl.col(signal) > cut).min()
    courses = (
        visits.group_by("patient_id")
        .agg(
            first.alias("alert_day"),
            pl.col("day").max().alias("end_day"),
            pl.col("true_turning_day", "progression_day").first(),
        )
        .sort("patient_id")
    )
    columns = ("alert_day", "end_day", "true_turning_day", "progression_day")
    alert, end, turning, progression = (courses[name].cast(pl.Float64).to_numpy() for name in columns)
    has_progressed = ~np.isnan(progression)
    turned = turning <= np.where(has_progressed, progression, end)
    detected = turned & (alert >= turning) & ~(alert >= progression)
    return Alerted(
        false=alert < turning,
        turned=turned,
        detected=detected,
        progressed=turned & has_progressed,
        lead_days=np.where(detected & has_progressed, progression - alert, 0.0),
        delay_days=np.where(detected, alert - turning, np.nan),
    )
