"""What each particle says at a time on treatment: state, causes, resistant share and the three dates.

All of it follows from the particle and the time alone, never from the patient, so that a bank that serves many
patients needs it once for each time, and a patient's answer is a weighted mean or quantile of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.bank import Bank
from turnpoint.model.dynamics import FARTHEST_WEEK, Dynamics
from turnpoint.model.parameters import Reading
from turnpoint.model.prior import Prior
from turnpoint.turning.detectable import detectable_log_burden, detectable_log_change
from turnpoint.turning.quantiles import Ranked

_MOST_MOMENTS = 2048  # of 2048 particles and one quantity: about 100 MiB
COLUMNS = ("shrinks", "resistant", "scar", "pause", "turned_resistant")
# What does not shrink and would not visibly grow within half a year either is called scar, whatever it is made of: a
# reading cannot tell dead tissue from cells that rest (docs/decisions/0012).
VISIBLE_WITHIN_WEEKS = 26.0
_LARGEST_LOG = 80.0  # whose exponential a float32 still holds

_Time = tuple[float, float, bool]  # weeks on, weeks off, no drug is on
_START: _Time = (0.0, 0.0, False)


@dataclass(frozen=True, slots=True)
class Dates:
    """The three dates of each particle, in weeks.

    Attributes:
        turning, dominance: ranked, shape (K,).
        regrowth: by the quantity that shows it.
        turning_week: the turning point in the order of the particles, shape (K,).
    """

    turning: Ranked
    dominance: Ranked
    regrowth: Mapping[str, Ranked]
    turning_week: FloatArray


@dataclass(frozen=True, slots=True)
class Moment:
    """What each particle says at one time.

    Attributes:
        table: whether the turning point is past, then `COLUMNS` for each quantity of the prior, shape (1 + 5·Q, K):
            will the next reading show that it shrinks (0 or 1); the shares of resistant cells, scar and a
            pause in what does not shrink; whether the turning point is past and the first of these is above 0.
        rise: how much higher the log signal will be at the next reading, where that will be after the turning point;
            minus infinity where it will not, or where it shrinks; by quantity, shape (K,).
        resistant_fraction: R(t), ranked.
        dates: of the particles; one object for all times without a pause before them.
    """

    table: FloatArray
    rise: Mapping[str, FloatArray]
    resistant_fraction: Ranked
    dates: Dates


@dataclass(slots=True)
class Tables:
    """The moments of a bank that serves many patients, kept; those of other banks are worked out when asked for.

    Attributes:
        prior: for reading errors and usual gaps.
        bank: the one whose moments are kept.
        kept, kept_dates: by time; forgotten when there are too many.
    """

    prior: Prior
    bank: Bank
    kept: dict[_Time, Moment] = field(default_factory=dict)
    kept_dates: dict[_Time, Dates] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def at(self, bank: Bank, owner: IntArray, times: Sequence[_Time]) -> list[Moment]:
        """The moments at these times; `owner` says whose particles where each patient has a bank of their own."""
        if bank is not self.bank:
            return _moments(self.prior, bank, owner, times, {})
        with self.lock:
            missing = [time for time in dict.fromkeys(times) if time not in self.kept]
            if len(self.kept) + len(missing) > _MOST_MOMENTS:
                self.kept.clear()
                self.kept_dates.clear()
                missing = list(dict.fromkeys(times))
            found = _moments(
                self.prior, bank, np.zeros(len(missing), dtype=np.int64), missing, self.kept_dates
            )
            self.kept.update(zip(missing, found, strict=True))
            return [self.kept[time] for time in times]


def _moments(
    prior: Prior, bank: Bank, owner: IntArray, times: Sequence[_Time], known: dict[_Time, Dates]
) -> list[Moment]:
    """The moments at T times, those of own banks of the owners; without a pause the dates are worked out once."""
    if not times:
        return []
    on_weeks, off_weeks, paused = (np.array(column)[:, None] for column in zip(*times, strict=True))
    model = _Model.of(bank, owner, prior)
    keys = [
        (index, time if time[1] > 0 else _START) for index, time in zip(owner.tolist(), times, strict=True)
    ]
    fresh = {key: place for place, key in enumerate(keys) if bank.is_own or key[1] not in known}
    found: dict[tuple[int, _Time], Dates] = {}
    if fresh:
        rows = np.array(list(fresh.values()))
        starts = np.array([key[1][:2] for key in fresh])
        found = dict(zip(fresh, _dates(model.at(rows), starts[:, :1], starts[:, 1:]), strict=True))
    if not bank.is_own:
        known.update({key[1]: dates for key, dates in found.items()})
        found = {key: known[key[1]] for key in keys}
    dates = [found[key] for key in keys]
    return _moments_after(model, (on_weeks, off_weeks, paused), dates)


@dataclass(frozen=True, slots=True)
class _Model:
    """The natural parameters at T times, shape (K,) or (T, K), and what the prior says about readings."""

    prior: Prior
    dynamics: Dynamics
    readings: Mapping[str, Reading]

    @classmethod
    def of(cls, bank: Bank, owner: IntArray, prior: Prior) -> _Model:
        model = cls(prior, bank.dynamics, bank.readings)
        return model.at(owner) if bank.is_own else model

    def at(self, rows: IntArray) -> _Model:
        """At these times only."""
        if self.dynamics.kill_per_week.ndim == 1:
            return self
        readings = {name: own.at(rows) for name, own in self.readings.items()}
        return _Model(self.prior, self.dynamics.at(rows), readings)


def _dates(model: _Model, on_weeks: FloatArray, off_weeks: FloatArray) -> list[Dates]:
    """The three dates seen from T times, shape (T, 1): they depend on the time only through the pauses before it.

    Detectable regrowth is the week at which the signal of the quantity first exceeds its smallest by its error.
    """
    dynamics = model.dynamics
    precision = dynamics.kill_per_week.dtype
    on_weeks, off_weeks = on_weeks.astype(precision), off_weeks.astype(precision)
    turning = dynamics.turning_week(on_weeks, off_weeks)
    off_before = np.minimum(off_weeks, turning)
    smallest_burden = np.minimum(
        dynamics.log_burden(turning - off_before, off_before), dynamics.log_burden(on_weeks, off_weeks)
    )
    regrowth = {}
    for quantity, reading in model.readings.items():
        error = detectable_log_change(quantity, model.prior)
        rise = reading.log_burden_of(reading.log_signal(smallest_burden) + error) - smallest_burden
        regrowth[quantity] = Ranked.of(np.minimum(turning + dynamics.weeks_to_rise(rise), FARTHEST_WEEK))
    dominance = Ranked.of(dynamics.dominance_week(on_weeks, off_weeks))
    return [
        Dates(
            ranked,
            dominance[index],
            {quantity: ranks[index] for quantity, ranks in regrowth.items()},
            turning[index],
        )
        for index, ranked in enumerate(Ranked.of(turning))
    ]


def _moments_after(
    model: _Model, times: tuple[FloatArray, FloatArray, BoolArray], dates: Sequence[Dates]
) -> list[Moment]:
    """The moments at T times, each of shape (T, 1), given the dates seen from them."""
    precision = model.dynamics.kill_per_week.dtype
    on_weeks, off_weeks, paused = times[0].astype(precision), times[1].astype(precision), times[2]
    turning = np.stack([own.turning_week for own in dates])
    turned = (turning <= on_weeks + off_weeks).astype(precision)
    rows: list[FloatArray | BoolArray] = [turned]
    rises: dict[str, FloatArray] = {}
    for quantity in model.readings:
        shrinks, rises[quantity] = _state(model, quantity, (on_weeks, off_weeks, paused), turning)
        resistant, scar, pause = _causes(model, quantity, (on_weeks, off_weeks, paused))
        rows += [shrinks, resistant, scar, pause, (resistant > 0) * turned]
    tables = np.stack([row.astype(precision, copy=False) for row in rows], axis=1)
    share = Ranked.of(model.dynamics.resistant_share(on_weeks, off_weeks))
    return [
        Moment(table, {quantity: rise[index] for quantity, rise in rises.items()}, share[index], dates[index])
        for index, table in enumerate(tables)
    ]


def _state(
    model: _Model,
    quantity: str,
    times: tuple[FloatArray, FloatArray, BoolArray],
    turning: FloatArray,
) -> tuple[BoolArray, FloatArray]:
    """Whether the quantity's next reading would show that it shrinks, and its rise until then (`Moment.rise`)."""
    dynamics, reading = model.dynamics, model.readings[quantity]
    on_weeks, off_weeks, paused = times
    gap, error = model.prior.visit_gap_weeks[quantity], detectable_log_change(quantity, model.prior)
    now = reading.log_signal(dynamics.log_burden(on_weeks, off_weeks))
    on_ahead, off_ahead = on_weeks + gap * ~paused, off_weeks + gap * paused
    ahead = reading.log_signal(
        dynamics.log_burden(on_ahead.astype(on_weeks.dtype), off_ahead.astype(on_weeks.dtype))
    )
    change = ahead - now
    shrinks = change < -error
    has_turned = paused | (on_weeks + off_weeks + gap > turning)
    rise: FloatArray = np.where(has_turned & ~shrinks, change, change.dtype.type(-np.inf))
    return shrinks, rise


