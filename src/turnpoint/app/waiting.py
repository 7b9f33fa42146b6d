"""What was read from files and waits for a yes: in a file of the store's folder, gone after an hour.

A clinic's table waits beside it as it was brought, so that it can be read anew by other answers.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings

from turnpoint.app.intake import Intake, as_json
from turnpoint.app.models import new_id

WAITING: Final = "waiting"  # in a session: the key to it
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
        table: of a clinic's table, what was understood and asked (`intake.Intake.table`).
        file: the name of that table.
    """

    name: str
    tables: dict[str, list[dict[str, str | None]]]
    problems: list[dict[str, Any]]
    unused: list[dict[str, Any]]
    table: dict[str, Any] | None = None
    file: str = ""


def put(found: Intake, name: str, key: str = "", file: tuple[str, BinaryIO] | None = None) -> str:
    """Keep it for an hour; the key to it, which only the session of whoever brought it may hold.

    Args:
        found: what was read.
        name: that the study would get.
        key: of what waits already and is now read anew.
        file: a clinic's table, its name and its content.
    """
    folder = _folder()
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > _SECONDS:
            old.unlink(missing_ok=True)
    before = get(key)
    key = key or new_id()
    if file is not None and found.table is not None:
        _keep(folder / f"{key}.table", file[1])
    content = {
        "name": name,
        "tables": {table: list(rows) for table, rows in found.tables.items()},
        "problems": [as_json(problem) for problem in found.problems],
        "unused": list(found.unused),
        "table": found.table,
        "file": file[0] if file is not None else before.file if before else "",
    }
    place = folder / f"{key}.json"
    place.touch(mode=0o600)
    place.write_text(json.dumps(content), encoding="utf-8")
    return key


def get(key: str) -> Waiting | None:
    """What waits under a key of a session; None when it is gone."""
    place = _folder() / f"{key}.json"
    return Waiting(**json.loads(place.read_bytes())) if key and place.is_file() else None


def table(key: str) -> BinaryIO | None:
    """The clinic's table that waits under a key, as it was brought; None when it is gone."""
    place = _folder() / f"{key}.table"
    return place.open("rb") if key and place.is_file() else None


def drop(key: str) -> None:
    """It waits no more."""
    for ending in ("json", "table"):
        (_folder() / f"{key}.{ending}").unlink(missing_ok=True)


def _keep(place: Path, content: BinaryIO) -> None:
    content.seek(0)
    place.touch(mode=0o600)
    with place.open("wb") as kept:
        shutil.copyfileobj(content, kept)


def _folder() -> Path:
    folder: Path = settings.TURNPOINT.data / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
