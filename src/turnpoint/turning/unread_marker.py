"""A marker that the patient has not been tested for: what must be assumed to say what it would tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.filter import PartPosterior, Posterior, QuantityPosterior
from turnpoint.model.parameters import DYNAMICS_NAMES, Reading, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.streams import Stream, generator


@dataclass(frozen=True, slots=True)
class Assay:
    """What is assumed of a marker without a reading.

    Everything else (drift, surge, jumps, repeats) is as the generic marker block has it.

    Attributes:
        quantity: its name.
        times_limit_at_start: median value at the start of treatment, in limits of detection.
        sd_log_at_start: SD of its logarithm: the patient's own shedding is not known.
        background: what healthy tissue gives, relative to the value at the start.
        sd_counting: SD of log value of one reading from counting molecules, besides the block's own reading error.
    """

    quantity: str
    times_limit_at_start: float
    sd_log_at_start: float
    background: float
    sd_counting: float


# Circulating tumour DNA is gone within hours, so it follows the burden without delay, and healthy tissue has none of
# the tumour's variants. A limit of detection is about 3 molecules (a Poisson count of 3 is missed once in 20), and at
# ten times that 30 molecules vary by 1/√30. How much a tumour sheds at the start is an assumption.
CTDNA = Assay("ctDNA", times_limit_at_start=30.0, sd_log_at_start=1.0, background=1e-4, sd_counting=0.18)


def with_unread_marker(posterior: Posterior, prior: Prior, assay: Assay, *, seed: int = 0) -> Posterior:
    """The posterior with a marker drawn for the first time at the visit; each draw has its own first value.

    Args:
        posterior: one row.
        prior: that has a reading block for the marker, of which the draws' reading parameters are drawn.
        assay: what is assumed.
        seed: of the draws.
    """
    rng = generator(seed, Stream.UNREAD_MARKER)
    draws = posterior.dynamics.kill_per_week.shape[1]
    reading = _unread_reading(prior, assay, rng, draws)
    on_weeks, off_weeks = posterior.on_weeks, posterior.off_weeks
    signal = reading.log_signal(posterior.dynamics.log_burden(on_weeks, off_weeks))
    signal = signal + reading.log_surge_at(on_weeks + off_weeks)
    level = np.log(assay.times_limit_at_start) + assay.sd_log_at_start * rng.standard_normal((1, draws))
    value = np.exp(level + signal + reading.sd_reading * rng.standard_normal((1, draws)))
    shown = np.maximum(value, 1.0)
    part = PartPosterior(
        level_mean=level,
        level_variance=np.zeros_like(level),
        last_log_value=np.log(shown),
        last_value=shown,
        last_is_repeat=np.zeros((1, 1), np.bool_),
        limit=np.ones((1, 1)),
        whole_numbers=np.zeros((1, 1), np.bool_),
        last_censoring=np.where(value < 1.0, -1, 0),
        last_on_weeks=on_weeks,
        last_off_weeks=off_weeks,
        last_day=posterior.day[:, None],
        readings=np.ones(1, np.int64),
    )
    unread = {assay.quantity: QuantityPosterior(reading, (part,))}
    return replace(posterior, quantities={**posterior.quantities, **unread})


def _unread_reading(prior: Prior, assay: Assay, rng: np.random.Generator, draws: int) -> Reading:
    """Reading parameters from the prior's block, shape (1, draws), with what the assay is assumed to be."""
    block = prior.reading_block(assay.quantity)
    root = np.linalg.cholesky(prior.covariance[block, block])
    drawn = prior.mean[block] + rng.standard_normal((1, draws, len(root))) @ root.T
    particles = np.concatenate([np.zeros((1, draws, len(DYNAMICS_NAMES))), drawn], axis=-1)
    reading = reading_of(particles, assay.quantity, 0)
    background: FloatArray = np.full((1, draws), assay.background)
    return replace(reading, background=background, sd_reading=np.hypot(reading.sd_reading, assay.sd_counting))
