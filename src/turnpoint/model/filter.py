"""The filter: the posterior of a patient at every visit, from data up to it.

One quasi-random bank of particles drawn from the prior serves every patient; each series is filtered given the
particle (`model.observation`), and the posterior at visit i is the bank weighted by the cumulative likelihood:
exact up to Monte-Carlo error (and the merging of jump branches). A patient far from the prior, seen by a small
effective sample size or a heavy tail of the weights, gets a bank of their own at that visit (`model.refinement`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import polars as pl

from turnpoint.engine.progress import Progress
from turnpoint.engine.threads import in_order
from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.observation import Filtered, has_kernel
from turnpoint.model.parameters import Reading
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch, Series, batches, new_lesion_days
from turnpoint.model.streams import Stream, generator
from turnpoint.model.weighing import Run, WeightedVisits
from turnpoint.study.study import Study

_Result = TypeVar("_Result")

DEFAULT_PARTICLES = 2048
DEFAULT_DRAWS = 1000
PATIENTS_PER_BATCH = 16
_PATIENTS_PER_PIECE = 4096  # cut out of the tables at once: cutting each batch out of a large table is slow
_ROW_FIELDS = (
    "patient",
    "visit",
    "on_weeks",
    "off_weeks",
    "effective_size",
    "pareto_k",
    "shrinkage",
    "where",
)


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
class Origin:
    """Where the draws of some rows come from: a bank that readings passed through, and the particles chosen of it.

    Attributes:
        run: the bank and what it learnt.
        patients: of the run.
        patient: of the run, shape (R,).
        readings: by quantity, of each part up to the row, shape (R,) each.
        chosen: particles of the bank, shape (R, D).
    """

    run: Run
    patients: int
    patient: IntArray
    readings: Mapping[str, tuple[IntArray, ...]]
    chosen: IntArray

    @property
    def places(self) -> IntArray | tuple[IntArray, IntArray]:
        """Where in the bank's arrays the draws are."""
        return (self.patient[:, None], self.chosen) if self.run.bank.is_own else self.chosen

    @classmethod
    def of(cls, weighted: WeightedVisits, chosen: IntArray) -> Origin:
        """Of these visits."""
        batch, here = weighted.batch, (weighted.patient, weighted.visit)
        readings = {name: tuple(part[here] for part in parts) for name, parts in batch.readings.items()}
        return cls(weighted.run, len(batch.patient_ids), weighted.patient, readings, chosen)

    def at(self, rows: IntArray) -> Origin:
        """The same at these rows only."""
        readings = {name: tuple(part[rows] for part in parts) for name, parts in self.readings.items()}
        return replace(self, patient=self.patient[rows], readings=readings, chosen=self.chosen[rows])


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
        pareto_k: tail of their weights (`model.pareto`), shape (R,); nan where the effective size alone is proof
            enough that they can be trusted.
        shrinkage: 1 - posterior variance / prior variance of the log rates and the logit of φ, the largest of
            the three, shape (R,): 0 when the data said nothing.
        origins: where the draws come from; empty where their levels have been replaced.
        where: the origin of each row, and its row there, shape (R, 2).
    """

    batch: Batch
    patient: IntArray
    visit: IntArray
    on_weeks: FloatArray
    off_weeks: FloatArray
    dynamics: Dynamics
    quantities: Mapping[str, QuantityPosterior]
    effective_size: FloatArray
    pareto_k: FloatArray
    shrinkage: FloatArray
    origins: tuple[Origin, ...]
    where: IntArray

    @property
    def day(self) -> FloatArray:
        """Day of each row, shape (R,)."""
        day: FloatArray = self.batch.day[self.patient, self.visit]
        return day

    @property
    def particles(self) -> FloatArray:
        """The draws on the prior's own scales, shape (R, D, dimensions)."""
        found = [origin.run.bank.particles[origin.places] for origin in self.origins]
        return np.stack([found[origin][row] for origin, row in self.where])

    def turning_week(self) -> FloatArray:
        """Week of the smallest living burden in each draw (`Dynamics.turning_week`), shape (R, D)."""
        week = self.dynamics.turning_week(self.on_weeks, self.off_weeks)
        for row, (patient, visit) in enumerate(zip(self.patient, self.visit, strict=True)):
            pauses = self.batch.pauses(patient, visit)
            if pauses:
                own = self.dynamics.at(np.array([row]))
                week[row] = own.turning_week(self.on_weeks[row], self.off_weeks[row], pauses)[0]
        return week

    def at(self, rows: IntArray) -> Posterior:
        """The posterior at these rows only."""
        quantities = {name: own.at(rows) for name, own in self.quantities.items()}
        kept = {name: getattr(self, name)[rows] for name in _ROW_FIELDS}
        return replace(self, dynamics=self.dynamics.at(rows), quantities=quantities, **kept)


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
    refiner = Refiner.of(prior, prior.bank(particles, seed), seed)

    def work(batch: Batch) -> Posterior:
        return posterior_of(batch, refiner, draws)

    yield from over_batches(work, readings, study, prior, visits=visits, progress=progress)


