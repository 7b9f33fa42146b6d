"""One clock: calendar dates become days of the course, and both given must agree."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.study.converting import report_doubtful
from turnpoint.study.findings import Findings, TypedTable, failed
from turnpoint.study.schema import TABLES, Column

_NO_START = (
    "the patient has no start_date, so the date is no day of the course",
    "Give start_date (day 0) in patients, or give day instead of date.",
)

_OBSERVATIONS: Final = ("lesions", "markers")
_ROW_ASIDE: Final = "The row is kept aside and not read."
_END_ASIDE: Final = "The event is read without its end."
_FOLLOW_UP: Final = (
    ("death_day", "death_date", "The death is kept aside and not read."),
    ("last_alive_day", "last_alive_date", "The day is not read."),
)


def start_dates(patients: TypedTable | None) -> pl.DataFrame:
    """Columns `patient_id, start_date, start_unreadable`; one row a patient with either."""
    if patients is None:
        return pl.DataFrame(
            schema={"patient_id": pl.String, "start_date": pl.Date, "start_unreadable": pl.Boolean}
        )
    frame = patients.frame
    unreadable = (
        pl.col(failed("start_date")) if failed("start_date") in frame.columns else pl.lit(value=False)
    )
    return (
        frame.select("patient_id", "start_date", unreadable.alias("start_unreadable"))
        .filter(pl.col("patient_id").is_not_null())
        .unique("patient_id", keep="first", maintain_order=True)
    )


def resolve_days(table: TypedTable, starts: pl.DataFrame, findings: Findings) -> None:
    """Fill `day` (and `end_day`) from the dates, and report rows whose time is missing, contradictory or absurd.

    Args:
        table: a timed table; its frame is changed in place.
        starts: as `start_dates` gives them.
        findings: where problems go.
    """
    if not table.has("day") and not table.has("date"):
        findings.add(
            table.file,
            "there is neither a day nor a date column",
            "Add day (0 = start of the course), or date with start_date in patients.",
        )
        return
    table.frame = table.frame.join(starts, on="patient_id", how="left", maintain_order="left")
    pairs = [("day", "date")] + ([("end_day", "end_date")] if table.name == "events" else [])
    for day, date in pairs:
        _resolve(table, day, date, findings)
        if day == "day":
            findings.rows(
                table,
                table.missing("day") & table.missing("date"),
                None,
                "the row has neither a day nor a date",
                "Write one of the two.",
            )
        _keep_within_reach(table, TABLES[table.name].column(day), date, findings)
    table.frame = table.frame.drop("start_date", "start_unreadable")


def resolve_follow_up(patients: TypedTable, findings: Findings) -> None:
    """Fill `death_day` and `last_alive_day` from their dates, and report contradictions and where day 0 is not known.

    Args:
        patients: its frame is changed in place.
        findings: where problems go.
    """
    frame = patients.frame
    unreadable = (
        pl.col(failed("start_date")) if failed("start_date") in frame.columns else pl.lit(value=False)
    )
    patients.frame = frame.with_columns(unreadable.alias("start_unreadable"))
    for day, date, aside in _FOLLOW_UP:
        _resolve(patients, day, date, findings)
        column = TABLES["patients"].column(day)
        far, rule = _out_of_reach(column)
        findings.empty_cells(patients, far, day, _said(patients, day, date), rule, f"{aside} {column.mend}")
    patients.frame = patients.frame.drop("start_unreadable")
    findings.rows(
        patients,
        pl.col("last_alive_day") > pl.col("death_day"),
        _said(patients, "last_alive_day", "last_alive_date"),
        "the patient is known to be alive after the day of death",
        "Correct one of the two.",
    )


def _keep_within_reach(table: TypedTable, column: Column, date: str, findings: Findings) -> None:
    """Set aside what happened years away from the course, which one bad row says; most rows that say so are an error.

    The end of an event is left out alone: the event is still one of the course.
    """
    far, rule = _out_of_reach(column)
    said = _said(table, column.name, date)
    if column.name != "day":
        findings.empty_cells(table, far, column.name, said, rule, f"{_END_ASIDE} {column.mend}")
    elif table.name in _OBSERVATIONS and _mostly(table.frame, far):
        findings.rows(table, far, said, rule, column.mend)
    else:
        findings.set_aside(table, far, said, rule, f"{_ROW_ASIDE} {column.mend}")
    report_doubtful(table, column, findings)


def _out_of_reach(column: Column) -> tuple[pl.Expr, pl.Expr]:
    """Days outside the column's range, and the rule that each breaks."""
    value, low, high = pl.col(column.name), column.low or 0, column.high or 0
    rule = (
        pl.when(value < low)
        .then(pl.lit(f"below {low:g} {column.unit}"))
        .otherwise(pl.lit(f"above {high:g} {column.unit}"))
    )
    return ~value.is_between(low, high), rule


def _mostly(frame: pl.DataFrame, broken: pl.Expr) -> bool:
    """True for more than half of the rows: then it is the whole column, not a row, that is wrong."""
    return 2 * frame.filter(broken).height > frame.height


def _said(table: TypedTable, day: str, date: str) -> str:
    return day if table.has(day) or not table.has(date) else date


def _resolve(table: TypedTable, day: str, date: str, findings: Findings) -> None:
    if not table.has(date):
        return
    without_start = (
        pl.col(date).is_not_null()
        & pl.col(day).is_null()
        & pl.col("start_date").is_null()
        # An unreadable start_date is reported where it stands.
        & ~pl.col("start_unreadable").fill_null(value=False)
        & pl.col("patient_id").is_not_null()
    )
    findings.rows(table, without_start, date, *_NO_START)
    counted = (pl.col(date) - pl.col("start_date")).dt.total_days()
    findings.rows(
        table,
        pl.col(day) != counted,
        day,
        f"{day} and {date} contradict each other",
        pl.format(
            "From start_date it is day {}; keep one of the two. Days counted from 1, as in SDTM, are one too many.",
            counted,
        ),
    )
    table.frame = table.frame.with_columns(pl.coalesce(pl.col(day), counted).alias(day))
    if failed(date) in table.frame.columns and failed(day) not in table.frame.columns:
        table.frame = table.frame.with_columns(
            (pl.col(failed(date)) & pl.col(day).is_null()).alias(failed(day))
        )
