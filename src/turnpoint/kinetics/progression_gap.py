"""What RECIST 1.1 still waits for: how far this tumour must grow before progression would be called."""

from __future__ import annotations

from dataclasses import dataclass


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
