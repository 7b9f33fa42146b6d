"""How fast a marker leaves the blood under treatment: half-life, KELIM, and the PSA doubling time.

Under a treatment that holds, production of the marker falls to a share p of what balanced its start, and the rest is
washed out at the rate KELIM (the K-PD model of You et al. with the drug's effect constant over the first 100 days):

    dM/dt = p·KELIM·M0 - KELIM·M          M(t) = M0·[(1-p)·exp(-KELIM·t) + p]

The published model also has the drug's virtual amount and a growth of production, which three to six values of one
patient do not tell apart; there they come from the population. Here KELIM is the maximum a posteriori of one patient
under a weak prior: ln KELIM around 0.037 a day (SD 1), logit p around 10 % (SD 2), readings with an SD of 0.165 of ln
value. It pulls p towards 10 % and so a little above the plain slope. The published cut of 1.0 is for KELIM divided by a
constant of the treatment; those constants were not found, and no cut is applied.

Source: You et al. 2020, Clin Cancer Res (CALYPSO: KELIM, first 100 days, at least three values); Wilbaux et al. 2014,
CPT Pharmacometrics Syst Pharmacol (0.037 a day, residual SD 0.165); Arlen et al. 2008, J Urol (PSA doubling time).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.arrays import DAYS_PER_MONTH, DAYS_PER_WEEK, FloatArray, checked_series
from turnpoint.kinetics.growth_rates import log_slope

KELIM_MARKERS: Final = ("CA-125", "PSA")
KELIM_DAYS: Final = 100.0
FEWEST_VALUES: Final = 3
# The prior: ln KELIM around the published mean, a factor of e either way for one SD; logit p around 10 %, wide.
_LOG_KELIM_MEAN: Final = math.log(0.037)
_LOG_KELIM_SD: Final = 1.0
_LOGIT_SHARE_MEAN: Final = -2.2
_LOGIT_SHARE_SD: Final = 2.0
_SD_LOG_VALUE: Final = 0.165

PSADT_LEAST_NG_PER_ML: Final = 0.2
PSADT_LEAST_DAYS: Final = 3.0 * DAYS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Elimination:
    """KELIM of one patient.

    Attributes:
        kelim_per_day: rate of elimination per day.
        kelim_se_per_day: its posterior SD (delta method on ln KELIM).
        production_share: p, what is still produced, relative to the start.
        readings: values within the first 100 days, the one before treatment included.
    """

    kelim_per_day: float
    kelim_se_per_day: float
    production_share: float
    readings: int


def kelim(days: ArrayLike, values: ArrayLike) -> Elimination | None:
    """KELIM from the values of the first 100 days of treatment.

    Args:
        days: day 0 is the start of treatment, shape (visits,), rising; of days before it the last one is used.
        values: in one unit, above 0, shape (visits,).

    Returns:
        The maximum a posteriori; None with fewer than three values up to day 100, the last before treatment included.

    Raises:
        MeasurementError: the series is not one, or a value is 0.

    >>> found = kelim([0, 21, 42, 63], [400.0, 185.0, 86.0, 40.0])
    >>> round(found.kelim_per_day, 3), round(found.kelim_se_per_day, 3)
    (0.042, 0.009)
    """
    day, value = checked_series("values", days, values)
    if (value == 0).any():
        raise MeasurementError(
            "values: KELIM needs values above 0. Write what is below the assay's limit as that limit."
        )
    first = max(int((day <= 0).sum()) - 1, 0)
    used = slice(first, int((day <= KELIM_DAYS).sum()))
    elapsed, log_value = np.maximum(day[used], 0.0), np.log(value[used])
    if log_value.size < FEWEST_VALUES:
        return None
    scale = np.array([_LOG_KELIM_SD, _LOGIT_SHARE_SD])
    centre = np.array([_LOG_KELIM_MEAN, _LOGIT_SHARE_MEAN])

    def residuals(parameters: FloatArray) -> FloatArray:
        """Of ln value, in units of its SD, and of the two parameters from their prior."""
        curve = _log_share_left(elapsed, parameters[1], parameters[2])
        observed = (log_value - parameters[0] - curve) / _SD_LOG_VALUE
        return np.concatenate([observed, (parameters[1:] - centre) / scale])

    start = np.array([log_value[0], *centre])
    best = least_squares(residuals, start, method="lm")
    covariance = np.linalg.inv(best.jac.T @ best.jac)
    rate = math.exp(best.x[1])
    return Elimination(
        kelim_per_day=rate,
        kelim_se_per_day=rate * math.sqrt(covariance[1, 1]),
        production_share=1.0 / (1.0 + math.exp(-best.x[2])),
        readings=int(log_value.size),
    )


def _log_share_left(elapsed: FloatArray, log_kelim: float, logit_share: float) -> FloatArray:
    """ln[(1-p)·exp(-KELIM·t) + p]."""
    log_gone, log_stays = -np.logaddexp(0.0, logit_share), -np.logaddexp(0.0, -logit_share)
    left: FloatArray = np.logaddexp(log_gone - math.exp(min(log_kelim, 50.0)) * elapsed, log_stays)
    return left


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a marker halves or doubles.

    Attributes:
        time: in the unit the function says.
        standard_error: by the delta method; nan with two values.
    """

    time: float
    standard_error: float


