"""Responses that were reported in a table laid out like Turnpoint's own `responses` or `best_responses`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.study.delimited import cells
from turnpoint.study.findings import Findings
from turnpoint.study.naming import unique_names
from turnpoint.study.reading import PARQUET_ENDINGS, TEXT_ENDINGS
from turnpoint.study.schema import fold
from turnpoint.study.text_files import decode

REPORTED_SCHEMA: Final = pl.Schema(
    {
        "patient_id": pl.String(),
        "reader": pl.String(),
        "day": pl.Int64(),
        "visit": pl.String(),
        "item": pl.String(),
        "reported": pl.String(),
    }
)
VISIT_ITEMS: Final = (
    "overall_response",
    "target_response",
    "non_target_response",
    "new_lesion",
    "sum_of_diameters_mm",
)
BEST_ITEMS: Final = ("best_response", "confirmed_best_response")
_OTHER_NAMES: Final = {
    "patient_id": ("patient", "subject", "subject_id", "usubjid", "subjid"),
    "reader": ("evaluator", "rseval", "rsevalid"),
    "day": (),
    "date": (),
    "visit": ("visitnum",),
    "overall_response": ("response", "overall", "timepoint_response", "ovrlresp"),
    "target_response": ("trgresp",),
    "non_target_response": ("nontarget_response", "ntrgresp"),
    "new_lesion": ("new_lesions",),
    "sum_of_diameters_mm": ("sum_of_diameters", "sum_mm", "sod_mm", "sumdiam", "sdiam"),
    "best_response": ("best_overall_response", "bor", "bestresp"),
    "confirmed_best_response": ("confirmed_best_overall_response", "cbor"),
}
_MISSING: Final = ("", "na", "n/a", ".", "nan", "null", "none")


def table_files(path: Path) -> list[Path]:
    """The tables of responses that a path is or holds: `responses`, `best_responses` in a folder."""
    endings = TEXT_ENDINGS + PARQUET_ENDINGS
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in endings and file.stem.casefold() in ("responses", "best_responses")
    )


def reported_in_table(file: Path, starts: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """What a CSV or Parquet table of responses reports.

    Args:
        file: with `patient_id`, `day` or `date`, and any of `VISIT_ITEMS`; or any of `BEST_ITEMS`.
        starts: `patient_id, start_date` of the study it belongs to.
        findings: where problems go.

    Returns:
        `REPORTED_SCHEMA`, one row an item; empty when the table cannot be read (reported).
    """
    empty = pl.DataFrame(schema=REPORTED_SCHEMA)
    frame = _opened(file, findings)
    if frame is None:
        return empty
    known = {fold(name): column for column, others in _OTHER_NAMES.items() for name in (column, *others)}
    names: dict[str, str] = {}
    for name in frame.columns:
        declared = known.get(fold(name))
        if declared is not None and declared not in names.values():
            names[name] = declared
    present = set(names.values())
    items: list[str] = [item for item in (*VISIT_ITEMS, *BEST_ITEMS) if item in present]
    if "patient_id" not in present or not items:
        findings.add(
            file.name,
            "the table has no column patient_id" if items else "the table has no column with a response",
            "Name the columns patient_id, day, overall_response, as `responses` of `turnpoint respond` does.",
        )
        return empty
    if not present & {"day", "date", "visit"} and set(items) & set(VISIT_ITEMS):
        findings.add(
            file.name, "the table has neither day nor date", "Add day (0 = start of treatment), or date."
        )
        return empty
    return _long(frame.select(*names).rename(names), items, starts, file.name, findings)


def _opened(file: Path, findings: Findings) -> pl.DataFrame | None:
    """The file's cells, all text."""
    try:
        data = file.read_bytes()
    except OSError:
        findings.add(file.name, "cannot be opened", "Check the path and your rights to it.")
        return None
    if file.suffix.lower() in PARQUET_ENDINGS:
        try:
            frame = pl.read_parquet(io.BytesIO(data))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
            findings.add(file.name, "the file is not Parquet, or it is damaged", "Write it again.")
            return None
        return frame.select(pl.all().cast(pl.String, strict=False))
    text = decode(data, file.name, findings)
    found = None if text is None else cells(text, file.name, findings)
    return None if found is None else unique_names(found.header, found.frame, file.name, findings)


def _long(
    frame: pl.DataFrame, items: list[str], starts: pl.DataFrame, file: str, findings: Findings
) -> pl.DataFrame:
    stripped = pl.all().str.strip_chars()
    frame = frame.select(pl.when(~stripped.str.to_lowercase().is_in(_MISSING)).then(stripped).name.keep())
    absent = [name for name in ("reader", "day", "date", "visit") if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    frame = frame.with_row_index("row", offset=2).join(
        starts, on="patient_id", how="left", maintain_order="left"
    )
    number = pl.col("day").cast(pl.Float64, strict=False)
    date = pl.col("date").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    day = pl.coalesce(
        pl.when(number == number.floor()).then(number.cast(pl.Int64, strict=False)),
        (date - pl.col("start_date")).dt.total_days(),
    )
    unread = pl.col("day").is_not_null() & (number.is_null() | (number != number.floor()))
    for row, value in frame.filter(unread).head(100).select("row", "day").iter_rows():
        findings.add(
            file,
            "not a whole number",
            "Write the day of the course, 0 = start of treatment.",
            row=row,
            column="day",
            value=value,
        )
    frame = frame.with_columns(day.alias("day"))
    return (
        frame.drop_nulls("patient_id")
        .unpivot(
            items, index=["patient_id", "reader", "day", "visit"], variable_name="item", value_name="reported"
        )
        .drop_nulls("reported")
        .select(REPORTED_SCHEMA.names())
        .cast(REPORTED_SCHEMA)
    )
