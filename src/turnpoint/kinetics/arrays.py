"""Arrays of this room, and what every function asks of a series."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from turnpoint.errors import MeasurementError

FloatArray = NDArray[np.float64]

DAYS_PER_WEEK = 7.0
DAYS_PER_MONTH = 365.25 / 12.0


def checked_values(name: str, values: ArrayLike) -> FloatArray:
    """The values as an array.

    Raises:
        MeasurementError: there is none, or one is negative or not a number.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise MeasurementError(f"{name}: empty series. Give at least one value.")
    wrong = ~(array >= 0.0) | np.isinf(array)
    if wrong.any():
        raise MeasurementError(
            f"{name}={array[wrong].flat[0]:g}: not a number of 0 or more. Leave out what could not be measured."
        )
    return array


def checked_series(name: str, days: ArrayLike, values: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Days and values of one series as arrays.

    Raises:
        MeasurementError: empty, of different lengths, a value is negative or not a number, a day
            is not a number, or the days do not rise.
    """
    day, value = np.asarray(days, dtype=np.float64), checked_values(name, values)
    if day.shape != value.shape or day.ndim != 1:
        raise MeasurementError(
            f"{name}: {value.size} values on {day.size} days. Give one day for each value."
        )
    if not np.isfinite(day).all() or (np.diff(day) <= 0).any():
        raise MeasurementError(
            f"{name}: the days do not rise, or one is no number. Sort the series, and give one value a day."
        )
    return day, value
