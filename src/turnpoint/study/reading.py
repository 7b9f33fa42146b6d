"""Reading a study: a folder of tables or a single file, in CSV or Parquet."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import Problem, StudyError
from turnpoint.study.delimited import cells
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable, nearest, recognise, unique_names
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.text_files import decode
from turnpoint.study.validation import build

TEXT_ENDINGS: Final = (".csv", ".tsv", ".txt")
PARQUET_ENDINGS: Final = (".parquet", ".pq")
# Other files that may hold data someone meant to be read; anything else in a folder is none of our business.
_DATA_ENDINGS: Final = (
    *TEXT_ENDINGS,
    *PARQUET_ENDINGS,
    ".xlsx",
    ".xls",
    ".ods",
    ".json",
    ".xpt",
    ".sas7bdat",
)
# What a JSON file may be, for one that is none of them.
JSON_KINDS: Final = (
    "JSON that is read: HL7 FHIR R4 (a Bundle, or NDJSON), CDISC Dataset-JSON 1.1 (SDTM), "
    "and for a report a picture that turnpoint wrote."
)
# Names that lie beside a study without being part of it.
_HARMLESS: Final = (
    "readme",
    "license",
    "licence",
    "notice",
    "changelog",
    "citation",
    "truth",
    "metadata",
    "unmapped",
)


def read(path: str | Path) -> Study:
    """Read and check a study.

    Args:
        path: a folder with `patients`, `lesions`, `markers`, `doses`, `events` as CSV or Parquet files, or one
            such file.

    Returns:
        The study; its `problems` are the warnings.

    Raises:
        StudyError: the data has errors; it carries every problem found, warnings too.
    """
    study, problems = inspect(path)
    if study is None:
        raise StudyError(problems)
    return study


def inspect(
    path: str | Path, needed: Collection[str] = tuple(TABLES)
) -> tuple[Study | None, tuple[Problem, ...]]:
    """Read a study and list every problem in it, without raising on bad data.

    Args:
        path: as for `read`.
        needed: the tables that the work at hand cannot do without (`validation.build`).

    Returns:
        The study, None when there is any error; everything found, in file and row order.
    """
    return inspected(path, needed, Findings())


def inspected(
    path: str | Path, needed: Collection[str], findings: Findings
) -> tuple[Study | None, tuple[Problem, ...]]:
    """As `inspect`; what was set aside is in the findings (`Findings.aside`)."""
    place = Path(path)
    try:
        files = _table_files(place, findings)
    except OSError as error:
        findings.add(
            _name(place), f"cannot be opened ({_reason(error)})", "Check the path and your rights to it."
        )
        return None, findings.listed()
    name = place.stem if place.is_file() else _name(place)
    raw_tables: dict[str, RawTable] = {}
    for table, file in files.items():
        raw = _open(file, findings)
        if raw is None:
            continue
        if place.is_file():
            recognised = recognise(raw.frame.columns, table)
            if recognised is None:
                _report_unrecognised(raw, findings)
                continue
            raw_tables[recognised] = raw
        else:
            raw_tables[table] = raw
    return build(raw_tables, name, findings, needed, as_written=True)


def read_frames(frames: Mapping[str, pl.DataFrame], name: str = "study") -> Study:
    """Check tables that are already in memory, by the same rules as files.

    Args:
        frames: Polars frames by table name (`lesions`, `markers`, ...), columns as in the study folder.
        name: the study's name.

    Returns:
        The study; `source_row` is the row's number + 1, as if each frame had a header line.

    Raises:
        StudyError: the data has errors.

    >>> lesions = {"patient_id": ["A"], "day": [0], "lesion_id": ["T1"], "role": ["target"],
    ...            "diameter_mm": [30.0], "status": ["measured"]}
    >>> read_frames({"lesions": pl.DataFrame(lesions)}).lesions["node"].to_list()
    [False]
    """
    study, problems = inspect_frames(frames, name)
    if study is None:
        raise StudyError(problems)
    return study


def inspect_frames(
    frames: Mapping[str, pl.DataFrame], name: str = "study", *, as_written: bool = True
) -> tuple[Study | None, tuple[Problem, ...]]:
    """`read_frames` that lists every problem, without raising on bad data.

    Args:
        frames: as for `read_frames`.
        name: the study's name.
        as_written: false for rows that were read before, whose days and sizes are not to be questioned again
            (`validation.build`).

    Returns:
        The study, None when there is any error; everything found, in table and row order.
    """
    findings = Findings()
    raw_tables: dict[str, RawTable] = {}
    for table, frame in frames.items():
        if table in TABLES:
            named = unique_names([column.strip() for column in frame.columns], frame, table, findings)
            raw_tables[table] = RawTable(table, named, _record_rows(frame), None)
        else:
            findings.add(table, "not one of the five tables", f"Name it one of {', '.join(TABLES)}.")
    return build(raw_tables, name, findings, as_written=as_written)


def _table_files(place: Path, findings: Findings) -> dict[str, Path]:
    """The file of each table; for a single file the key is its stem, to be recognised by its columns."""
    if place.is_file():
        return {place.stem: place}
    if not place.exists():
        findings.add(_name(place), "there is no such file or folder", "Check the path.")
        return {}
    files: dict[str, Path] = {}
    strangers: list[Path] = []
    for file in sorted(path for path in place.iterdir() if path.is_file()):
        table = file.stem.casefold()
        if table not in TABLES or file.suffix.lower() not in TEXT_ENDINGS + PARQUET_ENDINGS:
            strangers.append(file)
        elif table in files:
            findings.add(
                file.name,
                f"{files[table].name} holds the same table",
                "Keep one of the two files in the folder.",
            )
        else:
            files[table] = file
    for file in strangers:
        _report_stranger(file, findings)
    if not files:
        findings.add(
            _name(place),
            "the folder holds none of the five tables",
            f"Name the files {', '.join(f'{table}.csv' for table in TABLES)}; Parquet will do as well. A clinic's own "
            "table is given by its name: turnpoint map guess FILE. SDTM and ADaM are read as SAS transport (XPT), "
            "Dataset-JSON, CSV or Parquet.",
        )
    return files


def _report_stranger(file: Path, findings: Findings) -> None:
    stem = file.stem.casefold()
    if (
        file.name.startswith((".", "~$"))
        or file.suffix.lower() not in _DATA_ENDINGS
        or stem.startswith(_HARMLESS)
    ):
        return
    meant = nearest(stem, list(TABLES))
    findings.add(
        file.name,
        "the file is not read: it is not one of the five tables",
        f"Name it {meant}.csv and save it as CSV if it is that table."
        if meant
        else "Nothing to do unless it belongs to the study.",
        severity="warning",
    )


def _open(file: Path, findings: Findings) -> RawTable | None:
    if file.suffix.lower() not in TEXT_ENDINGS + PARQUET_ENDINGS:
        findings.add(
            file.name,
            f"a file ending in {file.suffix or 'nothing'} is not read",
            JSON_KINDS
            if file.suffix.lower() in (".json", ".ndjson")
            else "Save it as CSV or Parquet, or map a workbook: turnpoint map guess FILE.",
        )
        return None
    try:
        data = file.read_bytes()
    except OSError as error:
        findings.add(file.name, f"cannot be opened ({_reason(error)})", "Check your rights to the file.")
        return None
    if file.suffix.lower() in PARQUET_ENDINGS:
        return _open_parquet(data, file.name, findings)
    text = decode(data, file.name, findings)
    if text is None:
        return None
    found = cells(text, file.name, findings)
    if found is None:
        return None
    frame = unique_names(found.header, found.frame, file.name, findings)
    _report_no_rows(frame, file.name, findings)
    return RawTable(file.name, frame, found.source_row, found.separator)


def _open_parquet(data: bytes, file: str, findings: Findings) -> RawTable | None:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        # Polars panics on some damaged files; whatever it says of their insides helps no one.
        findings.add(file, "the file is not Parquet, or it is damaged", "Write it again.")
        return None
    frame = unique_names([name.strip() for name in frame.columns], frame, file, findings)
    _report_no_rows(frame, file, findings)
    return RawTable(file, frame, _record_rows(frame), None)


def _record_rows(frame: pl.DataFrame) -> pl.Series:
    return pl.int_range(2, frame.height + 2, dtype=pl.Int64, eager=True).alias("source_row")


def _report_no_rows(frame: pl.DataFrame, file: str, findings: Findings) -> None:
    if frame.is_empty() and not findings.has_errors_in(file):
        findings.add(
            file, "the table has no rows", "Leave the file out, or export it again.", severity="warning"
        )


def _report_unrecognised(raw: RawTable, findings: Findings) -> None:
    findings.add(
        raw.file,
        "the columns are those of none of the five tables",
        "Name the columns as the study folder does, for example patient_id, day, marker, value, unit.",
    )


def _name(place: Path) -> str:
    # `.` and `..` have no name of their own.
    return place.resolve().name


def _reason(error: OSError) -> str:
    # Never the path: it may hold a user's name.
    return (error.strerror or type(error).__name__).lower()
