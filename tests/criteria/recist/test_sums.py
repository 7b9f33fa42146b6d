import polars as pl
import pytest

from tests.criteria.tables import course, lesion, table
from turnpoint.criteria.recist.sums import SUMS_SCHEMA, progression_sum_mm, sum_of_diameters


def sums(rows):
    return sum_of_diameters(table(rows))


def test_sum_adds_longest_diameters_and_short_axes_when_all_are_measured():
    found = sums(course([0, 42], nodes=["T2"], T1=[30, 20], T2=[16, 12]))
    assert found["sum_of_diameters_mm"].to_list() == [46.0, 32.0]
    assert dict(found.schema) == SUMS_SCHEMA


@pytest.mark.parametrize(
    ("seen", "mm"), [("too_small", 5.0), (("too_small", 3.0), 3.0), ("absent", 0.0), (4.0, 4.0)]
)
def test_sum_counts_a_small_lesion_by_its_status_when_it_shrinks(seen, mm):
    found = sums(course([0, 42], T1=[30, seen], T2=[20, 20]))
    assert found["sum_of_diameters_mm"].to_list() == [50.0, 20.0 + mm]


def test_sum_is_missing_and_never_counts_zero_when_a_target_is_not_evaluable():
    found = sums(course([0, 42], T1=[30, "not_evaluable"], T2=[20, 18]))
    assert found["sum_of_diameters_mm"].to_list() == [50.0, None]
    assert found["known_part_mm"].to_list() == [50.0, 18.0]
    assert found["not_evaluable"].to_list() == [0, 1]


def test_sum_is_missing_when_a_baseline_target_has_no_row_at_a_visit():
    found = sums(course([0, 42], T1=[30, None], T2=[20, 18]))
    assert found["sum_of_diameters_mm"].to_list() == [50.0, None]
    assert found["not_evaluable"].to_list() == [0, 1]


def test_sum_is_missing_when_a_visit_assessed_other_lesions_only():
    found = sums(course([0, 42, 60], T1=[30, 25, None], N1=["present", None, "present"]))
    assert found["day"].to_list() == [0, 42, 60]
    assert found["sum_of_diameters_mm"].to_list() == [30.0, 25.0, None]


def test_counts_tell_too_small_absent_and_normal_targets_apart():
    found = sums(course([0, 42], nodes=["T3"], T1=[30, "too_small"], T2=[20, "absent"], T3=[16, 9.9]))
    row = found.row(1, named=True)
    assert [row[name] for name in ("targets", "too_small", "absent", "normal", "not_evaluable")] == [
        3,
        1,
        1,
        2,
        0,
    ]


@pytest.mark.parametrize(("short_axis", "normal"), [(9.9, 1), (10.0, 0)])
def test_node_is_normal_when_its_short_axis_is_below_10_mm(short_axis, normal):
    assert sums(course([0, 42], nodes=["T1"], T1=[16, short_axis]))["normal"].to_list() == [0, normal]


def test_sum_is_missing_at_baseline_when_a_target_was_first_recorded_after_it():
    found = sums(course([0, 42], T1=[30, 25], T2=[None, 20]))
    assert found["sum_of_diameters_mm"].to_list() == [None, 45.0]
    assert found["known_part_mm"].to_list() == [30.0, 45.0]
    assert found["targets"].to_list() == [2, 2]
    assert found["not_evaluable"].to_list() == [1, 0]


def test_piece_of_a_baseline_target_needs_no_baseline_of_its_own():
    found = sums(course([0, 42], **{"T1": [30, None], "T1.1": [None, 12], "T1.2": [None, 8]}))
    assert found["sum_of_diameters_mm"].to_list() == [30.0, 20.0]
    assert found["targets"].to_list() == [1, 1]


def test_screening_scans_are_one_assessment_when_none_of_them_is_complete():
    found = sums(course([-10, -3, 42], T1=[30, None, 20], T2=[None, 25, 20]))
    assert found["sum_of_diameters_mm"].to_list() == [None, 55.0, 40.0]


def test_screening_scans_stay_apart_when_one_of_them_is_complete():
    found = sums(course([-10, -3, 42], T1=[30, None, 20], T2=[24, 25, 20]))
    assert found["sum_of_diameters_mm"].to_list() == [54.0, None, 40.0]


def test_scans_after_day_0_are_not_combined():
    found = sums(course([0, 42, 44], T1=[30, 20, None], T2=[25, None, 15]))
    assert found["sum_of_diameters_mm"].to_list() == [55.0, None, None]


def test_readers_have_their_own_targets_and_sums():
    rows = course([0, 42], reader="A", T1=[30, 20]) + course([0, 42], reader="B", T1=[32, 25], T2=[10, 8])
    found = sums(rows)
    assert found["reader"].to_list() == ["A", "A", "B", "B"]
    assert found["sum_of_diameters_mm"].to_list() == [30.0, 20.0, 42.0, 33.0]


def test_rows_in_any_order_give_the_same_sums():
    rows = course([-3, 42, 84], T1=[30, 20, 10], T2=[25, 20, 9]) + course([0, 50], patient="P0", T1=[12, 11])
    shuffled = table(rows).sample(fraction=1.0, shuffle=True, seed=3)
    assert sum_of_diameters(shuffled).equals(sums(rows))


def test_patient_without_targets_has_no_sum():
    found = sums(course([0, 42], N1=["present", "present"]) + course([0], patient="P2", T1=[20]))
    assert found["patient_id"].to_list() == ["P2"]


def test_empty_table_gives_an_empty_table_with_the_columns():
    found = sum_of_diameters(table([]))
    assert found.is_empty()
    assert dict(found.schema) == SUMS_SCHEMA


def test_measured_target_without_a_diameter_is_not_evaluable():
    found = sums([lesion("T1", 0, 30), lesion("T1", 42, ("measured", None))])
    assert found["sum_of_diameters_mm"].to_list() == [30.0, None]


@pytest.mark.parametrize(
    ("nadir", "bar"), [(100.0, 120.0), (25.0, 30.0), (24.0, 29.0), (26.0, 31.2), (0.0, 5.0)]
)
def test_progression_sum_is_the_larger_of_20_percent_and_5_mm(nadir, bar):
    found = pl.select(progression_sum_mm(pl.lit(nadir))).item()
    assert found == pytest.approx(bar)
