"""Conditions: which are a cancer, and which of them is the primary one.

The rules:

1. A Condition is a cancer when it claims an mCODE profile, is coded as one (ICD-10 C00-C97) or is called one, and was
   not refuted.
2. The primary cancer is one that claims the profile, or else the earliest that is no secondary one (ICD-10 C77-C79).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from turnpoint.formats.fhir.codes import CANCER_PROFILES, SECONDARY_PROFILE
from turnpoint.formats.fhir.days import when
from turnpoint.formats.fhir.elements import Json, child, codings, profiles, words
from turnpoint.formats.fhir.resources import Resource

_ICD_CANCER: Final = re.compile(r"C\d{2}(\.?\w{0,4})?", re.IGNORECASE)
_ICD_SECONDARY: Final = re.compile(r"C7[789](\.?\w{0,4})?", re.IGNORECASE)
_CANCER: Final = re.compile(
    r"malignant|carcinoma|cancer|sarcoma|melanoma|lymphoma|myeloma|leuk|blastoma|恶性|癌", re.IGNORECASE
)
_NO_PRIMARY: Final = re.compile(r"secondary|metasta|history|screening|family|suspect|benign", re.IGNORECASE)
_REFUTED: Final = frozenset({"refuted", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class Cancer:
    """A Condition that is a primary cancer.

    Attributes:
        subject: key of the patient.
        name: in words.
        rank: what sorts first counts.
    """

    subject: str
    name: str
    rank: tuple[bool, str]


def is_cancer(body: Json) -> bool:
    """True for a Condition that is a cancer, a secondary one included, and was not refuted."""
    status = {coding.code for coding in codings(child(body, "verificationStatus"))}
    if status & _REFUTED:
        return False
    claimed = profiles(body)
    concept = child(body, "code")
    return (
        any(name in claimed for name in (*CANCER_PROFILES, SECONDARY_PROFILE))
        or _has_icd(concept, _ICD_CANCER)
        or bool(_CANCER.search(words(concept) or ""))
    )


def cancer_of(resource: Resource) -> Cancer | None:
    """The primary cancer that a Condition is (rule 3); None when it is none."""
    body, place = resource.body, resource.place
    concept = child(body, "code")
    name = words(concept)
    claimed = any(profile in profiles(body) for profile in CANCER_PROFILES)
    if place.subject is None or name is None or not is_cancer(body):
        return None
    secondary = (
        SECONDARY_PROFILE in profiles(body)
        or bool(_NO_PRIMARY.search(name))
        or _has_icd(concept, _ICD_SECONDARY)
    )
    if secondary and not claimed:
        return None
    onset = when(body, "onset")
    return Cancer(place.subject, name, (not claimed, onset.order or "9999"))


def _has_icd(concept: Json, pattern: re.Pattern[str]) -> bool:
    return any(
        "icd" in (coding.system or "").lower() and pattern.fullmatch(coding.code or "")
        for coding in codings(concept)
    )


def primary_cancers(found: Iterable[Cancer], patients: Mapping[str, str]) -> dict[str, Cancer]:
    """The primary cancer of each patient (rule 3)."""
    by_patient: dict[str, list[Cancer]] = defaultdict(list)
    for cancer in found:
        if cancer.subject in patients:
            by_patient[patients[cancer.subject]].append(cancer)
    return {patient: min(several, key=lambda cancer: cancer.rank) for patient, several in by_patient.items()}
