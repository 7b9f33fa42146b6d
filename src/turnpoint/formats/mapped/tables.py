"""From a wide table and its mapping to the tables of the study, every cell still as text for the study's own checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from turnpoint.errors import counted
from turnpoint.formats.mapped.cells import ROW, Sheet
from turnpoint.formats.mapped.dates import as_iso
from turnpoint.formats.mapped.declaration import SIZE_UNITS, TIME_UNITS, Block, Declaration, Source
from turnpoint.formats.mapped.ledger import Ledger
from turnpoint.formats.mapped.numbers import (
    number_in,
    one_diameter,
    plain_number,
    several_diameters,
    unit_beside,
)
from turnpoint.formats.mapped.silent import silent_cells
from turnpoint.study.cell_values import MISSING_WORDS
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES

_TICKED: Final = ("1", "1.0", "true", "yes", "x", "checked")
_NUMERIC: Final = ("number", "integer", "quantity")
# A row is there when one of these has a cell; the rest says more about it.
_TELLING: Final[Mapping[str, tuple[str, ...]]] = {
    "lesions": ("lesion_id", "diameter_mm", "status"),
    "markers": ("value",),
    "doses": ("drug", "dose", "action"),
    "events": ("term", "grade"),
}
_BLOCK: Final = "\x00block"
# The header is line 1 of a table.
_FIRST_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class MappedTable:
    """A table, and where each of its rows is from.

    Attributes:
        raw: the table, rows numbered from 2.
        rows: line of the file of each.
        blocks: number of the block of each.
    """

    raw: RawTable
    rows: pl.Series
    blocks: pl.Series


def mapped_tables(
    mapping: Declaration, sheet: Sheet, findings: Findings, ledger: Ledger
) -> dict[str, MappedTable]:
    """The tables that a mapping makes of a sheet, those with rows only.

    Args:
        mapping: what it says.
        sheet: the wide table; it has every column that the mapping names.
        findings: where problems go.
        ledger: where rows go that cannot be used.
    """
    frame = _plain(mapping, sheet)
    _report_decimals(mapping, sheet, frame, findings)
    _report_diameters(mapping, sheet, frame, findings)
    parts: dict[str, list[pl.DataFrame]] = {}
    used: list[pl.Series] = []
    for number, block in enumerate(mapping.blocks):
        rows = _rows(mapping, block, frame)
        used.append(rows[ROW])
        nobody, never = pl.col("patient_id").is_null(), _timeless(rows)
        ledger.leave_rows(block, rows.filter(nobody), "the row has no patient")
        ledger.leave_rows(block, rows.filter(never & ~nobody), "the row has neither a day nor a date")
        kept = pl.concat(
            [rows.filter(~nobody & ~never), *_baselines(mapping, block, frame, sheet.file, findings)],
            how="diagonal",
        ).with_columns(pl.lit(number, dtype=pl.Int64).alias(_BLOCK))
        parts.setdefault(block.table, []).append(kept)
    _leave_unread(mapping, frame, used, ledger)
    tables = {table: _table(table, frames) for table, frames in parts.items()}
    patients = _patients(mapping, frame, tables, sheet.file, findings)
    found = {"patients": patients} if patients is not None else {}
    return found | {name: table for name, table in tables.items() if table.raw.frame.height}


def _plain(mapping: Declaration, sheet: Sheet) -> pl.DataFrame:
    """The sheet without the cells that say nothing."""
    frame = sheet.frame
    named = [column for column in mapping.columns() if column in sheet.columns]
    cell = pl.col(named)
    frame = frame.with_columns(pl.when(~cell.str.to_lowercase().is_in(list(MISSING_WORDS))).then(cell))
    for name, silent, _ in silent_cells(mapping, sheet):
        frame = frame.with_columns(pl.when(~silent).then(pl.col(name)))
    return frame.with_columns(pl.col(column).forward_fill() for column in mapping.fill_down)


def _rows(mapping: Declaration, block: Block, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of one block, as columns of its table, with `ROW`."""
    for column, allowed in block.only.items():
        frame = frame.filter(pl.col(column).is_in(list(allowed)))
    table = TABLES[block.table]
    fields = {name: _cell(one) for name, one in block.fields.items()}
    times = {
        name: pl.coalesce(*(_cell(one[name]) for one in (block.fields, mapping.times) if name in one))
        for name in ("day", "date")
        if name in block.fields or name in mapping.times
    }
    # A time of its own stands in place of the row's, whichever of day and date that is.
    own = {"day", "date"} & block.fields.keys()
    for name in {"day", "date"} - own if own else ():
        if name in times:
            instead = pl.any_horizontal(_cell(block.fields[other]).is_not_null() for other in own)
            times[name] = pl.when(~instead).then(times[name])
    fields |= times
    telling = [
        name for name in _TELLING[block.table] if name in block.fields and block.fields[name].constant is None
    ]
    there = (
        pl.any_horizontal(fields[name].is_not_null() for name in telling) if telling else pl.lit(value=False)
    )
    if block.table == "lesions":
        fields |= _states(mapping, block, fields)
    if block.table == "markers":
        fields |= _results(mapping, fields)
    shaped = {
        name: _shaped(mapping, cell, table.column(name).kind, block.fields.get(name, mapping.times.get(name)))
        if name != "diameter_mm"
        else cell
        for name, cell in fields.items()
    }
    return frame.filter(there).select(
        pl.col(ROW),
        _cell(mapping.patient).alias("patient_id"),
        *(cell.alias(name) for name, cell in shaped.items()),
    )