def half_life_days(days: ArrayLike, values: ArrayLike) -> Span | None:
    """Apparent half-life under treatment: ln 2 / -slope of ln(value) from the baseline to the nadir.

    It holds whatever is still produced and is therefore longer than the marker's own half-life in the blood.

    Args:
        days: shape (visits,), rising.
        values: shape (visits,), oldest first.

    Returns:
        Days; None when the first value is the smallest, or one up to the nadir is 0.

    Raises:
        MeasurementError: the series is not one.

    Source: Riedinger et al. 2006, doi:10.1093/annonc/mdl120 (CA-125, log-linear regression).

    >>> round(half_life_days([0, 20, 40], [400.0, 200.0, 100.0]).time, 6)
    20.0
    """
    day, value = checked_series("values", days, values)
    nadir = int(np.argmin(value))
    if nadir == 0 or value[nadir] == 0:
        return None
    slope = log_slope(day[: nadir + 1], value[: nadir + 1])
    if slope.per_week >= 0:
        return None
    weeks = math.log(2.0) / -slope.per_week
    error = weeks * slope.standard_error_per_week / -slope.per_week
    return Span(DAYS_PER_WEEK * weeks, DAYS_PER_WEEK * error)


def psa_doubling_time_months(days: ArrayLike, psa_ng_per_ml: ArrayLike) -> Span | None:
    """PSA doubling time (PSADT): ln 2 / slope of ln(PSA), by least squares.

    Args:
        days: shape (visits,), rising.
        psa_ng_per_ml: shape (visits,); values below 0.2 ng/mL are left out.

    Returns:
        Months; None with fewer than three such values, less than three months between the first and the last, or when
        PSA does not rise.

    Raises:
        MeasurementError: the series is not one.

    Source: Arlen et al. 2008, J Urol 179:2181 (Prostate-Specific Antigen Working Group).

    >>> psa_doubling_time_months([0, 61, 122], [1.0, 2.0, 4.0]).time > 2
    True
    """
    day, value = checked_series("psa_ng_per_ml", days, psa_ng_per_ml)
    high = value >= PSADT_LEAST_NG_PER_ML
    day, value = day[high], value[high]
    if value.size < FEWEST_VALUES or day[-1] - day[0] < PSADT_LEAST_DAYS:
        return None
    slope = log_slope(day, value)
    if slope.per_week <= 0:
        return None
    weeks = math.log(2.0) / slope.per_week
    per_month = DAYS_PER_WEEK / DAYS_PER_MONTH
    return Span(weeks * per_month, weeks * per_month * slope.standard_error_per_week / slope.per_week)
