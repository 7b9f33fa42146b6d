"""What RECIST 1.1 still waits for: how far this tumour must grow before progression would be called."""

from __future__ import annotations

import math
from dataclasses import dataclass

from turnpoint.errors import MeasurementError

PROGRESSION_RATIO = 1.2
PROGRESSION_MM = 5.0


@dataclass(frozen=True, slots=True)
class ProgressionGap:
    """How far the sum of diameters is from progression (+20 % and +5 mm over the nadir).

    Attributes:
        sum_mm: the sum now.
        nadir_mm: the smallest sum so far, baseline included.
        progression_sum_mm: the sum at which progression would be called.
        to_go_mm: millimetres still to gain; 0 when it is already reached.
        volume_ratio: volume at progression over volume now, all diameters growing alike (V ~ D^3).
        doublings: log2 of that.
        volume_ratio_from_nadir: volume at progression over volume at the nadir.
        doublings_from_nadir: log2 of that.
    """

    sum_mm: float
    nadir_mm: float
    progression_sum_mm: float
    to_go_mm: float
    volume_ratio: float
    doublings: float
    volume_ratio_from_nadir: float
    doublings_from_nadir: float


def progression_gap(sum_mm: float, nadir_mm: float) -> ProgressionGap:
    """How far a sum of diameters is from RECIST progression.

        progression sum = max(1.2·nadir, nadir + 5),   volume ratio = (progression sum / sum)^3

    Args:
        sum_mm: the sum now.
        nadir_mm: the smallest sum so far, this one included.

    Returns:
        The gap. After a nadir of 0 mm the ratios to it are inf; when progression is already reached, the
        ratios to the sum now are 1.

    Raises:
        MeasurementError: a sum is negative or not a number, or the nadir is above the sum.

    Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.3.1.

    >>> gap = progression_gap(10.0, 10.0)
    >>> gap.progression_sum_mm, gap.to_go_mm, round(gap.volume_ratio, 3), round(gap.doublings, 3)
    (15.0, 5.0, 3.375, 1.755)
    """
    for name, value in (("sum_mm", sum_mm), ("nadir_mm", nadir_mm)):
        if not (math.isfinite(value) and value >= 0.0):
            raise MeasurementError(f"{name}={value}: not a length. Give millimetres, 0 or more.")
    if nadir_mm > sum_mm:
        raise MeasurementError(
            f"nadir_mm={nadir_mm}: above the sum of {sum_mm} mm. The nadir is the smallest sum, this one included."
        )
    reached = max(PROGRESSION_RATIO * nadir_mm, nadir_mm + PROGRESSION_MM)
    now = _volume_ratio(max(sum_mm, reached), sum_mm)
    from_nadir = _volume_ratio(reached, nadir_mm)
    return ProgressionGap(
        sum_mm=sum_mm,
        nadir_mm=nadir_mm,
        progression_sum_mm=reached,
        to_go_mm=max(reached - sum_mm, 0.0),
        volume_ratio=now,
        doublings=math.log2(now),
        volume_ratio_from_nadir=from_nadir,
        doublings_from_nadir=math.log2(from_nadir),
    )


def _volume_ratio(larger_mm: float, smaller_mm: float) -> float:
    return (larger_mm / smaller_mm) ** 3 if smaller_mm > 0 else math.inf
