"""When an alert is raised and withdrawn, and the threshold for a false-alert rate."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from turnpoint.errors import UsageError
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import Alert, load_prior
from turnpoint.turning.alerts import (
    HYSTERESIS_ODDS,
    alert,
    alert_history,
    calibrated,
    calibrated_thresholds,
    may_alert,
    signal,
    threshold_for,
    with_false_alerts,
)


def visit(day=100, verdict="plateau", risen=True, size_risen=False, p=0.9):
    return pl.DataFrame(
        {
            "day": [day],
            "verdict": [verdict],
            "risen": [risen],
            "size_risen": [size_risen],
            "p_turned": [p],
        }
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (visit(), True),
        (visit(verdict="regrowing"), True),
        (visit(verdict="responding"), True),
        (visit(verdict="undetermined"), False),
        (visit(risen=False), False),  # nothing stands above its smallest value
        (visit(day=55), False),  # a marker alone in the first eight weeks may be a surge
        (visit(day=56), True),
        (visit(day=55, size_risen=True), True),
    ],
)
def test_alert_is_allowed_only_when_the_data_can_carry_one(row, expected):
    assert row.select(may_alert()).item() is expected


@pytest.mark.parametrize(("p", "expected"), [(0.9, True), (0.8999, False)])
def test_alert_is_raised_at_its_threshold(p, expected):
    assert visit(p=p).select(alert(0.9)).item() is expected


@given(st.floats(0.0, 1.0), st.integers(0, 400), st.sampled_from(["responding", "plateau", "regrowing"]))
def test_signal_is_the_chance_to_have_turned_where_something_has_risen_and_0_where_nothing_has(
    p, day, verdict
):
    rows = [visit(day, verdict, risen, risen, p).select(signal()).item() for risen in (True, False)]
    assert rows == [p, 0.0]


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
            "p_turned",
            "verdict",
            "risen",
            "size_risen",
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


def history(rows, threshold=0.8):
    """Standing, raised and withdrawn at each visit of one patient; a row is P(turned), has risen, has a verdict."""
    frame = pl.concat(
        [
            visit(day=100 + 21 * index, p=p, risen=risen, verdict="plateau" if known else "undetermined")
            for index, (p, risen, known) in enumerate(rows)
        ]
    ).with_columns(patient_id=pl.lit("P1"))
    found = alert_history(frame, threshold)
    return [found[name].to_list() for name in ("alert", "raised", "withdrawn")]


LOWER = (0.8 / 0.2 / HYSTERESIS_ODDS) / (1 + 0.8 / 0.2 / HYSTERESIS_ODDS)  # odds 4 over 3: 0.571


def test_alert_stands_until_its_chance_falls_below_the_lower_bound():
    chances = [0.7, 0.8, LOWER + 0.001, LOWER - 0.001, 0.7, 0.8]
    standing, raised, withdrawn = history([(p, True, True) for p in chances])
    assert standing == [False, True, True, False, False, True]
    assert raised == [False, True, False, False, False, True]
    assert withdrawn == [False, False, False, True, False, False]


def test_alert_is_withdrawn_when_nothing_stands_above_its_smallest_any_more():
    standing, _, withdrawn = history([(0.9, True, True), (0.9, False, True), (0.9, False, True)])
    assert standing == [True, False, False]
    assert withdrawn == [False, True, False]


def test_alert_is_not_withdrawn_by_a_visit_without_a_verdict():
    assert history([(0.9, True, True), (0.9, True, False)])[0] == [True, True]
    assert history([(0.9, True, False), (0.9, True, False)])[0] == [False, False]


def walked(rows, threshold):
    """Slow reference: one visit after the other, all of them past the first eight weeks."""
    standing, found = False, []
    for p, risen, known in rows:
        if not risen:
            standing = False
        elif known and p >= threshold:
            standing = True
        elif p / max(1 - p, 1e-15) < threshold / (1 - threshold) / 3:  # three times less likely than not
            standing = False
        found.append(standing)
    return found


# kept off the bounds themselves, where odds and chances may differ in the last digit
CHANCES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000 + 0.0003).map(lambda p: min(p, 1.0))


@given(
    st.lists(st.tuples(CHANCES, st.booleans(), st.booleans()), min_size=1, max_size=12),
    st.sampled_from([0.5, 0.8, 0.99]),
)
@settings(max_examples=100)
def test_alert_history_agrees_with_a_walk_over_the_visits(rows, threshold):
    standing, raised, withdrawn = history(rows, threshold)
    assert standing == walked(rows, threshold)
    changes = [now - before for before, now in pairwise([False, *standing])]
    assert raised == [change > 0 for change in changes]
    assert withdrawn == [change < 0 for change in changes]


def test_alert_history_keeps_patients_apart_whatever_the_order_of_the_rows():
    rows = [
        visit(day=day, p=p).with_columns(patient_id=pl.lit(patient))
        for patient, day, p in (("B", 121, 0.7), ("A", 100, 0.9), ("B", 100, 0.5), ("A", 121, 0.7))
    ]
    found = alert_history(pl.concat(rows), 0.8)
    assert found["patient_id"].to_list() == ["B", "A", "B", "A"]
    assert found["alert"].to_list() == [False, True, False, True]


def test_calibrated_thresholds_fall_as_more_false_alerts_are_allowed():
    signals = np.linspace(0.0, 0.98, 200)
    found = calibrated_thresholds(courses(signals, signals), (10.0, 1.0, 5.0))
    assert list(found) == [1.0, 5.0, 10.0]
    thresholds = [own.threshold for own in found.values()]
    assert thresholds == sorted(thresholds, reverse=True)
    assert all(own.false_alerts_per_100 <= rate for rate, own in found.items())


def test_threshold_for_lies_between_its_calibrated_neighbours():
    stored = {1.0: Alert(threshold=0.95), 5.0: Alert(threshold=0.8), 10.0: Alert(threshold=0.7)}
    assert threshold_for(stored, 5.0) == 0.8
    assert 0.8 < threshold_for(stored, 2.0) < 0.95


@pytest.mark.parametrize(("stored", "rate"), [({1.0: Alert()}, 0.5), ({1.0: Alert()}, 2.0), ({}, 1.0)])
def test_threshold_for_refuses_a_rate_that_was_not_calibrated(stored, rate):
    with pytest.raises(UsageError, match="--false-alerts-per-100"):
        threshold_for(stored, rate)


def test_prior_takes_the_threshold_of_the_rate_asked_for_and_keeps_its_own_without_one():
    prior = replace(
        starting_prior("p", ["PSA"]),
        alert=Alert(threshold=0.8, false_alerts_per_100=5.0),
        alert_calibration={1.0: Alert(0.95, 1.0, 0.3, 600), 5.0: Alert(0.8, 5.0, 0.5, 600)},
    )
    assert with_false_alerts(prior, None).alert.threshold == 0.8
    assert with_false_alerts(prior, 1.0).alert == Alert(0.95, 1.0, 0.3, 600)
    between = with_false_alerts(prior, 2.0).alert
    assert between.false_alerts_per_100 == 2.0
    assert 0.8 < between.threshold < 0.95
    with pytest.raises(UsageError, match="calibrated for 1 to 5"):
        with_false_alerts(prior, 20.0)


def test_prior_keeps_its_calibration_when_saved_and_reads_files_from_before_there_was_one(tmp_path):
    prior = replace(starting_prior("p", ["PSA"]), alert_calibration={1.0: Alert(0.95, 1.0, 0.3, 600)})
    path = prior.save(tmp_path / "p.json")
    assert load_prior(path).alert_calibration == prior.alert_calibration
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["alert_calibration"]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert load_prior(path).alert_calibration == {}
