"""Problems in the data, as text: every one of them for `check`, grouped by rule elsewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TextIO

import typer

from turnpoint.cli.terminal import LABEL_WIDTH, coloured, printable, say, width_of, wrapped
from turnpoint.errors import Problem, Severity, counted

if TYPE_CHECKING:
    import polars as pl

COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow"}
MAX_KINDS = 20
MAX_WARNING_KINDS = 5
MAX_RUNS = 6
# The last column of the list says what is wrong; below this it goes under the others instead of beside them.
MIN_RULE_WIDTH = 36


def problem_counts(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning`; a kind with none is left out unless both have none."""
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    parts = [counted(errors, "error")] if errors else []
    parts += [counted(warnings, "warning")] if warnings else []
    return ", ".join(parts) or "no problems"


def print_every_problem(problems: Sequence[Problem], stream: TextIO | None = None) -> None:
    """Print each problem: by file, errors first, in row order.

    A terminal gets a table for each file; anything else gets one line a problem, easy to search.
    """
    stream = stream or sys.stdout
    width = width_of(stream)
    ordered = _listed(problems)
    if width is None:
        for problem in ordered:
            typer.echo(f"{problem.severity}: {printable(str(problem))}", file=stream)
        return
    for file, group in groupby(ordered, key=lambda problem: problem.file):
        in_file = list(group)
        typer.echo(f"\n{printable(file)}: {problem_counts(in_file)}", file=stream)
        for line in _table_lines(in_file, width, stream):
            typer.echo(line, file=stream)


def problem_frame(problems: Sequence[Problem]) -> pl.DataFrame:
    """The problems as a table, in listing order: `file, row, column, value, rule, mend, severity`."""
    import polars as pl

    schema = {
        "file": pl.String,
        "row": pl.Int64,
        "column": pl.String,
        "value": pl.String,
        "rule": pl.String,
        "mend": pl.String,
        "severity": pl.String,
    }
    ordered = _listed(problems)
    columns = {name: [getattr(problem, name) for problem in ordered] for name in schema}
    return pl.DataFrame(columns, schema=schema)


def print_grouped_errors(problems: Sequence[Problem]) -> None:
    """Print the errors of a study on stderr: one entry for each rule broken in a column, with its rows."""
    errors = [problem for problem in problems if problem.severity == "error"]
    kinds = by_rule(errors)
    head = coloured("Error:", "red", sys.stderr)
    typer.echo(f"{head} the data has {counted(len(errors), 'error')}; nothing was computed.", err=True)
    width = width_of(sys.stderr)
    for same in kinds[:MAX_KINDS]:
        text = printable(str(same[0]))
        if len(same) > 1:
            text += f" {counted(len(same) - 1, 'more row')} like it: {row_ranges(same[1:])}."
        for line in wrapped(text, width, first="  ", then="    "):
            typer.echo(line, err=True)
    if len(kinds) > MAX_KINDS:
        typer.echo(f"  ... and {counted(len(kinds) - MAX_KINDS, 'more kind')} of error.", err=True)
    typer.echo(
        "`turnpoint check STUDY` lists every problem; with `--out problems.csv` it saves them.", err=True
    )


def say_warnings(problems: Sequence[Problem], stream: TextIO | None = None) -> None:
    """Add the warnings to a summary: how many, and the most frequent kinds; nothing when there are none."""
    warnings = [problem for problem in problems if problem.severity == "warning"]
    if not warnings:
        return
    say("Warnings", f"{len(warnings):,}; `turnpoint check STUDY` lists them", stream)
    # What is said of a whole table (columns that are not read) comes before what is said of some of its rows.
    kinds = sorted(by_rule(warnings), key=lambda same: (same[0].row is not None, -len(same)))
    for same in kinds[:MAX_WARNING_KINDS]:
        first = same[0]
        where = first.file if first.column is None else f"{first.file}, {first.column}"
        say("", f"{len(same):,} x {where}: {first.rule}", stream)
    if len(kinds) > MAX_WARNING_KINDS:
        say("", f"and {counted(len(kinds) - MAX_WARNING_KINDS, 'other kind')}", stream)


def by_rule(problems: Sequence[Problem]) -> list[list[Problem]]:
    """Problems of a file that break the same rule in the same column, together, in order of appearance."""
    kinds: dict[tuple[str, str | None, str], list[Problem]] = {}
    for problem in problems:
        # A number in a rule belongs to its row: "as row 4" and "as row 9" are one rule.
        rule = re.sub(r"\d+(\.\d+)?", "#", problem.rule)
        kinds.setdefault((problem.file, problem.column, rule), []).append(problem)
    return list(kinds.values())


def row_ranges(problems: Sequence[Problem]) -> str:
    """Their rows, runs joined, the first few runs only: `19-24, 30, 41`."""
    runs: list[list[int]] = []
    for row in sorted({problem.row for problem in problems if problem.row is not None}):
        if runs and row == runs[-1][-1] + 1:
            runs[-1][1:] = [row]
        else:
            runs.append([row])
    shown = ", ".join("-".join(map(str, run)) for run in runs[:MAX_RUNS])
    return shown + (", ..." if len(runs) > MAX_RUNS else "")


def _listed(problems: Sequence[Problem]) -> list[Problem]:
    """The problems as they are listed: files in the order given, errors before warnings, then as given."""
    place = {file: index for index, file in enumerate(dict.fromkeys(problem.file for problem in problems))}
    return sorted(problems, key=lambda problem: (place[problem.file], problem.severity != "error"))


def _table_lines(problems: Sequence[Problem], width: int, stream: TextIO) -> Iterator[str]:
    """The problems of one file as lines of a table, the last column wrapped, or below when too narrow."""
    cells = [
        (
            problem.severity,
            "" if problem.row is None else f"row {problem.row}",
            printable(problem.column or ""),
            _shortened(printable(problem.value or "")),
        )
        for problem in problems
    ]
    widths = [max(len(row[index]) for row in cells) for index in range(4)]
    start = 2 + sum(size + 2 for size in widths if size)
    beside = width - start >= MIN_RULE_WIDTH
    for problem, row in zip(problems, cells, strict=True):
        head = "  " + "".join(f"{cell:<{size}}  " for cell, size in zip(row, widths, strict=True) if size)
        text = printable(f"{problem.rule}. {problem.mend}")
        if beside:
            lines = wrapped(text, width, first=head, then=" " * start)
        else:
            words = "  ".join(cell for cell in row if cell)
            lines = [f"  {words}", *wrapped(text, width, first="    ", then="    ")]
        lines[0] = lines[0].replace(
            problem.severity, coloured(problem.severity, COLOURS[problem.severity], stream), 1
        )
        yield from lines


def _shortened(value: str, most: int = 2 * LABEL_WIDTH) -> str:
    """The value, cut to what a column of the table can hold."""
    return value if len(value) <= most else value[: most - 3] + "..."
