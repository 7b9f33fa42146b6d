"""The sum of diameters by week: what was read, what RECIST waits for, what is likely next."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, spaced, spread, words
from turnpoint.charts.fan import fan_layers, fan_readings
from turnpoint.charts.lane import Lane, Place, Readings, left_axis
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Specification, channel, marks
from turnpoint.charts.week_axis import Panel
from turnpoint.study.markers import ONE_SIDED_95
from turnpoint.turning.lesion_courses import LesionCourse

_LONGEST_LIST = 40  # visits named one by one in the alternative text
_HEIGHT_PX = 270.0
_RESPONSES_PX = 24.0
_RESPONSE_Y_PX = -12.0
_LEAD_PX = 12
_MOST_NAMED = 8  # lesions, the largest ones at their last reading


@dataclass(frozen=True, slots=True)
class RecistLines:
    """Where RECIST would call a response or progression; None where there is no such line.

    Attributes:
        partial_response_mm: 0.7 x baseline.
        progression_mm: what the sum must reach for progression to be called now.
        baseline_mm: what it is compared with.
    """

    partial_response_mm: float | None
    progression_mm: float | None
    baseline_mm: float | None = None


def sum_lane(
    sums: pl.DataFrame,
    lesions: Sequence[tuple[str, LesionCourse]],
    fan: pl.DataFrame,
    lines: RecistLines,
    language: Language,
) -> Lane:
    """The lane of the sum, and of the lesions in it.

    Args:
        sums: `day, sum_of_diameters_mm, reading_sd_mm, censored, overall_response, new_lesion`, a visit a row.
        lesions: each by its name; those without a size are not drawn.
        fan: quantiles of the sum: `day, kind, q05, q25, q50, q75, q95`.
        lines: RECIST's lines.
        language: of its words.
    """
    seen = _with_error(sums)
    parts = lesion_rows(lesions)
    captions = [language.text("Dots: measured sums; the bars hold 90% of repeated readings.")]
    if parts.height:
        captions.append(language.text("Thin lines: each lesion; dashed: a new one."))
    if seen.filter(pl.col("censored").fill_null(value=False)).height:
        captions.append(language.text("Open triangles: part of the sum is too small to measure."))

    def draw(place: Place, panel: Panel) -> list[Layer]:
        return _layers(seen, parts, fan, lines, place, panel)

    return Lane(
        title=language.text("Sum of diameters, mm"),
        caption=language.joined(captions),
        description=describe(sums, lines, language),
        above_px=_RESPONSES_PX,
        height_px=_HEIGHT_PX,
        draw=draw,
        readings=(
            *_readings(seen, parts.clear(), language),
            *fan_readings(fan, lambda size: language.number(size, 1), "mm", language),
        ),
        details=_readings(seen, parts, language) if parts.height else (),
    )


def lesion_rows(lesions: Sequence[tuple[str, LesionCourse]]) -> pl.DataFrame:
    """`name, day, week, size_mm, is_new, is_measured`, by lesion and day; none where a lone target is the whole sum."""
    rows = [
        (name, float(own.day), own.day / 7.0, own.size_mm, lesion.role == "new", own.status == "measured")
        for name, lesion in lesions
        for own in lesion.readings
        if own.size_mm is not None
    ]
    schema = {
        "name": pl.String, "day": pl.Float64, "week": pl.Float64, "size_mm": pl.Float64, "is_new": pl.Boolean,
        "is_measured": pl.Boolean,
    }  # fmt: skip
    found = pl.DataFrame(rows, schema=schema, orient="row")
    return found if found["name"].n_unique() > 1 else found.clear()


def _readings(seen: pl.DataFrame, parts: pl.DataFrame, language: Language) -> Readings:
    """`40 mm SD (liver T1 12, lung T2 28)`."""
    by_day: dict[float, list[str]] = {}
    for day, name, size in parts.select("day", "name", "size_mm").rows():
        by_day.setdefault(day, []).append(f"{name} {language.number(size, 1)}")
    found = []
    for day, size, response in seen.select("day", "sum_of_diameters_mm", "overall_response").rows():
        if size is None and response is None:
            continue
        said = [] if size is None else [language.text("{size} mm", size=language.number(size, 1))]
        said += [response] if response else []
        own = by_day.get(day, [])
        if own:
            said.append(f"({language.listed(own)})")
        found.append((float(day), " ".join(said)))
    return tuple(found)


def _layers(
    seen: pl.DataFrame,
    parts: pl.DataFrame,
    fan: pl.DataFrame,
    lines: RecistLines,
    place: Place,
    panel: Panel,
) -> list[Layer]:
    top = max(y_top(seen, fan, lines), 1.04 * _largest(parts, "size_mm"))
    scale = place.scale(0, top, clamp=True)
    y_axis = left_axis(values=_ticks(top), format=",d")
    x = panel.x()

    def y(column: str) -> Specification:
        return channel(f"{column}:Q", scale=scale, axis=y_axis)

    read = seen.filter(pl.col("sum_of_diameters_mm").is_not_null())
    return [
        *fan_layers(fan, y, panel),
        *_recist_layers(lines, y, top, place, panel),
        *_lesion_layers(parts, y, top, panel),
        marks(read, "line", color=palette.INK, strokeWidth=1.6, opacity=0.7).encode(
            x=x, y=y("sum_of_diameters_mm")
        ),
        marks(read, "rule", color=palette.INK, strokeWidth=1.2).encode(x=x, y=y("low"), y2="high:Q"),
        *_points(read, x, y("sum_of_diameters_mm")),
        *_response_row(seen, place, panel),
        *_new_lesions(seen, place, panel),
    ]


def _lesion_layers(
    parts: pl.DataFrame, y: Callable[[str], Specification], top: float, panel: Panel
) -> list[Layer]:
    """A thin line and small dots for each lesion, open ones where it could not be measured, its name at its end."""
    if parts.is_empty():
        return []
    x, one = panel.x(), channel("name:N")
    layers: list[Layer] = []
    for is_new, dash in ((False, [1, 0]), (True, [4, 3])):
        own = parts.filter(pl.col("is_new") == is_new)
        if own.height:
            colour = palette.RESPONSES["PD"] if is_new else palette.QUIET
            layers.append(
                marks(own, "line", color=colour, strokeWidth=1, strokeDash=dash).encode(
                    x=x, y=y("size_mm"), detail=one
                )
            )
    for is_measured, fill in ((True, palette.QUIET), (False, palette.PAPER)):
        own = parts.filter(pl.col("is_measured") == is_measured)
        if own.height:
            style = {"fill": fill, "stroke": palette.QUIET, "strokeWidth": 1, "size": 16, "opacity": 1}
            layers.append(marks(own, "point", filled=True, **style).encode(x=x, y=y("size_mm")))
    sizes = parts.with_columns(
        pl.Series("text", [panel.language.number(size, 1) for size in parts["size_mm"]], pl.String)
    )
    layers.append(
        words(
            sizes, x, y("size_mm"), size_px=panel.canvas.font_px - 2, colour=palette.QUIET, dx=6
        ).where_pointed()
    )
    ends = parts.sort("day").group_by("name", maintain_order=True).last()
    named = ends.sort("size_mm", descending=True).head(_MOST_NAMED)
    largest = panel.canvas.largest_px
    middles = [_HEIGHT_PX * (1.0 - size / top) for size in named["size_mm"]]
    placed = spread(middles, 1.15 * largest, 0.5 * largest, _HEIGHT_PX - 0.5 * largest)
    # a thin line leads from each end to a name that had to move aside
    labels = named.select("week", "size_mm", pl.col("name").alias("text")).with_columns(
        pl.Series("label_mm", [top * (1.0 - y_px / _HEIGHT_PX) for y_px in placed], pl.Float64)
    )
    lead = {"color": palette.QUIET, "strokeWidth": 0.6, "x2Offset": _LEAD_PX}
    layers += [
        marks(labels, "rule", **lead).encode(x=x, x2="week:Q", y=y("size_mm"), y2="label_mm:Q"),
        words(
            labels, x, y("label_mm"), size_px=panel.canvas.font_px - 2, colour=palette.QUIET, dx=_LEAD_PX + 3
        ),
    ]
    return layers


def describe(sums: pl.DataFrame, lines: RecistLines, language: Language) -> str:
    """The chart in words, with its numbers, for people who do not see it."""
    sentences = []
    rows = sums.filter(pl.col("sum_of_diameters_mm").is_not_null()).sort("day")
    if rows.height > _LONGEST_LIST:
        smallest = rows.sort("sum_of_diameters_mm").head(1)
        rows = pl.concat([rows.head(1), smallest, rows.tail(1)]).unique(maintain_order=True).sort("day")
        sentences.append(language.text("First, smallest and last of {count} sums.", count=sums.height))
    for day, size, response in rows.select("day", "sum_of_diameters_mm", "overall_response").rows():
        sentences.append(
            language.text(
                "Week {week}: {size} mm{response}.",
                week=language.week(day),
                size=language.number(size, 1),
                response=f" ({response})" if response else "",
            )
        )
    if lines.baseline_mm is not None:
        size = language.number(lines.baseline_mm, 1)
        sentences.append(language.text("Baseline {size} mm.", size=size))
    if lines.partial_response_mm is not None:
        size = language.number(lines.partial_response_mm, 1)
        sentences.append(language.text("Partial response at {size} mm or less.", size=size))
    if lines.progression_mm is not None:
        size = language.number(lines.progression_mm, 1)
        sentences.append(language.text("Progression at {size} mm or more.", size=size))
    return language.joined(sentences)


def y_top(seen: pl.DataFrame, fan: pl.DataFrame, lines: RecistLines) -> float:
    """Where the vertical axis ends, mm: everything read is inside; a wide fan may run out of the top."""
    named = (lines.partial_response_mm, lines.progression_mm, lines.baseline_mm)
    must = [10.0, _largest(seen, "high"), *(line or 0.0 for line in named)]
    inside = max(must)
    return 1.04 * max(inside, min(_largest(fan, "q95"), 1.3 * inside))


def _largest(frame: pl.DataFrame, column: str) -> float:
    largest = frame[column].max() if column in frame.columns else None
    return float(largest) if isinstance(largest, int | float) and math.isfinite(largest) else 0.0


def _with_error(sums: pl.DataFrame) -> pl.DataFrame:
    # 90 % of repeated readings lie within the bar
    size, error = pl.col("sum_of_diameters_mm"), ONE_SIDED_95 * pl.col("reading_sd_mm").fill_null(0.0)
    return sums.sort("day").with_columns(
        (pl.col("day") / 7.0).alias("week"),
        (size - error).clip(0.0).alias("low"),
        (size + error).alias("high"),
    )


def _ticks(top: float) -> list[float]:
    """Round numbers from 0 up, four to six of them."""
    step = 10.0 ** math.floor(math.log10(top / 4.0))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if top / (factor * step) <= 6)
    return [step * index for index in range(math.floor(top / step) + 1)]


def _points(read: pl.DataFrame, x: Specification, y: Specification) -> list[Layer]:
    """Full dots for measured sums, open triangles pointing down for sums that may be smaller."""
    size = 52.0 if read.height <= _LONGEST_LIST else 16.0
    measured = read.filter(~pl.col("censored").fill_null(value=False))
    censored = read.filter(pl.col("censored").fill_null(value=False))
    return [
        marks(measured, "point", filled=True, color=palette.INK, size=size, opacity=1).encode(x=x, y=y),
        marks(censored, "point",
            shape="triangle-down", filled=True, fill=palette.PAPER, stroke=palette.INK, strokeWidth=1.5, size=80,
            opacity=1,
        ).encode(x=x, y=y),
    ]  # fmt: skip


def _recist_layers(
    lines: RecistLines, y: Callable[[str], Specification], top: float, place: Place, panel: Panel
) -> list[Layer]:
    """Dashed lines with their names at the right end, in a column of their own."""
    wanted: list[tuple[str, float, str]] = []
    dashes = {palette.QUIET: [2, 3]}
    language, largest = panel.language, panel.canvas.largest_px
    if lines.progression_mm is not None:
        size = language.number(lines.progression_mm, 1)
        text = language.text("PD\n≥ {size} mm", size=size)
        wanted.append((text, lines.progression_mm, palette.RESPONSES["PD"]))
    if lines.partial_response_mm is not None:
        size = language.number(lines.partial_response_mm, 1)
        text = language.text("PR\n≤ {size} mm", size=size)
        wanted.append((text, lines.partial_response_mm, palette.RESPONSES["CR"]))
    if lines.baseline_mm is not None:
        size = language.number(lines.baseline_mm, 1)
        wanted.append((language.text("baseline\n{size} mm", size=size), lines.baseline_mm, palette.QUIET))
    scale_px = [_HEIGHT_PX * (1.0 - size / top) for _, size, _ in wanted]
    room = 2.5 * largest
    placed: Sequence[float] = spread(scale_px, room, 6.0, _HEIGHT_PX - 0.5 * largest)
    layers: list[Layer] = []
    for (text, size_mm, colour), y_px in zip(wanted, placed, strict=True):
        rule = pl.DataFrame({"size": [size_mm]})
        layers.append(
            marks(rule, "rule", color=colour, strokeWidth=1.2, strokeDash=dashes.get(colour, [7, 4])).encode(
                y=y("size")
            )
        )
        layers.append(
            words(
                pl.DataFrame({"text": [text]}),
                at_x(panel.canvas.plot_width_px + 8),
                place.at_y(y_px - 0.6 * largest),
                size_px=panel.canvas.font_px - 1,
                colour=colour,
            )
        )
    return layers


def _response_row(seen: pl.DataFrame, place: Place, panel: Panel) -> list[Layer]:
    """The overall response above each visit; where visits are close, changes are kept and repeats left out."""
    named = seen.filter(pl.col("overall_response").is_not_null()).with_columns(
        (pl.col("overall_response") != pl.col("overall_response").shift(1))
        .fill_null(value=True)
        .alias("changed"),
        pl.col("overall_response").alias("text"),
    )
    if named.is_empty():
        return []
    pixels = [panel.pixel(week) for week in named["week"]]
    widest = max(len(text) for text in named["text"])
    room = max(24.0, 0.7 * panel.canvas.largest_px * widest)
    shown = named.filter(pl.Series(spaced(pixels, named["changed"].to_list(), room)))
    return [
        words(
            shown.select("week", "text"),
            panel.x(),
            place.at_y(_RESPONSE_Y_PX),
            size_px=panel.canvas.font_px - 1,
            align="center",
            bold=True,
        )
    ]


def _new_lesions(seen: pl.DataFrame, place: Place, panel: Panel) -> list[Layer]:
    new = seen.filter(pl.col("new_lesion").fill_null(value=False)).select(
        "week", pl.lit(panel.language.text("new lesion")).alias("text")
    )
    if new.is_empty():
        return []
    x = panel.x()
    in_right_half = panel.pixel(new["week"].item(0)) > panel.canvas.plot_width_px / 2
    return [
        marks(
            new, "point", shape="diamond", filled=True, color=palette.RESPONSES["PD"], size=90, opacity=1
        ).encode(x=x, y=place.at_y(8)),
        words(
            new.head(1),
            x,
            place.at_y(8),
            size_px=panel.canvas.font_px - 1,
            align="right" if in_right_half else "left",
            dx=-10 if in_right_half else 10,
        ),
    ]
