"""What the results of TR and TU mean as roles and statuses of lesions.

CDISC's terms (codelists C96778 "Tumor or Lesion Properties", C123650 "Tumor or Lesion Identification") and the ways
in which sponsors write them. A text that is not in these tables is never guessed: it is counted in a warning and read
as `not_evaluable`, so that an unknown word cannot make a lesion disappear.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

# The tests that give a size; DIAMETER is the one that counts by itself, the others depend on the location.
SIZE_TESTS: Final = ("DIAMETER", "LDIAM", "LPERP", "SAXIS")
SHORT_AXES: Final = ("LPERP", "SAXIS")
STATE_TESTS: Final = ("TUMSTATE", "LNSTATE")
# Codes of sponsors, which are no CDISC terms.
OTHER_SIZE_TESTS: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("DIAM", "TUMDIAM"), "DIAMETER")
    | dict.fromkeys(("LD", "LONGDIAM", "LGDIAM", "LAXIS", "LONGAXIS", "MAXDIAM"), "LDIAM")
    | dict.fromkeys(("SAX", "SHAXIS", "SHRTAX", "SHORTAX", "SHRTAXIS", "SHORTDIA"), "SAXIS")
)
# Sums and their changes: derived from the sizes, and derived again by Turnpoint.
DERIVED_TESTS: Final = r"^(SUM|ACN|ACB|PCB|PCN)"
SUM_TESTS: Final = ("SUMDIAM", "SUMLDIAM", "SDIAM", "SLDINV", "SLD")

_STATES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "absent": (
            "ABSENT",
            "NOT PRESENT",
            "DISAPPEARED",
            "RESOLVED",
            "GONE",
            "CR",
            "COMPLETE RESPONSE",
            "NON-PATHOLOGICAL",
            "NON-PATHOLOGIC",
            "NONPATHOLOGICAL",
            "NORMAL",
        ),
        "present": (
            "PRESENT",
            "STABLE",
            "PRESENT/STABLE",
            "UNCHANGED",
            "DECREASED",
            "PERSISTENT",
            "NON-CR/NON-PD",
            "PATHOLOGICAL",
            "PATHOLOGIC",
            "ABNORMAL",
            "INCREASED",
            "WORSENED",
        ),
        "unequivocal": ("UNEQUIVOCAL", "DEFINITE"),
        "unequivocal_progression": (
            "UNEQUIVOCAL PROGRESSION",
            "UNEQUIVOCALLY PROGRESSED",
            "INCREASED/UNEQUIVOCAL",
            "UNEQUIVOCAL INCREASE",
            "PRESENT/UNEQUIVOCAL PROGRESSION",
            "PROGRESSION",
            "PROGRESSED",
            "PROGRESSIVE DISEASE",
            "PD",
        ),
        "equivocal": ("EQUIVOCAL", "SUSPICIOUS", "INCREASED/EQUIVOCAL", "PRESENT/EQUIVOCAL"),
        "too_small": ("TOO SMALL TO MEASURE", "TOO SMALL", "TSTM", "BELOW MEASURABLE LIMIT"),
        "not_evaluable": (
            "NOT EVALUABLE",
            "NE",
            "INEVALUABLE",
            "UNEVALUABLE",
            "NON-EVALUABLE",
            "NOT ASSESSABLE",
            "NOT ASSESSED",
            "NOT DONE",
            "UNABLE TO EVALUATE",
            "UNKNOWN",
            "NA",
            "ND",
        ),
        # Its pieces, or the mass it is in, have rows of their own.
        "in_pieces": ("SPLIT", "MERGED", "COALESCED", "FRAGMENTED"),
    }
)
_BELOW: Final = r"^(<|LESS THAN)\s*\d"
# Told apart from unequivocal progression, which alone is PD (RECIST 1.1, 4.3.4).
GROWN_ONLY: Final = ("INCREASED", "WORSENED")


def plain(text: pl.Expr) -> pl.Expr:
    """Upper case, letters, digits and `<` only, for comparing."""
    return text.str.to_uppercase().str.replace_all(r"[^A-Z0-9<]", "")


def _squeezed(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum() or letter == "<")


_BY_TEXT: Final[Mapping[str, str]] = MappingProxyType(
    {_squeezed(text): state for state, texts in _STATES.items() for text in texts}
)


def state_of(text: pl.Expr) -> pl.Expr:
    """The status that a text result means; `unequivocal` depends on the role; null when the text means nothing."""
    known = plain(text).replace_strict(_BY_TEXT, default=None, return_dtype=pl.String)
    below = text.str.to_uppercase().str.contains(_BELOW)
    return pl.when(below).then(pl.lit("too_small")).otherwise(known)


def role_of(text: pl.Expr) -> pl.Expr:
    """`target`, `non_target`, `new`, or `benign`, from TUORRES or TRGRPID; null for anything else."""
    said = plain(text)
    return (
        pl.when(said.str.contains("BENIGN"))
        .then(pl.lit("benign"))
        .when(said.str.contains(r"^NEW|NEWLESION|NEWTUMOR"))
        .then(pl.lit("new"))
        .when(said.str.contains("NONTARGET|NONMEASURABLE"))
        .then(pl.lit("non_target"))
        .when(said.str.contains("TARGET"))
        .then(pl.lit("target"))
    )


def role_of_link(link: pl.Expr) -> pl.Expr:
    """The role that the usual link identifiers say: T01, NT01, NEW01 or NL01, with a reader's R1- before them."""
    said = link.str.to_uppercase().str.replace(r"^(R\d+|INV|IRC|BICR)[-_. ]*", "")
    spelled = said.str.contains(r"TARGET|^NEW")
    return (
        pl.when(spelled)
        .then(role_of(said))
        .when(said.str.contains(r"^NT"))
        .then(pl.lit("non_target"))
        .when(said.str.contains(r"^(NEW|NL|N[-_ ]?\d)"))
        .then(pl.lit("new"))
        .when(said.str.contains(r"^TL?[-_ ]?\d"))
        .then(pl.lit("target"))
    )


def is_node(location: pl.Expr) -> pl.Expr:
    """True for a lymph node, by TULOC; null when there is none."""
    return location.str.to_uppercase().str.contains(r"LYMPH[\s-]*(NODE|GLAND)|\bNODES?\b|\bNODAL\b|\bLNS?\b")
