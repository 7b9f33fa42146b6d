"""From a study to padded arrays: the readings of each patient, visits on one axis.

A quantity is read in parts: the sum of diameters lesion by lesion, a marker as one. Each part is a series of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.criteria.recist import (
    CERTAIN,
    TOO_SMALL_MM,
    sum_of_diameters,
    target_diameters,
    without_normal_new_nodes,
)
from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.dynamics import Pauses
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.treatment import OffIntervals, exposure, off_intervals, pauses_before
from turnpoint.study.once import once
from turnpoint.study.study import Study

SMALLEST_MARKER = 1e-4  # in the marker's unit; below every assay's limit
READING_STEP_MM = 1.0
MARKER_STEP = 0.01  # of the value: markers are reported to about three figures

READINGS_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "quantity": pl.String,
    "part": pl.String,
    "value": pl.Float64,
    "limit": pl.Float64,
    "censoring": pl.Int8,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One part of a quantity in a batch of P patients; padded to N readings.

    Attributes:
        quantity: `sum_of_diameters_mm` or the marker's name.
        length: readings of each patient, shape (P,); 0 for a patient without this part.
        day: shape (P, N); padding repeats the last day.
        on_weeks, off_weeks: weeks on and off treatment since the start, shape (P, N).
        value: what was written down, shape (P, N); a lesion counts 5 mm for too small and 0 for absent.
        log_value: log of the value, of the limit for a censored one, shape (P, N).
        censoring: -1 below the limit, 0 a number, 1 above it; shape (P, N).
        limit: what is below it is not measured: 5 mm for a lesion, the largest limit seen so far for a marker (0
            when none was); shape (P, N).
        log_step: log of (smallest step between two readings / value): the width of one reading on the log
            scale, 1 mm for a lesion and 1 % for a marker, shape (P, N).
    """

    quantity: str
    length: IntArray
    day: FloatArray
    on_weeks: FloatArray
    off_weeks: FloatArray
    value: FloatArray
    log_value: FloatArray
    censoring: IntArray
    limit: FloatArray
    log_step: FloatArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Some patients of a study as arrays.

    Attributes:
        patient_ids: P identifiers.
        series: by quantity, one for each of its parts (`in_slots`): as many as the patient with most lesions has.
        visits: visits of each patient, shape (P,).
        day: day of each visit, shape (P, V); padding repeats the last day.
        on_weeks, off_weeks: shape (P, V).
        readings: by quantity and part, how many readings there are up to and including each visit, shape (P, V).
        off_now: no drug is on at the visit, shape (P, V).
        off: days without any drug, of each patient.
        new_lesion_day: on which a new lesion was first seen beyond doubt, infinite without one, shape (P,).
    """

    patient_ids: list[str]
    series: Mapping[str, tuple[Series, ...]]
    visits: IntArray
    day: FloatArray
    on_weeks: FloatArray
    off_weeks: FloatArray
    readings: Mapping[str, tuple[IntArray, ...]]
    off_now: BoolArray
    off: tuple[OffIntervals, ...]
    new_lesion_day: FloatArray

    def sums(self) -> tuple[FloatArray, IntArray]:
        """Sum of diameters (mm) and number of lesions read so far at each visit, shape (P, V) both.

        A lesion without a reading at a visit keeps its last value; below 5 mm it counts 5 mm.
        """
        patients = np.arange(len(self.patient_ids))[:, None]
        total, lesions = np.zeros(self.day.shape), np.zeros(self.day.shape, dtype=np.int64)
        parts = self.series.get(SUM_OF_DIAMETERS, ()), self.readings.get(SUM_OF_DIAMETERS, ())
        for series, counts in zip(*parts, strict=True):
            value = np.maximum(series.value, TOO_SMALL_MM)[patients, np.maximum(counts - 1, 0)]
            total += np.where(counts > 0, value, 0.0)
            lesions += counts > 0
        return total, lesions

    def pauses(self, patient: int, visit: int) -> Pauses:
        """Weeks on and weeks off before each pause of the patient that has begun by the visit."""
        return pauses_before(float(self.day[patient, visit]), self.off[patient])


def readings_of(study: Study) -> pl.DataFrame:
    """Every value of every quantity: `patient_id, day, quantity, part, value, limit, censoring`, part "".

    A sum with a part that is not evaluable is missing. A sum all of whose targets are too small or absent is
    left-censored at 5 mm a target (RECIST counts them as 5 or 0 mm, but they are "less than 5 mm" to a
    model). With several readers, one is used (`chosen_readers`). Readings of one patient, quantity and day are
    averaged on the log scale.
    """
    return _one_a_day([_sum_readings(study.lesions), _marker_readings(study.markers)])


def parts_of(study: Study) -> pl.DataFrame:
    """The same readings part by part, as the filter takes them: each target lesion by itself, markers as they are.

    A lesion has a reading at a visit whose sum is missing because another lesion could not be evaluated. The
    reader is the one of `readings_of`.
    """
    return _one_a_day([_lesion_readings(study.lesions), _marker_readings(study.markers)])


def _one_a_day(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """The frames one below the other, readings of one part and day averaged on the log scale."""
    readings = pl.concat(
        [
            frame.select(pl.col(name).cast(dtype) for name, dtype in READINGS_SCHEMA.items())
            for frame in frames
        ]
    )
    censored_first = pl.col("censoring").abs().max()
    return (
        readings.group_by("patient_id", "quantity", "part", "day")
        .agg(
            pl.when(pl.len() == 1)
            .then(pl.col("value").first())
            .otherwise(pl.col("value").clip(SMALLEST_MARKER).log().mean().exp())
            .alias("value"),
            pl.col("limit").max(),
            pl.when(censored_first == 0)
            .then(0)
            .otherwise(pl.col("censoring").sum().sign())
            .alias("censoring"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in READINGS_SCHEMA.items())
        .sort("patient_id", "quantity", "part", "day")
    )


@once
def chosen_readers(lesions: pl.DataFrame) -> pl.DataFrame:
    """One reader a patient: who first read a target; of several that day who read most of them, then by name.

    That is known as soon as there is anything to be read, and nothing that comes later changes it. Who reads most
    visits is known at the end only.

    Args:
        lesions: as in `Study.lesions`.

    Returns:
        `patient_id, reader` of every patient with lesions, the reader "" where the data name none; for `of_reader`.
        Where nobody could read a target it is the first by name.
    """
    own = ["patient_id", pl.col("reader").fill_null("")]
    first = pl.col("day").min()
    begun = target_diameters(lesions).group_by(own).agg(first, (pl.col("day") == first).sum().alias("read"))
    return (
        lesions.select(own)
        .unique()
        .join(begun, on=["patient_id", "reader"], how="left")
        .sort("patient_id", "day", -pl.col("read").cast(pl.Int64), "reader", nulls_last=True)
        .unique("patient_id", keep="first", maintain_order=True)
        .select("patient_id", "reader")
    )


def of_reader(frame: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """The rows of the chosen readers, in order."""
    return frame.with_columns(pl.col("reader").fill_null("")).join(
        chosen, on=["patient_id", "reader"], how="semi", maintain_order="left"
    )


@once
def _sum_readings(lesions: pl.DataFrame) -> pl.DataFrame:
    if lesions.is_empty():
        return pl.DataFrame(schema=READINGS_SCHEMA)
    sums = sum_of_diameters(lesions)
    small = pl.col("too_small") + pl.col("absent")
    at_floor = (small == pl.col("targets")) & (pl.col("sum_of_diameters_mm") <= TOO_SMALL_MM * small)
    return (
        of_reader(sums, chosen_readers(lesions))
        .filter(pl.col("sum_of_diameters_mm").is_not_null())
        .select(
            "patient_id",
            "day",
            pl.lit(SUM_OF_DIAMETERS).alias("quantity"),
            pl.lit("").alias("part"),
            pl.col("sum_of_diameters_mm").alias("value"),
            (TOO_SMALL_MM * pl.col("targets")).alias("limit"),
            pl.when(at_floor).then(-1).otherwise(0).alias("censoring"),
        )
    )


@once
def _lesion_readings(lesions: pl.DataFrame) -> pl.DataFrame:
    if lesions.is_empty():
        return pl.DataFrame(schema=READINGS_SCHEMA)
    at_floor = (pl.col("diameter_mm") == 0.0) | (
        pl.col("too_small") & (pl.col("diameter_mm") <= TOO_SMALL_MM)
    )
    return of_reader(target_diameters(lesions), chosen_readers(lesions)).select(
        "patient_id",
        "day",
        pl.lit(SUM_OF_DIAMETERS).alias("quantity"),
        pl.col("lesion_id").cast(pl.String).alias("part"),
        pl.col("diameter_mm").alias("value"),
        pl.lit(TOO_SMALL_MM).alias("limit"),
        pl.when(at_floor).then(-1).otherwise(0).alias("censoring"),
    )


def _marker_readings(markers: pl.DataFrame) -> pl.DataFrame:
    if markers.is_empty():
        return pl.DataFrame(schema=READINGS_SCHEMA)
    censoring = pl.col("censoring").replace_strict({"none": 0, "left": -1, "right": 1}, return_dtype=pl.Int8)
    return markers.filter(pl.col("value").is_not_null()).select(
        "patient_id",
        "day",
        pl.col("marker").alias("quantity"),
        pl.lit("").alias("part"),
        pl.col("value"),
        pl.when(censoring != 0).then(pl.col("value").clip(SMALLEST_MARKER)).otherwise(None).alias("limit"),
        censoring.alias("censoring"),
    )


def quantities_of(readings: pl.DataFrame) -> list[str]:
    """The quantities in the readings: the sum of diameters first, then markers by name."""
    present = sorted(readings["quantity"].unique().to_list())
    return sorted(present, key=lambda quantity: quantity != SUM_OF_DIAMETERS)


def visits_of(study: Study) -> pl.DataFrame:
    """Every day on which a patient was seen: `patient_id, day`, whether or not a reading can be used."""
    return (
        pl.concat([table.select("patient_id", "day") for table in (study.lesions, study.markers)])
        .unique()
        .sort("patient_id", "day")
    )


def new_lesion_days(lesions: pl.DataFrame) -> dict[str, float]:
    """The day after the start on which each patient's first new lesion was seen beyond doubt, by any reader.

    RECIST dates a lesion that was equivocal at first back to that day; here it counts from the day it was certain, as
    nobody knew before.
    """
    new = (pl.col("role") == "new") & pl.col("status").is_in(CERTAIN) & (pl.col("day") > 0)
    found = (
        without_normal_new_nodes(lesions)
        .filter(new)
        .group_by("patient_id")
        .agg(pl.col("day").min().cast(pl.Float64))
    )
    return dict(found.iter_rows())


def batches(
    readings: pl.DataFrame,
    doses: pl.DataFrame,
    quantities: list[str],
    patients_per_batch: int,
    visits: pl.DataFrame | None = None,
    new_lesions: Mapping[str, float] | None = None,
) -> Iterator[Batch]:
    """The readings in batches of patients, in patient order.

    Args:
        readings: from `parts_of`.
        doses: of the study.
        quantities: of the readings.
        patients_per_batch: how many patients a batch has.
        visits: `patient_id, day`, sorted, the days of every reading among them; by default just those.
        new_lesions: from `new_lesion_days`.
    """
    off_by_patient, appeared = off_intervals(doses), new_lesions or {}
    if visits is None:
        visits = readings.select("patient_id", "day").unique().sort("patient_id", "day")
    patients = visits["patient_id"].unique().sort().to_list()
    for first in range(0, len(patients), patients_per_batch):
        ids = patients[first : first + patients_per_batch]
        here = pl.col("patient_id").is_between(pl.lit(ids[0]), pl.lit(ids[-1]))
        padding = _Padding.of(visits.filter(here), ids)
        days = padding.padded(visits.filter(here)["day"])
        new_lesion_day = np.array([appeared.get(patient_id, np.inf) for patient_id in ids])
        columns = ids, padding.length, days, new_lesion_day
        yield _batch(readings.filter(here), columns, quantities, off_by_patient)


@dataclass(frozen=True, slots=True)
class _Padding:
    """Where the readings of each patient lie in a table sorted by patient, and how to pad them."""

    length: IntArray
    index: IntArray

    @classmethod
    def of(cls, rows: pl.DataFrame, ids: list[str]) -> _Padding:
        order = pl.DataFrame({"patient_id": ids})
        counts = order.join(
            rows.group_by("patient_id").len(), on="patient_id", how="left", maintain_order="left"
        )["len"].fill_null(0)
        length = counts.to_numpy().astype(np.int64)
        first = np.cumsum(length) - length
        place = np.minimum(np.arange(max(int(length.max()), 1)), np.maximum(length - 1, 0)[:, None])
        return cls(length, np.minimum(first[:, None] + place, max(rows.height - 1, 0)))

    def padded(self, column: pl.Series) -> FloatArray:
        """The column as a matrix, one row a patient, padded by the patient's last entry (0 without any)."""
        values = column.to_numpy().astype(np.float64)
        matrix: FloatArray = np.where(
            self.length[:, None] > 0, values[self.index] if values.size else 0.0, 0.0
        )
        return matrix


