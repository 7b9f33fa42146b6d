"""What is not read from reports, and what the side table shows of it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from turnpoint.formats import ledger

if TYPE_CHECKING:
    from turnpoint.formats.dicom_sr.files import Report
    from turnpoint.formats.dicom_sr.tree import Group, Measurement


class Ledger(ledger.Ledger):
    """What was left out so far; `row` of the side table is the number of the measurement group."""

    def note(self, report: Report, what: str, mend: str) -> None:
        """Count one more thing to be said."""
        self.count(report.file, what, mend)

    def leave_report(self, report: Report, reason: str, mend: str) -> None:
        """Leave a whole report out."""
        self.note(report, f"the report is not read: {reason}", mend)
        nothing = (None, None, None, None)
        self.keep(report.file, None, "report", report.patient_id, _iso(report.day), *nothing, reason)

    def leave_group(
        self, report: Report, group: Group, patient_id: str, day: date, reason: str, mend: str
    ) -> None:
        """Leave a measurement group out, each of its measurements kept."""
        self.note(report, f"a measurement group is not read: {reason}", mend)
        for taken in group.measurements:
            self._keep(report, group, patient_id, day, *_shown(taken), reason)
        if not group.measurements:
            name = group.finding.meaning if group.finding else None
            code = str(group.finding) if group.finding else None
            self._keep(report, group, patient_id, day, code, name or group.identifier, None, None, reason)

    def leave_measurement(
        self, report: Report, group: Group, taken: Measurement, patient_id: str, day: date, reason: str
    ) -> None:
        """Leave one measurement of a group out."""
        self.note(report, f"a measurement is not read: {reason}", "Nothing to do unless it is a diameter.")
        self._keep(report, group, patient_id, day, *_shown(taken), reason)

    def _keep(self, report: Report, group: Group, patient_id: str, day: date, *shown: str | None) -> None:
        self.keep(report.file, group.number, group.name, patient_id, _iso(day), *shown)


def _shown(taken: Measurement) -> tuple[str | None, ...]:
    missing = taken.missing.meaning if taken.missing is not None else None
    return str(taken.concept), taken.concept.meaning, taken.value or missing, taken.unit or None


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
