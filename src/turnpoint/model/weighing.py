"""Weights of a bank's particles at the visits of a batch: the posterior, exact up to Monte-Carlo error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.bank import RATES, SINGLE, Bank
from turnpoint.model.new_lesions import log_hazard
from turnpoint.model.observation import Filtered, has_kernel, run_series
from turnpoint.model.pareto import TRUSTED_BELOW, pareto_k
from turnpoint.model.prior import Prior
from turnpoint.model.series import Batch, Series

# Of the usual 2048 particles; in proportion for more. They are quasi-random, and worth more than as many random ones
# (docs/results/assess.md says how far off the results are).
SMALLEST_EFFECTIVE_SIZE = 200.0
USUAL_PARTICLES = 2048
# A heavy tail shows in its heaviest particle: where none has more than this share of the weight, k is hardly ever too
# large (docs/results/assess.md counts) and is not worked out, which would take as long as the filter.
LARGEST_TRUSTED_WEIGHT = 0.025


@dataclass(frozen=True, slots=True)
class Run:
    """A batch passed through a bank.

    Attributes:
        bank: its particles.
        together: by quantity, the series of the parts one below the other: first every patient's first one.
        log_weight: cumulative log-likelihood plus log importance weight at each visit, shape (P, V, K).
    """

    bank: Bank
    together: Mapping[str, Filtered]
    log_weight: FloatArray

    @property
    def filtered(self) -> dict[str, tuple[Filtered, ...]]:
        """By quantity and part."""
        return {quantity: _apart(own, len(self.log_weight)) for quantity, own in self.together.items()}

    @property
    def particles(self) -> FloatArray:
        """Transformed parameters, shape (K, dimensions) or (P, K, dimensions)."""
        return self.bank.particles


def weigh(batch: Batch, prior: Prior, bank: Bank | FloatArray, *, levels: bool = True) -> Run:
    """Pass a batch through a bank, or through particles drawn from the prior; `levels` says whether to keep them."""
    if not isinstance(bank, Bank):
        bank = Bank.of(prior, bank)
    together = {
        quantity: _filtered(batch.series[quantity], bank, quantity, prior, levels)
        for quantity in prior.quantities
    }
    filtered = {quantity: _apart(own, len(batch.patient_ids)) for quantity, own in together.items()}
    log_weight = None if bank.is_own else _of_only_series(batch, filtered)
    if log_weight is None:
        log_weight = np.empty((*batch.day.shape, bank.size), bank.precision)
        log_weight[:] = bank.log_importance
        patients = np.arange(len(batch.patient_ids))[:, None]
        for quantity, parts in filtered.items():
            for own, readings in zip(parts, batch.readings[quantity], strict=True):
                log_weight += own.log_likelihood[patients, readings]
    _weigh_new_lesions(log_weight, batch, bank)
    return Run(bank, together, log_weight)


def _weigh_new_lesions(log_weight: FloatArray, batch: Batch, bank: Bank) -> None:
    """Adds what a new lesion says from its day on: its log hazard, up to a constant (`model.new_lesions`)."""
    for row in np.flatnonzero(np.isfinite(batch.new_lesion_day)):
        week = np.asarray(batch.new_lesion_day[row] / 7.0, dtype=bank.precision)
        own = bank.dynamics.at(np.array([row])) if bank.is_own else bank.dynamics
        log_weight[row, batch.day[row] >= batch.new_lesion_day[row]] += log_hazard(own, week)


def _of_only_series(batch: Batch, filtered: Mapping[str, tuple[Filtered, ...]]) -> FloatArray | None:
    """The log-likelihoods as they are, where there is one series and each visit has a reading of it."""
    every = [
        (own, batch.readings[name][index])
        for name, parts in filtered.items()
        for index, own in enumerate(parts)
    ]
    visits = batch.day.shape[1]
    if len(every) > 1 or not np.array_equal(
        every[0][1], np.tile(np.arange(1, visits + 1), (len(batch.visits), 1))
    ):
        return None
    return every[0][0].log_likelihood[:, 1 : visits + 1]


def _filtered(parts: Sequence[Series], bank: Bank, quantity: str, prior: Prior, levels: bool) -> Filtered:
    """All parts of a quantity filtered at once."""
    patients = len(parts[0].length)
    return run_series(
        _stacked(parts),
        bank.dynamics,
        bank.readings[quantity],
        prior.floor_persistence[quantity],
        patient=np.tile(np.arange(patients), len(parts)),
        signals=bank.signals.get(quantity),
        levels=levels,
        laid_out=bank.dynamics_sets() if bank.is_own and bank.precision == SINGLE and has_kernel() else None,
    )


def _apart(together: Filtered, patients: int) -> tuple[Filtered, ...]:
    """Part by part what was filtered at once."""
    starts = range(0, len(together.log_likelihood), patients)
    return tuple(
        Filtered(*(getattr(together, name)[start : start + patients] for name in Filtered.__slots__))
        for start in starts
    )


def _stacked(parts: Sequence[Series]) -> Series:
    """The parts' series one below the other."""
    if len(parts) == 1:
        return parts[0]
    width = max(part.day.shape[1] for part in parts)
    fields = [name for name in Series.__slots__ if name not in {"quantity", "length"}]

    def padded(column: FloatArray) -> FloatArray:
        return np.pad(column, ((0, 0), (0, width - column.shape[1])), mode="edge")

    columns = (np.concatenate([padded(getattr(part, name)) for part in parts]) for name in fields)
    return Series(parts[0].quantity, np.concatenate([part.length for part in parts]), *columns)


