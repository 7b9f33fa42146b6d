from __future__ import annotations

import polars as pl
import pytest

from turnpoint.charts.canvas import COURSE, READING, Canvas
from turnpoint.charts.language import Language
from turnpoint.charts.week_axis import Panel, WeekAxis


def test_axis_holds_every_day_and_the_start_of_treatment() -> None:
    axis = WeekAxis.over([pl.DataFrame({"day": [70, 140]}), pl.DataFrame({"day": [21.0]})], 140.0)
    assert axis.first_week < 0.0
    assert axis.last_week > 20.0
    assert axis.last_visit_week == 20.0


def test_axis_has_a_width_when_there_is_no_data() -> None:
    axis = WeekAxis.over([pl.DataFrame(schema={"day": pl.Int64})], None)
    assert axis.last_week > axis.first_week
    assert axis.last_visit_week is None


@pytest.mark.parametrize("canvas", [COURSE, READING], ids=["course", "reading"])
@pytest.mark.parametrize("last_week", [3.0, 30.0, 150.0, 1200.0])
def test_ticks_have_room_for_their_labels_and_hold_zero(canvas: Canvas, last_week: float) -> None:
    ticks = WeekAxis(-4.0, last_week, None).ticks(canvas)
    pixels_apart = canvas.plot_width_px * (ticks[1] - ticks[0]) / (last_week + 4.0)
    assert 0.0 in ticks
    assert pixels_apart >= 2.5 * canvas.largest_px


def test_pixel_is_linear_between_the_ends(english: Language) -> None:
    panel = Panel(WeekAxis(-10.0, 30.0, None), COURSE, english)
    assert panel.pixel(-10.0) == 0.0
    assert panel.pixel(30.0) == COURSE.plot_width_px
    assert panel.pixel(10.0) == COURSE.plot_width_px / 2
