import json
from dataclasses import replace

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
    VISIBLE_COUNTS,
    alert,
    alert_history,
    calibrated,
    calibrated_thresholds,
    may_alert,
    threshold_for,
    with_false_alerts,
)


def visit(day=100, verdict="plateau", changed=True, risen=False, p=0.9, visible=0.8):
    return pl.DataFrame(
        {
            "day": [day],
            "verdict": [verdict],
            "changed": [changed],
            "sum_risen": [risen],
            "p_turned": [p],
            "p_turned_resistant": [visible],
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


@pytest.mark.parametrize(("visible", "expected"), [(0.3001, True), (0.2999, False)])
def test_alert_needs_a_third_of_its_threshold_of_growth_that_will_show(visible, expected):
    assert visit(p=0.95, visible=visible).select(alert(0.9)).item() is expected


def courses(false_signals, true_signals):
    rows = []
    for index, (false, true) in enumerate(zip(false_signals, true_signals, strict=True)):
        for day, p in ((100, false), (300, true)):
            rows.append((f"C{index}", day, 200.0, p, "plateau", True, False, 0.8))
    return pl.DataFrame(
        rows,
        schema=[
            "patient_id",
            "day",
            "true_turning_day",
            "p_turned",
            "verdict",
            "changed",
            "sum_risen",
            "p_turned_resistant",
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
    """Standing, raised and withdrawn at each visit of one patient; a row is P(turned), P(visible too), allowed."""
    frame = pl.concat(
        [
            visit(day=100 + 21 * index, p=p, visible=visible, changed=allowed)
            for index, (p, visible, allowed) in enumerate(rows)
        ]
    ).with_columns(patient_id=pl.lit("P1"))
    found = alert_history(frame, threshold)
    return [found[name].to_list() for name in ("alert", "raised", "withdrawn")]


LOWER = (0.8 / 0.2 / HYSTERESIS_ODDS) / (1 + 0.8 / 0.2 / HYSTERESIS_ODDS)  # odds 4 over 3: 0.571


def test_alert_stands_until_its_chance_falls_below_the_lower_bound():
    chances = [0.7, 0.8, LOWER + 0.001, LOWER - 0.001, 0.7, 0.8]
    standing, raised, withdrawn = history([(p, 0.8, True) for p in chances])
    assert standing == [False, True, True, False, False, True]
    assert raised == [False, True, False, False, False, True]
    assert withdrawn == [False, False, False, True, False, False]


@pytest.mark.parametrize(("visible", "stands"), [(0.2667, True), (0.2666, False)])
def test_alert_is_withdrawn_when_growth_that_will_show_has_become_improbable(visible, stands):
    assert history([(0.9, 0.8, True), (0.9, visible, True)])[0] == [True, stands]


def test_alert_is_not_withdrawn_by_a_visit_that_could_not_raise_one():
    assert history([(0.9, 0.8, True), (0.9, 0.8, False)])[0] == [True, True]
    assert history([(0.9, 0.8, False), (0.9, 0.8, False)])[0] == [False, False]


def walked(rows, threshold):
    """Slow reference: one visit after the other."""
    odds = threshold / (1 - threshold) / HYSTERESIS_ODDS
    standing, found = False, []
    for p, visible, allowed in rows:
        raises = allowed and VISIBLE_COUNTS * visible >= threshold and p >= threshold
        held = p >= odds / (1 + odds) and VISIBLE_COUNTS * visible >= threshold
        standing = raises or (standing and held)
        found.append(standing)
    return found


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([0.5, 0.8, 0.99]),
)
@settings(max_examples=60)
def test_alert_history_agrees_with_a_walk_over_the_visits(rows, threshold):
    standing, raised, withdrawn = history(rows, threshold)
    assert standing == walked(rows, threshold)
    assert sum(raised) - sum(withdrawn) == standing[-1]


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
