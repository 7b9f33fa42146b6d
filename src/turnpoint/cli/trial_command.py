"""The command that plays a declared virtual trial."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from turnpoint.cli import summaries
from turnpoint.cli.failures import USAGE_EXIT_CODE
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import checked_folder
from turnpoint.cli.terminal import coloured, printable, say, width_of, wrapped
from turnpoint.errors import UsageError, counted

if TYPE_CHECKING:
    from turnpoint.workflows.trial import Trial


class TableFormat(StrEnum):
    """How the tables are written."""

    csv = "csv"
    parquet = "parquet"


def trial(
    declaration: Annotated[
        Path, typer.Argument(metavar="TRIAL.TOML", help="The declared trial.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Write outcomes, summary, treatment and trial.html into it, and keep finished blocks: run again, a "
            "trial that was stopped goes on.",
            show_default=False,
        ),
    ],
    format: Annotated[  # noqa: A002 - the word that users look for
        TableFormat, typer.Option("--format", help="How the tables are written.")
    ] = TableFormat.csv,
) -> None:
    """Play a virtual trial: the same virtual patients through every arm, and what each arm gains on the first.

    Every mistake in the declaration is reported at once. The same declaration gives the same numbers.
    """
    source = declaration.expanduser()
    if not source.is_file():
        raise UsageError(
            f"TRIAL.TOML: there is no file `{declaration}`. Check the spelling, and where you are."
        )

    from turnpoint.workflows.trial import read_declaration
    from turnpoint.workflows.trial import trial as run

    try:
        read_declaration(source)  # before a folder is made
    except UsageError as error:
        _list_mistakes(str(error))
        raise typer.Exit(USAGE_EXIT_CODE) from None
    folder = checked_folder(out)
    with ProgressBar("Playing") as progress:
        found = run(source, folder, progress=progress)
    with ProgressBar("Drawing"):
        written = found.save(folder, format=format.value)
    _say(found, sys.stdout)
    summaries.say_written(folder, ", ".join(path.name for path in written), sys.stdout)


def _list_mistakes(message: str) -> None:
    """Every mistake on a line of its own."""
    width = width_of(sys.stderr)
    head, *mistakes = [printable(line) for line in message.splitlines()]
    typer.echo(f"{coloured('Error:', 'red', sys.stderr)} {head}", err=True)
    for mistake in mistakes:
        for line in wrapped(mistake, width, then="  "):
            typer.echo(line, err=True)


def _say(found: Trial, stream: TextIO) -> None:
    """What was played, and the mean gain of each arm with its interval."""
    declared = found.declaration
    resumed = f", {found.resumed_patients:,} of them in an earlier run" if found.resumed_patients else ""
    say("Played", f"{declared.name}: {counted(declared.patients, 'virtual patient')}{resumed}", stream)
    summaries.say_prior(found.prior, stream)
    for arm, outcome, gained, low, high in (
        found.summary.select("arm", "outcome", "gained_weeks", "gained_weeks_low", "gained_weeks_high")
        .drop_nulls("gained_weeks")
        .iter_rows()
    ):
        name = outcome.removesuffix("_week").replace("_", " ")
        say("Gained", f"{arm}, {name}: {_signed(gained)} weeks ({_signed(low)} to {_signed(high)})", stream)
    for row in found.treatment.iter_rows(named=True):
        say("Given", f"{row['arm']}: {_given(row, by_chance=declared.is_by_chance)}", stream)


def _given(row: dict[str, Any], *, by_chance: bool) -> str:
    """Weeks on each drug, changes before the turning point, and, where it can happen, how often the tumour died out."""
    parts = [
        f"{row['mean_weeks_on_a']:.0f} weeks on A and {row['mean_weeks_on_b']:.0f} on B on average",
        f"changed before the turning point in {row['before_turning_share']:.0%}",
    ]
    if by_chance:
        low, high = row["extinct_share_low"], row["extinct_share_high"]
        parts.append(f"died out in {row['extinct_share']:.1%} ({low:.1%} to {high:.1%})")
    return "; ".join(parts)


def _signed(weeks: float) -> str:
    """One decimal with its sign; nothing but 0 for what rounds to it."""
    return f"{weeks:+.1f}" if round(weeks, 1) else "0"
