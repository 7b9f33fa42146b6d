"""What would settle it soonest, in words: a ranked table for the clinician, questions for the patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from turnpoint.charts.language import Language
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import SUM_OF_DIAMETERS, Snapshot
from turnpoint.reports.tables import Table, table
from turnpoint.turning.next_measurement import DECIDED_ABOVE

_MOST_PLANS = 5
_MOST_QUESTIONS = 2
# A twentieth of what there is to know, on average: less is not worth a test for this question.
_WORTH_BITS = 0.05
OPEN_SITUATIONS = (
    "off_treatment",
    "undetermined",
    "unclear",
    "mixed",
    "not_assessed",
    "plateau_unclear",
    "plateau_sizes_only",
    "plateau_changed",
)


def what_would_help(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """What is missing, and whether any measurement would help; nothing once progression has been called."""
    if view.called:
        return []
    sentences = []
    if not view.settle.is_empty() and not _worthwhile(view).height:
        sentences.append(
            language.text(
                "No measurement of the next twelve weeks is expected to change much what is known about growth."
            )
        )
    if snap.situation not in OPEN_SITUATIONS:
        return sentences
    if view.markers.is_empty():
        sentences.append(
            language.text(
                "A tumour marker, where one is raised, can be measured between scans and shows a turn sooner."
            )
        )
    if view.doses.is_empty():
        sentences.append(language.text("Dates of doses would tell a pause from a loss of effect."))
    return sentences


def settle_table(view: PatientPicture, language: Language) -> Table | None:
    """The best plans with what they tell and what they cost; nothing when none is expected to tell much."""
    plans = _worthwhile(view).head(_MOST_PLANS)
    if view.called or plans.is_empty():
        return None
    rows = [
        [
            plan_name(row, language),
            f"{language.number(row['expected_information_bits'], 2)} ± "
            f"{language.number(row['standard_error_bits'], 2)}",
            language.chance(row["p_decided"]),
            language.number(row["weeks"]),
            language.number(row["scans"]),
            language.number(row["blood_tests"]),
        ]
        for row in plans.iter_rows(named=True)
    ]
    columns = [
        (language.text("Measurement, best first"), False),
        (language.text("Tells, bits"), True),
        (language.text("Settled"), True),
        (language.text("Weeks"), True),
        (language.text("Scans"), True),
        (language.text("Blood tests"), True),
    ]
    caption = language.text("What would settle soonest whether growth that will show has begun")
    return table(caption, columns, rows)


def settle_questions(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """For the patient: whether the tests that would tell most could be made; nothing where the answer is clear."""
    if view.called or (snap.situation not in OPEN_SITUATIONS and snap.alert != "now"):
        return []
    plans = _worthwhile(view).filter(~pl.col("is_assumed")).head(_MOST_QUESTIONS)
    return [
        language.text("Would this help to tell sooner: {plan}?", plan=plan_name(row, language))
        for row in plans.iter_rows(named=True)
    ]


def plan_name(row: Mapping[str, Any], language: Language) -> str:
    """A plan of `workflows.settle` in the reader's language."""
    weeks = [language.weeks(float(number)) for number in re.findall(r"[\d.]+(?= weeks)", row["plan"])]
    quantities = str(row["quantity"]).split(", ")
    markers = ", ".join(name for name in quantities if name != SUM_OF_DIAMETERS)
    if SUM_OF_DIAMETERS in quantities and markers:
        return language.text(
            "a scan in {weeks}, and {marker} every {gap}", weeks=weeks[0], marker=markers, gap=weeks[1]
        )
    if markers and row["is_assumed"]:
        return language.text(
            "{marker} now and every {gap} (assumed as read elsewhere)", marker=markers, gap=weeks[0]
        )
    if markers:
        return language.text("{marker} every {gap}", marker=markers, gap=weeks[0])
    if row["scans"] > 1:
        return language.text("a scan every {gap}", gap=weeks[0])
    return language.text("a scan in {weeks}", weeks=weeks[0])


def _worthwhile(view: PatientPicture) -> pl.DataFrame:
    """The plans that are expected to tell much; none where the question is settled as it is, "in 0 weeks"."""
    if view.settle.is_empty():
        return view.settle
    is_open = pl.max_horizontal(pl.col("p_now"), 1.0 - pl.col("p_now")) < DECIDED_ABOVE
    return view.settle.filter(is_open & (pl.col("expected_information_bits") >= _WORTH_BITS))
