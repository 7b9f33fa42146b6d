"""What is read from a resource before everything it points to is known: one draft for each row of a study.

A draft that comes twice is kept once. Of two versions of a resource the later one counts (meta.versionId, or else
meta.lastUpdated). Two resources of one file that share an id and differ otherwise are an error; in different files
they are two resources, since ids of a Bundle may hold within it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from turnpoint.formats.fhir.days import When
from turnpoint.formats.fhir.ledger import Description, Ledger, Place


@dataclass(frozen=True, slots=True)
class Draft:
    """What all drafts have.

    Attributes:
        place: where the resource stands.
        shown: what the side table keeps if it cannot be read after all.
        moment: when it happened.
        part: which component of the resource it is; 0 for the resource itself.
    """

    place: Place = field(compare=False)
    shown: Description = field(compare=False)
    moment: When
    part: int


@dataclass(frozen=True, slots=True)
class MarkerDraft(Draft):
    """A result of a tumour marker.

    Attributes:
        marker: its name.
        value: the number, with its comparator.
        unit: as reported.
        upper_limit: of the reference range, in `unit`.
        assay: the method.
        is_preliminary: true until it is final.
        specimen: key of the specimen, which may tell the date.
    """

    marker: str
    value: str
    unit: str
    upper_limit: float | None
    assay: str | None
    is_preliminary: bool
    specimen: str | None


@dataclass(frozen=True, slots=True)
class SizeDraft(Draft):
    """A size of a tumour.

    Attributes:
        longest_mm: the longest dimension.
        other_mm: the other dimensions, the largest first.
        longest_is_limit, other_is_limit: true when the size is only known to be below `longest_mm`, or below the
            largest of `other_mm`.
        lesions: keys of what was measured: the tumour, or the specimen that was made of it.
        site: where it is.
        is_node: true when the site is a lymph node.
        method: how it was measured.
        is_removed: true when it was measured after it had been taken out.
        lesion_id, role, status, node, reader: from Turnpoint's own extensions.
    """

    longest_mm: float | None
    other_mm: tuple[float, ...]
    longest_is_limit: bool
    other_is_limit: bool
    lesions: tuple[str, ...]
    site: str | None
    is_node: bool
    method: str | None
    is_removed: bool
    lesion_id: str | None
    role: str | None
    status: str | None
    node: bool | None
    reader: str | None


@dataclass(frozen=True, slots=True)
class DoseDraft(Draft):
    """A drug that was given, taken, or ordered.

    Attributes:
        source: `given`, `taken` (by statement) or `ordered`.
        drug: its name, where the resource says it.
        medication: key of the Medication that says it instead.
        dose, unit: the amount.
        reasons: keys of the conditions it was given for.
        is_for_cancer: true when the resource says so.
        goes_on: true while it is being taken.
        action: from Turnpoint's own extension: `start`, `stop` or `given`.
        cycle, regimen, line: from Turnpoint's own extensions.
    """

    source: str
    drug: str | None
    medication: str | None
    dose: float | None
    unit: str | None
    reasons: tuple[str, ...]
    is_for_cancer: bool
    goes_on: bool
    action: str | None
    cycle: int | None
    regimen: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class EventDraft(Draft):
    """An adverse event.

    Attributes:
        term: its name.
        grade: 1 to 5.
        end: when it was resolved.
    """

    term: str
    grade: int
    end: When


@dataclass(frozen=True, slots=True)
class StatusDraft(Draft):
    """A clinician's judgement of the disease.

    Attributes:
        response: the response it stands nearest to, or the clinician's words.
    """

    response: str


_Draft = TypeVar("_Draft", bound=Draft)


@dataclass(slots=True)
class Drafts(Generic[_Draft]):
    """The drafts of one kind."""

    _kept: dict[tuple[object, ...], _Draft] = field(default_factory=dict)

    def __iter__(self) -> Iterator[_Draft]:
        return iter(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, draft: _Draft, ledger: Ledger) -> None:
        """Take in a draft."""
        place = draft.place
        if place.id is None or place.id.startswith("#"):
            self._kept["", len(self._kept), draft.part] = draft
            return
        key = (place.kind, place.id, draft.part)
        for name in (key, (*key, place.file)):
            known = self._kept.get(name)
            if known is None:
                self._kept[name] = draft
                return
            if known == draft and known.place.subject == place.subject:
                ledger.note(place, "the resource is there twice", "It is read once; nothing to do.", "id")
                return
            if place.version and known.place.version and place.version != known.place.version:
                if place.version > known.place.version:
                    self._kept[name] = draft
                ledger.note(
                    place,
                    "the resource is there in several versions",
                    "The latest is read; nothing to do.",
                    "meta",
                )
                return
            if known.place.file == place.file:
                ledger.note(
                    place,
                    "two resources that differ have the same id",
                    "Give each resource an id of its own, or remove the one that is wrong.",
                    "id",
                    severity="error",
                )
                return
