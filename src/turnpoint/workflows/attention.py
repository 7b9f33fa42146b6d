"""What a list of patients says of each: the state at the last visit, and what about it asks for attention first."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.model.series import chosen_readers, of_reader
from turnpoint.study.study import Study
from turnpoint.workflows.assess import Assessment, assess
from turnpoint.workflows.respond import called, respond

# Most urgent first; a patient has the first that holds.
REASONS: Final = (
    "progressed_now",
    "alert_now",
    "alert_withdrawn",
    "alert_stands",
    "cannot_tell",
    "progressed_before",
    "none",
)
POINTS: Final = 12

# What a cohort's page needs of each patient's assessment.
ENDS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "patient_id": pl.String(),
    "verdict": pl.String(),
    "last_day": pl.Int64(),
    "visits": pl.Int64(),
    "alert_day": pl.Int64(),
    "alert_verdict": pl.String(),
    "alert_p_turned": pl.Float64(),
}
ATTENTION_SCHEMA: Final[dict[str, pl.DataType]] = {
    **ENDS_SCHEMA,
    "reason": pl.String(),
    "p_turned": pl.Float64(),
    "p_progression_24w": pl.Float64(),
    "progressed_day": pl.Int64(),
    "due_day": pl.Int64(),
    "course": pl.List(pl.Float64()),
    "course_days": pl.List(pl.Int64()),
}


def ends_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Where each patient's assessment has come to, and their first alert.

    Args:
        frame: `Assessment.frame`.

    Returns:
        Columns `ENDS_SCHEMA`, one row a patient with a visit, sorted: `verdict` and `last_day` are of the last visit;
        `alert_...` of the first one with an alert, missing without any.
    """
    rows = frame.sort("patient_id", "day")
    first = rows.filter(pl.col("alert")).group_by("patient_id", maintain_order=True).first()
    alerts = first.select("patient_id", alert_day="day", alert_verdict="verdict", alert_p_turned="p_turned")
    last = rows.group_by("patient_id", maintain_order=True).agg(
        pl.col("verdict").last(), last_day=pl.col("day").last(), visits=pl.len()
    )
    joined = last.join(alerts, on="patient_id", how="left")
    return joined.select(pl.col(name).cast(kind) for name, kind in ENDS_SCHEMA.items())


def attention(study: Study, assessment: Assessment | None = None) -> pl.DataFrame:
    """One row a patient.

    Args:
        study: the patients.
        assessment: of the study, where there is one; by default it is made.

    Returns:
        Columns `ATTENTION_SCHEMA`, those of `ends_of` first: `reason` is one of `REASONS`; `due_day` is the last visit
        and once more the time that usually passed between this patient's visits (missing after one visit); `course` are
        the last `POINTS` sums of diameters, or values of the marker with most of them, relative to the first.

    Raises:
        StudyError, PriorError: as `assess`.
    """
    found = assessment or assess(study)
    rows = found.frame.sort("patient_id", "day").group_by("patient_id", maintain_order=True)
    at_the_end = rows.agg(
        pl.col("p_turned", "p_progression_24w", "alert").last(),
        alert_before=pl.col("alert").slice(-2, 1).first() & (pl.len() > 1),
        gap=pl.col("day").diff().median(),
    )
    progressed = called(study).group_by("patient_id").agg(progressed_day=pl.col("known_day").min())
    alert, before = pl.col("alert").fill_null(value=False), pl.col("alert_before").fill_null(value=False)
    has_progressed = pl.col("progressed_day").is_not_null()
    reason = (
        pl.when(has_progressed & (pl.col("progressed_day") >= pl.col("last_day")))
        .then(pl.lit("progressed_now"))
        .when(has_progressed)
        .then(pl.lit("progressed_before"))
        .when(alert & ~before)
        .then(pl.lit("alert_now"))
        .when(~alert & before)
        .then(pl.lit("alert_withdrawn"))
        .when(alert)
        .then(pl.lit("alert_stands"))
        .when(pl.col("verdict") == "undetermined")
        .then(pl.lit("cannot_tell"))
        .otherwise(pl.lit("none"))
    )
    return (
        study.patients.select("patient_id")
        .join(ends_of(found.frame), on="patient_id", how="left")
        .join(at_the_end, on="patient_id", how="left")
        .join(progressed, on="patient_id", how="left")
        .join(_courses(study), on="patient_id", how="left")
        .with_columns(
            reason=pl.when(pl.col("visits").is_null()).then(pl.lit("cannot_tell")).otherwise(reason),
            visits=pl.col("visits").fill_null(0),
            due_day=(pl.col("last_day") + pl.col("gap")).round().cast(pl.Int64),
        )
        .select(pl.col(name).cast(kind) for name, kind in ATTENTION_SCHEMA.items())
        .sort("patient_id")
    )


def _courses(study: Study) -> pl.DataFrame:
    """The small picture of each patient."""
    sums = of_reader(respond(study).responses, chosen_readers(study.lesions)).select(
        "patient_id", "day", value="sum_of_diameters_mm", quantity=pl.lit("")
    )
    markers = study.markers.select("patient_id", "day", "value", quantity="marker")
    every = pl.concat([sums.drop_nulls(), markers])
    most = (
        every.group_by("patient_id", "quantity")
        .len()
        .sort("patient_id", pl.col("quantity") != "", -pl.col("len").cast(pl.Int64), "quantity")
        .unique("patient_id", keep="first", maintain_order=True)
    )
    first = pl.col("value").first()
    return (
        every.join(most, on=("patient_id", "quantity"))
        .sort("patient_id", "day")
        .group_by("patient_id", maintain_order=True)
        .agg(
            course=pl.when(first > 0).then(pl.col("value") / first).otherwise(pl.col("value")).tail(POINTS),
            course_days=pl.col("day").tail(POINTS),
        )
    )
