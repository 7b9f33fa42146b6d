"""What a table of lesions must and should satisfy, row by row and along each lesion.

Source of the thresholds: RECIST 1.1, Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026, sections 3 and 4.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.study.centimetres import report_centimetres
from turnpoint.study.findings import Findings, TypedTable, as_read, kept
from turnpoint.study.naming import report_missing_column
from turnpoint.study.schema import LESIONS
from turnpoint.study.split_lesions import origins

# Below this a diameter cannot be measured reliably; `too_small` stands for it in the sum.
_SMALLEST_MEASURABLE_MM: Final = 5
_LEAST_TARGET_MM: Final = 10
_LEAST_TARGET_NODE_MM: Final = 15
# A node with a smaller short axis is normal (4.3.2).
_LEAST_ABNORMAL_NODE_MM: Final = 10
# What is assessed up to here may still be the baseline.
_LATEST_BASELINE_DAY: Final = 14
# "As close as possible to the treatment start and never more than 4 weeks before" (4.1).
_EARLIEST_BASELINE_DAY: Final = -28
_MOST_TARGETS: Final = 5
# A jump by this factor and back is a slip of the decimal point or the unit.
_SLIP_RATIO: Final = 5.0
_NO_SIZE: Final = ("present", "equivocal", "unequivocal_progression")
# Keys of whole numbers: a rule over texts takes several times as long.
_LESION: Final = "lesion key"
_COURSE: Final = "course key"


def report_lesion_rows(table: TypedTable, findings: Findings) -> None:
    """Report rows whose status, role and diameter contradict each other."""
    status, role, diameter = pl.col("status"), pl.col("role"), pl.col("diameter_mm")
    measured = status == "measured"
    if not table.has("diameter_mm") and table.frame.select(measured.any()).item():
        report_missing_column("diameter_mm", table.extras, table.file, LESIONS, findings)
        return
    findings.rows(
        table,
        measured & table.missing("diameter_mm"),
        "status",
        "measured, but there is no diameter_mm",
        "Write the diameter, or status=too_small, absent or not_evaluable.",
    )
    findings.rows(
        table,
        measured & (diameter == 0),
        "diameter_mm",
        "0 mm is no measurement",
        "Write status=absent if the lesion has disappeared, too_small if it is too small to measure.",
    )
    findings.rows(
        table,
        (status == "absent") & (diameter > 0),
        "diameter_mm",
        "an absent lesion has no diameter",
        "Write status=measured, or leave the diameter empty.",
    )
    findings.rows(
        table,
        (status == "too_small") & (diameter >= _LEAST_TARGET_MM),
        "diameter_mm",
        f"too_small means less than {_SMALLEST_MEASURABLE_MM} mm",
        "Write status=measured, or leave the diameter empty.",
    )
    findings.rows(
        table,
        (role == "target") & status.is_in(_NO_SIZE),
        "status",
        "a target lesion is measured, too_small, absent or not_evaluable",
        "Write one of these; progression without a size is of a non_target or new lesion.",
    )
    _report_unused_sizes(table, findings)
    report_centimetres(table, findings)


def number_lesions(table: TypedTable) -> None:
    """Add the keys that the rules below group by: `course key` (patient and reader) and `lesion key`.

    The frame must be sorted by patient; it changes in place.
    """
    number = {
        name: pl.col(name).cast(pl.Categorical).to_physical().cast(pl.Int64).fill_null(-1) + 1
        for name in ("reader", "lesion_id")
    }
    course = pl.col("patient_id").rle_id().cast(pl.Int64) * (number["reader"].max() + 1) + number["reader"]
    lesion = pl.col(_COURSE) * (number["lesion_id"].max() + 1) + number["lesion_id"]
    table.frame = table.frame.with_columns(course.alias(_COURSE)).with_columns(lesion.alias(_LESION))


def settle_nodes(table: TypedTable, findings: Findings) -> None:
    """Fill `node` along each lesion, and report lesions that change their role, their node flag or their site.

    The frame must be numbered, and sorted by patient and day; it changes in place.
    """
    named = pl.col("patient_id").is_not_null() & pl.col("lesion_id").is_not_null()
    for column, severity, mend in (
        ("role", "error", "Give a lesion one role at all visits; name a new lesion by a new lesion_id."),
        ("node", "error", "Write the same at all visits: a node is measured by its short axis throughout."),
        ("site", "warning", "Write the same site at all visits, or give another lesion another lesion_id."),
    ):
        if not table.has(column):
            continue
        told = table.frame.select("patient_id", "lesion_id", _LESION, "source_row", column, as_read(column))
        known = told.filter(named & pl.col(column).is_not_null())
        spelling = pl.col(column).str.to_lowercase() if column == "site" else pl.col(column)
        known = known.with_columns(
            pl.col(column).first().over(_LESION).alias("first"),
            spelling.first().over(_LESION).alias("first_spelling"),
            pl.col("source_row").first().over(_LESION).alias("first_row"),
        )
        findings.rows(
            table.part(known),
            spelling != pl.col("first_spelling"),
            column,
            "differs from an earlier row of the same lesion",
            pl.format("{} Row {} has {}.", pl.lit(mend), pl.col("first_row"), pl.col("first")),
            severity="error" if severity == "error" else "warning",
        )
    said = pl.col("node").drop_nulls().first().over(_LESION)
    table.frame = table.frame.with_columns(
        pl.when(named).then(pl.coalesce("node", said)).otherwise("node").fill_null(value=False).alias("node")
    )
    first_of_lesion = named & pl.int_range(pl.len()).over(_LESION).eq(0)
    findings.rows(
        table,
        first_of_lesion
        & ~pl.col("node")
        & pl.col("site").str.contains(r"(?i)lymph|\bnodes?\b|\bnodal\b|淋巴结"),
        "site",
        "the site is a lymph node, but node is not true",
        "Write node=true, and the short axis as diameter_mm, if it is a lymph node.",
        severity="warning",
    )


def report_courses(table: TypedTable, findings: Findings) -> None:
    """Warn of doubtful baselines, target lesions missing at a visit, late targets and sudden jumps.

    The frame must be numbered, and sorted by patient and day.
    """
    # A row whose time, name or role is unknown is reported already; what it leaves behind is not.
    known = pl.all_horizontal(
        pl.col(name).is_not_null() for name in ("patient_id", "day", "lesion_id", "role")
    )
    whole = (
        known.all().over("patient_id") if not table.frame.select(known.all()).item() else pl.lit(value=True)
    )
    # What no rule here looks at or quotes is left behind: a filter copies every column.
    unused = {as_read(name) for name in ("patient_id", "date", "role", "site", "node", "method", "reader")}
    unused |= {kept(extra) for extra in table.extras} | {"method", "site"}
    used = table.frame.select(name for name in table.frame.columns if name not in unused)
    targets = table.part(used.filter(whole & (pl.col("role") == "target")))
    if not targets.frame.is_empty():
        _report_baselines(targets, findings)
        # Pieces of a split lesion, and what merged ones became, come late and leave their origins without rows.
        unsplit = targets.part(_without_pieces(targets.frame))
        _report_first_sizes(unsplit, findings)
        _report_missing_targets(unsplit, findings)
    _report_late_non_targets(table.part(used.filter(whole)), findings)
    _report_new_nodes(table, findings)
    _report_early_new_lesions(table, targets, findings)
    _report_jumps(table, findings)


def _without_pieces(targets: pl.DataFrame) -> pl.DataFrame:
    """The targets but those that a later split or merger is named after, and the pieces themselves."""
    first = targets.group_by(_COURSE, _LESION).agg(pl.col("day").min(), pl.col("lesion_id").first())
    late = first.filter(pl.col("day") > pl.max_horizontal(pl.col("day").min().over(_COURSE), 0))
    if late.is_empty():
        return targets
    early = first.join(late, on=_LESION, how="anti").join(
        late.select(_COURSE).unique(), on=_COURSE, how="semi"
    )
    keys = {
        course: dict(zip(names, numbers, strict=True))
        for course, names, numbers in early.group_by(_COURSE).agg("lesion_id", _LESION).iter_rows()
    }
    related: set[int] = set()
    for course, name, key in late.select(_COURSE, "lesion_id", _LESION).iter_rows():
        own = keys.get(course, {})
        found = origins(name, own.keys())
        related |= {key, *(own[origin] for origin in found)} if found else set()
    return targets.filter(~pl.col(_LESION).is_in(pl.Series(list(related), dtype=pl.Int64).implode()))


def _report_baselines(targets: TypedTable, findings: Findings) -> None:
    course = _COURSE
    day = pl.col("day")
    frame = targets.frame.with_columns(
        day.min().over(course).alias("first_day"),
        day.filter(day <= 0).n_unique().over(course).alias("candidates"),
        day.filter(day <= 0).max().over(course).alias("baseline_day"),
        pl.int_range(pl.len()).over(course).alias("place"),
    )
    part = targets.part(frame)
    first = pl.col("place") == 0
    findings.rows(
        part,
        first & (pl.col("first_day") > _LATEST_BASELINE_DAY),
        "day",
        f"no target lesion was assessed up to day {_LATEST_BASELINE_DAY}: the first assessment is no baseline before "
        "treatment",
        "Add the baseline scan; without it changes are counted from this visit.",
        severity="warning",
    )
    findings.rows(
        part,
        first & (pl.col("baseline_day") < _EARLIEST_BASELINE_DAY),
        "day",
        f"the last assessment before treatment lies more than {-_EARLIEST_BASELINE_DAY} days before day 0; a baseline "
        "is never to be older (RECIST 1.1, 4.1)",
        pl.format(
            "Check the day, or add a later baseline; until then changes are counted from day {}, and what grew before "
            "treatment counts as growth under it.",
            "baseline_day",
        ),
        severity="warning",
    )
    findings.rows(
        part,
        first & (pl.col("candidates") > 1),
        "day",
        "target lesions were assessed on several days up to day 0",
        "Keep the assessment that is the baseline, and give all its lesions the same day.",
        severity="warning",
    )


def _report_first_sizes(targets: TypedTable, findings: Findings) -> None:
    course = _COURSE
    frame = targets.frame.with_columns(
        pl.int_range(pl.len()).over(_LESION).alias("place"),
        pl.col("day").min().over(course).alias("first_day"),
    ).filter(pl.col("place") == 0)
    frame = frame.with_columns(
        pl.len().over(course).alias("lesions"), pl.int_range(pl.len()).over(course).alias("nth")
    )
    part = targets.part(frame)
    diameter, measured = pl.col("diameter_mm"), pl.col("status") == "measured"
    late = (pl.col("day") > _LATEST_BASELINE_DAY) & (pl.col("day") > pl.col("first_day"))
    for node, least, what in (
        (pl.col("node"), _LEAST_TARGET_NODE_MM, "a target node has a short axis of at least"),
        (~pl.col("node"), _LEAST_TARGET_MM, "a target lesion has a diameter of at least"),
    ):
        findings.rows(
            part,
            ~late & measured & node & (diameter < least) & (diameter > 0),
            "diameter_mm",
            f"{what} {least} mm at baseline (RECIST 1.1)",
            "Check the value, the node flag and the role; the lesion is kept as a target.",
            severity="warning",
        )
    findings.rows(
        part,
        ~late & ~measured & pl.col("status").is_not_null(),
        "status",
        "a target lesion is measured at baseline",
        "Write its diameter, or role=non_target; until then its growth cannot be judged.",
        severity="warning",
    )
    findings.rows(
        part,
        late,
        "lesion_id",
        "a target lesion that appears after baseline",
        "Write role=new if it was not there at baseline, and add its baseline row if it was.",
        severity="warning",
    )
    findings.rows(
        part,
        (pl.col("lesions") > _MOST_TARGETS) & (pl.col("nth") == 0),
        None,
        f"the patient has more than {_MOST_TARGETS} target lesions, the most of RECIST 1.1",
        pl.format(
            "Write role=non_target for those beyond; all {} count in the sum until then.", pl.col("lesions")
        ),
        severity="warning",
    )


def _report_missing_targets(targets: TypedTable, findings: Findings) -> None:
    """Warn of each target lesion that has no row at a visit where others have one."""
    course, visit = [_COURSE], [_COURSE, "day"]
    seen = targets.frame.group_by(*course, _LESION, maintain_order=True).agg(
        pl.col("day").min().alias("first_day"), pl.col("lesion_id as read").first()
    )
    visits = targets.frame.group_by(*visit, maintain_order=True).agg(
        pl.col(_LESION).n_unique().alias("present"), pl.col("source_row").min()
    )
    # Lesions known by each visit: a running count over the days on which lesions are first seen.
    known = seen.group_by(*course, pl.col("first_day").alias("day")).agg(pl.len().alias("started"))
    visits = visits.join(known, on=visit, how="left", maintain_order="left").with_columns(
        pl.col("started").fill_null(0).cum_sum().over(course).alias("expected")
    )
    lacking = (
        visits.filter(pl.col("present") < pl.col("expected"))
        .join(seen, on=course, how="inner", maintain_order="left")
        .filter(pl.col("first_day") <= pl.col("day"))
        .join(targets.frame.select(*visit, _LESION), on=[*visit, _LESION], how="anti")
    )
    findings.rows(
        targets.part(lacking),
        pl.lit(value=True),
        "lesion_id",
        "this target lesion has no row at the visit of this row",
        pl.format(
            "Add its row on day {}, with status=absent or not_evaluable if there is no diameter; the sum is not known "
            "until then.",
            pl.col("day"),
        ),
        severity="warning",
    )


def _report_late_non_targets(table: TypedTable, findings: Findings) -> None:
    """Warn of non-target lesions that are first seen after baseline, as of targets."""
    first_day = pl.col("day").filter(pl.col("role") != "new").min().over(_COURSE)
    there = pl.col("status").ne_missing("absent")
    seen = table.frame.with_columns(first_day.alias("first_day")).filter(there)
    first = seen.filter(pl.int_range(pl.len()).over(_LESION) == 0)
    first = _without_pieces(first.filter(pl.col("role") == "non_target"))
    findings.rows(
        table.part(first),
        (pl.col("day") > _LATEST_BASELINE_DAY)
        & (pl.col("day") > pl.col("first_day"))
        & (pl.col("status") != "not_evaluable"),
        "lesion_id",
        "a non-target lesion that appears after baseline",
        "Write role=new if it was not there at baseline (as it stands it is no progression), and add its baseline row "
        "if it was.",
        severity="warning",
    )


def _report_new_nodes(table: TypedTable, findings: Findings) -> None:
    """Say what becomes of new nodes that are normal, or abnormal and not measurable (RECIST 1.1, 4.3.2 and 3.1.1)."""
    node = (pl.col("role") == "new") & pl.col("node") & (pl.col("status") == "measured")
    size = pl.col("diameter_mm")
    findings.rows(
        table,
        node & (size < _LEAST_ABNORMAL_NODE_MM),
        "diameter_mm",
        f"a new node under {_LEAST_ABNORMAL_NODE_MM} mm short axis is normal (RECIST 1.1, 4.3.2): no new lesion",
        "Nothing to do if it is a node; else write node=false.",
        severity="warning",
    )
    abnormal = table.frame.filter(node & (size >= _LEAST_ABNORMAL_NODE_MM))
    first = abnormal.filter(pl.int_range(pl.len()).over(_LESION) == 0)
    findings.rows(
        table.part(first),
        size < _LEAST_TARGET_NODE_MM,
        "diameter_mm",
        f"is a new node of {_LEAST_ABNORMAL_NODE_MM} to under {_LEAST_TARGET_NODE_MM} mm short axis, abnormal and not "
        "measurable, a new lesion? It is read as one, which is progression",
        "Write status=equivocal if that is not certain; nothing to do if it is.",
        severity="warning",
    )


def _report_early_new_lesions(table: TypedTable, targets: TypedTable, findings: Findings) -> None:
    first_days = targets.frame.group_by("patient_id").agg(pl.col("day").min().alias("first_day"))
    frame = table.frame.filter(pl.col("role") == "new").join(
        first_days, on="patient_id", how="left", maintain_order="left"
    )
    findings.rows(
        table.part(frame),
        pl.col("day") <= pl.max_horizontal(pl.col("first_day"), 0),
        "role",
        "a lesion seen at or before baseline is not new",
        "Write role=non_target, or check the day; as it stands it counts as progression.",
        severity="warning",
    )


def _report_jumps(table: TypedTable, findings: Findings) -> None:
    size = pl.col("diameter_mm")
    sizes = table.frame.select(
        _LESION, "source_row", pl.when((pl.col("status") == "measured") & (size > 0)).then(size)
    ).drop_nulls("diameter_mm")
    same_before = pl.col(_LESION) == pl.col(_LESION).shift(1)
    sizes = sizes.sort(_LESION, maintain_order=True).with_columns(
        pl.when(same_before).then(size / size.shift(1)).alias("over_last"),
        pl.when(same_before.shift(-1)).then(size / size.shift(-1)).alias("over_next"),
    )
    up = (pl.col("over_last") >= _SLIP_RATIO) & (pl.col("over_next") >= _SLIP_RATIO)
    down = (pl.col("over_last") <= 1 / _SLIP_RATIO) & (pl.col("over_next") <= 1 / _SLIP_RATIO)
    jumped = sizes.filter(up | down)["source_row"]
    if jumped.is_empty():
        return
    named = pl.col("patient_id").is_not_null() & pl.col("lesion_id").is_not_null()
    findings.rows(
        table,
        named & pl.col("source_row").is_in(jumped.implode()),
        "diameter_mm",
        f"{_SLIP_RATIO:g} times above or below both the size before and the size after",
        "Check the decimal point and the unit; nothing to do if both are right.",
        severity="warning",
    )


def _report_unused_sizes(table: TypedTable, findings: Findings) -> None:
    status, diameter = pl.col("status"), pl.col("diameter_mm")
    mend = "Write status=measured if the diameter counts; nothing to do otherwise."
    between = diameter.is_between(_SMALLEST_MEASURABLE_MM, _LEAST_TARGET_MM, closed="none")
    findings.rows(
        table,
        (status == "too_small") & between,
        "diameter_mm",
        f"too_small means less than {_SMALLEST_MEASURABLE_MM} mm, yet the sum counts the diameter given",
        mend,
        severity="warning",
    )
    findings.rows(
        table,
        (status == "not_evaluable") & diameter.is_not_null(),
        "diameter_mm",
        "the diameter of a lesion that is not_evaluable is not used",
        mend,
        severity="warning",
    )
