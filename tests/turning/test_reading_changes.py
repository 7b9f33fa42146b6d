"""What the readings did: both sides of every bound, and the slow way."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.courses import NO_DOSES, readings
from tests.reference import reading_changes as slow
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.series import batches
from turnpoint.turning.detectable import detectable_log_change
from turnpoint.turning.reading_changes import (
    SUM,
    ReadingFacts,
    changes,
    looked_at_by,
    measured,
    reading_facts,
)

PRIOR = starting_prior("any", [SUM_OF_DIAMETERS, "CEA"])
MARKER_SD = detectable_log_change("CEA", PRIOR) / (1.645 * math.sqrt(2))


def batch_of(patients, new_lesions=None):
    """Patients as (lesions, marker): by name (day, mm), and (day, value)."""
    frames = []
    for index, (lesions, marker) in enumerate(patients):
        own = f"P{index}"
        for name, rows in lesions.items():
            if not rows:
                continue
            days, values = zip(*rows, strict=True)
            low = [-1 if value in (0, 5) else 0 for value in values]
            frames.append(
                readings(days, values, patient_id=own, censoring=low).with_columns(part=pl.lit(name))
            )
        if marker:
            days, values = zip(*marker, strict=True)
            frames.append(readings(days, values, "CEA", own))
    frame = pl.concat(frames).sort("patient_id", "quantity", "part", "day")
    return next(batches(frame, NO_DOSES, list(PRIOR.quantities), 100, None, new_lesions))


def facts_of(values, *, every=42, first=0, marker=False, **lesions):
    """The facts at the last visit of one patient; further lesions by name."""

    def rows(values):
        return [(first + every * index, value) for index, value in enumerate(values)]

    own = {} if marker else {"T1": rows(values)} | {name: rows(other) for name, other in lesions.items()}
    batch = batch_of([(own, rows(values) if marker else [])])
    found = reading_facts(batch, PRIOR)
    return {name: getattr(found, name)[0, -1].item() for name in ReadingFacts.__slots__}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((40, 44), False),  # 1.645·√(1.89² + 2.02²) = 4.55 mm
        ((40, 45), True),
        ((10, 12), False),  # 1.645·√(1.08² + 1.11²) = 2.54 mm: a quarter of a small lesion
        ((10, 13), True),
        ((110, 121), False),  # 1.645·√(4.51² + 4.94²) = 11.01 mm: a tenth of a large one
        ((110, 122), True),
        ((5, 7), False),  # too small to measure counts as 5 mm
        ((5, 8), True),
        ((0, 7), False),  # and so does a lesion that is gone
        ((0, 8), True),
        ((60, 40, 44), False),  # above the smallest, not above the one before
        ((60, 40, 45), True),
        ((60, 40, 52), True),
        # 6 mm are 2.13 SDs; the smallest of four equal readings lies 2.16 below one more in 1 of 20
        ((40, 40, 40, 40, 46), False),
        ((40, 40, 40, 40, 47), True),
        ((60, 50, 40, 45), True),  # only one reading cannot be told from the smallest
        ((45, 40), False),
    ],
)
def test_size_has_risen_when_it_stands_above_its_smallest_by_more_than_the_error_of_all_that_compete(
    values, expected
):
    found = facts_of(values)
    assert found["risen"] is expected
    assert found["size_risen"] is expected


def test_three_lesions_and_their_sum_share_the_chance_of_error():
    """6 mm above 40 mm are 2.13 SDs: beyond 1.645, not beyond the 2.24 of four series; 7 mm are 2.46."""
    assert facts_of((40, 46))["risen"]
    assert not facts_of((40, 46), T2=(40, 40), T3=(40, 40))["risen"]
    assert facts_of((40, 47), T2=(40, 40), T3=(40, 40))["risen"]


@pytest.mark.parametrize(
    ("value", "marker_from", "expected"), [(45, 0, False), (46, 0, True), (45, 43, True)]
)
def test_marker_shares_the_chance_of_error_of_what_is_read_from_its_first_value_on(
    value, marker_from, expected
):
    """5 mm above 40 mm are 1.79 SDs and 6 mm are 2.13; the bound is 1.96 with a marker and 1.645 without."""
    batch = batch_of([({"T1": [(0, 40), (42, value)]}, [(marker_from, 20)])])
    assert reading_facts(batch, PRIOR).risen[0, -1].item() is expected


@pytest.mark.parametrize("share", [0.99, 1.01])
def test_rise_of_a_marker_shares_the_chance_of_error_with_a_lesion(share):
    """The marker must rise by 1.96/1.645 of its reference change of 0.7092."""
    value = 20 * math.exp(share * 0.7092 * 1.960 / 1.645)
    batch = batch_of([({"T1": [(0, 40), (84, 40)]}, [(0, 20), (84, value)])])
    assert reading_facts(batch, PRIOR).risen[0, -1].item() is (share > 1)


def test_lesions_count_one_by_one_and_as_a_sum_and_markers_from_their_first_reading_on():
    lesions = {"T1": [(0, 40), (42, 40)], "T2": [(42, 20)]}
    every = list(measured(batch_of([(lesions, [(84, 20)]), ({"T1": [(0, 40)]}, [])]), PRIOR))
    by_size, by_all = looked_at_by(every, np.array([[-1.0, 0.0, 42.0, 84.0]] * 2))
    assert by_size.tolist() == [[0, 1, 2, 2], [0, 1, 1, 1]]
    assert by_all.tolist() == [[0, 1, 3, 4], [0, 1, 1, 1]]


def test_sum_has_risen_when_no_lesion_by_itself_has():
    small = {"T2": (40, 44), "T3": (40, 44)}
    assert facts_of((40, 44), **small)["size_risen"]  # 120 to 132 mm: 12 beyond 2.24·√3·2.77 = 10.7
    assert not facts_of((40, 43), T2=(40, 43), T3=(40, 43))["size_risen"]  # 9 within 2.24·√3·2.74


def test_mixed_response_has_risen_and_fallen():
    found = facts_of((50, 30, 20, 14), T2=(20, 26, 33, 40))
    assert (found["risen"], found["fallen"]) == (True, True)


@pytest.mark.parametrize(
    ("values", "other", "expected"),
    [
        ((80, 60, 40, 20), (20, 20, 21, 22), True),
        ((80, 60, 40, 20), (20, 24, 28, 32), False),  # the sum is, but a lesion has risen
        ((40, 40, 40, 35), (100, 100, 100, 104), False),  # one lesion is, nothing has risen
    ],
)
def test_size_is_at_its_lowest_when_the_sum_is_and_no_lesion_has_risen(values, other, expected):
    assert facts_of(values, T2=other)["new_lowest"] is expected


@pytest.mark.parametrize(("first", "expected"), [(35, False), (36, True)])
def test_rise_of_a_marker_counts_from_the_eighth_week_on(first, expected):
    assert facts_of((20, 60), every=20, first=first, marker=True)["risen"] is expected


@pytest.mark.parametrize(("factor", "expected"), [(0.98, False), (1.02, True)])
def test_marker_has_risen_by_more_than_its_reference_change(factor, expected):
    value = 20 * math.exp(factor * 0.7092)  # CEA: 72.6 % of a log-normal value
    found = facts_of((20, value), every=100, marker=True)
    assert found["risen"] is expected
    assert found["size_risen"] is False


@pytest.mark.parametrize(
    ("values", "every", "expected"),
    [
        ((40, 36), 42, False),  # 1.645·√(1.89² + 1.75²) = 4.24 mm
        ((40, 35), 42, True),
        ((40, 35), 105, True),  # an eighth in 15 weeks: the volume would halve in 25.96
        ((40, 35), 106, False),  # and in 26.2
        ((40, 36, 36), 42, False),
        ((40, 35, 35), 42, True),  # twelve weeks ago it was 40 mm: 1.96 SDs, beyond the 1.92 of two readings
        ((40, 33, 33, 33), 42, False),  # the fall is longer ago than a quarter of a year
        ((40, 20), 140, True),  # the visit before counts however long ago it was
        ((60, 54), 42, True),  # 1.70 SDs
        ((60, 60, 54), 42, False),  # the largest of two equal readings: 1.92 SDs
        ((60, 60, 53), 42, True),  # 2.00 SDs
        ((50, 30, 36), 42, False),  # risen
        ((50, 30, 33), 42, True),  # risen no more than by error, and lower than three months ago
        ((12, 10), 42, False),
        ((12, 9), 42, True),
    ],
)
def test_size_has_fallen_when_it_did_lately_beyond_error_and_faster_than_a_plateau(values, every, expected):
    assert facts_of(values, every=every)["fallen"] is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [((40,), False), ((40, 36), False), ((40, 35), True), ((40, 30, 34), False), ((40, 30, 26), True)],
)
def test_size_is_at_a_new_lowest_when_below_every_reading_before_by_more_than_error(values, expected):
    assert facts_of(values)["new_lowest"] is expected


def test_change_stays_changed():
    assert [facts_of(values)["changed"] for values in ((40,), (40, 44), (40, 45), (40, 45, 42))] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("day", "expected"), [(83, [False, True]), (84, [False, True]), (85, [False, False])]
)
def test_new_lesion_counts_as_a_rise_of_size_from_the_day_it_is_certain(day, expected):
    batch = batch_of([({"T1": [(42, 40), (84, 30)]}, [])], {"P0": float(day)})
    found = reading_facts(batch, PRIOR)
    assert found.risen[0].tolist() == expected
    assert found.size_risen[0].tolist() == expected


def test_series_keeps_what_it_did_until_it_is_read_again():
    lesions = {"T1": [(0, 40), (42, 50), (84, 40)], "T2": [(day, 20) for day in (0, 42, 63, 84)]}
    found = reading_facts(batch_of([(lesions, [])]), PRIOR)
    assert found.risen[0].tolist() == [False, True, True, False]


def test_series_falls_and_is_at_its_lowest_for_thirteen_weeks_after_it_was_read():
    lesions, marker = {"T1": [(0, 40), (42, 30)]}, [(day, 20) for day in (0, 42 + 91, 42 + 92)]
    found = reading_facts(batch_of([(lesions, marker)]), PRIOR)
    assert found.fallen[0].tolist() == [False, True, True, False]
    assert found.new_lowest[0].tolist() == [False, True, True, False]
    assert found.changed[0].tolist() == [False, True, True, True]


def test_sum_is_read_only_where_every_lesion_is():
    batch = batch_of([({"T1": [(0, 40), (42, 30), (84, 20)], "T2": [(0, 20), (84, 15)]}, [])])
    *_, total = [own for own in measured(batch, PRIOR) if own.is_diameter]
    assert total.part == SUM
    assert total.length.tolist() == [2]
    assert total.day[0].tolist() == [0, 84]
    assert total.value[0].tolist() == [60, 35]
    expected = [math.hypot(math.hypot(0.04 * a, 1), math.hypot(0.04 * b, 1)) for a, b in ((40, 20), (20, 15))]
    np.testing.assert_allclose(total.sd[0], expected)


def test_sum_of_more_lesions_begins_anew_and_leaves_those_before_it():
    lesions = {"T2": [(0, 40), (42, 30), (84, 29), (126, 28)], "T1": [(84, 20), (126, 21)]}
    batch = batch_of([(lesions, [])])
    *_, total = [own for own in measured(batch, PRIOR) if own.is_diameter]
    assert total.value[0].tolist() == [40, 30, 49, 49]
    assert total.lesions[0].tolist() == [1, 1, 2, 2]
    found = reading_facts(batch, PRIOR)
    assert found.risen[0].tolist() == [False] * 4
    assert found.new_lowest[0].tolist() == [False, True, False, False]  # of the sum of T1 and T2 nothing fell


def test_sum_of_fewer_lesions_than_are_known_says_nothing_any_more():
    lesions = {"T1": [(0, 40), (42, 47)], "T2": [(0, 20), (42, 20)], "T3": [(63, 10)]}
    found = reading_facts(batch_of([(lesions, [])]), PRIOR)
    assert found.risen[0].tolist() == [False, True, True]  # T1 by itself
    lesions = {name: [(0, 40), (42, 44)] for name in ("T1", "T2", "T4")} | {"T3": [(63, 10)]}
    found = reading_facts(batch_of([(lesions, [])]), PRIOR)
    assert found.risen[0].tolist() == [False, True, False]  # only their sum had


def test_changes_are_told_in_sds_of_the_difference_of_two_readings():
    batch = batch_of([({"T1": [(0, 60), (42, 40), (84, 46)]}, [])])
    (lesion, *_) = measured(batch, PRIOR)
    found = changes(lesion, np.ones((1, 3), dtype=int))
    sd = [math.hypot(0.04 * mm, 1) for mm in (60, 40, 46)]
    expected = [0.0, -20 / math.hypot(sd[0], sd[1]), 6 / math.hypot(sd[1], sd[2])]
    np.testing.assert_allclose(found.since_previous[0], expected)
    np.testing.assert_allclose(found.above_smallest[0], [0.0, 0.0, expected[2]])


SIZES = st.sampled_from([0, 5, 6, 8, 9, 10, 11, 12, 14, 17, 20, 24, 28, 33, 40, 45, 50, 60, 72, 110])
GAPS = st.sampled_from([14, 21, 42, 49, 56, 84, 100])


@st.composite
def any_patient(draw):
    """Up to three lesions, some first read late, not all at every visit after it, and a marker."""
    days = [draw(st.sampled_from([-14, 0, 30]))]
    for gap in draw(st.lists(GAPS, max_size=8)):
        days.append(days[-1] + gap)
    lesions = {}
    for name in ("T3", "T1", "T2")[: draw(st.integers(0, 3))]:
        first = draw(st.sampled_from([0, 0, 0, 2, 4]))
        left_out = draw(st.sets(st.sampled_from(days[1:]), max_size=2)) if days[1:] else set()
        lesions[name] = [(day, draw(SIZES)) for day in days[first:] if day not in left_out]
    lesions = {name: rows for name, rows in lesions.items() if rows}
    marker = [
        (day, draw(st.sampled_from([1, 2, 3, 5, 8, 13, 21, 34, 55]))) for day in days if draw(st.booleans())
    ]
    if not lesions and not marker:
        lesions["T1"] = [(days[0], 40)]
    appears = draw(st.none() | st.sampled_from([40.0, 150.0]))
    return lesions, marker, appears


@given(st.lists(any_patient(), min_size=1, max_size=4))
@settings(max_examples=150)
def test_facts_agree_with_the_slow_way_patient_by_patient(patients):
    new_lesions = {f"P{i}": appears for i, (_, _, appears) in enumerate(patients) if appears is not None}
    batch = batch_of([own[:2] for own in patients], new_lesions)
    found = reading_facts(batch, PRIOR)
    for patient, (lesions, marker, appears) in enumerate(patients):
        for visit in range(batch.visits[patient]):
            day = batch.day[patient, visit]
            expected = slow.facts(
                lesions, {"CEA": (MARKER_SD, marker)}, day, math.inf if appears is None else appears
            )
            for name, value in expected.items():
                assert getattr(found, name)[patient, visit] == value, (patient, visit, name)


@given(any_patient(), st.integers(1, 3))
@settings(max_examples=60)
def test_later_visits_change_no_fact(patient, dropped):
    lesions, marker, appears = patient
    days = sorted({day for rows in [*lesions.values(), marker] for day, _ in rows})
    kept = days[:-dropped]
    if not kept:
        return
    new_lesions = {} if appears is None else {"P0": appears}
    cut = {name: [row for row in rows if row[0] <= kept[-1]] for name, rows in lesions.items()}
    shorter = [row for row in marker if row[0] <= kept[-1]]
    whole, part = (
        reading_facts(batch_of([own], new_lesions), PRIOR) for own in ((lesions, marker), (cut, shorter))
    )
    for name in ReadingFacts.__slots__:
        np.testing.assert_array_equal(getattr(whole, name)[:, : len(kept)], getattr(part, name))


@given(st.floats(0.01, 1000.0))
def test_unit_of_a_marker_changes_no_fact(scale):
    values = (40, 12, 8, 9, 20, 33)
    assert facts_of(values, marker=True) == facts_of([scale * value for value in values], marker=True)
