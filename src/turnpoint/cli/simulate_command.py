"""The command that writes a virtual study with its truth."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from turnpoint.cli import summaries
from turnpoint.cli.inputs import expanded_prior
from turnpoint.cli.options import SeedOption
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import checked_folder
from turnpoint.cli.terminal import say
from turnpoint.errors import UsageError, counted

USUAL_MARKER_WEEKS = 3


def simulate(
    prior: Annotated[
        str,
        typer.Option(
            "--prior",
            metavar="PRIOR",
            help="Whom to draw: a prior that comes along, or a file from `turnpoint fit`.",
            show_default=False,
        ),
    ],
    patients: Annotated[
        int, typer.Option("--patients", metavar="N", min=1, help="How many.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Write the study folder, and its truth, into it.",
            show_default=False,
        ),
    ],
    visits_every: Annotated[
        int, typer.Option("--visits-every", metavar="WEEKS", min=1, help="Weeks between scans.")
    ] = 6,
    markers: Annotated[
        list[str] | None,
        typer.Option(
            "--markers",
            metavar="NAME@WEEKS",
            help="A marker and the weeks between its values, for example cea@3; may be given more than once.",
        ),
    ] = None,
    weeks: Annotated[
        int, typer.Option("--weeks", metavar="WEEKS", min=1, help="The last planned visit.")
    ] = 60,
    lesions: Annotated[
        int, typer.Option("--lesions", metavar="N", min=1, max=5, help="Target lesions of each patient.")
    ] = 1,
    after_progression: Annotated[
        bool, typer.Option("--after-progression", help="Let courses go on after progression.")
    ] = False,
    seed: SeedOption = 0,
) -> None:
    """Write a virtual study: patients drawn from a prior, read as readers read, with the truth behind them.

    A course ends with the scan that meets RECIST progression. `truth` has one row a patient, `truth_visits` one a
    visit; no other command reads them.
    """
    wanted = parsed_markers(markers or ())
    folder = checked_folder(out)

    from turnpoint.workflows.simulate import simulate as run

    with ProgressBar("Simulating"):
        found = run(
            expanded_prior(prior) or prior,
            patients,
            visits_every=visits_every,
            markers=wanted or None,
            weeks=weeks,
            lesions=lesions,
            after_progression=after_progression,
            seed=seed,
        )
        written = found.save(folder)
    summaries.say_prior(found.prior, sys.stdout)
    turned = found.truth.join(
        found.truth_visits.group_by("patient_id").agg(last_day="day"), on="patient_id", how="left"
    )
    past = sum(days[-1] >= turn for days, turn in turned.select("last_day", "turning_day").iter_rows())
    say(
        "Drew",
        f"{counted(found.truth.height, 'virtual patient')}, {counted(found.truth_visits.height, 'visit')}; "
        f"{past:,} turned before their last visit",
        sys.stdout,
    )
    summaries.say_written(folder, ", ".join(path.name for path in written), sys.stdout)


def parsed_markers(texts: Sequence[str]) -> dict[str, int]:
    """Markers and their weeks from `NAME@WEEKS`, several to a text with commas between them; every mistake at once.

    Raises:
        UsageError: no name, no whole number of weeks, or a marker named twice.
    """
    found: dict[str, int] = {}
    wrong = []
    for text in (part.strip() for given in texts for part in given.split(",")):
        name, _, weeks = text.partition("@")
        name = name.strip()
        if not name or (weeks and not (weeks.strip().isdecimal() and int(weeks) > 0)) or text.endswith("@"):
            wrong.append(f"`{text}` is not NAME@WEEKS with a whole number of weeks")
        elif name.casefold() in {known.casefold() for known in found}:
            wrong.append(f"`{name}` is named twice")
        else:
            found[name] = int(weeks) if weeks else USUAL_MARKER_WEEKS
    if wrong:
        raise UsageError(f"--markers: {'; '.join(wrong)}. Write for example --markers cea@3,ca-125@6.")
    return found
