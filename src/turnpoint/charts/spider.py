"""Spider: change over time, a line a patient, small multiples by best response or by marker."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, house_style, signed_axis
from turnpoint.charts.language import Language
from turnpoint.charts.specification import SCHEMA, Axis, Scale, Specification, channel, layered, marks
from turnpoint.charts.waterfall import MARKER_RESPONSE_PCT, PARTIAL_RESPONSE_PCT, PROGRESSION_PCT

MOST_LINES = 400  # in one panel; more hide each other
_CLIP_PCT = 100.0
_HEIGHT_PX = 210
_SMALLEST_RATIO = 0.01


def spider(changes: pl.DataFrame, canvas: Canvas, language: Language) -> Specification:
    """Change of the sum from baseline by week, a panel for each best response.

    Args:
        changes: `patient_id, week, change_from_baseline_pct, best_response`.
        canvas: the sheet.
        language: of its words.
    """
    lines = _with_a_line(changes, "change_from_baseline_pct").with_columns(
        pl.col("change_from_baseline_pct").clip(-100.0, _CLIP_PCT).alias("height"),
        pl.col("best_response").fill_null("NE"),
    )
    found = set(lines["best_response"])
    names = [name for name in palette.RESPONSES if name in found] + sorted(found - set(palette.RESPONSES))
    scale = Scale(domain=[-100, _CLIP_PCT], nice=False)
    axis = signed_axis([-100, -50, 0, 50, 100])
    panels = [
        _panel(
            lines.filter(pl.col("best_response") == name),
            (name, palette.RESPONSES.get(name, palette.RESPONSES["NE"])),
            (scale, axis, (PARTIAL_RESPONSE_PCT, PROGRESSION_PCT)),
            (_last_week(lines), _columns(len(names))),
            canvas,
            language,
        )
        for name in names
    ]
    return _grid(panels, _columns(len(names)), canvas)


def marker_spider(changes: pl.DataFrame, canvas: Canvas, language: Language) -> Specification:
    """Change of each marker from its first value by week, a panel a marker, on a ratio (logarithmic) axis.

    Args:
        changes: `patient_id, week, marker, change_from_first_pct`.
        canvas: the sheet.
        language: of its words.
    """
    lines = _with_a_line(changes, "change_from_first_pct").with_columns(
        (1.0 + pl.col("change_from_first_pct") / 100.0)
        .clip(_SMALLEST_RATIO, 1.0 / _SMALLEST_RATIO)
        .alias("height")
    )
    names = lines["marker"].unique(maintain_order=True).to_list()
    scale = Scale(type="log", domain=_ratio_domain(lines), nice=False)
    axis = Axis(
        values=[0.01, 0.1, 0.5, 1, 2, 10, 100],
        labelExpr="'×' + format(datum.value, '~r')",
        grid=True,
        ticks=False,
        title=None,
        labelOverlap=False,
    )
    half = 1.0 + MARKER_RESPONSE_PCT / 100.0
    columns = _columns(len(names))
    panels = [
        _panel(
            lines.filter(pl.col("marker") == name),
            (str(name), palette.STATES["responding"]),
            (scale, axis, (half,)),
            (_last_week(lines), columns),
            canvas,
            language,
        )
        for name in names
    ]
    return _grid(panels, columns, canvas)


def describe(changes: pl.DataFrame, column: str, language: Language) -> str:
    """The chart in words, with its numbers."""
    known = changes.filter(pl.col(column).is_not_null())
    last = known.sort("week").group_by("patient_id").agg(pl.col(column).last())[column]
    fallen, risen = int((last < 0).sum()), int((last > 0).sum())
    return language.text(
        "{lines} patients; at the last value {fallen} are below their start, {risen} above it.",
        lines=language.number(last.len()),
        fallen=language.number(fallen),
        risen=language.number(risen),
    )


def has_lines(changes: pl.DataFrame, column: str) -> bool:
    """Whether any patient has two values to draw a line between."""
    return _with_a_line(changes, column).height > 0


def _ratio_domain(lines: pl.DataFrame) -> list[float]:
    """What the ratios need, never narrower than a halving and a doubling."""
    low, high = lines["height"].min(), lines["height"].max()
    smallest = float(low) if isinstance(low, int | float) else 1.0
    largest = float(high) if isinstance(high, int | float) else 1.0
    return [min(0.45, smallest / 1.1), max(2.2, largest * 1.1)]


def _with_a_line(changes: pl.DataFrame, column: str) -> pl.DataFrame:
    """Rows of patients with two or more values: one value is no line."""
    known = changes.filter(pl.col(column).is_not_null() & pl.col(column).is_not_nan())
    return known.filter(pl.len().over("patient_id") > 1)


def _columns(panels: int) -> int:
    return max(1, min(panels, 3))


def _last_week(lines: pl.DataFrame) -> tuple[float, float]:
    first, last = lines["week"].min(), lines["week"].max()
    low = float(first) if isinstance(first, int | float) else 0.0
    high = float(last) if isinstance(last, int | float) else 1.0
    return min(low, 0.0), max(high, low + 1.0)


def _panel(
    lines: pl.DataFrame,
    named: tuple[str, str],
    vertical: tuple[Scale, Axis, Sequence[float]],
    size: tuple[tuple[float, float], int],
    canvas: Canvas,
    language: Language,
) -> Specification:
    """One small multiple: thin lines, dashed references, its name and how many patients as the title."""
    (name, colour), (scale, axis, references), (weeks, columns) = named, vertical, size
    patients = lines["patient_id"].unique(maintain_order=True)
    step = max(1, -(-patients.len() // MOST_LINES))
    shown = lines.filter(pl.col("patient_id").is_in(patients.gather_every(step).to_list())).sort("week")
    x_axis = Axis(tickCount=3 if columns > 1 else 6, grid=False, tickSize=4, title=None, format="d")
    x = channel("week:Q", scale=Scale(domain=list(weeks), nice=False), axis=x_axis)
    y = channel("height:Q", scale=scale, axis=axis)
    rules = pl.DataFrame({"height": list(references)}, schema={"height": pl.Float64})
    opacity = max(0.25, min(0.8, 12.0 / max(1, min(patients.len(), MOST_LINES)) ** 0.5 / 2.0))
    drawn = marks(shown, "line", color=colour, strokeWidth=1.1, opacity=opacity, clip=True)
    title = {
        "text": name,
        "subtitle": language.plural("{count} patient", "{count} patients", patients.len()),
        "anchor": "start",
        "fontSize": canvas.font_px,
        "subtitleFontSize": canvas.font_px - 1,
        "subtitleColor": palette.QUIET,
        "subtitlePadding": 8,
        "color": palette.INK,
        "offset": 8,
    }
    width = (canvas.width_px - 56 - 44 * (columns - 1)) / columns if columns > 1 else canvas.width_px - 70
    layers = [
        marks(rules, "rule", color=palette.INK, strokeWidth=0.9, strokeDash=[5, 4]).encode(y=y),
        drawn.encode(x=x, y=y, detail="patient_id:N"),
    ]
    return {**layered(layers, name), "width": width, "height": _HEIGHT_PX, "title": title}


def _grid(panels: list[Specification], columns: int, canvas: Canvas) -> Specification:
    # a browser looks for named rows at the top of a specification only
    datasets = {name: rows for panel in panels for name, rows in panel.pop("datasets").items()}
    return {
        "$schema": SCHEMA,
        "datasets": datasets,
        "concat": panels,
        "columns": columns,
        "spacing": 18,
        "resolve": {"scale": {"y": "independent"}},
        **house_style(canvas),
    }
