"""Nothing left to be seen: a complete response on the last scan, and whether every marker is normal beside it.

Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.3.1 and 4.3.3: all targets gone,
nodes under 10 mm, and the tumour marker level normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from turnpoint.study.markers import MARKERS


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """A complete response that stands at the last scan.

    Attributes:
        day: since when.
        normal: markers whose last value is in the reference range or below what can be measured.
        raised: markers above it.
        unknown: markers without a reference range.
    """

    day: int
    normal: tuple[str, ...]
    raised: tuple[str, ...]
    unknown: tuple[str, ...]


def nothing_left(visits: pl.DataFrame, markers: pl.DataFrame) -> NothingLeft | None:
    """Whether the last judged visit of one patient is a complete response.

    Args:
        visits: `day, overall_response` of one patient, as RECIST 1.1 has them.
        markers: as in `Study.markers`, of the same patient.
    """
    judged = visits.drop_nulls("overall_response").sort("day")
    if judged.is_empty() or judged["overall_response"][-1] != "CR":
        return None
    before = judged.filter(pl.col("overall_response") != "CR")["day"].max()
    standing = judged if before is None else judged.filter(pl.col("day") > before)
    return NothingLeft(int(standing["day"][0]), *_by_level(markers))


def _by_level(markers: pl.DataFrame) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Normal, raised and unknown markers by their last value."""
    found: tuple[list[str], list[str], list[str]] = ([], [], [])
    last = markers.drop_nulls("value").sort("day").group_by("marker", maintain_order=True).last()
    for name, value, censoring, limit in last.select("marker", "value", "censoring", "upper_limit").rows():
        known = MARKERS.get(str(name))
        upper = limit if limit is not None else known.usual_upper_limit if known else None
        below = censoring == "left" and (upper is None or value <= upper)
        place = 0 if below or (upper is not None and value <= upper) else 2 if upper is None else 1
        found[place].append(str(name))
    return tuple(found[0]), tuple(found[1]), tuple(found[2])
