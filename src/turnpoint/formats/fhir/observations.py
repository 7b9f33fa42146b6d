"""Observations: which are results of tumour markers, sizes of tumours, or a clinician's judgement of the disease.

The rules for markers:

1. A test is a marker by its LOINC code. A code of LOINC that Turnpoint does not know is none (CEA in another fluid has
   a code of its own), unless the resource claims the mCODE profile and gives a concentration; then it keeps its name.
   A test without a LOINC code is a marker by its name.
2. A panel's components are tests.
3. A value is a number with a unit that the marker is measured in; `<` and `>` are limits. A text is read when it is all
   of that (`<0.1 ng/mL`). Other results are kept in the side table.
4. Cancelled and wrongly entered results are left out. Preliminary ones are read, unless a final one follows.
5. The upper limit is the high end of the one reference range that is normal for the patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Final

from turnpoint.formats.fhir.codes import (
    COMPARATORS,
    DISEASE_STATUS,
    MARKER_PROFILE,
    OBSERVATION_STATUS,
    SIZE_CODES,
    SIZE_PROFILE,
    STATUS_CODES,
    STATUS_PROFILE,
    WITHDRAWN,
)
from turnpoint.formats.fhir.days import When, issued, when
from turnpoint.formats.fhir.drafts import MarkerDraft, StatusDraft
from turnpoint.formats.fhir.elements import (
    LOINC,
    OWN,
    Json,
    Quantity,
    child,
    children,
    codings,
    has_code,
    profiles,
    quantity,
    text,
    words,
)
from turnpoint.formats.fhir.index import reference_key
from turnpoint.formats.fhir.ledger import Description, Ledger, Place, described
from turnpoint.study.markers import MARKERS, find_marker
from turnpoint.study.schema import fold
from turnpoint.study.units import parse

# Beyond this a number is no result of a laboratory, and its conversion might not be finite.
_LARGEST_VALUE: Final = 1e15
_NOTHING_TO_DO: Final = "It is kept in the side table; nothing to do."
# Short names that mean something else in most laboratories: triglycerides, the haematocrit, longest diameter.
_AMBIGUOUS: Final = frozenset({"tg", "hct", "ld", "scc", "s100"})
_QUANTITY_TEXT: Final = re.compile(r"([<>]=?)?\s{0,5}(\d{1,15}(?:\.\d{1,15})?)\s{0,5}(\S.{0,30})")


def is_size(body: Json) -> bool:
    """True for an Observation of a tumour's size."""
    return has_code(child(body, "code"), LOINC, SIZE_CODES) or SIZE_PROFILE in profiles(body)


def is_disease_status(body: Json) -> bool:
    """True for an Observation of how the disease is doing."""
    return has_code(child(body, "code"), LOINC, STATUS_CODES) or STATUS_PROFILE in profiles(body)


def is_valid(place: Place, body: Json, allowed: tuple[str, ...], element: str, ledger: Ledger) -> bool:
    """True when a code that FHIR requires is there and is one of its value set; else that is an error."""
    said = body.get(element)
    if isinstance(said, str) and said in allowed:
        return True
    ledger.leave(
        place,
        described(body),
        f"{element} is missing" if said is None else f"not one of the codes that FHIR allows for {element}",
        f"Write one of {', '.join(allowed)}.",
        element,
        value=text(body, element),
        severity="error",
    )
    return False


def is_result(place: Place, body: Json, ledger: Ledger) -> bool:
    """True when an Observation's status says that there is a result (rule 4)."""
    if not is_valid(place, body, OBSERVATION_STATUS, "status", ledger):
        return False
    status = body["status"]
    if status in WITHDRAWN:
        ledger.leave(
            place, described(body), "withdrawn (cancelled or entered in error)", _NOTHING_TO_DO, "status"
        )
    elif status == "registered":
        ledger.leave(place, described(body), "registered, without a result yet", _NOTHING_TO_DO, "status")
    return status not in WITHDRAWN and status != "registered"


def markers_of(place: Place, body: Json, ledger: Ledger) -> Iterator[MarkerDraft] | None:
    """The results of markers in an Observation; None when it has none, so that something else is to be said of it."""
    claims = MARKER_PROFILE in profiles(body)
    tests: list[tuple[Json, str, int]] = []
    for part, test in enumerate([body, *children(body, "component")]):
        name = _marker(child(test, "code"), _measured(test), claims=claims)
        if name is not None and (part == 0 or "code" in test) and not (part == 0 and _is_panel(body)):
            tests.append((test, name, part))
    if not tests:
        return None
    if not is_result(place, body, ledger):
        return iter(())
    return _drafted(place, body, tests, ledger)


def _is_panel(body: Json) -> bool:
    """True when all results stand in the components."""
    return bool(body.get("component")) and not any(name.startswith("value") for name in body)


def _drafted(
    place: Place, body: Json, tests: list[tuple[Json, str, int]], ledger: Ledger
) -> Iterator[MarkerDraft]:
    moment = when(body, "effective")
    specimen = reference_key(child(body, "specimen"), place)
    if moment == When() and specimen is None:
        moment = issued(body)
    for test, name, part in tests:
        shown = described(body if part == 0 else {**test, "effectiveDateTime": body.get("effectiveDateTime")})
        measured = _readable(place, shown, name, _measured(test), ledger)
        unit = None if measured is None else _unit(name, measured)
        if measured is None or unit is None:
            continue
        yield MarkerDraft(
            place,
            shown,
            moment,
            part,
            name,
            f"{measured.comparator or ''}{measured.value}",
            unit,
            _upper_limit(test, unit, name),
            words(child(body, "method")) or text(child(body, "device"), "display"),
            body.get("status") == "preliminary",
            specimen,
        )


