"""What the list says of every patient, worked out beside the server, newest changes first."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

from django.db import close_old_connections
from django.db.models import F

from turnpoint.app.models import Patient
from turnpoint.app.pictures import is_computing
from turnpoint.app.studies import study_of
from turnpoint.app.wrong import note
from turnpoint.errors import TurnpointError
from turnpoint.study.validation import NOTHING_MEASURED
from turnpoint.workflows.attention import ATTENTION_SCHEMA, REASONS, attention

_AT_ONCE = 16  # a few seconds and 100 MiB; more at once is no faster
_IDLE_SECONDS = 0.5
_POLITE_SECONDS = 0.1
_GRACE_SECONDS = 1.0
# A patient that cannot be read at all stands between what is new and what is calm.
NOT_READ = "not_read"
URGENCY = {reason: len(REASONS) - place for place, reason in enumerate(REASONS)} | {NOT_READ: 4}

# Of a patient of whom nothing has been measured.
NOTHING_YET: dict[str, Any] = {**dict.fromkeys(ATTENTION_SCHEMA), "reason": "cannot_tell", "visits": 0}


class Assessor(Thread):
    """One thread that keeps the list up to date until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(name="assessor", daemon=True)
        self._stop_now = Event()

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stop_now.set()

    def run(self) -> None:
        """See the class."""
        was_idle = False
        while not self._stop_now.is_set():
            if is_computing():  # somebody waits for a picture, and nobody for this
                self._stop_now.wait(_POLITE_SECONDS)
                continue
            try:
                if was_idle and _due():
                    was_idle = False
                    self._stop_now.wait(_GRACE_SECONDS)  # whoever stored a visit looks at its verdict first
                    continue
                was_idle = not assess_some()
            except Exception as error:  # noqa: BLE001  (the list waits; the server must not end)
                note(error)
                was_idle = True
            if was_idle:
                close_old_connections()
                self._stop_now.wait(_IDLE_SECONDS)


def assess_some() -> int:
    """Work out the lines of some patients that are out of date; how many."""
    due = _due()
    if due:
        lines = _lines(due)
        for patient in due:
            line = lines.get(patient.patient_id, {"reason": NOT_READ})
            Patient.objects.filter(id=patient.id).update(
                assessed_version=patient.version, attention=URGENCY[line["reason"]], line=line
            )
    return len(due)


def _due() -> list[Patient]:
    """Patients of one study whose line is of an earlier version."""
    waiting = Patient.objects.filter(removed=False).exclude(assessed_version=F("version"))
    first = waiting.order_by("-version").values_list("study", flat=True).first()
    if first is None:
        return []
    return list(waiting.filter(study=first).select_related("study").order_by("-version", "id")[:_AT_ONCE])


def _lines(patients: list[Patient]) -> dict[str, dict[str, Any]]:
    """By patient; together where all can be read, else one by one."""
    found = study_of(patients)
    try:
        if found.study is not None:
            return {row["patient_id"]: row for row in attention(found.study).to_dicts()}
    except TurnpointError:
        pass
    if len(patients) == 1:
        is_new = [problem.rule for problem in found.errors] == [NOTHING_MEASURED]
        return {patients[0].patient_id: NOTHING_YET} if is_new else {}
    return {name: line for patient in patients for name, line in _lines([patient]).items()}
