"""What would settle it soonest: the expected information of measurements that have not been made yet.

The question is yes or no, as of the visit: has the turning point passed, and will resistant cells visibly grow within
half a year? An alert rests on it, and it means the same whatever is measured next; responding, plateau and regrowing do
not, for they are defined by what the quantity at hand could show. Fixed at the visit, it can only be told better by
more readings.

For a plan with readings Y, posterior draws θ_k and the answer A(θ):

    I(A; Y) = E_Y KL[ P(A | Y) ‖ P(A) ]       in bits: the expected fall of the entropy of the answer, never below 0
    P(A | y) = Σ_k A(θ_k)·p(y | θ_k, data) / Σ_k p(y | θ_k, data)

by nested Monte Carlo: y from some of the draws (`model.forecast.readings_ahead`), weighed by the others with the
observation model of the filter (`model.observation.run_series`), repeats, jumps and limits included. The same draws
tell the answers in every plan, so that plans differ by their readings and not by chance. The estimate is too high by
about 0.7 / (draws in effect) bits.

Sources: Lindley 1956, doi:10.1214/aoms/1177728069 (expected information of an experiment); Rainforth et al. 2018,
PMLR 80:4267 (nested Monte Carlo).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import xlogy

from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.bank import Signals
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.filter import PartPosterior, Posterior, QuantityPosterior
from turnpoint.model.forecast import SMALLEST_FORECAST_MM, readings_ahead
from turnpoint.model.observation import Known, run_series
from turnpoint.model.parameters import SUM_OF_DIAMETERS, Reading
from turnpoint.model.prior import Prior
from turnpoint.model.series import MARKER_STEP, READING_STEP_MM, SMALLEST_MARKER, Series
from turnpoint.turning.progression_ahead import exposure_ahead
from turnpoint.turning.tables import will_show

DECIDED_ABOVE = 0.9
PATHS = 256
HORIZON_WEEKS = 24.0
_SEED_OF_PART = 1009  # apart, so that lesions do not share their noise


@dataclass(frozen=True, slots=True)
class Plan:
    """Measurements after the visit.

    Attributes:
        name: as shown.
        weeks: by quantity, how many weeks after the visit it is read, increasing.
    """

    name: str
    weeks: Mapping[str, tuple[float, ...]]

    @property
    def days(self) -> tuple[int, ...]:
        """Days after the visit on which anything is measured."""
        return tuple(sorted({round(7.0 * week) for own in self.weeks.values() for week in own}))

    @property
    def scans(self) -> int:
        """How many scans."""
        return len(self.weeks.get(SUM_OF_DIAMETERS, ()))

    @property
    def blood_tests(self) -> int:
        """How many days with blood drawn; one is enough for every marker."""
        return len({week for name, own in self.weeks.items() if name != SUM_OF_DIAMETERS for week in own})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan can be expected to tell.

    Attributes:
        information_bits: expected fall of the entropy of the answer; 1 bit is all there is to a question of even odds.
        standard_error_bits: of `information_bits` over the simulated readings.
        information_bit_weeks: how much is known, for how long: the information after each reading times the weeks to
            the next one or to the horizon. Soon and much counts more than soon and little, or much and late.
        p_decided: chance that yes or no comes to be more probable than the bound, at the latest by the last reading.
        weeks: expected weeks until then; the horizon counts where it never does.
    """

    information_bits: float
    standard_error_bits: float
    information_bit_weeks: float
    p_decided: float
    weeks: float


def turned_resistant(posterior: Posterior, prior: Prior) -> BoolArray:
    """The answer in each draw: turned, and the resistant part will visibly grow within half a year; shape (R, D).

    In any quantity in the data that is above its limit (`turning.tables`); where none is, only the turn counts.
    """
    on_weeks, off_weeks = posterior.on_weeks, posterior.off_weeks
    turned = posterior.turning_week() <= on_weeks + off_weeks
    _, resistant = posterior.dynamics.parts(on_weeks, off_weeks)
    visible, counted = np.zeros((2, *turned.shape), dtype=np.bool_)
    for name, own in posterior.quantities.items():
        seen = is_in_data(posterior, name)[:, None] & ~own.at_floor
        scar = own.reading.background
        living = (1.0 - scar) * resistant if own.reading.is_diameter else resistant
        shows = will_show(living / (living + scar), posterior.dynamics.regrowth_per_week, name, prior)
        visible |= seen & shows
        counted |= seen
    answer: BoolArray = turned & (visible | ~counted)
    return answer


def is_in_data(posterior: Posterior, quantity: str) -> BoolArray:
    """Whether the quantity has been read up to each row, shape (R,); not one that was only assumed to be."""
    counts = posterior.batch.readings.get(quantity, ())
    read = np.zeros(len(posterior.patient), np.bool_)
    for part in counts:
        read |= part[posterior.patient, posterior.visit] > 0
    return read


