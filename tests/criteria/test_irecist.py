"""iRECIST, rule by rule; expected values by hand from Seymour 2017, both sides of every threshold."""

import polars as pl
import pytest

from tests.criteria.tables import course, lesion, table
from turnpoint.criteria.irecist import RESPONSES_SCHEMA, judge, responses
from turnpoint.criteria.irecist_best_response import BEST_RESPONSES_SCHEMA, best_responses
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.study.study import Study

UNEQUIVOCAL = "unequivocal_progression"
NO_THERAPY = pl.DataFrame(schema={"patient_id": pl.String, "new_therapy_day": pl.Int64})


def days_of(lesions):
    return [42 * visit for visit in range(len(next(iter(lesions.values()))))]


def judged(nodes=(), **lesions):
    """`responses` of one course, a visit every 6 weeks from day 0."""
    return responses(table(course(days_of(lesions), nodes, **lesions)))


def overall(nodes=(), **lesions):
    """The overall responses after baseline."""
    return judged(nodes, **lesions)["overall_response"].to_list()[1:]


def best(visits, therapy=None, **rules):
    """Best response of `(day, response)` visits after a baseline."""
    schema = {"patient_id": pl.String, "reader": pl.String, "day": pl.Int64, "overall_response": pl.String}
    rows = [("P1", None, 0, None), *(("P1", None, *visit) for visit in visits)]
    new_therapy = pl.DataFrame({"patient_id": ["P1"], "new_therapy_day": [therapy]}).drop_nulls()
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return best_responses(frame, new_therapy, ProtocolRules(**rules)).row(0, named=True)


# Table 2, the middle column: no iUPD before


@pytest.mark.parametrize(
    ("target", "non_target", "new", "response"),
    [
        ("absent", "absent", None, "iCR"),
        ("absent", "present", None, "iPR"),
        (35, "present", None, "iPR"),
        (50, "present", None, "iSD"),
        (50, UNEQUIVOCAL, None, "iUPD"),
        (35, UNEQUIVOCAL, None, "iUPD"),
        ("absent", UNEQUIVOCAL, None, "iUPD"),
        (60, "present", None, "iUPD"),
        (60, "absent", None, "iUPD"),
        (60, UNEQUIVOCAL, None, "iUPD"),
        (60, UNEQUIVOCAL, "present", "iUPD"),
        (50, "present", "present", "iUPD"),
        ("absent", "absent", 12, "iUPD"),
    ],
)
def test_response_is_that_of_table_2_when_no_iupd_came_before(target, non_target, new, response):
    assert overall(T1=[50, target], N1=["present", non_target], X1=[None, new]) == [response]


# Table 2, the right-hand column: after an iUPD. Each row: what was seen at baseline, iUPD and the visit after it.


