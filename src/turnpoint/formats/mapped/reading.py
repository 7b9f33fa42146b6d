"""Wide tables as people keep them (CSV, REDCap exports, Excel), read by a mapping file that says what each column is.

The mapping (TOML, `document`) names its table, so it is itself what commands take as the study; a table with
`NAME.mapping.toml` beside it will do as well. `turnpoint map guess` writes a first one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import Problem
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted, with_aside
from turnpoint.formats.mapped.cells import Sheet, read_sheet
from turnpoint.formats.mapped.declaration import Declaration, Source
from turnpoint.formats.mapped.document import parsed
from turnpoint.formats.mapped.ledger import Ledger
from turnpoint.formats.mapped.tables import MappedTable, mapped_tables
from turnpoint.study.findings import Findings
from turnpoint.study.naming import nearest
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.validation import build

MAPPING_ENDING: Final = ".mapping.toml"
_MARK: Final = re.compile(r"""^\s*format\s*=\s*["']turnpoint mapping""", re.MULTILINE)
_LOOKED_AT: Final = 64 * 1024
_MOST_BYTES: Final = 8 * 2**20
_FIRST_ROW: Final = 2


def recognises(path: Path) -> bool:
    """True for a mapping file, a table with its mapping beside it, and a folder with one mapping in it."""
    try:
        return mapping_of(path) is not None
    except OSError:
        return False


def inspect(path: Path, needed: Collection[str] = tuple(TABLES)) -> tuple[Study | None, tuple[Problem, ...]]:
    """Read a wide table by its mapping, and list every problem, without raising on bad data.

    Args:
        path: the mapping, the table beside it, or the folder of both.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).

    Returns:
        The study, None when there is any error; everything found.

    Raises:
        MissingExtraError: the table is a workbook, and fastexcel is not installed.
    """
    found = _convert(path, needed, with_side_table=False)
    return found.study, found.problems


def convert(path: Path) -> Converted:
    """Read a wide table by its mapping, with what the mapping leaves out beside it.

    Args:
        path: as for `inspect`.

    Raises:
        MissingExtraError: the table is a workbook, and fastexcel is not installed.
    """
    return _convert(path, tuple(TABLES), with_side_table=True)


def mapping_of(path: Path) -> Path | None:
    """The mapping file that a path means."""
    if path.is_dir():
        inside = [file for file in sorted(path.glob("*.toml")) if _is_mapping(file)]
        return inside[0] if len(inside) == 1 else None
    if _is_mapping(path):
        return path
    beside = path.with_name(path.stem + MAPPING_ENDING)
    return beside if path.is_file() and _is_mapping(beside) else None


def _is_mapping(file: Path) -> bool:
    if file.suffix.lower() != ".toml" or not file.is_file():
        return False
    with file.open("rb") as stream:
        return _MARK.search(stream.read(_LOOKED_AT).decode("utf-8", errors="replace")) is not None


def _convert(path: Path, needed: Collection[str], *, with_side_table: bool) -> Converted:
    findings = Findings()
    nothing = pl.DataFrame(schema=UNMAPPED_SCHEMA)
    try:
        place = mapping_of(path)
        read = None if place is None else _declared(place, findings)
    except OSError:
        findings.add(path.name, "cannot be opened", "Check the path and your rights to it.")
        return Converted(None, findings.listed(), nothing)
    if place is None or read is None:
        return Converted(None, findings.listed(), nothing)
    mapping, sheet = read
    name = place.name.removesuffix(MAPPING_ENDING).removesuffix(".toml")
    return read_mapped(mapping, sheet, name, findings, needed, with_side_table=with_side_table)


