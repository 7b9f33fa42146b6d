"""Markers of a study from the results in Observations.

The rules:

1. A result needs a full date: its own, or else that of its specimen.
2. Of several results of one marker on one day the last is read, a final one before a preliminary one; the others are
   counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import polars as pl

from turnpoint.formats.fhir.days import exact_day, is_within_reach
from turnpoint.formats.fhir.drafts import MarkerDraft
from turnpoint.formats.fhir.index import Named
from turnpoint.formats.fhir.ledger import Ledger
from turnpoint.formats.fhir.sizes import Tumour

MARKER_COLUMNS: Final = pl.Schema(
    {
        "patient_id": pl.String(),
        "day": pl.Int64(),
        "marker": pl.String(),
        "value": pl.String(),
        "unit": pl.String(),
        "upper_limit": pl.Float64(),
        "assay": pl.String(),
    }
)


def marker_rows(
    drafts: Iterable[MarkerDraft],
    specimens: Named[Tumour],
    patients: Mapping[str, str],
    starts: Mapping[str, date],
    ledger: Ledger,
) -> list[dict[str, object]]:
    """The rows of the markers table.

    Args:
        drafts: the results.
        specimens: by their keys.
        patients: the patient of each subject.
        starts: the start of each patient's course.
        ledger: where what cannot be read goes.
    """
    chosen: dict[tuple[str, str, int], MarkerDraft] = {}
    for draft in sorted(drafts, key=_order):
        patient = patients.get(draft.place.subject or "")
        if patient is None:
            continue
        start = starts.get(patient)
        day = exact_day(draft.moment, start)
        specimen = specimens.find(draft.place.file, draft.specimen)
        if day is None and specimen is not None:
            day = exact_day(specimen.collected, start)
        if day is None or not is_within_reach(day):
            ledger.leave(
                draft.place,
                draft.shown,
                "markers without a full date, or 20 years from the start of the course",
                "It is kept in the side table; give the full date if it is known.",
                "effective",
            )
            continue
        earlier = chosen.get((patient, draft.marker, day))
        if earlier is not None:
            ledger.leave(
                earlier.place,
                earlier.shown,
                "earlier results of a marker on a day that has several",
                "The last of the day is read.",
                "effective",
            )
        chosen[patient, draft.marker, day] = draft
    return [_row(*key, draft, ledger) for key, draft in chosen.items()]


def _row(patient: str, marker: str, day: int, draft: MarkerDraft, ledger: Ledger) -> dict[str, object]:
    if draft.is_preliminary:
        ledger.note(
            draft.place,
            "markers whose result is preliminary",
            "They are read; give the final results when there are any.",
            "status",
        )
    return {
        "patient_id": patient,
        "day": day,
        "marker": marker,
        "value": draft.value,
        "unit": draft.unit,
        "upper_limit": draft.upper_limit,
        "assay": draft.assay,
        "place": draft.place,
    }


def _order(draft: MarkerDraft) -> tuple[bool, str, str, int]:
    """Rule 2: what comes later in this order counts."""
    return not draft.is_preliminary, draft.moment.order, draft.place.version, draft.place.row
