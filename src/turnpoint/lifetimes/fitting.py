"""Fit a link by maximum likelihood, over what is known of each patient's curve.

With draws θ_id of patient i, each as likely as the other by the sizes read, the chance of the death time T_i (or of
being alive then) given the sizes, and given that the patient was alive at the entry L_i, is

    P_i = Σ_d f(T_i | θ_id)^δ_i · S(T_i | θ_id)^(1 - δ_i)  /  Σ_d S(L_i | θ_id)

Two links come of it, and the two-stage one that they are better than:

- *shared*: draws from all sizes of the patient, entry at the start. The draws are the bank's particles weighted by
  p(sizes | θ) under the population prior, so that Π P_i is, up to a constant, the joint likelihood
  Π ∫ p(sizes | θ) p(T, δ | θ, β) p(θ) dθ. That scans end with death is in it.
- *landmark*: a row for each patient alive at a landmark, draws from the sizes up to it, entry at it; rows of one
  patient are not independent, so the standard errors are the sandwich's, clustered by patient.
- *two-stage*: one draw, the posterior mean of each term from all sizes. Biased (`benchmarks/survival.py --bias`).

Sources: joint models, Rizopoulos 2012, Joint Models for Longitudinal and Time-to-Event Data, chapter 4; landmarks
stacked, van Houwelingen, Putter 2011, Dynamic Prediction in Clinical Survival Analysis, chapter 7; regression
calibration and its bias, Ye, Lin, Taylor 2008, doi:10.1111/j.1541-0420.2007.00983.x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from turnpoint.errors import SurvivalLinkError
from turnpoint.lifetimes.families import FAMILIES, Family
from turnpoint.model.arrays import BoolArray, FloatArray, IntArray

EARLIEST_DAY: Final = 0.5  # a death on day 0 counts as half a day
_STEP: Final = 1e-4
# Averaged over draws, a small study's likelihood has a second maximum where every death follows, without scatter, a
# curve that nobody saw. The search begins wide and finds the first; published links have a σ of 0.7 and 0.8.
_LEAST_LOG_SCALE: Final = float(np.log(0.1))


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of N rows; a patient may have several.

    Attributes:
        design: x - r of each draw, shape (N, D, terms); D is 1 for known covariates.
        day: of death or of the end of follow-up, above 0, shape (N,).
        dead: which of the two, shape (N,).
        entry_day: from which on the patient is watched, 0 for the start, shape (N,).
        patient: number of the patient, shape (N,).
    """

    design: FloatArray
    day: FloatArray
    dead: BoolArray
    entry_day: FloatArray
    patient: IntArray


@dataclass(frozen=True, slots=True)
class FittedLink:
    """Coefficients, then ln σ.

    Attributes:
        parameters: shape (terms + 1,).
        covariance: inverse of the observed information, or the sandwich clustered by patient.
        log_likelihood: at the estimate.
    """

    parameters: FloatArray
    covariance: FloatArray
    log_likelihood: float


def fit_link(observed: Observed, family: str, *, is_clustered: bool = False) -> FittedLink:
    """Maximum-likelihood coefficients and ln σ.

    Args:
        observed: at least one death, and more deaths than terms.
        family: of `FAMILIES`.
        is_clustered: rows of a patient are not independent: the covariance is the sandwich's.

    Raises:
        SurvivalLinkError: too few deaths, or terms that the patients do not tell apart.
    """
    terms = observed.design.shape[2]
    deaths = len(np.unique(observed.patient[observed.dead]))
    if deaths <= terms + 1:
        raise SurvivalLinkError(
            f"fit --survival: {deaths} patients died, and the link has {terms + 1} numbers to estimate. Use a "
            "published link (--link claret), or a study with more deaths."
        )
    law = FAMILIES[family]
    # In units of each term's own spread and with the intercept in the middle, every number is of order one.
    spread = _Spread.of(observed.design)
    white = spread.whitened(observed.design)
    log_day = np.log(np.maximum(observed.day, EARLIEST_DAY))
    start = np.zeros(terms + 1)
    start[spread.intercept] = float(log_day.mean())
    found = minimize(
        lambda at: _negative(law, observed, white, at), start, jac=True, method="BFGS", options={"gtol": 1e-6}
    )
    information = _information(law, observed, white, found.x)
    # A gradient of a thousandth of its own noise is as good as none; BFGS itself is stricter than the arithmetic.
    flat = np.abs(found.jac).max() < 1e-3 * np.sqrt(len(log_day))
    is_peak = np.linalg.eigvalsh(information).min() > 1e-8 * len(log_day)
    if not (flat and is_peak and found.x[-1] > _LEAST_LOG_SCALE):
        raise SurvivalLinkError(
            "fit --survival: the patients do not tell the terms of the link apart. Check the death days (turnpoint "
            "check), or use a published link."
        )
    covariance = np.linalg.inv(information)
    if is_clustered:
        own = _scores(law, observed, white, found.x)[1]
        groups = np.unique(observed.patient, return_inverse=True)[1]
        sums = np.zeros((groups.max() + 1, terms + 1))
        np.add.at(sums, groups, own)
        covariance = covariance @ (sums.T @ sums) @ covariance
    back = spread.back()
    return FittedLink(back @ found.x, back @ covariance @ back.T, -float(found.fun))


