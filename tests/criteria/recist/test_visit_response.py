"""RECIST 1.1, rule by rule; expected values by hand from Eisenhauer 2009, both sides of every threshold."""

import math

import polars as pl
import pytest

from tests.criteria.tables import answers, course, lesion, table
from turnpoint.criteria.recist.visit_response import RESPONSES_SCHEMA, progression_threshold, responses

DAYS = [0, 42, 84]


def targets(*sums):
    """Target responses of a single lesion with these diameters."""
    return answers("target_response", [42 * visit for visit in range(len(sums))], T1=list(sums))


# Rule 1: baseline


def test_columns_are_those_of_the_contract():
    found = responses(table(course(DAYS, T1=[50, 40, 30])))
    assert dict(found.schema) == RESPONSES_SCHEMA
    assert found["reader"].to_list() == [None] * 3


def test_baseline_is_listed_without_a_response():
    row = responses(table(course(DAYS, T1=[50, 40, 30]))).row(0, named=True)
    assert row["baseline_mm"] == 50.0
    assert row["change_from_baseline_pct"] == 0.0
    for name in ("nadir_mm", "change_from_nadir_pct", "target_response", "overall_response"):
        assert row[name] is None
    assert row["new_lesion"] is False


def test_baseline_is_the_last_complete_sum_when_several_scans_precede_day_0():
    found = responses(table(course([-30, -2, 42], T1=[60, 50, 35])))
    assert found["baseline_mm"].to_list() == [None, 50.0, 50.0]
    assert found["nadir_mm"].to_list() == [None, None, 50.0]
    assert found["overall_response"].to_list() == [None, None, "PR"]


def test_baseline_is_the_earlier_scan_when_the_last_before_day_0_is_incomplete():
    found = responses(table(course([-30, -2, 42], T1=[60, 50, 35], T2=[20, "not_evaluable", 20])))
    assert found["baseline_mm"].to_list() == [80.0, 80.0, 80.0]
    assert found["overall_response"].to_list() == [None, None, "PR"]


def test_scan_on_day_0_is_baseline_and_on_day_1_is_not():
    assert answers("overall_response", [-5, 0, 42], T1=[40, 50, 50]) == [None, None, "SD"]
    assert answers("overall_response", [-5, 1, 42], T1=[40, 50, 50]) == [None, "PD", "PD"]


def test_baseline_is_the_first_complete_sum_when_no_scan_precedes_day_1():
    found = responses(table(course([10, 52, 94], T1=[50, 34, 36])))
    assert found["baseline_mm"].to_list() == [50.0] * 3
    assert found["overall_response"].to_list() == [None, "PR", "SD"]


@pytest.mark.parametrize("at_baseline", [None, "not_evaluable"])
def test_target_response_is_ne_when_a_target_was_not_measured_at_baseline(at_baseline):
    # T2 from 20 to 3 mm is -85 %, T1 and T2 together cannot be compared with anything
    found = responses(table(course(DAYS, T1=[at_baseline, 60, 61], T2=[20, 10, 3])))
    assert found["baseline_mm"].to_list() == [None] * 3
    assert found["change_from_baseline_pct"].to_list() == [None] * 3
    assert found["target_response"].to_list() == [None, "NE", "NE"]
    assert found["overall_response"].to_list() == [None, "NE", "NE"]


def test_new_lesion_and_non_target_growth_are_pd_without_a_baseline_sum():
    rows = course(
        DAYS, T1=[None, 60, 61], T2=[20, 10, 3], N1=["present", "present", "unequivocal_progression"]
    )
    assert responses(table(rows))["overall_response"].to_list() == [None, "NE", "PD"]


def test_baseline_is_missing_when_the_first_scan_after_day_0_lacks_a_target():
    found = responses(table(course([10, 52, 94], T1=[50, 34, 36], T2=[None, 10, 10])))
    assert found["baseline_mm"].to_list() == [None] * 3
    assert progression_threshold(table(course([10, 52, 94], T1=[50, 34, 36], T2=[None, 10, 10]))).is_empty()


def test_target_response_is_ne_when_there_is_no_complete_sum():
    rows = course(DAYS, T1=[50, 40, 30], T2=["not_evaluable"] * 3)
    found = responses(table(rows))
    assert found["baseline_mm"].to_list() == [None] * 3
    assert found["target_response"].to_list() == [None, "NE", "NE"]


