"""A second forecaster: a distributional regression of the error of "same as last time" on what the series looks like.

It knows nothing of cells; it learns from forecast errors directly what the filter's dynamics leave unexplained.
Averaged with the filter's forecast (`model.linear_pool`) it does better than either.

Public:
    ErrorRegression              the coefficients; `.law(features, last_log_value) -> ErrorLaw`, `.to_dict()`
    error_regression_from_dict(document, source) -> ErrorRegression
    ErrorLaw                     `.cdf(change)`, `.quantiles(levels)`, `.chance_at_least(change)`

The law of e = log(next reading) - log(last reading), u = e / s:

    F(e) = v + (1-v)·{ p·[e >= 0] + (1-p)·( w·L(u - m) + (1-w)·L((u - m - n)/c) ) }

    L      the logistic distribution function
    v      chance that a lesion has disappeared: logit v = a + b·log(last / 25 mm); 0 for a marker
    p      chance that exactly the last value is given again
    s, m   scale and location of the narrow piece, m in scales
    w      share of the narrow piece
    n, c   how much farther out, and how much wider (c > 1), the other piece lies

logit p, m, log s, logit w and n are linear in the features of `model.error_features`; log(c-1), a and b are constants.

Source: distributional regression, Rigby, Stasinopoulos 2005 (GAMLSS), doi:10.1111/j.1467-9876.2005.00510.x; the
coefficients minimise the mean CRPS as in Gneiting et al. 2005, doi:10.1175/MWR2904.1, section 2
(`model.error_regression_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from turnpoint.errors import PriorError
from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.error_features import FEATURES, Origins
from turnpoint.model.floor_leaving import POOLED, FloorLaw
from turnpoint.model.parameters import REFERENCE_DIAMETER_MM

PREDICTORS = ("logit_repeat", "location", "log_scale", "logit_narrow", "tail_location")
CONSTANTS = ("log_tail_excess", "logit_vanish", "vanish_by_size")
TERMS = ("intercept", *FEATURES)

SMALLEST_SCALE, LARGEST_SCALE = 1e-3, 10.0
_LARGEST_LOGIT = 20.0
_SAME = 1e-9

# Where the continuous part is tabulated to invert it, in scales of the piece: dense in the middle, to chances of 1e-9.
_KNOTS = np.sinh(np.linspace(-5.0, 5.0, 101)) * (21.0 / np.sinh(5.0))


@dataclass(frozen=True, slots=True)
class ErrorLaw:
    """The distribution of the change of log value to the next reading, for R origins; fields of shape (R,).

    Attributes:
        repeat: chance that the last value is given again, if the lesion has not disappeared.
        location: of the narrow piece, in scales.
        scale: of the narrow piece, of log value.
        narrow: share of the narrow piece.
        tail_location: of the wide piece less that of the narrow one, in scales of the narrow piece.
        tail_scale: scale of the wide piece over that of the narrow one, above 1.
        vanish: chance that the lesion has disappeared.
    """

    repeat: FloatArray
    location: FloatArray
    scale: FloatArray
    narrow: FloatArray
    tail_location: FloatArray
    tail_scale: FloatArray
    vanish: FloatArray

    def continuous_cdf(self, change: FloatArray) -> FloatArray:
        """P(change <= each of these) of the continuous part, shape (R, G) for changes of shape (R, G) or (G,)."""
        u = change / self.scale[:, None] - self.location[:, None]
        narrow, wide = expit(u), expit((u - self.tail_location[:, None]) / self.tail_scale[:, None])
        found: FloatArray = wide + self.narrow[:, None] * (narrow - wide)
        return found

    def cdf(self, change: FloatArray) -> FloatArray:
        """P(change <= each of these), shape (R, G) for changes of shape (R, G) or (G,)."""
        repeat, vanish = self.repeat[:, None], self.vanish[:, None]
        there = repeat * (change >= -_SAME) + (1.0 - repeat) * self.continuous_cdf(change)
        found: FloatArray = vanish + (1.0 - vanish) * there
        return found

    def chance_at_least(self, change: FloatArray) -> FloatArray:
        """P(change >= this one), shape (R,); a disappeared lesion reaches no finite change."""
        there = self.repeat * (change <= _SAME)
        there = there + (1.0 - self.repeat) * (1.0 - self.continuous_cdf(change[:, None])[:, 0])
        found: FloatArray = (1.0 - self.vanish) * there
        return found

    def quantiles(self, levels: FloatArray) -> FloatArray:
        """The smallest change whose distribution function reaches each level, shape (R, Q).

        Args:
            levels: in (0, 1), shape (Q,).

        Returns:
            -inf where the lesion has disappeared, exactly 0 where the last value is given again; the continuous
            part to better than 0.002 scales.
        """
        vanish, repeat = self.vanish[:, None], self.repeat[:, None]
        below = (1.0 - repeat) * self.continuous_cdf(np.zeros(1))  # of the lesions that are still there
        there = (levels - vanish) / (1.0 - vanish)
        repeats = (there > below) & (there <= below + repeat)
        fresh = np.where(there > below, there - repeat, there) / np.maximum(1.0 - repeat, _SAME)
        change = np.where(repeats, 0.0, self._continuous_quantiles(np.clip(fresh, 0.0, 1.0)))
        return np.where(levels <= vanish, -np.inf, change)

    def _continuous_quantiles(self, levels: FloatArray) -> FloatArray:
        """Inverse of `continuous_cdf` by interpolation between knots of both pieces, shape (R, Q)."""
        wide = self.tail_location[:, None] + self.tail_scale[:, None] * _KNOTS
        u = np.sort(np.concatenate([np.broadcast_to(_KNOTS, wide.shape), wide], axis=1), axis=1)
        change = (u + self.location[:, None]) * self.scale[:, None]
        reached = self.continuous_cdf(change)
        rows = zip(levels, reached, change, strict=True)
        return np.array([np.interp(*row) for row in rows]).reshape(levels.shape)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorRegression:
    """Coefficients of the law of the next reading's error.

    Attributes:
        is_diameter: for diameters in mm, which can disappear; otherwise for a marker, whatever its unit.
        slopes: of each predictor (rows, see `PREDICTORS`) on an intercept and each feature, shape (5, 10).
        constants: see `CONSTANTS`, shape (3,).
        origins: readings it was fitted to.
        longest_gap_days: it has seen no forecast over a much longer time, and should not be asked for one.
        floor: what comes after a sum of 5 mm or less; not used for a marker.
    """

    is_diameter: bool
    slopes: FloatArray
    constants: FloatArray
    origins: int
    longest_gap_days: float
    floor: FloorLaw = POOLED

    def law(self, features: FloatArray, last_log_value: FloatArray) -> ErrorLaw:
        """The law at each origin.

        Args:
            features: scaled, from `model.error_features`, shape (R, 9).
            last_log_value: log of the last reading, shape (R,).
        """
        size = log_size(last_log_value) if self.is_diameter else None
        return law_of(self.slopes, self.constants, with_intercept(features), size)

    def can_forecast(self, origins: Origins) -> BoolArray:
        """Which origins are like those it was fitted to, shape (R,)."""
        return origins.usable & (origins.gap_days <= self.longest_gap_days)

    def to_dict(self) -> dict[str, Any]:
        """The regression as JSON stores it: every coefficient by its name."""
        return {
            "is_diameter": self.is_diameter,
            "predictors": {
                predictor: dict(zip(TERMS, _rounded(row), strict=True))
                for predictor, row in zip(PREDICTORS, self.slopes, strict=True)
            },
            "constants": dict(zip(CONSTANTS, _rounded(self.constants), strict=True)),
            "origins": self.origins,
            "longest_gap_days": self.longest_gap_days,
        } | ({"floor": _floor_to_dict(self.floor)} if self.is_diameter else {})


def law_of(
    slopes: FloatArray, constants: FloatArray, terms: FloatArray, log_size: FloatArray | None
) -> ErrorLaw:
    """The law from coefficients and terms (intercept and features), shape (R, 10); no size: a marker."""
    # A term at a time: a matrix product rounds a row by how many others it is worked out with.
    predictors = np.zeros((len(slopes), len(terms)))
    for slope, term in zip(slopes.T, terms.T, strict=True):
        predictors += slope[:, None] * term
    logit_repeat, location, log_scale, logit_narrow, tail_location = predictors
    vanish = np.zeros(len(terms))
    if log_size is not None:
        logit_vanish = constants[1] + constants[2] * log_size
        vanish = expit(np.clip(logit_vanish, -_LARGEST_LOGIT, _LARGEST_LOGIT))
    return ErrorLaw(
        repeat=expit(logit_repeat),
        location=location,
        scale=np.exp(np.clip(log_scale, np.log(SMALLEST_SCALE), np.log(LARGEST_SCALE))),
        narrow=expit(logit_narrow),
        tail_location=tail_location,
        tail_scale=np.full(len(terms), 1.0 + np.exp(constants[0])),
        vanish=vanish,
    )


def log_size(last_log_value: FloatArray) -> FloatArray:
    """Log of the last diameter over 25 mm."""
    size: FloatArray = last_log_value - np.log(REFERENCE_DIAMETER_MM)
    return size


def with_intercept(features: FloatArray) -> FloatArray:
    """A column of ones before the features."""
    return np.column_stack([np.ones(len(features)), features])


def _floor_to_dict(floor: FloorLaw) -> dict[str, float]:
    return {name: round(getattr(floor, name), 6) for name in FloorLaw.__slots__}


def _floor_of(document: Any) -> FloorLaw:
    """The law of the floor; the pooled one where an earlier version of Turnpoint has written none."""
    stored = document.get("floor")
    if stored is None:
        return POOLED
    floor = FloorLaw(**{name: float(number) for name, number in stored.items()})
    if not all(np.isfinite(number) and number > 0.0 for number in (floor.leaving_per_week, floor.log_size)):
        raise ValueError(floor)
    return floor


def _rounded(row: FloatArray) -> list[float]:
    return [round(float(number), 6) for number in row]


def error_regression_from_dict(document: Any, source: str) -> ErrorRegression:
    """A regression from the dictionary that `ErrorRegression.to_dict` makes; `source` names it in errors.

    Raises:
        PriorError: a coefficient is missing, unknown or not a finite number, or the kind is not true or false.
    """
    try:
        return _checked(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PriorError(
            f"prior {source}: its regression of errors is damaged ({error!r}). Fit it again: turnpoint fit."
        ) from error


def _checked(document: Any) -> ErrorRegression:
    """The regression, or KeyError, TypeError or ValueError."""
    predictors, constants = document["predictors"], document["constants"]
    unknown = set(predictors) ^ set(PREDICTORS) | set(constants) ^ set(CONSTANTS)
    for row in predictors.values():
        unknown |= set(row) ^ set(TERMS)
    if unknown or not isinstance(document["is_diameter"], bool):
        raise ValueError(sorted(unknown) or document["is_diameter"])
    slopes = np.array([[predictors[name][term] for term in TERMS] for name in PREDICTORS], dtype=np.float64)
    found = ErrorRegression(
        is_diameter=document["is_diameter"],
        slopes=slopes,
        constants=np.array([constants[name] for name in CONSTANTS], dtype=np.float64),
        origins=int(document["origins"]),
        longest_gap_days=float(document["longest_gap_days"]),
        floor=_floor_of(document),
    )
    numbers = [*slopes.ravel(), *found.constants, found.longest_gap_days]
    if not np.isfinite(numbers).all() or found.longest_gap_days <= 0.0:
        raise ValueError("a coefficient is not a number")
    return found
