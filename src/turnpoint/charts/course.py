"""A patient's whole course on one time axis: lanes above one another, the turning point through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, at_y, fitting, sheet_of_groups, text_width_px, words
from turnpoint.charts.dates import turning_band, turning_label
from turnpoint.charts.lane import Lane, Place
from turnpoint.charts.specification import POINTED, Marks, Scale, Specification, channel, marks
from turnpoint.charts.week_axis import IS_ZOOMED, Panel
from turnpoint.pictures.dates import DateInterval

_TITLE_PX = 30.0
_GAP_PX = 16.0
_TOP_PX = 12
_HEAD_PX = 50.0  # within the plot, as what moves with the weeks is cut at its edge: words above the lanes
_TURNING_Y_PX, _NOW_Y_PX = 10.0, 37.0
_FOOT_PX = 24.0  # below the lanes, for the week pointed at
_EDGE_PX = 8.0
_IN_PIXELS: Specification = {"field": "y", "type": "quantitative", "scale": None}


def course(
    lanes: Sequence[Lane], turning: DateInterval | None, panel: Panel, *, has_forecast: bool
) -> Specification:
    """The chart.

    It can be pointed at and zoomed: `pointed_week`, `first_shown_week` and `last_shown_week` are parameters that a
    browser sets; `usermeta` says where the weeks lie and what was read in each, for whoever points without seeing.

    Args:
        lanes: from the top to the bottom.
        turning: the turning point as the last assessment has it; None where it is not worth a word.
        panel: what the chart is drawn on.
        has_forecast: a lane has a forecast.
    """
    live = replace(panel, axis=replace(panel.axis, is_live=True))
    places, height = _places(lanes)
    groups: list[Sequence[Layer]] = [
        _behind(turning, live, height),
        *([*lane.draw(place, live)] for lane, place in zip(lanes, places, strict=True)),
        [
            *_above(turning, live, has_forecast=has_forecast),
            *_titles(lanes, places, live),
            *_pointed(lanes, places, live, height),
        ],
    ]
    drawn = sheet_of_groups(
        [[_within(own) for own in group] for group in groups], panel.canvas, round(height), top_px=_TOP_PX
    )
    reach = {
        "left_px": panel.canvas.left_px,
        "plot_px": panel.canvas.plot_width_px,
        "first_week": panel.axis.first_week,
        "last_week": panel.axis.last_week,
        "last_visit_week": panel.axis.last_visit_week,
        "readings": said(lanes, panel),
    }
    pointer: Specification = {"name": POINTED, "value": None}
    return {
        **drawn,
        "params": [*live.axis.parameters(panel.canvas), pointer],
        "usermeta": {
            **drawn["usermeta"],
            "course": reach,
            "at_rest": {**panel.axis.at_rest(panel.canvas), POINTED: None},
        },
    }


def said(lanes: Sequence[Lane], panel: Panel) -> list[dict[str, float | str]]:
    """What was read, a day each: `week`, and `text` with all lanes."""
    by_day: dict[float, list[str]] = {}
    for lane in lanes:
        for day, text in {**dict(lane.readings), **dict(lane.details)}.items():
            by_day.setdefault(day, []).append(
                panel.language.text("{name}: {value}", name=lane.title, value=text)
            )
    return [
        {
            "week": day / 7.0,
            "text": panel.language.text(
                "Week {week}. {readings}.",
                week=panel.language.week(day),
                readings=panel.language.text("; ").join(texts),
            ),
        }
        for day, texts in sorted(by_day.items())
    ]


def _places(lanes: Sequence[Lane]) -> tuple[list[Place], float]:
    """Where each lane's plot lies, and how tall all of them are."""
    places, y_px = [], _HEAD_PX
    for lane in lanes:
        places.append(Place(y_px + _TITLE_PX + lane.above_px, lane.height_px))
        y_px += _TITLE_PX + lane.above_px + lane.height_px + _GAP_PX
    return places, y_px - _GAP_PX + _FOOT_PX


def _behind(turning: DateInterval | None, panel: Panel, height_px: float) -> list[Layer]:
    """What runs through all lanes: the turning point, the end of the data, the line of the pointer."""
    band = [] if turning is None else turning_band(turning, panel)
    whole = Scale(domain=[0, 1], range=[height_px, 0], nice=False)
    low = channel("low:Q", scale=whole, axis=None)
    return [
        own.encode(y=low, y2="high:Q") if own.mark["type"] in ("rect", "rule") else own
        for own in (
            replace(own, rows=own.rows.with_columns(low=pl.lit(0.0), high=pl.lit(1.0 - _HEAD_PX / height_px)))
            for own in [*band, *panel.now(), *_pointer(panel)]
        )
    ]


