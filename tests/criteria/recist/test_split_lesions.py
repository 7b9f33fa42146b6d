"""Target lesions that split or merge (Eisenhauer 2009, appendix II)."""

import pytest

from tests.criteria.tables import answers, course, lesion, table
from turnpoint.criteria.recist.sums import sum_of_diameters
from turnpoint.study.split_lesions import origins

DAYS = (0, 42, 84)


def sums(days=DAYS, nodes=(), **lesions):
    rows = []
    for name, found in lesions.items():
        for day, seen in zip(days, found, strict=True):
            if seen is not None:
                rows.append(lesion(name.replace("__", "/").replace("_", "."), day, seen, node=name in nodes))
    return sum_of_diameters(table(rows))["sum_of_diameters_mm"].to_list()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("T1.1", ("T1",)),
        ("T1-2", ("T1",)),
        ("t1_2", ("T1",)),
        ("T1a", ("T1",)),
        ("T1.b", ("T1",)),
        ("T1/T2", ("T1", "T2")),
        ("T1 + T2", ("T1", "T2")),
        ("T1 and T2", ("T1", "T2")),
        ("Liver.1", ("liver",)),
        ("T1/T9", ()),  # no such lesion
        ("T1/T1", ()),
        ("T10", ()),  # not a piece of T1
        ("T9.1", ()),
        ("livera", ()),
        ("T1", ()),
    ],
)
def test_origins_are_read_from_the_name(name, found):
    assert origins(name, {"T1", "T2", "liver"}) == found


def test_fragments_are_added_up_when_a_lesion_splits():
    assert sums(T1=(40, None, None), T1_1=(None, 15, 18), T1_2=(None, 12, 10), T2=(20, 20, 20)) == [
        60,
        47,
        48,
    ]


def test_the_mass_counts_once_when_lesions_merge():
    assert sums(T1=(30, None, None), T2=(25, None, None), T1__T2=(None, 42, 40), T3=(10, 10, 10)) == [
        65,
        52,
        50,
    ]


@pytest.mark.parametrize("later", [None, "not_evaluable"])
def test_sum_is_missing_when_a_known_fragment_is_not_read(later):
    assert sums(T1=(40, None, None), T1_1=(None, 15, 18), T1_2=(None, 12, later)) == [40, 27, None]


def test_a_fragment_seen_later_does_not_make_the_visit_before_incomplete():
    assert sums(T1=(40, None, None), T1_1=(None, 15, 18), T1_2=(None, None, 12)) == [40, 15, 30]


def test_the_whole_lesion_counts_again_when_it_is_measured_again():
    assert sums(T1=(40, None, 26), T1_1=(None, 15, None), T1_2=(None, 12, None)) == [40, 27, 26]


@pytest.mark.parametrize("own", ["not_evaluable", "absent"])
def test_fragments_stand_for_their_lesion_when_its_own_row_has_no_size(own):
    assert sums(T1=(40, own, own), T1_1=(None, 15, 18), T1_2=(None, 12, 10)) == [40, 27, 28]


def test_merged_lesions_are_evaluable_when_their_own_rows_are_not():
    assert sums(T1=(30, "not_evaluable", 30), T2=(25, "absent", 20), T1__T2=(None, 42, None)) == [55, 42, 50]


def test_the_mass_stands_for_fragments_that_went_into_it():
    found = sums(
        T1=(40, None, None),
        T1_1=(None, 15, None),
        T1_2=(None, 12, None),
        T2=(20, 20, None),
        T1__T2=(None, None, 60),
    )
    assert found == [60, 47, 60]


def test_fragments_stand_for_a_mass_that_came_apart():
    found = sums(T1=(40, None, None), T2=(20, None, 18), T1__T2=(None, 50, None), T1_1=(None, None, 12))
    assert found == [60, 50, 30]


def test_a_late_target_without_an_origin_is_a_target_without_a_baseline():
    assert sums(T1=(40, 30, 20), T7=(None, 12, 12)) == [None, 42, 32]


def test_response_is_cr_when_every_fragment_is_gone_and_pr_when_one_is_left():
    def responses_of(last):
        rows = [
            lesion("T1", 0, 40),
            lesion("T1.1", 42, 15),
            lesion("T1.2", 42, 12),
            lesion("T1.1", 84, "absent"),
            lesion("T1.2", 84, last),
        ]
        from turnpoint.criteria.recist.visit_response import responses

        return responses(table(rows))["overall_response"].to_list()

    assert responses_of("absent") == [None, "PR", "CR"]
    assert responses_of(6) == [None, "PR", "PR"]


def test_merged_nodes_are_normal_below_10_mm_and_malignant_from_10():
    def target(last):
        rows = [
            *course((0,), nodes=("T1", "T2"), T1=(20,), T2=(18,)),
            lesion("T1/T2", 42, last, node=True),
        ]
        from turnpoint.criteria.recist.visit_response import responses

        return responses(table(rows))["target_response"].to_list()

    assert target(9.9) == [None, "CR"]
    assert target(10) == [None, "PR"]


def test_growth_of_the_merged_mass_is_pd_by_the_sum():
    assert answers(
        "overall_response", DAYS, T1=(30, 20, None), T2=(30, 20, None), **{"T1/T2": (None, None, 48)}
    ) == [
        None,
        "PR",
        "PD",
    ]


def test_the_known_fragment_can_prove_progression_when_another_was_not_read():
    found = answers(
        "overall_response",
        DAYS,
        T1=(30, None, None),
        **{"T1.1": (None, 10, 36), "T1.2": (None, 10, "not_evaluable")},
    )
    assert found == [None, "PR", "PD"]
