"""Laws of the two-population model (design section 5)."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from turnpoint.model.dynamics import FARTHEST_WEEK, RESTING_PER_WEEK, Dynamics

rates = st.floats(0.005, 0.5)
fractions = st.floats(0.001, 0.999)
weeks = st.floats(0.0, 150.0)


def model(d, g, fraction, off=0.1):
    return Dynamics(*(np.array([float(value)]) for value in (d, g, fraction, off)))


def at(week):
    return np.array([float(week)]), np.zeros(1)


@given(rates, rates, fractions)
def test_burden_is_one_at_the_start(d, g, fraction):
    assert model(d, g, fraction).log_burden(*at(0))[0] == pytest.approx(0.0, abs=1e-12)


@given(rates, rates, fractions)
def test_resistant_share_at_the_nadir_is_d_over_g_plus_d_whatever_the_fraction(d, g, fraction):
    dynamics = model(d, g, fraction)
    turning = dynamics.turning_week(*at(0))
    if 0.0 < turning[0] < FARTHEST_WEEK:
        share = dynamics.resistant_share(turning, np.zeros(1))[0]
        assert share == pytest.approx(d / (g + d), rel=1e-9)


@given(rates, rates, fractions)
def test_dominance_comes_log_d_over_g_before_the_nadir(d, g, fraction):
    dynamics = model(d, g, fraction)
    turning, dominance = dynamics.turning_week(*at(0))[0], dynamics.dominance_week(*at(0))[0]
    if 0.0 < turning < FARTHEST_WEEK and 0.0 < dominance < FARTHEST_WEEK:
        assert turning - dominance == pytest.approx(np.log(d / g) / (g + d), abs=1e-8)


@given(rates, rates, fractions, weeks)
def test_dates_do_not_depend_on_the_week_they_are_seen_from_without_a_pause(d, g, fraction, week):
    dynamics = model(d, g, fraction)
    for date in ("turning_week", "dominance_week"):
        from_start = getattr(dynamics, date)(*at(0))[0]
        seen_later = getattr(dynamics, date)(*at(week))[0]
        assert seen_later == pytest.approx(from_start, abs=1e-6)


@given(rates, rates, fractions, st.floats(-60.0, 60.0))
def test_burden_is_smallest_at_the_turning_point(d, g, fraction, apart):
    dynamics = model(d, g, fraction)
    turning = dynamics.turning_week(*at(0))[0]
    if turning == FARTHEST_WEEK:
        return  # the cap, not the turning point
    other = max(turning + apart, 0.0)
    assert dynamics.log_burden(*at(other))[0] >= dynamics.log_burden(*at(turning))[0] - 1e-9


@given(rates, rates, st.floats(0.0, 2.0))
def test_burden_has_risen_by_the_amount_asked_after_weeks_to_rise_whatever_the_fraction(d, g, rise):
    dynamics = model(d, g, 0.01)
    turning = dynamics.turning_week(*at(0))
    assume(turning[0] > 0.0)
    after = dynamics.weeks_to_rise(rise, turning)[0]
    climb = (d * np.exp(g * after) + g * np.exp(-d * after)) / (g + d)
    if after < FARTHEST_WEEK:
        assert np.log(climb) == pytest.approx(rise, abs=1e-5)


def test_turning_point_is_at_the_start_when_resistant_growth_wins_from_the_start():
    assert model(0.05, 0.05, 0.6).turning_week(*at(0))[0] == 0.0
    # d(1-φ) = gφ exactly at the threshold; a little less resistance gives a later turn
    assert model(0.05, 0.05, 0.5).turning_week(*at(0))[0] == pytest.approx(0.0, abs=1e-12)
    assert model(0.05, 0.05, 0.49).turning_week(*at(0))[0] > 0.0


def test_burden_falls_at_the_kill_rate_when_almost_nothing_is_resistant():
    assert model(0.1, 0.03, 1e-12).log_burden(*at(20))[0] == pytest.approx(-2.0, abs=1e-8)


def test_burden_grows_at_the_regrowth_rate_when_almost_all_is_resistant():
    assert model(0.1, 0.03, 1 - 1e-12).log_burden(*at(20))[0] == pytest.approx(0.6, abs=1e-8)


def test_burden_of_ten_to_twelve_mm_is_73_percent_more_volume():
    # design section 1: diameters move at a third of volume
    assert np.exp(3 * np.log(1.2)) == pytest.approx(1.728)


def test_sensitive_part_regrows_while_the_drug_is_off():
    dynamics = model(0.2, 0.01, 0.01, off=0.3)
    before = dynamics.log_burden(np.array([4.0]), np.array([0.0]))[0]
    paused = dynamics.log_burden(np.array([4.0]), np.array([6.0]))[0]
    resumed = dynamics.log_burden(np.array([14.0]), np.array([6.0]))[0]
    assert paused > before + 1.0
    assert resumed < paused - 1.0


def test_a_pause_is_not_taken_for_resistance():
    dynamics = model(0.2, 0.01, 0.01, off=0.3)
    paused = dynamics.resistant_share(np.array([4.0]), np.array([6.0]))[0]
    unpaused = dynamics.resistant_share(np.array([10.0]), np.array([0.0]))[0]
    assert paused < unpaused


@given(rates, rates, fractions, weeks)
def test_share_and_parts_are_consistent(d, g, fraction, week):
    dynamics = model(d, g, fraction)
    sensitive, resistant = dynamics.log_parts(*at(week))
    burden = np.exp(sensitive) + np.exp(resistant)
    assert np.log(burden) == pytest.approx(dynamics.log_burden(*at(week)), abs=1e-9)
    assert dynamics.resistant_share(*at(week)) == pytest.approx(np.exp(resistant) / burden, rel=1e-9)


STRETCHES = st.lists(st.tuples(st.floats(0.5, 30.0), st.floats(0.5, 20.0)), max_size=3)


def smallest_by_search(d, g, fraction, off, stretches, step=0.01):
    """Slow reference: the burden week by week as it was treated, then treated on, and where it is smallest.

    `stretches` are weeks on and weeks off, one pause after the other.
    """
    week, log_sensitive, log_resistant = [0.0], [np.log1p(-fraction)], [np.log(fraction)]
    course = [(on, -d) for on, _ in stretches], [(away, off) for _, away in stretches]
    in_turn = [stretch for pair in zip(*course, strict=True) for stretch in pair]
    last = 10.0 + sum(length for length, _ in in_turn)
    settled = np.log(d * (1 - fraction) / (g * fraction)) / (g + d) if g > RESTING_PER_WEEK else 0.0
    in_turn.append((max(settled + off / d * last, 0.0) + last, -d))
    for length, rate in in_turn:
        steps = max(int(np.ceil(length / step)), 1)
        for _ in range(steps):
            week.append(week[-1] + length / steps)
            log_sensitive.append(log_sensitive[-1] + rate * length / steps)
            log_resistant.append(log_resistant[-1] + g * length / steps)
    burden = np.logaddexp(log_sensitive, log_resistant)
    return week[int(burden.argmin())], float(burden.min())


def log_burden_as_treated(dynamics, week, stretches):
    """Log burden at a week of the course as it was treated."""
    on, off, reached = 0.0, 0.0, 0.0
    for length, away in [*stretches, (np.inf, 0.0)]:
        on += min(length, max(week - reached, 0.0))
        off += min(away, max(week - reached - length, 0.0))
        reached += length + away
    return dynamics.log_burden(np.array([on]), np.array([off]))[0]


@given(st.floats(0.05, 0.5), st.floats(0.01, 0.3), st.floats(0.01, 0.9), st.floats(0.01, 0.3), STRETCHES)
@settings(max_examples=60, deadline=None)
def test_turning_week_is_where_a_search_over_the_course_as_treated_finds_the_smallest_burden(
    d, g, fraction, off, stretches
):
    dynamics = model(d, g, fraction, off)
    week, smallest = smallest_by_search(d, g, fraction, off, stretches, step=0.02)
    found = seen_after(dynamics, stretches)
    if found < FARTHEST_WEEK:
        # two stretches may come to the same smallest burden: compare what is there, and the day where it is clear
        assert log_burden_as_treated(dynamics, found, stretches) == pytest.approx(smallest, abs=2e-4)
        assert log_burden_as_treated(dynamics, week, stretches) == pytest.approx(smallest, abs=1e-6)


def seen_after(dynamics, stretches):
    """The turning week seen from the end of the last pause."""
    on, off, pauses = 0.0, 0.0, []
    for length, away in stretches:
        on += length
        pauses.append((on, off))
        off += away
    return dynamics.turning_week(np.array([on]), np.array([off]), tuple(pauses))[0]


@given(rates, fractions, rates, STRETCHES)
def test_part_that_rests_never_turns_while_treatment_goes_on(d, fraction, off, stretches):
    # within ten years treatment kills again what grew back in the pauses
    assume(off * sum(away for _, away in stretches) < d * (FARTHEST_WEEK - sum(on for on, _ in stretches)))
    dynamics = model(d, RESTING_PER_WEEK, fraction, off)
    assert seen_after(dynamics, stretches) == FARTHEST_WEEK


@given(rates, fractions, st.floats(0.0, 2.0))
def test_part_that_rests_never_rises(d, fraction, rise):
    dynamics = model(d, RESTING_PER_WEEK, fraction)
    assert dynamics.weeks_to_rise(rise, dynamics.turning_week(*at(0)))[0] == FARTHEST_WEEK


@given(rates, fractions)
def test_burden_falls_to_the_resistant_fraction_when_that_part_rests(d, fraction):
    dynamics = model(d, RESTING_PER_WEEK, fraction)
    burden = np.exp(dynamics.log_burden(*at(5000))[0])
    assert burden == pytest.approx(fraction, rel=1e-6)


def test_turning_week_is_the_first_day_of_a_pause_in_which_what_was_killed_grows_back():
    """Sensitive tumour, little killed before a long pause, and resistance has taken over by its end."""
    dynamics = model(0.1, 0.05, 0.2, off=0.3)
    alone = dynamics.turning_week(*at(0))[0]  # 13.9 weeks, had treatment gone on
    assert alone == pytest.approx(np.log(0.1 * 0.8 / (0.05 * 0.2)) / 0.15)
    assert seen_after(dynamics, [(8.0, 20.0)]) == 8.0


def test_turning_week_lies_after_a_pause_when_the_burden_falls_below_what_it_was_before_it():
    dynamics = model(0.2, 0.01, 0.01, off=0.05)
    assert seen_after(dynamics, [(4.0, 4.0)]) > 20.0


def test_turning_week_stays_behind_when_a_pause_comes_after_it():
    dynamics = model(0.1, 0.05, 0.2, off=0.3)
    assert seen_after(dynamics, [(30.0, 10.0)]) == pytest.approx(dynamics.turning_week(*at(0))[0])


@given(rates, rates, fractions, rates, weeks, st.floats(0.0, 30.0), st.booleans())
def test_trend_is_the_slope_of_the_log_burden(d, g, fraction, off, on_weeks, off_weeks, off_now):
    dynamics = model(d, g, fraction, off)
    on, away, step = np.array([on_weeks]), np.array([off_weeks]), 1e-4
    ahead = (on, away + step) if off_now else (on + step, away)
    back = (on, away - step) if off_now else (on - step, away)
    slope = (dynamics.log_burden(*ahead) - dynamics.log_burden(*back)) / (2 * step)
    trend = dynamics.trend_per_week(on, away, np.array([off_now]))
    assert trend == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("rise", [1e-4, 0.3])
def test_weeks_to_rise_of_a_row_do_not_depend_on_the_other_rows(rise):
    """Newton's method takes longest for a small rise, where the climb is flat at first."""
    d, g = np.exp(np.random.default_rng(0).normal(-2.5, 1.5, (2, 40, 64))).astype(np.float32)
    dynamics = Dynamics(d, g, 0.1 * d / (1.0 + d), d)
    turning = dynamics.turning_week(*np.zeros((2, 1), np.float32))
    together = dynamics.weeks_to_rise(rise, turning)
    apart = [dynamics.at(np.array(row)).weeks_to_rise(rise, turning[row]) for row in range(len(d))]
    np.testing.assert_array_equal(together, apart)


