"""The filter: the posterior of a patient at every visit, from data up to it.

One quasi-random bank of particles drawn from the prior serves every patient; each series is filtered given the
particle (`model.observation`), and the posterior at visit i is the bank weighted by the cumulative likelihood:
exact up to Monte-Carlo error (and the merging of jump branches). A patient far from the prior, seen by a small
effective sample size, gets further particles from normals fitted to their own weighted particles (adaptive
multiple importance sampling: Cornuet et al. 2012, doi:10.1111/j.1467-9469.2011.00756.x).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.special import logsumexp

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.observation import Filtered, run_series
from turnpoint.model.parameters import Reading, dynamics_of, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.series import Batch, Series, batches
from turnpoint.study.study import Study

Progress = Callable[[int, int], None]

DEFAULT_PARTICLES = 2048
DEFAULT_DRAWS = 1000
PATIENTS_PER_BATCH = 16
SMALLEST_EFFECTIVE_SIZE = 150.0
_MOST_REFINEMENTS = 8
_WIDEN = 1.5  # a proposal must be wider than what it aims at
_SMALLEST_TEMPERED_SIZE = 60.0


@dataclass(frozen=True, slots=True)
class PartPosterior:
    """What is known of one part of a quantity (a lesion, a marker) at each row; R rows, D draws.

    Attributes:
        level_mean, level_variance: of the part's own level after the last reading, shape (R, D).
        last_log_value: shape (R, 1); the limit for a censored value.
        last_value: as written down, shape (R, 1).
        last_is_repeat: the last value equals the one before it, shape (R, 1).
        limit: below which nothing is measured, shape (R, 1).
        whole_numbers: most readings so far are whole numbers, shape (R, 1).
        last_censoring: -1, 0 or 1, shape (R, 1).
        last_on_weeks, last_off_weeks, last_day: of the last reading, shape (R, 1).
        readings: how many readings there are, shape (R,); where it is 0 nothing else means anything.
    """

    level_mean: FloatArray
    level_variance: FloatArray
    last_log_value: FloatArray
    last_value: FloatArray
    last_is_repeat: BoolArray
    limit: FloatArray
    whole_numbers: BoolArray
    last_censoring: IntArray
    last_on_weeks: FloatArray
    last_off_weeks: FloatArray
    last_day: FloatArray
    readings: IntArray

    def at(self, rows: IntArray) -> PartPosterior:
        """The same at these rows only."""
        return PartPosterior(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class QuantityPosterior:
    """What is known of one quantity at each row; R rows, D draws.

    Attributes:
        reading: reading parameters, shared by the parts, shape (R, D).
        parts: one for a marker, one a lesion for the sum of diameters; a row has readings in its first ones.
    """

    reading: Reading
    parts: tuple[PartPosterior, ...]

    def at(self, rows: IntArray) -> QuantityPosterior:
        """The same at these rows only."""
        return QuantityPosterior(self.reading.at(rows), tuple(part.at(rows) for part in self.parts))

    @property
    def readings(self) -> IntArray:
        """Readings of all parts, shape (R,)."""
        count: IntArray = np.sum([part.readings for part in self.parts], axis=0)
        return count

    @property
    def last_day(self) -> FloatArray:
        """Day of the last reading of any part, shape (R,); -inf before the first."""
        days = [np.where(part.readings > 0, part.last_day[:, 0], -np.inf) for part in self.parts]
        day: FloatArray = np.max(days, axis=0)
        return day

    @property
    def at_floor(self) -> BoolArray:
        """Everything that has been read is now below its limit, shape (R, 1)."""
        below = [(part.readings == 0)[:, None] | (part.last_censoring < 0) for part in self.parts]
        floor: BoolArray = np.all(below, axis=0) & (self.readings > 0)[:, None]
        return floor


@dataclass(frozen=True, slots=True)
class Posterior:
    """Equal-weight posterior draws for the visits of one batch of patients.

    Attributes:
        batch: the data.
        patient, visit: row of the batch and index of the visit, shape (R,).
        on_weeks, off_weeks: at the visit, shape (R, 1).
        dynamics: shape (R, D).
        quantities: by name.
        effective_size: effective sample size of the weighted particles, shape (R,).
        shrinkage: 1 - posterior variance / prior variance of the log rates and the logit of φ, the largest of
            the three, shape (R,): 0 when the data said nothing.
    """

    batch: Batch
    patient: IntArray
    visit: IntArray
    on_weeks: FloatArray
    off_weeks: FloatArray
    dynamics: Dynamics
    quantities: Mapping[str, QuantityPosterior]
    effective_size: FloatArray
    shrinkage: FloatArray

    @property
    def day(self) -> FloatArray:
        """Day of each row, shape (R,)."""
        day: FloatArray = self.batch.day[self.patient, self.visit]
        return day

    def at(self, rows: IntArray) -> Posterior:
        """The posterior at these rows only."""
        quantities = {name: own.at(rows) for name, own in self.quantities.items()}
        kept = {
            name: getattr(self, name)[rows]
            for name in ("patient", "visit", "on_weeks", "off_weeks", "effective_size", "shrinkage")
        }
        return replace(self, dynamics=self.dynamics.at(rows), quantities=quantities, **kept)


@dataclass(frozen=True, slots=True)
class Run:
    """A batch passed through a bank.

    Attributes:
        particles: transformed parameters, shape (K, dimensions).
        filtered: by quantity and part.
        log_weight: cumulative log-likelihood plus log importance weight at each visit, shape (P, V, K).
    """

    particles: FloatArray
    filtered: Mapping[str, tuple[Filtered, ...]]
    log_weight: FloatArray


def posteriors(
    readings: pl.DataFrame,
    study: Study,
    prior: Prior,
    *,
    visits: pl.DataFrame | None = None,
    particles: int = DEFAULT_PARTICLES,
    draws: int = DEFAULT_DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Iterator[Posterior]:
    """The posterior at every visit of every patient, a batch at a time, in patient order.

    Args:
        readings: from `series.parts_of(study)`.
        study: for its doses.
        prior: whose quantities are those of the readings.
        visits: from `series.visits_of(study)`, when visits without a usable reading matter too.
        particles: size of the bank, a power of two.
        draws: equal-weight draws kept for each visit.
        seed: of the bank; the same seed gives the same numbers.
        progress: called with patients done and patients in all.
    """
    bank = prior.bank(particles, seed)
    total = (readings if visits is None else visits)["patient_id"].n_unique()
    done = 0

    def posteriors_of(batch: Batch) -> list[Posterior]:
        return list(posteriors_of_batch(batch, prior, bank, draws=draws, seed=seed))

    parts = batches(readings, study.doses, list(prior.quantities), PATIENTS_PER_BATCH, visits)
    for found in _in_parallel(posteriors_of, parts):
        yield from found
        done += sum(len(np.unique(part.patient)) for part in found)
        if progress is not None:
            progress(min(done, total), total)


def _in_parallel(
    work: Callable[[Batch], list[Posterior]], parts: Iterator[Batch]
) -> Iterator[list[Posterior]]:
    """The results in order, computed by as many threads as there are cores (NumPy lets go of the lock).

    Only a few batches are in flight at a time, so that memory does not grow with the study.
    """
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[list[Posterior]]] = deque()
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def posteriors_of_batch(
    batch: Batch, prior: Prior, bank: FloatArray, *, draws: int = DEFAULT_DRAWS, seed: int = 0
) -> Iterator[Posterior]:
    """The posterior at every visit of one batch, in parts.

    One part for all patients that the bank serves well, then one for each patient whose effective sample size
    asked for more particles.
    """
    run = weigh(batch, prior, bank)
    sizes = effective_sizes(run.log_weight)
    valid = np.arange(batch.day.shape[1]) < batch.visits[:, None]
    weakest = np.where(valid, sizes, np.inf).min(axis=1)
    served = weakest >= SMALLEST_EFFECTIVE_SIZE
    if served.any():
        yield _collect(batch, prior, run, np.flatnonzero(served), draws)
    for row in np.flatnonzero(~served):
        alone = one_patient(batch, int(row))
        yield _collect(alone, prior, _refined(alone, prior, bank, seed), np.array([0]), draws)


def effective_sizes(log_weight: FloatArray) -> FloatArray:
    """Kish's effective sample size (Σw)²/Σw² along the last axis."""
    sizes: FloatArray = np.exp(2.0 * logsumexp(log_weight, axis=-1) - logsumexp(2.0 * log_weight, axis=-1))
    return sizes


