"""The slow judge: every visit by itself from equal-weight draws, by the formulas as they are written in the design.

Nothing is shared with what it checks: parameters are taken out of the draws by hand, the course is followed on a grid
of weeks as it was treated and then treated on, and every date is searched for on that grid.
"""

from __future__ import annotations

import math

import numpy as np

SUM = "sum_of_diameters_mm"
TEN_YEARS = 3650 / 7
SLOW = math.log(2) / 26  # halves or doubles in half a year
TWO_READINGS = 1.645 * math.sqrt(2)
# Erkal et al.: 72.6 % between two values of CEA, as a change of the log of a log-normal value (Fokkema et al. 2006)
REFERENCE_CHANGE = {"CEA": TWO_READINGS * math.sqrt(math.log(1 + (0.726 / TWO_READINGS) ** 2))}
LEVELS = (0.05, 0.5, 0.95)


def judge(posterior, prior):
    """What `turning.state.judge` says at each row of the posterior, as a list of dictionaries."""
    rows = []
    for row, (patient, visit) in enumerate(zip(posterior.patient, posterior.visit, strict=True)):
        rows.append(_judge_one(posterior.batch, prior, patient, visit, posterior.particles[row]))
    return rows


def _judge_one(batch, prior, patient, visit, draws):
    day = batch.day[patient, visit]
    course = _Course(draws, day / 7, [(a / 7, b / 7) for a, b in batch.off[patient] if a < day])
    read = {quantity: _read(batch, quantity, patient, day) for quantity in prior.quantities}
    seen = [quantity for quantity in prior.quantities if read[quantity]] or list(prior.quantities)
    backgrounds = {quantity: draws[:, 5 + 8 * position] for position, quantity in enumerate(prior.quantities)}
    shares = {
        quantity: _causes(course, quantity, backgrounds[quantity], _error_of_burden(quantity, prior))
        for quantity in seen
    }
    at_floor = {quantity: bool(read[quantity]) and all(low for _, low in read[quantity]) for quantity in seen}
    causes = np.zeros(4)
    turned_resistant = 0.0
    for quantity in seen:
        if at_floor[quantity]:
            causes[2] += 1
            continue
        causes += shares[quantity].mean(axis=0)
        late = (course.turned & (shares[quantity][:, 0] > 0)).mean()
        turned_resistant = max(turned_resistant, late)
    soonest = min(seen, key=lambda own: _error_of_burden(own, prior) / prior.visit_gap_weeks[own])
    regrowth = course.weeks_when_risen(
        soonest, backgrounds[soonest], _error_at_smallest(batch, soonest, patient, visit, prior)
    )
    return {
        "p_trend": [
            (course.trend < -SLOW).mean(),
            (abs(course.trend) <= SLOW).mean(),
            (course.trend > SLOW).mean(),
        ],
        "p_cause": causes / causes.sum(),
        "resistant_fraction": np.quantile(course.share, LEVELS),
        "dominance_day": 7 * np.quantile(course.dominance, LEVELS),
        "turning_day": 7 * np.quantile(course.turning, LEVELS),
        "regrowth_between": [
            7 * np.quantile(regrowth, np.clip(np.array(LEVELS) + more, 0.0, 1.0)) for more in (-0.03, 0.03)
        ],
        "p_turned": course.turned.mean(),
        "p_never": (course.turning >= TEN_YEARS).mean(),
        "p_turned_resistant": turned_resistant,
    }


