"""Pictures of virtual trials: every number and name is there, colours say gain or loss, text can be read."""

from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest

from turnpoint.charts import palette, trial_curves, trial_map
from turnpoint.charts.svg import svg
from turnpoint.charts.trial_map import Grid, gain_map, ink

ARMS = ("at progression", "at the alert", "at the true turning point")


def _texts(chart):
    drawn = svg(chart, figure_id="f", title="t", description="d")
    return [element.text for element in ET.fromstring(drawn).iter() if element.tag.endswith("text")]  # noqa: S314


def _curves():
    weeks = np.linspace(0.0, 100.0, 20)
    return pl.concat(
        [
            pl.DataFrame({"week": weeks, "share": np.exp(-weeks / (40.0 + place))}).with_columns(
                pl.lit(name).alias("arm"), pl.lit(place).alias("place")
            )
            for place, name in enumerate(ARMS)
        ]
    )


def test_event_free_names_every_arm():
    texts = " ".join(_texts(trial_curves.event_free(_curves(), trial_curves.CURVES)))
    assert all(name in texts for name in ARMS)


def test_event_free_keeps_names_apart_below_the_plot():
    spec = trial_curves.event_free(_curves(), trial_curves.CURVES)
    heights = sorted(
        layer["encoding"]["y"]["value"]
        for layer in spec["layer"]
        if "value" in layer["encoding"].get("y", {})
    )
    apart = np.diff(sorted(set(heights)))
    assert len(set(heights)) == len(ARMS)
    assert apart.min() >= trial_curves.CURVES.largest_px
    assert heights[0] > spec["height"] + trial_curves.CURVES.largest_px
    assert heights[-1] + 0.5 * trial_curves.CURVES.largest_px <= spec["height"] + spec["padding"]["bottom"]


def test_gains_show_each_number_with_its_interval():
    rows = pl.DataFrame(
        {
            "label": ["a: first progression", "b: lethal burden"],
            "place": [1, 2],
            "gained_weeks": [3.24, -7.5],
            "gained_weeks_low": [2.0, -9.0],
            "gained_weeks_high": [4.0, -6.04],
        }
    )
    texts = _texts(trial_curves.gains(rows, trial_curves.ROWS))
    assert "+3.2 (+2.0 to +4.0)" in texts
    assert "−7.5 (−9.0 to −6.0)" in texts
    assert "a: first progression" in texts


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
