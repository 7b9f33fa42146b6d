"""Target lesions that split or merged after baseline.

Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.3.2 ("Lesions that split or
coalesce on treatment"). The rules:

1. When a lesion fragments, the longest diameters of the fragments are added up; they stand for the lesion.
2. When lesions coalesce and no plane separates them any more, the longest diameter of the one mass stands for all.
3. A fragment that was seen once and has no row, or none that can be evaluated, leaves its lesion not evaluable, until
   the whole lesion, or a mass that it is in, is measured again.

Which names say so: `study.split_lesions`.
"""

from __future__ import annotations

import polars as pl

from turnpoint.study.split_lesions import origins

_LESION = ["course", "lesion"]


def with_pieces(own: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """The rows of the baseline targets, those of their pieces counted in.

    Args:
        own: rows of baseline targets: `course, visit, day, baseline, lesion, lesion_id, mm, evaluable, too_small,
            absent, normal, malignant, node`.
        late: rows of targets first seen after baseline, in the same columns.

    Returns:
        `own` with one row for each baseline target and visit that has its own row or one of a piece; rows of `late`
        whose names tell no origin are left out.
    """
    pieces = late.drop("lesion").join(descent(own, late), on=["course", "lesion_id"], how="inner")
    if pieces.is_empty():
        return own
    # The mass is counted once, with the first of the lesions that merged into it; the others are in it.
    first = pl.col("place") == 0
    pieces = pieces.with_columns(
        pl.when(first).then("mm").otherwise(0.0 * pl.col("mm")).alias("mm"),
        pl.when(first).then("normal").otherwise("evaluable").alias("normal"),
        pl.when(first).then("too_small").otherwise(pl.lit(value=False)).alias("too_small"),
        pl.when(first).then("absent").otherwise(pl.lit(value=False)).alias("absent"),
        (first & pl.col("malignant")).alias("malignant"),
    )
    whole = own.join(pieces.select("visit", "lesion").unique(), on=["visit", "lesion"], how="semi")
    rest = own.join(whole, on=["visit", "lesion"], how="anti")
    return pl.concat([rest, _together(whole, pieces).select(rest.columns)]).sort("visit", maintain_order=True)


def descent(own: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """`course, lesion_id, lesion, place, merged`: the baseline lesions each later name is of, in the name's order."""
    lesions = own.select(*_LESION, "lesion_id").unique()
    known = {
        course: dict(zip(names, numbers, strict=True))
        for course, names, numbers in lesions.join(late.select("course").unique(), on="course", how="semi")
        .group_by("course")
        .agg("lesion_id", "lesion")
        .iter_rows()
    }
    rows = [
        (course, name, known[course][origin], place, len(found) > 1)
        for course, name in late.select("course", "lesion_id").unique(maintain_order=True).iter_rows()
        for found in (origins(name, known.get(course, {}).keys()),)
        for place, origin in enumerate(found)
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "course": pl.Int64,
        "lesion_id": late.schema["lesion_id"],
        "lesion": pl.Int64,
        "place": pl.Int64,
        "merged": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _together(whole: pl.DataFrame, pieces: pl.DataFrame) -> pl.DataFrame:
    """One row a lesion and visit from its own row, which is left out when not evaluable, and those of its pieces."""
    at_visit = [*_LESION, "visit"]
    measured = whole.filter("evaluable")
    return (
        pl.concat([measured, pieces.select(measured.columns)])
        .group_by(at_visit, maintain_order=True)
        .agg(
            pl.col("day", "baseline", "lesion_id", "node").first(),
            pl.col("mm").sum(),
            pl.col("too_small", "malignant").any(),
            pl.col("absent", "normal").all(),
        )
        .join(_complete(pieces), on=at_visit, how="left")
        .join(
            measured.select("lesion", "visit", pl.lit(value=True).alias("measured_whole")),
            on=["lesion", "visit"],
            how="left",
        )
        .with_columns(
            (pl.col("complete") | pl.col("measured_whole").fill_null(value=False)).alias("evaluable")
        )
    )


def _complete(pieces: pl.DataFrame) -> pl.DataFrame:
    """`course, lesion, visit, complete`: whether the mass, or else every fragment known by then, was evaluated."""
    merged = pl.col("merged")
    fragments = (
        pieces.filter(~merged).group_by(*_LESION, "lesion_id").agg(pl.col("visit").min().alias("first_visit"))
    )
    visits = pieces.select(*_LESION, "visit").unique()
    known = (
        visits.join(fragments, on=_LESION)
        .group_by(*_LESION, "visit")
        .agg((pl.col("first_visit") <= pl.col("visit")).sum().alias("known"))
    )
    return (
        pieces.group_by(*_LESION, "visit")
        .agg(
            merged.any().alias("mass"),
            (merged & pl.col("evaluable")).any().alias("mass_read"),
            (~merged & pl.col("evaluable")).sum().alias("read"),
        )
        .join(known, on=[*_LESION, "visit"], how="left")
        .select(
            *_LESION,
            "visit",
            pl.when("mass").then("mass_read").otherwise(pl.col("read") == pl.col("known")).alias("complete"),
        )
    )
