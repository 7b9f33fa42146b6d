"""Drugs from FHIR: given (MedicationAdministration), taken (MedicationStatement) or ordered (MedicationRequest).

The rules:

1. An administration that is completed, in progress or stopped was given. Not done, on hold, unknown and wrongly entered
   ones are left out. An order is never a dose: it says no more than when treatment was planned.
2. A statement that a drug is or was taken is read where the patient has no administration of that drug.
3. One day is `given`; several days are a `start`, and a `stop` on the day after the last; a period without an end is a
   `start` while it lasts.
4. Only drugs against the cancer are read (`drugs`); the others are counted and kept in the side table: one of them
   between two cycles would hide a pause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from turnpoint.formats.fhir.codes import (
    ADMINISTRATION_STATUS,
    MEDICATION_PROFILES,
    REQUEST_STATUS,
    STATEMENT_STATUS,
)
from turnpoint.formats.fhir.conditions import is_cancer
from turnpoint.formats.fhir.days import (
    When,
    earliest_day,
    first_period,
    is_within_reach,
    latest_day,
    point,
    when,
)
from turnpoint.formats.fhir.drafts import DoseDraft
from turnpoint.formats.fhir.drugs import drug_name, treats_cancer
from turnpoint.formats.fhir.elements import (
    Json,
    Quantity,
    child,
    children,
    own_integer,
    own_text,
    profiles,
    quantity,
)
from turnpoint.formats.fhir.index import Named, reference_key
from turnpoint.formats.fhir.ledger import Ledger, Place, described
from turnpoint.formats.fhir.observations import is_valid

_GIVEN: Final = ("completed", "in-progress", "stopped")
_TAKEN: Final = ("active", "completed", "stopped")
_ORDERED: Final = ("active", "completed", "stopped")
_SIDE_TABLE: Final = "It is kept in the side table; nothing to do."
_SOURCES: Final = {
    "MedicationAdministration": ("given", ADMINISTRATION_STATUS, _GIVEN),
    "MedicationStatement": ("taken", STATEMENT_STATUS, _TAKEN),
    "MedicationRequest": ("ordered", REQUEST_STATUS, _ORDERED),
}
KINDS: Final = tuple(_SOURCES)


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose whose drug and patient are known.

    Attributes:
        patient_id: the patient.
        drug: in lower case.
        draft: the rest.
    """

    patient_id: str
    drug: str
    draft: DoseDraft


def dose_of(place: Place, body: Json, ledger: Ledger) -> DoseDraft | None:
    """The draft of a MedicationAdministration, -Statement or -Request; None when it says nothing (reported)."""
    if not child(body, "medicationCodeableConcept") and not child(body, "medicationReference"):
        ledger.leave(place, described(body), "drugs without a name", _SIDE_TABLE, "medication")
        return None
    if not _counts(place, body, ledger):
        return None
    source = _SOURCES[place.kind][0]
    concept = child(body, "medicationCodeableConcept")
    amount, moment = _amount(body), _moment(body, source)
    reasons = [*children(body, "reasonReference"), *children(body, "reason")]
    keys = [reference_key(reference, place) for reference in reasons]
    lasts = moment.is_period and moment.last is None and moment.end_day is None
    return DoseDraft(
        place,
        described(body),
        moment,
        0,
        source,
        drug_name(concept),
        reference_key(child(body, "medicationReference"), place),
        None if amount is None else amount.value,
        None if amount is None else amount.unit or amount.code,
        tuple(key for key in keys if key is not None),
        _is_for_cancer(body, concept),
        lasts and body["status"] in ("in-progress", "active"),
        own_text(body, "dose-action"),
        own_integer(body, "cycle"),
        own_text(body, "regimen"),
        own_integer(body, "line"),
    )


def _counts(place: Place, body: Json, ledger: Ledger) -> bool:
    """True when the status says that the drug was given, taken or ordered (rule 1)."""
    source, allowed, counted = _SOURCES[place.kind]
    if not is_valid(place, body, allowed, "status", ledger):
        return False
    # Turnpoint writes a stop as a dose that was not given.
    is_stop = own_text(body, "dose-action") == "stop" and body["status"] == "not-done"
    if body["status"] in counted or is_stop:
        return True
    what = {"given": "not given", "taken": "not taken", "ordered": "not in force"}[source]
    ledger.leave(place, described(body), f"drugs that were {what}, by their status", _SIDE_TABLE, "status")
    return False


def _is_for_cancer(body: Json, concept: Json) -> bool:
    """True when the resource itself says so (rule 4)."""
    return (
        bool(MEDICATION_PROFILES.intersection(profiles(body)))
        or treats_cancer(drug_name(concept), concept)
        or any(is_cancer({"code": reason}) for reason in children(body, "reasonCode"))
    )


def _moment(body: Json, source: str) -> When:
    if source != "ordered":
        return when(body, "effective")
    planned = first_period(body, "dosageInstruction")
    return planned if planned.first is not None else point(body, "authoredOn")


