"""The three dates, each with its 90 % interval: dominance, turning point, detectable regrowth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, at_y, sheet, text_width_px, words
from turnpoint.charts.language import NOTHING, Language
from turnpoint.charts.specification import Scale, Specification, channel, marks
from turnpoint.charts.week_axis import Panel
from turnpoint.model.dynamics import FARTHEST_WEEK
from turnpoint.pictures.dates import DateInterval

_ROW_PX = 44


def is_beyond(week: float | None) -> bool:
    """Whether a date lies at the model's end of time: not within ten years."""
    return week is not None and week >= FARTHEST_WEEK - 1e-6


def interval_text(interval: DateInterval, language: Language) -> str:
    """The interval in a few words: `week 31 (18–52)`, `week 64 or later`, `not yet determined`."""
    bounds = interval.bounds
    if bounds is None:
        return language.text("not yet determined")
    low, middle, high = bounds
    if is_beyond(high) or is_beyond(middle):
        return language.text("week {week} or later", week=language.number(low))
    return language.text(
        "week {week} ({low}–{high})",
        week=language.number(middle),
        low=language.number(low),
        high=language.number(high),
    )


def week_or_never(week: float | None, language: Language) -> str:
    """One quantile as a week number; beyond ten years it is said so."""
    if week is None:
        return NOTHING
    return language.text("after 10 years") if is_beyond(week) else language.number(week)


def turning_layers(interval: DateInterval, panel: Panel, label_y_px: float | None) -> list[Layer]:
    """The turning point behind a panel: a band for the 90 % interval, a line at the median, a label on top.

    Args:
        interval: of the last assessment.
        panel: what it is drawn on.
        label_y_px: height of the label; None for no label.
    """
    layers: list[Layer] = []
    bounds = interval.bounds
    x = panel.x()
    if bounds is not None and bounds[0] < panel.axis.last_week and bounds[2] > panel.axis.first_week:
        low, middle, high = bounds
        band = pl.DataFrame(
            {"week": [max(low, panel.axis.first_week)], "end": [min(high, panel.axis.last_week)]}
        )
        layers.append(marks(band, "rect", color=palette.TURNING_TINT).encode(x=x, x2="end:Q"))
        if panel.axis.first_week <= middle <= panel.axis.last_week:
            rule = pl.DataFrame({"week": [middle]})
            style: dict[str, Any] = {"color": palette.TURNING, "strokeWidth": 1.4, "strokeDash": [6, 3]}
            layers.append(marks(rule, "rule", **style).encode(x=x))
    if label_y_px is not None:
        layers.append(_turning_label(interval, panel, label_y_px))
    return layers


def _turning_label(interval: DateInterval, panel: Panel, y_px: float) -> Layer:
    text = panel.language.text("Turning point: {interval}", interval=interval_text(interval, panel.language))
    bounds = interval.bounds
    middle = 0.5 * (panel.axis.first_week + panel.axis.last_week)
    if bounds is not None:
        low, high = max(bounds[0], panel.axis.first_week), min(bounds[2], panel.axis.last_week)
        middle = bounds[1] if low <= bounds[1] <= high else 0.5 * (low + high)
    # near an end the text moves inward, so that it never leaves the sheet
    half = 0.5 * text_width_px(text, panel.canvas.largest_px)
    x_px = min(max(panel.pixel(middle), half), max(half, panel.canvas.plot_width_px - half))
    return words(
        pl.DataFrame({"text": [text]}),
        at_x(x_px),
        at_y(y_px),
        size_px=panel.canvas.font_px - 1,
        colour=palette.QUIET if bounds is None else palette.TURNING,
        align="center",
        bold=bounds is not None,
    )


def three_dates(dates: Sequence[tuple[str, DateInterval]], panel: Panel) -> Specification:
    """One row a date: its name and interval in words, below them the interval as a bar, the median as a dot.

    Args:
        dates: name and interval, in the order to show.
        panel: what the chart is drawn on.
    """
    rows: dict[str, list[float | str]] = {
        name: [] for name in ("week", "end", "median", "y", "text_y", "text", "edge")
    }
    for index, (name, interval) in enumerate(dates):
        bounds = interval.bounds
        inside = bounds is not None and bounds[0] < panel.axis.last_week and bounds[2] > panel.axis.first_week
        low, middle, high = bounds if bounds is not None and inside else (float("nan"),) * 3
        rows["week"].append(max(low, panel.axis.first_week))
        rows["end"].append(min(high, panel.axis.last_week))
        rows["median"].append(
            middle if panel.axis.first_week <= middle <= panel.axis.last_week else float("nan")
        )
        rows["edge"].append(panel.axis.last_week if high > panel.axis.last_week else float("nan"))
        rows["y"].append((index + 0.76) * _ROW_PX)
        rows["text_y"].append((index + 0.3) * _ROW_PX)
        said = interval_text(interval, panel.language)
        rows["text"].append(panel.language.text("{name}: {value}", name=name, value=said))
    numbers = ("week", "end", "median", "edge", "y", "text_y")
    frame = pl.DataFrame(
        rows, schema={name: pl.Float64 if name in numbers else pl.String for name in rows}, nan_to_null=True
    ).with_columns(pl.col("week", "end").fill_nan(None))
    height = _ROW_PX * len(dates)
    y = channel("y:Q", scale=Scale(domain=[height, 0], nice=False), axis=None)
    x = panel.x()
    base = frame.filter(pl.col("week").is_not_null())
    layers: list[Layer] = [
        marks(base, "rule", color=palette.TURNING, strokeWidth=5, opacity=0.35).encode(x=x, x2="end:Q", y=y),
        marks(
            base, "point", shape="triangle-right", filled=True, color=palette.TURNING, size=60, opacity=1
        ).encode(x=panel.x("edge"), y=y),
        marks(base, "point", filled=True, color=palette.TURNING, size=70, opacity=1).encode(
            x=panel.x("median"), y=y
        ),
        *panel.now(),
        words(
            frame,
            at_x(0),
            channel("text_y:Q", scale=Scale(domain=[height, 0], nice=False), axis=None),
            size_px=panel.canvas.font_px - 1,
        ),
    ]
    return sheet(layers, panel.canvas, height)
