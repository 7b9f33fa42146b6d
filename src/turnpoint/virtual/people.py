"""The patients of a virtual trial: who they are, what is read of them, and what a change of drug does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.parameters import DYNAMICS_NAMES, SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.streams import Stream, generator
from turnpoint.virtual.clones import Rates
from turnpoint.virtual.declaration import Declaration
from turnpoint.virtual.fates import Fates
from turnpoint.virtual.luck import Luck
from turnpoint.virtual.player import Trunk, trunk
from turnpoint.virtual.readings import Chance, Reader, Readings, progression_index, read
from turnpoint.virtual.schedule import Schedule, baselines
from turnpoint.virtual.two_drugs import Tumours, cells_of, crossing_week, shares_at_start

_RESISTANT_FRACTION = DYNAMICS_NAMES.index("logit_resistant_fraction")
_STEP_WEEKS = 0.5  # of the grid on which a lethal burden is looked for


@dataclass(frozen=True, slots=True)
class People:
    """P virtual patients, their luck of being read, and what is read of them while they stay on the first drug.

    Attributes:
        prior: they were drawn from.
        schedule: when they are seen.
        particles: transformed parameters, shape (P, dimensions).
        starts: by quantity, true values at the start, shape (P,).
        chances: by quantity, the luck of every reading.
        tumours: their clones.
        readings: on the first drug throughout, by quantity.
        progression_day: of the first scan that meets RECIST progression on the first drug; infinite without one.
        turning_day: the true turning point on the first drug.
    """

    prior: Prior
    schedule: Schedule
    particles: FloatArray
    starts: Mapping[str, FloatArray]
    chances: Mapping[str, Chance]
    tumours: Tumours
    readings: Mapping[str, Readings]
    progression_day: FloatArray
    turning_day: FloatArray

    def read(self, quantity: str, switch_day: FloatArray) -> Readings:
        """A quantity of everybody who changes drugs on these days, shape (P,)."""
        days = self.schedule.days(quantity)
        cells = self.tumours.at(days / 7.0, switch_day / 7.0).sum(axis=2)
        log_burden = np.log(np.maximum(cells, 1.0) / cells[:, :1])
        course = (days, log_burden, self.starts[quantity])
        return read(self.prior, quantity, self.particles, course, self.chances[quantity])

    def after(self, switch_day: FloatArray, horizon_weeks: float, lethal_fold: float) -> Fates:
        """What becomes of everybody who changes drugs on these days, shape (P,)."""
        scans = self.read(SUM_OF_DIAMETERS, switch_day)
        at_switch = np.searchsorted(scans.day, switch_day, side="right") - 1
        changes = np.isfinite(switch_day)
        second = np.where(changes, progression_day(scans, at_switch), np.inf)
        weeks = np.arange(0.0, horizon_weeks + _STEP_WEEKS, _STEP_WEEKS)
        cells = self.tumours.at(weeks, switch_day / 7.0).sum(axis=2)
        log_burden = np.log(np.maximum(cells, 1.0) / cells[:, :1])
        lethal = crossing_week(log_burden, weeks, float(np.log(lethal_fold)))
        until = np.minimum(lethal, horizon_weeks)
        on_a = np.minimum(switch_day / 7.0, until)
        return Fates(
            switch=switch_day / 7.0,
            by_plan=changes & (switch_day < self.progression_day),
            progression=progression_day(scans, 0) / 7.0,
            second_progression=second / 7.0,
            lethal=lethal,
            extinct=np.full(len(lethal), np.inf),
            on_a=on_a,
            on_b=until - on_a,
        )

    def at(self, rows: slice) -> People:
        """These people only."""
        return replace(
            self,
            particles=self.particles[rows],
            starts={quantity: own[rows] for quantity, own in self.starts.items()},
            chances={quantity: own.at(rows) for quantity, own in self.chances.items()},
            tumours=self.tumours.at_rows(rows),
            readings={quantity: own.at(rows) for quantity, own in self.readings.items()},
            progression_day=self.progression_day[rows],
            turning_day=self.turning_day[rows],
        )

    @classmethod
    def joined(cls, parts: Sequence[People]) -> People:
        """People of one prior and schedule, of whom nothing has been read yet, one part after the other."""
        first = parts[0]
        return replace(
            first,
            particles=np.concatenate([own.particles for own in parts]),
            starts={name: np.concatenate([own.starts[name] for own in parts]) for name in first.starts},
            chances={name: Chance.joined([own.chances[name] for own in parts]) for name in first.chances},
            tumours=Tumours.joined([own.tumours for own in parts]),
            progression_day=np.concatenate([own.progression_day for own in parts]),
            turning_day=np.concatenate([own.turning_day for own in parts]),
        )

    def as_read(self) -> People:
        """The same people with what is read of them on the first drug throughout."""
        never = np.full(len(self.particles), np.inf)
        readings = {quantity: self.read(quantity, never) for quantity in self.prior.quantities}
        day = progression_day(readings[SUM_OF_DIAMETERS], 0)
        return replace(self, readings=readings, progression_day=day)

    def planted(self, carrying_fold: float | None, luck: Luck | None) -> Trunk:
        """Their tumours on the first drug throughout, day by day of the schedule.

        Args:
            carrying_fold: living burden at which growth has stopped (Gompertz), relative to the start; None is
                never.
            luck: of each lot of them; None is without chance.
        """
        rates = Rates.of(
            self.tumours,
            dynamics_of(self.particles).off_growth_per_week,
            carrying_cells=(carrying_fold or np.inf) * self.tumours.cells.sum(axis=1),
        )
        days = np.union1d(self.schedule.every_day, [7.0 * self.schedule.weeks])
        return trunk(self.tumours.cells, rates, days, luck)

    def as_grown(self, own: Trunk) -> People:
        """The same people with what is read of these tumours, and with their turning point."""
        readings = {}
        for quantity in self.prior.quantities:
            days = self.schedule.days(quantity)
            course = (days, own.log_burden(days), self.starts[quantity])
            readings[quantity] = read(self.prior, quantity, self.particles, course, self.chances[quantity])
        day = progression_day(readings[SUM_OF_DIAMETERS], 0)
        return replace(self, readings=readings, progression_day=day, turning_day=own.turning_day())

    def scans(self) -> tuple[Reader, FloatArray]:
        """A reader of their sums of diameters before the first one, and the days of the scans."""
        quantity = SUM_OF_DIAMETERS
        chance, start = self.chances[quantity], self.starts[quantity]
        reader = Reader(self.prior, quantity, self.particles, start, chance)
        return reader, self.schedule.days(quantity)

    def with_tumours(self, assumed: Assumptions) -> People:
        """The same people, read the same way on the first drug, under other assumptions about the second one."""
        return replace(self, tumours=tumours_of(self.prior, self.particles, self.starts, assumed))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is assumed about resistance and the second drug; see the keys of `virtual.declaration`.

    Attributes:
        cross_resistance: share of the cells resistant to A that resist B as well.
        resistant_to_b: share of the cells sensitive to A that resist B.
        mutation_per_division: chance that a division makes a cell resistant to a further drug.
        kill_per_week: median kill of B; None is A's, patient by patient.
        strength: effect of B on the cells it reaches, relative to that: 1 leaves the kill as it is, 0 is none, so that
            they grow at g.
        kill_sd_log: SD of the logarithm of B's kill between patients.
        seed: of that spread.
    """

    cross_resistance: float
    resistant_to_b: float
    mutation_per_division: float
    kill_per_week: float | None = None
    strength: float = 1.0
    kill_sd_log: float = 0.0
    seed: int = 0


