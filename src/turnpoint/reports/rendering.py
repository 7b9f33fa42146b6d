"""The door of this room: a view in, a page out, or its pictures for a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import polars as pl

from turnpoint.charts.language import Language
from turnpoint.charts.specification import Specification
from turnpoint.errors import UsageError
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.catalogue import language
from turnpoint.reports.clinician import clinician_figures, clinician_page
from turnpoint.reports.cohort_page import cohort_page
from turnpoint.reports.figure import Figure
from turnpoint.reports.page import Into, page
from turnpoint.reports.patient_page import patient_page, plain_figures
from turnpoint.reports.statistician import statistician_page
from turnpoint.reports.trial_map import map_figures, map_table
from turnpoint.reports.trial_page import TrialView, trial_page
from turnpoint.reports.views import CohortView

Audience = Literal["clinician", "patient", "statistician"]

_PAGES: Mapping[str, Callable[[PatientPicture, Language, Into], str]] = MappingProxyType(
    {"clinician": clinician_page, "patient": patient_page, "statistician": statistician_page}
)
_FIGURES: Mapping[str, Callable[[PatientPicture, Language], list[Figure]]] = MappingProxyType(
    {"clinician": clinician_figures, "patient": plain_figures, "statistician": lambda *_: []}
)
_Made = TypeVar("_Made")


def render_patient(
    view: PatientPicture,
    audience: Audience,
    lang: str = "en",
    into: Into = page,
    whole: PatientPicture | None = None,
) -> str:
    """One patient's report.

    Args:
        view: everything to show.
        audience: `clinician`, `patient` or `statistician`.
        lang: `en` or `zh`.
        into: a page of its own, or a part of somebody else's.
        whole: what is known now, where `view` looks back: the clinician's chart keeps its weeks.

    Returns:
        A self-contained HTML page: styles and pictures inside, no scripts, nothing loaded from anywhere.

    Raises:
        UsageError: no such audience or language.
    """
    if audience == "clinician":
        return clinician_page(view, language(lang), into, whole)
    return _known(audience, _PAGES)(view, language(lang), into)


def render_cohort(view: CohortView, lang: str = "en", into: Into = page) -> str:
    """A whole study on one page.

    Args:
        view: everything to show.
        lang: `en` or `zh`.
        into: as for `render_patient`.

    Returns:
        A self-contained HTML page.

    Raises:
        UsageError: no such language.
    """
    return cohort_page(view, language(lang), into)


def render_trial(view: TrialView, cells: pl.DataFrame, arm: str, lang: str, into: Into) -> str:
    """A virtual trial with its map, as a part of somebody else's page.

    Args:
        view: the trial.
        cells: of its map, columns `trial_map.MAP_SCHEMA`.
        arm: that the map shows against the first one.
        lang: `en` or `zh`.
        into: takes `trial.html`, with `maps` and `map_table` for its block `map`.

    Raises:
        UsageError: no such language.
    """
    words, declared = language(lang), view.declaration

    def with_map(template: str, language: Language, **content: Any) -> str:
        maps = map_figures(cells, declared, arm, language)
        return into(
            template, language, maps=maps, map_table=map_table(cells, declared, arm, language), **content
        )

    return trial_page(view, words, with_map)


def patient_specifications(
    view: PatientPicture, audience: Audience, lang: str = "en"
) -> dict[str, Specification]:
    """The pictures of one patient's report as a browser draws them, without drawing them here.

    Args:
        view: everything to show.
        audience: `clinician`, `patient` or `statistician`.
        lang: `en` or `zh`.

    Returns:
        Vega-Lite with its data by figure, as JSON can hold it, in the order of the page; the names are the ids of the
        pictures in the page of `render_patient`, and `description` says in words what each shows. Empty for a page
        without pictures.

    Raises:
        UsageError: no such audience or language.
    """
    figures = _known(audience, _FIGURES)(view, language(lang))
    return {
        figure.figure_id: {"description": figure.description, **figure.specification} for figure in figures
    }


def _known(audience: str, by_audience: Mapping[str, _Made]) -> _Made:
    if audience not in by_audience:
        raise UsageError(
            f"audience={audience!r}: nobody a report is written for. Use one of {', '.join(by_audience)}."
        )
    return by_audience[audience]
