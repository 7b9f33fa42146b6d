"""Posterior draws as ArviZ InferenceData (an xarray DataTree), for people who judge and compare models with ArviZ."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from turnpoint._version import __version__
from turnpoint.diagnostics.inference_tree import NextReadings, PosteriorDraws, prior_draws, tree_of
from turnpoint.engine.progress import Progress
from turnpoint.errors import MissingExtraError, UsageError
from turnpoint.model.prior import Prior
from turnpoint.study.study import Study
from turnpoint.workflows.forecast import forecast_targets
from turnpoint.workflows.forecast_draws import forecast_draws
from turnpoint.workflows.priors import prior_for, usable_readings

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
    draws = PosteriorDraws.of(study, chosen, seed, progress)
    targets = forecast_targets(readings, study)
    found = forecast_draws(study, targets, chosen, readings=readings, seed=seed) if targets.height else ()
    forecasts = NextReadings.of(tuple(found), readings, seed)
    tree = tree_of(arviz, (draws, forecasts, prior_draws(chosen, seed)), one=patient_id is not None)
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
