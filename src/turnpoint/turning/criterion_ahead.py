"""The criterion that counts for a patient, and the chance that it is met soon, visit by visit.

RECIST 1.1 on the sum once target lesions have been read, and until then the markers' own, the likeliest of them to be
met. Each at the patient's own gap between readings, if treatment stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from turnpoint.criteria.marker_progression import CA125_UPPER_LIMIT, first_progression, progression_threshold
from turnpoint.criteria.recist import progression_sum_mm
from turnpoint.model.arrays import FloatArray
from turnpoint.model.error_features import MOST_TIME_OFF, forecast_origins
from turnpoint.model.filter import Posterior
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.series import Batch
from turnpoint.study.schema import DOSES
from turnpoint.turning.progression_ahead import (
    DAY_LEVELS,
    HORIZONS_WEEKS,
    draws_ahead,
    hazard_ratio,
    next_chance,
    progression_ahead,
)

CHANCES = tuple(f"p_progression_{weeks}w" for weeks in HORIZONS_WEEKS)
DAYS = tuple(f"progression_day_q{round(100 * level):02d}" for level in DAY_LEVELS)
CRITERION_CHANCES = ("p_progression_12w", "p_progression_24w")
_GAPS = 3
_NO_DOSES = DOSES.frame_schema.to_frame()
_GAP_RANGE = 2.0  # a patient's own gap counts between half of the usual one and twice
CHANCES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    **dict.fromkeys(CRITERION_CHANCES, pl.Float64),
    "met": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Context:
    """What every row is worked out from.

    Attributes:
        bars: from `bars_of`, one value a quantity and day, by patient.
        prior: of all patients.
        seed: of the readings to come.
    """

    bars: pl.DataFrame
    prior: Prior
    seed: int

    def of(self, batch: Batch) -> Context:
        """With the bars of a batch's patients (and of those between them): a slice, for a large study."""
        ids = self.bars["patient_id"]
        first = int(ids.search_sorted(min(batch.patient_ids), side="left"))
        end = int(ids.search_sorted(max(batch.patient_ids), side="right"))
        return replace(self, bars=self.bars.slice(first, end - first))


