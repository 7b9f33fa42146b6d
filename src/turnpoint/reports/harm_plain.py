"""Benefit and harm in plain words, as the patient's page shows them; never an advice to go on or to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from turnpoint.charts.language import Language, mark
from turnpoint.pictures.harm import HarmPicture
from turnpoint.reports.harm_section import harm_name
from turnpoint.reports.side_effects import plain_name

_PLAINLY_CHANGED_PCT = 5.0  # less than this either way is "about the same"


@dataclass(frozen=True, slots=True)
class PatientHarm:
    """The patient's section: what the next cycle may do, what it adds, what to ask."""

    sentences: list[str]
    questions: list[str]


def patient_harm(view: HarmPicture, language: Language) -> PatientHarm:
    """The section of the patient's page; `templates/harm_patient.html` shows it."""
    return PatientHarm(sentences=_plain_sentences(view, language), questions=_plain_questions(view, language))


def _plain_sentences(view: HarmPicture, language: Language) -> list[str]:
    """What another cycle may do and what it adds, in plain words."""
    rows = view.next_cycle.filter(pl.col("scenario") == "continue")
    sentences = [language.text(_plain_change(row)) for row in rows.iter_rows(named=True)]
    # a patient is shown only what was read at its source, holds without a condition, and is whole
    always = pl.col("checked") & (pl.col("condition") == "") & pl.col("also_counts").is_null()
    known = view.ledger.filter(pl.col("share").is_not_null() & always & (pl.col("next_cycle") > 0))
    nearest = known.sort("share", descending=True).unique("drug", keep="first", maintain_order=True)
    sentences += [
        language.text(
            "You have had about {now} of the amount of {drug} from which doctors watch most closely for harm "
            "({organ}). One more cycle would bring it to about {after}.",
            now=language.percent(row["share"]),
            after=language.percent(row["share_after_next_cycle"]),
            drug=row["drug"],
            organ=harm_name(row["kind"], language),
        )
        for row in nearest.iter_rows(named=True)
    ]
    flagged = view.adverse_events.filter("flagged")["term"].to_list()
    if flagged:
        sentences.append(
            language.text(
                "Side effects on record that have not ended: {terms}.",
                terms=language.listed([plain_name(term, language) for term in flagged]),
            )
        )
    return sentences


def _plain_change(row: Mapping[str, Any]) -> str:
    """The expected change in words; a wide interval across no change is said to be open."""
    low, middle, high = (row[f"living_change_pct_{level}"] for level in ("q05", "q50", "q95"))
    if high < -_PLAINLY_CHANGED_PCT:
        return mark(
            "If treatment goes on as it is, the living tumour will probably shrink further in the next cycle."
        )
    if low > _PLAINLY_CHANGED_PCT:
        return mark(
            "If treatment goes on as it is, the living tumour will probably be larger after the next cycle."
        )
    if abs(middle) <= _PLAINLY_CHANGED_PCT:
        return mark(
            "If treatment goes on as it is, the living tumour is expected to stay about the same in the next cycle."
        )
    if middle < 0:
        return mark("In the next cycle the living tumour may shrink a little, but this is not sure.")
    return mark("In the next cycle the living tumour may grow a little, but this is not sure.")


def _plain_questions(view: HarmPicture, language: Language) -> list[str]:
    questions = []
    if view.next_cycle.height:
        questions.append(language.text("What would you expect from one more cycle, and what would tell us?"))
    if view.ledger["share"].drop_nulls().len():
        questions.append(
            language.text(
                "Is the total amount of my drugs still in a safe range, and how is it being watched?"
            )
        )
    if view.adverse_events["flagged"].any():
        questions.append(language.text("What can be done about the side effects that have not ended?"))
    return questions
