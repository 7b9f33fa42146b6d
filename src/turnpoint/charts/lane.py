"""A lane of a patient's course: one thing that was followed, on the one time axis that all lanes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from turnpoint.charts.canvas import Layer, at_y
from turnpoint.charts.specification import Axis, Scale, Specification
from turnpoint.charts.week_axis import Panel

Readings = tuple[tuple[float, str], ...]  # day, what was read on it


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lane's plot lies, in pixels from the top of the whole plot.

    Attributes:
        top_px: its upper edge.
        height_px: from there to its lower edge.
    """

    top_px: float
    height_px: float

    def at_y(self, pixels: float) -> Specification:
        """A fixed height, in pixels below the lane's upper edge."""
        return at_y(self.top_px + pixels)

    def scale(self, low: float, high: float, **how: object) -> Scale:
        """A vertical scale from the lower to the upper edge."""
        edges = [self.top_px + self.height_px, self.top_px]
        return Scale(domain=[low, high], range=edges, nice=False, **how)

    def rows(self) -> Scale:
        """A vertical scale in pixels below the upper edge."""
        edges = [self.top_px, self.top_px + self.height_px]
        return Scale(domain=[0, self.height_px], range=edges, nice=False)


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane.

    Attributes:
        title: what it shows.
        caption: how to read it.
        description: the same in words, with its numbers.
        above_px: room that it needs between its title and its plot.
        height_px: of its plot.
        draw: its layers, from the back to the front.
        readings: what was read on each day, in the few words that stand beside its title when it is pointed at.
        details: the same at length, said but not drawn, where there is more.
    """

    title: str
    caption: str
    description: str
    above_px: float
    height_px: float
    draw: Callable[[Place, Panel], list[Layer]]
    readings: Readings
    details: Readings = ()


def left_axis(**how: object) -> Axis:
    """The vertical axis of a lane; lanes below one another all have theirs at the left."""
    return Axis(orient="left", grid=True, ticks=False, title=None, **how)
