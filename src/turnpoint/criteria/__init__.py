"""Response criteria: pure functions over the study's tables, one file a criterion; this table names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.criteria import recist_1_1
from turnpoint.criteria.best_response import BestResponseRules, best_responses
from turnpoint.criteria.eligibility import eligibility_problems
from turnpoint.criteria.responses import Responses
from turnpoint.errors import UsageError
from turnpoint.study.study import Study

Criterion = Callable[[Study, pl.DataFrame, BestResponseRules], Responses]


def _recist_1_1(study: Study, new_therapy: pl.DataFrame, rules: BestResponseRules) -> Responses:
    visits = recist_1_1.responses(study.lesions)
    return Responses(visits, best_responses(visits, new_therapy, rules), eligibility_problems(study.lesions))


CRITERIA: Final[Mapping[str, Criterion]] = MappingProxyType({"recist-1.1": _recist_1_1})


def criterion(name: str) -> Criterion:
    """The criteria of that name.

    Raises:
        UsageError: there are none; the message lists those there are.
    """
    if name not in CRITERIA:
        raise UsageError(f"criteria {name}: unknown. Choose one of: {', '.join(CRITERIA)}.")
    return CRITERIA[name]
