"""Files that people bring, read in a process of its own with limits of time, memory and size.

A file from outside may be damaged or meant to do harm: a workbook that unpacks to gigabytes, a Parquet file that aborts
its reader. So it is never read in the server: a worker reads it, writes a study folder and what it found, and may die.
Names of files are taken apart: nothing is ever written outside the folder of the upload.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from turnpoint.app.limits import (
    ANSWERS,
    MOST_BYTES,
    MOST_FILES,
    MOST_TIMES_SMALLER,
    MOST_UNPACKED_BYTES,
    READERS,
    SECONDS,
)
from turnpoint.errors import Problem

if TYPE_CHECKING:
    from turnpoint.app.studies import Cells

_PIECE: Final = 2**20
_SAFE: Final = re.compile(r"[^\w. +()-]")
_FOUND: Final = "found.json"
_TABLES: Final = "tables"
_readers = BoundedSemaphore(READERS)


@dataclass(frozen=True, slots=True)
class Intake:
    """What files hold.

    Attributes:
        tables: rows by table, as text; empty when there is an error.
        problems: everything found, as `Problem`s.
        unused: what has no place in a study: `reason` and `records`, most first.
        table: of a clinic's table, the fields of `workflows.table_answers.TableRead` but `converted`; else None.
    """

    tables: Mapping[str, Sequence[Cells]]
    problems: tuple[Problem, ...]
    unused: tuple[Mapping[str, Any], ...]
    table: Mapping[str, Any] | None = None

    @property
    def is_refused(self) -> bool:
        """Nothing may be stored."""
        return not self.tables

    @property
    def mapping(self) -> str:
        """How a clinic's table was read, as a mapping file; empty for anything else."""
        return str(self.table["mapping"]) if self.table else ""


def taken_in(files: Iterable[tuple[str, BinaryIO]], answers: Mapping[str, str] | None = None) -> Intake:
    """Read files of any supported kind.

    Args:
        files: the name that each was given, and its content.
        answers: to the questions of a clinic's table, by key.
    """
    # Whoever waited here would hold one of the server's threads, until nobody else were served.
    if not _readers.acquire(blocking=False):
        rule = "others are bringing files at this moment"
        return _refused([_problem("upload", rule, "Try again in a minute.")])
    try:
        return _taken_in(files, answers or {})
    finally:
        _readers.release()


def _taken_in(files: Iterable[tuple[str, BinaryIO]], answers: Mapping[str, str]) -> Intake:
    with tempfile.TemporaryDirectory(prefix="turnpoint-") as folder:
        place = Path(folder)
        problems = _laid_down(files, place / "in")
        (place / ANSWERS).write_text(json.dumps(dict(answers)), encoding="utf-8")
        return _refused(problems) if problems else _read(place)


def _laid_down(files: Iterable[tuple[str, BinaryIO]], folder: Path) -> list[Problem]:
    """Write the files into a folder of their own, under names of ours where theirs are odd."""
    folder.mkdir()
    left, names = MOST_BYTES, set[str]()
    for number, (given, content) in enumerate(files, 1):
        if number > MOST_FILES:
            return [_problem("upload", f"more than {MOST_FILES} files", "Pack fewer of them.")]
        name = _SAFE.sub("_", Path(given.replace("\\", "/")).name).lstrip(".")[-120:] or f"file{number}"
        if name in names:
            return [_problem(name, "two files of this name", "Bring them one after the other.")]
        names.add(name)
        with (folder / name).open("wb") as target:
            while piece := content.read(_PIECE):
                left -= len(piece)
                if left < 0:
                    return [
                        _problem(
                            name,
                            f"more than {MOST_BYTES // 2**20} MB in all",
                            "Bring fewer patients, or Parquet.",
                        )
                    ]
                target.write(piece)
        if zipfile.is_zipfile(folder / name):
            with zipfile.ZipFile(folder / name) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            most = min(MOST_UNPACKED_BYTES, max(MOST_TIMES_SMALLER * (folder / name).stat().st_size, 2**20))
            if unpacked > most:
                mend = "Save only the sheet that is needed, as CSV."
                return [_problem(name, f"unpacks to more than {most // 2**20} MB", mend)]
    return [] if names else [_problem("upload", "holds no file", "Choose at least one.")]


def _read(place: Path) -> Intake:
    """Let a worker read the files, and take what it found."""
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "HOME", "LANG", "PYTHONPATH")
        },
        "POLARS_MAX_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    try:
        subprocess.run(  # noqa: S603  (this interpreter, and a module of our own)
            [sys.executable, "-m", "turnpoint.app.reader", str(place)],
            check=True,
            timeout=SECONDS,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        found = json.loads((place / _FOUND).read_bytes())
        tables = {
            file.stem: json.loads(file.read_bytes()) for file in sorted((place / _TABLES).glob("*.json"))
        }
    except subprocess.TimeoutExpired:
        rule = f"could not be read within {SECONDS:.0f} seconds"
        return _refused([_problem("upload", rule, "Bring fewer patients at once.")])
    except (subprocess.CalledProcessError, OSError, ValueError):
        rule = "could not be read: damaged, or too large once unpacked"
        return _refused([_problem("upload", rule, "Open it in the program that made it, and save it anew.")])
    problems = tuple(Problem(**problem) for problem in found["problems"])
    return Intake(tables, problems, tuple(found["unused"]), found["table"])


def _refused(problems: Sequence[Problem]) -> Intake:
    return Intake({}, tuple(problems), ())


def _problem(file: str, rule: str, mend: str) -> Problem:
    return Problem(file=file, row=None, column=None, value=None, rule=rule, mend=mend)


def as_json(problem: Problem) -> dict[str, Any]:
    """A problem as the API and the store give it: the fields of `turnpoint check`."""
    return asdict(problem)
