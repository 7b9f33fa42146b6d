"""States, dates and causes for particles whose truth is known exactly."""

from typing import Any

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
from turnpoint.turning.detectable import detectable_log_burden, detectable_log_change
from turnpoint.turning.state import Judgement, judge, verdicts
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
    ((_, weighted),) = refiner.visits(batch, levels=False)
    return judge(weighted, Tables(prior, refiner.bank)), weighted.bank, prior


STATES = ("responding", "plateau", "regrowing")


def own_course(days, **natural):
    """What the certain particle itself would read on these days, without error, from 50 mm."""
    prior = certain_prior(**natural)
    bank = Refiner.of(prior, prior.bank(256, 0), 0).bank
    weeks, zero = np.array(days, dtype=float)[:, None] / 7, np.zeros((len(days), 1))
    signal = bank.readings[SUM_OF_DIAMETERS].log_signal(bank.dynamics.log_burden(weeks, zero)).mean(axis=1)
    return [50 * float(size) for size in np.exp(signal - signal[0])]


def test_state_is_responding_then_plateau_then_regrowing_along_one_course():
    days, natural = list(range(0, 400, 21)), {"d": 0.15, "g": 0.04, "fraction": 0.1}
    found, bank, _ = judged(days, own_course(days, **natural), **natural)
    named = [STATES[row.argmax()] for row in found.p_state]
    assert named[0] == "responding"
    assert named[-1] == "regrowing"
    assert [name for i, name in enumerate(named) if i == 0 or name != named[i - 1]] == list(STATES)
    np.testing.assert_allclose(found.p_state.sum(axis=1), 1.0)
    turning = bank.dynamics.turning_week(np.zeros(1), np.zeros(1)).mean() * 7
    at_turn = np.searchsorted(days, turning)
    assert named[at_turn] == "plateau"


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


def test_state_of_a_tumour_that_shrinks_too_slowly_to_be_seen_is_plateau():
    prior = certain_prior()
    gap, shown = prior.visit_gap_weeks[SUM_OF_DIAMETERS], detectable_log_burden(SUM_OF_DIAMETERS, prior)
    for factor, expected in ((1.02, "responding"), (0.98, "plateau")):
        found, _, _ = judged([0, 42], [50, 50], d=factor * shown / gap, fraction=1e-9, background=1e-9)
        assert STATES[found.p_state[-1].argmax()] == expected


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


@pytest.mark.parametrize(
    ("values", "shrinkage", "highest", "expected"),
    [
        (3, 0.1, 0.5, "plateau"),
        (2, 0.1, 0.5, "undetermined"),
        (3, 0.0999, 0.5, "undetermined"),
        (3, 0.1, 0.499, "undetermined"),
    ],
)
def test_verdict_needs_three_values_a_posterior_unlike_the_prior_and_a_clear_winner(
    values, shrinkage, highest, expected
):
    p = np.array([[(1 - highest) / 2, highest, (1 - highest) / 2]])
    assert verdicts(p, np.array([values]), np.array([shrinkage])) == [expected]


def test_detectable_change_of_a_sum_is_no_smaller_than_repeat_ct_allows():
    assert detectable_log_change(SUM_OF_DIAMETERS, certain_prior(sd_reading=0.001)) == pytest.approx(
        1.645 * np.sqrt(2) * 0.04
    )
    assert detectable_log_change(SUM_OF_DIAMETERS, certain_prior(sd_reading=0.2)) == pytest.approx(
        1.645 * np.sqrt(2) * 0.2
    )


def test_detectable_change_of_a_marker_is_its_published_reference_change():
    from turnpoint.study.markers import MARKERS

    prior = certain_prior("CA 19-9", sd_reading=0.01)
    assert detectable_log_change("CA 19-9", prior) == pytest.approx(MARKERS["CA 19-9"].reference_change_log)


def test_tumour_that_looks_flat_because_it_is_mostly_scar_is_not_called_regrowing():
    """The living part regrows, but the next reading could not show it."""
    days, natural = list(range(0, 300, 42)), {"d": 0.5, "g": 0.03, "fraction": 0.02}
    scar, bare = (
        judged(days, own_course(days, **natural, background=part), **natural, background=part)[0]
        for part in (0.5, 1e-6)
    )
    assert STATES[scar.p_state[-1].argmax()] == "plateau"
    assert STATES[bare.p_state[-1].argmax()] == "regrowing"
    assert scar.regrowth_day[-1, 1] > bare.regrowth_day[-1, 1]


@pytest.mark.parametrize(("last", "expected"), [(52.0, "plateau"), (54.0, "regrowing")])
def test_state_is_regrowing_when_rise_read_so_far_and_growth_to_come_exceed_the_error_together(
    last, expected
):
    """Growth in six weeks makes 4 % here, the error is 9.8 %: the readings must bring the rest, from 52.9 mm on."""
    natural = {"d": 0.5, "g": 0.02, "fraction": 0.5, "background": 1e-9}
    found, _, _ = judged([0, 42, 84, 126], [58, 50, 50, last], **natural)
    assert STATES[found.p_state[-1].argmax()] == expected
    assert found.p_turned[-1] == pytest.approx(1.0)


def test_state_of_a_tumour_read_flat_is_plateau_though_the_particle_grows_under_a_falling_level():
    days, natural = list(range(0, 600, 42)), {"d": 0.5, "g": 0.02, "fraction": 0.5, "background": 1e-9}
    found, _, _ = judged(days, [58] + [50] * (len(days) - 1), **natural)
    assert found.p_state[-1, 1] == pytest.approx(1.0)


