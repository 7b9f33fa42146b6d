"""State probabilities at each visit: responding, plateau, regrowing; and where an alert was raised."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, spaced, spread, words
from turnpoint.charts.lane import Lane, Place, left_axis
from turnpoint.charts.language import Language, mark
from turnpoint.charts.specification import Scale, Specification, channel, marks
from turnpoint.charts.week_axis import Panel

STATE_NAMES = {
    "responding": mark("responding"),
    "plateau": mark("plateau"),
    "regrowing": mark("regrowing"),
    "undetermined": mark("cannot tell yet"),
}
_STATES = ("responding", "plateau", "regrowing")
_HEIGHT_PX = 84.0
_SIGNS_PX = 20.0
_SIGN_Y_PX = -10.0
_LONGEST_LIST = 30
_ROOM_FOR_EDGES_PX = 6.0


def states_lane(assessment: pl.DataFrame, language: Language) -> Lane:
    """Stacked bars, one a visit; pale with a question mark above where the verdict is `undetermined`.

    Args:
        assessment: `day, p_responding, p_plateau, p_regrowing, verdict, alert`.
        language: of its words.
    """
    rows = assessment.sort("day").with_columns((pl.col("day") / 7.0).alias("week"))
    captions = [language.text("From data up to each visit.")]
    if rows.filter(pl.col("verdict") == "undetermined").height:
        captions.append(language.text("Pale bars with a question mark: the data do not allow a verdict."))
    if rows.filter(pl.col("alert").fill_null(value=False)).height:
        captions.append(language.text("Black triangle: alert."))
    return Lane(
        title=language.text("State at each visit, %"),
        caption=language.joined(captions),
        description=describe(assessment, language),
        above_px=_SIGNS_PX,
        height_px=_HEIGHT_PX,
        draw=lambda place, panel: _layers(rows, place, panel),
        readings=tuple((row["day"], _reading(row, language)) for row in rows.iter_rows(named=True)),
    )


def _reading(row: Mapping[str, Any], language: Language) -> str:
    """The verdict, with the state's chance, and the alert."""
    verdict = str(row["verdict"])
    said = language.text(STATE_NAMES.get(verdict, STATE_NAMES["undetermined"]))
    if verdict in _STATES:
        said = f"{said} {language.chance(row[f'p_{verdict}'])}"
    return language.listed([said, language.text("alert")]) if row["alert"] else said


def _layers(rows: pl.DataFrame, place: Place, panel: Panel) -> list[Layer]:
    bar_px = _bar_width(rows["week"].to_list(), panel)
    scale = place.scale(0, 1)
    y_axis = left_axis(values=[0, 0.5, 1], labelExpr="100 * datum.value")
    x = panel.x()
    stacked = _stacked(rows)
    base = marks(
        stacked,
        "bar",
        width=bar_px,
        stroke=palette.PAPER,
        strokeWidth=1 if bar_px >= _ROOM_FOR_EDGES_PX else 0,
    )
    colour = channel(
        "state:N", scale=Scale(domain=list(_STATES), range=list(palette.STATES.values())), legend=None
    )
    layers: list[Layer] = [
        base.encode(
            x=x,
            y=channel("low:Q", scale=scale, axis=y_axis),
            y2="high:Q",
            color=colour,
            opacity=channel("strength:Q", scale=None),
        ),
        *_signs(rows, x, place, panel),
    ]
    if rows.height:
        layers += _names(stacked.filter(pl.col("day") == rows["day"].item(-1)), place, panel)
    return layers


def describe(assessment: pl.DataFrame, language: Language) -> str:
    """The chart in words, with its numbers."""
    rows = assessment.sort("day")
    sentences = []
    if rows.height > _LONGEST_LIST:
        sentences.append(
            language.text("First and last of {count} visits.", count=language.number(rows.height))
        )
        rows = pl.concat([rows.head(1), rows.tail(1)])
    for row in rows.iter_rows(named=True):
        sentences.append(
            language.text(
                "Week {week}: responding {responding}, plateau {plateau}, regrowing {regrowing}.",
                week=language.week(row["day"]),
                **{state: language.chance(row[f"p_{state}"]) for state in _STATES},
            )
        )
        if row["alert"]:
            sentences.append(language.text("Alert."))
    return language.joined(sentences)


