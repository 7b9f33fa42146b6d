"""When a quantity's own criterion will call progression if the regimen stays as it is, draw by draw.

    first day  =  min { t_w : y_w >= bar_w,  t_w > 0 }            y_w: draw of the reading at visit w
    bar_{w+1}  =  min(bar_w, bar(y_w))                            bar(y): what a lone value y sets

The bar of each criterion rises with the smallest value so far, so the bar of the smallest value is the smallest of the
bars: each draw carries its own, and a draw that still shrinks lowers it.

    sum of diameters   max(1.2·y, y + 5 mm)        RECIST 1.1, Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026, 4.3.1
    PSA                max(1.25·y, y + 2 ng/mL)    PCWG3, Scher 2016, doi:10.1200/JCO.2015.64.2702
    CA-125             2·max(y, upper limit)       GCIG, Rustin 2011, doi:10.1097/IGC.0b013e3182070f17
    other markers      twice the reference change above y (`criteria.marker_progression`)

New lesions and confirmation are not part of it. Where the prior has learnt how readings err, the hazard of the draws is
matched to that better forecast of the next reading (`hazard_ratio`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.criteria.marker_progression import (
    CA125_RATIO,
    CA125_UPPER_LIMIT,
    PSA_NG_PER_ML,
    PSA_RATIO,
    UNPUBLISHED_REFERENCE_CHANGE_PCT,
)
from turnpoint.criteria.marker_series import TOLERANCE
from turnpoint.model.arrays import FloatArray
from turnpoint.model.error_features import Origins
from turnpoint.model.filter import Posterior
from turnpoint.model.forecast import SMALLEST_FORECAST_MM, Criterion, first_called, readings_ahead
from turnpoint.model.linear_pool import Pool
from turnpoint.model.observation import has_kernel
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.study.markers import MARKERS
from turnpoint.study.recist_bar import PROGRESSION_MM, PROGRESSION_RATIO

HORIZONS_WEEKS = (6, 12, 24)
FARTHEST_WEEKS = 104
DAY_LEVELS = (0.05, 0.5, 0.95)
_LARGEST_RATIO = 4.0
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class ProgressionAhead:
    """Forecast of the first progression by one quantity at R rows; nan where it has already been called.

    Attributes:
        chance: that it is called within 6, 12 and 24 weeks, shape (R, 3); nan where no visit is due by then.
        day: 5, 50 and 95 % quantiles of the day on which it is, shape (R, 3); inf beyond two years.
    """

    chance: FloatArray
    day: FloatArray


def bar_set_by(quantity: str, value: FloatArray, upper_limit: FloatArray | float | None = None) -> FloatArray:
    """The smallest next value that calls progression when `value` is the smallest so far, in its unit.

    Args:
        quantity: `sum_of_diameters_mm` or a marker's name.
        value: any shape; a sum of 1 mm, which stands for absent lesions in forecasts, counts 0 mm.
        upper_limit: of normal, for CA-125, broadcasting against the values; 35 U/mL by default.

    >>> bar_set_by("PSA", np.array([4.0, 40.0]))
    array([ 6., 50.])
    """
    ratio, increment = _bar_rule(quantity)
    counted = np.where(value <= SMALLEST_FORECAST_MM, 0.0, value) if quantity == SUM_OF_DIAMETERS else value
    counted = np.maximum(counted, _limit_of(quantity, upper_limit))
    bar: FloatArray = np.maximum(ratio * counted, counted + increment)
    return bar


def _bar_rule(quantity: str) -> tuple[float, float]:
    """The bar is the larger of so many times the smallest value, and so much above it."""
    if quantity == SUM_OF_DIAMETERS:
        return PROGRESSION_RATIO, PROGRESSION_MM
    if quantity == "PSA":
        return PSA_RATIO, PSA_NG_PER_ML
    if quantity == "CA-125":
        return CA125_RATIO, 0.0
    marker = MARKERS.get(quantity)
    change_pct = (marker and marker.reference_change_pct) or UNPUBLISHED_REFERENCE_CHANGE_PCT
    return 1.0 + 2.0 * change_pct / 100.0, 0.0


def _limit_of(quantity: str, upper_limit: FloatArray | float | None) -> FloatArray | float:
    """The value below which a smaller one does not lower the bar."""
    if quantity != "CA-125":
        return 0.0
    return CA125_UPPER_LIMIT if upper_limit is None else upper_limit


def first_progression_days(
    quantity: str,
    values: FloatArray,
    days: FloatArray,
    bar: FloatArray,
    upper_limit: FloatArray | float | None = None,
) -> FloatArray:
    """The first of the days on which each draw meets the criterion, shape (R, D); inf where none does.

    Args:
        quantity: `sum_of_diameters_mm` or a marker's name.
        values: draws of the readings, shape (R, W, D).
        days: of the readings, increasing, shape (R, W); up to day 0 a value is a new baseline and calls nothing.
        bar: what would meet the criterion at the first of them, shape (R,).
        upper_limit: of normal, shape (R, 1) or a number, for CA-125.
    """
    first = np.full((len(days), values.shape[2]), np.inf)
    bars = np.broadcast_to(bar[:, None], first.shape)
    for step, day in enumerate(days.T[:, :, None]):
        value = values[:, step]
        called = (value >= bars - TOLERANCE) & (day > 0)
        first = np.where(called & np.isinf(first), day, first)
        own = bar_set_by(quantity, value, upper_limit)
        bars = np.where(day > 0, np.minimum(bars, own), own)
    return first


def visits_ahead(
    gap_weeks: FloatArray, weeks: float = FARTHEST_WEEKS, since_last_days: FloatArray | float = 0.0
) -> FloatArray:
    """Days from each row's visit to the next readings, at its gap, to so many weeks at least: shape (R, W).

    Args:
        gap_weeks: shape (R,), rounded here to whole weeks, as visits are planned; at least one.
        weeks: how far.
        since_last_days: from the last reading to the row's visit, shape (R,): the next is due a gap after that one.

    >>> visits_ahead(np.array([3.2, 4.0]), weeks=8)
    array([[21., 42., 63.],
           [28., 56., 84.]])
    >>> visits_ahead(np.array([8.0]), weeks=16, since_last_days=np.array([21.0]))
    array([[35., 91.]])
    """
    gaps_days = 7.0 * np.maximum(np.round(gap_weeks), 1.0)
    elapsed = np.broadcast_to(np.asarray(since_last_days, dtype=np.float64), gaps_days.shape)
    visits = np.arange(1, int(np.ceil(7.0 * weeks / gaps_days.min(initial=7.0 * weeks))) + 1)
    due = np.floor(elapsed / gaps_days)[:, None] + visits
    days: FloatArray = gaps_days[:, None] * due - elapsed[:, None]
    return days


def exposure_ahead(posterior: Posterior, days_ahead: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weeks on and off treatment so many days after each row, shape (R, W): on or off as at the row."""
    weeks = days_ahead / 7.0
    off_now = posterior.batch.off_now[posterior.patient, posterior.visit][:, None]
    return posterior.on_weeks + weeks * ~off_now, posterior.off_weeks + weeks * off_now