def bars_of(readings: pl.DataFrame, markers: pl.DataFrame) -> pl.DataFrame:
    """The readings with what would meet each quantity's criterion next, and when the next one is due.

    The gap is the median of the last three between values of the quantity so far, from day 0 on. A marker's bar stands
    whatever its values did: a first rise of PSA or CA-125 is no progression yet, one of another marker never is
    (`criteria.called_progression`).

    Args:
        readings: `model.series.readings_of`.
        markers: as in `Study.markers`.

    Returns:
        `readings` by patient and day, with `threshold` (null once the criterion has been `met`), `upper_limit` and
        `gap_weeks`.
    """
    limits = (
        markers.filter(pl.col("marker") == "CA-125")
        .group_by("patient_id", pl.col("marker").alias("quantity"), "day")
        .agg(pl.col("upper_limit").max())
    )
    own = ["patient_id", "quantity"]
    gap_weeks = pl.col("day").clip(0).diff() / 7.0
    return (
        readings.join(progression_thresholds(readings, markers, standing=True), on=[*own, "day"], how="left")
        .join(limits, on=[*own, "day"], how="left")
        .with_columns(
            pl.col("upper_limit").fill_null(CA125_UPPER_LIMIT),
            gap_weeks.rolling_median(_GAPS, min_samples=1).over(own, order_by="day").alias("gap_weeks"),
        )
        .with_columns(pl.col("threshold").is_null().alias("met"))
        .sort("patient_id", "day")
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


def progression_thresholds(
    readings: pl.DataFrame, markers: pl.DataFrame, *, standing: bool = False
) -> pl.DataFrame:
    """The smallest value at the next visit that would first meet each quantity's criterion.

    Args:
        readings: `model.series.readings_of`.
        markers: as in `Study.markers`.
        standing: a marker's threshold stands whatever its values did.

    Returns:
        `patient_id, quantity, day, threshold`, one row a reading; null once the criterion has been met.
    """
    # The nadir starts at the baseline, the last sum up to day 0, not at an earlier screening scan.
    nadir = pl.col("value").cum_min().over("patient_id", "since_baseline", order_by="day")
    bar_before = pl.col("threshold").shift(1).over("patient_id", order_by="day")
    sums = (
        readings.filter(pl.col("quantity") == SUM_OF_DIAMETERS)
        .with_columns(
            (pl.col("day") <= 0).cum_sum().over("patient_id", order_by="day").alias("since_baseline")
        )
        .with_columns(progression_sum_mm(nadir).alias("threshold"))
        .with_columns(
            ((pl.col("day") > 0) & (pl.col("value") >= bar_before - 1e-9))
            .fill_null(value=False)
            .cum_max()
            .over("patient_id", order_by="day")
            .alias("met")
        )
    )
    of_markers = (
        progression_threshold(markers)
        .join(first_progression(markers), on=["patient_id", "marker"], how="left")
        .with_columns((pl.col("day") >= pl.col("progression_day")).fill_null(value=False).alias("met"))
        .with_columns(pl.col("met") & (not standing))
        .rename({"marker": "quantity"})
    )
    columns = ["patient_id", "quantity", "day", "threshold"]
    return pl.concat(
        part.with_columns(pl.when(~pl.col("met")).then(pl.col("threshold"))).select(columns)
        for part in (sums, of_markers)
    ).unique(["patient_id", "quantity", "day"], keep="last", maintain_order=True)


def criterion_rows(posterior: Posterior, context: Context) -> pl.DataFrame:
    """The chances of the criterion that counts at visits of one batch of patients."""
    sums = posterior.quantities.get(SUM_OF_DIAMETERS)
    by_markers = np.ones(len(posterior.patient), np.bool_) if sums is None else sums.readings == 0
    rows = []
    for quantity, own in posterior.quantities.items():
        counts = (own.readings > 0) & (by_markers | (quantity == SUM_OF_DIAMETERS))
        places = np.flatnonzero(counts)
        if places.size:
            here = posterior if places.size == counts.size else posterior.at(places)
            rows.append(quantity_rows(here, context, quantity, max(HORIZONS_WEEKS)))
    if not rows:
        return pl.DataFrame(schema=CHANCES_SCHEMA)
    return (
        pl.concat(rows)
        .group_by("patient_id", "day", maintain_order=True)
        .agg(pl.col(*CRITERION_CHANCES).max(), pl.col("met").any())
    )


def quantity_rows(posterior: Posterior, context: Context, quantity: str, weeks: float) -> pl.DataFrame:
    """Chances and days by the quantity's own criterion, null where it is `met` and where there is no value of it."""
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
    if quantity in context.prior.error_regressions and not np.isnan(bar).all():
        targets = keys.with_columns(pl.Series("target_day", drawn.days[:, 0]))
        origins = forecast_origins(context.bars, quantity, _NO_DOSES, targets)
        # treatment stays as it is: later doses are not known yet, and not asked
        off_so_far = (posterior.off_weeks / np.maximum(posterior.on_weeks + posterior.off_weeks, 1.0))[:, 0]
        off_now = posterior.batch.off_now[posterior.patient, posterior.visit]
        origins = replace(origins, usable=origins.usable & ~off_now & (off_so_far <= MOST_TIME_OFF))
    chance = next_chance(drawn, context.prior, quantity, origins)
    found = progression_ahead(drawn, hazard_ratio(chance, drawn.next_chance))
    return keys.with_columns(
        *_columns(CHANCES, found.chance),
        *_columns(DAYS, np.where(np.isinf(found.day), np.nan, found.day)),
        at["met"].fill_null(value=False),
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
