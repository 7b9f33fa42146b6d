"""Lesions of a study from the sizes of tumours.

The rules, where FHIR does not say what RECIST asks:

1. A node is read by its short axis, the largest of its other dimensions, or else by its longest (warned of).
2. Every lesion that is measurable (10 mm, 15 mm for the short axis of a node) on the first day on which the patient's
   tumours were measured is a target; all others are non-target. Whether a lesion that is measured later is new, FHIR
   does not say: it is read as non-target (warned of), so that an old lesion measured late cannot make a progression.
3. A size of 0 mm is absent; `<` a size is too small to measure.
4. Of several sizes of a lesion on one day the last is read; the others are counted.
5. Performers are not readers: in a clinic each scan is read by whoever is on duty.
6. Sizes without a tumour or a site belong to one lesion, if there is one a day; else they cannot be told apart, and are
   left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from turnpoint.formats.fhir.days import exact_day, is_within_reach
from turnpoint.formats.fhir.drafts import SizeDraft
from turnpoint.formats.fhir.index import Named
from turnpoint.formats.fhir.ledger import Ledger
from turnpoint.formats.fhir.sizes import Tumour

_MEASURABLE_MM: Final = 10
_MEASURABLE_NODE_MM: Final = 15
_UNNAMED: Final = "tumour"


@dataclass(frozen=True, slots=True)
class _Size:
    patient_id: str
    day: int
    lesion_id: str
    site: str | None
    node: bool
    mm: float | None
    is_limit: bool
    draft: SizeDraft

    @property
    def lesion(self) -> tuple[str, str, str | None]:
        return self.patient_id, self.lesion_id, self.draft.reader


def lesion_rows(
    drafts: Iterable[SizeDraft],
    tumours: Named[Tumour],
    patients: Mapping[str, str],
    starts: Mapping[str, date],
    ledger: Ledger,
) -> list[dict[str, object]]:
    """The rows of the lesions table.

    Args:
        drafts: the sizes.
        tumours: BodyStructures and Specimens by their keys.
        patients: the patient of each subject.
        starts: the start of each patient's course.
        ledger: where what cannot be read goes.
    """
    placed = [
        found for draft in drafts if (found := _placed(draft, tumours, patients, starts, ledger)) is not None
    ]
    placed = _told_apart(placed, ledger)
    chosen: dict[tuple[tuple[str, str, str | None], int], _Size] = {}
    for size in sorted(placed, key=lambda size: (size.draft.moment.order, size.draft.place.row)):
        if (size.lesion, size.day) in chosen:
            earlier = chosen[size.lesion, size.day].draft
            ledger.leave(
                earlier.place,
                earlier.shown,
                "earlier sizes of a lesion on a day that has several",
                "The last of the day is read.",
                "effective",
            )
        chosen[size.lesion, size.day] = size
    sizes = sorted(chosen.values(), key=lambda size: (size.patient_id, size.lesion_id, size.day))
    return _with_roles(sizes, ledger)


def _placed(
    draft: SizeDraft,
    tumours: Named[Tumour],
    patients: Mapping[str, str],
    starts: Mapping[str, date],
    ledger: Ledger,
) -> _Size | None:
    patient = patients.get(draft.place.subject or "")
    if patient is None:
        return None
    found = [tumours.find(draft.place.file, key) for key in draft.lesions]
    tumour = next((one for one in found if one is not None), None)
    day = exact_day(draft.moment, starts.get(patient))
    if day is None and tumour is not None:
        day = exact_day(tumour.collected, starts.get(patient))
    if day is None or not is_within_reach(day):
        ledger.leave(
            draft.place,
            draft.shown,
            "sizes of tumours without a full date, or 20 years from the start of the course",
            "It is kept in the side table; give the full date if it is known.",
            "effective",
        )
        return None
    # Turnpoint writes the site of every row; one without it has none.
    site = draft.site or (tumour.site if tumour is not None and draft.status is None else None)
    node = draft.node if draft.node is not None else draft.is_node or (tumour is not None and tumour.is_node)
    unresolved = next((key.rsplit("/", 1)[-1] for key in draft.lesions), None)
    lesion = draft.lesion_id or (tumour.id if tumour else None) or unresolved or site or _UNNAMED
    if draft.is_removed:
        ledger.note(
            draft.place,
            "sizes measured on a tumour that had been taken out",
            "They are read as they are; leave them out of lesions if the rest is measured by imaging.",
            "method",
        )
    by_other = bool(draft.other_mm) and (node or draft.longest_mm is None)
    is_limit = draft.other_is_limit if by_other else draft.longest_is_limit
    mm = draft.other_mm[0] if by_other else draft.longest_mm
    if node and not by_other and mm is not None:
        ledger.note(
            draft.place,
            "sizes of lymph nodes without a short axis",
            "They are read by their longest dimension; give the other one, by which a node counts.",
            "component",
        )
    return _Size(patient, day, lesion, site, node, mm, is_limit, draft)


def _told_apart(sizes: list[_Size], ledger: Ledger) -> list[_Size]:
    """Rule 6."""
    days = Counter((size.patient_id, size.day) for size in sizes if size.lesion_id == _UNNAMED)
    crowded = {patient for (patient, _), count in days.items() if count > 1}
    kept = []
    for size in sizes:
        if size.lesion_id == _UNNAMED and size.patient_id in crowded:
            ledger.leave(
                size.draft.place,
                size.draft.shown,
                "sizes of several tumours that cannot be told apart",
                "Give each tumour a BodyStructure, or a body site.",
                "focus",
            )
        else:
            kept.append(size)
    return kept


def _with_roles(sizes: list[_Size], ledger: Ledger) -> list[dict[str, object]]:
    """Rules 2 and 3."""
    first_days: dict[str, int] = {}
    for size in sizes:
        first_days[size.patient_id] = min(size.day, first_days.get(size.patient_id, size.day))
    targets: set[tuple[str, str, str | None]] = set()
    seen: set[tuple[str, str, str | None]] = set()
    rows: list[dict[str, object]] = []
    for size in sizes:
        status = _status(size)
        if size.lesion not in seen and size.draft.role is None:
            least = _MEASURABLE_NODE_MM if size.node else _MEASURABLE_MM
            if size.day > first_days[size.patient_id]:
                ledger.note(
                    size.draft.place,
                    "lesions that are first measured after the patient's first assessment",
                    "They are read as non-target; write role=new in a study folder if they were new.",
                    "focus",
                )
            elif status == "measured" and (size.mm or 0) >= least:
                targets.add(size.lesion)
        seen.add(size.lesion)
        rows.append(
            _row(size, status, size.draft.role or ("target" if size.lesion in targets else "non_target"))
        )
    return rows


def _status(size: _Size) -> str:
    if size.draft.status is not None:
        return size.draft.status
    if size.is_limit:
        return "too_small"
    if size.mm is None:
        return "not_evaluable"
    return "measured" if size.mm > 0 else "absent"


def _row(size: _Size, status: str, role: str) -> dict[str, object]:
    said = size.draft.status is not None and status != "absent"
    shown = size.mm if (said or status == "measured") and not size.is_limit else None
    return {
        "patient_id": size.patient_id,
        "day": size.day,
        "lesion_id": size.lesion_id,
        "role": role,
        "site": size.site,
        "node": size.node,
        "diameter_mm": shown,
        "status": status,
        "method": size.draft.method,
        "reader": size.draft.reader,
        "place": size.draft.place,
    }


LESION_COLUMNS: Final = pl.Schema(
    {
        "patient_id": pl.String(),
        "day": pl.Int64(),
        "lesion_id": pl.String(),
        "role": pl.String(),
        "site": pl.String(),
        "node": pl.Boolean(),
        "diameter_mm": pl.Float64(),
        "status": pl.String(),
        "method": pl.String(),
        "reader": pl.String(),
    }
)
