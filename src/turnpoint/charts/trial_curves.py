"""Pictures of a virtual trial: who is still free of an event, and what each arm gains on the first one."""

from __future__ import annotations

import altair as alt
import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, inline, sheet, words
from turnpoint.charts.diagnostics import axis

WIDE = Canvas(width_px=920, left_px=56, right_px=190, font_px=13, narrow=False)
NARROW = Canvas(width_px=358, left_px=58, right_px=16, font_px=12, narrow=True)
ROWS = Canvas(width_px=920, left_px=330, right_px=170, font_px=13, narrow=False)
ROWS_NARROW = Canvas(width_px=358, left_px=18, right_px=18, font_px=12, narrow=True)

# arms in order, the first one in ink; every second one is dashed as well, so that colour is not alone
ARM_COLOURS = (palette.INK, palette.FORECAST, "#9c2f1f", palette.TURNING, "#b8860b", "#1f6f8b", "#56616b")
_DASHES = ([1, 0], [1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 0], [4, 2])
_HEIGHT_PX, _TOP_PX, _BOTTOM_PX = 240, 10, 46
_ROW_PX, _NARROW_ROW_PX = 30, 58
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_NAME_LINE_PX = 17


def colour_of(arm: int) -> str:
    """The colour of an arm by its place."""
    return ARM_COLOURS[arm % len(ARM_COLOURS)]


def event_free(curves: pl.DataFrame, canvas: Canvas) -> alt.LayerChart:
    """Share of the patients without the event by week, a line an arm; names beside the lines, or below on a phone.

    Args:
        curves: `arm, place, week, share`; `place` is the arm's number, from 0.
        canvas: the sheet.
    """
    last = float(curves["week"].to_numpy().max())
    x = alt.X(
        "week:Q",
        scale=alt.Scale(domain=[0.0, last], nice=False),
        axis=axis(canvas, "weeks since the start", label_format="d"),
    )
    y = alt.Y(
        "share:Q",
        scale=alt.Scale(domain=[0.0, 1.0], nice=False),
        axis=axis(canvas, "share without the event", values=_SHARES, label_format="~%"),
    )
    arms = curves.unique("place").sort("place").select("arm", "place").rows()
    layers: list[Layer] = [
        alt.Chart(inline(curves.filter(pl.col("place") == place)))
        .mark_line(
            color=colour_of(place),
            strokeWidth=2,
            strokeDash=_DASHES[place % len(_DASHES)],
            interpolate="step-after",
        )
        .encode(x=x, y=y)
        for _, place in arms
    ]
    layers += _names(curves, arms, canvas)
    bottom = _BOTTOM_PX + (_NAME_LINE_PX * len(arms) + 8 if canvas.narrow else 0)
    return sheet(layers, canvas, _HEIGHT_PX, top_px=_TOP_PX, bottom_px=bottom)


def _names(curves: pl.DataFrame, arms: list[tuple[str, int]], canvas: Canvas) -> list[Layer]:
    """The arms' names in their colours: at the ends of the lines and apart from each other, or below each other."""
    ends = {
        place: float(curves.filter(pl.col("place") == place).sort("week")["share"][-1]) for _, place in arms
    }
    layers: list[Layer] = []
    lowest = float("inf")
    by_height = sorted(arms, key=lambda arm: -ends[arm[1]])
    step = _NAME_LINE_PX / _HEIGHT_PX
    room = 1.0
    for rank, (name, place) in enumerate(by_height):
        below = step * (len(by_height) - 1 - rank)
        height = max(min(ends[place], lowest - step, room), below)
        lowest = height
        pixels = (
            _HEIGHT_PX + _BOTTOM_PX + _NAME_LINE_PX * (place + 0.2)
            if canvas.narrow
            else _HEIGHT_PX * (1.0 - height)
        )
        layers.append(
            words(
                pl.DataFrame({"text": [f"— {name}" if canvas.narrow else name]}),
                at_x(0 if canvas.narrow else canvas.plot_width_px + 10),
                alt.YValue(pixels),  # type: ignore[no-untyped-call]
                size_px=canvas.font_px - 1,
                colour=colour_of(place),
                bold=True,
            )
        )
    return layers


