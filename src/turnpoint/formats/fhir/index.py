"""Who and what references mean: patients, and the resources that others point to.

The rules:

1. A reference is relative (`Patient/1`), absolute, the `urn:uuid:` of a Bundle's entry, a contained resource (`#1`), a
   logical one (an identifier), or a search by identifier as transactions write it. Versions are left off.
2. patient_id is Patient.id, or else its first identifier, or else its uuid; never a name. A reference to a patient who
   is not in the data gives the id that it names.
3. A Patient that is replaced by another (Patient.link) is that other one.
4. Ids hold within a file first, and then across files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from turnpoint.formats.fhir.elements import OWN, Json, child, children, text
from turnpoint.formats.fhir.ledger import Ledger, Place
from turnpoint.formats.fhir.resources import Resource

_Found = TypeVar("_Found")
_UUID: Final = ("urn:uuid:", "urn:oid:")
OWN_PATIENT: Final = f"{OWN}patient"
_IDENTIFIER: Final = "identifier:"


def reference_key(reference: Json, place: Place) -> str | None:
    """The key of what a Reference points to; None when it points to nothing.

    Args:
        reference: a Reference.
        place: the resource that holds it.
    """
    written = text(reference, "reference")
    if written is not None:
        if written.startswith("#"):
            return _contained_key(place, written[1:])
        _, conditional, query = written.partition("?identifier=")
        if conditional:
            return _IDENTIFIER + query
        return written.partition("/_history/")[0].rstrip("/")
    identifier = child(reference, "identifier")
    value = text(identifier, "value")
    return None if value is None else f"{_IDENTIFIER}{text(identifier, 'system') or ''}|{value}"


def subject_key(resource: Json, place: Place) -> str | None:
    """The key of the patient whom a resource is about; None when it is about none."""
    reference = child(resource, "subject") or child(resource, "patient")
    key = reference_key(reference, place)
    kind = text(reference, "type")
    if key is None or (kind is not None and kind.rsplit("/", 1)[-1] != "Patient"):
        return None
    if key.startswith((*_UUID, _IDENTIFIER, "#")) or "/" not in key:
        return key
    return key if key.split("/")[-2] == "Patient" else None


def _contained_key(place: Place, name: str) -> str:
    container = (place.id or "").partition("#")[0]
    return f"#{place.file}:{place.row}:{container}#{name}"


def own_keys(resource: Resource) -> list[str]:
    """The keys under which a resource can be pointed to."""
    place = resource.place
    if place.within:
        return [_contained_key(place, (place.id or "").partition("#")[2])]
    keys = [] if place.id is None else [f"{place.kind}/{place.id}"]
    if resource.url is not None:
        keys.append(resource.url.partition("/_history/")[0])
    for identifier in children(resource.body, "identifier"):
        value = text(identifier, "value")
        if value is not None:
            keys.append(f"{_IDENTIFIER}{text(identifier, 'system') or ''}|{value}")
    return keys


@dataclass(slots=True)
class Named(Generic[_Found]):
    """Things by the references that mean them (rule 4)."""

    _by_key: dict[tuple[str, str], _Found] = field(default_factory=dict)

    def add(self, resource: Resource, thing: _Found) -> None:
        """Keep a thing under all keys of its resource; the first of a key stays."""
        for key in own_keys(resource):
            self._by_key.setdefault((resource.place.file, key), thing)
            self._by_key.setdefault(("", key), thing)

    def find(self, file: str, key: str | None) -> _Found | None:
        """The thing that a reference in a file means, if it is there."""
        if key is None:
            return None
        tail = "/".join(key.rsplit("/", 2)[-2:])
        for scope, name in ((file, key), (file, tail), ("", key), ("", tail)):
            found = self._by_key.get((scope, name))
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Person:
    """A Patient resource.

    Attributes:
        id: the patient's identifier (rule 2).
        place: where it stands.
        body: the resource without what names the person.
        is_listed: true when Turnpoint wrote it: then it is one of a study's patients, whatever is known of it.
    """

    id: str
    place: Place
    body: Json
    is_listed: bool = False


# Names, addresses and pictures never get further than this list.
_READ: Final = (
    "gender",
    "birthDate",
    "_birthDate",
    "deceasedDateTime",
    "_deceasedDateTime",
    "deceasedBoolean",
    "extension",
)


@dataclass(slots=True)
class People:
    """The patients.

    Attributes:
        by_id: the Patient resources by `patient_id`.
    """

    by_id: dict[str, Person] = field(default_factory=dict)
    _by_key: dict[str, str] = field(default_factory=dict)
    _replaced: dict[str, str] = field(default_factory=dict)
    _servers: dict[str, str] = field(default_factory=dict)

    def add(self, resource: Resource, ledger: Ledger) -> None:
        """Take in a Patient resource."""
        place, body = resource.place, resource.body
        keys = own_keys(resource)
        identifier = _identifier(place, body, resource.url)
        if identifier is None:
            ledger.note(place, "a Patient without an id", "It is not read; give it an id.", "id")
            return
        listed = any(text(part, "system") == OWN_PATIENT for part in children(body, "identifier"))
        person = Person(identifier, place, {name: body[name] for name in _READ if name in body}, listed)
        known = self.by_id.get(identifier)
        if known is None or (place.version > known.place.version and known.place.version):
            self.by_id[identifier] = person
        elif known.body != person.body and not (place.version and known.place.version):
            ledger.note(
                place,
                "two Patients that differ have the same id",
                "Give each patient an id of their own.",
                "id",
                severity="error",
            )
        for key in keys:
            self._by_key.setdefault(key, identifier)
            self._check_server(key, place, ledger)
        for link in children(body, "link"):
            other = reference_key(child(link, "other"), place)
            if other is None:
                continue
            if text(link, "type") == "replaced-by":
                self._replaced[identifier] = other
            elif text(link, "type") == "replaces":
                self._replaced.setdefault(self._of_key(other), f"Patient/{identifier}")

    def resolve(self, key: str, place: Place, ledger: Ledger) -> str:
        """The `patient_id` that a subject's key means (rules 2 and 3)."""
        self._check_server(key, place, ledger)
        found = self._of_key(key)
        seen = {found}
        while found in self._replaced:
            found = self._of_key(self._replaced[found])
            if found in seen:
                break
            seen.add(found)
        return found

    def _of_key(self, key: str) -> str:
        tail = "/".join(key.rsplit("/", 2)[-2:])
        for name in (key, tail, f"Patient/{key.removeprefix(_UUID[0])}"):
            if name in self._by_key:
                return self._by_key[name]
        if key.startswith(_IDENTIFIER):
            return key.rsplit("|", 1)[-1] or key
        for prefix in _UUID:
            key = key.removeprefix(prefix)
        return key.rsplit("/", 1)[-1] or key

    def _check_server(self, key: str, place: Place, ledger: Ledger) -> None:
        """Two servers may each have a Patient/1; to take them for one person would be a grave error."""
        if not key.startswith(("http://", "https://")):
            return
        server, slash, identifier = key.partition("://")[2].rpartition("/Patient/")
        if slash and self._servers.setdefault(identifier, server) != server:
            ledger.note(
                place,
                "patients of two servers have the same id",
                "Convert the data of each server by itself, or give the patients ids of their own.",
                "subject",
                severity="error",
            )


def _identifier(place: Place, body: Json, url: str | None) -> str | None:
    values = {text(part, "system"): text(part, "value") for part in reversed(children(body, "identifier"))}
    own = values.get(OWN_PATIENT)
    if own is not None:
        return own
    if place.id is not None and not place.within:
        return place.id
    found = next((value for value in reversed(values.values()) if value is not None), None)
    if found is None and url is not None:
        return url.rsplit("/", 1)[-1].removeprefix(_UUID[0]) or None
    return found or place.id
