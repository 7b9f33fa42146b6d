"""The sheet every chart is drawn on: sizes, fonts, data, and labels that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl
import polars.selectors as cs

from turnpoint.charts import palette

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'PingFang SC', 'Hiragino Sans GB', "
    "'Microsoft YaHei', 'Noto Sans CJK SC', 'WenQuanYi Micro Hei', sans-serif"
)
# Characters that XML does not allow; a hostile or damaged name must not break the picture.
_NOT_XML = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"


Layer = alt.Chart | tuple[alt.Chart, alt.Chart]  # a pair: text and the white edge under it


@dataclass(frozen=True, slots=True)
class Canvas:
    """A width to draw for, in CSS pixels. Panels of one canvas have their plots exactly above one another.

    Attributes:
        width_px: of the whole picture.
        left_px: room for the axis labels.
        right_px: room for the labels at the end of lines.
        font_px: size of the text.
        narrow: a phone; texts are shorter and break into two lines.
    """

    width_px: int
    left_px: int
    right_px: int
    font_px: int
    narrow: bool

    @property
    def plot_width_px(self) -> int:
        """Width of the plot itself."""
        return self.width_px - self.left_px - self.right_px


WIDE = Canvas(width_px=920, left_px=46, right_px=136, font_px=13, narrow=False)
READING = Canvas(width_px=680, left_px=46, right_px=24, font_px=15, narrow=False)  # beside large text
NARROW = Canvas(width_px=358, left_px=36, right_px=82, font_px=12, narrow=True)


def inline(frame: pl.DataFrame) -> alt.Data:
    """The frame as data inside the spec: no file, no row limit; nan and infinite become null."""
    finite = frame.with_columns(
        pl.when(cs.float().is_finite()).then(cs.float()).otherwise(None),
        cs.string().str.replace_all(_NOT_XML, "\N{REPLACEMENT CHARACTER}"),
    )
    # as one string: Altair copies its data with every layer, and a string is copied for nothing
    data: alt.Data = alt.Data(values=finite.write_json(), format={"type": "json"})  # type: ignore[no-untyped-call]
    return data


def signed_axis(values: Sequence[float]) -> alt.Axis:
    """A vertical axis of changes: `+50`, `0`, `−50`."""
    label = "datum.value > 0 ? '+' + datum.label : replace(datum.label, '-', '\\u2212')"
    return alt.Axis(values=list(values), format="d", labelExpr=label, grid=True, ticks=False, title=None)


def at_x(pixels: float) -> alt.XValue:
    """A fixed horizontal place, in pixels from the left edge of the plot."""
    return alt.XValue(pixels)  # type: ignore[no-untyped-call]


def at_y(pixels: float) -> alt.YValue:
    """A fixed vertical place, in pixels from the top edge of the plot."""
    return alt.YValue(pixels)  # type: ignore[no-untyped-call]


def sheet(
    layers: Sequence[Layer],
    canvas: Canvas,
    height_px: int,
    *,
    top_px: int = 8,
    bottom_px: int = 26,
) -> alt.LayerChart:
    """Layers on a sheet of fixed size: the plot starts and ends at the same pixels in every panel."""
    charts = [chart for layer in layers for chart in (layer if isinstance(layer, tuple) else (layer,))]
    # everything in one call: Altair copies the whole chart with each further one
    return alt.LayerChart(
        layer=charts,
        width=canvas.plot_width_px,
        height=height_px,
        padding={"left": canvas.left_px, "right": canvas.right_px, "top": top_px, "bottom": bottom_px},
        autosize=alt.AutoSizeParams(type="none"),
        config=house_style(canvas),
    )


def house_style(canvas: Canvas) -> alt.Config:
    """Fonts, colours and lines that all charts share."""
    return alt.Config(
        aria=False,  # the picture has one alternative text; parts of it in English would be read out as well
        font=FONT,
        background="transparent",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            gridColor=palette.LINE,
            gridWidth=0.75,
            domain=False,
            tickColor=palette.LINE,
            labelColor=palette.QUIET,
            labelFontSize=canvas.font_px - 1,
            labelPadding=5,
            labelFlush=False,
            title=None,
        ),
        text=alt.MarkConfig(fontSize=canvas.font_px - 1, color=palette.INK),
    )


def words(
    rows: pl.DataFrame,
    x: alt.X | alt.XValue,
    y: alt.Y | alt.YValue,
    *,
    size_px: int,
    colour: str = palette.INK,
    align: str = "left",
    bold: bool = False,
    dx: int = 0,
) -> Layer:
    """Text from the column `text`, with a white edge so that it can be read on top of lines."""
    base = alt.Chart(inline(rows)).encode(x=x, y=y, text="text:N")
    style: dict[str, Any] = {
        "align": align,
        "baseline": "middle",
        "fontSize": size_px,
        "lineBreak": "\n",
        "dx": dx,
        "fontWeight": 600 if bold else 400,
    }
    edge = base.mark_text(stroke=palette.PAPER, strokeWidth=3, strokeJoin="round", **style)
    return edge, base.mark_text(color=colour, **style)


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
