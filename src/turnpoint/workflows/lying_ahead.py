"""What lies ahead of one patient, as a report shows it: sizes to expect, the day of progression, what would settle it.

All of it from the last visit, and if the regimen stays as it is there: a drug that is on stays on, in a pause it stays
off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.filter import Posterior, posteriors
from turnpoint.model.forecast import readings_ahead
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of
from turnpoint.study.study import Study
from turnpoint.turning.progression_ahead import HORIZONS_WEEKS, exposure_ahead
from turnpoint.workflows.progression_ahead import progression_ahead
from turnpoint.workflows.settle import what_would_settle

_FAN_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_FAN_NAMES = ("q05", "q25", "q50", "q75", "q95")
_SIX_WEEKS_DAYS = 42.0
_FAN_SIX_WEEKS = 4  # 24 weeks


@dataclass(frozen=True, slots=True)
class LyingAhead:
    """What a report shows of the time after the last visit.

    Attributes:
        fan: fitted size at each visit and the forecast for 24 weeks: `quantity, day, kind, q05, ..., q95`.
        p_progression: `quantity, weeks, p_progression`, from `progression_ahead`.
        progression_days: `quantity, q05, q50, q95`, days of the course; null when later than two years from now.
        settle: from `what_would_settle`.
    """

    fan: pl.DataFrame
    p_progression: pl.DataFrame
    progression_days: pl.DataFrame
    settle: pl.DataFrame


def what_lies_ahead(study: Study, patient_id: str, prior: Prior) -> LyingAhead:
    """For the one patient of the study.

    Raises:
        StudyError: nothing of the patient can be used.
    """
    ahead = progression_ahead(study, prior)
    chances = {f"p_progression_{weeks}w": weeks for weeks in HORIZONS_WEEKS}
    return LyingAhead(
        fan=_fan(study, prior),
        p_progression=ahead.unpivot(
            list(chances), index="quantity", variable_name="weeks", value_name="p_progression"
        )
        .with_columns(pl.col("weeks").replace_strict(chances, return_dtype=pl.Int64))
        .sort("quantity", "weeks"),
        progression_days=ahead.select(
            "quantity", pl.col("^progression_day_q.*$").name.replace("progression_day_", "")
        ),
        settle=what_would_settle(study, patient_id, prior),
    )


def _fan(study: Study, prior: Prior) -> pl.DataFrame:
    fans = []
    for posterior in posteriors(parts_of(study), study, prior):
        for quantity, own in posterior.quantities.items():
            rows = np.flatnonzero(own.readings > 0)
            if rows.size:
                fans += [_fitted(posterior, quantity, rows), _forecast(posterior, quantity, prior)]
    return pl.concat(fans)


def _fan_rows(quantity: str, kind: str, days: FloatArray, levels: FloatArray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "quantity": [quantity] * len(days),
            "day": days.astype(np.int64),
            "kind": [kind] * len(days),
            **{name: levels[:, index] for index, name in enumerate(_FAN_NAMES)},
        }
    )


def _fitted(posterior: Posterior, quantity: str, rows: IntArray) -> pl.DataFrame:
    """Noise-free size at each visit from data up to it."""
    at = posterior.at(rows)
    own = at.quantities[quantity]
    draws = own.reading.background.shape[1]
    size = np.zeros((len(rows), draws))
    rng = np.random.default_rng(0)
    for part in own.parts:
        on_weeks, off_weeks = part.last_on_weeks, part.last_off_weeks
        signal = own.reading.log_signal(at.dynamics.log_burden(on_weeks, off_weeks))
        signal = signal + own.reading.log_surge_at(on_weeks + off_weeks)
        spread = np.sqrt(part.level_variance) * rng.standard_normal(draws)
        known = (part.readings > 0)[:, None]
        size += np.where(known, np.exp(part.level_mean + signal + spread), 0.0)
    levels = np.quantile(size, _FAN_LEVELS, axis=1).T
    keep = np.unique(own.last_day, return_index=True)[1]
    return _fan_rows(quantity, "fitted", own.last_day[keep], levels[keep])


def _forecast(posterior: Posterior, quantity: str, prior: Prior) -> pl.DataFrame:
    """Readings to expect from the last visit on, at the quantity's usual gap."""
    last = posterior.at(np.array([len(posterior.patient) - 1]))
    per_six_weeks = max(round(6.0 / prior.visit_gap_weeks[quantity]), 1)
    ahead = np.round(np.arange(1, _FAN_SIX_WEEKS * per_six_weeks + 1) * _SIX_WEEKS_DAYS / per_six_weeks)[
        None, :
    ]
    days = last.day[:, None] + ahead
    draws = readings_ahead(last, prior, quantity, days, exposure_ahead(last, ahead), seed=0).value[0]
    return _fan_rows(quantity, "forecast", days[0], np.quantile(draws, _FAN_LEVELS, axis=1).T)
