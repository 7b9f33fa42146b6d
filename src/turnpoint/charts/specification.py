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
    """

    rows: pl.DataFrame
    mark: Specification
    channels: Specification = field(default_factory=dict)

    def encode(self, **channels: Specification | str) -> Marks:
        """The same marks with these channels too; a string is a column with its type: `week:Q`."""
        named = {name: _in_full(name, shown) for name, shown in channels.items()}
        return replace(self, channels={**self.channels, **named})


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
    frames: dict[int, tuple[str, pl.DataFrame, set[str]]] = {}
    drawn = []
    for layer in layers:
        name, _, shown = frames.setdefault(id(layer.rows), (f"{panel}rows{len(frames)}", layer.rows, set()))
        shown |= {own["field"] for own in layer.channels.values() if "field" in own}
        drawn.append({"data": {"name": name}, "mark": layer.mark, "encoding": layer.channels})
    return {
        # a mark at a fixed place shows no column, but is drawn once a row
        "datasets": {
            name: inline(frame.select(sorted(shown))) if shown else [{}] * frame.height
            for name, frame, shown in frames.values()
        },
        "layer": drawn,
    }


def _in_full(name: str, shown: Specification | str) -> Specification:
    if not isinstance(shown, str):
        return shown
    return {"field": shown.partition(":")[0]} if name in _SECOND_ENDS else channel(shown)
