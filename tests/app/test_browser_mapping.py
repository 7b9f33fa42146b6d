"""A clinic's own table brought in a browser: questions by keyboard and pointer, one message by each field, stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.browser import assert_sound, follow, opened
from tests.app.served import Served
from tests.workflows.test_table_answers import TABLE

pytest.importorskip("django")


@pytest.mark.parametrize(
    ("lang", "width", "asks", "missing"),
    [
        ("en", 1440, "How are the dates written?", "An answer is missing here."),
        ("zh", 390, "日期是怎样写的？", "这里还缺少回答。"),
    ],
)
def test_clinics_table_from_file_to_study(
    browser: Any, desk: Served, lang: str, width: int, asks: str, missing: str
) -> None:
    with opened(browser, desk, lang, width) as page:
        page.goto(f"{desk.base}/import")
        table = {"name": "clinic.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
        page.set_input_files("#files", [table])
        follow(page, "main form button")
        page.wait_for_url("**/import/table")
        assert_sound(page, "clinic")
        page.get_by_role("group", name=asks).get_by_label("dd/mm/yyyy").check()
        page.get_by_label("RP").fill("banana")
        follow(page, "button[value=read]")
        assert page.locator(".fault").all_inner_texts().count(missing) == 3
        field = page.get_by_label("RP")
        said = page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
        assert said.startswith("banana")
        assert page.get_by_label("dd/mm/yyyy").is_checked()
        assert_sound(page, "clinic")

        for key, value in (("lesions.TL{n}.unit", "cm"), ("sex.1", "male"), ("sex.2", "female")):
            page.check(f"""[name='answer-{key}'][value='"{value}"']""")
        page.get_by_label("RP").fill("ignore")
        page.keyboard.press("Enter")
        page.wait_for_url("**/import/found")
        assert "TL1" in page.inner_text("main")
        assert_sound(page, "clinic")
        follow(page, "button[value=store]")
        page.wait_for_url("**/studies/**")
        page.locator("main details summary").click()
        assert 'date_format = "dd/mm/yyyy"' in page.inner_text("main pre")
        assert_sound(page, "clinic")
