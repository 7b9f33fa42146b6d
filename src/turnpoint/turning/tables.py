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
from turnpoint.model.dynamics import FARTHEST_WEEK, Dynamics, Pauses
from turnpoint.model.parameters import Reading
from turnpoint.model.prior import Prior
from turnpoint.turning.detectable import detectable_log_burden
from turnpoint.turning.quantiles import Ranked

_MOST_MOMENTS = 2048  # of 2048 particles and one quantity: about 100 MiB
# The living burden halves or doubles in half a year: slower change is a plateau. Half a year is four scans at six
# weeks; in it a tumour that changes at this rate loses 21 % or gains 26 % of its diameter, which two readings can tell
# (docs/decisions/0013 has what other bounds would do).
CHANGING_PER_WEEK = float(np.log(2.0)) / 26.0
BURDEN = ("turned", "never", "shrinking", "growing")
COLUMNS = ("resistant", "scar", "pause", "turned_resistant")
# What does not shrink and would not visibly grow within half a year either is called scar, whatever it is made of: a
# reading cannot tell dead tissue from cells that rest (docs/decisions/0012).
VISIBLE_WITHIN_WEEKS = 26.0
_LARGEST_LOG = 80.0  # whose exponential a float32 still holds

Time = tuple[float, float, bool, Pauses]  # weeks on, weeks off, no drug is on, the pauses that have begun
_START: Time = (0.0, 0.0, False, ())


@dataclass(frozen=True, slots=True)
class Dates:
    """Turning point and dominance of each particle, in weeks, seen from a time.

    Attributes:
        time: the time, or the start where there is no pause before it.
        turning, dominance: ranked, shape (K,).
        turning_week, smallest: the turning point and the log burden there, in the order of the particles, shape (K,).
    """

    time: Time
    turning: Ranked
    dominance: Ranked
    turning_week: FloatArray
    smallest: FloatArray


@dataclass(frozen=True, slots=True)
class Moment:
    """What each particle says at one time.

    Attributes:
        table: of the burden `BURDEN`: is the turning point past, is it not within ten years, does the burden shrink or
            grow faster than `CHANGING_PER_WEEK` (0 or 1 each); then `COLUMNS` for each quantity of the prior: the
            shares of resistant cells, scar and a pause in what does not shrink, and whether the turning point is past
            and the first of these is above 0; shape (4 + 4·Q, K).
        resistant_fraction: R(t), ranked.
        dates: of the particles; one object for all times without a pause before them.
    """

    table: FloatArray
    resistant_fraction: Ranked
    dates: Dates


@dataclass(slots=True)
class Tables:
    """The moments of a bank that serves many patients, kept; those of other banks are worked out when asked for.

    Attributes:
        prior: for reading errors and usual gaps.
        bank: the one whose moments are kept.
        kept, kept_dates, kept_regrowth: by time; forgotten when there are too many.
    """

    prior: Prior
    bank: Bank
    kept: dict[Time, Moment] = field(default_factory=dict)
    kept_dates: dict[Time, Dates] = field(default_factory=dict)
    kept_regrowth: dict[tuple[Time, str, float], Ranked] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def at(self, bank: Bank, owner: IntArray, times: Sequence[Time]) -> list[Moment]:
        """The moments at these times; `owner` says whose particles where each patient has a bank of their own."""
        if bank is not self.bank:
            return _moments(self.prior, bank, owner, times, {})
        with self.lock:
            missing = [time for time in dict.fromkeys(times) if time not in self.kept]
            if len(self.kept) + len(missing) > _MOST_MOMENTS:
                self.kept.clear()
                self.kept_dates.clear()
                self.kept_regrowth.clear()
                missing = list(dict.fromkeys(times))
            found = _moments(
                self.prior, bank, np.zeros(len(missing), dtype=np.int64), missing, self.kept_dates
            )
            self.kept.update(zip(missing, found, strict=True))
            return [self.kept[time] for time in times]

    def regrowth(
        self, bank: Bank, owner: IntArray, dates: Sequence[Dates], quantity: str, errors: FloatArray
    ) -> list[Ranked]:
        """When the quantity's signal exceeds its smallest by its error, after the turning point, week by particle.

        Args:
            bank: the particles.
            owner: whose, where each patient has a bank of their own; shape (N,).
            dates: N of them.
            quantity: that shows it.
            errors: of its log value, shape (N,).
        """
        if bank is not self.bank:
            return _regrowth(_Model.of(bank, owner, self.prior), dates, quantity, errors)
        keys = [(own.time, quantity, float(error)) for own, error in zip(dates, errors, strict=True)]
        with self.lock:
            fresh = {key: place for place, key in enumerate(keys) if key not in self.kept_regrowth}
            if fresh:
                rows = list(fresh.values())
                model = _Model.of(bank, owner, self.prior)
                found = _regrowth(model, [dates[row] for row in rows], quantity, errors[rows])
                self.kept_regrowth.update(zip(fresh, found, strict=True))
            return [self.kept_regrowth[key] for key in keys]


