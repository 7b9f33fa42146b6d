"""The one time axis that all panels of a patient's course share: weeks since the start of treatment."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Canvas, Layer
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Axis, Scale, Specification, channel, marks

_STEPS = (1, 2, 4, 6, 8, 12, 16, 24, 26, 52, 104, 208, 520)
_LABEL_ROOM_PX = 60.0
FIRST_SHOWN, LAST_SHOWN, IS_ZOOMED, TICKS = "first_shown_week", "last_shown_week", "is_zoomed", "shown_ticks"
_STEP = "weeks_between_ticks"


@dataclass(frozen=True, slots=True)
class WeekAxis:
    """From the first to the last week that any panel shows.

    Attributes:
        first_week: start of the axis; 0 or before.
        last_week: end of the axis, after the last visit.
        last_visit_week: where the data end and the forecast begins; None without a visit.
        is_live: the chart has `parameters`, and shows the weeks between the first two, at first all.
    """

    first_week: float
    last_week: float
    last_visit_week: float | None
    is_live: bool = False

    @classmethod
    def over(cls, frames: Sequence[pl.DataFrame], last_visit_day: float | None) -> WeekAxis:
        """The axis that holds the `day` column of every frame, the start of treatment and a little room."""
        days = [0.0]
        for frame in frames:
            days += [
                float(day) for day in (frame["day"].min(), frame["day"].max()) if isinstance(day, int | float)
            ]
        first, last = min(days) / 7.0, max(days) / 7.0
        room = max(0.02 * (last - first), 0.5)
        return cls(first - room, last + room, None if last_visit_day is None else last_visit_day / 7.0)

    def scale(self) -> Scale:
        """The same domain in every panel."""
        shown = [{"expr": FIRST_SHOWN}, {"expr": LAST_SHOWN}]
        domain = shown if self.is_live else [self.first_week, self.last_week]
        return Scale(domain=domain, nice=False, zero=False, padding=0)

    def ticks(self, canvas: Canvas) -> list[float]:
        """Whole weeks, as many as have room."""
        most = max(2.0, canvas.plot_width_px / _LABEL_ROOM_PX)
        span = self.last_week - self.first_week
        step = next((step for step in _STEPS if span / step <= most), _STEPS[-1])
        first = math.ceil(self.first_week / step)
        return [float(step * index) for index in range(first, math.floor(self.last_week / step) + 1)]

    def at_rest(self, canvas: Canvas) -> Specification:
        """The parameters of a live axis before anybody zooms."""
        return {
            FIRST_SHOWN: self.first_week,
            LAST_SHOWN: self.last_week,
            IS_ZOOMED: False,
            TICKS: self.ticks(canvas),
        }

    def parameters(self, canvas: Canvas) -> list[Specification]:
        """What a live axis needs beside marks: the weeks shown, whether they are not all, and ticks for them."""
        resting, most = self.at_rest(canvas), max(2.0, canvas.plot_width_px / _LABEL_ROOM_PX)
        first, last = resting[FIRST_SHOWN], resting[LAST_SHOWN]
        step = str(_STEPS[-1])
        for smaller in reversed(_STEPS[:-1]):
            step = f"({LAST_SHOWN} - {FIRST_SHOWN}) / {smaller} <= {most:g} ? {smaller} : {step}"
        ticks = f"sequence(ceil({FIRST_SHOWN} / {_STEP}) * {_STEP}, {LAST_SHOWN} + 0.001, {_STEP})"
        return [
            {"name": FIRST_SHOWN, "value": first},
            {"name": LAST_SHOWN, "value": last},
            {"name": IS_ZOOMED, "expr": f"{FIRST_SHOWN} > {first!r} || {LAST_SHOWN} < {last!r}"},
            {"name": _STEP, "expr": step},
            {"name": TICKS, "expr": f"{IS_ZOOMED} ? {ticks} : {json.dumps(resting[TICKS])}"},
        ]


@dataclass(frozen=True, slots=True)
class Panel:
    """What a chart of one course is drawn on.

    Attributes:
        axis: the weeks it shares with the other panels.
        canvas: the sheet.
        language: of its words.
    """

    axis: WeekAxis
    canvas: Canvas
    language: Language

    def x(self, column: str = "week") -> Specification:
        """The channel for a column in weeks."""
        zero = json.dumps(self.language.text("week {week}", week=0))
        axis = Axis(
            values={"expr": TICKS} if self.axis.is_live else self.axis.ticks(self.canvas),
            labelExpr=f"datum.value == 0 ? {zero} : replace(datum.label, '-', '\\u2212')",
            labelOverlap=False,
            format="d",
            grid=True,
            tickSize=4,
            title=None,
        )
        return channel(f"{column}:Q", scale=self.axis.scale(), axis=axis)

    def pixel(self, week: float) -> float:
        """Where a week lies, in pixels from the left edge of the plot."""
        span = self.axis.last_week - self.axis.first_week
        return (week - self.axis.first_week) / span * self.canvas.plot_width_px

    def now(self) -> list[Layer]:
        """A thin upright line where the data end, or nothing."""
        if self.axis.last_visit_week is None:
            return []
        rule = pl.DataFrame({"week": [self.axis.last_visit_week]})
        return [
            marks(rule, "rule", color=palette.QUIET, strokeWidth=0.8, strokeDash=[2, 2]).encode(x=self.x())
        ]
