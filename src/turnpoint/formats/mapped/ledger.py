"""What a mapping leaves out of a wide table; a line that several blocks leave for one reason counts once."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from turnpoint.errors import counted
from turnpoint.formats import ledger
from turnpoint.formats.mapped.cells import ROW, Sheet
from turnpoint.formats.mapped.declaration import DROP, Block, Declaration
from turnpoint.formats.mapped.silent import silent_cells
from turnpoint.study.findings import Findings

_NAMED_COLUMNS = 12
_NEW_LESION = (
    r"(?i)\bnew[^.;]{0,20}(lesion|met|nodul)|neue?[rs]?[^.;]{0,20}(läsion|laesion|herd|metast|filia)"
    r"|新[^。；]{0,6}(病灶|转移)"
)
_NO_NEW_LESION = r"(?i)(\bno|without|keine?r?|ohne|无|未见)[^.;。；]{0,12}(new|neu|新)"


class Ledger(ledger.Ledger):
    """What was left out so far.

    Args:
        sheet: the wide table.
        mapping: its mapping.
    """

    def __init__(self, sheet: Sheet, mapping: Declaration) -> None:
        super().__init__()
        self._sheet = sheet
        self._mapping = mapping
        self._lines: dict[str, set[int]] = {}

    def leave_rows(self, block: Block, rows: pl.DataFrame, reason: str) -> None:
        """Leave out rows of a block, as its table has them."""
        if rows.is_empty():
            return
        columns = [column for one in block.fields.values() for column in one.columns]
        wanted = self._sheet.frame.join(rows.select(ROW), on=ROW, how="semi")
        self.leave_cells(wanted, list(dict.fromkeys(columns)), reason, warn=True)

    def leave_cells(
        self, rows: pl.DataFrame, columns: Sequence[str], reason: str, *, warn: bool = False
    ) -> None:
        """Leave out the cells of some columns in some rows of the wide table."""
        if rows.is_empty() or not columns:
            return
        if warn:
            self._lines.setdefault(reason, set()).update(rows[ROW].to_list())
        self.keep_rows(self._cells(rows, columns, reason))

    def report(self, findings: Findings) -> None:
        """One warning for each reason, one that names what the mapping leaves out, one of the other sheets."""
        for reason, rows in self._lines.items():
            findings.add(
                self._sheet.file,
                f"{len(rows):,} {'row is' if len(rows) == 1 else 'rows are'} not read: {reason}",
                "Mend the rows, or leave them out on purpose.",
                row=min(rows),
                severity="warning",
            )
        self._report_silent(findings)
        frame, ignored = self._sheet.frame, self._mapping.ignored
        left = [name for name in self._strangers() if frame[name].null_count() < frame.height]
        strangers = [name for name in left if name not in ignored]
        self._name(
            findings,
            strangers,
            "the mapping names nothing for",
            'Map them, or write them under [unmapped] as "ignore".',
        )
        unread = [name for name in left if name in ignored]
        self._name(
            findings,
            unread,
            "not read, as the mapping says:",
            "Nothing to do unless one of them belongs to it.",
        )
        for name in left:
            self._report_new_lesions(findings, name)
        others = self._sheet.other_sheets
        if others:
            number = (
                f"{counted(len(others), 'other sheet')} of the workbook {'is' if len(others) == 1 else 'are'}"
            )
            findings.add(
                self._sheet.file,
                f"{number} not read: {_listed(others)}",
                "One mapping reads one sheet: turnpoint map guess FILE --sheet NAME.",
                severity="warning",
            )
        if self._mapping.day_zero_is_first_date and "start_date" not in self._mapping.patients:
            findings.add(
                self._sheet.file,
                "no column says when treatment began; day 0 is each patient's first date",
                "Name the column of the start of treatment as start_date under [patients] if there is one.",
                severity="warning",
            )

    def _report_new_lesions(self, findings: Findings, column: str) -> None:
        """Say where a text that is not read speaks of a new lesion, on which progression depends."""
        cell = pl.col(column)
        told = self._sheet.frame.filter(cell.str.contains(_NEW_LESION) & ~cell.str.contains(_NO_NEW_LESION))
        if told.height and self._mapping.ignored.get(column) != DROP:
            findings.add(
                self._sheet.file,
                f"{counted(told.height, 'cell')} of a column that is not read may speak of a new lesion",
                "Write it in a column of its own, new_lesion with yes or no, if there was one: it is progression.",
                row=told[ROW][0],
                column=column,
                severity="warning",
            )

    def _name(self, findings: Findings, columns: Sequence[str], rule: str, mend: str) -> None:
        if columns:
            said = f"{rule} {counted(len(columns), 'column')}: {_listed(columns)}"
            findings.add(self._sheet.file, said, mend, severity="warning")

    def unmapped(self) -> pl.DataFrame:
        """The side table, `UNMAPPED_SCHEMA`: one row a cell."""
        frame = self._sheet.frame
        strangers = [name for name in self._strangers() if self._mapping.ignored.get(name) != DROP]
        if strangers:
            self.leave_cells(frame, strangers, "the mapping does not read the column")
        for name, some, why in self._silent():
            self.leave_cells(some, [name], why)
        return super().unmapped().sort("file", "row", maintain_order=True)

    def _silent(self) -> list[tuple[str, pl.DataFrame, str]]:
        """By column the rows with cells that the mapping takes as saying nothing, and why."""
        found = silent_cells(self._mapping, self._sheet)
        rows = ((name, self._sheet.frame.filter(silent), why) for name, silent, why in found)
        return [(name, some, why) for name, some, why in rows if some.height]

    def _report_silent(self, findings: Findings) -> None:
        for name, some, why in self._silent():
            every = some.height == self._sheet.frame[name].drop_nulls().len()
            findings.add(
                self._sheet.file,
                f"{counted(some.height, 'cell')} not read: {why}{'; the column has no others' if every else ''}",
                "Nothing to do if the mapping is right.",
                row=some[ROW][0],
                column=name,
                value=some[name][0],
                severity="warning",
            )

    def _strangers(self) -> list[str]:
        named = self._mapping.columns()
        return [name for name in self._sheet.columns if name not in named]

    def _cells(self, rows: pl.DataFrame, columns: Sequence[str], reason: str) -> pl.DataFrame:
        patient, date = self._mapping.patient.column, self._mapping.times.get("date")
        when = None if date is None else date.column
        marks = rows.select(
            pl.col(ROW),
            pl.col(patient).alias("\x00patient") if patient else pl.lit(None, pl.String).alias("\x00patient"),
            pl.col(when).alias("\x00date") if when else pl.lit(None, pl.String).alias("\x00date"),
            *(pl.col(column) for column in columns),
        )
        long = marks.unpivot(
            list(columns), index=[ROW, "\x00patient", "\x00date"], variable_name="name", value_name="value"
        ).filter(pl.col("value").is_not_null())
        return long.select(
            pl.lit(self._sheet.file).alias("file"),
            pl.col(ROW).cast(pl.Int64).alias("row"),
            pl.format("row {}", pl.col(ROW)).alias("record"),
            pl.col("\x00patient").cast(pl.String).alias("patient_id"),
            pl.col("\x00date").cast(pl.String).alias("date"),
            pl.col("name").cast(pl.String),
            pl.col("value").cast(pl.String),
            pl.lit(reason).alias("reason"),
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED_COLUMNS} more" if len(names) > _NAMED_COLUMNS else ""
    return ", ".join(names[:_NAMED_COLUMNS]) + more