def drawn(
    prior: Prior, schedule: Schedule, assumed: Assumptions, patients: int, rng: np.random.Generator
) -> People:
    """Virtual patients from a prior whose quantities are those of the schedule, read on the first drug."""
    return unread(prior, schedule, assumed, patients, rng).as_read()


def unread(
    prior: Prior, schedule: Schedule, assumed: Assumptions, patients: int, rng: np.random.Generator
) -> People:
    """Virtual patients of whom nothing has been read yet; see `drawn`."""
    root = np.linalg.cholesky(prior.covariance)
    particles = prior.mean + rng.standard_normal((patients, prior.dimensions)) @ root.T
    starts = {quantity: baselines(quantity, patients, rng) for quantity in prior.quantities}
    chances = {
        quantity: Chance.drawn(patients, len(schedule.days(quantity)), rng) for quantity in prior.quantities
    }
    never, zero = np.full(patients, np.inf), np.zeros(patients)
    return People(
        prior=prior,
        schedule=schedule,
        particles=particles,
        starts=starts,
        chances=chances,
        tumours=tumours_of(prior, particles, starts, assumed),
        readings={},
        progression_day=never,
        turning_day=7.0 * dynamics_of(particles).turning_week(zero, zero),
    )


def assumptions(declaration: Declaration, seed: int) -> Assumptions:
    """Those of a declared trial."""
    return Assumptions(
        declaration.cross_resistance,
        declaration.resistant_to_b,
        declaration.mutation_per_division,
        declaration.kill_per_week,
        strength=declaration.strength,
        kill_sd_log=declaration.kill_sd_log,
        seed=seed,
    )


def with_resistant_fraction(prior: Prior, resistant_fraction: float | None) -> Prior:
    """The prior with another median of the resistant fraction, for the patients and for the filter alike."""
    if resistant_fraction is None:
        return prior
    mean = prior.mean.copy()
    mean[_RESISTANT_FRACTION] = logit(resistant_fraction)
    return replace(prior, mean=mean)


def progression_day(scans: Readings, first: IntArray | int) -> FloatArray:
    """Day of the first scan that meets RECIST progression over the smallest sum from visit `first` on; else inf."""
    days: FloatArray = np.append(scans.day, np.inf)[progression_index(scans.value, first)]
    return days


def tumours_of(
    prior: Prior, particles: FloatArray, starts: Mapping[str, FloatArray], assumed: Assumptions
) -> Tumours:
    """The living cells of patients drawn from a prior, with what is assumed about resistance and the second drug."""
    dynamics = dynamics_of(particles)
    position = prior.quantities.index(SUM_OF_DIAMETERS)
    living = 1.0 - reading_of(particles, SUM_OF_DIAMETERS, position).background
    total = cells_of(starts[SUM_OF_DIAMETERS]) * living
    shares = shares_at_start(dynamics.resistant_fraction, assumed.cross_resistance, assumed.resistant_to_b)
    own = dynamics.kill_per_week if assumed.kill_per_week is None else assumed.kill_per_week
    spread = generator(assumed.seed, Stream.TRIAL_PEOPLE).standard_normal(len(particles))
    kill = own * np.exp(assumed.kill_sd_log * spread)
    regrowth = dynamics.regrowth_per_week
    return Tumours(
        total[:, None] * shares,
        dynamics.kill_per_week,
        assumed.strength * (regrowth + kill) - regrowth,
        regrowth,
        assumed.mutation_per_division,
    )
