"""The codes of FHIR and mCODE that are read, and the value sets that FHIR binds its own codes to.

Source: HL7 FHIR R4 (4.0.1), the required bindings of each resource; HL7 mCODE 4.0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OBSERVATION_STATUS: Final = (
    "registered",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "cancelled",
    "entered-in-error",
    "unknown",
)
ADMINISTRATION_STATUS: Final = (
    "in-progress",
    "not-done",
    "on-hold",
    "completed",
    "entered-in-error",
    "stopped",
    "unknown",
)
STATEMENT_STATUS: Final = (
    "active",
    "completed",
    "entered-in-error",
    "intended",
    "stopped",
    "on-hold",
    "unknown",
    "not-taken",
)
REQUEST_STATUS: Final = (
    "active",
    "on-hold",
    "cancelled",
    "completed",
    "entered-in-error",
    "stopped",
    "draft",
    "unknown",
)
ACTUALITY: Final = ("actual", "potential")
GENDER: Final = ("male", "female", "other", "unknown")
BUNDLE_TYPES: Final = (
    "document",
    "message",
    "transaction",
    "transaction-response",
    "batch",
    "batch-response",
    "history",
    "searchset",
    "collection",
)
COMPARATORS: Final = ("<", "<=", ">=", ">")

# Results that say nothing yet, or nothing any more.
WITHDRAWN: Final = frozenset({"cancelled", "entered-in-error"})

MARKER_PROFILE: Final = "mcode-tumor-marker-test"
SIZE_PROFILE: Final = "mcode-tumor-size"
STATUS_PROFILE: Final = "mcode-cancer-disease-status"
CANCER_PROFILES: Final = ("mcode-primary-cancer-condition",)
SECONDARY_PROFILE: Final = "mcode-secondary-cancer-condition"
ADMINISTRATION_PROFILE: Final = "mcode-cancer-related-medication-administration"
REQUEST_PROFILE: Final = "mcode-cancer-related-medication-request"
MEDICATION_PROFILES: Final = frozenset(
    {ADMINISTRATION_PROFILE, REQUEST_PROFILE, "mcode-cancer-related-medication-statement"}
)

SIZE_CODES: Final = frozenset({"21889-1", "33728-7"})
LONGEST_DIMENSION: Final = frozenset({"33728-7"})
OTHER_DIMENSION: Final = frozenset({"33729-5"})
# 88040-1 is what mCODE 1 used.
STATUS_CODES: Final = frozenset({"97509-4", "88040-1"})

# Methods of mCODE's tumour size value set, by SNOMED CT code, where the file gives the code alone.
METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "77477000": "CT",
        "113091000": "MRI",
        "82918005": "PET",
        "16310003": "ultrasound",
        "363680008": "X-ray",
        "5880005": "physical examination",
        "787377000": "gross pathology",
        "168455000": "gross pathology",
        "104157003": "light microscopy",
    }
)
PATHOLOGY: Final = frozenset({"787377000", "168455000", "104157003"})
LYMPH_NODE: Final = frozenset({"59441001"})

# mCODE's condition status trend value set, and that of the German MII oncology module, as the response that each
# stands nearest to; the words stay the clinician's.
DISEASE_STATUS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "USCRS-352236": "CR",
        "USCRS-352237": "PR",
        "550991000124107": "CR",
        "551001000124108": "PR",
        "260388006": "SD",
        "419835002": "PD",
        "268910001": "PR",
        "359746009": "SD",
        "271299001": "PD",
        "709137006": "NE",
    }
)

# Units of length, in mm.
LENGTHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mm": "1",
        "millimeter": "1",
        "millimeters": "1",
        "millimetre": "1",
        "millimetres": "1",
        "cm": "10",
        "centimeter": "10",
        "centimeters": "10",
        "centimetre": "10",
        "centimetres": "10",
        "m": "1000",
        "um": "0.001",
        "[in_i]": "25.4",
    }
)
