"""What `check` says, in the reader's language: at the entry of a visit, at Bring files, in a study and by the API."""

from __future__ import annotations

import html
import re
import urllib.parse
from typing import Any

import pytest

from tests.app.browser import assert_sound, follow, opened
from tests.app.served import SMALL, Answer, Served

pytest.importorskip("django")
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9"}
BROKEN = {
    "lesions.csv": SMALL["lesions.csv"].replace(b",60,", b",-60,").replace(b",measured", b",mesured", 1)
}
DOUBTFUL = {**SMALL, "lesions.csv": SMALL["lesions.csv"] + b"B2,0,N9,new,lung,12,measured\n"}
VISIT = {
    "seen": "1",
    "day": "300",
    "lesion_id": "T1",
    "role": "target",
    "diameter_mm": "-4",
    "status": "measured",
}


def said(page: bytes) -> list[str]:
    """The problems of a page, and the English in them that says so."""
    found = re.findall(r"<li class=\"(?:error|warning)\">(.*?)</li>", page.decode(), re.DOTALL)
    return [html.unescape(re.sub(r"<(?!/?span)[^>]*>", "", one)).strip() for one in found]


def entered(served: Served, patient: str, **headers: str) -> Answer:
    kind = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return served.ask("POST", f"/p/{patient}/visit", urllib.parse.urlencode(VISIT).encode(), headers=kind)


@pytest.fixture(scope="module")
def study(served: Served) -> str:
    answer = served.upload(DOUBTFUL)
    assert answer.status == 201
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def patient(served: Served, study: str) -> str:
    listed = served.get(f"/api/v1/studies/{study}/patients").json()["items"]
    return str(next(one["id"] for one in listed if one["patient_id"] == "B2"))


def test_visit_is_refused_in_the_readers_language(served: Served, patient: str) -> None:
    (english,) = said(entered(served, patient).body)
    assert english == (
        "lesions 1 diameter_mm = -4 below 0 mm. Write it in mm, or leave it empty with status=absent (disappeared) or "
        "not_evaluable (could not be measured)."
    )
    (chinese,) = said(entered(served, patient, **CHINESE).body)
    assert chinese == (
        "lesions 1 diameter_mm = -4 低于 0 mm。请以 mm 填写；或留空，并写 status=absent（已消失）或 "
        "not_evaluable（无法测量）。"
    )


def test_study_keeps_its_warnings_in_no_language(served: Served, study: str) -> None:
    english, chinese = served.get(f"/studies/{study}"), served.get(f"/studies/{study}", headers=CHINESE)
    assert any("a lesion seen at or before baseline is not new." in one for one in said(english.body))
    assert any("基线时或之前已见到的病灶不是新病灶。" in one for one in said(chinese.body))
    assert not any("<span" in one for one in said(chinese.body))


@pytest.mark.parametrize("way", ["lang", "Accept-Language"])
def test_api_says_problems_in_the_language_that_is_asked_for(served: Served, way: str) -> None:
    path = "/api/v1/studies?lang=zh" if way == "lang" else "/api/v1/studies"
    headers = CHINESE if way != "lang" else {}
    answer = served.upload(BROKEN, path, headers=headers)
    document = answer.json()
    assert (answer.status, answer.headers["content-language"]) == (422, "zh-Hans")
    assert (document["title"], document["detail"]) == ("文件有错误", "未保存任何内容。")
    rules = {problem["rule"] for problem in document["problems"]}
    assert {"低于 0 mm", "不是允许的值"} <= rules
    assert not any(re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", rule) for rule in rules)
    plain = served.upload(BROKEN).json()
    assert plain["title"] == "the files have errors"
    assert "below 0 mm" in {problem["rule"] for problem in plain["problems"]}


def test_api_gives_the_warnings_of_a_study_in_the_language_that_is_asked_for(
    served: Served, study: str
) -> None:
    def rules(path: str) -> set[str]:
        own: Any = next(one for one in served.get(path).json() if one["id"] == study)
        return {problem["rule"] for problem in own["problems"]}

    assert "a lesion seen at or before baseline is not new" in rules("/api/v1/studies")
    assert "基线时或之前已见到的病灶不是新病灶" in rules("/api/v1/studies?lang=zh")


@pytest.mark.parametrize("width", [390, 1440])
def test_files_with_errors_are_explained_in_chinese(browser: Any, on_sqlite: Served, width: int) -> None:
    patient = on_sqlite.upload(SMALL).json()["id"]
    with opened(browser, on_sqlite, "zh", width) as page:
        page.goto(f"{on_sqlite.base}/import")
        files = [
            {"name": name, "mimeType": "text/csv", "buffer": content} for name, content in BROKEN.items()
        ]
        page.set_input_files("input[type=file]", files)
        follow(page, "main form button.button")
        shown = page.inner_text(".problems")
        assert "低于 0 mm。" in shown
        assert page.locator(".problems [lang=en]").count() == 0
        assert_sound(page)
        listed = on_sqlite.get(f"/api/v1/studies/{patient}/patients").json()["items"]
        page.goto(f"{on_sqlite.base}/p/{listed[0]['id']}/visit")
        page.fill("#day", "300")
        page.locator("input[name=diameter_mm]").first.fill("-4")
        page.wait_for_selector("#follows .problems")
        assert "低于 0 mm。" in page.inner_text("#follows")
        assert_sound(page)
