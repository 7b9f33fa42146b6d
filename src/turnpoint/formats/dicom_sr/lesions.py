"""From measurement groups to rows of lesions: one size, one state and one part in the criteria for each.

    size of a lesion:  long axis, else length or diameter        size of a node:  short axis, else length or diameter

Lesions are followed by the tracking unique identifier; groups without one by the tracking identifier.

Source: DICOM PS3.16 TID 1501 and TID 4108; RECIST 1.1 (Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026),
section 3 (which axis counts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from turnpoint.formats.dicom_sr import codes
from turnpoint.formats.dicom_sr.codes import Code
from turnpoint.formats.dicom_sr.files import Report
from turnpoint.formats.dicom_sr.ledger import Ledger
from turnpoint.formats.dicom_sr.tree import Group, Measurement


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report says of one lesion.

    Attributes:
        report, group: where.
        patient_id, day: whose, and when.
        role, status, diameter_mm, site, node: as in the study; `role` is None when the report does not say.
    """

    report: Report
    group: Group
    patient_id: str
    day: date
    role: str | None
    status: str
    diameter_mm: float | None
    site: str | None
    node: bool


@dataclass(frozen=True, slots=True)
class _Size:
    mm: float
    measurement: Measurement


def readings(report: Report, patient_id: str, day: date, ledger: Ledger) -> list[Reading]:
    """The lesions of a report; what is none goes to the ledger."""
    points = {group.time_point for group in report.groups if group.time_point} | (
        {report.time_point} if report.time_point else set()
    )
    found = []
    for group in report.groups:
        reason = _no_lesion(group, several_times=len(points) > 1)
        if reason is not None:
            ledger.leave_group(report, group, patient_id, day, *reason)
            continue
        reading = _reading(report, group, patient_id, day, ledger)
        if reading is not None:
            found.append(reading)
    return found


def _no_lesion(group: Group, *, several_times: bool) -> tuple[str, str] | None:
    """Why a group is no lesion of this day: reason and mend."""
    if group.derived:
        return "it is computed from other measurements", "Nothing to do; sums are computed from the lesions."
    if several_times:
        return (
            "the report holds several time points, so its date is not that of each",
            "Export one report for each imaging study.",
        )
    if group.category is not None and group.category.key == codes.ANATOMICAL_STRUCTURE:
        return "it measures a normal structure, not a lesion", "Nothing to do."
    if any(code.key in codes.NON_LESION for code in group.statements):
        return "the report says that it is no lesion", "Nothing to do."
    if group.identifier is None and group.uid is None:
        return (
            "it has no tracking identifier, so it cannot be followed",
            "Give lesions tracking identifiers (112039) and export again.",
        )
    return None


def _reading(report: Report, group: Group, patient_id: str, day: date, ledger: Ledger) -> Reading | None:
    node = any(codes.is_node(code) for code in (*group.sites, *((group.finding,) if group.finding else ())))
    said = [
        *group.statements,
        *([group.finding] if group.finding else []),
        *([group.category] if group.category else []),
    ]
    said += [Code("", "", words) for words in group.words]
    role = next((role for code in said if (role := codes.role_of(code))), None)
    status = next((status for code in said if (status := codes.status_of(code))), None)
    size = _size(report, group, ledger, node=node)
    reasons = [
        taken.missing for taken in group.measurements if taken.value is None and _counts(taken, node=node)
    ]
    if status is None and size is None and reasons:
        small = any(reason is not None and codes.status_of(reason) == "too_small" for reason in reasons)
        status = "too_small" if small else "not_evaluable"
    if status is None and size is None:
        if role != "non_target":
            ledger.leave_group(
                report,
                group,
                patient_id,
                day,
                "it has no short axis, length or diameter"
                if node
                else "it has no long axis, length or diameter",
                "Nothing to do unless it is a tumour; then measure its diameter.",
            )
            return None
        status = "present"
    _leave_others(report, group, patient_id, day, size, ledger, node=node)
    if status in (None, "present") and size is not None and size.mm > 0:
        status = "measured"
    elif size is not None and size.mm == 0:
        status = status or "absent"
    measured = size.mm if size is not None and status == "measured" else None
    return Reading(report, group, patient_id, day, role, status or "measured", measured, _site(group), node)


