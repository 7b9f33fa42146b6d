"""What a series so far says about the error of "same as last time": the regressors of `model.error_regression`.

Public:
    Origins                      readings to forecast from, with their features; `.only(rows)`, `joined(parts)`
    training_origins(readings, quantity, doses) -> Origins         every reading from the second on with a successor
    forecast_origins(readings, quantity, doses, keys) -> Origins   one a row of `keys` (patient_id, day, target_day)
    features(series, patient, reading, target_day) -> (R, 9)       from plain padded arrays

Nothing here depends on a unit: changes of the log value only, but for the diameter, whose size matters in mm. Nothing
depends on the spread of a study: each feature is centred and scaled by constants, its mean and SD over the origins of
both arms of OAK, so that coefficients fitted to one study mean the same in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import SMALLEST_MARKER
from turnpoint.model.treatment import exposure, off_intervals

FEATURES = (
    "log_readings",  # how many there are so far
    "log_size",  # of the last reading in mm; 0 for a marker
    "log_gap_days",  # from the last reading to the target
    "change_from_first",  # tanh of the change of log value
    "last_change",  # tanh of three times the last change of log value
    "log_volatility",  # of the mean absolute change of log value, shrunk to 0.1 as by two changes
    "repeat_share",  # of the changes that are none, shrunk to 0.3 as by two changes
    "log_repeat_run",  # of 1 + how many times in a row the last value has been given again
    "early_visit",  # log of the usual gap over this one, where this one is shorter; at most 1.2
)
_CENTRE = np.array([1.36, 3.23, 3.84, -0.24, -0.11, -2.32, 0.31, 0.37, 0.11])
_SCALE = np.array([0.55, 0.87, 0.256, 0.32, 0.33, 0.60, 0.19, 0.565, 0.175])
_FARTHEST = 4.0  # scaled features beyond this are taken as this

# A lesion that has disappeared has no logarithm: 1 mm stands for it, here as in the forecasts (`model.forecast`).
SMALLEST_DIAMETER_MM = 1.0
_SAME = 1e-9  # log values nearer than this are the same reading
MOST_TIME_OFF = 0.25  # of the course so far, or of the time to the target


@dataclass(frozen=True, slots=True)
class PaddedSeries:
    """The readings of one quantity of P patients, padded to N; the padding is never used.

    Attributes:
        day: increasing along the first `length` entries, shape (P, N).
        value: above 0, shape (P, N).
        limit: largest limit that a value was below so far, 0 without any; 1 mm for a diameter, shape (P, N).
        length: shape (P,).
        is_diameter: the values are mm; the size of a marker is not used, so that its unit does not matter.
    """

    day: FloatArray
    value: FloatArray
    limit: FloatArray
    length: IntArray
    is_diameter: bool


@dataclass(frozen=True, slots=True)
class Origins:
    """Readings to forecast from; R rows.

    Attributes:
        features: scaled, shape (R, 9), see `FEATURES`.
        last_value: the reading at the origin, 1 mm for a lesion that has disappeared, above 0, shape (R,).
        smallest_value: nothing below it would be written down: 1 mm, or the largest limit of the marker's assays so far
            (0 when none was met), shape (R,).
        gap_days: from the last reading to the target, shape (R,).
        change: log value at the target less that at the origin, nan where it is not known, shape (R,).
        usable: there are two readings or more and treatment has hardly paused: what the regression is made for.
    """

    features: FloatArray
    last_value: FloatArray
    smallest_value: FloatArray
    gap_days: FloatArray
    change: FloatArray
    usable: BoolArray

    @property
    def last_log_value(self) -> FloatArray:
        """Log of the reading at the origin, shape (R,)."""
        found: FloatArray = np.log(self.last_value)
        return found

    def only(self, rows: IntArray | BoolArray) -> Origins:
        """These rows."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.__slots__})


