"""Trend, dates and causes for particles whose truth is known exactly."""

import numpy as np
import pytest

from tests.model.courses import NO_DOSES, batch_of, particle, readings
from tests.reference.judge_reference import judge as slow_judge
from turnpoint.model.filter import posteriors_of_batch
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import batches
from turnpoint.model.weighing import weigh, weighted_visits
from turnpoint.turning.detectable import detectable_log_burden
from turnpoint.turning.state import Judgement, judge
from turnpoint.turning.tables import VISIBLE_WITHIN_WEEKS, Tables


def certain_prior(quantity=SUM_OF_DIAMETERS, **natural) -> Prior:
    """A prior that is all but certain of one particle, so that the posterior is that particle."""
    start = starting_prior("certain", [quantity])
    covariance = np.eye(start.dimensions) * 1e-8
    return Prior(
        start.name,
        start.quantities,
        particle(quantity, **natural),
        covariance,
        start.floor_persistence,
        start.visit_gap_weeks,
    )


def judged(days, values, quantity=SUM_OF_DIAMETERS, censoring=None, doses=NO_DOSES, **natural):
    prior = certain_prior(quantity, **natural)
    batch = batch_of(readings(days, values, quantity, censoring=censoring), (quantity,), doses)
    refiner = Refiner.of(prior, prior.bank(256, 0), 0)
    ((_, _, weighted),) = refiner.visits(batch, levels=False)
    return judge(weighted, Tables(prior, refiner.bank)), weighted.bank, prior


TRENDS = ("shrinking", "staying", "growing")


def trends(found):
    """The most probable trend at each visit."""
    return [TRENDS[row.argmax()] for row in found.p_trend]


def own_course(days, **natural):
    """What the certain particle itself would read on these days, without error, from 50 mm."""
    prior = certain_prior(**natural)
    bank = Refiner.of(prior, prior.bank(256, 0), 0).bank
    weeks, zero = np.array(days, dtype=float)[:, None] / 7, np.zeros((len(days), 1))
    signal = bank.readings[SUM_OF_DIAMETERS].log_signal(bank.dynamics.log_burden(weeks, zero)).mean(axis=1)
    return [50 * float(size) for size in np.exp(signal - signal[0])]


def test_trend_is_shrinking_then_staying_then_growing_along_one_course():
    days, natural = list(range(0, 400, 21)), {"d": 0.15, "g": 0.04, "fraction": 0.1}
    found, bank, _ = judged(days, own_course(days, **natural), **natural)
    named = trends(found)
    assert [name for i, name in enumerate(named) if i == 0 or name != named[i - 1]] == list(TRENDS)
    np.testing.assert_allclose(found.p_trend.sum(axis=1), 1.0)
    turning = bank.dynamics.turning_week(np.zeros(1), np.zeros(1)).mean() * 7
    at_turn = np.searchsorted(days, turning)
    assert named[at_turn] == "staying"


@pytest.mark.parametrize(
    ("halving_weeks", "expected"), [(25.5, "shrinking"), (26.5, "staying"), (200.0, "staying")]
)
def test_trend_is_shrinking_only_when_the_burden_halves_within_half_a_year(halving_weeks, expected):
    d = np.log(2) / halving_weeks
    found, _, _ = judged([0, 42], [50, 50], d=d, fraction=1e-9, background=1e-9)
    assert trends(found)[-1] == expected


@pytest.mark.parametrize(("doubling_weeks", "expected"), [(25.5, "growing"), (26.5, "staying")])
def test_trend_is_growing_only_when_the_burden_doubles_within_half_a_year(doubling_weeks, expected):
    g = np.log(2) / doubling_weeks
    found, _, _ = judged([0, 42], [50, 50], d=0.5, g=g, fraction=0.9999, background=1e-9)
    assert trends(found)[-1] == expected


