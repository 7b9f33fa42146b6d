"""The features of the regression of errors: from readings to origins."""

import numpy as np
import polars as pl
import pytest

from tests.reference import error_regression as reference
from turnpoint.model.error_features import forecast_origins, joined, training_origins
from turnpoint.model.parameters import SUM_OF_DIAMETERS

NO_DOSES = pl.DataFrame(
    schema={"patient_id": pl.String, "day": pl.Int64, "drug": pl.String, "action": pl.String}
)


def readings(rows, quantity="PSA", censoring=None, limit=None):
    """`rows` of (patient, day, value)."""
    patient, day, value = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "patient_id": patient,
            "day": day,
            "quantity": quantity,
            "part": "",
            "value": [float(x) for x in value],
            "limit": pl.Series(limit or [None] * len(rows), dtype=pl.Float64),
            "censoring": pl.Series(censoring or [0] * len(rows), dtype=pl.Int8),
        }
    )


HISTORY = [
    ("A", 0, 40),
    ("A", 42, 33),
    ("A", 85, 33),
    ("A", 126, 33),
    ("A", 150, 36),
    ("B", 0, 12),
    ("B", 43, 0),
    ("B", 84, 8),
]


def test_features_agree_with_the_slow_reference():
    frame = readings(HISTORY, SUM_OF_DIAMETERS)
    found = training_origins(frame, SUM_OF_DIAMETERS, NO_DOSES)
    a_days, a_values = [0, 42, 85, 126, 150], [40, 33, 33, 33, 36]
    slow = [reference.features(a_days[:n], a_values[:n], a_days[n], is_diameter=True) for n in (2, 3, 4)]
    slow.append(reference.features([0, 43], [12, 1], 84, is_diameter=True))  # 0 mm is taken as 1 mm
    np.testing.assert_allclose(found.features, slow, atol=1e-12)
    np.testing.assert_allclose(found.change, np.log([1, 1, 36 / 33, 8]), atol=1e-12)
    assert found.last_value.tolist() == [33, 33, 33, 1]


def test_features_do_not_see_later_readings():
    keys = pl.DataFrame({"patient_id": ["A"], "day": [85], "target_day": [126]})
    whole = forecast_origins(readings(HISTORY), "PSA", NO_DOSES, keys)
    past = forecast_origins(readings(HISTORY[:3]), "PSA", NO_DOSES, keys)
    np.testing.assert_array_equal(whole.features, past.features)
    assert np.isnan(past.change).all()
    assert np.isfinite(whole.change).all()


def test_features_of_a_marker_do_not_depend_on_its_unit():
    other = [(patient, day, 1000 * value) for patient, day, value in HISTORY if value > 0]
    same = [row for row in HISTORY if row[2] > 0]
    one, two = (training_origins(readings(rows), "PSA", NO_DOSES) for rows in (same, other))
    np.testing.assert_allclose(one.features, two.features, atol=1e-9)
    np.testing.assert_allclose(one.change, two.change, atol=1e-9)


def test_origin_with_one_reading_or_none_is_not_usable():
    keys = pl.DataFrame(
        {"patient_id": ["A", "A", "A", "C"], "day": [0, 41, 42, 42], "target_day": [42, 85, 85, 85]}
    )
    found = forecast_origins(readings(HISTORY), "PSA", NO_DOSES, keys)
    assert found.usable.tolist() == [False, False, True, False]
    assert np.isfinite(found.features).all()


@pytest.mark.parametrize(("off_days", "usable"), [(10, True), (11, False)])
def test_origin_is_not_usable_when_treatment_was_off_for_more_than_a_quarter_of_the_time(off_days, usable):
    doses = pl.DataFrame(
        {"patient_id": "A", "day": [0, 42, 42 + off_days], "drug": "x", "action": ["start", "stop", "start"]}
    )
    keys = pl.DataFrame({"patient_id": ["A"], "day": [42], "target_day": [84]})
    found = forecast_origins(readings(HISTORY), "PSA", doses, keys)
    assert found.usable.tolist() == [usable]


def test_smallest_value_of_a_marker_is_the_largest_limit_so_far():
    rows = [("A", 0, 3.0), ("A", 21, 0.1), ("A", 42, 0.2), ("A", 63, 0.1), ("A", 84, 0.3)]
    frame = readings(rows, censoring=[0, -1, 0, -1, 0], limit=[None, 0.1, None, 0.05, None])
    found = training_origins(frame, "PSA", NO_DOSES)
    assert found.smallest_value.tolist() == [0.1, 0.1, 0.1]
    assert training_origins(readings(rows[:3]), "PSA", NO_DOSES).smallest_value.tolist() == [0.0]


def test_joined_origins_are_one_below_the_other():
    one = training_origins(readings(HISTORY), "PSA", NO_DOSES)
    both = joined([one, one.only(np.array([0]))])
    assert len(both.change) == len(one.change) + 1
    np.testing.assert_array_equal(both.features[-1], one.features[0])


def test_change_is_unknown_when_the_target_is_not_the_next_reading():
    keys = pl.DataFrame({"patient_id": ["A", "A"], "day": [42, 42], "target_day": [85, 126]})
    found = forecast_origins(readings(HISTORY), "PSA", NO_DOSES, keys)
    assert np.isfinite(found.change).tolist() == [True, False]


def test_origin_is_not_usable_long_after_a_pause_that_was_a_quarter_of_the_course():
    doses = pl.DataFrame(
        {"patient_id": "A", "day": [0, 5, 35], "drug": "x", "action": ["start", "stop", "start"]}
    )
    keys = pl.DataFrame({"patient_id": ["A", "A"], "day": [85, 85], "target_day": [119, 121]})
    found = forecast_origins(readings(HISTORY), "PSA", doses, keys)
    assert found.usable.tolist() == [False, True]
