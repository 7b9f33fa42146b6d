"""What the notebook offers to choose from, in plain words, and what each is called in the study's tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from turnpoint.charts.language import Language, mark
from turnpoint.reports.places import site_name

SITES: Final = (
    "liver",
    "lung",
    "lymph node",
    "bone",
    "brain",
    "adrenal gland",
    "peritoneum",
    "pleura",
    "pancreas",
    "ovary",
    "breast",
    "prostate",
    "kidney",
    "stomach",
    "colon",
    "bladder",
    "skin",
)
NODE: Final = "lymph node"

# Values are what `workflows.priors` and `provenance` look for in a tumour type.
TUMOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "colorectal cancer": mark("bowel cancer"),
        "non-small cell lung cancer": mark("lung cancer (non-small cell)"),
        "small cell lung cancer": mark("lung cancer (small cell)"),
        "prostate cancer": mark("prostate cancer"),
        "breast cancer": mark("breast cancer"),
        "ovarian cancer": mark("ovarian cancer"),
        "pancreatic cancer": mark("pancreatic cancer"),
        "gastric cancer": mark("stomach cancer"),
        "hepatocellular carcinoma": mark("liver cancer"),
    }
)

SEEN_AS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "measured": mark("it has a size"),
        "too_small": mark("too small to measure"),
        "absent": mark("it is gone"),
        "not_evaluable": mark("it could not be seen well"),
    }
)

# What a clinic may say of a spot, beside that.
TOLD_AS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **SEEN_AS,
        "present": mark("it is there"),
        "equivocal": mark("it is not certain whether it is there"),
        "unequivocal_progression": mark("it has clearly grown"),
    }
)

TAKEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "given": mark("I had it on this day"),
        "start": mark("I began to take it every day"),
        "stop": mark("I took it for the last time"),
    }
)

SEVERITY: Final = (
    mark("0: not at all"),
    mark("1: a little"),
    mark("2: some, daily things are harder"),
    mark("3: a lot, I need help with washing, dressing or eating"),
    mark("4: so bad that I needed help at once"),
)


# Side effects to choose from, each with the highest grade that CTCAE v5.0 (National Cancer Institute, 27 November 2017)
# has for it, below 5.
FEELINGS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "Fatigue": 3,
        "Nausea": 3,
        "Vomiting": 4,
        "Anorexia": 4,
        "Diarrhea": 4,
        "Constipation": 4,
        "Mucositis oral": 4,
        "Pain": 3,
        "Peripheral sensory neuropathy": 4,
        "Palmar-plantar erythrodysesthesia syndrome": 3,
        "Rash maculo-papular": 3,
        "Dyspnea": 4,
        "Fever": 4,
    }
)
SEVERE: Final = 3  # from here on the page says whom to call

MARKER_NAMES: Final = ("CEA", "CA 19-9", "CA-125", "CA 15-3", "PSA", "AFP", "LDH", "hCG", "CYFRA 21-1", "NSE")


def spot_name(cells: Mapping[str, str | None], words: Language) -> str:
    """A spot as the notebook calls it: `liver T1`."""
    site = site_name(cells.get("site"), words) or words.text("spot")
    return f"{site} {cells.get('lesion_id') or ''}".strip()
