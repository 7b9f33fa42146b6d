"""Make tests/golden/pages anew: `python scripts/golden_pages.py` (look at the difference before you commit it).

Of a few small patients: the picture, what each page made from it says, and what its charts are drawn from.
"""

from __future__ import annotations

import html
import json
import re
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

from turnpoint.reports.rendering import Audience

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "pages"
PATIENTS = ("marker-rises", "mixed", "new-brain-lesion", "late-dose")
AUDIENCES: tuple[Audience, ...] = ("patient", "clinician", "statistician")
LANGUAGES = ("en", "zh")


def words(page: str) -> str:
    """What a page says, a line an element; without its drawings."""
    body = re.sub(r"<svg.*?</svg>", "", page[page.index("<main") :], flags=re.DOTALL)
    lines = (" ".join(html.unescape(part).split()) for part in re.split(r"<[^>]+>", body))
    return "\n".join(line for line in lines if line) + "\n"


def main() -> None:
    """Write every file."""
    sys.path.insert(0, str(ROOT))
    import turnpoint as tp  # noqa: PLC0415
    from tests.reports.patients import study  # noqa: PLC0415
    from turnpoint.pictures.document import to_json  # noqa: PLC0415
    from turnpoint.reports.rendering import patient_specifications, render_patient  # noqa: PLC0415

    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in PATIENTS:
        picture = tp.picture(study(name), name)
        provenance = replace(picture.provenance, created=date(2026, 1, 1))
        picture = replace(picture, study_name="golden", provenance=provenance)
        (GOLDEN / f"{name}.json").write_bytes(to_json(picture) + b"\n")
        for audience in AUDIENCES:
            for lang in LANGUAGES:
                page = render_patient(picture, audience, lang)
                (GOLDEN / f"{name}.{audience}.{lang}.txt").write_text(words(page), encoding="utf-8")
        drawn = patient_specifications(picture, "clinician", "en")
        text = json.dumps(drawn, indent=1, ensure_ascii=False)
        (GOLDEN / f"{name}.charts.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
