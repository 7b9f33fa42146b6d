"""What commands read: the study, its prior, one of its patients."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from turnpoint.cli.progress import ProgressBar
from turnpoint.errors import UsageError

if TYPE_CHECKING:
    from turnpoint.study.study import Study


# What is judged and forecast. Of adverse events the fatal ones count too, as far as they can be read.
WITHOUT_EVENTS: Final = ("patients", "lesions", "markers", "doses")


def read_study(source: Path, needed: Collection[str] | None = None) -> Study:
    """The study, or StudyError with every problem; shows that it is working when that takes long.

    Args:
        source: what to read.
        needed: the tables without which the command cannot do; all of them for None. Errors in others are warnings.
    """
    from turnpoint.workflows.opening import read

    with ProgressBar("Reading"):
        return read(source) if needed is None else read(source, needed)


def expanded_prior(prior: str | None) -> str | None:
    """The prior's name or path, `~` expanded: no shell does that in `--prior=~/mine.json`."""
    return prior if prior is None else os.path.expanduser(prior)  # noqa: PTH111 - it may be a name, not a path


def only_patient(data: Study, patient_id: str) -> Study:
    """The study with one patient; UsageError, naming nobody, when there is no such patient."""
    return data.only([known_patient(data, patient_id)])


def known_patient(data: Study, patient_id: str) -> str:
    """The identifier itself; UsageError, naming nobody, when the study has no such patient."""
    if patient_id in data.patient_ids:
        return patient_id
    loosely = {known.strip().casefold() for known in data.patient_ids}
    hint = (
        "One differs only in case or spaces."
        if patient_id.strip().casefold() in loosely
        else "The column patient_id lists them."
    )
    raise UsageError(f"--patient: none of the study's {len(data.patient_ids):,} patients has this ID. {hint}")
