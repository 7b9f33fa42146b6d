"""Pictures of the diagnostics for experts: are stated chances and intervals right, and what did the data tell?

Each takes the rows of one quantity (or event) from `workflows.diagnose`. English only: the page they stand on is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, inline, sheet, words

BAND_TINT = "#dfe4e9"  # what is expected when all is well
_TOP_PX, _BOTTOM_PX = 10, 46
_HEIGHT_PX = 250
_ROW_PX = 24
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

# two of these stand beside each other on a page
HALF = Canvas(width_px=444, left_px=62, right_px=22, font_px=13, narrow=False)
PHONE = Canvas(width_px=358, left_px=58, right_px=20, font_px=12, narrow=True)
# words left of the plot
LABELLED = Canvas(width_px=920, left_px=230, right_px=40, font_px=13, narrow=False)
LABELLED_PHONE = Canvas(width_px=358, left_px=174, right_px=14, font_px=12, narrow=True)


def axis(
    canvas: Canvas, title: str, *, values: Sequence[float] | None = None, label_format: str = ".2~f"
) -> alt.Axis:
    """An axis with its title, for charts whose two directions both need words."""
    return alt.Axis(
        title=title,
        titleColor=palette.QUIET,
        titleFontSize=canvas.font_px - 1,
        titleFontWeight="normal",
        titlePadding=8,
        format=label_format,
        labelExpr="datum.value == 0 ? '0' : replace(datum.label, '-', '\\u2212')",
        ticks=False,
        values=alt.Undefined if values is None else list(values),
    )


def pit_histogram(bins: pl.DataFrame, canvas: Canvas) -> alt.LayerChart:
    """Counts of the transforms, on the band that holds 90 % of the counts of a bin when the forecasts are right."""
    top = 1.08 * max(_largest(bins["forecasts"]), _largest(bins["expected_high"]), 1.0)
    y_axis = axis(canvas, "forecasts", label_format=",d")
    y_axis.tickMinStep = 1
    y_scale = alt.Scale(domain=[0.0, top], nice=False)
    x = alt.X(
        "from_pit:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=axis(canvas, "PIT", values=_SHARES)
    )
    y = alt.Y("expected_low:Q", scale=y_scale, axis=y_axis)
    band = alt.Chart(inline(bins.head(1))).mark_rect(color=BAND_TINT)
    bars = alt.Chart(inline(bins.with_columns(pl.lit(0).alias("zero")))).mark_rect(
        color=palette.FORECAST, opacity=0.85, stroke=palette.PAPER, strokeWidth=1.5
    )
    edges = alt.Chart(inline(_both_edges(bins))).mark_rule(
        color=palette.INK, strokeDash=[4, 3], strokeWidth=1
    )
    layers: list[Layer] = [
        band.encode(x=at_x(0), x2=alt.X2Value(canvas.plot_width_px), y=y, y2="expected_high:Q"),  # type: ignore[no-untyped-call]
        bars.encode(x=x, x2="to_pit:Q", y=alt.Y("forecasts:Q", scale=y_scale, axis=y_axis), y2="zero:Q"),
        edges.encode(y=alt.Y("edge:Q", scale=y_scale, axis=y_axis)),
    ]
    return sheet(layers, canvas, _HEIGHT_PX, top_px=_TOP_PX, bottom_px=_BOTTOM_PX)


def pit_ecdf(curve: pl.DataFrame, canvas: Canvas) -> alt.LayerChart:
    """Empirical minus uniform distribution function, in the band that holds all of it with 95 %."""
    rows = curve.select(pl.exclude("quantity"))
    ends = pl.DataFrame({name: [0.0, 1.0 if name == "pit" else 0.0] for name in rows.columns})
    rows = pl.concat([ends.head(1), rows, ends.tail(1)])
    reach = 1.12 * max(_largest(rows[name].abs()) for name in ("difference", "expected_low", "expected_high"))
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    y_axis = axis(canvas, "share up to PIT, minus PIT", label_format="+.2~f")
    x = alt.X("pit:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=axis(canvas, "PIT", values=_SHARES))
    base = alt.Chart(inline(rows))

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=scale, axis=y_axis)

    layers: list[Layer] = [
        base.mark_area(color=BAND_TINT, line=False).encode(x=x, y=y("expected_low"), y2="expected_high:Q"),
        alt.Chart(inline(pl.DataFrame({"zero": [0.0]})))
        .mark_rule(color=palette.QUIET, strokeWidth=0.8)
        .encode(y=y("zero")),
        base.mark_line(color=palette.FORECAST, strokeWidth=2, interpolate="linear").encode(
            x=x, y=y("difference")
        ),
    ]
    return sheet(layers, canvas, _HEIGHT_PX, top_px=_TOP_PX, bottom_px=_BOTTOM_PX)


def coverage(rows: pl.DataFrame, canvas: Canvas) -> alt.LayerChart:
    """Share of readings inside each central interval: filled as printed, open with the steps split at random."""
    plot = _Against(canvas, "nominal coverage", "readings inside", 1.0)
    return plot.drawn(
        [
            plot.intervals(rows, "nominal", "coverage_low", "coverage_high"),
            plot.dots(rows, "nominal", "coverage", filled=True),
            plot.dots(rows, "nominal", "coverage_by_pit", filled=False),
        ]
    )


def reliability(rows: pl.DataFrame, canvas: Canvas) -> alt.LayerChart:
    """Share that happened in each group of forecasts, against the mean chance stated."""
    top = max(_largest(rows["share_high"]), _largest(rows["mean_chance"]))
    plot = _Against(canvas, "chance stated", "share that happened", min(1.0, max(0.1, 1.06 * top)))
    return plot.drawn(
        [
            plot.intervals(rows, "mean_chance", "share_low", "share_high"),
            plot.dots(rows, "mean_chance", "share", filled=True),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Against:
    """What was seen against what was stated: both from 0 to `top`, with the diagonal of perfect agreement."""

    canvas: Canvas
    across: str
    up: str
    top: float

    def x(self, name: str) -> alt.X:
        scale = alt.Scale(domain=[0.0, self.top], nice=False)
        across = axis(self.canvas, self.across, values=self.ticks(), label_format="~%")
        return alt.X(f"{name}:Q", scale=scale, axis=across)

    def y(self, name: str) -> alt.Y:
        scale = alt.Scale(domain=[0.0, self.top], nice=False)
        return alt.Y(
            f"{name}:Q", scale=scale, axis=axis(self.canvas, self.up, values=self.ticks(), label_format="~%")
        )

    def ticks(self) -> list[float]:
        """Round shares, the same in both directions."""
        step = next(step for step in (0.02, 0.05, 0.1, 0.2) if self.top <= 6.0 * step)
        return [round(index * step, 4) for index in range(int(self.top / step + 1e-9) + 1)]

    def intervals(self, rows: pl.DataFrame, at: str, low: str, high: str) -> Layer:
        """An upright line from low to high."""
        drawn = alt.Chart(inline(rows)).mark_rule(color=palette.FORECAST, strokeWidth=1.6, clip=True)
        encoded: alt.Chart = drawn.encode(x=self.x(at), y=self.y(low), y2=f"{high}:Q")
        return encoded

    def dots(self, rows: pl.DataFrame, at: str, name: str, *, filled: bool) -> Layer:
        """A dot a row; open ones are larger, so that they are seen around a filled one."""
        drawn = alt.Chart(inline(rows)).mark_point(
            size=46 if filled else 110,
            fill=palette.FORECAST if filled else "transparent",
            stroke=palette.FORECAST if filled else palette.INK,
            strokeWidth=1.3,
            opacity=1,
        )
        encoded: alt.Chart = drawn.encode(x=self.x(at), y=self.y(name))
        return encoded

    def drawn(self, layers: Sequence[Layer]) -> alt.LayerChart:
        """The layers over the diagonal."""
        ends = pl.DataFrame({"place": [0.0, self.top]})
        diagonal = alt.Chart(inline(ends)).mark_line(color=palette.QUIET, strokeWidth=1, strokeDash=[5, 4])
        return sheet(
            [diagonal.encode(x=self.x("place"), y=self.y("place")), *layers],
            self.canvas,
            _HEIGHT_PX,
            top_px=_TOP_PX,
            bottom_px=_BOTTOM_PX,
        )


def shrinkage(rows: pl.DataFrame, canvas: Canvas) -> alt.LayerChart:
    """A line a parameter: filled its eta shrinkage, open its mean ratio of variances.

    Args:
        rows: `label, eta_shrinkage, mean_variance_ratio`, one row a line.
        canvas: the sheet; a phone has the labels above the lines.
    """
    low = min(0.0, 1.05 * _smallest(rows["eta_shrinkage"]))
    known = rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Float64) + 0.5)
    y = alt.Y("place:Q", scale=alt.Scale(domain=[rows.height, 0], nice=False), axis=None)
    scale = alt.Scale(domain=[low, 1.05], nice=False)
    ticks = [index / 4 for index in range(int(4.0 * low), 5)]
    x_axis = axis(canvas, "0: well known, 1: as before the data", values=ticks)

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=x_axis)

    base = alt.Chart(inline(known))
    return sheet(
        [
            base.mark_rule(color=palette.LINE, strokeWidth=1).encode(y=y),
            base.mark_rule(color=palette.FORECAST, strokeWidth=1.4).encode(
                x=x("eta_shrinkage"), x2="mean_variance_ratio:Q", y=y
            ),
            base.mark_point(size=54, fill=palette.FORECAST, stroke=palette.FORECAST, opacity=1).encode(
                x=x("eta_shrinkage"), y=y
            ),
            base.mark_point(
                size=110, fill="transparent", stroke=palette.INK, strokeWidth=1.3, opacity=1
            ).encode(x=x("mean_variance_ratio"), y=y),
            words(
                known.with_columns(pl.col("label").alias("text")),
                at_x(-8),
                y,
                size_px=canvas.font_px - 1,
                align="right",
            ),
        ],
        canvas,
        _ROW_PX * rows.height,
        top_px=_TOP_PX,
        bottom_px=_BOTTOM_PX,
    )


def _both_edges(bins: pl.DataFrame) -> pl.DataFrame:
    first = bins.row(0, named=True)
    return pl.DataFrame({"edge": [float(first["expected_low"]), float(first["expected_high"])]})


def _largest(column: pl.Series) -> float:
    found = column.drop_nulls().max()
    return float(found) if isinstance(found, int | float) else 0.0


def _smallest(column: pl.Series) -> float:
    found = column.drop_nulls().min()
    return float(found) if isinstance(found, int | float) else 0.0
