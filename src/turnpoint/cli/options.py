"""The arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Audience(StrEnum):
    """Who a report is for."""

    clinician = "clinician"
    patient = "patient"
    statistician = "statistician"


class Language(StrEnum):
    """The language of a report."""

    en = "en"
    zh = "zh"


class ContinuingResponse(StrEnum):
    """What a visit of SD after a confirmed PR is."""

    time_point = "time-point"
    group = "group"


ContinuingOption = Annotated[
    ContinuingResponse,
    typer.Option(
        "--continuing-response",
        help="A sum above 70 % of the baseline again, after a confirmed PR: SD, by each time point as in the paper's "
        "tables, or PR until progression, by the RECIST group's answer.",
    ),
]
StudyArgument = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY",
        help="A study folder, a single CSV or Parquet file, or a standard's files: SDTM (XPT, Dataset-JSON), FHIR, "
        "DICOM SR, a mapped table.",
        show_default=False,
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Write the table: .csv, .parquet or .json; - is CSV on stdout."
    ),
]
PriorOption = Annotated[
    str | None,
    typer.Option(
        "--prior", metavar="PRIOR", help="A prior from `turnpoint fit`; by default one that comes along."
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="The same seed and data give the same numbers.")
]
FalseAlertsOption = Annotated[
    float | None,
    typer.Option(
        "--false-alerts-per-100",
        metavar="N",
        help="Alert so that in N of 100 patients no progression follows within 24 weeks: 1 to 20; by default 5.",
    ),
]
