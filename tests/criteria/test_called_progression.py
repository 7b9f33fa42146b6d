"""What called a progression, by hand-made courses."""

from dataclasses import replace

import polars as pl
import pytest

from tests.criteria.tables import course, table
from tests.workflows.studies import study_of
from turnpoint.criteria.called_progression import CALLED_SCHEMA, called_of, called_progressions
from turnpoint.criteria.recist.complete_response import NothingLeft, nothing_left
from turnpoint.workflows.respond import called

NO_THERAPY = pl.DataFrame(schema={"patient_id": pl.String, "new_therapy_day": pl.Int64})
DAYS = [0, 42, 84]


def of_lesions(rows, new_therapy=NO_THERAPY):
    empty = study_of(markers="patient_id,day,marker,value,unit\nP9,0,CEA,3,ng/mL")
    found = called_progressions(replace(empty, lesions=table(rows)), new_therapy)
    assert dict(found.schema) == CALLED_SCHEMA
    return found.select("day", "kind", "lesion_id", "value", "smallest").rows()


def psa(*values, every=21):
    rows = [f"P1,{visit * every},PSA,{value},ng/mL" for visit, value in enumerate(values)]
    return study_of(markers="\n".join(["patient_id,day,marker,value,unit", *rows]))


def test_growth_of_targets_has_the_sum_and_its_smallest():
    # 40 -> 30 -> 37 mm: +23 % and 7 mm over 30
    assert of_lesions(course(DAYS, T1=[40, 30, 37])) == [(84, "target", None, 37.0, 30.0)]


def test_nothing_is_called_below_the_bar():
    # 30 -> 35 is 5 mm but 16.7 %
    assert of_lesions(course(DAYS, T1=[40, 30, 35])) == []


def test_new_lesion_is_named_and_comes_before_growth_of_the_same_day():
    rows = course(DAYS, T1=[40, 30, 37], X1=[None, None, 11])
    assert of_lesions(rows) == [(84, "new_lesion", "X1", 11.0, None), (84, "target", None, 37.0, 30.0)]


def test_only_the_first_progression_counts():
    rows = course(DAYS, T1=[40, 30, 37], X1=[None, 11, 15])
    assert of_lesions(rows) == [(42, "new_lesion", "X1", 11.0, None)]


def test_equivocal_lesion_is_dated_back_and_known_when_it_was_certain():
    rows = course(DAYS, T1=[40, 30, 30], X1=[None, "equivocal", 11])
    empty = study_of(markers="patient_id,day,marker,value,unit\nP9,0,CEA,3,ng/mL")
    found = called_progressions(replace(empty, lesions=table(rows)), NO_THERAPY)
    assert found.select("day", "known_day", "lesion_id").rows() == [(42, 84, "X1")]


def test_equivocal_lesion_alone_calls_nothing():
    assert of_lesions(course(DAYS, T1=[40, 30, 30], X1=[None, "equivocal", "equivocal"])) == []


def test_non_target_that_grew_beyond_doubt_is_named_and_the_others_are_not():
    rows = course(
        DAYS,
        T1=[40, 30, 30],
        N1=["present", "present", "unequivocal_progression"],
        N2=["present", "present", "present"],
    )
    assert of_lesions(rows) == [(84, "non_target", "N1", None, None)]


def test_nothing_is_called_after_a_new_therapy():
    therapy = pl.DataFrame({"patient_id": ["P1"], "new_therapy_day": [50]})
    assert of_lesions(course(DAYS, T1=[40, 30, 37]), therapy) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # +50 % and 5 ng/mL over 10 on day 84, still so on day 105
        ((40, 20, 12, 10, 15, 22), [(84, 105, "PSA", 15.0, 10.0)]),
        # the same rise as the last value is not confirmed
        ((40, 20, 12, 10, 15), []),
        # a surge after the first dose, then a fall: no progression, whatever the raw values say
        ((40, 58, 44, 28, 17, 10, 6), []),
    ],
)
def test_psa_is_called_by_pcwg3_as_respond_has_it(values, expected):
    found = called(psa(*values))
    assert found.select("day", "known_day", "lesion_id", "value", "smallest").rows() == expected
    assert set(found["criterion"]) <= {"PCWG3"}


def test_marker_without_a_criterion_calls_nothing_however_far_it_rises():
    rows = [f"P1,{visit * 21},CEA,{value},ng/mL" for visit, value in enumerate((10, 8, 20, 60, 200))]
    assert called(study_of(markers="\n".join(["patient_id,day,marker,value,unit", *rows]))).is_empty()


def test_ca125_is_called_by_gcig():
    # raised before treatment and never normal: twice the nadir of 100, on two samples
    rows = [f"P1,{visit * 21},CA-125,{value},U/mL" for visit, value in enumerate((400, 100, 210, 260))]
    found = called(study_of(markers="\n".join(["patient_id,day,marker,value,unit", *rows])))
    assert found.select("day", "known_day", "criterion", "value", "smallest").rows() == [
        (42, 63, "GCIG", 210.0, 100.0)
    ]


def test_reader_with_most_sums_counts():
    rows = course(DAYS, reader="A", T1=[40, 30, 31]) + course([0, 42], reader="B", T1=[40, 50])
    assert of_lesions_of_readers(rows) == []


def of_lesions_of_readers(rows):
    empty = study_of(markers="patient_id,day,marker,value,unit\nP9,0,CEA,3,ng/mL")
    return called(replace(empty, lesions=table(rows))).rows()


def test_called_of_one_patient_are_objects_the_first_first():
    rows = course(DAYS, T1=[40, 30, 37], X1=[None, None, 11])
    empty = study_of(markers="patient_id,day,marker,value,unit\nP9,0,CEA,3,ng/mL")
    found = called_of(called_progressions(replace(empty, lesions=table(rows)), NO_THERAPY), "P1")
    assert [own.kind for own in found] == ["new_lesion", "target"]
    assert called_of(called_progressions(replace(empty, lesions=table(rows)), NO_THERAPY), "P2") == ()


def visits(*responses):
    return pl.DataFrame(
        {"day": [42 * visit for visit in range(len(responses))], "overall_response": list(responses)},
        schema={"day": pl.Int64, "overall_response": pl.String},
    )


def markers(*rows):
    schema = {
        "day": pl.Int64,
        "marker": pl.String,
        "value": pl.Float64,
        "censoring": pl.String,
        "upper_limit": pl.Float64,
    }
    return pl.DataFrame(list(rows), schema=schema, orient="row")


@pytest.mark.parametrize(
    ("responses", "since"),
    [
        ((None, "PR", "CR", "CR"), 84),
        ((None, "CR", "PR", "CR"), 126),
        ((None, "CR", "PD"), None),
        ((None, "PR"), None),
        ((None,), None),
    ],
)
def test_nothing_is_left_since_the_complete_response_that_stands(responses, since):
    found = nothing_left(visits(*responses), markers())
    assert (None if found is None else found.day) == since


def test_markers_beside_a_complete_response_are_normal_raised_or_unknown():
    found = nothing_left(
        visits(None, "CR"),
        markers(
            (0, "CEA", 40.0, "none", 5.0),
            (42, "CEA", 2.0, "none", 5.0),
            (42, "PSA", 0.1, "left", None),
            (42, "CA-125", 80.0, "none", None),
            (42, "own marker", 3.0, "none", None),
        ),
    )
    # CA-125 has a usual upper limit of 35 U/mL
    assert found == NothingLeft(42, ("CEA", "PSA"), ("CA-125",), ("own marker",))
