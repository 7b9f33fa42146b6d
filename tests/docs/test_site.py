"""The site as its readers have it: opened from the disk, without a network, in both languages, wide and narrow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.app.browser import AXE, BEYOND, launched
from tests.docs.blocks import DOCS

pytest.importorskip("furo")

LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}
LOOKED_AT = (
    "index", "tutorials/oncologist", "tutorials/statistician", "how-to/what-an-alert-means", "reference/commands",
    "reference/python", "reference/picture", "results/lead-time-real", "results/index", "app", "genindex",
    "zh/index", "zh/tutorials/patient", "zh/glossary",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built anew, where a warning is an error."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--jobs", "2"]
    doctrees = tmp_path_factory.mktemp("doctrees")
    done = subprocess.run(
        [*command, "-d", str(doctrees), str(DOCS), str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return target


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


class Page(HTMLParser):
    """What a page loads, leads to, and can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.places |= {value for name in ("id", "name") if (value := own.get(name))}
        if tag in LOADED and own.get(LOADED[tag]):
            self.loads.append(str(own[LOADED[tag]]))
        if tag == "a" and own.get("href"):
            self.leads.append(str(own["href"]))


@cache
def parsed(file: Path) -> Page:
    return Page(file.read_text(encoding="utf-8"))


def test_nothing_is_asked_of_anybody_else(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert [own for own in parsed(file).loads if urlsplit(own).scheme or own.startswith("//")] == [], file
    for sheet in site.rglob("*.css"):
        asked = re.findall(
            r"url\(\s*[\"']?(?!data:)([^)\"']+)|@import\s+([^;]+)", sheet.read_text(encoding="utf-8")
        )
        assert [own for own in asked if "//" in "".join(own)] == [], sheet


def test_no_link_is_dead(site: Path) -> None:
    dead = []
    for file in site.rglob("*.html"):
        for link in [*parsed(file).leads, *parsed(file).loads]:
            address, place = urldefrag(link)
            if urlsplit(link).scheme:
                continue
            target = (file.parent / unquote(urlsplit(address).path)).resolve() if address else file
            if not target.exists() or (
                place and target.suffix == ".html" and unquote(place) not in parsed(target).places
            ):
                dead.append((file.relative_to(site).as_posix(), link))
    assert dead == []


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_pages_are_sound(browser: Any, site: Path, width: int, scheme: str) -> None:
    """Nothing serious for those who do not see or use a mouse, nothing beyond the edge, nothing wrong in a script."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    wrong: list[Any] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda one: None if one.url.startswith(("file:", "data:")) else wrong.append(one.url))
    for name in LOOKED_AT:
        page.goto((site / f"{name}.html").as_uri())
        lang = page.locator("html").get_attribute("lang")
        assert lang == ("zh-CN" if name.startswith("zh/") else "en"), name
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")["violations"]
        wrong += [
            (name, one["id"], [node["target"] for node in one["nodes"]][:5])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        wrong += [(name, own) for own in page.evaluate(BEYOND)]
    context.close()
    assert wrong == []


@pytest.mark.parametrize(
    ("words", "page_found"),
    [
        ("false alerts", "cli.html"),
        ("continuing response", "how-to/a-criterion-differs.html"),
        ("转折点", "zh/glossary.html"),
        ("病灶", "zh/tutorials/oncologist.html"),
        ("影像报告", "zh/tutorials/patient.html"),
    ],
)
def test_search_finds_offline_in_both_languages(
    browser: Any, site: Path, words: str, page_found: str
) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((site / "search.html").as_uri() + f"?q={words}")
    page.wait_for_selector("#search-results li a")
    page.wait_for_timeout(500)
    found = [one.get_attribute("href") or "" for one in page.locator("#search-results li a").all()]
    context.close()
    assert any(own.partition("?")[0].partition("#")[0] == page_found for own in found), found


def test_each_language_leads_to_the_other(browser: Any, site: Path) -> None:
    page = browser.new_page()
    for name, there in (
        ("tutorials/patient", "zh/tutorials/patient"),
        ("zh/tutorials/patient", "tutorials/patient"),
        ("claims", "zh/index"),
    ):
        page.goto((site / f"{name}.html").as_uri())
        page.locator(".language a").click()
        assert page.url == (site / f"{there}.html").as_uri()
    page.close()
