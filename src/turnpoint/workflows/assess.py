"""Assess a study: state, dates, causes and alert at every visit, from data up to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from turnpoint._version import __version__
from turnpoint.engine.processes import Workers
from turnpoint.engine.progress import Progress, part_of_progress
from turnpoint.formats.fhir import write_assessment
from turnpoint.model.filter import DEFAULT_PARTICLES, over_batches
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch, parts_of, readings_of, visits_of
from turnpoint.study.study import Study
from turnpoint.turning.alerts import alert_history, with_false_alerts
from turnpoint.turning.criterion_ahead import CRITERION_CHANCES, Context, bars_of, markers_of
from turnpoint.turning.judged_visits import DATES, LEVEL_NAMES, judged_visits, with_verdicts
from turnpoint.turning.tables import Tables
from turnpoint.workflows.priors import Stretch, by_prior_so_far, usable_readings
from turnpoint.workflows.respond import called

PATIENTS_PER_BATCH = 256
PATIENTS_WORTH_PROCESSES = 2000  # starting them takes as long as they save on fewer

ASSESSMENT_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "p_responding": pl.Float64,
    "p_plateau": pl.Float64,
    "p_regrowing": pl.Float64,
    "verdict": pl.String,
    "p_resistant": pl.Float64,
    "p_scar": pl.Float64,
    "p_floor": pl.Float64,
    "p_pause": pl.Float64,
    **{f"resistant_fraction_{level}": pl.Float64 for level in LEVEL_NAMES},
    **{f"{date}_{level}": pl.Float64 for date in DATES for level in LEVEL_NAMES},
    "p_turned": pl.Float64,
    "alert": pl.Boolean,
    "p_progression_12w": pl.Float64,
    "p_progression_24w": pl.Float64,
    "prior": pl.String,
}
DIAGNOSTICS = (
    "raised",
    "withdrawn",
    "met",
    "p_turned_resistant",
    "p_never_turns",
    "p_shrinking",
    "p_growing",
    "risen",
    "size_risen",
    "fallen",
    "new_lowest",
    "changed",
    "higher",
    "size_higher",
    "off_treatment",
    "informative_values",
    "shrinkage",
    "prior_distance",
    "effective_size",
    "pareto_k",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an assessment was asked for (arguments of `assess`): with it a patient's picture has the same numbers."""

    prior: str | Path | Prior | None = None
    false_alerts_per_100: float | None = None
    seed: int = 0
    particles: int = DEFAULT_PARTICLES

    @property
    def arguments(self) -> dict[str, Any]:
        """By name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The assessment of a study.

    Attributes:
        frame: one row a patient and visit, columns of design section 4. Days of the three dates
            count from the start of the course and are capped at 3650 ("not within ten years").
        diagnostics: `patient_id, day` and `DIAGNOSTICS`, one row for each row of `frame`: the alert's history and
            whether the criterion has been met; the chance that the burden is not at its smallest within ten years,
            shrinks and grows; what the readings did (`turning.reading_changes`); whether no drug is on; how much the
            data say. `pareto_k` is null where the effective size alone is proof enough that the weights can be trusted.
        study: what was assessed.
        priors: the prior of each patient at their last visit; patients who are alike share one.
        asked: how it was made.
    """

    frame: pl.DataFrame
    diagnostics: pl.DataFrame
    study: Study
    priors: Mapping[str, Prior]
    asked: Asked = Asked()

    def save_fhir(self, path: str | Path) -> Path:
        """Write it as FHIR R4 Observations: a Bundle (`.json`) or one a line (`.ndjson`); returns the path.

        Raises:
            UsageError: another ending, or a place that cannot be written to.
        """
        method = f"Turnpoint {__version__}"
        return write_assessment(self.frame, self.study, path, method=method, timestamp=datetime.now(UTC))


