"""The door of this room: a view in, a page out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from turnpoint.charts.language import Language
from turnpoint.errors import UsageError
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.catalogue import language
from turnpoint.reports.clinician import clinician_page
from turnpoint.reports.cohort_page import cohort_page
from turnpoint.reports.patient_page import patient_page
from turnpoint.reports.statistician import statistician_page
from turnpoint.reports.views import CohortView

Audience = Literal["clinician", "patient", "statistician"]

_PAGES: Mapping[str, Callable[[PatientPicture, Language], str]] = MappingProxyType(
    {"clinician": clinician_page, "patient": patient_page, "statistician": statistician_page}
)


def render_patient(view: PatientPicture, audience: Audience, lang: str = "en") -> str:
    """One patient's report.

    Args:
        view: everything to show.
        audience: `clinician`, `patient` or `statistician`.
        lang: `en` or `zh`.

    Returns:
        A self-contained HTML page: styles and pictures inside, no scripts, nothing loaded from anywhere.

    Raises:
        UsageError: no such audience or language.
    """
    make = _PAGES.get(audience)
    if make is None:
        raise UsageError(
            f"audience={audience!r}: nobody a report is written for. Use one of {', '.join(_PAGES)}."
        )
    return make(view, language(lang))


def render_cohort(view: CohortView, lang: str = "en") -> str:
    """A whole study on one page.

    Args:
        view: everything to show.
        lang: `en` or `zh`.

    Returns:
        A self-contained HTML page.

    Raises:
        UsageError: no such language.
    """
    return cohort_page(view, language(lang))