def test_trend_is_the_tumours_own_whatever_is_read_how_well_and_how_often():
    natural = {"d": np.log(2) / 25, "fraction": 1e-9, "background": 0.3}
    for quantity, reading in ((SUM_OF_DIAMETERS, {}), ("CEA", {}), ("CEA", {"sd_reading": 0.5})):
        for gap in (21, 84):
            found, _, _ = judged([0, gap], [50, 50], quantity, **natural, **reading)
            assert found.p_trend[-1, 0] == pytest.approx(1.0)


def test_course_that_rests_never_turns_and_never_grows():
    days = list(range(0, 400, 42))
    found, _, _ = judged(days, [50] * len(days), d=0.15, g=0.3, fraction=0.3, dormancy=8.0)
    np.testing.assert_allclose(found.p_never, 1.0, atol=1e-6)
    np.testing.assert_allclose(found.p_turned, 0.0)
    np.testing.assert_allclose(found.p_trend[:, 2], 0.0, atol=1e-6)
    np.testing.assert_allclose(found.turning_day, 3650.0)
    np.testing.assert_allclose(found.regrowth_day, 3650.0)
    assert found.p_cause[-1, 1] == pytest.approx(1.0)  # what rests looks like a scar


def test_course_that_turns_within_sight_is_none_that_never_does():
    found, _, _ = judged([0, 42], [50, 40], d=0.15, g=0.04, fraction=0.1)
    np.testing.assert_allclose(found.p_never, 0.0)


def test_probability_that_it_has_turned_steps_from_0_to_1_at_the_turning_point():
    days = list(range(0, 400, 21))
    found, bank, _ = judged(days, [50] * len(days), d=0.15, g=0.04, fraction=0.1)
    turning = bank.dynamics.turning_week(np.zeros(1), np.zeros(1)).mean() * 7
    np.testing.assert_allclose(found.p_turned, np.array(days) >= turning, atol=1e-6)


def test_dates_come_in_order_dominance_turning_regrowth_when_kill_is_faster_than_growth():
    found, _, _ = judged([0, 42], [50, 40], d=0.15, g=0.04, fraction=0.1)
    dominance, turning, regrowth = (
        getattr(found, name)[-1, 1] for name in ("dominance_day", "turning_day", "regrowth_day")
    )
    assert dominance < turning < regrowth


def test_scar_is_the_cause_when_most_of_what_is_left_is_scar_and_resistance_when_it_is_not():
    scar, _, _ = judged([0, 42, 200], [50, 30, 30], d=0.5, fraction=0.001, background=0.3)
    resistant, _, _ = judged([0, 42, 200], [50, 30, 30], d=0.5, fraction=0.3, background=0.001)
    assert scar.p_cause[-1].argmax() == 1
    assert scar.p_cause[-1, 1] > 0.95
    assert resistant.p_cause[-1, 0] > 0.95
    np.testing.assert_allclose(scar.p_cause.sum(axis=1), 1.0)


def test_floor_is_the_cause_when_the_last_value_is_at_the_limit():
    found, _, _ = judged([0, 42], [20, 5], censoring=[0, -1])
    assert found.p_cause[-1, 2] == 1.0
    assert found.p_cause[0, 2] == 0.0


def test_pause_is_the_cause_while_the_drug_is_off():
    from tests.model.test_treatment import doses

    table = doses((0, "a", "start"), (60, "a", "stop"))
    found, _, _ = judged([0, 59, 100], [50, 40, 60], doses=table, d=0.2, fraction=0.001, background=0.001)
    assert found.p_cause[1, 3] == 0.0
    assert found.p_cause[2, 3] > 0.9


@pytest.mark.parametrize(("factor", "cause"), [(0.98, 1), (1.02, 0)])
def test_cause_is_resistance_only_when_it_would_visibly_grow_within_half_a_year(factor, cause):
    shown = detectable_log_burden(SUM_OF_DIAMETERS, certain_prior())
    slow = factor * shown / VISIBLE_WITHIN_WEEKS
    found, _, _ = judged([0, 42, 84], [50, 50, 50], d=0.5, g=slow, fraction=0.5, background=1e-9)
    assert found.p_cause[-1, cause] == pytest.approx(1.0)
    assert found.p_turned_resistant[-1] == pytest.approx(1.0 - cause)


