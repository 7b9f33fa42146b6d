"""Pictures of virtual trials: every number and name is there."""

from xml.etree import ElementTree as ET

import numpy as np
import polars as pl

from turnpoint.charts import trial_curves
from turnpoint.charts.svg import svg
from turnpoint.reports.catalogue import language

ENGLISH = language("en")
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
    texts = " ".join(_texts(trial_curves.event_free(_curves(), trial_curves.CURVES, ENGLISH)))
    assert all(name in texts for name in ARMS)


def test_event_free_keeps_names_apart_below_the_plot():
    spec = trial_curves.event_free(_curves(), trial_curves.CURVES, ENGLISH)
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
    texts = _texts(trial_curves.gains(rows, trial_curves.ROWS, ENGLISH))
    assert "+3.2 (+2.0 to +4.0)" in texts
    assert "−7.5 (−9.0 to −6.0)" in texts
    assert "a: first progression" in texts
