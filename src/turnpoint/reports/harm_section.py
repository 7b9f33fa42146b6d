"""Benefit and harm side by side, as the clinician's page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from turnpoint.charts import next_cycle as chart
from turnpoint.charts.canvas import COURSE
from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.charts.week_axis import Panel, WeekAxis
from turnpoint.pictures.harm import HarmPicture
from turnpoint.reports.figure import Figure
from turnpoint.reports.tables import Table, table

_MOST_PROBLEMS = 3
_KINDS = {
    "cardiotoxicity": mark("heart"),
    "neuropathy": mark("nerves"),
    "lung toxicity": mark("lungs"),
    "fluid retention": mark("fluid retention"),
}
_CONDITIONS = {
    "radiotherapy near the heart, or other cardiotoxic drugs": mark(
        "radiotherapy near the heart, or other cardiotoxic drugs"
    ),
}
_MISSING = {
    "body_surface_area": mark("body size not recorded"),
    "other_unit": mark("recorded in another unit"),
    "no_limit": mark("no limit listed"),
}


@dataclass(frozen=True, slots=True)
class ClinicianHarm:
    """The clinician's section: words, one figure, tables."""

    problems: list[str]
    expected: list[str]
    balance: list[str]
    unresolved: list[str]
    figure: Figure | None
    ledger: Table | None
    events: Table | None
    by_cycle: Table | None
    notes: list[str]


def clinician_harm(view: HarmPicture, language: Language) -> ClinicianHarm:
    """The section of the clinician's page; `templates/harm_clinician.html` shows it."""
    return ClinicianHarm(
        problems=_problem_sentences(view, language),
        expected=expected_sentences(view, language),
        balance=_balance(view, language),
        unresolved=_unresolved(view, language),
        figure=next_cycle_figure(view, language),
        ledger=_ledger_table(view, language),
        events=_events_table(view, language),
        by_cycle=_by_cycle_table(view, language),
        notes=_notes(view, language),
    )


def expected_sentences(view: HarmPicture, language: Language) -> list[str]:
    """What the next cycle is expected to do, going on and for contrast pausing."""
    rows = {row["scenario"]: row for row in view.next_cycle.iter_rows(named=True)}
    if "continue" not in rows:
        return []
    on, off = rows["continue"], rows["pause"]
    weeks = language.weeks((on["to_day"] - on["from_day"]) / 7.0)
    sentences = [
        language.text(
            "If the regimen goes on for one more cycle ({weeks}): living tumour {change}; chance that it shrinks "
            "{chance}.",
            weeks=weeks,
            change=_interval(on, "living_change_pct", language),
            chance=language.chance(on["p_shrinks"]),
        ),
        language.text(
            "Its resistant part: {change}. In the model the drugs do not act on it, so a pause does not change it.",
            change=_interval(on, "resistant_change_pct", language),
        ),
        language.text(
            "For contrast, with a pause of the same length: living tumour {change}.",
            change=_interval(off, "living_change_pct", language),
        ),
    ]
    return sentences + _added(view, language)


def next_cycle_figure(view: HarmPicture, language: Language) -> Figure | None:
    """The chart by cycle; None without a reading."""
    if view.course.is_empty() or view.cycles.is_empty():
        return None
    ends = view.cycles.select(pl.col("end_day").alias("day"))
    axis = WeekAxis.over([view.course, ends], view.last_visit_day)
    heading = language.text("Living tumour by cycle, percent of the start")
    caption = language.text(
        "Estimates from all data up to the last visit; bands hold 90%. Shaded: the next cycle if the regimen goes on. "
        "Dashed lines at 100%: above, the start; below, the limit. Circles: cumulative dose after the next cycle."
    )
    panel = Panel(axis, COURSE, language)
    return Figure(
        "next-cycle",
        heading,
        caption,
        chart.describe(view.course, view.shares, language),
        chart.next_cycle(view.course, view.cycles, view.shares, panel),
    )


def _interval(row: Mapping[str, Any], name: str, language: Language) -> str:
    """`−12% (90% interval −20% to −3%)`."""
    low, middle, high = (
        language.signed_percent(row[f"{name}_{level}"] / 100.0) for level in ("q05", "q50", "q95")
    )
    return language.text("{middle} (90% interval {low} to {high})", low=low, middle=middle, high=high)


def _added(view: HarmPicture, language: Language) -> list[str]:
    """What the next cycle adds to each drug with a share; the closest to its limit first."""
    always = pl.col("condition") == ""
    known = view.ledger.filter(pl.col("share").is_not_null() & always).sort("share", descending=True)
    return [
        language.text(
            "It would add {added} {unit} of {drug}: from {now} to {after} of {limit}.",
            added=language.measured(row["next_cycle"]),
            unit=row["unit"],
            drug=row["drug"],
            now=language.percent(row["share"]),
            after=language.percent(row["share_after_next_cycle"]),
            limit=_limit_words(row, language),
        )
        for row in known.unique("drug", keep="first", maintain_order=True).iter_rows(named=True)
        if row["next_cycle"]
    ]


def _limit_words(row: Mapping[str, Any], language: Language) -> str:
    """`the limit of 550 mg/m2 (heart)`, and whether it was checked."""
    message = (
        mark("the limit of {limit} {unit} ({kind})")
        if row["means"] == "limit"
        else mark("the threshold of {limit} {unit} ({kind})")
    )
    said = language.text(
        message,
        limit=language.number(row["limit"], 1),
        unit=row["unit"],
        kind=harm_name(row["kind"], language),
    )
    return said if row["checked"] else language.text("{limit}, not verified", limit=said)


