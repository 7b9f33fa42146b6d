"""Exponential rates of one series: growth per month, log slopes, doubling times.

A rate belongs to a scale. On volumes it is three times what it is on diameters (V ~ D^3); a marker has its own. Every
function says which scale it speaks of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.arrays import DAYS_PER_MONTH, DAYS_PER_WEEK, FloatArray, checked_series

VOLUME_PER_DIAMETER_RATE = 3.0


@dataclass(frozen=True, slots=True)
class LogSlope:
    """Least-squares slope of ln(value) over time.

    Attributes:
        per_week: d ln(value)/dt, on the scale of the values.
        standard_error_per_week: nan with two values.
        readings: values it is from.
    """

    per_week: float
    standard_error_per_week: float
    readings: int


def tumour_growth_rate_pct_per_month(days_between: float, first_mm: float, second_mm: float) -> float:
    """Tumour growth rate (TGR): percent of volume gained a month between two sums of diameters.

        TGR = 100·(exp(TG) - 1),   TG = 3·ln(second / first) / months

    Args:
        days_between: above 0; a month is 30.44 days.
        first_mm: above 0.
        second_mm: 0 or more; -100 % when it is 0.

    Raises:
        MeasurementError: a number out of range.

    Source: Ferté et al. 2014, doi:10.1158/1078-0432.CCR-13-2098.

    >>> round(tumour_growth_rate_pct_per_month(365.25 / 12, 10, 11), 1)
    33.1
    """
    for name, number, least in (("days_between", days_between, 0.0), ("first_mm", first_mm, 0.0)):
        if not least < number < math.inf:
            raise MeasurementError(
                f"{name}={number:g}: not a number above 0. Give two different days and a measured size."
            )
    if not 0 <= second_mm < math.inf:
        raise MeasurementError(f"second_mm={second_mm:g}: not a number of 0 or more. Give a diameter in mm.")
    if second_mm == 0:
        return -100.0
    months = days_between / DAYS_PER_MONTH
    growth = VOLUME_PER_DIAMETER_RATE * math.log(second_mm / first_mm) / months
    # A day apart, a doubling is e^63 a month: no float is short of room, but keep the sum finite.
    return 100.0 * math.expm1(min(growth, 700.0))


def log_slope(days: ArrayLike, values: ArrayLike) -> LogSlope:
    """Slope of ln(value) per week, by least squares, with its standard error.

    Args:
        days: shape (visits,), rising.
        values: shape (visits,), all above 0; at least two.

    Raises:
        MeasurementError: the series is not one, has fewer than two values, or one is 0.

    >>> slope = log_slope([0, 7, 14], [1.0, 2.0, 4.0])
    >>> round(slope.per_week, 4), round(slope.standard_error_per_week, 4)
    (0.6931, 0.0)
    """
    day, value = checked_series("values", days, values)
    if value.size < 2 or (value == 0).any():
        raise MeasurementError(
            "values: a log slope needs two values above 0. Leave out zeros, or add a visit."
        )
    week, log_value = day / DAYS_PER_WEEK, np.log(value)
    centred: FloatArray = week - week.mean()
    spread = float(centred @ centred)
    slope = float(centred @ log_value) / spread
    if value.size == 2:
        return LogSlope(slope, float("nan"), 2)
    residual = log_value - log_value.mean() - slope * centred
    variance = float(residual @ residual) / (value.size - 2)
    return LogSlope(slope, math.sqrt(variance / spread), int(value.size))


def doubling_time_weeks(rate_per_week: float) -> float:
    """Weeks in which a quantity doubles at this rate: ln 2 / rate; nan when it does not grow.

    Give a rate on the scale whose doubling is meant: three times the diameter's rate for the volume. The PSA
    doubling time is that of the slope of ln(PSA).

    >>> round(doubling_time_weeks(0.1), 2)
    6.93
    """
    return math.log(2.0) / rate_per_week if rate_per_week > 0 else float("nan")