@pytest.mark.parametrize(
    ("target", "non_target", "new", "response"),
    [
        # back to no progression: the response, whatever progressed before
        ([50, 60, "absent"], ["present", "present", "absent"], [None, None, None], "iCR"),
        ([50, 60, "absent"], ["present", "present", "present"], [None, None, None], "iPR"),
        ([50, 60, 35], ["present", "present", "present"], [None, None, None], "iPR"),
        ([50, 60, 50], ["present", "present", "present"], [None, None, None], "iSD"),
        ([50, 50, 50], ["present", UNEQUIVOCAL, "present"], [None, None, None], "iSD"),
        ([50, 50, 50], ["present", "present", "present"], [None, 12, "absent"], "iSD"),
        # nothing larger and the new lesion as before: remains iUPD; larger or another one: iCPD
        ([50, 60, 60], ["present", "present", "present"], [None, 12, 12], "iUPD"),
        ([50, 60, 60], ["present", "present", "present"], [None, 12, 17], "iCPD"),
        ([50, 65, 62], ["present", "present", "present"], [None, "present", "present"], "iUPD"),
        ([50, 65, 62], ["present", "present", "present"], [None, "present", UNEQUIVOCAL], "iCPD"),
        # non-target iUPD: any further growth
        ([50, 50, 50], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 20)], [None, None, None], "iUPD"),
        ([50, 50, 50], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 21)], [None, None, None], "iCPD"),
        ([50, 50, 50], ["present", (UNEQUIVOCAL, 20), ("present", 21)], [None, None, None], "iCPD"),
        ([50, 50, 50], ["present", UNEQUIVOCAL, UNEQUIVOCAL], [None, None, None], "iCPD"),
        # target iUPD: 5 mm
        ([50, 60, 64.9], ["present", "present", "present"], [None, None, None], "iUPD"),
        ([50, 60, 65], ["present", "present", "present"], [None, None, None], "iCPD"),
        ([50, 60, 65], ["present", "absent", "absent"], [None, None, None], "iCPD"),
        # both: either goes on
        ([50, 60, 60], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 20)], [None, None, None], "iUPD"),
        ([50, 60, 65], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 20)], [None, None, None], "iCPD"),
        ([50, 60, 60], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 21)], [None, None, None], "iCPD"),
        # all three
        ([50, 60, 60], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 20)], [None, 12, 12], "iUPD"),
        ([50, 60, 65], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 20)], [None, 12, 12], "iCPD"),
        ([50, 60, 60], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 21)], [None, 12, 12], "iCPD"),
        ([50, 60, 60], ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 20)], [None, 12, 17], "iCPD"),
        # only a new lesion
        ([50, 50, 50], ["present", "present", "present"], [None, 12, 12], "iUPD"),
        ([50, 50, 50], ["present", "present", "present"], [None, 12, 16.9], "iUPD"),
        ([50, 50, 50], ["present", "present", "present"], [None, 12, 17], "iCPD"),
    ],
)
def test_response_is_that_of_table_2_when_an_iupd_came_before(target, non_target, new, response):
    assert overall(T1=target, N1=non_target, X1=new) == ["iUPD", response]


# Table 3: best overall response


@pytest.mark.parametrize(
    ("visits", "response"),
    [
        (["iCR", "iCR", "iPR", "iUPD", "iCPD"], "iCR"),
        (["iCR", "iUPD", "NE", "iUPD", "iCPD"], "iCR"),
        (["iUPD", "iPR", "iCR", "iCR", "iUPD"], "iCR"),
        (["iUPD", "NE", "iCR", "iUPD", "iCPD"], "iCR"),
        (["iUPD", "iPR", "iPR", "iPR", "iUPD"], "iPR"),
        (["iUPD", "iPR", "iUPD", "iCPD", "NE"], "iPR"),
        (["iUPD", "iSD", "iPR", "iUPD", "iCPD"], "iPR"),
        (["iUPD", "NE", "iPR", "NE", "NE"], "iPR"),
        (["iUPD", "iSD", "iSD", "iUPD", "iCPD"], "iSD"),
        (["iUPD", "iSD", "NE", "iSD", "iUPD"], "iSD"),
        (["iUPD", "iCPD", "iCR", "iCR", "iCR"], "iCPD"),
        (["iUPD", "iUPD", "iCPD", "iPR", "iPR"], "iCPD"),
        (["iUPD", "NE", "NE", "NE", "NE"], "iUPD"),
        (["NON-iCR/NON-iUPD", "iUPD", "iUPD", "NE", "NE"], "NON-iCR/NON-iUPD"),
        (["NE", "NE"], "NE"),
        ([], "NE"),
    ],
)
def test_best_response_is_that_of_table_3(visits, response):
    found = best([(42 * (place + 1), label) for place, label in enumerate(visits)])
    assert found["best_response"] == response


# Rule 1


def test_columns_are_those_of_recist_1_1_and_two_more():
    found = judged(T1=[50, 60, 66])
    assert dict(found.schema) == RESPONSES_SCHEMA
    assert dict(best_responses(found).schema) == BEST_RESPONSES_SCHEMA
    assert found["overall_response"].to_list() == [None, "iUPD", "iCPD"]
    assert found["target_response"].to_list() == [None, "iUPD", "iUPD"]
    assert found["sum_of_diameters_mm"].to_list() == [50.0, 60.0, 66.0]


def test_responses_are_empty_when_there_are_no_lesions():
    found = responses(table([]))
    assert found.is_empty()
    assert best_responses(found).is_empty()


def test_response_is_non_icr_non_iupd_when_there_is_only_non_target_disease():
    found = judged(N1=["present", "present", UNEQUIVOCAL, "present", "absent"])
    assert found["overall_response"].to_list()[1:] == ["NON-iCR/NON-iUPD", "iUPD", "NON-iCR/NON-iUPD", "iCR"]
    assert found["non_target_response"].to_list()[1:] == found["overall_response"].to_list()[1:]
    assert found["target_response"].to_list() == [None] * 5


