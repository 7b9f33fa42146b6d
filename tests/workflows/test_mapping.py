"""A first mapping of a table: where it may stand, what answers it takes, and what stays open."""

from __future__ import annotations

from pathlib import Path

import pytest

import turnpoint as tp
from turnpoint.errors import UsageError
from turnpoint.formats.mapped import Question
from turnpoint.workflows.mapping import as_toml, default_mapping, guess_mapping

TABLE = "id,day,psa,hgb\nA,0,4,12\nA,21,3,11\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    place = tmp_path / "t.csv"
    place.write_text(TABLE, encoding="utf-8")
    return place


def test_answers_are_written_and_the_others_stay_open(table: Path) -> None:
    asked: list[str] = []

    def answer(question: Question) -> str | None:
        asked.append(question.key)
        return '"ug/L"' if "psa" in question.key else None

    found = guess_mapping(table, ask=answer)
    assert found.written == default_mapping(table) == table.parent / "t.mapping.toml"
    assert [question.key for question in found.open_questions] == [key for key in asked if "psa" not in key]
    assert len(asked) == 2
    assert found.written.read_text(encoding="utf-8").count('"?"') == 1
    with pytest.raises(tp.UsageError, match=r"is there already\. Name another file, or add --replace"):
        guess_mapping(table)
    assert guess_mapping(table, replace=True).open_questions == found.guess.questions


def test_proposals_are_taken_for_what_is_not_answered(table: Path) -> None:
    found = guess_mapping(table, ask=lambda _: None, accept_proposals=True)
    proposed = [question for question in found.guess.questions if question.proposal is not None]
    assert proposed
    assert [own for own in found.open_questions if own in proposed] == []


@pytest.mark.parametrize(
    ("out", "rule"),
    [
        ("t.mapping.json", r"t\.mapping\.json: a mapping is a TOML file\. End its name in \.mapping\.toml"),
        ("elsewhere/t.mapping.toml", r"a mapping stands beside its table\. Write it to the folder of t\.csv"),
        ("taken.toml", r"taken\.toml: cannot be written \(is a directory\)"),
    ],
)
def test_place_where_a_mapping_would_not_be_found_is_refused(table: Path, out: str, rule: str) -> None:
    for folder in ("elsewhere", "taken.toml"):
        (table.parent / folder).mkdir()
    with pytest.raises(tp.UsageError, match=rule):
        guess_mapping(table, table.parent / out, replace=True)


def test_table_that_cannot_be_read_is_an_error_with_its_reason(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(tp.StudyError, match=r"empty\.csv"):
        guess_mapping(empty)
    assert list(tmp_path.iterdir()) == [empty]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("mm", '"mm"'),
        ("ng/mL", '"ng/mL"'),
        ('"mm"', '"mm"'),
        ('["999", "NA"]', '["999", "NA"]'),
        ("42", "42"),
        ("true", '"true"'),  # a word, not TOML's truth
        ("2024-01-02", '"2024-01-02"'),
        ("4.5", "4.5"),
        ("= x", '"= x"'),
    ],
)
def test_answer_is_written_as_a_person_means_it(typed: str, written: str) -> None:
    assert as_toml(typed) == written


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [("rows.date_format", "dd/mm/yyyy", None), ("rows.date_format", "sometimes", "is none of")],
)
def test_answer_that_cannot_be_right_is_refused_before_anything_is_written(tmp_path, key, answer, said):
    table = tmp_path / "clinic.csv"
    table.write_text("MRN,Scan date,TL1 (mm)\n7,03/04/2025,30\n7,05/06/2025,28\n", encoding="utf-8")
    if said is None:
        assert guess_mapping(table, answers={key: answer}).written.exists()
        return
    with pytest.raises(UsageError, match=said):
        guess_mapping(table, answers={key: answer})
    assert [own.name for own in tmp_path.iterdir()] == ["clinic.csv"]
