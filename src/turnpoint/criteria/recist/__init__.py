"""RECIST 1.1: the response at every visit, the best one, and what else a trial reports of them."""

from turnpoint.criteria.recist.best_response import best_responses, first_progressions
from turnpoint.criteria.recist.complete_response import NothingLeft, nothing_left
from turnpoint.criteria.recist.judging import judge
from turnpoint.criteria.recist.progression_free_survival import deaths
from turnpoint.criteria.recist.sums import (
    TOO_SMALL_MM,
    normal_new_node,
    progression_sum_mm,
    sum_of_diameters,
    target_diameters,
    without_normal_new_nodes,
)
from turnpoint.criteria.recist.visit_response import CERTAIN, PARTIAL_RESPONSE_RATIO, responses

__all__ = [
    "CERTAIN",
    "PARTIAL_RESPONSE_RATIO",
    "TOO_SMALL_MM",
    "NothingLeft",
    "best_responses",
    "deaths",
    "first_progressions",
    "judge",
    "normal_new_node",
    "nothing_left",
    "progression_sum_mm",
    "responses",
    "sum_of_diameters",
    "target_diameters",
    "without_normal_new_nodes",
]
