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
    early_alerts_per_100,
    first_alerts,
    may_alert,
    signal,
    threshold_for,
    with_false_alerts,
)


def visit(
    day=100, p=0.9, *, values=3, new_lowest=False, higher=True, size_higher=False, met=False, shrinks=0.1
):
    return pl.DataFrame(
        {
            "day": [day],
            "informative_values": [values],
            "new_lowest": [new_lowest],
            "higher": [higher],
            "size_higher": [size_higher],
            "p_progression_24w": [p],
            "met": [met],
            "p_shrinking": [shrinks],
        },
        schema_overrides={"p_progression_24w": pl.Float64},
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (visit(), True),
        (visit(values=2), True),  # a clear rise at the second reading
        (visit(values=1), False),
        (visit(higher=False), False),  # nothing stands above its smallest value
        (visit(new_lowest=True), False),
        (visit(shrinks=0.4999), True),
        (visit(shrinks=0.5), False),  # a marker that falls again after a surge
        (visit(day=55), False),  # a marker alone in the first eight weeks may be a surge
        (visit(day=56), True),
        (visit(day=55, size_higher=True), True),
        (visit(day=55, size_higher=True, new_lowest=True), False),
    ],
)
def test_alert_is_allowed_only_when_the_data_can_carry_one(row, expected):
    assert row.select(may_alert()).item() is expected


@pytest.mark.parametrize(("p", "expected"), [(0.9, True), (0.8999, False), (None, False)])
def test_alert_is_raised_at_its_threshold(p, expected):
    assert visit(p=p).select(alert(0.9)).item() is expected


@given(st.floats(0.0, 1.0), st.integers(56, 400))
def test_signal_is_the_chance_of_progression_where_something_is_higher_and_0_where_nothing_is(p, day):
    rows = [visit(day, p, higher=higher).select(signal()).item() for higher in (True, False)]
    assert rows == [p, 0.0]


def patients(signals, *, progression_days=None, last_day=400):
    """One patient a signal, with it at day 100 and nothing at day 56."""
    days = progression_days or [None] * len(signals)
    rows = [
        visit(day, own if day == 100 else 0.0).with_columns(
            patient_id=pl.lit(f"P{index}"),
            progression_day=pl.lit(progression, pl.Int64),
            last_day=pl.lit(last_day),
        )
        for index, (own, progression) in enumerate(zip(signals, days, strict=True))
        for day in (56, 100)
    ]
    return pl.concat(rows)


@pytest.mark.parametrize(
    ("progression_day", "last_day", "followed", "unfollowed"),
    [
        (100 + 175, 400, True, False),  # 24 weeks and one to be late
        (100 + 176, 400, False, True),
        (None, 100 + 84, False, True),  # seen for 12 weeks
        (None, 100 + 83, False, False),
        (101, 101, True, False),
    ],
)
def test_alert_is_followed_by_progression_within_24_weeks_or_not_or_not_seen_for_long_enough(
    progression_day, last_day, followed, unfollowed
):
    seen = patients([0.9], progression_days=[progression_day], last_day=last_day)
    (row,) = first_alerts(seen, 0.5).iter_rows(named=True)
    assert (row["day"], row["followed"], row["unfollowed"]) == (100, followed, unfollowed)


def test_alert_on_the_day_of_progression_is_none_before_it():
    assert first_alerts(patients([0.9], progression_days=[100]), 0.5).is_empty()


def test_calibrated_threshold_lets_exactly_the_allowed_patients_through():
    signals = np.linspace(0.50, 0.89, 40)
    found = calibrated(patients(signals), 5.0)
    assert (signals >= found.threshold).sum() == 2  # 5 % of 40
    assert (found.false_alerts_per_100, found.followed, found.unfollowed, found.patients) == (5.0, 0, 2, 40)


def test_followed_alerts_cost_nothing():
    signals = np.linspace(0.50, 0.89, 40)
    found = calibrated(patients(signals, progression_days=[150] * 40), 0.0)
    assert (found.followed, found.unfollowed, found.false_alerts_per_100) == (40, 0, 0.0)


@given(
    st.lists(st.floats(0.0, 1.0), min_size=5, max_size=30),
    st.sampled_from([0.0, 1.0, 5.0, 10.0, 50.0]),
)
@example([0.0, 0.0, 0.0, 0.0, 0.7152], 0.0)
@settings(max_examples=40)
def test_calibrated_rate_is_never_above_what_was_asked_below_the_highest_threshold(signals, rate):
    found = calibrated(patients(np.minimum(signals, 0.98)), rate)
    assert found.false_alerts_per_100 <= rate + 1e-9
    assert 0.05 <= found.threshold <= 0.99


