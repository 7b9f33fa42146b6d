"""The commands that help to map a wide table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnpoint.cli.problems import print_every_problem
from turnpoint.cli.terminal import printable, say
from turnpoint.errors import UsageError, counted

if TYPE_CHECKING:
    from turnpoint.formats.mapped import Question

# `turnpoint map guess`: a group, so that more can follow.
mapping = typer.Typer(
    name="map",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Read a wide table (CSV, REDCap, Excel) by a mapping file.",
)

_SHOWN = 8


@mapping.callback()
def _group() -> None:
    """Read a wide table (CSV, REDCap, Excel) by a mapping file."""


@mapping.command("guess", short_help="Propose a mapping of a wide table")
def guess(
    table: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, a workbook or Parquet.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.toml", help="Beside FILE; by default NAME.mapping.toml."),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option("--sheet", metavar="NAME", help="Of a workbook; by default the one with patients."),
    ] = None,
    header_row: Annotated[
        int | None,
        typer.Option(
            "--header-row", metavar="N", min=1, help="The line of the column names; by default looked for."
        ),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option("--dictionary", metavar="FILE", help="The data dictionary of a REDCap project."),
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--answer",
            metavar="KEY=VALUE",
            help="Answer a question, by the key that is printed with it; once for each.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take every answer proposed, and ask nothing.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a mapping that is there.")] = False,
) -> None:
    """Propose a mapping of a wide table, ask what its columns do not tell, and write it.

    On a terminal the questions are asked; Enter takes the answer in brackets, ? leaves a question open. Elsewhere each
    is answered by --answer KEY=VALUE, or stays in the file as a question mark, and the mapping is read once all are
    answered. Then give the mapping, or the table beside it, to any command as STUDY.
    """
    place = table.expanduser()
    if not place.is_file():
        raise UsageError(f"FILE: there is no file `{table}`.")

    from turnpoint.formats.mapped import option_of
    from turnpoint.workflows.mapping import guess_mapping

    found = guess_mapping(
        place,
        None if out is None else out.expanduser(),
        sheet=sheet,
        header_row=header_row,
        dictionary=None if dictionary is None else dictionary.expanduser(),
        answers=_answers(answer or []),
        ask=_ask if sys.stdin.isatty() and not yes else None,
        accept_proposals=yes,
        replace=replace,
    )
    first = found.guess
    say("Read", f"{place.name}: {counted(first.columns, 'column')}")
    say("Mapped", f"{len(first.understood):,} of {counted(first.columns, 'column')} understood")
    if first.unsure:
        more = f" and {len(first.unsure) - _SHOWN} more" if len(first.unsure) > _SHOWN else ""
        say("Unsure", ", ".join(first.unsure[:_SHOWN]) + more)
    if first.aside:
        more = f" and {len(first.aside) - _SHOWN} more" if len(first.aside) > _SHOWN else ""
        say("Not read", ", ".join(first.aside[:_SHOWN]) + more)
    if found.other_sheets:
        say("Not read", f"{counted(len(found.other_sheets), 'other sheet')}: {', '.join(found.other_sheets)}")
    if found.open_questions:
        say(
            "Open",
            f'{counted(len(found.open_questions), "question")}; answer the lines with "?" in the file, or:',
        )
        for question in found.open_questions:
            shown = f" (cells: {question.examples})" if question.examples else ""
            say("", question.text + shown)
            say("", f"  {option_of(question)}", whole=True)
    say("Written", str(found.written), whole=True)
    if found.problems:
        print_every_problem(found.problems)
    if found.open_questions:
        say("Next", f"turnpoint map guess {table} --replace --answer ..., once for each question", whole=True)
    else:
        say("Next", f"turnpoint check {found.written}", whole=True)


def _answers(given: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` of each."""
    wrong = [one for one in given if "=" not in one]
    if wrong:
        raise UsageError(
            f"--answer: `{wrong[0]}` is not KEY=VALUE. Write for example --answer rows.date_format=dd/mm/yyyy."
        )
    return {key: value for key, _, value in (one.partition("=") for one in given)}


def _ask(question: Question) -> str | None:
    """One question on the terminal; None leaves it open."""
    from turnpoint.workflows.mapping import as_toml

    text = printable(question.text)
    if question.examples:
        text += f"\n  cells: {printable(question.examples)}"
    said: str = typer.prompt(text, default=question.proposal or "?")
    return None if said.strip() == "?" else as_toml(said.strip())
