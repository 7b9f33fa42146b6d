"""Concepts of OMOP that Turnpoint knows without the vocabulary: markers, units, operators and sex.

Where CONCEPT lies beside the tables, every LOINC code and UCUM unit in it is known too.

Sources: OHDSI Standardized Vocabularies; markers as in the LOINC mappings of the University of Tartu
(HealthInformaticsUT/EstonianOMOPMappings, 2024) but PSA and AFP, which are recalled and agree with published checks of
their units.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# By concept: LOINC 2857-1, 2039-6, 10334-1, 24108-3, 6875-9, 1834-1.
MARKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "3013603": "PSA",
        "3003785": "CEA",
        "3037551": "CA-125",
        "3022914": "CA 19-9",
        "3006588": "CA 15-3",
        "3009306": "AFP",
    }
)
UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"8842": "ng/mL", "8748": "ug/L", "8763": "U/mL", "8645": "U/L", "8576": "mg"}
)
BELOW: Final = ("4171756", "4171754")
ABOVE: Final = ("4172704", "4171755")
SEX: Final[Mapping[str, str]] = MappingProxyType({"8507": "male", "8532": "female"})
