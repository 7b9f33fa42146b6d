"""The commands that help to map a wide table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
        str | None, typer.Option("--sheet", metavar="NAME", help="Of a workbook; by default the first.")
    ] = None,
    header_row: Annotated[
        int, typer.Option("--header-row", metavar="N", min=1, help="The line of the column names.")
    ] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Take every answer proposed, and ask nothing.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a mapping that is there.")] = False,
) -> None:
    """Propose a mapping of a wide table, ask what its columns do not tell, and write it.

    On a terminal the questions are asked; Enter takes the answer in brackets, ? leaves a question open. Elsewhere they
    stay in the file as question marks, and the mapping is read once they are answered. Then give the mapping, or the
    table beside it, to any command as STUDY.
    """
    place = table.expanduser()
    if not place.is_file():
        raise UsageError(f"FILE: there is no file `{table}`.")

    from turnpoint.workflows.mapping import guess_mapping

    found = guess_mapping(
        place,
        None if out is None else out.expanduser(),
        sheet=sheet,
        header_row=header_row,
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
    if found.open_questions:
        say(
            "Open", f'{counted(len(found.open_questions), "question")}; answer the lines with "?" in the file'
        )
        for question in found.open_questions[:_SHOWN]:
            say("", question.text)
        if len(found.open_questions) > _SHOWN:
            say("", f"and {len(found.open_questions) - _SHOWN} more")
    say("Written", str(found.written), whole=True)
    if not found.open_questions:
        say("Next", f"turnpoint check {found.written}", whole=True)


def _ask(question: Question) -> str | None:
    """One question on the terminal; None leaves it open."""
    from turnpoint.workflows.mapping import as_toml

    text = printable(question.text)
    if question.examples:
        text += f"\n  cells: {printable(question.examples)}"
    said: str = typer.prompt(text, default=question.proposal or "?")
    return None if said.strip() == "?" else as_toml(said.strip())
