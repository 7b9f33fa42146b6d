"""Sums of diameters, visit by visit, from the lesions table.

Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, sections 4.1 to 4.3.

A visit is one day on which a reader assessed anything; a scan spread over two days is two visits, except before
the start: when no day up to day 0 has every target, the targets' last readings up to day 0 are one assessment,
dated on the last day that has any (4.1: all baseline evaluations within 4 weeks before the start).

The target lesions of a patient are those recorded up to the baseline: on or before day 0, or on the first day
with targets when that is later. One first recorded after it is a piece of one of them that split, or the mass that
several merged into (`split_lesions`). When it is neither, it is a target without a baseline. 4.2 adds
up all targets at baseline: the baseline sum is then not evaluable, and nothing can be compared with it (4.4.2: where
only some of the lesions were measured, the time point is not evaluable). Left out, it would make a tumour seem to
shrink by what was never measured; `eligibility` warns of it.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import VISIT, with_course
from turnpoint.criteria.recist.split_lesions import descent, with_pieces
from turnpoint.study.once import once
from turnpoint.study.recist_bar import PROGRESSION_MM, PROGRESSION_RATIO

SUMS_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "day": pl.Int64,
    "sum_of_diameters_mm": pl.Float64,
    "known_part_mm": pl.Float64,
    "targets": pl.Int64,
    "too_small": pl.Int64,
    "absent": pl.Int64,
    "normal": pl.Int64,
    "not_evaluable": pl.Int64,
}

# 4.2: too small to measure counts 5 mm. EORTC clarification "Lesions less than 5 mm": a diameter that could be
# measured is used as it is.
TOO_SMALL_MM = 5.0
NORMAL_NODE_BELOW_MM = 10.0  # 4.3.2: a node with a short axis < 10 mm is normal

_DECIMALS = 6
_USED = ["patient_id", "reader", "day", "lesion_id", "role", "node", "diameter_mm", "status"]
_COUNTS = ["evaluable", "too_small", "absent", "normal", "malignant"]


def progression_sum_mm(nadir_mm: pl.Expr) -> pl.Expr:
    """The sum at which progression is called: the larger of 1.2 x nadir and nadir + 5 mm (4.3.1), as an expression."""
    return pl.max_horizontal(PROGRESSION_RATIO * nadir_mm, nadir_mm + PROGRESSION_MM)


@once
def sum_of_diameters(lesions: pl.DataFrame) -> pl.DataFrame:
    """Sum of target diameters at every visit.

    Longest diameter, short axis for a node; too small counts its recorded diameter or 5 mm, absent 0 mm. A
    target that is not evaluable, or has no row at the visit, makes the sum missing; it never counts 0.

    Args:
        lesions: as in `Study.lesions`, one row a patient, reader, day and lesion.

    Returns:
        One row a visit of a patient and reader with targets: `patient_id, reader, day, sum_of_diameters_mm` (null
        when not computable), `known_part_mm` (sum of the evaluable targets), and counts: `targets` (of the patient,
        those without a baseline included), `too_small`, `absent`, `normal` (absent, or a node under 10 mm),
        `not_evaluable` (missing rows included). Sorted by patient, reader and day.
    """
    return (
        sums_at_visits(numbered(lesions))
        .filter(pl.col("targets") > 0)
        .select(pl.col(name).cast(dtype) for name, dtype in SUMS_SCHEMA.items())
    )


@once
def target_diameters(lesions: pl.DataFrame) -> pl.DataFrame:
    """What each target of the sum adds to it at every visit where it can be evaluated.

    Args:
        lesions: as in `Study.lesions`.

    Returns:
        `patient_id, reader, day, lesion_id, diameter_mm, too_small`: short axis for a node, 0 mm for absent, the
        recorded diameter or 5 mm for too small. A target that split is the sum of its pieces; of targets that
        merged the first carries the mass and the others are 0 mm. Sorted by patient, reader, day and lesion.
    """
    rows = numbered(lesions)
    own = targets_of(rows)
    baseline_name = pl.col("lesion_id").first().over("lesion", order_by="visit")
    return (
        own.with_columns(baseline_name)
        .filter("evaluable")
        .join(visits_of(rows), on="visit", how="left", maintain_order="left", suffix="_of_visit")
        .select(*VISIT, "lesion_id", pl.col("mm").alias("diameter_mm"), "too_small")
        .sort(*VISIT, "lesion_id", nulls_last=False)
    )


def normal_new_node() -> pl.Expr:
    """Whether a row is of a new node that is normal as yet: under 10 mm, or too small to measure (4.3.2)."""
    small = (pl.col("status") == "too_small") | (pl.col("diameter_mm") < NORMAL_NODE_BELOW_MM)
    return (
        (pl.col("role") == "new") & pl.col("node") & small & (pl.col("status") != "not_evaluable")
    ).fill_null(value=False)


def without_normal_new_nodes(lesions: pl.DataFrame) -> pl.DataFrame:
    """The lesions with new nodes absent for as long as they are normal; a node once abnormal keeps its readings.

    Args:
        lesions: as in `Study.lesions`.
    """
    normal = lesions.select(normal_new_node().alias("normal"))["normal"]
    if not normal.any():
        return lesions
    lesion = ["patient_id", "reader", "lesion_id"]
    said = lesions.with_columns(normal.alias("normal"))
    abnormal = ~pl.col("normal") & ~pl.col("status").is_in(["absent", "not_evaluable"])
    since = pl.when(abnormal).then("day").min().over(lesion)
    still = pl.col("normal") & ((pl.col("day") < since) | since.is_null())
    return said.with_columns(pl.when(still).then(pl.lit("absent")).otherwise("status").alias("status")).drop(
        "normal"
    )


@once
def numbered(lesions: pl.DataFrame) -> pl.DataFrame:
    """The lesions table sorted by patient, reader and day, with `course` and `visit` counted from 1.

    New nodes that are normal as yet are absent in it (`without_normal_new_nodes`).
    """
    lesions = without_normal_new_nodes(lesions.select(_USED))
    frame = with_course(lesions.with_columns(pl.col("node").fill_null(value=False)))
    changed = (
        pl.col(name).ne_missing(pl.col(name).shift(1, fill_value=fill))
        for name, fill in (("course", 0), ("day", None))
    )
    visit = pl.any_horizontal(changed).cum_sum().cast(pl.Int64)
    return frame.with_columns(visit.set_sorted().alias("visit"))


def visits_of(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a visit: `course, visit, patient_id, reader, day`; rows as from `numbered`."""
    first = pl.col("visit").ne_missing(pl.col("visit").shift(1))
    return rows.filter(first).select("course", "visit", *VISIT)


