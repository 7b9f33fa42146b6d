"""Data sets of CDISC as plain tables, CSV or Parquet, as statisticians pass them on.

A table is one when it has USUBJID and what only a data set has: DOMAIN, RDOMAIN or PARAMCD, or else the variables of
the domain that its name says (TRTESTCD in tr.csv) or an ADaM name (adsl.csv). In CSV an empty cell, `NA` and `.` (R and
SAS write them) are missing, and 3.0 in a number of a visit or a record is 3.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.formats.datasets.dataset import Dataset, analysis_name, domain_of
from turnpoint.study.delimited import cells, fields
from turnpoint.study.findings import Findings
from turnpoint.study.naming import unique_names
from turnpoint.study.reading import PARQUET_ENDINGS, TEXT_ENDINGS
from turnpoint.study.text_files import decode

_DOMAIN_COLUMNS: Final = ("DOMAIN", "RDOMAIN")
_MARKS: Final = frozenset({*_DOMAIN_COLUMNS, "PARAMCD"})
_OF_DOMAIN: Final = ("SEQ", "TESTCD", "TRT", "TERM")
_HEAD_BYTES: Final = 65_536
_MISSING: Final = ("", "NA", ".")


def is_table(path: Path) -> bool:
    """True for a CSV or Parquet table whose columns are those of a data set; False when it cannot be opened."""
    ending = path.suffix.lower()
    try:
        if ending in PARQUET_ENDINGS:
            names = list(pl.read_parquet_schema(path))
        elif ending in TEXT_ENDINGS:
            with path.open("rb") as file:
                names = _header(file.read(_HEAD_BYTES))
        else:
            return False
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False
    columns = {name.strip().upper() for name in names}
    stem = path.stem.upper()
    told = columns & {f"{stem[:2]}{ending}" for ending in _OF_DOMAIN} or "RFSTDTC" in columns
    return "USUBJID" in columns and bool(columns & _MARKS or told or analysis_name(stem) is not None)


def describe(path: Path, findings: Findings) -> Dataset | None:
    """What a table holds; None when it is damaged (reported)."""
    frame = _read(path, findings)
    if frame is None:
        return None
    columns = {name.upper(): name for name in frame.columns}
    said = [
        str(frame[columns[name]].drop_nulls().first() or "") for name in _DOMAIN_COLUMNS if name in columns
    ]
    return Dataset(path, domain_of(said, columns, path.stem), columns)


def read_columns(
    dataset: Dataset, wanted: Mapping[str, pl.DataType], findings: Findings
) -> pl.DataFrame | None:
    """The wanted columns of a table (one of the others when it has none); None when it is damaged (reported).

    Args:
        dataset: from `describe`.
        wanted: names in upper case and types.
        findings: where problems go.
    """
    frame = _read(dataset.path, findings)
    present = [dataset.columns[name] for name in wanted if name in dataset.columns]
    return None if frame is None else frame.select(present or [*dataset.columns.values()][:1])


def _header(head: bytes) -> list[str]:
    """The names in the first line of a text file, whatever parts them."""
    text = decode(head, "", Findings()) or ""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return fields(first)


def _read(path: Path, findings: Findings) -> pl.DataFrame | None:
    try:
        data = path.read_bytes()
    except OSError:
        findings.add(path.name, "cannot be opened", "Check your rights to the file.")
        return None
    if path.suffix.lower() in PARQUET_ENDINGS:
        try:
            frame = pl.read_parquet(io.BytesIO(data))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
            findings.add(path.name, "the file is not Parquet, or it is damaged", "Write it again.")
            return None
        return unique_names([name.strip() for name in frame.columns], frame, path.name, findings)
    text = decode(data, path.name, findings)
    found = None if text is None else cells(text, path.name, findings)
    if found is None:
        return None
    frame = unique_names(found.header, found.frame, path.name, findings)
    stripped = pl.all().str.strip_chars()
    frame = frame.select(pl.when(~stripped.is_in(_MISSING)).then(stripped).name.keep())
    whole = [name for name in frame.columns if name.upper().endswith(("NUM", "SEQ"))]
    return frame.with_columns(pl.col(whole).str.replace(r"^(-?\d+)\.0+$", "${1}"))
