"""How fast a marker leaves the blood under treatment: half-life, KELIM, and the PSA doubling time.

Under a treatment that holds, production of the marker falls to a share p of what balanced its start, and the rest is
washed out at the rate KELIM (the K-PD model of You et al. with the drug's effect constant over the first 100 days):

    dM/dt = p·KELIM·M0 - KELIM·M          M(t) = M0·[(1-p)·exp(-KELIM·t) + p]

The published model also has the drug's virtual amount and a growth of production, which three to six values of one
patient do not tell apart; there they come from the population. Here KELIM is the maximum a posteriori of one patient
under a weak prior: ln KELIM around 0.037 a day (SD 1), logit p around 10 % (SD 2), readings with an SD of 0.165 of ln
value. It pulls p towards 10 % and so a little above the plain slope. The published cut of 1.0 is for KELIM divided by a
constant of the treatment; those constants were not found, and no cut is applied. For PSA the prior is wider (median
0.043, SD 1.5: published rates run from 0.008 to 0.23 a day), and a reading has an SD of 0.30.

The plain slope of ln(value) is no substitute: as soon as the marker nears what is still produced, it flattens. On
values from the full published model, every 21 days to day 84, the rank correlation with the true KELIM is 0.8 for this
estimate and 0.2 for the slope (a test holds it to that).

Source: You et al. 2020, Clin Cancer Res (CALYPSO: KELIM, first 100 days, at least three values); Wilbaux et al. 2014,
CPT Pharmacometrics Syst Pharmacol (0.037 a day, residual SD 0.165); PSA: Wilbaux et al. 2015, doi:10.1002/psp4.34
(0.008 a day, residual SD 0.30), and Desmée et al. 2015, doi:10.1208/s12248-015-9745-5 (0.23 a day); Arlen et al. 2008,
J Urol (PSA doubling time; the rule as it is usually quoted, the paper itself was not read).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.arrays import DAYS_PER_MONTH, DAYS_PER_WEEK, FloatArray, checked_series
from turnpoint.kinetics.growth_rates import log_slope
from turnpoint.kinetics.least_squares import least_squares

KELIM_DAYS: Final = 100.0
FEWEST_VALUES: Final = 3


@dataclass(frozen=True, slots=True)
class EliminationPrior:
    """What is taken as known of one marker.

    Attributes:
        median_per_day: median of KELIM.
        sd_log: SD of ln KELIM.
        sd_log_value: SD of ln(value) about the curve.
    """

    median_per_day: float
    sd_log: float
    sd_log_value: float


KELIM_PRIORS: Final[Mapping[str, EliminationPrior]] = MappingProxyType(
    {"CA-125": EliminationPrior(0.037, 1.0, 0.165), "PSA": EliminationPrior(0.043, 1.5, 0.30)}
)
# logit p around 10 %, wide.
_LOGIT_SHARE_MEAN: Final = -2.2
_LOGIT_SHARE_SD: Final = 2.0
# Where the search starts from, relative to the prior's median: from nearly flat to gone before the second value.
_STARTS: Final = (0.25, 1.0, 4.0)

PSADT_LEAST_NG_PER_ML: Final = 0.2
# Three calendar months are 90 to 92 days (1 January to 1 April of a common year, 1 June to 1 September); in a day count
# no month is known, so the shortest of them will do.
PSADT_LEAST_DAYS: Final = 90.0


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


def kelim(days: ArrayLike, values: ArrayLike, marker: str = "CA-125") -> Elimination | None:
    """KELIM from the values of the first 100 days of treatment.

    Args:
        days: day 0 is the start of treatment, shape (visits,), rising; of days before it the last one is used.
        values: in one unit, above 0, shape (visits,).
        marker: one of `KELIM_PRIORS`.

    Returns:
        The maximum a posteriori; None with fewer than three values up to day 100, the last before treatment included.

    Raises:
        MeasurementError: the series is not one, a value is 0, or the marker has no prior.

    >>> found = kelim([0, 21, 42, 63], [400.0, 185.0, 86.0, 40.0])
    >>> round(found.kelim_per_day, 3), round(found.kelim_se_per_day, 3)
    (0.042, 0.009)
    """
    day, value = checked_series("values", days, values)
    if (value == 0).any():
        raise MeasurementError(
            "values: KELIM needs values above 0. Write what is below the assay's limit as that limit."
        )
    if marker not in KELIM_PRIORS:
        raise MeasurementError(
            f"marker={marker}: KELIM has no prior for it. Give {' or '.join(KELIM_PRIORS)}."
        )
    return kelim_of_each([(day, value)], marker)[0]


def kelim_of_each(series: Sequence[tuple[FloatArray, FloatArray]], marker: str) -> list[Elimination | None]:
    """KELIM of many series of one marker, each by itself; far quicker than one after the other.

    Args:
        series: days and values of each, as `kelim` takes them, already checked.
        marker: one of `KELIM_PRIORS`.

    Returns:
        What `kelim` gives for each.
    """
    found: list[Elimination | None] = [None] * len(series)
    of_length: defaultdict[int, list[int]] = defaultdict(list)
    early = [_first_100_days(day, value) for day, value in series]
    for number, (day, _) in enumerate(early):
        if day.size >= FEWEST_VALUES:
            of_length[day.size].append(number)
    for numbers in of_length.values():
        elapsed = np.stack([early[number][0] for number in numbers])
        log_value = np.log(np.stack([early[number][1] for number in numbers]))
        for number, rate in zip(
            numbers, _most_probable(elapsed, log_value, KELIM_PRIORS[marker]), strict=True
        ):
            found[number] = rate
    return found


def _first_100_days(day: FloatArray, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Days since the start and values, from the last before it on; until the start the marker is taken as steady."""
    used = slice(max(int((day <= 0).sum()) - 1, 0), int((day <= KELIM_DAYS).sum()))
    return np.maximum(day[used], 0.0), value[used]