def assess(
    study: Study,
    prior: str | Path | Prior | None = None,
    *,
    false_alerts_per_100: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> Assessment:
    """Assess every patient at every visit, using only data up to that visit.

    Args:
        study: with lesions, markers or both.
        prior: a prior, the name of a shipped one, or a file; by default, for each visit, the shipped one that fits
            best: by the patient's own tumour type, and the drugs and quantities up to the visit.
        false_alerts_per_100: how many of 100 patients may have an alert that no progression follows within 24 weeks,
            as counted in real patients that nobody fitted to: 1 to 20; by default 5.
        seed: of the particle bank; the same seed gives the same numbers.
        progress: called with patients done and patients in all.
        particles: size of the bank; more is slower and more exact.

    Returns:
        The assessment; before its first usable reading a patient has the prior, and `undetermined`.

    Raises:
        StudyError: nothing in the study can be used.
        PriorError: the prior cannot be read or knows none of the study's quantities.
        UsageError: a false-alert rate that the prior is not calibrated for.
    """
    usable_readings(study)
    return assess_all(study, Asked(prior, false_alerts_per_100, seed, particles), progress)


def assess_all(study: Study, asked: Asked, progress: Progress | None = None) -> Assessment:
    """The same of a study of whom nobody need have a usable reading, such as a part of another one."""
    prior, seed, particles = asked.prior, asked.seed, asked.particles
    stretches = read_so_far(study, prior, asked.false_alerts_per_100)
    everything, done = [], 0
    total = sum(len(stretch.study.patient_ids) for stretch in stretches)
    for stretch in stretches:
        part = stretch.study
        everything.append(
            _judged(
                parts_of(part),
                part,
                stretch.prior,
                bars_of(readings_of(part), part.markers),
                visits=visits_of(part),
                seed=seed,
                progress=None if progress is None else part_of_progress(progress, done, total),
                particles=particles,
            )
        )
        done += len(part.patient_ids)
    return replace(assessment_of(study, stretches, everything, called(study)), asked=asked)


def read_so_far(
    study: Study, prior: str | Path | Prior | None, false_alerts_per_100: float | None
) -> list[Stretch]:
    """`by_prior_so_far`, with the threshold for the false alerts that are asked for (arguments of `assess`)."""
    return [
        replace(stretch, prior=with_false_alerts(stretch.prior, false_alerts_per_100))
        for stretch in by_prior_so_far(study, prior)
    ]


def assessment_of(
    study: Study,
    stretches: Sequence[Stretch],
    judged: Sequence[pl.DataFrame],
    progressions: pl.DataFrame,
) -> Assessment:
    """The assessment from what was said of each stretch's visits, with the alerts.

    Args:
        study: of all patients.
        stretches: of their visits.
        judged: of each stretch, `judged_rows`.
        progressions: that have been called (`workflows.respond.called`).
    """
    rows = pl.concat(
        part.join(stretch.visits, on=["patient_id", "day"], how="semi").with_columns(
            pl.lit(stretch.prior.name).alias("prior"),
            pl.lit(stretch.prior.alert.threshold).alias("threshold"),
            pl.lit(number).alias("stretch"),
        )
        for number, (stretch, part) in enumerate(zip(stretches, judged, strict=True))
    ).sort("patient_id", "day")
    rows = alert_history(_with_called(rows, progressions), pl.col("threshold"))
    last = rows.unique("patient_id", keep="last", maintain_order=True).select("patient_id", "stretch").rows()
    return Assessment(
        rows.select(pl.col(name).cast(dtype) for name, dtype in ASSESSMENT_SCHEMA.items()),
        rows.select("patient_id", "day", *DIAGNOSTICS),
        study,
        {patient_id: stretches[number].prior for patient_id, number in last},
    )


def _with_called(rows: pl.DataFrame, progressions: pl.DataFrame) -> pl.DataFrame:
    """Progression that had been called by a visit has met the criterion there, and is not forecast."""
    known = progressions.group_by("patient_id").agg(pl.col("known_day").min())
    met = pl.col("met") | (pl.col("known_day") <= pl.col("day")).fill_null(value=False)
    return (
        rows.join(known, on="patient_id", how="left", maintain_order="left")
        .with_columns(met.alias("met"))
        .with_columns(pl.when(~pl.col("met")).then(pl.col(*CRITERION_CHANCES)))
        .drop("known_day")
    )


def assess_readings(
    readings: pl.DataFrame,
    study: Study,
    prior: Prior,
    *,
    visits: pl.DataFrame | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> pl.DataFrame:
    """Virtual courses: every column of `Assessment.frame` but `prior`, and of `Assessment.diagnostics`.

    Args:
        readings: one value a quantity and day, without parts (`model.simulate`).
        study: for its doses.
        prior: for all of them.
        visits: as for `model.filter.posteriors`.
        seed: as for `assess`.
        progress: as for `assess`.
        particles: as for `assess`.
    """
    bars = bars_of(readings, markers_of(readings))
    judged = _judged(
        readings, study, prior, bars, visits=visits, seed=seed, progress=progress, particles=particles
    )
    return alert_history(judged, prior.alert.threshold)


def _judged(
    readings: pl.DataFrame,
    study: Study,
    prior: Prior,
    bars: pl.DataFrame,
    *,
    visits: pl.DataFrame | None,
    seed: int,
    progress: Progress | None,
    particles: int,
) -> pl.DataFrame:
    """All that `assess_readings` gives but the alerts."""
    arguments = (prior, particles, seed, bars)
    patients = (readings if visits is None else visits)["patient_id"].n_unique()
    processes = os.cpu_count() or 1
    with ExitStack() as workers:
        work = (
            workers.enter_context(Workers(assessor, arguments, processes))
            if patients >= PATIENTS_WORTH_PROCESSES and processes > 1
            else assessor(*arguments)
        )
        rows = list(
            over_batches(
                work,
                readings,
                study,
                prior,
                visits=visits,
                patients_per_batch=PATIENTS_PER_BATCH,
                progress=progress,
            )
        )
    return judged_rows(pl.concat(rows))


def judged_rows(judged: pl.DataFrame) -> pl.DataFrame:
    """Judged visits by patient and day, with their states and verdicts."""
    return with_verdicts(judged.with_columns(pl.col("pareto_k").fill_nan(None)).sort("patient_id", "day"))


def assessor(prior: Prior, particles: int, seed: int, bars: pl.DataFrame) -> Callable[[Batch], pl.DataFrame]:
    """The function that assesses every visit of a batch, with all that batches share worked out once."""
    refiner = Refiner.of(prior, prior.bank(particles, seed), seed)
    tables, context = Tables(prior, refiner.bank), Context(bars, prior, seed)

    def assess_batch(batch: Batch) -> pl.DataFrame:
        return judged_visits(batch, refiner, tables, context)

    return assess_batch
