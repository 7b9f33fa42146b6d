"""SAS transport files (XPT, versions 5 and 8), the format in which trials submit their data sets.

The file holds one data set after an 80-byte header that names the format; every part is filled up to 80 bytes.
Reading is left to pyreadstat, an extra (`turnpoint[cdisc]`) that is loaded when the first such file is met.

Source: SAS Institute, TS-140, The Record Layout of a Data Set in SAS Transport (XPORT) Format.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import polars as pl

from turnpoint.errors import MissingExtraError
from turnpoint.study.findings import Findings

_RECORD_BYTES: Final = 80
_LIBRARY: Final = (b"HEADER RECORD*******LIBRARY HEADER RECORD", b"HEADER RECORD*******LIBV8   HEADER RECORD")
_MEMBER: Final = (b"HEADER RECORD*******MEMBER  HEADER RECORD", b"HEADER RECORD*******MEMBV8  HEADER RECORD")
_EXPORT_AGAIN: Final = "Export or copy it again, as SAS transport version 5."
_DOMAIN_COLUMNS: Final = ("DOMAIN", "RDOMAIN")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that a transport file holds, not read yet.

    Attributes:
        path: the file.
        domain: the SDTM domain: what its DOMAIN column says, or else its name (`SUPP` and the domain for supplements).
        columns: names of its columns, in upper case, and as they stand in the file.
    """

    path: Path
    domain: str
    columns: Mapping[str, str]

    @property
    def file(self) -> str:
        """The file's name, for messages."""
        return self.path.name


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
    said = [_text(frame, columns[name]) for name in _DOMAIN_COLUMNS if name in columns]
    stem = path.stem.upper()
    domain = next((name for name in said if name), stem[:2] if len(stem) <= 3 else stem)
    supplement = {"QNAM", "QVAL"} <= columns.keys()
    return Dataset(path, f"SUPP{domain.removeprefix('SUPP')}" if supplement else domain, columns)


def read_columns(
    dataset: Dataset, wanted: Mapping[str, pl.DataType], findings: Findings
) -> pl.DataFrame | None:
    """The wanted columns of a data set, missing ones as nulls, and `record`, the number of the record + 1.

    Text is stripped and never empty (null instead); a column of another type than wanted is converted.

    Args:
        dataset: from `describe`.
        wanted: names in upper case and types, `String` or `Float64`.
        findings: where problems go.

    Returns:
        One row a record, or None when the file is damaged (reported).
    """
    present = {name: dataset.columns[name] for name in wanted if name in dataset.columns}
    frame = _read(dataset.path, findings, columns=list(present.values()) or [*dataset.columns.values()][:1])
    if frame is None:
        return None
    return frame.select(
        *(
            _typed(pl.col(present[name]), frame.schema[present[name]], dtype).alias(name)
            if name in present
            else pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in wanted.items()
        ),
        pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("record"),
    )


def _typed(column: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if wanted != pl.String:
        return column.cast(wanted, strict=False).fill_nan(None) if found != pl.Null else column.cast(wanted)
    if found.is_float():
        # 3.0 is visit 3.
        whole = column.cast(pl.Int64, strict=False)
        column = (
            pl.when(column == whole)
            .then(whole.cast(pl.String))
            .otherwise(column.fill_nan(None).cast(pl.String))
        )
    text = column.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


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
    pyreadstat = _pyreadstat()
    known = (pyreadstat.ReadstatError, pyreadstat.PyreadstatError)
    for encoding in (None, "WINDOWS-1252"):
        try:
            frame, _ = pyreadstat.read_xport(
                str(path), usecols=columns, row_limit=rows, encoding=encoding, output_format="polars"
            )
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
        return pl.DataFrame(frame)
    findings.add(path.name, "the SAS transport file is damaged", _EXPORT_AGAIN)
    return None


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
