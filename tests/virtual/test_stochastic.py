"""Clones under policies: the closed form without chance, pairing, and what policies do."""

from dataclasses import replace

import numpy as np
import pytest

from turnpoint.virtual.branching import LARGE_CELLS
from turnpoint.virtual.clones import DRUG_A, DRUG_B, NO_DRUG, Rates, step
from turnpoint.virtual.policies import (
    AfterCycles,
    Alternate,
    AtWeeks,
    Holidays,
    Never,
    Progression,
    Seen,
    Turning,
)
from turnpoint.virtual.stochastic import play, trunk
from turnpoint.virtual.two_drugs import Tumours


def tumours(count=50, *, cells=1e9, fraction=0.1, cross=0.0, mutation=0.0, d=0.15, e=0.15, g=0.04):
    start = cells * np.array([1 - fraction, fraction * (1 - cross), 0.0, fraction * cross])
    full = np.ones(count)
    return Tumours(np.tile(start, (count, 1)), d * full, e * full, g * full, mutation)


def planted(found, visits=40, seed=0, step_weeks=3.0, noise=0.0, **options):
    rates = Rates.of(found, np.full(len(found.cells), 0.1), **options)
    return trunk(
        found.cells,
        rates,
        np.random.default_rng(seed),
        visits=visits,
        step_weeks=step_weeks,
        reading_sd_log=noise,
    )


def test_large_clones_follow_the_closed_form_of_two_drugs():
    found = tumours(count=3)
    own = planted(found)
    never = np.full(3, np.inf)
    expected = found.at(own.weeks, never)
    large = expected >= LARGE_CELLS
    np.testing.assert_allclose(own.cells.transpose(1, 0, 2)[large], expected[large], rtol=1e-9)
    np.testing.assert_allclose(own.cells.sum(axis=2).T, expected.sum(axis=2), rtol=1e-6)


def test_switch_follows_the_closed_form_too():
    found = tumours(count=2, cross=0.3)
    own = planted(found, visits=20)
    rates, cells = own.rates, own.cells[4]
    for _ in range(3):
        cells = step(cells, np.full(2, DRUG_B), rates, 3.0, np.random.default_rng(0))
    np.testing.assert_allclose(cells, found.at(np.array([21.0]), np.full(2, 12.0))[:, 0], rtol=1e-6)


def test_fewest_cells_come_at_the_turning_point_of_the_two_population_model():
    d, g, fraction = 0.15, 0.04, 0.1
    own = planted(tumours(count=1, d=d, g=g, fraction=fraction), visits=200, step_weeks=0.25)
    turning = np.log(d * (1 - fraction) / (g * fraction)) / (g + d)
    assert own.weeks[own.cells.sum(axis=2)[:, 0].argmin()] == pytest.approx(turning, abs=0.25)


def test_resistant_cells_from_mutation_have_the_mean_of_luria_and_delbrueck():
    """A clone growing at b without loss: mutants of a neutral mutation after t, mean μ·b·t·N(t)."""
    count, birth, mutation, weeks = 4000, 0.5, 1e-5, 20.0
    cells = np.zeros((count, 4))
    cells[:, 0] = 1e4
    net = np.full((count, 3, 4), birth)
    rates = Rates(net, np.full_like(net, birth), mutation, np.full(count, np.inf), np.full(count, 1e4))
    rng = np.random.default_rng(3)
    for _ in range(80):
        cells = step(cells, np.full(count, NO_DRUG), rates, weeks / 80, rng)
    expected = mutation * birth * weeks * 1e4 * np.exp(birth * weeks)
    found = cells[:, 1]
    # heavy-tailed: the mean of 4000 is within a tenth
    assert found.mean() == pytest.approx(expected, rel=0.1)
    assert np.median(found) < found.mean()


def test_gompertz_growth_slows_to_nothing_at_the_carrying_size():
    found = replace(tumours(count=1, cells=1e9), regrowth_per_week=np.array([0.2]))
    own = planted(found, visits=400, step_weeks=1.0, carrying_cells=1e11)
    total = own.cells.sum(axis=2)[:, 0]
    assert total[-1] == pytest.approx(1e11, rel=0.02)
    late = np.log(total[60:80])
    # Gompertz 1825: log(K/N) falls exponentially, at rate g / log(K/N0)
    rate = -np.polyfit(np.arange(20), np.log(np.log(1e11) - late), 1)[0]
    assert rate == pytest.approx(0.2 / np.log(1e11 / 1e9), rel=0.1)


