"""What a change must exceed to be more than reading or assay error."""

from __future__ import annotations

import numpy as np
import polars as pl

from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.study.markers import MARKERS

# SD of ln(diameter) when the same scan pair is read again. Repeat CT within 15 minutes: the difference between
# two readings has SD 2.4 mm (Oxnard et al. 2011, doi:10.1200/JCO.2010.33.6198), 1.7 mm a reading, 4 % of 40 mm.
# A prior fitted to routine readings finds less, because readers repeat the last value.
REREAD_SD_LOG = 0.04
_ONE_SIDED_95 = 1.645


def detectable_log_change(quantity: str, prior: Prior) -> float:
    """Smallest change of log value between two readings that error alone makes in at most one of twenty.

        sum of diameters:  1.645·√2·max(sd_reading, 0.04)
        marker:            the larger of its reference change (log form) and 1.645·√2·sd_reading

    Reference changes are published for some markers only (`study.markers`).
    """
    error = _ONE_SIDED_95 * np.sqrt(2.0) * prior.sd_reading(quantity)
    if quantity == SUM_OF_DIAMETERS:
        return float(max(error, _ONE_SIDED_95 * np.sqrt(2.0) * REREAD_SD_LOG))
    marker = MARKERS.get(quantity)
    return float(max(error, (marker and marker.reference_change_log) or 0.0))


def detectable_log_burden(quantity: str, prior: Prior) -> float:
    """The same on the volume scale: three times for a diameter."""
    return detectable_log_change(quantity, prior) * (3.0 if quantity == SUM_OF_DIAMETERS else 1.0)


def has_changed(readings: pl.DataFrame, prior: Prior) -> pl.DataFrame:
    """Whether any quantity has so far moved by more than its error, at each visit.

    Args:
        readings: from `model.series.readings_of`.
        prior: for the reading errors.

    Returns:
        `patient_id, day, changed, sum_risen, informative_values`: `changed` when the largest and the smallest
        value so far of one quantity are further apart than the detectable change; `sum_risen` when the sum is
        that far above its smallest value so far; `informative_values` counts readings of the quantity with
        most.
    """
    limits = {quantity: detectable_log_change(quantity, prior) for quantity in prior.quantities}
    log_value = pl.col("value").clip(1e-4).log()
    own = ["patient_id", "quantity"]
    per_quantity = readings.sort("patient_id", "quantity", "day").with_columns(
        (log_value.cum_max().over(own) - log_value.cum_min().over(own)).alias("spread"),
        (log_value - log_value.cum_min().over(own)).alias("rise"),
        pl.col("quantity").replace_strict(limits, return_dtype=pl.Float64).alias("error"),
        pl.int_range(1, pl.len() + 1).over(own).alias("informative_values"),
    )
    is_sum = pl.col("quantity") == SUM_OF_DIAMETERS
    at_readings = per_quantity.select(
        "patient_id",
        "day",
        (pl.col("spread") > pl.col("error")).alias("changed"),
        (is_sum & (pl.col("rise") > pl.col("error"))).alias("sum_risen"),
        "informative_values",
    )
    return (
        at_readings.group_by("patient_id", "day")
        .agg(pl.col("changed").any(), pl.col("sum_risen").any(), pl.col("informative_values").max())
        .sort("patient_id", "day")
        .with_columns(
            pl.col("changed").cum_max().over("patient_id"),
            pl.col("informative_values").cum_max().over("patient_id"),
        )
    )
