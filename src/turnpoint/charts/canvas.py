"""The sheet every chart is drawn on: sizes, fonts, data, and labels that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.specification import SCHEMA, Axis, Marks, Specification, grouped, layered, marks

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'PingFang SC', 'Hiragino Sans GB', "
    "'Microsoft YaHei', 'Noto Sans CJK SC', 'WenQuanYi Micro Hei', sans-serif"
)
_WIDTH_OF_LETTER, _WIDTH_OF_CHARACTER = 0.56, 1.0  # of the font size, on average; Chinese characters fill it
_FIRST_CHARACTER = "\u2e80"

Layer = Marks


@dataclass(frozen=True, slots=True)
class Canvas:
    """A width to draw for, in CSS pixels. Panels of one canvas have their plots exactly above one another.

    A picture is drawn once. A page narrower than it scales it down and lets its text grow again, up to `largest_px`
    of the picture's own pixels, so labels are placed as if they had that size.

    Attributes:
        width_px: of the whole picture.
        left_px: room for the axis labels.
        right_px: room for the labels at the end of lines.
        font_px: size of the text.
        largest_px: size of the text on a phone, in pixels of the picture.
    """

    width_px: int
    left_px: int
    right_px: int
    font_px: int
    largest_px: int

    @property
    def plot_width_px(self) -> int:
        """Width of the plot itself."""
        return self.width_px - self.left_px - self.right_px


COURSE = Canvas(width_px=640, left_px=58, right_px=152, font_px=14, largest_px=20)
READING = Canvas(width_px=640, left_px=56, right_px=34, font_px=15, largest_px=21)  # beside large text
COHORT = Canvas(width_px=640, left_px=62, right_px=70, font_px=14, largest_px=20)


def signed_axis(values: Sequence[float]) -> Axis:
    """A vertical axis of changes: `+50`, `0`, `−50`."""
    label = "datum.value > 0 ? '+' + datum.label : replace(datum.label, '-', '\\u2212')"
    return Axis(values=list(values), format="d", labelExpr=label, grid=True, ticks=False, title=None)


def at_x(pixels: float) -> Specification:
    """A fixed horizontal place, in pixels from the left edge of the plot."""
    return {"value": pixels}


def at_y(pixels: float) -> Specification:
    """A fixed vertical place, in pixels from the top edge of the plot."""
    return {"value": pixels}


def text_width_px(text: str, size_px: float) -> float:
    """About how wide a line of text is."""
    ems = sum(_WIDTH_OF_CHARACTER if letter >= _FIRST_CHARACTER else _WIDTH_OF_LETTER for letter in text)
    return size_px * ems


def fitting(text: str, room_px: float, size_px: float) -> str:
    """The text, or as much of its beginning as there is room for."""
    if text_width_px(text, size_px) <= room_px:
        return text
    kept = text
    while kept and text_width_px(kept + "…", size_px) > room_px:
        kept = kept[:-1]
    return kept.rstrip(" ,、;") + "…"


def sheet(
    layers: Sequence[Layer],
    canvas: Canvas,
    height_px: int,
    *,
    top_px: int = 12,
    bottom_px: int = 38,
) -> Specification:
    """Layers on a sheet of fixed size: the plot starts and ends at the same pixels in every panel."""
    return _on_sheet(layered(layers), canvas, height_px, (top_px, bottom_px))


def sheet_of_groups(
    groups: Sequence[Sequence[Layer]],
    canvas: Canvas,
    height_px: int,
    *,
    top_px: int,
    bottom_px: int = 38,
) -> Specification:
    """The same for groups of layers, as `grouped` has them."""
    return _on_sheet(grouped(groups), canvas, height_px, (top_px, bottom_px))


def _on_sheet(
    drawn: Specification, canvas: Canvas, height_px: int, above_below_px: tuple[int, int]
) -> Specification:
    top_px, bottom_px = above_below_px
    return {
        "$schema": SCHEMA,
        **drawn,
        "width": canvas.plot_width_px,
        "height": height_px,
        "padding": {"left": canvas.left_px, "right": canvas.right_px, "top": top_px, "bottom": bottom_px},
        "autosize": {"type": "none"},
        **house_style(canvas),
    }


def house_style(canvas: Canvas) -> Specification:
    """Fonts, colours and lines that all charts share, and how large their text is on a phone."""
    growth_px = canvas.largest_px - canvas.font_px  # titles keep clear of labels that have grown
    config = {
        "aria": False,  # the picture has one alternative text; parts of it in English would be read out as well
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "gridColor": palette.LINE,
            "gridWidth": 0.75,
            "domain": False,
            "tickColor": palette.LINE,
            "labelColor": palette.QUIET,
            "labelFontSize": canvas.font_px - 1,
            "labelPadding": 5,
            "labelFlush": False,
            "title": None,
        },
        "axisX": {"labelPadding": 8, "titlePadding": 6 + growth_px},
        "axisY": {"titlePadding": 8 + 3 * growth_px},
        "text": {"fontSize": canvas.font_px - 1, "color": palette.INK},
    }
    return {"config": config, "usermeta": {"largest_text_px": canvas.largest_px}}


def words(
    rows: pl.DataFrame,
    x: Specification,
    y: Specification,
    *,
    size_px: int,
    colour: str = palette.INK,
    align: str = "left",
    bold: bool = False,
    dx: int = 0,
    dy: int = 0,
) -> Layer:
    """Text from the column `text`, with a white edge so that it can be read on top of lines.

    The edge is a stroke that has to be painted first: `svg` sees to it in a drawing, a page's style in a browser.
    """
    style: Specification = {
        "align": align,
        "baseline": "middle",
        "fontSize": size_px,
        "lineBreak": "\n",
        "dx": dx,
        **({"dy": dy} if dy else {}),
        "fontWeight": 600 if bold else 400,
    }
    edge = {"stroke": palette.PAPER, "strokeWidth": 3, "strokeJoin": "round"}
    return marks(rows, "text", color=colour, **edge, **style).encode(x=x, y=y, text="text:N")


def spread(positions_px: Sequence[float], gap_px: float, low_px: float, high_px: float) -> list[float]:
    """Label positions at least a gap apart, in the order given by position, as near as possible to where they were.

    Args:
        positions_px: wanted positions.
        gap_px: smallest distance.
        low_px: start of the room.
        high_px: its end; where the room is too small it is overrun.

    Returns:
        One position for each label, in the order of `positions_px`.

    >>> spread([10.0, 12.0, 50.0], 10.0, 0.0, 100.0)
    [6.0, 16.0, 50.0]
    """
    order = sorted(range(len(positions_px)), key=lambda index: positions_px[index])
    groups: list[list[int]] = []
    starts: list[float] = []
    for index in order:
        groups.append([index])
        starts.append(positions_px[index])
        # merge with the group above as long as the two overlap, centring the merged group on its members
        while True:
            members = groups[-1]
            centre = sum(positions_px[member] for member in members) / len(members)
            height = gap_px * (len(members) - 1)
            starts[-1] = max(low_px, min(centre - height / 2, high_px - height))
            if len(groups) == 1 or starts[-2] + gap_px * len(groups[-2]) <= starts[-1]:
                break
            members = groups.pop()
            starts.pop()
            groups[-1] += members
    placed = [0.0] * len(positions_px)
    for start, members in zip(starts, groups, strict=True):
        for rank, member in enumerate(members):
            placed[member] = start + gap_px * rank
    return placed


def spaced(positions_px: Sequence[float], important: Sequence[bool], gap_px: float) -> list[bool]:
    """Which labels to draw so that none is nearer than a gap to the next; important ones win.

    >>> spaced([0.0, 5.0, 30.0], [False, True, False], 20.0)
    [False, True, True]
    """
    kept: list[int] = []
    by_rank = sorted(range(len(positions_px)), key=lambda index: (not important[index], positions_px[index]))
    for index in by_rank:
        if all(abs(positions_px[index] - positions_px[other]) >= gap_px for other in kept):
            kept.append(index)
    return [index in kept for index in range(len(positions_px))]