# Rule 2: new lesions stay out of the sum


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


# Rule 3: NE between


def test_iupd_is_confirmed_when_a_visit_between_is_ne():
    assert overall(T1=[50, 60, "not_evaluable", 65]) == ["iUPD", "NE", "iCPD"]
    assert overall(T1=[50, 60, "not_evaluable", 64.9]) == ["iUPD", "NE", "iUPD"]


def test_response_is_ne_when_neither_the_targets_nor_the_new_lesion_were_looked_at():
    assert overall(T1=[50, 50, "not_evaluable", 50], X1=[None, 12, None, 12]) == ["iUPD", "NE", "iUPD"]
    assert overall(T1=[50, 50, "not_evaluable", 50], X1=[None, 12, 12, 12]) == ["iUPD", "iUPD", "iUPD"]


def test_response_is_ne_and_no_reset_when_the_progressed_non_target_was_not_looked_at():
    seen = ["present", (UNEQUIVOCAL, 20), "not_evaluable", (UNEQUIVOCAL, 21)]
    assert overall(T1=[50, 50, 50, 50], N1=seen) == ["iUPD", "NE", "iCPD"]
    seen = ["present", "present", "not_evaluable", "present"]
    assert overall(T1=[50, 60, 50, 50], N1=seen) == ["iUPD", "iSD", "iSD"]


def test_new_lesion_without_a_row_is_as_it_was():
    assert overall(T1=[50, 50, 50, 50], X1=[None, 12, None, 17]) == ["iUPD", "iUPD", "iCPD"]
    assert overall(T1=[50, 50, 50, 50], X1=[None, 12, "absent", None]) == ["iUPD", "iSD", "iSD"]


# Rule 4: four weeks, additive growth


@pytest.mark.parametrize(("day", "response"), [(42 + 27, "iUPD"), (42 + 28, "iCPD")])
def test_iupd_is_confirmed_from_four_weeks_on(day, response):
    found = responses(table(course([0, 42, day], T1=[50, 60, 70])))
    assert found["overall_response"].to_list() == [None, "iUPD", response]


def test_growth_seen_too_early_confirms_at_the_next_visit_when_it_is_still_there():
    rows = course([0, 42, 56, 84], T1=[50, 60, 70, 70])
    assert responses(table(rows))["overall_response"].to_list()[1:] == ["iUPD", "iUPD", "iCPD"]


def test_least_time_to_confirmation_is_that_of_the_protocol():
    rows = table(course([0, 42, 84], T1=[50, 60, 70]))
    assert responses(rows, ProtocolRules(confirmation_days=43))["overall_response"][2] == "iUPD"
    assert responses(rows, ProtocolRules(confirmation_days=42))["overall_response"][2] == "iCPD"


def test_growth_adds_up_over_several_visits():
    # EORTC "How do new lesions define progression?": 4 mm, then 2 mm more.
    assert overall(T1=[50, 60, 64, 66]) == ["iUPD", "iUPD", "iCPD"]
    assert overall(T1=[50, 50, 50, 50], X1=[None, 12, 16, 18]) == ["iUPD", "iUPD", "iCPD"]


# Rule 5: where it was


def test_growth_counts_from_the_first_complete_sum_when_that_at_the_iupd_was_incomplete():
    # Known part 65 mm at the iUPD; complete 85 mm next, which is no growth; 90 mm is.
    grown = overall(T1=[30, 65, 65, 70], T2=[20, "not_evaluable", 20, 20])
    assert grown == ["iUPD", "iUPD", "iCPD"]
    assert overall(T1=[30, 65, 65, 69.9], T2=[20, "not_evaluable", 20, 20]) == ["iUPD", "iUPD", "iUPD"]


def test_target_growth_does_not_confirm_when_the_targets_had_not_progressed_and_still_have_not():
    assert overall(T1=[50, 50, 59.9], X1=[None, 12, 12]) == ["iUPD", "iUPD"]


def test_non_target_growth_does_not_confirm_when_another_category_made_the_iupd():
    assert overall(T1=[50, 60, 60], N1=[("present", 20), ("present", 20), ("present", 30)]) == [
        "iUPD",
        "iUPD",
    ]


