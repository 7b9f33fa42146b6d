"""Which readings the model takes from a study."""

import pytest

from tests.model.courses import batch_of
from tests.workflows.studies import study_of
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import chosen_readers, in_slots, new_lesion_days, parts_of, readings_of

HEADER = "patient_id,day,lesion_id,role,diameter_mm,status,reader\n"


A, B = "P1,{},T1,target,50,measured,A\n", "P1,{},T1,target,40,measured,B\n"
SECOND, UNREAD = "P1,{},T2,target,9,measured,B\n", "P1,{},T1,target,,not_evaluable,A\n"
NAMELESS = "P1,{},T1,target,30,measured,\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (A.format(0) + B.format(0), "A"),  # by name
        (A.format(0) + B.format(0) + B.format(42) + B.format(84), "A"),  # whatever comes later
        (A.format(14) + B.format(0) + A.format(42), "B"),  # who read first
        (A.format(0) + B.format(0) + SECOND.format(0), "B"),  # who read most targets that day
        (A.format(0) + B.format(0) + SECOND.format(42), "A"),
        (UNREAD.format(0) + B.format(14) + A.format(42), "B"),  # what cannot be read is no reading
        (UNREAD.format(0), "A"),
        (A.format(0) + NAMELESS.format(0), ""),
    ],
)
def test_reader_is_who_first_read_a_target_then_who_read_most_of_them_then_by_name(rows, expected):
    assert chosen_readers(study_of(lesions=HEADER + rows).lesions).rows() == [("P1", expected)]


def test_parts_are_in_the_order_in_which_they_were_first_read_then_by_name():
    header = "patient_id,day,lesion_id,role,diameter_mm,status\n"
    rows = [(0, "T3"), (0, "T2"), (42, "T2"), (42, "T1"), (84, "T3")]
    study = study_of(lesions=header + "".join(f"P1,{day},{name},target,20,measured\n" for day, name in rows))
    found = in_slots(parts_of(study)).select("part", "slot", "day").rows()
    assert found == [("T2", 0, 0), ("T2", 0, 42), ("T3", 1, 0), ("T3", 1, 84), ("T1", 2, 42)]


def test_readings_are_those_of_one_reader():
    rows = A.format(0) + B.format(0) + A.format(42) + B.format(84)
    assert readings_of(study_of(lesions=HEADER + rows)).select("day", "value").rows() == [
        (0, 50.0),
        (42, 50.0),
    ]


def test_sum_that_is_not_evaluable_is_no_reading_and_never_0_mm():
    rows = "P1,0,T1,target,40,measured,\nP1,42,T1,target,,not_evaluable,\nP1,84,T1,target,30,measured,\n"
    assert readings_of(study_of(lesions=HEADER + rows))["value"].to_list() == [40.0, 30.0]


def test_too_small_and_absent_are_below_5_mm_a_target():
    rows = (
        "P1,0,T1,target,20,measured,\nP1,42,T1,target,,too_small,\nP1,84,T1,target,,absent,\n"
        "P1,126,T1,target,12,measured,\n"
    )
    found = readings_of(study_of(lesions=HEADER + rows))
    assert found["value"].to_list() == [20.0, 5.0, 0.0, 12.0]
    assert found["censoring"].to_list() == [0, -1, -1, 0]
    assert found["limit"].unique().to_list() == [5.0]


def test_marker_below_its_limit_is_censored_at_it():
    rows = "patient_id,day,marker,value,unit\nP1,0,PSA,5,ng/mL\nP1,21,PSA,<0.1,ng/mL\nP1,42,PSA,>500,ng/mL\n"
    found = readings_of(study_of(markers=rows))
    assert found["value"].to_list() == [5.0, 0.1, 500.0]
    assert found["censoring"].to_list() == [0, -1, 1]


SIZES: dict[str, dict[str, tuple[object, ...]]] = {
    "P1": {"T1": (40, 30, 24), "T2": (20, "", 18)},
    "P2": {"T1": (15, 12, 10)},
}
TWO_LESIONS = HEADER + "".join(
    f"{patient},{day},{lesion},target,{mm},{'measured' if mm else 'not_evaluable'},\n"
    for patient, lesions in SIZES.items()
    for lesion, sizes in lesions.items()
    for day, mm in zip((0, 42, 84), sizes, strict=True)
)


def test_lesions_are_read_one_by_one_also_where_their_sum_is_missing():
    study = study_of(lesions=TWO_LESIONS)
    parts = parts_of(study)
    own = {key: rows["value"].to_list() for key, rows in parts.group_by("patient_id", "part")}
    assert own == {("P1", "T1"): [40, 30, 24], ("P1", "T2"): [20, 18], ("P2", "T1"): [15, 12, 10]}
    assert readings_of(study).filter(patient_id="P1")["value"].to_list() == [60, 42]


def test_lesions_get_a_series_each_and_a_patient_with_fewer_has_empty_ones():
    batch = batch_of(parts_of(study_of(lesions=TWO_LESIONS)))
    first, second = batch.series[SUM_OF_DIAMETERS]
    assert (first.length.tolist(), second.length.tolist()) == ([3, 3], [2, 0])
    counts = batch.readings[SUM_OF_DIAMETERS]
    assert counts[1].tolist() == [[1, 1, 2], [0, 0, 0]]


def test_pieces_of_a_split_lesion_are_read_together_as_the_lesion():
    rows = (
        "P1,0,T1,target,40,measured,\nP1,42,T1.1,target,20,measured,\nP1,42,T1.2,target,15,measured,\n"
        "P1,0,T2,target,10,measured,\nP1,42,T2,target,,too_small,\n"
    )
    parts = parts_of(study_of(lesions=HEADER + rows))
    assert parts.select("part", "day", "value", "censoring").rows() == [
        ("T1", 0, 40.0, 0),
        ("T1", 42, 35.0, 0),
        ("T2", 0, 10.0, 0),
        ("T2", 42, 5.0, -1),
    ]


def test_sums_keep_the_last_value_of_a_lesion_and_count_5_mm_for_what_is_too_small():
    rows = (
        "P1,0,T1,target,40,measured,\nP1,42,T1,target,30,measured,\nP1,84,T1,target,24,measured,\n"
        "P1,0,T2,target,20,measured,\nP1,42,T2,target,,not_evaluable,\nP1,84,T2,target,,absent,\n"
        "P2,0,T1,target,3,measured,\n"
    )
    sums, lesions = batch_of(parts_of(study_of(lesions=HEADER + rows))).sums()
    assert sums[0].tolist() == [60, 50, 29]
    assert lesions[0].tolist() == [2, 2, 2]
    assert sums[1, 0] == 5


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("P1,84,N1,new,9,measured,\nP1,126,N1,new,12,measured,\n", {"P1": 84.0}),
        ("P1,84,N1,new,,equivocal,\n", {}),
        # dated back by RECIST, but nobody knew before
        ("P1,84,N1,new,,equivocal,\nP1,126,N1,new,12,measured,\n", {"P1": 126.0}),
        ("P1,84,N1,new,9,measured,A\nP1,42,N2,new,,present,B\n", {"P1": 42.0}),  # by any reader
        ("P1,0,N1,new,9,measured,\nP1,84,N2,new,9,measured,\n", {"P1": 84.0}),  # one at the start is none
        ("P1,84,X1,non_target,,unequivocal_progression,\n", {}),
    ],
)
def test_new_lesion_counts_from_the_day_on_which_it_is_certain(rows, expected):
    baseline = "P1,-5,T1,target,40,measured,\n"
    assert new_lesion_days(study_of(lesions=HEADER + baseline + rows).lesions) == expected
