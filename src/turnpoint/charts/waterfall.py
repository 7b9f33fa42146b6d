"""Waterfall: the best change of every patient, sorted; and below it which response each bar had."""

from __future__ import annotations

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, at_y, sheet, signed_axis, words
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Axis, Scale, Specification, channel, marks
from turnpoint.criteria.pcwg3 import PSA50_RATIO
from turnpoint.criteria.recist import PARTIAL_RESPONSE_RATIO
from turnpoint.study.recist_bar import PROGRESSION_RATIO

# the criteria's own bounds, as changes; rounded, since 0.7 - 1 is not quite -0.3
PARTIAL_RESPONSE_PCT = round(100.0 * (PARTIAL_RESPONSE_RATIO - 1.0), 6)
PROGRESSION_PCT = round(100.0 * (PROGRESSION_RATIO - 1.0), 6)
MARKER_RESPONSE_PCT = 100.0 * (PSA50_RATIO - 1.0)  # the GCIG CA-125 response is a fall by half too
_CLIP_PCT = 100.0
_HEIGHT_PX = 300
_LANE_PX = 24
_SHARP_FROM_PX = 4.0


def waterfall(
    changes: pl.DataFrame, references_pct: tuple[float, ...], canvas: Canvas, language: Language
) -> Specification:
    """The chart; growth over 100 % is cut there.

    Args:
        changes: `best_change_pct`, and `best_response` where there is one (else the bars have one colour).
        references_pct: dashed lines.
        canvas: the sheet.
        language: of its words.
    """
    bars = sorted_bars(changes, canvas)
    scale = Scale(domain=[-100, _top(bars)], nice=False)
    y_axis = signed_axis([-100, -50, 0, 50, 100])
    # bars a whole number of pixels wide have sharp edges; thin ones fill the width instead
    bar_px = min(40.0, canvas.plot_width_px / max(bars.height, 1))
    bar_px = float(int(bar_px)) if bar_px >= _SHARP_FROM_PX else bar_px
    x_scale = Scale(domain=[0, canvas.plot_width_px / bar_px], nice=False)
    x = channel("left:Q", scale=x_scale, axis=None)
    has_response = bars["best_response"].null_count() < bars.height
    colour = channel(
        "best_response:N",
        scale=Scale(domain=list(palette.RESPONSES), range=list(palette.RESPONSES.values())),
        legend=None,
    )
    drawn = marks(bars, "rect", color=palette.STATES["responding"])
    encoded = drawn.encode(x=x, x2="right:Q", y=channel("height:Q", scale=scale, axis=y_axis), y2="zero:Q")
    lanes = _responses(bars) if has_response else []
    layers: list[Layer] = [
        encoded.encode(color=colour) if has_response else encoded,
        *_reference_layers(references_pct, scale, y_axis, canvas, language),
        *_lanes(changes, bars, lanes, x, colour, canvas),
    ]
    return sheet(layers, canvas, _HEIGHT_PX, top_px=12, bottom_px=24 + _LANE_PX * len(lanes))


def sorted_bars(changes: pl.DataFrame, canvas: Canvas) -> pl.DataFrame:
    """Bars from the largest growth to the deepest fall: `best_response, best_change_pct, height, zero, left, right`."""
    known = _drawable(changes)
    ordered = known.sort("best_change_pct", descending=True, maintain_order=True)
    most = canvas.plot_width_px
    if ordered.height > most:  # more bars than pixels: evenly spaced ones of the sorted bars keep the shape
        ordered = ordered[[int((place + 0.5) * ordered.height / most) for place in range(most)]]
    gap = 0.25 if ordered.height <= canvas.plot_width_px / 4 else 0.0
    return ordered.select(
        "best_response",
        "best_change_pct",
        pl.col("best_change_pct").clip(-100.0, _CLIP_PCT).alias("height"),
        pl.lit(0.0).alias("zero"),
        (pl.int_range(pl.len()) + gap / 2).cast(pl.Float64).alias("left"),
        (pl.int_range(pl.len()) + 1 - gap / 2).cast(pl.Float64).alias("right"),
    )


