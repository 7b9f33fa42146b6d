"""Collecting problems: broken rows are found by expressions, and only those become `Problem` objects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from turnpoint.errors import Problem, Severity

# A study that breaks one rule in a million rows needs one mend, not a million messages.
LISTED_PER_RULE: Final = 10_000
_LONGEST_VALUE: Final = 40
_ORDER: Final = ("patients", "lesions", "markers", "doses", "events")


def as_read(column: str) -> str:
    """Name of the frame column that keeps a cell as it stood in the file, for messages."""
    return f"{column} as read"


def failed(column: str) -> str:
    """Name of the frame column that is true where a cell was there but could not be converted."""
    return f"{column} failed"


def kept(column: str) -> str:
    """Name of the frame column that keeps a column the schema does not know, out of the rules' way."""
    return f"{column} kept"


@dataclass(slots=True)
class TypedTable:
    """A table while it is checked: typed columns, the cells as read beside them, `source_row`.

    Attributes:
        name: which of the five tables.
        file: the file's name, for messages.
        frame: typed columns, `<column> as read`, `<column> failed`, `<extra> kept`, `source_row`.
        extras: names of the columns the schema does not know.
    """

    name: str
    file: str
    frame: pl.DataFrame
    extras: tuple[str, ...] = ()

    def has(self, *columns: str) -> bool:
        """True when the file had all these columns."""
        return all(as_read(column) in self.frame.columns for column in columns)

    def part(self, frame: pl.DataFrame) -> TypedTable:
        """The same table with other rows, for a rule that looks at some of them."""
        return TypedTable(self.name, self.file, frame, self.extras)

    def missing(self, column: str) -> pl.Expr:
        """True where the cell is empty; false where it was there but unreadable, which is reported already."""
        empty = pl.col(column).is_null()
        return empty & ~pl.col(failed(column)) if failed(column) in self.frame.columns else empty


