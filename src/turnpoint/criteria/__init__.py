"""Response criteria: pure functions over the study's tables, a folder for each family; this table names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.criteria import gcig, irecist, pcwg3, recist
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.responses import Responses
from turnpoint.errors import UsageError
from turnpoint.study.study import Study

Criterion = Callable[[Study, pl.DataFrame, ProtocolRules], Responses]

CRITERIA: Final[Mapping[str, Criterion]] = MappingProxyType(
    {
        "recist-1.1": recist.judge,
        "irecist": irecist.judge,
        "gcig-ca-125": gcig.judge_ca_125,
        "gcig-combined": gcig.judge_combined,
        "pcwg3-psa": pcwg3.judge,
    }
)
_OTHER_NAMES: Final = {
    "recist": "recist-1.1",
    "gcig": "gcig-ca-125",
    "ca125": "gcig-ca-125",
    "pcwg3": "pcwg3-psa",
    "psa": "pcwg3-psa",
}


def criterion(name: str) -> Criterion:
    """The criteria of that name; case, spaces and punctuation do not matter (`RECIST 1.1`, `gcig_ca125`).

    Raises:
        UsageError: there are none; the message lists those there are.
    """
    known = {_folded(other): criteria for other, criteria in _OTHER_NAMES.items()}
    known |= {_folded(criteria): criteria for criteria in CRITERIA}
    found = known.get(_folded(name), "")
    if found not in CRITERIA:
        raise UsageError(f"criteria {name}: unknown. Choose one of: {', '.join(CRITERIA)}.")
    return CRITERIA[found]


def _folded(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
