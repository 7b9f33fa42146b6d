"""When a marker's own criterion calls progression: the bar that forecasts are measured against.

PSA       at least 25 % and at least 2 ng/mL above the nadir (PCWG3, Scher 2016, doi:10.1200/JCO.2015.64.2702).
CA-125    2 x the upper limit when it was normal at baseline (C) or has been normal since (A); 2 x the nadir when it
          never was normal (B) (GCIG, Rustin 2011, doi:10.1097/IGC.0b013e3182070f17).
others    twice the reference change: at least 2 x the marker's one-sided reference change (percent) above the nadir
          (`study.markers`). No guideline says so; it is Turnpoint's choice.

The nadir is the smallest value from the baseline on; baseline is the last value up to day 0, or the first value.
Confirmation by a second value, and PCWG3's first twelve weeks, belong to the criteria themselves.
"""

from __future__ import annotations

import math

import polars as pl

from turnpoint.criteria.marker_series import TOLERANCE
from turnpoint.study.markers import MARKERS, ONE_SIDED_95

PSA_RATIO = 1.25
PSA_NG_PER_ML = 2.0
CA125_UPPER_LIMIT = 35.0
CA125_RATIO = 2.0
# One-sided reference change of a marker without a published one: assumes CV 15 %.
UNPUBLISHED_REFERENCE_CHANGE_PCT = 100.0 * ONE_SIDED_95 * math.sqrt(2.0) * 0.15
SERIES = ["patient_id", "marker"]

THRESHOLD_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "marker": pl.String,
    "day": pl.Int64,
    "threshold": pl.Float64,
}
PROGRESSION_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "marker": pl.String,
    "progression_day": pl.Int64,
}


def psa_bar(nadir: pl.Expr) -> pl.Expr:
    """What PSA must reach in ng/mL: the larger of 1.25 x nadir and nadir + 2 (PCWG3)."""
    return pl.max_horizontal(PSA_RATIO * nadir, nadir + PSA_NG_PER_ML)


def progression_threshold(markers: pl.DataFrame) -> pl.DataFrame:
    """The smallest value that would meet the criterion at the next visit, given the values up to each visit.

    Args:
        markers: as in `Study.markers`; a censored value counts as its limit, values of one day as their mean.

    Returns:
        `patient_id, marker, day, threshold`, in the marker's unit, one row a day with a value. Up to day 0 each
        value is the only one that counts, since the last of them is the baseline.
    """
    return _with_threshold(markers).select(
        pl.col(name).cast(dtype) for name, dtype in THRESHOLD_SCHEMA.items()
    )


def first_progression(markers: pl.DataFrame) -> pl.DataFrame:
    """First day after day 0 on which each marker met its criterion; a value below the assay's limit never does.

    Args:
        markers: as in `Study.markers`.

    Returns:
        `patient_id, marker, progression_day`, only of those that met it.
    """
    bar = pl.col("threshold").shift(1).over(SERIES)
    met = (pl.col("value") >= bar - TOLERANCE) & (pl.col("day") > 0) & ~pl.col("below_limit")
    return (
        _with_threshold(markers)
        .filter(met)
        .group_by(SERIES)
        .agg(pl.col("day").min().alias("progression_day"))
        .select(pl.col(name).cast(dtype) for name, dtype in PROGRESSION_SCHEMA.items())
        .sort(SERIES)
    )


def _with_threshold(markers: pl.DataFrame) -> pl.DataFrame:
    """Daily values with their threshold: `patient_id, marker, day, value, upper_limit, below_limit, threshold`."""
    # A value up to day 0 replaces the one before it as baseline; from the last of them on the smallest counts.
    since_baseline = [*SERIES, "since"]
    upper = pl.col("upper_limit").fill_null(CA125_UPPER_LIMIT)
    nadir = pl.col("value").cum_min().over(since_baseline)
    been_normal = (pl.col("value") <= upper).cum_max().over(since_baseline)
    doubled = {
        name: 1.0 + 2.0 * (marker.reference_change_pct or UNPUBLISHED_REFERENCE_CHANGE_PCT) / 100.0
        for name, marker in MARKERS.items()
    }
    ratio = pl.col("marker").replace_strict(
        doubled, default=1.0 + 2.0 * UNPUBLISHED_REFERENCE_CHANGE_PCT / 100.0, return_dtype=pl.Float64
    )
    threshold = (
        pl.when(pl.col("marker") == "PSA")
        .then(psa_bar(nadir))
        .when(pl.col("marker") == "CA-125")
        .then(pl.when(been_normal).then(CA125_RATIO * upper).otherwise(CA125_RATIO * nadir))
        .otherwise(ratio * nadir)
    )
    return (
        _daily(markers)
        .with_columns((pl.col("day") <= 0).cum_sum().over(SERIES).alias("since"))
        .with_columns(threshold.alias("threshold"))
    )


def _daily(markers: pl.DataFrame) -> pl.DataFrame:
    """One value a day, sorted: `patient_id, marker, day, value, upper_limit, below_limit`."""
    return (
        markers.filter(pl.col("value").is_not_null())
        .group_by(*SERIES, "day")
        .agg(
            pl.col("value").cast(pl.Float64).mean(),
            pl.col("upper_limit").cast(pl.Float64).max(),
            (pl.col("censoring") == "left").fill_null(value=False).any().alias("below_limit"),
        )
        .sort(*SERIES, "day")
    )