def _balance(view: HarmPicture, language: Language) -> list[str]:
    """The user's own weights with their arithmetic; nothing when none are set."""
    if "arithmetic" not in view.next_cycle.columns:
        return []
    return [
        language.text(
            "With the weights you set, benefit (expected fall, %) against toxicity (largest share of a limit added, "
            "%): {arithmetic}.",
            arithmetic=text,
        )
        for text in view.next_cycle["arithmetic"].drop_nulls()
    ]


def _unresolved(view: HarmPicture, language: Language) -> list[str]:
    """Events of grade 2 or more that have not ended."""
    return [
        language.text(
            "{term}, grade {grade}, since week {week}.",
            term=row["term"],
            grade=row["unresolved_grade"],
            week=language.week(row["unresolved_since_day"]),
        )
        for row in view.adverse_events.filter("flagged").iter_rows(named=True)
    ]


def _problem_sentences(view: HarmPicture, language: Language) -> list[str]:
    if not view.problems:
        return []
    head = language.text("The doses could not be added up. Please correct the data:")
    errors = [str(problem) for problem in view.problems if problem.severity == "error"]
    more = len(errors) - _MOST_PROBLEMS
    tail = [language.plural("and {count} more", "and {count} more", more)] if more > 0 else []
    return [head, *errors[:_MOST_PROBLEMS], *tail]


def _ledger_table(view: HarmPicture, language: Language) -> Table | None:
    """A row a drug and limit."""
    if view.ledger.is_empty():
        return None
    columns = [
        (language.text("Drug"), False),
        (language.text("Given so far"), True),
        (language.text("Limit"), False),
        (language.text("Share now"), True),
        (language.text("Next cycle adds"), True),
        (language.text("Share after it"), True),
        (language.text("Cycles that fit"), True),
    ]
    rows = [
        [
            row["drug"],
            _amount(row["cumulative"], row, language),
            _limit_cell(row, language),
            language.percent(row["share"]),
            _amount(row["next_cycle"], row, language),
            language.percent(row["share_after_next_cycle"]),
            language.number(row["further_cycles"]),
        ]
        for row in view.ledger.iter_rows(named=True)
    ]
    return table(language.text("Dose ledger"), columns, rows)


def _amount(value: float | None, row: Mapping[str, Any], language: Language) -> str:
    if value is None:
        return NOTHING
    at_least = "≥" if row["doses_not_counted"] else ""
    return f"{at_least}{language.measured(value)} {row['unit']}"


def _limit_cell(row: Mapping[str, Any], language: Language) -> str:
    if row["limit"] is None:
        return _known(row["missing"] or "no_limit", _MISSING, language)
    parts = [_limit_words(row, language)]
    if row["condition"]:
        parts.append(
            language.text("if {condition}", condition=_known(row["condition"], _CONDITIONS, language))
        )
    if row["missing"]:
        parts.append(_known(row["missing"], _MISSING, language))
    return "; ".join(parts)


def _events_table(view: HarmPicture, language: Language) -> Table | None:
    if view.adverse_events.is_empty():
        return None
    columns = [
        (language.text("Event"), False),
        (language.text("Worst grade"), True),
        (language.text("Week of it"), True),
        (language.text("Events"), True),
        (language.text("per cycle"), True),
        (language.text("Not resolved"), False),
    ]
    rows = [
        [
            row["term"],
            language.number(row["worst_grade"]),
            language.week(row["worst_grade_day"]),
            language.number(row["events"]),
            language.number(row["events_per_cycle"], 2),
            NOTHING
            if row["unresolved_grade"] is None
            else language.text("grade {grade}", grade=row["unresolved_grade"]),
        ]
        for row in view.adverse_events.iter_rows(named=True)
    ]
    return table(language.text("Adverse events by term"), columns, rows)


def _by_cycle_table(view: HarmPicture, language: Language) -> Table | None:
    """Events and worst grade of each cycle; None where no event is recorded."""
    if view.adverse_events.is_empty() or view.worst_grades.is_empty():
        return None
    columns = [
        (language.text("Cycle"), True),
        (language.text("Events begun"), True),
        (language.text("Worst grade"), True),
    ]
    rows = [
        [
            language.text("before the first") if cycle == 0 else language.number(cycle),
            language.number(events),
            language.number(grade),
        ]
        for cycle, events, grade in view.worst_grades.select("cycle", "events", "worst_grade").rows()
    ]
    return table(language.text("Adverse events by cycle"), columns, rows)


def _notes(view: HarmPicture, language: Language) -> list[str]:
    """Where each limit stands, and what the ledger cannot know."""
    rows = view.ledger.filter(pl.col("limit").is_not_null()).unique("source", maintain_order=True)
    sources = [f"{drug}: {source}" for drug, source in rows.select("drug", "source").rows()]
    notes = [language.text("Source, {source}.", source=source) for source in sources]
    shared = view.ledger.filter(pl.col("also_counts").is_not_null()).unique("drug", maintain_order=True)
    notes += [
        language.text(
            "{others} count towards the limits of {drug} too, and are not added here: the share is too small.",
            others=others,
            drug=drug,
        )
        for others, drug in shared.select("also_counts", "drug").rows()
    ]
    if view.ledger.height:
        notes.append(
            language.text(
                "Doses before this course are not in the data and not in the ledger. A threshold is where harm is "
                "seen from, not a limit."
            )
        )
    return notes


def harm_name(kind: str, language: Language) -> str:
    """Where the harm is, in this language: `heart`; a site's own word as it stands."""
    return _known(kind, _KINDS, language)


def _known(text: str, names: Mapping[str, str], language: Language) -> str:
    """A word of our own table in this language; a site's own word as it stands."""
    return language.text(names[text]) if text in names else text