def weigh(batch: Batch, prior: Prior, particles: FloatArray, log_importance: FloatArray | None = None) -> Run:
    """Pass a batch through a bank of particles; `log_importance` is log prior / proposal where they differ."""
    dynamics = dynamics_of(particles)
    filtered = {}
    log_weight = np.zeros((*batch.day.shape, particles.shape[-2]))
    if log_importance is not None:
        log_weight += log_importance
    patients = np.arange(batch.day.shape[0])[:, None]
    for position, quantity in enumerate(prior.quantities):
        reading = reading_of(particles, quantity, position)
        persistence = prior.floor_persistence[quantity]
        filtered[quantity] = tuple(
            run_series(part, dynamics, reading, persistence) for part in batch.series[quantity]
        )
        for own, readings in zip(filtered[quantity], batch.readings[quantity], strict=True):
            log_weight += own.log_likelihood[patients, readings]
    return Run(particles, filtered, log_weight)


def one_patient(batch: Batch, row: int) -> Batch:
    """The batch with one patient only."""
    keep = slice(row, row + 1)
    fields = [name for name in Series.__slots__ if name != "quantity"]
    series = {
        quantity: tuple(Series(quantity, *(getattr(part, name)[keep] for name in fields)) for part in parts)
        for quantity, parts in batch.series.items()
    }
    return Batch(
        patient_ids=batch.patient_ids[keep],
        series=series,
        visits=batch.visits[keep],
        day=batch.day[keep],
        on_weeks=batch.on_weeks[keep],
        off_weeks=batch.off_weeks[keep],
        readings={
            quantity: tuple(counts[keep] for counts in parts) for quantity, parts in batch.readings.items()
        },
        off_now=batch.off_now[keep],
    )


