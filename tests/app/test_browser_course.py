"""The course of a patient on its one time axis, in a browser: by mouse, by keyboard, on a phone, back in time."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.app.browser import assert_sound, opened
from tests.app.served import Served

pytest.importorskip("django")

NAME = "Lane Secret"
_DAYS = range(0, 7 * 6 * 8, 42)
FILES = {
    "lesions.csv": "patient_id,day,lesion_id,role,site,diameter_mm,status\n"
    + "".join(
        f"{NAME},{day},{lesion},target,{site},{mm},measured\n"
        for lesion, site, sizes in (
            ("T1", "liver", (52, 45, 40, 34, 31, 31, 33, 38)),
            ("T2", "lung", (31, 29, 26, 22, 20, 21, 22, 22)),
            ("T3", "liver", (18, 16, 14, 12, 11, 10, 10, 11)),
        )
        for day, mm in zip(_DAYS, sizes, strict=True)
    ),
    "markers.csv": "patient_id,day,marker,value,unit,upper_limit\n"
    + "".join(
        f"{NAME},{21 * place},CEA,{value},ng/mL,5\n"
        for place, value in enumerate((80, 61, 40, 28, 17, 9, "<2", "<2", 4, 7, 12, 20, 29, 41, 60))
    ),
    "doses.csv": "patient_id,day,drug,dose,unit\n"
    + "".join(
        f"{NAME},{day},{drug},{dose if day < 100 else 0.75 * dose:g},mg/m2\n"
        for drug, dose in (("oxaliplatin", 85), ("fluorouracil", 2400))
        for day in range(0, 280, 14)
    ),
    "events.csv": "patient_id,day,end_day,term,grade\n"
    f"{NAME},28,42,Neutropenia,3\n{NAME},90,,Peripheral sensory neuropathy,2\n{NAME},200,230,Diarrhoea,1\n",
    "patients.csv": f"patient_id,tumour_type,arm\n{NAME},metastatic colorectal cancer,FOLFOX\n",
}
FIRST = re.compile("^101 mm$")  # as it stands beside the title while the first visit is pointed at
# words of the drawing that leave its sheet, or are smaller than can be read
UNREADABLE = """() => {
  const svg = document.querySelector("[data-figure=course] svg"), sheet = svg.getBoundingClientRect();
  const scale = sheet.width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll("text")].filter((one) => one.textContent.trim()).flatMap((one) => {
    const box = one.getBoundingClientRect(), px = parseFloat(getComputedStyle(one).fontSize) * scale;
    const isOut = box.left < sheet.left - 1 || box.right > sheet.right + 1 || box.top < sheet.top - 1;
    return isOut || px < 11 ? [`${one.textContent}: ${px} px, ${box.left} to ${box.right} of ${sheet.right}`] : [];
  });
}"""


@pytest.fixture(scope="module")
def patient(desk: Served) -> str:
    study = desk.upload({name: content.encode() for name, content in FILES.items()}).json()["id"]
    return str(desk.get(f"/api/v1/studies/{study}/patients").json()["items"][0]["id"])


def _texts(page: Any) -> list[str]:
    return [text for text in page.locator("[data-figure=course] svg text").all_text_contents() if text]


def _words(page: Any, words: str | re.Pattern[str]) -> Any:
    return page.locator("[data-figure=course] svg text", has_text=words).first


def _shown(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".course-tools:not([hidden])")


@pytest.mark.parametrize(
    ("lang", "width", "said"),
    [
        ("en", 1440, ("State at each visit, %", "Sum of diameters, mm", "CEA, ng/mL", "Treatment", "<2")),
        ("zh", 390, ("每次就诊时的状态（%）", "靶病灶直径总和（mm）", "CEA（ng/mL）", "治疗", "<2")),
        ("en", 390, ("oxaliplatin: 75% from week 16", "Peripheral sensory neuropathy", "last visit")),
    ],
)
def test_course_can_be_read_pointed_at_and_zoomed(
    browser: Any, desk: Served, patient: str, lang: str, width: int, said: tuple[str, ...]
) -> None:
    with opened(browser, desk, lang, width) as page:
        _shown(page, f"{desk.base}/p/{patient}")
        assert page.locator(".vega svg").count() == page.locator("[data-figure]").count()
        assert_sound(page, NAME)
        texts = _texts(page)
        assert [own for own in said if own not in texts] == []
        assert page.evaluate(UNREADABLE) == []

        chart = page.locator("[data-figure=course]")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + 0.1 * box["width"] + 2, box["y"] + 120)  # near the first visit
        _words(page, FIRST).wait_for(state="attached")
        assert page.evaluate(UNREADABLE) == []
        page.mouse.move(2, 2)
        _words(page, FIRST).wait_for(state="detached")

        # by keyboard: the last visit, the day before it, fewer weeks, all again
        page.focus("[data-step='1']")
        page.keyboard.press("Enter")
        assert "71 mm" in page.inner_text(".read")
        page.focus("[data-step='-1']")
        page.keyboard.press("Enter")
        assert "71 mm" not in page.inner_text(".read")
        start = _words(page, {"en": "week 0", "zh": "第 0 周"}[lang])
        page.focus("[data-zoom='0.5']")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        start.wait_for(state="detached")
        page.focus("[data-zoom=all]")
        page.keyboard.press("Enter")
        start.wait_for(state="attached")

        # and for those who do not see it: words, and tables that the keyboard reaches
        assert "101" in chart.get_attribute("aria-label")
        page.focus(".in-words summary")
        page.keyboard.press("Enter")
        assert "101 mm" in page.inner_text(".in-words dl")
        page.focus(".to-tables a")
        page.keyboard.press("Enter")
        page.wait_for_selector("#numbers:focus")
        assert "2,400" in page.inner_text("#numbers")


def test_look_back_shows_what_was_known_on_the_same_axis(browser: Any, desk: Served, patient: str) -> None:
    with opened(browser, desk, "en", 1440) as page:
        axis = "() => JSON.parse(document.querySelector('[data-figure=course] + script').textContent).usermeta.at_rest"
        dots = page.locator("[data-figure=course] .mark-symbol path")
        _shown(page, f"{desk.base}/p/{patient}")
        weeks, count = page.evaluate(axis), dots.count()
        _shown(page, f"{desk.base}/p/{patient}?at=126")
        assert page.evaluate(axis) == weeks
        assert dots.count() < count
        assert "71 mm" not in page.locator("[data-figure=course]").get_attribute("aria-label")


def test_hostile_names_stay_words(browser: Any, desk: Served) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    files = {
        "lesions.csv": f"patient_id,day,lesion_id,role,site,diameter_mm,status\nE,0,T1,target,liver,50,measured\n"
        f"E,42,T1,target,liver,40,measured\nE,0,{evil},target,lung,30,measured\nE,42,{evil},target,lung,20,measured\n",
        "events.csv": f"patient_id,day,term,grade\nE,10,{evil},2\n",
    }
    study = desk.upload({name: content.encode() for name, content in files.items()}).json()["id"]
    own = desk.get(f"/api/v1/studies/{study}/patients").json()["items"][0]["id"]
    with opened(browser, desk, "en", 1440) as page:
        _shown(page, f"{desk.base}/p/{own}")
        assert page.locator("img").count() == 0
        assert any(evil[:20] in text for text in _texts(page))
