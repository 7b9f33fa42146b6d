"""The store: studies, patients, rows as they were written, and the trail of every change.

A row is one line of one of the study folder's tables, its cells as text, as they would stand in the file: so what is
kept is what was entered, and it is read by the same rules as any file. A row is never deleted, only marked as removed.
Everything that is computed (`Shown`, and what a patient's line of the list says) can be thrown away and made anew.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models

TABLES = ("patients", "lesions", "markers", "doses", "events")


def new_id() -> str:
    """An identifier for addresses: says nothing, and cannot be guessed."""
    return secrets.token_urlsafe(12)


def _id() -> models.CharField[str, str]:
    return models.CharField(primary_key=True, max_length=24, default=new_id, editable=False)


class Study(models.Model):
    """Some patients that came together.

    `problems` are the warnings of their files, `unused` what was read and has no place, each with its count. `mapping`
    is the mapping file by which a clinic's table was read; empty for anything else.
    """

    id = _id()
    name = models.CharField(max_length=200)
    created = models.DateTimeField(auto_now_add=True)
    problems = models.JSONField(default=list)
    unused = models.JSONField(default=list)
    mapping = models.TextField(blank=True, default="")


class Patient(models.Model):
    """One patient of a study; `version` goes up with every change of any of their rows."""

    id = _id()
    study = models.ForeignKey(Study, models.PROTECT, related_name="patients")
    patient_id = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    removed = models.BooleanField(default=False)
    # What the list says, and of which version; computed.
    assessed_version = models.PositiveIntegerField(default=0)
    attention = models.PositiveSmallIntegerField(default=0)
    line = models.JSONField(default=dict)

    class Meta:
        """Unique by the name that the study gives."""

        constraints = (models.UniqueConstraint(fields=("study", "patient_id"), name="one_of_a_name"),)
        indexes = (
            models.Index(fields=("study", "-attention", "patient_id"), name="by_attention"),
            models.Index(fields=("assessed_version",), name="by_assessed_version"),
        )


class Row(models.Model):
    """One line of a table; `cells` are text by column, null for an empty cell."""

    id = _id()
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="rows")
    table = models.CharField(max_length=16)
    position = models.BigIntegerField()
    cells = models.JSONField()
    removed = models.BooleanField(default=False)
    # What a notebook says of its own rows (`notebook._rows`); not stored.
    is_own = True
    is_shown = True

    class Meta:
        """In the order in which they were written."""

        ordering = ("position",)
        indexes = (models.Index(fields=("patient", "table", "position"), name="by_patient"),)


class Change(models.Model):
    """One line of the trail (`trail`): who changed what, when, why, from what to what."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    who = models.CharField(max_length=150)
    action = models.CharField(max_length=32)
    study = models.CharField(max_length=24)
    patient = models.CharField(max_length=24, blank=True)
    row = models.CharField(max_length=24, blank=True)
    table = models.CharField(max_length=16, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    why = models.CharField(max_length=500, blank=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        """In order."""

        ordering = ("number",)
        indexes = (
            models.Index(fields=("patient", "number"), name="changes_of_patient"),
            models.Index(fields=("study", "number"), name="changes_of_study"),
        )


class ChainEnd(models.Model):
    """The last line of the trail; whoever writes the next holds it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")


class Shown(models.Model):
    """A picture as JSON by what it was computed from."""

    key = models.CharField(primary_key=True, max_length=64)
    made = models.DateTimeField(auto_now=True)
    document = models.BinaryField()


class Preparation(models.Model):
    """What a patient brings to their next visit.

    `questions` are those chosen, in order, as they were worded; `opened` is the key of the picture (`pictures.key_of`)
    that they chose to see: newer results are asked about again.
    """

    patient = models.OneToOneField(Patient, models.PROTECT, primary_key=True)
    questions = models.JSONField(default=list)
    matters = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    opened = models.CharField(max_length=64, blank=True)


class Link(models.Model):
    """A patient's own link to their notebook (`links`); one that stands a patient.

    `hash` is that of its secret, which nothing here keeps; `opened` is when it was used first.
    """

    id = _id()
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="links")
    hash = models.CharField(max_length=64)
    until = models.DateTimeField()
    opened = models.DateTimeField(null=True)
    withdrawn = models.DateTimeField(null=True)


class Access(models.Model):
    """What a person may do with a study: `viewer` reads, `editor` changes; an admin may do all with every study."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    study = models.ForeignKey(Study, models.CASCADE)
    role = models.CharField(max_length=8, choices=(("viewer", "viewer"), ("editor", "editor")))

    class Meta:
        """One role a study."""

        constraints = (models.UniqueConstraint(fields=("user", "study"), name="one_role_a_study"),)
