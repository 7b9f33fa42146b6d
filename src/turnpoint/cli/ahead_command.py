"""The commands that look ahead: when progression would be called, and what would settle the question soonest."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from turnpoint.cli import summaries
from turnpoint.cli.inputs import WITHOUT_EVENTS, expanded_prior, known_patient, read_study
from turnpoint.cli.options import PriorOption, SeedOption, StudyArgument, TableOption
from turnpoint.cli.partition_command import EngineOption, WorkersOption, done_by_parts
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import TABLE_ENDINGS, checked_target, existing_study
from turnpoint.cli.terminal import say


def ahead(
    study: StudyArgument,
    prior: PriorOption = None,
    seed: SeedOption = 0,
    out: TableOption = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
) -> None:
    """The day the criteria would call progression, and its chance within 6, 12 and 24 weeks.

    From each patient's last visit, if the regimen stays as it is there. Progression that has been called is said, not
    forecast.
    """
    source = existing_study(study)
    given: dict[str, Any] = {"prior": expanded_prior(prior), "seed": seed}
    if done_by_parts("ahead", source, out, engine, workers, **given):
        return
    target = None if out is None else checked_target(out, TABLE_ENDINGS, source)

    from turnpoint.workflows.ahead import ahead as run
    from turnpoint.workflows.respond import called

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Looking ahead") as progress:
        frame = run(data, progress=progress, **given)
    stream = summaries.summary_stream(target)
    summaries.say_called(called(data), stream)
    summaries.say_read(data, stream)
    summaries.save_or_show(frame, target, summaries.AHEAD_COLUMNS, stream)


def settle(
    study: StudyArgument,
    patient: Annotated[
        str, typer.Option("--patient", metavar="ID", help="Whose measurements.", show_default=False)
    ],
    prior: PriorOption = None,
    seed: SeedOption = 0,
    out: TableOption = None,
) -> None:
    """Which measurements of the next twelve weeks would tell soonest whether the tumour has turned.

    The best first, with what each costs in scans and blood tests; none where progression has been called. The order is
    by bit-weeks: how much is known, for how much of the next 24 weeks.
    """
    source = existing_study(study)
    target = None if out is None else checked_target(out, TABLE_ENDINGS, source)

    from turnpoint.workflows.respond import called
    from turnpoint.workflows.settle import settle as run

    data = read_study(source, WITHOUT_EVENTS)
    known = known_patient(data, patient)
    with ProgressBar("Comparing measurements"):
        frame = run(data, known, expanded_prior(prior), seed=seed)
    stream = summaries.summary_stream(target)
    summaries.say_called(called(data.only([known])), stream)
    summaries.say_read(data, stream)
    if frame.is_empty() and target is None:
        say("Found", "nothing is left to settle: progression has been called", stream)
        return
    summaries.save_or_show(frame, target, summaries.SETTLE_COLUMNS, stream)
