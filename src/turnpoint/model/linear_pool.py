"""The average of two forecasts of the next reading: the filter's draws and the regression of errors.

Public:
    filter_weight(origins) -> w, for a regression fitted to so many origins
    Pool.of(draws, regression, origins, weight) -> Pool     `.values_and_masses()`

    F(x) = Φ( Φ⁻¹[ w·F_filter(x) + (1-w)·F_regression(x) ] / k )

The mean of distribution functions (linear opinion pool), not of quantiles: what only one of the two foresees, an exact
repeat or a jump, keeps its share. A linear pool of two calibrated forecasts is too wide; k < 1 narrows it. Both w and k
were chosen once by forecasts of patients left out of the fit (docs/results/what-did-not-help.md); a weight estimated in
each study scored no better.

After a sum of 5 mm or less both know little, and F is averaged, half and half, with the law of leaving the floor
(`model.floor_leaving`).

Source: Stone 1961, doi:10.1214/aoms/1177704873 (the pool); Gneiting, Ranjan 2013, doi:10.1214/13-EJS823, sections 2 and
3 (it is overdispersed; remedies).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import FloatArray
from turnpoint.model.error_features import Origins
from turnpoint.model.error_regression import ErrorLaw, ErrorRegression
from turnpoint.model.floor_leaving import POOLED, FloorLaw, at_floor

SPREAD = 0.93  # k
FLOOR_WEIGHT = 0.5  # of the law of leaving the floor: as much as the two others together

# The fewer readings the regression has learned from, the more the filter counts.
_LEAST_FILTER_WEIGHT, _ORIGINS_WORTH = 0.3, 45.0

_SAME = 1e-9

# Chances between which the law is cut into atoms: fine in the tails, where progressions are.
_EDGES = ndtr(np.linspace(-3.5, 3.5, 300))
_EDGES[0], _EDGES[-1] = 0.0, 1.0


def filter_weight(origins: int) -> float:
    """Weight of the filter beside a regression fitted to this many origins: 0.3 + 45 / origins, at most 1.

    >>> filter_weight(150), filter_weight(900)
    (0.6, 0.35)
    """
    return min(round(_LEAST_FILTER_WEIGHT + _ORIGINS_WORTH / max(origins, 1), 4), 1.0)


@dataclass(frozen=True, slots=True)
class Pool:
    """Forecasts of the next reading at R origins.

    Attributes:
        draws: of the filter, as the reading would be written down, shape (R, D).
        law: of the regression.
        last_value: the reading at the origin, in the draws' unit, above 0, shape (R,).
        smallest_value: the regression forecasts nothing below it, shape (R,).
        weight: w of the filter, in [0, 1], shape (R,).
        spread: k, in (0, 1], shape (R,).
        floor_weight: of the law of leaving the floor beside the two others, shape (R,).
        gap_days: to the next reading, shape (R,).
        floor: that law.
    """

    draws: FloatArray
    law: ErrorLaw
    last_value: FloatArray
    smallest_value: FloatArray
    weight: FloatArray
    spread: FloatArray
    floor_weight: FloatArray
    gap_days: FloatArray
    floor: FloorLaw = POOLED

    @classmethod
    def of(cls, draws: FloatArray, regression: ErrorRegression, origins: Origins, weight: float) -> Pool:
        """The average with the usual spread; the filter alone where the regression has nothing to say.

        Args:
            draws: of the filter, shape (R, D).
            regression: of the same quantity.
            origins: the same rows, from `model.error_features.forecast_origins`.
            weight: of the filter, in [0, 1].
        """
        serves = regression.can_forecast(origins)
        floor = origins.usable & at_floor(origins.last_value) & regression.is_diameter  # whatever the gap
        return cls(
            draws=draws,
            law=regression.law(origins.features, origins.last_log_value),
            last_value=origins.last_value,
            smallest_value=origins.smallest_value,
            weight=np.where(serves, weight, 1.0),
            spread=np.where(serves & (0.0 < weight < 1.0), SPREAD, 1.0),
            floor_weight=np.where(floor, FLOOR_WEIGHT, 0.0),
            gap_days=origins.gap_days,
            floor=regression.floor,
        )

    def values_and_masses(self) -> tuple[FloatArray, FloatArray]:
        """The forecast as weighted values.

        Returns:
            The draws and 299 values of the law, rows in increasing order, and their mass, rows adding up to 1; shapes
            (R, D + 299). Where a row is at the floor 299 values of that law too: (R, D + 598).
        """
        values, masses = self._of_two()
        return self._with_floor(values, masses) if self.floor_weight.any() else (values, masses)

    def _of_two(self) -> tuple[FloatArray, FloatArray]:
        """The filter's and the regression's."""
        atoms, number = np.diff(_EDGES), self.draws.shape[1]
        learned = self.last_value[:, None] * np.exp(self.law.quantiles(_EDGES[:-1] + atoms / 2.0))
        values = np.concatenate([self.draws, np.maximum(learned, self.smallest_value[:, None])], axis=1)
        order = np.argsort(values, axis=1)
        by_filter = self.weight[:, None]
        shares = np.concatenate([np.full(number, 1.0 / number), atoms])[order]
        masses = np.where(order < number, by_filter, 1.0 - by_filter) * shares
        return np.take_along_axis(values, order, axis=1), self._narrowed(masses)

    def chance_at_least(self, value: FloatArray) -> FloatArray:
        """P(the next reading is this one or more), shape (R,); what `values_and_masses` adds up, without its atoms.

        Args:
            value: above 0, shape (R,); nan gives nan.
        """
        by_filter = (self.draws < value[:, None] - _SAME).mean(axis=1)
        change = np.log(np.maximum(value, _SAME) / self.last_value)
        learned = np.where(value <= self.smallest_value, 0.0, 1.0 - self.law.chance_at_least(change))
        below = self.weight * by_filter + (1.0 - self.weight) * learned
        chance = 1.0 - ndtr(ndtri(np.clip(below, 0.0, 1.0)) / self.spread)
        by_floor = self.floor.chance_at_least(np.minimum(self.last_value, TOO_SMALL_MM), self.gap_days, value)
        averaged: FloatArray = (1.0 - self.floor_weight) * chance + self.floor_weight * by_floor
        return np.where(np.isnan(value), np.nan, averaged)

    def _with_floor(self, values: FloatArray, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Averaged with the law of leaving the floor, rows in increasing order again."""
        atoms, weight = np.diff(_EDGES), self.floor_weight[:, None]
        last_value = np.minimum(self.last_value, TOO_SMALL_MM)
        learned = self.floor.quantiles(last_value, self.gap_days, _EDGES[:-1] + atoms / 2.0)
        values = np.concatenate([values, learned], axis=1)
        masses = np.concatenate([(1.0 - weight) * masses, weight * atoms], axis=1)
        order = np.argsort(values, axis=1)
        return np.take_along_axis(values, order, axis=1), np.take_along_axis(masses, order, axis=1)

    def _narrowed(self, masses: FloatArray) -> FloatArray:
        """The mass of each value, in increasing order, after F has become Φ(Φ⁻¹(F) / k)."""
        narrow = np.flatnonzero(self.spread < 1.0)
        reached = np.clip(np.cumsum(masses[narrow], axis=1), 0.0, 1.0)
        reached[:, -1] = 1.0
        narrowed = ndtr(ndtri(reached) / self.spread[narrow, None])
        masses[narrow] = np.maximum(
            np.diff(narrowed, axis=1, prepend=0.0), 0.0
        )  # rounding may take it below 0
        return masses
