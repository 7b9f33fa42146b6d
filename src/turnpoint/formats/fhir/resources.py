"""Resources from FHIR files: Bundles of every type, single resources and bulk exports (NDJSON), plain or gzip.

A file is recognised by what it holds. NDJSON is read line by line, so that an export may be larger than memory; a
Bundle is one JSON document and is read whole. What is damaged, cut off, too deep or too large gets one error.

Source: HL7 FHIR R4 (4.0.1), "Bundle" and "References"; HL7 FHIR Bulk Data Access 2.0.0, "File format".
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, Self

from turnpoint.formats.fhir.codes import BUNDLE_TYPES
from turnpoint.formats.fhir.elements import Json, child, children, text
from turnpoint.formats.fhir.ledger import Ledger, Place
from turnpoint.study.findings import Findings

HEAD_BYTES: Final = 64 * 1024
LONGEST_LINE_BYTES: Final = 32 * 2**20
LARGEST_DOCUMENT_BYTES: Final = 128 * 2**20
# A document with more members than this would fill the memory; a clinical one has a member in about 30 bytes.
MOST_MEMBERS: Final = 20_000_000
# Bulk exports shrink to about a twentieth; a file that grows by more than this is made to fill the memory.
LARGEST_GROWTH: Final = 200
LEAST_GROWTH_LIMIT_BYTES: Final = 256 * 2**20
_MOST_DAMAGED_LINES: Final = 100
_MOST_BLANK_LINES: Final = 1_000_000
_DEEPEST_BUNDLE: Final = 4
_GZIP: Final = b"\x1f\x8b"
_RESOURCE: Final = re.compile(rb'"resourceType"\s{0,20}:\s{0,20}"[A-Z][A-Za-z]{2,40}"')
_EXPORT_AGAIN: Final = "Export or copy it again."


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource and where it stands.

    Attributes:
        place: file, row, type and id; its subject is not settled yet.
        body: the JSON.
        url: the Bundle's fullUrl of it.
        contained: the resources that it contains, or that are contained where it is, by id.
    """

    place: Place
    body: Json
    url: str | None = None
    contained: Json = field(default_factory=dict)


def is_fhir(path: Path) -> bool:
    """True when a file holds FHIR resources as JSON, by its first bytes; False when it cannot be opened."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return False
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") and bool(_RESOURCE.search(head))


def fhir_files(path: Path) -> list[Path]:
    """The FHIR files that a path is or holds."""
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in found if file.is_file() and is_fhir(file)]


def resources(files: list[Path], ledger: Ledger, findings: Findings) -> Iterator[Resource]:
    """Every resource of the files, those within Bundles and other resources included.

    Args:
        files: as `fhir_files` finds them.
        ledger: where parts of Bundles that are no resources are counted.
        findings: where damaged files are reported.
    """
    for file in files:
        try:
            yield from _of_file(file, ledger, findings)
        except _DamagedError as error:
            findings.add(file.name, error.rule, error.mend, row=error.row)
        except (OSError, EOFError, zlib.error):
            what = "the file cannot be read, or is cut off"
            findings.add(file.name, what, _EXPORT_AGAIN)


class _DamagedError(Exception):
    """A file that cannot be read further."""

    def __init__(self, rule: str, mend: str = _EXPORT_AGAIN, row: int | None = None) -> None:
        super().__init__(rule)
        self.rule, self.mend, self.row = rule, mend, row


class _Bounded:
    """A file that is read by lines, and stops a compressed one that grows beyond all measure."""

    def __init__(self, path: Path) -> None:
        self._limit: int | None = None
        self._read = 0
        with ExitStack() as opened:
            packed = opened.enter_context(path.open("rb"))
            self._file: BinaryIO = packed
            if packed.read(2) == _GZIP:
                self._limit = max(LEAST_GROWTH_LIMIT_BYTES, LARGEST_GROWTH * path.stat().st_size)
                unpacked = opened.enter_context(gzip.GzipFile(fileobj=packed))
                self._file = opened.enter_context(io.BufferedReader(unpacked, buffer_size=2**20))
            packed.seek(0)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def line(self, longest: int) -> bytes:
        """The next line, at most so many bytes of it and one."""
        return self._counted(self._file.readline(longest + 1))

    def rest(self, most: int) -> bytes:
        """All that follows, at most so many bytes and one."""
        return self._counted(self._file.read(most + 1))

    def _counted(self, data: bytes) -> bytes:
        self._read += len(data)
        if self._limit is not None and self._read > self._limit:
            raise _DamagedError(
                f"the compressed file grows to more than {LARGEST_GROWTH} times its size",
                "Decompress it if it is what it should be.",
            )
        return data


def _of_file(path: Path, ledger: Ledger, findings: Findings) -> Iterator[Resource]:
    with _Bounded(path) as bounded:
        lines = _lines(bounded)
        row, start = next(lines, (0, b""))
        if not start:
            raise _DamagedError("the file is empty")
        first = _first_line(start)
        if first is None:
            data = start + bounded.rest(LARGEST_DOCUMENT_BYTES - len(start))
            yield from _of_document(path.name, data, ledger)
            return
        yield from _unfolded(first, path.name, row, ledger)
        damaged = 0
        for row, line in lines:
            if len(line) > LONGEST_LINE_BYTES:
                raise _DamagedError(f"the line is longer than {LONGEST_LINE_BYTES >> 20} MiB", row=row)
            try:
                body = _parsed(line)
            except _DamagedError as error:
                damaged += 1
                findings.add(path.name, error.rule, error.mend, row=row)
                if damaged >= _MOST_DAMAGED_LINES:
                    raise _DamagedError(
                        f"more than {_MOST_DAMAGED_LINES} lines are damaged; the rest is not read", row=row
                    ) from error
                continue
            yield from _unfolded(body, path.name, row, ledger)


def _lines(bounded: _Bounded) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, and their numbers."""
    row = blank = 0
    while line := bounded.line(LONGEST_LINE_BYTES):
        row += 1
        if line.strip(b"\xef\xbb\xbf \t\r\n"):
            yield row, line
            continue
        blank += 1
        if blank > _MOST_BLANK_LINES:
            raise _DamagedError(f"more than {_MOST_BLANK_LINES:,} lines are empty", row=row)


