"""A date and its 90 % interval: in words, and the turning point behind a course."""

from __future__ import annotations

from typing import Any

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_y, text_width_px, words
from turnpoint.charts.language import NOTHING, Language
from turnpoint.charts.specification import marks
from turnpoint.charts.week_axis import Panel
from turnpoint.model.dynamics import FARTHEST_WEEK
from turnpoint.pictures.dates import DateInterval


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


def turning_band(interval: DateInterval, panel: Panel) -> list[Layer]:
    """The turning point behind a course: a band for the 90 % interval, a line at the median.

    Args:
        interval: of the last assessment.
        panel: what it is drawn on.
    """
    bounds = interval.bounds
    if bounds is None or bounds[0] >= panel.axis.last_week or bounds[2] <= panel.axis.first_week:
        return []
    low, middle, high = bounds
    x = panel.x()
    band = pl.DataFrame({"week": [max(low, panel.axis.first_week)], "end": [min(high, panel.axis.last_week)]})
    layers: list[Layer] = [marks(band, "rect", color=palette.TURNING_TINT).encode(x=x, x2="end:Q")]
    if panel.axis.first_week <= middle <= panel.axis.last_week:
        rule = pl.DataFrame({"week": [middle]})
        style: dict[str, Any] = {"color": palette.TURNING, "strokeWidth": 1.4, "strokeDash": [6, 3]}
        layers.append(marks(rule, "rule", **style).encode(x=x))
    return layers


def turning_label(interval: DateInterval, panel: Panel, y_px: float) -> Layer:
    """The turning point in words, above its band."""
    text = panel.language.text("Turning point: {interval}", interval=interval_text(interval, panel.language))
    bounds, first, last = interval.bounds, panel.axis.first_week, panel.axis.last_week
    middle = 0.5 * (first + last)
    if bounds is not None:
        low, high = max(bounds[0], first), min(bounds[2], last)
        middle = bounds[1] if low <= bounds[1] <= high else 0.5 * (low + high)
    # near an end the text moves inward, so that it never leaves the sheet
    plot_px = panel.canvas.plot_width_px
    half = 0.5 * text_width_px(text, panel.canvas.largest_px)
    x_px = min(max(panel.pixel(middle), half), max(half, plot_px - half))
    week = first + x_px / plot_px * (last - first)
    return words(
        pl.DataFrame({"week": [week], "text": [text]}),
        panel.x(),
        at_y(y_px),
        size_px=panel.canvas.font_px - 1,
        colour=palette.QUIET if bounds is None else palette.TURNING,
        align="center",
        bold=bounds is not None,
    )
