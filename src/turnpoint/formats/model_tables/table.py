"""A table of NONMEM, Monolix or nlmixr2 as it stands: one row a record, its columns under one name each.

    ID TIME DV      whose, when, and what was observed (Y in Monolix)
    DVID            which quantity (YTYPE, OBSID; without them CMT); its name may stand in DVNAME
    EVID MDV        0 an observation, 1 and 4 a dose; 1 no observation
    AMT CMT ADDL II a dose, where it goes (ADM), how often it is repeated, and after how long
    CENS BLQ        1 below a limit, -1 above; the limit is DV, or else LLOQ or LIMIT

Cells are parted by commas, semicolons, tabs or spaces; `.` and `NA` are missing. A table of results begins with
TABLE NO.; a record with C in the column C, or with # before it, is commented out.

Sources: NONMEM Users Guide, part IV (data items); MonolixSuite data set format; nlmixr2/rxode2 event tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.study.delimited import cells
from turnpoint.study.findings import Findings
from turnpoint.study.naming import unique_names
from turnpoint.study.schema import fold
from turnpoint.study.text_files import decode

ENDINGS: Final = (".csv", ".tsv", ".txt", ".dat", ".tab", ".prn", ".data", ".nmdat")
LINE: Final = "line"
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ID": ("id", "cid"),
        "TIME": ("time",),
        "DV": ("dv", "y", "lndv", "logdv"),
        "DVID": ("dvid", "ytype", "obsid"),
        "DVNAME": ("dvname", "yname", "obsname"),
        "UNIT": ("unit", "units", "dvunit", "dvu"),
        "EVID": ("evid",),
        "MDV": ("mdv",),
        "AMT": ("amt", "amount"),
        "ADM": ("adm", "admid"),
        "CMT": ("cmt",),
        "ADDL": ("addl",),
        "II": ("ii",),
        "CENS": ("cens",),
        "BLQ": ("blq", "bql", "blqfl"),
        "LLOQ": ("lloq", "loq"),
        "LIMIT": ("limit",),
        "C": ("c",),
    }
)
_NAMES: Final = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}
_ON_LOG_SCALE: Final = ("lndv", "logdv")
_MARKS: Final = frozenset({"DVID", "EVID", "MDV", "AMT", "CMT", "ADM", "CENS", "BLQ"})
_MISSING: Final = ("", ".", "na", "nan")
_HEAD_BYTES: Final = 16_384
_RESULTS: Final = re.compile(r"^\s*TABLE NO\.")


@dataclass(frozen=True, slots=True)
class ModelTable:
    """What a file holds.

    Attributes:
        file: its name.
        frame: `ID`, `TIME`, `DV` and the other columns that are known, as text, missing ones null; and `LINE`.
        unread: the other columns, in order.
        is_log: true when DV is named as a logarithm (LNDV).
        commented: the records that are commented out, as `frame`.
    """

    file: str
    frame: pl.DataFrame
    unread: tuple[str, ...]
    is_log: bool
    commented: pl.DataFrame


def is_model_table(path: Path) -> bool:
    """True for a text file whose header has ID, TIME and DV, or Y beside another column of models."""
    if path.suffix.lower() not in ENDINGS:
        return False
    try:
        with path.open("rb") as file:
            text = decode(file.read(_HEAD_BYTES), "", Findings())
    except OSError:
        return False
    lines = [line for line in (text or "").split("\n") if line.strip() and not _RESULTS.match(line)]
    if not lines:
        return False
    folded = [fold(name) for name in re.split(r"[,;\t]|\s+", lines[0].strip().lstrip("#@"))]
    found = {_NAMES[name] for name in folded if name in _NAMES}
    return {"ID", "TIME", "DV"} <= found and ("dv" in folded or bool(found & _MARKS))


def read_table(path: Path, findings: Findings) -> ModelTable | None:
    """The table in a file; None when there is none (reported)."""
    try:
        text = decode(path.read_bytes(), path.name, findings)
    except OSError:
        findings.add(path.name, "cannot be opened", "Check your rights to the file.")
        return None
    found = None if text is None else cells(_plain(text), path.name, findings)
    if found is None:
        return None
    named = unique_names([name.lstrip("#@ ") for name in found.header], found.frame, path.name, findings)
    stripped = pl.all().str.strip_chars()
    named = named.select(pl.when(~stripped.str.to_lowercase().is_in(_MISSING)).then(stripped).name.keep())
    known: dict[str, str] = {}
    for name in named.columns:
        meant = _NAMES.get(fold(name))
        if meant is not None and meant not in known:
            known[meant] = name
    frame = named.select(
        *(
            pl.col(known[name]).alias(name) if name in known else pl.lit(None, pl.String).alias(name)
            for name in _ALIASES
        ),
        found.source_row.cast(pl.Int64).alias(LINE),
    )
    off = (pl.col("C").str.to_uppercase() == "C").fill_null(value=False) | pl.col("ID").str.starts_with(
        "#"
    ).fill_null(value=False)
    return ModelTable(
        path.name,
        frame.filter(~off),
        tuple(name for name in named.columns if name not in known.values()),
        fold(known.get("DV", "")) in _ON_LOG_SCALE,
        frame.filter(off),
    )


def _plain(text: str) -> str:
    """The text parted by commas where it is parted by spaces; the title of a table of results becomes an empty line."""
    lines = text.split("\n")
    header = next((line for line in lines if line.strip() and not _RESULTS.match(line)), "")
    if re.search(r"[,;\t]", header):
        return text
    return "\n".join("" if _RESULTS.match(line) else ",".join(line.split()) for line in lines)
