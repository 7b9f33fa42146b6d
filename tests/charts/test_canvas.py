from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from turnpoint.charts.canvas import spaced, spread

_PIXELS = st.lists(st.floats(0.0, 300.0), max_size=12)


@given(_PIXELS, st.floats(1.0, 20.0))
def test_spread_keeps_the_gap_and_the_order_always(positions: list[float], gap: float) -> None:
    placed = spread(positions, gap, 0.0, 300.0)
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    for first, second in itertools.pairwise(order):
        assert placed[second] - placed[first] >= gap - 1e-6


@given(_PIXELS, st.floats(1.0, 20.0))
def test_spread_stays_inside_when_there_is_room(positions: list[float], gap: float) -> None:
    placed = spread(positions, gap, 0.0, 300.0)
    if gap * len(positions) <= 300.0:
        assert all(-1e-6 <= place <= 300.0 + 1e-6 for place in placed)


def test_spread_moves_nothing_when_labels_are_far_apart() -> None:
    assert spread([10.0, 100.0, 200.0], 20.0, 0.0, 300.0) == [10.0, 100.0, 200.0]


@given(_PIXELS, st.data())
def test_spaced_never_shows_two_labels_closer_than_the_gap(
    positions: list[float], data: st.DataObject
) -> None:
    important = data.draw(st.lists(st.booleans(), min_size=len(positions), max_size=len(positions)))
    shown = [place for place, keep in zip(positions, spaced(positions, important, 15.0), strict=True) if keep]
    ordered = sorted(shown)
    assert all(later - earlier >= 15.0 for earlier, later in itertools.pairwise(ordered))


def test_spaced_shows_everything_when_the_gap_is_exactly_met() -> None:
    assert spaced([0.0, 15.0, 30.0], [False, False, False], 15.0) == [True, True, True]
