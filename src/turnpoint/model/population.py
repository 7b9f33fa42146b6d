"""Fit the population prior to a study by Monte-Carlo EM over the bank.

    E: draw a bank from the current prior, weight it by each patient's likelihood of all their readings
    M: mean and covariance of the weighted particles over the patients, with a little of the starting prior

Each patient counts once, however many readings they have. The starting prior enters as if it had been seen in
a few patients, so that what the data cannot tell (the growth off treatment, when nobody paused) stays there.
Dempster, Laird, Rubin 1977; Wei, Tanner 1990 (MCEM), doi:10.1080/01621459.1990.10474930.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.special import expit, logit, logsumexp, ndtr, ndtri

from turnpoint.engine.progress import Progress
from turnpoint.engine.threads import in_order
from turnpoint.errors import PriorError, Problem, StudyError
from turnpoint.model.arrays import FloatArray
from turnpoint.model.bank import SINGLE, Bank
from turnpoint.model.parameters import DORMANCY, DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.prior import BelowLimit, Prior
from turnpoint.model.series import Batch, batches
from turnpoint.model.weighing import final_visits, weigh

EM_PARTICLES = 1024
EM_ITERATIONS = 40
EM_PATIENTS_PER_BATCH = 64
_ITERATIONS_COMPARED = 5
_LEAST_GAIN = 0.001  # of log likelihood a reading, over five iterations: what the banks' noise comes to
STARTING_PATIENTS = 5.0  # what the starting prior weighs in the M step
FEWEST_PATIENTS = 5
FEW_PATIENTS = 30
_FLOOR_LOOKS = 4.0  # what the starting floor persistence weighs
_BELOW_LIMIT_START = (2.0, 2.0, 1.0)  # lesions absent, too small, measured: counted before the data's own
_PART = ["patient_id", "quantity", "part"]
_WIDEST_SD = 10.0  # on log and logit scales: far beyond anything that means something

# Starting values: rates on the volume scale, from published chemotherapy fits (Qi and Cao; Struemper 2025, both
# on diameters, times three); reading noise from repeated CT (SD of change 2.4 mm on 40 mm) and assay precision.
_DYNAMICS_START = {
    "log_kill_per_week": (np.log(0.1), 1.0),
    "log_regrowth_per_week": (np.log(0.03), 0.9),
    "logit_resistant_fraction": (logit(0.2), 1.5),
    "log_off_growth_per_week": (np.log(0.1), 0.7),
    "dormancy": (float(ndtri(0.06)), 1.0),  # sizes alone hardly tell it (docs/decisions/0013)
}
_DIAMETER_START = {
    "background": (logit(0.12), 1.0),
    "log_sd_drift": (np.log(0.03), 0.7),
    "log_sd_reading": (np.log(0.04), 0.4),
    "logit_repeat": (0.0, 0.7),
    "log_repeat_window": (np.log(0.1), 0.5),
    "logit_jump": (logit(0.08), 0.5),
    "log_sd_jump": (np.log(0.3), 0.3),
    "log_surge": (np.log(0.01), 0.7),  # chemotherapy makes no lesion swell; an immunotherapy may
}
_MARKER_START = {
    "background": (np.log(0.03), 1.0),
    "log_sd_drift": (np.log(0.08), 0.7),
    "log_sd_reading": (np.log(0.1), 0.4),
    "logit_repeat": (-4.0, 0.5),
    "log_repeat_window": (np.log(0.1), 0.4),
    "logit_jump": (logit(0.08), 0.4),
    "log_sd_jump": (np.log(0.4), 0.3),
    "log_surge": (np.log(0.12), 1.0),  # one patient in ten surges by half or more
}


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted prior without its card, and how the fit went.

    Attributes:
        prior: mean, covariance and constants.
        patients, readings: used.
        log_likelihood: log marginal likelihood after each iteration; fewer than asked for where it has stopped rising.
        smallest_effective_size: over the patients, in the last iteration.
    """

    prior: Prior
    patients: int
    readings: int
    log_likelihood: tuple[float, ...]
    smallest_effective_size: float