class Findings:
    """The problems found so far."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._aside: list[tuple[str, pl.DataFrame]] = []

    def add(
        self,
        file: str,
        rule: str,
        mend: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
        severity: Severity = "error",
    ) -> None:
        """Note one problem of a file, a table or a single row."""
        self._problems.append(Problem(file, row, column, _shown(value), rule, mend, severity))

    def rows(
        self,
        table: TypedTable,
        broken: pl.Expr | pl.Series,
        column: str | None,
        rule: str | pl.Expr,
        mend: str | pl.Expr,
        *,
        severity: Severity = "error",
    ) -> None:
        """Note one problem for each row where `broken` is true (null counts as false).

        Args:
            table: the table; `column`'s value is taken from it as it stood in the file.
            broken: a boolean expression over the table's frame, or a series of its height.
            column: the column to name; None for the whole row.
            rule: the rule broken, worded alike for every row so that rows can be grouped by it; an expression when
                there are several.
            mend: what to do; an expression when it names what differs from row to row.
            severity: `error` or `warning`.
        """
        found = table.frame.filter(broken)
        if found.is_empty():
            return
        # Identifiers never enter a message: the row locates the patient.
        quoted = column is not None and column != "patient_id" and as_read(column) in found.columns
        value = pl.col(as_read(column)).cast(pl.String, strict=False) if quoted and column else pl.lit(None)
        listed = found.head(LISTED_PER_RULE).select(
            pl.col("source_row").alias("row"),
            value.alias("value"),
            (rule if isinstance(rule, pl.Expr) else pl.lit(rule)).alias("rule"),
            (mend if isinstance(mend, pl.Expr) else pl.lit(mend)).alias("mend"),
        )
        for row, shown, rule_text, mend_text in listed.iter_rows():
            self._problems.append(
                Problem(table.file, row, column, _shown(shown), rule_text, mend_text, severity)
            )
        if found.height > LISTED_PER_RULE:
            more = found.height - LISTED_PER_RULE
            self.add(
                table.file,
                f"{more:,} more rows break the rule listed {LISTED_PER_RULE:,} times for this column",
                "Mend those listed and check again.",
                column=column,
                severity=severity,
            )

    def set_aside(
        self, table: TypedTable, broken: pl.Expr, column: str, rule: str | pl.Expr, mend: str
    ) -> None:
        """Take rows out of a table, warn of each, and keep them (`aside`): one bad row is not the whole study.

        Args:
            table: its frame changes in place.
            broken: a boolean expression over the frame; null counts as false.
            column: the column whose value is the reason.
            rule: the rule broken, as for `rows`.
            mend: what to do.
        """
        if self._warn_and_keep(table, broken, column, rule, mend):
            table.frame = table.frame.filter(~broken.fill_null(value=False))

    def empty_cells(
        self, table: TypedTable, broken: pl.Expr, column: str, said: str, rule: str | pl.Expr, mend: str
    ) -> None:
        """Empty a cell of some rows, warn of each, and keep what it said (`aside`); the rest of the row counts.

        Args:
            table: its frame changes in place.
            broken: a boolean expression over the frame; null counts as false.
            column: the column that is emptied.
            said: the column of the file that it is from: itself, or its date.
            rule: the rule broken, as for `rows`.
            mend: what to do.
        """
        if self._warn_and_keep(table, broken, said, rule, mend):
            emptied = pl.when(~broken.fill_null(value=False)).then(pl.col(column))
            table.frame = table.frame.with_columns(emptied.alias(column))

    def _warn_and_keep(
        self, table: TypedTable, broken: pl.Expr, column: str, rule: str | pl.Expr, mend: str
    ) -> bool:
        """Warn of these rows and keep what they said; false when there are none."""
        found = table.frame.filter(broken)
        if found.is_empty():
            return False
        self.rows(table, broken, column, rule, mend, severity="warning")
        nothing = pl.lit(None, dtype=pl.String)

        def told(*names: str) -> pl.Expr:
            known = [pl.col(name).cast(pl.String) for name in names if name in found.columns]
            return pl.coalesce(known) if known else nothing

        kept_rows = found.select(
            pl.lit(table.file).alias("file"),
            pl.col("source_row").cast(pl.Int64).alias("row"),
            pl.format("{} row {}", pl.lit(table.name), "source_row").alias("record"),
            pl.col("patient_id").cast(pl.String),
            told(as_read(column)).alias("date"),
            told("lesion_id", "marker", "drug", "term").alias("name"),
            told("diameter_mm", "value", "dose", "grade").alias("value"),
            told("unit").alias("unit"),
            (rule if isinstance(rule, pl.Expr) else pl.lit(rule)).alias("reason"),
        )
        self._aside.append((table.name, kept_rows))
        return True

    def aside(self) -> tuple[tuple[str, pl.DataFrame], ...]:
        """What was set aside: the table's name, and its rows.

        Their columns are `file, row, record, patient_id, date, name, value, unit, reason`.
        """
        return tuple(self._aside)

    def errors_in(self, file: str) -> tuple[Problem, ...]:
        """The errors of a file."""
        return tuple(p for p in self._problems if p.file == file and p.severity == "error")

    def files_named(self, stem: str) -> list[str]:
        """The files with problems whose name without its ending is this one."""
        return sorted({p.file for p in self._problems if p.file.partition(".")[0].casefold() == stem})

    def demote(self, file: str, rule: str) -> None:
        """Make the errors of a file warnings, when nothing of it is needed.

        Args:
            file: its name.
            rule: is added to each rule: what becomes of the file.
        """
        self._problems = [
            replace(problem, rule=f"{problem.rule}; {rule}", severity="warning")
            if problem.file == file and problem.severity == "error"
            else problem
            for problem in self._problems
        ]

    @property
    def has_errors(self) -> bool:
        """True when something stops the work."""
        return any(problem.severity == "error" for problem in self._problems)

    def has_errors_in(self, file: str) -> bool:
        """True when one of them is in this file."""
        return any(problem.severity == "error" and problem.file == file for problem in self._problems)

    def listed(self, patient_ids: AbstractSet[str] = frozenset()) -> tuple[Problem, ...]:
        """Everything found, in file and row order, without any value that is a patient's identifier.

        Args:
            patient_ids: the identifiers known; cells shifted by a lost separator may hold one anywhere.
        """
        return tuple(
            replace(problem, value=None) if _names_patient(problem.value, patient_ids) else problem
            for problem in sorted(dict.fromkeys(self._problems), key=_order)
        )


def count_by_severity(problems: Sequence[Problem]) -> tuple[int, int]:
    """How many errors and how many warnings."""
    errors = sum(problem.severity == "error" for problem in problems)
    return errors, len(problems) - errors


def _shown(value: str | None) -> str | None:
    """A cell fit for a terminal: one line, no control characters, not too long."""
    if value is None:
        return None
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in value)
    return clean if len(clean) <= _LONGEST_VALUE else clean[: _LONGEST_VALUE - 3] + "..."


def _names_patient(value: str | None, patient_ids: AbstractSet[str]) -> bool:
    # A plain number is also an honest day or diameter; hiding those would hide the message's point.
    return value is not None and value in patient_ids and not re.fullmatch(r"[\d.,+-]*", value)


def _order(problem: Problem) -> tuple[int, str, int, str]:
    stem = problem.file.rsplit(".", 1)[0].casefold()
    place = _ORDER.index(stem) if stem in _ORDER else -1
    return place, problem.file, problem.row or 0, problem.column or ""