def test_new_lesion_is_pd_when_the_screening_scan_was_incomplete():
    rows = course(DAYS, T1=[50, 40, 30], T2=["not_evaluable", 20, 20], X1=[None, 10, 12])
    assert responses(table(rows))["overall_response"].to_list() == [None, "PD", "PD"]


# Rule 2: nadir


def test_nadir_is_the_smallest_sum_before_the_visit():
    found = responses(table(course([0, 42, 84, 126], T1=[50, 30, 40, 33])))
    assert found["nadir_mm"].to_list() == [None, 50.0, 30.0, 30.0]
    assert found["change_from_nadir_pct"].to_list() == pytest.approx([None, -40.0, 100 / 3, 10.0])


def test_incomplete_sum_never_sets_the_nadir():
    found = responses(table(course([0, 42, 84], T1=[50, 20, 50], T2=[50, "not_evaluable", 50])))
    assert found["nadir_mm"].to_list() == [None, 100.0, 100.0]
    assert found["target_response"].to_list() == [None, "NE", "SD"]


def test_not_evaluable_is_never_zero_mm():
    assert targets(50, "not_evaluable", 50) == [None, "NE", "SD"]


def test_pd_is_judged_against_baseline_when_it_is_the_smallest_sum():
    assert targets(50, 55, 60) == [None, "SD", "PD"]


def test_scan_before_the_baseline_never_sets_the_nadir():
    assert answers("target_response", [-60, -2, 42], T1=[20, 50, 50]) == [None, None, "SD"]


# Rule 3: complete response


def test_target_response_is_cr_when_all_targets_are_absent():
    assert targets(50, "absent") == [None, "CR"]


def test_target_response_is_cr_when_nodes_are_normal_and_the_sum_is_above_0():
    found = responses(table(course([0, 42], nodes=["T2"], T1=[50, "absent"], T2=[18, 9.9])))
    assert found["sum_of_diameters_mm"].to_list() == [68.0, 9.9]
    assert found["target_response"].to_list() == [None, "CR"]


def test_target_response_is_pr_when_a_node_is_10_mm():
    assert answers("target_response", [0, 42], nodes=["T2"], T1=[50, "absent"], T2=[18, 10]) == [None, "PR"]


def test_target_response_is_pr_when_a_lesion_is_too_small_but_present():
    assert targets(50, "too_small") == [None, "PR"]


def test_lesion_under_10_mm_is_not_normal_when_it_is_no_node():
    assert targets(50, 3) == [None, "PR"]


# Rule 4: progression


@pytest.mark.parametrize(
    ("nadir", "now", "response"),
    [
        (100, 120, "PD"),
        (100, 119.9, "SD"),
        (50, 60, "PD"),
        (50, 59.9, "SD"),
        (25, 30, "PD"),
        (25, 29.9, "SD"),
        (24, 29, "PD"),  # +20.8 % and 5 mm
        (24, 28.9, "SD"),  # +20.4 % but 4.9 mm
        (20, 24, "SD"),  # 20 % but 4 mm
        (20, 25, "PD"),
        (30, 35, "SD"),  # 5 mm but 16.7 %
        (25.1, 30.12, "PD"),  # 1.2 x 25.1 is 30.119999999999997 in floating point
        (33.7, 40.44, "PD"),  # and 1.2 x 33.7 is 40.440000000000005
        (0.1 + 0.2, 5.3, "PD"),
    ],
)
def test_target_response_is_pd_when_20_percent_and_5_mm_over_nadir(nadir, now, response):
    assert targets(nadir, nadir, now)[-1] == response


def test_pd_is_judged_before_pr():
    # 50 is 50 % below baseline and 25 % over the nadir of 40.
    assert targets(100, 40, 50) == [None, "PR", "PD"]


def test_pr_continues_when_the_sum_rises_a_little_from_its_nadir():
    # EORTC clarification "The definition of SD": 165, 63, 65 mm stays PR.
    assert targets(165, 63, 65) == [None, "PR", "PR"]


def test_growth_among_normal_nodes_is_cr_and_not_pd():
    assert answers("target_response", DAYS, nodes=["T1"], T1=[16, 4, 9.9]) == [None, "CR", "CR"]
    assert answers("target_response", DAYS, nodes=["T1"], T1=[16, 4, 10]) == [None, "CR", "PD"]


