"""Dataset-JSON 1.1, CDISC's other format for data sets: JSON, NDJSON, and either of them compressed (`.dsjc`).

    JSON     one object: what the data set is, its columns, and `rows`, a list of lists
    NDJSON   the same object without `rows` on the first line, then one row a line
    .dsjc    zlib of NDJSON by the standard, gzip of JSON in practice: what the first bytes say is done

A value is text, a number, true, false or null. Decimals are written as text, dates as ISO 8601.

Source: CDISC, Dataset-JSON v1.1 (2024), sections "Dataset-JSON", "NDJSON" and "Compression".
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from turnpoint.errors import TurnpointError, counted
from turnpoint.formats.datasets.dataset import Dataset, domain_of
from turnpoint.study.findings import Findings

_HEAD_BYTES: Final = 65_536
_MARK: Final = re.compile(rb'"datasetJSONVersion"\s*:')
_OLD_MARK: Final = re.compile(rb'"clinicalData"\s*:|"referenceData"\s*:')
_GZIP: Final = b"\x1f\x8b"
# Compressed data sets shrink 10 to 60 times; far beyond that a small file is made to fill the memory.
_GREATEST_RATIO: Final = 300
_ALWAYS_ALLOWED_BYTES: Final = 64 * 2**20
_CHUNK_BYTES: Final = 2**20
_ROWS_A_PART: Final = 50_000
_EXPORT_AGAIN: Final = "Export or copy it again, as Dataset-JSON 1.1."
_HALF_LETTER: Final = re.compile(
    r"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]", re.DOTALL
)
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class _DamagedError(TurnpointError):
    """The file breaks a rule of the format; its text is the rule."""


@dataclass(frozen=True, slots=True)
class _Content:
    """A file, opened as far as its rows.

    Attributes:
        text: all of it.
        about: the object that describes the data set, without its rows; what stands after them is added as they end.
        start: where the first row's text begins, or the end of the rows.
        is_lines: true for NDJSON.
    """

    text: str
    about: dict[str, Any]
    start: int
    is_lines: bool


def is_dataset_json(path: Path) -> bool:
    """True when a file says that it is Dataset-JSON, compressed or not; False when it cannot be opened."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    opener = _opener(head)
    if opener is not None:
        try:
            head = opener.decompress(head, _HEAD_BYTES)
        except zlib.error:
            return False
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return bare.startswith(b"{") and (_MARK.search(bare) or _OLD_MARK.search(bare)) is not None


def describe(path: Path, findings: Findings) -> Dataset | None:
    """What a Dataset-JSON file holds, from its description and first row; None when it is damaged (reported)."""
    try:
        content = _opened(path)
        columns = _columns(content.about)
        first = next(_rows(content, len(columns)), None)
    except _DamagedError as error:
        findings.add(path.name, str(error), _EXPORT_AGAIN)
        return None
    found = {name.upper(): name for name in columns}
    places = [columns.index(found[name]) for name in ("DOMAIN", "RDOMAIN") if name in found]
    said = [_text(first[place]) or "" for place in places] if first else []
    name = content.about.get("name")
    return Dataset(path, domain_of(said, found, name if isinstance(name, str) else path.stem), found)


def read_columns(
    dataset: Dataset, wanted: Mapping[str, pl.DataType], findings: Findings
) -> pl.DataFrame | None:
    """The wanted columns of a data set as they stand in the file; `datasets.typed` converts them.

    Args:
        dataset: from `describe`.
        wanted: names in upper case and types, `String` or `Float64`.
        findings: where problems go.

    Returns:
        Those of the wanted columns that the file has, under its own names; None when it is damaged (reported).
    """
    try:
        content = _opened(dataset.path)
        columns = _columns(content.about)
        present = {name: columns.index(dataset.columns[name]) for name in wanted if name in dataset.columns}
        return _frame(content, columns, present, wanted)
    except (_DamagedError, ValueError) as error:
        rule = str(error) if isinstance(error, _DamagedError) else "the file has changed while it was read"
        findings.add(dataset.path.name, rule, _EXPORT_AGAIN)
        return None