def _first_line(line: bytes) -> object | None:
    """The first line of NDJSON; None when the document goes on beyond it."""
    if len(line) > LONGEST_LINE_BYTES:
        return None
    try:
        return _parsed(line)
    except _DamagedError:
        return None


def _of_document(file: str, data: bytes, ledger: Ledger) -> Iterator[Resource]:
    if len(data) > LARGEST_DOCUMENT_BYTES:
        raise _DamagedError(
            f"the JSON document is larger than {LARGEST_DOCUMENT_BYTES >> 20} MiB",
            "Export it as NDJSON, one resource a line, which has no limit.",
        )
    yield from _unfolded(_parsed(data), file, 1, ledger)


def _parsed(data: bytes) -> object:
    """The JSON; what is wrong with it is raised as `_DamagedError`."""
    if sum(data.count(mark) for mark in (b"{", b"[", b",")) > MOST_MEMBERS:
        raise _DamagedError("the JSON document has more members than any record", "Check what wrote it.")
    try:
        found: object = json.loads(data.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise _DamagedError("the file is not UTF-8", "FHIR is written as UTF-8; save it so.") from error
    except json.JSONDecodeError as error:
        where = None if error.lineno == 1 else error.lineno
        raise _DamagedError("the JSON is damaged or cut off", row=where) from error
    except RecursionError as error:
        raise _DamagedError("the JSON is nested too deeply", "Check what wrote it.") from error
    except ValueError as error:
        raise _DamagedError("the JSON holds what is no number", "Check what wrote it.") from error
    return found


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)


def _unfolded(
    body: object, file: str, row: int, ledger: Ledger, url: str | None = None, depth: int = 0
) -> Iterator[Resource]:
    """The resource, or those within it."""
    if isinstance(body, list) and depth < _DEEPEST_BUNDLE:
        for number, part in enumerate(body, start=1):
            yield from _unfolded(part, file, number, ledger, depth=depth + 1)
        return
    kind = text(body, "resourceType") if isinstance(body, dict) else None
    if not isinstance(body, dict) or kind is None:
        ledger.note(
            Place(file, row, "resource", None, None),
            "there is no resourceType, so that it is no FHIR resource",
            "It is not read; check what wrote it.",
        )
        return
    if kind == "Bundle":
        yield from _of_bundle(body, file, row, ledger, depth)
        return
    inner = {str(part.get("id")): part for part in children(body, "contained")}
    place = Place(file, row, kind, text(body, "id"), None, _version(body))
    yield Resource(place, body, url, inner)
    for number, part in enumerate(children(body, "contained"), start=1):
        inside = text(part, "resourceType")
        if inside is not None:
            name = f"{place.id or ''}#{text(part, 'id') or number}"
            yield Resource(Place(file, row, inside, name, None, place.version, number), part, None, inner)


def _of_bundle(bundle: Json, file: str, row: int, ledger: Ledger, depth: int) -> Iterator[Resource]:
    place = Place(file, row, "Bundle", text(bundle, "id"), None)
    if depth >= _DEEPEST_BUNDLE:
        ledger.note(place, "a Bundle within Bundles within Bundles is not read", "Write its entries out.")
        return
    said = bundle.get("type")
    if said not in BUNDLE_TYPES:
        ledger.note(
            place,
            "not a type of Bundle" if said is not None else "the Bundle has no type",
            f"Write one of {', '.join(BUNDLE_TYPES)}." if said is not None else "Its entries are read.",
            "type",
            value=text(bundle, "type"),
            severity="error" if said is not None else "warning",
        )
    if any(text(link, "relation") == "next" for link in children(bundle, "link")):
        ledger.note(place, "the Bundle is one page of several", "Give all pages in one folder.", "link")
    for number, entry in enumerate(children(bundle, "entry"), start=1):
        body = entry.get("resource")
        if text(child(entry, "request"), "method") == "DELETE":
            ledger.note(place, "entries that delete a resource are not read", "Nothing to do.", "entry")
        elif isinstance(body, dict) and text(child(entry, "search"), "mode") != "outcome":
            position = number if depth == 0 and row == 1 else row
            yield from _unfolded(body, file, position, ledger, text(entry, "fullUrl"), depth + 1)


def _version(body: Json) -> str:
    meta = child(body, "meta")
    number = text(meta, "versionId") or ""
    return f"{text(meta, 'lastUpdated') or ''} {number.zfill(12) if number.isdigit() else ''}".strip()
