"""RECIST 1.1: response at every visit.

Source: Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026 ("4.3.1" and so on are its sections), and the RECIST
group's answers at recist.eortc.org ("EORTC"). The rules:

1.  Baseline is the last complete sum up to day 0 or, when no target was recorded by then, the sum on the first day
    with targets (4.1). It is listed without a response; so is every visit before it. A target that was not measured at
    baseline leaves none: no change can be computed, and the target response is NE (4.2, 4.4.2).
2.  Nadir is the smallest complete sum before the visit, baseline included; an incomplete sum is never one (4.3.1).
3.  Target CR: every target absent, nodes under 10 mm short axis; the sum may then be above 0 (4.3.1, 4.3.2).
4.  Target PD: the sum, or the part of it that is known, is at least 20 % and at least 5 mm over the nadir (4.3.1).
    Nodes under 10 mm are not malignant, so growth among nothing but these is no PD (EORTC "Abnormal lymph node").
5.  Target PR: the sum is at least 30 % below baseline; SD: neither PR nor PD (4.3.1). PD is judged first.
6.  A target that was not evaluated makes the target response NE, unless rule 4 already holds (4.4.2).
7.  After an overall CR, a target that is back is PD at any size, a target node from 10 mm; so is a non-target that
    is back and not a node (appendix III; EORTC "Abnormal lymph node"). After less than CR it only adds to the sum.
8.  Non-target: PD when unequivocal; NE when any was not evaluated; CR when all are gone; else NON-CR/NON-PD
    (4.3.3, 4.3.4). The tumour marker that 4.3.3 wants normal for CR is not looked at.
9.  A new lesion is PD; an equivocal one only once it is certain, and then from the day it was first seen (4.3.5).
    It stays one at every later visit. One that was there before treatment counts from the first visit after it. A new
    node under 10 mm short axis is normal, and no new lesion until it has 10 mm (4.3.2).
10. Overall response by tables 1 and 2; PD of any kind, and a new lesion, are PD whatever the rest is.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.labels import LABEL, LABELS, label
from turnpoint.criteria.recist.sums import (
    NORMAL_NODE_BELOW_MM,
    numbered,
    progression_sum_mm,
    sums_at_visits,
)
from turnpoint.study.once import once

PARTIAL_RESPONSE_RATIO = 0.7
# Sums are of decimal millimetres: 1.2 x 25.1 must not miss a threshold by a rounding error of 4e-15.
TOLERANCE_MM = 1e-9

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

# Table 1, patients with target disease, and table 2, without (target None); rows without PD and new lesions, which
# are PD. A non-target of None is "no non-target disease".
OVERALL: dict[tuple[str | None, str | None], str] = {
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
    (None, "CR"): "CR",
    (None, "NON-CR/NON-PD"): "NON-CR/NON-PD",
    (None, "NE"): "NE",
    (None, None): "NE",
}

# A lesion that is there beyond doubt.
CERTAIN = ("measured", "too_small", "present", "unequivocal_progression")


@once
def responses(lesions: pl.DataFrame) -> pl.DataFrame:
    """Response at every visit of every patient and reader.

    Args:
        lesions: as in `Study.lesions`.

    Returns:
        The columns of design section 4, sorted by patient, reader and day. At the baseline and before it the
        responses are null. `nadir_mm` is the smallest sum before the visit, null up to the baseline. After a
        nadir of 0 mm `change_from_nadir_pct` is 0 while the sum stays 0, and inf when disease returns.
        `target_response` is null without target disease, `non_target_response` without non-target disease.
    """
    rows = numbered(lesions)
    visits = _with_nadir(_with_baseline(sums_at_visits(rows)))
    visits = _with_non_targets(visits, rows)
    visits = _with_new_lesions(visits, rows).with_columns(
        _target_response().alias("target_response"),
        _non_target_response().alias("non_target_response"),
    )
    visits = _with_return_after_complete_response(visits.with_columns(_overall().alias("overall_response")))
    judged, named = pl.col("judged"), ("target_response", "non_target_response", "overall_response")
    return visits.select(
        pl.when(judged).then(name).cast(pl.String).alias(name) if name in named else pl.col(name).cast(dtype)
        for name, dtype in RESPONSES_SCHEMA.items()
    )


def progression_threshold(lesions: pl.DataFrame) -> pl.DataFrame:
    """The sum of diameters from which the next visit would be PD, given the sums up to each visit (rule 4).

    Args:
        lesions: as in `Study.lesions`.

    Returns:
        `patient_id, reader, day, threshold` in mm, one row a complete sum. Up to day 0 each sum is the only one
        that counts, since the last of them is the baseline; without a baseline (rule 1) there is none.
    """
    visits = _with_baseline(sums_at_visits(numbered(lesions)))
    sums = visits.filter(pl.col("baseline_day").is_not_null()).drop_nulls("sum_of_diameters_mm")
    # A sum up to day 0 replaces the one before it; from the last of them on the smallest counts.
    since_baseline = (pl.col("day") <= 0).cum_sum()
    nadir = pl.col("sum_of_diameters_mm").cum_min().over("course", since_baseline)
    return sums.select("patient_id", "reader", "day", progression_sum_mm(nadir).alias("threshold"))


def _with_baseline(visits: pl.DataFrame) -> pl.DataFrame:
    """Rule 1: `baseline_day`, `baseline_mm`, `change_from_baseline_pct`, `first_day`, `last_screening_day`."""
    day, complete = pl.col("day"), pl.col("sum_of_diameters_mm").is_not_null()
    own = visits.group_by("course", maintain_order=True).agg(
        pl.when(complete & (day <= 0)).then(day).max().alias("last_sum_before"),
        pl.when(complete & (day == pl.col("targets_day")) & (day > 0)).then(day).min().alias("first_sum"),
        pl.when(day <= 0).then(day).max().alias("last_screening_day"),
        day.min().alias("first_day"),
    )
    own = own.with_columns(pl.coalesce("last_sum_before", "first_sum").alias("baseline_day"))
    kept = ["course", "baseline_day", "last_screening_day", "first_day"]
    visits = visits.join(own.select(kept), on="course", how="left", maintain_order="left")
    baseline = visits.filter(day == pl.col("baseline_day")).select(
        "course", pl.col("sum_of_diameters_mm").alias("of_baseline")
    )
    return (
        visits.join(baseline, on="course", how="left", maintain_order="left")
        .with_columns(pl.when(day >= pl.col("baseline_day")).then("of_baseline").alias("baseline_mm"))
        .with_columns(_change_pct("baseline_mm").alias("change_from_baseline_pct"))
    )


def _with_nadir(visits: pl.DataFrame) -> pl.DataFrame:
    """Rule 2: `nadir_mm`, `change_from_nadir_pct`."""
    from_baseline = pl.when(pl.col("baseline_mm").is_not_null()).then("sum_of_diameters_mm")
    smallest = visits.select(from_baseline.cum_min().over("course")).to_series()
    before = smallest.to_frame("smallest").select(pl.col("smallest").forward_fill().shift(1)).to_series()
    # Filling forward and shifting run over all courses at once, so they are cut where a course begins.
    later = pl.col("day") > pl.col("baseline_day")
    return visits.with_columns(pl.when(later).then(before).alias("nadir_mm")).with_columns(
        _change_pct("nadir_mm").alias("change_from_nadir_pct")
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
    """Rules 3 to 6; null without target disease."""
    grown = pl.col("known_part_mm") >= progression_sum_mm(pl.col("nadir_mm")) - TOLERANCE_MM
    malignant = pl.col("malignant") > 0
    shrunk = pl.col("sum_of_diameters_mm") <= PARTIAL_RESPONSE_RATIO * pl.col("baseline_mm") + TOLERANCE_MM
    return (
        pl.when(pl.col("targets") == 0)
        .then(None)
        .when(grown & malignant)
        .then(label("PD"))
        .when((pl.col("not_evaluable") > 0) | pl.col("nadir_mm").is_null())
        .then(label("NE"))
        .when(~malignant)
        .then(label("CR"))
        .when(shrunk)
        .then(label("PR"))
        .otherwise(label("SD"))
    )


def _with_non_targets(visits: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Counts of non-target lesions at each visit; `non_targets` are those known by then."""
    own = rows.filter(pl.col("role") == "non_target")
    status, node = pl.col("status"), pl.col("node")
    small = (status == "too_small") | (pl.col("diameter_mm") < NORMAL_NODE_BELOW_MM).fill_null(value=False)
    gone = (status == "absent") | (node & small)
    seen = status != "not_evaluable"
    at_visits = own.group_by("visit").agg(
        (status == "unequivocal_progression").any().alias("non_target_progressed"),
        seen.sum().cast(pl.Int64).alias("non_targets_evaluated"),
        (seen & gone).sum().cast(pl.Int64).alias("non_targets_gone"),
        (seen & ~gone & ~node).any().alias("non_target_there"),
    )
    first_seen = own.group_by("course", "lesion_id").agg(pl.col("visit").min()).group_by("visit").len("begun")
    counts = ("begun", "non_targets_evaluated", "non_targets_gone")
    flags = ("non_target_progressed", "non_target_there")
    return (
        visits.join(at_visits, on="visit", how="left", maintain_order="left")
        .join(first_seen, on="visit", how="left", maintain_order="left")
        .with_columns(pl.col(counts).cast(pl.Int64).fill_null(0), pl.col(flags).fill_null(value=False))
        .with_columns(pl.col("begun").cum_sum().over("course").alias("non_targets"))
    )


