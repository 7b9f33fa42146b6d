"""The trail of changes: append-only, each line with the hash of the one before it.

    hash = SHA-256(previous hash, line as canonical JSON)

Whoever alters, removes or inserts a line has to make every later hash anew, so it shows against any note of the last
hash that was kept elsewhere (`turnpoint audit verify` prints it), and inside the chain at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from turnpoint.app.models import ChainEnd, Change

_FIELDS = ("number", "at", "who", "action", "study", "patient", "row", "table", "before", "after", "why")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written of one change."""

    action: str
    study: str
    patient: str = ""
    row: str = ""
    table: str = ""
    before: Any = None
    after: Any = None


def write(entries: list[Entry], who: str, why: str = "") -> None:
    """Append lines; in the transaction of the change itself, which holds the end of the chain until it is over."""
    if not entries:
        return
    end, _ = ChainEnd.objects.select_for_update().get_or_create(id=1)
    number, last, now, changes = end.number, end.hash, datetime.now(UTC), []
    for entry in entries:
        number += 1
        change = Change(number=number, at=now, who=who, why=why, previous=last, **vars_of(entry))
        last = change.hash = hash_of(change)
        changes.append(change)
    Change.objects.bulk_create(changes, batch_size=500)
    end.number, end.hash = number, last
    end.save()


def vars_of(entry: Entry) -> dict[str, Any]:
    """Its fields by name."""
    return {name: getattr(entry, name) for name in Entry.__slots__}


def hash_of(change: Change) -> str:
    """Of one line and the one before it."""
    line = {name: getattr(change, name) for name in _FIELDS}
    line["at"] = change.at.astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{change.previous}\n{text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the trail found.

    Attributes:
        lines: how many there are.
        last_hash: of the last; note it elsewhere.
        broken: what is wrong, line by line; empty when nothing is.
    """

    lines: int
    last_hash: str
    broken: tuple[str, ...]


def verify() -> Verified:
    """Go through the whole trail."""
    end = ChainEnd.objects.filter(id=1).first() or ChainEnd()
    lines, last, broken = 0, "", []
    for change in Change.objects.order_by("number").iterator(2000):
        lines += 1
        broken += list(_faults(change, lines, last))
        last = change.hash
    if (end.number, end.hash) != (lines, last):
        broken.append(f"the trail ends at line {lines}, and its end was noted at line {end.number}")
    return Verified(lines, last, tuple(broken))


def _faults(change: Change, expected: int, last: str) -> Iterator[str]:
    if change.number != expected:
        yield f"line {expected} is missing or out of place"
    if change.previous != last:
        yield f"line {change.number} does not follow from the one before it"
    if change.hash != hash_of(change):
        yield f"line {change.number} was altered"
