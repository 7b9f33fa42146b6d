"""A page in headless Chromium as people have it: their language, their width, the content-security policy in force."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.app.served import Served

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 60_000
# what makes the page wider than the window
BEYOND = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => `${one.tagName} ${one.getAttribute("class")} ${one.textContent.slice(0, 30)}`).slice(-5)"""


def launched() -> Iterator[Any]:
    """A browser, where there is one."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, server: Served, lang: str, width: int) -> Iterator[Any]:
    """The server's first page; at the end nothing may have gone wrong in it, the policy's refusals included."""
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=LOCALES[lang])
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{server.base}/?token={server.token}")
    yield page
    context.close()
    wrong = [line for line in said if "422" not in line]
    assert wrong == [], wrong


def assert_sound(page: Any, *private: str) -> None:
    """Nothing serious for those who do not see or use a mouse, nothing beyond the edge, nobody named outside the page."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")["violations"]
    grave = [
        (one["id"], [node["target"] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == [], page.url
    wide = page.evaluate(BEYOND)
    assert wide == [], (page.url, wide)
    for name in private:
        assert name not in page.title()
        assert name not in page.url


def as_printed(page: Any) -> bytes:
    """The page as the browser prints it, without what is only for the screen."""
    page.emulate_media(media="print")
    assert not page.locator("nav.bar").is_visible()
    page.emulate_media(media="screen")
    printed: bytes = page.pdf()
    assert printed.startswith(b"%PDF")
    return printed
