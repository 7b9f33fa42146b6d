"""The content tree of one report: its measurement groups, as plain frozen objects.

The tree is walked with a stack, never by recursion, and a damaged item makes the file unreadable, not Turnpoint.

Source: DICOM PS3.3 section C.17.3 (SR Document Content), PS3.16 TID 1500 and TID 1501.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from turnpoint.formats.dicom_sr import codes
from turnpoint.formats.dicom_sr.codes import Code

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# A report has some thousand items; one with more than this many is no report of measurements.
MOST_ITEMS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Measurement:
    """One NUM item.

    Attributes:
        concept: what was measured.
        value: as written; None when there is a reason instead.
        unit: UCUM.
        missing: why there is no value.
    """

    concept: Code
    value: str | None
    unit: str
    missing: Code | None


@dataclass(frozen=True, slots=True)
class Group:
    """One measurement group: what a report says of one lesion.

    Attributes:
        number: which group of the report, from 1.
        identifier, uid: what it is tracked by.
        finding, category: what it is.
        sites: where it is, with the side.
        statements: all other codes: role, state.
        words: texts of the statements that are text.
        measurements: in their order.
        time_point: as written; None when it does not say.
        derived: true in the part of a report that sums up several groups.
    """

    number: int
    identifier: str | None
    uid: str | None
    finding: Code | None
    category: Code | None
    sites: tuple[Code, ...]
    statements: tuple[Code, ...]
    words: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    time_point: str | None
    derived: bool

    @property
    def name(self) -> str:
        """For the side table."""
        return f"measurement group {self.number}"


class TooManyItemsError(ValueError):
    """The tree has more items than any report of measurements."""


def groups(root: Dataset) -> tuple[Group, ...]:
    """The measurement groups of a report, in their order; the image library is passed over."""
    found: list[Group] = []
    stack = [(item, False) for item in reversed(_content(root))]
    seen = 0
    while stack:
        item, derived = stack.pop()
        seen += 1
        if seen > MOST_ITEMS:
            raise TooManyItemsError
        name = concept_of(item)
        key = None if name is None else name.key
        if key == codes.MEASUREMENT_GROUP:
            found.append(_group(item, len(found) + 1, derived=derived))
        elif key != codes.IMAGE_LIBRARY:
            inside = derived or key == codes.DERIVED_MEASUREMENTS
            stack += [(part, inside) for part in reversed(_content(item))]
    return tuple(found)


def observer(root: Dataset) -> str | None:
    """Who read the images, as written; it only tells readers apart and goes nowhere."""
    for item in _content(root):
        name = concept_of(item)
        if name is not None and name.key == codes.PERSON_OBSERVER:
            return _text(item, "PersonName") or _text(item, "TextValue")
    return None


def time_point(root: Dataset) -> str | None:
    """The time point of a whole report."""
    return next((said for item in _content(root) if (said := _time_point(item))), None)


def concept_of(item: Dataset) -> Code | None:
    """The name of an item."""
    return _code(item, "ConceptNameCodeSequence")


def is_report(root: Dataset) -> bool:
    """True when its title or its template says that it is a measurement report (TID 1500)."""
    title = concept_of(root)
    templates = root.get("ContentTemplateSequence") or ()
    named = any(str(template.get("TemplateIdentifier", "")) == "1500" for template in templates)
    return named or (title is not None and title.key == codes.MEASUREMENT_REPORT)


def _group(container: Dataset, number: int, *, derived: bool) -> Group:
    items = list(_below(container))
    named = [(name, item) for item in items if (name := concept_of(item)) is not None]
    coded = [
        (name.key, value) for name, item in named if (value := _code(item, "ConceptCodeSequence")) is not None
    ]
    special = (codes.FINDING, codes.FINDING_CATEGORY, codes.FINDING_SITE, codes.LATERALITY)
    of = {key: tuple(value for name, value in coded if name == key) for key in special}
    return Group(
        number=number,
        identifier=_first(named, codes.TRACKING_IDENTIFIER, "TextValue"),
        uid=_first(named, codes.TRACKING_UID, "UID"),
        finding=next(iter(of[codes.FINDING]), None),
        category=next(iter(of[codes.FINDING_CATEGORY]), None),
        sites=of[codes.FINDING_SITE] + of[codes.LATERALITY],
        statements=tuple(value for key, value in coded if key not in special),
        words=tuple(
            said for name, item in named if _is_statement(name) and (said := _text(item, "TextValue"))
        ),
        measurements=tuple(_measurement(name, item) for name, item in named if _kind(item) == "NUM"),
        time_point=next((said for item in items if (said := _time_point(item))), None),
        derived=derived,
    )


def _below(container: Dataset) -> Iterator[Dataset]:
    """Every item in a container, first to last; a tracking UID of a single measurement comes after the group's."""
    level: Sequence[Dataset] = _content(container)
    seen = 0
    while level:
        yield from level
        seen += len(level)
        if seen > MOST_ITEMS:
            raise TooManyItemsError
        level = [part for item in level for part in _content(item)]


def _measurement(name: Code, item: Dataset) -> Measurement:
    values = item.get("MeasuredValueSequence") or ()
    missing = _code(item, "NumericValueQualifierCodeSequence")
    if not values:
        return Measurement(name, None, "", missing)
    unit = _code(values[0], "MeasurementUnitsCodeSequence")
    return Measurement(name, _text(values[0], "NumericValue"), "" if unit is None else unit.value, missing)


def _is_statement(name: Code) -> bool:
    return name.key not in (codes.TRACKING_IDENTIFIER, *codes.TIME_POINTS)


def _time_point(item: Dataset) -> str | None:
    name = concept_of(item)
    return _text(item, "TextValue") if name is not None and name.key in codes.TIME_POINTS else None


def _first(named: Sequence[tuple[Code, Dataset]], key: tuple[str, str], attribute: str) -> str | None:
    return next((said for name, item in named if name.key == key and (said := _text(item, attribute))), None)


def _kind(item: Dataset) -> str:
    return str(item.get("ValueType", "")).strip()


def _content(item: Dataset) -> Sequence[Dataset]:
    return item.get("ContentSequence") or ()


def _code(item: Dataset, attribute: str) -> Code | None:
    entries = item.get(attribute) or ()
    if not entries:
        return None
    entry = entries[0]
    value = next(
        (said for name in ("CodeValue", "LongCodeValue", "URNCodeValue") if (said := _text(entry, name))),
        None,
    )
    if value is None:
        return None
    return Code(value, _text(entry, "CodingSchemeDesignator") or "", _text(entry, "CodeMeaning") or "")


def _text(item: Dataset, attribute: str) -> str | None:
    value = item.get(attribute)
    if value is None:
        return None
    # A backslash in a text splits it; a number may come as a list of one.
    whole = (
        "\\".join(str(part) for part in value)
        if isinstance(value, list | tuple) or _is_many(value)
        else str(value)
    )
    return whole.strip("\x00 ") or None


def _is_many(value: object) -> bool:
    return type(value).__name__ == "MultiValue"