def starting_prior(name: str, quantities: Sequence[str]) -> Prior:
    """A wide prior from published ranges, before any data of ours."""
    blocks = [_DYNAMICS_START] + [
        _DIAMETER_START if quantity == SUM_OF_DIAMETERS else _MARKER_START for quantity in quantities
    ]
    names = [DYNAMICS_NAMES] + [READING_NAMES] * len(quantities)
    pairs = [block[key] for block, keys in zip(blocks, names, strict=True) for key in keys]
    mean, sd = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    return Prior(
        name=name,
        quantities=tuple(quantities),
        mean=mean,
        covariance=np.diag(sd**2),
        floor_persistence=dict.fromkeys(quantities, 0.9),
        visit_gap_weeks={quantity: 6.0 if quantity == SUM_OF_DIAMETERS else 3.0 for quantity in quantities},
    )


def fit_population(
    readings: pl.DataFrame,
    doses: pl.DataFrame,
    start: Prior,
    *,
    particles: int = EM_PARTICLES,
    iterations: int = EM_ITERATIONS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fit:
    """Fit mean and covariance of `start` to the readings; its quantities must be those of the readings.

    Patients with a single reading of every quantity say nothing about change and are left out (counted).

    Raises:
        StudyError: fewer than five patients have two readings of one quantity.
        PriorError: the fit diverged.
    """
    several = readings.filter(pl.len().over(_PART) > 1)["patient_id"].unique()
    used = readings.filter(pl.col("patient_id").is_in(several.implode()))
    if len(several) < FEWEST_PATIENTS:
        raise StudyError([_too_few(len(several))])
    prior = replace(
        start,
        floor_persistence=_floor_persistence(used, start),
        visit_gap_weeks=_visit_gaps(used, start),
        below_limit=_below_limit(used),
    )
    parts = [
        final_visits(part) for part in batches(used, doses, list(prior.quantities), EM_PATIENTS_PER_BATCH)
    ]
    history: list[float] = []
    smallest = 0.0
    for iteration in range(iterations):
        bank = prior.bank(particles, seed + iteration)
        steps = list(in_order(_EStep(prior, Bank.of(prior, bank, precision=SINGLE)), parts))
        log_evidence = np.concatenate([step[0] for step in steps])
        weights = np.concatenate([step[1] for step in steps])
        history.append(float(log_evidence.sum()))
        smallest = float((1.0 / (weights**2).sum(axis=1)).min())
        prior = _maximised(prior, start, bank, weights)
        if not np.isfinite(history[-1]) or np.sqrt(np.diag(prior.covariance)).max() > _WIDEST_SD:
            raise PriorError(
                f"fit: diverged in iteration {iteration + 1} of {iterations}. The data do not pin the model "
                "down: check units and outliers (turnpoint check), or use a shipped prior."
            )
        converged = _has_converged(history, used.height)
        if progress is not None:
            progress(iterations if converged else iteration + 1, iterations)
        if converged:
            break
    return Fit(prior, len(several), used.height, tuple(history), smallest)


def log_evidence(
    prior: Prior, readings: pl.DataFrame, doses: pl.DataFrame, *, particles: int = EM_PARTICLES, seed: int = 0
) -> FloatArray:
    """Log marginal likelihood of all of each patient's readings under the prior, shape (patients,).

    The level of each quantity has a flat prior, so that only differences between priors mean something. In the order of
    `model.series.batches`; of patients with any reading.
    """
    bank = Bank.of(prior, prior.bank(particles, seed), precision=SINGLE)
    parts = [
        final_visits(part) for part in batches(readings, doses, list(prior.quantities), EM_PATIENTS_PER_BATCH)
    ]
    return np.concatenate([step[0] for step in in_order(_EStep(prior, bank), parts)])


@dataclass(frozen=True, slots=True)
class _EStep:
    """Log evidence and normalised weights of the bank for each patient of a batch, from all their readings."""

    prior: Prior
    bank: Bank

    def __call__(self, batch: Batch) -> tuple[FloatArray, FloatArray]:
        run = weigh(batch, self.prior, self.bank, levels=False)
        final = run.log_weight[:, 0].astype(np.float64)
        total = logsumexp(final, axis=1)
        return total - np.log(final.shape[1]), np.exp(final - total[:, None])


def _has_converged(history: Sequence[float], readings: int) -> bool:
    """The last five iterations are no better than the five before them, but for noise."""
    if len(history) < 2 * _ITERATIONS_COMPARED:
        return False
    last = np.mean(history[-_ITERATIONS_COMPARED:])
    before = np.mean(history[-2 * _ITERATIONS_COMPARED : -_ITERATIONS_COMPARED])
    return bool(last - before < _LEAST_GAIN * readings)


def _maximised(prior: Prior, start: Prior, bank: FloatArray, weights: FloatArray) -> Prior:
    """Mean and covariance of the weighted particles, the starting prior counting as a few patients.

    `dormancy` keeps SD 1 and stays independent of the rest: its scale means nothing, only the share above 0 does. Mean
    and SD are worked out and divided by the SD, which converges faster than holding it (parameter expansion: Liu,
    Rubin, Wu 1998, doi:10.1093/biomet/85.4.755).
    """
    patients = len(weights)
    weight = weights.sum(axis=0)
    mean = (weight @ bank + STARTING_PATIENTS * start.mean) / (patients + STARTING_PATIENTS)
    apart, from_start = bank - mean, start.mean - mean
    scatter = (apart * weight[:, None]).T @ apart
    scatter += STARTING_PATIENTS * (0.5 * start.covariance + np.outer(from_start, from_start))
    covariance = scatter / (patients + STARTING_PATIENTS)
    mean[DORMANCY] /= np.sqrt(covariance[DORMANCY, DORMANCY])
    covariance[DORMANCY, :], covariance[:, DORMANCY], covariance[DORMANCY, DORMANCY] = 0.0, 0.0, 1.0
    return replace(prior, mean=mean, covariance=covariance)


def _floor_persistence(readings: pl.DataFrame, start: Prior) -> dict[str, float]:
    """Share of values at the floor that are at the floor at the next look; the start counts as four looks."""
    pairs = readings.with_columns(
        pl.col("censoring").shift(-1).over(_PART, order_by="day").alias("next")
    ).filter((pl.col("censoring") < 0) & pl.col("next").is_not_null())
    persistence = {}
    for quantity in start.quantities:
        following = pairs.filter(pl.col("quantity") == quantity)["next"].to_numpy()
        stayed, looks = float((following < 0).sum()), len(following)
        persistence[quantity] = (stayed + _FLOOR_LOOKS * start.floor_persistence[quantity]) / (
            looks + _FLOOR_LOOKS
        )
    return persistence


def _below_limit(readings: pl.DataFrame) -> BelowLimit:
    """What was written the first time a lesion that had been measured came out below its limit."""
    value, limit, measured = pl.col("value"), pl.col("limit"), pl.col("censoring") == 0
    first = readings.filter(pl.col("quantity") == SUM_OF_DIAMETERS).filter(
        (measured & (value >= limit)).shift(1).over(_PART, order_by="day") & (~measured | (value < limit))
    )
    absent, too_small, number = _BELOW_LIMIT_START
    absent += float(first.filter(~measured & (value == 0.0)).height)
    too_small += float(first.filter(~measured & (value > 0.0)).height)
    number += float(first.filter(measured).height)
    looks = absent + too_small + number
    return BelowLimit(round(absent / looks, 4), round(too_small / looks, 4))


def _visit_gaps(readings: pl.DataFrame, start: Prior) -> dict[str, float]:
    """Median weeks between readings of each quantity."""
    gaps = readings.with_columns(pl.col("day").diff().over(_PART, order_by="day").alias("gap"))
    found = dict(gaps.drop_nulls("gap").group_by("quantity").agg(pl.col("gap").median() / 7.0).rows())
    return {
        quantity: float(found.get(quantity, start.visit_gap_weeks[quantity])) for quantity in start.quantities
    }


def _too_few(patients: int) -> Problem:
    return Problem(
        file="study",
        row=None,
        column=None,
        value=None,
        rule=f"{patients} patients have two readings of one quantity, a population needs {FEWEST_PATIENTS}",
        mend="Use a shipped prior, or add patients.",
    )


def typical(prior: Prior) -> dict[str, float]:
    """The prior's medians in natural units, for a person to read: rates per week, shares."""
    d, g, fraction, off, dormancy = prior.mean[: len(DYNAMICS_NAMES)]
    return {
        "kill_per_week": float(np.exp(d)),
        "regrowth_per_week": float(np.exp(g)),
        "resistant_fraction": float(expit(fraction)),
        "off_growth_per_week": float(np.exp(off)),
        "share_that_never_regrows": float(ndtr(dormancy)),
    }