def risen_by_search(d, g, fraction, off, stretches, rise, step):
    """Slow reference: the first week after the smallest burden at which it lies above it by `rise`, on a grid."""
    in_turn = [part for on, away in stretches for part in ((on, -d), (away, off))]
    weeks, sensitive, resistant = [np.zeros(1)], [np.log1p([-fraction])], [np.log([fraction])]
    for length, rate in [*in_turn, (FARTHEST_WEEK, -d)]:
        after = np.linspace(0.0, length, int(np.ceil(length / step)) + 1)[1:]
        weeks.append(weeks[-1][-1] + after)
        sensitive.append(sensitive[-1][-1] + rate * after)
        resistant.append(resistant[-1][-1] + g * after)
    week, burden = np.concatenate(weeks), np.logaddexp(np.concatenate(sensitive), np.concatenate(resistant))
    smallest = burden.argmin()
    risen = (burden >= burden[smallest] + rise) & (np.arange(len(week)) > smallest)
    return week[risen.argmax()] if risen.any() else np.inf


def risen_after(dynamics, stretches, rise):
    """The week of the rise as `weeks_to_rise` has it, seen from the end of the last pause."""
    on, off, pauses = 0.0, 0.0, []
    for length, away in stretches:
        on += length
        pauses.append((on, off))
        off += away
    turning = dynamics.turning_week(np.array([on]), np.array([off]), tuple(pauses))
    return (turning + dynamics.weeks_to_rise(rise, turning, off, tuple(pauses)))[0]


