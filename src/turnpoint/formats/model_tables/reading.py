"""A table of NONMEM, Monolix or nlmixr2 becomes a study.

The rules:

1. An observation is a row with EVID 0 (or none), MDV 0 (or none) and no AMT; a dose one with EVID 1 or 4, or, without
   EVID, with AMT above 0. Other rows (EVID 2 and 3, a missing DV) go to the side table.
2. What is observed is said by the declaration (`declaration`), or else by the name that DVID, YTYPE or DVNAME has. What
   neither says is left out and named; when nothing is known it is an error that says what to write.
3. The sum of diameters is one target lesion of that name; 0 mm is absent, below a limit is too small.
4. TIME 0 is day 0. TIME counts days unless the declaration says otherwise (warned of); times of day are left off.
5. Below a limit (CENS or BLQ 1) the limit is LLOQ, or else DV where it is above 0, or else LIMIT; above one (CENS -1)
   it is DV.
6. ADDL doses follow every II: a dose a day is a start and a stop, any other is written out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import counted
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted, with_aside
from turnpoint.formats.model_tables.declaration import (
    DAYS_PER_UNIT,
    MM_PER_UNIT,
    SUM_OF_DIAMETERS,
    Declaration,
    Observation,
    beside,
    declared,
    named_observation,
)
from turnpoint.formats.model_tables.table import LINE, ModelTable, is_model_table, read_table
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.validation import build

UNREAD_COLUMN: Final = "a column of the model table that is not read"
COMMENTED: Final = "a record that is commented out"
NO_OBSERVATION: Final = "a record that is neither an observation nor a dose (EVID, MDV, no DV)"
UNKNOWN_OBSERVATION: Final = "an observation of which it is not said what it is"
UNKNOWN_DOSE: Final = "a dose of which it is not said of what"
NO_LIMIT: Final = "an observation below a limit that is not given"
_MOST_NAMED: Final = 12
_DAY: Final = 1.0
_NUMBERS: Final = ("TIME", "DV", "EVID", "MDV", "AMT", "ADDL", "II", "CENS", "BLQ", "LLOQ", "LIMIT")


def recognises(path: Path) -> bool:
    """True for a table of models, alone or as the only one of a folder."""
    return _table_in(path) is not None


def convert(path: Path, needed: Collection[str] = tuple(TABLES)) -> Converted:
    """Read a model table as a study, with what the study has no place for beside it.

    Args:
        path: the table, or the folder that holds it.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).
    """
    findings = Findings()
    place = _table_in(path) or path
    told = declared(place, findings)
    table = read_table(place, findings)
    left: list[pl.DataFrame] = [pl.DataFrame(schema=UNMAPPED_SCHEMA)]
    if table is None:
        return Converted(None, findings.listed(), left[0])
    tables = _tables(table, told, beside(place).name, findings, left)
    unmapped = pl.concat(left, how="diagonal")
    identifiers = frozenset(tables["patients"]["patient_id"]) if "patients" in tables else frozenset()
    if findings.has_errors:
        return Converted(None, findings.listed(identifiers), unmapped)
    raw = {
        name: RawTable(place.name, frame.drop(LINE), frame[LINE].alias("source_row"), None)
        for name, frame in tables.items()
        if frame.height
    }
    study, problems = build(raw, place.stem, findings, needed)
    return Converted(study, problems, with_aside(unmapped, findings))


def _table_in(path: Path) -> Path | None:
    try:
        if not path.is_dir():
            return path if is_model_table(path) else None
        inside = [file for file in sorted(path.iterdir()) if file.is_file() and is_model_table(file)]
    except OSError:
        return None
    return inside[0] if len(inside) == 1 else None


def _tables(
    table: ModelTable, told: Declaration, declaration: str, findings: Findings, left: list[pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """The tables of the study, each with `LINE`."""
    _report_numbers(table, findings)
    if findings.has_errors:
        return {}
    left.append(_side_rows(table, table.commented, COMMENTED))
    _leave_columns(table, findings, left)
    frame = _typed(table, told, declaration, findings)
    amount = (pl.col("AMT") > 0).fill_null(value=False)
    is_dose = pl.when(pl.col("EVID").is_null()).then(amount).otherwise(pl.col("EVID").is_in([1.0, 4.0]))
    below = (pl.col("CENS") == 1) | (pl.col("BLQ") == 1)
    said = pl.col("DV").is_not_null() | (below & pl.coalesce("LLOQ", "LIMIT").is_not_null())
    observed = (
        ~is_dose
        & (pl.col("EVID").fill_null(0) == 0)
        & ((pl.col("MDV").fill_null(0) == 0) | below.fill_null(value=False))
        & said.fill_null(value=False)
    )
    rest = frame.filter(~is_dose & ~observed)
    _leave(table, rest, NO_OBSERVATION, "Nothing to do.", findings, left)
    people = frame.select("patient_id", LINE).unique("patient_id", keep="first", maintain_order=True)
    lesions, markers = _observations(table, frame.filter(observed), told, declaration, findings, left)
    doses = _doses(table, frame.filter(is_dose), told, declaration, findings, left)
    return {"patients": people, "lesions": lesions, "markers": markers, "doses": doses}


def _report_numbers(table: ModelTable, findings: Findings) -> None:
    """What should be a number and is none, and rows without ID or TIME."""
    for name in _NUMBERS:
        wrong = table.frame.filter(
            pl.col(name).is_not_null() & pl.col(name).cast(pl.Float64, strict=False).is_null()
        )
        if wrong.height:
            clock = name == "TIME" and ":" in wrong[name][0]
            findings.add(
                table.file,
                f"not a number, in {counted(wrong.height, 'row')}",
                "Write the time since the first dose as a number, in one unit."
                if clock
                else "Write a number, or . for a missing one.",
                row=wrong[LINE][0],
                column=name,
                value=wrong[name][0],
            )
    for name in ("ID", "TIME"):
        empty = table.frame.filter(pl.col(name).is_null())
        if empty.height:
            findings.add(
                table.file,
                f"the cell is empty, in {counted(empty.height, 'row')}",
                f"Write {name} in every row.",
                row=empty[LINE][0],
                column=name,
            )


def _leave_columns(table: ModelTable, findings: Findings, left: list[pl.DataFrame]) -> None:
    if not table.unread:
        return
    rows = [(table.file, name, UNREAD_COLUMN) for name in table.unread]
    schema = {"file": pl.String, "name": pl.String, "reason": pl.String}
    left.append(pl.DataFrame(rows, schema=schema, orient="row"))
    named = ", ".join(table.unread[:_MOST_NAMED]) + (", ..." if len(table.unread) > _MOST_NAMED else "")
    findings.add(
        table.file,
        f"columns that are not read: {named}",
        "Nothing to do, unless one of them is what is observed.",
        severity="warning",
    )


def _typed(table: ModelTable, told: Declaration, declaration: str, findings: Findings) -> pl.DataFrame:
    """Numbers as numbers, `patient_id`, `day` (rule 4), `code` and `dose_code`."""
    frame = table.frame.with_columns(pl.col(_NUMBERS).cast(pl.Float64))
    frame = frame.with_columns(_code(name) for name in ("ID", "DVID", "CMT", "ADM"))
    if told.time_unit is None:
        findings.add(
            table.file,
            "the unit of TIME is not said; it is read as days",
            f'Write time_unit = "days" (hours, weeks, months) in {declaration}.',
            column="TIME",
            severity="warning",
        )
    day = pl.col("TIME") * DAYS_PER_UNIT[told.time_unit or "days"]
    # A sum of thirds of an hour is a whole day but for the last digit.
    whole = (day + 1e-9).floor()
    parts = frame.filter((day - whole).abs() > 1e-6)
    if parts.height:
        findings.add(
            table.file,
            f"{counted(parts.height, 'time')} within a day; the day is read",
            "Nothing to do.",
            row=parts[LINE][0],
            column="TIME",
            severity="warning",
        )
    return frame.with_columns(
        pl.col("ID").replace(dict(told.subjects)).alias("patient_id"),
        whole.cast(pl.Int64).alias("day"),
        pl.coalesce("DVID", "DVNAME", "CMT", pl.lit("1")).alias("code"),
        pl.coalesce("ADM", "CMT", pl.lit("1")).alias("dose_code"),
    )


def _code(name: str) -> pl.Expr:
    """A code as people write it: 1.0000E+00 is 1; one with leading zeros is a text."""
    text = pl.col(name)
    number = pl.when(text.str.contains(r"[.eE]")).then(text.cast(pl.Float64, strict=False))
    whole = pl.when(number == number.floor()).then(number.cast(pl.Int64, strict=False).cast(pl.String))
    return pl.coalesce(whole, text).alias(name)


def _observations(
    table: ModelTable,
    frame: pl.DataFrame,
    told: Declaration,
    declaration: str,
    findings: Findings,
    left: list[pl.DataFrame],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rules 2, 3 and 5: the lesions and the markers."""
    known = _meanings(frame, told)
    unknown = frame.filter(~pl.col("code").is_in(list(known)))
    if unknown.height:
        _report_unknown(table, unknown, declaration, findings, stops=not known)
        left.append(_side_rows(table, unknown, UNKNOWN_OBSERVATION))
    below = ((pl.col("CENS") == 1) | (pl.col("BLQ") == 1)).fill_null(value=False)
    value = (
        pl.when(below)
        .then(pl.coalesce("LLOQ", pl.when(pl.col("DV") > 0).then("DV"), "LIMIT", "DV"))
        .otherwise("DV")
    )
    parts = []
    for code, observation in known.items():
        number = value.exp() if observation.is_log or table.is_log else value
        parts.append(
            frame.filter(pl.col("code") == code).with_columns(
                number.alias("value"),
                pl.lit(observation.marker, pl.String).alias("marker"),
                pl.lit(observation.unit, pl.String).alias("unit"),
                pl.when(below)
                .then(pl.lit("left"))
                .when(pl.col("CENS") == -1)
                .then(pl.lit("right"))
                .otherwise(pl.lit("none"))
                .alias("censoring"),
            )
        )
    whole = (
        pl.concat(parts)
        if parts
        else frame.clear().with_columns(
            pl.lit(None, pl.Float64).alias("value"),
            *(pl.lit(None, pl.String).alias(name) for name in ("marker", "unit", "censoring")),
        )
    )
    limitless = (pl.col("censoring") == "left") & ~(pl.col("value") > 0)
    _leave(table, whole.filter(limitless), NO_LIMIT, "Give it in LLOQ, or in DV.", findings, left)
    whole = whole.filter(~limitless).sort(LINE)
    return _as_lesions(whole.filter(pl.col("marker").is_null())), whole.filter(
        pl.col("marker").is_not_null()
    ).select("patient_id", "day", "marker", "value", "unit", "censoring", LINE)