def _frame(
    content: _Content, columns: Sequence[str], present: Mapping[str, int], wanted: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """The rows in parts, so that Python's objects of one part alone are in memory."""
    schema = {columns[place]: wanted[name] for name, place in present.items()}
    parts = [pl.DataFrame(schema=schema)]
    held: list[list[Any]] = []
    count = 0
    for row in _rows(content, len(columns)):
        held.append(row)
        count += 1
        if len(held) == _ROWS_A_PART:
            parts.append(_part(held, columns, present, wanted))
            held = []
    parts.append(_part(held, columns, present, wanted))
    said = content.about.get("records")
    if isinstance(said, int) and said != count:
        raise _DamagedError(f"the file says that it holds {counted(said, 'record')}, and holds {count:,}")
    frame = pl.concat(parts)
    # Without any wanted column the rows still count.
    return frame if schema else pl.DataFrame({columns[0]: pl.Series([None] * count, dtype=pl.String)})


def _part(
    rows: list[list[Any]],
    columns: Sequence[str],
    present: Mapping[str, int],
    wanted: Mapping[str, pl.DataType],
) -> pl.DataFrame:
    return pl.DataFrame(
        [
            pl.Series(
                columns[place],
                [_text(row[place]) for row in rows]
                if wanted[name] == pl.String
                else [_number(row[place]) for row in rows],
                dtype=wanted[name],
            )
            for name, place in present.items()
        ]
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "Y" if value else "N"
    # 3.0 is visit 3.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    try:
        return float(value) if value is not None and math.isfinite(value) else None
    except OverflowError:
        return None


def _opened(path: Path) -> _Content:
    text = _unpacked(path)
    about: dict[str, Any] = {}
    try:
        start, is_lines = _description(text, about)
    except (ValueError, RecursionError) as error:
        raise _DamagedError("the file is cut off or damaged: it is not JSON as far as its rows") from error
    version = about.get("datasetJSONVersion")
    if version is None and ("clinicalData" in about or "referenceData" in about):
        raise _DamagedError("the file is Dataset-JSON 1.0, which is laid out otherwise")
    if not isinstance(version, str) or not version.startswith("1.1"):
        raise _DamagedError("the file is not of Dataset-JSON version 1.1")
    return _Content(text, about, start, is_lines)


def _description(text: str, about: dict[str, Any]) -> tuple[int, bool]:
    """Read the first object up to its rows into `about`: where the rows begin, and whether they are lines.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    place = _skipped(text, 0)
    _expect(text, place, "{")
    rows, end = _members(text, _skipped(text, place + 1), about)
    return (end, True) if rows < 0 else (rows + 1, False)


def _members(text: str, place: int, about: dict[str, Any]) -> tuple[int, int]:
    """Read the members of an object: where its rows stand (-1: nowhere), and where it ends; rows after columns end it.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    rows = -1
    while text[place : place + 1] != "}":
        key, place = _DECODER.raw_decode(text, place)
        place = _skipped(text, place)
        _expect(text, place, ":")
        place = _skipped(text, place + 1)
        if key == "rows":
            _expect(text, place, "[")
            rows = place
            if "columns" in about:
                return rows, place
        value, place = _DECODER.raw_decode(text, place)
        about[str(key)] = None if key == "rows" else value
        place = _skipped(text, place)
        if text[place : place + 1] == ",":
            place = _skipped(text, place + 1)
        else:
            _expect(text, place, "}")
    return rows, place + 1


def _rows(content: _Content, width: int) -> Iterator[list[Any]]:
    """The rows, one after another.

    Raises:
        _DamagedError: a row is not one, or the file ends within the rows.
    """
    text, place, number = content.text, _skipped(content.text, content.start), 0
    end = len(text)
    while place < end and text[place] != "]":
        number += 1
        try:
            row, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise _DamagedError(f"the file is cut off or damaged at record {number:,}") from error
        if not isinstance(row, list) or len(row) != width:
            raise _DamagedError(
                f"record {number:,} does not have the {width:,} values of the {width:,} columns"
            )
        if any(isinstance(value, (list, dict)) for value in row):
            raise _DamagedError(f"record {number:,} holds a list or an object where a value belongs")
        yield row
        place = _skipped(text, place)
        if not content.is_lines:
            if text[place : place + 1] == ",":
                place = _skipped(text, place + 1)
            elif text[place : place + 1] != "]":
                raise _DamagedError(f"the file is cut off or damaged after record {number:,}")
    if not _is_closed(content, place):
        raise _DamagedError(f"the file is cut off or damaged after record {number:,}")


def _is_closed(content: _Content, place: int) -> bool:
    """True when the file ends as it should after the rows; members that stand there are taken in."""
    text = content.text
    if content.is_lines or place >= len(text):
        return content.is_lines and place >= len(text)
    try:
        place = _skipped(text, place + 1)
        if text[place : place + 1] == ",":
            place = _skipped(text, place + 1)
        _, place = _members(text, place, content.about)
    except (ValueError, RecursionError):
        return False
    return _skipped(text, place) == len(text)


def _columns(about: Mapping[str, Any]) -> list[str]:
    declared = about.get("columns")
    if not isinstance(declared, list) or not declared:
        raise _DamagedError("the data set has no columns")
    names = [column.get("name") if isinstance(column, dict) else None for column in declared]
    known = [name for name in names if isinstance(name, str) and name]
    if len(known) < len(names):
        raise _DamagedError("a column has no name")
    if len({name.upper() for name in known}) < len(known):
        raise _DamagedError("two columns have the same name")
    return known


def _unpacked(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _DamagedError("the file cannot be opened") from error
    opener = _opener(data)
    if opener is not None:
        allowed = max(_ALWAYS_ALLOWED_BYTES, _GREATEST_RATIO * len(data))
        parts, size, rest = [], 0, data
        try:
            while rest and not opener.eof:
                part = opener.decompress(rest, _CHUNK_BYTES)
                rest, size = opener.unconsumed_tail, size + len(part)
                parts.append(part)
                if size > allowed:
                    raise _DamagedError(f"the file unpacks to more than {_GREATEST_RATIO} times its size")
        except zlib.error as error:
            raise _DamagedError("the compressed file is damaged") from error
        if not opener.eof:
            raise _DamagedError("the compressed file is cut off")
        data = b"".join(parts)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _DamagedError("the file is not UTF-8 text") from error
    if _HALF_LETTER.search(text):
        raise _DamagedError("the file holds half of a letter (a surrogate without its pair)")
    return text


def _opener(head: bytes) -> Any:
    """What unpacks a file that begins so; None for plain text."""
    if head.startswith(_GZIP):
        return zlib.decompressobj(wbits=31)
    # The two bytes before a zlib stream: method 8, and a check sum.
    if (
        len(head) > 1
        and head[0] & 0x0F == 8
        and head[0] >> 4 <= 7
        and int.from_bytes(head[:2], "big") % 31 == 0
    ):
        return zlib.decompressobj()
    return None


def _skipped(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _expect(text: str, place: int, letter: str) -> None:
    if text[place : place + 1] != letter:
        raise ValueError(letter)


def _no_constant(_name: str) -> None:
    """NaN and Infinity, which JSON does not have, are missing values."""


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)
