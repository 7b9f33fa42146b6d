"""Plain tables of a format that is told by its columns: what they hold, and what of them is left aside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import Problem, counted
from turnpoint.formats.ledger import UNMAPPED_SCHEMA
from turnpoint.study.delimited import cells, fields
from turnpoint.study.findings import Findings
from turnpoint.study.naming import unique_names
from turnpoint.study.reading import TEXT_ENDINGS
from turnpoint.study.text_files import decode

LINE: Final = "line"
EARLIER: Final = "an earlier result of a marker on a day that has several"
RESULT: Final = r"^\s*[<>]?=?\s*\d*\.?\d+([eE][+-]?\d+)?\s*$"  # a number, or a limit
_MISSING: Final = ("", "na", "n/a", "null", "none", ".")
_HEAD_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table as it stands.

    Attributes:
        file: its name.
        frame: the columns under their names in upper case, all text, missing cells null; and `LINE`.
    """

    file: str
    frame: pl.DataFrame

    def text(self, *names: str) -> pl.Expr:
        """The first of some columns that a row has; null when the table has none of them."""
        known = [pl.col(name) for name in names if name in self.frame.columns]
        return pl.coalesce(known) if known else pl.lit(None, dtype=pl.String)


def header_of(path: Path) -> frozenset[str]:
    """The column names in a text table's first line that is no comment, in upper case; none for anything else."""
    if path.suffix.lower() not in TEXT_ENDINGS or not path.is_file():
        return frozenset()
    try:
        with path.open("rb") as file:
            text = decode(file.read(_HEAD_BYTES), "", Findings())
    except OSError:
        return frozenset()
    lines = [line for line in (text or "").split("\n") if line.strip() and not line.startswith("#")]
    if not lines:
        return frozenset()
    return frozenset(name.strip().upper() for name in fields(lines[0], "\t,;|"))


def read_text_table(path: Path, findings: Findings) -> TextTable | None:
    """The table in a file, lines that begin with # left out; None when there is none (reported)."""
    try:
        text = decode(path.read_bytes(), path.name, findings)
    except OSError:
        findings.add(path.name, "cannot be opened", "Check your rights to the file.")
        return None
    if text is None:
        return None
    plain = "\n".join("" if line.startswith("#") else line for line in text.split("\n"))
    found = cells(plain, path.name, findings)
    if found is None:
        return None
    named = unique_names([name.upper() for name in found.header], found.frame, path.name, findings)
    stripped = pl.all().str.strip_chars()
    frame = named.select(pl.when(~stripped.str.to_lowercase().is_in(_MISSING)).then(stripped).name.keep())
    return TextTable(path.name, frame.with_columns(found.source_row.cast(pl.Int64).alias(LINE)))


def joined(tables: Sequence[TextTable]) -> TextTable | None:
    """Several files of one kind as one table, with `FILE` and `FILE_LINE` of each row; LINE counts on through them."""
    if not tables:
        return None
    frames = [
        table.frame.with_columns(pl.lit(table.file).alias("FILE"), pl.col(LINE).alias("FILE_LINE"))
        for table in tables
    ]
    whole = pl.concat(frames, how="diagonal")
    if len(tables) > 1:
        whole = whole.with_columns(pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias(LINE))
    return TextTable(" + ".join(table.file for table in tables), whole)


def located(problem: Problem, tables: Iterable[TextTable | None]) -> Problem:
    """A problem of a joined table as one of the file and the line that its row is from."""
    table = next((one for one in tables if one is not None and one.file == problem.file), None)
    if table is None or problem.row is None:
        return problem
    own = table.frame.filter(pl.col(LINE) == problem.row).select("FILE", "FILE_LINE")
    return problem if own.is_empty() else replace(problem, file=own.item(0, 0), row=own.item(0, 1))


class Aside:
    """What is left aside, one row a record; the reasons that need a warning are told when they are met.

    Args:
        findings: where the warnings go.
        shown: for columns of the side table the columns of the records that stand for them, the first that is there.
    """

    def __init__(self, findings: Findings, shown: Mapping[str, tuple[str, ...]]) -> None:
        self._findings = findings
        self._shown = shown
        self._parts = [pl.DataFrame(schema=UNMAPPED_SCHEMA)]

    def leave(self, table: TextTable, rows: pl.DataFrame, reason: str, mend: str | None = None) -> None:
        """Keep rows of a table with the reason; with a warning that counts them when there is something to do."""
        if rows.is_empty():
            return
        file, line = table.file, rows[LINE][0]
        if "FILE" in rows.columns:
            file, line = rows["FILE"][0], rows["FILE_LINE"][0]

        def told(names: tuple[str, ...]) -> pl.Expr:
            known = [pl.col(name).cast(pl.String) for name in names if name in rows.columns]
            return pl.coalesce(known) if known else pl.lit(None, dtype=pl.String)

        self._parts.append(
            rows.select(
                (pl.col("FILE") if "FILE" in rows.columns else pl.lit(file)).alias("file"),
                pl.col("FILE_LINE" if "FILE_LINE" in rows.columns else LINE).alias("row"),
                pl.format("row {}", pl.col("FILE_LINE" if "FILE_LINE" in rows.columns else LINE)).alias(
                    "record"
                ),
                *(told(names).alias(column) for column, names in self._shown.items()),
                pl.lit(reason).alias("reason"),
            )
        )
        if mend is not None:
            self._findings.add(
                file,
                f"{counted(rows.height, 'record')}: {reason}",
                mend,
                row=line,
                severity="warning",
            )

    def name_files(self, files: Collection[str], reason: str) -> None:
        """Name files that are not read, in one warning and a row each."""
        if not files:
            return
        names = sorted(files)
        self._parts.append(pl.DataFrame({"file": names, "reason": [reason] * len(names)}))
        more = ", ..." if len(names) > 12 else ""
        self._findings.add(
            names[0], f"{reason}: {', '.join(names[:12])}{more}", "Nothing to do.", severity="warning"
        )

    def unmapped(self) -> pl.DataFrame:
        """The side table so far, `UNMAPPED_SCHEMA`."""
        return pl.concat(self._parts, how="diagonal")


def last_of_each_day(rows: pl.DataFrame, order: str) -> pl.DataFrame:
    """Of several results of a marker on one day the last: `patient_id, marker, day`."""
    return (
        rows.sort("patient_id", "marker", "day", order, LINE, nulls_last=False, maintain_order=True)
        .unique(["patient_id", "marker", "day"], keep="last", maintain_order=True)
        .sort(LINE, maintain_order=True)
    )
