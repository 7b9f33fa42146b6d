"""No page contradicts itself: rules over every page that is made here, and faults that they must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import resources
from types import ModuleType

import polars as pl
import pytest

import turnpoint as tp
from tests.reports.consistency import contradictions
from tests.reports.patients import PATIENTS, study
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.rendering import render_patient

_AUDIENCES = ("patient", "clinician", "statistician")
# name: the function of `views_for_tests` that makes it, and what it is given
_VIEWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "regrowing": ("regrowing_view", ()),
    "responding": ("responding_view", ()),
    "undetermined": ("undetermined_view", ()),
    "marker only": ("marker_only_view", ()),
    "mixed": ("mixed_view", ()),
    "nothing left": ("nothing_left_view", ()),
    "unclear": ("unclear_view", ()),
    "off treatment": ("off_treatment_view", ()),
    "sizes only": ("sizes_only_view", ()),
    **{
        f"plateau {cause}": ("plateau_view", (cause,))
        for cause in ("resistant", "scar", "floor", "pause", "unclear")
    },
    **{
        f"called {kind}": ("called_view", (kind,))
        for kind in ("new_lesion", "target", "non_target", "marker")
    },
}


def _view(views: ModuleType, name: str) -> PatientPicture:
    function, arguments = _VIEWS[name]
    view: PatientPicture = getattr(views, function)(*arguments)
    return view


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are looked at, not the pictures."""

    def said(_: object, *, figure_id: str, **__: object) -> str:
        return f'<svg id="{figure_id}"></svg>'

    monkeypatch.setattr("turnpoint.reports.figure.svg", said)


def _found(view: PatientPicture) -> dict[tuple[str, str], list[str]]:
    """The contradictions on every page of one patient."""
    found = {}
    for audience in _AUDIENCES:
        for lang in ("en", "zh"):
            made = render_patient(view, audience, lang)  # type: ignore[arg-type]
            problems = contradictions(made, view, audience, lang)
            if problems:
                found[audience, lang] = problems
    return found


def _said(view: PatientPicture) -> str:
    """All contradictions of a view in one string."""
    return " ".join(problem for problems in _found(view).values() for problem in problems)


@cache
def _view_of(name: str) -> PatientPicture:
    return tp.picture(study(name), name, particles=512)


@pytest.mark.parametrize("name", list(_VIEWS))
def test_pages_written_by_hand_contradict_nothing(views: ModuleType, name: str) -> None:
    assert _found(_view(views, name)) == {}


@pytest.mark.parametrize("name", list(PATIENTS))
def test_pages_of_plain_patients_contradict_nothing(name: str) -> None:
    assert _found(_view_of(name)) == {}


