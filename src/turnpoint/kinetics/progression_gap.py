"""What RECIST 1.1 still waits for: how far this tumour must grow before progression would be called."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from turnpoint.errors import MeasurementError
from turnpoint.study.recist_bar import progression_bar_mm


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
        doublings_from_nadir: log2 of that. None where the sum to grow from is 0 mm.
    """

    sum_mm: float
    nadir_mm: float
    progression_sum_mm: float
    to_go_mm: float
    volume_ratio: float | None
    doublings: float | None
    volume_ratio_from_nadir: float | None
    doublings_from_nadir: float | None


def progression_gap(sum_mm: float, nadir_mm: float) -> ProgressionGap:
    """How far a sum of diameters is from progression by RECIST 1.1.

        progression_sum = max(1.2·nadir, nadir + 5 mm)

    Args:
        sum_mm: the sum now.
        nadir_mm: the smallest sum so far, baseline and this visit included.

    Returns:
        The gap. Ratios and doublings are None from a sum of 0 mm, 1 and 0 when progression is already reached.

    Raises:
        MeasurementError: a sum is negative or not a number, or the nadir is above the sum.

    Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.3.1.

    >>> gap = progression_gap(10, 10)
    >>> gap.progression_sum_mm, gap.volume_ratio, round(gap.doublings, 3)
    (15.0, 3.375, 1.755)
    """
    if not (0.0 <= nadir_mm <= sum_mm) or math.isinf(sum_mm):
        raise MeasurementError(
            f"sum_mm={sum_mm:g}, nadir_mm={nadir_mm:g}: not 0 <= nadir <= sum. "
            "Give the sum now, and the smallest sum up to and including it."
        )
    at_progression = float(progression_bar_mm(np.asarray(nadir_mm, np.float64)))
    ratio = _cubed(max(at_progression, sum_mm), sum_mm)
    from_nadir = _cubed(at_progression, nadir_mm)
    return ProgressionGap(
        sum_mm=float(sum_mm),
        nadir_mm=float(nadir_mm),
        progression_sum_mm=at_progression,
        to_go_mm=float(max(at_progression - sum_mm, 0.0)),
        volume_ratio=ratio,
        doublings=None if ratio is None else math.log2(ratio),
        volume_ratio_from_nadir=from_nadir,
        doublings_from_nadir=None if from_nadir is None else math.log2(from_nadir),
    )


def _cubed(later_mm: float, now_mm: float) -> float | None:
    # A sum of 1e-200 mm is nothing, and its cube overflows.
    return None if now_mm * 1e50 < later_mm else float((later_mm / now_mm) ** 3)
