"""A patient's own link: whoever holds it opens the notebook of one patient, and nothing else of the desk.

It is made at the patient's page and shown once; the store keeps the hash of its secret. It stands for 30 days, until
it is withdrawn or until another is made. A session that came in by it carries the link's identifier, and every request
asks anew whether the link still stands.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import QuerySet

from turnpoint.app import trail
from turnpoint.app.models import Change, Link, Patient

PATIENT = "the patient"  # who, in the trail
PLACE = "/mine"  # where a link leads
ASKED_BY = "link"  # its name in the address
SESSION = "link"  # and in the session
DAYS = 30


def make(patient: Patient, who: str) -> tuple[Link, str]:
    """A new link, and what stands in its address; one that stood is withdrawn."""
    secret = secrets.token_urlsafe(32)
    until = _now() + timedelta(days=DAYS)
    with transaction.atomic():
        Patient.objects.select_for_update().get(id=patient.id)
        withdraw(patient, who)
        link = Link.objects.create(patient=patient, hash=_hash(secret), until=until)
        _note("link made", patient, who, {"end_date": until.date().isoformat()})
    return link, f"{link.id}.{secret}"


def withdraw(patient: Patient, who: str) -> None:
    """End the patient's link and every session that came in by it."""
    with transaction.atomic():
        if _standing().filter(patient=patient).update(withdrawn=_now()):
            _note("link withdrawn", patient, who)


def link_of(patient: Patient) -> Link | None:
    """The one that stands."""
    return _standing().filter(patient=patient).first()


def standing(link_id: str) -> Link | None:
    """The link of a session, if it still stands."""
    return _standing().filter(id=link_id).first()


def named(given: str) -> Link | None:
    """The link whose address holds this; None when it has a fault, was withdrawn or ran out."""
    link_id, _, secret = given.partition(".")
    found = standing(link_id) if len(given) < 200 and "\0" not in given else None
    is_it = secrets.compare_digest(_hash(secret), found.hash if found else _hash(""))
    return found if is_it else None


def opened(link: Link) -> None:
    """Note that it was used for the first time."""
    with transaction.atomic():
        if Link.objects.filter(id=link.id, opened=None).update(opened=_now()):
            _note("link first opened", link.patient, PATIENT)


def the_patient() -> AbstractUser:
    """Whoever came in by a link: nobody of the store, who sees no study and may do nothing outside a notebook."""
    return get_user_model()(username=PATIENT)


def by_patient(patient: Patient) -> dict[str, bool]:
    """The rows that the patient entered by a link, and whether each still stands as they wrote it last."""
    entered: dict[str, bool] = {}
    changes = Change.objects.filter(patient=patient.id).exclude(row="").order_by("number")
    for row, who, action in changes.values_list("row", "who", "action"):
        if row in entered or (who, action) == (PATIENT, "row added"):
            entered[row] = who == PATIENT
    return entered


def _standing() -> QuerySet[Link]:
    return Link.objects.filter(withdrawn=None, until__gt=_now(), patient__removed=False).select_related(
        "patient__study"
    )


def _note(action: str, patient: Patient, who: str, after: dict[str, str] | None = None) -> None:
    trail.write([trail.Entry(action, patient.study_id, patient.id, after=after)], who)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)
