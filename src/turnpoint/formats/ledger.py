"""What a format holds and the study folder has no place for: counted and kept, so that nothing is lost in silence.

Each reason is counted into one problem of the study, at the first record that has it; the records themselves go to a
side table, one row for each. A format's own `ledger` says how a record of it is shown there, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from turnpoint.errors import Problem, Severity
from turnpoint.study.findings import Findings
from turnpoint.study.study import Study

UNMAPPED_SCHEMA: Final = pl.Schema(
    {
        "file": pl.String(),
        "row": pl.Int64(),
        "record": pl.String(),
        "patient_id": pl.String(),
        "date": pl.String(),
        "code": pl.String(),
        "name": pl.String(),
        "value": pl.String(),
        "unit": pl.String(),
        "reason": pl.String(),
    }
)
_ROWS_PER_PART: Final = 50_000


@dataclass(frozen=True, slots=True)
class Converted:
    """What a standard's files hold.

    Attributes:
        study: None when there is an error.
        problems: everything found, errors and warnings.
        unmapped: what the study has no place for, one row a record: `UNMAPPED_SCHEMA`. `record` names it as its
            format does (`Observation/123`), `value` and `date` are as written, `reason` is that of the warning that
            counts it.
    """

    study: Study | None
    problems: tuple[Problem, ...]
    unmapped: pl.DataFrame


def with_aside(
    unmapped: pl.DataFrame,
    findings: Findings,
    located: Callable[[str, pl.DataFrame], pl.DataFrame] = lambda _, rows: rows,
) -> pl.DataFrame:
    """The side table with the rows that the study's own checks set aside.

    Args:
        unmapped: `UNMAPPED_SCHEMA`.
        findings: after the checks.
        located: of a table's name and its rows, the rows as they stand in the format's files.
    """
    parts = [located(table, rows) for table, rows in findings.aside()]
    return pl.concat([unmapped, *parts], how="diagonal") if parts else unmapped


@dataclass(slots=True)
class _Reason:
    """How often, and the first of them."""

    number: int
    file: str
    row: int | None
    column: str | None
    value: str | None
    severity: Severity


class Ledger:
    """What was left aside so far."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, str, str | None], _Reason] = {}
        self._rows: list[tuple[object, ...]] = []
        self._parts: list[pl.DataFrame] = []

    def count(
        self,
        file: str,
        what: str,
        mend: str,
        *,
        row: int | None = None,
        kind: str | None = None,
        element: str | None = None,
        value: str | None = None,
        severity: Severity = "warning",
    ) -> None:
        """Count one more record of which the same is to be said.

        Args:
            file: where it stands.
            what: is to be said.
            mend: what to do.
            row: where in the file.
            kind: of record; not counted apart.
            element: of the record that is the reason.
            value: its value, if that helps.
            severity: `error` stops the work.
        """
        reason = self._reasons.get((what, mend, element))
        if reason is None:
            column = f"{kind}.{element}" if kind and element else element
            self._reasons[what, mend, element] = _Reason(1, file, row, column, value, severity)
        else:
            reason.number += 1

    def keep(self, *row: object) -> None:
        """Keep one record, its values in the order of `UNMAPPED_SCHEMA`."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS_PER_PART:
            self._close_part()

    def keep_rows(self, rows: pl.DataFrame) -> None:
        """Keep records laid out as `UNMAPPED_SCHEMA`; columns may be missing."""
        self._close_part()
        self._parts.append(rows)

    def report(self, findings: Findings) -> None:
        """One problem for each reason."""
        for (what, mend, _), reason in self._reasons.items():
            findings.add(
                reason.file,
                self.said(what, reason.number, reason.severity),
                mend,
                row=reason.row,
                column=reason.column,
                value=reason.value,
                severity=reason.severity,
            )

    def said(self, what: str, number: int, severity: Severity) -> str:  # noqa: ARG002  (a format may need it)
        """A reason and how often it was met."""
        return f"{number:,} times: {what}" if number > 1 else what

    def unmapped(self) -> pl.DataFrame:
        """The side table, `UNMAPPED_SCHEMA`, in the order in which the records were kept."""
        self._close_part()
        return pl.concat([pl.DataFrame(schema=UNMAPPED_SCHEMA), *self._parts], how="diagonal")

    def _close_part(self) -> None:
        if self._rows:
            self._parts.append(pl.DataFrame(self._rows, schema=UNMAPPED_SCHEMA, orient="row"))
            self._rows.clear()
