"""From text to cells: separator, quotes and ragged rows, with the line of the file kept for every row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from turnpoint.study.findings import LISTED_PER_RULE, Findings
from turnpoint.study.schema import TABLES, fold

_SEPARATORS: Final = (",", ";", "\t", "|")
_SEPARATOR_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_KNOWN_NAMES: Final = frozenset(
    fold(name)
    for table in TABLES.values()
    for column in table.columns
    for name in (column.name, *column.aliases)
)


@dataclass(frozen=True, slots=True)
class Cells:
    """What a delimited text holds, all text.

    Attributes:
        header: the column names as written.
        frame: one String column a header name, named `0`, `1`, ...; a missing cell is an empty string.
        source_row: line of the file each row starts on, the first line being 1.
        separator: the separator found.
    """

    header: list[str]
    frame: pl.DataFrame
    source_row: pl.Series
    separator: str


def cells(text: str, file: str, findings: Findings) -> Cells | None:
    r"""Split a text into cells; rows with too many or too few fields are reported and left out.

    Args:
        text: the whole file, line ends as `\n`.
        file: the file's name, for messages.
        findings: where problems go.

    Returns:
        The cells, or None when there is not even a header (reported).
    """
    if not text.strip():
        findings.add(file, "the file is empty", "Export it again, or leave the file out.")
        return None
    first_line, declared = _header_line(text)
    separator = declared or _find_separator(first_line)
    try:
        rows = _quoted_rows(text, separator) if '"' in text else _plain_rows(text, separator)
    except csv.Error as error:
        findings.add(
            file, f"the text cannot be split into cells ({error})", "Look for a quote that is not closed."
        )
        return None
    if declared:
        rows = rows.slice(1)
    if rows.is_empty():  # nothing but quotes, or only Excel's separator line
        findings.add(file, "the file has no header", "Export it again, or leave the file out.")
        return None
    header = [name.strip() for name in rows["fields"][0]]
    while len(header) > 1 and not header[-1]:
        header.pop()
    body = _whole_rows(rows.slice(1), len(header), file, _SEPARATOR_NAMES.get(separator, separator), findings)
    frame = body.select(
        pl.col("fields").list.get(place, null_on_oob=True).alias(str(place)) for place in range(len(header))
    )
    return Cells(header, frame, body["source_row"], separator)


def _header_line(text: str) -> tuple[str, str | None]:
    """The first line with something on it, and the separator when Excel's `sep=;` declares one before it."""
    lines = (line for line in text.split("\n") if line.strip())
    first = next(lines)
    if first.lower().startswith("sep=") and len(first.strip("\n")) == len("sep=") + 1:
        return next(lines, ""), first[-1]
    return first, None


def fields(line: str, separators: Sequence[str] = _SEPARATORS) -> list[str]:
    """The fields of one line by whichever separator gives most, the first of equals; before a file is read."""
    return max((next(csv.reader([line], delimiter=mark), []) for mark in separators), key=len)


def _find_separator(line: str) -> str:
    """The separator that gives the most known column names, and among those the most columns."""

    def score(separator: str) -> tuple[int, int]:
        names = next(csv.reader([line], delimiter=separator), [])
        return sum(fold(name) in _KNOWN_NAMES for name in names), len(names)

    try:
        return max(_SEPARATORS, key=score)
    except csv.Error:
        return ","


def _plain_rows(text: str, separator: str) -> pl.DataFrame:
    """Rows of a text without quotes, where every line is a row: all in Polars."""
    lines = pl.DataFrame({"line": [text]}, schema={"line": pl.String}).select(
        pl.col("line").str.split("\n").explode()
    )
    return (
        lines.with_row_index("source_row", offset=1)
        .filter(pl.col("line").str.strip_chars() != "")
        .select(
            pl.col("source_row").cast(pl.Int64),
            pl.col("line").str.split(separator).alias("fields"),
        )
    )


def _quoted_rows(text: str, separator: str) -> pl.DataFrame:
    """Rows of a text with quotes, where a row may span lines: by the standard library's reader."""
    # Joined again by a letter that the text lacks: Polars splits strings far faster than it takes lists of lists.
    joint = next(letter for letter in map(chr, range(0xE000, 0x110000)) if letter not in text)
    reader = csv.reader(_lines(text), delimiter=separator)
    starts: list[int] = []
    joined: list[str] = []
    previous = 0
    for row in reader:
        if row and (len(row) > 1 or row[0].strip()):
            starts.append(previous + 1)
            joined.append(joint.join(row))
        previous = reader.line_num
    frame = pl.DataFrame(
        {"source_row": starts, "joined": joined}, schema={"source_row": pl.Int64, "joined": pl.String}
    )
    return frame.select("source_row", pl.col("joined").str.split(joint).alias("fields"))


def _lines(text: str) -> Iterator[str]:
    return (line + "\n" for line in text.split("\n"))


def _whole_rows(
    rows: pl.DataFrame, width: int, file: str, separator: str, findings: Findings
) -> pl.DataFrame:
    """The rows with as many fields as the header; others are reported, rows of empty cells are left out."""
    count = pl.col("fields").list.len()
    beyond = pl.col("fields").list.slice(width).list.join("").str.strip_chars()
    # Empty cells beyond the header are a spreadsheet's doing when all rows have them, else a shifted row.
    evenly = count.min() == count.max()
    fits = (count == width) | ((count > width) & evenly & (beyond == "").all())
    blank = pl.col("fields").list.join("").str.strip_chars() == ""
    rows = rows.filter(~blank).with_columns(count.alias("count"), fits.alias("fits"))
    ragged = rows.filter(~pl.col("fits"))
    for row, fields, found in (
        ragged.head(LISTED_PER_RULE).select("source_row", "fields", "count").iter_rows()
    ):
        spans_lines = any("\n" in cell for cell in fields)
        mend = (
            "Close the quote that opens in this row."
            if spans_lines
            else f"Put quotes around a cell that holds a {separator}, and keep empty cells at the end of the row."
        )
        findings.add(file, f"the row has {found} cells, the header has {width}", mend, row=row)
    if ragged.height > LISTED_PER_RULE:
        findings.add(
            file,
            f"{ragged.height - LISTED_PER_RULE:,} more rows have too many or too few cells",
            "Mend those listed and check again.",
        )
    return rows.filter("fits")
