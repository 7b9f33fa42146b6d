"""A bank of their own for patients far from the prior.

Particles from the prior serve a patient badly whose posterior is a small corner of it. Such a patient gets fresh
particles from a normal distribution fitted to the weighted ones, with some of the prior's own among them, so that a
bad guess costs nothing but time (defensive mixture: Hesterberg 1995, doi:10.1080/00401706.1995.10484303). Where that
does not do, the next normal is fitted to these particles (adaptive importance sampling: Cornuet et al. 2012,
doi:10.1111/j.1467-9469.2011.00756.x). The draws are quasi-random and the same for every patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.bank import SINGLE, Bank, Precision
from turnpoint.model.prior import Prior
from turnpoint.model.series import Batch
from turnpoint.model.weighing import WeightedVisits, effective_sizes, of_patients, weigh, weighted_visits

_MOST_REFINEMENTS = 6
_FRESH_SHARE = 2  # half as many fresh particles as the prior's bank has
_FEWEST_FRESH = 512
_KEPT_SHARE = 4  # and a quarter as many again of the prior's own
_WIDEN = 1.2  # a proposal must be wider than what it aims at
_PRIOR_WIDTH = 0.02  # and not much narrower than the prior in any direction
_SMALLEST_TEMPERED_SIZE = 40.0
_TEMPER = 0.8
_VALUES_AT_ONCE = 2**15  # patients x particles: an array of float32 then stays in a core's cache


@dataclass(frozen=True, slots=True)
class Refiner:
    """What every refinement starts from.

    Attributes:
        prior: the population.
        bank: drawn from it, serves every patient.
        normals: quasi-random standard normals for fresh particles, shape (K / 2, dimensions).
    """

    prior: Prior
    bank: Bank
    normals: FloatArray

    @classmethod
    def of(cls, prior: Prior, particles: FloatArray, seed: int, *, precision: Precision = SINGLE) -> Refiner:
        """From particles drawn from the prior (a power of two of them) and the seed they were drawn with."""
        from scipy.stats import qmc  # noqa: PLC0415  (see Prior.bank)

        fresh = max(len(particles) // _FRESH_SHARE, _FEWEST_FRESH)
        sequence = qmc.Sobol(prior.dimensions, rng=np.random.default_rng((seed, 1)))
        uniforms = np.clip(sequence.random(fresh), 1e-9, 1.0 - 1e-9)
        return cls(prior, Bank.of(prior, particles, precision=precision), ndtri(uniforms))

    def visits(self, batch: Batch, *, levels: bool) -> Iterator[tuple[IntArray, WeightedVisits]]:
        """Every visit of the batch once, with weights that can be trusted as far as refinement can make them.

        In parts: each with the rows of the batch that its patients are.
        """
        waiting = np.arange(batch.day.shape[1]) < batch.visits[:, None]
        aims = _Aims.empty(len(batch.visits), self.prior.dimensions)
        for refinements in range(_MOST_REFINEMENTS + 1):
            patients = np.flatnonzero(waiting.any(axis=1))
            size = self.bank.size if refinements == 0 else self.own_size
            at_once = max(_VALUES_AT_ONCE // size, 1)
            for first in range(0, len(patients), at_once):
                rows = patients[first : first + at_once]
                bank = self.bank if refinements == 0 else self.own_bank(aims.at(rows))
                part = of_patients(batch, rows)
                run = weigh(part, self.prior, bank, levels=levels)
                weighted = weighted_visits(part, run, waiting[rows, : part.day.shape[1]])
                done = weighted.is_trusted | (refinements == _MOST_REFINEMENTS)
                waiting[rows[weighted.patient[done]], weighted.visit[done]] = False
                if not done.all():
                    doubtful = weighted.at(~done)
                    aims.set(rows[np.unique(doubtful.patient)], _aims_of(doubtful, self.prior))
                if done.any():
                    yield rows, weighted.at(done)

    @property
    def own_size(self) -> int:
        """Particles of a patient's own bank."""
        return len(self.normals) + min(len(self.normals) // _KEPT_SHARE, self.bank.size)

    def own_bank(self, aims: _Aims) -> Bank:
        """A bank for each patient: some of the prior's particles, and fresh ones from the normal aimed at."""
        prior, precision = self.prior, self.bank.precision
        root, prior_root = _root(aims.covariance), _root(prior.covariance)
        kept = self.bank.particles[: self.own_size - len(self.normals)]
        fresh = aims.mean[:, None] + self.normals @ np.swapaxes(root, 1, 2)
        shape = (len(fresh), self.own_size)
        log_prior, log_aim = np.empty(shape), np.empty(shape)
        old, new = slice(None, len(kept)), slice(len(kept), None)
        log_prior[:, old] = log_normal_density(kept, prior.mean, prior_root)
        log_prior[:, new] = log_normal_density(fresh, prior.mean, prior_root)
        log_aim[:, old] = log_normal_density(kept, aims.mean[:, None], root)
        # in units of its own normal a fresh particle is where it was drawn
        log_aim[:, new] = (
            log_normal_density(self.normals, 0.0, np.eye(prior.dimensions)) - _log_scale(root)[:, None]
        )
        share = len(kept) / self.own_size
        log_mixture = np.logaddexp(np.log(share) + log_prior, np.log1p(-share) + log_aim)
        particles = np.concatenate([np.broadcast_to(kept, (len(fresh), *kept.shape)), fresh], axis=1)
        importance = (log_prior - log_mixture)[:, None]
        return Bank.of(prior, particles, log_importance=importance, precision=precision)


@dataclass(frozen=True, slots=True)
class _Aims:
    """Normals to draw fresh particles from, one a patient: shape (P, dimensions), (P, dimensions, dimensions)."""

    mean: FloatArray
    covariance: FloatArray

    @classmethod
    def empty(cls, patients: int, dimensions: int) -> _Aims:
        return cls(np.zeros((patients, dimensions)), np.zeros((patients, dimensions, dimensions)))

    def at(self, rows: IntArray) -> _Aims:
        return _Aims(self.mean[rows], self.covariance[rows])

    def set(self, rows: IntArray, aims: _Aims) -> None:
        self.mean[rows], self.covariance[rows] = aims.mean, aims.covariance


def _aims_of(doubtful: WeightedVisits, prior: Prior) -> _Aims:
    """For each patient a widened normal fitted to their doubtful visits together, tempered until enough count."""
    patients, first = np.unique(doubtful.patient, return_index=True)
    mixture = np.add.reduceat(doubtful.weight, first, axis=0, dtype=np.float64)
    log_weight = np.log(np.maximum(mixture, np.finfo(np.float64).tiny))
    narrow = np.flatnonzero(effective_sizes(log_weight) < _SMALLEST_TEMPERED_SIZE)
    while narrow.size:
        log_weight[narrow] *= _TEMPER
        narrow = narrow[effective_sizes(log_weight[narrow]) < _SMALLEST_TEMPERED_SIZE]
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    particles = doubtful.bank.particles
    apart = np.swapaxes((particles[None] if particles.ndim == 2 else particles[patients]) - prior.mean, 1, 2)
    apart, weight = np.ascontiguousarray(apart, dtype=np.float32), weight.astype(np.float32)
    # sums, not a matrix product: see `weighted_means`
    weighted = apart * weight[:, None, :]
    mean = weighted.sum(axis=-1, dtype=np.float64)
    square = np.einsum("fik,fjk->fij" if len(apart) == len(weighted) else "fik,gjk->fij", weighted, apart)
    covariance = square - mean[:, :, None] * mean[:, None, :]
    return _Aims(prior.mean + mean, _WIDEN * covariance + _PRIOR_WIDTH * prior.covariance)


def _root(covariance: FloatArray) -> FloatArray:
    """Cholesky root, shape (..., dimensions, dimensions)."""
    return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)


def _log_scale(root: FloatArray) -> FloatArray:
    """Log of the determinant of a Cholesky root, shape (...)."""
    scale: FloatArray = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
    return scale


def log_normal_density(points: FloatArray, mean: FloatArray | float, root: FloatArray) -> FloatArray:
    """Log density of a multivariate normal at points of shape (..., n, dimensions).

    Args:
        points: where.
        mean: broadcasts against `points`.
        root: Cholesky root of the covariance, shape (..., dimensions, dimensions).
    """
    white = (points - mean) @ np.swapaxes(np.linalg.inv(root), -1, -2)
    constant = _log_scale(root)[..., None] + 0.5 * points.shape[-1] * float(np.log(2.0 * np.pi))
    density: FloatArray = -0.5 * np.einsum("...nd,...nd->...n", white, white) - constant
    return density
