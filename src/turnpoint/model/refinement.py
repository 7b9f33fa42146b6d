"""A bank of their own for visits of patients far from the prior.

Particles from the prior serve a patient badly whose posterior is a small corner of it. Such a visit gets fresh
particles from a normal distribution fitted to the weighted ones, with some of the prior's own among them, so that a
bad guess costs nothing but time (defensive mixture: Hesterberg 1995, doi:10.1080/00401706.1995.10484303). Where that
does not do, the next normal is fitted to these particles (adaptive importance sampling: Cornuet et al. 2012,
doi:10.1111/j.1467-9469.2011.00756.x). The draws are quasi-random and the same for every visit.

The first visit that the prior's particles do not serve is aimed at by the readings up to it; the particles that serve
it go on through the later visits, and the first of those that they do not serve any more is aimed at from their own
weights there. So a visit depends on the readings up to it: what comes later changes nothing about it, and neither does
anybody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.bank import SINGLE, Bank, Precision
from turnpoint.model.observation import has_kernel
from turnpoint.model.prior import Prior
from turnpoint.model.series import Batch
from turnpoint.model.sobol import standard_normals
from turnpoint.model.streams import Stream
from turnpoint.model.weighing import (
    WeightedVisits,
    effective_sizes,
    of_patients,
    smallest_effective_size,
    weigh,
    weighted_visits,
)

_MOST_REFINEMENTS = 6
_FIRST_SHARE = 4  # a quarter as many fresh particles as the prior's bank has, then twice as many each time
_MOST_SHARE = 4  # up to four times as many as the bank, for visits that need them
_FEWEST_FRESH = 512
_KEPT_SHARE = 8  # and an eighth as many again of the prior's own
_WIDEN = 1.1  # a proposal must be wider than what it aims at
_PRIOR_WIDTH = 0.02  # and not much narrower than the prior in any direction
_WIDEST = 2.0  # and not much wider
_SMALLEST_TEMPERED_SIZE = 25.0
_TEMPER = 0.8
_VISITS_AHEAD = (
    8  # that fresh particles are tried on; those that still serve then are what the next aim is taken from
)
_PARTICLES_AT_ONCE = 512
_VALUES_AT_ONCE = 3 * 2**14  # series x particles: an array of float32 then stays in a core's cache


@dataclass(frozen=True, slots=True)
class Refiner:
    """What every refinement starts from.

    Attributes:
        prior: the population.
        bank: drawn from it, serves every patient.
        normals: quasi-random standard normals for fresh particles, shape (K, dimensions).
        seed: of all that is drawn.
    """

    prior: Prior
    bank: Bank
    normals: FloatArray
    seed: int

    @classmethod
    def of(cls, prior: Prior, particles: FloatArray, seed: int, *, precision: Precision = SINGLE) -> Refiner:
        """From particles drawn from the prior (a power of two of them) and the seed they were drawn with."""
        most = _MOST_SHARE * max(len(particles), _FEWEST_FRESH)
        normals = standard_normals(most, prior.dimensions, seed, Stream.REFINEMENT)
        return cls(prior, Bank.of(prior, particles, precision=precision), normals, seed)

    def visits(self, batch: Batch, *, levels: bool) -> Iterator[tuple[IntArray, IntArray, WeightedVisits]]:
        """Every visit of the batch once, with weights that can be trusted as far as refinement can make them.

        In parts: each with the patient and the visit of the batch that each of its rows is.
        """
        patient, visit = np.nonzero(np.arange(batch.day.shape[1]) < batch.visits[:, None])
        series = sum(int((part.length > 0).sum()) for parts in batch.series.values() for part in parts)
        series_each = max(series / len(batch.visits), 1.0)
        at_once = max(int(_VALUES_AT_ONCE / (self.bank.size * series_each)), 1)
        wait = _Waiting.of(patient, visit, self.prior)
        smallest = smallest_effective_size(self.bank.size)
        for first in range(0, len(batch.visits), at_once):
            patients = np.arange(first, min(first + at_once, len(batch.visits)))
            rows = np.flatnonzero((patient >= patients[0]) & (patient <= patients[-1]))
            part = of_patients(batch, patients)
            run = weigh(part, self.prior, self.bank, levels=levels)
            weighted = weighted_visits(part, run, patient[rows] - first, visit[rows], tail_from=smallest)
            done = weighted.are_trusted(smallest)
            wait.is_waiting[rows[done]] = False
            wait.aim_at(rows[~done], weighted.at(~done))
            if done.any():
                yield patient[rows[done]], visit[rows[done]], weighted.at(done)
        yield from self._refined(batch, wait, series_each, levels=levels)

    def _refined(
        self, batch: Batch, wait: _Waiting, series_each: float, *, levels: bool
    ) -> Iterator[tuple[IntArray, IntArray, WeightedVisits]]:
        """The visits that wait: each patient's first one is aimed at, and the particles go on as far as they serve."""
        smallest = smallest_effective_size(self.bank.size)
        refinements = np.ones(len(batch.visits), dtype=np.int64)
        while wait.is_waiting.any():
            firsts = wait.firsts()
            number = int(refinements[wait.patient[firsts]].min())
            now = firsts[refinements[wait.patient[firsts]] == number]
            normals = self._normals_of(number)
            at_once = max(int(_VALUES_AT_ONCE / (len(normals) * series_each)), 1)
            for first in range(0, len(now), at_once):
                own = now[first : first + at_once]
                patients = wait.patient[own]
                end = wait.visit[own] + 1 + _VISITS_AHEAD
                part = of_patients(batch, patients, end)
                run = weigh(part, self.prior, self._own_bank(wait.aims.at(own), normals), levels=levels)
                rows = np.flatnonzero(wait.is_waiting & np.isin(wait.patient, patients))
                rows = rows[wait.visit[rows] < end[np.searchsorted(patients, wait.patient[rows])]]
                local = np.searchsorted(patients, wait.patient[rows])
                weighted = weighted_visits(part, run, local, wait.visit[rows], tail_from=smallest)
                done = weighted.are_trusted(smallest)
                done |= np.isin(rows, own) & (number == _MOST_REFINEMENTS)
                wait.is_waiting[rows[done]] = False
                # Of the next visit these particles may know more than the prior's do, or less. One that they were not
                # tried on is aimed at from the last that they were.
                nexts = wait.firsts()
                nexts = nexts[np.isin(wait.patient[nexts], patients)]
                source = np.searchsorted(rows, nexts, side="right") - 1
                better = weighted.effective_size[source] >= wait.effective_size[nexts]
                again = np.isin(nexts, own)
                follow = better | (again & np.isfinite(weighted.effective_size[source]))
                wait.aim_at(nexts[follow], weighted.at(source[follow]))
                refinements[wait.patient[nexts]] = np.where(again, number + 1, np.where(better, number, 1))
                if done.any():
                    yield wait.patient[rows[done]], wait.visit[rows[done]], weighted.at(done)

    def _normals_of(self, refinements: int) -> FloatArray:
        """For the first refinement a few, for each further one twice as many."""
        few = max(self.bank.size // _FIRST_SHARE, _FEWEST_FRESH)
        return self.normals[: few << max(refinements - 1, 0)]

    def _own_bank(self, aims: _Aims, normals: FloatArray) -> Bank:
        """A bank for each visit: some of the prior's particles, and fresh ones from the normal aimed at."""
        kept = self.bank.particles[: len(normals) // _KEPT_SHARE]
        size = len(kept) + len(normals)
        laid_out = np.empty((self.prior.dimensions, len(aims.mean), size), self.bank.precision)
        importance = np.empty((len(aims.mean), 1, size), self.bank.precision)
        if self.bank.precision == SINGLE and has_kernel():
            self._fill_compiled(laid_out, importance, aims, kept, normals)
        else:
            self._fill(laid_out, importance, aims, kept, normals)
        own = np.moveaxis(laid_out, 0, -1)
        return Bank.of(self.prior, own, log_importance=importance, precision=self.bank.precision)

    def _fill(
        self,
        laid_out: FloatArray,
        importance: FloatArray,
        aims: _Aims,
        kept: FloatArray,
        normals: FloatArray,
    ) -> None:
        """Particles, shape (dimensions, R, n + N), and log of prior / density drawn from, shape (R, 1, n + N)."""
        prior = _Normal.of(self.prior.mean, self.prior.covariance)
        share, kept_density = len(kept) / (len(kept) + len(normals)), prior.log_density(kept)
        drawn_density = -0.5 * np.einsum("nd,nd->n", normals, normals)
        # one visit after the other: arrays of all of them would not stay in a core's cache
        for row, (mean, covariance) in enumerate(zip(aims.mean, aims.covariance, strict=True)):
            aim = _Normal.of(mean, covariance)
            fresh = mean + normals @ aim.root.T
            laid_out[:, row, : len(kept)], laid_out[:, row, len(kept) :] = kept.T, fresh.T
            # in units of its own normal a fresh particle is where it was drawn
            kept_ratio = aim.log_density(kept) - kept_density
            fresh_ratio = drawn_density + aim.log_peak - prior.log_density(fresh)
            log_ratio = np.concatenate([kept_ratio, fresh_ratio])
            importance[row, 0] = -np.logaddexp(np.log(share), np.log1p(-share) + log_ratio)

    def _fill_compiled(
        self,
        laid_out: FloatArray,
        importance: FloatArray,
        aims: _Aims,
        kept: FloatArray,
        normals: FloatArray,
    ) -> None:
        """The same by `model.kernel_refinement`."""
        from turnpoint.model.kernel_refinement import fill_banks  # noqa: PLC0415  (Numba is an extra)

        prior = _Normal.of(self.prior.mean, self.prior.covariance)
        root = np.linalg.cholesky(aims.covariance)
        inverse = np.linalg.inv(root)
        log_peak = np.log(np.diagonal(inverse, axis1=1, axis2=2)).sum(axis=1)
        share = len(kept) / (len(kept) + len(normals))
        fill_banks(
            *(np.ascontiguousarray(each, np.float32) for each in (aims.mean, root, inverse, log_peak)),
            (prior.inverse @ root).astype(np.float32),
            ((aims.mean - self.prior.mean) @ prior.inverse.T).astype(np.float32),
            np.float32(prior.log_peak),
            np.ascontiguousarray(kept.T, np.float32),
            prior.log_density(kept).astype(np.float32),
            np.ascontiguousarray(normals.T, np.float32),
            (np.float32(np.log(share)), np.float32(np.log1p(-share))),
            laid_out,
            importance,
        )


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The visits of a batch, by patient and visit, and what is known of those that have no weights to trust yet.

    Attributes:
        prior: of the particles.
        patient, visit: of each row, shape (R,).
        is_waiting: it has none yet, shape (R,).
        aims: where fresh particles for it are to be drawn.
        effective_size: of the particles that the aim was taken from, shape (R,); the larger, the better the aim.
    """

    prior: Prior
    patient: IntArray
    visit: IntArray
    is_waiting: BoolArray
    aims: _Aims
    effective_size: FloatArray

    @classmethod
    def of(cls, patient: IntArray, visit: IntArray, prior: Prior) -> _Waiting:
        rows = len(patient)
        aims = _Aims.empty(rows, prior.dimensions)
        return cls(prior, patient, visit, np.ones(rows, dtype=np.bool_), aims, np.zeros(rows))

    def firsts(self) -> IntArray:
        """The first waiting row of each patient that has one."""
        rows = np.flatnonzero(self.is_waiting)
        firsts: IntArray = rows[np.unique(self.patient[rows], return_index=True)[1]]
        return firsts

    def aim_at(self, rows: IntArray, weighted: WeightedVisits) -> None:
        """Take the aims of these rows from their weighted particles."""
        if rows.size:
            self.aims.set(rows, _aims_of(weighted, self.prior))
            self.effective_size[rows] = weighted.effective_size


@dataclass(frozen=True, slots=True)
class _Aims:
    """Normals to draw fresh particles from, one a visit: shape (R, dimensions), (R, dimensions, dimensions)."""

    mean: FloatArray
    covariance: FloatArray

    @classmethod
    def empty(cls, rows: int, dimensions: int) -> _Aims:
        return cls(np.zeros((rows, dimensions)), np.zeros((rows, dimensions, dimensions)))

    def at(self, rows: IntArray) -> _Aims:
        return _Aims(self.mean[rows], self.covariance[rows])

    def set(self, rows: IntArray, aims: _Aims) -> None:
        self.mean[rows], self.covariance[rows] = aims.mean, aims.covariance


def _aims_of(doubtful: WeightedVisits, prior: Prior) -> _Aims:
    """For each doubtful visit a widened normal fitted to its particles, tempered until enough count."""
    log_weight = np.log(np.maximum(doubtful.weight, np.finfo(doubtful.weight.dtype).tiny))
    narrow = np.flatnonzero(effective_sizes(log_weight) < _SMALLEST_TEMPERED_SIZE)
    while narrow.size:
        log_weight[narrow] *= _TEMPER
        narrow = narrow[effective_sizes(log_weight[narrow]) < _SMALLEST_TEMPERED_SIZE]
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    particles = doubtful.bank.particles
    own = particles[None] if particles.ndim == 2 else particles[doubtful.patient]
    apart = np.swapaxes(own - prior.mean, 1, 2)
    apart, weight = np.ascontiguousarray(apart, dtype=np.float32), weight.astype(np.float32, copy=False)
    weighted = apart * weight[:, None, :]
    mean = weighted.astype(np.float64).sum(axis=-1)  # cast first, as in `weighted_visits`
    square = _products(weighted, apart)
    covariance = _WIDEN * (square - mean[:, :, None] * mean[:, None, :])
    # where no particle comes near, tempered weights spread with each refinement, away from anything the prior allows
    width = (np.einsum("rii->ri", covariance) / np.diag(prior.covariance)).max(axis=1)
    covariance *= np.minimum(1.0, _WIDEST / np.maximum(width, _WIDEST))[:, None, None]
    return _Aims(prior.mean + mean, covariance + _PRIOR_WIDTH * prior.covariance)


def _products(one: FloatArray, other: FloatArray) -> FloatArray:
    """Sums over the last axis of products of rows: (P, D, K) and (P or 1, D, K) to (P, D, D).

    In pieces that are too small for the linear algebra library to start threads of its own (see `weighted_means`).
    """
    total = np.zeros((len(one), one.shape[1], one.shape[1]))
    for first in range(0, one.shape[-1], _PARTICLES_AT_ONCE):
        piece = slice(first, first + _PARTICLES_AT_ONCE)
        total += one[..., piece] @ np.swapaxes(other[..., piece], -1, -2)
    return total


@dataclass(frozen=True, slots=True)
class _Normal:
    """A multivariate normal: Cholesky root of the covariance, shape (dimensions, dimensions), and its inverse."""

    mean: FloatArray
    root: FloatArray
    inverse: FloatArray

    @classmethod
    def of(cls, mean: FloatArray, covariance: FloatArray) -> _Normal:
        root = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
        return cls(mean, root, np.asarray(np.linalg.inv(root), dtype=np.float64))

    def log_density(self, points: FloatArray) -> FloatArray:
        """At points of shape (n, dimensions), up to the constant that all normals share: shape (n,)."""
        white = (points - self.mean) @ self.inverse.T
        density: FloatArray = np.einsum("nd,nd->n", white, white)
        density *= -0.5
        density += self.log_peak
        return density

    @property
    def log_peak(self) -> float:
        """Log density at the mean, up to the same constant."""
        return float(np.log(np.diagonal(self.inverse)).sum())
