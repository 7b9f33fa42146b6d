"""The statistician's page: every number of the view, as tables under their own column names."""

from __future__ import annotations

from dataclasses import asdict

import polars as pl

from turnpoint.charts.language import Language
from turnpoint.criteria.called_progression import CALLED_SCHEMA
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import snapshot
from turnpoint.reports.clinician import course_line, headlines
from turnpoint.reports.evidence_text import clinician_sentence
from turnpoint.reports.lesion_text import lesions_table
from turnpoint.reports.page import Into, page
from turnpoint.reports.provenance_text import fit_sentence, not_a_device, provenance_lines
from turnpoint.reports.tables import Table, frame_table
from turnpoint.reports.verdict_text import clinician_alert_rate

SETTLE_SHOWN = (
    "rank",
    "plan",
    "expected_information_bits",
    "standard_error_bits",
    "information_bit_weeks",
    "p_decided",
    "weeks",
    "scans",
    "blood_tests",
)
_COLUMNS_TOGETHER = 8  # what fits on a page beside the day


def statistician_page(view: PatientPicture, language: Language, into: Into = page) -> str:
    """The page as HTML."""
    snap = snapshot(view)
    provenance = view.provenance
    return into(
        "statistician.html",
        language,
        title=language.text("Patient {patient}", patient=view.patient_id),
        context=course_line(view, snap, language),
        **headlines(view, snap, language),
        evidence=[clinician_sentence(fact, language) for fact in view.evidence],
        lesions=lesions_table(view, language),
        tables=[table for table in _tables(view, language) if table.rows],
        small_print=[
            clinician_alert_rate(provenance, language),
            *provenance_lines(provenance, language),
            *fit_sentence(provenance, language),
        ],
        disclaimer=not_a_device(language),
    )


def _tables(view: PatientPicture, language: Language) -> list[Table]:
    text = language.text
    levels = {
        "baseline_mm": view.baseline_mm,
        "nadir_mm": view.nadir_mm,
        "partial_response_line_mm": view.partial_response_line_mm,
        "progression_line_mm": view.progression_line_mm,
    }
    gap = {} if view.progression_gap is None or view.called else asdict(view.progression_gap)
    facts = [
        (fact.code, name, value, ", ".join(fact.labels.values()))
        for fact in view.evidence
        for name, value in fact.numbers.items()
    ]
    fact_schema = {"code": pl.String, "name": pl.String, "value": pl.Float64, "labels": pl.String}
    return [
        frame_table(text("Levels"), _named(levels), language),
        frame_table(text("Progression called"), _called(view), language),
        frame_table(text("Distance to progression"), _named(gap), language),
        frame_table(text("Sums of diameters and responses"), view.sums, language),
        frame_table(text("Markers"), view.markers, language),
        *_in_parts(text("Assessment"), view.assessment.drop("patient_id", strict=False), language),
        *_in_parts(text("Diagnostics"), view.diagnostics.drop("patient_id", strict=False), language),
        frame_table(text("Chance of progression"), view.p_progression, language),
        frame_table(text("Day of progression"), view.progression_days, language),
        frame_table(
            text("What would settle it"),
            view.settle.select(SETTLE_SHOWN) if view.settle.height else view.settle,
            language,
        ),
        frame_table(text("Evidence"), pl.DataFrame(facts, schema=fact_schema, orient="row"), language),
        frame_table(text("Doses"), view.doses, language),
        frame_table(text("Adverse events"), view.events, language),
        frame_table(text("Fitted and forecast quantiles"), view.fan, language),
    ]


def _called(view: PatientPicture) -> pl.DataFrame:
    schema = {name: dtype for name, dtype in CALLED_SCHEMA.items() if name != "patient_id"}
    return pl.DataFrame([asdict(own) for own in view.called], schema=schema)


def _named(values: dict[str, float | None]) -> pl.DataFrame:
    schema = {"name": pl.String, "value": pl.Float64}
    return pl.DataFrame(list(values.items()), schema=schema, orient="row")


def _in_parts(caption: str, frame: pl.DataFrame, language: Language) -> list[Table]:
    """A frame too wide for a page, cut into tables that each begin with the day."""
    others = [name for name in frame.columns if name != "day"]
    starts = range(0, len(others), _COLUMNS_TOGETHER)
    return [
        frame_table(caption, frame.select("day", *others[start : start + _COLUMNS_TOGETHER]), language)
        for start in starts
    ]