@pytest.mark.parametrize(("factor", "cause"), [(0.98, 1), (1.02, 0)])
def test_cause_is_resistance_only_when_it_would_visibly_grow_within_half_a_year(factor, cause):
    shown = detectable_log_burden(SUM_OF_DIAMETERS, certain_prior())
    slow = factor * shown / VISIBLE_WITHIN_WEEKS
    found, _, _ = judged([0, 42, 84], [50, 50, 50], d=0.5, g=slow, fraction=0.5, background=1e-9)
    assert found.p_cause[-1, cause] == pytest.approx(1.0)
    assert found.p_turned_resistant[-1] == pytest.approx(1.0 - cause)


def test_rise_so_far_is_from_the_smallest_total_since_every_part_was_read():
    import polars as pl

    second = readings([42, 126], [30, 40], patient_id="P").with_columns(part=pl.lit("T2"))
    frame = pl.concat([readings([0, 42, 84, 126], [20, 20, 10, 20], patient_id="P"), second])
    batch = next(batches(frame.sort("patient_id", "part", "day"), NO_DOSES, [SUM_OF_DIAMETERS], 10))
    # totals: none before day 42, then 50, 40 (the second lesion keeps its 30), 60
    np.testing.assert_allclose(batch.rise_so_far(SUM_OF_DIAMETERS), [[0, 0, 0, np.log(60 / 40)]], atol=1e-12)


def test_signal_has_exceeded_its_smallest_by_the_detectable_change_at_detectable_regrowth():
    prior = certain_prior(background=0.2)
    found, bank, _ = judged([0, 42], [50, 40], background=0.2)
    dynamics, reading = bank.dynamics, bank.readings[SUM_OF_DIAMETERS]
    zero = np.zeros((1, 1))

    def signal(week):
        return reading.log_signal(dynamics.log_burden(np.full((1, 1), week), zero)).mean()

    rise = signal(found.regrowth_day[-1, 1] / 7) - signal(found.turning_day[-1, 1] / 7)
    assert rise == pytest.approx(detectable_log_change(SUM_OF_DIAMETERS, prior), rel=1e-3)


def test_tumour_growing_only_because_the_drug_is_off_is_regrowing_with_the_pause_as_cause():
    from tests.model.test_treatment import doses

    table = doses((0, "a", "start"), (60, "a", "stop"))
    natural = {"d": 0.2, "fraction": 0.001, "background": 0.001, "off": 0.2}
    off, _, _ = judged([0, 59, 100], [50, 40, 60], doses=table, **natural)
    on, _, _ = judged([0, 59, 100], [50, 40, 60], **natural)
    assert [STATES[row.argmax()] for row in off.p_state] == ["responding", "responding", "regrowing"]
    assert off.p_cause[2].argmax() == 3
    assert off.p_turned_resistant[2] < 0.01  # so no alert
    assert STATES[on.p_state[2].argmax()] == "responding"


def a_mixed_batch():
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
        [(patient, day) for patient in "ABCDE" for day in [-7, *days]],
        schema=["patient_id", "day"],
        orient="row",
    )
    return next(batches(frame, table, [SUM_OF_DIAMETERS, "CEA"], 100, visits))


def test_judge_agrees_with_the_slow_judge_of_equal_weight_draws():
    batch = a_mixed_batch()
    prior = starting_prior("two", [SUM_OF_DIAMETERS, "CEA"])
    bank = prior.bank(1024, 0)
    (posterior,) = posteriors_of_batch(batch, prior, bank, draws=4000)
    slow = slow_judge(posterior, prior)
    refiner = Refiner.of(prior, bank, 0)
    tables = Tables(prior, refiner.bank)
    found = [
        (rows[part.patient], part.visit, judge(part, tables))
        for rows, part in refiner.visits(batch, levels=False)
    ]
    order = np.lexsort(
        (np.concatenate([visit for _, visit, _ in found]), np.concatenate([rows for rows, _, _ in found]))
    )
    assert len(order) == len(posterior.patient) == 35

    def both(name) -> tuple[Any, Any]:
        return np.concatenate([getattr(own, name) for _, _, own in found])[order], getattr(slow, name)

    for name in ("p_state", "p_cause", "p_turned", "p_turned_resistant"):
        # 4000 draws at random would have an SD of 0.008
        np.testing.assert_allclose(*both(name), atol=0.01, err_msg=name)
    fast, drawn = both("resistant_fraction")
    np.testing.assert_allclose(fast, drawn, atol=0.04)
    for name in ("dominance_day", "turning_day", "regrowth_day"):
        fast, drawn = both(name)
        np.testing.assert_allclose(np.log(fast + 30), np.log(drawn + 30), atol=0.1, err_msg=name)


def test_judgement_is_the_same_when_the_tables_are_kept_and_when_they_are_not():
    batch = a_mixed_batch()
    prior = starting_prior("two", [SUM_OF_DIAMETERS, "CEA"])
    refiner = Refiner.of(prior, prior.bank(256, 0), 0)
    kept, other = Tables(prior, refiner.bank), Tables(prior, Refiner.of(prior, prior.bank(256, 1), 1).bank)
    run = weigh(batch, prior, refiner.bank, levels=False)
    weighted = weighted_visits(batch, run, np.arange(7) < batch.visits[:, None])
    once, again, fresh = judge(weighted, kept), judge(weighted, kept), judge(weighted, other)
    for name in Judgement.__slots__:
        np.testing.assert_array_equal(getattr(once, name), getattr(again, name))
        np.testing.assert_allclose(getattr(once, name), getattr(fresh, name), rtol=1e-6, atol=1e-6)
