"""Make tests/golden/pages anew: `python scripts/golden_pages.py` (look at the difference before you commit it).

Of a few small patients: the picture, what each page made from it says, and what its charts are drawn from. Of a small
study, its diagnostics and a small virtual trial: the same, from what their page is given.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from turnpoint.pictures.document import read_table, to_json, written_table
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.diagnostics_page import DiagnosticsView, diagnostics_page
from turnpoint.reports.rendering import Audience, patient_specifications, render_cohort, render_patient
from turnpoint.reports.trial_page import TrialView, trial_page
from turnpoint.reports.views import CohortView

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "pages"
PATIENTS = (
    "marker-rises",
    "mixed",
    "new-brain-lesion",
    "late-dose",
    "side-effects",
    "psa-progression",
    "off-treatment",
    "gone",
)
AUDIENCES: tuple[Audience, ...] = ("patient", "clinician", "statistician")
LANGUAGES = ("en", "zh")
MADE = date(2026, 1, 1)
# every policy, a marker, and a name too long for a chart
TRIAL = """
[trial]
name = "golden"
patients = 40
horizon_weeks = 80
[population]
prior = "chemotherapy-colorectal-ct"
resistant_fraction = 0.02
[schedule]
scan_every_weeks = 8
marker_every_weeks = { CEA = 4 }
[alert]
particles = 256
[[arm]]
name = "at progression"
policy = "progression"
[[arm]]
name = "at the first alert, threshold 0.5"
policy = "alert"
threshold = 0.5
[[arm]]
name = "at the turning point"
policy = "turning"
[[arm]]
name = "after 24 weeks"
policy = "weeks"
after_weeks = 24
[[arm]]
name = "stays"
policy = "never"
"""


@dataclass(frozen=True)
class Whole:
    """A page that is not of one patient: what it is given, and its pages by language."""

    view: type
    pages: dict[str, Callable[[Any], str]]


WHOLE = {
    "study": Whole(CohortView, {"en": render_cohort, "zh": lambda view: render_cohort(view, "zh")}),
    "trial": Whole(TrialView, {"en": trial_page}),
    "diagnostics": Whole(DiagnosticsView, {"en": diagnostics_page}),
}


def words(page: str) -> str:
    """What a page says, a line an element; without its drawings."""
    body = re.sub(r"<svg.*?</svg>", "", page[page.index("<main") :], flags=re.DOTALL)
    lines = (" ".join(html.unescape(part).split()) for part in re.split(r"<[^>]+>", body))
    return "\n".join(line for line in lines if line) + "\n"


def charts_text(drawn: object) -> str:
    """What charts are drawn from, as JSON, a row of data a line; numbers to six digits, the same on any machine."""
    text = json.dumps(_rounded(drawn), indent=1, ensure_ascii=False)
    innermost = r'(?:[\[{])(?:[^\[\]{}"]|"(?:[^"\\]|\\.)*")*(?:[\]}])'
    return re.sub(innermost, lambda found: re.sub(r"\n\s*", " ", found[0]), text) + "\n"


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(own) for name, own in value.items()}
    return [_rounded(own) for own in value] if isinstance(value, list | tuple) else value


def drawn_for(picture: PatientPicture) -> dict[str, dict[str, Any]]:
    """What the charts of a patient's pages are drawn from, by reader."""
    return {audience: patient_specifications(picture, audience, "en") for audience in AUDIENCES[:2]}


def charts_of(page: Callable[[], str]) -> tuple[str, dict[str, Any]]:
    """A page without its drawings, and what each of them would be drawn from, with its words."""
    drawn = {}

    def kept(specification: dict[str, Any], *, figure_id: str, title: str, description: str) -> str:
        drawn[figure_id] = {"title": title, "description": description, **specification}
        return "<svg></svg>"

    with patch("turnpoint.reports.figure.svg", kept):
        made = page()
    return made, drawn


def read_whole(name: str) -> Any:
    """What the page of a study, a trial or diagnostics is given, as it was written."""
    return msgspec.json.decode(
        (GOLDEN / f"{name}.json").read_bytes(), type=WHOLE[name].view, dec_hook=read_table
    )


def main() -> None:
    """Write every file."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    _patients()
    for name, view in _views().items():
        document = msgspec.json.encode(view, enc_hook=written_table)
        (GOLDEN / f"{name}.json").write_bytes(document + b"\n")
        for lang, page in WHOLE[name].pages.items():
            made, drawn = charts_of(lambda page=page, view=view: page(view))  # type: ignore[misc]
            (GOLDEN / f"{name}.{lang}.txt").write_text(words(made), encoding="utf-8")
            if lang == "en":
                (GOLDEN / f"{name}.charts.json").write_text(charts_text(drawn), encoding="utf-8")


def _patients() -> None:
    import turnpoint as tp  # noqa: PLC0415
    from tests.reports.patients import study  # noqa: PLC0415

    for name in PATIENTS:
        picture = tp.picture(study(name), name)
        picture = replace(picture, study_name="golden", provenance=replace(picture.provenance, created=MADE))
        (GOLDEN / f"{name}.json").write_bytes(to_json(picture) + b"\n")
        for audience in AUDIENCES:
            for lang in LANGUAGES:
                made, _ = charts_of(lambda a=audience, n=lang, p=picture: render_patient(p, a, n))  # type: ignore[misc]
                (GOLDEN / f"{name}.{audience}.{lang}.txt").write_text(words(made), encoding="utf-8")
        (GOLDEN / f"{name}.charts.json").write_text(charts_text(drawn_for(picture)), encoding="utf-8")


def _views() -> dict[str, CohortView | TrialView | DiagnosticsView]:
    """Of the small patients together, and of the trial."""
    import turnpoint as tp  # noqa: PLC0415
    from tests.reports.patients import together  # noqa: PLC0415
    from turnpoint.virtual.declaration import parsed  # noqa: PLC0415
    from turnpoint.workflows.report import cohort_view  # noqa: PLC0415
    from turnpoint.workflows.trial import trial  # noqa: PLC0415

    of_study = cohort_view(tp.assess(together()))
    of_trial = trial(parsed(TRIAL, "golden.toml")).view()
    of_model = tp.diagnose(together()).view()
    made = tuple(replace(own, created=MADE) for own in of_study.provenance)
    return {
        "study": replace(of_study, provenance=made),
        "trial": replace(of_trial, provenance=replace(of_trial.provenance, created=MADE)),
        "diagnostics": replace(of_model, provenance=replace(of_model.provenance, created=MADE)),
    }


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