def _refined(batch: Batch, prior: Prior, bank: FloatArray, seed: int) -> Run:
    """Add proposals fitted to this patient until every visit has enough effective particles.

    All particles, the prior's own among them, are weighted by prior / mixture of every proposal so far, so a
    proposal that was a bad guess costs nothing but time.
    """
    rng = np.random.default_rng((seed, 1))
    sizes = [len(bank)]
    gaussians = [(prior.mean, prior.covariance)]
    particles = bank
    run = weigh(batch, prior, particles)
    for _ in range(_MOST_REFINEMENTS):
        effective = effective_sizes(run.log_weight[0, : batch.visits[0]])
        if effective.min() >= SMALLEST_EFFECTIVE_SIZE:
            break
        mean, covariance = _proposal(particles, run.log_weight[0, int(effective.argmin())], prior)
        gaussians.append((mean, covariance))
        sizes.append(len(bank))
        fresh = mean + rng.standard_normal((len(bank), prior.dimensions)) @ np.linalg.cholesky(covariance).T
        particles = np.concatenate([particles, fresh])
        shares = np.log(np.array(sizes) / len(particles))
        densities = [log_normal_density(particles, *gaussian) for gaussian in gaussians]
        mixture = logsumexp([share + own for share, own in zip(shares, densities, strict=True)], axis=0)
        run = weigh(batch, prior, particles, densities[0] - mixture)
    return run


def _proposal(particles: FloatArray, log_weight: FloatArray, prior: Prior) -> tuple[FloatArray, FloatArray]:
    """A widened normal fitted to the weighted particles, the weights tempered until enough of them count."""
    temper = 1.0
    while effective_sizes(temper * log_weight) < _SMALLEST_TEMPERED_SIZE and temper > 1e-3:
        temper *= 0.7
    weight = np.exp(temper * log_weight - logsumexp(temper * log_weight))
    mean = weight @ particles
    apart = particles - mean
    covariance = _WIDEN * (apart * weight[:, None]).T @ apart + 0.02 * prior.covariance
    return mean, covariance


