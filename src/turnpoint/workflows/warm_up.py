"""What the first picture of a process waits for, made ready: loops compiled or loaded, the renderer started."""

from __future__ import annotations

from importlib import resources

from turnpoint.charts.svg import start_renderer
from turnpoint.study.reading import read
from turnpoint.workflows.picture import picture

_STUDY = "ascent2-docetaxel-psa"


def warm_up() -> None:
    """Make the picture of a bundled patient, for nobody."""
    start_renderer()
    with resources.as_file(resources.files("turnpoint") / "datasets" / _STUDY) as folder:
        study = read(folder)
    picture(study, study.patient_ids[0])
