"""When a virtual patient is seen, and what is read then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.study.markers import MARKERS

# Diameters at the start: the single lesions of OAK docetaxel (data/README) have a median of 38 mm and an SD of ln of
# 0.6; a target lesion is at least 10 mm (RECIST 1.1, 3.1.1).
BASELINE_MM = 40.0
BASELINE_SD_LOG = 0.6
SMALLEST_TARGET_MM = 10.0
# A marker is followed where it is raised: the median is eight upper limits, and four patients in five have over two.
MARKER_UPPER_LIMITS = 8.0
MARKER_SD_LOG = 1.3
UNKNOWN_UPPER_LIMIT = 5.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which quantities are read, and how often.

    Attributes:
        weeks: from the start to the last planned visit.
        scan_every_weeks: between scans; None when no scan is made.
        marker_every_weeks: by marker.
    """

    weeks: int
    scan_every_weeks: int | None = 6
    marker_every_weeks: Mapping[str, int] = field(default_factory=dict)

    @property
    def quantities(self) -> tuple[str, ...]:
        """The sum of diameters first, then the markers by name, as `model.series.quantities_of` orders them."""
        scans = () if self.scan_every_weeks is None else (SUM_OF_DIAMETERS,)
        return (*scans, *sorted(self.marker_every_weeks))

    def days(self, quantity: str) -> FloatArray:
        """Days on which a quantity is read, the baseline on day 0 first."""
        every = self.scan_every_weeks if quantity == SUM_OF_DIAMETERS else self.marker_every_weeks[quantity]
        if every is None:
            return np.zeros(0)
        return 7.0 * np.arange(0, self.weeks + 1, every, dtype=np.float64)

    @property
    def every_day(self) -> FloatArray:
        """Every day on which anything is read."""
        return np.unique(np.concatenate([self.days(quantity) for quantity in self.quantities]))


def baselines(quantity: str, courses: int, rng: np.random.Generator) -> FloatArray:
    """True values at the start, log-normal: mm for a diameter, the marker's canonical unit else; shape (courses,)."""
    normal = rng.standard_normal(courses)
    if quantity == SUM_OF_DIAMETERS:
        return np.maximum(BASELINE_MM * np.exp(BASELINE_SD_LOG * normal), SMALLEST_TARGET_MM)
    marker = MARKERS.get(quantity)
    limit = (marker and marker.usual_upper_limit) or UNKNOWN_UPPER_LIMIT
    values: FloatArray = MARKER_UPPER_LIMITS * limit * np.exp(MARKER_SD_LOG * normal)
    return values
