"""Patients and the start of their courses.

The rules:

1. Day 0 is the first administration of a drug against the cancer; or else the first day on which one was taken, by
   statement; or else the planned start of the first one that was ordered; or else the first tumour size or marker
   (warned of), or without these the first adverse event. Turnpoint's own extension comes before all of these.
2. Of a Patient only sex, year of birth and death are read; never a name or an address.
3. The tumour type is the primary cancer (`conditions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from turnpoint.formats.fhir.codes import GENDER
from turnpoint.formats.fhir.conditions import Cancer
from turnpoint.formats.fhir.days import When, is_within_reach, point
from turnpoint.formats.fhir.drafts import Draft
from turnpoint.formats.fhir.elements import (
    own,
    own_integer,
    own_text,
    span,
    text,
)
from turnpoint.formats.fhir.index import People, Person
from turnpoint.formats.fhir.ledger import Ledger
from turnpoint.formats.fhir.medications import Dose

_YEARS: Final = range(1880, 2101)


def start_dates(
    people: People,
    patients: Mapping[str, str],
    doses: Iterable[Dose],
    observed: Sequence[Draft],
    events: Iterable[Draft],
    ledger: Ledger,
) -> dict[str, date]:
    """The start of each patient's course (rule 1); patients without any date are left out.

    Args:
        people: the Patient resources.
        patients: the patient of each subject.
        doses: of drugs against cancer, orders included.
        observed: sizes and markers.
        events: adverse events.
        ledger: where it is counted when the start had to be guessed.
    """
    ranked: list[dict[str, date]] = [{} for _ in range(6)]
    for patient, person in people.by_id.items():
        said = span(own(person.body, "start-date").get("valueDate"))
        if said is not None:
            ranked[0][patient] = said.first
    places = {"given": 1, "taken": 2, "ordered": 3}
    for dose in doses:
        _keep_earliest(ranked[places[dose.draft.source]], dose.patient_id, dose.draft.moment)
    for drafts, found_first in ((observed, ranked[4]), (events, ranked[5])):
        for draft in drafts:
            patient_id = patients.get(draft.place.subject or "")
            if patient_id is not None:
                _keep_earliest(found_first, patient_id, draft.moment)
    sure = {patient: start for found in reversed(ranked[:3]) for patient, start in found.items()}
    found = ranked[5] | ranked[4] | ranked[3] | sure
    said_of: set[str] = set(sure)
    for draft in observed:
        patient_id = patients.get(draft.place.subject or "")
        if patient_id is None or patient_id in said_of or patient_id not in found:
            continue
        said_of.add(patient_id)
        ledger.note(
            draft.place,
            "patients whose first dose is not known",
            "Day 0 is the planned start of the drug that was ordered; give MedicationAdministration if there is any."
            if patient_id in ranked[3]
            else "Day 0 is their first size or marker; give MedicationAdministration if there is any.",
            "effective",
        )
    return found


def _keep_earliest(found: dict[str, date], patient: str, moment: When) -> None:
    if moment.first is not None and moment.first.is_full:
        day = moment.first.first
        found[patient] = min(day, found.get(patient, day))


def patient_rows(
    people: People,
    cancers: Mapping[str, Cancer],
    starts: Mapping[str, date],
    listed: Iterable[str],
    ledger: Ledger,
) -> list[dict[str, object]]:
    """The rows of the patients table.

    Args:
        people: the Patient resources.
        cancers: the primary cancer by patient.
        starts: the start of each patient's course.
        listed: the patients whom the other tables name.
        ledger: where what cannot be true is counted.
    """
    rows: list[dict[str, object]] = []
    named = set(listed) | {patient for patient, person in people.by_id.items() if person.is_listed}
    for patient, person in people.by_id.items():
        if patient not in named:
            ledger.note(
                person.place,
                "patients without a size, a marker, a dose or an event",
                "They are not read; nothing to do if there was none.",
            )
    for patient in sorted(named):
        known, start = people.by_id.get(patient), starts.get(patient)
        cancer = cancers.get(patient)
        row: dict[str, object] = {
            "patient_id": patient,
            "start_date": start,
            "tumour_type": cancer.name if cancer else None,
        }
        if known is not None:
            row |= _of_person(known, start, ledger)
        rows.append(row)
    return rows


def _of_person(person: Person, start: date | None, ledger: Ledger) -> dict[str, object]:
    """Rule 2."""
    body, place = person.body, person.place
    gender = text(body, "gender")
    if "gender" in body and gender not in GENDER:
        ledger.note(
            place,
            "not one of the codes that FHIR allows for gender",
            f"Write one of {', '.join(GENDER)}.",
            "gender",
            value=gender,
            severity="error",
        )
    born = point(body, "birthDate").first
    year = born.first.year if born and born.first.year in _YEARS else None
    if "birthDate" in body and (year is None or (start is not None and not 0 <= start.year - year <= 120)):
        ledger.note(
            place, "dates of birth that cannot be true", "They are not read; correct them.", "birthDate"
        )
        year = None
    return {
        "sex": gender if gender in GENDER else None,
        "birth_year": year,
        "death_day": _death_day(person, start, year, ledger),
        "arm": own_text(body, "arm"),
        "line": own_integer(body, "line"),
    }


def _death_day(person: Person, start: date | None, birth_year: int | None, ledger: Ledger) -> int | None:
    died = point(person.body, "deceasedDateTime")
    if died.day is not None and died.day >= 0 and is_within_reach(died.day):
        return died.day
    if died.day is None and died.first is not None and start is not None:
        day = (died.first.last - start).days
        if not is_within_reach(day):
            ledger.leave(
                person.place,
                (died.first.text, None, "death", None, None),
                "deaths more than 20 years from the start of the course",
                "They are kept in the side table and not read; check the date.",
                "deceasedDateTime",
            )
            return None
        if day >= 0 and died.first.last.year >= (birth_year or 0):
            return day
    if died != When() or person.body.get("deceasedBoolean") is True:
        ledger.note(
            person.place,
            "deaths without a date that can be true",
            "They are not read; give the date if it is known.",
            "deceased",
        )
    return None


PATIENT_COLUMNS: Final = pl.Schema(
    {
        "patient_id": pl.String(),
        "arm": pl.String(),
        "tumour_type": pl.String(),
        "sex": pl.String(),
        "birth_year": pl.Int64(),
        "start_date": pl.Date(),
        "line": pl.Int64(),
        "death_day": pl.Int64(),
    }
)
