"""Sums of diameters, visit by visit, from the lesions table (RECIST 1.1, section 4.3).

A visit is a day on which anything was assessed. The target lesions of a patient are those recorded at or before
the baseline: the last day up to day 0 with targets, or the first day with targets when there is none.
"""

from __future__ import annotations

import polars as pl

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
PATIENT = ["patient_id", "reader"]
VISIT = [*PATIENT, "day"]

# "If it is the opinion of the radiologist that the lesion has likely disappeared, 0 mm; if it is too small to
# measure, a default value of 5 mm" (4.2.1)
TOO_SMALL_MM = 5.0
NORMAL_NODE_BELOW_MM = 10.0  # 4.2.2: a node with a short axis < 10 mm is normal

PROGRESSION_RATIO = 1.2  # 4.3.1: at least a 20 % increase over the smallest sum ...
PROGRESSION_MM = 5.0  # ... and an absolute increase of at least 5 mm


def progression_sum_mm(nadir_mm: pl.Expr) -> pl.Expr:
    """The sum at which progression is called: the larger of 1.2 x nadir and nadir + 5 mm (4.3.1)."""
    return pl.max_horizontal(PROGRESSION_RATIO * nadir_mm, nadir_mm + PROGRESSION_MM)


def visits_of(lesions: pl.DataFrame) -> pl.DataFrame:
    """Every patient, reader and day on which anything was assessed."""
    return lesions.select(VISIT).unique().sort(VISIT, nulls_last=False)


def lesions_at_baseline(lesions: pl.DataFrame, role: str) -> pl.DataFrame:
    """The lesions of a role recorded up to the baseline: `patient_id, reader, lesion_id, node`."""
    own = lesions.filter(pl.col("role") == role)
    last_before = pl.col("day").filter(pl.col("day") <= 0).max()
    baseline = pl.coalesce(last_before, pl.col("day").min()).over(PATIENT)
    return (
        own.filter(pl.col("day") <= baseline)
        .group_by([*PATIENT, "lesion_id"])
        .agg(pl.col("node").any())
        .sort([*PATIENT, "lesion_id"])
    )


def sum_of_diameters(lesions: pl.DataFrame) -> pl.DataFrame:
    """Sum of target diameters at every visit.

    Longest diameter, short axis for a node; too small counts its recorded diameter or 5 mm, absent 0 mm. A
    target that is not evaluable, or has no row at the visit, makes the sum missing; it never counts 0.

    Args:
        lesions: as in `Study.lesions`.

    Returns:
        `patient_id, reader, day, sum_of_diameters_mm` (null when not computable), `known_part_mm` (sum of the
        evaluable targets), and counts: `targets` (of the patient), `too_small`, `absent`, `normal` (absent,
        or a node under 10 mm), `not_evaluable` (missing rows included). Patients without targets have no row.

    Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, sections 4.2 and 4.3.
    """
    targets = lesions_at_baseline(lesions, "target")
    status, diameter = pl.col("status"), pl.col("diameter_mm")
    contribution = (
        pl.when(status == "absent")
        .then(0.0)
        .when(status == "too_small")
        .then(diameter.fill_null(TOO_SMALL_MM))
        .when(status == "measured")
        .then(diameter)
    )
    read = (
        lesions.filter(pl.col("role") == "target")
        .join(targets.rename({"node": "is_node"}), on=[*PATIENT, "lesion_id"], nulls_equal=True)
        .with_columns(contribution.alias("mm"))
        .group_by(VISIT)
        .agg(
            pl.col("mm").sum().alias("known_part_mm"),
            pl.col("mm").count().alias("evaluable"),
            (status == "too_small").sum().alias("too_small"),
            (status == "absent").sum().alias("absent"),
            ((status == "absent") | (pl.col("is_node") & (pl.col("mm") < NORMAL_NODE_BELOW_MM)))
            .sum()
            .alias("normal"),
        )
    )
    counted = targets.group_by(PATIENT).agg(pl.len().alias("targets"))
    return (
        visits_of(lesions)
        .join(counted, on=PATIENT, how="inner", nulls_equal=True)
        .join(read, on=VISIT, how="left", nulls_equal=True)
        .with_columns(pl.col("evaluable", "too_small", "absent", "normal").fill_null(0))
        .with_columns((pl.col("targets") - pl.col("evaluable")).alias("not_evaluable"))
        .with_columns(
            pl.when(pl.col("not_evaluable") == 0).then(pl.col("known_part_mm")).alias("sum_of_diameters_mm"),
            pl.col("known_part_mm").fill_null(0.0),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in SUMS_SCHEMA.items())
        .sort(VISIT)
    )
