"""New lesions as iRECIST follows them: how many, how large, and which are gone.

Source: Seymour et al. 2017 (iRECIST), doi:10.1016/S1470-2045(17)30074-8, "New lesions", and the RECIST group's answer
"How do new lesions define progression?" at recist.eortc.org. The rules:

1. New lesions are measured as at baseline: at most five *new target lesions*, two an organ, at least 10 mm or 15 mm
   short axis of a node; all others are *new non-target lesions*. Which one a lesion is, its first certain reading says;
   the earliest are taken first, of one visit the largest. A site that is not said sets no limit.
2. Their sum is apart from that of the targets. A new target lesion that was not evaluated, or has no row, leaves the
   sum of new lesions missing; the part that is known still counts towards growth.
3. A new lesion counts from the day on which RECIST 1.1 counts it (`recist.visit_response`, rule 9). It is gone from the
   visit at which it is absent until it is seen again; without a row it is as it was last seen.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import PATIENT
from turnpoint.criteria.recist.eligibility import (
    LEAST_TARGET_MM,
    LEAST_TARGET_NODE_MM,
    MOST_TARGETS,
    MOST_TARGETS_AN_ORGAN,
)
from turnpoint.criteria.recist.sums import TOO_SMALL_MM
from turnpoint.criteria.recist.visit_response import CERTAIN

_LESION = ["course", "lesion_id"]


def size_mm() -> pl.Expr:
    """Size of a lesion of any role: absent 0 mm, too small its diameter or 5 mm; null when not measured."""
    status = pl.col("status")
    return (
        pl.when(status == "absent")
        .then(0.0)
        .when(status == "too_small")
        .then(pl.col("diameter_mm").fill_null(TOO_SMALL_MM))
        .when(status != "not_evaluable")
        .then(pl.col("diameter_mm"))
    )


def new_lesion_rows(rows: pl.DataFrame, sites: pl.DataFrame) -> pl.DataFrame:
    """Readings of the new lesions that are certain at some time, from when they were first seen.

    Args:
        rows: from `sums.numbered`.
        sites: `patient_id, reader, lesion_id, site`.

    Returns:
        `course, visit, lesion_id, mm, status, appear_visit` (the visit from which the lesion counts; null before there
        is one), `new_target` (rule 1).
    """
    certain = pl.col("status").is_in(CERTAIN)
    seen = certain | (pl.col("status") == "equivocal")
    new = rows.filter(pl.col("role") == "new").with_columns(size_mm().alias("mm"))
    first_seen = (
        new.filter(seen)
        .group_by(_LESION)
        .agg(pl.col("day").min().alias("first_day"), certain.any().alias("certain"))
        .filter("certain")
        .drop("certain")
        .join(_earliest_days(rows), on="course")
        .with_columns(pl.max_horizontal("first_day", pl.col("earliest_day") + 1).alias("appear_day"))
        .sort("appear_day")
    )
    visits = rows.select("course", "visit", "day").unique().sort("day")
    appeared = first_seen.join_asof(
        visits.rename({"visit": "appear_visit"}),
        left_on="appear_day",
        right_on="day",
        by="course",
        strategy="forward",
        check_sortedness=False,
    ).select(*_LESION, "first_day", "appear_visit")
    readings = new.join(appeared, on=_LESION).filter(pl.col("day") >= pl.col("first_day"))
    return readings.join(_new_targets(readings, sites), on=_LESION, how="left").select(
        *_LESION, "visit", "mm", "status", "appear_visit", pl.col("new_target").fill_null(value=False)
    )


def _earliest_days(rows: pl.DataFrame) -> pl.DataFrame:
    """`course, earliest_day`: a new lesion counts only after it (`recist.visit_response`, rule 9)."""
    diseased = (pl.col("role") != "new").any()
    return rows.group_by("course").agg(
        pl.when(diseased).then(pl.max_horizontal(pl.col("day").min(), 0)).otherwise(0).alias("earliest_day")
    )


def _new_targets(readings: pl.DataFrame, sites: pl.DataFrame) -> pl.DataFrame:
    """Rule 1: `course, lesion_id, new_target` (true) of the new target lesions."""
    node, mm = pl.col("node"), pl.col("mm")
    large = (pl.col("status") == "measured") & (
        (node & (mm >= LEAST_TARGET_NODE_MM)) | (~node & (mm >= LEAST_TARGET_MM))
    )
    organ = pl.when(node).then(pl.lit("lymph node")).otherwise(pl.col("site").str.to_lowercase())
    return (
        readings.filter(pl.col("status").is_in(CERTAIN))
        .sort("visit")
        .unique(_LESION, keep="first", maintain_order=True)
        .filter(large)
        .join(sites, on=[*PATIENT, "lesion_id"], how="left", nulls_equal=True)
        .with_columns(organ.alias("organ"))
        .sort("course", "visit", "mm", "lesion_id", descending=[False, False, True, False])
        .filter(
            pl.col("organ").is_null()
            | (pl.int_range(pl.len()).over("course", "organ") < MOST_TARGETS_AN_ORGAN)
        )
        .filter(pl.int_range(pl.len()).over("course") < MOST_TARGETS)
        .select(*_LESION, pl.lit(value=True).alias("new_target"))
    )


def with_new_lesions(visits: pl.DataFrame, readings: pl.DataFrame) -> pl.DataFrame:
    """The visits with what is known of the new lesions at each.

    Args:
        visits: `course, visit`, in order.
        readings: from `new_lesion_rows`.

    Returns:
        The visits with `appeared` (new lesions so far), `there` (those not gone), `new_read` (whether any was
        evaluated at the visit), `new_known_mm` (known part of the sum of new target lesions), `new_lesion_sum_mm`
        (null without any or when incomplete), `new_nadir_mm` (the smallest earlier sum of the same lesions),
        `new_unequivocal` (whether one has progressed unequivocally).
    """
    counts = ("appearing", "targets_appearing", "going", "targets_read")
    known = pl.col("new_targets")
    return (
        visits.join(_appearing(readings), on="visit", how="left", maintain_order="left")
        .join(_read_at_visits(readings), on="visit", how="left", maintain_order="left")
        .with_columns(
            pl.col(counts).fill_null(0),
            pl.col("new_unequivocal", "new_read").fill_null(value=False),
        )
        .with_columns(
            pl.col("appearing").cum_sum().over("course").alias("appeared"),
            pl.col("targets_appearing").cum_sum().over("course").alias("new_targets"),
            pl.col("going").cum_sum().over("course").alias("gone"),
        )
        .with_columns(
            (pl.col("appeared") - pl.col("gone")).alias("there"),
            pl.when((known > 0) & (pl.col("targets_read") == known))
            .then("new_known_mm")
            .alias("new_lesion_sum_mm"),
        )
        .with_columns(
            pl.col("new_lesion_sum_mm")
            .cum_min()
            .forward_fill()
            .shift(1)
            .over("course", "new_targets")
            .alias("new_nadir_mm")
        )
        .drop(*counts, "new_targets", "gone")
    )


def _appearing(readings: pl.DataFrame) -> pl.DataFrame:
    """`visit, appearing, targets_appearing`: how many new lesions count from each visit on."""
    lesions = readings.filter(pl.col("appear_visit").is_not_null()).unique(_LESION, maintain_order=True)
    return lesions.group_by(pl.col("appear_visit").alias("visit")).agg(
        pl.len().cast(pl.Int64).alias("appearing"),
        pl.col("new_target").sum().cast(pl.Int64).alias("targets_appearing"),
    )


def _read_at_visits(readings: pl.DataFrame) -> pl.DataFrame:
    """What was read of the new lesions at each visit that has any; `going` is how many more are gone than before."""
    gone, target = (pl.col("status") == "absent").cast(pl.Int64), pl.col("new_target")
    return (
        readings.filter(pl.col("status") != "not_evaluable")
        .sort("visit")
        .with_columns((gone - gone.shift(1, fill_value=0).over(_LESION)).alias("going"))
        .group_by("visit")
        .agg(
            pl.col("going").sum(),
            pl.col("mm").filter(target).sum().alias("new_known_mm"),
            pl.col("mm").filter(target).count().cast(pl.Int64).alias("targets_read"),
            (pl.col("status") == "unequivocal_progression").any().alias("new_unequivocal"),
            pl.lit(value=True).alias("new_read"),
        )
    )
