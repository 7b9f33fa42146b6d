"""A chart as a browser takes it: a Vega-Lite specification of plain dicts, with its rows inside.

Altair wrote the same specifications, but checked and copied every part at each step: three quarters of a page's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
import polars.selectors as cs

Specification = dict[str, Any]  # a whole chart, or any part of one
Scale = dict[str, Any]
Axis = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_TYPES = {"Q": "quantitative", "N": "nominal"}
_SECOND_ENDS = ("x2", "y2")  # take the type of the first end
# Characters that XML does not allow; a hostile or damaged name must not break the picture.
_NOT_XML = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"


@dataclass(frozen=True, slots=True)
class Marks:
    """One layer: rows, and how each is drawn.

    Attributes:
        rows: the data.
        mark: kind and style.
        channels: what each visual property shows.
        where: which rows are drawn, as an expression of Vega; all where it is empty.
    """

    rows: pl.DataFrame
    mark: Specification
    channels: Specification = field(default_factory=dict)
    where: str = ""

    def encode(self, **channels: Specification | str) -> Marks:
        """The same marks with these channels too; a string is a column with its type: `week:Q`."""
        named = {name: _in_full(name, shown) for name, shown in channels.items()}
        return replace(self, channels={**self.channels, **named})

    def where_pointed(self) -> Marks:
        """The same marks, drawn in the week that is pointed at only."""
        return replace(self, where=f"datum.week === {POINTED}")


POINTED = "pointed_week"  # the parameter of a live chart that says which week is pointed at; null for none


def marks(rows: pl.DataFrame, kind: str, **style: object) -> Marks:
    """Marks of one kind (`line`, `point`, `text`, ...), one a row or through all rows."""
    return Marks(rows, {"type": kind, **style})


def channel(name: str, **how: object) -> Specification:
    """The channel of a column with its type, `week:Q` or `text:N`, and its scale and axis."""
    own, _, kind = name.partition(":")
    return {"field": own, "type": _TYPES[kind], **how}


def inline(frame: pl.DataFrame) -> list[Specification]:
    """The rows as JSON holds them: nan and infinite become null."""
    return frame.with_columns(
        pl.when(cs.float().is_finite()).then(cs.float()).otherwise(None),
        cs.string().str.replace_all(_NOT_XML, "\N{REPLACEMENT CHARACTER}"),
    ).to_dicts()


def layered(layers: Sequence[Marks], panel: str = "") -> Specification:
    """The layers, and under `datasets` the columns that they show: rows that several layers share stand once.

    Args:
        layers: from the back to the front.
        panel: starts the names of the rows, where a chart has several panels.
    """
    rows = _NamedRows(panel)
    drawn = [rows.drawn(layer) for layer in layers]
    return {"datasets": rows.datasets(), "layer": drawn}


def grouped(groups: Sequence[Sequence[Marks]]) -> Specification:
    """Groups of layers on one plot: one horizontal scale for all, a vertical one and colours for each group.

    Args:
        groups: from the back to the front; the first one's vertical scale says how long the upright grid lines are.
    """
    rows = _NamedRows()
    drawn = [{"layer": [rows.drawn(layer) for layer in group]} for group in groups if group]
    return {
        "datasets": rows.datasets(),
        "layer": drawn,
        "resolve": {"scale": {"y": "independent", "color": "independent"}},
    }


@dataclass(slots=True)
class _NamedRows:
    """The rows of layers by name, each frame once, and which of its columns are shown."""

    panel: str = ""
    frames: dict[int, tuple[str, pl.DataFrame, set[str]]] = field(default_factory=dict)

    def drawn(self, layer: Marks) -> Specification:
        """The layer, its rows by their name."""
        new = (f"{self.panel}rows{len(self.frames)}", layer.rows, set[str]())
        name, _, shown = self.frames.setdefault(id(layer.rows), new)
        shown |= {own["field"] for own in layer.channels.values() if "field" in own}
        part: Specification = {"data": {"name": name}, "mark": layer.mark, "encoding": layer.channels}
        return {**part, "transform": [{"filter": layer.where}]} if layer.where else part

    def datasets(self) -> Specification:
        """The rows by name; a mark at a fixed place shows no column, but is drawn once a row."""
        return {
            name: inline(frame.select(sorted(shown))) if shown else [{}] * frame.height
            for name, frame, shown in self.frames.values()
        }


def at_rest(chart: Specification) -> Specification:
    """A chart that can be pointed at and zoomed as it is before anybody does: without what only then is drawn.

    Its parameters have the values of `usermeta.at_rest`; any other chart stays as it is.
    """
    resting = chart.get("usermeta", {}).get("at_rest")
    if resting is None:
        return chart

    def still(part: Any) -> Any:
        if isinstance(part, dict):
            name = part.get("expr")
            return (
                resting[name]
                if isinstance(name, str) and name in resting
                else {key: still(own) for key, own in part.items()}
            )
        if isinstance(part, list):
            return [still(own) for own in part if not (isinstance(own, dict) and "transform" in own)]
        return part

    drawn = {name: still(part) for name, part in chart.items() if name not in ("datasets", "params")}
    shown = {layer["data"]["name"] for group in drawn["layer"] for layer in group["layer"]}
    named = {name: rows for name, rows in chart["datasets"].items() if name in shown}
    return {**drawn, "datasets": named}


def _in_full(name: str, shown: Specification | str) -> Specification:
    if not isinstance(shown, str):
        return shown
    return {"field": shown.partition(":")[0]} if name in _SECOND_ENDS else channel(shown)
