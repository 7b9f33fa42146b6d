"""Where results go: `--out` is checked before the work starts, and a file appears whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from turnpoint.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

TABLE_ENDINGS = (".csv", ".parquet", ".json")
FHIR_NAMES, FHIR_ENDINGS = (".fhir.json", ".fhir.ndjson"), (".json", ".ndjson")
PRIOR_ENDINGS = (".json",)
PICTURE_ENDINGS = (".json",)
REPORT_ENDINGS = (".html", ".pdf")
DRAWS_ENDINGS = (".nc",)
STANDARD_OUTPUT = Path("-")
STUDY_TABLES = frozenset({"patients", "lesions", "markers", "doses", "events"})


def existing_study(path: Path, argument: str = "STUDY") -> Path:
    """The path of something to read, `~` expanded.

    Args:
        path: what the user gave.
        argument: as what, for the message.

    Raises:
        UsageError: there is nothing at that path.
    """
    study = path.expanduser()
    if not study.exists():
        raise UsageError(
            f"{argument}: there is no file or folder `{path}`. Check the spelling, and where you are."
        )
    return study


def checked_target(out: Path, endings: tuple[str, ...], study: Path) -> Path:
    """The file to write, `~` and links followed, its folder made, known to be writable.

    Args:
        out: what the user gave; `-` (stdout) passes through for tables.
        endings: the endings that name a format, the usual one first.
        study: what is being read, so that it is not overwritten.

    Raises:
        UsageError: no known ending, a folder, a file of the study itself, or no right to write there.
    """
    if out == STANDARD_OUTPUT and endings == TABLE_ENDINGS:
        return out
    target = out.expanduser()
    if target.is_dir():
        raise UsageError(f"--out: `{out}` is a folder. Name a file in it, ending in {_either(endings)}.")
    if target.suffix.lower() not in endings:
        raise UsageError(f"--out: `{out}` does not end in {_either(endings)}; the ending says what to write.")
    target = target.resolve()
    _refuse_to_overwrite_the_study(target, study.resolve())
    _make_writable(target.parent)
    if target.exists() and not os.access(target, os.W_OK):
        raise UsageError(f"--out: `{out}` is write-protected. Name another file, or unprotect this one.")
    return target


def checked_folder(out: Path) -> Path:
    """The folder to write into, `~` expanded, made if need be.

    Raises:
        UsageError: there is a file of that name, or no right to write there.
    """
    folder = out.expanduser()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out: `{out}` is a file. Name a folder.")
    _make_writable(folder)
    return folder


def checked_folder_targets(out: Path, names: Sequence[str], study: Path) -> dict[str, Path]:
    """A file for each table: CSV in a folder; or, when `out` ends like a table, that file and the others beside it.

    Args:
        out: a folder, which need not exist, or a file name, which is the first table's and sets the format.
        names: the tables' names, without ending; beside a file `out.csv` their files are `name_out.csv`, and
            `best_out.csv` for `best_responses`.
        study: what is being read.

    Raises:
        UsageError: as `checked_target`; or `out` is `-`, or a file of another kind.
    """
    if out == STANDARD_OUTPUT:
        raise UsageError("--out: several tables cannot all go to stdout. Name a folder.")
    if out.suffix.lower() in TABLE_ENDINGS and not out.is_dir():
        beside = {name: out.with_name(f"{name.removesuffix('_responses')}_{out.name}") for name in names[1:]}
        files = {names[0]: out, **beside}
    else:
        folder = checked_folder(out)
        files = {name: folder / f"{name}.csv" for name in names}
    return {name: checked_target(file, TABLE_ENDINGS, study) for name, file in files.items()}


def write_frame(frame: pl.DataFrame, target: Path) -> None:
    """Write a table in the format of the target's ending; `-` writes CSV to stdout."""
    if target == STANDARD_OUTPUT:
        sys.stdout.write(frame.write_csv())
        return

    from turnpoint.study.writing import write_table

    write_table(frame, target)


def _either(endings: tuple[str, ...]) -> str:
    """`.csv, .parquet or .json`."""
    return ", ".join(endings[:-1]) + f" or {endings[-1]}" if len(endings) > 1 else endings[0]


def _refuse_to_overwrite_the_study(target: Path, study: Path) -> None:
    """Raise UsageError when the target is what is being read."""
    own_table = target.parent == study and target.stem.lower() in STUDY_TABLES
    if target == study or own_table:
        raise UsageError(f"--out: `{target.name}` is part of the study itself. Name another file.")


def _make_writable(folder: Path) -> None:
    """Make the folder if need be; raise UsageError when it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "refused").lower()
        raise UsageError(f"--out: the folder `{folder}` cannot be made ({reason}).") from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"--out: the folder `{folder}` is write-protected. Name another one.")
