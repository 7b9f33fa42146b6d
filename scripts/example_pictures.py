"""Draw the pictures of docs/worked-examples.md: `python scripts/example_pictures.py`.

Each is the clinician's report's own picture of the study beside it, size, markers and states one below the other.
"""

from __future__ import annotations

import re
from pathlib import Path

import turnpoint as tp
from turnpoint.pictures.snapshot import snapshot
from turnpoint.reports.catalogue import language
from turnpoint.reports.figures import patient_figures

DOCS = Path(__file__).resolve().parents[1] / "docs"
PRIORS = {"long-plateau": "docetaxel-nsclc-ct", "marker-under-flat-ct": None}
LEFT_OUT = {"Dates, as the last visit shows them", "Treatment"}
_SIZE = re.compile(r'<svg[^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"')
_HEADING_HEIGHT = 34


def drawn(name: str, prior: str | None) -> Path:
    """The panels of the example's patient as one SVG."""
    study = tp.read(DOCS / "worked-examples" / name)
    view = tp.picture(study, study.patient_ids[0], prior)
    figures = patient_figures(view, snapshot(view), language("en"))
    parts, top, width = [], 0.0, 0.0
    for figure in figures:
        if figure.heading in LEFT_OUT:
            continue
        size = _SIZE.search(figure.drawing)
        if size is None:
            raise ValueError(f"{name}: {figure.heading} has no viewBox")
        own_width, height = float(size[1]), float(size[2])
        parts.append(f'<text x="0" y="{top + 20}" font-weight="600" font-size="15">{figure.heading}</text>')
        parts.append(figure.drawing.replace("<svg", f'<svg x="0" y="{top + _HEADING_HEIGHT}"', 1))
        top, width = top + _HEADING_HEIGHT + height + 14, max(width, own_width)
    target = DOCS / "images" / f"example-{name}.svg"
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" font-family="sans-serif">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n',
        encoding="utf-8",
    )
    return target


if __name__ == "__main__":
    for example, named in PRIORS.items():
        print(drawn(example, named).name)
