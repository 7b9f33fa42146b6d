"""SAS transport files (XPT, versions 5 and 8), the format in which trials submit their data sets.

The file holds one data set after an 80-byte header that names the format; every part is filled up to 80 bytes.
Reading is left to pyreadstat, an extra (`turnpoint[cdisc]`) that is loaded when the first such file is met.

Source: SAS Institute, TS-140, The Record Layout of a Data Set in SAS Transport (XPORT) Format.
"""

from __future__ import annotations

import mmap
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import polars as pl

from turnpoint.errors import MissingExtraError
from turnpoint.formats.datasets.dataset import Dataset, domain_of
from turnpoint.study.findings import Findings

_RECORD_BYTES: Final = 80
_LIBRARY: Final = (b"HEADER RECORD*******LIBRARY HEADER RECORD", b"HEADER RECORD*******LIBV8   HEADER RECORD")
_MEMBER: Final = (b"HEADER RECORD*******MEMBER  HEADER RECORD", b"HEADER RECORD*******MEMBV8  HEADER RECORD")
_ROWS_FIRST: Final = 200_000
_EXPORT_AGAIN: Final = "Export or copy it again, as SAS transport version 5."
# What pyreadstat makes of a name that is there already.
_REPEATED: Final = re.compile(r"_duplicated\d+$")
_DOMAIN_COLUMNS: Final = ("DOMAIN", "RDOMAIN")


def is_transport(path: Path) -> bool:
    """True when a file starts as SAS transport files do; False when it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(_RECORD_BYTES).startswith(_LIBRARY)
    except OSError:
        return False


def describe(path: Path, findings: Findings) -> Dataset | None:
    """What a transport file holds, from its header and first record; None when it is damaged (reported).

    Raises:
        MissingExtraError: pyreadstat is not installed.
    """
    whole = _whole(path, findings)
    frame = _read(path, findings, rows=1) if whole else None
    if frame is None:
        return None
    columns = {name.upper(): name for name in frame.columns}
    if not columns:
        findings.add(path.name, "the data set has no columns", _EXPORT_AGAIN)
        return None
    if any(_REPEATED.search(name) for name in frame.columns) or len(columns) < frame.width:
        findings.add(path.name, "two columns have the same name", _EXPORT_AGAIN)
        return None
    said = [_text(frame, columns[name]) for name in _DOMAIN_COLUMNS if name in columns]
    return Dataset(path, domain_of(said, columns, path.stem), columns)


def read_columns(
    dataset: Dataset, wanted: Mapping[str, pl.DataType], findings: Findings
) -> pl.DataFrame | None:
    """The wanted columns of a data set as they stand in the file.

    Args:
        dataset: from `describe`.
        wanted: names in upper case and types.
        findings: where problems go.

    Returns:
        Those of the wanted columns that the file has (one of the others when it has none of them), under the file's
        names; None when it is damaged (reported).
    """
    present = [dataset.columns[name] for name in wanted if name in dataset.columns]
    return _read(dataset.path, findings, columns=present or [*dataset.columns.values()][:1])


def _whole(path: Path, findings: Findings) -> bool:
    """False when the file is cut off, cannot be opened, or holds several data sets (reported)."""
    try:
        if path.stat().st_size % _RECORD_BYTES:
            findings.add(
                path.name, "the file is cut off: its length is no multiple of 80 bytes", _EXPORT_AGAIN
            )
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            members = [mark for mark in _MEMBER for _ in _places(content, mark)]
    except (OSError, ValueError):
        findings.add(path.name, "cannot be opened", "Check your rights to the file.")
        return False
    if len(members) != 1:
        count = "no data set" if not members else f"{len(members)} data sets"
        findings.add(path.name, f"the file holds {count}", "Export each data set to a file of its own.")
    return len(members) == 1


def _places(content: mmap.mmap, mark: bytes) -> list[int]:
    places: list[int] = []
    place = content.find(mark)
    while place >= 0:
        # A header starts a record; the same letters within one are somebody's text.
        if place % _RECORD_BYTES == 0:
            places.append(place)
        place = content.find(mark, place + 1)
    return places


def _read(
    path: Path, findings: Findings, columns: Sequence[str] | None = None, rows: int = 0
) -> pl.DataFrame | None:
    """The columns, all of them for None, of the first `rows` records, of all for 0; None when damaged (reported)."""
    pyreadstat = _pyreadstat()
    known = (pyreadstat.ReadstatError, pyreadstat.PyreadstatError)
    for encoding in (None, "WINDOWS-1252"):
        options = {"usecols": columns, "encoding": encoding, "output_format": "polars"}
        try:
            frame = pl.concat(_parts(pyreadstat, str(path), rows, options))
        except known as error:
            if encoding is None and "encod" in str(error).lower():
                continue
            break
        except (ValueError, TypeError, OSError, OverflowError, pl.exceptions.PolarsError):
            break
        if encoding is not None and rows == 0:
            findings.add(
                path.name,
                f"the file is not UTF-8; it was read as {encoding.title()}",
                "Check accented and other special letters.",
                severity="warning",
            )
        return frame
    findings.add(path.name, "the SAS transport file is damaged", _EXPORT_AGAIN)
    return None


def _parts(
    pyreadstat: ModuleType, path: str, rows: int, options: Mapping[str, object]
) -> Iterator[pl.DataFrame]:
    """The records in parts, each as many as all before it: pyreadstat makes an object of every cell that it reads.

    It also reads over all records before a part again; parts of one size would make that grow with the square.
    """
    done, limit = 0, rows or _ROWS_FIRST
    while True:
        with warnings.catch_warnings():
            # Repeated names are told by `describe`.
            warnings.simplefilter("ignore", UserWarning)
            frame, _ = pyreadstat.read_xport(path, row_offset=done, row_limit=limit, **options)
        part = pl.DataFrame(frame)
        if part.height or not done:
            yield part
        done += part.height
        if rows or part.height < limit:
            return
        limit = done


def _text(frame: pl.DataFrame, column: str) -> str:
    value = frame[column][0] if frame.height else None
    return str(value or "").strip().upper()


def _pyreadstat() -> ModuleType:
    try:
        import pyreadstat  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingExtraError(
            "SAS transport files (XPT): pyreadstat is not installed. Run: pip install 'turnpoint[cdisc]', or export "
            "the data as a study folder of CSV files."
        ) from error
    module: ModuleType = pyreadstat
    return module
