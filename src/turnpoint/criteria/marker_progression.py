"""When a marker's own criterion calls progression.

PSA       (PCWG3, Scher 2016, doi:10.1200/JCO.2015.64.2702): at least 25 % and 2 ng/mL above the nadir.
CA-125    (GCIG, Rustin 2011, doi:10.1097/IGC.0b013e3182070f17): 2 x the upper limit when it started normal (C) or
          has been normal since (A); 2 x the nadir when it never was normal (B).
others    twice the reference change: ln(value / nadir) at least twice the marker's one-sided reference change.

Confirmation by a second value, and PCWG3's first twelve weeks, belong to the criteria themselves; this is the bar.
"""

from __future__ import annotations

import math

import polars as pl

from turnpoint.study.markers import MARKERS

PSA_RATIO = 1.25
PSA_NG_PER_ML = 2.0
CA125_UPPER_LIMIT = 35.0
CA125_RATIO = 2.0
# One-sided reference change (log) for a marker without a published one: CV 15 %, z 1.645.
UNPUBLISHED_REFERENCE_CHANGE_LOG = 1.645 * math.sqrt(2.0) * 0.15
SERIES = ["patient_id", "marker"]
TOLERANCE = 1e-9

THRESHOLD_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "marker": pl.String,
    "day": pl.Int64,
    "threshold": pl.Float64,
}


def progression_threshold(markers: pl.DataFrame) -> pl.DataFrame:
    """The smallest value that would meet the criterion at the next visit, given the values up to each visit.

    Args:
        markers: as in `Study.markers`; a censored value counts as its limit.

    Returns:
        `patient_id, marker, day, threshold`, in the marker's unit, one row a value.
    """
    if markers.is_empty():
        return pl.DataFrame(schema=THRESHOLD_SCHEMA)
    nadir = pl.col("value").cum_min().over(SERIES, order_by="day")
    upper = pl.col("upper_limit").fill_null(CA125_UPPER_LIMIT)
    been_normal = (pl.col("value") <= upper).cum_max().over(SERIES, order_by="day")
    doubled = {
        name: math.exp(2.0 * (marker.reference_change_log or UNPUBLISHED_REFERENCE_CHANGE_LOG))
        for name, marker in MARKERS.items()
    }
    ratio = pl.col("marker").replace_strict(
        doubled, default=math.exp(2.0 * UNPUBLISHED_REFERENCE_CHANGE_LOG), return_dtype=pl.Float64
    )
    threshold = (
        pl.when(pl.col("marker") == "PSA")
        .then(pl.max_horizontal(PSA_RATIO * nadir, nadir + PSA_NG_PER_ML))
        .when(pl.col("marker") == "CA-125")
        .then(pl.when(been_normal).then(CA125_RATIO * upper).otherwise(CA125_RATIO * nadir))
        .otherwise(ratio * nadir)
    )
    return (
        markers.filter(pl.col("value").is_not_null())
        .sort([*SERIES, "day"])
        .with_columns(threshold.alias("threshold"))
        .select(pl.col(name).cast(dtype) for name, dtype in THRESHOLD_SCHEMA.items())
    )


def first_progression(markers: pl.DataFrame) -> pl.DataFrame:
    """First day on which each marker met its criterion: `patient_id, marker, progression_day`."""
    if markers.is_empty():
        return pl.DataFrame(
            schema={"patient_id": pl.String, "marker": pl.String, "progression_day": pl.Int64}
        )
    values = (
        markers.filter(pl.col("value").is_not_null()).sort([*SERIES, "day"]).select(*SERIES, "day", "value")
    )
    before = (
        progression_threshold(markers)
        .with_columns(pl.col("threshold").shift(1).over(SERIES, order_by="day").alias("bar"))
        .unique([*SERIES, "day"], keep="first", maintain_order=True)
    )
    return (
        values.join(before, on=[*SERIES, "day"], how="left")
        .filter(pl.col("value") >= pl.col("bar") - TOLERANCE)
        .group_by(SERIES)
        .agg(pl.col("day").min().alias("progression_day"))
        .sort(SERIES)
    )
