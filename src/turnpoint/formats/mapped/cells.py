"""The wide table itself: CSV, a sheet of a workbook, or Parquet, all as text, with the line of every row."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import polars as pl

from turnpoint.errors import MissingExtraError, counted
from turnpoint.formats.mapped.columns import meaning_of
from turnpoint.study.delimited import cells
from turnpoint.study.findings import Findings
from turnpoint.study.text_files import decode

WORKBOOKS: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
# Unpacked, a workbook larger than this is no table of visits.
_MOST_BYTES: Final = 2 * 2**30
# Enough for a header and some rows; all of a file that is no plain text.
_HEAD: Final = 64 * 1024
_WHOLE: Final = (b"\xff\xfe", b"\xfe\xff", b"PK", b"\xd0\xcf", b"PAR1")
# The name of the column that holds the line; no file has it.
ROW: Final = "\x00row"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it stands.

    Attributes:
        file: its name.
        frame: its columns as text, empty cells null, and `ROW`.
        columns: their names, in order.
        other_sheets: of the workbook, those with cells that are not this one.
    """

    file: str
    frame: pl.DataFrame
    columns: tuple[str, ...]
    other_sheets: tuple[str, ...] = ()


def read_sheet(
    place: Path, sheet: str | None, header_row: int, findings: Findings, header_lines: int = 1
) -> Sheet | None:
    """The table in a file; None when there is none (reported).

    Args:
        place: the file.
        sheet: which sheet of a workbook; None is the first.
        header_row: the line of the column names, the last one where there are several.
        findings: where problems go.
        header_lines: how many lines hold the names; a cell of an upper one stands over the empty cells beside it too.

    Raises:
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    try:
        data = place.read_bytes()
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        findings.add(place.name, f"cannot be opened ({why})", "Put the table beside the mapping file.")
        return None
    others: tuple[str, ...] = ()
    if place.suffix.lower() in WORKBOOKS:
        rows = _workbook(data, place.name, sheet, findings)
        others = tuple(name for name in filled_sheets(place) if name != sheet) if rows is not None else ()
        others = others[1:] if sheet is None else others
    elif data.startswith(b"PAR1"):
        return _parquet(data, place.name, findings)
    else:
        return _delimited(data, place.name, header_row, header_lines, findings)
    if rows is None:
        return None
    if rows.height < header_row:
        findings.add(place.name, "the sheet has no header", "Check sheet and header_row in the mapping.")
        return None
    upper = [
        [(cell or "").strip() for cell in row]
        for row in rows.slice(header_row - header_lines, header_lines).rows()
    ]
    header = joined(upper)
    body = rows.slice(header_row).rename(dict(zip(rows.columns, map(str, range(rows.width)), strict=True)))
    numbers = pl.int_range(header_row + 1, rows.height + 1, dtype=pl.Int64, eager=True)
    named = _named(header, body, numbers, place.name, header_row, findings)
    return None if named is None else replace(named, other_sheets=others)


def joined(lines: Sequence[Sequence[str]]) -> list[str]:
    """One name a column from several lines of names: `Lesion 1` over `mm` is `Lesion 1 mm`.

    A cell of an upper line is merged with the empty ones to its right, unless the name then means nothing and the lower
    one alone does.
    """
    *upper, last = lines
    filled: list[list[str]] = [list(accumulate(line, _merged)) for line in upper]
    names = []
    for place, lower in enumerate(last):
        over = [line[place] for line in filled if line[place] and line[place] != lower]
        whole = " ".join((*over, lower)).strip()
        names.append(
            lower
            if over and lower and not _means(whole) and _means(lower)
            else whole
            if lower or any(line[place] for line in upper)
            else ""
        )
    return names


def _merged(before: str, cell: str) -> str:
    return cell or before


def _means(name: str) -> bool:
    return any(
        meaning_of(name, is_date=dated, is_number=not dated).kind != "unknown" for dated in (True, False)
    )


def first_rows(place: Path, sheet: str | None, most: int = 20) -> list[list[str]]:
    """The cells of the first lines of a table, for finding its header; empty when it cannot be read.

    Raises:
        MissingExtraError: a workbook, and fastexcel is not installed.
    """
    unsaid = Findings()
    with place.open("rb") as stream:
        head = stream.read(_HEAD)
        whole = head.startswith(_WHOLE) or place.suffix.lower() in WORKBOOKS
        data = head + stream.read() if whole else head
    # No character is cut in two at the end of a line.
    if not whole and len(head) == _HEAD:
        data = head[: head.rfind(b"\n") + 1]
    if place.suffix.lower() in WORKBOOKS:
        rows = _workbook(data, place.name, sheet, unsaid)
        return (
            [] if rows is None else [[(cell or "").strip() for cell in row] for row in rows.head(most).rows()]
        )
    if data.startswith(b"PAR1") or (text := decode(data, place.name, unsaid)) is None:
        return []
    lines = text.split("\n")[:most]
    splits = [
        [next(csv.reader([line], delimiter=mark), []) for line in lines] for mark in (",", ";", "\t", "|")
    ]
    # The mark that makes the most of the lines alike: titles have one cell, rows of the table have many.
    return max(
        splits, key=lambda rows: max((sum(map(_means, row)) + len(row) / 100 for row in rows), default=0.0)
    )


def filled_sheets(place: Path) -> list[str]:
    """The sheets of a workbook that have cells, in their order; the first whatever it has.

    Raises:
        MissingExtraError: fastexcel is not installed.
    """
    fastexcel = _fastexcel()
    book = fastexcel.read_excel(place)
    first, *others = book.sheet_names
    return [first, *(name for name in others if book.load_sheet(name, header_row=None).total_height > 0)]


def _delimited(
    data: bytes, file: str, header_row: int, header_lines: int, findings: Findings
) -> Sheet | None:
    text = decode(data, file, findings)
    if text is None:
        return None
    found = cells("\n".join(text.split("\n")[header_row - 1 :]), file, findings)
    if found is None:
        return None
    header = found.header
    if header_lines > 1:
        above = text.split("\n")[header_row - header_lines : header_row - 1]
        split = [next(csv.reader([line], delimiter=found.separator), []) for line in above]
        whole = [[cell.strip() for cell in (*line, *[""] * len(header))][: len(header)] for line in split]
        header = joined([*whole, header])
    return _named(header, found.frame, found.source_row + (header_row - 1), file, header_row, findings)


def _parquet(data: bytes, file: str, findings: Findings) -> Sheet | None:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
        body = frame.select(
            pl.col(name).cast(pl.String).alias(str(place)) for place, name in enumerate(frame.columns)
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        findings.add(file, "the file is not Parquet, or it is damaged", "Write it again.")
        return None
    numbers = pl.int_range(2, frame.height + 2, dtype=pl.Int64, eager=True)
    return _named([name.strip() for name in frame.columns], body, numbers, file, 1, findings)


def _workbook(data: bytes, file: str, sheet: str | None, findings: Findings) -> pl.DataFrame | None:
    """All cells of a sheet as text; formulas give the value that was saved with them."""
    fastexcel = _fastexcel()
    damaged = (
        fastexcel.FastExcelError,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        zipfile.BadZipFile,
        OSError,
        ValueError,
    )
    try:
        if data.startswith(b"PK") and _unpacked_bytes(data) > _MOST_BYTES:
            findings.add(file, "the workbook unpacks to more than 2 GB", "Save the sheet alone, or as CSV.")
            return None
        names = list(fastexcel.read_excel(data).sheet_names)
        if sheet is not None and sheet not in names:
            findings.add(file, f"there is no sheet {sheet}", f"Its sheets: {', '.join(names[:12])}.")
            return None
        return pl.read_excel(
            io.BytesIO(data),
            sheet_name=sheet or names[0],
            has_header=False,
            infer_schema_length=0,
            drop_empty_rows=False,
            drop_empty_cols=False,
            raise_if_empty=False,
            read_options={"skip_rows": 0},
        )
    except damaged:
        findings.add(
            file,
            "the workbook cannot be read: it is damaged, or has a password",
            "Save it again without a password.",
        )
        return None


def _fastexcel() -> Any:
    try:
        import fastexcel  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "workbooks need fastexcel. Install it: pip install 'turnpoint[excel]'"
        ) from error
    return fastexcel


def _unpacked_bytes(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(member.file_size for member in archive.infolist())


def _named(
    header: Sequence[str],
    body: pl.DataFrame,
    numbers: pl.Series,
    file: str,
    header_row: int,
    findings: Findings,
) -> Sheet | None:
    """The cells under their names; names that are missing or repeated are reported."""
    plain = body.with_columns(pl.all().str.strip_chars()).with_columns(pl.when(pl.all() != "").then(pl.all()))
    names: dict[str, str] = {}
    nameless = 0
    for place, written in enumerate(header):
        position = str(place)
        if not written and plain[position].null_count() == plain.height:
            continue
        nameless += not written
        name = written or f"column_{place + 1}"
        if name in names:
            again = next(
                f"{name} ({count})" for count in range(2, len(header) + 2) if f"{name} ({count})" not in names
            )
            findings.add(
                file,
                f"two columns are named {name}; the second is called {again}",
                "Give each a name of its own.",
                row=header_row,
                severity="warning",
            )
            name = again
        names[name] = position
    if nameless:
        findings.add(
            file,
            f"no name over {counted(nameless, 'column')} with cells: the header may be of merged cells",
            f"If the names are in another line than {header_row}, set header_row (map guess: --header-row).",
            row=header_row,
            severity="error" if nameless > len(names) / 2 else "warning",
        )
    if not names or findings.has_errors_in(file):
        if not names:
            findings.add(file, "the table has no columns", "Check sheet and header_row in the mapping.")
        return None
    frame = plain.select(
        numbers.alias(ROW), *(pl.col(position).alias(name) for name, position in names.items())
    )
    some = pl.any_horizontal(pl.col(list(names)).is_not_null())
    return Sheet(file, frame.filter(some), tuple(names))