def _drawable(changes: pl.DataFrame) -> pl.DataFrame:
    """Rows with a change; a response that is not one of RECIST's counts as not evaluable."""
    known = changes.filter(pl.col("best_change_pct").is_not_null() & pl.col("best_change_pct").is_not_nan())
    if "best_response" not in known.columns:
        return known.with_columns(pl.lit(None, dtype=pl.String).alias("best_response"))
    response = pl.col("best_response")
    listed = pl.when(response.is_in(list(palette.RESPONSES)) | response.is_null()).then(response)
    return known.with_columns(listed.otherwise(pl.lit("NE")).alias("best_response"))


def describe(changes: pl.DataFrame, language: Language) -> str:
    """The chart in words, with its numbers."""
    known = changes["best_change_pct"].drop_nulls().drop_nans()
    if known.is_empty():
        return language.text("No patient has a change from baseline.")
    low, centre, high = (
        language.signed_percent(float(value) / 100.0)
        for value in (known.min(), known.median(), known.max())
        if isinstance(value, int | float)
    )
    return language.text(
        "{count} patients; best change from {low} to {high}, median {middle}.",
        count=language.number(known.len()),
        low=low,
        high=high,
        middle=centre,
    )


def _top(bars: pl.DataFrame) -> float:
    largest = bars["height"].max()
    return max(30.0, float(largest) * 1.02 if isinstance(largest, int | float) else 0.0)


def _responses(bars: pl.DataFrame) -> list[str]:
    found = set(bars["best_response"].drop_nulls())
    return [name for name in palette.RESPONSES if name in found]


def _reference_layers(
    references_pct: tuple[float, ...], scale: Scale, y_axis: Axis, canvas: Canvas, language: Language
) -> list[Layer]:
    layers: list[Layer] = []
    bottom, top = -100.0, float(scale["domain"][1])
    for value in references_pct:
        rule = pl.DataFrame({"value": [value]})
        layers.append(
            marks(rule, "rule", color=palette.INK, strokeWidth=1, strokeDash=[6, 4]).encode(
                y=channel("value:Q", scale=scale, axis=y_axis)
            )
        )
        y_px = _HEIGHT_PX * (top - value) / (top - bottom)
        layers.append(
            words(
                pl.DataFrame({"text": [language.signed_percent(value / 100.0)]}),
                at_x(canvas.plot_width_px + 8),
                at_y(y_px),
                size_px=canvas.font_px - 1,
            )
        )
    return layers


def _lanes(
    changes: pl.DataFrame,
    bars: pl.DataFrame,
    names: list[str],
    x: Specification,
    colour: Specification,
    canvas: Canvas,
) -> list[Layer]:
    """A row of ticks under the bars of each response: its name and count say it without the colour."""
    layers: list[Layer] = []
    size, half = canvas.font_px - 1, _LANE_PX * 0.3
    counts = dict(_drawable(changes).group_by("best_response").len().rows())
    for index, name in enumerate(names):
        middle = _HEIGHT_PX + 24 + index * _LANE_PX
        ticks = marks(bars.filter(pl.col("best_response") == name), "rect")
        end = {"value": middle + half}
        short = "NN" if name == "NON-CR/NON-PD" else name
        layers += [
            ticks.encode(x=x, x2="right:Q", y=at_y(middle - half), y2=end, color=colour),
            words(
                pl.DataFrame({"text": [short]}),
                at_x(-6),
                at_y(middle),
                size_px=size,
                align="right",
                bold=True,
            ),
            words(
                pl.DataFrame({"text": [f"{counts[name]:,}"]}),
                at_x(canvas.plot_width_px + 8),
                at_y(middle),
                size_px=size,
            ),
        ]
    return layers
