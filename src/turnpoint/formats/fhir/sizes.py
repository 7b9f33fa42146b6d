"""Sizes of tumours: mCODE tumour size Observations, and the tumours and specimens that they are of.

The rules:

1. The longest dimension is the component 33728-7, or else the Observation's own value; other dimensions are components
   33729-5, the largest first. Units become mm, exactly.
2. `<` a size is too small to measure. No size, with the reason why, is not evaluable. A size with `>` is left out.
3. The tumour is Observation.focus (BodyStructure), or the bodySite extension, or the specimen that was made of it, by
   its identifier; or else the body site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from turnpoint.formats.fhir.codes import (
    LENGTHS,
    LONGEST_DIMENSION,
    LYMPH_NODE,
    METHODS,
    OTHER_DIMENSION,
    PATHOLOGY,
)
from turnpoint.formats.fhir.days import When, when
from turnpoint.formats.fhir.drafts import SizeDraft
from turnpoint.formats.fhir.elements import (
    LOINC,
    SNOMED,
    Json,
    Quantity,
    child,
    children,
    codings,
    extension,
    flag,
    has_code,
    own,
    own_text,
    quantity,
    text,
    words,
)
from turnpoint.formats.fhir.index import reference_key
from turnpoint.formats.fhir.ledger import Ledger, Place, described
from turnpoint.formats.fhir.observations import is_result
from turnpoint.formats.fhir.resources import Resource

_NODE: Final = re.compile(r"lymph|\bnodes?\b|\bnodal\b|淋巴结", re.IGNORECASE)
_LARGEST_MM: Final = 1e4
_SIDE_TABLE: Final = "It is kept in the side table; nothing to do."


@dataclass(frozen=True, slots=True)
class Tumour:
    """A tumour in the body, or the specimen that was made of it.

    Attributes:
        id: the identifier of the tumour, the same for its specimen; or else the resource's id.
        site: where it is.
        is_node: true for a lymph node.
        collected: when the specimen was taken.
    """

    id: str | None
    site: str | None
    is_node: bool
    collected: When


def tumour_of(resource: Resource) -> Tumour:
    """What a BodyStructure or Specimen says."""
    body = resource.body
    identifiers = children(body, "identifier")
    of_tumour = [part for part in identifiers if has_any_code(child(part, "type"), "BodyStructure")]
    named = next((name for part in of_tumour or identifiers if (name := text(part, "value"))), None)
    collection = child(body, "collection")
    location = child(body, "location") or child(collection, "bodySite")
    identifier = named or (resource.place.id or "").rpartition("#")[2] or None
    return Tumour(identifier, words(location), _is_node(location), when(collection, "collected"))


def has_any_code(concept: Json, code: str) -> bool:
    """True when a concept has a code, whatever its system."""
    return any(coding.code == code for coding in codings(concept))


def size_of(place: Place, body: Json, ledger: Ledger) -> SizeDraft | None:
    """The size in an Observation of a tumour's size; None when there is none to read (reported)."""
    if not is_result(place, body, ledger):
        return None
    components = children(body, "component")
    longest = [part for part in components if has_code(child(part, "code"), LOINC, LONGEST_DIMENSION)]
    others = [part for part in components if has_code(child(part, "code"), LOINC, OTHER_DIMENSION)]
    sizes = [quantity(child(part, "valueQuantity")) for part in (*longest, body)]
    size = next((found for found in sizes if found is not None), None)
    other_sizes = [found for part in others if (found := quantity(child(part, "valueQuantity"))) is not None]
    reasons = [child(part, "dataAbsentReason") for part in (*longest, body)]
    status = own_text(body, "lesion-status")
    if size is None and not other_sizes and not any(reasons) and status is None:
        ledger.leave(place, described(body), "sizes of tumours without a number", _SIDE_TABLE, "component")
        return None
    if not all(
        _is_readable(found, place, body, ledger) for found in (size, *other_sizes) if found is not None
    ):
        return None
    return _draft(place, body, size, other_sizes, status)


def _draft(
    place: Place, body: Json, size: Quantity | None, others: list[Quantity], status: str | None
) -> SizeDraft:
    site, method = child(body, "bodySite"), child(body, "method")
    of_site = child(extension(body, "/bodySite"), "valueReference")
    references = [*children(body, "focus"), of_site, child(body, "specimen")]
    keys = [reference_key(reference, place) for reference in references]
    codes = {coding.code for coding in codings(method) if coding.code}
    return SizeDraft(
        place,
        described(body),
        when(body, "effective"),
        0,
        None if size is None else _in_mm(size),
        tuple(sorted((mm for found in others if (mm := _in_mm(found)) is not None), reverse=True)),
        size is not None and size.comparator is not None,
        any(found.comparator is not None for found in others),
        tuple(key for key in keys if key is not None),
        words(site),
        _is_node(site),
        words(method) if text(method, "text") else _method(method, codes),
        bool(codes & PATHOLOGY),
        own_text(body, "lesion"),
        own_text(body, "lesion-role"),
        status,
        flag(own(body, "lesion-node"), "valueBoolean"),
        own_text(body, "reader"),
    )


def _method(method: Json, codes: set[str]) -> str | None:
    known = next((METHODS[code] for code in sorted(codes) if code in METHODS), None)
    return known or words(method)


def _is_node(site: Json) -> bool:
    return bool(_NODE.search(words(site) or "")) or has_code(site, SNOMED, LYMPH_NODE)


def _is_readable(size: Quantity, place: Place, body: Json, ledger: Ledger) -> bool:
    """True for a size in a unit of length (rules 1 and 2)."""
    mm = _in_mm(size)
    if mm is None or not 0 <= mm <= _LARGEST_MM:
        ledger.leave(
            place,
            described(body),
            "sizes of tumours without a unit of length, or of an impossible size",
            "It is kept in the side table; write mm or cm where the data come from.",
            "component.valueQuantity",
            value=size.code or size.unit,
        )
        return False
    if size.comparator is not None and (not size.comparator.startswith("<") or mm >= 10):
        ledger.leave(
            place,
            described(body),
            "sizes of tumours that are only known to be above, or below 10 mm or more",
            _SIDE_TABLE,
            "component.valueQuantity.comparator",
            value=size.comparator,
        )
        return False
    return True


def _in_mm(size: Quantity) -> float | None:
    """The size in mm: 1.1 cm is 11, not 11.000000000000002."""
    for unit in (size.code, size.unit):
        ratio = LENGTHS.get((unit or "").strip().lower())
        if ratio is not None:
            return float(Fraction(str(size.value)) * Fraction(ratio))
    return None