def posteriors_of_batch(
    batch: Batch, prior: Prior, bank: FloatArray, *, draws: int = DEFAULT_DRAWS, seed: int = 0
) -> Iterator[Posterior]:
    """The posterior at every visit of one batch, from particles drawn from the prior."""
    yield posterior_of(batch, Refiner.of(prior, bank, seed), draws)


def over_batches(
    work: Callable[[Batch], _Result],
    readings: pl.DataFrame,
    study: Study,
    prior: Prior,
    *,
    visits: pl.DataFrame | None = None,
    patients_per_batch: int = PATIENTS_PER_BATCH,
    progress: Progress | None = None,
) -> Iterator[_Result]:
    """What `work` makes of each batch of a study, in patient order (arguments as `posteriors`).

    In threads, a few batches ahead (`engine.threads`), so that memory does not grow with the study.
    """
    if visits is None:
        visits = readings.select("patient_id", "day").unique().sort("patient_id", "day")
    total, done, new_lesions = visits["patient_id"].n_unique(), 0, new_lesion_days(study.lesions)
    cut = (
        batch
        for piece in _pieces(readings, study.doses, visits)
        for batch in batches(*piece[:2], list(prior.quantities), patients_per_batch, piece[2], new_lesions)
    )
    for patients, result in in_order(lambda batch: (len(batch.patient_ids), work(batch)), cut):
        done += patients
        if progress is not None:
            progress(done, total)
        yield result


def _pieces(
    readings: pl.DataFrame, doses: pl.DataFrame, visits: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]:
    """Readings, doses and visits of some thousand patients at a time, in patient order."""
    patients = visits["patient_id"].unique().sort()
    for first in range(0, len(patients), _PATIENTS_PER_PIECE):
        own = patients.slice(first, _PATIENTS_PER_PIECE)
        here = pl.col("patient_id").is_between(pl.lit(own[0]), pl.lit(own[-1]))
        yield readings.filter(here), doses.filter(here), visits.filter(here)


def posterior_of(batch: Batch, refiner: Refiner, draws: int = DEFAULT_DRAWS) -> Posterior:
    """Equal-weight draws at every visit of the batch, by patient and visit."""
    parts = [posterior_at(batch, *part, refiner, draws) for part in refiner.visits(batch, levels=True)]
    together = joined(batch, parts)
    return together.at(np.lexsort((together.visit, together.patient)))


def posterior_at(
    batch: Batch,
    patient: IntArray,
    visit: IntArray,
    weighted: WeightedVisits,
    refiner: Refiner,
    draws: int = DEFAULT_DRAWS,
) -> Posterior:
    """Equal-weight draws at some visits of a batch, as `Refiner.visits` gives them, with their levels."""
    return _posterior(batch, (patient, visit, weighted), drawn(weighted, draws, refiner.seed))


def drawn(weighted: WeightedVisits, draws: int, seed: int) -> Origin:
    """Equal-weight draws at some visits, not yet worked out."""
    return Origin.of(weighted, _drawn(weighted.weight, draws, seed))


def outlined(
    batch: Batch, patient: IntArray, visit: IntArray, weighted: WeightedVisits, origin: Origin
) -> Posterior:
    """`posterior_at` with its origin and what was read, and without a single draw: enough for `first_called`."""
    nothing = origin.chosen[:, :0]
    found = _posterior(batch, (patient, visit, weighted), replace(origin, chosen=nothing))
    return replace(found, origins=(origin,))


