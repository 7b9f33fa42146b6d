"""One block of a virtual trial: the same patients through every arm, with the same luck of reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl

from turnpoint.model.arrays import FloatArray
from turnpoint.model.parameters import dynamics_of
from turnpoint.model.prior import Prior
from turnpoint.model.streams import Stream, generator
from turnpoint.virtual.alerted import Watcher, first_alert_day
from turnpoint.virtual.declaration import Arm, Declaration
from turnpoint.virtual.people import People, assumptions, drawn

OUTCOMES: Mapping[str, type[pl.DataType]] = MappingProxyType(
    {
        "patient": pl.Int64,
        "arm": pl.String,
        "switch_week": pl.Float64,
        "switched_at": pl.String,
        "progression_week": pl.Float64,
        "second_progression_week": pl.Float64,
        "lethal_week": pl.Float64,
        "before_turning": pl.Boolean,
        "turning_week": pl.Float64,
        "kill_per_week": pl.Float64,
        "regrowth_per_week": pl.Float64,
        "resistant_fraction": pl.Float64,
    }
)


@dataclass(frozen=True, slots=True)
class Player:
    """Plays the blocks of one trial.

    Attributes:
        declaration: the trial.
        prior: whom to draw, and what the filter believes; its quantities are those of the schedule.
        watcher: the filter; None when no arm waits for an alert.
    """

    declaration: Declaration
    prior: Prior
    watcher: Watcher | None

    def __call__(self, block: tuple[int, int]) -> pl.DataFrame:
        """The outcomes of a block, columns `OUTCOMES`, arm after arm.

        Args:
            block: its number, and how many patients it has.
        """
        number, patients = block
        declared = self.declaration
        rng = generator(declared.seed, Stream.TRIAL_BLOCK, number)
        assumed = assumptions(declared, int(rng.integers(2**31)))
        people = drawn(self.prior, declared.schedule, assumed, patients, rng)
        watched = None
        if self.watcher is not None:
            watched = self.watcher.watched(list(people.readings.values()), people.progression_day)
        return pl.concat(
            [
                self._outcomes(people, arm, switch_day(people, arm, watched, self._threshold(arm)))
                for arm in declared.arms
            ]
        )

    def _threshold(self, arm: Arm) -> float:
        """Of the arm, else of the trial, else of the prior."""
        return arm.threshold or self.declaration.threshold or self.prior.alert.threshold

    def _outcomes(self, people: People, arm: Arm, changed: FloatArray) -> pl.DataFrame:
        fates = people.after(changed, self.declaration.horizon_weeks, self.declaration.lethal_fold)
        early = np.where(changed < people.progression_day, arm.policy, "progression")
        dynamics = dynamics_of(people.particles)
        frame = pl.DataFrame(
            {
                "patient": np.arange(len(changed)),
                "switch_week": changed / 7.0,
                "switched_at": np.where(np.isfinite(changed), early, ""),
                "progression_week": fates.progression,
                "second_progression_week": fates.second_progression,
                "lethal_week": fates.lethal,
                "before_turning": np.isfinite(changed) & (changed < people.turning_day),
                "turning_week": people.turning_day / 7.0,
                "kill_per_week": dynamics.kill_per_week,
                "regrowth_per_week": dynamics.regrowth_per_week,
                "resistant_fraction": dynamics.resistant_fraction,
            }
        )
        return frame.with_columns(
            pl.when(pl.col(pl.Float64).is_finite()).then(pl.col(pl.Float64)).name.keep(),
            pl.col("switched_at").replace("", None),
            arm=pl.lit(arm.name),
        ).select(pl.col(name).cast(kind) for name, kind in OUTCOMES.items())


def switch_day(people: People, arm: Arm, watched: pl.DataFrame | None, threshold: float) -> FloatArray:
    """The day on which each patient changes drugs in an arm, shape (P,); infinite when never."""
    progression = people.progression_day
    never = np.full(len(progression), np.inf)
    if arm.policy == "never":
        return never
    early = never
    if arm.policy == "alert" and watched is not None:
        early = first_alert_day(watched, threshold, len(progression))
    elif arm.policy == "turning":
        early = people.turning_day
    elif arm.policy == "weeks" and arm.after_weeks is not None:
        early = np.full_like(progression, 7.0 * arm.after_weeks)
    sooner: FloatArray = np.minimum(early, progression)
    return sooner


def block_player(declaration: Declaration, prior: Prior) -> Player:
    """The function that plays a block, made once in each worker."""
    needs = any(arm.policy == "alert" for arm in declaration.arms)
    watcher = Watcher.of(prior, declaration.particles, declaration.seed) if needs else None
    return Player(declaration, prior, watcher)