@once
def sums_at_visits(rows: pl.DataFrame) -> pl.DataFrame:
    """The sums of `sum_of_diameters` at every visit of `numbered` rows; `targets` is 0 without target disease.

    `targets_day` is the last day up to day 0 with targets, or the first with any.
    """
    own = targets_of(rows)
    counted = own.group_by("course").agg(
        pl.col("lesion").n_unique().cast(pl.Int64).alias("targets"),
        pl.col("baseline").first().alias("targets_day"),
    )
    combined = _combined_screening(own, counted)
    visits = visits_of(rows).join(counted, on="course", how="left", maintain_order="left")
    visits = visits.join(_read(own), on="visit", how="left", maintain_order="left")
    if combined is not None:
        visits = visits.update(combined, on="visit")
    return visits.with_columns(pl.col("targets", "known_part_mm", *_COUNTS).fill_null(0)).with_columns(
        (pl.col("targets") - pl.col("evaluable")).alias("not_evaluable"),
        pl.when((pl.col("targets") > 0) & (pl.col("evaluable") == pl.col("targets")))
        .then("known_part_mm")
        .alias("sum_of_diameters_mm"),
    )


@once
def targets_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the targets, pieces counted in with what they are of; `lesion` numbers them, `mm` is what each adds."""
    targets = rows.filter(pl.col("role") == "target")
    day, status, mm = pl.col("day"), pl.col("status"), pl.col("mm")
    last_before = pl.when(day <= 0).then(day).max().over("course")
    number = pl.col("lesion_id").cast(pl.Categorical).to_physical().cast(pl.Int64)
    frame = (
        targets.with_columns(
            pl.coalesce(last_before, day.min().over("course")).alias("baseline"),
            (pl.col("course") * (number.max() + 1) + number).alias("lesion"),
            pl.when(status == "absent")
            .then(0.0)
            .when(status == "too_small")
            .then(pl.col("diameter_mm").fill_null(TOO_SMALL_MM))
            .when(status == "measured")
            .then(pl.col("diameter_mm"))
            .alias("mm"),
        )
        .with_columns(
            mm.is_not_null().alias("evaluable"),
            (status == "too_small").alias("too_small"),
            (status == "absent").alias("absent"),
            ((status == "absent") | (pl.col("node") & (mm < NORMAL_NODE_BELOW_MM)))
            .fill_null(value=False)
            .alias("normal"),
        )
        .with_columns((pl.col("evaluable") & ~pl.col("normal")).alias("malignant"))
        .select("course", "visit", "day", "baseline", "lesion", "lesion_id", "node", "mm", *_COUNTS)
    )
    at_baseline = frame.filter(day <= pl.col("baseline"))["lesion"].unique()
    if frame["lesion"].n_unique() == len(at_baseline):
        return frame
    first_known = pl.col("lesion").is_in(at_baseline.implode())
    known, late = frame.filter(first_known), frame.filter(~first_known)
    without_baseline = late.join(descent(known, late), on=["course", "lesion_id"], how="anti")
    whole = with_pieces(known, late)
    return pl.concat([whole, without_baseline.select(whole.columns)]).sort("visit", maintain_order=True)


def _read(own: pl.DataFrame) -> pl.DataFrame:
    """What was read of the targets at each visit that has any: the known part and the counts."""
    # 41.14 + 49.72 mm is 90.86, not 90.86000000000001.
    known_part = pl.col("mm").sum().round(_DECIMALS)
    return own.group_by("visit").agg(known_part.alias("known_part_mm"), pl.col(_COUNTS).sum().cast(pl.Int64))


def _combined_screening(own: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame | None:
    """One assessment from the scans up to day 0 of the courses that have several and none complete."""
    screening = own.filter(pl.col("day") <= 0)
    per_visit = screening.group_by("course", "visit").agg(pl.col("mm").count().alias("evaluable"))
    several = (
        per_visit.group_by("course")
        .agg(pl.len().alias("scans"), pl.col("evaluable").max(), pl.col("visit").max().alias("last_visit"))
        .filter(pl.col("scans") > 1)
        .join(counted, on="course")
        .filter(pl.col("evaluable") < pl.col("targets"))
        .select("course", "last_visit")
    )
    if several.is_empty():
        return None
    last_readings = (
        screening.join(several, on="course")
        .filter(pl.col("mm").is_not_null())
        .sort("visit", maintain_order=True)
        .unique("lesion", keep="last", maintain_order=True)
        .with_columns(pl.col("last_visit").alias("visit"))
    )
    return _read(last_readings)