def _posterior(batch: Batch, which: tuple[IntArray, IntArray, WeightedVisits], origin: Origin) -> Posterior:
    """The draws of an origin; `which` as `Refiner.visits` gives it."""
    (patient, visit, weighted), bank, own = which, origin.run.bank, origin.places
    quantities = {
        quantity: QuantityPosterior(reading.at(own), tuple(_parts(weighted, quantity, origin.chosen)))
        for quantity, reading in bank.readings.items()
    }
    return Posterior(
        batch=batch,
        patient=patient,
        visit=visit,
        on_weeks=weighted.on_weeks[:, None],
        off_weeks=weighted.off_weeks[:, None],
        dynamics=bank.dynamics.at(own),
        quantities=quantities,
        effective_size=weighted.effective_size,
        pareto_k=weighted.pareto_k,
        shrinkage=weighted.shrinkage,
        origins=(origin,),
        where=np.stack([np.zeros_like(patient), np.arange(len(patient))], axis=1),
    )


def _parts(weighted: WeightedVisits, quantity: str, chosen: IntArray) -> Iterator[PartPosterior]:
    batch, run = weighted.batch, weighted.run
    parts = zip(batch.series[quantity], run.filtered[quantity], batch.readings[quantity], strict=True)
    for series, own, counts in parts:
        yield _part(series, own, (weighted.patient, counts[weighted.patient, weighted.visit], chosen))


def joined(batch: Batch, found: Sequence[Posterior]) -> Posterior:
    """The posteriors of parts of a batch as one, one below the other."""
    first, places = found[0], np.cumsum([0, *(len(part.origins) for part in found[:-1])])
    found = [
        replace(part, where=part.where + np.array([place, 0]))
        for part, place in zip(found, places, strict=True)
    ]
    quantities = {
        quantity: QuantityPosterior(
            Reading(
                own.reading.is_diameter, *_stacked([part.quantities[quantity].reading for part in found])
            ),
            tuple(
                PartPosterior(*_stacked([part.quantities[quantity].parts[index] for part in found]))
                for index in range(len(own.parts))
            ),
        )
        for quantity, own in first.quantities.items()
    }
    return Posterior(
        batch=batch,
        dynamics=Dynamics(*_stacked([part.dynamics for part in found])),
        quantities=quantities,
        origins=tuple(origin for part in found for origin in part.origins),
        **{name: np.concatenate([getattr(part, name) for part in found]) for name in _ROW_FIELDS},
    )


def _stacked(parts: Sequence[Dynamics | Reading | PartPosterior]) -> Iterator[Any]:
    """Each array attribute of the parts, rows one below the other."""
    for name in parts[0].__slots__:
        if name != "is_diameter":
            yield np.concatenate([getattr(part, name) for part in parts])


def systematic_draws(log_weight: FloatArray, draws: int, seed: int = 0) -> IntArray:
    """Indices of equal-weight draws for each row, shape (R, draws), in an order that is the same for all rows.

    Systematic resampling puts each draw within 1/draws of its place in the weights' distribution; the common
    shuffle keeps later draws (of noise) from lining up with the particles' order.
    """
    return _drawn(np.exp(log_weight - log_weight.max(axis=-1, keepdims=True)), draws, seed)


def _drawn(weight: FloatArray, draws: int, seed: int) -> IntArray:
    """`systematic_draws` from the weights themselves."""
    places = (np.arange(draws) + 0.5) / draws
    order = generator(seed, Stream.RESAMPLING).permutation(draws)
    chosen = np.empty((len(weight), draws), dtype=np.int64)
    if has_kernel():
        from turnpoint.model.kernel_weights import systematic  # noqa: PLC0415  (Numba is an extra)

        systematic(weight, places, chosen)
    else:
        for row, running in enumerate(np.cumsum(weight, axis=-1, dtype=np.float64)):
            chosen[row] = np.searchsorted(running, places * running[-1])
    last: int = weight.shape[-1] - 1
    indices: IntArray = np.minimum(chosen, last)[:, order]
    return indices


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
