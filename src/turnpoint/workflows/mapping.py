"""A first mapping of a wide table, with the questions that only a person can answer."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Answers
from dataclasses import dataclass
from pathlib import Path

from turnpoint.errors import Problem, StudyError, UsageError
from turnpoint.formats.mapped import MAPPING_ENDING, Guess, Question, first_guess, inspect, quoted
from turnpoint.study.findings import Findings
from turnpoint.study.reading import JSON_KINDS
from turnpoint.study.units import parse as unit_of

Ask = Callable[[Question], str | None]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that was written.

    Attributes:
        guess: what was understood.
        open_questions: those that nobody answered; the mapping is not read before they are.
        written: the file.
        other_sheets: of the workbook, that are not read.
        problems: found when the table was read by the mapping; none while questions are open.
    """

    guess: Guess
    open_questions: tuple[Question, ...]
    written: Path
    other_sheets: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def default_mapping(table: Path) -> Path:
    """Where the mapping of a table is looked for: beside it."""
    return table.with_name(table.stem + MAPPING_ENDING)


def guess_mapping(
    table: str | Path,
    out: str | Path | None = None,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    dictionary: str | Path | None = None,
    answers: Answers[str, str] | None = None,
    ask: Ask | None = None,
    accept_proposals: bool = False,
    replace: bool = False,
) -> Mapping:
    """Propose a mapping of a wide table and write it.

    Args:
        table: CSV, Parquet or a workbook.
        out: in the table's folder; by default `NAME.mapping.toml`.
        sheet: of a workbook; by default the one that looks like a table of patients.
        header_row: the line of the column names; by default it is looked for.
        dictionary: of a REDCap project, as it exports it: what the codes mean.
        answers: by key of the question, as a person types them. Those of `unmapped.COLUMN` may say what the column is:
            `target mm`, `CEA ng/mL`, `date`, `patient`.
        ask: gives the answer to a question as TOML, or None to leave it open; without it, questions on which nothing
            depends but what is left aside take what is proposed.
        accept_proposals: take what is proposed for every question that `ask` leaves open.
        replace: write over a mapping that is there.

    Returns:
        What was understood, what is open, and the file.

    Raises:
        StudyError: the table cannot be read.
        UsageError: a place that cannot be written to, a mapping that is there already, or an answer to no question.
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    place = Path(table)
    target = default_mapping(place) if out is None else Path(out)
    check_target(place, target, replace=replace)
    if place.suffix.lower() == ".json":
        raise UsageError(f"{place.name}: a mapping is of a table. {JSON_KINDS}")
    findings = Findings()
    words = None if dictionary is None else Path(dictionary)
    given = dict(answers or {})
    told = {key.removeprefix("unmapped."): what for key, what in given.items() if is_told(key, what)}
    try:
        opened = first_guess(place, findings, sheet=sheet, header_row=header_row, told=told, dictionary=words)
    except ValueError as error:
        raise UsageError(f"--answer: {error}") from error
    if opened is None:
        raise StudyError(findings.listed())
    first, found = opened
    said = {
        key: toml_answer(key, what)
        for key, what in given.items()
        if key.removeprefix("unmapped.") not in told
    }
    _check_answers(first, said, [*told], found.columns)
    for question in first.questions:
        if question.key in said:
            continue
        answer = ask(question) if ask is not None else None
        if answer is None and (accept_proposals or (ask is None and question.optional)):
            answer = question.proposal
        if answer is not None:
            said[question.key] = toml_answer(question.key, answer)
    _write(target, first.toml(said))
    still = tuple(question for question in first.questions if question.key not in said)
    problems = () if still else inspect(target)[1]
    return Mapping(first, still, target, found.other_sheets, problems)


def is_told(key: str, what: str) -> bool:
    """Whether an answer says what a column is, not that it is left out."""
    return key.startswith("unmapped.") and what.strip().strip('"').lower() not in ("ignore", "drop", "no")


def toml_answer(key: str, what: str) -> str:
    """An answer to a question as TOML; a no to a column leaves it out."""
    if key.startswith("unmapped.") and what.strip().strip('"').lower() == "no":
        return quoted("ignore")
    return as_toml(what.strip())


def _check_answers(first: Guess, said: Answers[str, str], told: list[str], columns: tuple[str, ...]) -> None:
    known = [question.key for question in first.questions]
    wrong = [key for key in said if key not in known] + [name for name in told if name not in columns]
    if wrong:
        listed = ", ".join(known) or "none is open"
        raise UsageError(f"--answer: no question {', '.join(wrong)}. The questions are {listed}.")
    by_key = {question.key: question for question in first.questions}
    faults = [
        f"{key}: {why}" for key, what in said.items() if (why := answer_wrong(by_key[key], what, columns))
    ]
    if faults:
        raise UsageError(f"--answer {' '.join(faults)}")


def answer_wrong(question: Question, text: str, columns: Sequence[str]) -> str | None:
    """What is wrong with an answer, as a person types it; None where it holds."""
    answer, said = toml_answer(question.key, text), plain(text)
    if question.choices:
        are_lists = all(choice.startswith("[") for choice in question.choices)
        if answer in question.choices or (are_lists and answer.startswith("[")):
            return None
        return f"{said} is none of {', '.join(map(plain, question.choices))}."
    if question.key.endswith(".unit") and unit_of(said) is None:
        return f"{said} is no unit. Write it as on the report: ng/mL, U/mL."
    if question.key.startswith("rows.day.") and not said.removeprefix("-").isdecimal():
        return f"{said} is no day. Write a whole number, 0 for the start of the treatment."
    if question.key == "lesions.percent_of" and said not in columns and not _is_size(said):
        return f"{said} is neither a column nor a size in mm."
    return None


def _is_size(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False


def plain(text: str) -> str:
    """An answer without the quotes of TOML."""
    try:
        value = tomllib.loads(f"answer = {text}")["answer"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, str) else text


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
    return (
        answer
        if isinstance(value, str | list | int | float) and not isinstance(value, bool)
        else quoted(answer)
    )


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{target.name}: cannot be written ({(error.strerror or 'error').lower()})"
        ) from error