def _as_lesions(frame: pl.DataFrame) -> pl.DataFrame:
    """Rule 3."""
    factor = pl.col("unit").replace_strict(dict(MM_PER_UNIT), default=1.0, return_dtype=pl.Float64)
    mm = (pl.col("value") * factor).round(6)
    too_small = pl.col("censoring") == "left"
    return frame.select(
        "patient_id",
        "day",
        pl.lit(SUM_OF_DIAMETERS).alias("lesion_id"),
        pl.lit("target").alias("role"),
        pl.when(mm != 0).then(mm).alias("diameter_mm"),
        pl.when(too_small)
        .then(pl.lit("too_small"))
        .when(mm == 0)
        .then(pl.lit("absent"))
        .otherwise(pl.lit("measured"))
        .alias("status"),
        LINE,
    )


def _meanings(frame: pl.DataFrame, told: Declaration) -> dict[str, Observation]:
    """Rule 2: what each code is, as far as it is known, its unit too."""
    known: dict[str, Observation] = {}
    for code, name, unit in (
        frame.select("code", "DVNAME", "UNIT").unique("code", keep="first", maintain_order=True).iter_rows()
    ):
        found = told.observations.get(code) or named_observation(name or code)
        if found is None:
            continue
        said = Observation(found.marker, found.unit or unit, found.is_log)
        if said.unit is not None and (said.marker is not None or said.unit in MM_PER_UNIT):
            known[code] = said
    return known


