"""The picture of a patient: computed once for what is known of them, and kept; never the truth.

Its key is what it is computed from: the patient's rows as they stand, the day it looks back from, and the program's
version. The key is its ETag, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from threading import Lock

from turnpoint._version import __version__
from turnpoint.app.models import Patient, Shown
from turnpoint.app.store import Refused
from turnpoint.app.studies import Cells, cells_of, checked, rows_of
from turnpoint.pictures.document import VERSION, from_json, to_json
from turnpoint.pictures.patient import PatientPicture
from turnpoint.study.study import Study
from turnpoint.workflows.picture import picture

_MOST_KEPT = 20_000
_computing: dict[str, Lock] = {}
_computing_lock = Lock()


def study_of_patient(patient: Patient) -> Study:
    """The patient's rows as a study.

    Raises:
        Refused: they break a rule, as when nothing has been entered yet.
    """
    return _study(patient, _cells(patient))


def key_of(patient: Patient, at: int | None = None) -> str:
    """What the picture is computed from, as one word."""
    return _key(patient, _cells(patient), at)


def document_of(patient: Patient, at: int | None = None) -> tuple[str, bytes]:
    """Its key, and the picture as JSON (`docs/picture.schema.json`), both of the same rows.

    Raises:
        Refused: the rows break a rule.
        UsageError, StudyError, PriorError: as `workflows.picture`.
    """
    rows = _cells(
        patient
    )  # once: a row that is stored meanwhile must not come under the key of those before it
    key = _key(patient, rows, at)
    kept = _kept(key)
    if kept is not None:
        return key, kept
    with _computing_lock:
        lock = _computing.setdefault(key, Lock())
    try:
        with lock:  # who asks for the same one meanwhile waits for it
            kept = _kept(key)
            if kept is None:
                kept = to_json(picture(_study(patient, rows), patient.patient_id, at=at))
                Shown.objects.update_or_create(key=key, defaults={"document": kept})
                _forget_oldest()
    finally:
        with _computing_lock:
            _computing.pop(key, None)
    return key, kept


def is_computing() -> bool:
    """Whether somebody waits for a picture at this moment."""
    return bool(_computing)


def picture_of(patient: Patient, at: int | None = None) -> PatientPicture:
    """The picture; arguments and errors as `document_of`."""
    return from_json(document_of(patient, at)[1])


def _cells(patient: Patient) -> dict[str, list[Cells]]:
    return cells_of(rows_of([patient]))


def _study(patient: Patient, rows: Mapping[str, Sequence[Cells]]) -> Study:
    found = checked(rows, patient.study.name)
    if found.study is None:
        raise Refused(found.errors)
    return found.study


def _key(patient: Patient, rows: Mapping[str, Sequence[Cells]], at: int | None) -> str:
    content = [__version__, VERSION, patient.study.name, at, rows]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _kept(key: str) -> bytes | None:
    found = Shown.objects.filter(key=key).values_list("document", flat=True).first()
    return None if found is None else bytes(found)


def _forget_oldest() -> None:
    excess = Shown.objects.count() - _MOST_KEPT
    if excess > 0:
        oldest = Shown.objects.order_by("made").values_list("key", flat=True)[: excess + _MOST_KEPT // 10]
        Shown.objects.filter(key__in=list(oldest)).delete()
