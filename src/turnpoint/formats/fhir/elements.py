"""The elements of FHIR resources, read from JSON that may hold anything: what has the wrong type is as good as absent.

Source: HL7 FHIR R4 (4.0.1), "Data Types" and "JSON Representation of Resources".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

Json: TypeAlias = Mapping[str, object]

_NOTHING: Final[Json] = {}
LOINC: Final = frozenset({"http://loinc.org", "https://loinc.org", "urn:oid:2.16.840.1.113883.6.1", "LOINC"})
SNOMED: Final = frozenset({"http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"})
# What Turnpoint writes about its own columns, and reads back; said in docs/formats-fhir.md.
OWN: Final = "urn:turnpoint:"
OWN_EXTENSION: Final = f"{OWN}extension:"

_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})([T ].{0,40})?)?)?")
_LONGEST_TEXT: Final = 500
_LONGEST_REMEMBERED: Final = 100


@dataclass(frozen=True, slots=True)
class Coding:
    """A code of a code system, any part of which may be missing."""

    system: str | None
    code: str | None
    display: str | None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity.

    Attributes:
        value: finite.
        comparator: `<`, `<=`, `>`, `>=`, or None.
        code: unit as a code, normally of UCUM.
        unit: unit for people.
    """

    value: float
    comparator: str | None
    code: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Span:
    """A date, or what a partial date may mean: 2014-02 is 1 to 28 February.

    Attributes:
        first, last: the same for a full date.
        text: as written, which tells the time of the day where there is one.
    """

    first: date
    last: date
    text: str

    @property
    def is_full(self) -> bool:
        """True for a single day."""
        return self.first == self.last


def child(element: Json, name: str) -> Json:
    """The element of that name; empty when there is none."""
    found = element.get(name)
    return found if isinstance(found, dict) else _NOTHING


def children(element: Json, name: str) -> list[Json]:
    """The elements of that name; one that stands without its list is taken as a list of one."""
    found = element.get(name)
    if isinstance(found, dict):
        return [found]
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def text(element: Json, name: str) -> str | None:
    """The text of that name, on one line, without outer spaces, never empty and never endless."""
    found = element.get(name)
    if not isinstance(found, str):
        return None
    return _cleaned_once(found) if len(found) <= _LONGEST_REMEMBERED else cleaned(found)


def cleaned(written: str) -> str | None:
    """A text fit for a table: half characters, which no file can hold, become question marks."""
    plain = " ".join(written[: 4 * _LONGEST_TEXT].split())[:_LONGEST_TEXT]
    if not plain.isascii():
        plain = plain.encode("utf-8", "replace").decode("utf-8")
    return plain or None


# A record says the same few hundred words over and over.
_cleaned_once = lru_cache(maxsize=2**16)(cleaned)


def number(element: Json, name: str) -> float | None:
    """The number of that name, if it is finite."""
    found = element.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        value = float(found)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def flag(element: Json, name: str) -> bool | None:
    """The boolean of that name."""
    found = element.get(name)
    return found if isinstance(found, bool) else None


def codings(concept: Json) -> Iterator[Coding]:
    """The codings of a CodeableConcept."""
    for coding in children(concept, "coding"):
        yield Coding(text(coding, "system"), text(coding, "code"), text(coding, "display"))


def words(concept: Json) -> str | None:
    """What a CodeableConcept says in words: its text, or else its first display, or else its first code."""
    said = text(concept, "text")
    if said is not None:
        return said
    found = list(codings(concept))
    display = next((coding.display for coding in found if coding.display), None)
    return display or next((coding.code for coding in found if coding.code), None)


def term(concept: Json) -> str | None:
    """The coded term of a CodeableConcept: its first display, or else its text, or else its first code."""
    display = next((coding.display for coding in codings(concept) if coding.display), None)
    return display or words(concept)


def has_code(concept: Json, systems: frozenset[str], codes: frozenset[str]) -> bool:
    """True when one of the codings is one of these codes of one of these systems."""
    for coding in children(concept, "coding"):
        code, system = coding.get("code"), coding.get("system")
        # What is no text may not even be looked up in a set.
        if isinstance(code, str) and isinstance(system, str) and code in codes and system in systems:
            return True
    return False


def first_code(concept: Json) -> str | None:
    """The first code."""
    return next((coding.code for coding in codings(concept) if coding.code), None)


def profiles(resource: Json) -> tuple[str, ...]:
    """Names of the profiles that a resource claims: the last part of each canonical, without its version."""
    claimed = child(resource, "meta").get("profile")
    found = claimed if isinstance(claimed, list) else [claimed]
    return tuple(
        profile.rsplit("/", 1)[-1].partition("|")[0] for profile in found if isinstance(profile, str)
    )


def extension(element: Json, *endings: str) -> Json:
    """The first extension whose URL ends in one of these names; empty when there is none."""
    for found in children(element, "extension"):
        url = found.get("url")
        if isinstance(url, str) and url.rstrip("/").endswith(endings):
            return found
    return _NOTHING


def own(element: Json, name: str) -> Json:
    """Turnpoint's own extension of that name; empty when there is none."""
    return extension(element, OWN_EXTENSION + name)


def own_text(element: Json, name: str) -> str | None:
    """The text of Turnpoint's own extension."""
    found = own(element, name)
    return text(found, "valueString") or text(found, "valueCode")


def own_integer(element: Json, name: str) -> int | None:
    """The whole number of Turnpoint's own extension."""
    found = own(element, name).get("valueInteger")
    return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**31 else None


def quantity(element: Json) -> Quantity | None:
    """A Quantity with a finite value; None without one."""
    value = number(element, "value")
    if value is None:
        return None
    return Quantity(value, text(element, "comparator"), text(element, "code"), text(element, "unit"))


def span(written: object) -> Span | None:
    """The days that a date or dateTime may mean, as written, whatever its time zone; None for anything else.

    >>> span("2014-02").last, span("2019-02-30"), span("2019-05-01T23:30:00-05:00").first
    (datetime.date(2014, 2, 28), None, datetime.date(2019, 5, 1))
    """
    if not isinstance(written, str) or (found := _DATE.fullmatch(written.strip()[:60])) is None:
        return None
    year, month, day = found[1], found[2], found[3]
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if day:
            last = first
        elif month:
            last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        else:
            last = date(int(year), 12, 31)
    except (ValueError, OverflowError):
        return None
    return Span(first, last, found[0])
