"""The map of a virtual trial: weeks gained or lost, in grids of cells with their numbers written in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, sheet
from turnpoint.charts.specification import Scale, Specification, channel, marks

WIDE = Canvas(width_px=1000, left_px=112, right_px=12, font_px=13, largest_px=13)
GAIN, LOSS, NEITHER = palette.FORECAST, palette.STATES["regrowing"], "#f3f5f7"
_CELL_PX, _TITLE_PX, _FOOT_PX, _GAP_PX, _TOP_PX = 34, 30, 52, 20, 8


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid of the map.

    Attributes:
        title: the outcome.
        across, up: what the columns and the rows are.
        columns, rows: their values, in words; rows from the top.
        gained_weeks: a number a cell, row by row; None where there is none.
    """

    title: str
    across: str
    up: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    gained_weeks: tuple[tuple[float | None, ...], ...]


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
        top += _TITLE_PX + _CELL_PX * len(line[0].rows) + _FOOT_PX
    x = Scale(domain=[0, canvas.plot_width_px], nice=False)
    y = Scale(domain=[top, 0], nice=False)
    rows = pl.DataFrame(cells)
    colour = channel("colour:N", scale=None)
    layers: list[Layer] = [
        marks(rows, "rect", stroke=palette.PAPER, strokeWidth=2).encode(
            x=channel("left:Q", scale=x, axis=None),
            x2="right:Q",
            y=channel("top:Q", scale=y, axis=None),
            y2="bottom:Q",
            color=colour,
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
        for column, gain in enumerate(gains):
            yield {
                "left": left + step * column,
                "right": left + step * (column + 1),
                "top": top + _CELL_PX * row,
                "bottom": top + _CELL_PX * (row + 1),
                "colour": _colour(gain, darkest_weeks),
            }


def _texts(
    grid: Grid, corner: tuple[float, float], width: float, darkest_weeks: float, *, first: bool
) -> Iterator[dict[str, float | str | bool | int]]:
    left, top = corner[0], corner[1] + _TITLE_PX
    step, low = width / len(grid.columns), top + _CELL_PX * len(grid.rows)

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
            yield text(name, (left - 8, top + _CELL_PX * (row + 0.5)), align="right")
        for column, gain in enumerate(grid.gained_weeks[row]):
            place = (left + step * (column + 0.5), top + _CELL_PX * (row + 0.5))
            yield text(_number(gain), place, colour=ink(_colour(gain, darkest_weeks)))
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
