"""The command that sets harm beside benefit: dose ledger, adverse events, the next cycle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from turnpoint.cli import summaries
from turnpoint.cli.inputs import expanded_prior, only_patient, read_study
from turnpoint.cli.options import PriorOption, SeedOption, StudyArgument
from turnpoint.cli.problems import say_warnings
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import checked_folder_targets, existing_study
from turnpoint.cli.terminal import printable, say
from turnpoint.errors import counted

if TYPE_CHECKING:
    from turnpoint.workflows.harm import Harm

HARM_TABLES = ("ledger", "adverse_events", "next_cycle", "cycles", "doses_by_cycle", "course")
_LEDGER_COLUMNS = (
    "patient_id",
    "drug",
    "cumulative",
    "unit",
    "kind",
    "limit",
    "share",
    "next_cycle",
    "share_after_next_cycle",
    "further_cycles",
    "means",
    "condition",
    "checked",
    "missing",
)
# Why a share of a limit could not be computed (`harms.ledger`), and what mends it.
_MISSING = {
    "body_surface_area": "body surface is missing; give bsa_m2, or height_cm and weight_kg, in patients",
    "other_unit": "the doses have no unit that the limit can be counted in; give mg or mg/m2",
}
_EVENT_COLUMNS = ("patient_id", "term", "worst_grade", "events", "unresolved_grade", "flagged")
_NEXT_COLUMNS = (
    "patient_id",
    "scenario",
    "living_change_pct_q05",
    "living_change_pct_q50",
    "living_change_pct_q95",
    "p_shrinks",
    "resistant_change_pct_q50",
    "from_day",
    "to_day",
)


def harm(
    study: StudyArgument,
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="ID", help="This patient only.", show_default=False)
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option(
            "--limits",
            metavar="FILE",
            help="Your own dose limits (TOML), in place of those that come along, drug by drug.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="WEIGHTS",
            help="Set benefit off against toxicity by your own weights, with the arithmetic: benefit=1,toxicity=0.5. "
            "Without them nothing is mixed.",
        ),
    ] = None,
    prior: PriorOption = None,
    seed: SeedOption = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Write the tables into it as CSV. A file name ending in .parquet or .json sets the format: that file "
            "is the ledger, the others are beside it.",
        ),
    ] = None,
) -> None:
    """What treatment has cost and what the next cycle adds, beside what it may bring.

    Cumulative doses against published limits, adverse events by term and grade, and the expected change of the living
    tumour over the next cycle if the regimen goes on.
    """
    source = existing_study(study)
    targets = {} if out is None else checked_folder_targets(out, HARM_TABLES, source)

    from turnpoint.harms.weights import Weights
    from turnpoint.workflows.harm import harm as run
    from turnpoint.workflows.harm import read_limits

    table = read_limits(None if limits is None else limits.expanduser())
    chosen = None if weights is None else Weights.of(weights)
    data = read_study(source)
    if patient is not None:
        data = only_patient(data, patient)
    with ProgressBar("Adding up") as progress:
        result = run(data, expanded_prior(prior), limits=table, weights=chosen, seed=seed, progress=progress)
    summaries.say_read(data, sys.stdout)
    say_warnings(result.problems, sys.stdout)
    summaries.say_priors(result.priors, sys.stdout)
    _say_found(result, sys.stdout)
    if targets:
        for name, frame in result.tables().items():
            summaries.save_or_show(frame, targets[name], (), sys.stdout)
        return
    summaries.show(result.ledger, _LEDGER_COLUMNS, "Dose ledger")
    summaries.show(result.adverse_events, _EVENT_COLUMNS, "Adverse events")
    summaries.show(result.next_cycle, _NEXT_COLUMNS, "The next cycle")


def _say_found(result: Harm, stream: TextIO) -> None:
    """How many shares of limits, unresolved events, and the arithmetic of weights where there are any."""
    shares = result.ledger["share"].drop_nulls()
    for missing, why in _MISSING.items():
        lacking = result.ledger.filter(result.ledger["missing"] == missing)
        if lacking.height:
            drugs = ", ".join(lacking["drug"].unique().sort().to_list())
            limits = counted(lacking.height, "limit or threshold", "limits or thresholds")
            say("Missing", f"shares of {limits} could not be computed: {why} ({drugs})", stream)
    near = int((result.ledger["share_after_next_cycle"] > 1).sum())
    said = f"{counted(shares.len(), 'share')} of a limit or threshold"
    say("Found", f"{said}, {near:,} of them above it after one more cycle", stream)
    flagged = result.adverse_events.filter(result.adverse_events["flagged"])
    say("", f"{counted(flagged.height, 'term')} with an unresolved event of grade 2 or more", stream)
    if not result.ledger["checked"].fill_null(value=True).all():
        say("", "a limit with checked=false was recalled, not verified at its source", stream)
    if "arithmetic" in result.next_cycle.columns:
        for patient_id, text in result.next_cycle.select("patient_id", "arithmetic").drop_nulls().rows():
            say("Weights", printable(f"{patient_id}: benefit against toxicity {text}"), stream)
