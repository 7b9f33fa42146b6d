"""What a change must exceed to be more than reading or assay error."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import ndtr

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.study.markers import MARKERS, ONE_SIDED_95

# SD of one reading of a lesion: a share of its diameter and about a millimetre. Repeat CT within 15 minutes: the
# difference between two readings has SD 2.4 mm and is within 10 % in 84 of 100 (Oxnard et al. 2011,
# doi:10.1200/JCO.2010.33.6198), so 7 %, of 34 mm, which is what these two give together there. A prior fitted to
# routine readings finds less, because readers repeat the last value.
READING_SD_SHARE = 0.04
READING_SD_MM = 1.0
USUAL_DIAMETER_MM = 40.0
# One change in twenty that error alone makes is called a change (`ONE_SIDED_95` is its z): the bound of every
# reference change value.
CHANCE_OF_ERROR = 0.05
_GRID = np.linspace(-8.0, 8.0, 1601)
_MOST_COMPETING = 64


def reading_sd_mm(diameter_mm: FloatArray) -> FloatArray:
    """SD of one reading of a lesion, in mm: √[(0.04·diameter)² + 1²]; any shape.

    >>> reading_sd_mm(np.array([10.0, 40.0, 100.0])).round(2)
    array([1.08, 1.89, 4.12])
    """
    sd: FloatArray = np.hypot(READING_SD_SHARE * diameter_mm, READING_SD_MM)
    return sd


def detectable_log_change(quantity: str, prior: Prior) -> float:
    """Smallest change of log value between two readings that error alone makes in at most one of twenty.

        diameter:  1.645·√2·SD / 40 mm, of one lesion of 40 mm (`detectable_log_change_of_sum` knows the size)
        marker:    the larger of its reference change (log form) and 1.645·√2·sd_reading

    Reference changes are published for some markers only (`study.markers`).
    """
    if quantity == SUM_OF_DIAMETERS:
        return float(detectable_log_change_of_sum(np.array([USUAL_DIAMETER_MM]), np.array([1]))[0])
    marker = MARKERS.get(quantity)
    error = ONE_SIDED_95 * np.sqrt(2.0) * prior.sd_reading(quantity)
    return float(max(error, (marker and marker.reference_change_log) or 0.0))


def detectable_log_change_of_sum(sum_mm: FloatArray, lesions: IntArray) -> FloatArray:
    """The same for a sum of this size of so many lesions, as if they were equally large; any shape.

        1.645·√2·√[(0.04·sum)²/lesions + lesions·1²] / sum

    >>> detectable_log_change_of_sum(np.array([11.0, 110.0]), np.array([1, 1])).round(3)
    array([0.231, 0.095])
    """
    size, count = np.maximum(sum_mm, 1.0), np.maximum(lesions, 1)
    sd = np.sqrt((READING_SD_SHARE * size) ** 2 / count + count * READING_SD_MM**2)
    change: FloatArray = ONE_SIDED_95 * np.sqrt(2.0) * sd / size
    return change


def detectable_log_burden(quantity: str, prior: Prior) -> float:
    """`detectable_log_change` on the volume scale: three times for a diameter."""
    return detectable_log_change(quantity, prior) * (3.0 if quantity == SUM_OF_DIAMETERS else 1.0)


def bounds_of_change(
    competing: IntArray, looked_at: IntArray, chance_of_error: float = CHANCE_OF_ERROR
) -> FloatArray:
    """How far a reading must lie beyond the most extreme of n others, in SDs of the difference of two; any shape.

    The smallest of many noisy readings lies far below the level that they all have. With n readings of one level and
    one more, all with the same error,

        P(the one more lies c SDs of a reading or less above the smallest of n) = ∫ φ(z)·Φ(c - z)^n dz = 1 - α/m

    gives c, and c/√2 is returned: 1.645 for one other reading. The chance of error is shared by the m series looked at.

    Args:
        competing: n, 1 or more; above 64 it counts as 64.
        looked_at: m, 1 or more: as many lesions, say.
        chance_of_error: α, between 0 and 1.

    >>> bounds_of_change(np.array([1, 4, 15]), np.array([1, 1, 1])).round(2)
    array([1.64, 2.16, 2.57])
    """
    table = {
        (n, m): _bound(n, m, chance_of_error)
        for n, m in {*zip(np.ravel(competing).tolist(), np.ravel(looked_at).tolist(), strict=True)}
    }
    pairs = zip(np.ravel(competing).tolist(), np.ravel(looked_at).tolist(), strict=True)
    return np.array([table[pair] for pair in pairs], dtype=np.float64).reshape(np.shape(competing))


@cache
def _bound(competing: int, looked_at: int, chance_of_error: float) -> float:
    """One entry of `bounds_of_change`, by bisection."""
    n, wanted = min(max(competing, 1), _MOST_COMPETING), 1.0 - chance_of_error / max(looked_at, 1)
    density = np.exp(-0.5 * _GRID**2) / np.sqrt(2.0 * np.pi) * (_GRID[1] - _GRID[0])
    low, high = 0.0, 12.0
    for _ in range(40):
        middle = (low + high) / 2.0
        if (density * ndtr(middle - _GRID) ** n).sum() < wanted:
            low = middle
        else:
            high = middle
    return float(high / np.sqrt(2.0))
