"""The words with which iRECIST explains a progression."""

import pytest

from tests.criteria.tables import course, table
from turnpoint.criteria.irecist.visit_response import responses

UNEQUIVOCAL = "unequivocal_progression"


def last_reason(**lesions):
    """`progression_reason` at the last of visits every 6 weeks."""
    days = [42 * visit for visit in range(len(next(iter(lesions.values()))))]
    return responses(table(course(days, **lesions)))["progression_reason"].to_list()[-1]


@pytest.mark.parametrize(
    ("lesions", "reason"),
    [
        ({"T1": [50, 65]}, "target sum 65 mm, +30 % and +15 mm over the nadir of 50 mm"),
        ({"T1": [50, 65, 66]}, "still met, no further growth since day 42"),
        ({"T1": [50, 65, 70.5]}, "target sum 70.5 mm, +5.5 mm since day 42"),
        ({"N1": ["present", UNEQUIVOCAL]}, "unequivocal progression of non-target disease"),
        (
            {"N1": ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 22)]},
            "non-target disease increased further since day 42",
        ),
        ({"T1": [50, 50], "X1": [None, "present"]}, "1 new lesion so far"),
        ({"T1": [50, 50], "X1": [None, 12], "X2": [None, 11]}, "2 new lesions so far, sum 23 mm"),
        ({"T1": [50, 50, 50], "X1": [None, 12, 18]}, "sum of new lesions 18 mm, +6 mm since day 42"),
        ({"T1": [50, 50, 50], "X1": [None, 8, 9]}, "a new non-target lesion increased since day 42"),
        (
            {"T1": [50, 50, 50], "X1": [None, 12, 12], "X2": [None, None, "present"]},
            "2 new lesions so far, more than on day 42",
        ),
        (
            {"T1": [50, 50, 60], "X1": [None, 12, 12]},
            "target sum 60 mm, +20 % and +10 mm over the nadir of 50 mm, not progressed on day 42",
        ),
        (
            {"T1": [50, 50, 30, 30], "X1": [None, 12, 12, 18]},
            "1 new lesion so far, sum 18 mm, +6 mm over its nadir of 12 mm",
        ),
        ({"T1": [50, "absent", 12]}, "target sum 12 mm after a nadir of 0 mm"),
        ({"T1": [50, "absent", 4]}, "a target lesion is back after complete response"),
        (
            {"T1": [50, "absent", "absent"], "N1": ["present", "absent", "present"]},
            "a non-target lesion is back after complete response",
        ),
        ({"T1": [50, 40, 35]}, None),
    ],
)
def test_reason_names_the_numbers_that_decide(lesions, reason):
    assert last_reason(**lesions) == reason


def test_reason_says_that_growth_came_too_early_to_confirm():
    found = responses(table(course([0, 42, 56], T1=[50, 60, 70])))
    assert found["progression_reason"][2] == (
        "target sum 70 mm, +10 mm since day 42; but 14 days after day 42, iCPD asks for 28"
    )