def test_policies_share_their_luck_until_their_drugs_differ():
    found = tumours(count=300, cells=3e8, mutation=1e-7, cross=1e-6)
    own = planted(found, noise=0.08)
    early = np.where(np.arange(300) % 2 == 0, np.inf, 12.0)
    usual, some = (
        play(own, policy, np.random.default_rng(9), lethal_cells=1e12)
        for policy in (Progression(), AtWeeks(early))
    )
    same = np.isinf(early)
    for name in ("switch_week", "first_progression_week"):
        np.testing.assert_array_equal(getattr(usual, name)[same], getattr(some, name)[same])
    assert (some.switch_week[~same] == 12.0).all()
    assert (usual.switch_week[~same] > 12.0).all()


def test_same_seed_gives_the_same_outcomes():
    own = planted(tumours(mutation=1e-7), noise=0.08)
    first, again = (play(own, Progression(), np.random.default_rng(4), lethal_cells=1e12) for _ in range(2))
    for name in ("switch_week", "second_progression_week", "lethal_week", "weeks_on_b"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


def test_oracle_switches_before_progression_and_never_too_early():
    own = planted(tumours(count=20), noise=0.0)
    oracle, usual = (
        play(own, policy, np.random.default_rng(0), lethal_cells=1e13)
        for policy in (Turning(), Progression())
    )
    assert (oracle.switch_week < usual.switch_week).all()
    assert not oracle.left_too_early.any()
    early = play(own, AfterCycles(1), np.random.default_rng(0), lethal_cells=1e13)
    assert early.left_too_early.all()
    assert (early.switch_week == 3.0).all()


def test_small_tumour_dies_out_under_the_second_strike_near_the_nadir_and_not_without_it():
    found = tumours(count=400, cells=1e6, fraction=1e-4, d=1.1, e=1.6, g=0.4)
    own = planted(found, visits=60, step_weeks=0.5, birth_per_week=0.5)
    struck = play(own, AtWeeks(np.full(400, 7.0)), np.random.default_rng(1), lethal_cells=1e9)
    alone = play(own, Never(), np.random.default_rng(1), lethal_cells=1e9)
    assert np.isfinite(struck.extinct_week).mean() > 0.95
    assert np.isfinite(alone.extinct_week).mean() == 0.0


def test_doses_given_add_up_to_the_time_observed():
    own = planted(tumours(count=10), visits=30)
    found = play(own, Alternate(2), np.random.default_rng(0), lethal_cells=np.inf)
    np.testing.assert_allclose(found.weeks_on_a + found.weeks_on_b, 29 * 3.0)
    assert (found.weeks_on_a >= found.weeks_on_b).all()


def test_holidays_give_less_drug_than_going_on():
    own = planted(tumours(count=10, fraction=0.01), visits=60)
    rested = play(own, Holidays(), np.random.default_rng(0), lethal_cells=np.inf)
    usual = play(own, Progression(), np.random.default_rng(0), lethal_cells=np.inf)
    assert (rested.weeks_on_a + rested.weeks_on_b < usual.weeks_on_a + usual.weeks_on_b).all()


def seen(diameter, nadir, drug=DRUG_A, start=100.0):
    one = np.ones(1)
    return Seen(0.0, diameter * one, start * one, nadir * one, one, one, np.array([drug]), one)


@pytest.mark.parametrize(
    ("nadir", "diameter", "progressed"),
    [(10.0, 15.0, True), (10.0, 14.9, False), (50.0, 60.0, True), (50.0, 59.9, False)],
)
def test_progression_needs_twenty_percent_and_five_millimetres(nadir, diameter, progressed):
    assert seen(diameter, nadir).has_progressed.item() is progressed


@pytest.mark.parametrize(
    ("drug", "volume", "expected"),
    [(DRUG_A, 0.49, NO_DRUG), (DRUG_A, 0.51, DRUG_A), (NO_DRUG, 0.99, NO_DRUG), (NO_DRUG, 1.01, DRUG_A)],
)
def test_holiday_begins_under_half_of_the_volume_and_ends_at_the_whole(drug, volume, expected):
    diameter = 100.0 * volume ** (1 / 3)
    assert Holidays()(seen(diameter, diameter, drug)).item() == expected
