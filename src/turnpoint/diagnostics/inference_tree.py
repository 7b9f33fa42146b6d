"""Posterior draws laid out as the groups of ArviZ InferenceData: draws that count alike, and densities of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl

from turnpoint.diagnostics.drawn import Drawn
from turnpoint.diagnostics.forecast_calibration import outcomes
from turnpoint.diagnostics.posterior_checks import last_visits, transformed, transformed_names
from turnpoint.engine.progress import Progress
from turnpoint.model.arrays import FloatArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.filter import (
    DEFAULT_DRAWS,
    DEFAULT_PARTICLES,
    Posterior,
    posteriors,
    systematic_draws,
)
from turnpoint.model.parameters import READING_NAMES, dynamics_of, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of
from turnpoint.model.weighing import of_patients, weigh
from turnpoint.study.study import Study


@dataclass(frozen=True, slots=True)
class PosteriorDraws:
    """Draws of P patients at their last visits.

    Attributes:
        patient_ids: who.
        posterior, sample_stats: by name, shape (D, P).
        constants: by name, shape (P,).
    """

    patient_ids: list[str]
    posterior: dict[str, FloatArray]
    sample_stats: dict[str, FloatArray]
    constants: dict[str, FloatArray]

    @classmethod
    def of(cls, study: Study, prior: Prior, seed: int, progress: Progress | None) -> PosteriorDraws:
        """Of every patient of a study."""
        ids: list[str] = []
        parts: dict[str, list[FloatArray]] = {}
        constants: dict[str, list[FloatArray]] = {}
        for posterior in posteriors(parts_of(study), study, prior, seed=seed, progress=progress):
            last = posterior.at(last_visits(posterior))
            ids += [last.batch.patient_ids[patient] for patient in last.patient]
            for name, values in (*_posterior_variables(last, prior), *_log_densities(last, prior)):
                parts.setdefault(name, []).append(values)
            own = {"effective_size": last.effective_size, "pareto_k": last.pareto_k, "last_day": last.day}
            for name, values in own.items():
                constants.setdefault(name, []).append(values)
        joined = {name: np.concatenate(values).T for name, values in parts.items()}
        stats = {name: joined.pop(name) for name in ("log_likelihood_of_readings", "lp")}
        return cls(ids, joined, stats, {name: np.concatenate(values) for name, values in constants.items()})


def _posterior_variables(last: Posterior, prior: Prior) -> Iterator[tuple[str, FloatArray]]:
    """Name and draws of every variable, shape (R, D) each."""
    particles = transformed(last, prior)
    yield from _parameters(particles, prior)
    dynamics, on, off = last.dynamics, last.on_weeks, last.off_weeks
    yield "resistant_share_now", dynamics.resistant_share(on, off)
    yield "dominance_day", 7.0 * dynamics.dominance_week(on, off)
    yield "turning_day", 7.0 * last.turning_week()


def _parameters(particles: FloatArray, prior: Prior) -> Iterator[tuple[str, FloatArray]]:
    """Transformed, then natural parameters of particles of shape (..., dimensions)."""
    for column, (quantity, name) in enumerate(transformed_names(prior)):
        yield _named(quantity, name), particles[..., column]
    dynamics = dynamics_of(particles)
    for name in Dynamics.__slots__:
        yield name, getattr(dynamics, name)
    for position, quantity in enumerate(prior.quantities):
        reading = reading_of(particles, quantity, position)
        for name in READING_NAMES:
            natural = name.removeprefix("log_").removeprefix("logit_")
            yield _named(quantity, natural), getattr(reading, natural)


def _named(quantity: str, name: str) -> str:
    return f"{quantity}_{name}" if quantity else name


def _log_densities(last: Posterior, prior: Prior) -> Iterator[tuple[str, FloatArray]]:
    """Log likelihood of all readings and log posterior (up to a constant) of each draw, shape (R, D)."""
    particles = transformed(last, prior)
    likelihood = np.stack(
        [
            weigh(of_patients(last.batch, np.array([patient])), prior, own).log_weight[0, visit]
            for patient, visit, own in zip(last.patient, last.visit, particles, strict=True)
        ]
    ).astype(np.float64)
    root = np.linalg.cholesky(prior.covariance)
    white = np.linalg.solve(root, (particles - prior.mean)[..., None])[..., 0]
    log_prior = -0.5 * (white**2).sum(axis=-1) - np.log(np.diag(root)).sum()
    log_prior -= 0.5 * prior.dimensions * np.log(2.0 * np.pi)
    yield "log_likelihood_of_readings", likelihood
    yield "lp", likelihood + log_prior


def prior_draws(prior: Prior, seed: int) -> dict[str, FloatArray]:
    """Draws of the parameters from the prior, shape (D,) each."""
    return dict(_parameters(prior.bank(DEFAULT_PARTICLES, seed)[:DEFAULT_DRAWS], prior))


@dataclass(frozen=True, slots=True)
class NextReadings:
    """F forecasts of next readings, and what came.

    Attributes:
        draws: counting alike, shape (D, F).
        observed: shape (F,).
        constants: whose, from which day to which, of what; shape (F,) each.
    """

    draws: FloatArray
    observed: FloatArray
    constants: dict[str, Any]

    @classmethod
    def of(cls, found: Sequence[Drawn], readings: pl.DataFrame, seed: int) -> NextReadings:
        """Of forecasts, and the readings of the study they are for."""
        if not found:
            return cls(np.empty((DEFAULT_DRAWS, 0)), np.empty(0), {})
        keys = pl.concat([part.keys for part in found])
        draws = np.concatenate([counting_alike(part.draws, part.mass, seed) for part in found])
        came = outcomes(keys.with_row_index("row"), readings).sort("patient_id", "origin_day", "quantity")
        constants = {
            "forecast_patient_id": np.array(came["patient_id"].to_list()),
            "origin_day": came["origin_day"].to_numpy(),
            "target_day": came["target_day"].to_numpy(),
            "quantity": np.array(came["quantity"].to_list()),
        }
        return cls(draws[came["row"].to_numpy()].T, came["value"].to_numpy(), constants)


def counting_alike(values: FloatArray, mass: FloatArray, seed: int) -> FloatArray:
    """1,000 draws that count alike from each row of weighted values, by systematic resampling, shape (R, 1000)."""
    log_mass = np.log(np.maximum(mass, np.finfo(mass.dtype).tiny))
    index = systematic_draws(log_mass, DEFAULT_DRAWS, seed)
    return np.take_along_axis(values, index, axis=1)


def tree_of(
    arviz: ModuleType, what: tuple[PosteriorDraws, NextReadings, dict[str, FloatArray]], *, one: bool
) -> Any:
    """The groups as a tree; without the dimension of patients when there is one."""
    draws, forecasts, prior = what
    patient: list[str] = [] if one else ["patient_id"]
    cut = (slice(None), 0) if one else slice(None)
    groups: dict[str, dict[str, Any]] = {
        "posterior": {name: values[cut][None] for name, values in draws.posterior.items()},
        "sample_stats": {name: values[cut][None] for name, values in draws.sample_stats.items()},
        "posterior_predictive": {"next_reading": forecasts.draws[None]},
        "observed_data": {"next_reading": forecasts.observed},
        "constant_data": {name: values[0] if one else values for name, values in draws.constants.items()}
        | forecasts.constants,
    }
    dims = dict.fromkeys((*draws.posterior, *draws.sample_stats, *draws.constants), patient)
    dims |= {name: ["forecast"] for name in ("next_reading", *forecasts.constants)}
    coords: dict[str, list[Any]] = {} if one else {"patient_id": draws.patient_ids}
    coords["forecast"] = list(range(len(forecasts.observed)))
    tree = arviz.from_dict(groups, coords=coords, dims=dims)
    # apart from the others: its variables have the names of the posterior's, but no patients
    tree["prior"] = arviz.from_dict({"prior": {name: values[None] for name, values in prior.items()}})[
        "prior"
    ]
    return tree