def _causes(
    model: _Model, quantity: str, times: tuple[FloatArray, FloatArray, BoolArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shares of resistant cells, scar and pause in what is seen in the quantity and does not shrink, shape (T, K).

    What is seen is (1-s)·[S + P] + s for a diameter and S + P + f for a marker. Of the part that does not
    shrink, P counts as `resistant`, s or f as `scar`, S as `pause` while no drug is on. Where the growth of P would
    not take what does not shrink beyond the error of a reading within half a year, P counts as `scar` too:

        ln[1 + (share of P)·(exp(g·26) - 1)] > detectable change of the burden
    """
    (on_weeks, off_weeks, paused), reading = times, model.readings[quantity]
    sensitive, resistant = model.dynamics.parts(on_weeks, off_weeks)
    scar = reading.background
    living = 1.0 - scar if reading.is_diameter else np.ones_like(scar)
    stuck = living * resistant
    idle = np.where(paused, living * sensitive, sensitive.dtype.type(0.0))
    total = stuck + scar + idle
    resistant_share, idle_share = stuck / total, idle / total
    hidden = ~will_show(resistant_share, model.dynamics.regrowth_per_week, quantity, model.prior)
    resistant_share[hidden] = 0.0
    return resistant_share, 1.0 - resistant_share - idle_share, idle_share


def will_show(
    resistant_share: FloatArray, regrowth_per_week: FloatArray, quantity: str, prior: Prior
) -> BoolArray:
    """Whether the resistant share of what does not shrink grows beyond a reading's error within half a year."""
    grows = np.expm1(np.minimum(regrowth_per_week * VISIBLE_WITHIN_WEEKS, _LARGEST_LOG))
    shows: BoolArray = np.log1p(resistant_share * grows) > detectable_log_burden(quantity, prior)
    return shows
