"""The next cycle against the model's closed forms."""

import math

import numpy as np
import pytest

from turnpoint.harms.next_cycle import course_so_far, cycle_ahead
from turnpoint.model.dynamics import Dynamics


def one(d=0.1, g=0.03, phi=0.2, r=0.02):
    return Dynamics(*(np.array([[value]]) for value in (d, g, phi, r)))


def at(weeks):
    return np.array([[weeks]])


def slow_change_pct(d, g, phi, on, length):
    """B(t + L) / B(t) - 1 written out."""
    before = (1 - phi) * math.exp(-d * on) + phi * math.exp(g * on)
    after = (1 - phi) * math.exp(-d * (on + length)) + phi * math.exp(g * (on + length))
    return 100 * (after / before - 1)


def test_change_is_the_ratio_of_burdens_when_the_regimen_goes_on():
    found = cycle_ahead(one(), (at(6.0), at(0.0)), at(3.0), on=True)
    assert found.living_change_pct[0] == pytest.approx([slow_change_pct(0.1, 0.03, 0.2, 6.0, 3.0)] * 3)
    assert found.resistant_change_pct[0, 1] == pytest.approx(100 * math.expm1(0.09))


def test_resistant_part_changes_alike_on_and_off_and_the_living_tumour_more_when_paused():
    on, off = (cycle_ahead(one(), (at(6.0), at(0.0)), at(3.0), on=on) for on in (True, False))
    assert on.resistant_change_pct == pytest.approx(off.resistant_change_pct)
    assert off.living_change_pct[0, 1] > on.living_change_pct[0, 1]


def test_nothing_changes_when_the_cycle_has_no_length():
    found = cycle_ahead(one(), (at(6.0), at(0.0)), at(0.0), on=True)
    assert found.living_change_pct == pytest.approx(0.0)
    assert found.p_shrinks == pytest.approx(0.0)


@pytest.mark.parametrize(("shift", "chance"), [(-3.5, 1.0), (1.0, 0.0)])
def test_cycle_shrinks_the_tumour_when_it_ends_before_the_turning_point_and_not_after_it(shift, chance):
    dynamics = one()
    turn = float(dynamics.turning_week(at(0.0), at(0.0))[0, 0])
    found = cycle_ahead(dynamics, (at(turn + shift), at(0.0)), at(3.0), on=True)
    assert found.p_shrinks[0] == chance


def test_interval_holds_nine_draws_in_ten():
    rng = np.random.default_rng(1)
    draws = Dynamics(*(np.exp(rng.normal(mean, 0.3, (1, 4000))) for mean in (-2.5, -3.5, -2.0, -4.0)))
    found = cycle_ahead(draws, (at(6.0), at(0.0)), at(3.0), on=True)
    low, _, high = found.living_change_pct[0]
    every = 100 * np.expm1(draws.log_burden(at(9.0), at(0.0)) - draws.log_burden(at(6.0), at(0.0)))
    assert np.mean((every >= low) & (every <= high)) == pytest.approx(0.9, abs=0.002)


def test_course_starts_at_100_percent_with_the_resistant_fraction():
    levels = course_so_far(one(phi=0.2), (np.array([[0.0], [4.0]]), np.zeros((2, 1))))
    assert levels[0, 0] == pytest.approx([100.0] * 3)
    assert levels[1, 0] == pytest.approx([20.0] * 3)
    assert (levels[1] <= levels[0]).all()