def _moments(
    prior: Prior, bank: Bank, owner: IntArray, times: Sequence[Time], known: dict[Time, Dates]
) -> list[Moment]:
    """The moments at T times, those of own banks of the owners; without a pause the dates are worked out once."""
    if not times:
        return []
    model = _Model.of(bank, owner, prior)
    keys = [(index, time if time[3] else _START) for index, time in zip(owner.tolist(), times, strict=True)]
    fresh = {key: place for place, key in enumerate(keys) if bank.is_own or key[1] not in known}
    found: dict[tuple[int, Time], Dates] = {}
    if fresh:
        rows = np.array(list(fresh.values()))
        found = dict(zip(fresh, _dates(model.at(rows), [key[1] for key in fresh]), strict=True))
    if not bank.is_own:
        known.update({key[1]: dates for key, dates in found.items()})
        found = {key: known[key[1]] for key in keys}
    return _moments_after(model, times, [found[key] for key in keys])


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


def _dates(model: _Model, times: Sequence[Time]) -> list[Dates]:
    """Turning point and dominance seen from T times: they depend on the time only through the pauses before it."""
    dynamics = model.dynamics
    precision = dynamics.kill_per_week.dtype
    on_weeks, off_weeks = (
        np.array([time[index] for time in times], dtype=precision)[:, None] for index in (0, 1)
    )
    turning = dynamics.turning_week(on_weeks, off_weeks)
    smallest = dynamics.smallest_log_burden(on_weeks, off_weeks)
    for row, time in enumerate(times):
        if time[3]:
            own, since = model.at(np.array([row])).dynamics, (on_weeks[row], off_weeks[row], time[3])
            turning[row], smallest[row] = own.turning_week(*since), own.smallest_log_burden(*since)
    dominance = Ranked.of(dynamics.dominance_week(on_weeks, off_weeks))
    return [
        Dates(time, ranked, dominance[row], turning[row], smallest[row])
        for row, (time, ranked) in enumerate(zip(times, Ranked.of(turning), strict=True))
    ]


def _regrowth(model: _Model, dates: Sequence[Dates], quantity: str, errors: FloatArray) -> list[Ranked]:
    """When the signal exceeds its smallest by the error, later; the model has a row for each of the dates, or one."""
    dynamics, reading = model.dynamics, model.readings[quantity]
    turning, smallest = (
        np.stack([getattr(own, name) for own in dates]) for name in ("turning_week", "smallest")
    )
    error = errors.astype(turning.dtype)[:, None]
    rise = reading.log_burden_of(reading.log_signal(smallest) + error) - smallest
    weeks = dynamics.weeks_to_rise(rise, turning)
    for row, own in enumerate(dates):
        _, off_weeks, _, pauses = own.time
        if pauses:
            course = model.at(np.array([row])).dynamics
            weeks[row] = course.weeks_to_rise(rise[row], turning[row], off_weeks, pauses)
    return Ranked.of(np.minimum(turning + weeks, FARTHEST_WEEK))


def _moments_after(model: _Model, times: Sequence[Time], dates: Sequence[Dates]) -> list[Moment]:
    """The moments at T times, given the dates seen from them."""
    dynamics = model.dynamics
    precision = dynamics.kill_per_week.dtype
    on_weeks, off_weeks, paused = (
        np.array(column)[:, None] for column in zip(*(time[:3] for time in times), strict=True)
    )
    on_weeks, off_weeks = on_weeks.astype(precision), off_weeks.astype(precision)
    turning = np.stack([own.turning_week for own in dates])
    turned = turning <= on_weeks + off_weeks
    trend = dynamics.trend_per_week(on_weeks, off_weeks, paused)
    burden = (turned, turning >= FARTHEST_WEEK, trend < -CHANGING_PER_WEEK, trend > CHANGING_PER_WEEK)
    tables = np.empty(
        (len(times), len(BURDEN) + len(COLUMNS) * len(model.prior.quantities), dynamics.size), precision
    )
    for index, column in enumerate(burden):
        tables[:, index] = column
    for position, quantity in enumerate(model.prior.quantities):
        resistant, scar, pause = _causes(model, quantity, (on_weeks, off_weeks, paused))
        first = len(BURDEN) + len(COLUMNS) * position
        for index, column in enumerate((resistant, scar, pause, turned & (resistant > 0))):
            tables[:, first + index] = column
    shares = Ranked.of(dynamics.resistant_share(on_weeks, off_weeks))
    return [Moment(table, shares[index], dates[index]) for index, table in enumerate(tables)]


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
