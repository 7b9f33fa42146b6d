"""Studies in parts: the command that cuts one, and what the batch commands do with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnpoint.cli import problems, summaries
from turnpoint.cli.failures import DATA_EXIT_CODE
from turnpoint.cli.inputs import read_study
from turnpoint.cli.options import StudyArgument
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import checked_folder, existing_study
from turnpoint.cli.terminal import say
from turnpoint.errors import UsageError, counted

if TYPE_CHECKING:
    from turnpoint.workflows.by_parts import Verb

# From so many rows on a study is cut as it is read, so that memory does not grow.
_LARGE_ROWS = 1_000_000

EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="local|ADDRESS",
        help="Of a partitioned study: work here, or on the Dask cluster whose scheduler has this address.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Of a partitioned study: so many processes here; by default one a core.",
    ),
]


def partition(
    study: StudyArgument,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="An empty folder for the parts.", show_default=False)
    ],
    patients: Annotated[
        int, typer.Option("--patients", metavar="N", min=1, help="Patients of each part.")
    ] = 1000,
) -> None:
    """Cut a study into parts, for studies larger than memory, and for many workers.

    assess, ahead, forecast, metrics and respond take the parts as their STUDY and a folder as --out: one part after
    the other, so that memory does not grow; what is done stays done, and a second run does what is missing.
    """
    source, folder = existing_study(study), checked_folder(out)

    from turnpoint.study.pieces import in_pieces
    from turnpoint.workflows.partition import partition as run

    large = in_pieces(source)
    if large is None or large.rows < _LARGE_ROWS:
        data = read_study(source)
        with ProgressBar("Cutting") as progress:
            made = run(data, folder, patients=patients, progress=progress)
        summaries.say_read(data, sys.stdout)
    else:
        with ProgressBar("Reading and cutting") as progress:
            made = run(large, folder, patients=patients, progress=progress)
        people = counted(made.patients, "patient")
        say("Read", f"{made.name}: {people} ({counted(large.rows, 'row')})", sys.stdout)
        problems.say_warnings(made.problems, sys.stdout)
    say(
        "Wrote",
        f"{folder} ({counted(len(made.parts), 'part')}, {counted(made.patients, 'patient')})",
        sys.stdout,
    )


def done_by_parts(
    verb: Verb, study: Path, out: Path | None, engine: str | None, workers: int | None, **given: Any
) -> bool:
    """Whether the study is in parts; then they have been worked on.

    Raises:
        UsageError: it is not, and an engine is named; or it is, and there is no folder for the results.
        typer.Exit: a part failed.
    """
    from turnpoint.workflows.partition import is_partitioned

    if not is_partitioned(study):
        if engine is not None or workers is not None:
            raise UsageError(
                "--engine and --workers are for a partitioned study. Cut it first with `turnpoint partition`."
            )
        return False

    from turnpoint.workflows.by_parts import LOCAL, by_parts

    if out is None:
        raise UsageError("--out: a partitioned study needs a folder for its results.")
    folder = checked_folder(out)
    if folder.resolve() == study.resolve() or study.resolve() in folder.resolve().parents:
        raise UsageError("--out: lies in the study itself. Name another folder.")
    with ProgressBar("Working by parts") as progress:
        found = by_parts(
            verb, study, folder, engine=engine or LOCAL, workers=workers, progress=progress, **given
        )
    done = found.parts - len(found.failures)
    earlier = f", {found.reused} of them before" if found.reused else ""
    say("Parts", f"{done} of {found.parts} done{earlier}", sys.stdout)
    for name, rows in found.rows.items():
        say("Wrote", f"{folder}/part-*/{name}.parquet ({counted(rows, 'row')})", sys.stdout)
    for failure in found.failures:
        say("Failed", f"{failure.part}: {failure.reason}", sys.stderr)
    if found.failures:
        say("Next", "run the same command again: it does what is missing.", sys.stderr)
        raise typer.Exit(DATA_EXIT_CODE)
    return True
