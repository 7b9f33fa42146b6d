"""RECIST 1.1: response at every visit.

Source: Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026. The rules, with their paragraphs:

1. Baseline is the last complete sum up to day 0, or the first complete sum (4.2).
2. Nadir is the smallest complete sum before the visit, baseline included; an incomplete sum is never one (4.3.1).
3. Target CR: every target absent, nodes under 10 mm short axis; the sum may then be above 0 (4.3.1, 4.3.2).
4. Target PD: the sum, or the part of it that is known, is at least 20 % and at least 5 mm over the nadir (4.3.1).
5. Target PR: the sum is at least 30 % below baseline; SD: neither PR nor PD (4.3.1). PD is judged first.
6. A target that was not evaluated makes the target response NE, unless rule 4 already holds (4.4.2).
7. Non-target: PD when unequivocal; NE when any was not evaluated; CR when all are gone; else NON-CR/NON-PD (4.3.3).
8. A new lesion is PD; an equivocal one only once it is confirmed, and then from the day it was first seen (4.3.5).
9. Overall response by tables 1 and 2.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.sums import (
    NORMAL_NODE_BELOW_MM,
    PATIENT,
    VISIT,
    lesions_at_baseline,
    progression_sum_mm,
    sum_of_diameters,
    visits_of,
)

PARTIAL_RESPONSE_RATIO = 0.7
# Sums are of decimal millimetres: 0.1 + 0.2 must not miss a threshold by 4e-17.
TOLERANCE_MM = 1e-6

RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "day": pl.Int64,
    "sum_of_diameters_mm": pl.Float64,
    "baseline_mm": pl.Float64,
    "nadir_mm": pl.Float64,
    "change_from_baseline_pct": pl.Float64,
    "change_from_nadir_pct": pl.Float64,
    "target_response": pl.String,
    "non_target_response": pl.String,
    "new_lesion": pl.Boolean,
    "overall_response": pl.String,
}

# Table 1 (with target disease). None stands for "not applicable"; PD of any kind and a new lesion are PD before
# the table is looked at, so only the remaining rows are here.
OVERALL_WITH_TARGETS = {
    ("CR", "CR"): "CR",
    ("CR", None): "CR",
    ("CR", "NON-CR/NON-PD"): "PR",
    ("CR", "NE"): "PR",
    ("PR", "CR"): "PR",
    ("PR", None): "PR",
    ("PR", "NON-CR/NON-PD"): "PR",
    ("PR", "NE"): "PR",
    ("SD", "CR"): "SD",
    ("SD", None): "SD",
    ("SD", "NON-CR/NON-PD"): "SD",
    ("SD", "NE"): "SD",
    ("NE", "CR"): "NE",
    ("NE", None): "NE",
    ("NE", "NON-CR/NON-PD"): "NE",
    ("NE", "NE"): "NE",
}
# Table 2 (non-target disease only) keeps the non-target response.


def responses(lesions: pl.DataFrame) -> pl.DataFrame:
    """Response at every visit of every patient and reader.

    Args:
        lesions: as in `Study.lesions`.

    Returns:
        The columns of design section 4. Baseline visits (up to the baseline) have null responses. `nadir_mm` is
        the smallest sum before the visit. After a nadir of 0 mm `change_from_nadir_pct` is 0 while the sum stays
        0, and inf when disease returns. `target_response` is null without target disease,
        `non_target_response` without non-target disease.
    """
    targets = _target_responses(lesions)
    non_targets = _non_target_responses(lesions)
    rows = (
        visits_of(lesions)
        .join(targets, on=VISIT, how="left", nulls_equal=True)
        .join(non_targets, on=VISIT, how="left", nulls_equal=True)
        .join(_first_new_lesion(lesions), on=PATIENT, how="left", nulls_equal=True)
    )
    first_day, last_before = pl.col("day").min(), pl.col("day").filter(pl.col("day") <= 0).max()
    without_sum = pl.coalesce(last_before, first_day).over(PATIENT)
    rows = rows.with_columns(
        pl.col("baseline_day").fill_null(without_sum),
        (pl.col("day") >= pl.col("new_lesion_day")).fill_null(value=False).alias("new_lesion"),
    )
    after = (pl.col("day") > pl.col("baseline_day")) | pl.col("new_lesion")
    return (
        rows.with_columns(pl.when(after).then(pl.col("target_response", "non_target_response")))
        .with_columns(pl.when(after).then(_overall()).alias("overall_response"))
        .select(pl.col(name).cast(dtype) for name, dtype in RESPONSES_SCHEMA.items())
        .sort(VISIT)
    )


def _target_responses(lesions: pl.DataFrame) -> pl.DataFrame:
    """Rules 1-6."""
    sums = sum_of_diameters(lesions)
    complete = pl.col("sum_of_diameters_mm").is_not_null()
    days = pl.col("day").filter(complete)
    sums = sums.with_columns(
        pl.coalesce(days.filter(days <= 0).max(), days.min()).over(PATIENT).alias("baseline_day")
    ).with_columns(
        pl.col("sum_of_diameters_mm")
        .filter(pl.col("day") == pl.col("baseline_day"))
        .first()
        .over(PATIENT)
        .alias("baseline_mm")
    )
    from_baseline = pl.when(pl.col("day") >= pl.col("baseline_day")).then("sum_of_diameters_mm")
    smallest_before = from_baseline.cum_min().forward_fill().shift(1).over(PATIENT, order_by="day")
    later = pl.col("day") > pl.col("baseline_day")
    return (
        sums.with_columns(pl.when(later).then(smallest_before).alias("nadir_mm"))
        .with_columns(
            _change_pct("baseline_mm").alias("change_from_baseline_pct"),
            _change_pct("nadir_mm").alias("change_from_nadir_pct"),
            _target_response().alias("target_response"),
        )
        .select(
            *VISIT,
            "sum_of_diameters_mm",
            "baseline_mm",
            "nadir_mm",
            "change_from_baseline_pct",
            "change_from_nadir_pct",
            "target_response",
            "baseline_day",
        )
    )


def _change_pct(reference: str) -> pl.Expr:
    """100·(sum - reference)/reference; 0 for 0 after 0, inf for a return after 0."""
    now, before = pl.col("sum_of_diameters_mm"), pl.col(reference)
    return (
        pl.when(before > 0)
        .then(100.0 * (now - before) / before)
        .when((before == 0) & (now == 0))
        .then(0.0)
        .when((before == 0) & (now > 0))
        .then(float("inf"))
    )


def _target_response() -> pl.Expr:
    complete = pl.col("not_evaluable") == 0
    progressed = pl.col("known_part_mm") >= progression_sum_mm(pl.col("nadir_mm")) - TOLERANCE_MM
    shrunk = pl.col("sum_of_diameters_mm") <= PARTIAL_RESPONSE_RATIO * pl.col("baseline_mm") + TOLERANCE_MM
    return (
        pl.when(pl.col("baseline_day").is_not_null() & (pl.col("day") <= pl.col("baseline_day")))
        .then(None)
        .when(progressed)
        .then(pl.lit("PD"))
        .when(~complete | pl.col("baseline_mm").is_null())
        .then(pl.lit("NE"))
        .when(pl.col("normal") == pl.col("targets"))
        .then(pl.lit("CR"))
        .when(shrunk)
        .then(pl.lit("PR"))
        .otherwise(pl.lit("SD"))
    )


def _non_target_responses(lesions: pl.DataFrame) -> pl.DataFrame:
    """Rule 7, at every visit of patients with non-target disease."""
    known = lesions_at_baseline(lesions, "non_target")
    status = pl.col("status")
    normal_node = pl.col("node") & (
        (status == "too_small") | (pl.col("diameter_mm") < NORMAL_NODE_BELOW_MM).fill_null(value=False)
    )
    at_visits = (
        lesions.filter(pl.col("role") == "non_target")
        .group_by(VISIT)
        .agg(
            (status == "unequivocal_progression").any().alias("progressed"),
            pl.col("lesion_id").filter(status != "not_evaluable").n_unique().alias("evaluated"),
            ((status == "absent") | normal_node).all().alias("all_gone"),
        )
    )
    counted = known.group_by(PATIENT).agg(pl.len().alias("non_targets"))
    return (
        visits_of(lesions)
        .join(counted, on=PATIENT, how="inner", nulls_equal=True)
        .join(at_visits, on=VISIT, how="left", nulls_equal=True)
        .with_columns(
            pl.when(pl.col("progressed"))
            .then(pl.lit("PD"))
            .when(pl.col("evaluated").fill_null(0) < pl.col("non_targets"))
            .then(pl.lit("NE"))
            .when(pl.col("all_gone"))
            .then(pl.lit("CR"))
            .otherwise(pl.lit("NON-CR/NON-PD"))
            .alias("non_target_response")
        )
        .select(*VISIT, "non_target_response")
    )


def _first_new_lesion(lesions: pl.DataFrame) -> pl.DataFrame:
    """Rule 8: `patient_id, reader, new_lesion_day` of patients with a certain new lesion.

    A lesion first equivocal and later certain counts from the day it was first seen.
    """
    seen = pl.col("status").is_in(["measured", "too_small", "present", "unequivocal_progression"])
    return (
        lesions.filter((pl.col("role") == "new") & (seen | (pl.col("status") == "equivocal")))
        .with_columns(seen.any().over([*PATIENT, "lesion_id"]).alias("certain"))
        .filter(pl.col("certain"))
        .group_by(PATIENT)
        .agg(pl.col("day").min().alias("new_lesion_day"))
    )


def _overall() -> pl.Expr:
    """Rule 9."""
    target, non_target = pl.col("target_response"), pl.col("non_target_response")
    table: pl.Expr = pl.lit(None, pl.String)
    for (own, other), overall in OVERALL_WITH_TARGETS.items():
        same_other = non_target.is_null() if other is None else non_target == other
        table = pl.when((target == own) & same_other).then(pl.lit(overall)).otherwise(table)
    return (
        pl.when((target == "PD") | (non_target == "PD") | pl.col("new_lesion"))
        .then(pl.lit("PD"))
        .when(target.is_null())
        .then(pl.coalesce(non_target, pl.lit("NE")))
        .otherwise(table)
    )
