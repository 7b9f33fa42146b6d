"""A clinic's table without a mapping: read in one go when nothing is open, else the questions and who answers them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from turnpoint.errors import Problem, counted
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted
from turnpoint.formats.mapped.cells import WORKBOOKS, Sheet, first_rows, read_sheet
from turnpoint.formats.mapped.dictionary import read_dictionary
from turnpoint.formats.mapped.document import parsed
from turnpoint.formats.mapped.guessing import guess
from turnpoint.formats.mapped.headers import has_sizes_or_markers, header_of, patient_sheets
from turnpoint.formats.mapped.questions import Guess, Line, Question, all_quoted
from turnpoint.formats.mapped.reading import read_mapped
from turnpoint.study.findings import Findings
from turnpoint.study.naming import recognise
from turnpoint.study.reading import PARQUET_ENDINGS, TEXT_ENDINGS
from turnpoint.study.schema import TABLES, fold
from turnpoint.study.study import Study


def recognises_table(path: Path) -> bool:
    """True for a table that no mapping reads: a workbook, or a text or Parquet file that is none of the five tables."""
    if not path.is_file():
        return False
    ending = path.suffix.lower()
    return ending in WORKBOOKS or (ending in TEXT_ENDINGS + PARQUET_ENDINGS and not _is_of_study(path))


def inspect_table(
    path: Path, needed: Collection[str] = tuple(TABLES)
) -> tuple[Study | None, tuple[Problem, ...]]:
    """Read such a table, and list every problem and every open question, without raising on bad data.

    Args:
        path: the table.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).

    Returns:
        The study, None when there is any error or open question; everything found.

    Raises:
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    found = _convert(path, needed, with_side_table=False)
    return found.study, found.problems


def convert_table(path: Path) -> Converted:
    """Read such a table, with what is left out beside it.

    Args:
        path: as for `inspect_table`.

    Raises:
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    return _convert(path, tuple(TABLES), with_side_table=True)


def first_guess(
    place: Path,
    findings: Findings,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    told: Mapping[str, str] | None = None,
    dictionary: Path | None = None,
) -> tuple[Guess, Sheet] | None:
    """Open a table and guess its mapping; None when it cannot be read (reported).

    Args:
        place: the table.
        findings: where problems go.
        sheet: of a workbook; None takes the one that looks like a table of patients.
        header_row: the line of the column names; None looks for it.
        told: by column, what a person says that it is (`guessing.guess`).
        dictionary: the file of a REDCap project's data dictionary.

    Raises:
        MissingExtraError: a workbook, and fastexcel is not installed.
        ValueError: something told that means nothing.
    """
    sheets = patient_sheets(place) if sheet is None else []
    chosen = sheet if sheet is not None else sheets[0] if sheets else None
    header = header_of(place, chosen) if header_row is None else (header_row, 1)
    found = read_sheet(place, chosen, header[0], findings, header[1])
    words = None if dictionary is None else read_dictionary(dictionary, findings)
    if found is None or findings.has_errors:
        return None
    first = guess(
        found,
        sheet_name=chosen if sheet or found.other_sheets else None,
        header=header,
        told=told,
        dictionary=words,
    )
    if len(sheets) > 1:
        text = f"Which sheet is read: {', '.join(sheets)}? One mapping reads one of them (map guess: --sheet NAME)."
        lines = tuple(line for line in first.lines if not line.before.startswith("sheet = "))
        asked = Question("sheet", text, choices=all_quoted(sheets))
        first = replace(first, lines=(*lines[:2], Line("sheet = ", asked), *lines[2:]))
    return first, found


def answer_of(file: str, question: Question) -> str:
    """How to answer a question of a table: the command with its option."""
    return f"turnpoint map guess {shlex.quote(file)} {option_of(question)}"


def option_of(question: Question) -> str:
    """The option of `turnpoint map guess` that answers a question."""
    if question.key == "sheet":
        return "--sheet NAME"
    said = (question.proposal or "ANSWER").strip('"')
    return f"--answer {shlex.quote(f'{question.key}={said}')}"


def _is_of_study(path: Path) -> bool:
    """Whether a file is one of the five tables: it has the columns the table needs, or its name and half of them."""
    if path.suffix.lower() in PARQUET_ENDINGS:
        columns = list(pl.read_parquet_schema(path))
    else:
        rows = first_rows(path, None)
        columns = rows[0] if rows else []
    if not columns:
        return True
    stem = path.stem.casefold()
    name = stem if stem in TABLES else recognise(columns, "")
    if name is None:
        return False
    table, there = TABLES[name], {fold(column) for column in columns}

    def has(column: str) -> bool:
        return any(fold(one) in there for one in (column, *table.column(column).aliases))

    needed = [has(column.name) for column in table.columns if column.required]
    if not table.timed:
        # patients.csv needs so little that a wide table has it too.
        return name == stem and not has_sizes_or_markers(columns)
    return sum(needed) * 2 >= len(needed) if name == stem else all(needed) and (has("day") or has("date"))


def _convert(path: Path, needed: Collection[str], *, with_side_table: bool) -> Converted:
    findings = Findings()
    nothing = pl.DataFrame(schema=UNMAPPED_SCHEMA)
    opened = first_guess(path, findings)
    if opened is None:
        return Converted(None, findings.listed(), nothing)
    first, sheet = opened
    taken = [one for one in first.questions if one.proposal is not None and (one.optional or one.presumed)]
    answers = {one.key: one.proposal or "" for one in taken}
    still = [one for one in first.questions if one.key not in answers]
    if still:
        _report_open(path, first, still, findings)
        return Converted(None, findings.listed(), nothing)
    mapping = parsed(first.toml(answers), path.name, findings)
    if mapping is None:
        return Converted(None, findings.listed(), nothing)
    for one in taken:
        if one.presumed:
            findings.add(path.name, one.presumed, "If it is not so: turnpoint map guess.", severity="warning")
    findings.add(
        path.name,
        f"no table of the study folder, but a clinic's: {looks_like(first)}",
        f"It is read as understood; to see and change how: turnpoint map guess {shlex.quote(path.name)}.",
        severity="warning",
    )
    return read_mapped(mapping, sheet, path.stem, findings, needed, with_side_table=with_side_table)


def looks_like(first: Guess) -> str:
    """What a table looks like, in a few words: its lesions and markers, as far as they are understood."""
    heads = [line.before for line in first.lines]
    parts = [
        f"{sum(head.startswith(chr(10) + f'[[{name}]]') for head in heads)} {name}"
        for name in ("lesions", "markers")
    ]
    return f"{len(first.understood)} of {counted(first.columns, 'column')} understood, blocks of {' and '.join(parts)}"


def _report_open(path: Path, first: Guess, still: list[Question], findings: Findings) -> None:
    findings.add(
        path.name,
        f"no table of the study folder; it looks like a clinic's ({looks_like(first)}), with "
        f"{counted(len(still), 'open question')}",
        f"Answer them: turnpoint map guess {shlex.quote(path.name)}, which asks, or takes --answer KEY=VALUE for each.",
    )
    for question in still:
        shown = f" Cells: {question.examples}." if question.examples else ""
        findings.add(
            path.name,
            f"{question.text.rstrip('.')}{'' if question.text.endswith('?') else '.'}{shown}".rstrip("."),
            f"{answer_of(path.name, question)}.",
            column=question.key,
        )