@given(
    st.floats(0.02, 0.5),
    st.floats(0.01, 0.3),
    fractions,
    st.floats(0.01, 0.3),
    STRETCHES,
    st.floats(0.05, 1.5),
)
@settings(max_examples=150, deadline=None)
def test_rise_is_where_a_search_over_the_course_as_treated_finds_it(d, g, fraction, off, stretches, rise):
    """Two stretches may come to the same smallest burden, and a course may just touch the level: then either will do."""
    dynamics = model(d, g, fraction, off)
    found = risen_after(dynamics, stretches, rise)
    assume(found < FARTHEST_WEEK)
    step = 0.05
    slack = 1e-3 + step**2
    searched = [
        risen_by_search(d, g, fraction, off, stretches, rise + change, step) for change in (-slack, slack)
    ]
    assert searched[0] - 2 * step <= found <= searched[1] + 2 * step


@given(rates, rates, fractions, rates, STRETCHES, st.floats(0.01, 2.0))
@settings(deadline=None)
def test_burden_has_risen_by_the_amount_asked_at_that_week_and_not_before(
    d, g, fraction, off, stretches, rise
):
    dynamics = model(d, g, fraction, off)
    turning, risen = seen_after(dynamics, stretches), risen_after(dynamics, stretches, rise)
    assume(risen < FARTHEST_WEEK)
    smallest = log_burden_as_treated(dynamics, turning, stretches)
    assert log_burden_as_treated(dynamics, risen, stretches) == pytest.approx(smallest + rise, abs=1e-5)
    for share in np.linspace(0.0, 1.0, 40):
        before = log_burden_as_treated(dynamics, turning + share * (risen - turning), stretches)
        assert before <= smallest + rise + 1e-5


def test_rise_in_a_pause_is_soon_after_it_began():
    """From 0.66 at week 8 to 0.95 in 13 days: 0.36·exp(0.3·13/7) + 0.30·exp(0.05·13/7)."""
    dynamics = model(0.1, 0.05, 0.2, off=0.3)
    rise = np.log(0.9545 / 0.6576)
    assert 7 * risen_after(dynamics, [(8.0, 20.0)], rise) == pytest.approx(69, abs=0.1)


def test_rise_of_a_course_that_grows_from_the_start_is_counted_from_there():
    """All resistant: the burden is up by 1 after 1/g weeks; with the formula of the turning point, later."""
    assert risen_after(model(0.1, 0.05, 0.999999), [], 1.0) == pytest.approx(20.0, abs=1e-3)
