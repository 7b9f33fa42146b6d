"""Progression-free survival, with its censoring.

Source: FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018), appendix C, and Eisenhauer
et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.5. The rules:

1. The event is the first progression that counts (`best_response`, rule 1), or death when that comes first.
2. Without an event the time is censored at the last evaluable visit; without one after baseline, at day 0.
3. After the start of a new therapy nothing is an event: the time is censored at the last evaluable visit up to it.
4. By option, an event after more than `most_missed_visits` missed visits in a row is none: it is censored at the last
   evaluable visit before them. Progression is found at a planned visit, so that n intervals after the last evaluable
   visit n - 1 were missed, n rounded to the nearest; death comes between visits, and every whole interval before it
   is a missed one. A visit that could not be evaluated is a missed one.

Days are counted from day 0, the start of the course; a day-1 convention (ADaM) adds one.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import with_course
from turnpoint.criteria.labels import LABEL
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.study.study import Study

PROGRESSION_FREE_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "progression_free_days": pl.Int64,
    "event": pl.Boolean,
    "reason": pl.String,
    "last_evaluable_day": pl.Int64,
    "death_day": pl.Int64,
    "new_therapy_day": pl.Int64,
}
_FATAL_GRADE = 5


def deaths(study: Study) -> pl.DataFrame:
    """`patient_id, death_day` of the patients who died: as `patients` says, else the end of an event of grade 5."""
    told = study.patients.select("patient_id", "death_day").drop_nulls()
    fatal = (
        study.events.filter(pl.col("grade") == _FATAL_GRADE)
        .group_by("patient_id")
        .agg(pl.coalesce("end_day", "day").min().alias("death_day"))
        .join(told, on="patient_id", how="anti")
    )
    return pl.concat([told, fatal]).sort("patient_id")


def progression_free_survival(
    responses: pl.DataFrame,
    deaths: pl.DataFrame,
    new_therapy: pl.DataFrame,
    rules: ProtocolRules = ProtocolRules(),
) -> pl.DataFrame:
    """Progression-free survival of every patient and reader.

    Args:
        responses: `patient_id, reader, day, overall_response`, null at the baseline and before it.
        deaths: `patient_id, death_day`.
        new_therapy: `patient_id, new_therapy_day`.
        rules: what the protocol sets.

    Returns:
        `patient_id, reader, progression_free_days, event, reason, last_evaluable_day, death_day, new_therapy_day`.
        `reason` is `progression` or `death` for an event; of a censored time it is `no_event`, `new_therapy`,
        `missed_visits` or `no_evaluable_visit`. `last_evaluable_day` is the last before the event.
    """
    visits = with_course(
        responses.select("patient_id", "reader", "day", pl.col("overall_response").cast(LABEL))
    )
    courses = visits.group_by("course", maintain_order=True).agg(pl.col("patient_id", "reader").first())
    day, overall = pl.col("day"), pl.col("overall_response")
    judged = (
        visits.drop_nulls("overall_response")
        .join(new_therapy, on="patient_id", how="left", maintain_order="left")
        .filter(pl.col("new_therapy_day").is_null() | (day <= pl.col("new_therapy_day")))
        .with_columns(pl.when(overall == "PD").then(day).min().over("course").alias("progression_day"))
    )
    before = pl.col("progression_day").is_null() | (day < pl.col("progression_day"))
    found = judged.group_by("course").agg(
        pl.col("progression_day").first(),
        pl.when((overall != "NE") & before).then(day).max().alias("last_evaluable_day"),
    )
    frame = (
        courses.join(found, on="course", how="left", maintain_order="left")
        .join(deaths, on="patient_id", how="left", maintain_order="left")
        .join(new_therapy, on="patient_id", how="left", maintain_order="left")
    )
    return _judged(frame, rules, _interval_days(visits, rules))


def _judged(frame: pl.DataFrame, rules: ProtocolRules, interval_days: float | None) -> pl.DataFrame:
    progression, death, therapy = pl.col("progression_day"), pl.col("death_day"), pl.col("new_therapy_day")
    counts = death.is_not_null() & (therapy.is_null() | (death <= therapy))
    died_first = counts & (progression.is_null() | (death < progression))
    last = pl.max_horizontal(pl.col("last_evaluable_day"), 0)
    event_day = pl.when(died_first).then(death).otherwise(progression)
    since = event_day - pl.col("last_evaluable_day").fill_null(0)
    if rules.most_missed_visits is None or interval_days is None:
        too_late = pl.lit(value=False)
    else:
        intervals = since / interval_days
        missed = pl.when(died_first).then(intervals.floor()).otherwise(intervals.round() - 1.0)
        too_late = missed > rules.most_missed_visits
    reason = (
        pl.when(event_day.is_not_null() & too_late)
        .then(pl.lit("missed_visits"))
        .when(died_first)
        .then(pl.lit("death"))
        .when(progression.is_not_null())
        .then(pl.lit("progression"))
        .when(pl.col("last_evaluable_day").is_null())
        .then(pl.lit("no_evaluable_visit"))
        .when(therapy.is_not_null())
        .then(pl.lit("new_therapy"))
        .otherwise(pl.lit("no_event"))
    )
    return (
        frame.with_columns(reason.alias("reason"))
        .with_columns(pl.col("reason").is_in(["progression", "death"]).alias("event"))
        .with_columns(pl.when("event").then(event_day).otherwise(last).alias("progression_free_days"))
        .select(pl.col(name).cast(dtype) for name, dtype in PROGRESSION_FREE_SCHEMA.items())
    )


def _interval_days(visits: pl.DataFrame, rules: ProtocolRules) -> float | None:
    """Days between visits: as planned, or the median of the study's; None when no patient has two."""
    if rules.visit_interval_days is not None or rules.most_missed_visits is None:
        return rules.visit_interval_days
    gaps = visits.filter(pl.col("day") >= 0).select(pl.col("day").diff().over("course").median())
    median = gaps.item()
    return float(median) if median else None
