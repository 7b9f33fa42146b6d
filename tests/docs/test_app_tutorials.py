"""The parts of tutorials that happen in the app: done as they are told, in a browser, in both languages.

What a tutorial quotes (`> ...`) and what it tells to click (`**...**`) has to stand on a page that its reader sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.browser import follow, launched, opened
from tests.app.served import start
from tests.docs.blocks import BLOCK, DOCS, commands, fetch, run

pytest.importorskip("django")
pytest.importorskip("numba")  # the pages show the numbers of the compiled filter

DESKS = {"en": ("tutorials/oncologist.md", "clinic"), "zh": ("zh/tutorials/oncologist.md", "clinic-zh")}
NOTEBOOKS = {"en": "tutorials/patient.md", "zh": "zh/tutorials/patient.md"}
ROW = re.compile(r"^\| (\d[^|]*) \|([^|]*)\| ([\d.]+) cm \|$", re.MULTILINE)
DAY = {"en": "%d %B %Y", "zh": "%Y 年 %m 月 %d 日"}
UNTIL_WORKED_OUT = "() => document.querySelectorAll('main svg').length >= 3"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


def plain(text: str) -> str:
    """A text with every run of white space as one space."""
    return " ".join(text.split())


def told(page: str) -> list[str]:
    """What a tutorial quotes of the app, and names of it."""
    text = BLOCK.sub("", (DOCS / page).read_text(encoding="utf-8"))
    quoted = re.findall(r"^> (.+)$", text, re.MULTILINE)
    named = re.findall(r"\*\*([^*]+)\*\*", text)
    return [plain(own) for own in (*quoted, *named)]


def missing(page: str, seen: list[str]) -> list[str]:
    """What is told of the app and stood on no page."""
    everything = plain(" ".join(seen))
    return [own for own in told(page) if own not in everything]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_oncologist_sees_what_the_tutorial_quotes(browser: Any, tmp_path: Path, lang: str) -> None:
    name, table = DESKS[lang]
    text = (DOCS / name).read_text(encoding="utf-8")
    fetch(DOCS / name, tmp_path)
    assert all(own.is_as_told for own in run(DOCS / name, tmp_path))  # writes the mapping
    assert any(command == "turnpoint serve --data my-clinic" for command in every_command(text))
    server = start(tmp_path / "my-clinic")
    try:
        with opened(browser, server, lang, 1440) as page:
            seen = [page.inner_text("body")]
            page.goto(f"{server.base}/import")
            seen.append(page.inner_text("body"))
            page.set_input_files("#files", [tmp_path / f"{table}.csv", tmp_path / f"{table}.mapping.toml"])
            follow(page, "main form button")
            seen.append(page.inner_text("body"))
            follow(page, "main form button.button")
            for _ in range(120):
                page.goto(f"{server.base}/")
                if page.locator("main li svg, main a svg").count() >= 3:
                    break
                page.wait_for_timeout(500)
            seen.append(page.inner_text("body"))
            with page.expect_navigation():
                page.locator("main a", has_text="101").first.click()
            page.wait_for_selector(".vega svg")
            seen.append(page.inner_text("body"))
    finally:
        server.stop()
    assert missing(name, seen) == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_patient_sees_what_the_tutorial_quotes(browser: Any, tmp_path: Path, lang: str) -> None:
    from datetime import datetime

    name = NOTEBOOKS[lang]
    text = (DOCS / name).read_text(encoding="utf-8")
    rows = ROW.findall(text)
    assert len(rows) == 6
    assert any(command.endswith("--notebook") for command in every_command(text))
    server = start(tmp_path / "my-notebook", "--notebook")
    try:
        with opened(browser, server, lang, 390) as page:
            seen = [page.inner_text("body")]
            page.fill("#date", "2025-02-03")
            page.select_option("#tumour", "colorectal cancer")
            follow(page, "form[action='/begin'] button")
            for number, (day, _where, size) in enumerate(rows):
                page.goto(f"{server.base}/write/scan")
                seen.append(page.inner_text("body"))
                on = datetime.strptime(day.strip(), DAY[lang]).date()  # noqa: DTZ007  (a day)
                page.fill("#date", on.isoformat())
                page.check("input[value=cm]")
                if number:
                    page.locator("input[name=size]").fill(size)
                else:
                    page.locator("select[name=site]").first.select_option("liver")
                    page.locator("input[name=new_size]").first.fill(size)
                follow(page, "main form button.button")
                page.wait_for_url(f"{server.base}/")
            seen.append(page.inner_text("body"))
            page.goto(f"{server.base}/course")
            asked = page.inner_text("body")
            assert plain(told(name)[2]) in plain(asked)  # the question, and nothing of the results
            follow(page, "form[action='/course/open'] button")
            page.wait_for_selector(".vega svg")
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            seen += [asked, page.inner_text("body")]
            page.goto(f"{server.base}/prepare")
            seen.append(page.inner_text("body"))
    finally:
        server.stop()
    assert missing(name, seen) == []


def every_command(text: str) -> list[str]:
    """Every command of the console blocks of a page."""
    return [
        command for kind, code, _ in BLOCK.findall(text) if kind == "console" for command, _ in commands(code)
    ]