def _batch(
    rows: pl.DataFrame,
    visits: tuple[list[str], IntArray, FloatArray, FloatArray],
    quantities: list[str],
    off_by_patient: Mapping[str, OffIntervals],
) -> Batch:
    ids, length, day, new_lesion_day = visits
    on_weeks, off_weeks, off_now = exposure(day, ids, off_by_patient)
    series, counts = {}, {}
    for quantity in quantities:
        own = in_slots(rows.filter(pl.col("quantity") == quantity))
        slots = own["slot"].n_unique() or 1
        series[quantity] = tuple(
            _series(quantity, own.filter(pl.col("slot") == index), ids, off_by_patient)
            for index in range(slots)
        )
        counts[quantity] = tuple(_readings_up_to(part, day) for part in series[quantity])
    off = tuple(off_by_patient.get(patient_id, ()) for patient_id in ids)
    return Batch(ids, series, length, day, on_weeks, off_weeks, counts, off_now, off, new_lesion_day)


def in_slots(readings: pl.DataFrame) -> pl.DataFrame:
    """Readings of one quantity with `slot`, the number of their part: the first one read is 0, then by name.

    A part that is read later comes after the others, whatever its name, so that it changes neither the order in which
    numbers are added up nor which random numbers of a forecast are whose.
    """
    part = pl.col("part").fill_null("")
    return (
        readings.with_columns(part, first=pl.col("day").min().over("patient_id", part))
        .sort("patient_id", "first", "part", "day")
        .with_columns(part.rle_id().over("patient_id").cast(pl.Int64).alias("slot"))
        .drop("first")
    )


