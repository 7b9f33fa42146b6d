"""Benefit above harm on one time axis: living burden by cycle, and the share of dose limits; the next cycle shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, at_y, sheet, spaced, spread, text_width_px, words
from turnpoint.charts.language import Language, mark
from turnpoint.charts.specification import Scale, Specification, channel, marks
from turnpoint.charts.week_axis import Panel

_BURDEN_PX = 210.0
_GAP_PX = 46.0
_SHARE_PX = 120.0
_TOP_PX = 40
_CYCLES_Y_PX = -12.0
_LOWEST_PCT = 0.1  # less than a thousandth of the burden at the start is drawn there
_TICKS_PCT = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0)
_FINE_TICKS_UP_TO, _MOST_TICKS = 2.0, 5
_LINES: Final = (
    ("living", mark("living tumour"), palette.INK, palette.FITTED),
    ("resistant", mark("resistant part"), palette.STATES["regrowing"], palette.STATES["regrowing"]),
)
_DASHES: Final = ([1, 0], [6, 2], [2, 2], [8, 2, 2, 2])
MOST_DRUGS = len(_DASHES)


def next_cycle(
    course: pl.DataFrame, cycles: pl.DataFrame, shares: pl.DataFrame, panel: Panel
) -> Specification:
    """Above, living burden and its resistant part; below, cumulative dose as share of a limit.

    Args:
        course: `day, kind` (`past`, `next`), `living_pct_q05, ..._q50, ..._q95` and the same for `resistant_pct`, in
            percent of the living burden at the start.
        cycles: `cycle, day, end_day`; the next one is the last row.
        shares: `drug, day, share, kind`, the running share after each cycle's doses; at most four drugs; may be empty.
        panel: what the chart is drawn on.
    """
    height = _BURDEN_PX + (_GAP_PX + _SHARE_PX if shares.height else 0.0)
    drawing = _Drawing(panel, height)
    burden = _burden_axis(course)
    layers: list[Layer] = [*drawing.next_band(cycles), *drawing.grid(burden)]
    ends = []
    for name, label, line, band in _LINES:
        layers += drawing.curve(course, name, (line, band), burden)
        last = float(course.sort("day")[f"{name}_pct_q50"][-1])
        ends.append((panel.language.text(label), burden.pixel(last), line))
    layers += drawing.end_labels(ends, (0.0, _BURDEN_PX))
    if shares.height:
        layers += drawing.shares(shares)
    layers += [*drawing.cycle_numbers(cycles), *panel.now()]
    return sheet(layers, panel.canvas, round(height), top_px=_TOP_PX)


def describe(course: pl.DataFrame, shares: pl.DataFrame, language: Language) -> str:
    """The chart in words, with its numbers: the last visit, the end of the next cycle, each share."""
    rows = course.sort("day", maintain_order=True)
    ends = (rows.filter(pl.col("kind") == "past").tail(1), rows.tail(1))
    sentences = [
        language.text(
            "Week {week}: living tumour {living} of the start, resistant part {resistant}.",
            week=language.week(row["day"]),
            living=_percent(row["living_pct_q50"], language),
            resistant=_percent(row["resistant_pct_q50"], language),
        )
        for end in ends
        for row in end.iter_rows(named=True)
    ]
    for drug in shares["drug"].unique(maintain_order=True):
        own = shares.filter(pl.col("drug") == drug).sort("day", maintain_order=True)["share"]
        past = shares.filter((pl.col("drug") == drug) & (pl.col("kind") == "past"))["share"]
        sentences.append(
            language.text(
                "{drug}: {now} of the limit, {after} after one more cycle.",
                drug=drug,
                now=language.percent(past.max() if past.len() else 0.0),  # type: ignore[arg-type]
                after=language.percent(own[-1]),
            )
        )
    return language.joined(sentences)


def _percent(pct: float, language: Language) -> str:
    return language.percent(pct / 100.0, 0 if pct >= 1 else 1)


@dataclass(frozen=True, slots=True)
class _Axis:
    """From a number to pixels below the top: a band of the sheet, linear or logarithmic.

    Attributes:
        low, high: the numbers at its bottom and top.
        top_px, bottom_px: where the band lies.
        ticks: numbers with a line and a label.
        is_log: logarithmic.
    """

    low: float
    high: float
    top_px: float
    bottom_px: float
    ticks: tuple[float, ...]
    is_log: bool

    def pixel(self, value: float) -> float:
        """Where a number lies; one outside the axis lies on its edge."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        if self.is_log:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        return self.bottom_px - share * (self.bottom_px - self.top_px)

    def pixels(self, column: pl.Series) -> pl.Series:
        """The same for a column."""
        return pl.Series(
            column.name, [None if value is None else self.pixel(value) for value in column], dtype=pl.Float64
        )


