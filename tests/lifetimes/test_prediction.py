"""Survival after a landmark, of whom is alive there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turnpoint.lifetimes.link import Link, Term
from turnpoint.lifetimes.prediction import survival_ahead

LINK = Link("x", "log-normal", (Term("intercept", 1.0), Term("log_baseline", 1.0)), float(np.log(0.5)), 104.0)
YEAR = np.array([365.25])


def ahead(centres, landmark=56.0, link=LINK, horizons=YEAR):
    design = np.stack([np.zeros(len(centres)), np.array(centres)], axis=-1)[None]
    return survival_ahead(link, design, np.array([landmark]), horizons)


def survives(centre, day):
    return stats.lognorm.sf(day, 0.5, scale=np.exp(centre))


@given(centre=st.floats(4.5, 8.0), landmark=st.floats(7.0, 300.0))
def test_of_one_draw_survival_is_that_of_the_law_given_alive_and_the_median_halves_it(centre, landmark):
    found = ahead([centre], landmark)
    alive = survives(centre, landmark)
    assert found.survival[0, 0] == pytest.approx(survives(centre, landmark + 365.25) / alive, rel=1e-6)
    assert found.survival_interval[0, 0] == pytest.approx([found.survival[0, 0]] * 2, rel=1e-6)
    if np.isfinite(found.median_days[0]):
        assert survives(centre, landmark + found.median_days[0]) == pytest.approx(alive / 2, rel=1e-4)
        assert found.median_interval[0] == pytest.approx([found.median_days[0]] * 2, rel=1e-4)


def test_being_alive_weighs_the_draws():
    found, centres = ahead([4.5, 6.5], 200.0), (4.5, 6.5)
    later, alive = ([survives(c, day) for c in centres] for day in (565.25, 200.0))
    assert found.survival[0, 0] == pytest.approx(sum(later) / sum(alive), rel=1e-6)
    unweighed = np.mean(np.array(later) / np.array(alive))
    assert found.survival[0, 0] > unweighed + 0.05


def test_interval_holds_the_chance_and_widens_with_the_draws():
    narrow, wide = (ahead(np.linspace(6.0 - w, 6.0 + w, 101)) for w in (0.1, 0.8))
    for found in (narrow, wide):
        low, high = found.survival_interval[0, 0]
        assert low < found.survival[0, 0] < high
    assert np.ptp(wide.survival_interval) > 3 * np.ptp(narrow.survival_interval)


def test_farther_horizon_has_the_smaller_chance():
    found = ahead([5.5, 6.0, 6.5], horizons=np.array([30.0, 182.6, 365.25]))
    assert (np.diff(found.survival[0]) < 0).all()


def test_median_beyond_ten_years_is_infinite():
    assert np.isinf(ahead([12.0]).median_days[0])
    assert np.isfinite(ahead([8.0]).median_days[0])


def test_what_the_link_leaves_open_widens_the_interval_and_the_same_seed_gives_the_same():
    known = replace(LINK, covariance=np.diag([1e-12, 1e-12, 1e-12]))
    open_link = replace(LINK, covariance=np.diag([0.04, 0.0, 0.0]))
    design = np.stack([np.ones(400), np.full(400, 5.0)], axis=-1)[None]
    tight, wide, again, other = (
        survival_ahead(link, design, np.array([56.0]), YEAR, seed)
        for link, seed in ((known, 0), (open_link, 0), (open_link, 0), (open_link, 1))
    )
    assert np.ptp(tight.survival_interval) < 1e-3
    assert np.ptp(wide.survival_interval) > 0.1
    assert (wide.survival == again.survival).all()
    assert (wide.survival != other.survival).all()
