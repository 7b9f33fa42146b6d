"""The one simple picture of the patient's page: sizes or marker values so far, and what may come."""

from __future__ import annotations

import math

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, at_y, sheet, text_width_px, words
from turnpoint.charts.specification import Axis, Scale, Specification, channel, marks
from turnpoint.charts.week_axis import Panel

_APART_PX = 10.0
_HEIGHT_PX = 260


def patient_picture(values: pl.DataFrame, fan: pl.DataFrame, panel: Panel) -> Specification:
    """Dots joined by a line, and a soft area where the next values are likely to lie. Nothing else.

    Args:
        values: `day, value, censored`: sizes in mm or values of one marker.
        fan: quantiles of the same: `day, kind, q05, q25, q50, q75, q95`.
        panel: what the chart is drawn on.
    """
    rows = (
        values.filter(pl.col("value").is_not_null())
        .sort("day")
        .with_columns((pl.col("day") / 7.0).alias("week"))
    )
    ahead = _ahead(fan, rows)
    top = _top(rows, ahead)
    scale = Scale(domain=[0, top], nice=False, clamp=True)
    y_axis = Axis(tickCount=4, grid=True, ticks=False, title=None)
    x = panel.x()
    y = channel("value:Q", scale=scale, axis=y_axis)
    base = rows
    layers: list[Layer] = [
        marks(ahead, "area", color=palette.FORECAST, opacity=0.2, clip=True, line=False).encode(
            x=x, y=channel("q05:Q", scale=scale, axis=y_axis), y2="q95:Q"
        ),
        *panel.now(),
        marks(base, "line", color=palette.INK, strokeWidth=2).encode(x=x, y=y),
        marks(base, "point", filled=True, color=palette.INK, size=80, opacity=1).encode(x=x, y=y),
    ]
    if rows.height:
        layers += _labels(rows, ahead.height > 0, panel, top)
    return sheet(layers, panel.canvas, _HEIGHT_PX, top_px=32)


def _ahead(fan: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The forecast part, opening from the last value."""
    weeks = fan.with_columns((pl.col("day") / 7.0).alias("week")).sort("day")
    forecast = weeks.filter(pl.col("kind") == "forecast").select("week", "q05", "q95").drop_nulls()
    if rows.is_empty() or forecast.is_empty():
        return forecast
    last = rows.tail(1).select("week", pl.col("value").alias("q05"), pl.col("value").alias("q95"))
    return pl.concat(
        [
            last.cast({"q05": pl.Float64, "q95": pl.Float64}),
            forecast.filter(pl.col("week") > last["week"].item()),
        ]
    )


def _top(rows: pl.DataFrame, ahead: pl.DataFrame) -> float:
    seen, wide = rows["value"].max(), ahead["q95"].max()
    inside = float(seen) if isinstance(seen, int | float) and seen > 0 else 1.0
    reach = float(wide) if isinstance(wide, int | float) and math.isfinite(wide) else 0.0
    return 1.12 * max(inside, min(reach, 1.3 * inside))


def _labels(rows: pl.DataFrame, has_forecast: bool, panel: Panel, top: float) -> list[Layer]:
    """The first and the last value in numbers, and what the soft area is."""
    language, size, largest = panel.language, panel.canvas.font_px, panel.canvas.largest_px
    ends = pl.concat([rows.head(1), rows.tail(1)]).unique(subset="week", maintain_order=True)
    layers: list[Layer] = []
    for week, value in ends.select("week", "value").rows():
        half_px = 0.5 * text_width_px(language.measured(value), largest)
        y_px = _HEIGHT_PX * (1.0 - value / top) - 20.0
        layers.append(
            words(
                pl.DataFrame({"text": [language.measured(value)]}),
                at_x(max(panel.pixel(week), half_px + _APART_PX)),  # clear of the labels of the axis
                at_y(y_px),
                size_px=size + 1,
                align="center",
                bold=True,
            )
        )
    last = panel.axis.last_visit_week
    if has_forecast and last is not None:
        ahead, end = language.text("what may come"), panel.pixel(panel.axis.last_week)
        # the words end at the drawing's edge where there is no room for them after the last visit, as on a phone
        starts = min(panel.pixel(last) + 6, end - text_width_px(ahead, largest))
        layers.append(
            words(
                pl.DataFrame({"text": [ahead]}), at_x(starts), at_y(-14), size_px=size - 1, colour=palette.FORECAST,
            )
        )  # fmt: skip
        before = language.text("last test")
        # left out where it would run off the sheet, as at the first visit
        if starts - 12 - text_width_px(before, largest) > -panel.canvas.left_px:
            layers.append(
                words(
                    pl.DataFrame({"text": [before]}), at_x(starts - 12), at_y(-14),
                    size_px=size - 1, align="right", colour=palette.QUIET,
                )
            )  # fmt: skip
    return layers
