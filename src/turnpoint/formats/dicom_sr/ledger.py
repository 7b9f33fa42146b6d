"""What is not read from reports: counted by reason in one warning each, and kept in a side table."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from turnpoint.formats.unmapped import UNMAPPED_SCHEMA
from turnpoint.study.findings import Findings

if TYPE_CHECKING:
    from turnpoint.formats.dicom_sr.files import Report
    from turnpoint.formats.dicom_sr.tree import Group, Measurement


@dataclass(slots=True)
class Ledger:
    """What was left out so far."""

    _counts: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    _rows: list[tuple[object, ...]] = field(default_factory=list)

    def note(self, report: Report, what: str, mend: str) -> None:
        """Count one more thing to be said."""
        file, number = self._counts.get((what, mend), (report.file, 0))
        self._counts[what, mend] = (file, number + 1)

    def leave_report(self, report: Report, reason: str, mend: str) -> None:
        """Leave a whole report out."""
        self.note(report, f"the report is not read: {reason}", mend)
        self._rows.append(
            (report.file, None, "report", report.patient_id, _iso(report.day), None, None, None, None, reason)
        )

    def leave_group(
        self, report: Report, group: Group, patient_id: str, day: date, reason: str, mend: str
    ) -> None:
        """Leave a measurement group out, each of its measurements kept."""
        self.note(report, f"a measurement group is not read: {reason}", mend)
        for taken in group.measurements:
            self._rows.append(_row(report, group, taken, patient_id, day, reason))
        if not group.measurements:
            name = group.finding.meaning if group.finding else None
            shown = (str(group.finding) if group.finding else None, name or group.identifier, None, None)
            self._rows.append((report.file, group.number, group.name, patient_id, _iso(day), *shown, reason))

    def leave_measurement(
        self, report: Report, group: Group, taken: Measurement, patient_id: str, day: date, reason: str
    ) -> None:
        """Leave one measurement of a group out."""
        self.note(report, f"a measurement is not read: {reason}", "Nothing to do unless it is a diameter.")
        self._rows.append(_row(report, group, taken, patient_id, day, reason))

    def report(self, findings: Findings) -> None:
        """One warning for each reason, at the first file that has it."""
        for (what, mend), (file, number) in self._counts.items():
            rule = f"{number:,} times: {what}" if number > 1 else what
            findings.add(file, rule, mend, severity="warning")

    def unmapped(self) -> pl.DataFrame:
        """The side table, `UNMAPPED_SCHEMA`; `row` is the number of the measurement group."""
        return pl.DataFrame(self._rows, schema=UNMAPPED_SCHEMA, orient="row")


def _row(
    report: Report, group: Group, taken: Measurement, patient_id: str, day: date, reason: str
) -> tuple[object, ...]:
    missing = taken.missing.meaning if taken.missing is not None else None
    return (
        report.file,
        group.number,
        group.name,
        patient_id,
        _iso(day),
        str(taken.concept),
        taken.concept.meaning,
        taken.value or missing,
        taken.unit or None,
        reason,
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
