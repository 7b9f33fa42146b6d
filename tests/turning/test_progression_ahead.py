"""When a criterion will be met: against the criteria themselves on whole series, and by law."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.courses import NO_DOSES, batch_of, particle, readings
from tests.model.test_treatment import doses
from tests.workflows.studies import study_of
from turnpoint.criteria.marker_progression import first_progression
from turnpoint.model.filter import posteriors_of_batch
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import Prior
from turnpoint.model.series import readings_of
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.turning.progression_ahead import (
    DrawsAhead,
    bar_set_by,
    draws_ahead,
    exposure_ahead,
    first_progression_days,
    hazard_ratio,
    progression_ahead,
    visits_ahead,
)

DAYS = np.arange(0, 42 * 9, 42)


def certain_posterior(days, values, table=NO_DOSES, **natural):
    """The posterior at the last visit of a patient whose parameters are all but known."""
    start = starting_prior("certain", [SUM_OF_DIAMETERS])
    prior = Prior(
        start.name,
        start.quantities,
        particle(**natural),
        np.eye(start.dimensions) * 1e-8,
        start.floor_persistence,
        start.visit_gap_weeks,
    )
    batch = batch_of(readings(days, values), doses=table)
    (found,) = posteriors_of_batch(batch, prior, prior.bank(256, 0), draws=400)
    return found.at(np.array([len(days) - 1])), prior


def random_courses(patients, seed=0):
    """Values of a random walk, shape (patients, visits), rounded as they would be written."""
    steps = np.random.default_rng(seed).normal(0.0, 0.3, (patients, len(DAYS)))
    return np.round(20.0 * np.exp(np.cumsum(steps, axis=1)), 1)


def from_the_second_value(quantity, values, upper_limit=None):
    """First progression of each course, the first value being the baseline: nan where there is none."""
    days = np.broadcast_to(np.array(DAYS[1:], dtype=float), values[:, 1:].shape)
    bar = bar_set_by(quantity, values[:, 0], upper_limit)
    first = first_progression_days(quantity, values[:, 1:, None], days, bar, upper_limit)[:, 0]
    return np.where(np.isinf(first), np.nan, first)


@pytest.mark.parametrize(("marker", "unit"), [("PSA", "ng/mL"), ("CA-125", "U/mL"), ("CEA", "ng/mL")])
def test_first_day_is_that_of_the_marker_criterion_on_whole_series(marker, unit):
    values = random_courses(60) * (1.5 if marker == "CA-125" else 1.0)
    rows = ["patient_id,day,marker,value,unit"] + [
        f"P{row:03d},{day},{marker},{value},{unit}"
        for row, course in enumerate(values)
        for day, value in zip(DAYS, course, strict=True)
    ]
    study = study_of(markers="\n".join(rows))
    expected = (
        pl.DataFrame({"patient_id": [f"P{row:03d}" for row in range(60)]})
        .join(first_progression(study.markers), on="patient_id", how="left", maintain_order="left")
        .select(pl.col("progression_day").cast(pl.Float64).fill_null(np.nan))
        .to_series()
        .to_numpy()
    )
    assert 10 < np.isfinite(expected).sum() < 60
    np.testing.assert_array_equal(from_the_second_value(marker, values), expected)


def test_first_day_is_that_of_recist_on_whole_series_of_sums():
    values = np.maximum(np.round(random_courses(60, seed=1)), 6.0)
    rows = ["patient_id,day,lesion_id,role,diameter_mm,status"] + [
        f"P{row:03d},{day},T1,target,{value},measured"
        for row, course in enumerate(np.minimum(values, 400.0))
        for day, value in zip(DAYS, course, strict=True)
    ]
    study = study_of(lesions="\n".join(rows))
    met = progression_thresholds(readings_of(study), study.markers).filter(pl.col("threshold").is_null())
    expected = (
        pl.DataFrame({"patient_id": [f"P{row:03d}" for row in range(60)]})
        .join(met.group_by("patient_id").agg(pl.col("day").min()), on="patient_id", how="left")
        .sort("patient_id")
        .select(pl.col("day").cast(pl.Float64).fill_null(np.nan))
        .to_series()
        .to_numpy()
    )
    assert 10 < np.isfinite(expected).sum() < 60
    np.testing.assert_array_equal(
        from_the_second_value(SUM_OF_DIAMETERS, np.minimum(values, 400.0)), expected
    )


def test_bar_of_ca_125_is_twice_the_upper_limit_once_the_value_is_normal_and_twice_the_value_before():
    np.testing.assert_allclose(bar_set_by("CA-125", np.array([10.0, 35.0, 36.0, 80.0])), [70, 70, 72, 160])
    np.testing.assert_allclose(bar_set_by("CA-125", np.array([10.0, 30.0]), 20.0), [40, 60])


def test_bar_of_a_sum_counts_the_1_mm_of_absent_lesions_as_0_mm():
    np.testing.assert_allclose(bar_set_by(SUM_OF_DIAMETERS, np.array([1.0, 25.0, 50.0])), [5, 30, 60])


def test_bar_falls_with_each_draw_that_still_shrinks():
    # 75 is progression after 60 and not after 100
    values = np.array([[[60.0, 100.0], [75.0, 75.0]]])
    first = first_progression_days("PSA", values, np.array([[21.0, 42.0]]), np.array([125.0]))
    np.testing.assert_array_equal(first, [[42.0, np.inf]])


@pytest.mark.parametrize(("value", "called"), [(59.9, False), (60.0, True)])
def test_progression_is_called_at_the_bar_and_not_below_it(value, called):
    first = first_progression_days(
        SUM_OF_DIAMETERS, np.array([[[value]]]), np.array([[42.0]]), np.array([60.0])
    )
    assert np.isfinite(first).all() == called


def test_value_up_to_day_0_is_a_new_baseline_and_calls_nothing():
    values, days = np.array([[[90.0], [100.0], [108.0]]]), np.array([[-7.0, 42.0, 84.0]])
    first = first_progression_days(SUM_OF_DIAMETERS, values, days, np.array([60.0]))
    assert first[0, 0] == 84.0  # 1.2 x 90 mm


def test_visits_are_planned_in_whole_weeks_and_reach_the_horizon():
    np.testing.assert_array_equal(visits_ahead(np.array([6.14]), weeks=12), [[42, 84]])
    np.testing.assert_array_equal(visits_ahead(np.array([0.2]), weeks=2), [[7, 14]])
    assert visits_ahead(np.array([9.0, 6.0])).min(axis=0)[-1] >= 7 * 104


def test_exposure_ahead_goes_on_as_it_is_at_the_visit():
    on, _ = certain_posterior([0, 42], [50, 40], doses((0, "a", "start")))
    off, _ = certain_posterior([0, 42], [50, 40], doses((0, "a", "start"), (28, "a", "stop")))
    ahead = np.array([[42.0]])
    assert [float(weeks[0, 0]) for weeks in exposure_ahead(on, ahead)] == pytest.approx([12.0, 0.0])
    assert [float(weeks[0, 0]) for weeks in exposure_ahead(off, ahead)] == pytest.approx([4.0, 8.0])


def drawn_days(first_day, bar=50.0, gap=42.0):
    """Draws at one row on day 100."""
    first = np.asarray(first_day, dtype=float)[None]
    days = 100.0 + gap * np.arange(1, 19)[None]
    return DrawsAhead(days, np.zeros_like(first), first, np.array([100.0]), np.array([bar]))


def test_chances_are_shares_of_the_draws_and_days_their_quantiles_when_the_ratio_is_1():
    first = np.repeat([142.0, 184.0, 268.0, 310.0, np.inf], 20)
    found = progression_ahead(drawn_days(first))
    np.testing.assert_allclose(found.chance, [[0.2, 0.4, 0.6]])
    np.testing.assert_array_equal(found.day, [[142.0, 268.0, np.inf]])
    np.testing.assert_array_equal(found.day[0], np.quantile(first, [0.05, 0.5, 0.95], method="inverted_cdf"))


def test_chance_at_the_next_visit_is_the_one_asked_for_when_hazards_are_matched():
    drawn = drawn_days(np.repeat([142.0, 184.0, np.inf], [20, 30, 50]))
    for wanted in (0.1, 0.2, 0.4):
        ratio = hazard_ratio(np.array([wanted]), drawn.next_chance)
        found = progression_ahead(drawn, ratio)
        assert found.chance[0, 0] == pytest.approx(wanted)
        assert (wanted <= 0.2) == (found.chance[0, 1] <= 0.5 + 1e-9)


def test_hazard_ratio_is_1_when_one_of_the_chances_is_sure_and_within_4():
    wanted, given_ = np.array([0.0, 0.3, 1.0, 0.3, 0.9999, 0.0001]), np.array([0.3, 0.0, 0.3, 1.0, 0.1, 0.5])
    np.testing.assert_allclose(hazard_ratio(wanted, given_), [1, 1, 1, 1, 4, 0.25])


@given(
    first=st.lists(st.sampled_from([142.0, 184.0, 268.0, 394.0, np.inf]), min_size=5, max_size=40),
    ratios=st.tuples(st.floats(0.25, 4.0), st.floats(0.25, 4.0)),
)
def test_chance_grows_with_the_horizon_and_the_hazard_and_days_come_sooner(first, ratios):
    low, high = (progression_ahead(drawn_days(first), ratio) for ratio in sorted(ratios))
    assert (np.diff(low.chance[0]) >= 0).all()
    assert (high.chance >= low.chance - 1e-12).all()
    assert (high.day <= low.day).all()
    assert (low.day[0, :-1] <= low.day[0, 1:]).all()


def test_nothing_is_forecast_when_the_criterion_has_been_met():
    found = progression_ahead(drawn_days([142.0, np.inf], bar=np.nan))
    assert np.isnan(found.chance).all()
    assert np.isnan(found.day).all()


def test_chance_is_missing_when_no_visit_is_due_by_the_horizon():
    found = progression_ahead(drawn_days([163.0, np.inf], gap=63.0))
    np.testing.assert_array_equal(found.chance, [[np.nan, 0.5, 0.5]])


def test_day_later_than_two_years_is_beyond():
    found = progression_ahead(drawn_days([100.0 + 7 * 104, 100.0 + 7 * 104 + 1.0]))
    np.testing.assert_array_equal(found.day, [[828.0, 828.0, np.inf]])


def test_growing_tumour_progresses_on_the_day_the_growth_rate_says():
    # d(log diameter)/dt = g/3: 20 % after 3·ln(1.2)/0.1 = 5.5 weeks, so at the visit in 6 weeks
    calm = {
        "sd_drift": 1e-3,
        "sd_reading": 1e-3,
        "jump": 1e-6,
        "repeat": 1e-6,
        "background": 1e-6,
        "surge": 1e-6,
    }
    posterior, prior = certain_posterior([0, 42], [50, 61], g=0.1, fraction=1 - 1e-9, **calm)
    drawn = draws_ahead(posterior, prior, SUM_OF_DIAMETERS, np.array([73.2]), np.array([2.0]))
    np.testing.assert_array_equal(progression_ahead(drawn).day, [[84.0] * 3])


def test_shrinking_tumour_is_called_sooner_than_by_the_bar_of_today_when_its_smallest_sum_is_carried_on():
    # the tumour falls to its nadir and rises: with the bar of today it would have to pass today's size
    calm = {"sd_drift": 1e-3, "sd_reading": 1e-3, "jump": 1e-6, "repeat": 1e-6, "background": 1e-6}
    posterior, prior = certain_posterior([0, 42], [100, 80], d=0.15, g=0.05, fraction=0.1, **calm)
    drawn = draws_ahead(posterior, prior, SUM_OF_DIAMETERS, np.array([96.0]), np.array([6.0]))
    weeks = np.arange(0, 200, 6.0)
    sizes = (0.9 * np.exp(-0.15 * weeks) + 0.1 * np.exp(0.05 * weeks)) ** (1 / 3)
    sums = sizes * 80 / sizes[1]
    smallest = np.minimum.accumulate(sums)
    expected = next(
        week
        for i, week in enumerate(weeks)
        if i > 1 and sums[i] >= max(1.2 * smallest[i - 1], smallest[i - 1] + 5)
    )
    against_today = next(week for i, week in enumerate(weeks) if i > 1 and sums[i] >= 96.0)
    assert progression_ahead(drawn).day[0, 1] == 7 * expected
    assert expected < against_today
