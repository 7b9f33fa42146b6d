"""What the pictures of docs/claims.md share: a sheet on white, notes at fixed places, keys, bars in parts, saving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, at_y, sheet, words
from turnpoint.charts.specification import Axis, Scale, Specification, channel, marks
from turnpoint.charts.svg import svg

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
CANVAS = Canvas(width_px=760, left_px=58, right_px=150, font_px=14, largest_px=14)
DOT: Mapping[str, Any] = {"filled": True, "size": 75, "opacity": 1}
_KEY_Y_PX = -20


def axis(values: Sequence[float], **settings: Any) -> Axis:
    """An axis without a title; what it shows is written above it."""
    return Axis(**{"values": list(values), "title": None, "ticks": False, "grid": True, **settings})


def note(text: str, x: float, y: float, **style: Any) -> Layer:
    """Words at a fixed place of the plot, in pixels."""
    settings = {"size_px": CANVAS.font_px - 1, "colour": palette.QUIET, **style}
    return words(pl.DataFrame({"text": [text]}), at_x(x), at_y(y), **settings)


def picture(
    layers: Sequence[Layer], height: int, *, canvas: Canvas = CANVAS, top: int = 34, bottom: int = 48
) -> Specification:
    """The layers on a white sheet, so that pages with a dark ground show them too."""
    chart = sheet(layers, canvas, height, top_px=top, bottom_px=bottom)
    chart["config"]["background"] = palette.PAPER
    return chart


def key(entries: Sequence[tuple[str, str, str]], left: float) -> list[Layer]:
    """A row of marks with their names above the plot.

    Args:
        entries: shape, colour and name of each.
        left: where the row starts, in pixels from the plot's left edge.
    """
    layers: list[Layer] = []
    for shape, colour, text in entries:
        mark = marks(
            pl.DataFrame({"a": [0]}), "point", shape=shape, filled=True, size=120, opacity=1, color=colour
        )
        layers += [
            mark.encode(x=at_x(left), y=at_y(_KEY_Y_PX)),
            note(text, left + 12, _KEY_Y_PX, colour=palette.INK),
        ]
        left += 36 + 7.3 * len(text)
    return layers


def parted_bars(
    parts: pl.DataFrame, ends: Sequence[float], places: tuple[float, float], colours: Mapping[str, str]
) -> list[Layer]:
    """Horizontal bars in parts, each with its text in the middle.

    Args:
        parts: `place, label, part, start, end, text`; the label is written once, left of the bar.
        ends: values of the horizontal axis.
        places: top and bottom of the vertical scale.
        colours: of each part.
    """
    frame = parts.with_columns(
        (pl.col("place") - 0.37).alias("low"),
        (pl.col("place") + 0.37).alias("high"),
        ((pl.col("start") + pl.col("end")) / 2).alias("middle"),
        pl.col("part").replace_strict(colours).alias("colour"),
    )
    scale = Scale(domain=list(places), reverse=True)
    x = channel("start:Q", scale=Scale(domain=[ends[0], ends[-1]]), axis=axis(ends, grid=False))
    where = channel("place:Q", scale=scale, axis=None)
    bars = marks(frame, "rect", stroke=palette.PAPER, strokeWidth=1.5).encode(
        x=x,
        x2="end:Q",
        y=channel("low:Q", scale=scale, axis=None),
        y2="high:Q",
        color=channel("colour:N", scale=None),
    )
    layers: list[Layer] = [bars]
    dark = [colour for colour in colours.values() if palette.contrast(colour) >= 4.5]
    for ink, rows in (
        (palette.PAPER, pl.col("colour").is_in(dark)),
        (palette.INK, ~pl.col("colour").is_in(dark)),
    ):
        shown = frame.filter(rows & (pl.col("end") > pl.col("start")))
        text = marks(shown, "text", color=ink, fontSize=13)
        layers.append(text.encode(x="middle:Q", y=where, text="text:N"))
    labels = frame.unique("place", keep="first", maintain_order=True)
    layers.append(
        words(
            labels.select("place", pl.col("label").alias("text")), at_x(-10), where, size_px=13, align="right"
        )
    )
    return layers


def save(name: str, chart: Specification, title: str, description: str) -> None:
    """Write docs/images/NAME.svg with its alternative text."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    drawn = svg(chart, figure_id=name, title=title, description=description)
    (IMAGES / f"{name}.svg").write_text(drawn + "\n", encoding="utf-8")


def save_beside(
    name: str, panels: Sequence[Specification], size: tuple[int, int], title: str, description: str
) -> None:
    """The same for pictures of one size, in pixels, side by side."""
    width, height = size
    inner = [
        svg(chart, figure_id=f"{name}-{place}", title=title, description=description).replace(
            "<svg ", f'<svg x="{width * place}" ', 1
        )
        for place, chart in enumerate(panels)
    ]
    total = width * len(panels)
    (IMAGES / f"{name}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" width="{total}" '
        f'height="{height}">{"".join(inner)}</svg>\n',
        encoding="utf-8",
    )
