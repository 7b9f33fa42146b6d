"""The size as it was at each visit, and as it may be read in the weeks to come: the fan of a patient's chart."""

from __future__ import annotations

import numpy as np
import polars as pl

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.filter import Posterior
from turnpoint.model.forecast import readings_ahead
from turnpoint.model.prior import Prior
from turnpoint.model.streams import Stream, generator
from turnpoint.turning.progression_ahead import exposure_ahead

_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_NAMES = ("q05", "q25", "q50", "q75", "q95")
_SIX_WEEKS_DAYS = 42.0
_SIX_WEEKS_AHEAD = 4  # 24 weeks


def fan(posterior: Posterior, prior: Prior, seed: int = 0) -> pl.DataFrame:
    """Fitted size at each visit of one patient, and the forecast from the last one if the regimen stays as it is.

    Args:
        posterior: at every visit of one patient, in order.
        prior: of the posterior.
        seed: of the draws.

    Returns:
        `quantity, day, kind` (`fitted`, `forecast`), `q05, q25, q50, q75, q95`; of each quantity that has been read.
    """
    fans = []
    for quantity, own in posterior.quantities.items():
        rows = np.flatnonzero(own.readings > 0)
        if rows.size:
            fans += [
                _fitted(posterior, quantity, rows, seed),
                _forecast(posterior, quantity, prior, seed),
            ]
    return pl.concat(fans)


def _rows(quantity: str, kind: str, days: FloatArray, levels: FloatArray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "quantity": [quantity] * len(days),
            "day": days.astype(np.int64),
            "kind": [kind] * len(days),
            **{name: levels[:, index] for index, name in enumerate(_NAMES)},
        }
    )


def _fitted(posterior: Posterior, quantity: str, rows: IntArray, seed: int) -> pl.DataFrame:
    """Noise-free size at each visit from data up to it."""
    at = posterior.at(rows)
    own = at.quantities[quantity]
    draws = own.reading.background.shape[1]
    size = np.zeros((len(rows), draws))
    rng = generator(seed, Stream.FITTED_SIZE)
    for part in own.parts:
        on_weeks, off_weeks = part.last_on_weeks, part.last_off_weeks
        signal = own.reading.log_signal(at.dynamics.log_burden(on_weeks, off_weeks))
        signal = signal + own.reading.log_surge_at(on_weeks + off_weeks)
        spread = np.sqrt(part.level_variance) * rng.standard_normal(draws)
        known = (part.readings > 0)[:, None]
        size += np.where(known, np.exp(part.level_mean + signal + spread), 0.0)
    levels = np.quantile(size, _LEVELS, axis=1).T
    keep = np.unique(own.last_day, return_index=True)[1]
    return _rows(quantity, "fitted", own.last_day[keep], levels[keep])


def _forecast(posterior: Posterior, quantity: str, prior: Prior, seed: int) -> pl.DataFrame:
    """Readings to expect from the last visit on, at the quantity's usual gap."""
    last = posterior.at(np.array([len(posterior.patient) - 1]))
    per_six_weeks = max(round(6.0 / prior.visit_gap_weeks[quantity]), 1)
    ahead = np.round(np.arange(1, _SIX_WEEKS_AHEAD * per_six_weeks + 1) * _SIX_WEEKS_DAYS / per_six_weeks)[
        None, :
    ]
    days = last.day[:, None] + ahead
    draws = readings_ahead(last, prior, quantity, days, exposure_ahead(last, ahead), seed=seed)[0]
    return _rows(quantity, "forecast", days[0], np.quantile(draws, _LEVELS, axis=1).T)
