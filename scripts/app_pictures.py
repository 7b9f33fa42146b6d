"""Make docs/images/app-*.png, the pictures of docs/app.md: `python scripts/app_pictures.py` (needs Chromium)."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
DESK, PHONE = (1120, 760), (390, 760)
SCANS = ((305, 60), (245, 47), (190, 38), (130, 33), (75, 31), (20, 36))


def desk(browser: Any, server: Any) -> None:
    """The clinic's desk on a real study."""
    from tests.app.served import folder_of  # noqa: PLC0415

    study = server.upload(folder_of("ascent2-docetaxel-psa")).json()["id"]
    for _ in range(600):
        items = server.get(f"/api/v1/studies/{study}/patients").json()["items"]
        if all(one["line"] for one in items):
            break
        time.sleep(0.5)
    patient = next(one["id"] for one in items if one["line"]["reason"] == "alert_stands")
    page = _page(browser, server, DESK, "en-GB")
    _shot(page, f"{server.base}/", "app-today")
    _shot(page, f"{server.base}/p/{patient}", "app-patient")
    _shot(page, f"{server.base}/cohort", "app-cohort")
    page.goto(f"{server.base}/trial")
    page.wait_for_selector("[data-played] svg")
    page.locator("[data-played]").screenshot(path=IMAGES / "app-trial.png")
    dark = _page(browser, server, PHONE, "zh-CN", "dark")
    _shot(dark, f"{server.base}/p/{patient}", "app-patient-phone-zh")
    course(browser, server)


def course(browser: Any, server: Any) -> None:
    """The course of a made-up patient whose marker rises under a flat scan, pointed at, on a desk and a phone."""
    from tests.reports.patients import tables  # noqa: PLC0415

    files = {f"{table}.csv": text.encode() for table, text in tables("marker-rises").items()}
    study = server.upload(files).json()["id"]
    patient = server.get(f"/api/v1/studies/{study}/patients").json()["items"][0]["id"]
    for size, locale, scheme, name in (
        (DESK, "en-GB", "light", "app-patient-course"),
        (PHONE, "zh-CN", "dark", "app-patient-course-phone-zh"),
    ):
        page = _page(browser, server, size, locale, scheme)
        page.goto(f"{server.base}/p/{patient}")
        page.wait_for_selector(".course-tools:not([hidden])")
        page.focus("[data-step='1']")  # by keyboard: a mouse would point elsewhere
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        page.locator("figure.lanes .drawing").screenshot(path=IMAGES / f"{name}.png")


def notebook(browser: Any, server: Any) -> None:
    """The patient's notebook, made up."""
    page = _page(browser, server, PHONE, "en-GB")
    page.fill("#date", _day(300))
    page.select_option("#tumour", "colorectal cancer")
    page.click("form[action='/begin'] button")
    for number, (ago, mm) in enumerate(SCANS):
        page.goto(f"{server.base}/write/scan")
        page.fill("#date", _day(ago))
        page.locator("input[name=size]" if number else "input[name=new_size]").first.fill(str(mm))
        if not number:
            page.locator("select[name=site]").first.select_option("liver")
        with page.expect_navigation():
            page.click("main form button.button")
    _shot(page, f"{server.base}/course", "app-notebook-question")
    with page.expect_navigation():
        page.click("form[action='/course/open'] button")
    _shot(page, f"{server.base}/course", "app-notebook-course")
    page.goto(f"{server.base}/prepare")
    for _ in range(3):
        with page.expect_navigation():
            page.click("button[value=choose-0]")
    _shot(page, f"{server.base}/prepare", "app-notebook-prepare")


def _page(browser: Any, server: Any, size: tuple[int, int], locale: str, scheme: str = "light") -> Any:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale=locale, color_scheme=scheme
    )
    page = context.new_page()
    page.goto(f"{server.base}/?token={server.token}")
    return page


def _shot(page: Any, address: str, name: str) -> None:
    page.goto(address)
    if page.locator(".vega").count():
        page.wait_for_selector(".vega svg")
        page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / f"{name}.png")


def _day(ago: int) -> str:
    return (date.today() - timedelta(days=ago)).isoformat()  # noqa: DTZ011  (the day on the wall)


def main() -> None:
    """Write every picture."""
    sys.path.insert(0, str(ROOT))
    from tests.app.browser import launched  # noqa: PLC0415
    from tests.app.served import start  # noqa: PLC0415

    for browser in launched():
        for show, options in ((desk, ()), (notebook, ("--notebook",))):
            with tempfile.TemporaryDirectory() as folder:
                server = start(Path(folder) / "store", *options)
                try:
                    show(browser, server)
                finally:
                    server.stop()


if __name__ == "__main__":
    main()
