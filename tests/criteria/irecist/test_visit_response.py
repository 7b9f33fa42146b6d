"""iRECIST, rule by rule; expected values by hand from Seymour 2017, both sides of every threshold."""

import polars as pl
import pytest

from tests.criteria.tables import course, table
from turnpoint.criteria.irecist.best_response import BEST_RESPONSES_SCHEMA, best_responses
from turnpoint.criteria.irecist.visit_response import RESPONSES_SCHEMA, judge, responses
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
