"""Clones under policies, day by day: the closed form without chance, pairing, and the laws of chance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnpoint.virtual.branching import LARGE_CELLS, extinction_chance
from turnpoint.virtual.clones import DRUG_A, NO_DRUG, Rates, step
from turnpoint.virtual.luck import Luck
from turnpoint.virtual.player import play, trunk
from turnpoint.virtual.policies import Alternate, Holidays, Once
from turnpoint.virtual.readings import Reader
from turnpoint.virtual.two_drugs import Tumours, crossing_week


def tumours(count=50, *, cells=1e9, fraction=0.1, cross=0.0, mutation=0.0, d=0.15, e=0.15, g=0.04):
    start = cells * np.array([1 - fraction, fraction * (1 - cross), 0.0, fraction * cross])
    full = np.ones(count)
    return Tumours(np.tile(start, (count, 1)), d * full, e * full, g * full, mutation)


def planted(found, visits=40, seed=0, step_weeks=3.0, **options):
    rates = Rates.of(found, np.full(len(found.cells), 0.1), **options)
    rng = None if seed is None else luck(seed)
    return trunk(found.cells, rates, 7.0 * step_weeks * np.arange(visits), rng)


def luck(seed):
    return Luck.of(np.random.default_rng(seed), 10_000)


def once(week, count=50):
    return Once(np.broadcast_to(7.0 * np.asarray(week, float), count))


@pytest.mark.parametrize("seed", [None, 0])
def test_large_clones_follow_the_closed_form_of_two_drugs(seed):
    found = tumours(count=3)
    own = planted(found, seed=seed)
    expected = found.at(own.days / 7.0, np.full(3, np.inf))
    large = expected >= LARGE_CELLS
    np.testing.assert_allclose(own.cells.transpose(1, 0, 2)[large], expected[large], rtol=1e-9)
    np.testing.assert_allclose(own.cells.sum(axis=2).T, expected.sum(axis=2), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    switch=st.floats(0.0, 40.0),
    d=st.floats(0.01, 0.5),
    e=st.floats(-0.02, 0.5),
    g=st.floats(0.021, 0.1),
    mutation=st.sampled_from([0.0, 1e-8, 1e-6]),
)
def test_without_chance_a_change_on_any_day_follows_the_closed_form(switch, d, e, g, mutation):
    found = tumours(count=1, cells=1e11, cross=0.2, d=d, e=e, g=g, mutation=mutation)
    own = planted(found, seed=None, visits=30)
    lethal = 2e11
    fates = play(own, once(switch, 1), None, lethal_cells=lethal)
    weeks = np.arange(0.0, 87.0 + 1e-9, 0.05)
    cells = found.at(weeks, np.array([switch])).sum(axis=2)
    expected = crossing_week(np.log(cells), weeks, np.log(lethal))[0]
    assert fates.switch[0] == pytest.approx(switch)
    if np.isinf(expected) or expected > 86.9:
        assert fates.lethal[0] > 86.8
    else:
        assert fates.lethal[0] == pytest.approx(expected, abs=0.02)
    end = min(fates.lethal[0], 87.0)
    assert fates.on_a[0] == pytest.approx(min(switch, end), abs=1e-6)
    assert fates.on_a[0] + fates.on_b[0] == pytest.approx(end, abs=1e-6)


def test_mean_of_chance_is_the_course_without_chance_when_clones_are_small():
    found = tumours(count=6000, cells=3000.0, fraction=0.2, cross=0.2, mutation=1e-3, d=0.2, e=0.1, g=0.1)
    usual, lucky = (planted(found, visits=8, seed=seed).cells[-1] for seed in (None, 5))
    for clone in range(4):
        error = lucky[:, clone].std() / np.sqrt(len(lucky))
        assert lucky[:, clone].mean() == pytest.approx(
            usual[0, clone], abs=4 * error + 0.01 * usual[0, clone]
        )


def test_turning_day_of_the_course_is_that_of_the_two_population_model():
    d, g, fraction = 0.15, 0.04, 0.1
    own = planted(tumours(count=2, d=d, g=g, fraction=fraction), visits=30, step_weeks=6.0)
    turning = np.log(d * (1 - fraction) / (g * fraction)) / (g + d)
    assert own.turning_day() / 7.0 == pytest.approx(turning, abs=0.5)


@pytest.mark.parametrize(("fraction", "g"), [(0.0, 0.04), (0.1, 1e-30)])
def test_turning_day_is_never_when_the_tumour_only_shrinks_or_comes_to_rest(fraction, g):
    own = planted(tumours(count=2, fraction=fraction, g=g), visits=200, step_weeks=6.0, seed=None)
    assert np.isinf(own.turning_day()).all()


def test_resistant_cells_from_mutation_have_the_mean_of_luria_and_delbrueck():
    """A clone growing at b without loss: mutants of a neutral mutation after t, mean μ·b·t·N(t)."""
    count, birth, mutation, weeks = 4000, 0.5, 1e-5, 20.0
    cells = np.zeros((count, 4))
    cells[:, 0] = 1e4
    net = np.full((count, 3, 4), birth)
    rates = Rates(net, np.full_like(net, birth), mutation, np.full(count, np.inf), np.full(count, 1e4))
    rng = luck(3)
    for _ in range(80):
        cells = step(cells, np.full(count, NO_DRUG), rates, weeks / 80, rng)
    expected = mutation * birth * weeks * 1e4 * np.exp(birth * weeks)
    found = cells[:, 1]
    # heavy-tailed: the mean of 4000 is within a tenth
    assert found.mean() == pytest.approx(expected, rel=0.1)
    assert np.median(found) < found.mean()


@pytest.mark.parametrize("step_weeks", [1.0, 8.0])
def test_gompertz_growth_follows_its_law_whatever_the_step(step_weeks):
    # one clone, so that the law is known: ln(K/N) falls exponentially, at g/ln(K/N0)   (Gompertz 1825)
    found = tumours(count=1, cells=1e9, fraction=1.0, g=0.2)
    own = planted(found, visits=int(80 / step_weeks), step_weeks=step_weeks, carrying_cells=1e11)
    room = np.log(100.0) * np.exp(-0.2 / np.log(100.0) * own.days / 7.0)
    assert np.log(1e11 / own.cells.sum(axis=2)[:, 0]) == pytest.approx(room, rel=1e-6)


def test_growth_with_a_far_carrying_size_is_exponential():
    usual, slowed = (
        planted(tumours(count=1), seed=None, carrying_cells=carrying).cells[-1].sum()
        for carrying in (np.inf, 1e300)
    )
    assert np.log(slowed / usual) == pytest.approx(0.0, abs=0.05)


def test_policies_share_their_luck_until_their_drugs_differ():
    own = planted(tumours(count=300, cells=300.0, fraction=0.02, d=0.3), visits=12)
    never = play(own, once(np.inf, 300), luck(9))
    some = np.arange(300) % 2 == 0
    late = play(own, once(np.where(some, np.inf, 18.0), 300), luck(9))
    assert np.isfinite(never.extinct).any()
    np.testing.assert_array_equal(never.extinct[some], late.extinct[some])
    before = never.extinct <= 18.0
    np.testing.assert_array_equal(never.extinct[before], late.extinct[before])


def test_same_seed_gives_the_same_fates():
    own = planted(tumours(mutation=1e-4, cells=1e5))
    first, again = (play(own, Alternate(42.0), luck(4), lethal_cells=1e7) for _ in range(2))
    for name in ("switch", "lethal", "extinct", "on_b"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


@pytest.mark.parametrize(("cells", "birth", "e"), [(20, 0.5, -0.1), (5, 0.3, -0.05), (40, 0.5, 0.1)])
def test_tumours_die_out_as_often_as_branching_says(cells, birth, e):
    """Under drug B from the start, one clone: (m/b)^n where it grows, always where it shrinks."""
    found = tumours(count=4000, cells=float(cells), fraction=0.0, e=e)
    own = planted(found, visits=100, step_weeks=3.0, birth_per_week=birth)
    fates = play(own, once(0.0, 4000), luck(1))
    expected = float(extinction_chance(cells, birth, birth + e))
    error = np.sqrt(expected * (1 - expected) / 4000)
    assert np.isfinite(fates.extinct).mean() == pytest.approx(expected, abs=4 * error + 1e-3)


def test_nothing_dies_out_without_chance():
    own = planted(tumours(cells=50.0, fraction=0.0), seed=None)
    assert np.isinf(play(own, once(3.0), None).extinct).all()


def test_small_tumour_dies_out_under_the_second_strike_near_the_nadir_and_not_without_it():
    found = tumours(count=400, cells=1e6, fraction=1e-4, d=1.1, e=1.6, g=0.4)
    own = planted(found, visits=60, step_weeks=0.5, birth_per_week=0.5)
    struck, alone = (play(own, once(week, 400), luck(1), lethal_cells=1e9) for week in (7.0, np.inf))
    assert np.isfinite(struck.extinct).mean() > 0.95
    assert np.isfinite(alone.extinct).mean() == 0.0


@pytest.mark.parametrize("every", [42.0, 15.0, 7.0])  # on the days of the trunk, and between them
def test_alternating_two_drugs_that_reach_the_same_cells_is_one_drug(every):
    """Equal kill and full cross-resistance: whatever is on, the same cells shrink."""
    found = tumours(cross=1.0)
    own = planted(found, visits=60, seed=None)
    never, alternated = (
        play(own, policy, None, lethal_cells=8e9) for policy in (once(np.inf), Alternate(every))
    )
    assert np.isfinite(never.lethal).all()
    assert alternated.lethal == pytest.approx(never.lethal, abs=0.02)
    assert alternated.on_a + alternated.on_b == pytest.approx(never.on_a, abs=0.02)
    # whole turns of both drugs: neither is more than one turn ahead
    assert (np.abs(alternated.on_a - alternated.on_b) <= every / 7.0 + 1e-6).all()


def test_weeks_of_treatment_end_at_a_lethal_burden():
    own = planted(tumours(g=0.1, cross=1.0), visits=60)
    found = play(own, once(10.0), luck(0), lethal_cells=2e9)
    assert np.isfinite(found.lethal).all()
    assert found.on_a == pytest.approx(10.0)
    assert found.on_a + found.on_b == pytest.approx(found.lethal)


def test_step_takes_a_length_for_each_tumour():
    found = replace(tumours(count=2), kill_a_per_week=np.array([0.1, 0.2]))
    rates = Rates.of(found, np.full(2, 0.1))
    both = step(found.cells, np.full(2, DRUG_A), rates, np.array([2.0, 5.0]), None)
    for row, weeks in enumerate((2.0, 5.0)):
        alone = step(found.cells[[row]], np.array([DRUG_A]), rates, weeks, None, rows=np.array([row]))
        assert both[row] == pytest.approx(alone[0])


class Told(Reader):
    """A reader that reads what it was told, whatever the tumour does."""

    def __init__(self, sums_mm):
        self._sums_mm = iter(sums_mm)

    def next(self, day, log_burden):  # noqa: ARG002 - of the reader
        return np.full(len(log_burden), next(self._sums_mm)), np.zeros(len(log_burden), dtype=bool)


def test_second_drug_waits_for_progression_since_the_first_was_given_again_after_a_holiday():
    # off at 60 mm, on again at 104; 100 is no progression on what followed the holiday, 126 is
    own = planted(tumours(count=2), visits=7, seed=None)
    scans = (Told([100.0, 60.0, 80.0, 104.0, 100.0, 126.0, 160.0]), own.days)
    found = play(own, Holidays(0.5, 1.0), None, scans=scans)
    assert found.switch == pytest.approx(15.0)
    assert not found.by_plan.any()
    assert found.on_a == pytest.approx(9.0)
    assert found.on_b == pytest.approx(3.0)
    assert found.progression == pytest.approx(6.0)  # 80 mm over the nadir of 60, in the holiday
    assert found.second_progression == pytest.approx(18.0)  # 160 over 126
