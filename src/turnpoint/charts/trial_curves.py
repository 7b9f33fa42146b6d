"""Pictures of a virtual trial: who is still free of an event, and what each arm gains on the first one."""

from __future__ import annotations

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, at_y, sheet, words
from turnpoint.charts.diagnostics import axis
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Scale, Specification, channel, marks

CURVES = Canvas(width_px=640, left_px=84, right_px=28, font_px=14, largest_px=20)
ROWS = Canvas(width_px=640, left_px=34, right_px=34, font_px=14, largest_px=20)

# arms in order, the first one in ink; every second one is dashed as well, so that colour is not alone
ARM_COLOURS = (palette.INK, palette.FORECAST, "#9c2f1f", palette.TURNING, "#b8860b", "#1f6f8b", "#56616b")
_DASHES = ([1, 0], [1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 0], [4, 2])
_HEIGHT_PX, _TOP_PX, _BOTTOM_PX = 280, 12, 60
_ROW_PX = 74
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_NAME_LINE_PX = 24


def colour_of(arm: int) -> str:
    """The colour of an arm by its place."""
    return ARM_COLOURS[arm % len(ARM_COLOURS)]


def event_free(curves: pl.DataFrame, canvas: Canvas, language: Language) -> Specification:
    """Share of the patients without the event by week, a line an arm; names below.

    Args:
        curves: `arm, place, week, share`; `place` is the arm's number, from 0.
        canvas: the sheet.
        language: of its words.
    """
    last = float(curves["week"].to_numpy().max())
    x = channel(
        "week:Q",
        scale=Scale(domain=[0.0, last], nice=False),
        axis=axis(canvas, language.text("weeks since the start"), label_format="d"),
    )
    y = channel(
        "share:Q",
        scale=Scale(domain=[0.0, 1.0], nice=False),
        axis=axis(canvas, language.text("share without the event"), values=_SHARES, label_format="~%"),
    )
    arms = curves.unique("place").sort("place").select("arm", "place").rows()
    layers: list[Layer] = [
        marks(
            curves.filter(pl.col("place") == place),
            "line",
            color=colour_of(place),
            strokeWidth=2,
            strokeDash=_DASHES[place % len(_DASHES)],
            interpolate="step-after",
        ).encode(x=x, y=y)
        for _, place in arms
    ]
    layers += _names(arms, canvas)
    bottom = _BOTTOM_PX + _NAME_LINE_PX * len(arms) + 8
    return sheet(layers, canvas, _HEIGHT_PX, top_px=_TOP_PX, bottom_px=bottom)


def _names(arms: list[tuple[str, int]], canvas: Canvas) -> list[Layer]:
    """Each arm's name in the colour of its line, below the plot."""
    return [
        words(
            pl.DataFrame({"text": [f"— {name}"]}),
            at_x(0),
            at_y(_HEIGHT_PX + _BOTTOM_PX + _NAME_LINE_PX * (place + 0.2)),
            size_px=canvas.font_px - 1,
            colour=colour_of(place),
            bold=True,
        )
        for place, (name, _) in enumerate(arms)
    ]


def gains(rows: pl.DataFrame, canvas: Canvas, language: Language) -> Specification:
    """Weeks gained on the first arm, with 95 % intervals: a line an arm and outcome.

    Args:
        rows: `label, place, gained_weeks, gained_weeks_low, gained_weeks_high`, one row a line; `place` is the arm's
            number.
        canvas: the sheet; labels stand above the lines.
        language: of its words.
    """
    reach = 1.1 * max(
        1.0,
        *(float(abs(number)) for name in ("gained_weeks_low", "gained_weeks_high") for number in rows[name]),
    )
    known = _placed(rows, language)
    scale = Scale(domain=[-reach, reach], nice=False)
    down = Scale(domain=[rows.height, 0], nice=False)
    y = channel("line:Q", scale=down, axis=None)
    x_axis = axis(
        canvas, language.text("weeks gained on the first arm (left of 0: lost)"), label_format="+.2~f"
    )
    x_axis["tickCount"] = 6
    zero = marks(pl.DataFrame({"zero": [0.0]}), "rule", color=palette.QUIET, strokeWidth=1)
    layers: list[Layer] = [
        zero.encode(x=channel("zero:Q", scale=scale, axis=x_axis)),
        marks(known, "rule", strokeWidth=2).encode(
            x=channel("gained_weeks_low:Q", scale=scale, axis=x_axis),
            x2="gained_weeks_high:Q",
            y=y,
            color=channel("colour:N", scale=None),
        ),
        marks(known, "point", size=58, filled=True, opacity=1).encode(
            x=channel("gained_weeks:Q", scale=scale, axis=x_axis), y=y, color=channel("colour:N", scale=None)
        ),
        *_labels(known, down, canvas),
    ]
    return sheet(layers, canvas, _ROW_PX * rows.height, top_px=_TOP_PX, bottom_px=_BOTTOM_PX)


def _placed(rows: pl.DataFrame, language: Language) -> pl.DataFrame:
    """The rows with their heights: of the interval, and of the label and the number above it."""
    line = pl.col("row").cast(pl.Float64)
    return rows.with_row_index("row").with_columns(
        (line + 0.84).alias("line"),
        (line + 0.22).alias("label_line"),
        (line + 0.52).alias("number_line"),
        pl.col("place")
        .map_elements(lambda place: colour_of(int(place)), return_dtype=pl.String)
        .alias("colour"),
        _in_weeks(language).alias("number"),
    )


def _labels(known: pl.DataFrame, down: Scale, canvas: Canvas) -> list[Layer]:
    """What each row is, and its numbers, both above the interval."""
    return [
        words(
            known.with_columns(pl.col(name).alias("text")),
            at_x(0),
            channel(f"{name}_line:Q", scale=down, axis=None),
            size_px=canvas.font_px - 1,
            colour=colour,
        )
        for name, colour in (("label", palette.INK), ("number", palette.QUIET))
    ]


def _in_weeks(language: Language) -> pl.Expr:
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
    pattern = language.text("{mean} ({low} to {high})", mean="{}", low="{}", high="{}")
    return pl.format(pattern, *names)
