"""A first mapping of a wide table, with the questions that only a person can answer."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from turnpoint.errors import StudyError, UsageError
from turnpoint.formats.mapped import MAPPING_ENDING, Guess, Question, guess, quoted, read_sheet
from turnpoint.study.findings import Findings

Ask = Callable[[Question], str | None]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that was written.

    Attributes:
        guess: what was understood.
        open_questions: those that nobody answered; the mapping is not read before they are.
        written: the file.
    """

    guess: Guess
    open_questions: tuple[Question, ...]
    written: Path


def default_mapping(table: Path) -> Path:
    """Where the mapping of a table is looked for: beside it."""
    return table.with_name(table.stem + MAPPING_ENDING)


def guess_mapping(
    table: str | Path,
    out: str | Path | None = None,
    *,
    sheet: str | None = None,
    header_row: int = 1,
    ask: Ask | None = None,
    accept_proposals: bool = False,
    replace: bool = False,
) -> Mapping:
    """Propose a mapping of a wide table and write it.

    Args:
        table: CSV, Parquet or a workbook.
        out: in the table's folder; by default `NAME.mapping.toml`.
        sheet: of a workbook; by default the first.
        header_row: the line of the column names.
        ask: gives the answer to a question as TOML, or None to leave it open.
        accept_proposals: take what is proposed for every question that `ask` leaves open.
        replace: write over a mapping that is there.

    Returns:
        What was understood, what is open, and the file.

    Raises:
        StudyError: the table cannot be read.
        UsageError: a place that cannot be written to, or a mapping that is there already.
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    place = Path(table)
    target = default_mapping(place) if out is None else Path(out)
    check_target(place, target, replace=replace)
    findings = Findings()
    found = read_sheet(place, sheet, header_row, findings)
    if found is None or findings.has_errors:
        raise StudyError(findings.listed())
    first = guess(found, sheet_name=sheet, header_row=header_row)
    answers: dict[str, str] = {}
    for question in first.questions:
        answer = ask(question) if ask is not None else None
        if answer is None and accept_proposals:
            answer = question.proposal
        if answer is not None:
            answers[question.key] = answer
    _write(target, first.toml(answers))
    still = tuple(question for question in first.questions if question.key not in answers)
    return Mapping(first, still, target)


def check_target(table: Path, target: Path, *, replace: bool) -> None:
    """Refuse a place for a mapping in which it would not be found, or that is taken.

    Raises:
        UsageError: with what to do.
    """
    if target.suffix.lower() != ".toml":
        raise UsageError(f"{target.name}: a mapping is a TOML file. End its name in {MAPPING_ENDING}")
    if target.resolve().parent != table.resolve().parent:
        raise UsageError(
            f"{target.name}: a mapping stands beside its table. Write it to the folder of {table.name}"
        )
    if target.exists() and not replace:
        raise UsageError(f"{target.name}: is there already. Name another file, or add --replace")


def as_toml(answer: str) -> str:
    """An answer as a person types it, as TOML: a list, a number and text in quotes as they are, else in quotes.

    >>> as_toml("mm"), as_toml('["999"]'), as_toml("42")
    ('"mm"', '["999"]', '42')
    """
    try:
        value = tomllib.loads(f"answer = {answer}")["answer"]
    except tomllib.TOMLDecodeError:
        return quoted(answer)
    return answer if isinstance(value, str | list | int) and not isinstance(value, bool) else quoted(answer)


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{target.name}: cannot be written ({(error.strerror or 'error').lower()})"
        ) from error