def _readable(
    place: Place, shown: Description, name: str, measured: Quantity | None, ledger: Ledger
) -> Quantity | None:
    """The quantity, if a study can hold it (rule 3); None when it cannot (reported)."""
    if measured is None:
        ledger.leave(place, shown, "tumour markers without a number", _NOTHING_TO_DO, "value")
        return None
    if measured.comparator is not None and measured.comparator not in COMPARATORS:
        ledger.leave(
            place,
            shown,
            "not one of the codes that FHIR allows for comparator",
            f"Write one of {' '.join(COMPARATORS)}, or leave it out.",
            "valueQuantity.comparator",
            value=measured.comparator,
            severity="error",
        )
        return None
    if _unit(name, measured) is None or abs(measured.value) > _LARGEST_VALUE:
        ledger.leave(
            place,
            shown,
            f"{name} without a unit that it is measured in, or with an impossible value",
            "It is kept in the side table; correct the unit (UCUM) where the data come from.",
            "valueQuantity.code",
            value=measured.code or measured.unit,
        )
        return None
    return measured


def _measured(test: Json) -> Quantity | None:
    """The quantity of a test (rule 3)."""
    found = quantity(child(test, "valueQuantity"))
    if found is not None:
        return found
    parts = _QUANTITY_TEXT.fullmatch(text(test, "valueString") or "")
    if parts is None or parse(parts[3]) is None:
        return None
    return Quantity(float(parts[2]), parts[1], parts[3], parts[3])


def _marker(concept: Json, measured: Quantity | None, *, claims: bool) -> str | None:
    """The name of the marker that a test is; None when it is none (rule 1)."""
    found = list(codings(concept))
    if any(coding.system == f"{OWN}marker" for coding in found):
        return words(concept)
    of_loinc = [coding.code for coding in found if coding.system in LOINC and coding.code]
    for code in of_loinc:
        known = find_marker(code)
        if known is not None and code in known.loinc:
            return known.name
    names = [text(concept, "text"), *(coding.display for coding in found), *(coding.code for coding in found)]
    for name in names if not of_loinc else ():
        known = find_marker(name) if name and fold(name) not in _AMBIGUOUS else None
        if known is not None:
            return known.name
    if not claims or measured is None:
        return None
    unit = parse(measured.code or measured.unit or "")
    return None if unit is None or unit.dimension == "fraction" else words(concept)


def _unit(name: str, measured: Quantity) -> str | None:
    """The unit of a value, as people write it where that says the same as the code; None when it says nothing."""
    written = [unit for unit in (measured.code, measured.unit) if unit is not None]
    if name not in MARKERS:
        return written[-1] if written else None
    readable = [unit for unit in written if _converts(name, unit)]
    if len(readable) == 2 and _ratio(readable[0], readable[1]) == 1:
        return readable[1]
    return readable[0] if readable else None


# a bundle says few units, each thousands of times; exact fractions are slow
@lru_cache(maxsize=4096)
def _converts(name: str, unit: str) -> bool:
    known, found = MARKERS[name], parse(unit)
    candidates = [known, MARKERS.get(known.other_quantity or "")]
    return found is not None and any(
        candidate is not None and candidate.ratio_from(found) is not None for candidate in candidates
    )


@lru_cache(maxsize=4096)
def _ratio(unit: str, other: str) -> Fraction | None:
    first, second = parse(unit), parse(other)
    return None if first is None or second is None else first.ratio_to(second)


def _upper_limit(test: Json, unit: str, name: str) -> float | None:
    """Rule 5; None when there is none, or several that differ."""
    found: set[float] = set()
    for limits in children(test, "referenceRange"):
        kind = {coding.code for coding in codings(child(limits, "type"))} - {None}
        high = quantity(child(limits, "high"))
        if high is None or not 0 < high.value < _LARGEST_VALUE or (kind and "normal" not in kind):
            continue
        own = _unit(name, high) if high.code or high.unit else unit
        ratio = Fraction(1) if own == unit else _ratio(own or "", unit)
        if ratio is not None:
            found.add(float(Fraction(str(high.value)) * ratio))
    return found.pop() if len(found) == 1 else None


def status_of(place: Place, body: Json, ledger: Ledger) -> StatusDraft | None:
    """A clinician's judgement of the disease, for comparing with derived responses; None without a result."""
    if not is_result(place, body, ledger):
        return None
    shown = described(body)
    ledger.leave(
        place,
        shown,
        "a clinician's judgement of the disease (disease status)",
        "A study folder has no place for it; it is kept in the side table, and compared by --reported.",
    )
    concept = child(body, "valueCodeableConcept")
    known = [DISEASE_STATUS.get(coding.code or "") for coding in codings(concept)]
    nearest = next((response for response in known if response is not None), None)
    said = nearest or words(concept)
    return None if said is None else StatusDraft(place, shown, when(body, "effective"), 0, said)
