"""What called progression, in one plain sentence for the patient: how many new spots, and where."""

from dataclasses import replace
from types import ModuleType

import pytest

from turnpoint.reports.called_text import called_sentences, patient_called_headline
from turnpoint.reports.catalogue import language


@pytest.mark.parametrize(
    ("sites", "said"),
    [
        (("brain",), "A new spot was found on a scan, in the brain."),
        ((None,), "A new spot was found on a scan."),
        (("brain", "liver"), "New spots were found on a scan: brain, liver."),
        ((None, None), "New spots were found on a scan."),
    ],
)
def test_new_spots_are_counted_and_named(views: ModuleType, sites: tuple[str | None, ...], said: str) -> None:
    view = views.called_view("new_lesion")
    first = view.called[0]
    called = tuple(replace(first, site=site, lesion_id=f"N{number}") for number, site in enumerate(sites, 1))
    assert patient_called_headline(replace(view, called=called), language("en")) == said


@pytest.mark.parametrize("kind", ["target", "non_target", "marker"])
def test_growth_is_no_new_spot(views: ModuleType, kind: str) -> None:
    view = views.called_view(kind)
    assert "spot" not in patient_called_headline(view, language("en"))


def test_size_of_a_new_lesion_is_said_to_a_tenth(views: ModuleType) -> None:
    view = views.called_view("new_lesion")
    own = replace(view, called=(replace(view.called[0], value=11.25),))
    assert "11.2 mm" in " ".join(called_sentences(own, language("en"))) or "11.3 mm" in " ".join(
        called_sentences(own, language("en"))
    )