@pytest.mark.parametrize("values", [(50, 40), (14, 11), (150, 110)])
def test_signal_has_exceeded_its_smallest_by_the_error_of_this_size_at_detectable_regrowth(values):
    found, bank, _ = judged([0, 42], list(values), background=0.2)
    dynamics, reading = bank.dynamics, bank.readings[SUM_OF_DIAMETERS]
    zero = np.zeros((1, 1))

    def signal(week):
        return reading.log_signal(dynamics.log_burden(np.full((1, 1), week), zero)).mean()

    rise = signal(found.regrowth_day[-1, 1] / 7) - signal(found.turning_day[-1, 1] / 7)
    error = 1.645 * np.sqrt(2) * np.hypot(0.04 * values[1], 1.0) / values[1]
    # errors share their dates to the nearest of four steps to a doubling
    assert rise / error == pytest.approx(1.0, abs=2**0.125 - 1 + 0.01)


def test_detectable_regrowth_is_later_when_most_of_what_is_seen_is_scar():
    days, natural = list(range(0, 300, 42)), {"d": 0.5, "g": 0.03, "fraction": 0.02}
    scar, bare = (
        judged(days, own_course(days, **natural, background=part), **natural, background=part)[0]
        for part in (0.5, 1e-6)
    )
    np.testing.assert_allclose(scar.turning_day, bare.turning_day)
    assert scar.regrowth_day[-1, 1] > bare.regrowth_day[-1, 1] + 60


def test_tumour_growing_only_because_the_drug_is_off_has_the_pause_as_cause():
    from tests.model.test_treatment import doses

    table = doses((0, "a", "start"), (60, "a", "stop"))
    natural = {"d": 0.2, "fraction": 0.001, "background": 0.001, "off": 0.2}
    off, _, _ = judged([0, 59, 100], [50, 40, 60], doses=table, **natural)
    on, _, _ = judged([0, 59, 100], [50, 40, 60], **natural)
    assert trends(off) == ["shrinking", "shrinking", "growing"]
    assert off.p_cause[2].argmax() == 3
    assert off.p_turned_resistant[2] < 0.01
    assert trends(on)[2] == "shrinking"


def test_turning_day_of_a_paused_course_is_its_smallest_burden_as_it_was_treated():
    from tests.model.test_treatment import doses

    natural = {
        "d": 0.1,
        "g": 0.05,
        "fraction": 0.2,
        "off": 0.3,
        "background": 0.1,
    }  # would have turned on day 97
    table = doses((0, "a", "start"), (56, "a", "stop"), (196, "a", "start"))
    found, _, _ = judged([0, 56, 150, 240], [50, 45, 70, 80], doses=table, **natural)
    assert found.turning_day[1, 1] == pytest.approx(97, abs=1)
    np.testing.assert_allclose(found.turning_day[2:, 1], 56.0, atol=0.1)
    # and 13 days into the pause the diameter is up by the error of 45 mm
    np.testing.assert_allclose(found.regrowth_day[2:, 1], 69.0, atol=1.0)
    np.testing.assert_allclose(found.p_turned, [0.0, 0.0, 1.0, 1.0], atol=1e-6)


def a_mixed_batch(*, paused=True, first_visit=-7):
    """Tumour and marker, pauses, a value at the floor, a visit before any reading, lesions of their own."""
    import polars as pl

    from tests.model.test_treatment import doses

    days = [0, 42, 84, 130, 168, 230]
    frame = pl.concat(
        [
            readings(days, [60, 44, 38, 37, 38, 45], patient_id="A"),
            readings(days, [80, 60, 30, 25, 40, 90], "CEA", patient_id="A"),
            readings(days[:4], [50, 30, 22, 40], patient_id="B"),
            readings(days, [12, 7, 5, 5, 5, 5], patient_id="C", censoring=[0, 0, -1, -1, -1, -1]),
            readings(days[2:], [80, 60, 65, 90], "CEA", patient_id="D"),
            readings(days, [33, 33, 30, 30, 31, 30], patient_id="E"),
            readings(days, [20, 20, 18, 14, 12, 11], patient_id="E").with_columns(part=pl.lit("T2")),
        ]
    ).sort("patient_id", "quantity", "part", "day")
    table = doses((0, "a", "start"), (60, "a", "stop"), (150, "a", "start")).with_columns(
        patient_id=pl.lit("B")
    )
    visits = pl.DataFrame(
        [(patient, day) for patient in "ABCDE" for day in sorted({first_visit, *days})],
        schema=["patient_id", "day"],
        orient="row",
    )
    table = table if paused else table.clear()
    return next(batches(frame, table, [SUM_OF_DIAMETERS, "CEA"], 100, visits))