def _burden_axis(course: pl.DataFrame) -> _Axis:
    columns = [f"{name}_pct_{level}" for name, *_ in _LINES for level in ("q05", "q50", "q95")]
    numbers = course.select(columns).to_numpy()
    low = min(max(float(numbers.min()), _LOWEST_PCT), 30.0)
    high = max(min(float(numbers.max()), _TICKS_PCT[-1]), 100.0)
    ticks = [tick for tick in _TICKS_PCT if low / 1.1 <= tick <= high * 1.1]
    return _Axis(low / 1.1, high * 1.15, 0.0, _BURDEN_PX, tuple(ticks), is_log=True)


def _share_axis(shares: pl.DataFrame) -> _Axis:
    top = shares["share"].max()
    # up to the top, however far over the limit: a line cut off at the edge would look as if no more had been given
    high = max(1.1, float(top) * 1.05 if isinstance(top, int | float) else 1.1)
    step = 0.5 if high <= _FINE_TICKS_UP_TO else float(math.ceil(high / _MOST_TICKS))
    ticks = tuple(step * index for index in range(int(high / step) + 1))
    return _Axis(0.0, high, _BURDEN_PX + _GAP_PX, _BURDEN_PX + _GAP_PX + _SHARE_PX, ticks, is_log=False)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What every layer needs: the panel, and the height of the sheet in pixels, on which all y are given."""

    panel: Panel
    height_px: float

    def y(self, column: str) -> Specification:
        """The channel for a column in pixels."""
        return channel(f"{column}:Q", scale=Scale(domain=[self.height_px, 0], nice=False), axis=None)

    def next_band(self, cycles: pl.DataFrame) -> list[Layer]:
        """The next cycle, shaded over the whole height."""
        rows = cycles.tail(1).select(
            (pl.col("day") / 7.0).alias("week"), (pl.col("end_day") / 7.0).alias("end")
        )
        band = marks(rows, "rect", color=palette.PAUSE_TINT)
        return [band.encode(x=self.panel.x(), x2="end:Q")]

    def grid(self, axis: _Axis, *, strong: float | None = 100.0) -> list[Layer]:
        """Lines and labels of an axis; the line at `strong` is dashed and darker."""
        language, size = self.panel.language, self.panel.canvas.font_px - 1
        rows = pl.DataFrame(
            {
                "y": [axis.pixel(tick) for tick in axis.ticks],
                "text": [
                    _percent(tick, language) if axis.is_log else language.percent(tick) for tick in axis.ticks
                ],
                "strong": [tick == strong for tick in axis.ticks],
            }
        )
        plain = marks(rows.filter(~pl.col("strong")), "rule", color=palette.LINE, strokeWidth=0.75)
        start = marks(rows.filter("strong"), "rule", color=palette.QUIET, strokeWidth=1.1, strokeDash=[7, 4])
        labels = words(rows, at_x(-5), self.y("y"), size_px=size, colour=palette.QUIET, align="right")
        return [plain.encode(y=self.y("y")), start.encode(y=self.y("y")), labels]

    def curve(self, course: pl.DataFrame, name: str, colours: tuple[str, str], axis: _Axis) -> list[Layer]:
        """The 90 % band and the median: solid up to the last visit, dashed after it."""
        names = [f"{name}_pct_{level}" for level in ("q05", "q50", "q95")]
        rows = course.sort("day", maintain_order=True).select(
            (pl.col("day") / 7.0).alias("week"), "kind", *names
        )
        rows = rows.with_columns(axis.pixels(rows[column]).alias(column) for column in names)
        past = rows.filter(pl.col("kind") == "past")
        ahead = pl.concat([past.tail(1), rows.filter(pl.col("kind") == "next")])
        x = self.panel.x()
        band = marks(rows, "area", color=colours[1], opacity=0.2, clip=True, line=False)
        layers: list[Layer] = [band.encode(x=x, y=self.y(names[0]), y2=f"{names[2]}:Q")]
        for part, dash in ((past, [1, 0]), (ahead, [5, 3])):
            line = marks(part, "line", color=colours[0], strokeWidth=2, strokeDash=dash, clip=True)
            layers.append(line.encode(x=x, y=self.y(names[1])))
        return layers

    def end_labels(self, ends: Sequence[tuple[str, float, str]], room_px: tuple[float, float]) -> list[Layer]:
        """Names at the end of lines: text, pixel and colour of each, moved apart where they would overlap."""
        size = self.panel.canvas.font_px - 1
        gap = 1.2 * self.panel.canvas.largest_px
        places = spread([y_px for _, y_px, _ in ends], gap, room_px[0] + 4, room_px[1] - 4)
        return [
            words(
                pl.DataFrame({"text": [text]}),
                at_x(self.panel.canvas.plot_width_px + 6),
                at_y(place),
                size_px=size,
                colour=colour,
            )
            for (text, _, colour), place in zip(ends, places, strict=True)
        ]

    def shares(self, shares: pl.DataFrame) -> list[Layer]:
        """Steps of the cumulative dose, one line a drug, and the line of the limit."""
        axis, size = _share_axis(shares), self.panel.canvas.font_px
        title = self.panel.language.text("Cumulative dose, share of the limit")
        layers: list[Layer] = [
            *self.grid(axis, strong=1.0),
            words(
                pl.DataFrame({"text": [title]}),
                at_x(0),
                at_y(axis.top_px - 14),
                size_px=size - 1,
                bold=True,
            ),
        ]
        ends = []
        drugs = shares["drug"].unique(maintain_order=True).to_list()[:MOST_DRUGS]
        for drug, dash in zip(drugs, _DASHES, strict=False):
            own = shares.filter(pl.col("drug") == drug).sort("day", maintain_order=True)
            rows = own.select(
                (pl.col("day") / 7.0).alias("week"), "kind", axis.pixels(own["share"]).alias("y")
            )
            line = marks(
                rows, "line", color=palette.INK, strokeWidth=1.6, strokeDash=dash, interpolate="step-after"
            )
            dots = marks(
                rows.filter(pl.col("kind") == "next"),
                "point",
                filled=False,
                color=palette.INK,
                fill=palette.PAPER,
                size=44,
                opacity=1,
            )
            x, y = self.panel.x(), self.y("y")
            layers += [line.encode(x=x, y=y), dots.encode(x=x, y=y)]
            ends.append((_short(str(drug)), float(rows["y"][-1]), palette.INK))
        return layers + self.end_labels(ends, (axis.top_px, axis.bottom_px))

    def cycle_numbers(self, cycles: pl.DataFrame) -> list[Layer]:
        """The number of each cycle above its start, as many as have room; the next one named."""
        language, size = self.panel.language, self.panel.canvas.font_px - 1
        past, ahead = cycles.head(cycles.height - 1), cycles.tail(1)
        middles = cycles.select(
            (pl.col("day") + pl.min_horizontal("end_day", pl.col("day") + 42)) / 14.0
        ).to_series()
        places = [self.panel.pixel(week) for week in middles]
        text = [language.number(number) for number in past["cycle"]] + [language.text("next cycle")]
        largest = self.panel.canvas.largest_px
        free_px = places[-1] - 0.5 * text_width_px(text[-1], largest) - largest
        clear = [place < free_px for place in places[:-1]] + [True] * ahead.height
        shown = spaced(places, [False] * past.height + [True] * ahead.height, 1.6 * largest)
        rows = pl.DataFrame({"text": text, "week": middles, "shown": shown, "clear": clear})
        rows = rows.filter("shown", "clear")
        layers: list[Layer] = [
            words(
                rows, self.panel.x(), at_y(_CYCLES_Y_PX), size_px=size, colour=palette.QUIET, align="center"
            )
        ]
        heading = pl.DataFrame({"text": [language.text("Cycle")]})
        layers.append(
            words(heading, at_x(-5), at_y(_CYCLES_Y_PX), size_px=size, colour=palette.QUIET, align="right")
        )
        return layers


def _short(drug: str) -> str:
    """A drug's name as far as there is room beside the plot."""
    most = 12
    return drug if len(drug) <= most else drug[: most - 1] + "…"
