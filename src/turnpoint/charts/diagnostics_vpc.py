"""The visual predictive check: percentiles seen, on the bands in which the model expects them."""

from __future__ import annotations

import math

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, at_y, sheet, spread, words
from turnpoint.charts.diagnostics import axis
from turnpoint.charts.specification import Scale, Specification, channel, marks

_HEIGHT_PX = 340
_CHANGES_PCT = (-99.0, -95.0, -90.0, -75.0, -50.0, -25.0, 0.0, 25.0, 50.0, 100.0, 200.0, 400.0, 900.0, 1900.0)
_CLOSEST_PX = 22.0
_PERCENT = (
    "(datum.value > 0.001 ? '+' : datum.value < -0.001 ? '\\u2212' : '') + "
    "format(abs(100 * (exp(datum.value) - 1)), 'd')"
)
CHECK = Canvas(width_px=640, left_px=94, right_px=82, font_px=14, largest_px=20)
_LEVELS = {0.95: ("#cfe0ee", [6, 3]), 0.5: ("#e3dcf0", [1, 0]), 0.05: ("#cfe0ee", [6, 3])}


def visual_predictive_check(rows: pl.DataFrame, canvas: Canvas) -> Specification:
    """Lines: 5, 50 and 95 % of the changes seen; bands: where 90 % of the replicate studies have them."""
    weeks = rows.with_columns((pl.col("middle_day") / 7.0).alias("week"))
    low, high = _range(rows)
    scale = Scale(domain=[low, high], nice=False, zero=False)
    y_axis = axis(canvas, "change from baseline, %", values=_ticks(low, high))
    y_axis["labelExpr"] = _PERCENT
    x_axis = {**axis(canvas, "weeks since the start of treatment", label_format="d"), "tickCount": 8}
    first, last = float(weeks["from_day"].min()) / 7.0, float(weeks["to_day"].max()) / 7.0  # type: ignore[arg-type]
    x = channel(
        "week:Q",
        scale=Scale(
            domain=[max(0.0, min(first, _low(weeks))), min(last, 1.08 * _high(weeks))], nice=False, zero=False
        ),
        axis=x_axis,
    )

    def y(name: str) -> Specification:
        return channel(f"{name}:Q", scale=scale, axis=y_axis)

    bands: list[Layer] = []
    lines: list[Layer] = []
    for level, (tint, dash) in _LEVELS.items():
        base = weeks.filter(pl.col("level") == level)
        bands.append(
            marks(base, "area", color=tint, opacity=0.8, line=False, clip=True).encode(
                x=x, y=y("simulated_log_ratio_q05"), y2="simulated_log_ratio_q95:Q"
            )
        )
        bands.append(
            marks(base, "line", color=palette.FORECAST, strokeWidth=0.8, opacity=0.7, clip=True).encode(
                x=x, y=y("simulated_log_ratio_q50")
            )
        )
        lines.append(
            marks(base, "line", color=palette.INK, strokeWidth=1.6, strokeDash=dash).encode(
                x=x, y=y("observed_log_ratio")
            )
        )
        lines.append(
            marks(base, "point", size=26, fill=palette.INK, stroke=palette.INK, opacity=1).encode(
                x=x, y=y("observed_log_ratio")
            )
        )
    names_at = _names(weeks, low, high, canvas)
    return sheet([*bands, *lines, *names_at], canvas, _HEIGHT_PX, top_px=12, bottom_px=60)


def _range(rows: pl.DataFrame) -> tuple[float, float]:
    """Log ratios to draw: all that was seen, and bands as far again as that reaches."""
    seen = [float(value) for value in rows["observed_log_ratio"].drop_nulls()]
    bands = [
        float(value)
        for name in ("simulated_log_ratio_q05", "simulated_log_ratio_q95")
        for value in rows[name].drop_nulls()
    ]
    reach = max(max(seen) - min(seen), 0.5)
    low = max(min([*seen, *bands]), min(seen) - reach)
    high = min(max([*seen, *bands]), max(seen) + reach)
    return low - 0.05 * reach, high + 0.05 * reach


def _names(weeks: pl.DataFrame, low: float, high: float, canvas: Canvas) -> list[Layer]:
    """Which percentile each line is, at its right end."""
    ends = weeks.filter(pl.col("week") == _high(weeks)).sort("level", descending=True)
    wanted = [_HEIGHT_PX * (high - value) / (high - low) for value in ends["observed_log_ratio"]]
    places = spread(wanted, canvas.largest_px + 1.0, 0.0, float(_HEIGHT_PX))
    texts = ["median" if level == 0.5 else f"{level:.0%}" for level in ends["level"]]
    at = at_x(canvas.plot_width_px + 6)
    return [
        words(pl.DataFrame({"text": [text]}), at, at_y(place), size_px=canvas.font_px - 1)
        for text, place in zip(texts, places, strict=True)
    ]


def _ticks(low: float, high: float) -> list[float]:
    """Round percent changes inside the range as log ratios, none nearer to the next than its label is high."""
    pixels = _HEIGHT_PX / (high - low)
    kept: list[float] = []
    # zero first, then outwards: where there is no room the rounder ones near zero stay
    for percent in sorted(_CHANGES_PCT, key=abs):
        place = math.log1p(percent / 100.0)
        if low <= place <= high and all(abs(place - other) * pixels >= _CLOSEST_PX for other in kept):
            kept.append(place)
    return sorted(kept)


def _low(weeks: pl.DataFrame) -> float:
    return float(weeks["week"].min())  # type: ignore[arg-type]


def _high(weeks: pl.DataFrame) -> float:
    return float(weeks["week"].max())  # type: ignore[arg-type]
