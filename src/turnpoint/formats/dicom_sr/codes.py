"""The coded concepts of measurement reports that Turnpoint reads, in the schemes that reports use for them.

Reports before 2017 say SNOMED concepts by their RT identifiers (SRT, SNM3, 99SDM), later ones by SNOMED CT's (SCT).

Source: DICOM PS3.16 (2025b), TID 300, 1500, 1501 and 1502, CID 42 and 7470; annex D for the codes of DCM; annex O for
the equivalents of SRT and SCT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal

from turnpoint.study.schema import fold


@dataclass(frozen=True, slots=True)
class Code:
    """A coded entry: which concept of which scheme, and what it is called."""

    value: str
    scheme: str
    meaning: str

    @property
    def key(self) -> tuple[str, str]:
        """Scheme and value, with the older names of SNOMED's schemes as SRT, and SRT as SCT where it is known."""
        scheme = "SRT" if self.scheme in _OLD_SNOMED else self.scheme
        return ("SCT", _SRT[self.value]) if scheme == "SRT" and self.value in _SRT else (scheme, self.value)

    def __str__(self) -> str:
        """As DICOM writes a coded entry in short: `SCT 103339001`."""
        return f"{self.scheme} {self.value}"


_OLD_SNOMED: Final = ("SRT", "SNM3", "99SDM", "SCT-RT")
_SRT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "G-D7FE": "410668003",
        "G-A185": "103339001",
        "G-A186": "103340004",
        "G-A193": "131187009",
        "G-A194": "131188004",
        "G-A195": "131189007",
        "M-02550": "81827009",
        "G-C0E3": "363698007",
        "G-C171": "272741003",
        "T-C4000": "59441001",
        "T-D0050": "91723000",
    }
)

# Containers, and what a measurement group says of itself.
MEASUREMENT_REPORT: Final = ("DCM", "126000")
IMAGE_LIBRARY: Final = ("DCM", "111028")
DERIVED_MEASUREMENTS: Final = ("DCM", "126011")
MEASUREMENT_GROUP: Final = ("DCM", "125007")
TRACKING_IDENTIFIER: Final = ("DCM", "112039")
TRACKING_UID: Final = ("DCM", "112040")
FINDING: Final = ("DCM", "121071")
FINDING_CATEGORY: Final = ("SCT", "276214006")
FINDING_SITE: Final = ("SCT", "363698007")
LATERALITY: Final = ("SCT", "272741003")
LYMPH_NODE: Final = ("SCT", "59441001")
ANATOMICAL_STRUCTURE: Final = ("SCT", "91723000")
NON_LESION: Final = (("DCM", "112076"), ("DCM", "111102"))
PERSON_OBSERVER: Final = ("DCM", "121008")
TIME_POINTS: Final = (("UMLS", "C2348792"), ("DCM", "126070"), ("DCM", "126071"))

Axis = Literal["long", "short", "undirected"]
# The long axis says which way it was measured; a length or a diameter does not.
_AXES: Final[Mapping[tuple[str, str], Axis]] = MappingProxyType(
    {
        ("SCT", "103339001"): "long",
        ("SCT", "131187009"): "long",
        ("LN", "33728-7"): "long",
        ("SCT", "410668003"): "undirected",
        ("SCT", "81827009"): "undirected",
        ("DCM", "121206"): "undirected",
        ("SCT", "103340004"): "short",
        ("SCT", "131188004"): "short",
        ("SCT", "131189007"): "short",
    }
)
_LONG_WORDS: Final = ("long axis", "longest", "longest axis", "largest", "maximum", "max", "major axis")
_SHORT_WORDS: Final = ("short axis", "shortest", "perpendicular", "perpendicular axis", "minor axis")


def _axis_words() -> dict[str, Axis]:
    words: dict[str, Axis] = {"diameter": "undirected", "length": "undirected"}
    for ending in ("", " diameter", " dimension", " length"):
        words |= {fold(word + ending): "long" for word in _LONG_WORDS if ending or "axis" in word}
        words |= {fold(word + ending): "short" for word in _SHORT_WORDS if ending or "axis" in word}
    return words


_AXIS_WORDS: Final = _axis_words()

MM_PER: Final[Mapping[str, Fraction]] = MappingProxyType(
    {
        "mm": Fraction(1),
        "cm": Fraction(10),
        "m": Fraction(1000),
        "um": Fraction(1, 1000),
        "[in_i]": Fraction("25.4"),
    }
)

ROLES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("DCM", "112074"): "target", ("DCM", "112075"): "non_target"}
)
_ROLE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        fold(word): role
        for role, words in {
            "target": ("target", "target lesion", "measurable target lesion"),
            "non_target": ("non-target", "non-target lesion"),
            "new": ("new", "new lesion", "new target lesion", "new non-target lesion"),
        }.items()
        for word in words
    }
)
_STATUS_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        fold(word): status
        for status, words in {
            "too_small": ("too small", "too small to measure", "lesion too small to measure"),
            "absent": ("absent", "disappeared", "resolved", "completely resolved", "no longer present"),
            "present": ("present",),
            "not_evaluable": ("not evaluable", "unable to evaluate", "not assessable", "not assessed"),
            "unequivocal_progression": ("unequivocal progression",),
        }.items()
        for word in words
    }
)
TOO_SMALL: Final = ("DCM", "112133")
_NODE: Final = re.compile(r"\blymph\b|\blymph ?nodes?\b|\bnodes?\b|\bnodal\b", re.IGNORECASE)


def axis_of(code: Code) -> Axis | None:
    """The axis that a measurement is of: by its code, or by what it is called in a scheme of someone's own.

    >>> axis_of(Code("G-A186", "SRT", "")), axis_of(Code("7", "99LOCAL", "Longest Diameter"))
    ('short', 'long')
    """
    return _AXES.get(code.key) or _AXIS_WORDS.get(fold(code.meaning))


def role_of(code: Code) -> str | None:
    """The part in the response criteria that a code says: by DCM's code, or by what it is called in any scheme.

    >>> role_of(Code("X1", "99LOCAL", "Non-Target Lesion")), role_of(Code("27925004", "SCT", "Nodule"))
    ('non_target', None)
    """
    return ROLES.get(code.key) or _ROLE_WORDS.get(fold(code.meaning))


def status_of(code: Code) -> str | None:
    """What was seen, where a code says it instead of a size."""
    return "too_small" if code.key == TOO_SMALL else _STATUS_WORDS.get(fold(code.meaning))


def is_node(code: Code) -> bool:
    """True for a lymph node or a group of them; a nodule is none.

    >>> is_node(Code("62683002", "SCT", "Mediastinal lymph node")), is_node(Code("27925004", "SCT", "Nodule"))
    (True, False)
    """
    return code.key == LYMPH_NODE or _NODE.search(code.meaning) is not None