# Rule 5: partial response


@pytest.mark.parametrize(
    ("baseline", "now", "response"),
    [
        (100, 70, "PR"),
        (100, 70.1, "SD"),
        (10, 7, "PR"),
        (50.1, 35.07, "PR"),
        (50.1, 35.08, "SD"),
        (10.1, 7.07, "PR"),  # 0.7 x 10.1 is 7.069999999999999 in floating point
    ],
)
def test_target_response_is_pr_when_30_percent_below_baseline(baseline, now, response):
    assert targets(baseline, now)[-1] == response


# Rule 6: not evaluable


def test_target_response_is_ne_when_a_target_is_missing_at_the_visit():
    assert answers("target_response", [0, 42], T1=[50, 20], T2=[50, None]) == [None, "NE"]


@pytest.mark.parametrize(("known", "response"), [(120, "PD"), (119.9, "NE")])
def test_target_response_is_pd_when_the_known_part_alone_proves_it(known, response):
    rows = {"T1": [50, known], "T2": [50, "not_evaluable"]}
    assert answers("target_response", [0, 42], **rows) == [None, response]


def test_absent_targets_are_ne_and_not_cr_when_another_is_not_evaluable():
    assert answers("target_response", [0, 42], T1=[50, "absent"], T2=[50, "not_evaluable"]) == [None, "NE"]


# Rule 7: return after complete response


@pytest.mark.parametrize("seen", [4, 5, "too_small", 12])
def test_target_response_is_pd_at_any_size_when_a_lesion_returns_after_cr(seen):
    assert targets(50, "absent", seen) == [None, "CR", "PD"]


def test_change_from_nadir_is_infinite_when_a_lesion_returns_and_0_while_it_stays_away():
    found = answers("change_from_nadir_pct", [0, 42, 84, 126], T1=[50, "absent", "absent", 8])
    assert found == [None, -100.0, 0.0, math.inf]


@pytest.mark.parametrize(("short_axis", "response"), [(9.9, "CR"), (10, "PD")])
def test_node_is_back_after_cr_from_10_mm(short_axis, response):
    assert answers("target_response", DAYS, nodes=["T1"], T1=[16, 9, short_axis])[-1] == response


def test_lesion_that_returns_among_others_only_adds_to_the_sum():
    # 100 -> 60 -> 65: +8 % over the nadir, still 35 % below baseline.
    assert answers("target_response", DAYS, T1=[60, 60, 60], T2=[40, "absent", "too_small"]) == [
        None,
        "PR",
        "PR",
    ]


def test_target_that_returns_only_adds_to_the_sum_when_non_targets_had_stayed():
    rows = {"T1": [50, "absent", 4], "N1": ["present"] * 3}
    assert answers("overall_response", DAYS, **rows) == [None, "PR", "PR"]


def test_non_target_that_returns_after_overall_cr_is_pd():
    rows = {"T1": [50, "absent", "absent"], "N1": ["present", "absent", "present"]}
    assert answers("non_target_response", DAYS, **rows) == [None, "CR", "PD"]
    assert answers("overall_response", DAYS, **rows) == [None, "CR", "PD"]


@pytest.mark.parametrize(("short_axis", "overall"), [(9.9, "CR"), (10, "PR"), (14.9, "PR")])
def test_non_target_node_that_grows_again_after_cr_is_no_pd_by_itself(short_axis, overall):
    rows = {"T1": [50, "absent", "absent"], "N1": [12, 8, short_axis]}
    assert answers("overall_response", DAYS, nodes=["N1"], **rows) == [None, "CR", overall]


def test_absence_before_the_baseline_is_no_cr_to_return_from():
    found = answers("overall_response", [-30, -2, 42], N1=["absent", "present", "present"])
    assert found == [None, None, "NON-CR/NON-PD"]


def test_non_target_that_returns_after_partial_response_is_no_pd():
    rows = {"T1": [50, 20, 20], "N1": ["present", "absent", "present"]}
    assert answers("overall_response", DAYS, **rows) == [None, "PR", "PR"]


# Rule 8: non-target lesions


