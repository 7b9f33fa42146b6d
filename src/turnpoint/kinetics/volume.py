"""Volumes behind diameters: a lesion is taken for a sphere, or for a shape that keeps its proportions (V ~ D^3)."""

from __future__ import annotations

import math

from turnpoint.errors import MeasurementError

# Assumption: 1 cm³ of tumour holds about 1e9 cells. It is the usual figure; in epithelial tumours 1e8 is more
# realistic (Del Monte 2009, doi:10.4161/cc.8.3.7608).
CELLS_PER_CM3 = 1e9


def volume_ratio(diameter_mm: float, later_diameter_mm: float) -> float:
    """How many times the first volume the second is.

        ratio = (later / first)^3

    Args:
        diameter_mm: first diameter, above 0.
        later_diameter_mm: second diameter, 0 or more.

    Raises:
        MeasurementError: a diameter out of range.

    >>> round(volume_ratio(10, 12), 3), volume_ratio(10, 15)
    (1.728, 3.375)
    """
    _check("diameter_mm", diameter_mm, above_zero=True)
    _check("later_diameter_mm", later_diameter_mm)
    return (later_diameter_mm / diameter_mm) ** 3


def doublings(diameter_mm: float, later_diameter_mm: float) -> float:
    """Volume doublings between two diameters; negative when it shrinks, -inf when it disappears.

        doublings = 3·log2(later / first)

    Args:
        diameter_mm: first diameter, above 0.
        later_diameter_mm: second diameter, 0 or more.

    Raises:
        MeasurementError: a diameter out of range.

    >>> round(doublings(10, 15), 3), doublings(20, 10)
    (1.755, -3.0)
    """
    _check("diameter_mm", diameter_mm, above_zero=True)
    _check("later_diameter_mm", later_diameter_mm)
    if later_diameter_mm == 0:
        return -math.inf
    return 3.0 * math.log2(later_diameter_mm / diameter_mm)


def diameter_after_doublings(diameter_mm: float, volume_doublings: float) -> float:
    """Diameter in mm after so many volume doublings: D·2^(n/3).

    Raises:
        MeasurementError: a negative diameter.

    >>> diameter_after_doublings(10, 3)
    20.0
    """
    _check("diameter_mm", diameter_mm)
    return diameter_mm * float(2.0 ** (volume_doublings / 3.0))


def sphere_volume_cm3(diameter_mm: float) -> float:
    """Volume in cm³ of a sphere: π/6·D³.

    Raises:
        MeasurementError: a negative diameter.

    >>> round(sphere_volume_cm3(10), 4)
    0.5236
    """
    _check("diameter_mm", diameter_mm)
    return math.pi / 6.0 * (diameter_mm / 10.0) ** 3


def cell_number_estimate(diameter_mm: float, cells_per_cm3: float = CELLS_PER_CM3) -> float:
    """Cells in a sphere of that diameter: an order of magnitude, under an assumed density.

    A lesion of 10 mm holds about 5e8 cells: 29 doublings of one cell.

    Raises:
        MeasurementError: a negative diameter.

    >>> f"{cell_number_estimate(10):.1e}"
    '5.2e+08'
    """
    return sphere_volume_cm3(diameter_mm) * cells_per_cm3


def _check(name: str, value: float, *, above_zero: bool = False) -> None:
    if not (value > 0 if above_zero else value >= 0) or math.isinf(value):
        rule = "not above 0 mm" if above_zero else "below 0 mm, or not a number"
        raise MeasurementError(f"{name}={value:g}: {rule}. Give a diameter in mm.")
