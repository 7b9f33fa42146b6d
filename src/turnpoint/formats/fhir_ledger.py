"""What is not read from FHIR: counted by reason in one warning each, and kept in a side table.

Nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import polars as pl

from turnpoint.errors import Severity, counted
from turnpoint.formats.fhir_elements import (
    Json,
    child,
    children,
    first_code,
    quantity,
    text,
    words,
)
from turnpoint.formats.unmapped import UNMAPPED_SCHEMA
from turnpoint.study.findings import Findings

Description: TypeAlias = tuple[str | None, str | None, str | None, str | None, str | None]

_ROWS_PER_PART: Final = 50_000
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
        subject: whom it is about: a key of `fhir_index`, or None.
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


@dataclass(slots=True)
class _Count:
    place: Place
    number: int
    severity: Severity
    value: str | None


@dataclass(slots=True)
class Ledger:
    """What was not read so far.

    Attributes:
        counts: by reason, what to do about it, and the element.
    """

    counts: dict[tuple[str, str, str | None], _Count] = field(default_factory=dict)
    _rows: list[tuple[object, ...]] = field(default_factory=list)
    _parts: list[pl.DataFrame] = field(default_factory=list)

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
        count = self.counts.get((what, mend, element))
        if count is None:
            self.counts[what, mend, element] = _Count(place, 1, severity, value)
        else:
            count.number += 1

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
        self._rows.append((place.file, place.row, place.name, place.subject, *shown, reason))
        if len(self._rows) >= _ROWS_PER_PART:
            self._parts.append(self._part())

    def report(self, findings: Findings) -> None:
        """One problem for each reason, at the first resource that has it."""
        for (what, mend, element), count in self.counts.items():
            findings.add(
                count.place.file,
                what
                if count.severity == "error" and count.number == 1
                else f"{counted(count.number, 'resource')}: {what}",
                mend,
                row=count.place.row,
                column=element if element is None else f"{count.place.kind}.{element}",
                value=count.value,
                severity=count.severity,
            )

    def unmapped(self, patients: Mapping[str, str]) -> pl.DataFrame:
        """The side table, `UNMAPPED_SCHEMA`.

        Args:
            patients: the patient of each subject.
        """
        empty = pl.DataFrame(schema=UNMAPPED_SCHEMA)
        frame = pl.concat([empty, *self._parts, self._part()])
        known = pl.col("patient_id").replace_strict(dict(patients), default=None, return_dtype=pl.String)
        return frame.with_columns(known.alias("patient_id"))

    def _part(self) -> pl.DataFrame:
        part = pl.DataFrame(self._rows, schema=UNMAPPED_SCHEMA, orient="row")
        self._rows.clear()
        return part


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
