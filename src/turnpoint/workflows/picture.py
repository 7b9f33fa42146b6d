"""The picture of one patient: all that is said about them at a visit, from one pass through one bank of particles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from turnpoint.criteria.called_progression import called_of
from turnpoint.criteria.protocol import ContinuingResponse, ProtocolRules
from turnpoint.criteria.recist import PARTIAL_RESPONSE_RATIO, TOO_SMALL_MM, nothing_left, target_diameters
from turnpoint.errors import UsageError
from turnpoint.kinetics.progression_gap import ProgressionGap, progression_gap
from turnpoint.model.filter import DEFAULT_PARTICLES
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.series import chosen_readers, of_reader, parts_of
from turnpoint.pictures.patient import PatientPicture
from turnpoint.study.study import Study
from turnpoint.turning.detectable import reading_sd_mm
from turnpoint.turning.evidence import cause_is_prior, gather_evidence, week_first_read
from turnpoint.turning.fan import fan
from turnpoint.turning.lesion_courses import lesion_courses, parted_ways
from turnpoint.turning.progression_ahead import HORIZONS_WEEKS
from turnpoint.turning.series_facts import series_facts
from turnpoint.workflows.ahead import ahead_of
from turnpoint.workflows.assess import Asked, assessment_of, judged_rows, read_so_far
from turnpoint.workflows.course import course_of
from turnpoint.workflows.harm_picture import harm_picture
from turnpoint.workflows.priors import usable_readings
from turnpoint.workflows.provenance import provenance
from turnpoint.workflows.respond import called, lesions_of_one_reader, respond
from turnpoint.workflows.settle import SETTLE_SCHEMA, plans_from


def picture(
    study: Study,
    patient_id: str,
    prior: str | Path | Prior | None = None,
    *,
    at: int | None = None,
    false_alerts_per_100: float | None = None,
    seed: int = 0,
    particles: int = DEFAULT_PARTICLES,
    continuing_response: ContinuingResponse = "time-point",
) -> PatientPicture:
    """Everything that is said about one patient, as it was known on a day.

    Args:
        study: with the patient.
        patient_id: whose picture.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        at: what was recorded later is not looked at; by default all that is known is.
        false_alerts_per_100: as for `assess`.
        seed: of all that is drawn; the same seed gives the same picture.
        particles: size of the bank.
        continuing_response: as in `ProtocolRules`: what a visit of SD after a confirmed PR is.

    Returns:
        The picture. Its numbers are those of `assess`, `respond`, `ahead`, `settle` and `harm` for the patient.

    Raises:
        UsageError: no such patient, or nothing was recorded of them by that day.
        StudyError: nothing of the patient can be used.
        PriorError: the prior cannot be read or knows none of the patient's quantities.
    """
    rules = ProtocolRules(continuing_response=continuing_response)
    if patient_id not in set(study.patient_ids):
        raise UsageError(f"--patient: no such patient among the {len(study.patient_ids)} of the study.")
    own = study.only([patient_id])
    if at is not None:
        own = known_by(own, at)
    readings = usable_readings(own)
    stretches = read_so_far(own, prior, false_alerts_per_100)
    courses = [course_of(part.study, part.prior, seed=seed, particles=particles) for part in stretches]
    progressions = called(own)
    assessment = assessment_of(own, stretches, [judged_rows(course.rows) for course in courses], progressions)
    last_day = assessment.frame["day"].max()
    place = next(index for index, part in enumerate(stretches) if last_day in part.visits["day"])
    chosen, course = stretches[place].prior, courses[place]

    rows, diagnostics = assessment.frame, assessment.diagnostics
    lesions = lesions_of_one_reader(own)
    facts = series_facts(parts_of(own), chosen)
    lesion_table = lesion_courses(lesions, facts)
    sites = {lesion.lesion_id: lesion.site for lesion in lesion_table}
    sums = _sums(
        of_reader(respond(own, rules=rules).responses, chosen_readers(own.lesions)), readings, lesions
    )
    last_sum = sums.drop_nulls("sum_of_diameters_mm").tail(1)
    gap = _gap(last_sum)
    judged = rows.join(diagnostics, on="day", suffix="_again").row(-1, named=True)
    ahead = ahead_of(course, progressions)
    patient = own.patients.row(0, named=True)
    return PatientPicture(
        patient_id=patient_id,
        study_name=own.name,
        tumour_type=patient["tumour_type"],
        regimen=_regimen(own, patient["arm"]),
        sums=sums,
        baseline_mm=None if gap is None else float(last_sum["baseline_mm"][0]),
        nadir_mm=None if gap is None else gap.nadir_mm,
        partial_response_line_mm=None
        if gap is None
        else PARTIAL_RESPONSE_RATIO * float(last_sum["baseline_mm"][0]),
        progression_line_mm=None if gap is None else gap.progression_sum_mm,
        markers=own.markers.select("day", "marker", "value", "unit", "censoring", "upper_limit"),
        doses=own.doses.select("day", "drug", "dose", "unit", "action"),
        events=own.events.select("day", "end_day", "term", "grade"),
        assessment=rows,
        diagnostics=diagnostics,
        fan=fan(course.posterior, chosen, seed),
        p_progression=_chances(ahead, has_baseline=gap is not None),
        progression_days=ahead.select(
            "quantity", pl.col("^progression_day_q.*$").name.replace("progression_day_", "")
        ),
        settle=pl.DataFrame(schema=SETTLE_SCHEMA)
        if progressions.height
        else plans_from(course.at_the_end, chosen, patient_id, seed=seed),
        progression_gap=gap,
        evidence=gather_evidence(facts, sites, judged, _off(own, judged)),
        provenance=provenance(chosen, patient["tumour_type"], continuing_response),
        harm=harm_picture(own, patient_id, course.posterior, chosen)
        if own.doses.height or own.events.height
        else None,
        called=called_of(progressions, patient_id),
        lesions=lesion_table,
        parted=parted_ways(facts, sites),
        nothing_left=nothing_left(sums, own.markers),
        cause_is_prior=cause_is_prior(facts, judged),
        week_regrowth_read=week_first_read(diagnostics),
    )


def picture_as(study: Study, patient_id: str, asked: Asked) -> PatientPicture:
    """The picture of one patient with the numbers of an assessment."""
    return picture(study, patient_id, **asked.arguments)


def known_by(study: Study, day: int) -> Study:
    """The study with what had been recorded by a day.

    Raises:
        UsageError: nothing had.
    """
    tables = {
        name: getattr(study, name).filter(pl.col("day") <= day)
        for name in ("lesions", "markers", "doses", "events")
    }
    if tables["lesions"].is_empty() and tables["markers"].is_empty():
        raise UsageError(
            f"--at {day}: nothing had been measured by that day. Give a day of a visit, or later."
        )
    return replace(study, **tables)


def _chances(ahead: pl.DataFrame, *, has_baseline: bool) -> pl.DataFrame:
    """`quantity, weeks, p_progression`; none of a sum without a baseline, that cannot be called progression."""
    weeks = {f"p_progression_{weeks}w": weeks for weeks in HORIZONS_WEEKS}
    kept = pl.lit(has_baseline) | (pl.col("quantity") != SUM_OF_DIAMETERS)
    return (
        ahead.unpivot(list(weeks), index="quantity", variable_name="weeks", value_name="p_progression")
        .with_columns(
            pl.col("weeks").replace_strict(weeks, return_dtype=pl.Int64),
            pl.when(kept).then("p_progression").alias("p_progression"),
        )
        .sort("quantity", "weeks")
    )


def _sums(responses: pl.DataFrame, readings: pl.DataFrame, lesions: pl.DataFrame) -> pl.DataFrame:
    """The sum of diameters by visit with its response, for the picture and the table of visits."""
    censored = readings.filter(pl.col("quantity") == SUM_OF_DIAMETERS).select(
        "patient_id", "day", (pl.col("censoring") < 0).alias("censored")
    )
    return (
        responses.join(censored, on=["patient_id", "day"], how="left", maintain_order="left")
        .join(_reading_errors(lesions), on="day", how="left", maintain_order="left")
        .with_columns(pl.col("censored").fill_null(value=False))
        .select(
            "day",
            "sum_of_diameters_mm",
            "censored",
            "reading_sd_mm",
            "baseline_mm",
            "nadir_mm",
            "change_from_baseline_pct",
            "change_from_nadir_pct",
            "target_response",
            "overall_response",
            "new_lesion",
        )
        .sort("day")
    )


def _reading_errors(lesions: pl.DataFrame) -> pl.DataFrame:
    """`day, reading_sd_mm`: SD of the error of each sum, lesion by lesion and summed as independent errors."""
    read = target_diameters(lesions).select("day", pl.col("diameter_mm").clip(TOO_SMALL_MM))
    sd = reading_sd_mm(read["diameter_mm"].to_numpy().astype(np.float64))
    squared = read.select("day", pl.Series("squared", sd**2, pl.Float64))
    return squared.group_by("day").agg(pl.col("squared").sum().sqrt().alias("reading_sd_mm"))


def _gap(last: pl.DataFrame) -> ProgressionGap | None:
    """What RECIST waits for, from the last visit with a sum; None without one."""
    if last.is_empty() or last["baseline_mm"][0] is None:
        return None
    sum_mm = float(last["sum_of_diameters_mm"][0])
    earlier = last["nadir_mm"][0]
    return progression_gap(sum_mm, sum_mm if earlier is None else min(sum_mm, float(earlier)))


def _regimen(study: Study, arm: str | None) -> str | None:
    drugs = study.doses.filter(pl.col("action") != "stop")["drug"].unique().sort().to_list()
    return ", ".join(drugs) if drugs else arm


def _off(study: Study, last: Mapping[str, Any]) -> tuple[float, str] | None:
    """The week of the last dose and which drugs there were, where none is on at the last visit."""
    if not last["off_treatment"]:
        return None
    known = study.doses.filter(pl.col("day") <= last["day"])
    drugs = known["drug"].drop_nulls().unique().sort().to_list()
    week = known["day"].max()
    return (float(week) / 7.0 if isinstance(week, int | float) else 0.0), ", ".join(drugs)