def joined(parts: Sequence[Origins]) -> Origins:
    """The origins of several studies, one below the other."""
    names = Origins.__slots__
    return Origins(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def features(
    series: PaddedSeries, patient: IntArray, reading: IntArray, target_day: FloatArray
) -> FloatArray:
    """The features of R origins, scaled.

    Args:
        series: of one quantity.
        patient: row of the series, shape (R,).
        reading: the last reading known, counted from 0, shape (R,).
        target_day: after that reading, shape (R,).

    Returns:
        Shape (R, 9), in the order of `FEATURES`, centred, scaled, and within +-4.
    """
    value, day = np.log(series.value), series.day
    change = np.diff(value, axis=1, prepend=value[:, :1])  # from the reading before; 0 for the first
    repeats = np.abs(change) < _SAME
    repeats[:, 0] = False
    place = np.arange(value.shape[1])
    last_new = np.maximum.accumulate(np.where(repeats, 0, place), axis=1)
    at = (patient, reading)
    gap = np.maximum(target_day - day[at], 1.0)
    usual_gap = np.maximum(_median_gap(day, patient, reading), 1.0)
    raw = np.column_stack(
        [
            np.log(reading + 1.0),
            value[at] if series.is_diameter else np.full(len(patient), _CENTRE[FEATURES.index("log_size")]),
            np.log(gap),
            np.tanh(value[at] - value[patient, 0]),
            np.tanh(3.0 * change[at]),
            np.log((np.cumsum(np.abs(change), axis=1)[at] + 2 * 0.1) / (reading + 2)),
            (np.cumsum(repeats, axis=1)[at] + 2 * 0.3) / (reading + 2),
            np.log1p(reading - last_new[at]),
            np.clip(np.log(usual_gap / gap), 0.0, 1.2),
        ]
    )
    scaled: FloatArray = np.clip((raw - _CENTRE) / _SCALE, -_FARTHEST, _FARTHEST)
    return scaled


def _median_gap(day: FloatArray, patient: IntArray, reading: IntArray) -> FloatArray:
    """Median of the gaps between the readings up to each origin; 0 before the second reading."""
    gaps = np.diff(day, axis=1, append=np.inf)[patient]
    known = np.arange(gaps.shape[1]) < reading[:, None]
    ordered = np.sort(np.where(known, gaps, np.inf), axis=1)
    row = np.arange(len(reading))
    middle: FloatArray = (ordered[row, np.maximum(reading - 1, 0) // 2] + ordered[row, reading // 2]) / 2.0
    return np.where(reading > 0, middle, 0.0)


def training_origins(readings: pl.DataFrame, quantity: str, doses: pl.DataFrame) -> Origins:
    """Every origin of the quantity that can be learned from: the second reading or a later one, with a successor.

    Args:
        readings: of `model.series.readings_of`.
        quantity: one of theirs.
        doses: of the study.
    """
    own = _of(readings, quantity)
    following = own.with_columns(pl.col("day").shift(-1).over("patient_id").alias("target_day"))
    keys = following.filter(
        pl.col("target_day").is_not_null() & (pl.int_range(pl.len()).over("patient_id") > 0)
    )
    found = forecast_origins(readings, quantity, doses, keys)
    return found.only(found.usable)


def forecast_origins(
    readings: pl.DataFrame, quantity: str, doses: pl.DataFrame, keys: pl.DataFrame
) -> Origins:
    """One origin for each row of the keys: the last reading of the quantity up to a day.

    Args:
        readings: of `model.series.readings_of`; later ones than the day are not used, but for `Origins.change`.
        quantity: one of theirs.
        doses: of the study.
        keys: `patient_id, day, target_day`; patients without a reading up to the day are marked as not usable.
    """
    own = _of(readings, quantity)
    ids = own["patient_id"].unique(maintain_order=True)
    series = _padded(own, quantity)
    rows = pl.DataFrame({"patient_id": ids, "row": np.arange(len(ids))})
    row = keys.select("patient_id").join(rows, on="patient_id", how="left", maintain_order="left")["row"]
    patient = row.fill_null(0).to_numpy().astype(np.int64)
    day, target = (keys[name].to_numpy().astype(np.float64) for name in ("day", "target_day"))
    known = np.arange(series.day.shape[1]) < series.length[patient, None]
    count = (known & (series.day[patient] <= day[:, None])).sum(axis=1) * row.is_not_null().to_numpy()
    reading = np.maximum(count - 1, 0)
    following = np.minimum(reading + 1, series.day.shape[1] - 1)
    is_next = (reading + 1 < series.length[patient]) & (series.day[patient, following] == target)
    last, last_day = series.value[patient, reading], series.day[patient, reading]
    on = _mostly_on(np.column_stack([last_day, target]), keys["patient_id"].to_list(), doses)
    return Origins(
        features=features(series, patient, reading, target),
        last_value=last,
        smallest_value=series.limit[patient, reading],
        gap_days=target - last_day,
        change=np.where(is_next, np.log(series.value[patient, following] / last), np.nan),
        usable=(count >= 2) & (target > last_day) & on,
    )


def _of(readings: pl.DataFrame, quantity: str) -> pl.DataFrame:
    return readings.filter(pl.col("quantity") == quantity).sort("patient_id", "day")


def _padded(own: pl.DataFrame, quantity: str) -> PaddedSeries:
    """The readings of a quantity, sorted by patient and day, one row a patient."""
    length = own.group_by("patient_id", maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    first = np.cumsum(length) - length
    width = int(length.max()) if length.size else 1
    place = np.minimum(first[:, None] + np.minimum(np.arange(width), length[:, None] - 1), own.height - 1)
    is_diameter = quantity == SUM_OF_DIAMETERS
    value = np.maximum(own["value"].to_numpy(), SMALLEST_DIAMETER_MM if is_diameter else SMALLEST_MARKER)
    limit = np.where(own["censoring"].to_numpy() < 0, own["limit"].fill_null(0.0).to_numpy(), 0.0)
    if is_diameter:
        limit = np.full(len(value), SMALLEST_DIAMETER_MM)
    return PaddedSeries(
        day=own["day"].to_numpy().astype(np.float64)[place],
        value=value[place],
        limit=np.maximum.accumulate(limit[place], axis=1),
        length=length,
        is_diameter=is_diameter,
    )


def _mostly_on(days: FloatArray, patient_ids: list[str], doses: pl.DataFrame) -> BoolArray:
    """Whether treatment was on for three quarters of the course up to the target and of the time to it.

    Args:
        days: of the last reading and of the target, shape (R, 2).
        patient_ids: of the R rows.
        doses: of the study.
    """
    if doses.is_empty():
        return np.ones(len(days), dtype=np.bool_)
    _, off_weeks, _ = exposure(days, patient_ids, off_intervals(doses))
    off, since = 7.0 * off_weeks[:, 1], np.maximum(days[:, 1], 0.0)
    off_here = 7.0 * (off_weeks[:, 1] - off_weeks[:, 0])
    on: BoolArray = (off <= MOST_TIME_OFF * since) & (off_here <= MOST_TIME_OFF * (days[:, 1] - days[:, 0]))
    return on
