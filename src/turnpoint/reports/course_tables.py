"""The tables below the pictures: every visit, every dose, every adverse event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from turnpoint.charts.language import NOTHING, Language
from turnpoint.charts.marker import censored_value
from turnpoint.charts.states import STATE_NAMES
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.tables import Table, table

_MOST_MARKER_COLUMNS = 2
_STATES = ("responding", "plateau", "regrowing")


def visits_table(view: PatientPicture, language: Language) -> Table | None:
    """One row a day with any observation: what was read, what RECIST says, what the model says."""
    days = pl.concat([frame["day"].cast(pl.Int64) for frame in (view.sums, view.markers, view.assessment)])
    if days.is_empty():
        return None
    sums = {row["day"]: row for row in view.sums.iter_rows(named=True)}
    judged = {row["day"]: row for row in view.assessment.iter_rows(named=True)}
    names, marker_cells = _marker_columns(view.markers, language)
    columns = [
        (language.text("Week"), True),
        (language.text("Day"), True),
        (language.text("Sum, mm"), True),
        (language.text("From baseline"), True),
        (language.text("From nadir"), True),
        (language.text("RECIST"), False),
        *names,
        (language.text("Responding"), True),
        (language.text("Plateau"), True),
        (language.text("Regrowing"), True),
        (language.text("Verdict"), False),
        (language.text("Turning point passed"), True),
        (language.text("Alert"), False),
    ]
    used = [True] * 2 + [bool(sums)] * 4 + [True] * len(names) + [bool(judged)] * 6
    rows = []
    for day in days.unique().sort():
        cells = [
            language.week(day),
            language.number(day),
            *_sum_cells(sums.get(day, {}), language),
            *marker_cells.get(day, [NOTHING] * len(names)),
            *_assessment_cells(judged.get(day, {}), language),
        ]
        rows.append([cell for cell, shown in zip(cells, used, strict=True) if shown])
    shown_columns = [column for column, shown in zip(columns, used, strict=True) if shown]
    return table(language.text("Every visit"), shown_columns, rows)


def _marker_columns(
    markers: pl.DataFrame, language: Language
) -> tuple[list[tuple[str, bool]], dict[int, list[str]]]:
    """Headings and cells by day: a column a marker, or one for all where there are many."""
    names = [str(name) for name in markers["marker"].unique(maintain_order=True)]
    by_day: dict[int, dict[str, list[str]]] = {}
    for row in markers.sort("day", maintain_order=True).iter_rows(named=True):
        value = censored_value(row["value"], row["censoring"], language)
        by_day.setdefault(row["day"], {}).setdefault(str(row["marker"]), []).append(value)
    if len(names) <= _MOST_MARKER_COLUMNS:
        cells = {
            day: [language.listed(own.get(name, [])) or NOTHING for name in names]
            for day, own in by_day.items()
        }
        return [(name, True) for name in names], cells
    listed = {
        day: [language.listed([f"{name} {value}" for name, values in own.items() for value in values])]
        for day, own in by_day.items()
    }
    return [(language.text("Markers"), False)], listed


def _sum_cells(row: Mapping[str, Any], language: Language) -> list[str]:
    if not row:
        return [NOTHING] * 4
    response = row["overall_response"] or NOTHING
    if row["new_lesion"]:
        response += language.text(", new lesion")
    return [
        _size_cell(row, language),
        percent_change(row["change_from_baseline_pct"], language),
        percent_change(row["change_from_nadir_pct"], language),
        response,
    ]


def _size_cell(row: Mapping[str, Any], language: Language) -> str:
    """The sum; where nothing of it can be measured in words."""
    size = row["sum_of_diameters_mm"]
    if not row["censored"] or size is None:
        return language.number(size, 1)
    return language.text("gone") if size <= 0 else language.text("too small")


def _assessment_cells(row: Mapping[str, Any], language: Language) -> list[str]:
    if not row:
        return [NOTHING] * 6
    verdict = str(row["verdict"])
    return [
        *[language.chance(row[f"p_{state}"]) for state in _STATES],
        language.text(STATE_NAMES[verdict]) if verdict in STATE_NAMES else NOTHING,
        language.chance(row["p_turned"]),
        language.text("yes") if row["alert"] else language.text("no"),
    ]


def doses_table(view: PatientPicture, language: Language) -> Table | None:
    """Every dose; None without doses."""
    if view.doses.is_empty():
        return None
    columns = [
        (language.text("Week"), True),
        (language.text("Day"), True),
        (language.text("Drug"), False),
        (language.text("Dose"), True),
        (language.text("Action"), False),
    ]
    actions = {
        "given": language.text("given"),
        "start": language.text("start"),
        "stop": language.text("end"),
    }
    rows = [
        [
            language.week(day),
            language.number(day),
            drug,
            f"{language.measured(dose)} {unit or ''}".strip(),
            actions.get(action, action),
        ]
        for day, drug, dose, unit, action in view.doses.sort("day")
        .select("day", "drug", "dose", "unit", "action")
        .rows()
    ]
    return table(language.text("Treatment"), columns, rows)


def events_table(view: PatientPicture, language: Language) -> Table | None:
    """Every adverse event; None without events."""
    if view.events.is_empty():
        return None
    columns = [
        (language.text("Day"), True),
        (language.text("Last day"), True),
        (language.text("Event"), False),
        (language.text("Grade"), True),
    ]
    rows = [
        [language.number(day), language.number(end), term, language.number(grade)]
        for day, end, term, grade in view.events.sort("day").select("day", "end_day", "term", "grade").rows()
    ]
    return table(language.text("Adverse events"), columns, rows)


def percent_change(change_pct: float | None, language: Language) -> str:
    """A change in percent with its sign; a dash where there is none."""
    return language.signed_percent(None if change_pct is None else change_pct / 100.0)
