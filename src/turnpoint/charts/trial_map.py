"""The map of a virtual trial: weeks gained or lost, in grids of cells with their numbers written in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, sheet
from turnpoint.charts.specification import Scale, Specification, channel, marks

WIDE = Canvas(width_px=1000, left_px=112, right_px=12, font_px=13, largest_px=13)
ALONE = Canvas(width_px=340, left_px=44, right_px=6, font_px=13, largest_px=13)  # one grid
GAIN, LOSS, NEITHER = palette.FORECAST, palette.STATES["regrowing"], "#f3f5f7"
_CELL_PX, _TALL_CELL_PX, _TITLE_PX, _FOOT_PX, _GAP_PX, _TOP_PX = 34, 42, 30, 52, 20, 8
NOTHING_TO_SPEAK_OF_WEEKS = 0.05  # shown as 0
_PALEST = 0.15  # of the darkest: a gain that is shown has a colour, however small


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid of the map.

    Attributes:
        title: the outcome.
        across, up: what the columns and the rows are.
        columns, rows: their values, in words; rows from the top.
        gained_weeks: a number a cell, row by row; None where there is none.
        within_weeks: half the width of each cell's interval, written below its number; empty where it is not known. A
            cell whose interval holds 0, or whose number is 0, has no colour.
        here: row and column of the cell that is outlined; None for none.
    """

    title: str
    across: str
    up: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    gained_weeks: tuple[tuple[float | None, ...], ...]
    within_weeks: tuple[tuple[float | None, ...], ...] = ()
    here: tuple[int, int] | None = None

    def within(self, row: int, column: int) -> float | None:
        """Half the width of a cell's interval; None where it is not known."""
        return self.within_weeks[row][column] if self.within_weeks else None

    def colour(self, row: int, column: int, darkest_weeks: float) -> str:
        """A cell's colour: that of neither where its interval holds 0."""
        gain, within = self.gained_weeks[row][column], self.within(row, column)
        if gain is None or within is None:
            return _colour(gain, darkest_weeks)
        seen = math.copysign(max(abs(gain), _PALEST * darkest_weeks), gain)
        return _colour(seen if abs(gain) > max(within, NOTHING_TO_SPEAK_OF_WEEKS) else None, darkest_weeks)

    @property
    def cell_px(self) -> int:
        """How high a cell is."""
        return _TALL_CELL_PX if self.within_weeks else _CELL_PX


def gain_map(lines: Sequence[Sequence[Grid]], darkest_weeks: float, canvas: Canvas = WIDE) -> Specification:
    """Grids beside and below each other, blue where weeks are gained and red where they are lost.

    Args:
        lines: the grids of each line; those of one line share their rows.
        darkest_weeks: gain or loss from which the colour grows no darker.
        canvas: the sheet.
    """
    cells, texts, top = [], [], 0.0
    for line in lines:
        width = (canvas.plot_width_px - _GAP_PX * (len(line) - 1)) / len(line)
        for place, grid in enumerate(line):
            left = place * (width + _GAP_PX)
            cells += list(_cells(grid, (left, top), width, darkest_weeks))
            texts += list(_texts(grid, (left, top), width, darkest_weeks, first=place == 0))
        top += _TITLE_PX + line[0].cell_px * len(line[0].rows) + _FOOT_PX
    x = Scale(domain=[0, canvas.plot_width_px], nice=False)
    y = Scale(domain=[top, 0], nice=False)
    rows = pl.DataFrame(cells)
    colour = channel("colour:N", scale=None)
    layers: list[Layer] = [
        marks(rows.sort("edge", descending=True), "rect", strokeWidth=2).encode(
            x=channel("left:Q", scale=x, axis=None),
            x2="right:Q",
            y=channel("top:Q", scale=y, axis=None),
            y2="bottom:Q",
            color=colour,
            stroke=channel("edge:N", scale=None),
        )
    ]
    layers += _written(pl.DataFrame(texts), (x, y), canvas)
    return sheet(layers, canvas, round(top), top_px=_TOP_PX, bottom_px=4)


