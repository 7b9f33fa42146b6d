"""Lesion by lesion, in words: a table, and where lesions part ways a sentence that names them."""

from __future__ import annotations

from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.course_tables import percent_change
from turnpoint.reports.places import known_sites, lesion_name, site_name
from turnpoint.reports.tables import Table, table
from turnpoint.turning.lesion_courses import LesionReading, PartedLesion, PartedWays

TREND_NAMES = {
    "fell": mark("fell"),
    "flat": mark("flat, within error"),
    "rose": mark("rose"),
    "too_small": mark("too small to measure"),
    "gone": mark("gone"),
    "not_evaluable": mark("not evaluable"),
    "once": mark("one reading"),
    "new": mark("new"),
    "equivocal": mark("equivocal"),
    "present": mark("present"),
    "progressed": mark("grew beyond doubt"),
}
ROLE_NAMES = {
    "target": mark("target"),
    "non_target": mark("other"),
    "new": mark("new"),
}
_MOST_SIZES = 7  # the first and the last ones of a long course


def lesions_table(view: PatientPicture, language: Language) -> Table | None:
    """One row a lesion: where it is, its sizes over time, its changes, and what its readings did."""
    if not view.lesions:
        return None
    columns = [
        (language.text("Lesion"), False),
        (language.text("Site"), False),
        (language.text("Kind"), False),
        (language.text("Sizes, mm"), False),
        (language.text("From baseline"), True),
        (language.text("From its smallest"), True),
        (language.text("Its last readings"), False),
    ]
    rows = [
        [
            own.lesion_id,
            site_name(own.site, language) or NOTHING,
            language.text(ROLE_NAMES[own.role]) if own.role in ROLE_NAMES else own.role,
            _sizes(own.readings, language),
            percent_change(own.from_baseline_pct, language) if own.role == "target" else NOTHING,
            percent_change(own.from_smallest_pct, language) if own.role == "target" else NOTHING,
            language.text(TREND_NAMES[own.trend]),
        ]
        for own in view.lesions
    ]
    return table(language.text("Lesion by lesion"), columns, rows)


def _sizes(readings: tuple[LesionReading, ...], language: Language) -> str:
    """`50 → 30 → 20 → 14`; of many the first and the last ones."""
    shown = [_size(own, language) for own in readings]
    if len(shown) > _MOST_SIZES:
        shown = [shown[0], "…", *shown[-(_MOST_SIZES - 2) :]]
    return " → ".join(shown)


def _size(reading: LesionReading, language: Language) -> str:
    if reading.status == "measured" and reading.diameter_mm is not None:
        return language.number(reading.diameter_mm, 1)
    words = {
        "absent": language.text("gone"),
        "too_small": language.text("too small"),
        "present": language.text("present"),
        "equivocal": language.text("equivocal"),
        "unequivocal_progression": language.text("grew beyond doubt"),
    }
    return words.get(reading.status, language.text("not evaluable"))


def parted_sentence(parted: PartedWays, language: Language) -> str:
    """Which lesions shrank while which grew, with their sizes."""
    return language.text(
        "{shrank}, while {grew}.",
        shrank=_capital(
            language.listed(
                [
                    _moved(own, mark("{lesion} shrank from {before} to {after} mm"), language)
                    for own in parted.shrank
                ]
            )
        ),
        grew=language.listed(
            [_moved(own, mark("{lesion} grew from {before} to {after} mm"), language) for own in parted.grew]
        ),
    )


def _moved(own: PartedLesion, message: str, language: Language) -> str:
    return language.text(
        message,
        lesion=lesion_name(own.lesion_id, own.site, language),
        before=language.number(own.from_mm, 1),
        after=language.number(own.to_mm, 1),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def parted_plainly(parted: PartedWays, language: Language) -> str:
    """The same for the patient: where it grew, where it became smaller."""
    grew, shrank = ([own.site for own in side] for side in (parted.grew, parted.shrank))
    grown, shrunk = known_sites(list(grew), language), known_sites(list(shrank), language)
    if not grown or not shrunk or set(grown) & set(shrunk):
        return language.text("Some spots on the scan have grown, while others became smaller.")
    if len(grew) == len(shrank) == 1:
        return language.text(
            "One spot ({grown}) has grown, while another one ({shrunk}) became smaller.",
            grown=grown[0],
            shrunk=shrunk[0],
        )
    return language.text(
        "Some spots ({grown}) have grown, while others ({shrunk}) became smaller.",
        grown=language.listed(grown),
        shrunk=language.listed(shrunk),
    )
