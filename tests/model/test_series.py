"""Which readings the model takes from a study."""

import pytest

from tests.model.courses import batch_of, readings
from tests.workflows.studies import study_of
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import readings_of

HEADER = "patient_id,day,lesion_id,role,diameter_mm,status,reader\n"


def test_reader_with_most_sums_is_used_and_the_first_by_name_when_equal():
    equal = "P1,0,T1,target,40,measured,B\nP1,0,T1,target,50,measured,A\n"
    more = "P1,42,T1,target,30,measured,B\n"
    first = readings_of(study_of(lesions=HEADER + equal))
    most = readings_of(study_of(lesions=HEADER + equal + more))
    assert first["value"].to_list() == [50.0]
    assert most["value"].to_list() == [40.0, 30.0]


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


@pytest.mark.parametrize(("sizes", "limits"), [((20, 4, 3, 8), (5, 4, 3, 3)), ((20, 5, 6, 8), (5, 5, 5, 5))])
def test_limit_falls_to_what_the_reader_has_measured(sizes, limits):
    series = batch_of(readings([0, 42, 84, 126], sizes)).series[SUM_OF_DIAMETERS]
    assert series.limit.tolist() == [list(limits)]
