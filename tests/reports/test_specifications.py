"""A browser gets the pictures of a page as specifications: the same ones, complete in themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from turnpoint.charts.svg import svg
from turnpoint.errors import UsageError
from turnpoint.reports.rendering import Audience, patient_specifications, render_patient

_KINDS: list[tuple[Audience, str]] = [
    ("clinician", "en"), ("clinician", "zh"), ("patient", "en"), ("patient", "zh"), ("statistician", "en"),
]  # fmt: skip


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(part)


@pytest.mark.parametrize(("audience", "lang"), _KINDS)
def test_specifications_are_named_as_the_pictures_of_the_page_in_its_order(
    views: ModuleType, audience: Audience, lang: str
) -> None:
    view = views.regrowing_view()
    named = re.findall(r'<svg [^>]*aria-labelledby="([\w-]+)-title ', render_patient(view, audience, lang))
    assert list(patient_specifications(view, audience, lang)) == named


@pytest.mark.parametrize(("audience", "lang"), _KINDS)
def test_page_shows_what_the_specifications_draw(views: ModuleType, audience: Audience, lang: str) -> None:
    view = views.regrowing_view()
    made = render_patient(view, audience, lang)
    for figure_id, specification in patient_specifications(view, audience, lang).items():
        drawn = svg(specification, figure_id=figure_id, title="t", description=specification["description"])
        assert drawn.partition("</title>")[2] in made


@pytest.mark.parametrize(("audience", "lang"), _KINDS)
def test_specifications_hold_all_their_rows_as_json(views: ModuleType, audience: Audience, lang: str) -> None:
    for specification in patient_specifications(views.regrowing_view(), audience, lang).values():
        assert json.loads(json.dumps(specification, allow_nan=False)) == specification
        assert specification["description"]
        data = [part["data"] for part in _parts(specification) if "data" in part]
        assert {own["name"] for own in data} == set(specification["datasets"])
        assert not [own for own in _parts(specification) if "url" in own]


def test_specifications_of_a_page_without_pictures_are_empty(views: ModuleType) -> None:
    assert patient_specifications(views.regrowing_view(), "statistician") == {}


@pytest.mark.parametrize(("audience", "lang"), [("nurse", "en"), ("patient", "xx")])
def test_specifications_are_refused_when_nobody_can_read_them(
    views: ModuleType, audience: Any, lang: str
) -> None:
    with pytest.raises(UsageError):
        patient_specifications(views.regrowing_view(), audience, lang)