def _most_probable(
    elapsed: FloatArray, log_value: FloatArray, prior: EliminationPrior
) -> list[Elimination | None]:
    """The maximum a posteriori of series of one length, shape (series, readings); None where it is not found."""
    centre = np.array([0.0, math.log(prior.median_per_day), _LOGIT_SHARE_MEAN])
    weight = np.array([0.0, 1.0 / prior.sd_log, 1.0 / _LOGIT_SHARE_SD])

    def residuals(parameters: FloatArray, numbers: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Of ln value, in units of its SD, and of the two parameters from their prior."""
        left, slopes = _log_share_left(elapsed[numbers], parameters)
        observed = (parameters[:, :1] + left - log_value[numbers]) / prior.sd_log_value
        of_prior = np.broadcast_to(np.diag(weight), (len(numbers), 3, 3))
        return np.concatenate([observed, (parameters - centre) * weight], axis=1), np.concatenate(
            [slopes / prior.sd_log_value, of_prior], axis=2
        )

    best, least = np.zeros((len(elapsed), 3)), np.full(len(elapsed), np.inf)
    covariance = np.zeros((len(elapsed), 3, 3))
    for factor in _STARTS:
        rest = np.tile(centre[1:] + np.array([math.log(factor), 0.0]), (len(elapsed), 1))
        tried = least_squares(residuals, np.concatenate([log_value[:, :1], rest], axis=1))
        less = tried.converged & (tried.squares < least)
        best[less], least[less] = tried.values[less], tried.squares[less]
        slopes = tried.slopes[less]
        covariance[less] = np.linalg.inv(slopes @ slopes.transpose(0, 2, 1))
    rates, errors = np.exp(best[:, 1]), np.exp(best[:, 1]) * np.sqrt(covariance[:, 1, 1])
    return [
        Elimination(rate, error, share, elapsed.shape[1]) if found else None
        for rate, error, share, found in zip(
            rates.tolist(), errors.tolist(), expit(best[:, 2]).tolist(), np.isfinite(least), strict=True
        )
    ]


def _log_share_left(elapsed: FloatArray, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """ln[(1-p)·exp(-KELIM·t) + p], and the slopes of ln value along ln M0, ln KELIM and logit p."""
    rate = np.exp(np.minimum(parameters[:, 1:2], 50.0))
    log_gone, log_stays = -np.logaddexp(0.0, parameters[:, 2:]), -np.logaddexp(0.0, -parameters[:, 2:])
    left = np.logaddexp(log_gone - rate * elapsed, log_stays)
    washed_out = np.exp(log_gone - rate * elapsed - left)  # what is left of the start, as a share of all
    slopes = [
        np.ones_like(elapsed),
        -rate * elapsed * washed_out,
        -np.expm1(-rate * elapsed) * np.exp(log_gone + log_stays - left),
    ]
    return left, np.stack(slopes, axis=1)


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
        Months; None with fewer than three such values, less than three months (90 days) between the first and the last,
        or when PSA does not rise.

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
