"""Units of doses: the small part of UCUM in which chemotherapy is written down.

A unit is an amount, per body surface or weight or neither, per day or not; or a target area under the curve:

    amount = g | mg | ug | [U] | U | [IU] | IU        size = m2 | kg        rate = d
    area under the curve = mg/mL.min, or the label AUC

Source: UCUM, The Unified Code for Units of Measure, tables 1 to 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

Amount = Literal["mg", "unit", "iu", "auc"]
Size = Literal["", "m2", "kg"]

_AMOUNTS: Final[Mapping[str, tuple[Amount, float]]] = MappingProxyType(
    {
        "g": ("mg", 1000.0),
        "mg": ("mg", 1.0),
        "ug": ("mg", 0.001),
        "mcg": ("mg", 0.001),
        "[u]": ("unit", 1.0),
        "u": ("unit", 1.0),
        "unit": ("unit", 1.0),
        "units": ("unit", 1.0),
        "[iu]": ("iu", 1.0),
        "iu": ("iu", 1.0),
    }
)
_SIZES: Final[Mapping[str, Size]] = MappingProxyType({"m2": "m2", "m^2": "m2", "m²": "m2", "kg": "kg"})
_DAYS: Final = frozenset({"d", "day"})
_AREAS: Final = frozenset(
    {"auc", "mg/ml.min", "mg.min/ml", "min.mg/ml", "mg/ml*min", "mg*min/ml", "mg/ml·min", "mg·min/ml"}
)


@dataclass(frozen=True, slots=True)
class DoseUnit:
    """A unit that was understood.

    Attributes:
        amount: what is counted: mg, USP units, international units, or mg/mL.min.
        scale: how many of these one of this unit is.
        size: per m2 of body surface, per kg of body weight, or neither.
        per_day: it is a dose a day, which only a drug taken daily has.
    """

    amount: Amount
    scale: float
    size: Size
    per_day: bool


@lru_cache(maxsize=1024)
def parse(text: str) -> DoseUnit | None:
    """The unit that a text means, or None when it is none of this grammar; case does not matter here.

    >>> parse("g/m2")
    DoseUnit(amount='mg', scale=1000.0, size='m2', per_day=False)
    >>> parse("AUC").amount
    'auc'
    >>> parse("tablets") is None
    True
    """
    plain = re.sub(r"\s+", "", text).replace("μ", "u").replace("µ", "u").lower()
    if plain in _AREAS:
        return DoseUnit("auc", 1.0, "", per_day=False)
    first, *parts = plain.split("/")
    if first not in _AMOUNTS:
        return None
    size: Size = ""
    per_day = False
    for part in parts:
        if part in _SIZES and not size:
            size = _SIZES[part]
        elif part in _DAYS and not per_day:
            per_day = True
        else:
            return None
    amount, scale = _AMOUNTS[first]
    return DoseUnit(amount, scale, size, per_day)