def _pointer(panel: Panel) -> list[Layer]:
    rule = marks(pl.DataFrame({"week": [0.0]}), "rule", color=palette.INK, strokeWidth=1)
    at_pointer = {"datum": {"expr": POINTED}, "type": "quantitative"}
    x = {**panel.x(), **at_pointer}
    del x["field"]
    return [replace(rule, where=f"{POINTED} !== null").encode(x=x)]


def _above(turning: DateInterval | None, panel: Panel, *, has_forecast: bool) -> list[Layer]:
    """Above the lanes: the turning point in words; on the line below where the data end and the forecast begins."""
    layers: list[Layer] = [] if turning is None else [turning_label(turning, panel, _TURNING_Y_PX)]
    last = panel.axis.last_visit_week
    if last is None:
        return layers
    size_px, y = panel.canvas.font_px - 1, at_y(_NOW_Y_PX)
    before = panel.language.text("last visit")
    week = pl.DataFrame({"week": [last]})
    if panel.pixel(last) - _EDGE_PX - text_width_px(before, panel.canvas.largest_px) > -panel.canvas.left_px:
        now = week.with_columns(pl.lit(before).alias("text"))
        layers.append(words(now, panel.x(), y, size_px=size_px, colour=palette.QUIET, align="right", dx=-8))
    if has_forecast:
        ahead = week.with_columns(pl.lit(panel.language.text("forecast")).alias("text"))
        layers.append(words(ahead, panel.x(), y, size_px=size_px, colour=palette.FORECAST, dx=8))
    return layers


def _titles(lanes: Sequence[Lane], places: Sequence[Place], panel: Panel) -> list[Layer]:
    rows = pl.DataFrame(
        {
            "text": [lane.title for lane in lanes],
            "y": [_title_y_px(lane, place) for lane, place in zip(lanes, places, strict=True)],
        }
    )
    left, size_px = at_x(-panel.canvas.left_px + _EDGE_PX), panel.canvas.font_px
    return [words(rows, left, _IN_PIXELS, size_px=size_px, bold=True)]


def _title_y_px(lane: Lane, place: Place) -> float:
    return place.top_px - lane.above_px - 0.5 * _TITLE_PX


def _pointed(lanes: Sequence[Lane], places: Sequence[Place], panel: Panel, height_px: float) -> list[Layer]:
    """What was read in the week pointed at: at the right end of each title, and the week at the foot of the line."""
    size_px, largest_px, width_px = panel.canvas.font_px, panel.canvas.largest_px, panel.canvas.width_px
    read = [
        (day / 7.0, fitting(text, width_px - text_width_px(lane.title, largest_px) - 4 * _EDGE_PX, largest_px),
         _title_y_px(lane, place))
        for lane, place in zip(lanes, places, strict=True)
        for day, text in lane.readings
    ]  # fmt: skip
    schema = {"week": pl.Float64, "text": pl.String, "y": pl.Float64}
    texts = pl.DataFrame(read, schema=schema, orient="row")
    weeks = texts.select("week").unique(maintain_order=True)
    named = [
        panel.language.text("week {week}", week=panel.language.week(7.0 * week)) for week in weeks["week"]
    ]
    right = at_x(panel.canvas.plot_width_px + panel.canvas.right_px - _EDGE_PX)
    layers = (
        words(weeks.with_columns(pl.Series("text", named, pl.String)), panel.x(), at_y(height_px - 0.5 * _FOOT_PX),
              size_px=size_px - 1, align="center", bold=True),
        words(texts, right, _IN_PIXELS, size_px=size_px, align="right").encode(detail="week:Q"),
    )  # fmt: skip
    return [own.where_pointed() for own in layers]


def _within(own: Marks) -> Marks:
    """What moves with the weeks ends at the plot's edge; words and bars, which are wide, only once they can move."""
    if "field" not in own.channels.get("x", {}) and "datum" not in own.channels.get("x", {}):
        return own
    is_wide = own.mark["type"] in ("text", "bar")
    return replace(own, mark={**own.mark, "clip": {"expr": IS_ZOOMED} if is_wide else True})
