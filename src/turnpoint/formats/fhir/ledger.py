"""What is not read from FHIR: where a resource stands, and what the side table shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from turnpoint.errors import Severity, counted
from turnpoint.formats import ledger
from turnpoint.formats.fhir.elements import (
    Json,
    child,
    children,
    first_code,
    quantity,
    text,
    words,
)

Description: TypeAlias = tuple[str | None, str | None, str | None, str | None, str | None]

_DATES: Final = (
    "effectiveDateTime",
    "effectiveInstant",
    "performedDateTime",
    "onsetDateTime",
    "authoredOn",
    "date",
    "dateAsserted",
    "recordedDate",
    "issued",
)
_CONCEPTS: Final = ("code", "medicationCodeableConcept", "event", "type", "vaccineCode", "category")
_PERIODS: Final = ("effectivePeriod", "performedPeriod", "onsetPeriod", "period")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands.

    Attributes:
        file: the file's name.
        row: its entry in a Bundle or its line in an NDJSON file, from 1.
        kind: its type.
        id: its id, if it has one.
        subject: whom it is about: a key of `index`, or None.
        version: when it was last changed, in a form that sorts; empty when it does not say.
        within: its number in the resource that contains it; 0 for one that stands by itself.
    """

    file: str
    row: int
    kind: str
    id: str | None
    subject: str | None
    version: str = ""
    within: int = 0

    @property
    def name(self) -> str:
        """As a reference: `Observation/123`."""
        return self.kind if self.id is None else f"{self.kind}/{self.id}"


class Ledger(ledger.Ledger):
    """What was not read so far."""

    def note(
        self,
        place: Place,
        what: str,
        mend: str,
        element: str | None = None,
        *,
        value: str | None = None,
        severity: Severity = "warning",
    ) -> None:
        """Count one more resource of which something is to be said."""
        self.count(
            place.file,
            what,
            mend,
            row=place.row,
            kind=place.kind,
            element=element,
            value=value,
            severity=severity,
        )

    def leave(
        self,
        place: Place,
        shown: Description,
        reason: str,
        mend: str,
        element: str | None = None,
        *,
        value: str | None = None,
        severity: Severity = "warning",
    ) -> None:
        """Leave a resource, or a part of one, out of the study: counted, and kept in the side table.

        Args:
            place: where it stands.
            shown: what the side table keeps of it, from `described`.
            reason: why it is not read.
            mend: what to do.
            element: the element that is the reason.
            value: its value, if that helps.
            severity: `error` stops the work.
        """
        self.note(place, reason, mend, element, value=value, severity=severity)
        self.keep(place.file, place.row, place.name, place.subject, *shown, reason)

    def said(self, what: str, number: int, severity: Severity) -> str:
        """A reason and how many resources have it; one error speaks for itself."""
        return what if severity == "error" and number == 1 else f"{counted(number, 'resource')}: {what}"


def described(resource: Json) -> Description:
    """Date, code, name, value and unit of any resource, as far as it has them."""
    concept = next((child(resource, name) for name in _CONCEPTS if name in resource), {})
    dates = [text(resource, name) for name in _DATES if name in resource]
    dates += [text(child(resource, name), "start") for name in _PERIODS if name in resource]
    date = next((said for said in dates if said), None)
    value, unit = _value(resource)
    return date, first_code(concept), words(concept), value, unit


def _value(resource: Json) -> tuple[str | None, str | None]:
    measured = quantity(child(resource, "valueQuantity"))
    if measured is not None:
        return f"{measured.comparator or ''}{measured.value}", measured.unit or measured.code
    for name, found in resource.items():
        if not name.startswith("value"):
            continue
        if isinstance(found, str):
            return text(resource, name), None
        if isinstance(found, dict):
            return words(found), None
        return (str(found) if isinstance(found, int | float) else None), None
    status = child(resource, "dataAbsentReason")
    parts = [words(child(part, "code")) for part in children(resource, "component")]
    return words(status) or "; ".join(part for part in parts if part)[:500] or None, None
