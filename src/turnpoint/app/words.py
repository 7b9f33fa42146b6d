"""The study folder's own names as people read them, and what the terms of the desk mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from turnpoint.charts.language import Language, mark
from turnpoint.reports.places import site_name

TABLE_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "patients": mark("Patient"),
        "lesions": mark("Lesions"),
        "markers": mark("Markers"),
        "doses": mark("Doses"),
        "events": mark("Side effects"),
    }
)
COLUMN_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "patient_id": mark("Patient"),
        "arm": mark("Arm"),
        "tumour_type": mark("Tumour type"),
        "sex": mark("Sex"),
        "birth_year": mark("Year of birth"),
        "start_date": mark("First day of treatment"),
        "line": mark("Line of treatment"),
        "death_day": mark("Day of death"),
        "death_date": mark("Date of death"),
        "last_alive_day": mark("Last day known to be alive"),
        "last_alive_date": mark("Last date known to be alive"),
        "day": mark("Day"),
        "date": mark("Calendar date"),
        "lesion_id": mark("Lesion"),
        "role": mark("Role"),
        "site": mark("Site"),
        "node": mark("Lymph node"),
        "diameter_mm": mark("Diameter, mm"),
        "status": mark("Seen as"),
        "visit": mark("Visit"),
        "method": mark("Method"),
        "reader": mark("Reader"),
        "marker": mark("Marker"),
        "value": mark("Value"),
        "unit": mark("Unit"),
        "upper_limit": mark("Upper limit of normal"),
        "assay": mark("Assay"),
        "censoring": mark("Below or above the limit"),
        "reported_value": mark("Value as reported"),
        "reported_unit": mark("Unit as reported"),
        "drug": mark("Drug"),
        "dose": mark("Dose"),
        "action": mark("What"),
        "cycle": mark("Cycle"),
        "regimen": mark("Regimen"),
        "end_day": mark("Last day"),
        "end_date": mark("Last date"),
        "term": mark("Term (CTCAE)"),
        "grade": mark("Grade"),
    }
)
ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {"target": mark("target"), "non_target": mark("non-target"), "new": mark("new")}
)
STATUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "measured": mark("measured"),
        "too_small": mark("too small to measure"),
        "absent": mark("gone"),
        "present": mark("present"),
        "not_evaluable": mark("not evaluable"),
        "equivocal": mark("uncertain"),
        "unequivocal_progression": mark("clearly grown"),
    }
)
ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"given": mark("given"), "start": mark("start"), "stop": mark("stop")}
)
SEXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "female": mark("female"),
        "male": mark("male"),
        "other": mark("other sex"),
        "unknown": mark("unknown"),
    }
)
# Columns of which the study folder knows every value.
CHOICES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "role": ROLES,
        "status": STATUSES,
        "action": ACTIONS,
        "sex": SEXES,
        "node": MappingProxyType({"true": mark("yes"), "false": mark("no")}),
    }
)
CHANGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "study added": mark("study added"),
        "row added": mark("row added"),
        "row changed": mark("row changed"),
        "row removed": mark("row taken out"),
        "row put back": mark("row put back"),
        "preparation changed": mark("preparation changed"),
        "link made": mark("link made for the patient"),
        "link first opened": mark("link opened for the first time"),
        "link withdrawn": mark("link withdrawn"),
    }
)

# A term, and what it means; the order is that of the page of words.
GLOSSARY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "day": (
            mark("Day of the course"),
            mark(
                "Days since the first day of treatment, which is day 0. Scans before it have a negative day."
            ),
        ),
        "target": (
            mark("Target lesion"),
            mark(
                "A lesion that was chosen at the start to be measured at every scan (RECIST 1.1: at most five, at most "
                "two an organ)."
            ),
        ),
        "non_target": (
            mark("Non-target lesion"),
            mark("Every other lesion of the first scan. It is followed in words, not by its size."),
        ),
        "new_lesion": (
            mark("New lesion"),
            mark(
                "A lesion that was not there at the first scan. By RECIST 1.1 it is progression when it is certain."
            ),
        ),
        "diameter": (
            mark("Diameter"),
            mark("The longest diameter in mm; for a lymph node the short axis."),
        ),
        "sum": (
            mark("Sum of diameters"),
            mark("The diameters of all target lesions of one scan, added up, in mm."),
        ),
        "baseline": (
            mark("Change since the start"),
            mark("The change of the sum from the scan before treatment, in percent."),
        ),
        "nadir": (
            mark("Change since the smallest"),
            mark(
                "The change of the sum from the smallest one so far, in percent. From +20% and +5 mm on it is "
                "progression by RECIST 1.1."
            ),
        ),
        "response": (
            mark("Response (RECIST 1.1)"),
            mark(
                "CR: nothing left. PR: the sum is at least 30% smaller than at the start. PD: progression. SD: none of "
                "these. NE: cannot be judged."
            ),
        ),
        "state": (
            mark("State"),
            mark(
                "Whether the tumour probably still shrinks, has reached its plateau, or probably grows again, worked "
                "out from all that was measured up to that day. It can come before RECIST 1.1 calls progression, and "
                "it can be wrong."
            ),
        ),
        "cannot_tell": (
            mark("Cannot tell yet"),
            mark("No state is likely enough to be named. It is neither good news nor bad news."),
        ),
        "turning_point": (
            mark("Turning point"),
            mark(
                "The day on which the tumour is at its smallest. Before it the tumour shrinks, after it it grows."
            ),
        ),
        "alert": (
            mark("Alert"),
            mark(
                "A signal to look more closely: a reading has risen by more than its usual error, and progression "
                "within 24 weeks has become likely. It is withdrawn when later readings do not bear it out."
            ),
        ),
        "forecast": (
            mark("Forecast"),
            mark("The range in which the next values will probably be if treatment goes on as it is."),
        ),
        "marker": (
            mark("Tumour marker"),
            mark("A substance in the blood that often goes up and down with the tumour, such as CEA or PSA."),
        ),
        "below_limit": (
            mark("A value with < or >"),
            mark(
                "The true value lies below, or above, what the assay can measure. Write it as the slip does: <0.1."
            ),
        ),
        "upper_limit": (
            mark("Upper limit of normal"),
            mark("The upper end of the laboratory's reference range, in the unit of the value."),
        ),
        "grade": (
            mark("Grade of a side effect"),
            mark("CTCAE: 1 mild, 2 moderate, 3 severe, 4 life-threatening, 5 death."),
        ),
        "due": (
            mark("Next one due"),
            mark("The last visit and once more the time that usually passed between this patient's visits."),
        ),
        "waterfall": (
            mark("Waterfall"),
            mark("One bar a patient: the best change of the sum from the start."),
        ),
        "spider": (
            mark("Spider"),
            mark("One line a patient: the change of the sum from the start over time."),
        ),
        "swimmer": (
            mark("Swimmer"),
            mark("One bar a patient: how long they were followed, with response, alert and progression."),
        ),
        "lead": (
            mark("Lead"),
            mark("Days from the first alert to progression by the criterion. A dash: no progression so far."),
        ),
        "history": (
            mark("History"),
            mark("Every change with who, when and why. Nothing in it can be altered without it showing."),
        ),
    }
)


def column_name(column: str, words: Language) -> str:
    """A column as people read it; one that the study folder has not keeps its name."""
    return words.text(COLUMN_NAMES[column]) if column in COLUMN_NAMES else column


def cell_name(column: str, value: str | None, words: Language) -> str:
    """A cell as people read it."""
    known = CHOICES.get(column, {})
    if value is None:
        return ""
    if column == "site":
        return site_name(value, words)
    return words.text(known[value]) if value in known else value
