"""Writing tables and studies: whole or not at all, in the format that the file's ending names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import polars as pl

from turnpoint.errors import UsageError
from turnpoint.study.reading import PARQUET_ENDINGS, TEXT_ENDINGS
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study

StudyFormat = Literal["csv", "parquet"]


def write_table(frame: pl.DataFrame, path: str | Path) -> Path:
    """Write a frame as CSV, Parquet or JSON (a list of records) by the ending of the path.

    The file appears whole or not at all. NaN is written as missing; JSON has no infinity, so there that is missing
    too.

    Args:
        frame: what to write.
        path: ends in `.csv`, `.parquet` or `.json`; its folder is made if it is not there.

    Returns:
        The path written.

    Raises:
        UsageError: another ending, or a place that cannot be written to.
    """
    place = Path(path)
    write = WRITERS.get(place.suffix.lower())
    if write is None:
        raise UsageError(
            f"{place.name}: cannot write a file ending in {place.suffix or 'nothing'}. "
            f"Valid endings: {', '.join(WRITERS)}"
        )
    if place.is_dir():
        raise UsageError(f"{place.name}: is a folder. Name a file in it, for example {place.name}/result.csv")
    temporary: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=place.parent, prefix=f".{place.stem}-", suffix=place.suffix)
        os.close(handle)
        temporary = Path(made)
        write(_without_nan(frame), temporary)
        # mkstemp makes files that only their owner can read; a result is as open as the user's other files.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(place)
    except OSError as error:
        raise UsageError(
            f"{place.name}: cannot be written ({(error.strerror or 'error').lower()})"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return place


# `format` is the word that users look for, though Python has a function of that name.
def write_study(study: Study, folder: str | Path, *, format: StudyFormat = "csv") -> tuple[Path, ...]:  # noqa: A002
    """Write a study as a study folder that reads back as the same study (but for `source_row`).

    Args:
        study: what to write; tables without rows get no file.
        folder: made if it is not there; files of the same names are replaced.
        format: `csv` (values with their `<` and `>`) or `parquet` (numbers, with a `censoring` column).

    Returns:
        The paths written.

    Raises:
        UsageError: an unknown format, or a folder that holds tables which would mix with this study.
    """
    if format not in ("csv", "parquet"):
        raise UsageError(f"format={format}: not a format of study folders. Valid ones: csv, parquet")
    place = Path(folder)
    frames = {table: getattr(study, table).drop("source_row") for table in TABLES}
    wanted = {f"{table}.{format}" for table, frame in frames.items() if not frame.is_empty()}
    endings = TEXT_ENDINGS + PARQUET_ENDINGS
    foreign = sorted(
        file.name
        for file in (place.iterdir() if place.is_dir() else ())
        if file.stem.casefold() in TABLES and file.suffix.lower() in endings and file.name not in wanted
    )
    if foreign:
        raise UsageError(
            f"{place.name}: holds {', '.join(foreign)}, which would mix with the study. Choose an empty folder"
        )
    if format == "csv":
        frames["markers"] = _with_signs(frames["markers"])
    return tuple(
        write_table(frame, place / f"{table}.{format}")
        for table, frame in frames.items()
        if not frame.is_empty()
    )


def _write_json(frame: pl.DataFrame, path: Path) -> None:
    floats = pl.col(pl.Float32, pl.Float64)
    frame.with_columns(pl.when(floats.is_finite()).then(floats).name.keep()).write_json(path)


WRITERS: Final[Mapping[str, Callable[[pl.DataFrame, Path], None]]] = MappingProxyType(
    {
        ".csv": lambda frame, path: frame.write_csv(path),
        ".parquet": lambda frame, path: frame.write_parquet(path),
        ".json": _write_json,
    }
)


def _without_nan(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.Float32, pl.Float64).fill_nan(None))


def _with_signs(markers: pl.DataFrame) -> pl.DataFrame:
    sign = pl.col("censoring").replace_strict({"left": "<", "right": ">", "none": ""}, return_dtype=pl.String)
    return markers.with_columns(pl.concat_str(sign, pl.col("value").cast(pl.String)).alias("value")).drop(
        "censoring"
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
