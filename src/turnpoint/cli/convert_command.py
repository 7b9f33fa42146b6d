"""The command that converts between formats."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from turnpoint.cli import summaries
from turnpoint.cli.options import StudyArgument
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import existing_study
from turnpoint.cli.terminal import say
from turnpoint.errors import UsageError, counted

if TYPE_CHECKING:
    from turnpoint.workflows.convert import Conversion

_REASONS_SHOWN = 8


class ConvertTarget(StrEnum):
    """What to write."""

    study = "study"
    adam = "adam"
    sdtm = "sdtm"
    dataset_json = "dataset-json"
    fhir = "fhir"
    nonmem = "nonmem"
    monolix = "monolix"
    nlmixr2 = "nlmixr2"


def convert(
    source: StudyArgument,
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="A folder; for FHIR a file ending in .json or .ndjson.", show_default=False
        ),
    ],
    to: Annotated[
        ConvertTarget | None,
        typer.Option(
            "--to",
            help="study folder, adam (ADSL, ADTR, ADRS, ADTTE), sdtm, dataset-json (SDTM as Dataset-JSON), fhir, "
            "nonmem, monolix or nlmixr2 (a table for models); by "
            "default fhir for a file and study for a folder.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the word that users look for
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="study: csv, parquet. adam: xpt, parquet, json, ndjson, dsjc. sdtm: xpt, json, ndjson, dsjc.",
        ),
    ] = None,
    criteria: Annotated[
        str, typer.Option("--criteria", metavar="NAME", help="The criteria of adam's responses.")
    ] = "recist-1.1",
    study_id: Annotated[
        str | None,
        typer.Option("--study-id", metavar="ID", help="STUDYID; by default the name of what is read."),
    ] = None,
) -> None:
    """Convert between formats: from anything that is read, to what --to names.

    What the study has no place for is counted by its reason and kept in unmapped.csv beside the result.
    """
    place = existing_study(source)
    target = out.expanduser()
    _refuse_the_source(place, target)

    from turnpoint.workflows.convert import checked_kind
    from turnpoint.workflows.convert import convert as run

    wanted = None if to is None else to.value
    kind = checked_kind(target, wanted, format)
    with ProgressBar("Converting"):
        found = run(place, target, to=kind, format=format, criteria=criteria, study_id=study_id)
    summaries.say_read(found.study, sys.stdout)
    _say_left_out(found, sys.stdout)
    names = ", ".join(path.name for path in found.written)
    summaries.say_written(target, f"{found.target}: {names}", sys.stdout)


def _say_left_out(found: Conversion, stream: TextIO) -> None:
    """How many records have no place in the study, by reason."""
    if found.unmapped.is_empty():
        return
    reasons = found.reasons()
    say("Left out", f"{counted(found.unmapped.height, 'record')}, kept in {found.written[-1].name}", stream)
    for reason, records in reasons.head(_REASONS_SHOWN).iter_rows():
        say("", f"{records:,}: {reason}", stream)
    if reasons.height > _REASONS_SHOWN:
        say("", f"and {counted(reasons.height - _REASONS_SHOWN, 'more reason')}", stream)


def _refuse_the_source(source: Path, out: Path) -> None:
    """Raise UsageError when the result would be written into what is read."""
    here, there = source.resolve(), out.resolve()
    if there == here or (here.is_dir() and there.parent == here and there.suffix):
        raise UsageError(f"OUT: `{out}` is what is being read, or in it. Name another place.")
