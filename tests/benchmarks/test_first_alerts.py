import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.first_alerts import cut_for, first_alerts, up_to_progression


def course(name, signals, turning, progression=None):
    """Visits every 21 days from day 0."""
    return pl.DataFrame(
        {
            "patient_id": name,
            "day": [21 * index for index in range(len(signals))],
            "signal": signals,
            "true_turning_day": float(turning),
            "progression_day": progression,
        },
        schema_overrides={"progression_day": pl.Int64, "signal": pl.Float64},
    )


@pytest.mark.parametrize(
    ("signals", "false", "detected", "lead"),
    [
        ([0, 0, 0, 9, 9, 9], False, True, 42),  # first alert on day 63, progression on day 105
        ([0, 0, 9, 0, 0, 0], False, True, 63),  # on the turning day itself
        ([0, 9, 0, 9, 9, 9], True, False, 0),  # the day before it
        ([0, 0, 0, 0, 0, 9], False, False, 0),  # with progression: no earlier than the criterion
        ([0, 0, None, 0, 0, 0], False, False, 0),
    ],
)
def test_first_alert_is_false_before_the_turn_and_leads_before_progression(signals, false, detected, lead):
    found = first_alerts(course("A", signals, turning=42, progression=105), "signal", 5.0)
    assert found.turned.all()
    assert found.progressed.all()
    assert (found.false[0], found.detected[0], found.lead_days[0]) == (false, detected, lead)


def test_course_without_progression_is_detected_but_has_no_lead():
    found = first_alerts(course("A", [0, 0, 9], turning=30), "signal", 5.0)
    assert found.detected[0]
    assert not found.progressed[0]
    assert found.lead_days[0] == 0
    assert found.delay_days[0] == 12


def test_course_that_turns_after_its_last_visit_can_only_be_falsely_alerted():
    found = first_alerts(course("A", [0, 0, 9], turning=43), "signal", 5.0)
    assert found.false[0]
    assert not found.turned[0]


def test_visits_after_progression_do_not_count():
    kept = up_to_progression(course("A", [0, 0, 0, 9], turning=0, progression=42))
    assert kept["day"].to_list() == [0, 21, 42]


@given(st.lists(st.integers(0, 20), min_size=3, max_size=60), st.sampled_from([0.0, 1.0, 10.0, 50.0, 100.0]))
@settings(max_examples=50)
def test_cut_never_lets_through_more_false_alerts_than_asked_for(early, rate):
    visits = pl.concat([course(f"C{index:02d}", [float(own)], turning=10) for index, own in enumerate(early)])
    cut = cut_for(visits, "signal", rate)
    share = 100 * first_alerts(visits, "signal", cut).false.mean()
    assert share <= rate
    lower = np.sort(np.unique(early))[::-1]
    next_lower = lower[lower < cut]
    if rate < 100 and next_lower.size:  # a lower cut would let through more
        assert 100 * first_alerts(visits, "signal", next_lower[0]).false.mean() > rate
