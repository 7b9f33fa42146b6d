"""A declared trial again and again under other assumptions on the second drug: where a change wins, where it loses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from turnpoint.engine.progress import Progress
from turnpoint.reports.trial_map import MAP_SCHEMA
from turnpoint.virtual.alerted import Remembering
from turnpoint.virtual.block import watcher_of
from turnpoint.virtual.declaration import Declaration, parsed
from turnpoint.workflows.trial import Trial, prior_of, trial

CROSS_RESISTANCE = (0.0, 0.1, 0.3, 0.6, 1.0)
STRENGTH = (2.0, 1.0, 0.5, 0.0)


@dataclass(frozen=True, slots=True)
class TrialMap:
    """A trial and its map.

    Attributes:
        trial: as declared.
        cells: one row a cell, arm and outcome: what the arm gains on the first one there; columns `MAP_SCHEMA`.
    """

    trial: Trial
    cells: pl.DataFrame


def trial_map(
    declared: Declaration,
    cross_resistance: Sequence[float] = CROSS_RESISTANCE,
    strength: Sequence[float] = STRENGTH,
    *,
    progress: Progress | None = None,
) -> TrialMap:
    """Play a trial as declared, and as a trial of its own in every cell of its map.

    The same patients are in every cell, with the same errors of reading. What is assumed of the second drug changes no
    reading on the first, so the filter watches them once.

    Args:
        declared: the trial; one without a filter, or of a few hundred patients, takes seconds.
        cross_resistance: of the columns; the declared one is put among them.
        strength: of the rows, the same.
        progress: called with trials done and trials in all.

    Raises:
        PriorError: the prior cannot be read or knows no sum of diameters.
    """
    filter_of_it = watcher_of(declared, prior_of(declared))
    watcher = None if filter_of_it is None else Remembering(filter_of_it)
    columns = sorted({*cross_resistance, declared.cross_resistance})
    rows = sorted({*strength, declared.strength}, reverse=True)
    own, parts = trial(declared, watcher=watcher), []
    for up in rows:
        for across in columns:
            cell = replace(declared, cross_resistance=across, strength=up)
            played = own if cell == declared else trial(cell, watcher=watcher)
            parts.append(_gains(played))
            if progress is not None:
                progress(len(parts), len(rows) * len(columns))
    return TrialMap(own, pl.concat(parts))


def _gains(played: Trial) -> pl.DataFrame:
    found = played.summary.drop_nulls("gained_weeks").with_columns(
        pl.lit(played.declaration.cross_resistance).alias("cross_resistance"),
        pl.lit(played.declaration.strength).alias("strength"),
    )
    return found.select(pl.col(name).cast(kind) for name, kind in MAP_SCHEMA.items())


def map_player() -> Callable[[str], TrialMap]:
    """The function that plays a declaration's text with its map; made once in a worker process."""
    return lambda text: trial_map(parsed(text))
