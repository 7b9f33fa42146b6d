"""From a file's column names to the declared ones."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.study.findings import Findings, as_read, kept
from turnpoint.study.schema import TABLES, Table, fold


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as a file gave it, before any conversion.

    Attributes:
        file: the file's name, for messages.
        frame: the file's columns under the file's names (stripped), all text when it came from a text file.
        source_row: line of the file of each row, the header being line 1 (record number + 1 in Parquet).
        separator: what separates the cells of a text file; None when there is no text to split.
    """

    file: str
    frame: pl.DataFrame
    source_row: pl.Series
    separator: str | None


def unique_names(header: list[str], frame: pl.DataFrame, file: str, findings: Findings) -> pl.DataFrame:
    """The frame under its header's names; empty and repeated names are reported, or dropped with an empty column."""
    names: dict[str, int] = {}
    keep: dict[str, str] = {}
    for place, written in enumerate(header):
        position = frame.columns[place]
        name = written
        if not name:
            if (
                frame[position]
                .cast(pl.String, strict=False)
                .str.strip_chars()
                .is_in(["", None], nulls_equal=True)
                .all()
            ):
                continue
            name = f"column_{place + 1}"
            findings.add(
                file,
                f"column {place + 1} has no name",
                f"Name it in the header; it is kept as {name}.",
                severity="warning",
            )
        key = fold(name) or name
        if key in names:
            findings.add(
                file,
                f"columns {names[key] + 1} and {place + 1} have the same name",
                "Remove one of them, or give it another name.",
                column=header[names[key]] or None,
            )
            continue
        names[key] = place
        keep[position] = name
    return frame.select(*keep).rename(keep)


def declared_names(raw: RawTable, table: Table, findings: Findings) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The frame with declared columns as `<name> as read`, the others as `<name> kept`.

    Returns:
        The frame and the names of the columns the schema does not know.
    """
    known = {fold(name): c.name for c in table.columns for name in (c.name, *c.aliases)}
    renamed: dict[str, str] = {}
    extras: list[str] = []
    for name in raw.frame.columns:
        declared = known.get(fold(name))
        if declared is not None and as_read(declared) not in renamed.values():
            renamed[name] = as_read(declared)
        elif fold(name) != "sourcerow":  # from a written-out frame: this file has rows of its own
            extras.append(name)
    missing = [c.name for c in table.columns if c.required and as_read(c.name) not in renamed.values()]
    for name in missing:
        report_missing_column(name, extras, raw.file, table, findings)
    renamed |= {name: kept(name) for name in extras}
    frame = raw.frame.select(*renamed).rename(renamed)
    return frame, tuple(extras)


def recognise(columns: list[str], stem: str) -> str | None:
    """The table a single file is: by the columns only one table has, by the file's name when they do not tell.

    >>> recognise(["Patient_ID", "day", "marker", "value", "unit"], "export"), recognise(["x"], "doses")
    ('markers', 'doses')
    """
    folded = {fold(name) for name in columns}
    hits = {
        table.name: sum(
            fold(name) in folded
            for column in table.columns
            if column.name in table.telling
            for name in (column.name, *column.aliases)
        )
        for table in TABLES.values()
    }
    most = max(hits.values())
    best = [name for name, count in hits.items() if count == most]
    if most > 0 and len(best) == 1:
        return best[0]
    return stem.casefold() if stem.casefold() in TABLES else None


def nearest(name: str, candidates: Sequence[str]) -> str | None:
    """The candidate most like a name, or None when none is near."""
    near = difflib.get_close_matches(
        fold(name), [fold(candidate) for candidate in candidates], n=1, cutoff=0.7
    )
    return next((candidate for candidate in candidates if near and fold(candidate) == near[0]), None)


def report_missing_column(
    name: str, extras: Sequence[str], file: str, table: Table, findings: Findings
) -> None:
    """Report a missing column, with the column of the file that may be meant.

    Args:
        name: the missing column.
        extras: the file's columns that the schema does not know.
        file: the file's name.
        table: its declaration.
        findings: where the problem goes.
    """
    hinted = {fold(hint) for hint in table.column(name).hints}
    near = next((extra for extra in extras if fold(extra) in hinted), None) or nearest(name, extras)
    looks_like = recognise(list(extras), "")
    if near is not None:
        mend = f"Rename the column {near} to {name} if that is what it is."
    elif looks_like is not None and looks_like != table.name:
        mend = f"Add it; or name the file {looks_like}, which its columns look like."
    else:
        required = ", ".join(column.name for column in table.columns if column.required)
        mend = f"Add it; {table.name} needs {required}" + (" and day or date." if table.timed else ".")
    findings.add(file, "the column is missing", mend, column=name)
