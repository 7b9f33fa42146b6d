"""A course: a patient as one reader saw them, which is what every set of criteria judges."""

from __future__ import annotations

import polars as pl

PATIENT = ["patient_id", "reader"]
VISIT = [*PATIENT, "day"]


def with_course(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame sorted by patient, reader and day, with `course` counted from 1.

    A course is a patient as one reader saw them. Whole numbers instead of texts as keys make every later step
    several times faster.
    """
    patient, reader, day = pl.col("patient_id"), pl.col("reader"), pl.col("day")
    before = patient.shift(1)
    ordered = (before < patient) | ((before == patient) & (day.shift(1) <= day))
    in_order = pl.all_horizontal(reader.is_null().all(), ordered.fill_null(value=True).all())
    if frame.is_empty() or not frame.select(in_order).item():
        frame = frame.sort(VISIT, nulls_last=False, maintain_order=True)
    changed = (pl.col(name).ne_missing(pl.col(name).shift(1)) for name in PATIENT)
    first = pl.int_range(pl.len()) == 0
    course = pl.any_horizontal(*changed, first).cum_sum().cast(pl.Int64)
    return frame.with_columns(course.set_sorted().alias("course"))
