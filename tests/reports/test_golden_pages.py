"""Pages of written pictures, word for word, and the charts' specifications, value for value.

`python scripts/golden_pages.py` makes them anew; where a change is meant, its difference is what to look at.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.golden_pages import (
    AUDIENCES,
    GOLDEN,
    LANGUAGES,
    PATIENTS,
    WHOLE,
    charts_of,
    charts_text,
    drawn_for,
    read_whole,
    words,
)
from turnpoint.pictures.document import from_json
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.rendering import Audience, patient_specifications, render_patient


def golden(name: str) -> PatientPicture:
    return from_json((GOLDEN / f"{name}.json").read_bytes())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("name", PATIENTS)
def test_page_says_what_it_said(name: str, audience: Audience, lang: str) -> None:
    made, _ = charts_of(lambda: render_patient(golden(name), audience, lang))
    assert words(made) == (GOLDEN / f"{name}.{audience}.{lang}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PATIENTS)
def test_charts_are_drawn_from_what_they_were(name: str) -> None:
    drawn = charts_text(drawn_for(golden(name)))
    assert drawn == (GOLDEN / f"{name}.charts.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "lang"), [(name, lang) for name, own in WHOLE.items() for lang in own.pages]
)
def test_page_of_many_says_what_it_said_and_its_charts_are_drawn_from_what_they_were(
    name: str, lang: str
) -> None:
    made, drawn = charts_of(lambda: WHOLE[name].pages[lang](read_whole(name)))
    assert words(made) == (GOLDEN / f"{name}.{lang}.txt").read_text(encoding="utf-8")
    if lang == "en":
        assert charts_text(drawn) == (GOLDEN / f"{name}.charts.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["marker-rises", "mixed", "late-dose", "side-effects", "off-treatment"])
def test_bands_of_the_fan_are_the_quantiles_of_the_picture(name: str) -> None:
    """The wide band holds 90 %, the narrow one 50 %: their ends are those numbers and no others."""
    fan = golden(name).fan.filter(kind="forecast", quantity="sum_of_diameters_mm").sort("day")
    drawn = patient_specifications(golden(name), "clinician", "en")["course"]["datasets"].values()
    for column in ("q05", "q25", "q50", "q75", "q95"):
        assert {*fan[column]} <= {row.get(column) for rows in drawn for row in rows}, column


def test_golden_folder_holds_these_files_only() -> None:
    made = {f"{name}.json" for name in PATIENTS} | {f"{name}.charts.json" for name in PATIENTS}
    made |= {f"{n}.{a}.{lang}.txt" for n in PATIENTS for a in AUDIENCES for lang in LANGUAGES}
    made |= {f"{name}.{ending}" for name in WHOLE for ending in ("json", "charts.json")}
    made |= {f"{name}.{lang}.txt" for name, own in WHOLE.items() for lang in own.pages}
    assert {path.name for path in Path(GOLDEN).iterdir()} == made