def _baselines(
    mapping: Declaration, block: Block, frame: pl.DataFrame, file: str, findings: Findings
) -> list[pl.DataFrame]:
    """The row of the baseline for each patient of whom only later changes in percent are known."""
    size = block.fields.get("diameter_mm")
    if size is None or size.percent_of is None or size.column is None:
        return []
    change = _plain_float(pl.col(size.column), mapping)
    of = (
        _plain_float(pl.col(size.percent_of), mapping)
        if isinstance(size.percent_of, str)
        else pl.lit(size.percent_of)
    )
    start = mapping.patients.get("start_date")
    timed = "day" in block.fields or "day" in mapping.times
    day = pl.lit("0" if timed else None, dtype=pl.String)
    date = (
        pl.lit(None, dtype=pl.String)
        if timed or start is None
        else _shaped(mapping, _cell(start), "date", start)
    )
    told = frame.select(
        pl.col(ROW), _cell(mapping.patient).alias("patient_id"), change.alias("change"), of.alias("of"),
        day.alias("day"), date.alias("date"),
    ).filter(pl.col("patient_id").is_not_null())  # fmt: skip
    first = told.group_by("patient_id", maintain_order=True).agg(
        pl.col(ROW).first(),
        (pl.col("change") == 0).any().alias("known"),
        pl.col("change").is_not_null().any().alias("some"),
        *(pl.col(name).drop_nulls().first() for name in ("of", "day", "date")),
    )
    lacking = first.filter(~pl.col("known").fill_null(value=False) & pl.col("some"))
    dateless = lacking.filter(pl.col("day").is_null() & pl.col("date").is_null())
    if dateless.height:
        findings.add(
            file,
            f"the day of the baseline that changes are from is not known, for {counted(dateless.height, 'patient')}",
            "Add the row of the baseline, with a change of 0, or the start of treatment.",
            row=dateless[ROW][0],
            column=size.column,
        )
    constant = {
        name: one.constant for name, one in block.fields.items() if one.constant is not None and name != "day"
    }
    rows = lacking.filter(pl.col("day").is_not_null() | pl.col("date").is_not_null()).select(
        ROW, "patient_id",
        *(pl.lit(text).alias(name) for name, text in constant.items()),
        pl.col("of").round(3).cast(pl.String).alias("diameter_mm"),
        pl.lit("measured").alias("status"),
        pl.col("day") if timed else pl.col("date"),
    )  # fmt: skip
    return [rows]


def _telling(block: Block) -> list[str]:
    """The columns of the file that make a row of the block."""
    return [
        column
        for name in _TELLING[block.table]
        if name in block.fields
        for column in block.fields[name].columns
    ]


def _cell(source: Source) -> pl.Expr:
    """The cells of one column, with the meanings that the mapping gives them."""
    if source.constant is not None:
        return pl.lit(source.constant)
    if source.checkboxes:
        texts = [
            pl.when(pl.col(column).str.to_lowercase().is_in(_TICKED)).then(pl.lit(text))
            for column, text in source.checkboxes.items()
        ]
        joined = pl.concat_str(texts, separator=", ", ignore_nulls=True)
        return pl.when(joined != "").then(joined)
    cell = pl.col(source.column or "")
    if not source.values:
        return cell
    meant = cell.replace(source.values)
    return pl.when(meant != "").then(meant)