@pytest.mark.parametrize(
    ("first", "second", "response"),
    [
        ("absent", "absent", "CR"),
        ("absent", "present", "NON-CR/NON-PD"),
        ("present", "present", "NON-CR/NON-PD"),
        ("absent", "not_evaluable", "NE"),
        ("absent", None, "NE"),
        ("present", "not_evaluable", "NE"),
        ("unequivocal_progression", "not_evaluable", "PD"),
        ("unequivocal_progression", None, "PD"),
        ("absent", "too_small", "NON-CR/NON-PD"),
        ("absent", "equivocal", "NON-CR/NON-PD"),
    ],
)
def test_non_target_response_follows_what_was_seen(first, second, response):
    rows = {"T1": [50, 50], "N1": ["present", first], "N2": ["present", second]}
    assert answers("non_target_response", [0, 42], **rows) == [None, response]


@pytest.mark.parametrize(("short_axis", "response"), [(9.9, "CR"), (10, "NON-CR/NON-PD")])
def test_non_target_node_is_gone_when_it_is_below_10_mm(short_axis, response):
    assert answers("non_target_response", [0, 42], nodes=["N1"], N1=[12, short_axis]) == [None, response]


def test_responses_are_null_when_there_is_no_such_disease():
    assert answers("non_target_response", [0, 42], T1=[50, 50]) == [None, None]
    assert answers("target_response", [0, 42], N1=["present", "present"]) == [None, None]


def test_non_target_is_expected_only_from_the_visit_it_is_first_seen():
    rows = {"T1": [50, 50, 50], "N1": ["present"] * 3, "N2": [None, None, "present"]}
    assert answers("non_target_response", DAYS, **rows) == [None, "NON-CR/NON-PD", "NON-CR/NON-PD"]


# Rule 9: new lesions


@pytest.mark.parametrize("status", ["measured", "present", "too_small", "unequivocal_progression"])
def test_overall_response_is_pd_when_a_new_lesion_is_certain(status):
    seen = 12 if status == "measured" else status
    rows = {"T1": [50, 20, 20], "X1": [None, None, seen]}
    assert answers("new_lesion", DAYS, **rows) == [False, False, True]
    assert answers("overall_response", DAYS, **rows) == [None, "PR", "PD"]


@pytest.mark.parametrize("status", ["equivocal", "absent", "not_evaluable"])
def test_new_lesion_is_no_pd_while_it_is_not_certain(status):
    rows = {"T1": [50, 20, 20], "X1": [None, "equivocal", status]}
    assert answers("overall_response", DAYS, **rows) == [None, "PR", "PR"]


def test_new_lesion_counts_from_the_first_equivocal_day_when_it_is_confirmed():
    rows = {"T1": [50, 20, 20, 20], "X1": [None, "equivocal", "equivocal", "present"]}
    days = [0, 42, 84, 126]
    assert answers("new_lesion", days, **rows) == [False, True, True, True]
    assert answers("overall_response", days, **rows) == [None, "PD", "PD", "PD"]


def test_another_certain_lesion_does_not_confirm_an_equivocal_one():
    rows = {"T1": [50, 20, 20], "X1": [None, "equivocal", "absent"], "X2": [None, None, "present"]}
    assert answers("overall_response", DAYS, **rows) == [None, "PR", "PD"]


def test_new_lesion_stays_new_at_later_visits():
    rows = {"T1": [50, 20, 20], "X1": [None, 10, None]}
    assert answers("overall_response", DAYS, **rows) == [None, "PD", "PD"]


def test_new_lesion_seen_before_treatment_counts_from_the_first_visit_after_it():
    rows = {"T1": [50, 20, 20], "X1": [10, None, None]}
    assert answers("new_lesion", DAYS, **rows) == [False, True, True]
    assert answers("overall_response", DAYS, **rows) == [None, "PD", "PD"]


def test_new_lesion_is_pd_when_no_disease_was_recorded_before():
    assert answers("overall_response", [42], X1=[10]) == ["PD"]


# Rule 10: tables 1 and 2 of Eisenhauer 2009, row by row

