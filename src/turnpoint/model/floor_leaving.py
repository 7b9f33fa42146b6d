"""What comes after a sum of 5 mm or less: the same again, for long, or a lesion that is back.

Public:
    FloorLaw                              `.leaving_chance(gap_days)`, `.quantiles(last_value, gap_days, levels)`
    fit_floor_law(origins, centre) -> FloorLaw
    POOLED                                learnt from three CT trials, what every other one is drawn to
    at_floor(last_value) -> bool array

    P(leaves)  =  1 - exp(-λ·gap in weeks)          value  =  last value                    if it stays
                                                    value  =  5 mm·exp(E),  E ~ Exp(mean m)   if it leaves

Neither of the two forecasters foresees this: a random walk that starts at 5 mm is at 6 or 7 mm after two months, and a
regression fitted to larger lesions extrapolates. λ and m are means over the study's origins at the floor, drawn to
`POOLED` as if that had been seen for 60 weeks and in two lesions that came back (posterior means of gamma laws).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.error_features import Origins

_CENTRE_WEEKS, _CENTRE_LEAVES = 60.0, 2.0
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class FloorLaw:
    """The next sum after one of 5 mm or less.

    Attributes:
        leaving_per_week: λ, above 0.
        log_size: m, mean of log(value / 5 mm) of those that leave, above 0.
    """

    leaving_per_week: float
    log_size: float

    def leaving_chance(self, gap_days: FloatArray) -> FloatArray:
        """Chance that the sum is above 5 mm so many days later.

        >>> POOLED.leaving_chance(np.array([0.0, 56.0])).round(3)
        array([0.   , 0.054])
        """
        chance: FloatArray = -np.expm1(-self.leaving_per_week * gap_days / 7.0)
        return chance

    def chance_at_least(self, last_value: FloatArray, gap_days: FloatArray, value: FloatArray) -> FloatArray:
        """Chance of a value or more, shape (R,); arguments as for `quantiles`, values above 0, nan gives nan."""
        beyond = np.maximum(value / TOO_SMALL_MM, 1.0) ** (-1.0 / self.log_size)
        chance: FloatArray = np.where(
            value <= last_value + _SAME, 1.0, self.leaving_chance(gap_days) * beyond
        )
        return chance

    def quantiles(self, last_value: FloatArray, gap_days: FloatArray, levels: FloatArray) -> FloatArray:
        """The smallest value (mm) whose distribution function reaches each level, shape (R, Q).

        Args:
            last_value: 5 mm or less, shape (R,).
            gap_days: to the next reading, above 0, shape (R,).
            levels: in (0, 1), shape (Q,).
        """
        leaves = self.leaving_chance(gap_days)[:, None]
        beyond = np.clip((1.0 - levels) / leaves, 0.0, 1.0)  # of those that leave, who get larger still
        back = TOO_SMALL_MM * beyond**-self.log_size
        found: FloatArray = np.where(levels <= 1.0 - leaves, last_value[:, None], back)
        return found


# 10 of 179 sums of 5 mm or less were above it at the next of 1457 patient-weeks: 4 of 14 in FFCD 2000-05 colorectal
# (14 to 71 mm), 1 of 38 and 5 of 127 in the arms of OAK (6 to 20 mm); two more of 17 mm count for the size.
POOLED = FloorLaw(leaving_per_week=0.0069, log_size=1.3)


def at_floor(last_value: FloatArray) -> BoolArray:
    """Which sums (mm) are 5 mm or less."""
    found: BoolArray = last_value <= TOO_SMALL_MM + _SAME
    return found


def fit_floor_law(origins: Origins, centre: FloorLaw = POOLED) -> FloorLaw:
    """The law of these origins' own study, drawn to another.

    Args:
        origins: of the sum of diameters, with known change.
        centre: what it is drawn to.
    """
    low = origins.only(at_floor(origins.last_value) & np.isfinite(origins.change))
    grown = np.log(low.last_value / TOO_SMALL_MM) + low.change
    left = grown[grown > _SAME]
    weeks = float(low.gap_days.sum()) / 7.0
    return FloorLaw(
        leaving_per_week=(len(left) + centre.leaving_per_week * _CENTRE_WEEKS) / (weeks + _CENTRE_WEEKS),
        log_size=(float(left.sum()) + centre.log_size * _CENTRE_LEAVES) / (len(left) + _CENTRE_LEAVES),
    )
