"""The command for experts: is the model right about this study?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from turnpoint.cli import summaries
from turnpoint.cli.inputs import WITHOUT_EVENTS, expanded_prior, known_patient, read_study
from turnpoint.cli.options import PriorOption, SeedOption, StudyArgument
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import (
    DRAWS_ENDINGS,
    REPORT_ENDINGS,
    checked_folder_targets,
    checked_target,
    existing_study,
)
from turnpoint.errors import UsageError
from turnpoint.study.whole_files import appearing_whole


def diagnose(
    study: StudyArgument,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Write diagnostics.html and a CSV file of each table into it. A file name ending in .parquet or .json "
            "sets the format: that file, and the others beside it. FILE.nc is the posterior draws instead (needs the "
            "extra `arviz`).",
            show_default=False,
        ),
    ],
    patient: Annotated[
        str | None,
        typer.Option("--patient", metavar="ID", help="With FILE.nc: the draws of this patient only."),
    ] = None,
    prior: PriorOption = None,
    seed: SeedOption = 0,
) -> None:
    """For experts: calibration of forecasts, visual predictive check, shrinkage, state of the particles."""
    source = existing_study(study)
    if out.suffix.lower() in DRAWS_ENDINGS:
        _write_draws(source, checked_target(out, DRAWS_ENDINGS, source), patient, prior, seed)
        return
    if patient is not None:
        raise UsageError("--patient: only for posterior draws. Write --out FILE.nc, or leave out --patient.")
    if out.suffix.lower() in REPORT_ENDINGS:
        raise UsageError(f"--out: `{out}` names one file; the page comes with its tables. Name a folder.")
    targets = checked_folder_targets(out, summaries.DIAGNOSTIC_TABLES, source)
    page = checked_target(targets["pit"].with_name("diagnostics.html"), REPORT_ENDINGS, source)

    from turnpoint.workflows.diagnose import diagnose as run

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Diagnosing") as progress:
        result = run(data, expanded_prior(prior), seed=seed, progress=progress)
    with ProgressBar("Drawing"), appearing_whole(page) as part:
        result.report().save(part)
    summaries.say_read(data, sys.stdout)
    summaries.say_prior(result.prior, sys.stdout)
    summaries.say_diagnosed(result, sys.stdout)
    for name, frame in result.tables().items():
        summaries.save_or_show(frame, targets[name], (), sys.stdout)
    summaries.say_written(page, "the pictures and how to read them", sys.stdout)


def _write_draws(source: Path, target: Path, patient: str | None, prior: str | None, seed: int) -> None:
    """The posterior draws of one patient, or of all, as NetCDF."""
    from turnpoint.workflows.inference_data import inference_data, save_netcdf

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Drawing posteriors") as progress:
        found = inference_data(
            data,
            None if patient is None else known_patient(data, patient),
            expanded_prior(prior),
            seed=seed,
            progress=progress,
        )
    with appearing_whole(target) as part:
        save_netcdf(found, part)
    summaries.say_read(data, sys.stdout)
    summaries.say_written(target, ", ".join(found.children), sys.stdout)