@dataclass(frozen=True, slots=True)
class DrawsAhead:
    """Draws of the quantity's readings from R rows on.

    Attributes:
        days: of the visits, shape (R, W).
        next_value: what would be written down at the first of them, shape (R, D).
        first_day: on which the criterion is first met, inf where it never is, shape (R, D).
        from_day: of the rows, shape (R,).
        bar: what would meet the criterion at the first visit, shape (R,); nan where it has been met.
    """

    days: FloatArray
    next_value: FloatArray
    first_day: FloatArray
    from_day: FloatArray
    bar: FloatArray

    @property
    def next_chance(self) -> FloatArray:
        """Share of the draws that meet the criterion at the first visit, shape (R,)."""
        chance: FloatArray = (self.first_day <= self.days[:, :1]).mean(axis=1)
        return chance


def draws_ahead(
    posterior: Posterior,
    prior: Prior,
    quantity: str,
    bar: FloatArray,
    gap_weeks: FloatArray,
    *,
    upper_limit: FloatArray | float | None = None,
    weeks: float = FARTHEST_WEEKS,
    seed: int = 0,
) -> DrawsAhead:
    """When each draw meets the quantity's criterion first, at the readings of the next two years.

    Args:
        posterior: at R rows, each with a reading of the quantity.
        prior: of the posterior.
        quantity: its name.
        bar: the smallest next value that would meet the criterion, shape (R,); nan where it has been met.
        gap_weeks: from reading to reading, shape (R,).
        upper_limit: of normal, shape (R, 1) or a number, for CA-125.
        weeks: how far; what is drawn does not depend on it.
        seed: of the readings' noise; the same seed gives the same numbers.
    """
    ahead = visits_ahead(gap_weeks, weeks, posterior.day - posterior.quantities[quantity].last_day)
    days, exposure = posterior.day[:, None] + ahead, exposure_ahead(posterior, ahead)
    if posterior.origins and has_kernel():
        limit = np.broadcast_to(_limit_of(quantity, upper_limit), (len(bar), 1))[:, 0]
        criterion = Criterion(days > 0, bar, limit, *_bar_rule(quantity), near=TOLERANCE)
        next_value, step = first_called(posterior, prior, quantity, days, exposure, criterion, seed=seed)
        ends = np.pad(days, ((0, 0), (0, 1)), constant_values=np.inf)
        return DrawsAhead(days, next_value, np.take_along_axis(ends, step, axis=1), posterior.day, bar)
    values = readings_ahead(posterior, prior, quantity, days, exposure, seed=seed)
    first = first_progression_days(quantity, values, days, bar, upper_limit)
    return DrawsAhead(days, values[:, 0], first, posterior.day, bar)