def _amount(body: Json) -> Quantity | None:
    """The dose; a rate that is no rate (60 mg/m2) is one."""
    dosage = child(body, "dosage")
    parts = [
        dosage,
        *children(body, "dosage"),
        *(rate for part in children(body, "dosage") for rate in children(part, "doseAndRate")),
    ]
    for part in parts:
        for name in ("dose", "doseQuantity"):
            found = quantity(child(part, name))
            if found is not None:
                return found
    for part in parts:
        rate = quantity(child(part, "rateQuantity"))
        if rate is not None and not _is_per_time(rate):
            return rate
    return None


def _is_per_time(rate: Quantity) -> bool:
    unit = (rate.code or rate.unit or "/h").lower()
    return unit.endswith(("/h", "/hr", "/min", "/d", "/s", "/hour", "/day", "/minute"))


def settled(
    drafts: Iterable[DoseDraft],
    medications: Named[tuple[str, bool]],
    cancers: Named[bool],
    patients: Mapping[str, str],
    ledger: Ledger,
) -> list[Dose]:
    """The drugs against cancer, with their patients (rules 2 and 4).

    Args:
        drafts: of all three kinds.
        medications: Medication resources: name, and whether it treats cancer.
        cancers: Condition resources: whether they are a cancer.
        patients: the patient of each subject.
        ledger: where the others go.
    """
    found = []
    for draft in drafts:
        patient = patients.get(draft.place.subject or "")
        known = medications.find(draft.place.file, draft.medication)
        drug = draft.drug or (known[0] if known else None)
        if patient is None:
            continue
        if drug is None:
            ledger.leave(
                draft.place,
                draft.shown,
                "drugs whose Medication is not in the data",
                "Give the Medication resources too.",
                "medicationReference",
            )
            continue
        reason = any(cancers.find(draft.place.file, key) for key in draft.reasons)
        if not (draft.is_for_cancer or reason or (known is not None and known[1])):
            ledger.leave(
                draft.place,
                draft.shown,
                "drugs that are not known to treat cancer",
                "They are kept in the side table; claim the mCODE profile, or give the reason, for one that does.",
                "medication",
            )
            continue
        found.append(Dose(patient, drug, draft))
    return _first_hand(found, ledger)


def _first_hand(doses: list[Dose], ledger: Ledger) -> list[Dose]:
    """Rule 2."""
    given = {(dose.patient_id, dose.drug) for dose in doses if dose.draft.source == "given"}
    kept = []
    for dose in doses:
        if dose.draft.source == "taken" and (dose.patient_id, dose.drug) in given:
            ledger.leave(
                dose.draft.place,
                dose.draft.shown,
                "statements of drugs whose administrations are there",
                "The administrations are read; nothing to do.",
                "medication",
            )
        else:
            kept.append(dose)
    return kept


def dose_rows(
    doses: Iterable[Dose], starts: Mapping[str, date], ledger: Ledger
) -> Iterator[dict[str, object]]:
    """The rows of the doses table (rule 3).

    Args:
        doses: from `settled`.
        starts: the start of each patient's course.
        ledger: where what cannot be placed goes.
    """
    for dose in doses:
        draft = dose.draft
        if draft.source == "ordered":
            ledger.leave(
                draft.place,
                draft.shown,
                "orders of drugs against cancer",
                "An order is no dose; nothing to do.",
                "intent",
            )
            continue
        first = earliest_day(draft.moment, starts.get(dose.patient_id))
        last = latest_day(draft.moment, starts.get(dose.patient_id))
        if first is None or not (is_within_reach(first) and is_within_reach(last)):
            ledger.leave(
                draft.place,
                draft.shown,
                "drugs without a date, or 20 years from the start of the course",
                "It is kept in the side table; give the date if it is known.",
                "effective",
            )
            continue
        if draft.moment.first is not None and not draft.moment.first.is_full:
            ledger.note(
                draft.place,
                "only part of a date is given",
                "A first day is read as the earliest that it may be (day 0 if that may be), a last day as the latest.",
                "effective",
            )
        if draft.source == "taken":
            ledger.note(
                draft.place,
                "drugs that were taken by statement, not seen to be given",
                "They are read as taken; nothing to do if that is right.",
                "status",
            )
        yield from _rows(dose, first, last)


def _rows(dose: Dose, first: int, last: int | None) -> Iterator[dict[str, object]]:
    draft = dose.draft
    row: dict[str, object] = {
        "patient_id": dose.patient_id,
        "drug": dose.drug,
        "cycle": draft.cycle,
        "regimen": draft.regimen,
        "line": draft.line,
        "place": draft.place,
    }
    lasts = last is not None and last > first
    begins = draft.action == "start" or (draft.action is None and (lasts or draft.goes_on))
    yield row | {
        "day": first,
        "dose": draft.dose,
        "unit": draft.unit,
        "action": draft.action or ("start" if begins else "given"),
    }
    if last is not None and begins and (lasts or draft.action == "start"):
        yield row | {"day": last + 1, "dose": None, "unit": None, "action": "stop"}


DOSE_COLUMNS: Final = pl.Schema(
    {
        "patient_id": pl.String(),
        "day": pl.Int64(),
        "drug": pl.String(),
        "dose": pl.Float64(),
        "unit": pl.String(),
        "action": pl.String(),
        "cycle": pl.Int64(),
        "regimen": pl.String(),
        "line": pl.Int64(),
    }
)
