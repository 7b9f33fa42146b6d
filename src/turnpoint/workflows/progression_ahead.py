"""When each patient's criteria will call progression if the regimen stays as it is, from data up to a visit.

Of each quantity its own criterion (`progression_ahead`), and of a patient the one that counts (`chances_ahead`): RECIST
1.1 on the sum once target lesions have been read, and until then the markers' own, the likeliest of them to be met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.criteria.called_progression import RECIST
from turnpoint.criteria.marker_progression import CA125_UPPER_LIMIT
from turnpoint.model.arrays import FloatArray
from turnpoint.model.error_features import forecast_origins
from turnpoint.model.filter import DEFAULT_PARTICLES, Posterior, over_batches, posterior_of, posteriors
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch, parts_of, readings_of
from turnpoint.study.study import Study
from turnpoint.turning.progression_ahead import (
    DAY_LEVELS,
    FARTHEST_WEEKS,
    HORIZONS_WEEKS,
    draws_ahead,
    hazard_ratio,
    next_chance,
)
from turnpoint.turning.progression_ahead import progression_ahead as ahead_of
from turnpoint.workflows.forecast import progression_thresholds
from turnpoint.workflows.priors import by_prior, part_of_progress, usable_readings
from turnpoint.workflows.respond import called

Progress = Callable[[int, int], None]

_CHANCES = tuple(f"p_progression_{weeks}w" for weeks in HORIZONS_WEEKS)
_DAYS = tuple(f"progression_day_q{round(100 * level):02d}" for level in DAY_LEVELS)
_GAPS = 3
_GAP_RANGE = 2.0  # a patient's own gap counts between half of the usual one and twice
PROGRESSION_AHEAD_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "quantity": pl.String,
    **dict.fromkeys(_CHANCES, pl.Float64),
    **dict.fromkeys(_DAYS, pl.Float64),
    "called_day": pl.Int64,
    "called_by": pl.String,
}

CHANCES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "p_progression_12w": pl.Float64,
    "p_progression_24w": pl.Float64,
    "met": pl.Boolean,
}


def progression_ahead(
    study: Study,
    prior: str | Path | Prior | None = None,
    *,
    every_visit: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> pl.DataFrame:
    """Forecast when each quantity's own criterion is first met, from each patient's last visit.

    Visits go on as the patient's last ones did (at the prior's usual gap where there are none), the drug stays on or
    off as it is, and each draw carries its own smallest value on (`turning.progression_ahead`).

    Args:
        study: with lesions, markers or both.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        every_visit: from each visit on which the quantity was read instead, from data up to it.
        seed: the same seed gives the same numbers.
        progress: called with patients done and patients in all.
        particles: size of the particle bank.

    Returns:
        `patient_id, day, quantity, p_progression_6w, p_progression_12w, p_progression_24w, progression_day_q05,
        progression_day_q50, progression_day_q95, called_day, called_by`, one row a patient and quantity that has been
        read. A day is null when it is later than two years from `day`; a chance is null where no visit is due by then.
        All are null where the criterion has already been met, and where progression has been called: by a marker's own
        criterion for that marker, by RECIST 1.1 for all of them. `called_day` and `called_by` say when and by what
        (`criteria.called_progression.KINDS`), from what was known on `day`.

    Raises:
        StudyError: nothing in the study can be used.
        PriorError: the prior cannot be read or knows none of the study's quantities.
    """
    usable_readings(study)
    rows, done = [], 0
    for chosen, part in by_prior(study, prior):
        readings = readings_of(part)
        context = _Context(readings, part.doses, bars_of(readings, part.markers), chosen, seed)
        here = None if progress is None else part_of_progress(progress, done, len(study.patient_ids))
        rows += [
            row
            for posterior in posteriors(
                parts_of(part), part, chosen, seed=seed, progress=here, particles=particles
            )
            for row in _rows(posterior, context, every_visit=every_visit)
        ]
        done += len(part.patient_ids)
    found = pl.concat(rows) if rows else pl.DataFrame(schema=PROGRESSION_AHEAD_SCHEMA)
    return (
        _with_called(found.drop("called_day", "called_by", strict=False), called(study))
        .sort("patient_id", "day", "quantity")
        .select(pl.col(name).cast(dtype) for name, dtype in PROGRESSION_AHEAD_SCHEMA.items())
    )


def chances_ahead(
    readings: pl.DataFrame,
    study: Study,
    prior: Prior,
    bars: pl.DataFrame,
    *,
    visits: pl.DataFrame | None = None,
    seed: int = 0,
    particles: int = DEFAULT_PARTICLES,
) -> pl.DataFrame:
    """The chance that a patient's criterion is met within 12 and 24 weeks of each visit, from data up to it.

    Args:
        readings: lesion by lesion and marker by marker (`model.series.parts_of`).
        study: for its doses and new lesions.
        prior: whose quantities are those of the readings.
        bars: from `bars_of`, with `value` and `censoring`.
        visits: from `model.series.visits_of`, when visits without a usable reading matter too.
        seed: the same seed gives the same numbers, and those of `progression_ahead`.
        particles: size of the particle bank.

    Returns:
        `patient_id, day, p_progression_12w, p_progression_24w, met`, one row a visit from the first reading on. A
        chance is null where the criterion has been met (`met`), and where no reading of it is due by then.
    """
    context = _Context(bars, study.doses, bars, prior, seed)
    refiner = Refiner.of(prior, prior.bank(particles, seed), seed)

    def work(batch: Batch) -> pl.DataFrame:
        return _criterion_rows(posterior_of(batch, refiner), context)

    return pl.concat(over_batches(work, readings, study, prior, visits=visits))


def _criterion_rows(posterior: Posterior, context: _Context) -> pl.DataFrame:
    """The chances of the criterion that counts at every visit of one batch of patients."""
    sums = posterior.quantities.get(SUM_OF_DIAMETERS)
    by_markers = np.ones(len(posterior.patient), np.bool_) if sums is None else sums.readings == 0
    rows = []
    for quantity, own in posterior.quantities.items():
        counts = (own.readings > 0) & (by_markers | (quantity == SUM_OF_DIAMETERS))
        places = np.flatnonzero(counts)
        if places.size:
            rows.append(
                _quantity_rows(posterior.at(places), context, quantity, max(HORIZONS_WEEKS)).with_columns(
                    met=pl.col("bar").is_null()
                )
            )
    if not rows:
        return pl.DataFrame(schema=CHANCES_SCHEMA)
    return (
        pl.concat(rows)
        .group_by("patient_id", "day", maintain_order=True)
        .agg(pl.col("p_progression_12w", "p_progression_24w").max(), pl.col("met").any())
    )


def _with_called(found: pl.DataFrame, progressions: pl.DataFrame) -> pl.DataFrame:
    """What has been called is said, and not forecast."""
    own = ["patient_id", "day", "quantity"]
    known = (
        found.select(own)
        .join(progressions.rename({"day": "called_day"}), on="patient_id")
        .filter(pl.col("known_day") <= pl.col("day"))
        .filter((pl.col("criterion") == RECIST) | (pl.col("lesion_id") == pl.col("quantity")))
        .sort("called_day", maintain_order=True)
        .group_by(own, maintain_order=True)
        .agg(pl.col("called_day").first(), pl.col("kind").first().alias("called_by"))
    )
    forecast = pl.col("called_day").is_null()
    return found.join(known, on=own, how="left", maintain_order="left").with_columns(
        pl.when(forecast).then(name).alias(name) for name in (*_CHANCES, *_DAYS)
    )


@dataclass(frozen=True, slots=True)
class _Context:
    """What every row is worked out from."""

    readings: pl.DataFrame
    doses: pl.DataFrame
    bars: pl.DataFrame
    prior: Prior
    seed: int


def bars_of(readings: pl.DataFrame, markers: pl.DataFrame) -> pl.DataFrame:
    """The readings with what would meet each quantity's criterion next, and when the next one is due.

    The gap is the median of the last three between values of the quantity so far, from day 0 on. Where a criterion asks
    for confirmation (PSA, CA-125) the bar stands until progression has been called.

    Args:
        readings: `model.series.readings_of`.
        markers: as in `Study.markers`.

    Returns:
        `readings` by day, with `threshold` (null once the criterion has been met), `upper_limit` and `gap_weeks`.
    """
    limits = (
        markers.filter(pl.col("marker") == "CA-125")
        .group_by("patient_id", pl.col("marker").alias("quantity"), "day")
        .agg(pl.col("upper_limit").max())
    )
    own = ["patient_id", "quantity"]
    gap_weeks = pl.col("day").clip(0).diff() / 7.0
    return (
        readings.join(progression_thresholds(readings, markers, confirmed=True), on=[*own, "day"], how="left")
        .join(limits, on=[*own, "day"], how="left")
        .with_columns(
            pl.col("upper_limit").fill_null(CA125_UPPER_LIMIT),
            gap_weeks.rolling_median(_GAPS, min_samples=1).over(own, order_by="day").alias("gap_weeks"),
        )
        .sort("day")
    )


def markers_of(readings: pl.DataFrame) -> pl.DataFrame:
    """The markers among the readings of virtual courses, as `bars_of` takes them."""
    return readings.filter(pl.col("quantity") != SUM_OF_DIAMETERS).select(
        "patient_id",
        "day",
        "value",
        marker="quantity",
        upper_limit=pl.lit(None, pl.Float64),
        censoring=pl.when(pl.col("censoring") < 0).then(pl.lit("left")),
    )


def _rows(posterior: Posterior, context: _Context, *, every_visit: bool) -> Iterator[pl.DataFrame]:
    """The table's rows for one batch of patients."""
    for quantity, own in posterior.quantities.items():
        if every_visit:
            rows = np.flatnonzero(own.last_day == posterior.day)
        else:
            last = np.flatnonzero(np.diff(posterior.patient, append=-1) != 0)
            rows = last[own.readings[last] > 0]
        if rows.size:
            yield _quantity_rows(posterior.at(rows), context, quantity, FARTHEST_WEEKS).drop("bar")


