"""A study folder of Parquet tables read some patients at a time, for one that memory does not hold.

That gives what reading it whole gives where no rule looks at all patients at once: the days are those of a column `day`
of whole numbers and do not seem to count from 1 (`study.day_one`), sizes are not in cm, and every row names its
patient. `in_pieces` says None of any other study: it is read whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import Problem
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.reading import PARQUET_ENDINGS
from turnpoint.study.schema import TABLES, fold
from turnpoint.study.study import Study
from turnpoint.study.validation import build

_ROW: Final = "source_row"
_OTHER_TIMES: Final = frozenset({"date", "enddate", "studyday", "ady", "diametercm"})


@dataclass(frozen=True, slots=True)
class Pieces:
    """A study that can be read in pieces.

    Attributes:
        name: of the study.
        tables: by name, not yet read; with `source_row`.
        files: the tables' files, by name.
        patient_ids: of all tables, in order.
        rows: of all tables.
        patient: the identifier without outer spaces; as it stands where none has any, for then a file that is sorted
            by patient is not read from end to end for each piece.
    """

    name: str
    tables: dict[str, pl.LazyFrame]
    files: dict[str, str]
    patient_ids: pl.Series
    rows: int
    patient: pl.Expr

    def read(self, patients: int) -> Iterator[tuple[Study | None, tuple[Problem, ...]]]:
        """The study of so many patients after the other, each as `reading.inspect` gives it."""
        for first in range(0, len(self.patient_ids), patients):
            own = self.patient_ids.slice(first, patients)
            here, raw = self.patient.is_between(pl.lit(own[0]), pl.lit(own[-1])), {}
            for name, table in self.tables.items():
                frame = table.filter(here).collect(engine="streaming")
                if frame.height:
                    row = frame.drop_in_place(_ROW)
                    raw[name] = RawTable(self.files[name], frame, row, None)
            yield build(raw, self.name, Findings())


def in_pieces(path: str | Path) -> Pieces | None:
    """The study as `Pieces`; None where it must be read whole, be it only to say what is wrong with it."""
    place = Path(path)
    files = [file for file in place.iterdir() if file.is_file()] if place.is_dir() else []
    named = {file.stem.casefold(): file for file in files if file.suffix.lower() in PARQUET_ENDINGS}
    if not named or len(named) < len(files) or not set(named) <= set(TABLES):
        return None
    try:
        tables = {name: pl.scan_parquet(named[name]) for name in TABLES if name in named}
        if not all(_is_plain(name, table) for name, table in tables.items()):
            return None
        if _may_count_from_1(tables):
            return None
        written = pl.concat(table.select("patient_id") for table in tables.values()).unique().collect()
        rows = sum(table.select(pl.len()).collect().item() for table in tables.values())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        return None
    patient_ids = written.select(_patient().unique().sort()).to_series()
    if patient_ids.null_count() or "" in patient_ids:
        return None
    return Pieces(
        place.resolve().name,
        {name: table.with_row_index(_ROW, 2).cast({_ROW: pl.Int64}) for name, table in tables.items()},
        {name: named[name].name for name in tables},
        patient_ids,
        rows,
        pl.col("patient_id") if len(patient_ids) == written.height else _patient(),
    )


def _patient() -> pl.Expr:
    return pl.col("patient_id").str.strip_chars()


def _is_plain(name: str, table: pl.LazyFrame) -> bool:
    """The table has its patients and days as the study folder names them, and no other time or unit."""
    schema = table.collect_schema()
    if schema.get("patient_id") != pl.String or _OTHER_TIMES & {fold(column) for column in schema}:
        return False
    return not TABLES[name].timed or (schema.get("day") or pl.Null()).is_integer()


def _may_count_from_1(tables: Mapping[str, pl.LazyFrame]) -> bool:
    """What rules 2 and 3 of `study.day_one` ask for, of the whole study."""
    days = pl.concat(
        table.select(_patient(), pl.col("day").cast(pl.Int64))
        for name, table in tables.items()
        if TABLES[name].timed
    )
    if days.select((pl.col("day") == 0).any()).collect(engine="streaming").item():
        return False
    begun = days
    if "doses" in tables:
        doses = tables["doses"]
        action = pl.col("action") if "action" in doses.collect_schema() else pl.lit(None, pl.String)
        is_stop = action.cast(pl.String).str.strip_chars().str.to_lowercase() == "stop"
        begun = doses.filter(is_stop.ne_missing(other=True)).select(_patient(), "day")
    first = begun.filter(pl.col("day") > 0).group_by("patient_id").agg(pl.col("day").min())
    found: bool = first.select((pl.col("day") == 1).all()).collect(engine="streaming").item()
    return found