def outlook(
    log_likelihood: FloatArray,
    answer: FloatArray | BoolArray,
    weeks: Sequence[float],
    *,
    decided_above: float = DECIDED_ABOVE,
    horizon_weeks: float = HORIZON_WEEKS,
) -> Outlook:
    """What N simulated courses of W readings tell about an answer that K equally probable draws give.

    Args:
        log_likelihood: of the readings up to each, shape (N, W, K).
        answer: of each draw: 1 yes, 0 no, or its chance of yes, shape (K,).
        weeks: of the readings, increasing, shape (W,).
        decided_above: in (0.5, 1); decided when yes or no is at least as probable.
        horizon_weeks: what a course counts that is never decided.
    """
    before = float(np.mean(answer))
    weight = np.exp(log_likelihood - log_likelihood.max(axis=-1, keepdims=True))
    after = np.clip(weight @ np.asarray(answer, weight.dtype) / weight.sum(axis=-1), 0.0, 1.0)
    told = _divergence_bits(after.astype(np.float64), before)
    is_decided_now = max(before, 1.0 - before) >= decided_above
    decided = (np.maximum(after, 1.0 - after) >= decided_above) | is_decided_now
    until = np.where(decided, np.minimum(0.0 if is_decided_now else weeks, horizon_weeks), horizon_weeks)
    known_for = np.diff(np.minimum([*weeks, np.inf], horizon_weeks))
    return Outlook(
        information_bits=float(told[:, -1].mean()),
        standard_error_bits=float(told[:, -1].std() / np.sqrt(len(told))),
        information_bit_weeks=float(told.mean(axis=0) @ known_for),
        p_decided=float(decided.any(axis=1).mean()),
        weeks=float(until.min(axis=1).mean()),
    )


def _divergence_bits(after: FloatArray, before: float) -> FloatArray:
    """KL of a yes or no with chance `after` from one with chance `before`; 0 where there is nothing left to tell."""
    if before <= 0.0 or before >= 1.0:
        return np.zeros_like(after)
    nats = xlogy(after, after / before) + xlogy(1.0 - after, (1.0 - after) / (1.0 - before))
    bits: FloatArray = np.maximum(nats, 0.0) / np.log(2.0)
    return bits


@dataclass(frozen=True, slots=True)
class Simulator:
    """Hypothetical readings after one visit, and how likely each draw makes them.

    Attributes:
        posterior: one row; its first `paths` draws are what may be true, the others weigh.
        prior: of the posterior.
        paths: N, below the number of draws.
        seed: of the readings' noise.
        known: log-likelihoods by quantity and days, kept for plans that share them.
    """

    posterior: Posterior
    prior: Prior
    paths: int = PATHS
    seed: int = 0
    known: dict[tuple[str, tuple[float, ...]], FloatArray] = field(default_factory=dict)

    def answer(self) -> BoolArray:
        """`turned_resistant` in the draws that weigh, shape (K,)."""
        return turned_resistant(self.posterior, self.prior)[0, self.paths :]

    def outlook(self, plan: Plan, *, decided_above: float = DECIDED_ABOVE) -> Outlook:
        """What the plan can be expected to tell."""
        weeks = sorted({week for own in plan.weeks.values() for week in own})
        total: FloatArray = np.zeros((self.paths, len(weeks), 1))
        for quantity, own_weeks in plan.weeks.items():
            learnt = self.log_likelihood(quantity, own_weeks)
            # readings of this quantity up to each day of the plan; none yet says nothing
            place = np.searchsorted(own_weeks, weeks, side="right")
            total = total + np.concatenate([np.zeros_like(learnt[:, :1]), learnt], axis=1)[:, place]
        return outlook(total, self.answer(), weeks, decided_above=decided_above)

    def log_likelihood(self, quantity: str, weeks: tuple[float, ...]) -> FloatArray:
        """Of the quantity's readings up to each of these weeks after the visit, shape (N, W, K), in float32."""
        key = quantity, tuple(weeks)
        if key not in self.known:
            parts = self.posterior.quantities[quantity].parts
            read = [index for index, part in enumerate(parts) if part.readings[0] > 0]
            self.known[key] = np.sum([self._part(quantity, index, key[1]) for index in read], axis=0)
        return self.known[key]

    def _part(self, quantity: str, index: int, weeks: tuple[float, ...]) -> FloatArray:
        own = self.posterior.quantities[quantity]
        part, ahead = own.parts[index], np.round(7.0 * np.asarray(weeks))[None, :]
        alone = replace(self.posterior, quantities={quantity: QuantityPosterior(own.reading, (part,))})
        days, exposure = self.posterior.day[:, None] + ahead, exposure_ahead(self.posterior, ahead)
        drawn = readings_ahead(
            alone, self.prior, quantity, days, exposure, seed=self.seed + _SEED_OF_PART * index
        )
        history = _History.of(self.posterior, quantity, index, self.paths)
        series = history.followed_by(drawn[0, :, : self.paths].T, (days, *exposure), part)
        dynamics, reading = self._weighing(own.reading)
        filtered = run_series(
            series,
            dynamics,
            reading,
            self.prior.floor_persistence[quantity],
            signals=Signals(dynamics, reading),
            levels=False,
            known=self._known(part, history) if is_in_data(self.posterior, quantity)[0] else None,
        )
        before = history.day.shape[1]
        learnt: FloatArray = (
            filtered.log_likelihood[:, before + 1 :] - filtered.log_likelihood[:, before, None]
        )
        return learnt

    def _known(self, part: PartPosterior, history: _History) -> Known:
        """The level after the last reading, which the posterior holds."""
        mean: FloatArray = part.level_mean[0, self.paths :].astype(np.float32)
        variance: FloatArray = part.level_variance[0, self.paths :].astype(np.float32)
        return Known(history.day.shape[1] - 1, mean, variance)

    def _weighing(self, reading: Reading) -> tuple[Dynamics, Reading]:
        """The parameters of the draws that weigh, shape (K,), in float32."""

        def weighing(numbers: FloatArray) -> FloatArray:
            return np.ascontiguousarray(numbers[0, self.paths :], dtype=np.float32)

        dynamics = self.posterior.dynamics
        rates = {name: weighing(getattr(dynamics, name)) for name in Dynamics.__slots__}
        # φ below 1 by what the precision can tell
        rates["resistant_fraction"] = np.minimum(rates["resistant_fraction"], np.float32(1.0 - 1e-7))
        names = [name for name in Reading.__slots__ if name != "is_diameter"]
        return Dynamics(**rates), Reading(
            reading.is_diameter, **{name: weighing(getattr(reading, name)) for name in names}
        )


