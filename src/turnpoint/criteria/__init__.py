"""Response criteria: pure functions over the study's tables, a folder for each family; this table names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.criteria.gcig import ca_125, combined
from turnpoint.criteria.irecist.visit_response import judge as judge_irecist
from turnpoint.criteria.pcwg3 import psa
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist import visit_response
from turnpoint.criteria.recist.adjudication import adjudication
from turnpoint.criteria.recist.best_response import best_responses
from turnpoint.criteria.recist.eligibility import eligibility_problems
from turnpoint.criteria.recist.progression_free_survival import deaths, progression_free_survival
from turnpoint.criteria.responses import Responses
from turnpoint.errors import UsageError
from turnpoint.study.study import Study

Criterion = Callable[[Study, pl.DataFrame, ProtocolRules], Responses]


def _recist_1_1(study: Study, new_therapy: pl.DataFrame, rules: ProtocolRules) -> Responses:
    visits = visit_response.responses(study.lesions)
    best = best_responses(visits, new_therapy, rules)
    return Responses(
        visits,
        best,
        eligibility_problems(study.lesions),
        adjudication=adjudication(study.lesions, visits, best, new_therapy, rules),
        progression_free=progression_free_survival(visits, deaths(study), new_therapy, rules),
    )


CRITERIA: Final[Mapping[str, Criterion]] = MappingProxyType(
    {
        "recist-1.1": _recist_1_1,
        "irecist": judge_irecist,
        "gcig-ca-125": ca_125.judge,
        "gcig-combined": combined.judge,
        "pcwg3-psa": psa.judge,
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
