"""Assess a study: state, dates, causes and alert at every visit, from data up to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint._version import __version__
from turnpoint.engine.processes import Workers
from turnpoint.formats.fhir_out import write_assessment
from turnpoint.model.arrays import FloatArray, IntArray, ObjectArray
from turnpoint.model.filter import DEFAULT_PARTICLES, over_batches
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch, parts_of, visits_of
from turnpoint.model.weighing import WeightedVisits
from turnpoint.study.study import Study
from turnpoint.turning.alerts import alert_history, with_false_alerts
from turnpoint.turning.detectable import has_changed
from turnpoint.turning.state import DATE_LEVELS, Judgement, judge, verdicts
from turnpoint.turning.tables import Tables
from turnpoint.workflows.priors import prior_for, usable_readings

Progress = Callable[[int, int], None]
Columns = dict[str, FloatArray | IntArray | ObjectArray]

PATIENTS_PER_BATCH = 256
PATIENTS_WORTH_PROCESSES = 5000  # starting them takes as long as they save on fewer
_LEVEL_NAMES = tuple(f"q{round(100 * level):02d}" for level in DATE_LEVELS)
_DATES = ("dominance_day", "turning_day", "regrowth_day")

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
    **{f"resistant_fraction_{level}": pl.Float64 for level in _LEVEL_NAMES},
    **{f"{date}_{level}": pl.Float64 for date in _DATES for level in _LEVEL_NAMES},
    "p_turned": pl.Float64,
    "alert": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The assessment of a study.

    Attributes:
        frame: one row a patient and visit, columns of design section 4. Days of the three dates
            count from the start of the course and are capped at 3650 ("not within ten years").
        diagnostics: `patient_id, day, raised, withdrawn, p_turned_resistant, changed, sum_risen,
            informative_values, shrinkage, effective_size, pareto_k`, one row for each row of `frame`. `pareto_k` is
            null where the effective size alone is proof enough that the weights can be trusted.
        study: what was assessed.
        prior: the prior used.
    """

    frame: pl.DataFrame
    diagnostics: pl.DataFrame
    study: Study
    prior: Prior

    def save_fhir(self, path: str | Path) -> Path:
        """Write it as FHIR R4 Observations: a Bundle (`.json`) or one a line (`.ndjson`); returns the path.

        Raises:
            UsageError: another ending, or a place that cannot be written to.
        """
        method = f"Turnpoint {__version__}, prior {self.prior.name}"
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
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        false_alerts_per_100: how many of 100 courses may be alerted before their true turning point, by simulation
            from the prior: 1 to 20; by default 5.
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
    readings = usable_readings(study)
    chosen = with_false_alerts(prior_for(study, readings, prior), false_alerts_per_100)
    everything = assess_readings(
        readings,
        study,
        chosen,
        parts=parts_of(study),
        visits=visits_of(study),
        seed=seed,
        progress=progress,
        particles=particles,
    )
    frame = everything.select(pl.col(name).cast(dtype) for name, dtype in ASSESSMENT_SCHEMA.items())
    diagnostics = everything.select(
        "patient_id",
        "day",
        "raised",
        "withdrawn",
        "p_turned_resistant",
        "changed",
        "sum_risen",
        "informative_values",
        "shrinkage",
        "effective_size",
        "pareto_k",
    )
    return Assessment(frame, diagnostics, study, chosen)


def assess_readings(
    readings: pl.DataFrame,
    study: Study,
    prior: Prior,
    *,
    parts: pl.DataFrame | None = None,
    visits: pl.DataFrame | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> pl.DataFrame:
    """Every column of `Assessment.frame` and `Assessment.diagnostics` for readings already taken.

    `parts` are the same readings lesion by lesion (`model.series.parts_of`); by default each value is one part.
    """
    taken = readings if parts is None else parts
    arguments = (prior, particles, seed)
    patients = (taken if visits is None else visits)["patient_id"].n_unique()
    processes = os.cpu_count() or 1
    with ExitStack() as workers:
        work = (
            workers.enter_context(Workers(assessor, arguments, processes))
            if patients >= PATIENTS_WORTH_PROCESSES and processes > 1
            else assessor(*arguments)
        )
        rows = [
            pl.DataFrame(columns, schema_overrides={"patient_id": pl.String})
            for columns in over_batches(
                work,
                taken,
                study,
                prior,
                visits=visits,
                patients_per_batch=PATIENTS_PER_BATCH,
                progress=progress,
            )
        ]
    judged = pl.concat(rows).with_columns(pl.col("pareto_k").fill_nan(None)).sort("patient_id", "day")
    own = pl.col("changed", "informative_values").forward_fill().over("patient_id")
    everything = judged.join(
        has_changed(readings, prior), on=["patient_id", "day"], how="left", maintain_order="left"
    ).with_columns(own)
    everything = everything.with_columns(
        pl.col("changed", "sum_risen").fill_null(value=False), pl.col("informative_values").fill_null(0)
    )
    named = verdicts(
        everything.select("p_responding", "p_plateau", "p_regrowing").to_numpy(),
        everything["informative_values"].to_numpy(),
        everything["shrinkage"].to_numpy(),
    )
    return alert_history(everything.with_columns(pl.Series("verdict", named)), prior.alert.threshold)


def assessor(prior: Prior, particles: int, seed: int) -> Callable[[Batch], Columns]:
    """The function that assesses every visit of a batch, with all that batches share worked out once."""
    refiner = Refiner.of(prior, prior.bank(particles, seed), seed)
    tables = Tables(prior, refiner.bank)

    def assess_batch(batch: Batch) -> Columns:
        found = [
            _columns(weighted, judge(weighted, tables)) for _, weighted in refiner.visits(batch, levels=False)
        ]
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    return assess_batch


def _columns(
    weighted: WeightedVisits, judgement: Judgement
) -> dict[str, FloatArray | IntArray | ObjectArray]:
    """Some visits as columns, without verdict and alert."""
    columns: Columns = {
        "patient_id": np.array(weighted.batch.patient_ids, dtype=object)[weighted.patient],
        "day": weighted.day.astype(np.int64),
        "p_turned": judgement.p_turned,
        "p_turned_resistant": judgement.p_turned_resistant,
        "shrinkage": weighted.shrinkage,
        "effective_size": weighted.effective_size,
        "pareto_k": weighted.pareto_k,
    }
    for index, state in enumerate(("responding", "plateau", "regrowing")):
        columns[f"p_{state}"] = judgement.p_state[:, index]
    for index, cause in enumerate(("resistant", "scar", "floor", "pause")):
        columns[f"p_{cause}"] = judgement.p_cause[:, index]
    for name in ("resistant_fraction", *_DATES):
        for index, level in enumerate(_LEVEL_NAMES):
            columns[f"{name}_{level}"] = getattr(judgement, name)[:, index]
    return columns
