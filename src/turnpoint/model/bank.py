"""Banks of particles: the parameters the filter works with, and what many patients can share of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.parameters import Reading, dynamics_of, reading_of
from turnpoint.model.prior import Prior

Precision = np.dtype[Any]
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)

RATES = 3  # log d, log g, logit φ come first among the parameters
_MOST_TIMES = 4096  # of 2048 particles in float32: 32 MiB a quantity


@dataclass(slots=True)
class Signals:
    """The log signal of one quantity for particles that serve many patients, worked out once for each time.

    Attributes:
        dynamics, reading: of the particles, shape (K,).
        known: the log signal, shape (K,), by weeks on and off; forgotten when there are too many.
    """

    dynamics: Dynamics
    reading: Reading
    known: dict[tuple[float, float], FloatArray] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def at(self, on_weeks: FloatArray, off_weeks: FloatArray) -> FloatArray:
        """Log signal at each pair of times, shape (n,), for each particle, shape (n, K)."""
        times = list(zip(on_weeks.tolist(), off_weeks.tolist(), strict=True))
        with self.lock:
            missing = [time for time in dict.fromkeys(times) if time not in self.known]
            if len(self.known) + len(missing) > _MOST_TIMES:
                self.known.clear()
                missing = list(dict.fromkeys(times))
            for time in missing:
                self.known[time] = self._log_signal(*time)
            return np.stack([self.known[time] for time in times])

    def _log_signal(self, on_weeks: float, off_weeks: float) -> FloatArray:
        signal = expected_log_value(self.dynamics, self.reading, np.asarray(on_weeks), np.asarray(off_weeks))
        return signal.astype(self.dynamics.kill_per_week.dtype)


def expected_log_value(
    dynamics: Dynamics, reading: Reading, on_weeks: FloatArray, off_weeks: FloatArray
) -> FloatArray:
    """Signal of the burden and surge, up to the patient's own level; weeks broadcast against the parameters."""
    signal = reading.log_signal(dynamics.log_burden(on_weeks, off_weeks))
    return signal + reading.log_surge_at(on_weeks + off_weeks)


@dataclass(frozen=True, slots=True)
class Bank:
    """Particles, one set for all patients or one for each patient of a batch.

    Attributes:
        particles: transformed parameters, shape (K, dimensions) or (P, K, dimensions).
        dynamics, readings: natural parameters in the precision of the filter, shape (K,) or (P, K).
        signals: by quantity, for one set for all; empty otherwise.
        log_importance: log of prior / density the particles were drawn from, shape (P, 1, K); 0 for draws from the
            prior.
        rate_moments: log d, log g and logit φ in prior SDs from the prior's mean, and their squares; shape
            (1, 6, K) or (P, 6, K).
        laid_out: the parameters as compiled loops take them, once somebody has asked.
    """

    particles: FloatArray
    dynamics: Dynamics
    readings: Mapping[str, Reading]
    signals: Mapping[str, Signals]
    rate_moments: FloatArray
    log_importance: FloatArray | float = 0.0
    laid_out: dict[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        prior: Prior,
        particles: FloatArray,
        *,
        log_importance: FloatArray | float = 0.0,
        precision: Precision = DOUBLE,
    ) -> Bank:
        """A bank of these particles; `precision` is that of the filter's arithmetic."""
        rounded = _by_parameter(particles, precision)
        dynamics = _without_certainty(dynamics_of(rounded))
        readings = {
            quantity: reading_of(rounded, quantity, position)
            for position, quantity in enumerate(prior.quantities)
        }
        is_own = particles.ndim > 2
        signals = {} if is_own else {name: Signals(dynamics, own) for name, own in readings.items()}
        moments = _rate_moments(prior, rounded if is_own else rounded[None])
        return cls(particles, dynamics, readings, signals, moments, log_importance)

    @property
    def precision(self) -> Precision:
        """Of the filter's arithmetic."""
        return self.dynamics.kill_per_week.dtype

    @property
    def is_own(self) -> bool:
        """Each patient has particles of their own."""
        return self.particles.ndim > 2

    @property
    def size(self) -> int:
        """Particles of a set."""
        size: int = self.particles.shape[-2]
        return size

    def dynamics_sets(self) -> FloatArray:
        """The dynamics as `dynamics_sets` gives them, shape (P or 1, 5, K)."""
        if "" not in self.laid_out:
            self.laid_out[""] = dynamics_sets(self.dynamics)
        return self.laid_out[""]

    def reading_sets(self, quantity: str) -> FloatArray:
        """The reading parameters in their own order, shape (P or 1, 8, K)."""
        if quantity not in self.laid_out:
            self.laid_out[quantity] = reading_sets(self.readings[quantity])
        return self.laid_out[quantity]


def _without_certainty(dynamics: Dynamics) -> Dynamics:
    """φ below 1 by what the precision can tell, so that log(1 - φ) is finite."""
    fraction = dynamics.resistant_fraction
    highest = fraction.dtype.type(1.0 - np.finfo(fraction.dtype).eps)
    return replace(dynamics, resistant_fraction=np.minimum(fraction, highest))


def _by_parameter(particles: FloatArray, precision: Precision) -> FloatArray:
    """The same array in this precision, each parameter's numbers side by side, as the arithmetic takes them."""
    laid_out: FloatArray = np.ascontiguousarray(np.moveaxis(particles, -1, 0), dtype=precision)
    return np.moveaxis(laid_out, 0, -1)


def _rate_moments(prior: Prior, particles: FloatArray) -> FloatArray:
    apart = particles[..., :RATES] - prior.mean[:RATES].astype(particles.dtype)
    apart /= np.sqrt(np.diag(prior.covariance)[:RATES]).astype(particles.dtype)
    moments: FloatArray = np.concatenate([apart, apart**2], axis=-1)
    return np.ascontiguousarray(np.swapaxes(moments, -1, -2))


def dynamics_sets(dynamics: Dynamics) -> FloatArray:
    """What `model.kernel.log_signals` takes of the burden: log(1-phi), d, r, log(phi), g; as `sets`."""
    fraction = dynamics.resistant_fraction
    return sets(
        np.log1p(-fraction),
        dynamics.kill_per_week,
        dynamics.off_growth_per_week,
        np.log(fraction),
        dynamics.regrowth_per_week,
    )


def sets(*parameters: FloatArray) -> FloatArray:
    """Parameters of shape (K,) or (P, K) as sets, float32, shape (P or 1, parameters, K)."""
    sets: FloatArray = np.ascontiguousarray(
        np.stack([np.atleast_2d(own) for own in parameters], axis=1), dtype=np.float32
    )
    return sets


def reading_sets(reading: Reading) -> FloatArray:
    """The reading parameters in their own order: background to surge, as `sets`."""
    return sets(*(getattr(reading, name) for name in Reading.__slots__ if name != "is_diameter"))