def _size(report: Report, group: Group, ledger: Ledger, *, node: bool) -> _Size | None:
    """The size that counts."""
    best: _Size | None = None
    for axis in ("short" if node else "long", "undirected"):
        of_kind = [taken for taken in group.measurements if codes.axis_of(taken.concept) == axis]
        sizes = [_Size(mm, taken) for taken in of_kind if (mm := _millimetres(taken)) is not None]
        if sizes and best is None:
            best = max(sizes, key=lambda size: size.mm)
            if len({size.mm for size in sizes}) > 1:
                ledger.note(report, "a group has several sizes of one kind", "The largest is read; check it.")
            if node and axis == "undirected":
                ledger.note(
                    report,
                    "the size of a lymph node does not say along which axis it was measured",
                    "It is read as the short axis; check it.",
                )
    return best


def _leave_others(
    report: Report,
    group: Group,
    patient_id: str,
    day: date,
    size: _Size | None,
    ledger: Ledger,
    *,
    node: bool,
) -> None:
    """Keep what is measured besides the size; a missing size is said by the state of the lesion."""
    for taken in group.measurements:
        counted = size is not None and taken is size.measurement
        if not counted and (taken.value is not None or not _counts(taken, node=node)):
            ledger.leave_measurement(report, group, taken, patient_id, day, _why_not(taken, node=node))


def _why_not(taken: Measurement, *, node: bool) -> str:
    if not _counts(taken, node=node):
        if codes.axis_of(taken.concept) is not None:
            return "it is not the axis that counts"
        return "not a diameter: the study has no place for it"
    return (
        "its unit is none of length" if _millimetres(taken) is None else "another size of the lesion counts"
    )


def _counts(taken: Measurement, *, node: bool) -> bool:
    return codes.axis_of(taken.concept) in ("short" if node else "long", "undirected")


def _millimetres(taken: Measurement) -> float | None:
    """The size in mm, exactly as written where the unit is mm."""
    scale = codes.MM_PER.get(taken.unit)
    if taken.value is None or scale is None:
        return None
    try:
        return float(Fraction(taken.value.strip()) * scale)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _site(group: Group) -> str | None:
    names = list(dict.fromkeys(code.meaning for code in group.sites if code.meaning))
    return ", ".join(names) or None


def lesion_ids(found: Sequence[Reading], ledger: Ledger) -> list[str]:
    """The lesion of each reading: one name for each unique identifier of a patient.

    Groups of one patient that share the tracking identifier are one lesion, even where each report made a unique
    identifier of its own, unless two of them are of the same day.
    """
    tracks: dict[tuple[str, str], list[Reading]] = {}
    for reading in found:
        key = reading.group.uid or f"identifier {reading.group.identifier}"
        tracks.setdefault((reading.patient_id, key), []).append(reading)
    named: dict[tuple[str, str], str] = {}
    taken: dict[tuple[str, str], set[tuple[date, str | None]]] = {}
    for track, same in tracks.items():
        patient, _ = track
        base = (
            next((reading.group.identifier for reading in same if reading.group.identifier), None) or track[1]
        )
        days = {(reading.day, reading.report.observer) for reading in same}
        name, number = base, 1
        while taken.get((patient, name), set()) & days:
            number += 1
            name = f"{base} ({number})"
        if (patient, name) in taken:
            ledger.note(
                same[0].report,
                "a tracking identifier has another unique identifier than in an earlier report",
                "They are read as one lesion, as no report has both; check that they are.",
            )
        taken.setdefault((patient, name), set()).update(days)
        named[track] = name
    return [
        named[reading.patient_id, reading.group.uid or f"identifier {reading.group.identifier}"]
        for reading in found
    ]


def latest(found: Iterable[Reading], ledger: Ledger) -> list[Reading]:
    """One reading of each lesion, day and observer: that of the report written last."""
    kept: dict[tuple[str, str, date, str | None], Reading] = {}
    for reading in sorted(found, key=lambda reading: reading.report.written):
        track = reading.group.uid or f"identifier {reading.group.identifier}"
        key = (reading.patient_id, track, reading.day, reading.report.observer)
        earlier = kept.get(key)
        if earlier is not None and earlier.report is reading.report:
            bigger = max(earlier, reading, key=lambda each: each.diameter_mm or -1)
            smaller = earlier if bigger is reading else reading
            kept[key] = bigger
            ledger.leave_group(
                smaller.report,
                smaller.group,
                smaller.patient_id,
                smaller.day,
                "the report measures the lesion twice",
                "The larger size is read; check which one counts.",
            )
            continue
        if earlier is not None:
            ledger.leave_group(
                earlier.report,
                earlier.group,
                earlier.patient_id,
                earlier.day,
                "a report written later measures the lesion on the same day",
                "The later report is read; nothing to do.",
            )
        kept[key] = reading
    return list(kept.values())
