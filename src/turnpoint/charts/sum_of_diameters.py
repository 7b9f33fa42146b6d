"""The sum of diameters by week: what was read, what RECIST waits for, what is likely next."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, at_y, sheet, spaced, spread, words
from turnpoint.charts.dates import turning_layers
from turnpoint.charts.fan import fan_layers, forecast_label
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Axis, Scale, Specification, channel, marks
from turnpoint.charts.week_axis import Panel
from turnpoint.pictures.dates import DateInterval
from turnpoint.study.markers import ONE_SIDED_95

_LONGEST_LIST = 40  # visits named one by one in the alternative text
_HEIGHT_PX = 300
_TOP_PX = 54
_RESPONSE_Y_PX = -14.0
_TURNING_Y_PX = -40.0


@dataclass(frozen=True, slots=True)
class RecistLines:
    """Where RECIST would call a response or progression; None where there is no such line.

    Attributes:
        partial_response_mm: 0.7 x baseline.
        progression_mm: what the sum must reach for progression to be called now.
    """

    partial_response_mm: float | None
    progression_mm: float | None


def sum_of_diameters(
    sums: pl.DataFrame,
    fan: pl.DataFrame,
    lines: RecistLines,
    turning: DateInterval,
    panel: Panel,
) -> Specification:
    """The chart.

    Args:
        sums: `day, sum_of_diameters_mm, reading_sd_mm, censored, overall_response, new_lesion`, a visit a row.
        fan: quantiles of the sum: `day, kind, q05, q25, q50, q75, q95`.
        lines: RECIST's lines.
        turning: the turning point as the last assessment has it.
        panel: what the chart is drawn on.
    """
    seen = _with_error(sums)
    top = y_top(seen, fan, lines)
    scale = Scale(domain=[0, top], nice=False, clamp=True)
    y_axis = Axis(values=_ticks(top), grid=True, ticks=False, title=None, format=",d")
    x = panel.x()

    def y(column: str) -> Specification:
        return channel(f"{column}:Q", scale=scale, axis=y_axis)

    layers: list[Layer] = [
        *turning_layers(turning, panel, _TURNING_Y_PX),
        *fan_layers(fan, y, panel),
        *panel.now(),
        *_recist_layers(lines, y, top, panel),
    ]
    read = seen.filter(pl.col("sum_of_diameters_mm").is_not_null())
    base = read
    layers += [
        marks(base, "line", color=palette.INK, strokeWidth=1.2, opacity=0.55).encode(
            x=x, y=y("sum_of_diameters_mm")
        ),
        marks(base, "rule", color=palette.INK, strokeWidth=1.2).encode(x=x, y=y("low"), y2="high:Q"),
        *_points(read, x, y("sum_of_diameters_mm")),
        *_response_row(seen, panel),
        *_new_lesions(seen, panel),
        *forecast_label(fan, panel, _RESPONSE_Y_PX),
    ]
    return sheet(layers, panel.canvas, _HEIGHT_PX, top_px=_TOP_PX)


def describe(sums: pl.DataFrame, lines: RecistLines, language: Language) -> str:
    """The chart in words, with its numbers, for people who do not see it."""
    sentences = []
    rows = sums.filter(pl.col("sum_of_diameters_mm").is_not_null()).sort("day")
    if rows.height > _LONGEST_LIST:
        smallest = rows.sort("sum_of_diameters_mm").head(1)
        rows = pl.concat([rows.head(1), smallest, rows.tail(1)]).unique(maintain_order=True).sort("day")
        sentences.append(language.text("First, smallest and last of {count} sums.", count=sums.height))
    for day, size, response in rows.select("day", "sum_of_diameters_mm", "overall_response").rows():
        sentences.append(
            language.text(
                "Week {week}: {size} mm{response}.",
                week=language.week(day),
                size=language.number(size, 1),
                response=f" ({response})" if response else "",
            )
        )
    if lines.partial_response_mm is not None:
        size = language.number(lines.partial_response_mm, 1)
        sentences.append(language.text("Partial response at {size} mm or less.", size=size))
    if lines.progression_mm is not None:
        size = language.number(lines.progression_mm, 1)
        sentences.append(language.text("Progression at {size} mm or more.", size=size))
    return language.joined(sentences)


def y_top(seen: pl.DataFrame, fan: pl.DataFrame, lines: RecistLines) -> float:
    """Where the vertical axis ends, mm: everything read is inside; a wide fan may run out of the top."""
    must = [10.0, lines.partial_response_mm or 0.0, lines.progression_mm or 0.0, _largest(seen, "high")]
    inside = max(must)
    return 1.04 * max(inside, min(_largest(fan, "q95"), 1.3 * inside))


def _largest(frame: pl.DataFrame, column: str) -> float:
    largest = frame[column].max() if column in frame.columns else None
    return float(largest) if isinstance(largest, int | float) and math.isfinite(largest) else 0.0


def _with_error(sums: pl.DataFrame) -> pl.DataFrame:
    # 90 % of repeated readings lie within the bar
    size, error = pl.col("sum_of_diameters_mm"), ONE_SIDED_95 * pl.col("reading_sd_mm").fill_null(0.0)
    return sums.sort("day").with_columns(
        (pl.col("day") / 7.0).alias("week"),
        (size - error).clip(0.0).alias("low"),
        (size + error).alias("high"),
    )


def _ticks(top: float) -> list[float]:
    """Round numbers from 0 up, four to six of them."""
    step = 10.0 ** math.floor(math.log10(top / 4.0))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if top / (factor * step) <= 6)
    return [step * index for index in range(math.floor(top / step) + 1)]


def _points(read: pl.DataFrame, x: Specification, y: Specification) -> list[Layer]:
    """Full dots for measured sums, open triangles pointing down for sums that may be smaller."""
    size = 52.0 if read.height <= _LONGEST_LIST else 16.0
    measured = read.filter(~pl.col("censored").fill_null(value=False))
    censored = read.filter(pl.col("censored").fill_null(value=False))
    return [
        marks(measured, "point", filled=True, color=palette.INK, size=size, opacity=1).encode(x=x, y=y),
        marks(censored, "point",
            shape="triangle-down", filled=True, fill=palette.PAPER, stroke=palette.INK, strokeWidth=1.5, size=80,
            opacity=1,
        ).encode(x=x, y=y),
    ]  # fmt: skip


def _recist_layers(
    lines: RecistLines, y: Callable[[str], Specification], top: float, panel: Panel
) -> list[Layer]:
    """Dashed lines with their names at the right end, in a column of their own."""
    wanted: list[tuple[str, float, str]] = []
    language, largest = panel.language, panel.canvas.largest_px
    if lines.progression_mm is not None:
        size = language.number(lines.progression_mm, 1)
        text = language.text("PD\n≥ {size} mm", size=size)
        wanted.append((text, lines.progression_mm, palette.RESPONSES["PD"]))
    if lines.partial_response_mm is not None:
        size = language.number(lines.partial_response_mm, 1)
        text = language.text("PR\n≤ {size} mm", size=size)
        wanted.append((text, lines.partial_response_mm, palette.RESPONSES["CR"]))
    scale_px = [_HEIGHT_PX * (1.0 - size / top) for _, size, _ in wanted]
    room = 2.5 * largest
    placed: Sequence[float] = spread(scale_px, room, 6.0, _HEIGHT_PX - 0.5 * largest)
    layers: list[Layer] = []
    for (text, size_mm, colour), y_px in zip(wanted, placed, strict=True):
        rule = pl.DataFrame({"size": [size_mm]})
        layers.append(
            marks(rule, "rule", color=colour, strokeWidth=1.2, strokeDash=[7, 4]).encode(y=y("size"))
        )
        layers.append(
            words(
                pl.DataFrame({"text": [text]}),
                at_x(panel.canvas.plot_width_px + 8),
                at_y(y_px - 0.6 * largest),
                size_px=panel.canvas.font_px - 1,
                colour=colour,
            )
        )
    return layers


def _response_row(seen: pl.DataFrame, panel: Panel) -> list[Layer]:
    """The overall response above each visit; where visits are close, changes are kept and repeats left out."""
    named = seen.filter(pl.col("overall_response").is_not_null()).with_columns(
        (pl.col("overall_response") != pl.col("overall_response").shift(1))
        .fill_null(value=True)
        .alias("changed"),
        pl.col("overall_response").alias("text"),
    )
    if named.is_empty():
        return []
    pixels = [panel.pixel(week) for week in named["week"]]
    widest = max(len(text) for text in named["text"])
    room = max(24.0, 0.7 * panel.canvas.largest_px * widest)
    shown = named.filter(pl.Series(spaced(pixels, named["changed"].to_list(), room)))
    return [
        words(
            shown.select("week", "text"),
            panel.x(),
            at_y(_RESPONSE_Y_PX),
            size_px=panel.canvas.font_px - 1,
            align="center",
            bold=True,
        )
    ]


def _new_lesions(seen: pl.DataFrame, panel: Panel) -> list[Layer]:
    new = seen.filter(pl.col("new_lesion").fill_null(value=False)).select(
        "week", pl.lit(panel.language.text("new lesion")).alias("text")
    )
    if new.is_empty():
        return []
    x = panel.x()
    in_right_half = panel.pixel(new["week"].item(0)) > panel.canvas.plot_width_px / 2
    return [
        marks(
            new, "point", shape="diamond", filled=True, color=palette.RESPONSES["PD"], size=90, opacity=1
        ).encode(x=x, y=at_y(8)),
        words(
            new.head(1),
            x,
            at_y(8),
            size_px=panel.canvas.font_px - 1,
            align="right" if in_right_half else "left",
            dx=-10 if in_right_half else 10,
        ),
    ]