def _report_unknown(
    table: ModelTable, unknown: pl.DataFrame, declaration: str, findings: Findings, *, stops: bool
) -> None:
    """One problem a code, with the lines to write."""
    for key, rows in unknown.group_by("code", maintain_order=True):
        code = str(key[0])
        ordered = rows["DV"].drop_nulls().sort().to_list()
        span = f"{ordered[0]:g} to {ordered[-1]:g}" if ordered else "no DV"
        findings.add(
            table.file,
            f"{counted(rows.height, 'observation')} ({span}) of which it is not said what they are and in which unit",
            f'Write in {declaration}: format = "turnpoint model table 1", [observations.{code}], '
            f'is = "{SUM_OF_DIAMETERS}" or a marker, unit = "mm" or the marker\'s.',
            row=rows[LINE][0],
            column="DVID",
            value=code,
            severity="error" if stops else "warning",
        )


def _doses(
    table: ModelTable,
    frame: pl.DataFrame,
    told: Declaration,
    declaration: str,
    findings: Findings,
    left: list[pl.DataFrame],
) -> pl.DataFrame:
    """Rule 6."""
    known: Mapping[str, tuple[str, str | None]] = told.doses
    unknown = frame.filter(~pl.col("dose_code").is_in(list(known)))
    _leave(
        table,
        unknown,
        UNKNOWN_DOSE,
        f'Write in {declaration}: [doses.{unknown["dose_code"][0] if unknown.height else 1}], drug = "docetaxel", '
        'unit = "mg/m2".',
        findings,
        left,
    )
    drugs = {code: drug for code, (drug, _) in known.items()}
    units = {code: unit for code, (_, unit) in known.items() if unit is not None}
    rows = frame.filter(pl.col("dose_code").is_in(list(known))).with_columns(
        pl.col("dose_code").replace_strict(drugs, default=None, return_dtype=pl.String).alias("drug"),
        pl.col("dose_code").replace_strict(units, default=None, return_dtype=pl.String).alias("unit"),
        pl.when(pl.col("AMT") > 0).then("AMT").alias("dose"),
        pl.col("ADDL").fill_null(0).cast(pl.Int64).alias("more"),
        (pl.col("II") * DAYS_PER_UNIT[told.time_unit or "days"]).alias("apart"),
    )
    daily = (pl.col("more") > 0) & (pl.col("apart") == _DAY)
    keys = ["patient_id", "day", "drug", "dose", "unit", "action", LINE]
    starts = rows.filter(daily).with_columns(pl.lit("start").alias("action")).select(keys)
    stops = rows.filter(daily).select(
        "patient_id",
        (pl.col("day") + pl.col("more") + 1).alias("day"),
        "drug",
        pl.lit("stop").alias("action"),
        LINE,
    )
    single = (
        rows.filter(~daily)
        .with_columns(pl.int_ranges(0, pl.col("more") + 1).alias("number"))
        .explode("number")
        .with_columns(
            (pl.col("day") + (pl.col("number") * pl.col("apart").fill_null(0)).round().cast(pl.Int64)).alias(
                "day"
            ),
            pl.lit("given").alias("action"),
        )
        .select(keys)
    )
    return pl.concat([single, starts, stops], how="diagonal").sort(LINE, "day", maintain_order=True)


def _leave(
    table: ModelTable,
    rows: pl.DataFrame,
    reason: str,
    mend: str,
    findings: Findings,
    left: list[pl.DataFrame],
) -> None:
    if rows.is_empty():
        return
    left.append(_side_rows(table, rows, reason))
    findings.add(
        table.file,
        f"{counted(rows.height, 'record')}: {reason}",
        mend,
        row=rows[LINE][0],
        severity="warning",
    )


def _side_rows(table: ModelTable, rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(
        pl.lit(table.file).alias("file"),
        pl.col(LINE).alias("row"),
        pl.format("row {}", pl.col(LINE)).alias("record"),
        pl.col("patient_id" if "patient_id" in rows.columns else "ID").cast(pl.String).alias("patient_id"),
        pl.col("TIME").cast(pl.String).alias("date"),
        pl.coalesce("DVID", "CMT", "ADM").cast(pl.String).alias("code"),
        pl.col("DVNAME").cast(pl.String).alias("name"),
        pl.coalesce(pl.col("DV").cast(pl.String), pl.col("AMT").cast(pl.String)).alias("value"),
        pl.lit(reason).alias("reason"),
    )
