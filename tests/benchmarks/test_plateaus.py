import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plateaus import ReadingError, first_of, what_came_next, windows
from tests.reference import plateaus as reference
from turnpoint.errors import MeasurementError

TEN_PERCENT = ReadingError(math.log(1.1), rounding=1.0, floor=5.0)
READINGS = {"patient_id": pl.String, "day": pl.Int64, "value": pl.Float64}
PROGRESSIONS = {"patient_id": pl.String, "progression_day": pl.Int64}


def readings(*values, every=42, first=0, patient="P"):
    rows = [(patient, first + every * place, float(value)) for place, value in enumerate(values)]
    return pl.DataFrame(rows, schema=READINGS, orient="row")


def progressions(**days):
    return pl.DataFrame(list(days.items()), schema=PROGRESSIONS, orient="row")


def trends(*values, progressed=None, error=TEN_PERCENT, length=3, **course):
    days = {} if progressed is None else {"P": progressed}
    return windows(readings(*values, **course), progressions(**days), error, length)["trend"].to_list()


def outcome(visit_values, later, weeks=12, progressed=None, every=42):
    series = readings(*visit_values, *later, every=every)
    over = progressions(**({} if progressed is None else {"P": progressed}))
    visit = windows(readings(*visit_values, every=every), progressions(), TEN_PERCENT).tail(1)
    return what_came_next(visit, series, over, TEN_PERCENT, weeks).row(0, named=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((100, 60, 60, 60), ["flat"]),
        ((100, 60, 66, 62), ["flat"]),  # 66 / 60 is 10 %: within error
        ((100, 60, 67, 62), ["mixed"]),
        ((100, 67, 64, 60), ["fallen"]),
        ((100, 60, 64, 67), ["risen"]),
        ((100, 66, 63, 60), ["flat"]),
    ],
)
def test_window_has_the_trend_of_its_readings(values, expected):
    assert trends(*values) == expected


def test_creeping_readings_are_no_plateau_when_each_step_is_within_error_but_all_are_not():
    assert trends(100, 55, 60, 65) == ["risen"]


def test_window_excludes_the_baseline():
    assert trends(60, 60, 60) == []
    assert trends(100, 60, 60) == []
    assert trends(100, 60, 60, 60) == ["flat"]


def test_baseline_is_the_last_reading_up_to_day_0():
    values = (140, 100, 60, 60, 60)
    found = windows(readings(*values, first=-42), progressions(), TEN_PERCENT)
    assert found["baseline"].to_list() == [100.0]
    assert found["day"].to_list() == [126]


@pytest.mark.parametrize(("last", "seen"), [(91, False), (90, True)])
def test_window_needs_a_fall_beyond_reading_error(last, seen):
    assert bool(trends(100, 90, 90, last)) is seen


@pytest.mark.parametrize(("low", "expected"), [(5, []), (6, ["flat"])])
def test_window_is_left_out_when_a_reading_is_at_the_floor(low, expected):
    assert trends(30, 6, low, 6) == expected


def test_rounding_hides_a_change_of_one_millimetre_in_a_small_lesion():
    assert trends(30, 7, 8, 7) == ["flat"]
    assert trends(30, 7, 8, 7, error=ReadingError(math.log(1.1))) == ["mixed"]


@pytest.mark.parametrize(("day", "expected"), [(126, []), (127, ["flat"])])
def test_window_is_left_out_at_and_after_progression(day, expected):
    assert trends(100, 60, 60, 60, progressed=day) == expected


def test_first_of_takes_each_patients_first_window_of_the_trend():
    both = pl.concat([readings(100, 80, 60, 50, 50, 50, 50), readings(100, 50, 50, 50, patient="Q")])
    found = first_of(windows(both, progressions(), TEN_PERCENT), "flat")
    assert found.select("patient_id", "day").rows() == [("P", 210), ("Q", 126)]


@pytest.mark.parametrize(
    ("later", "expected"),
    [((60, 67), "risen"), ((60, 66), "flat"), ((60, 54), "fallen"), ((60, 0), "fallen")],
)
def test_what_came_next_compares_the_reading_at_the_horizon_with_the_level(later, expected):
    assert outcome((100, 60, 60, 60), later)["outcome"] == expected


@pytest.mark.parametrize(("late", "expected"), [(7, "progressed"), (8, "risen")])
def test_progression_counts_up_to_a_week_after_the_horizon(late, expected):
    found = outcome((100, 60, 60, 60), (60, 80), progressed=126 + 84 + late)
    assert found["outcome"] == expected
    assert found["value_then"] == 80.0


@pytest.mark.parametrize(("every", "expected"), [(49, "flat"), (48, "unknown")])
def test_outcome_is_unknown_when_no_reading_is_within_five_weeks_of_the_horizon(every, expected):
    # one reading, `every` days after the visit; 84 - 49 = 35
    assert outcome((100, 60, 60, 60), (60,), every=every)["outcome"] == expected


def test_visits_keep_their_order_and_number():
    both = pl.concat([readings(100, 60, 60, 60, patient="Q"), readings(100, 50, 50, 50)])
    visits = windows(both, progressions(), TEN_PERCENT).sort("patient_id", descending=True)
    found = what_came_next(visits, both, progressions(), TEN_PERCENT, 12)
    assert found["patient_id"].to_list() == ["Q", "P"]
    assert found["outcome"].to_list() == ["unknown", "unknown"]


@pytest.mark.parametrize("wrong", [{"error_log": -0.1}, {"error_log": 0.1, "rounding": math.nan}])
def test_reading_error_is_refused_when_it_is_no_error(wrong):
    with pytest.raises(MeasurementError):
        ReadingError(**wrong)


def test_window_of_one_reading_is_refused():
    with pytest.raises(MeasurementError):
        trends(100, 60, 60, length=1)


SIZES = st.integers(0, 60).map(float)
COURSES = st.lists(st.tuples(st.integers(1, 70), SIZES), min_size=1, max_size=9)


@settings(max_examples=150, deadline=None)
@given(COURSES, st.integers(-60, 5), st.one_of(st.none(), st.integers(0, 300)), st.integers(2, 4))
def test_counting_agrees_with_the_slow_way(steps, first, progression_day, length):
    course, day = [], first
    for gap, value in steps:
        course.append((day, value))
        day += gap
    frame = pl.DataFrame([("P", *row) for row in course], schema=READINGS, orient="row")
    over = progressions(**({} if progression_day is None else {"P": progression_day}))
    found = windows(frame, over, TEN_PERCENT, length)
    assert found.drop("patient_id").rows() == reference.windows(course, progression_day, TEN_PERCENT, length)
    for visit in found.iter_rows(named=True):
        ours = what_came_next(pl.DataFrame([visit], schema=found.schema), frame, over, TEN_PERCENT, 12)
        slow = reference.what_came_next(
            visit["day"], visit["level"], course, progression_day, TEN_PERCENT, 12
        )
        assert ours.select("outcome", "value_then").row(0) == slow
