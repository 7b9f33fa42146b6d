"""One assessment over several days: the scans of one visit are judged together, dated on the first of them.

The rules, for the lesions of one patient and reader:

1. Rows of one `visit` are one assessment, dated on its first day. Where a lesion was read on two days of the visit they
   are not: each keeps its own day (warned of).
2. Without it, what was read up to 7 days after the first day of an assessment belongs to it, so long as no lesion was
   read twice and no two visits are named. A warning says so for each.
3. A new lesion found after day 0 never joins the first assessment, or one up to day 0, by rule 2: it was not there
   then.

Source: pharmaverse admiralonco, vignette "Creating ADTR": time points are grouped by visit; FDA, Clinical Trial
Endpoints for the Approval of Cancer Drugs and Biologics (2018), appendix C: progression found over several days is
dated by the first scan that shows it. The 7 days are the window that protocols usually allow about a planned scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import polars as pl

from turnpoint.study.findings import Findings, TypedTable

WINDOW_DAYS: Final = 7
_LONGEST_USUAL_VISIT_DAYS: Final = 28
_COURSE: Final = ["patient_id", "reader"]

# Course, day, lesions that are not new, lesions that are, names of visits.
_Unit = tuple[int, int, list[str], list[str], list[str]]


def settle_readers(table: TypedTable, findings: Findings) -> None:
    """Fill a blank `reader` where one reader alone has read that patient's lesions, and warn of it; the frame changes.

    A row without a reader is that of the one named by its day when that reader reads the same lesion on other days,
    and no row without a reader has repeated a reading of theirs by then; so is the row of a new lesion. Else the rows
    without one stay those of a reader of their own, and are warned of.
    """
    if not table.has("reader"):
        return
    frame = table.frame
    known = frame.filter(pl.col("reader").is_not_null() & pl.col("patient_id").is_not_null())
    if known.is_empty() or known.height == frame.height:
        return
    began = known.group_by("patient_id", "reader").agg(pl.col("day").min().alias("began"))
    began = began.with_columns(pl.col("began").min().over("patient_id").alias("earliest"))
    rows = frame.filter(pl.col("reader").is_null() & _known())
    # Who reads later is not known on the day; who reads first may do so after a row without a reader.
    by_then = (
        rows.select("source_row", "patient_id", "day")
        .join(began, on="patient_id")
        .filter(pl.col("began") <= pl.max_horizontal("day", "earliest"))
        .group_by("source_row")
        .agg(pl.col("reader").n_unique().alias("readers"), pl.col("reader").first().alias("named reader"))
    )
    lesions = known.group_by("patient_id", "lesion_id", "role").agg(
        pl.col("node").drop_nulls().first().alias("their node"), pl.lit(value=True).alias("theirs")
    )
    readings = known.select("patient_id", "lesion_id", "day").unique()
    readings = readings.with_columns(pl.lit(value=True).alias("read too"))
    blank = (
        rows.join(by_then, on="source_row", how="inner", maintain_order="left")
        .join(lesions, on=["patient_id", "lesion_id", "role"], how="left", maintain_order="left")
        .join(readings, on=["patient_id", "lesion_id", "day"], how="left", maintain_order="left")
        .with_columns(pl.col("theirs", "read too").fill_null(value=False))
        # Whose rows collide with the named reader's has read the scans too, without a name.
        .with_columns(pl.col("read too").cum_max().over("patient_id", order_by="day").alias("another"))
        .with_columns(pl.col("another").any().over("patient_id", "day").alias("another"))
    )
    same_node = (pl.col("node") == pl.col("their node")).fill_null(value=True)
    unheard = ~pl.struct("patient_id", "lesion_id").is_in(
        known.select(pl.struct("patient_id", "lesion_id").unique()).to_series().implode()
    )
    known_lesion = (pl.col("theirs") & same_node) | ((pl.col("role") == "new") & unheard)
    theirs = (pl.col("readers") == 1) & ~pl.col("another") & known_lesion
    findings.rows(
        table.part(blank),
        theirs,
        "reader",
        "the reader is empty, while other rows of the patient name one; the row is read as that reader's",
        "Write the reader in every row of the patient, or in none.",
        severity="warning",
    )
    first = pl.int_range(pl.len()).over("patient_id") == 0
    findings.rows(
        table.part(blank.filter(~theirs)),
        first,
        "reader",
        "the reader is empty, while other rows of the patient name one or several; the rows without one are judged as "
        "those of a reader of their own",
        "Write the reader in every row of the patient, or in none.",
        severity="warning",
    )
    filled = blank.filter(theirs).select("source_row", "named reader")
    table.frame = (
        frame.join(filled.unique("source_row"), on="source_row", how="left", maintain_order="left")
        .with_columns(pl.coalesce("reader", "named reader").alias("reader"))
        .drop("named reader")
    )


def settle_assessments(table: TypedTable, findings: Findings) -> None:
    """Date the rows of one assessment on its first day (rules 1 to 3); the frame changes, and is sorted again.

    The frame must be sorted by patient and day.
    """
    moved = _by_visit(table, findings) | _by_window(table, findings)
    if moved:
        table.frame = table.frame.sort(
            "patient_id", "day", "source_row", nulls_last=True, maintain_order=True
        )


def _known() -> pl.Expr:
    return pl.all_horizontal(pl.col(name).is_not_null() for name in ("patient_id", "day", "lesion_id"))


def _day_column(table: TypedTable) -> str:
    return "day" if table.has("day") else "date"


def _by_visit(table: TypedTable, findings: Findings) -> bool:
    """Rule 1; true when a row was moved."""
    if table.frame["visit"].null_count() == table.frame.height:
        return False
    visit = [*_COURSE, "visit"]
    told = table.frame.filter(_known() & pl.col("visit").is_not_null())
    twice = (pl.col("day").n_unique().over(*visit, "lesion_id") > 1).any().over(visit)
    several = told.with_columns(
        pl.col("day").min().over(visit).alias("first"),
        (pl.col("day").max() - pl.col("day").min()).over(visit).alias("span"),
        twice.alias("twice"),
        (pl.int_range(pl.len()).over(visit) == 0).alias("first row"),
    ).filter(pl.col("span") > 0)
    part = table.part(several.filter("first row"))
    findings.rows(
        part,
        pl.col("twice"),
        "visit",
        "a lesion was read on two days of this visit, which is then no one assessment; each row keeps its day",
        "Name each assessment by a visit of its own.",
        severity="warning",
    )
    findings.rows(
        part,
        ~pl.col("twice") & (pl.col("span") > _LONGEST_USUAL_VISIT_DAYS),
        "visit",
        f"the rows of this visit lie more than {_LONGEST_USUAL_VISIT_DAYS} days apart; they are one assessment, dated "
        "on its first day",
        "Check the days and the visit; nothing to do if both are right.",
        severity="warning",
    )
    return _move(table, several.filter(~pl.col("twice")).select("source_row", "first"))


def _by_window(table: TypedTable, findings: Findings) -> bool:
    """Rules 2 and 3; true when a row was moved."""
    # Most studies have no two days so near: that is seen before anything is walked through.
    days = (
        table.frame.filter(_known()).select(*_COURSE, "day").unique().sort(*_COURSE, "day", nulls_last=True)
    )
    near = pl.all_horizontal(
        pl.col("day") - pl.col("day").shift(1) <= WINDOW_DAYS,
        *(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in _COURSE),
    )
    courses = days.filter(near).select(_COURSE).unique(maintain_order=True).with_row_index("course")
    if courses.is_empty():
        return False
    rows = table.frame.filter(_known()).join(courses, on=_COURSE, how="inner", nulls_equal=True)
    new = pl.col("role") == "new"
    units = (
        rows.group_by("course", "day")
        .agg(
            pl.col("lesion_id").filter(new.ne_missing(other=True)).alias("lesions"),
            pl.col("lesion_id").filter(new).alias("new"),
            pl.col("visit").drop_nulls().unique().alias("visits"),
        )
        .sort("course", "day")
    )
    found = [
        move for _, course in groupby(units.iter_rows(), key=lambda unit: unit[0]) for move in _moves(course)
    ]
    schema = {"course": courses.schema["course"], "day": pl.Int64(), "first": pl.Int64(), "all": pl.Boolean()}
    moves = pl.DataFrame(found, schema=schema, orient="row")
    moving = rows.join(moves, on=["course", "day"], how="inner", maintain_order="left").filter(
        pl.col("all") | new.ne_missing(other=True)
    )
    findings.rows(
        table.part(moving),
        pl.int_range(pl.len()).over("course", "day") == 0,
        _day_column(table),
        f"read within {WINDOW_DAYS} days of an assessment that lacks these lesions; taken as part of it, dated on its "
        "first day",
        pl.format(
            "Write visit in lesions: the same text in the rows of one assessment, another in those of another. It is "
            "read as of day {}.",
            "first",
        ),
        severity="warning",
    )
    return _move(table, moving.select("source_row", "first"))


def _moves(units: Iterator[_Unit]) -> Iterator[tuple[int, int, int, bool]]:
    """Of one course's days in order: the days that join an assessment, its first day, and whether new lesions do."""
    opening: int | None = None
    first, held, named = 0, set[str](), set[str]()
    for course, day, lesions, new, visits in units:
        opening = day if opening is None else opening
        near = bool(held) and day - first <= WINDOW_DAYS
        # Rule 3: such a lesion keeps its day, and opens no assessment that others could join.
        barred = near and (first <= 0 < day or first == opening)
        joining = {*lesions} if barred else {*lesions, *new}
        if near and not joining:
            continue
        if near and not joining & held and len(named | {*visits}) <= 1:
            yield course, day, first, not barred
            held |= joining
            named |= {*visits}
        else:
            first, held, named = day, {*lesions, *new}, {*visits}


def _move(table: TypedTable, moves: pl.DataFrame) -> bool:
    """Set the day of rows to the first of their assessment; true when there were any."""
    if moves.is_empty():
        return False
    table.frame = (
        table.frame.join(moves.unique("source_row"), on="source_row", how="left", maintain_order="left")
        .with_columns(pl.coalesce("first", "day").alias("day"))
        .drop("first")
    )
    return True
