"""The command for every night: what changed, and which alerts are new, stand or are withdrawn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from turnpoint.cli import summaries
from turnpoint.cli.inputs import WITHOUT_EVENTS, expanded_prior, read_study
from turnpoint.cli.options import FalseAlertsOption, PriorOption, SeedOption, StudyArgument
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import checked_folder, existing_study
from turnpoint.cli.terminal import say
from turnpoint.errors import counted


def watch(
    study: StudyArgument,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Of last time, or an empty one: alerts.csv and alerts.fhir.ndjson go there, and what the next run "
            "needs to know.",
            show_default=False,
        ),
    ],
    prior: PriorOption = None,
    false_alerts: FalseAlertsOption = None,
    seed: SeedOption = 0,
) -> None:
    """Assess again whose data changed since last time; new, standing and withdrawn alerts.

    Run it once a night. It may be stopped at any moment: the next run finds what this one would have.
    """
    source, folder = existing_study(study), checked_folder(out)

    from turnpoint.workflows.watch import STATUSES
    from turnpoint.workflows.watch import watch as run

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Assessing") as progress:
        found = run(
            data,
            folder,
            expanded_prior(prior),
            false_alerts_per_100=false_alerts,
            seed=seed,
            progress=progress,
        )
    summaries.say_read(data, sys.stdout)
    say("Changed", f"{counted(found.assessed, 'patient')} of {found.patients:,}", sys.stdout)
    say("Alerts", ", ".join(f"{found.count(status)} {status}" for status in STATUSES), sys.stdout)
    for file in found.files[:2]:
        say("Wrote", str(file), sys.stdout, whole=True)
