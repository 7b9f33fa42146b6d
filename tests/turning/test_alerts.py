import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from turnpoint.turning.alerts import alert, calibrated, may_alert


def visit(day=100, verdict="plateau", changed=True, risen=False, p=0.9):
    return pl.DataFrame(
        {
            "day": [day],
            "verdict": [verdict],
            "changed": [changed],
            "sum_risen": [risen],
            "p_turned_resistant": [p],
        }
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (visit(), True),
        (visit(verdict="undetermined"), False),
        (visit(changed=False), False),
        (visit(day=55), False),  # a marker alone in the first eight weeks may be a surge
        (visit(day=56), True),
        (visit(day=55, risen=True), True),
    ],
)
def test_alert_is_allowed_only_when_the_data_can_carry_one(row, expected):
    assert row.select(may_alert()).item() is expected


@pytest.mark.parametrize(("p", "expected"), [(0.9, True), (0.8999, False)])
def test_alert_is_raised_at_its_threshold(p, expected):
    assert visit(p=p).select(alert(0.9)).item() is expected


def courses(false_signals, true_signals):
    rows = []
    for index, (false, true) in enumerate(zip(false_signals, true_signals, strict=True)):
        for day, p in ((100, false), (300, true)):
            rows.append((f"C{index}", day, 200.0, p, "plateau", True, False))
    return pl.DataFrame(
        rows,
        schema=[
            "patient_id",
            "day",
            "true_turning_day",
            "p_turned_resistant",
            "verdict",
            "changed",
            "sum_risen",
        ],
        orient="row",
    )


def test_calibrated_threshold_lets_exactly_the_allowed_courses_through():
    signals = np.linspace(0.50, 0.89, 40)
    found = calibrated(courses(signals, np.full(40, 0.95)), 5.0)
    assert (signals >= found.threshold).sum() == 2  # 5 % of 40
    assert found.false_alerts_per_100 == 5.0
    assert found.sensitivity == 1.0
    assert found.courses == 40


@given(
    st.lists(st.floats(0.0, 1.0), min_size=5, max_size=60),
    st.sampled_from([0.0, 1.0, 5.0, 10.0, 50.0]),
)
@example([0.0, 0.0, 0.0, 0.0, 0.7152], 0.0)
@example([0.0, 0.0, 0.0, 0.0, 0.95], 0.0)
@settings(max_examples=60)
def test_calibrated_rate_is_never_above_what_was_asked_below_the_highest_threshold(signals, rate):
    signals = np.minimum(signals, 0.98)
    found = calibrated(courses(signals, signals), rate)
    assert found.false_alerts_per_100 <= rate + 1e-9
    assert 0.5 <= found.threshold <= 0.99


def test_courses_that_never_turned_say_nothing_about_sensitivity():
    never = courses([0.6], [0.9]).with_columns(true_turning_day=pl.lit(1000.0))
    assert calibrated(never).sensitivity is None
