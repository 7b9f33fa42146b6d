import polars as pl
import pytest

from turnpoint.criteria.marker_progression import (
    PROGRESSION_SCHEMA,
    THRESHOLD_SCHEMA,
    UNPUBLISHED_REFERENCE_CHANGE_PCT,
    first_progression,
    progression_threshold,
)
from turnpoint.study.markers import MARKERS

SCHEMA = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "marker": pl.String,
    "value": pl.Float64,
    "upper_limit": pl.Float64,
    "censoring": pl.String,
}


def series(marker, days, values, *, upper=None, patient="P1", censoring=None):
    kinds = censoring or ["none"] * len(days)
    return pl.DataFrame(
        {
            "patient_id": [patient] * len(days),
            "day": days,
            "marker": [marker] * len(days),
            "value": [float(value) for value in values],
            "upper_limit": [upper] * len(days),
            "censoring": kinds,
        },
        schema=SCHEMA,
    )


def thresholds(*args, **kwargs):
    return progression_threshold(series(*args, **kwargs))["threshold"].to_list()


def progression_day(*args, **kwargs):
    found = first_progression(series(*args, **kwargs))["progression_day"].to_list()
    return found[0] if found else None


def test_columns_are_those_of_the_contract():
    frame = series("PSA", [0], [20])
    assert dict(progression_threshold(frame).schema) == THRESHOLD_SCHEMA
    assert dict(first_progression(frame).schema) == PROGRESSION_SCHEMA
    assert first_progression(frame.clear()).is_empty()
    assert progression_threshold(frame.clear()).is_empty()


@pytest.mark.parametrize(("nadir", "bar"), [(20, 25), (8, 10), (4, 6), (0.1, 2.1)])
def test_psa_threshold_is_25_percent_and_2_ng_per_ml_over_the_nadir(nadir, bar):
    assert thresholds("PSA", [0], [nadir]) == pytest.approx([bar])


def test_psa_threshold_follows_the_nadir_down_and_never_up():
    assert thresholds("PSA", [0, 21, 42, 63], [40, 20, 30, 16]) == pytest.approx([50, 25, 25, 20])


@pytest.mark.parametrize(("value", "day"), [(25.0, 42), (24.9, None)])
def test_psa_progresses_at_the_threshold(value, day):
    assert progression_day("PSA", [0, 21, 42], [40, 20, value]) == day


def test_value_before_the_baseline_is_no_nadir():
    # 10 three months before the start, 40 at the start: 30 is a fall.
    assert thresholds("PSA", [-90, 0, 42], [10, 40, 30]) == pytest.approx([12.5, 50, 37.5])
    assert progression_day("PSA", [-90, 0, 42], [10, 40, 30]) is None


def test_baseline_is_the_first_value_when_none_precedes_day_1():
    assert thresholds("PSA", [14, 35], [40, 20]) == pytest.approx([50, 25])


def test_value_below_the_assays_limit_never_progresses():
    days, values = [0, 21, 42], [40, 1, 50]
    assert progression_day("PSA", days, values, censoring=["none", "none", "left"]) is None
    assert progression_day("PSA", days, values, censoring=["none", "none", "right"]) == 42


@pytest.mark.parametrize(
    ("values", "bar"),
    [
        ([20], 70),  # C: normal at baseline: twice the upper limit
        ([35], 70),  # at the limit is normal
        ([200, 30], 70),  # A: has become normal
        ([200, 30, 60], 70),  # A: has been normal
        ([200, 50], 100),  # B: never normal: twice the nadir
        ([36], 72),
        ([200, 50, 90], 100),
    ],
)
def test_ca125_threshold_follows_gcig_categories(values, bar):
    days = [21 * visit for visit in range(len(values))]
    assert thresholds("CA-125", days, values)[-1] == pytest.approx(bar)


def test_ca125_threshold_uses_the_laboratorys_upper_limit():
    assert thresholds("CA-125", [0], [30], upper=30.0) == [60.0]
    assert thresholds("CA-125", [0], [30], upper=29.0) == [60.0]
    assert thresholds("CA-125", [0], [40], upper=50.0) == [100.0]


@pytest.mark.parametrize(("value", "day"), [(70.0, 42), (69.9, None)])
def test_ca125_progresses_at_twice_the_upper_limit_when_it_was_normal(value, day):
    assert progression_day("CA-125", [0, 21, 42], [200, 30, value]) == day


def test_other_marker_threshold_is_twice_its_reference_change_over_the_nadir():
    bar = 10.0 * (1 + 2 * MARKERS["CEA"].reference_change_pct / 100)
    assert thresholds("CEA", [0, 21], [20, 10])[-1] == pytest.approx(bar)
    assert progression_day("CEA", [0, 21, 42], [20, 10, bar]) == 42
    assert progression_day("CEA", [0, 21, 42], [20, 10, bar - 0.01]) is None


def test_unknown_marker_is_given_an_assumed_reference_change():
    assert thresholds("my marker", [0], [10]) == pytest.approx(
        [10 * (1 + 2 * UNPUBLISHED_REFERENCE_CHANGE_PCT / 100)]
    )


def test_patients_and_markers_have_their_own_nadir():
    frame = pl.concat(
        [
            series("PSA", [0, 21], [40, 4]),
            series("PSA", [0, 21], [40, 40], patient="P2"),
            series("CA-125", [0, 21], [200, 100]),
        ]
    )
    found = progression_threshold(frame.sample(fraction=1.0, shuffle=True, seed=1))
    assert found.rows() == [
        ("P1", "CA-125", 0, 400.0),
        ("P1", "CA-125", 21, 200.0),
        ("P1", "PSA", 0, 50.0),
        ("P1", "PSA", 21, 6.0),
        ("P2", "PSA", 0, 50.0),
        ("P2", "PSA", 21, 50.0),
    ]


@pytest.mark.parametrize(("second", "day"), [(28.0, 42), (27.8, None)])
def test_values_of_one_day_count_as_their_mean(second, day):
    # The nadir is 20, the bar 25; 22 and 28 are 25 together.
    found = first_progression(series("PSA", [0, 21, 42, 42], [40, 20, 22, second]))
    assert found["progression_day"].to_list() == ([] if day is None else [day])


def test_larger_upper_limit_counts_when_one_day_has_two():
    frames = [series("CA-125", [0], [30], upper=30.0), series("CA-125", [0], [30], upper=40.0)]
    assert progression_threshold(pl.concat(frames))["threshold"].to_list() == [80.0]