def _bundled(dataset: str, patients: int) -> dict[str, dict[tuple[str, str], list[str]]]:
    with resources.as_file(resources.files("turnpoint") / "datasets" / dataset) as folder:
        whole = tp.read(folder)
    ids = whole.patient_ids[:: max(1, len(whole.patient_ids) // patients)]
    found = {patient_id: _found(tp.picture(whole, patient_id, particles=512)) for patient_id in ids}
    return {patient_id: problems for patient_id, problems in found.items() if problems}


@pytest.mark.parametrize(
    ("dataset", "patients"),
    [
        ("oak-docetaxel", 4),
        ("ascent2-docetaxel-psa", 4),
        pytest.param("oak-docetaxel", 80, marks=pytest.mark.slow),
        pytest.param("ascent2-docetaxel-psa", 44, marks=pytest.mark.slow),
    ],
)
def test_pages_of_bundled_studies_contradict_nothing(dataset: str, patients: int) -> None:
    assert _bundled(dataset, patients) == {}


# What a rule is for: a page with one thing changed, and the rule that must say so.


def _notices(view: PatientPicture, audience: str, change: Callable[[str], str]) -> list[str]:
    made = render_patient(view, audience, "en")  # type: ignore[arg-type]
    changed = change(made)
    assert changed != made
    return [found.split(":")[0] for found in contradictions(changed, view, audience, "en")]


@pytest.mark.parametrize(
    ("name", "audience", "before", "after", "rule"),
    [
        ("regrowing", "clinician", "CEA rose from", "{quantity} rose from", "no_unfilled_or_empty_names"),
        ("regrowing", "clinician", "week 30, 17.8 at the value before", "week nan", "no_unfilled_or_empty_names"),
        ("responding", "patient", "a size between", "a size between 1 and 1 mm, or", "no_empty_ranges"),
        ("responding", "clinician", "90% interval", "90% interval 1.2 to 1.2, or", "no_empty_ranges"),
        ("responding", "clinician", "Sum of diameters", "≤0 mm Sum of diameters", "no_empty_ranges"),
        (
            "called new_lesion",
            "clinician",
            "Progression by a new lesion: brain N1 (11 mm), week 18 (RECIST 1.1).",
            "Plateau, cause unclear",
            "progression_is_said_first_and_not_forecast",
        ),
        (
            "called target",
            "clinician",
            "it is a fact, and is not forecast",
            "Progression is called at 20 mm: 5 mm more than now.",
            "progression_is_said_first_and_not_forecast",
        ),
        (
            "called new_lesion",
            "patient",
            "A new spot was found on a scan, in the brain.",
            "Your results have levelled off.",
            "progression_is_said_first_and_not_forecast",
        ),
        ("responding", "clinician", "Probably still responding", "Probably regrowing", "the_state_said_is_the_verdict"),
        (
            "undetermined",
            "patient",
            "It is too early to tell.",
            "The cancer may be starting to grow again.",
            "the_state_said_is_the_verdict",
        ),
        ("responding", "clinician", "No alert.", "Alert since week 3: if treatment stays as it is, the chance of "
         "progression within 24 weeks by RECIST 1.1 is 86%.", "the_alert_said_is_the_alert"),
        ("regrowing", "clinician", "by RECIST 1.1 is 86%.", "by RECIST 1.1 is 86%. Growth will show: 62%.",
         "the_alert_said_is_the_alert"),
        (
            "responding",
            "clinician",
            "Expected: the chance that it gets no smaller than now is 5%.",
            "Turning point already passed: 5%.",
            "the_turning_point_said_is_p_turned",
        ),
        (
            "regrowing",
            "clinician",
            "Turning point already passed: 94%.",
            "Turning point already passed: 62%.",
            "the_turning_point_said_is_p_turned",
        ),
        ("regrowing", "clinician", "read in week 30", "37", "growth_that_was_read_is_not_ahead"),
        ("sizes only", "clinician", "<h2>", '<ul class="causes"></ul><h2>', "no_cause_where_it_is_the_priors"),
        ("mixed", "clinician", "Liver T1 shrank", "One lesion shrank", "lesions_that_part_are_named"),
        ("responding", "patient", "people with lung cancer", "people who had a similar treatment", "the_people_are_named"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_noticed(
    views: ModuleType, name: str, audience: str, before: str, after: str, rule: str
) -> None:
    view = _view(views, name)
    assert rule in _notices(view, audience, lambda made: made.replace(before, after))


@pytest.mark.parametrize(
    ("audience", "before", "after"),
    [
        ("clinician", "Plateau by the trend, though something read has changed", "Plateau, cause unclear"),
        (
            "patient",
            "On the whole your results look level now, but at least one has changed.",
            "Your results have levelled off. The reason is not clear yet.",
        ),
    ],
)
def test_a_fall_beside_a_plateau_is_noticed(
    views: ModuleType, audience: str, before: str, after: str
) -> None:
    view = views.plateau_changed_view()
    assert "level_is_not_said_beside_a_change" not in _said(view)
    assert "level_is_not_said_beside_a_change" in _notices(
        view, audience, lambda made: made.replace(before, after)
    )


def test_growth_in_a_pause_in_which_nothing_has_risen_is_noticed(views: ModuleType) -> None:
    view = views.regrowing_view()
    off = view.diagnostics.with_columns(off_treatment=pl.lit(value=True), risen=pl.lit(value=False))
    assert "growth_is_not_said_when_nothing_has_risen" in _said(replace(view, diagnostics=off))


def test_no_verdict_without_a_reason_is_noticed(views: ModuleType) -> None:
    assert "no_verdict_has_a_reason" in _said(replace(views.undetermined_view(), evidence=()))


def test_a_forecast_in_the_view_of_what_has_been_called_is_noticed(views: ModuleType) -> None:
    view = views.called_view("target")
    forecast = replace(view, p_progression=views.progression_frame("sum_of_diameters_mm", (0.1, 0.2, 0.4)))
    assert "progression_is_said_first_and_not_forecast" in _said(forecast)
