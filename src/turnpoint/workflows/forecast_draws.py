"""The draws behind every forecast of a next reading: the filter's, averaged with the regression of errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.engine.progress import Progress
from turnpoint.model.arrays import FloatArray
from turnpoint.model.error_features import Origins, forecast_origins
from turnpoint.model.error_regression import ErrorRegression
from turnpoint.model.filter import DEFAULT_PARTICLES, Posterior, posteriors
from turnpoint.model.forecast import readings_ahead
from turnpoint.model.linear_pool import Pool
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of, readings_of
from turnpoint.model.treatment import OffIntervals, exposure, off_intervals
from turnpoint.study.study import Study


@dataclass(frozen=True, slots=True)
class ForecastDraws:
    """The forecasts of one quantity at R origins.

    Attributes:
        keys: `patient_id, origin_day, target_day, quantity`, R rows.
        origins: the posterior at the origins.
        draws: of the next reading as it would be written down, shape (R, D).
        mass: of each draw, rows adding up to 1, shape (R, D).
    """

    keys: pl.DataFrame
    origins: Posterior
    draws: FloatArray
    mass: FloatArray


def forecast_draws(
    study: Study,
    targets: pl.DataFrame,
    prior: Prior,
    *,
    readings: pl.DataFrame | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> Iterator[ForecastDraws]:
    """The draws of every forecast, a batch of patients at a time.

    Args:
        study: with lesions, markers or both.
        targets: which forecasts, `patient_id, origin_day, target_day, quantity`; at an origin the patient is seen and
            has a reading of the quantity.
        prior: of the study's quantities.
        readings: `model.series.readings_of(study)`, when it is known.
        seed: of the bank and of the noise; the same seed gives the same numbers.
        progress: called with patients done and patients in all.
        particles: size of the bank.
    """
    values = readings_of(study) if readings is None else readings
    members = [
        _Member(own, _learned(values, own, study, prior, quantity))
        for quantity in prior.quantities
        if not (own := targets.filter(pl.col("quantity") == quantity)).is_empty()
    ]
    off_by_patient = off_intervals(study.doses)
    for posterior in posteriors(
        parts_of(study), study, prior, seed=seed, progress=progress, particles=particles
    ):
        for member in members:
            yield from member.drawn(posterior, prior, off_by_patient, seed)


@dataclass(frozen=True, slots=True)
class _Learned:
    """What the regression of errors knows of the targets of one quantity."""

    regression: ErrorRegression
    origins: Origins
    filter_weight: float


def _learned(
    readings: pl.DataFrame, targets: pl.DataFrame, study: Study, prior: Prior, quantity: str
) -> _Learned | None:
    regression = prior.error_regressions.get(quantity)
    if regression is None:
        return None
    keys = targets.select("patient_id", pl.col("origin_day").alias("day"), "target_day")
    origins = forecast_origins(readings, quantity, study.doses, keys)
    return _Learned(regression, origins, prior.filter_weight[quantity])


@dataclass(frozen=True, slots=True)
class _Member:
    """The targets of one quantity, and what the regression says there."""

    targets: pl.DataFrame
    learned: _Learned | None

    def drawn(
        self, posterior: Posterior, prior: Prior, off_by_patient: dict[str, OffIntervals], seed: int
    ) -> Iterator[ForecastDraws]:
        """The forecasts from one posterior, if it has any."""
        rows = pl.DataFrame(
            {
                "patient_id": [posterior.batch.patient_ids[patient] for patient in posterior.patient],
                "origin_day": posterior.day.astype(np.int64),
                "row": np.arange(len(posterior.patient)),
            },
            schema_overrides={"patient_id": pl.String},
        )
        here = self.targets.with_row_index("place").join(
            rows, on=["patient_id", "origin_day"], how="inner", maintain_order="left"
        )
        if here.is_empty():
            return
        keys = here.select("patient_id", "origin_day", "target_day", "quantity")
        quantity, day = keys["quantity"][0], keys["target_day"].to_numpy().astype(np.float64)[:, None]
        on_weeks, off_weeks, _ = exposure(day, keys["patient_id"].to_list(), off_by_patient)
        origins = posterior.at(here["row"].to_numpy())
        draws = readings_ahead(origins, prior, quantity, day, (on_weeks, off_weeks), seed)[:, 0]
        mass = np.full_like(draws, 1.0 / draws.shape[1])
        if self.learned is not None:
            known = self.learned.origins.only(here["place"].to_numpy().astype(np.int64))
            pool = Pool.of(draws, self.learned.regression, known, self.learned.filter_weight)
            draws, mass = pool.values_and_masses()
        yield ForecastDraws(keys, origins, draws, mass)