class _Course:
    """The living burden of every draw, as it was treated up to now and then treated on."""

    def __init__(self, draws, now, pauses):
        self.d, self.g, self.r = np.exp(draws[:, 0]), np.exp(draws[:, 1]), np.exp(draws[:, 3])
        phi = 1 / (1 + np.exp(-draws[:, 2]))
        self.rests = draws[:, 4] > 0
        self.g = np.where(self.rests, 0.0, self.g)
        self.log_start = np.log(1 - phi), np.log(phi)
        now = max(now, 0.0)
        self.pauses = [(first, min(end, now)) for first, end in pauses]
        self.off_now = any(first < now < end for first, end in pauses)
        ahead = now + np.geomspace(0.01, TEN_YEARS, 500)
        edges = [edge for pause in self.pauses for edge in pause]
        before = np.concatenate([np.linspace(0.0, now, 300), edges])
        self.week = np.unique(np.concatenate([before, ahead[ahead < TEN_YEARS], [now, TEN_YEARS]]))
        sensitive, resistant = self.log_parts(self.week)
        # where the resistant part rests it adds the same everywhere, and would hide the last of the fall
        smallest = np.where(self.rests[:, None], sensitive, np.logaddexp(sensitive, resistant))
        self.turning = self.week[smallest.argmin(axis=1)]
        self.turned = self.turning <= now
        self.now = self.log_parts(np.array([now]))
        lead = (self.now[0] - self.now[1])[:, 0]
        self.dominance = np.clip(now + lead / (self.g + self.d), 0.0, TEN_YEARS)
        self.share = 1 / (1 + np.exp(np.clip(lead, -300, 300)))
        self.trend = self._slope()

    def weeks(self, week):
        """Weeks on and weeks off up to each week."""
        off = np.zeros_like(week)
        for first, end in self.pauses:
            off = off + np.minimum(np.maximum(week - first, 0.0), end - first)
        return week - off, off

    def log_parts(self, week):
        """Log of the sensitive and of the resistant part of each draw at each week."""
        on, off = self.weeks(week)
        sensitive = self.log_start[0][:, None] - np.outer(self.d, on) + np.outer(self.r, off)
        resistant = self.log_start[1][:, None] + np.outer(self.g, on + off)
        return sensitive, resistant

    def _slope(self):
        """d log B / dt now, by a small step ahead of and behind now under what is being done now."""
        step = 1e-4
        sensitive, resistant = (part[:, 0] for part in self.now)
        rate = self.r if self.off_now else -self.d
        ends = [
            np.logaddexp(sensitive + rate * side * step, resistant + self.g * side * step) for side in (-1, 1)
        ]
        return (ends[1] - ends[0]) / (2 * step)

    def weeks_when_risen(self, quantity, background, error):
        """The first week, after the smallest, at which the signal lies above its smallest by the error."""
        signal = _signal(quantity, np.logaddexp(*self.log_parts(self.week)), background[:, None])
        lowest = signal[np.arange(len(signal)), self.week.searchsorted(self.turning)][:, None]
        risen = (signal > lowest + error) & (self.week > self.turning[:, None])
        return np.where(risen.any(axis=1), self.week[risen.argmax(axis=1)], TEN_YEARS)


def _signal(quantity, log_burden, background):
    burden = np.exp(np.minimum(log_burden, 300))
    if quantity == SUM:
        scar = 1 / (1 + np.exp(-background))
        return np.log((1 - scar) * burden + scar) / 3
    return np.log(burden + np.exp(background))


def _read(batch, quantity, patient, day):
    """Value and below-its-limit of the last reading of each part up to the day."""
    last = []
    for part in batch.series[quantity]:
        up_to_now = [i for i in range(part.length[patient]) if part.day[patient, i] <= day]
        if up_to_now:
            last.append((part.value[patient, up_to_now[-1]], part.censoring[patient, up_to_now[-1]] < 0))
    return last


def _error_of_reading(quantity, prior):
    """Change of log value that two readings must differ by; of a lesion of 40 mm."""
    if quantity == SUM:
        return TWO_READINGS * math.sqrt((0.04 * 40) ** 2 + 1) / 40
    sd = math.exp(prior.mean[5 + 8 * prior.quantities.index(quantity) + 2])
    return max(TWO_READINGS * sd, REFERENCE_CHANGE.get(quantity, 0.0))


def _error_of_burden(quantity, prior):
    return _error_of_reading(quantity, prior) * (3 if quantity == SUM else 1)


def _error_at_smallest(batch, quantity, patient, visit, prior):
    """For the sum, of as many lesions as are read now and as large as the sum ever was at its smallest."""
    if quantity != SUM:
        return _error_of_reading(quantity, prior)
    sums = []
    for day in batch.day[patient, : visit + 1]:
        sizes = [max(value, 5.0) for value, _ in _read(batch, SUM, patient, day)]
        if sizes:
            sums.append((sum(sizes), len(sizes)))
    if not sums:
        return _error_of_reading(SUM, prior)
    lesions = sums[-1][1]
    smallest = min(total for total, read in sums if read == lesions)
    return TWO_READINGS * math.sqrt((0.04 * smallest) ** 2 / lesions + lesions) / smallest


def _causes(course, quantity, background, error_of_burden):
    """Shares of resistant, scar, floor, pause in what is seen and does not shrink, shape (D, 4)."""
    sensitive, resistant = (np.exp(np.minimum(part[:, 0], 300)) for part in course.now)
    if quantity == SUM:
        scar = 1 / (1 + np.exp(-background))
        resistant, sensitive = (1 - scar) * resistant, (1 - scar) * sensitive
    else:
        scar = np.exp(background)
    idle = sensitive if course.off_now else np.zeros_like(sensitive)
    total = resistant + scar + idle
    grown = np.log((total - resistant + resistant * np.exp(26 * course.g)) / total)
    shows = grown > error_of_burden
    return np.stack(
        [
            np.where(shows, resistant, 0.0) / total,
            (scar + np.where(shows, 0.0, resistant)) / total,
            np.zeros_like(total),
            idle / total,
        ],
        axis=1,
    )