def test_another_new_lesion_confirms_whatever_its_size():
    found = overall(T1=[50, 50, 50], X1=[None, 12, 12], X2=[None, None, "present"])
    assert found == ["iUPD", "iCPD"]


def test_equivocal_new_lesion_does_not_confirm_until_it_is_certain_and_then_from_the_day_it_was_seen():
    once = {"T1": [50, 60, 60, 60], "X1": [None, None, "equivocal", "absent"]}
    assert overall(**once) == ["iUPD", "iUPD", "iUPD"]
    assert overall(**once | {"X1": [None, None, "equivocal", "present"]}) == ["iUPD", "iCPD", "iCPD"]


def test_iupd_is_dated_back_to_the_equivocal_new_lesion_that_became_certain():
    found = judged(T1=[50, 50, 50, 50], X1=[None, "equivocal", "present", "present"])
    assert found["overall_response"].to_list()[1:] == ["iUPD", "iUPD", "iUPD"]
    assert best_responses(found)["unconfirmed_progression_day"].to_list() == [42]
    found = judged(T1=[50, 50, 50, 50], X1=[None, "equivocal", "equivocal", "absent"])
    assert found["overall_response"].to_list()[1:] == ["iSD", "iSD", "iSD"]


# Rule 6: elsewhere


@pytest.mark.parametrize(
    "lesions",
    [
        {"T1": [50, 60, 60], "N1": ["present", "present", UNEQUIVOCAL]},
        {"T1": [50, 60, 50], "N1": ["present", "present", UNEQUIVOCAL]},
        {"T1": [50, 60, 60], "X1": [None, None, "present"]},
        {"T1": [50, 60, 50], "X1": [None, None, "present"]},
        {"T1": [50, 50, 60], "N1": ["present", (UNEQUIVOCAL, 20), (UNEQUIVOCAL, 20)]},
        {"T1": [50, 50, 60], "X1": [None, 12, 12]},
    ],
)
def test_progression_in_a_category_that_had_none_confirms(lesions):
    assert overall(**lesions) == ["iUPD", "iCPD"]


# Rule 7: reset


def test_progression_after_a_reset_is_iupd_again_and_needs_its_own_confirmation():
    found = judged(T1=[50, 60, 50, 62, 66.9, 67])
    assert found["overall_response"].to_list()[1:] == ["iUPD", "iSD", "iUPD", "iUPD", "iCPD"]
    assert best_responses(found).row(0, named=True) | {"patient_id": None} == {
        "patient_id": None,
        "reader": None,
        "best_response": "iSD",
        "confirmed_best_response": "iSD",
        "progression_day": 126,
        "unconfirmed_progression_day": 42,
        "last_evaluable_day": 210,
    }


def test_nadir_after_a_reset_is_the_smallest_sum_so_far():
    # 60 mm is iUPD over 50; 30 mm is iPR; 36 mm is 20 % and 6 mm over 30.
    assert overall(T1=[50, 60, 30, 36]) == ["iUPD", "iPR", "iUPD"]
    assert overall(T1=[50, 60, 30, 35.9]) == ["iUPD", "iPR", "iSD"]


@pytest.mark.parametrize(
    ("then", "response"),
    [
        ({"X1": [30]}, "iPR"),
        ({"X1": [35.9]}, "iPR"),
        ({"X1": [36]}, "iUPD"),  # 20 % and 6 mm over 30 mm
        ({"X1": ["absent"]}, "iPR"),
        ({"X1": [30], "X2": ["present"]}, "iUPD"),
        ({"X1": [30], "X2": ["equivocal"]}, "iPR"),
        ({"X1": [UNEQUIVOCAL]}, "iUPD"),
    ],
)
def test_known_new_lesion_is_progression_again_after_a_reset_only_by_its_own_growth(then, response):
    lesions = {"X1": [None, 30, 30, *then["X1"]], "X2": [None, None, None, *then.get("X2", [None])]}
    assert overall(T1=[50, 50, 30, 30], **lesions) == ["iUPD", "iPR", response]


def test_smallest_sum_of_new_lesions_is_of_the_same_lesions():
    # The second new lesion doubles the sum; once that is reset too, 24 mm is no growth over 12.
    found = overall(
        T1=[100, 100, 69, 69, 60, 60], X1=[None, 12, 12, 12, 12, 12], X2=[None, None, None, 12, 12, 12]
    )
    assert found == ["iUPD", "iPR", "iUPD", "iPR", "iPR"]


