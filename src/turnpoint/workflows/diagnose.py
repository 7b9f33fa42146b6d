"""Diagnose the model on a study: are its forecasts calibrated, its courses like the real ones, its posteriors sound?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from turnpoint.diagnostics.forecast_calibration import (
    KEYS,
    coverage_table,
    outcomes,
    pit_ecdfs,
    pit_histograms,
    pit_table,
    reliability_table,
)
from turnpoint.diagnostics.posterior_checks import posterior_tables
from turnpoint.diagnostics.predictive_check import MOST_PATIENTS, REPLICATES, visual_predictive_check
from turnpoint.engine.progress import Progress
from turnpoint.errors import Problem, StudyError
from turnpoint.model.filter import posteriors
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of
from turnpoint.reports.diagnostics_page import DiagnosticsView, diagnostics_page
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.workflows.forecast import forecast
from turnpoint.workflows.forecast_draws import forecast_draws
from turnpoint.workflows.priors import prior_for, usable_readings
from turnpoint.workflows.provenance import provenance
from turnpoint.workflows.report import Report
from turnpoint.workflows.respond import first_new_lesions


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The diagnostics of a study under a prior.

    Attributes:
        pit: one row a forecast: `patient_id, origin_day, target_day, quantity, pit`.
        pit_histogram: `quantity, from_pit, to_pit, forecasts, expected_low, expected_high`; the last two hold 90 % of
            the counts of a bin when the forecasts are right.
        pit_ecdf: `quantity, pit, difference, expected_low, expected_high`: empirical minus uniform distribution
            function; the whole curve lies between the last two with 95 % when the forecasts are right.
        coverage: `quantity, nominal, forecasts, covered, coverage, coverage_low, coverage_high, coverage_by_pit`.
        reliability: `quantity, event, group, forecasts, mean_chance, happened, share, share_low, share_high`.
        visual_predictive_check: see `diagnostics.predictive_check`.
        shrinkage, patients: see `diagnostics.posterior_checks`.
        study: what was diagnosed.
        prior: with which prior.
    """

    pit: pl.DataFrame
    pit_histogram: pl.DataFrame
    pit_ecdf: pl.DataFrame
    coverage: pl.DataFrame
    reliability: pl.DataFrame
    visual_predictive_check: pl.DataFrame
    shrinkage: pl.DataFrame
    patients: pl.DataFrame
    study: Study
    prior: Prior

    def tables(self) -> dict[str, pl.DataFrame]:
        """Every table by name."""
        return {name: getattr(self, name) for name in TABLES}

    def view(self) -> DiagnosticsView:
        """What the page is given."""
        return DiagnosticsView(
            study_name=self.study.name,
            forecasts=self.pit.height,
            replicates=REPLICATES,
            most_patients=MOST_PATIENTS,
            provenance=provenance(self.prior),
            **{name: getattr(self, name) for name in TABLES if name != "pit"},
        )

    def report(self) -> Report:
        """The page with the pictures, in English."""
        return Report(diagnostics_page(self.view()))


TABLES = (
    "pit",
    "pit_histogram",
    "pit_ecdf",
    "coverage",
    "reliability",
    "visual_predictive_check",
    "shrinkage",
    "patients",
)


def diagnose(
    study: Study,
    prior: str | Path | Prior | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Diagnostics:
    """Diagnose the forecasts and posteriors of a study under a prior.

    The forecasts judged are those of `forecast`: of each next reading from the readings before it. A prior that was
    fitted to the same study has seen the readings it forecasts; fit it to other patients to judge prediction.

    Args:
        study: with lesions, markers or both.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        seed: the same seed gives the same numbers.
        progress: called with patients done and patients in all.

    Raises:
        StudyError: nothing in the study can be used, or no patient has three readings of one quantity (two to
            forecast from, and the one that came).
        PriorError: the prior cannot be read or knows none of the study's quantities.
    """
    readings = usable_readings(study)
    chosen = prior_for(study, prior)
    forecasts = forecast(study, chosen, seed=seed, progress=progress)
    if forecasts.is_empty():
        raise StudyError([_nothing_to_judge(study)])
    targets = forecasts.select(KEYS)
    came = outcomes(forecasts, readings)
    pit = pit_table(forecast_draws(study, targets, chosen, readings=readings, seed=seed), readings, seed)
    shrinkage, patients = posterior_tables(posteriors(parts_of(study), study, chosen, seed=seed), chosen)
    return Diagnostics(
        pit=pit,
        pit_histogram=pit_histograms(pit),
        pit_ecdf=pit_ecdfs(pit, seed),
        coverage=coverage_table(came, pit),
        reliability=reliability_table(
            came, progression_thresholds(readings, study.markers), first_new_lesions(study)
        ),
        visual_predictive_check=visual_predictive_check(study, readings, chosen, seed=seed),
        shrinkage=shrinkage,
        patients=patients,
        study=study,
        prior=chosen,
    )


def _nothing_to_judge(study: Study) -> Problem:
    return Problem(
        file=study.name,
        row=None,
        column=None,
        value=None,
        rule="no patient has three readings of one quantity, so there is no forecast to judge",
        mend="Add later visits: two readings to forecast from and the one that came.",
    )