def effective_sizes(log_weight: FloatArray) -> FloatArray:
    """Kish's effective sample size (Σw)²/Σw² along the last axis."""
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    sizes: FloatArray = weight.sum(axis=-1) ** 2 / (weight**2).sum(axis=-1)
    return sizes


def of_patients(batch: Batch, rows: IntArray, most_visits: IntArray | None = None) -> Batch:
    """The batch with these patients only, padded no further than they need.

    Args:
        batch: the data.
        rows: the patients, shape (R,).
        most_visits: of each only so many, and the readings up to the last of them, shape (R,).
    """
    visits = batch.visits[rows]
    if most_visits is not None:
        visits = np.minimum(visits, most_visits)
    width = max(int(visits.max(initial=0)), 1)
    last = {
        name: tuple(counts[rows, visits - 1] for counts in parts) for name, parts in batch.readings.items()
    }
    series = {
        name: tuple(_series_of(part, rows, length) for part, length in zip(parts, last[name], strict=True))
        for name, parts in batch.series.items()
    }
    return Batch(
        patient_ids=[batch.patient_ids[row] for row in rows],
        series=series,
        visits=visits,
        day=batch.day[rows, :width],
        on_weeks=batch.on_weeks[rows, :width],
        off_weeks=batch.off_weeks[rows, :width],
        readings={
            name: tuple(
                np.minimum(counts[rows, :width], length[:, None])
                for counts, length in zip(parts, last[name], strict=True)
            )
            for name, parts in batch.readings.items()
        },
        off_now=batch.off_now[rows, :width],
        off=tuple(batch.off[row] for row in rows),
        new_lesion_day=batch.new_lesion_day[rows],
    )


def at_visits(batch: Batch, patient: IntArray, visit: IntArray) -> Batch:
    """Each of these visits as a row of its own, with the readings up to it and no other; shape (R,) both."""
    here = patient, visit
    readings = {name: tuple(counts[here] for counts in parts) for name, parts in batch.readings.items()}
    return Batch(
        patient_ids=[batch.patient_ids[row] for row in patient],
        series={
            name: tuple(
                _series_of(part, patient, counts) for part, counts in zip(parts, readings[name], strict=True)
            )
            for name, parts in batch.series.items()
        },
        visits=np.ones_like(patient),
        day=batch.day[here][:, None],
        on_weeks=batch.on_weeks[here][:, None],
        off_weeks=batch.off_weeks[here][:, None],
        readings={name: tuple(counts[:, None] for counts in parts) for name, parts in readings.items()},
        off_now=batch.off_now[here][:, None],
        off=tuple(batch.off[row] for row in patient),
        new_lesion_day=batch.new_lesion_day[patient],
    )


def final_visits(batch: Batch) -> Batch:
    """The batch with each patient's last visit only, and all readings up to it."""
    return at_visits(batch, np.arange(len(batch.visits)), batch.visits - 1)


def _series_of(series: Series, rows: IntArray, length: IntArray | None = None) -> Series:
    """The series of these patients, of each only the first readings where their number is given."""
    known = series.length[rows] if length is None else length
    width = max(int(known.max(initial=0)), 1)
    fields = [name for name in Series.__slots__ if name not in {"quantity", "length"}]
    columns = {name: getattr(series, name)[rows, :width] for name in fields}
    return replace(series, length=known, **columns)


