"""Posterior draws as ArviZ InferenceData (an xarray DataTree), for people who judge and compare models with ArviZ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl

from turnpoint._version import __version__
from turnpoint.diagnostics.forecast_calibration import outcomes
from turnpoint.diagnostics.posterior_checks import last_visits, transformed, transformed_names
from turnpoint.errors import MissingExtraError, UsageError
from turnpoint.model.arrays import FloatArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.filter import DEFAULT_DRAWS, DEFAULT_PARTICLES, Posterior, posteriors
from turnpoint.model.parameters import READING_NAMES, dynamics_of, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of
from turnpoint.model.weighing import of_patients, weigh
from turnpoint.study.study import Study
from turnpoint.workflows.forecast import forecast_targets
from turnpoint.workflows.forecast_draws import forecast_draws
from turnpoint.workflows.priors import prior_for, usable_readings

Progress = Callable[[int, int], None]

_EXTRA = "Posterior draws as InferenceData need ArviZ: pip install 'turnpoint[arviz]'."


def inference_data(
    study: Study,
    patient_id: str | None = None,
    prior: str | Path | Prior | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Any:
    """The posterior at the last visit of one patient, or of all, as ArviZ InferenceData.

    Groups, 1 chain of 1,000 draws each:

        posterior             transformed parameters (`model.parameters`), natural ones, resistant_share_now = R(t),
                              dominance_day and turning_day
        prior                 the same parameters
        posterior_predictive  next_reading, forecast by forecast, as the `forecast` command forecasts it
        observed_data         next_reading that came
        sample_stats          log_likelihood_of_readings (levels integrated out) and lp = that + log prior density
        constant_data         effective_size, pareto_k, last_day; origin_day, target_day, quantity, forecast_patient_id

    The draws count alike: they are resampled from the weighted particles. With all patients the variables of posterior
    and sample_stats have a dimension `patient_id`; the draws of different patients are not joint. The prior is chosen
    from the whole study, whoever the patient is.

    Args:
        study: with lesions, markers or both.
        patient_id: of one patient; all by default.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        seed: the same seed gives the same numbers.
        progress: called with patients done and patients in all.

    Returns:
        `xarray.DataTree`, as ArviZ 1.x takes it.

    Raises:
        UsageError: no such patient, or no reading of theirs can be used.
        MissingExtraError: arviz-base is not installed.
        StudyError: nothing in the study can be used.
        PriorError: the prior cannot be read or knows none of the study's quantities.
    """
    arviz = _arviz()
    usable_readings(study)
    chosen = prior_for(study, prior)
    if patient_id is not None:
        study = _only(study, patient_id)
    readings = usable_readings(study)
    draws = _Draws.of(study, chosen, seed, progress)
    forecasts = _Forecasts.of(study, readings, chosen, seed)
    tree = _tree(arviz, (draws, forecasts, _prior_draws(chosen, seed)), one=patient_id is not None)
    tree.attrs = {"turnpoint_version": __version__, "prior": chosen.name, "study": study.name}
    return tree


def save_netcdf(found: Any, path: str | Path) -> Path:
    """Write what `inference_data` gave as NetCDF.

    Raises:
        MissingExtraError: no NetCDF library is installed.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        found.to_netcdf(target, engine="netcdf4")
    except (ImportError, ValueError) as error:
        if "netcdf4" not in str(error).lower():
            raise
        raise MissingExtraError(_EXTRA) from error
    return target


def _arviz() -> ModuleType:
    try:
        return import_module("arviz_base")
    except ImportError as error:
        raise MissingExtraError(_EXTRA) from error


def _only(study: Study, patient_id: str) -> Study:
    if patient_id not in set(study.patient_ids):
        raise UsageError(f"patient_id: no such patient among the {len(study.patient_ids)} of the study.")
    return study.only([patient_id])


@dataclass(frozen=True, slots=True)
class _Draws:
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
    def of(cls, study: Study, prior: Prior, seed: int, progress: Progress | None) -> _Draws:
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


def _prior_draws(prior: Prior, seed: int) -> dict[str, FloatArray]:
    """Draws of the parameters from the prior, shape (D,) each."""
    return dict(_parameters(prior.bank(DEFAULT_PARTICLES, seed)[:DEFAULT_DRAWS], prior))


@dataclass(frozen=True, slots=True)
class _Forecasts:
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
    def of(cls, study: Study, readings: pl.DataFrame, prior: Prior, seed: int) -> _Forecasts:
        targets = forecast_targets(readings, study)
        found = (
            list(forecast_draws(study, targets, prior, readings=readings, seed=seed))
            if targets.height
            else []
        )
        if not found:
            return cls(np.empty((DEFAULT_DRAWS, 0)), np.empty(0), {})
        keys = pl.concat([part.keys for part in found])
        draws = np.concatenate([_counting_alike(part.draws, part.mass) for part in found])
        came = outcomes(keys.with_row_index("row"), readings).sort("patient_id", "origin_day", "quantity")
        constants = {
            "forecast_patient_id": np.array(came["patient_id"].to_list()),
            "origin_day": came["origin_day"].to_numpy(),
            "target_day": came["target_day"].to_numpy(),
            "quantity": np.array(came["quantity"].to_list()),
        }
        return cls(draws[came["row"].to_numpy()].T, came["value"].to_numpy(), constants)


def _counting_alike(values: FloatArray, mass: FloatArray) -> FloatArray:
    """1,000 draws that count alike from each row of weighted values, by systematic resampling, shape (R, 1000)."""
    places = (np.arange(DEFAULT_DRAWS) + 0.5) / DEFAULT_DRAWS
    order = np.random.default_rng(0).permutation(DEFAULT_DRAWS)
    reached = np.cumsum(mass, axis=1)
    chosen = [np.searchsorted(row, places * row[-1]) for row in reached]
    index = np.minimum(np.array(chosen), values.shape[1] - 1)[:, order]
    return np.take_along_axis(values, index, axis=1)


def _tree(arviz: ModuleType, what: tuple[_Draws, _Forecasts, dict[str, FloatArray]], *, one: bool) -> Any:
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
