"""A picture as JSON, and back: the dataclass itself is the schema.

A table is `{"columns": {name: type}, "rows": [[...], ...]}` with Polars' names of types; a number that is not finite is
null. `summary` is what pages say first, picked from the picture (`pictures.snapshot`); it is not read back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from turnpoint._version import __version__
from turnpoint.errors import Problem, StudyError
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import Snapshot, snapshot

FORMAT = "turnpoint-picture"
VERSION = 1
_TYPES = {
    str(kind): kind for kind in (pl.Boolean, pl.Float64, pl.Int64, pl.UInt32, pl.Int32, pl.String, pl.Null)
}
_BEGINNING = 200  # characters within which a file says that it is a picture


@dataclass(frozen=True, slots=True)
class PictureDocument:
    """A picture with what it is.

    Attributes:
        format: `turnpoint-picture`.
        version: of the format; a reader refuses another.
        made_by: the program and its version.
        summary: what pages say first.
        picture: the picture.
    """

    format: str
    version: int
    made_by: str
    summary: Snapshot
    picture: PatientPicture


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read back."""

    format: str
    version: int
    picture: PatientPicture


def to_json(picture: PatientPicture) -> bytes:
    """The picture as a JSON document, UTF-8; the same picture gives the same bytes."""
    document = PictureDocument(FORMAT, VERSION, f"Turnpoint {__version__}", snapshot(picture), picture)
    return msgspec.json.encode(document, enc_hook=written_table)


def from_json(document: bytes | str, source: str = "picture") -> PatientPicture:
    """The picture of a document.

    Args:
        document: from `to_json`.
        source: its name, for messages.

    Raises:
        StudyError: it is no picture, or of another version.
    """
    try:
        found = msgspec.json.decode(document, type=_Read, dec_hook=read_table)
    except (msgspec.ValidationError, msgspec.DecodeError, pl.exceptions.PolarsError) as error:
        raise _refused(source, f"not a picture as this version writes it ({error})") from None
    if (found.format, found.version) != (FORMAT, VERSION):
        raise _refused(source, f"format {found.format} {found.version}, not {FORMAT} {VERSION}")
    return found.picture


def is_picture(path: Path) -> bool:
    """Whether a file says at its beginning that it is a picture."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return f'"{FORMAT}"' in file.read(_BEGINNING)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document."""
    made: dict[str, Any] = msgspec.json.schema(PictureDocument, schema_hook=_schema_of)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def schema_text() -> str:
    """The schema as it is published, `docs/picture.schema.json`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _refused(source: str, rule: str) -> StudyError:
    return StudyError(
        [
            Problem(
                file=source,
                row=None,
                column=None,
                value=None,
                rule=rule,
                mend="Write it again: turnpoint picture STUDY --patient ID --out FILE.json.",
            )
        ]
    )


def written_table(value: object) -> object:
    """What msgspec is to write of a table (its `enc_hook`): `columns` with their types, and `rows`."""
    if isinstance(value, pl.DataFrame):
        columns = {name: str(dtype) for name, dtype in value.schema.items()}
        return {"columns": columns, "rows": value.rows()}
    raise NotImplementedError(type(value).__name__)


def read_table(kind: type, value: Mapping[str, Any]) -> object:
    """The table again (msgspec's `dec_hook`).

    Raises:
        ValueError: a column of a type that no table has.
    """
    if kind is pl.DataFrame:
        unknown = sorted({*value["columns"].values()} - {*_TYPES})
        if unknown:
            raise ValueError(f"unknown type of a column: {', '.join(unknown)}")
        types = {name: _TYPES[dtype] for name, dtype in value["columns"].items()}
        return pl.DataFrame(value["rows"], schema=types, orient="row")
    raise NotImplementedError(kind.__name__)


def _schema_of(kind: type) -> dict[str, Any]:
    if kind is pl.DataFrame:
        return {
            "type": "object",
            "description": "A table; types by Polars' names.",
            "required": ["columns", "rows"],
            "properties": {
                "columns": {"type": "object", "additionalProperties": {"type": "string"}},
                "rows": {"type": "array", "items": {"type": "array"}},
            },
        }
    raise NotImplementedError(kind.__name__)
