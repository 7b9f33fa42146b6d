"""The clinic's desk as an oncologist uses it, in a browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.browser import as_printed, assert_sound, follow, opened
from tests.app.served import Served

pytest.importorskip("django")

NAME = "Ann Secret"
FILES = {
    "lesions.csv": "patient_id,date,lesion_id,role,site,diameter_mm,status\n"
    + "".join(
        f"{NAME},{date},T1,target,liver,{mm},measured\n"
        for date, mm in (("2026-01-02", 60), ("2026-03-01", 48), ("2026-05-01", 39), ("2026-07-01", 33))
    ),
    "patients.csv": f"patient_id,tumour_type,start_date\n{NAME},metastatic colorectal cancer,2026-01-05\n",
}


@pytest.mark.parametrize(
    ("lang", "width", "worse", "words"),
    [("en", 1440, "Progression by growth", "Sum of diameters"), ("zh", 390, "进展", "靶病灶直径总和")],
)
def test_clinician_from_files_to_the_printed_report(
    browser: Any, desk: Served, lang: str, width: int, worse: str, words: str
) -> None:
    with opened(browser, desk, lang, width) as page:
        assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-Hans"}[lang]
        assert "token" not in page.url
        assert_sound(page)

        page.goto(f"{desk.base}/import")
        assert_sound(page)
        page.set_input_files(
            "#files",
            [
                {"name": name, "mimeType": "text/csv", "buffer": content.encode()}
                for name, content in FILES.items()
            ],
        )
        studies = len(desk.get("/api/v1/studies").json())
        follow(page, "main button")
        page.wait_for_url("**/import/found")
        assert_sound(page, NAME)
        assert len(desk.get("/api/v1/studies").json()) == studies  # shown before anything is stored
        page.fill("[name=name]", f"brought {lang}")
        follow(page, "button[value=store]")
        page.wait_for_url("**/studies/**")
        assert f"brought {lang}" in page.inner_text("h1")
        assert_sound(page, NAME)

        page.goto(f"{desk.base}/?study={page.url.split('/')[-1]}")
        follow(page, "ul.patients a")
        patient = page.url
        page.wait_for_selector(".vega svg")
        assert_sound(page, NAME)
        before = page.inner_text("h1")
        assert worse not in before

        page.goto(f"{patient}/visit")
        assert_sound(page, NAME)
        page.fill("#date", "2026-09-01")
        page.locator("input[name=diameter_mm]").first.fill("52")
        page.wait_for_selector(".follows")
        follows = page.inner_text(".follows")
        assert words in follows
        assert "52 mm" in follows
        assert "PD" in follows
        follow(page, "#visit button.button")
        page.wait_for_url(patient)
        after = page.inner_text("h1")
        assert worse in after

        page.focus("#at")  # the slider, by keyboard
        with page.expect_navigation():
            page.keyboard.press("ArrowLeft")
        assert page.inner_text("h1") == before
        page.goto(patient)
        assert page.inner_text("h1") == after

        page.goto(f"{patient}/rows")
        assert_sound(page, NAME)
        row = page.locator("form", has=page.locator("input[name='cell-diameter_mm'][value='52']"))
        row.locator("xpath=ancestor::details/summary").click()
        row.locator("input[name='cell-diameter_mm']").fill("32")
        row.locator("input[name=why]").fill("read again")
        with page.expect_navigation():
            row.locator("button[value=change]").click()
        page.goto(f"{patient}/history")
        assert_sound(page, NAME)
        line = page.locator("tbody tr").first.inner_text()
        assert all(part in line for part in ("52", "32", "read again"))
        page.goto(patient)
        assert worse not in page.inner_text("h1")

        as_printed(page)
        page.locator("details summary").first.click()
        reports = [
            link.get_attribute("href")
            for link in page.locator("details a[target=_blank]").all()
            if "statistician" not in link.get_attribute("href")
        ]
        assert len(reports) == 2
        for address in reports:
            page.goto(desk.base + address)
            assert page.inner_text("h1")
            assert page.pdf().startswith(b"%PDF")

        page.goto(f"{desk.base}/cohort")
        page.wait_for_selector(".vega svg")
        assert page.locator("[data-figure=waterfall]").get_attribute("aria-label")
        assert_sound(page, NAME)


def test_patient_entered_by_hand_by_keyboard_with_help_beside_a_term(browser: Any, desk: Served) -> None:
    with opened(browser, desk, "en", 1440) as page:
        page.goto(f"{desk.base}/new")
        assert_sound(page)
        page.locator(".what").first.focus()
        page.keyboard.press("Enter")
        assert "day 0" in page.locator(".meaning").first.inner_text()
        page.keyboard.press("Escape")
        assert not page.locator(".meaning").first.is_visible()
        page.fill("[name=patient_id]", "By Hand")
        page.fill("[name=start_date]", "2026-02-20")
        page.keyboard.press("Enter")
        page.wait_for_url("**/visit")
        patient = page.url.removesuffix("/visit")
        page.fill("#date", "2026-02-18")
        page.locator("input[name=lesion_id]").first.fill("T1")
        page.locator("input[name=diameter_mm]").first.fill("41")
        follow(page, "#visit button.button")
        page.wait_for_url(patient)
        assert "41" in page.inner_text("main")
        page.goto(f"{desk.base}/")
        page.fill("#find", "By Hand")
        page.wait_for_selector("[role=status]:text-is('1 patient')")
        assert "By Hand" in page.inner_text("ul.patients")
        page.goto(f"{desk.base}/words")
        assert_sound(page)


def test_tour_shows_each_place_and_can_be_left(browser: Any, desk: Served) -> None:
    with opened(browser, desk, "en", 1440) as page:
        with page.expect_navigation():
            page.evaluate(
                "token => { const form = document.createElement('form'); form.method = 'post'; form.action = '/tour';"
                "form.innerHTML = `<input name=csrfmiddlewaretoken value=${token}><input name=stop value=0>`;"
                "document.body.append(form); form.submit(); }",
                page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value"),
            )
        places = []
        for _ in range(6):
            assert page.locator(".tour strong").inner_text().startswith("Stop")
            places.append(page.url.removeprefix(desk.base).split("/")[-1])
            follow(page, ".tour button.button")
        assert places[0] == ""
        assert places[1] == places[2]  # the same patient at every stop
        assert places[3:] == ["visit", "rows", "cohort"]
        follow(page, ".tour button[value='-1']")
        assert page.locator(".tour").count() == 0
        assert page.locator("ul.patients li").count() == 50