def test_growth_of_known_new_lesions_confirms_after_a_reset_only_when_they_progressed():
    # 40 -> 45 mm is 5 mm but 12.5 %; the iUPD after the reset is the targets'.
    found = overall(T1=[50, 50, 30, 40, 40], X1=[None, 40, 40, 40, 45])
    assert found == ["iUPD", "iPR", "iUPD", "iUPD"]
    found = overall(T1=[50, 50, 30, 40, 40], X1=[None, 40, 40, 40, 48])
    assert found == ["iUPD", "iPR", "iUPD", "iCPD"]


def test_any_lesion_that_is_back_after_icr_is_iupd():
    gone = {"T1": [50, "absent", "absent"], "X1": [None, 12, "absent"]}
    assert overall(**gone) == ["iUPD", "iCR"]
    # 4 mm is less than 5 mm over the nadir of 0 mm: only the iCR makes it progression.
    assert overall(**gone | {"T1": [50, "absent", "absent", 4], "X1": [None, 12, "absent", "absent"]}) == [
        "iUPD",
        "iCR",
        "iUPD",
    ]
    back = {"T1": [50, "absent", "absent", "absent"], "X1": [None, 12, "absent", 4]}
    assert overall(**back) == ["iUPD", "iCR", "iUPD"]
    back = {
        "T1": [50, 50, "absent", "absent"],
        "N1": ["present", "present", "absent", "present"],
        "X1": [None, 12, "absent", "absent"],
    }
    assert overall(**back) == ["iUPD", "iCR", "iUPD"]


def test_new_lesion_that_is_back_is_no_progression_when_there_was_no_icr():
    # EORTC "Does a new lesion always result in PD?": lesions that disappear and reappear are not, by themselves.
    assert overall(T1=[50, 50, 50, 50], X1=[None, "present", "absent", "present"]) == ["iUPD", "iSD", "iSD"]
    # A measured one is when its sum has grown by 5 mm over 0.
    assert overall(T1=[50, 50, 50, 50], X1=[None, 12, "absent", 12]) == ["iUPD", "iSD", "iUPD"]


# Rule 8: a new lesion that stays


def test_ipr_is_given_though_the_new_lesion_stays_when_the_targets_shrink_after_it():
    # EORTC scenario B.
    found = judged(T1=[100, 100, 70, 70], X1=[None, 12, 12, 12])
    assert found["overall_response"].to_list()[1:] == ["iUPD", "iPR", "iPR"]
    assert found["new_lesion"].to_list() == [False, True, True, True]


def test_iupd_stays_when_the_targets_had_shrunk_before_the_new_lesion_and_nothing_changes():
    # EORTC scenario F.
    assert overall(T1=[100, 70, 70, 70], X1=[None, None, 12, 12]) == ["iPR", "iUPD", "iUPD"]


@pytest.mark.parametrize(("now", "response"), [(65.1, "iUPD"), (65, "iPR")])
def test_ipr_is_given_again_when_the_targets_have_shrunk_by_another_5_mm(now, response):
    assert overall(T1=[100, 70, 70, now], X1=[None, None, 12, 12])[2] == response


def test_isd_is_given_though_the_new_lesion_stays_when_the_targets_have_no_progression_any_more():
    assert overall(T1=[100, 120, 100], X1=[None, 12, 12]) == ["iUPD", "iSD"]


@pytest.mark.parametrize(("new", "response"), [("present", "iPR"), ("absent", "iCR")])
def test_icr_needs_the_new_lesion_to_be_gone(new, response):
    assert overall(T1=[50, 50, "absent"], X1=[None, "present", new]) == ["iUPD", response]


def test_non_target_only_disease_is_non_icr_non_iupd_when_only_the_new_lesion_is_left():
    assert overall(N1=["present", "present", "absent"], X1=[None, 12, 12]) == ["iUPD", "NON-iCR/NON-iUPD"]


# Rule 9: after iCPD


def test_visit_after_icpd_is_icpd_while_progression_is_met():
    assert overall(T1=[50, 60, 65, 65, 50]) == ["iUPD", "iCPD", "iCPD", "iSD"]
    assert overall(T1=[50, 60, 65, 30, 36]) == ["iUPD", "iCPD", "iPR", "iCPD"]


