"""The trial at the desk in a browser: sliders by keyboard, the map in both languages, on a phone and without a script."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.browser import LOCALES, PATIENCE_MS, assert_sound, follow, opened
from tests.app.served import Served

pytest.importorskip("django")


@pytest.mark.parametrize(
    ("lang", "width", "says"),
    [
        ("en", 1440, "Where an early change wins, and where it loses"),
        ("zh", 390, "提前换药在哪里获益，在哪里受损"),
    ],
)
def test_researcher_moves_a_slider_and_reads_the_map(
    browser: Any, desk: Served, lang: str, width: int, says: str
) -> None:
    with opened(browser, desk, lang, width) as page:
        follow(page, "nav.bar a[href='/trial']")
        page.wait_for_selector("[data-figure=map_lethal_week] svg")
        assert says in page.inner_text("main")
        assert_sound(page)
        before = page.locator("[data-figure=map_progression_week]").get_attribute("aria-label")

        slider = page.locator("input[name=patients]")
        slider.focus()
        page.keyboard.press("ArrowLeft")
        assert slider.get_attribute("aria-valuetext") == "100"
        page.wait_for_selector("[data-played*='patients=0'] [data-figure=map_progression_week] svg")
        assert page.locator("[data-figure=map_progression_week]").get_attribute("aria-label") != before
        assert "patients=0" in page.url
        assert "100" in page.inner_text("#state")
        page.locator("details.cells summary").click()
        assert page.locator("details.cells tbody tr").count() == 3 * 20
        assert_sound(page)

        follow(page, ".language button")  # the sliders stay where they are
        page.wait_for_selector("[data-played]")
        assert page.locator("input[name=patients]").input_value() == "0"


def test_trial_works_without_a_script(browser: Any, desk: Served) -> None:
    context = browser.new_context(locale=LOCALES["en"], java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{desk.base}/?token={desk.token}")
    page.goto(f"{desk.base}/trial")
    page.fill("input[name=seed]", "4")
    follow(page, "#dials button")
    assert "seed=4" in page.url
    for _ in range(100):
        if page.locator("[data-played]").count():
            break
        page.wait_for_timeout(300)
        follow(page, "main a[href^='/trial?']")
    assert page.locator("h1").inner_text() == "Virtual trial: an early change of drug"
    assert page.locator("table").count() >= 4
    context.close()