def _states(mapping: Declaration, block: Block, fields: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Size and status of a lesion: a word in place of a size is its state, a size without a state is measured."""
    nothing = pl.lit(None, dtype=pl.String)
    size, said = fields.get("diameter_mm", nothing), fields.get("status", nothing)
    folded = size.str.to_lowercase()
    word = nothing
    for status, words in mapping.words.items():
        if status == "not_detected":  # of markers
            continue
        word = pl.when(folded.is_in([one.casefold() for one in words])).then(pl.lit(status)).otherwise(word)
    number = pl.when(word.is_null()).then(size)
    states = {"status": pl.coalesce(said, word, pl.when(number.is_not_null()).then(pl.lit("measured")))}
    if "diameter_mm" in fields:
        node = block.fields.get("node", Source()).constant == "true"
        one = one_diameter(number, "," if mapping.decimal_mark == "," else ".", node=node)
        states["diameter_mm"] = _in_mm(mapping, one, block.fields["diameter_mm"])
    return states


def _results(mapping: Declaration, fields: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    """A marker's value without the laboratory's flag, its unit where the cell names one, 0 where nothing was found."""
    cell = fields["value"]
    nothing = cell.str.to_lowercase().is_in(
        [word.casefold() for word in mapping.words.get("not_detected", ())]
    )
    # The reader takes a 0 as below the limit of the assay.
    value = pl.when(nothing).then(pl.lit("0")).otherwise(number_in(cell))
    unit = pl.coalesce(unit_beside(cell), fields["unit"]) if "unit" in fields else unit_beside(cell)
    return {"value": value, "unit": unit}


def _in_mm(mapping: Declaration, cell: pl.Expr, source: Source) -> pl.Expr:
    text = plain_number(number_in(cell), mapping.decimal_mark)
    number = text.cast(pl.Float64, strict=False)
    if source.percent_of is not None:
        of = source.percent_of
        base = pl.col(of).pipe(_plain_float, mapping) if isinstance(of, str) else pl.lit(of)
        return pl.coalesce((base * (1 + number / 100)).round(3).cast(pl.String), text)
    unit = pl.lit(source.unit)
    if source.unit_column is not None:
        unit = pl.coalesce(pl.col(source.unit_column).str.to_lowercase().str.strip_chars(), unit)
    # A cell that writes its own unit is in that one.
    unit = pl.coalesce(unit_beside(cell), unit).replace(["毫米", "厘米"], ["mm", "cm"])
    factor = unit.replace_strict(dict(SIZE_UNITS), default=None, return_dtype=pl.Float64)
    # A micrometre is finer than any reading, and coarser than the error of the multiplication.
    scaled = pl.when(factor != 1).then((number * factor).round(3).cast(pl.String))
    unknown = pl.when(factor.is_null() & cell.is_not_null()).then(pl.format("{} {}", text, unit))
    return pl.coalesce(unknown, scaled, text)


def _plain_float(cell: pl.Expr, mapping: Declaration) -> pl.Expr:
    return plain_number(number_in(cell), mapping.decimal_mark).cast(pl.Float64, strict=False)


def _shaped(mapping: Declaration, cell: pl.Expr, kind: str, source: Source | None) -> pl.Expr:
    if kind == "date":
        own = () if source is None else source.date_formats
        return as_iso(cell, *(own or mapping.date_formats))
    if kind not in _NUMERIC:
        return cell
    text = plain_number(cell, mapping.decimal_mark)
    if source is not None and TIME_UNITS.get(source.unit, 1.0) != 1:
        days = (text.cast(pl.Float64, strict=False) * TIME_UNITS[source.unit]).round(0)
        return pl.coalesce(days.cast(pl.Int64).cast(pl.String), text)
    return text


def _report_decimals(mapping: Declaration, sheet: Sheet, frame: pl.DataFrame, findings: Findings) -> None:
    """With a decimal comma a point may part thousands: no number is read that could be another."""
    if mapping.decimal_mark != ",":
        return
    columns = {
        column
        for block in mapping.blocks
        for name, one in block.fields.items()
        if TABLES[block.table].column(name).kind in _NUMERIC
        for column in one.columns
    }
    for column in sorted(columns):
        doubtful = frame.filter(
            pl.col(column).str.contains(r"\d\.\d{3}\b|\d\.\d+,|,\d+,")
            & ~pl.col(column).str.contains(r"^\D*\d{1,3}(\.\d{3})+,\d+\D*$")
        )
        if doubtful.height:
            findings.add(
                sheet.file,
                f"a point in {counted(doubtful.height, 'cell')}, though decimal_mark is a comma",
                "Write the numbers without a mark for thousands.",
                row=doubtful[ROW][0],
                column=column,
                value=doubtful[column][0],
            )


def _report_diameters(mapping: Declaration, sheet: Sheet, frame: pl.DataFrame, findings: Findings) -> None:
    """Say which of several diameters in one cell is read."""
    for block in mapping.blocks:
        size = block.fields.get("diameter_mm")
        if block.table != "lesions" or size is None or size.column is None:
            continue
        found = frame.filter(several_diameters(pl.col(size.column)))
        if found.height:
            node = block.fields.get("node", Source()).constant == "true"
            findings.add(
                sheet.file,
                f"{counted(found.height, 'cell')} with several diameters: the "
                f"{'shortest is read, as of a lymph node' if node else 'longest is read'}",
                "Nothing to do if that is right.",
                row=found[ROW][0],
                column=size.column,
                value=found[size.column][0],
                severity="warning",
            )


def _timeless(rows: pl.DataFrame) -> pl.Expr:
    times = [pl.col(name).is_null() for name in ("day", "date") if name in rows.columns]
    return pl.all_horizontal(times) if times else pl.lit(value=True)


def _leave_unread(
    mapping: Declaration, frame: pl.DataFrame, used: Sequence[pl.Series], ledger: Ledger
) -> None:
    """Rows with cells in columns of blocks, which `only` keeps every block from reading."""
    columns = list(dict.fromkeys(column for block in mapping.blocks for column in _telling(block)))
    if not columns:
        return
    seen = pl.concat(used).unique().to_frame()
    left = frame.filter(pl.any_horizontal(pl.col(columns).is_not_null())).join(seen, on=ROW, how="anti")
    ledger.leave_cells(left, columns, "no block of the mapping reads the row (see only)", warn=True)


def _table(table: str, frames: Sequence[pl.DataFrame]) -> MappedTable:
    whole = pl.concat(frames, how="diagonal").sort(ROW, _BLOCK)
    numbers = pl.int_range(_FIRST_ROW, whole.height + _FIRST_ROW, dtype=pl.Int64, eager=True)
    raw = RawTable(table, whole.drop(ROW, _BLOCK), numbers.alias("source_row"), None)
    return MappedTable(raw, whole[ROW], whole[_BLOCK])


def _patients(
    mapping: Declaration,
    frame: pl.DataFrame,
    tables: Mapping[str, MappedTable],
    file: str,
    findings: Findings,
) -> MappedTable | None:
    """One row a patient: what any of the rows says; rows that contradict each other are an error."""
    schema = TABLES["patients"]
    fields = {
        name: _shaped(mapping, _cell(one), schema.column(name).kind, one)
        for name, one in mapping.patients.items()
    }
    told = frame.select(
        pl.col(ROW),
        _cell(mapping.patient).alias("patient_id"),
        *(cell.alias(name) for name, cell in fields.items()),
    ).filter(pl.col("patient_id").is_not_null())
    for name in fields:
        known = told.filter(pl.col(name).is_not_null())
        first = pl.col(name).first().over("patient_id")
        other = known.filter(pl.col(name) != first)
        if other.height:
            findings.add(
                file,
                f"differs from an earlier row of the same patient, in {counted(other.height, 'row')}",
                "Write the same in all rows of a patient, or in one only.",
                row=other[ROW][0],
                column=(mapping.patients[name].columns or (name,))[0],
                value=other[name][0],
            )
    whole = told.group_by("patient_id", maintain_order=True).agg(
        pl.col(ROW).first(), *(pl.col(name).drop_nulls().first() for name in fields)
    )
    if mapping.day_zero_is_first_date and "start_date" not in fields:
        whole = whole.join(_first_dates(tables), on="patient_id", how="left", maintain_order="left")
    if whole.is_empty():
        return None
    numbers = pl.int_range(_FIRST_ROW, whole.height + _FIRST_ROW, dtype=pl.Int64, eager=True)
    raw = RawTable("patients", whole.drop(ROW), numbers.alias("source_row"), None)
    return MappedTable(raw, whole[ROW], pl.repeat(-1, whole.height, dtype=pl.Int64, eager=True))


def _first_dates(tables: Mapping[str, MappedTable]) -> pl.DataFrame:
    """The first date of an observation or a dose of each patient."""
    dated = [
        table.raw.frame.select("patient_id", pl.col("date").str.to_date("%Y-%m-%d", strict=False))
        for table in tables.values()
        if "date" in table.raw.frame.columns
    ]
    empty = pl.DataFrame(schema={"patient_id": pl.String, "date": pl.Date})
    first = pl.concat([empty, *dated]).group_by("patient_id").agg(pl.col("date").min())
    return first.select("patient_id", pl.col("date").dt.strftime("%Y-%m-%d").alias("start_date"))
