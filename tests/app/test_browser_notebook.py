"""The patient's notebook as a patient uses it, in a browser: from empty to a printed sheet for the visit."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.app.browser import as_printed, assert_sound, follow, opened
from tests.app.served import start

pytest.importorskip("django")


def day(ago: int) -> str:
    return (date.today() - timedelta(days=ago)).isoformat()  # noqa: DTZ011  (the day on the wall, as the notebook)


@pytest.mark.parametrize(
    ("lang", "width", "grown"), [("en", 390, "The cancer has grown"), ("zh", 1440, "肿瘤已经增大")]
)
def test_patient_from_an_empty_notebook_to_a_printed_sheet(
    browser: Any, tmp_path: Path, lang: str, width: int, grown: str
) -> None:
    server = start(tmp_path / "notebook", "--notebook")
    try:
        with opened(browser, server, lang, width) as page:
            assert_sound(page)
            page.fill("#date", day(300))
            page.select_option("#tumour", "colorectal cancer")
            follow(page, "form[action='/begin'] button")

            for number, (ago, cm) in enumerate(
                ((305, "6,0"), (245, "4.4"), (190, "3.1"), (130, "2.9"), (20, "5.2"))
            ):
                page.goto(f"{server.base}/write/scan")
                page.fill("#date", day(ago))
                page.check("input[value=cm]")
                if number:
                    page.locator("input[name=size]").fill(cm)
                else:
                    page.locator("select[name=site]").first.select_option("liver")
                    page.locator("input[name=new_size]").first.fill(cm)
                follow(page, "main form button.button")
                page.wait_for_url(f"{server.base}/")
            assert_sound(page)
            assert grown not in page.inner_text("body")

            page.goto(f"{server.base}/write/blood")
            assert_sound(page)
            page.fill("#date", day(20))
            page.locator("input[name=marker]").first.fill("CEA")
            page.locator("input[name=value]").first.fill("twelve")
            follow(page, "main form button.button")
            assert page.locator(".problems li").count() == 2  # the value and the unit, both at once
            assert page.locator("input[name=marker]").first.input_value() == "CEA"
            page.locator("input[name=value]").first.fill("<1,5")
            page.locator("input[name=unit]").first.fill("ng/mL")
            follow(page, "main form button.button")
            page.wait_for_url(f"{server.base}/")

            page.goto(f"{server.base}/write/treatment")
            assert_sound(page)
            page.fill("#date", day(20))
            page.locator("input[name=drug]").first.fill("Irinotecan")
            follow(page, "main form button.button")
            page.wait_for_url(f"{server.base}/")
            page.goto(f"{server.base}/write/feelings")
            assert_sound(page)
            page.select_option("[name='feeling-Fatigue']", "3")
            follow(page, "main form button.button")
            page.wait_for_url(f"{server.base}/")
            assert page.locator(".message.care").count() == 1  # what to do when it is bad now

            # bad news is not shown at once, nowhere
            page.goto(f"{server.base}/course")
            assert_sound(page)
            assert grown not in page.inner_text("body")
            assert page.locator("[data-figure]").count() == 0
            assert page.request.get(f"{server.base}/course/report.pdf").status == 404
            page.goto(f"{server.base}/prepare")
            assert_sound(page)
            neutral = page.locator("ul.ordered li").count()
            page.goto(f"{server.base}/course")
            follow(page, "form[action='/course/open'] button")
            page.wait_for_selector(".vega svg")
            assert grown in page.inner_text("h1")
            assert_sound(page)
            assert page.request.get(f"{server.base}/course/report.pdf").body().startswith(b"%PDF")

            # questions by keyboard alone
            page.goto(f"{server.base}/prepare")
            assert page.locator("ul.ordered li").count() > neutral
            for _ in range(2):
                page.focus("button[value=choose-0]")
                with page.expect_navigation():
                    page.keyboard.press("Enter")
            first, second = (
                item.inner_text() for item in page.locator("ol.ordered li > span:first-child").all()
            )
            page.focus("button[value=up-1]")
            page.keyboard.press("Enter")
            page.wait_for_url("**/prepare?at=0")
            assert [item.inner_text() for item in page.locator("ol.ordered li > span:first-child").all()] == [
                second,
                first,
            ]
            assert page.evaluate("document.activeElement.value") == "down-0"
            page.fill("#own", "Can I travel?")
            page.fill("#matters", "My garden.")
            page.fill("#notes", "Ask about sleep.")
            follow(page, "main form button.button")
            assert_sound(page)

            page.goto(f"{server.base}/sheet")
            assert_sound(page)
            shown = page.inner_text("main")
            assert all(
                part in shown for part in (first, second, "Can I travel?", "My garden.", "Ask about sleep.")
            )
            assert shown.index(second) < shown.index(first)
            assert "52 mm" in shown
            assert grown not in shown
            as_printed(page)
            assert page.request.get(f"{server.base}/sheet.pdf").body().startswith(b"%PDF")

            # what was written can be corrected; then the question comes again
            page.goto(f"{server.base}/written")
            page.locator("summary").first.click()
            assert_sound(page)
            scan = page.locator("form", has=page.locator("input[name=size][value='52']"))
            scan.locator("xpath=ancestor::details/summary").click()
            scan.locator("input[name=size]").fill("28")
            with page.expect_navigation():
                scan.locator("button[value=change]").click()
            page.goto(f"{server.base}/course")
            assert page.locator("form[action='/course/open']").count() == 1

            packed = page.request.get(f"{server.base}/file.zip").body()
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert "lesions.csv" in archive.namelist()
        answer = server.upload({"notebook.zip": packed})
        assert (answer.status, answer.json()["patients"]) == (201, 1)
    finally:
        server.stop()


def test_question_comes_whatever_the_results_are(browser: Any, tmp_path: Path) -> None:
    """Were it asked before bad news only, the question would be the news."""
    server = start(tmp_path / "notebook", "--notebook")
    try:
        with opened(browser, server, "en", 390) as page:
            page.fill("#date", day(200))
            follow(page, "form[action='/begin'] button")
            for number, (ago, mm) in enumerate(((205, "60"), (150, "30"), (90, "15"))):
                page.goto(f"{server.base}/write/scan")
                page.fill("#date", day(ago))
                page.locator("input[name=size]" if number else "input[name=new_size]").first.fill(mm)
                follow(page, "main form button.button")
                page.wait_for_url(f"{server.base}/")
            page.goto(f"{server.base}/course")
            assert page.locator("form[action='/course/open']").count() == 1
            follow(page, "form[action='/course/open'] button")
            assert "smaller" in page.inner_text("h1")
            page.goto(f"{server.base}/course")  # seen once, it is there
            assert "smaller" in page.inner_text("h1")
    finally:
        server.stop()
