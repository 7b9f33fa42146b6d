"""Adverse events from FHIR: AdverseEvent with a CTCAE grade, and Observations that carry one.

The rules:

1. The term is the coded one, or else the text. The grade is that of the CTCAE extension, or else of `severity` (mild 1,
   moderate 2, severe 3; counted). One that was fatal has grade 5; grade 0 did not happen.
2. The first day is `date`, or else `detected`, or else `recordedDate`; the last one is the extension's resolved date.
3. A potential event, and one without a term, a grade or a date, is left out, counted, and kept in the side table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

import polars as pl

from turnpoint.formats.fhir.codes import ACTUALITY
from turnpoint.formats.fhir.days import When, earliest_day, is_within_reach, latest_day, point, when
from turnpoint.formats.fhir.drafts import EventDraft
from turnpoint.formats.fhir.elements import Json, child, codings, extension, number, term, text, words
from turnpoint.formats.fhir.ledger import Ledger, Place, described
from turnpoint.formats.fhir.observations import is_result, is_valid

_GRADE_EXTENSIONS: Final = ("ctcae-grade", "adverse-event-grade", "CTCAEGrade")
_RESOLVED: Final = ("adverse-event-resolved-date", "resolved-date")
_GRADE_TEXT: Final = re.compile(r"(?:grade\s{0,3})?([0-5])", re.IGNORECASE)
_SEVERITIES: Final = {"mild": 1, "moderate": 2, "severe": 3}
_SIDE_TABLE: Final = "It is kept in the side table; nothing to do."


def is_graded(body: Json) -> bool:
    """True for an Observation that carries a CTCAE grade."""
    if not ("extension" in body or "valueCodeableConcept" in body):
        return False
    return bool(extension(body, *_GRADE_EXTENSIONS)) or any(
        "ctcae" in (coding.system or "").lower() for coding in codings(child(body, "valueCodeableConcept"))
    )


def event_of(place: Place, body: Json, ledger: Ledger) -> EventDraft | None:
    """The draft of an adverse event; None when it cannot be read (reported)."""
    is_observation = place.kind == "Observation"
    if is_observation:
        if not is_result(place, body, ledger):
            return None
    else:
        if not is_valid(place, body, ACTUALITY, "actuality", ledger):
            return None
        if body["actuality"] == "potential":
            ledger.leave(place, described(body), "events that might have happened", _SIDE_TABLE, "actuality")
            return None
    name = term(child(body, "event") or child(body, "code"))
    grade = _grade(place, body, ledger)
    if grade == 0:
        ledger.leave(
            place, described(body), "adverse events of grade 0: they did not happen", _SIDE_TABLE, "extension"
        )
        return None
    if name is None or grade is None:
        ledger.leave(
            place,
            described(body),
            "adverse events without a term or a CTCAE grade",
            "It is kept in the side table; give the grade if it is known.",
            "extension" if name else "event",
        )
        return None
    moment = when(body, "effective" if is_observation else "occurrence")
    end = point(extension(body, *_RESOLVED), "valueDateTime")
    if moment == When():
        moment = next(
            (
                found
                for element in ("date", "detected", "recordedDate")
                if (found := point(body, element)) != When()
            ),
            moment,
        )
    if end == When():
        end = When(moment.last, day=moment.end_day)
    return EventDraft(place, described(body), moment, 0, name, grade, end)


def _grade(place: Place, body: Json, ledger: Ledger) -> int | None:
    """Rule 1."""
    found = extension(body, *_GRADE_EXTENSIONS)
    concept = child(found, "valueCodeableConcept") or child(body, "valueCodeableConcept")
    said = [coding.code for coding in codings(concept)]
    said += [words(concept), text(found, "valueCode"), text(found, "valueString")]
    value = number(found, "valueInteger")
    grade = int(value) if value is not None and 0 <= value <= 5 and value == int(value) else None
    for word in said:
        matched = _GRADE_TEXT.fullmatch(word or "")
        if grade is None and matched is not None:
            grade = int(matched[1])
    if grade is None:
        codes = [coding.code for coding in codings(child(body, "severity"))]
        grade = next((_SEVERITIES[code] for code in codes if code in _SEVERITIES), None)
        if grade is not None:
            ledger.note(
                place,
                "adverse events have no CTCAE grade",
                "Their severity is read instead: mild 1, moderate 2, severe 3.",
                "severity",
            )
    fatal = any(coding.code == "fatal" for coding in codings(child(body, "outcome")))
    return 5 if fatal else grade


def event_rows(
    drafts: Iterable[EventDraft], patients: Mapping[str, str], starts: Mapping[str, date], ledger: Ledger
) -> Iterator[dict[str, object]]:
    """The rows of the events table.

    Args:
        drafts: the events.
        patients: the patient of each subject.
        starts: the start of each patient's course.
        ledger: where what cannot be placed goes.
    """
    for draft in drafts:
        patient = patients.get(draft.place.subject or "")
        if patient is None:
            continue
        start = starts.get(patient)
        day = earliest_day(draft.moment, start)
        end = latest_day(When(last=draft.end.first, end_day=draft.end.day), start)
        if day is None or not is_within_reach(day):
            ledger.leave(
                draft.place,
                draft.shown,
                "adverse events without a date, or 20 years from the start of the course",
                "It is kept in the side table; give the date if it is known.",
                "date",
            )
            continue
        if end is not None and (end < day or not is_within_reach(end)):
            ledger.note(
                draft.place,
                "adverse events that end before they begin, or 20 years from the start of the course",
                "They are read without their end; correct one of the dates.",
                "extension",
            )
            end = None
        yield {
            "patient_id": patient,
            "day": day,
            "end_day": end,
            "term": draft.term,
            "grade": draft.grade,
            "place": draft.place,
        }


EVENT_COLUMNS: Final = pl.Schema(
    {
        "patient_id": pl.String(),
        "day": pl.Int64(),
        "end_day": pl.Int64(),
        "term": pl.String(),
        "grade": pl.Int64(),
    }
)
