"""What was read from files and waits for a yes: in a file of the store's folder, gone after an hour."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from turnpoint.app.intake import Intake, as_json
from turnpoint.app.models import new_id

_FOLDER: Final = "waiting"
_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A study that was read and is not stored.

    Attributes:
        name: that it would get.
        tables: rows by table.
        problems: its warnings, the fields of `turnpoint check`.
        unused: what has no place in a study.
    """

    name: str
    tables: dict[str, list[dict[str, str | None]]]
    problems: list[dict[str, Any]]
    unused: list[dict[str, Any]]


def put(found: Intake, name: str) -> str:
    """Keep it for an hour; the key to it, which only the session of whoever brought it may hold."""
    folder = _folder()
    for old in folder.glob("*.json"):
        if time.time() - old.stat().st_mtime > _SECONDS:
            old.unlink(missing_ok=True)
    key = new_id()
    content = {
        "name": name,
        "tables": {table: list(rows) for table, rows in found.tables.items()},
        "problems": [as_json(problem) for problem in found.problems],
        "unused": list(found.unused),
    }
    place = folder / f"{key}.json"
    place.touch(mode=0o600)
    place.write_text(json.dumps(content), encoding="utf-8")
    return key


def get(key: str) -> Waiting | None:
    """What waits under a key of a session; None when it is gone."""
    place = _folder() / f"{key}.json"
    return Waiting(**json.loads(place.read_bytes())) if key and place.is_file() else None


def drop(key: str) -> None:
    """It waits no more."""
    (_folder() / f"{key}.json").unlink(missing_ok=True)


def _folder() -> Path:
    folder: Path = settings.TURNPOINT.data / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