@dataclass(frozen=True, slots=True)
class WeightedVisits:
    """Some visits of a batch, and what each particle weighs there.

    Attributes:
        batch: the data.
        run: the bank and what it learnt.
        patient, visit: row of the batch and index of the visit, shape (R,).
        weight: of the bank's particles, shape (R, K); rows sum to 1.
        effective_size: (Σw)²/Σw², shape (R,).
        pareto_k: tail of the weights (`model.pareto`), shape (R,); nan where the effective size alone is proof enough.
    """

    batch: Batch
    run: Run
    patient: IntArray
    visit: IntArray
    weight: FloatArray
    effective_size: FloatArray
    pareto_k: FloatArray

    @property
    def bank(self) -> Bank:
        """The particles: shape (K, ...) for all rows, or (P, K, ...), a set for each patient of the batch."""
        return self.run.bank

    @property
    def day(self) -> FloatArray:
        """Day of each row, shape (R,)."""
        day: FloatArray = self.batch.day[self.patient, self.visit]
        return day

    @property
    def on_weeks(self) -> FloatArray:
        """Weeks on treatment at each row, shape (R,)."""
        weeks: FloatArray = self.batch.on_weeks[self.patient, self.visit]
        return weeks

    @property
    def off_weeks(self) -> FloatArray:
        """Weeks off treatment at each row, shape (R,)."""
        weeks: FloatArray = self.batch.off_weeks[self.patient, self.visit]
        return weeks

    @property
    def off_now(self) -> BoolArray:
        """No drug is on at the row's visit, shape (R,)."""
        off: BoolArray = self.batch.off_now[self.patient, self.visit]
        return off

    def are_trusted(self, smallest_effective_size: float) -> BoolArray:
        """Enough particles count, and their weights have no heavy tail; shape (R,)."""
        enough = self.effective_size >= smallest_effective_size
        trusted: BoolArray = enough & ~(self.pareto_k > TRUSTED_BELOW)
        return trusted

    def at(self, rows: IntArray | BoolArray) -> WeightedVisits:
        """These rows only."""
        names = ("patient", "visit", "weight", "effective_size", "pareto_k")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def readings(self, quantity: str) -> IntArray:
        """Readings of all parts of the quantity up to each row, shape (R,)."""
        counts = [part[self.patient, self.visit] for part in self.batch.readings[quantity]]
        total: IntArray = np.sum(counts, axis=0)
        return total

    def at_floor(self, quantity: str) -> BoolArray:
        """Everything of the quantity that has been read is below its limit at the row, shape (R,)."""
        floor = self.readings(quantity) > 0
        for series, counts in zip(self.batch.series[quantity], self.batch.readings[quantity], strict=True):
            readings = counts[self.patient, self.visit]
            floor &= (readings == 0) | (series.censoring[self.patient, np.maximum(readings - 1, 0)] < 0)
        return floor

    def rate_moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of log d, log g and logit φ, in the prior's SDs from its mean: shape (R, 3) both."""
        table = self.bank.rate_moments
        if not self.bank.is_own:
            moments = weighted_means(self.weight, table[0])
        else:
            moments = np.empty((len(self.patient), table.shape[1]))
            for patient in np.unique(self.patient):
                rows = self.patient == patient
                moments[rows] = weighted_means(self.weight[rows], table[patient])
        return moments[:, :RATES], moments[:, RATES:] - moments[:, :RATES] ** 2

    @property
    def shrinkage(self) -> FloatArray:
        """How much narrower d, g and φ are than in the prior: the largest of the three of 1 - variance ratio."""
        shrinkage: FloatArray = (1.0 - self.rate_moments()[1]).max(axis=1)
        return shrinkage

    @property
    def prior_distance(self) -> FloatArray:
        """How far d, g and φ lie from the middle of the prior: the farthest of the three, in the prior's SDs."""
        distance: FloatArray = np.abs(self.rate_moments()[0]).max(axis=1)
        return distance


def weighted_means(weight: FloatArray, table: FloatArray) -> FloatArray:
    """Means of each row of a table, shape (C, K), under each row of weights, shape (R, K): shape (R, C).

    Not a matrix product: for one of this size the linear algebra library would start threads of its own, which get
    in the way of those that work on other batches.
    """
    means: FloatArray = np.einsum("rk,ck->rc", weight, table).astype(np.float64)
    return means


def smallest_effective_size(particles: int) -> float:
    """How many particles must count at least, out of those a bank has that serves every patient."""
    return SMALLEST_EFFECTIVE_SIZE * max(particles / USUAL_PARTICLES, 1.0)


def weighted_visits(
    batch: Batch, run: Run, patient: IntArray, visit: IntArray, *, tail_from: float = 0.0
) -> WeightedVisits:
    """The weights at R visits of a run; `patient` and `visit` say which, shape (R,).

    The tail is not looked at where fewer than `tail_from` particles count: those visits will be refined anyway.
    """
    weight = run.log_weight[patient, visit]
    weight -= weight.max(axis=1, keepdims=True)
    np.exp(weight, out=weight)
    heaviest = 1.0 / weight.sum(axis=1)
    weight *= heaviest[:, None]
    # cast first: a sum that casts as it goes does so in pieces that depend on the other rows
    exact = weight.astype(np.float64)
    effective_size = 1.0 / np.square(exact).sum(axis=1)
    shape = np.full(len(patient), np.nan)
    doubtful = heaviest > LARGEST_TRUSTED_WEIGHT
    doubtful &= effective_size >= tail_from
    shape[doubtful] = pareto_k(run.log_weight[patient[doubtful], visit[doubtful]])
    return WeightedVisits(batch, run, patient, visit, weight, effective_size, shape)