TARGET_ROWS = {"CR": "absent", "PR": 30, "SD": 48, "PD": 70, "NE": "not_evaluable", None: None}
NON_TARGET_ROWS = {
    "CR": "absent",
    "NON-CR/NON-PD": "present",
    "NE": "not_evaluable",
    "PD": "unequivocal_progression",
    None: None,
}
TABLE_1: list[tuple[str | None, str | None, bool, str]] = [
    ("CR", "CR", False, "CR"),
    ("CR", None, False, "CR"),
    ("CR", "NON-CR/NON-PD", False, "PR"),
    ("CR", "NE", False, "PR"),
    ("PR", "CR", False, "PR"),
    ("PR", "NON-CR/NON-PD", False, "PR"),
    ("PR", "NE", False, "PR"),
    ("PR", None, False, "PR"),
    ("SD", "CR", False, "SD"),
    ("SD", "NON-CR/NON-PD", False, "SD"),
    ("SD", "NE", False, "SD"),
    ("SD", None, False, "SD"),
    ("NE", "CR", False, "NE"),
    ("NE", "NON-CR/NON-PD", False, "NE"),
    ("NE", "NE", False, "NE"),
    ("NE", None, False, "NE"),
    *[("PD", other, new, "PD") for other in NON_TARGET_ROWS for new in (False, True)],
    *[(own, "PD", new, "PD") for own in ("CR", "PR", "SD", "NE") for new in (False, True)],
    *[(own, other, True, "PD") for own in ("CR", "PR", "SD", "NE") for other in NON_TARGET_ROWS],
]
TABLE_2: list[tuple[str | None, str | None, bool, str]] = [
    (None, "CR", False, "CR"),
    (None, "NON-CR/NON-PD", False, "NON-CR/NON-PD"),
    (None, "NE", False, "NE"),
    (None, "PD", False, "PD"),
    (None, "PD", True, "PD"),
    *[(None, other, True, "PD") for other in NON_TARGET_ROWS if other is not None],
]


@pytest.mark.parametrize(("target", "non_target", "new", "overall"), TABLE_1 + TABLE_2)
def test_overall_response_follows_tables_1_and_2(target, non_target, new, overall):
    rows = []
    if target is not None:
        rows += course([0, 42], T1=[50, TARGET_ROWS[target]])
    if non_target is not None:
        rows += course([0, 42], N1=["present", NON_TARGET_ROWS[non_target]])
    if new:
        rows.append(lesion("X1", 42, "present"))
    row = responses(table(rows)).row(1, named=True)
    assert (row["target_response"], row["non_target_response"], row["new_lesion"]) == (
        target,
        non_target,
        new,
    )
    assert row["overall_response"] == overall


# Several readers, several patients


def test_readers_are_judged_side_by_side():
    rows = course(DAYS, reader="A", T1=[50, 30, 30]) + course(
        DAYS, reader="B", T1=[50, 40, 40], X1=[None, None, 8]
    )
    found = responses(table(rows))
    assert found.select("reader", "day", "overall_response").rows() == [
        ("A", 0, None),
        ("A", 42, "PR"),
        ("A", 84, "PR"),
        ("B", 0, None),
        ("B", 42, "SD"),
        ("B", 84, "PD"),
    ]


def test_one_patients_nadir_never_reaches_another():
    rows = course(DAYS, patient="P1", T1=[50, 10, 10]) + course(DAYS, patient="P2", T1=[50, 49, 50])
    found = responses(table(rows)).filter(pl.col("patient_id") == "P2")
    assert found["nadir_mm"].to_list() == [None, 50.0, 49.0]


def test_empty_table_gives_an_empty_table_with_the_columns():
    assert dict(responses(table([])).schema) == RESPONSES_SCHEMA


# The bar for the next visit


def test_progression_threshold_is_the_sum_from_which_the_next_visit_is_pd():
    found = progression_threshold(table(course([-30, -2, 42, 84, 126], T1=[20, 50, 30, "not_evaluable", 40])))
    assert found["day"].to_list() == [-30, -2, 42, 126]
    assert found["threshold"].to_list() == pytest.approx([25.0, 60.0, 36.0, 36.0])


def test_progression_threshold_agrees_with_the_response_at_the_next_visit():
    for nadir, at_bar in ((50.0, 60.0), (20.0, 25.0)):
        bar = progression_threshold(table(course([0], T1=[nadir])))["threshold"].item()
        assert bar == pytest.approx(at_bar)
        assert targets(nadir, bar)[-1] == "PD"
        assert targets(nadir, bar - 1e-6)[-1] == "SD"
