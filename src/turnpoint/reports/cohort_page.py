"""The cohort's page: how the patients did, and who was alerted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.charts.states import STATE_NAMES
from turnpoint.reports.called_text import KIND_NAMES
from turnpoint.reports.figures import cohort_figures
from turnpoint.reports.page import Into, page
from turnpoint.reports.places import lesion_name
from turnpoint.reports.provenance_text import not_a_device, provenance_lines
from turnpoint.reports.tables import Table, table
from turnpoint.reports.verdict_text import clinician_alert_rate
from turnpoint.reports.views import CohortView

MOST_ROWS = 500
_COUNT_NAMES = {
    "patients": mark("patients"),
    "visits": mark("visits"),
    "readings": mark("readings"),
    "alerts": mark("with an alert"),
    "progressions": mark("with progression"),
    "responses": mark("with a response"),
    "lesions": mark("lesion measurements"),
    "markers": mark("marker values"),
    "doses": mark("doses"),
    "events": mark("adverse events"),
    "new_lesions": mark("with a new lesion"),
    "assessed": mark("assessed"),
}


def cohort_page(view: CohortView, language: Language, into: Into = page) -> str:
    """The page as HTML."""
    small_print = []
    for provenance in view.provenance:
        small_print += [
            *provenance_lines(provenance, language),
            clinician_alert_rate(provenance, language),
        ]
    return into(
        "cohort.html",
        language,
        title=language.text("Study {study}", study=view.study_name),
        counts=[
            (
                language.number(count),
                language.text(_COUNT_NAMES[name]) if name in _COUNT_NAMES else name.replace("_", " "),
            )
            for name, count in view.counts.items()
        ],
        verdicts=_verdicts(view.verdicts, language),
        called=_called_line(view.called, language),
        called_table=_called_table(view.called, language),
        called_left_out=max(0, view.called.height - MOST_ROWS),
        figures=cohort_figures(view, language),
        alerts=_alerts_table(view.alerts, language),
        alerts_left_out=max(0, view.alerts.height - MOST_ROWS),
        rows_shown=MOST_ROWS,
        small_print=small_print,
        disclaimer=not_a_device(language),
    )


def _verdicts(verdicts: pl.DataFrame, language: Language) -> list[tuple[str, str, str, float]]:
    """State, name, count and share of each verdict at the last visit, in the order of a course."""
    counts: dict[str, int] = dict(verdicts.select("verdict", "patients").rows())
    total = sum(counts.values())
    return [
        (verdict, language.text(name), language.number(counts[verdict]), counts[verdict] / total)
        for verdict, name in STATE_NAMES.items()
        if counts.get(verdict)
    ]


def _called_line(called: pl.DataFrame, language: Language) -> str:
    """How many patients' progression has been called, and by what."""
    if called.is_empty():
        return language.text("No progression has been called.")
    counts = dict(called.unique(["patient_id", "kind"])["kind"].value_counts().iter_rows())
    by = [
        language.text("{kind} {count}", kind=language.text(name), count=language.number(counts[kind]))
        for kind, name in KIND_NAMES.items()
        if kind in counts
    ]
    return language.plural(
        "Progression has been called in {count} patient: {by}.",
        "Progression has been called in {count} patients: {by}.",
        called["patient_id"].n_unique(),
        by=language.listed(by),
    )


def _called_table(called: pl.DataFrame, language: Language) -> Table | None:
    if called.is_empty():
        return None
    columns = [
        (language.text("Patient"), False),
        (language.text("Week"), True),
        (language.text("Called by"), False),
        (language.text("Lesion or marker"), False),
        (language.text("Value"), True),
    ]
    rows = [
        [
            str(row["patient_id"]),
            language.week(row["day"]),
            _kind(row, language),
            lesion_name(row["lesion_id"] or "", row["site"], language) or NOTHING,
            NOTHING if row["value"] is None else f"{language.measured(row['value'])} {row['unit']}",
        ]
        for row in called.sort("day", "patient_id").head(MOST_ROWS).iter_rows(named=True)
    ]
    return table(language.text("Patients with progression"), columns, rows)


def _kind(row: Mapping[str, Any], language: Language) -> str:
    kind = str(row["kind"])
    return language.text(KIND_NAMES[kind])


def _alerts_table(alerts: pl.DataFrame, language: Language) -> Table | None:
    if alerts.is_empty():
        return None
    columns = [
        (language.text("Patient"), False),
        (language.text("First alert, week"), True),
        (language.text("Verdict"), False),
        (language.text("Turning point passed"), True),
        (language.text("Progression, week"), True),
        (language.text("Lead, days"), True),
    ]
    rows = []
    for row in alerts.sort("alert_day").head(MOST_ROWS).iter_rows(named=True):
        verdict = str(row["verdict"])
        rows.append(
            [
                str(row["patient_id"]),
                language.week(row["alert_day"]),
                language.text(STATE_NAMES[verdict]) if verdict in STATE_NAMES else NOTHING,
                language.chance(row["p_turned"]),
                language.week(row["progression_day"]),
                language.number(row["lead_days"]),
            ]
        )
    return table(language.text("Patients with an alert"), columns, rows)