# Best response


def test_progression_day_is_that_of_the_first_iupd_of_the_confirmed_sequence():
    found = best([(42, "iSD"), (84, "iUPD"), (126, "NE"), (168, "iUPD"), (210, "iCPD")])
    assert (found["progression_day"], found["unconfirmed_progression_day"]) == (84, None)
    found = best([(42, "iUPD"), (84, "iPR"), (126, "iUPD"), (168, "iCPD")])
    assert (found["progression_day"], found["unconfirmed_progression_day"]) == (126, 42)
    found = best([(42, "iUPD"), (84, "iUPD"), (126, "iSD"), (168, "iUPD")])
    assert (found["progression_day"], found["unconfirmed_progression_day"]) == (None, 42)


@pytest.mark.parametrize(("therapy", "response", "day"), [(83, "iUPD", None), (84, "iCPD", 42)])
def test_nothing_after_a_new_therapy_counts(therapy, response, day):
    found = best([(42, "iUPD"), (84, "iCPD")], therapy=therapy)
    assert found["best_response"] == response
    assert found["progression_day"] == day
    assert found["unconfirmed_progression_day"] == (None if day else 42)
    assert found["last_evaluable_day"] == (84 if day else 42)


@pytest.mark.parametrize(("day", "response"), [(41, "iCPD"), (42, "iSD")])
def test_isd_must_have_lasted(day, response):
    assert best([(day, "iSD"), (84, "iUPD"), (126, "iCPD")])["best_response"] == response


def test_isd_that_did_not_last_is_iupd_when_the_progression_was_not_confirmed():
    assert best([(30, "iSD"), (60, "iUPD")])["best_response"] == "iUPD"
    assert best([(30, "iSD")])["best_response"] == "NE"


@pytest.mark.parametrize(
    ("visits", "confirmed"),
    [
        ([(42, "iPR"), (70, "iPR")], "iPR"),
        ([(42, "iPR"), (69, "iPR")], "iSD"),
        ([(42, "iPR"), (84, "NE"), (126, "iPR")], "iPR"),
        ([(42, "iPR"), (84, "iUPD"), (126, "iPR")], "iSD"),
        ([(42, "iUPD"), (84, "iPR"), (126, "iPR")], "iPR"),
        ([(42, "iCR"), (84, "iCR"), (126, "iUPD"), (168, "iCPD")], "iCR"),
        ([(42, "iCR"), (84, "iUPD"), (126, "iCPD")], "iSD"),
        ([(20, "iPR"), (62, "iUPD"), (104, "iCPD")], "iCPD"),
    ],
)
def test_confirmed_best_response_needs_a_second_visit_with_no_iupd_between(visits, confirmed):
    assert best(visits)["confirmed_best_response"] == confirmed


def test_iupd_is_an_evaluable_visit():
    assert best([(42, "iUPD"), (84, "NE")])["last_evaluable_day"] == 42


# Reasons


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
    assert judged(**lesions)["progression_reason"].to_list()[-1] == reason


def test_reason_says_that_growth_came_too_early_to_confirm():
    found = responses(table(course([0, 42, 56], T1=[50, 60, 70])))
    assert found["progression_reason"][2] == (
        "target sum 70 mm, +10 mm since day 42; but 14 days after day 42, iCPD asks for 28"
    )


# The whole


def test_readers_are_judged_apart():
    rows = course([0, 42, 84], T1=[50, 60, 65], reader="A") + course([0, 42, 84], T1=[50, 60, 60], reader="B")
    found = responses(table(rows))
    assert found["reader"].to_list() == ["A"] * 3 + ["B"] * 3
    assert found["overall_response"].to_list() == [None, "iUPD", "iCPD", None, "iUPD", "iUPD"]


def test_judge_gives_responses_best_responses_and_warnings():
    empty = pl.DataFrame(schema={"patient_id": pl.String})
    study = Study(empty, table(course([0, 42, 84], T1=[9, 15, 20])), empty, empty, empty)
    found = judge(study, NO_THERAPY)
    assert found.responses["overall_response"].to_list() == [None, "iUPD", "iCPD"]
    assert found.best_responses["best_response"].to_list() == ["iCPD"]
    assert len(found.problems) == 1  # a target below 10 mm
