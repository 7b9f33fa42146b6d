"""The fan: what the model thinks the value was at each day so far, and what it will be."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer
from turnpoint.charts.lane import Readings
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Specification, marks
from turnpoint.charts.week_axis import Panel

_QUANTILES = ("q05", "q25", "q50", "q75", "q95")


def fan_layers(fan: pl.DataFrame, y: Callable[[str], Specification], panel: Panel) -> list[Layer]:
    """90 % and 50 % bands and the median: grey and solid where fitted, blue and dashed where forecast.

    Args:
        fan: one quantity: `day, kind, q05, q25, q50, q75, q95`.
        y: gives the panel's vertical channel for a column.
        panel: what it is drawn on.
    """
    joined = _joined(fan).select("week", "kind", *_QUANTILES)
    layers: list[Layer] = []
    x = panel.x()
    for kind, colour, dash in (("fitted", palette.FITTED, [1, 0]), ("forecast", palette.FORECAST, [5, 3])):
        rows = joined.filter(pl.col("kind") == kind)
        if rows.is_empty():
            continue
        base = rows
        for low, high, opacity in (("q05", "q95", 0.16), ("q25", "q75", 0.26)):
            layers.append(
                marks(base, "area", color=colour, opacity=opacity, clip=True, line=False).encode(
                    x=x, y=y(low), y2=f"{high}:Q"
                )
            )
        layers.append(
            marks(base, "line", color=colour, strokeWidth=1.4, strokeDash=dash, clip=True).encode(
                x=x, y=y("q50")
            )
        )
    return layers


def fan_readings(
    fan: pl.DataFrame, said: Callable[[float | None], str], unit: str, language: Language
) -> Readings:
    """The forecast of each day in words: `40 mm (32 to 56)`."""
    ahead = fan.filter(pl.col("kind") == "forecast").sort("day")
    return tuple(
        (
            day,
            language.text(
                "forecast {value} ({low} to {high})",
                value=f"{said(middle)} {unit}".strip(),
                low=said(low),
                high=said(high),
            ),
        )
        for day, low, middle, high in ahead.select("day", "q05", "q50", "q95").rows()
        if middle is not None
    )


def _joined(fan: pl.DataFrame) -> pl.DataFrame:
    """The fan in weeks, the last fitted day repeated as the first forecast one, so that no gap is drawn."""
    weeks = fan.with_columns((pl.col("day") / 7.0).alias("week")).sort("day")
    fitted = weeks.filter(pl.col("kind") == "fitted")
    forecast = weeks.filter(pl.col("kind") == "forecast")
    if fitted.is_empty() or forecast.is_empty() or forecast["day"].item(0) <= fitted["day"].item(-1):
        return weeks
    bridge = fitted.tail(1).with_columns(pl.lit("forecast").alias("kind"))
    return pl.concat([fitted, bridge, forecast])
