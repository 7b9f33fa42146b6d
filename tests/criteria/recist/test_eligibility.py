import pytest

from tests.criteria.tables import course, lesion, table
from turnpoint.criteria.recist.eligibility import eligibility_problems


def rules_broken(rows):
    return [problem.rule for problem in eligibility_problems(table(rows))]


def at_sites(*sites, node=False):
    return [lesion(f"T{n}", 0, 20, site=site, node=node) for n, site in enumerate(sites)]


def test_nothing_is_said_of_five_targets_two_an_organ():
    assert rules_broken(at_sites("liver", "liver", "lung", "lung", "adrenal")) == []


def test_sixth_target_is_a_warning_that_counts_patients_and_names_the_first_row():
    (problem,) = eligibility_problems(table(at_sites("a", "b", "c", "d", "e", "f")))
    assert problem.severity == "warning"
    assert (problem.file, problem.row, problem.column) == ("lesions.csv", 2, "lesion_id")
    assert problem.rule.startswith("1 patient has more than 5 target lesions")


@pytest.mark.parametrize("third", ["liver", "Liver ", "right lobe of liver", "left liver"])
def test_third_target_in_one_organ_is_a_warning(third):
    (rule,) = rules_broken(at_sites("liver", "liver", third))
    assert "more than 2 target lesions in one organ" in rule


def test_paired_organs_are_one_organ():
    assert len(rules_broken(at_sites("left lung", "right lung", "lung, upper lobe"))) == 1


def test_nodes_are_one_organ_whatever_their_site():
    assert len(rules_broken(at_sites("neck", "axilla", "groin", node=True))) == 1
    assert rules_broken(at_sites("neck", "axilla", "groin")) == []


def test_targets_without_a_site_are_not_taken_for_one_organ():
    assert rules_broken(at_sites(None, None, None)) == []


@pytest.mark.parametrize(
    ("node", "mm", "warned"), [(False, 10, 0), (False, 9.9, 1), (True, 15, 0), (True, 14.9, 1)]
)
def test_target_below_the_measurable_size_at_baseline_is_a_warning(node, mm, warned):
    rows = course([0, 42], nodes=["T1"] if node else [], T1=[mm, 4])
    assert len(rules_broken(rows)) == warned


def test_warning_carries_no_patient_identifier():
    problems = eligibility_problems(table(course([0], patient="SECRET-7", T1=[4])))
    assert problems
    assert all("SECRET" not in str(problem) for problem in problems)


@pytest.mark.parametrize("at_baseline", [None, "not_evaluable"])
def test_target_first_measured_after_baseline_is_a_warning_that_names_its_row(at_baseline):
    rows = course([0, 42], T1=[30, 25], T2=[at_baseline, 20])
    (problem,) = eligibility_problems(table(rows))
    assert "1 patient has a target that was not measured at baseline" in problem.rule
    # header, T1 twice, then T2's rows
    assert problem.row == 1 + len(rows)
    assert "role=new" in problem.mend


def test_piece_of_a_split_target_is_no_target_without_a_baseline():
    assert rules_broken(course([0, 42], **{"T1": [30, None], "T1.1": [None, 12], "T1.2": [None, 8]})) == []