def read_mapped(
    mapping: Declaration,
    sheet: Sheet,
    name: str,
    findings: Findings,
    needed: Collection[str] = tuple(TABLES),
    *,
    with_side_table: bool,
) -> Converted:
    """A table as its mapping says.

    Args:
        mapping: names columns of the sheet only.
        sheet: the table.
        name: of the study.
        findings: what is known already, and where problems go.
        needed: as for `inspect`.
        with_side_table: true to keep what is left out.
    """
    nothing = pl.DataFrame(schema=UNMAPPED_SCHEMA)
    ledger = Ledger(sheet, mapping)
    tables = mapped_tables(mapping, sheet, findings, ledger)
    ledger.report(findings)
    study, problems = build(
        {table: one.raw for table, one in tables.items()}, name, findings, needed, as_written=True
    )
    problems = tuple(_located(problem, tables, mapping, sheet.file, name) for problem in problems)
    if study is not None:
        warnings = tuple(problem for problem in problems if problem.severity == "warning")
        study = _with_lines(replace(study, problems=warnings), tables)
    unmapped = ledger.unmapped() if with_side_table else nothing

    def located(table: str, rows: pl.DataFrame) -> pl.DataFrame:
        lines = tables[table].rows.gather(rows["row"] - _FIRST_ROW)
        return rows.with_columns(pl.lit(sheet.file).alias("file"), lines.cast(pl.Int64).alias("row"))

    return Converted(study, problems, with_aside(unmapped, findings, located))


def _declared(place: Path, findings: Findings) -> tuple[Declaration, Sheet] | None:
    """The mapping and its table; None when one of them has mistakes."""
    if place.stat().st_size > _MOST_BYTES:
        findings.add(place.name, "too large for a mapping", "Check that it is the mapping and not the table.")
        return None
    try:
        text = place.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        findings.add(place.name, "not UTF-8", "Save the mapping as UTF-8.")
        return None
    mapping = parsed(text, place.name, findings)
    if mapping is None:
        return None
    file = Path(mapping.file)
    if file.is_absolute() or ".." in file.parts:
        findings.add(
            place.name,
            "the table is not beside the mapping",
            "Put both in one folder, and write the name alone.",
            column="file",
        )
        return None
    sheet = read_sheet(place.parent / file, mapping.sheet, mapping.header_row, findings, mapping.header_lines)
    if sheet is None:
        return None
    report_unknown_columns(mapping, sheet, place.name, findings)
    return None if findings.has_errors else (mapping, sheet)


def report_unknown_columns(mapping: Declaration, sheet: Sheet, file: str, findings: Findings) -> None:
    """Report the columns that a mapping names and its table has not."""
    for column, key in mapping.columns().items():
        if column not in sheet.columns:
            meant = nearest(column, sheet.columns)
            findings.add(
                file,
                f"{sheet.file} has no such column",
                f"Is {meant} meant?" if meant else f"Its columns: {', '.join(sheet.columns[:12])}.",
                column=key,
                value=column,
            )


def _located(
    problem: Problem, tables: Mapping[str, MappedTable], mapping: Declaration, file: str, name: str
) -> Problem:
    """A problem of a table as one of the line and the column of the wide table that it is from."""
    table = tables.get(problem.file)
    if table is None:
        return replace(problem, file=file) if problem.file == name else problem

    def line(number: int) -> int | None:
        return table.rows[number - _FIRST_ROW] if 0 <= number - _FIRST_ROW < len(table.rows) else None

    def said(found: re.Match[str]) -> str:
        other = line(int(found[2]))
        return found[0] if other is None else f"{found[1]} {other}"

    row = None if problem.row is None else line(problem.row)
    fields: Mapping[str, Source] = mapping.patients
    if row is not None and problem.row is not None:
        block = int(table.blocks[problem.row - _FIRST_ROW])
        fields = fields if block < 0 else {**mapping.times, **mapping.blocks[block].fields}
    elif problem.file != "patients":
        fields = {}
    source = fields.get(problem.column or "")
    column = next(iter(source.columns if source is not None else ()), problem.column)
    mend = re.sub(r"\b([Rr]ow) (\d{1,9})\b", said, problem.mend)
    return replace(problem, file=file, row=row, column=column, mend=mend)


def _with_lines(study: Study, tables: Mapping[str, MappedTable]) -> Study:
    """The study with the lines of the wide table as `source_row`."""

    def lines(frame: pl.DataFrame, name: str) -> pl.DataFrame:
        if name not in tables or frame.is_empty():
            return frame
        index = frame["source_row"] - _FIRST_ROW
        found = tables[name].rows.gather(index.fill_null(0))
        return frame.with_columns(pl.when(index.is_not_null()).then(found).alias("source_row"))

    return replace(
        study,
        patients=lines(study.patients, "patients"),
        lesions=lines(study.lesions, "lesions"),
        markers=lines(study.markers, "markers"),
        doses=lines(study.doses, "doses"),
        events=lines(study.events, "events"),
    )
