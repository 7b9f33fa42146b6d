"""Survival given growth, for trials: what a link predicts at landmarks, and a link fitted to a study's deaths."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from turnpoint.cli import summaries
from turnpoint.cli.inputs import WITHOUT_EVENTS, expanded_prior, read_study
from turnpoint.cli.options import PriorOption, SeedOption, StudyArgument, TableOption
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import TABLE_ENDINGS, checked_target, existing_study
from turnpoint.cli.terminal import say
from turnpoint.errors import UsageError, counted
from turnpoint.study.whole_files import appearing_whole

if TYPE_CHECKING:
    from turnpoint.lifetimes.link import Link
    from turnpoint.workflows.survival import Survival

LandmarkOption = Annotated[
    str,
    typer.Option(
        "--landmark-weeks",
        metavar="WEEKS",
        help="Weeks from the start of treatment, with commas between them.",
    ),
]
LANDMARKS: Final = "8,16,24"
_COLUMNS: Final = (
    "patient_id",
    "landmark_week",
    "survival_6m",
    "survival_6m_q05",
    "survival_6m_q95",
    "survival_12m",
    "survival_12m_q05",
    "survival_12m_q95",
    "median_days",
    "last_visit_day",
)


def survival(
    study: StudyArgument,
    landmark_weeks: LandmarkOption = LANDMARKS,
    link: Annotated[
        str,
        typer.Option(
            "--link",
            metavar="LINK",
            help="claret or struemper (both published, lung cancer), or a file of `turnpoint fit --survival`.",
        ),
    ] = "claret",
    prior: PriorOption = None,
    seed: SeedOption = 0,
    out: TableOption = None,
) -> None:
    """Survival 6 and 12 months after landmarks, by a link from growth to survival. For trials and research.

    From what was known by the landmark, of the patients known to be alive there. It is not for a patient's page: a link
    speaks of the disease and the years it was estimated in.
    """
    source = existing_study(study)
    weeks = parsed_landmarks(landmark_weeks)
    target = None if out is None else checked_target(out, TABLE_ENDINGS, source)

    from turnpoint.workflows.survival import survival as run

    data = read_study(source, WITHOUT_EVENTS)
    named = os.path.expanduser(link)  # noqa: PTH111 - it may be a name, not a path
    with ProgressBar("Following") as progress:
        result = run(
            data, named, landmark_weeks=weeks, prior=expanded_prior(prior), seed=seed, progress=progress
        )
    stream = summaries.summary_stream(target)
    summaries.say_read(data, stream)
    _say_link(result, stream)
    _say_landmarks(result, stream)
    summaries.save_or_show(result.frame, target, _COLUMNS, stream)


def fit_link_to(
    source: Path, target: Path, *, method: str, landmark_weeks: str, prior: str | None, seed: int
) -> None:
    """`turnpoint fit --survival`: the link, written and summed up."""
    weeks = parsed_landmarks(landmark_weeks)

    from turnpoint.workflows.fit_survival import fit_survival

    data = read_study(source, WITHOUT_EVENTS)
    with ProgressBar("Fitting") as progress:
        result = fit_survival(
            data,
            method,
            landmark_weeks=weeks,
            prior=expanded_prior(prior),
            name=target.stem,
            seed=seed,
            progress=progress,
        )
    with appearing_whole(target) as part:
        result.save(part)
    summaries.say_read(data, sys.stdout)
    _say_fitted(result)
    summaries.say_written(target, f"the link {target.stem}", sys.stdout)


def parsed_landmarks(text: str) -> tuple[int, ...]:
    """The whole weeks in `8,16,24`.

    Raises:
        UsageError: one of them is no whole number.
    """
    parts = [part.strip() for part in text.replace(" ", ",").split(",") if part.strip()]
    if not parts or not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(
            f"--landmark-weeks={text}: whole weeks with commas between them. Write for example 8,16,24."
        )
    return tuple(int(part) for part in parts)


def _say_link(result: Survival, stream: TextIO) -> None:
    """Which link, of whom, and what it takes to carry it here."""
    link, card = result.link, result.link.card
    people = counted(card.patients, "patient") + (f", {counted(card.deaths, 'death')}" if card.deaths else "")
    say("Link", f"{link.name}, {card.method}: {card.data} ({people})", stream)
    if card.source:
        say("", card.source, stream)
    if result.at_reference:
        say(
            "",
            f"not known of everybody, taken at its reference value: {', '.join(result.at_reference)}",
            stream,
        )
    if link.covariance is None:
        say("", "its own uncertainty was not published and is in none of the intervals", stream)
    for warning in card.warnings:
        say("", warning, stream)
    say(
        "Note",
        f"estimated in {card.disease}; for another disease, other drugs or other years the order of patients may hold "
        "where the chances do not",
        stream,
    )


def _say_landmarks(result: Survival, stream: TextIO) -> None:
    """How many patients at each landmark, who is left out, and the mean chances."""
    import polars as pl

    for week, gone in result.not_followed.items():
        own = result.frame.filter(pl.col("landmark_week") == week)
        left = f"{gone:,} not known to be alive then"
        if result.without_size[week]:
            left += f", {result.without_size[week]:,} without a size by then"
        text = f"week {week}: {counted(own.height, 'patient')} ({left})"
        if own.height:
            means = [100.0 * float(str(own[f"survival_{name}"].mean())) for name in ("6m", "12m")]
            text += f"; alive 6 months later {means[0]:.0f} %, 12 months {means[1]:.0f} % on average"
        say("Found", text, stream)


def _say_fitted(link: Link) -> None:
    """What the link was fitted to, each coefficient with its standard error, and warnings."""
    card, errors = link.card, link.standard_errors
    of = f"{counted(card.patients, 'patient')}, {counted(card.deaths, 'death')}"
    say(
        "Fitted",
        f"{card.method} link, {link.family}, to {of}; sizes read with the prior {card.prior}",
        sys.stdout,
    )
    if errors is not None:
        for term, error in zip(link.terms, errors, strict=False):
            say("", f"{term.name} {term.coefficient:+.3f} (standard error {error:.3f})", sys.stdout)
        say("", f"log scale {link.log_scale:+.3f} (standard error {errors[-1]:.3f})", sys.stdout)
    for warning in card.warnings:
        say("Warning", warning, sys.stdout)
