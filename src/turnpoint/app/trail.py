"""The trail of changes: append-only, each line with the hash of the one before it.

    hash = SHA-256(previous hash, line as canonical JSON)

A study's first line holds the hash of its rows as they came, and each later line what stood in a row before and after;
so the rows, too, are what the trail says or it shows. Whoever alters, removes or inserts a line has to make every later
hash anew, so it shows against any note of the last hash that was kept elsewhere (`turnpoint audit verify` prints it),
and inside the chain at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from turnpoint.app.models import ChainEnd, Change, Row, Study

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
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # a backup keeps no more
    number, last, changes = end.number, end.hash, list[Change]()
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


def line_of(row: Row, cells: Any = None) -> bytes:
    """Of a row as it came, 32 bytes."""
    content = [row.id, row.patient_id, row.table, row.position, row.cells if cells is None else cells]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def digest(lines: Iterable[bytes]) -> str:
    """Of a study's rows, in whichever order a database gives them."""
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest()


def digest_of_mapping(mapping: str) -> str | None:
    """Of the mapping that a study was read by; None for none."""
    return hashlib.sha256(mapping.encode()).hexdigest() if mapping else None


def verify(noted: str | None = None) -> Verified:
    """Go through the whole trail, and compare the rows with it.

    Args:
        noted: a last hash that was noted before; it must still be there.
    """
    end = ChainEnd.objects.filter(id=1).first() or ChainEnd()
    lines, last, broken = 0, "", []
    for change in Change.objects.order_by("number").iterator(2000):
        lines += 1
        broken += list(_faults(change, lines, last))
        last = change.hash
    if (end.number, end.hash) != (lines, last):
        broken.append(f"the trail ends at line {lines}, and its end was noted at line {end.number}")
    if noted is not None and not Change.objects.filter(hash=noted).exists():
        broken.append("the hash that was noted is not in the trail: lines were made anew, or are gone")
    return Verified(lines, last, (*broken, *_faults_of_rows()))


def _faults_of_rows() -> Iterator[str]:
    """Rows that are not what the trail says they are."""
    came: dict[str, Any] = {}  # what stood in a row before its first change; None where the trail added it
    last: dict[str, Change] = {}
    for change in Change.objects.exclude(row="").order_by("number").iterator(2000):
        came.setdefault(change.row, change.before)
        last[change.row] = change
    lines: dict[str, list[bytes]] = {}
    for row in Row.objects.select_related("patient").iterator(2000):
        cells = came.get(row.id, row.cells)
        if cells is not None:
            lines.setdefault(row.patient.study_id, []).append(line_of(row, cells))
        said = last.pop(row.id, None)
        if said is not None:
            is_removed = said.after is None
            if (row.cells, row.removed) != (said.before if is_removed else said.after, is_removed):
                yield f"the row that line {said.number} changed is not what it says"
        elif row.removed:
            yield "a row was taken out without a line of the trail"
    for change in last.values():
        yield f"the row that line {change.number} changed is gone"
    kept = dict(Study.objects.values_list("id", "mapping"))
    for added in Change.objects.filter(action="study added").order_by("number"):
        if added.after.get("sha256") != digest(lines.pop(added.study, [])):
            yield f"the rows of the study that line {added.number} added are not those that came"
        if digest_of_mapping(kept.get(added.study, "")) != added.after.get("mapping"):
            yield f"the mapping of the study that line {added.number} added is not the one that it was read by"
    for _ in lines:
        yield "a study has rows, and no line of the trail added it"


def _faults(change: Change, expected: int, last: str) -> Iterator[str]:
    if change.number != expected:
        yield f"line {expected} is missing or out of place"
    if change.previous != last:
        yield f"line {change.number} does not follow from the one before it"
    if change.hash != hash_of(change):
        yield f"line {change.number} was altered"
