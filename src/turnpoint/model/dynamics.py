"""Living burden under treatment: a sensitive part that shrinks and a resistant part that grows.

    S(t) = (1-φ)·exp(-d·on(t) + r·off(t))      sensitive; regrows at rate r while the drug is off
    P(t) = φ·exp(g·t)                          resistant
    B(t) = S(t) + P(t),  B(0) = 1,  t = on(t) + off(t) in weeks,  volume scale

Where the resistant part *rests* (g = `RESTING_PER_WEEK`, as good as nothing) the burden falls to φ and never turns
while a drug is on.

With off(t) = 0 this is the regression-growth form with φ free (Stein et al. 2011, doi:10.1158/1078-0432.
CCR-10-1762; its g-d, g, d and φ variants are limits). All rates are per week and on the volume scale; a
diameter moves at a third of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray

Pauses = tuple[tuple[float, float], ...]  # weeks on and weeks off before each, oldest first

_WEEKS_TOLERANCE = 1e-9
_WEEKS_TOLERANCE_FLOAT32 = 1e-5
_LARGEST_EXPONENT = {np.dtype(np.float64): 300.0, np.dtype(np.float32): 80.0}
RESTING_PER_WEEK = 1e-30  # of a part that never regrows; its logarithm is finite
_RESTS_BELOW = 1e-20
FARTHEST_WEEK = 3650.0 / 7.0  # dates further away than ten years carry no information for a course


@dataclass(frozen=True, slots=True)
class Dynamics:
    """Parameters of the living burden, one value a particle; any common shape.

    Attributes:
        kill_per_week: d, net rate at which the sensitive part shrinks on treatment.
        regrowth_per_week: g, net rate at which the resistant part grows.
        resistant_fraction: φ, share of the living burden that is resistant at the start.
        off_growth_per_week: r, net rate at which the sensitive part regrows while the drug is off.
    """

    kill_per_week: FloatArray
    regrowth_per_week: FloatArray
    resistant_fraction: FloatArray
    off_growth_per_week: FloatArray

    @property
    def size(self) -> int:
        """Particles, or draws, of a set."""
        size: int = self.kill_per_week.shape[-1]
        return size

    def at(self, rows: IntArray | tuple[IntArray, IntArray]) -> Dynamics:
        """The parameters at these rows only."""
        return Dynamics(*(getattr(self, name)[rows] for name in self.__slots__))

    def log_parts(self, on_weeks: FloatArray, off_weeks: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Log of the sensitive and of the resistant part; weeks broadcast against the parameters."""
        sensitive = (
            np.log1p(-self.resistant_fraction)
            - self.kill_per_week * on_weeks
            + self.off_growth_per_week * off_weeks
        )
        resistant = np.log(self.resistant_fraction) + self.regrowth_per_week * (on_weeks + off_weeks)
        return sensitive, resistant

    def parts(self, on_weeks: FloatArray, off_weeks: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The sensitive and the resistant part, relative to the living burden at the start."""
        sensitive, resistant = self.log_parts(on_weeks, off_weeks)
        # beyond this nothing is a tumour any more, and sums and ratios stay finite
        largest = _largest_exponent(sensitive)
        return np.exp(np.minimum(sensitive, largest)), np.exp(np.minimum(resistant, largest))

    def log_burden(self, on_weeks: FloatArray, off_weeks: FloatArray) -> FloatArray:
        """Log B(t); weeks broadcast against the parameters."""
        # exp-log by hand: np.logaddexp is five times slower and this is the inner loop
        sensitive, resistant = self.parts(on_weeks, off_weeks)
        log_burden: FloatArray = np.log(sensitive + resistant)
        return log_burden

    def resistant_share(self, on_weeks: FloatArray, off_weeks: FloatArray) -> FloatArray:
        """R(t) = P(t) / B(t), between 0 and 1."""
        sensitive, resistant = self.log_parts(on_weeks, off_weeks)
        largest = _largest_exponent(sensitive)
        share: FloatArray = 1.0 / (1.0 + np.exp(np.clip(sensitive - resistant, -largest, largest)))
        return share

    def trend_per_week(self, on_weeks: FloatArray, off_weeks: FloatArray, off_now: BoolArray) -> FloatArray:
        """Slope of log B at a time, volume scale, per week: g·R - d·(1-R), with r for -d while no drug is on."""
        share = self.resistant_share(on_weeks, off_weeks)
        sensitive = np.where(off_now, self.off_growth_per_week, -self.kill_per_week)
        trend: FloatArray = share * self.regrowth_per_week + (1.0 - share) * sensitive
        return trend

    def turning_week(self, on_weeks: FloatArray, off_weeks: FloatArray, pauses: Pauses = ()) -> FloatArray:
        """Week t* at which the living burden of the course is smallest: as it was treated, then treated on.

        While the drug is on log B is convex, with its smallest value where d·S = g·P, and while it is off B only grows,
        so that t* is the best of one candidate for each stretch of treatment, that stretch's own smallest:

            u = u0 + ln[ d·S / (g·P) ] / (g+d) at the stretch's start u0, clipped to the stretch; the last one is open

        Without a pause this is max(0, ln[ d(1-φ) / (gφ) ] / (g+d)) whatever the time is. In a pause t* is seen as if
        treatment went on at once; a part that never regrows has its t* at ten years, where all dates are clipped.

        Args:
            on_weeks: on treatment up to the time it is seen from; broadcasts against the parameters.
            off_weeks: off treatment up to then.
            pauses: for each pause that has begun by then, oldest first, weeks on and weeks off before it.
        """
        if not pauses:
            return self._clipped(on_weeks + off_weeks + self._weeks_to_turn(on_weeks, off_weeks))
        return self._clipped(self._smallest(off_weeks, pauses)[0])

    def smallest_log_burden(
        self, on_weeks: FloatArray, off_weeks: FloatArray, pauses: Pauses = ()
    ) -> FloatArray:
        """Log B at the turning point, arguments as there."""
        if pauses:
            return self._smallest(off_weeks, pauses)[1]
        turning = self.turning_week(on_weeks, off_weeks)
        off_before = np.minimum(off_weeks, turning)
        return self.log_burden(turning - off_before, off_before)

    def _smallest(self, off_weeks: FloatArray, pauses: Pauses) -> tuple[FloatArray, FloatArray]:
        """Week and log burden of the best candidate of all stretches of treatment."""
        starts = [0.0, *(on for on, _ in pauses)]
        ends = [*(on for on, _ in pauses), np.inf]
        off_before = [*(off for _, off in pauses), off_weeks]
        week, smallest = np.zeros(0), np.zeros(0)
        for index, (start, end, off) in enumerate(zip(starts, ends, off_before, strict=True)):
            first, rest = np.asarray(start, self._precision), np.asarray(off, self._precision)
            turn = np.clip(first + self._weeks_to_turn(first, rest), start, min(end, FARTHEST_WEEK))
            burden = self.log_burden(turn, rest)
            better = burden <= smallest if index else np.ones_like(burden, dtype=np.bool_)
            week = np.where(better, turn + rest, week) if index else turn + rest
            smallest = np.where(better, burden, smallest) if index else burden
        return week, smallest

    def _weeks_to_turn(self, on_weeks: FloatArray, off_weeks: FloatArray) -> FloatArray:
        """Weeks from a time until d·S = g·P under treatment, negative where it is behind, ten years where never."""
        sensitive, resistant = self.log_parts(on_weeks, off_weeks)
        lead = np.log(self.kill_per_week) - np.log(self.regrowth_per_week) + sensitive - resistant
        weeks = lead / (self.kill_per_week + self.regrowth_per_week)
        to_turn: FloatArray = np.where(self._rests, weeks.dtype.type(FARTHEST_WEEK), weeks)
        return to_turn

    @property
    def _rests(self) -> BoolArray:
        rests: BoolArray = self.regrowth_per_week < _RESTS_BELOW
        return rests

    @property
    def _precision(self) -> np.dtype[np.floating]:
        return self.kill_per_week.dtype

    def dominance_week(self, on_weeks: FloatArray, off_weeks: FloatArray) -> FloatArray:
        """Week at which resistant cells become the majority: t + ln[ S(t) / P(t) ] / (g+d), clipped as t*."""
        sensitive, resistant = self.log_parts(on_weeks, off_weeks)
        lead = (sensitive - resistant) / (self.kill_per_week + self.regrowth_per_week)
        return self._clipped(on_weeks + off_weeks + lead)

    def weeks_to_rise(
        self,
        log_rise: FloatArray | float,
        turning_week: FloatArray,
        off_weeks: float = 0.0,
        pauses: Pauses = (),
    ) -> FloatArray:
        """Weeks after the turning point until log B has risen by `log_rise`: as it was treated, then treated on.

        On and off treatment B is a sum of two exponentials, and once it is below a level it reaches it once in a
        stretch or not at all. After t* it is found in the first stretch in which it is reached (`_weeks_to_reach`).
        Clipped at ten years.

        Args:
            log_rise: above 0; broadcasts against the parameters.
            turning_week: t*, as `turning_week` gives it for these pauses.
            off_weeks: off treatment up to the time it is seen from, all of it in these pauses.
            pauses: as there.
        """
        rise = np.asarray(log_rise, self._precision)
        target = np.full_like(turning_week, np.inf)
        risen = target
        for own in _stretches(off_weeks, pauses):
            on, off = own.weeks_at(turning_week)
            target = np.where(turning_week >= own.week, self.log_burden(on, off) + rise, target)
            weeks = on + off - turning_week + self._weeks_to_reach(target, on, off, is_on=own.is_on)
            here = (turning_week + weeks <= own.end) & (turning_week < own.end)
            risen = np.where(np.isinf(risen) & here, weeks, risen)
        return self._clipped(risen)

    def _weeks_to_reach(
        self, target: FloatArray, on_weeks: FloatArray, off_weeks: FloatArray, *, is_on: bool
    ) -> FloatArray:
        """Weeks from a time until log B reaches a target above it, if treatment stays as it is; infinite where never.

        Solves S·exp(a·s) + P·exp(g·s) = exp(target) by Newton's method. One part alone would get there later, so start
        where the first of them does: the left side is convex and increasing from the solution on, and Newton from the
        right converges without overshoot.
        """
        rate = -self.kill_per_week if is_on else self.off_growth_per_week
        g = self.regrowth_per_week
        sensitive, resistant = (own - target for own in self.log_parts(on_weeks, off_weeks))
        tolerance = _WEEKS_TOLERANCE if g.dtype == np.float64 else _WEEKS_TOLERANCE_FLOAT32
        weeks = np.where(self._rests, g.dtype.type(np.inf), -resistant / g)
        if not is_on:
            weeks = np.minimum(weeks, -sensitive / rate)
        never = np.isinf(weeks)
        weeks = np.where(never, g.dtype.type(0.0), np.maximum(weeks, 0.0))
        for _ in range(30):
            grown = np.exp(np.minimum(resistant + g * weeks, 0.0))
            other = np.exp(np.minimum(sensitive + rate * weeks, 0.0))
            slope = g * grown + rate * other
            step = (grown + other - 1.0) / np.where((slope > 0) & ~never, slope, np.inf)
            # row by row, so that nobody's date depends on how long another's takes
            moving = (np.abs(step) > tolerance * (1.0 + weeks)).any(axis=-1, keepdims=True)
            weeks = np.where(moving, np.maximum(weeks - step, 0.0), weeks)
            if not moving.any():
                break
        return np.where(never, np.inf, weeks)

    @staticmethod
    def _clipped(weeks: FloatArray) -> FloatArray:
        clipped: FloatArray = np.clip(weeks, 0.0, FARTHEST_WEEK)
        return clipped


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a course on or off treatment: weeks on and weeks off before it, and how long it is."""

    on: float
    off: float
    length: float
    is_on: bool = True

    @property
    def week(self) -> float:
        """Of the course, at which it begins."""
        return self.on + self.off

    @property
    def end(self) -> float:
        """Week of the course at which it ends."""
        return self.week + self.length

    def weeks_at(self, week: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weeks on and weeks off at a week of the course, at the nearer end of the stretch if it lies outside."""
        within = np.clip(week - self.week, 0.0, self.length)
        none = np.zeros_like(within)
        on, off = (within, none) if self.is_on else (none, within)
        return self.on + on, self.off + off


def _stretches(off_weeks: float, pauses: Pauses) -> list[_Stretch]:
    """On and off in turn; on for ever after the last pause, of which so many weeks off are known."""
    found, on_before = [], 0.0
    ends = [*(off for _, off in pauses), off_weeks][1:]
    for (on, off), end in zip(pauses, ends, strict=True):
        found += [_Stretch(on_before, off, on - on_before), _Stretch(on, off, end - off, is_on=False)]
        on_before = on
    return [*found, _Stretch(on_before, off_weeks, np.inf)]


def _largest_exponent(numbers: FloatArray) -> float:
    """A number whose exponential, and the sum of some of them, is finite in the precision of the array."""
    return _LARGEST_EXPONENT[numbers.dtype]
