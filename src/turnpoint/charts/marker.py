"""One tumour marker by week on a logarithmic axis, with its upper limit and its forecast."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, spaced, text_width_px, words
from turnpoint.charts.fan import fan_layers, fan_readings
from turnpoint.charts.lane import Lane, Place, left_axis
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Specification, channel, marks
from turnpoint.charts.week_axis import Panel

_HEIGHT_PX = 132.0
_LABEL_GAP_PX = 12.0
_LONGEST_LIST = 40
_MOST_TICKS = 5
_SHAPES = {"none": "circle", "left": "triangle-down", "right": "triangle-up"}


def marker_lane(name: str, values: pl.DataFrame, fan: pl.DataFrame, language: Language) -> Lane:
    """The lane of one marker, on a logarithmic axis.

    Args:
        name: of the marker.
        values: `day, value, censoring, upper_limit, unit` of this marker; `censoring` is `none`, `left` or `right`.
        fan: its quantiles: `day, kind, q05, q25, q50, q75, q95`.
        language: of its words.
    """
    unit = str(values.sort("day")["unit"].fill_null("").item(-1))
    shown = _on_log_axis(values)
    limit = upper_limit(values)
    caption = language.text("Logarithmic axis: equal steps are equal ratios.")
    if shown.filter(pl.col("censoring") != "none").height:
        outside = language.text(
            "Triangles point to where the true value lies when it is outside what the assay can measure."
        )
        caption = language.joined([caption, outside])

    def draw(place: Place, panel: Panel) -> list[Layer]:
        return _layers(shown, fan, limit, place, panel)

    return Lane(
        title=language.text("{marker}, {unit}", marker=name, unit=unit) if unit else name,
        caption=caption,
        description=describe(values, unit, language),
        above_px=0.0,
        height_px=_HEIGHT_PX,
        draw=draw,
        readings=(
            *(
                (day, f"{censored_value(value, censoring, language)} {unit}".strip())
                for day, value, censoring in values.filter(pl.col("value").is_not_null())
                .sort("day")
                .select("day", "value", "censoring")
                .rows()
            ),
            *fan_readings(fan, language.measured, unit, language),
        ),
    )


def _layers(
    shown: pl.DataFrame, fan: pl.DataFrame, limit: float | None, place: Place, panel: Panel
) -> list[Layer]:
    bottom, top = _domain(shown, fan, limit)
    scale = place.scale(bottom, top, type="log", clamp=True)
    y_axis = left_axis(values=_ticks(bottom, top), labelOverlap=False, format="~r")
    x = panel.x()

    def y(column: str) -> Specification:
        return channel(f"{column}:Q", scale=scale, axis=y_axis)

    floored = fan.with_columns(pl.col("q05", "q25", "q50", "q75", "q95").clip(bottom / 10))
    layers: list[Layer] = [*fan_layers(floored, y, panel)]
    if limit is not None:
        layers += _limit_layers(limit, y, (bottom, top), place, panel)
    layers.append(
        marks(shown, "line", color=palette.INK, strokeWidth=1.2, opacity=0.55).encode(x=x, y=y("shown"))
    )
    for censoring, shape in _SHAPES.items():
        rows = shown.filter(pl.col("censoring") == censoring)
        if rows.height:
            fill = palette.INK if censoring == "none" else palette.PAPER
            style: dict[str, Any] = {
                "shape": shape,
                "fill": fill,
                "stroke": palette.INK,
                "strokeWidth": 1.3,
                "opacity": 1,
            }
            size = 42 if censoring == "none" else 80
            layers.append(marks(rows, "point", filled=True, size=size, **style).encode(x=x, y=y("shown")))
    return [*layers, *_censored_labels(shown, y("shown"), panel)]


def _censored_labels(shown: pl.DataFrame, y: Specification, panel: Panel) -> list[Layer]:
    """What the laboratory wrote, `<2`, beside values outside what the assay can measure; the first of equal ones."""
    outside = shown.filter(pl.col("censoring") != "none")
    if outside.is_empty():
        return []
    texts = [
        censored_value(value, censoring, panel.language)
        for value, censoring in outside.select("value", "censoring").rows()
    ]
    outside = outside.with_columns(pl.Series("text", texts)).filter(
        (pl.col("text") != pl.col("text").shift(1)).fill_null(value=True)
    )
    widest = max(text_width_px(text, panel.canvas.largest_px) for text in texts)
    pixels = [panel.pixel(week) for week in outside["week"]]
    room = spaced(pixels, [False] * outside.height, widest + _LABEL_GAP_PX)
    size_px = panel.canvas.font_px - 1
    return [
        words(
            outside.filter(pl.Series(room)),
            panel.x(),
            y,
            size_px=size_px,
            colour=palette.QUIET,
            align="center",
            dy=-15,
        )
    ]


def upper_limit(values: pl.DataFrame) -> float | None:
    """The upper limit of the reference range as it stands at the last value that has one."""
    limits = values.sort("day")["upper_limit"].drop_nulls()
    return None if limits.is_empty() or limits.item(-1) <= 0 else float(limits.item(-1))


def describe(values: pl.DataFrame, unit: str, language: Language) -> str:
    """The chart in words, with its numbers."""
    rows = values.sort("day")
    sentences = []
    if rows.height > _LONGEST_LIST:
        sentences.append(
            language.text("First and last of {count} values.", count=language.number(rows.height))
        )
        rows = pl.concat([rows.head(1), rows.tail(1)])
    sentences += [
        language.text(
            "Week {week}: {value} {unit}.",
            week=language.week(day),
            value=censored_value(value, censoring, language),
            unit=unit,
        )
        for day, value, censoring in rows.select("day", "value", "censoring").rows()
    ]
    limit = upper_limit(values)
    if limit is not None:
        said = language.measured(limit)
        sentences.append(
            language.text("Upper limit of the reference range {value} {unit}.", value=said, unit=unit)
        )
    return language.joined(sentences)


def censored_value(value: float | None, censoring: str | None, language: Language) -> str:
    """A value as the laboratory writes it: `12.3`, `<0.1`, `>5,000`."""
    sign = {"left": "<", "right": ">"}.get(censoring or "", "")
    return sign + language.measured(value)


def _on_log_axis(values: pl.DataFrame) -> pl.DataFrame:
    """Rows with a value; 0 has no logarithm, so it is shown at half the smallest positive value, as undetected."""
    positive = values.filter(pl.col("value") > 0)["value"].min()
    floor = float(positive) / 2.0 if isinstance(positive, int | float) else 0.1
    zero = pl.col("value") <= 0
    return (
        values.filter(pl.col("value").is_not_null())
        .sort("day")
        .with_columns(
            (pl.col("day") / 7.0).alias("week"),
            pl.when(zero).then(floor).otherwise(pl.col("value")).alias("shown"),
            pl.when(zero).then(pl.lit("left")).otherwise(pl.col("censoring")).alias("censoring"),
        )
    )


def _domain(shown: pl.DataFrame, fan: pl.DataFrame, limit: float | None) -> tuple[float, float]:
    """Everything read and the limit; the fan as far as it does not squeeze them."""
    must = [float(value) for value in shown["shown"]] + ([] if limit is None else [limit])
    low, high = (min(must), max(must)) if must else (1.0, 10.0)
    room = max(2.0, (high / low) ** 0.5)
    for column, end in (("q05", "low"), ("q95", "high")):
        numbers = fan.filter(pl.col(column) > 0)[column] if fan.height else fan[column]
        edge = numbers.min() if end == "low" else numbers.max()
        if not isinstance(edge, int | float) or not math.isfinite(edge):
            continue
        if end == "low":
            low = min(low, max(float(edge), low / room))
        else:
            high = max(high, min(float(edge), high * room))
    return low / 1.25, high * 1.25


def _ticks(bottom: float, top: float) -> list[float]:
    """1, 2, 5, 10, ... within the axis, thinned to powers of ten where there are many."""
    exponents = range(math.floor(math.log10(bottom)), math.ceil(math.log10(top)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**exponent for exponent in exponents for factor in factors]
        inside = [round(tick, 12) for tick in found if bottom <= tick <= top]
        if len(inside) <= _MOST_TICKS:
            return inside
    return inside[:: math.ceil(len(inside) / (_MOST_TICKS - 1))]


def _limit_layers(
    limit: float,
    y: Callable[[str], Specification],
    domain: tuple[float, float],
    place: Place,
    panel: Panel,
) -> list[Layer]:
    bottom, top = domain
    rule = pl.DataFrame({"limit": [limit]})
    y_px = _HEIGHT_PX * (1.0 - math.log(limit / bottom) / math.log(top / bottom))
    largest_px = panel.canvas.largest_px
    text = panel.language.text("upper limit\n{value}", value=panel.language.measured(limit))
    return [
        marks(rule, "rule", color=palette.QUIET, strokeWidth=1.2, strokeDash=[7, 4]).encode(y=y("limit")),
        words(
            pl.DataFrame({"text": [text]}),
            at_x(panel.canvas.plot_width_px + 8),
            place.at_y(min(max(y_px, largest_px), _HEIGHT_PX - 0.5 * largest_px) - 0.6 * largest_px),
            size_px=panel.canvas.font_px - 1,
            colour=palette.QUIET,
        ),
    ]