@dataclass(frozen=True, slots=True)
class _Spread:
    """Middle and spread of each term but the intercept, which has none."""

    mean: FloatArray
    sd: FloatArray
    intercept: int

    @classmethod
    def of(cls, design: FloatArray) -> _Spread:
        sd, mean = design.std(axis=(0, 1)), design.mean(axis=(0, 1))
        constant = np.flatnonzero(sd < 1e-9)
        if len(constant) != 1 or mean[constant[0]] == 0.0:
            raise SurvivalLinkError(
                "fit --survival: every patient has the same value of a term. Use a published link."
            )
        mean, sd = mean.copy(), sd.copy()
        sd[constant], mean[constant] = mean[constant], 0.0
        return cls(mean, sd, int(constant[0]))

    def whitened(self, design: FloatArray) -> FloatArray:
        """(x - mean) / SD; the intercept is 1."""
        white: FloatArray = (design - self.mean) / self.sd
        return white

    def back(self) -> FloatArray:
        """What turns parameters of the whitened terms into those of the terms, shape (terms + 1, terms + 1)."""
        back = np.diag(np.append(1.0 / self.sd, 1.0))
        back[self.intercept, : len(self.sd)] -= self.mean / self.sd / self.sd[self.intercept]
        return back


def _negative(
    law: Family, observed: Observed, design: FloatArray, at: FloatArray
) -> tuple[float, FloatArray]:
    value, scores = _scores(law, observed, design, at)
    return -float(value.sum()), -scores.sum(axis=0)


def _scores(
    law: Family, observed: Observed, design: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Ln P of each row, shape (N,), and its slope by the parameters, shape (N, terms + 1)."""
    log_day = np.log(np.maximum(observed.day, EARLIEST_DAY))[:, None]
    centre, log_scale = design @ at[:-1], at[-1]
    scale = np.exp(log_scale)
    z = (log_day - centre) / scale
    dead = observed.dead[:, None]
    value = np.where(dead, law.log_density(z) - log_scale - log_day, law.log_survival(z))
    slope = np.where(dead, law.log_density_slope(z), law.log_survival_slope(z))
    total, gradient = _averaged(value, -slope / scale, -slope * z - dead, design)
    late = observed.entry_day > 0.0
    if late.any():
        z = (np.log(observed.entry_day[late])[:, None] - centre[late]) / scale
        slope = law.log_survival_slope(z)
        known, own = _averaged(law.log_survival(z), -slope / scale, -slope * z, design[late])
        total[late] -= known
        gradient[late] -= own
    return total, gradient


def _averaged(
    value: FloatArray, by_centre: FloatArray, by_log_scale: FloatArray, design: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Ln of the mean of exp(value) over the draws, and its slopes; shapes (N,) and (N, terms + 1)."""
    total = logsumexp(value, axis=1)
    share = np.exp(value - total[:, None])
    slopes = np.einsum("nd,ndj->nj", share * by_centre, design)
    last = (share * by_log_scale).sum(axis=1, keepdims=True)
    return total - np.log(value.shape[1]), np.concatenate([slopes, last], axis=1)


def _information(law: Family, observed: Observed, design: FloatArray, at: FloatArray) -> FloatArray:
    """Minus the second derivatives of the log likelihood, from central differences of its slopes."""
    rows = []
    for index in range(len(at)):
        step = np.zeros(len(at))
        step[index] = _STEP
        higher = _negative(law, observed, design, at + step)[1]
        rows.append((higher - _negative(law, observed, design, at - step)[1]) / (2.0 * _STEP))
    matrix = np.array(rows)
    information: FloatArray = 0.5 * (matrix + matrix.T)
    return information
