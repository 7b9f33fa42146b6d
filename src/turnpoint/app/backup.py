"""The whole store as one file, while it runs; and back, into the same kind of store or the other.

The file is gzipped JSON lines: a head with the version, then every record as Django's serializer writes it, as they
stood at one moment (one transaction that reads). What is computed, and who is signed in, is not in it. It is read back
into an empty store only, in one transaction, and stays only when its trail proves whole.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.serializers.base import DeserializationError
from django.db import DatabaseError, connection, transaction

from turnpoint._version import __version__
from turnpoint.app.models import Access, ChainEnd, Change, Link, Patient, Preparation, Row, Study
from turnpoint.app.trail import verify
from turnpoint.errors import UsageError

_KIND = "turnpoint backup"
_FORM = 1


def backup(out: Path) -> int:
    """Write the store to a file for its owner only; how many records.

    Raises:
        UsageError: the file is there already, or cannot be written.
    """
    try:
        opened = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise UsageError(f"{out.name}: {(error.strerror or 'error').lower()}. Name a new file.") from error
    try:
        with os.fdopen(opened, "wb") as raw, gzip.open(raw, "wt", encoding="utf-8") as file, _one_moment():
            count = _written(file)
    except BaseException:
        out.unlink()  # half a backup is none
        raise
    return count


def restore(file: Path) -> int:
    """Read a backup into an empty store; how many records.

    Raises:
        UsageError: the store is not empty, or the file is no whole backup; nothing is stored then.
    """
    if Study.objects.exists() or Change.objects.exists():
        raise UsageError("restore: the store is not empty. Name a folder that is not there yet.")
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines, transaction.atomic():
            _check_head(lines.readline(), file.name)
            count = 0
            for record in serializers.deserialize("jsonl", lines):
                record.save()
                count += 1
            broken = verify().broken
            if broken:
                raise UsageError(f"{file.name}: its trail is broken ({broken[0]}). Take another backup.")
    except (OSError, EOFError, UnicodeDecodeError, DeserializationError, DatabaseError) as error:
        raise UsageError(
            f"{file.name}: cannot be read ({type(error).__name__}). Take another backup, or a newer Turnpoint."
        ) from error
    return count


def _models() -> Iterator[Any]:
    """What a backup holds, each after what it points to."""
    yield apps.get_model("auth", "Group")
    yield get_user_model()
    if apps.is_installed("allauth.socialaccount"):
        yield apps.get_model("socialaccount", "SocialAccount")
    yield from (Study, Patient, Row, Preparation, Link, Change, ChainEnd, Access)


def _written(file: TextIO) -> int:
    file.write(json.dumps({"kind": _KIND, "form": _FORM, "version": __version__}) + "\n")
    count = 0

    def counted() -> Iterator[Any]:
        nonlocal count
        for model in _models():
            for record in model.objects.order_by("pk").iterator(2000):
                count += 1
                yield record

    serializers.serialize(
        "jsonl", counted(), stream=file, use_natural_foreign_keys=True, use_natural_primary_keys=True
    )
    return count


def _check_head(line: str, name: str) -> None:
    try:
        head = json.loads(line)
    except ValueError:
        head = None
    if not isinstance(head, dict) or head.get("kind") != _KIND:
        raise UsageError(f"{name}: no backup of Turnpoint. Name a file that `turnpoint backup` wrote.")
    if head.get("form") != _FORM:
        mend = "Read it with that version or a newer one."
        raise UsageError(f"{name}: written by Turnpoint {head.get('version')}. {mend}")


@contextmanager
def _one_moment() -> Iterator[None]:
    """Everything read as it stands now, whatever is written meanwhile; nobody who writes has to wait."""
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        # SQLite's own BEGIN, not Django's: that one takes the right to write
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if is_postgresql else "BEGIN")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
