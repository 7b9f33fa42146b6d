"""New lesions under iRECIST: which are measured, how they sum up, both sides of every threshold."""

import pytest

from tests.criteria.tables import course, lesion, table
from turnpoint.criteria.irecist.visit_response import responses


def judged(nodes=(), **lesions):
    """`responses` of one course, a visit every 6 weeks from day 0."""
    days = [42 * visit for visit in range(len(next(iter(lesions.values()))))]
    return responses(table(course(days, nodes, **lesions)))


def overall(**lesions):
    """The overall responses after baseline."""
    return judged(**lesions)["overall_response"].to_list()[1:]


def test_new_lesions_do_not_enter_the_sum_of_diameters():
    found = judged(T1=[50, 50, 50], X1=[None, 12, 14], X2=[None, 11, 13])
    assert found["sum_of_diameters_mm"].to_list() == [50.0, 50.0, 50.0]
    assert found["new_lesion_sum_mm"].to_list() == [None, 23.0, 27.0]


def test_new_lesion_sum_takes_five_lesions_the_largest_first():
    sizes = {f"X{number}": [None, 10.0 + number] for number in range(1, 8)}
    assert judged(T1=[50, 50], **sizes)["new_lesion_sum_mm"][1] == 17 + 16 + 15 + 14 + 13


@pytest.mark.parametrize(
    ("sites", "nodes", "total"),
    [
        (["liver", "liver", "liver"], [False] * 3, 13 + 12),
        (["liver", "Liver", "LIVER"], [False] * 3, 13 + 12),
        (["liver", "liver", "lung"], [False] * 3, 11 + 12 + 13),
        ([None, None, None], [False] * 3, 11 + 12 + 13),
        (["neck", "groin", "axilla"], [True] * 3, 17 + 16),
    ],
)
def test_new_lesion_sum_takes_two_lesions_an_organ(sites, nodes, total):
    rows = course([0, 42], T1=[50, 50])
    for number, (site, node) in enumerate(zip(sites, nodes, strict=True)):
        size = 11 + number + (4 if node else 0)
        rows.append(lesion(f"X{number}", 42, size, node=node, site=site))
    assert responses(table(rows))["new_lesion_sum_mm"][1] == total


def test_new_lesions_seen_first_are_measured_first():
    late = {f"X{number}": [None, None, 30] for number in range(1, 6)}
    found = judged(T1=[50, 50, 50], X6=[None, 11, 11], **late)
    assert found["new_lesion_sum_mm"].to_list() == [None, 11.0, 11.0 + 4 * 30.0]


@pytest.mark.parametrize(
    ("node", "first", "then", "response", "total"),
    [
        (False, 10, 14.9, "iUPD", 14.9),  # 10 mm: measured, waits for 5 mm
        (False, 10, 15, "iCPD", 15.0),
        (False, 9.9, 10, "iCPD", None),  # under 10 mm: new non-target, any increase
        (False, 9.9, 9.9, "iUPD", None),
        (True, 15, 19.9, "iUPD", 19.9),
        (True, 15, 20, "iCPD", 20.0),
        (True, 14.9, 15, "iCPD", None),
        (True, 14.9, 14, "iUPD", None),
    ],
)
def test_new_lesion_is_measured_from_10_mm_and_a_node_from_15(node, first, then, response, total):
    found = judged(nodes=["X1"] if node else (), T1=[50, 50, 50], X1=[None, first, then])
    assert found["overall_response"].to_list()[1:] == ["iUPD", response]
    assert found["new_lesion_sum_mm"][2] == total


def test_new_lesion_sum_is_missing_when_one_is_not_evaluable():
    found = judged(T1=[50, 50, 50], X1=[None, 12, 12], X2=[None, 12, "not_evaluable"])
    assert found["new_lesion_sum_mm"].to_list() == [None, 24.0, None]
    assert found["overall_response"].to_list()[1:] == ["iUPD", "iUPD"]


def test_known_part_of_new_lesions_confirms_when_it_alone_has_grown_by_5_mm():
    assert overall(T1=[50, 50, 50], X1=[None, 12, 28.9], X2=[None, 12, None]) == ["iUPD", "iUPD"]
    assert overall(T1=[50, 50, 50], X1=[None, 12, 29], X2=[None, 12, None]) == ["iUPD", "iCPD"]


def test_new_target_lesion_that_is_too_small_counts_5_mm():
    assert judged(T1=[50, 50, 50], X1=[None, 12, "too_small"])["new_lesion_sum_mm"][2] == 5.0