def _non_target_response() -> pl.Expr:
    """Rule 8; null while no non-target disease is known."""
    return (
        pl.when(pl.col("non_targets") == 0)
        .then(None)
        .when("non_target_progressed")
        .then(label("PD"))
        .when(pl.col("non_targets_evaluated") < pl.col("non_targets"))
        .then(label("NE"))
        .when(pl.col("non_targets_gone") == pl.col("non_targets_evaluated"))
        .then(label("CR"))
        .otherwise(label("NON-CR/NON-PD"))
    )


def _with_new_lesions(visits: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Rule 9: `new_lesion`; and `judged`, whether the visit gets a response."""
    certain = pl.col("status").is_in(CERTAIN)
    new = (
        rows.filter((pl.col("role") == "new") & (certain | (pl.col("status") == "equivocal")))
        .group_by("course", "lesion_id")
        .agg(pl.col("day").min().alias("new_lesion_day"), certain.any().alias("certain"))
        .filter("certain")
        .group_by("course")
        .agg(pl.col("new_lesion_day").min())
    )
    day = pl.col("day")
    diseased = ((pl.col("targets") > 0) | (pl.col("non_targets") > 0)).any().over("course")
    # Without a scan up to day 0 the first one is the baseline; without any earlier disease none is.
    first = pl.when(diseased).then(pl.coalesce("baseline_day", "first_day"))
    baseline_visit = pl.coalesce("last_screening_day", first, pl.col("first_day") - 1)
    earliest_new = pl.when(diseased).then(pl.max_horizontal(pl.col("first_day"), 0)).otherwise(0)
    return (
        visits.join(new, on="course", how="left", maintain_order="left")
        .with_columns(
            ((day >= pl.col("new_lesion_day")) & (day > earliest_new))
            .fill_null(value=False)
            .alias("new_lesion")
        )
        .with_columns(((day > baseline_visit) | pl.col("new_lesion")).alias("judged"))
    )


def _overall() -> pl.Expr:
    """Rule 10, looked up by the two responses' places in the list of labels."""
    none = len(LABELS)
    places: dict[str | None, int] = {name: place for place, name in enumerate(LABELS)} | {None: none}
    table: list[str | None] = [None] * (none + 1) ** 2
    for (of_target, of_non_target), overall in OVERALL.items():
        table[places[of_target] * (none + 1) + places[of_non_target]] = overall
    target = pl.col("target_response").to_physical().cast(pl.UInt32).fill_null(none)
    non_target = pl.col("non_target_response").to_physical().cast(pl.UInt32).fill_null(none)
    progressed = (target == places["PD"]) | (non_target == places["PD"]) | pl.col("new_lesion")
    found = pl.lit(pl.Series(table, dtype=LABEL)).gather(target * (none + 1) + non_target)
    return pl.when(progressed).then(label("PD")).otherwise(found)


def _with_return_after_complete_response(visits: pl.DataFrame) -> pl.DataFrame:
    """Rule 7."""
    complete = (pl.col("overall_response") == "CR") & pl.col("judged")
    first = visits.filter(complete).group_by("course").agg(pl.col("day").min().alias("complete_day"))
    if first.is_empty():
        return visits
    after = (pl.col("day") > pl.col("complete_day")).fill_null(value=False)
    target_back = after & (pl.col("malignant") > 0)
    non_target_back = after & pl.col("non_target_there")
    return visits.join(first, on="course", how="left", maintain_order="left").with_columns(
        pl.when(target_back).then(label("PD")).otherwise("target_response").alias("target_response"),
        pl.when(non_target_back)
        .then(label("PD"))
        .otherwise("non_target_response")
        .alias("non_target_response"),
        pl.when(target_back | non_target_back)
        .then(label("PD"))
        .otherwise("overall_response")
        .alias("overall_response"),
    )
