"""Pictures of the diagnostics for experts: are stated chances and intervals right, and what did the data tell?

Each takes the rows of one quantity (or event) from `workflows.diagnose`. English only: the page they stand on is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer, at_x, sheet, words
from turnpoint.charts.specification import Axis, Marks, Scale, Specification, channel, marks

BAND_TINT = "#dfe4e9"  # what is expected when all is well
_TOP_PX, _BOTTOM_PX = 12, 60
_HEIGHT_PX = 250
_ROW_PX = 26
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

# two of these stand beside each other on a page; on a phone they are little smaller
HALF = Canvas(width_px=444, left_px=66, right_px=22, font_px=13, largest_px=14)
# words left of the plot
LABELLED = Canvas(width_px=640, left_px=312, right_px=26, font_px=14, largest_px=19)


def axis(
    canvas: Canvas, title: str, *, values: Sequence[float] | None = None, label_format: str = ".2~f"
) -> Axis:
    """An axis with its title, for charts whose two directions both need words."""
    own = Axis(
        title=title,
        titleColor=palette.QUIET,
        titleFontSize=canvas.font_px - 1,
        titleFontWeight="normal",
        format=label_format,
        labelExpr="datum.value == 0 ? '0' : replace(datum.label, '-', '\\u2212')",
        ticks=False,
    )
    return own if values is None else {**own, "values": list(values)}


def pit_histogram(bins: pl.DataFrame, canvas: Canvas) -> Specification:
    """Counts of the transforms, on the band that holds 90 % of the counts of a bin when the forecasts are right."""
    top = 1.08 * max(_largest(bins["forecasts"]), _largest(bins["expected_high"]), 1.0)
    y_axis = axis(canvas, "forecasts", label_format=",d")
    y_axis["tickMinStep"] = 1
    y_scale = Scale(domain=[0.0, top], nice=False)
    x = channel(
        "from_pit:Q", scale=Scale(domain=[0, 1], nice=False), axis=axis(canvas, "PIT", values=_SHARES)
    )
    y = channel("expected_low:Q", scale=y_scale, axis=y_axis)
    band = marks(bins.head(1), "rect", color=BAND_TINT)
    bars = marks(
        bins.with_columns(pl.lit(0).alias("zero")),
        "rect",
        color=palette.FORECAST,
        opacity=0.85,
        stroke=palette.PAPER,
        strokeWidth=1.5,
    )
    edges = marks(_both_edges(bins), "rule", color=palette.INK, strokeDash=[4, 3], strokeWidth=1)
    layers: list[Layer] = [
        band.encode(x=at_x(0), x2={"value": canvas.plot_width_px}, y=y, y2="expected_high:Q"),
        bars.encode(x=x, x2="to_pit:Q", y=channel("forecasts:Q", scale=y_scale, axis=y_axis), y2="zero:Q"),
        edges.encode(y=channel("edge:Q", scale=y_scale, axis=y_axis)),
    ]
    return sheet(layers, canvas, _HEIGHT_PX, top_px=_TOP_PX, bottom_px=_BOTTOM_PX)


def pit_ecdf(curve: pl.DataFrame, canvas: Canvas) -> Specification:
    """Empirical minus uniform distribution function, in the band that holds all of it with 95 %."""
    rows = curve.select(pl.exclude("quantity"))
    ends = pl.DataFrame({name: [0.0, 1.0 if name == "pit" else 0.0] for name in rows.columns})
    rows = pl.concat([ends.head(1), rows, ends.tail(1)])
    reach = 1.12 * max(_largest(rows[name].abs()) for name in ("difference", "expected_low", "expected_high"))
    scale = Scale(domain=[-reach, reach], nice=False)
    y_axis = axis(canvas, "share up to PIT, minus PIT", label_format="+.2~f")
    x = channel("pit:Q", scale=Scale(domain=[0, 1], nice=False), axis=axis(canvas, "PIT", values=_SHARES))
    base = rows

    def y(name: str) -> Specification:
        return channel(f"{name}:Q", scale=scale, axis=y_axis)

    layers: list[Layer] = [
        marks(base, "area", color=BAND_TINT, line=False).encode(
            x=x, y=y("expected_low"), y2="expected_high:Q"
        ),
        marks(pl.DataFrame({"zero": [0.0]}), "rule", color=palette.QUIET, strokeWidth=0.8).encode(
            y=y("zero")
        ),
        marks(base, "line", color=palette.FORECAST, strokeWidth=2, interpolate="linear").encode(
            x=x, y=y("difference")
        ),
    ]
    return sheet(layers, canvas, _HEIGHT_PX, top_px=_TOP_PX, bottom_px=_BOTTOM_PX)


def coverage(rows: pl.DataFrame, canvas: Canvas) -> Specification:
    """Share of readings inside each central interval: filled as printed, open with the steps split at random."""
    plot = _Against(canvas, "nominal coverage", "readings inside", 1.0)
    return plot.drawn(
        [
            plot.intervals(rows, "nominal", "coverage_low", "coverage_high"),
            plot.dots(rows, "nominal", "coverage", filled=True),
            plot.dots(rows, "nominal", "coverage_by_pit", filled=False),
        ]
    )


def reliability(rows: pl.DataFrame, canvas: Canvas) -> Specification:
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

    def x(self, name: str) -> Specification:
        scale = Scale(domain=[0.0, self.top], nice=False)
        across = axis(self.canvas, self.across, values=self.ticks(), label_format="~%")
        return channel(f"{name}:Q", scale=scale, axis=across)

    def y(self, name: str) -> Specification:
        scale = Scale(domain=[0.0, self.top], nice=False)
        return channel(
            f"{name}:Q", scale=scale, axis=axis(self.canvas, self.up, values=self.ticks(), label_format="~%")
        )

    def ticks(self) -> list[float]:
        """Round shares, the same in both directions."""
        step = next(step for step in (0.02, 0.05, 0.1, 0.2) if self.top <= 6.0 * step)
        return [round(index * step, 4) for index in range(int(self.top / step + 1e-9) + 1)]

    def intervals(self, rows: pl.DataFrame, at: str, low: str, high: str) -> Layer:
        """An upright line from low to high."""
        drawn = marks(rows, "rule", color=palette.FORECAST, strokeWidth=1.6, clip=True)
        encoded: Marks = drawn.encode(x=self.x(at), y=self.y(low), y2=f"{high}:Q")
        return encoded

    def dots(self, rows: pl.DataFrame, at: str, name: str, *, filled: bool) -> Layer:
        """A dot a row; open ones are larger, so that they are seen around a filled one."""
        drawn = marks(
            rows,
            "point",
            size=46 if filled else 110,
            fill=palette.FORECAST if filled else "transparent",
            stroke=palette.FORECAST if filled else palette.INK,
            strokeWidth=1.3,
            opacity=1,
        )
        encoded: Marks = drawn.encode(x=self.x(at), y=self.y(name))
        return encoded

    def drawn(self, layers: Sequence[Layer]) -> Specification:
        """The layers over the diagonal."""
        ends = pl.DataFrame({"place": [0.0, self.top]})
        diagonal = marks(ends, "line", color=palette.QUIET, strokeWidth=1, strokeDash=[5, 4])
        return sheet(
            [diagonal.encode(x=self.x("place"), y=self.y("place")), *layers],
            self.canvas,
            _HEIGHT_PX,
            top_px=_TOP_PX,
            bottom_px=_BOTTOM_PX,
        )


def shrinkage(rows: pl.DataFrame, canvas: Canvas) -> Specification:
    """A line a parameter: filled its eta shrinkage, open its mean ratio of variances.

    Args:
        rows: `label, eta_shrinkage, mean_variance_ratio`, one row a line.
        canvas: the sheet, with room for the labels at the left.
    """
    low = min(0.0, 1.05 * _smallest(rows["eta_shrinkage"]))
    known = rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Float64) + 0.5)
    y = channel("place:Q", scale=Scale(domain=[rows.height, 0], nice=False), axis=None)
    scale = Scale(domain=[low, 1.05], nice=False)
    ticks = [index / 4 for index in range(int(4.0 * low), 5)]
    x_axis = axis(canvas, "0: well known, 1: as before the data", values=ticks)

    def x(name: str) -> Specification:
        return channel(f"{name}:Q", scale=scale, axis=x_axis)

    base = known
    return sheet(
        [
            marks(base, "rule", color=palette.LINE, strokeWidth=1).encode(y=y),
            marks(base, "rule", color=palette.FORECAST, strokeWidth=1.4).encode(
                x=x("eta_shrinkage"), x2="mean_variance_ratio:Q", y=y
            ),
            marks(base, "point", size=54, fill=palette.FORECAST, stroke=palette.FORECAST, opacity=1).encode(
                x=x("eta_shrinkage"), y=y
            ),
            marks(
                base, "point", size=110, fill="transparent", stroke=palette.INK, strokeWidth=1.3, opacity=1
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