def next_chance(drawn: DrawsAhead, prior: Prior, quantity: str, origins: Origins | None) -> FloatArray:
    """Chance that the criterion is met at the next reading, by the filter and the regression of errors together.

    Args:
        drawn: the filter's draws at R rows.
        prior: with the regression.
        quantity: its name.
        origins: what the series so far says about the error of the next reading; None: the filter alone.
    """
    regression = prior.error_regressions.get(quantity)
    if regression is None or origins is None:
        return drawn.next_chance
    pool = Pool.of(drawn.next_value, regression, origins, prior.filter_weight[quantity])
    return np.nan_to_num(pool.chance_at_least(drawn.bar))


def hazard_ratio(next_chance: FloatArray, chance_by_draws: FloatArray) -> FloatArray:
    """How much likelier progression is at the next visit than the draws say, as a ratio of hazards; shape (R,).

    ratio = log(1 - next chance) / log(1 - chance by draws),   within 1/4 and 4; 1 where either is 0 or 1
    """
    sure = (np.minimum(next_chance, chance_by_draws) <= 0.0) | (
        np.maximum(next_chance, chance_by_draws) >= 1.0
    )
    wanted, given = (np.log1p(-np.where(sure, 0.5, chance)) for chance in (next_chance, chance_by_draws))
    ratio: FloatArray = np.clip(wanted / given, 1.0 / _LARGEST_RATIO, _LARGEST_RATIO)
    return ratio


def progression_ahead(drawn: DrawsAhead, ratio: FloatArray | float = 1.0) -> ProgressionAhead:
    """Chances and days from the draws, their hazards multiplied: P(later than t) = P_draws(later than t)^ratio.

    Args:
        drawn: from `draws_ahead`.
        ratio: shape (R,) or a number; from `hazard_ratio`, where a better forecast of the next visit is known.
    """
    ratios = np.broadcast_to(ratio, drawn.bar.shape)
    weeks_to = (drawn.first_day - drawn.from_day[:, None]) / 7.0
    horizons = np.array(HORIZONS_WEEKS)
    by_draws = np.stack([(weeks_to <= weeks).mean(axis=1) for weeks in horizons], axis=1)
    chance = 1.0 - (1.0 - by_draws) ** ratios[:, None]
    chance[(drawn.days[:, :1] - drawn.from_day[:, None]) > 7.0 * horizons] = np.nan
    ordered = np.sort(np.where(weeks_to > FARTHEST_WEEKS, np.inf, drawn.first_day), axis=1)
    levels = 1.0 - (1.0 - np.array(DAY_LEVELS)) ** (1.0 / ratios[:, None])
    draws = ordered.shape[1]
    place = np.clip(np.ceil(levels * draws - _SAME).astype(np.int64) - 1, 0, draws - 1)
    day = np.take_along_axis(ordered, place, axis=1)
    met = np.isnan(drawn.bar)
    chance[met], day[met] = np.nan, np.nan
    return ProgressionAhead(chance, day)