def _bar_width(weeks: list[float], panel: Panel) -> float:
    """As wide as the closest two visits allow, between 2 and 22 pixels."""
    pixels = [panel.pixel(week) for week in weeks]
    gaps = [later - earlier for earlier, later in pairwise(pixels) if later > earlier]
    return max(2.0, min(22.0, 0.62 * min(gaps, default=22.0)))


def _stacked(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a visit and state: `day, week, state, low, high, strength`."""
    sure = pl.when(pl.col("verdict") == "undetermined").then(0.4).otherwise(1.0).alias("strength")
    responding, plateau = pl.col("p_responding"), pl.col("p_plateau")
    bounds = {
        "responding": (pl.lit(0.0), responding),
        "plateau": (responding, responding + plateau),
        "regrowing": (responding + plateau, responding + plateau + pl.col("p_regrowing")),
    }
    return pl.concat(
        [
            rows.select(
                "day", "week", pl.lit(state).alias("state"), low.alias("low"), high.alias("high"), sure
            )
            for state, (low, high) in bounds.items()
        ]
    ).filter(pl.col("high").is_not_null())


def _signs(rows: pl.DataFrame, x: Specification, place: Place, panel: Panel) -> list[Layer]:
    """A black flag where an alert was raised, a question mark where nothing could be said."""
    alerts = rows.filter(pl.col("alert").fill_null(value=False)).select(
        "week", pl.lit(panel.language.text("alert")).alias("text")
    )
    unsure = rows.filter(
        (pl.col("verdict") == "undetermined") & ~pl.col("alert").fill_null(value=False)
    ).select("week", pl.lit("?").alias("text"))
    layers: list[Layer] = []
    if unsure.height:
        pixels = [panel.pixel(week) for week in unsure["week"]]
        room = spaced(pixels, [False] * unsure.height, 0.7 * panel.canvas.largest_px)
        unsure = unsure.filter(pl.Series(room))
        above = place.at_y(_SIGN_Y_PX)
        layers.append(
            words(unsure, x, above, size_px=panel.canvas.font_px, colour=palette.QUIET, align="center")
        )
    if alerts.height:
        layers.append(
            marks(
                alerts, "point", shape="triangle-down", filled=True, color=palette.ALERT, size=70, opacity=1
            ).encode(x=x, y=place.at_y(_SIGN_Y_PX))
        )
        first = alerts.head(1)
        layers.append(
            words(
                first,
                x,
                place.at_y(_SIGN_Y_PX),
                size_px=panel.canvas.font_px - 1,
                align="right",
                bold=True,
                dx=-9,
            )
        )
    return layers


def _names(last: pl.DataFrame, place: Place, panel: Panel) -> list[Layer]:
    """The states' names beside the plot, at the height of the last bar's parts."""
    parts = last.rows(named=True)
    middles = [_HEIGHT_PX * (1.0 - 0.5 * (part["low"] + part["high"])) for part in parts]
    size = panel.canvas.largest_px
    placed = spread(middles, 1.25 * size, 0.5 * size, _HEIGHT_PX - 0.5 * size)
    layers: list[Layer] = []
    for part, y_px in zip(parts, placed, strict=True):
        state = str(part["state"])
        layers.append(
            words(
                pl.DataFrame({"text": [panel.language.text(STATE_NAMES[state])]}),
                at_x(panel.canvas.plot_width_px + 20),
                place.at_y(y_px),
                size_px=panel.canvas.font_px - 1,
            )
        )
        swatch = marks(
            pl.DataFrame({"name": [state]}),
            "point",
            shape="square",
            filled=True,
            color=palette.STATES[state],
            size=90,
            opacity=1,
        )
        layers.append(swatch.encode(x=at_x(panel.canvas.plot_width_px + 10), y=place.at_y(y_px)))
    return layers
