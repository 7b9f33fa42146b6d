"""A clinic's table read by answers: what each column became, what is still asked, which answer means nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from turnpoint.errors import Problem
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted
from turnpoint.formats.mapped import Guess, Question, as_meaning, convert, first_guess, parsed, quoted
from turnpoint.study.findings import Findings
from turnpoint.workflows.mapping import answer_wrong, default_mapping, is_told, plain, toml_answer

UNMAPPED = "unmapped."
SHEET = "sheet"


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table, as far as the answers tell how it is read.

    Attributes:
        questions: all of them, answered or not.
        answers: that hold, as TOML by key; proposals are taken where nothing else was said and they may be.
        wrong: what is wrong with an answer, by key.
        unknown: keys of answers to no question of this table.
        became: each column that is read, and the key of the study that it became.
        aside: the columns that are not.
        other_sheets: of the workbook, that are not read.
        mapping: the mapping file; empty while an answer is open or wrong.
        converted: what the mapping reads; its study is None while there is no mapping.
    """

    questions: tuple[Question, ...]
    answers: Mapping[str, str]
    wrong: Mapping[str, str]
    unknown: tuple[str, ...]
    became: Mapping[str, str]
    aside: tuple[str, ...]
    other_sheets: tuple[str, ...]
    mapping: str
    converted: Converted

    @property
    def is_open(self) -> bool:
        """An answer is missing, or means nothing."""
        return not self.mapping


def read_table(table: Path, given: Mapping[str, str]) -> TableRead:
    """Read a table by the answers to the questions of `turnpoint map guess`, and write the mapping beside it.

    Args:
        table: CSV, Parquet or a workbook, of which no mapping is known.
        given: answers as people type them, by key of the question; `unmapped.COLUMN` may say what a column is.

    Raises:
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    findings = Findings()
    answers = {key: line for key, text in given.items() if (line := " ".join(text.split()))}
    wrong = {key: why for key, text in answers.items() if (why := _meaning_wrong(key, text))}
    told = {
        key.removeprefix(UNMAPPED): text
        for key, text in answers.items()
        if is_told(key, text) and key not in wrong
    }
    sheets = _sheet_question(table, answers)
    sheet = (
        plain(answers[SHEET])
        if sheets is not None and toml_answer(SHEET, answers[SHEET]) in sheets.choices
        else None
    )
    opened = first_guess(table, findings, sheet=sheet, told=told)
    if opened is None:
        return _unreadable(findings)
    first, found = opened
    questions = (*([sheets] if sheet and sheets else []), *first.questions)
    by_key = {question.key: question for question in questions}
    known = {*by_key, *(UNMAPPED + name for name in found.columns)}
    for key, text in answers.items():
        if key in by_key and key not in wrong and (why := answer_wrong(by_key[key], text, found.columns)):
            wrong[key] = why
    said = {
        key: toml_answer(key, text) for key, text in answers.items() if key in by_key and key not in wrong
    }
    taken = [
        one for one in questions
        if one.key not in answers and one.proposal is not None and (one.optional or one.presumed)
    ]  # fmt: skip
    said |= {one.key: one.proposal or "" for one in taken}
    text, converted = "", Converted(None, (), pl.DataFrame(schema=UNMAPPED_SCHEMA))
    if len(said) == len(questions) and not wrong:
        text = first.toml(said)
        converted = _converted(table, text, taken)
    return TableRead(
        questions,
        said | {UNMAPPED + name: quoted(what) for name, what in told.items()},
        {key: why for key, why in wrong.items() if key in known},
        tuple(key for key in answers if key not in known),
        _became(first, said, table.name),
        first.aside,
        found.other_sheets,
        text,
        converted,
    )


def _sheet_question(table: Path, answers: Mapping[str, str]) -> Question | None:
    """The question for the sheet, where it was answered: the guess of one sheet asks it no more."""
    opened = first_guess(table, Findings()) if SHEET in answers else None
    return next((one for one in opened[0].questions if one.key == SHEET), None) if opened else None


def _converted(table: Path, mapping: str, taken: Sequence[Question]) -> Converted:
    place = default_mapping(table)
    place.write_text(mapping, encoding="utf-8")
    found = convert(place)
    presumed = tuple(
        Problem(
            table.name, None, one.key, None, one.presumed, "Answer the question if it is not so.", "warning"
        )
        for one in taken
        if one.presumed
    )
    return replace(found, problems=(*presumed, *found.problems))


def _unreadable(findings: Findings) -> TableRead:
    nothing = pl.DataFrame(schema=UNMAPPED_SCHEMA)
    return TableRead((), {}, {}, (), {}, (), (), "", Converted(None, findings.listed(), nothing))


def _became(first: Guess, said: Mapping[str, str], name: str) -> dict[str, str]:
    """What each column is read as; what is open is taken as its first choice, as no answer moves another column."""
    open_ones = {
        one.key: one.choices[0] if one.choices else one.proposal or "0"
        for one in first.questions
        if one.key not in said
    }
    mapping = parsed(first.toml({**said, **open_ones}), name, Findings())
    return {} if mapping is None else mapping.columns()


def _meaning_wrong(key: str, text: str) -> str | None:
    """What is wrong with what is said of a column."""
    if not is_told(key, text):
        return None
    try:
        as_meaning(key.removeprefix(UNMAPPED), plain(text))
    except ValueError as error:
        return str(error)
    return None
