"""States from the trend and the readings: every branch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.turning.verdict import state_probabilities, verdicts

TREND = (0.2, 0.5, 0.3)  # shrinks, stays, grows


@pytest.mark.parametrize(
    ("risen", "fallen", "expected"),
    [
        (False, False, (0.4, 0.5, 0.3)),  # a change counts twice, growth once until it is likely or read
        (True, False, (0.4, 0.5, 0.9)),  # three times where it has been read
        (False, True, (0.6, 0.5, 0.3)),
        (True, True, (0.4, 0.5, 0.6)),  # the readings contradict each other and say nothing
    ],
)
def test_states_weigh_a_change_twice_and_three_times_where_it_has_been_read(risen, fallen, expected):
    found = state_probabilities(np.array([TREND]), risen=np.array([risen]), fallen=np.array([fallen]))
    np.testing.assert_allclose(found[0], np.array(expected) / sum(expected))


def test_a_rise_that_has_been_read_does_not_make_regrowth_of_a_trend_that_stays():
    trend = np.array([[0.02, 0.9, 0.08]])
    found = state_probabilities(trend, risen=np.array([True]), fallen=np.array([False]))
    assert found[0].argmax() == 1


SHARES = st.tuples(*[st.floats(0.0, 1.0)] * 3).filter(lambda own: sum(own) > 0)


@given(st.lists(st.tuples(SHARES, st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_states_are_probabilities_and_each_row_is_by_itself(rows):
    trend = np.array([own for own, _, _ in rows])
    trend /= trend.sum(axis=1, keepdims=True)
    risen, fallen = (np.array([row[place] for row in rows]) for place in (1, 2))
    given_trend = trend.copy()
    found = state_probabilities(trend, risen=risen, fallen=fallen)
    np.testing.assert_array_equal(trend, given_trend)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found >= 0).all()
    for row in range(len(rows)):
        own = slice(row, row + 1)
        np.testing.assert_array_equal(
            state_probabilities(trend[own], risen=risen[own], fallen=fallen[own])[0], found[row]
        )


def verdict(
    state,
    *,
    risen=False,
    fallen=False,
    lowest=False,
    off=False,
    values=3,
    shrinkage=0.1,
    highest=0.4,
    growing=0.5,
):
    """The verdict where one state has the highest probability and the others share the rest."""
    p = [(1 - highest) / 2] * 3
    p[("responding", "plateau", "regrowing").index(state)] = highest
    (found,) = verdicts(
        np.array([p]),
        np.array([[(1 - growing) / 2, (1 - growing) / 2, growing]]),
        risen=np.array([risen]),
        fallen=np.array([fallen]),
        new_lowest=np.array([lowest]),
        off_treatment=np.array([off]),
        informative_values=np.array([values]),
        shrinkage=np.array([shrinkage]),
    )
    return found


@pytest.mark.parametrize("state", ["responding", "plateau", "regrowing"])
@pytest.mark.parametrize(
    ("changes", "decided"),
    [
        ({}, True),
        ({"values": 2}, False),
        ({"shrinkage": 0.0999}, False),
        ({"highest": 0.399}, False),
    ],
)
def test_verdict_needs_three_values_a_posterior_unlike_the_prior_and_two_fifths_of_the_weight(
    state, changes, decided
):
    assert verdict(state, **changes) == (state if decided else "undetermined")


@pytest.mark.parametrize(
    ("state", "risen", "fallen", "off", "expected"),
    [
        ("responding", False, False, False, "responding"),
        ("responding", False, True, False, "responding"),
        ("responding", True, False, False, "undetermined"),  # shrinks, and stands above its smallest
        ("responding", True, True, False, "undetermined"),
        ("responding", False, False, True, "responding"),
        ("responding", False, True, True, "responding"),
        ("plateau", False, False, False, "plateau"),
        ("plateau", True, False, False, "plateau"),
        ("plateau", False, True, False, "plateau"),
        ("plateau", True, True, False, "undetermined"),  # one lesion grows, another shrinks
        ("plateau", False, False, True, "plateau"),
        ("regrowing", False, False, False, "regrowing"),
        ("regrowing", True, False, False, "regrowing"),
        ("regrowing", False, True, False, "undetermined"),  # grows, and has been read to fall
        ("regrowing", True, True, False, "undetermined"),
        ("regrowing", False, False, True, "undetermined"),  # the model expects it, nothing has risen
        ("regrowing", True, False, True, "regrowing"),
        ("regrowing", False, True, True, "undetermined"),
    ],
)
def test_verdict_is_undetermined_where_the_readings_say_the_contrary(state, risen, fallen, off, expected):
    assert verdict(state, risen=risen, fallen=fallen, off=off, highest=0.9) == expected


@pytest.mark.parametrize(
    ("growing", "risen", "expected"),
    [(0.5, False, "regrowing"), (0.4999, False, "undetermined"), (0.4999, True, "regrowing")],
)
def test_nothing_is_regrowing_when_nothing_has_risen_and_the_trend_is_not_up(growing, risen, expected):
    assert verdict("regrowing", risen=risen, growing=growing) == expected


@pytest.mark.parametrize(
    ("state", "fallen", "lowest", "expected"),
    [
        ("plateau", True, True, "undetermined"),  # it has just been read to fall as never before
        ("plateau", True, False, "plateau"),
        ("plateau", False, True, "plateau"),
        ("responding", True, True, "responding"),
    ],
)
def test_no_plateau_while_a_new_lowest_value_has_just_been_read(state, fallen, lowest, expected):
    assert verdict(state, fallen=fallen, lowest=lowest, highest=0.9) == expected


def test_growth_that_is_less_likely_than_not_weighs_no_more_than_a_plateau_until_it_has_been_read():
    trend = np.array([[0.0, 0.55, 0.45], [0.0, 0.45, 0.55]])
    unread, read = (
        state_probabilities(trend, risen=np.full(2, risen), fallen=np.zeros(2, bool))
        for risen in (False, True)
    )
    np.testing.assert_allclose(unread[:, 2], [0.45, 2 * 0.55 / (0.45 + 2 * 0.55)])
    np.testing.assert_allclose(read[:, 2], [3 * 0.45 / (0.55 + 3 * 0.45), 3 * 0.55 / (0.45 + 3 * 0.55)])


def test_verdicts_are_told_row_by_row():
    p = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9], [0.39, 0.36, 0.25]])
    no = np.zeros(4, dtype=bool)
    found = verdicts(
        p,
        p,
        risen=np.array([False, False, True, False]),
        fallen=no,
        new_lowest=no,
        off_treatment=no,
        informative_values=np.full(4, 3),
        shrinkage=np.full(4, 0.5),
    )
    assert found == ["responding", "plateau", "regrowing", "undetermined"]
