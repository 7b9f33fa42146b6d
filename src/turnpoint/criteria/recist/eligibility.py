"""Which target lesions RECIST 1.1 would not have allowed. They are kept: the study's protocol decides.

Source: Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026, sections 3.1, 3.2 and 4.2:
at most five targets, two an organ; at least 10 mm, nodes 15 mm in the short axis; each measured at baseline. Paired
organs are one organ, and so are all lymph nodes (EORTC clarification "Paired organs").
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import with_course
from turnpoint.criteria.recist.sums import numbered, targets_of
from turnpoint.errors import Problem

MOST_TARGETS = 5
MOST_TARGETS_AN_ORGAN = 2
LEAST_TARGET_MM = 10.0
LEAST_TARGET_NODE_MM = 15.0
_NODES = "lymph node"
# Sides and lobes of one organ; "left upper lobe of lung" and "right lung" are both lung.
_PART_OF_ORGAN = (
    r"(?i)\b(left|right|upper|middle|lower|lobe|segment|of|the|both|bilateral|[ivx]+|\d+)\b|[^\w]+"
)


def eligibility_problems(lesions: pl.DataFrame, file: str = "lesions.csv") -> tuple[Problem, ...]:
    """Warnings about target lesions that RECIST 1.1 would not have allowed at baseline.

    Args:
        lesions: as in `Study.lesions`; `source_row` may be lacking.
        file: the file named in the warnings.

    Returns:
        At most one warning a rule, with how many patients it concerns and the first row.
    """
    baseline = _baseline_targets(lesions)
    node, diameter = pl.col("node"), pl.col("diameter_mm")
    site = pl.col("site")
    organ = site.str.replace_all(_PART_OF_ORGAN, " ").str.strip_chars().str.to_lowercase()
    # Few texts, many rows: each text is taken apart once.
    organs = baseline.select(site.unique()).with_columns(organ.alias("organ"))
    lesion_counts = (
        (
            pl.len().over("course") > MOST_TARGETS,
            "lesion_id",
            MOST_TARGETS,
            "{} target lesions",
        ),
        (
            (pl.len().over("course", "organ") > MOST_TARGETS_AN_ORGAN)
            & pl.col("organ").is_not_null()
            & (pl.col("organ") != ""),
            "site",
            MOST_TARGETS_AN_ORGAN,
            "{} target lesions in one organ (nodes are one organ)",
        ),
    )
    frame = baseline.join(organs, on="site", how="left", maintain_order="left").with_columns(
        pl.when(node).then(pl.lit(_NODES)).otherwise("organ").alias("organ")
    )
    problems = [
        _warning(
            frame.filter(too_many),
            file,
            column,
            "more than " + words.format(most),
            "Write role=non_target for those beyond; all count in the sum until then.",
        )
        for too_many, column, most, words in lesion_counts
    ]
    measured = pl.col("status") == "measured"
    small = measured & ((node & (diameter < LEAST_TARGET_NODE_MM)) | (~node & (diameter < LEAST_TARGET_MM)))
    problems.append(
        _warning(
            frame.filter(small | (pl.col("status") == "too_small")),
            file,
            "diameter_mm",
            f"a target below {LEAST_TARGET_MM:g} mm (a node below {LEAST_TARGET_NODE_MM:g} mm) at baseline",
            "Check the value, the node flag and the role; the lesion counts as a target until then.",
        )
    )
    problems.append(
        _warning(
            _without_baseline(lesions),
            file,
            "lesion_id",
            "a target that was not measured at baseline",
            "Add its baseline; or write role=new for a new lesion, role=non_target for an old one. Until then no sum "
            "can be compared with a baseline, and the target response is NE.",
        )
    )
    return tuple(problem for problem in problems if problem is not None)


def _without_baseline(lesions: pl.DataFrame) -> pl.DataFrame:
    """The first measurement of each target that has none at baseline and is no piece of one that has."""
    targets, last_day = _targets(lesions)
    read = (pl.col("status") != "not_evaluable") & (
        (pl.col("status") != "measured") | pl.col("diameter_mm").is_not_null()
    )
    late = (
        targets.with_columns(last_day.alias("baseline"))
        .filter(read)
        .unique(["course", "lesion_id"], keep="first", maintain_order=True)
        .filter(pl.col("day") > pl.col("baseline"))
    )
    if late.is_empty():
        return late
    # Few courses: only theirs are looked at for pieces of split and merged lesions.
    own = lesions.join(late.select("patient_id").unique(), on="patient_id", how="semi")
    # A lesion is called what its first row is called: only pieces have other names.
    whole = targets_of(numbered(own)).sort("visit").unique("lesion", keep="first")
    names = whole["lesion_id"].cast(pl.String).unique()
    return late.filter(pl.col("lesion_id").cast(pl.String).is_in(names.implode()))


def _baseline_targets(lesions: pl.DataFrame) -> pl.DataFrame:
    """Each target's last row up to the baseline: day 0, or the first day with targets when that is later."""
    targets, last_day = _targets(lesions)
    return (
        targets.filter(pl.col("day") <= last_day)
        .unique(["course", "lesion_id"], keep="last", maintain_order=True)
        .with_columns(pl.col("node").fill_null(value=False))
    )


def _targets(lesions: pl.DataFrame) -> tuple[pl.DataFrame, pl.Expr]:
    """Rows of targets by course and day, and the last day that is baseline."""
    if "source_row" not in lesions.columns:
        lesions = lesions.with_columns(source_row=pl.lit(None, pl.Int64))
    used = ["patient_id", "reader", "day", "lesion_id", "site", "node", "diameter_mm", "status", "source_row"]
    targets = with_course(lesions.lazy().filter(pl.col("role") == "target").select(used).collect())
    return targets, pl.max_horizontal(pl.col("day").first().over("course"), 0)


def _warning(rows: pl.DataFrame, file: str, column: str, what: str, mend: str) -> Problem | None:
    if rows.is_empty():
        return None
    patients = rows["patient_id"].n_unique()
    first = rows["source_row"].min()
    return Problem(
        file=file,
        row=first if isinstance(first, int) else None,
        column=column,
        value=None,
        rule=f"{patients} patient{'s have' if patients > 1 else ' has'} {what} (RECIST 1.1, section 4.2)",
        mend=mend,
        severity="warning",
    )
