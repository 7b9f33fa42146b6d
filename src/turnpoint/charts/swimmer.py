"""Swimmer: a bar a patient from the start to the last visit, with first response, progression and first alert."""

from __future__ import annotations

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, at_y, sheet, words
from turnpoint.charts.language import Language, mark
from turnpoint.charts.specification import Axis, Scale, Specification, channel, marks

MOST_ROWS = 330
_TALL_PX, _LOW_PX = 13.0, 3.0  # whole pixels have sharp edges
_MOST_HEIGHT_PX = 960.0
_CROSS = "M-.6,-.6L.6,.6M.6,-.6L-.6,.6"
# column, name, shape, colour
_MARKS = (
    ("first_response_day", mark("first response"), "triangle-up", palette.RESPONSES["PR"]),
    ("alert_day", mark("first alert"), "circle", palette.ALERT),
    ("progression_day", mark("progression"), "cross", palette.RESPONSES["PD"]),
)


def shown_rows(courses: pl.DataFrame) -> pl.DataFrame:
    """Longest course first; of a large study every k-th, so that the shape stays true."""
    ordered = courses.filter(pl.col("last_day").is_not_null()).sort(
        "last_day", descending=True, maintain_order=True
    )
    return ordered.gather_every(max(1, -(-ordered.height // MOST_ROWS)))


def swimmer(courses: pl.DataFrame, canvas: Canvas, language: Language) -> Specification:
    """The chart. An arrow ends the bar of a patient without progression at the last visit.

    Args:
        courses: `patient_id, last_day, first_response_day, progression_day, alert_day`.
        canvas: the sheet.
        language: of its words.
    """
    rows = shown_rows(courses).with_row_index("row").with_columns(pl.col("row").cast(pl.Float64) + 0.5)
    row_px = max(_LOW_PX, min(_TALL_PX, float(_MOST_HEIGHT_PX // max(rows.height, 1))))
    height = max(40, round(row_px * rows.height))
    y = channel("row:Q", scale=Scale(domain=[max(rows.height, 1), 0], nice=False), axis=None)
    last = rows["last_day"].max()
    weeks = max(1.0, float(last) / 7.0 if isinstance(last, int | float) else 1.0)
    x = channel(
        "week:Q",
        scale=Scale(domain=[0, weeks * 1.02], nice=False),
        axis=Axis(tickCount=8, grid=True, title=None, orient="bottom", format="d"),
    )
    bars = rows.select(
        "row", pl.lit(0.0).alias("week"), (pl.col("last_day") / 7.0).alias("end"), "progression_day"
    )
    base = bars.with_columns(pl.col("end").clip(0.0))
    open_ended = bars.filter(pl.col("progression_day").is_null()).select(
        "row", pl.col("end").clip(0.0).alias("week")
    )
    size = max(20.0, min(70.0, row_px * row_px * 0.8))
    layers: list[Layer] = [
        marks(base, "rule", strokeWidth=max(2.0, round(row_px * 0.6)), color=palette.BAR).encode(
            x=x, x2="end:Q", y=y
        ),
        marks(
            open_ended,
            "point",
            shape="triangle-right",
            filled=True,
            size=size,
            color=palette.QUIET,
            opacity=1,
        ).encode(x=x, y=y),
    ]
    for happening, _, shape, colour in _MARKS:
        happened = rows.filter(pl.col(happening).is_not_null()).select(
            "row", (pl.col(happening) / 7.0).alias("week")
        )
        filled = shape != "cross"
        drawn = marks(
            happened,
            "point",
            shape=_CROSS if not filled else shape,
            filled=filled,
            size=size * 1.3,
            color=colour,
            strokeWidth=1.4,
            opacity=1,
        )
        layers.append(drawn.encode(x=x, y=y))
    return sheet([*layers, *_legend(canvas, language)], canvas, height, top_px=34)


def _legend(canvas: Canvas, language: Language) -> list[Layer]:
    """What the marks mean, above the plot: on one line."""
    names = [(language.text(name), shape, colour) for _, name, shape, colour in _MARKS]
    width = (canvas.plot_width_px + canvas.right_px) / (len(names) + 0.2)
    layers: list[Layer] = []
    for index, (name, shape, colour) in enumerate(names):
        x_px = index * width + 6.0
        y_px = -16.0
        drawn = marks(
            pl.DataFrame({"name": [name]}),
            "point",
            shape=_CROSS if shape == "cross" else shape,
            filled=shape != "cross",
            size=70,
            color=colour,
            strokeWidth=1.6,
            opacity=1,
        )
        text = pl.DataFrame({"text": [name]})
        layers += [
            drawn.encode(x=at_x(x_px), y=at_y(y_px)),
            words(text, at_x(x_px + 10.0), at_y(y_px), size_px=canvas.font_px - 1),
        ]
    return layers


def describe(courses: pl.DataFrame, language: Language) -> str:
    """The chart in words, with its numbers."""
    return language.text(
        "{count} patients: {responses} with a response, {progressions} with progression, {alerts} with an alert.",
        count=language.number(courses.height),
        responses=language.number(courses["first_response_day"].drop_nulls().len()),
        progressions=language.number(courses["progression_day"].drop_nulls().len()),
        alerts=language.number(courses["alert_day"].drop_nulls().len()),
    )