def test_early_alerts_are_those_before_the_true_turning_point():
    seen = patients([0.9, 0.9, 0.3, 0.9]).with_columns(
        true_turning_day=pl.col("patient_id").replace_strict({"P0": 101, "P1": 100, "P2": 300, "P3": 50})
    )
    assert early_alerts_per_100(seen, 0.5) == 25.0


def history(rows, threshold=0.8):
    """Standing, raised and withdrawn at each visit of one patient; a row is P(progression), is higher."""
    frame = pl.concat(
        [visit(day=100 + 21 * index, p=p, higher=higher) for index, (p, higher) in enumerate(rows)]
    ).with_columns(patient_id=pl.lit("P1"))
    found = alert_history(frame, threshold)
    return [found[name].to_list() for name in ("alert", "raised", "withdrawn")]


LOWER = (0.8 / 0.2 / HYSTERESIS_ODDS) / (1 + 0.8 / 0.2 / HYSTERESIS_ODDS)  # odds 4 over 3: 0.571


def test_alert_stands_until_its_chance_falls_below_the_lower_bound():
    chances = [0.7, 0.8, LOWER + 0.001, LOWER - 0.001, 0.7, 0.8]
    standing, raised, withdrawn = history([(p, True) for p in chances])
    assert standing == [False, True, True, False, False, True]
    assert raised == [False, True, False, False, False, True]
    assert withdrawn == [False, False, False, True, False, False]


def test_alert_is_withdrawn_when_nothing_stands_above_its_smallest_any_more():
    standing, _, withdrawn = history([(0.9, True), (0.9, False), (0.9, False)])
    assert standing == [True, False, False]
    assert withdrawn == [False, True, False]


def test_alert_is_withdrawn_when_the_burden_probably_shrinks():
    frame = pl.concat([visit(), visit(121, shrinks=0.4999), visit(142, shrinks=0.5)])
    found = alert_history(frame.with_columns(patient_id=pl.lit("P1")), 0.8)
    assert found["alert"].to_list() == [True, True, False]


def test_alert_is_not_withdrawn_by_a_visit_without_a_chance():
    assert history([(0.9, True), (None, True)])[0] == [True, True]
    assert history([(None, True), (None, True)])[0] == [False, False]


def test_met_criterion_raises_an_alert_as_long_as_the_readings_allow_one():
    frame = pl.concat(
        [
            visit(p=0.1, higher=False),
            visit(121, None, met=True),
            visit(142, None, met=True),
            visit(163, None, new_lowest=True, met=True),
        ]
    )
    found = alert_history(frame.with_columns(patient_id=pl.lit("P1")), 0.8)
    assert found["alert"].to_list() == [False, True, True, False]


def test_each_row_may_have_a_threshold_of_its_own():
    frame = pl.concat([visit(p=0.6), visit(121, 0.6)]).with_columns(
        patient_id=pl.lit("P1"), threshold=pl.Series([0.7, 0.6])
    )
    assert alert_history(frame, pl.col("threshold"))["alert"].to_list() == [False, True]


def walked(rows, threshold):
    """Slow reference: one visit after the other, all of them past the first eight weeks."""
    standing, found = False, []
    for p, higher in rows:
        if not higher:
            standing = False
        elif p >= threshold:
            standing = True
        elif p / max(1 - p, 1e-15) < threshold / (1 - threshold) / 3:  # three times less likely than not
            standing = False
        found.append(standing)
    return found


# kept off the bounds themselves, where odds and chances may differ in the last digit
CHANCES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000 + 0.0003).map(lambda p: min(p, 1.0))


@given(
    st.lists(st.tuples(CHANCES, st.booleans()), min_size=1, max_size=12),
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
    found = calibrated_thresholds(patients(np.linspace(0.0, 0.98, 200)), (10.0, 1.0, 5.0))
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
        alert_calibration={1.0: Alert(0.95, 1.0, 30, 6, 600), 5.0: Alert(0.8, 5.0, 50, 30, 600)},
    )
    assert with_false_alerts(prior, None).alert.threshold == 0.8
    assert with_false_alerts(prior, 1.0).alert == Alert(0.95, 1.0, 30, 6, 600)
    between = with_false_alerts(prior, 2.0).alert
    assert between.false_alerts_per_100 == 2.0
    assert 0.8 < between.threshold < 0.95
    with pytest.raises(UsageError, match="calibrated for 1 to 5"):
        with_false_alerts(prior, 20.0)


def test_prior_keeps_its_calibration_when_saved_and_reads_files_from_before_there_was_one(tmp_path):
    prior = replace(starting_prior("p", ["PSA"]), alert_calibration={1.0: Alert(0.95, 1.0, 30, 6, 600)})
    path = prior.save(tmp_path / "p.json")
    assert load_prior(path).alert_calibration == prior.alert_calibration
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["alert_calibration"]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert load_prior(path).alert_calibration == {}
