"""RECIST 1.1 as a set of criteria: everything that is reported by it, in one go."""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist.adjudication import adjudication
from turnpoint.criteria.recist.best_response import best_responses
from turnpoint.criteria.recist.continuing_response import with_continuing_response
from turnpoint.criteria.recist.eligibility import eligibility_problems
from turnpoint.criteria.recist.progression_free_survival import deaths, progression_free_survival
from turnpoint.criteria.recist.visit_response import responses
from turnpoint.criteria.responses import Responses
from turnpoint.study.study import Study


def judge(study: Study, new_therapy: pl.DataFrame, rules: ProtocolRules = ProtocolRules()) -> Responses:
    """Responses of every patient with lesions.

    Args:
        study: its `lesions` and `patients` are looked at.
        new_therapy: `patient_id, new_therapy_day`.
        rules: what the protocol sets.
    """
    visits = with_continuing_response(responses(study.lesions), new_therapy, rules)
    best = best_responses(visits, new_therapy, rules)
    return Responses(
        visits,
        best,
        eligibility_problems(study.lesions),
        adjudication=adjudication(study.lesions, visits, best, new_therapy, rules),
        progression_free=progression_free_survival(visits, deaths(study), new_therapy, rules),
    )
