"""The command that makes a prior from a published model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from turnpoint.cli import summaries
from turnpoint.cli.options import SeedOption
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import PRIOR_ENDINGS, checked_target
from turnpoint.study.whole_files import appearing_whole


def prior_from(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A published model: `turnpoint priors` lists them, as the priors that are simulated.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="PRIOR.json",
            help="Write the prior here; its name is the file's.",
            show_default=False,
        ),
    ],
    seed: SeedOption = 0,
) -> None:
    """Make a prior from a population model that was published as numbers.

    A cohort of the paper's size is drawn from it, with its schedule and error, and a prior fitted to that. How readings
    are made is taken from the generic prior.
    """
    target = checked_target(out, PRIOR_ENDINGS, Path())

    from turnpoint.workflows.prior_from import prior_from as run

    with ProgressBar("Fitting") as progress:
        result = run(model, name=target.stem, seed=seed, progress=progress)
    with appearing_whole(target) as part:
        result.save(part)
    summaries.say_fitted(result, sys.stdout)
    summaries.say_written(target, f"the prior {target.stem}", sys.stdout)
