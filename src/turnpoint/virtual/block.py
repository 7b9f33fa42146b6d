"""One block of a virtual trial: the same patients through every arm, with the same luck of reading.

A change of drug that happens once, among clones that are large and grow exponentially, is played in closed form
(`People.after`); everything else day by day (`virtual.player`), which without chance agrees with it.

Luck comes in lots: patients and chance are drawn for `LOT` of them at a time, whatever the block asks for, so that
patient 90 is the same one in a trial of 100 and of a million.
"""

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
from turnpoint.virtual.alerted import Remembering, Watcher, first_alert_day
from turnpoint.virtual.declaration import Declaration
from turnpoint.virtual.fates import Fates
from turnpoint.virtual.luck import Luck
from turnpoint.virtual.people import People, assumptions, unread
from turnpoint.virtual.player import Trunk, play
from turnpoint.virtual.policies import POLICIES, Arm, Moments, Once

LOT = 500
OUTCOMES: Mapping[str, type[pl.DataType]] = MappingProxyType(
    {
        "patient": pl.Int64,
        "arm": pl.String,
        "switch_week": pl.Float64,
        "switched_at": pl.String,
        "progression_week": pl.Float64,
        "second_progression_week": pl.Float64,
        "lethal_week": pl.Float64,
        "extinct_week": pl.Float64,
        "weeks_on_a": pl.Float64,
        "weeks_on_b": pl.Float64,
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
    watcher: Watcher | Remembering | None

    def __call__(self, block: tuple[int, int]) -> pl.DataFrame:
        """The outcomes of a block, columns `OUTCOMES`, arm after arm.

        Args:
            block: its first patient, counted from 0, and how many patients it has.
        """
        first, patients = block
        declared = self.declaration
        lots = range(first // LOT, -(-(first + patients) // LOT))
        skipped = first - LOT * lots[0]
        taken = slice(skipped, skipped + patients)
        people = People.joined([self._lot(lot) for lot in lots])
        if not declared.is_by_chance:
            people, taken = people.at(taken), slice(None)
        # by chance a patient's luck hangs on the others of the lot: all are played, and then some are taken
        own, luck = None, self._luck(Stream.CLONES, lots)
        if luck is None and declared.carrying_fold is None:
            people = people.as_read()
        else:
            own = people.planted(declared.carrying_fold, luck)
            people = people.as_grown(own)
        watched = None
        if self.watcher is not None:
            watched = self.watcher.watched(list(people.readings.values()), people.progression_day)
        frames = [
            self._outcomes(people, arm, self._fates(people, own, arm, watched, lots))[taken]
            for arm in declared.arms
        ]
        number = pl.int_range(first, first + patients).alias("patient")
        return pl.concat([frame.with_columns(number) for frame in frames])

    def _lot(self, number: int) -> People:
        """The patients of a lot, before anything is read of them."""
        rng = generator(self.declaration.seed, Stream.TRIAL_BLOCK, number)
        assumed = assumptions(self.declaration, int(rng.integers(2**31)))
        return unread(self.prior, self.declaration.schedule, assumed, LOT, rng)

    def _luck(self, stream: Stream, lots: range) -> Luck | None:
        """A generator for each lot; None where nothing is left to chance."""
        if not self.declaration.is_by_chance:
            return None
        return Luck(tuple(generator(self.declaration.seed, stream, lot) for lot in lots), LOT)

    def _fates(
        self, people: People, own: Trunk | None, arm: Arm, watched: pl.DataFrame | None, lots: range
    ) -> Fates:
        """What becomes of them in an arm: in closed form where there is one, else day by day."""
        declared, horizon_days = self.declaration, 7.0 * self.declaration.horizon_weeks

        def alert_day(arm: Arm) -> FloatArray:
            patients = len(people.progression_day)
            none = np.full(patients, np.inf)
            return none if watched is None else first_alert_day(watched, self._threshold(arm), patients)

        policy = POLICIES[arm.policy].build(arm, Moments(people.turning_day, alert_day))
        if own is None and isinstance(policy, Once):
            day = policy.change_day(people.progression_day)
            day = np.where(day <= horizon_days, day, np.inf)
            return people.after(day, declared.horizon_weeks, declared.lethal_fold)
        if own is None:
            own = people.planted(None, None)
        luck = self._luck(Stream.CLONES_TREATED, lots)
        lethal_cells = declared.lethal_fold * own.cells[0].sum(axis=1)
        return play(own, policy, luck, lethal_cells=lethal_cells, scans=people.scans())

    def _threshold(self, arm: Arm) -> float:
        """Of the arm, else of the trial, else of the prior."""
        return arm.threshold or self.declaration.threshold or self.prior.alert.threshold

    def _outcomes(self, people: People, arm: Arm, fates: Fates) -> pl.DataFrame:
        by = np.where(fates.by_plan, arm.policy, "progression")
        dynamics = dynamics_of(people.particles)
        frame = pl.DataFrame(
            {
                "patient": np.arange(len(by)),
                "switch_week": fates.switch,
                "switched_at": np.where(np.isfinite(fates.switch), by, ""),
                "progression_week": fates.progression,
                "second_progression_week": fates.second_progression,
                "lethal_week": fates.lethal,
                "extinct_week": fates.extinct,
                "weeks_on_a": fates.on_a,
                "weeks_on_b": fates.on_b,
                "before_turning": np.isfinite(fates.switch)
                & (7.0 * fates.switch < people.turning_day - 1e-6),
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


def block_player(declaration: Declaration, prior: Prior) -> Player:
    """The function that plays a block, made once in each worker."""
    return Player(declaration, prior, watcher_of(declaration, prior))


def watcher_of(declaration: Declaration, prior: Prior) -> Watcher | None:
    """The filter of a trial; None when no arm waits for an alert."""
    needs = any(arm.policy == "alert" for arm in declaration.arms)
    return Watcher.of(prior, declaration.particles, declaration.seed) if needs else None
