"""Problems of the data in Chinese: every text is translated, and no sentence is half of each language."""

from __future__ import annotations

import re
import time
from importlib import resources
from pathlib import Path

import pytest

from turnpoint.reports.catalogue import language, texts_of
from turnpoint.reports.problem_text import DOMAIN, in_language
from turnpoint.study.reading import inspect

ENGLISH, CHINESE = language("en"), language("zh")
PLACES = re.compile(r"\{\d+\}")
# English that binds words; names of columns and their values are none.
PROSE = re.compile(r"\b(?:the|that|is|are|not|with|without|which|it)\b [a-z]")


def test_every_text_is_translated_with_no_value_of_its_own() -> None:
    texts = texts_of("zh", DOMAIN)
    assert len(texts) > 700
    for text, translation in texts.items():
        assert translation, text
        assert set(PLACES.findall(translation)) <= set(PLACES.findall(text)), text


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("below 0 mm", "低于 0 mm"),
        ("below -7305 days", "低于 -7305 天"),
        ("the row repeats an earlier one", "此行与前面的一行重复"),
        ("the row repeats an earlier one, and both count", "此行与前面的一行重复，两行都计入"),
        ("Remove it; row 12 says the same and is read.", "请删除；第 12 行内容相同且已读取。"),
        ("Check the spelling. Is CA-125 meant?", "请核对拼写。是指 CA-125 吗？"),
        (
            "0 is not detected; read as <0.1 %, the usual limit of its assays",
            "0 表示未检出；按 <0.1 % 读取，即其检测方法的常用检测限",
        ),
        (
            "a target node has a short axis of at least 15 mm at baseline (RECIST 1.1)",
            "基线时作为靶病灶的淋巴结短径至少应为 15 mm（RECIST 1.1）",
        ),
        (
            "Add it; markers needs patient_id, marker, value, unit and day or date.",
            "请补上；markers 需要 patient_id, marker, value, unit 以及 day 或 date。",
        ),
        ("above 5; the row is not read, which is not needed here", "高于 5；此行不读取，此处不需要它"),
        ("12 records: sizes without a unit", "12 条记录：没有单位的大小"),
        (
            "no treatment of 2 patients is known; day 0 is the first marker",
            "不知道 2 位患者的治疗；以首个标志物为第 0 天",
        ),
        (
            "1 cell not read: the cell says by a code that nothing is known",
            "1 个单元格，不读取：单元格以代码表示未知",
        ),
    ],
)
def test_text_is_put_together_in_chinese(english: str, chinese: str) -> None:
    assert in_language(english, CHINESE) == chinese
    assert in_language(english, ENGLISH) == english


@pytest.mark.parametrize(
    "text",
    [
        "a rule that nobody has translated",
        "below 0 mm; a rule that nobody has translated",
        "the file is a box of letters, not text",
        "Check the spelling. Ask somebody who knows.",
    ],
)
def test_text_that_is_not_known_as_a_whole_stays_english_as_a_whole(text: str) -> None:
    assert in_language(text, CHINESE) is None


def test_problems_of_a_broken_study_are_chinese_throughout(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text(
        "patient_id,start_date,birth_year,sex\nA,2024-01-05,1830,x\nB,05/01/24,,\n"
    )
    (tmp_path / "lesions.csv").write_text(
        "patient_id,day,lesion_id,role,site,diameter_mm,status\n"
        "A,0,T1,target,liver,-4,measured\nA,56,T1,target,liver,,measured\nA,56,T1,new,lung,12,mesured\n"
        "A,x,T2,target,lymph node,8,absent\nC,99999,T1,target,liver,700,measured\nA,112,T1,target,liver,30\n"
    )
    (tmp_path / "markers.csv").write_text(
        "patient_id,day,marker,value,unit\nA,0,CEA,0,ng/mL\nA,0,CEA,5,ng/mL\nA,1,CEA,<0,mol/L\nA,2,CEAA,1;2,x\n"
    )
    (tmp_path / "doses.csv").write_text("patient_id,day,drug,dose\nA,0,oxaliplatin,85\nA,200,irinotecan,0\n")
    (tmp_path / "events.csv").write_text("patient_id,day,end_day,term\nA,9,3,Fatigue\n")
    (tmp_path / "other.csv").write_text("a\n")
    _, problems = inspect(tmp_path)
    assert len(problems) > 15
    for problem in problems:
        for text in (problem.rule, problem.mend):
            told = in_language(text, CHINESE)
            assert told, text
            assert not PROSE.search(told), told


def test_warnings_of_the_bundled_studies_are_chinese() -> None:
    for place in (resources.files("turnpoint") / "datasets").iterdir():
        if place.is_dir() and (Path(str(place)) / "patients.csv").is_file():
            _, problems = inspect(Path(str(place)))
            for problem in problems:
                assert in_language(problem.rule, CHINESE), problem.rule
                assert in_language(problem.mend, CHINESE), problem.mend


@pytest.mark.parametrize("piece", ["Row of has ", "; not read: ", "( ", ", in ", ". A; b: c "])
def test_text_that_a_hostile_file_makes_takes_no_long_time(piece: str) -> None:
    start = time.perf_counter()
    in_language(f"Rename the column {piece * 60} to role if that is what it is.", CHINESE)
    assert time.perf_counter() - start < 1.0
