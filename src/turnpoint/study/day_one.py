"""Days that begin at 1: SDTM's and ADaM's study days have no day 0; the study folder's day 0 is the start.

The rules:

1. A column `study_day` (or `ADY`), in a table without `day` and `date`, is counted from 1: day 1 is read as day 0, and
   what lies before the start as it is. A 0 in it is an error.
2. `day` is counted from 1 beyond doubt when no row of the study is on day 0, no table has dates, and every patient with
   doses under treatment has the first on day 1; or, in a study without doses, when each of at least three patients has
   a row on day 1. All days are then read so, with a warning.
3. In a study without doses, with fewer patients, a warning asks.

Source: CDISC, SDTM Implementation Guide 3.4, section 4.4.4 (study day: the start is day 1, the day before it -1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from turnpoint.study.findings import Findings, TypedTable
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES, fold

_COUNTED_FROM_1: Final = ("studyday", "ady")
_TIMES: Final = ("day", "end_day", "death_day", "last_alive_day")
# So few patients may all have begun on the day after an empty day 0.
_ENOUGH_PATIENTS: Final = 3


def as_day(raw: RawTable, table: str) -> tuple[RawTable, bool]:
    """The table with its `study_day` as `day`, and whether it had one (rule 1)."""
    names = {fold(name): name for name in raw.frame.columns}
    told = next((names[own] for own in _COUNTED_FROM_1 if own in names), None)
    if told is None or not TABLES[table].timed or names.keys() & {"day", "date"}:
        return raw, False
    return replace(raw, frame=raw.frame.rename({told: "day"})), True


def count_from_0(tables: Mapping[str, TypedTable], told: Collection[str], findings: Findings) -> None:
    """Days of tables that count from 1 as days of the course (rules 1 to 3); the frames change.

    Args:
        tables: by name, their days resolved.
        told: the tables whose days are study days.
        findings: where problems go.
    """
    for name in told:
        findings.rows(
            tables[name],
            pl.col("day") == 0,
            "day",
            "study days have no day 0: the start of treatment is day 1",
            "Correct the day, or name the column day if day 0 is the start.",
        )
        _shift(tables[name])
    others = {name: table for name, table in tables.items() if name not in told}
    timed = [table for table in others.values() if TABLES[table.name].timed]
    days = [table.frame.select("patient_id", "day").drop_nulls() for table in timed]
    if not days or any(table.has("date") or table.has("end_date") for table in timed):
        return
    every = pl.concat(days)
    if every.is_empty() or (every["day"] == 0).any():
        return
    doses = others.get("doses")
    if doses is not None:
        first = _first_days(doses.frame.filter(pl.col("action").ne_missing("stop")))
        sure = asked = not first.is_empty() and (first["day"] == 1).all()
    else:
        first = _first_days(every)
        asked = first.height == every["patient_id"].n_unique() and (first["day"] == 1).all()
        sure = asked and first.height >= _ENOUGH_PATIENTS
    if not asked:
        return
    where = doses or timed[0]
    what = "doses begin" if doses is not None else "patients' rows begin"
    findings.add(
        where.file,
        f"no row of the study is on day 0, and all {what} on day 1: "
        + (
            "days are counted from 1, as in SDTM and ADaM; day 1 is read as day 0"
            if sure
            else "are days counted from 1?"
        ),
        "Name the column study_day where days are counted from 1; where day 0 is the start, nothing to do but to add "
        "its rows."
        if sure
        else "Name the column study_day if they are; nothing to do if day 0 is the start of treatment.",
        column="day",
        severity="warning",
    )
    if sure:
        for table in others.values():
            _shift(table)


def _first_days(rows: pl.DataFrame) -> pl.DataFrame:
    """`patient_id, day`: the first day after the start on which each patient has a row."""
    known = rows.select("patient_id", "day").drop_nulls().filter(pl.col("day") > 0)
    return known.group_by("patient_id").agg(pl.col("day").min())


def _shift(table: TypedTable) -> None:
    """Study days as days of the course; those that come from dates stay."""
    named = [name for name in _TIMES if name in table.frame.columns and table.has(name)]
    table.frame = table.frame.with_columns(
        pl.when(pl.col(name) > 0).then(pl.col(name) - 1).otherwise(name).alias(name) for name in named
    )
