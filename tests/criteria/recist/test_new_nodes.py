"""New nodes under 10 mm are normal (RECIST 1.1, 4.3.2); non-targets first seen after baseline are warned of."""

import pytest

from tests.workflows.studies import study_of
from turnpoint.model.series import new_lesion_days
from turnpoint.workflows.respond import called, respond

TARGET = tuple(f"{day},T1,target,false,30,measured" for day in (0, 42, 84, 126))


def study_with(*rows):
    columns = "patient_id,day,lesion_id,role,node,diameter_mm,status"
    return study_of(lesions="\n".join([columns, *(f"A,{row}" for row in (*TARGET, *rows))]))


def progression_day(study, criteria="recist-1.1"):
    best = respond(study, criteria).best_responses.row(0, named=True)
    return best["progression_day"] if criteria == "recist-1.1" else best["unconfirmed_progression_day"]


def warned(study, text):
    return [p.row for p in study.problems if text in p.rule]


@pytest.mark.parametrize("criteria", ["recist-1.1", "irecist"])
@pytest.mark.parametrize(
    ("node", "size", "day"),
    [("true", "9.9", None), ("true", "10", 84), ("false", "9.9", 84), ("false", "3", 84)],
)
def test_new_node_is_a_new_lesion_from_10_mm(criteria, node, size, day):
    study = study_with(f"84,X1,new,{node},{size},measured")
    assert progression_day(study, criteria) == day
    assert new_lesion_days(study.lesions) == ({} if day is None else {"A": day})


def test_new_node_counts_from_the_day_it_is_abnormal_and_stays():
    study = study_with(
        "42,X1,new,true,8,measured", "84,X1,new,true,12,measured", "126,X1,new,true,7,measured"
    )
    assert respond(study).responses["new_lesion"].to_list() == [False, False, True, True]
    assert called(study).select("day", "lesion_id", "value").rows() == [(84, "X1", 12.0)]


@pytest.mark.parametrize("status", ["present", "unequivocal_progression"])
def test_new_node_without_a_size_is_believed(status):
    assert progression_day(study_with(f"84,X1,new,true,,{status}")) == 84


def test_new_node_too_small_to_measure_is_normal():
    assert progression_day(study_with("84,X1,new,true,,too_small")) is None


@pytest.mark.parametrize(
    ("size", "normal", "asked"), [("9.9", [6], []), ("10", [], [6]), ("14.9", [], [6]), ("15", [], [])]
)
def test_check_says_what_becomes_of_a_new_node(size, normal, asked):
    study = study_with(f"84,X1,new,true,{size},measured")
    assert warned(study, "is normal (RECIST 1.1, 4.3.2)") == normal
    assert warned(study, "is a new node of 10 to under 15 mm") == asked


@pytest.mark.parametrize(("day", "rows"), [(0, []), (14, []), (42, [6])])
def test_non_target_first_seen_after_baseline_is_warned_of(day, rows):
    study = study_with(f"{day},N9,non_target,false,12,measured", "84,N9,non_target,false,25,measured")
    assert warned(study, "a non-target lesion that appears after baseline") == rows
    new = study_with("42,N9,new,false,12,measured", "84,N9,new,false,25,measured")
    assert progression_day(new) == 42


@pytest.mark.parametrize(("first", "rows"), [("absent", [7]), ("not_evaluable", []), ("present", [])])
def test_non_target_that_was_absent_at_baseline_appears_after_it(first, rows):
    study = study_with(f"0,N9,non_target,false,,{first}", "42,N9,non_target,false,12,measured")
    assert warned(study, "a non-target lesion that appears after baseline") == rows


def test_a_piece_of_a_non_target_that_split_needs_no_baseline():
    study = study_with("0,N1,non_target,false,30,measured", "42,N1.1,non_target,false,12,measured")
    assert warned(study, "a non-target lesion that appears after baseline") == []