def _readings_up_to(series: Series, day: FloatArray) -> IntArray:
    """How many readings the series has up to each of these days, shape (P, V)."""
    known = np.arange(series.day.shape[1]) < series.length[:, None]
    counts: IntArray = (known[:, None, :] & (series.day[:, None, :] <= day[:, :, None])).sum(axis=2)
    return counts


def _series(
    quantity: str,
    rows: pl.DataFrame,
    ids: list[str],
    off_by_patient: Mapping[str, OffIntervals],
) -> Series:
    padding = _Padding.of(rows, ids)
    day, value, censoring = (padding.padded(rows[name]) for name in ("day", "value", "censoring"))
    limit = np.maximum.accumulate(padding.padded(rows["limit"].fill_null(0.0)), axis=1)
    is_sum = quantity == SUM_OF_DIAMETERS
    shown = np.maximum(np.where((censoring != 0) & is_sum, limit, value), SMALLEST_MARKER)
    on_weeks, off_weeks, _ = exposure(day, ids, off_by_patient)
    return Series(
        quantity=quantity,
        length=padding.length,
        day=day,
        on_weeks=on_weeks,
        off_weeks=off_weeks,
        value=value,
        log_value=np.log(shown),
        censoring=censoring.astype(np.int64),
        limit=limit,
        log_step=np.log(READING_STEP_MM / shown) if is_sum else np.full_like(shown, np.log(MARKER_STEP)),
    )
