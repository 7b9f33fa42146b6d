"""The main job on the bundled real data: read, respond, assess, report."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.charts.svg import start_renderer
from turnpoint.reports.booklet import booklet
from turnpoint.reports.catalogue import language
from turnpoint.reports.rendering import render_cohort, render_patient
from turnpoint.reports.views import CohortView
from turnpoint.study.reading import read
from turnpoint.turning.alerts import FOLLOWED_WEEKS, SEEN_WEEKS
from turnpoint.workflows.assess import Assessment, assess
from turnpoint.workflows.picture import picture_as
from turnpoint.workflows.report import Report, cohort_view

REPORT_NAME = "turnpoint-report.html"

# dataset folder, title
STUDIES = (
    ("oak-docetaxel", "Docetaxel, lung cancer, CT (OAK)"),
    ("ascent2-docetaxel-psa", "Docetaxel, prostate cancer, PSA (ASCENT-2)"),
)


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo found.

    Attributes:
        summary: lines for the terminal.
        report_path: the self-contained HTML report.
    """

    summary: tuple[str, ...]
    report_path: Path


def demo(out_dir: Path | None = None) -> DemoResult:
    """Assess the bundled studies and write one self-contained report of both.

    For each study the report has the cohort and one patient: the one alerted longest before their
    criterion called progression, or the first alerted when there is none.

    Args:
        out_dir: where the report is written; the current folder by default.
    """
    start_renderer()
    lines: list[str] = []
    pages: list[tuple[str, str]] = []
    for dataset, title in STUDIES:
        with resources.as_file(resources.files("turnpoint") / "datasets" / dataset) as folder:
            study = read(folder)
        assessment = assess(study)
        cohort = cohort_view(assessment)
        pages.append((title, render_cohort(cohort, "en")))
        shown = _example(cohort)
        if shown is not None:
            view = picture_as(study, shown, assessment.asked)
            pages.append((f"{title}: one patient, for the oncologist", render_patient(view, "clinician")))
            pages.append((f"{title}: the same, for the patient", render_patient(view, "patient")))
        lines += _summary(title, assessment, cohort)
    path = (Path.cwd() if out_dir is None else Path(out_dir)) / REPORT_NAME
    written = Report(booklet("Turnpoint on the bundled studies", pages, language("en"))).save(path)
    return DemoResult(tuple(lines), written)


def _example(cohort: CohortView) -> str | None:
    """The patient to show: the longest lead of an alert over the criterion's progression."""
    ranked = cohort.alerts.sort("lead_days", descending=True, nulls_last=True)
    return None if ranked.is_empty() else str(ranked["patient_id"][0])


def _unfollowed(cohort: CohortView) -> int:
    """Patients without progression who were seen for long enough after their first alert."""
    seen_days = pl.col("last_day") - pl.col("alert_day")
    without = pl.col("progression_day").is_null() & (seen_days >= 7 * SEEN_WEEKS)
    return cohort.swimmer.filter(without).height


def _summary(title: str, assessment: Assessment, cohort: CohortView) -> list[str]:
    """What the terminal says about one study."""
    counts = cohort.counts
    leads = cohort.alerts["lead_days"].drop_nulls()
    verdicts = ", ".join(
        f"{patients} {verdict}"
        for verdict, patients in cohort.verdicts.sort("patients", descending=True).rows()
    )
    ahead = leads.filter(leads > 0)
    alert = next(iter(assessment.priors.values())).alert
    late = (leads <= 0).sum()
    lead = f" (median {np.median(ahead.to_numpy()):.0f} days before)" if ahead.len() else ""
    lines = [
        title,
        f"  {counts['patients']} patients, {counts['visits']} visits, progression in {counts['progressions']}",
        f"  at the last visit: {verdicts}",
        f"  alerts in {counts['alerts']} patients: {ahead.len()} before progression{lead}, {late} with or after it, "
        f"{counts['alerts'] - leads.len()} without progression so far, {_unfollowed(cohort)} of them seen for "
        f"{SEEN_WEEKS} weeks or more after it",
    ]
    judged = alert.followed + alert.unfollowed
    if judged:
        lines.append(
            f"  alert from a chance of {alert.threshold:.2f} of progression within {FOLLOWED_WEEKS} weeks: of {judged} "
            f"such alerts in patients left out of the fit {alert.followed} were followed by it"
        )
    return [*lines, ""]