@dataclass(frozen=True, slots=True)
class _History:
    """The last readings of one part up to the visit, once for each of N paths; shape (N, 1) or (N, 2).

    The level after them is known; what the next reading is compared with is the last one, and whether that repeated the
    one before.
    """

    quantity: str
    day: FloatArray
    on_weeks: FloatArray
    off_weeks: FloatArray
    value: FloatArray
    log_value: FloatArray
    censoring: FloatArray
    limit: FloatArray
    log_step: FloatArray

    @classmethod
    def of(cls, posterior: Posterior, quantity: str, index: int, paths: int) -> _History:
        """Of a part that has been read; of one that has not, the first reading that each draw was given."""
        part = posterior.quantities[quantity].parts[index]
        names = [name for name in cls.__slots__ if name != "quantity"]
        if is_in_data(posterior, quantity)[0]:
            own, readings = posterior.batch.series[quantity][index], int(part.readings[0])
            upto = slice(max(readings - 2, 0), readings)
            read = (getattr(own, name)[posterior.patient, upto] for name in names)
            return cls(quantity, *(np.repeat(columns, paths, axis=0) for columns in read))
        first = {
            "day": part.last_day,
            "on_weeks": part.last_on_weeks,
            "off_weeks": part.last_off_weeks,
            "value": part.last_value,
            "log_value": part.last_log_value,
            "censoring": part.last_censoring,
            "limit": part.limit,
            "log_step": np.log([[MARKER_STEP]]),
        }
        draws = part.level_mean.shape
        return cls(quantity, *(np.broadcast_to(first[name], draws)[0, :paths, None] for name in names))

    def followed_by(
        self, value: FloatArray, times: tuple[FloatArray, FloatArray, FloatArray], part: PartPosterior
    ) -> Series:
        """The series that goes on with these values, shape (N, W), on these days, weeks on and weeks off."""
        limit = np.broadcast_to(part.limit[:1], value.shape)
        if self.quantity == SUM_OF_DIAMETERS:
            below = (value <= SMALLEST_FORECAST_MM) | (value == limit)
            shown = np.where(below, limit, value)
            log_step = np.log(READING_STEP_MM / shown)
        else:
            below = (value <= limit) & (limit > 0.0)
            shown = np.maximum(value, SMALLEST_MARKER)
            log_step = np.full_like(shown, np.log(MARKER_STEP))
        day, on_weeks, off_weeks = (np.broadcast_to(time[:1], value.shape) for time in times)
        later = (day, on_weeks, off_weeks, value, np.log(shown), np.where(below, -1, 0), limit, log_step)
        names = [name for name in self.__slots__ if name != "quantity"]
        columns = [
            np.concatenate([getattr(self, name), new], axis=1) for name, new in zip(names, later, strict=True)
        ]
        return Series(self.quantity, np.full(len(value), columns[0].shape[1]), *columns)
