"""Units of markers: the small closed part of UCUM that laboratories report tumour markers in.

A unit is `amount/volume` or a pure number:

    amount = [prefix] g | mol | U | [IU] | [arb'U] | kat | {copies}
    volume = [prefix] L
    pure   = 1 | %

Ratios of units are exact (`Fraction`), so ng/mL = ug/L and U/mL = kU/L change no digit of a value.
An own parser of these forty lines instead of ucumvert and pint: those bring two libraries and float noise
(12.500000000000004), and read U as the enzyme unit only, while laboratories write U/mL for CA-125.

Source: UCUM, The Unified Code for Units of Measure, tables 1 (prefixes) and 2-4 (units).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

Dimension = Literal["mass", "amount", "unit", "catalysis", "copies", "fraction"]

_PREFIXES: Final[Mapping[str, Fraction]] = MappingProxyType(
    {
        "k": Fraction(10**3),
        "": Fraction(1),
        "d": Fraction(1, 10),
        "c": Fraction(1, 10**2),
        "m": Fraction(1, 10**3),
        "u": Fraction(1, 10**6),
        "n": Fraction(1, 10**9),
        "p": Fraction(1, 10**12),
        "f": Fraction(1, 10**15),
    }
)
# International, arbitrary and enzyme units are told apart by the marker, not by how the unit is written.
_AMOUNTS: Final[Mapping[str, Dimension]] = MappingProxyType(
    {
        "g": "mass",
        "mol": "amount",
        "U": "unit",
        "IU": "unit",
        "[IU]": "unit",
        "[iU]": "unit",
        "[arb'U]": "unit",
        "kat": "catalysis",
        "copies": "copies",
        "copy": "copies",
    }
)
_PURE: Final[Mapping[str, Fraction]] = MappingProxyType(
    {
        "%": Fraction(1, 100),
        "percent": Fraction(1, 100),
        "1": Fraction(1),
        "fraction": Fraction(1),
        "ratio": Fraction(1),
    }
)
# Spellings outside UCUM that mean one thing only.
_SPELLINGS: Final = (
    (re.compile("[\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]"), "u"),
    (re.compile(r"\bmcg\b", re.IGNORECASE), "ug"),
    (re.compile(r"\s+per\s+", re.IGNORECASE), "/"),
    (re.compile("\N{FRACTION SLASH}|\N{FULLWIDTH SOLIDUS}"), "/"),
    (re.compile(r"\s+"), ""),
    (re.compile(r"\{(copies|copy|fraction)\}"), r"\1"),
    (re.compile(r"\[(copies)\]"), r"\1"),
    (re.compile(r"\{[^{}]*\}"), ""),
)
_PREFIXED_AMOUNT: Final = re.compile(
    rf"(?P<prefix>[kdcmunpf]?)(?P<base>{'|'.join(re.escape(base) for base in sorted(_AMOUNTS, key=len, reverse=True))})"
)
_VOLUME: Final = re.compile(r"(?P<prefix>[dcmunpf]?)[lL]")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that was understood.

    Attributes:
        text: as it was written.
        dimension: what it measures.
        scale: how many base units it is, exactly; the base is g/L, mol/L, U/L, kat/L, copies/L or 1.
    """

    text: str
    dimension: Dimension
    scale: Fraction

    def ratio_to(self, other: Unit) -> Fraction | None:
        """What a value in this unit is multiplied by to be in `other`; None when they measure different things.

        >>> parse("mg/dL").ratio_to(parse("ng/mL"))
        Fraction(10000, 1)
        """
        return self.scale / other.scale if self.dimension == other.dimension else None


@lru_cache(maxsize=4096)
def parse(text: str) -> Unit | None:
    """The unit that a text means, or None when it is none of this grammar.

    Case matters as UCUM says (`mg`); a text that means nothing so is read as the case-insensitive UCUM (`NG/ML`).

    >>> parse("ng/mL").scale == parse("ug/L").scale == parse("µg/l").scale
    True
    >>> parse("mIU/mL").ratio_to(parse("[IU]/L"))
    Fraction(1, 1)
    >>> parse("mm") is None
    True
    """
    plain = text.strip()
    for pattern, spelling in _SPELLINGS:
        plain = pattern.sub(spelling, plain)
    found = _parse_plain(plain) or _parse_plain(_lower_case(plain))
    return None if found is None else Unit(text, *found)


def _parse_plain(plain: str) -> tuple[Dimension, Fraction] | None:
    if plain in _PURE:
        return "fraction", _PURE[plain]
    amount_text, slash, volume_text = plain.partition("/")
    amount = _PREFIXED_AMOUNT.fullmatch(amount_text)
    volume = _VOLUME.fullmatch(volume_text)
    if not slash or amount is None or volume is None:
        return None
    scale = _PREFIXES[amount["prefix"]] / _PREFIXES[volume["prefix"]]
    return _AMOUNTS[amount["base"]], scale


def _lower_case(plain: str) -> str:
    # Only the unit U keeps its capital; every prefix and other unit of the grammar is lower case.
    return re.sub(r"\[?(i|arb')?u\]?(?=/)", "U", plain.lower())
