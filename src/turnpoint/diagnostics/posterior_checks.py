"""What the data told about each parameter, and how well the particles stand for each patient."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.filter import Posterior
from turnpoint.model.parameters import (
    DYNAMICS_NAMES,
    READING_NAMES,
    SUM_OF_DIAMETERS,
    WIDEST_REPEAT_WINDOW,
)
from turnpoint.model.prior import Prior

_PRIOR_DRAWS = 8192

SHRINKAGE_SCHEMA: dict[str, type[pl.DataType]] = {
    "quantity": pl.String,
    "parameter": pl.String,
    "patients": pl.Int64,
    "prior_mean": pl.Float64,
    "prior_sd": pl.Float64,
    "mean_of_patients": pl.Float64,
    "sd_of_patients": pl.Float64,
    "eta_shrinkage": pl.Float64,
    "mean_variance_ratio": pl.Float64,
}
PATIENTS_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "readings": pl.Int64,
    "effective_size": pl.Float64,
    "pareto_k": pl.Float64,
    "shrinkage": pl.Float64,
}


def last_visits(posterior: Posterior) -> IntArray:
    """The rows that are a patient's last visit."""
    return np.flatnonzero(posterior.visit == posterior.batch.visits[posterior.patient] - 1)


def transformed_names(prior: Prior) -> list[tuple[str, str]]:
    """Quantity (the dynamics have "") and name of each transformed parameter, in the order of the prior's mean."""
    names = [("", name) for name in DYNAMICS_NAMES]
    for quantity in prior.quantities:
        background = "logit_scar_share" if quantity == SUM_OF_DIAMETERS else "log_healthy_background"
        names += [(quantity, background if name == "background" else name) for name in READING_NAMES]
    return names


def transformed(posterior: Posterior, prior: Prior) -> FloatArray:
    """The draws on the prior's own scales, log and logit: shape (R, D, dimensions)."""
    return _bounded(posterior.particles, prior)


def transformed_prior(prior: Prior) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of the prior on the same scales, shape (dimensions,) each.

    Those of its normal distribution, but for a lesion's repeat window, which is bounded: by quasi-random draws.
    """
    draws = _bounded(prior.bank(_PRIOR_DRAWS, 0), prior)
    return draws.mean(axis=0), draws.var(axis=0)


def _bounded(particles: FloatArray, prior: Prior) -> FloatArray:
    """The particles with a lesion's repeat window as it is used."""
    bounded = particles.copy()
    if SUM_OF_DIAMETERS in prior.quantities:
        first = prior.reading_block(SUM_OF_DIAMETERS).start
        window = first + READING_NAMES.index("log_repeat_window")
        bounded[..., window] = np.minimum(bounded[..., window], np.log(WIDEST_REPEAT_WINDOW))
    return bounded


def posterior_tables(found: Iterable[Posterior], prior: Prior) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Shrinkage of each parameter, and the state of each patient, at the last visits.

        eta shrinkage = 1 - var(posterior means over the patients) / prior variance
        variance ratio = mean over the patients of posterior variance / prior variance

    0 and 0: every patient is known exactly; 1 and 1: the data say nothing about the parameter and every patient sits at
    the prior's mean. Over patients drawn from the prior the two are equal (law of total variance): shrinkage above the
    ratio says that these patients differ less from each other than the prior thinks, below it, more. A parameter of a
    quantity counts only patients with a reading of it.

    Args:
        found: posteriors of every patient.
        prior: theirs.

    Returns:
        `quantity, parameter, patients, prior_mean, prior_sd, mean_of_patients, sd_of_patients, eta_shrinkage,
        mean_variance_ratio` on the log and logit scales of `model.parameters`; and `patient_id, day, readings,
        effective_size, pareto_k, shrinkage`, `pareto_k` null where the effective size alone is proof enough.

    Source: Savic, Karlsson 2009, doi:10.1208/s12248-009-9133-0, with variances in place of SDs.
    """
    frames, means, variances, seen = [pl.DataFrame(schema=PATIENTS_SCHEMA)], [], [], []
    for posterior in found:
        last = posterior.at(last_visits(posterior))
        draws = transformed(last, prior)
        means.append(draws.mean(axis=1))
        variances.append(draws.var(axis=1))
        readings = np.stack([last.quantities[quantity].readings for quantity in prior.quantities], axis=1)
        seen.append(readings > 0)
        frames.append(_patients(last, readings.sum(axis=1)))
    shrinkage = _shrinkage(np.concatenate(means), np.concatenate(variances), np.concatenate(seen), prior)
    return shrinkage, pl.concat(frames).sort("patient_id")


def _patients(last: Posterior, readings: IntArray) -> pl.DataFrame:
    columns = {
        "patient_id": [last.batch.patient_ids[patient] for patient in last.patient],
        "day": last.day.astype(np.int64),
        "readings": readings,
        "effective_size": last.effective_size,
        "pareto_k": last.pareto_k,
        "shrinkage": last.shrinkage,
    }
    frame = pl.DataFrame(columns, schema_overrides=PATIENTS_SCHEMA)
    return frame.with_columns(pl.col("pareto_k").fill_nan(None))


def _shrinkage(means: FloatArray, variances: FloatArray, seen: FloatArray, prior: Prior) -> pl.DataFrame:
    """The table; means and variances of shape (patients, dimensions), seen of (patients, quantities)."""
    rows = []
    prior_mean, prior_variance = transformed_prior(prior)
    for column, (quantity, name) in enumerate(transformed_names(prior)):
        known = seen[:, prior.quantities.index(quantity)] if quantity else seen.any(axis=1)
        own, spread = means[known, column], prior_variance[column]
        rows.append(
            (
                quantity or None,
                name,
                len(own),
                prior_mean[column],
                np.sqrt(spread),
                own.mean() if len(own) else None,
                own.std(ddof=1) if len(own) > 1 else None,
                1.0 - own.var(ddof=1) / spread if len(own) > 1 else None,
                (variances[known, column] / spread).mean() if len(own) else None,
            )
        )
    return pl.DataFrame(rows, schema=SHRINKAGE_SCHEMA, orient="row")