def gains(rows: pl.DataFrame, canvas: Canvas) -> alt.LayerChart:
    """Weeks gained on the first arm, with 95 % intervals: a line an arm and outcome.

    Args:
        rows: `label, place, gained_weeks, gained_weeks_low, gained_weeks_high`, one row a line; `place` is the arm's
            number.
        canvas: the sheet; a phone has the labels above the lines.
    """
    reach = 1.1 * max(
        1.0,
        *(float(abs(number)) for name in ("gained_weeks_low", "gained_weeks_high") for number in rows[name]),
    )
    row_px = _NARROW_ROW_PX if canvas.narrow else _ROW_PX
    known = _placed(rows, canvas)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    down = alt.Scale(domain=[rows.height, 0], nice=False)
    y = alt.Y("line:Q", scale=down, axis=None)
    x_axis = axis(canvas, "weeks gained on the first arm (left of 0: lost)", label_format="+.2~f")
    x_axis.tickCount = 6
    base = alt.Chart(inline(known))
    zero = alt.Chart(inline(pl.DataFrame({"zero": [0.0]}))).mark_rule(color=palette.QUIET, strokeWidth=1)
    layers: list[Layer] = [
        zero.encode(x=alt.X("zero:Q", scale=scale, axis=x_axis)),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("gained_weeks_low:Q", scale=scale, axis=x_axis),
            x2="gained_weeks_high:Q",
            y=y,
            color=alt.Color("colour:N", scale=None),
        ),
        base.mark_point(size=58, filled=True, opacity=1).encode(
            x=alt.X("gained_weeks:Q", scale=scale, axis=x_axis), y=y, color=alt.Color("colour:N", scale=None)
        ),
        *_labels(known, down, canvas),
    ]
    return sheet(layers, canvas, row_px * rows.height, top_px=_TOP_PX, bottom_px=_BOTTOM_PX)


def _placed(rows: pl.DataFrame, canvas: Canvas) -> pl.DataFrame:
    """The rows with their heights: of the interval, and on a phone of the label and the number above it."""
    line = pl.col("row").cast(pl.Float64)
    return rows.with_row_index("row").with_columns(
        (line + (0.8 if canvas.narrow else 0.5)).alias("line"),
        (line + (0.22 if canvas.narrow else 0.5)).alias("label_line"),
        (line + 0.5).alias("number_line"),
        pl.col("place")
        .map_elements(lambda place: colour_of(int(place)), return_dtype=pl.String)
        .alias("colour"),
        _in_weeks().alias("number"),
    )


def _labels(known: pl.DataFrame, down: alt.Scale, canvas: Canvas) -> list[Layer]:
    """What each row is, and its numbers: left and right of the plot, or both above the interval on a phone."""
    places = (
        ("label", 0 if canvas.narrow else -12, "left" if canvas.narrow else "right", palette.INK),
        ("number", 0 if canvas.narrow else canvas.plot_width_px + 12, "left", palette.QUIET),
    )
    return [
        words(
            known.with_columns(pl.col(name).alias("text")),
            at_x(pixels),
            alt.Y(f"{name}_line:Q", scale=down, axis=None),
            size_px=canvas.font_px - 1,
            align=align,
            colour=colour,
        )
        for name, pixels, align, colour in places
    ]


def _in_weeks() -> pl.Expr:
    """The gain as text: `+3.2 (2.1 to 4.3)`."""

    def signed(name: str) -> pl.Expr:
        number = pl.col(name).round(1)
        return pl.concat_str(
            pl.when(number > 0)
            .then(pl.lit("+"))
            .when(number < 0)
            .then(pl.lit("\N{MINUS SIGN}"))
            .otherwise(pl.lit("")),
            number.abs().cast(pl.String),
        )

    names = (signed("gained_weeks"), signed("gained_weeks_low"), signed("gained_weeks_high"))
    return pl.format("{} ({} to {})", *names)