def _quantity_rows(posterior: Posterior, context: _Context, quantity: str, weeks: float) -> pl.DataFrame:
    """Chances and days by the quantity's own criterion, and the bar, null where it has been met."""
    keys = pl.DataFrame(
        {
            "patient_id": [posterior.batch.patient_ids[patient] for patient in posterior.patient],
            "day": posterior.day.astype(np.int64),
            "quantity": [quantity] * len(posterior.patient),
        }
    )
    at = _at(keys, context.bars)
    bar, upper_limit = (
        at[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("threshold", "upper_limit")
    )
    usual = context.prior.visit_gap_weeks[quantity]
    gap_weeks = at["gap_weeks"].fill_null(usual).clip(usual / _GAP_RANGE, usual * _GAP_RANGE).to_numpy()
    drawn = draws_ahead(
        posterior,
        context.prior,
        quantity,
        bar,
        gap_weeks,
        upper_limit=upper_limit[:, None],
        weeks=weeks,
        seed=context.seed,
    )
    origins = None
    if quantity in context.prior.error_regressions:
        targets = keys.with_columns(pl.Series("target_day", drawn.days[:, 0]))
        origins = forecast_origins(context.readings, quantity, context.doses, targets)
    chance = next_chance(drawn, context.prior, quantity, origins)
    found = ahead_of(drawn, hazard_ratio(chance, drawn.next_chance))
    return keys.with_columns(
        *_columns(_CHANCES, found.chance),
        *_columns(_DAYS, np.where(np.isinf(found.day), np.nan, found.day)),
        *_columns(("bar",), bar[:, None]),
    )


def _at(keys: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """What is known at the latest value up to each day, in the keys' order."""
    by = ["patient_id", "quantity"]
    return (
        keys.with_row_index("order")
        .sort("day")
        .join_asof(bars, on="day", by=by, strategy="backward", check_sortedness=False)
        .sort("order")
    )


def _columns(names: tuple[str, ...], numbers: FloatArray) -> list[pl.Series]:
    return [pl.Series(name, numbers[:, index]).fill_nan(None) for index, name in enumerate(names)]
