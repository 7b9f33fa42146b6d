"""Blocks of virtual patients, watched by the filter; a module of its own so that worker processes find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.model.prior import choose_prior, named_prior
from turnpoint.virtual.alerted import Watcher
from turnpoint.virtual.people import Assumptions, People, drawn
from turnpoint.virtual.schedule import Schedule

HORIZON_WEEKS = 208
WATCHED_WEEKS = 104  # the filter looks for an alert in the first two years
BASE = Assumptions(cross_resistance=0.1, resistant_to_b=1e-3, mutation_per_division=1e-8)


@dataclass(frozen=True)
class Setting:
    """A population and how it is seen."""

    name: str
    prior: str
    scan_weeks: int
    markers: tuple[tuple[str, int], ...] = ()

    def schedule(self) -> Schedule:
        """Scans and marker values up to the horizon."""
        return Schedule(HORIZON_WEEKS, self.scan_weeks, dict(self.markers))


@dataclass(frozen=True)
class Watched:
    """A block of people and all that the alert is raised by."""

    people: People
    table: pl.DataFrame


def watcher_of(setting: Setting, seed: int) -> Callable[[tuple[int, int]], Watched]:
    """The function that draws and watches a block; made once in each worker."""
    named, schedule = named_prior(setting.prior), setting.schedule()
    prior = choose_prior(schedule.quantities, " ".join(named.keywords), named)
    watcher = Watcher.of(prior, 2048, seed)

    def watch(block: tuple[int, int]) -> Watched:
        number, patients = block
        rng = np.random.default_rng((seed, 9, number))
        people = drawn(prior, schedule, BASE, patients, rng)
        until = np.minimum(people.progression_day, 7.0 * WATCHED_WEEKS)
        return Watched(people, watcher.watched(list(people.readings.values()), until))

    return watch
