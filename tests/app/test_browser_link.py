"""A patient's own link in a browser: made at the desk, clicked in an e-mail, written to, seen at the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.browser import LOCALES, PATIENCE_MS, assert_sound, follow, opened
from tests.app.served import start
from tests.app.test_link import NAME, Desk, day

pytest.importorskip("django")


@pytest.mark.parametrize(
    ("lang", "width", "grown", "by"),
    [("en", 390, "A new spot was found", "entered by the patient"), ("zh", 1440, "新的病灶", "患者录入")],
)
def test_link_from_the_desk_to_the_patient_and_back(
    browser: Any, tmp_path: Path, lang: str, width: int, grown: str, by: str
) -> None:
    server = start(tmp_path / "store")
    try:
        desk = Desk(server)
        mine = f"{server.base}/p/{desk.patients[NAME]}"
        with opened(browser, server, lang, width) as page:
            page.goto(mine)
            follow(page, f"a[href='/p/{desk.patients[NAME]}/link']")
            assert_sound(page, NAME)
            follow(page, "button[value=make]")
            assert_sound(page, NAME)
            link = page.input_value("#made")
            page.goto(f"{mine}/link")
            assert page.locator("#made").count() == 0  # it was shown once
            assert_sound(page, NAME)

            _as_the_patient(browser, link, server.base, lang, width, grown)

            page.goto(f"{mine}/rows")
            assert page.locator("strong", has_text=by).count() == 1
            assert_sound(page, NAME)
            page.goto(f"{mine}/history")
            assert_sound(page, NAME)
            page.goto(f"{mine}/link")
            follow(page, "button[value=withdraw]")
            assert_sound(page, NAME)
    finally:
        server.stop()


def _as_the_patient(browser: Any, link: str, base: str, lang: str, width: int, grown: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=LOCALES[lang])
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []

    def heard(message: Any) -> None:
        if message.type == "error" and message.location["url"].startswith(base):
            said.append(f"{message.text} {message.location['url']}")

    page.on("console", heard)
    # an e-mail in a browser: a page of another site
    page.goto(base.replace("127.0.0.1", "localhost") + "/healthz")
    page.evaluate("to => { location.href = to; }", link)
    page.wait_for_url(f"{base}/mine")
    assert_sound(page, NAME)
    follow(page, "main form button")
    assert page.url == f"{base}/"
    assert_sound(page, NAME)
    for _ in range(2):  # the secret is in no entry of the browser's history
        page.go_back()
        assert "link=" not in page.url
    page.goto(f"{base}/write/blood")
    assert_sound(page, NAME)
    page.fill("#date", day(20))
    page.locator("input[name=marker]").first.fill("CEA")
    page.locator("input[name=value]").first.fill("12.5")
    page.locator("input[name=unit]").first.fill("ng/mL")
    follow(page, "main form button.button")
    for path in (
        "/",
        "/write/scan",
        "/write/feelings",
        "/write/treatment",
        "/written",
        "/prepare",
        "/sheet",
        "/course",
    ):
        page.goto(base + path)
        assert_sound(page, NAME)
        assert grown not in page.inner_text("body")
        assert "73 mm" not in page.inner_text("body")
    follow(page, "form[action='/course/open'] button")
    page.wait_for_selector(".vega svg")
    assert grown in page.inner_text("h1")
    assert NAME not in page.content()
    assert_sound(page, NAME)
    page.goto(f"{base}/written")
    assert "73 mm" in page.inner_text("main")
    assert_sound(page, NAME)
    follow(page, "form[action='/sign-out'] button")
    assert page.url == f"{base}/mine"
    assert_sound(page, NAME)
    context.close()
    assert said == []
