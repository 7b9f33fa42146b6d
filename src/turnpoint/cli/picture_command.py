"""`turnpoint picture`: everything that is said about one patient, as a document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnpoint.cli import summaries
from turnpoint.cli.inputs import expanded_prior, known_patient, read_study
from turnpoint.cli.options import (
    ContinuingOption,
    ContinuingResponse,
    FalseAlertsOption,
    PriorOption,
    SeedOption,
    StudyArgument,
)
from turnpoint.cli.progress import ProgressBar
from turnpoint.cli.targets import PICTURE_ENDINGS, checked_target, existing_study
from turnpoint.study.whole_files import appearing_whole

if TYPE_CHECKING:
    from turnpoint.pictures.patient import PatientPicture
    from turnpoint.study.study import Study

AtOption = Annotated[
    int | None,
    typer.Option("--at", metavar="DAY", help="As it was known on this day; by default all that is known."),
]


def picture(
    study: StudyArgument,
    patient: Annotated[
        str, typer.Option("--patient", metavar="ID", help="Whose picture.", show_default=False)
    ],
    *,
    at: AtOption = None,
    prior: PriorOption = None,
    false_alerts: FalseAlertsOption = None,
    seed: SeedOption = 0,
    continuing_response: ContinuingOption = ContinuingResponse.time_point,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Write the picture, a .json file.")
    ] = Path("turnpoint-picture.json"),
) -> None:
    """Write everything that is said about one patient as one document; `turnpoint report` shows it again."""
    source = existing_study(study)
    target = checked_target(out, PICTURE_ENDINGS, source)

    from turnpoint.pictures.document import to_json

    data = read_study(source)
    known = known_patient(data, patient)
    with appearing_whole(target) as part:
        found = drawn(
            data,
            known,
            at=at,
            prior=prior,
            false_alerts=false_alerts,
            seed=seed,
            continuing_response=continuing_response,
        )
        part.write_bytes(to_json(found))
    summaries.say_called_in(found, sys.stdout)
    summaries.say_read(data, sys.stdout)
    summaries.say_provenance(found.provenance, sys.stdout)
    summaries.say_written(target, "picture", sys.stdout)


def drawn(
    data: Study,
    patient_id: str,
    *,
    at: int | None,
    prior: str | None,
    false_alerts: float | None,
    seed: int,
    continuing_response: ContinuingResponse = ContinuingResponse.time_point,
) -> PatientPicture:
    """The picture of one patient of a study that was read."""
    from turnpoint.workflows.picture import picture as run

    with ProgressBar("Assessing"):
        return run(
            data,
            patient_id,
            expanded_prior(prior),
            at=at,
            false_alerts_per_100=false_alerts,
            seed=seed,
            continuing_response=continuing_response.value,
        )
