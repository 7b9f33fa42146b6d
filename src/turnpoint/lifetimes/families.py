"""Accelerated failure times: Z standard normal makes T log-normal, Z of smallest extreme value makes it Weibull.

    ln T = μ + σ·Z
    z = (ln T - μ) / σ        S(T) = P(Z > z)        f(T) = φ(z) / (σ·T)

Source: Kalbfleisch, Prentice 2002, The Statistical Analysis of Failure Time Data, chapter 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from turnpoint.model.arrays import FloatArray

_LARGEST_EXPONENT: Final = 300.0
_HALF_LOG_2_PI: Final = 0.5 * float(np.log(2.0 * np.pi))


class Family(Protocol):
    """The law of Z: arrays of any shape in, the same shape out."""

    def log_survival(self, z: FloatArray) -> FloatArray:
        """Ln P(Z > z)."""

    def log_density(self, z: FloatArray) -> FloatArray:
        """Ln φ(z)."""

    def log_survival_slope(self, z: FloatArray) -> FloatArray:
        """D ln P(Z > z) / dz, below 0."""

    def log_density_slope(self, z: FloatArray) -> FloatArray:
        """D ln φ(z) / dz."""

    def z_at(self, log_survival: FloatArray) -> FloatArray:
        """The z at which ln P(Z > z) has this value: the inverse of `log_survival`."""


class LogNormal:
    """Z is standard normal."""

    def log_survival(self, z: FloatArray) -> FloatArray:
        """Ln Φ(-z)."""
        found: FloatArray = log_ndtr(-z)
        return found

    def log_density(self, z: FloatArray) -> FloatArray:
        """-z²/2 - ln(2π)/2."""
        found: FloatArray = -0.5 * z**2 - _HALF_LOG_2_PI
        return found

    def log_survival_slope(self, z: FloatArray) -> FloatArray:
        """-φ(z) / Φ(-z)."""
        found: FloatArray = -np.exp(self.log_density(z) - self.log_survival(z))
        return found

    def log_density_slope(self, z: FloatArray) -> FloatArray:
        """-z."""
        return -z

    def z_at(self, log_survival: FloatArray) -> FloatArray:
        """-Φ⁻¹(exp(log_survival))."""
        found: FloatArray = -ndtri_exp(log_survival)
        return found


class Weibull:
    """Z is the smallest extreme value: P(Z > z) = exp(-exp(z)); the shape of T is 1/σ."""

    def log_survival(self, z: FloatArray) -> FloatArray:
        """-exp(z)."""
        return -_exp(z)

    def log_density(self, z: FloatArray) -> FloatArray:
        """Z - exp(z)."""
        return z - _exp(z)

    def log_survival_slope(self, z: FloatArray) -> FloatArray:
        """-exp(z)."""
        return -_exp(z)

    def log_density_slope(self, z: FloatArray) -> FloatArray:
        """1 - exp(z)."""
        return 1.0 - _exp(z)

    def z_at(self, log_survival: FloatArray) -> FloatArray:
        """ln(-log_survival)."""
        found: FloatArray = np.log(-log_survival)
        return found


def _exp(z: FloatArray) -> FloatArray:
    found: FloatArray = np.exp(np.minimum(z, _LARGEST_EXPONENT))
    return found


FAMILIES: Final[Mapping[str, Family]] = MappingProxyType({"log-normal": LogNormal(), "weibull": Weibull()})
