"""The map of virtual trials: every number and name is there, colours say gain or loss, text can be read."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from turnpoint.charts import palette, trial_map
from turnpoint.charts.svg import svg
from turnpoint.charts.trial_map import Grid, gain_map, ink


def _texts(chart):
    drawn = svg(chart, figure_id="f", title="t", description="d")
    return [element.text for element in ET.fromstring(drawn).iter() if element.tag.endswith("text")]  # noqa: S314


def test_map_writes_every_cell_and_colours_gain_and_loss_apart():
    grid = Grid("First progression", "across", "up", ("0", "1"), ("x", "y"), ((5.0, -5.0), (0.0, None)))
    chart = gain_map([[grid]], 10.0)
    texts = _texts(chart)
    assert {"First progression", "across", "up", "0", "1", "x", "y", "+5.0", "−5.0", "–"} <= set(texts)
    drawn = svg(chart, figure_id="f", title="t", description="d")
    assert drawn.count("<path") >= 4


def test_map_colour_grows_no_darker_beyond_the_darkest():
    grid = Grid("t", "a", "u", ("0", "1"), ("x",), ((10.0, 99.0),))
    drawn = svg(gain_map([[grid]], 10.0), figure_id="f", title="t", description="d")
    assert drawn.count(palette.FORECAST) == 2


@pytest.mark.parametrize("share", np.linspace(0.0, 1.0, 11))
@pytest.mark.parametrize("goal", [trial_map.GAIN, trial_map.LOSS])
def test_number_in_a_cell_can_be_read_on_every_colour(share, goal):
    channels = (
        round(int(trial_map.NEITHER[at : at + 2], 16) * (1 - share) + int(goal[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    )
    colour = "#" + "".join(f"{channel:02x}" for channel in channels)
    assert palette.contrast(ink(colour), colour) >= 4.0


def test_cell_whose_interval_holds_0_has_no_colour_and_one_that_does_not_has_one():
    grid = Grid(
        "t",
        "a",
        "u",
        ("0", "1", "2", "3"),
        ("x",),
        ((5.0, -0.1, 0.4, -0.01),),
        within_weeks=((6.0, 0.05, 0.5, 0.0),),
    )
    assert [grid.colour(0, column, 20.0) == trial_map.NEITHER for column in range(4)] == [
        True,
        False,
        True,
        True,
    ]
    assert {"+5.0", "±6.0", "−0.1", "±0.1", "+0.4", "±0.5"} <= set(_texts(gain_map([[grid]], 20.0)))


def test_cell_that_is_meant_is_outlined():
    grid = Grid("t", "a", "u", ("0", "1"), ("x",), ((5.0, -5.0),), here=(0, 1))
    drawn = svg(gain_map([[grid]], 10.0), figure_id="f", title="t", description="d")
    assert drawn.count(f'stroke="{palette.INK}"') == 1