def _written(texts: pl.DataFrame, scales: tuple[Scale, Scale], canvas: Canvas) -> Iterator[Layer]:
    """One layer for each kind of text."""
    x, y = scales
    for (align, bold, size), own in texts.group_by("align", "bold", "size", maintain_order=True):
        yield (
            marks(
                own,
                "text",
                align="left" if align == "left" else "right" if align == "right" else "center",
                baseline="middle",
                fontWeight="bold" if bold else "normal",
                fontSize=int(str(size)) + canvas.font_px,
            ).encode(
                x=channel("x:Q", scale=x, axis=None),
                y=channel("y:Q", scale=y, axis=None),
                text="text:N",
                color=channel("colour:N", scale=None),
            )
        )


def _cells(
    grid: Grid, corner: tuple[float, float], width: float, darkest_weeks: float
) -> Iterator[dict[str, float | str]]:
    left, top = corner[0], corner[1] + _TITLE_PX
    step = width / len(grid.columns)
    for row, gains in enumerate(grid.gained_weeks):
        for column in range(len(gains)):
            yield {
                "left": left + step * column,
                "right": left + step * (column + 1),
                "top": top + grid.cell_px * row,
                "bottom": top + grid.cell_px * (row + 1),
                "colour": grid.colour(row, column, darkest_weeks),
                "edge": palette.INK if (row, column) == grid.here else palette.PAPER,
            }


def _texts(
    grid: Grid, corner: tuple[float, float], width: float, darkest_weeks: float, *, first: bool
) -> Iterator[dict[str, float | str | bool | int]]:
    left, top = corner[0], corner[1] + _TITLE_PX
    step, low = width / len(grid.columns), top + grid.cell_px * len(grid.rows)

    def text(
        words: str,
        place: tuple[float, float],
        *,
        align: str = "center",
        size: int = -1,
        bold: bool = False,
        colour: str = palette.QUIET,
    ) -> dict[str, float | str | bool | int]:
        return {
            "text": words,
            "x": place[0],
            "y": place[1],
            "align": align,
            "size": size,
            "bold": bold,
            "colour": colour,
        }

    yield text(grid.title, (left, corner[1] + 14), align="left", bold=True, size=0, colour=palette.INK)
    for column, name in enumerate(grid.columns):
        yield text(name, (left + step * (column + 0.5), low + 12))
    yield text(grid.across, (left + width / 2, low + 30))
    for row, name in enumerate(grid.rows):
        if first:
            yield text(name, (left - 8, top + grid.cell_px * (row + 0.5)), align="right")
        for column, gain in enumerate(grid.gained_weeks[row]):
            x, y = left + step * (column + 0.5), top + grid.cell_px * (row + 0.5)
            colour, within = ink(grid.colour(row, column, darkest_weeks)), grid.within(row, column)
            yield text(_number(gain), (x, y if within is None else y - 7), colour=colour)
            if within is not None:
                yield text(f"±{within:.1f}", (x, y + 8), size=-3, colour=colour)
    if first:
        yield text(grid.up, (left - 8, corner[1] + 14), align="right")


def _number(gain: float | None) -> str:
    if gain is None:
        return "–"
    rounded = round(gain, 1) + 0.0
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}") if rounded else "0"


def _colour(gain: float | None, darkest_weeks: float) -> str:
    """Between the colour of neither and that of gain or loss, in proportion."""
    share = min(abs(gain or 0.0) / darkest_weeks, 1.0)
    goal = GAIN if (gain or 0.0) > 0 else LOSS
    channels = [
        round(int(NEITHER[at : at + 2], 16) * (1.0 - share) + int(goal[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def ink(colour: str) -> str:
    """Dark or white text, whichever is easier to read on this colour."""
    return max((palette.INK, palette.PAPER), key=lambda own: palette.contrast(own, colour))