def judged_of_all(batch, prior, particles):
    """The judgement of every visit, by patient and visit."""
    refiner = Refiner.of(prior, particles, 0)
    tables = Tables(prior, refiner.bank)
    found = [
        (patient, visit, judge(part, tables)) for patient, visit, part in refiner.visits(batch, levels=False)
    ]
    patients, visits = (np.concatenate([own[place] for own in found]) for place in (0, 1))
    order = np.lexsort((visits, patients))
    return {
        name: np.concatenate([getattr(own, name) for _, _, own in found])[order]
        for name in Judgement.__slots__
    }


def test_judge_agrees_with_the_slow_judge_of_equal_weight_draws():
    batch = a_mixed_batch()
    prior = starting_prior("two", [SUM_OF_DIAMETERS, "CEA"])
    bank = prior.bank(1024, 0)
    (posterior,) = posteriors_of_batch(batch, prior, bank, draws=2000)
    slow = slow_judge(posterior, prior)
    fast = judged_of_all(batch, prior, bank)
    assert len(slow) == len(posterior.patient) == 35

    def both(name):
        return fast[name], np.array([row[name] for row in slow])

    for name in ("p_trend", "p_cause", "p_turned", "p_never", "p_turned_resistant"):
        # 2000 draws at random would have an SD of 0.011
        found, drawn = both(name)
        np.testing.assert_allclose(found, drawn, atol=0.012, err_msg=name)
    found, drawn = both("resistant_fraction")
    np.testing.assert_allclose(found, drawn, atol=0.04)
    for name in ("dominance_day", "turning_day"):
        found, drawn = both(name)
        # at the ends of the interval a quantile of 2000 draws is the 100th of them
        off = np.abs(np.log(found + 30) - np.log(drawn + 30))
        assert (off[:, 1] <= 0.1).all(), name
        assert (off <= 0.3).all(), name
        assert (off <= 0.1).mean() > 0.98, name
    # within a pause or long after it: a quantile may lie in the gap, so between those of 3 % more and fewer draws
    found, drawn = np.log(fast["regrowth_day"] + 30), np.array([row["regrowth_between"] for row in slow])
    low, high = np.moveaxis(np.log(drawn + 30), 1, 0)
    assert (found >= low - 0.1).all()
    assert (found <= high + 0.1).all()


def test_judgement_is_the_same_when_the_tables_are_kept_and_when_they_are_not():
    batch = a_mixed_batch()
    prior = starting_prior("two", [SUM_OF_DIAMETERS, "CEA"])
    refiner = Refiner.of(prior, prior.bank(256, 0), 0)
    kept, other = Tables(prior, refiner.bank), Tables(prior, Refiner.of(prior, prior.bank(256, 1), 1).bank)
    run = weigh(batch, prior, refiner.bank, levels=False)
    weighted = weighted_visits(batch, run, *np.nonzero(np.arange(7) < batch.visits[:, None]))
    once, again, fresh = judge(weighted, kept), judge(weighted, kept), judge(weighted, other)
    for name in Judgement.__slots__:
        np.testing.assert_array_equal(getattr(once, name), getattr(again, name))
        np.testing.assert_allclose(getattr(once, name), getattr(fresh, name), rtol=1e-6, atol=1e-6)
