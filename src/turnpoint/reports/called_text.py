"""Progression that has been called, in words: the first thing on every page."""

from __future__ import annotations

from collections.abc import Sequence

from turnpoint.charts.language import Language, mark
from turnpoint.criteria.called_progression import RECIST, CalledProgression
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.places import known_sites, lesion_name, site_name

KIND_NAMES = {
    "new_lesion": mark("new lesion"),
    "target": mark("growth of target lesions"),
    "non_target": mark("growth of other lesions"),
    "marker": mark("tumour marker"),
}


def called_sentences(view: PatientPicture, language: Language) -> list[str]:
    """What called progression, when, and by which criterion: a sentence for each kind, the first first."""
    kinds = list(dict.fromkeys((own.kind, own.criterion) for own in view.called))
    return [
        _sentence([own for own in view.called if (own.kind, own.criterion) == kind], language)
        for kind in kinds
    ]


def _sentence(called: Sequence[CalledProgression], language: Language) -> str:
    first = called[0]
    week = language.week(first.day)
    if first.kind == "new_lesion":
        return language.text(
            "Progression by a new lesion: {lesions}, week {week} ({criterion}).",
            lesions=_lesions(called, language),
            week=week,
            criterion=first.criterion,
        )
    if first.kind == "non_target":
        return language.text(
            "Progression by growth of other lesions: {lesions}, week {week} ({criterion}).",
            lesions=_lesions(called, language),
            week=week,
            criterion=first.criterion,
        )
    if first.kind == "target":
        return _target(first, language)
    return language.text(
        "Progression by {marker}: {value} {unit} in week {week}, {smallest} at its smallest, confirmed in week {known} "
        "({criterion}).",
        marker=first.lesion_id or "",
        value=language.measured(first.value),
        unit=first.unit or "",
        smallest=language.measured(first.smallest),
        week=week,
        known=language.week(first.known_day),
        criterion=first.criterion,
    )


def _target(called: CalledProgression, language: Language) -> str:
    if called.value is None or called.smallest is None:
        return language.text(
            "Progression by growth of the target lesions, week {week} ({criterion}).",
            week=language.week(called.day),
            criterion=called.criterion,
        )
    return language.text(
        "Progression by growth of the target lesions: their sum was {value} mm in week {week}, {smallest} mm at its "
        "smallest ({criterion}).",
        value=language.number(called.value, 1),
        smallest=language.number(called.smallest, 1),
        week=language.week(called.day),
        criterion=called.criterion,
    )


def _lesions(called: Sequence[CalledProgression], language: Language) -> str:
    names = []
    for own in called:
        name = lesion_name(own.lesion_id or "", own.site, language)
        size = language.text("{size} mm", size=language.number(own.value, 1)) if own.value is not None else ""
        names.append(language.text("{lesion} ({size})", lesion=name, size=size) if size else name)
    return language.listed(names)


def called_already(view: PatientPicture, language: Language) -> str:
    """Instead of a forecast by RECIST: progression has been called, and nothing forecasts it."""
    first = next(own for own in view.called if own.criterion == RECIST)
    return language.text(
        "Progression has been called in week {week} ({kind}): it is a fact, and is not forecast.",
        week=language.week(first.day),
        kind=language.text(KIND_NAMES[first.kind]),
    )


def patient_called_headline(view: PatientPicture, language: Language) -> str:
    """What called progression, in one plain sentence."""
    kind = view.called[0].kind
    own = [called for called in view.called if called.kind == kind]
    sites = known_sites([called.site for called in own], language)
    if kind == "new_lesion" and len(own) > 1:
        if not sites:
            return language.text("New spots were found on a scan.")
        return language.text("New spots were found on a scan: {places}.", places=language.listed(sites))
    if kind == "new_lesion":
        if not sites:
            return language.text("A new spot was found on a scan.")
        return language.text("A new spot was found on a scan, in the {place}.", place=sites[0])
    if kind == "marker":
        return language.text(
            "The blood value {marker} has risen, by the rules that doctors use.",
            marker=own[0].lesion_id or "",
        )
    return language.text("The cancer has grown, by the rules that doctors use.")


def patient_new_spots(view: PatientPicture, language: Language) -> list[str]:
    """The new spots that called progression, as they were seen."""
    return [_spot(own, language) for own in view.called if own.kind == "new_lesion"]


def _spot(called: CalledProgression, language: Language) -> str:
    place = site_name(called.site, language) or language.text("place not named")
    week = language.week(called.day)
    if called.value is None:
        return language.text("New spot: {place} (week {week}).", place=place, week=week)
    size = language.number(called.value, 1)
    return language.text("New spot: {place}, {size} mm (week {week}).", place=place, size=size, week=week)