def log_normal_density(points: FloatArray, mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Log density of a multivariate normal at each row of `points`."""
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, (points - mean).T)
    density: FloatArray = -0.5 * (white**2).sum(axis=0) - np.log(np.diag(root)).sum()
    return density - 0.5 * len(mean) * float(np.log(2.0 * np.pi))


def _collect(batch: Batch, prior: Prior, run: Run, patients: IntArray, draws: int) -> Posterior:
    """Equal-weight draws at every visit of these patients of the run, by systematic resampling."""
    patient = np.repeat(patients, batch.visits[patients])
    visit = np.concatenate([np.arange(batch.visits[p]) for p in patients] or [np.empty(0)]).astype(np.int64)
    log_weight = run.log_weight[patient, visit]
    chosen = systematic_draws(log_weight, draws)
    particles = run.particles[chosen]
    quantities = {
        quantity: _quantity(batch, prior, run, quantity, (patient, visit, chosen))
        for quantity in prior.quantities
    }
    return Posterior(
        batch=batch,
        patient=patient,
        visit=visit,
        on_weeks=batch.on_weeks[patient, visit][:, None],
        off_weeks=batch.off_weeks[patient, visit][:, None],
        dynamics=dynamics_of(particles),
        quantities=quantities,
        effective_size=effective_sizes(log_weight),
        shrinkage=_shrinkage(particles, prior),
    )


def systematic_draws(log_weight: FloatArray, draws: int) -> IntArray:
    """Indices of equal-weight draws for each row, shape (R, draws), in an order that is the same for all rows.

    Systematic resampling puts each draw within 1/draws of its place in the weights' distribution; the common
    shuffle keeps later draws (of noise) from lining up with the particles' order.
    """
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    cumulative = np.cumsum(weight, axis=-1)
    places = (np.arange(draws) + 0.5) / draws
    order = np.random.default_rng(0).permutation(draws)
    chosen = np.empty((len(log_weight), draws), dtype=np.int64)
    for row, running in enumerate(cumulative):
        chosen[row] = np.searchsorted(running, places * running[-1])[order]
    last: int = log_weight.shape[-1] - 1
    indices: IntArray = np.minimum(chosen, last)
    return indices


def _quantity(
    batch: Batch, prior: Prior, run: Run, quantity: str, where: tuple[IntArray, IntArray, IntArray]
) -> QuantityPosterior:
    patient, visit, chosen = where
    parts = zip(batch.series[quantity], run.filtered[quantity], batch.readings[quantity], strict=True)
    return QuantityPosterior(
        reading=reading_of(run.particles[chosen], quantity, prior.quantities.index(quantity)),
        parts=tuple(
            _part(series, own, (patient, readings[patient, visit], chosen)) for series, own, readings in parts
        ),
    )


def _part(series: Series, own: Filtered, where: tuple[IntArray, IntArray, IntArray]) -> PartPosterior:
    patient, readings, chosen = where
    last, before = np.maximum(readings - 1, 0), np.maximum(readings - 2, 0)
    rows = np.arange(len(patient))[:, None]
    return PartPosterior(
        level_mean=own.level_mean[patient, last][rows, chosen],
        level_variance=own.level_variance[patient, last][rows, chosen],
        last_log_value=series.log_value[patient, last][:, None],
        last_value=series.value[patient, last][:, None],
        last_is_repeat=((readings > 1) & (series.value[patient, last] == series.value[patient, before]))[
            :, None
        ],
        limit=series.limit[patient, last][:, None],
        whole_numbers=_whole_numbers(series)[patient, last][:, None],
        last_censoring=series.censoring[patient, last][:, None],
        last_on_weeks=series.on_weeks[patient, last][:, None],
        last_off_weeks=series.off_weeks[patient, last][:, None],
        last_day=series.day[patient, last][:, None],
        readings=readings,
    )


def _whole_numbers(series: Series) -> BoolArray:
    """Whether most of the readings up to each one are whole numbers, shape (P, N)."""
    whole = np.cumsum(series.value == np.round(series.value), axis=1)
    most: BoolArray = whole > 0.5 * np.arange(1, whole.shape[1] + 1)
    return most


def _shrinkage(particles: FloatArray, prior: Prior) -> FloatArray:
    """How much narrower the draws of d, g and φ are than the prior: the largest of the three."""
    variance = particles[..., :3].var(axis=1)
    shrinkage: FloatArray = (1.0 - variance / np.diag(prior.covariance)[:3]).max(axis=-1)
    return shrinkage
