"""A study cut into parts by patients, each a study folder of its own with a digest of what it holds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from turnpoint.engine.progress import Progress
from turnpoint.errors import Problem, StudyError, TurnpointError, UsageError
from turnpoint.study.pieces import Pieces
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.whole_files import appearing_whole
from turnpoint.study.writing import write_study

MANIFEST: Final = "manifest.json"
PATIENTS_PER_PART: Final = 1000
_KIND: Final = "turnpoint partitioned study"
_FORM: Final = 1


class DamagedPartError(TurnpointError):
    """A part is not what was written."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a study.

    Attributes:
        name: of its folder.
        patients: how many.
        digest: SHA-256 of its files, by name.
    """

    name: str
    patients: int
    digest: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartitionedStudy:
    """A study in parts.

    Attributes:
        folder: that holds them, and the manifest.
        name: of the study.
        parts: in patient order.
        problems: warnings about what it was cut from, where that has just been done.
    """

    folder: Path
    name: str
    parts: tuple[Part, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def patients(self) -> int:
        """In all parts."""
        return sum(part.patients for part in self.parts)

    def read(self, part: Part) -> Study:
        """One part.

        Its rows were read and checked when the study was cut: its days and sizes are not questioned again, for the
        answer depends on the whole study.

        Raises:
            DamagedPartError: a file is missing, or is not the one that was written.
        """
        place = self.folder / part.name
        found = {file.name: digest(file) for file in place.glob("*.parquet")} if place.is_dir() else {}
        if found != part.digest:
            wrong = sorted(name for name, own in part.digest.items() if found.get(name) != own)
            raise DamagedPartError(
                f"{part.name}: {', '.join(wrong) or 'a file too many'} is not what was written. Cut the study again."
            )
        tables = {
            table: _as_checked(place / f"{table}.parquet", table)
            if f"{table}.parquet" in found
            else pl.DataFrame(schema=TABLES[table].frame_schema)
            for table in TABLES
        }
        return Study(**tables, problems=(), name=self.name)


def _as_checked(file: Path, table: str) -> pl.DataFrame:
    """A table of a part as a `Study` holds it: it was one when it was written, and its digest says that it still is.

    Raises:
        DamagedPartError: another version had other columns.
    """
    frame, schema = pl.read_parquet(file), TABLES[table].frame_schema
    row = pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("source_row")
    declared = [name for name in schema if name != "source_row"]
    if any(frame.schema.get(name) != schema[name] for name in declared):
        raise DamagedPartError(
            f"{file.parent.name}: {file.name} has other columns. Cut the study again with this version."
        )
    return frame.select(*declared, row, pl.exclude(declared))


def partition(
    study: Study | Pieces,
    out: str | Path,
    *,
    patients: int = PATIENTS_PER_PART,
    progress: Progress | None = None,
) -> PartitionedStudy:
    """Cut a study into parts of so many patients; each is a study folder of Parquet tables.

    The manifest is written last: without it there is no partitioned study, whatever happened.

    Args:
        study: what to cut; `study.pieces.in_pieces` gives one that memory need not hold.
        out: a folder, empty or with an interrupted attempt.
        patients: of each part, in patient order; the last may have fewer.
        progress: called with patients done and patients in all.

    Raises:
        StudyError: a piece has errors; it carries every problem of all of them.
        UsageError: the folder holds something else, or cannot be written to.
    """
    if patients < 1:
        raise UsageError(f"--patients {patients}: a part has at least one.")
    folder = Path(out)
    foreign = sorted(
        file.name
        for file in (folder.iterdir() if folder.is_dir() else ())
        if not file.name.removeprefix(".").startswith("part-")
    )
    if foreign:
        raise UsageError(f"--out: `{folder.name}` holds {foreign[0]}. Name an empty folder.")
    parts: list[Part] = []
    problems: list[Problem] = []
    done, total = 0, len(study.patient_ids)
    with saying_why_out_cannot_be_written():
        for own, found in _cut(study, patients):
            problems += found
            done += patients
            if progress is not None:
                progress(min(done, total), total)
            if own is None or any(problem.severity == "error" for problem in problems):
                continue  # nothing more is written, and all that is wrong is said
            name = f"part-{len(parts):06d}"
            with_files = appearing(folder / name)
            files = write_study(own, with_files, format="parquet")
            parts.append(Part(name, len(own.patient_ids), {file.name: digest(file) for file in files}))
            settle_down(with_files, folder / name)
        if any(problem.severity == "error" for problem in problems):
            for part in parts:
                shutil.rmtree(folder / part.name, ignore_errors=True)
            raise StudyError(problems)
        warnings = tuple(dict.fromkeys(problems))
        made = PartitionedStudy(folder, study.name, tuple(parts), warnings)
        content = {
            "kind": _KIND,
            "form": _FORM,
            "study": study.name,
            "parts": [asdict(part) for part in parts],
        }
        write_json(content, folder / MANIFEST)
    return made


def _cut(study: Study | Pieces, patients: int) -> Iterator[tuple[Study | None, tuple[Problem, ...]]]:
    """The parts of a study, with what was found in each."""
    if isinstance(study, Pieces):
        yield from study.read(patients)
        return
    found = study.problems
    for first in range(0, len(study.patient_ids), patients):
        yield study.only(study.patient_ids[first : first + patients]), found
        found = ()


def is_partitioned(path: str | Path) -> bool:
    """Whether a folder is a partitioned study."""
    return _manifest(Path(path)) is not None


def partitioned(path: str | Path) -> PartitionedStudy:
    """The partitioned study in a folder.

    Raises:
        UsageError: there is none, or it is of a newer version.
    """
    folder = Path(path)
    found = _manifest(folder)
    if found is None:
        raise UsageError(
            f"STUDY: `{folder.name}` is not a partitioned study. Cut one with `turnpoint partition`."
        )
    if found["form"] != _FORM:
        raise UsageError(
            f"STUDY: `{folder.name}` was cut by another version of Turnpoint. Cut the study again."
        )
    return PartitionedStudy(folder, found["study"], tuple(Part(**part) for part in found["parts"]))


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == _KIND else None


@contextmanager
def saying_why_out_cannot_be_written() -> Iterator[None]:
    """What the system says against the user's folder becomes a message that names the option."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out: cannot be written ({(error.strerror or 'error').lower()}).") from error


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def appearing(target: Path) -> Path:
    """An empty folder beside the target, for what will be the target once it is whole (`settle_down`)."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    return beside


def settle_down(beside: Path, target: Path) -> None:
    """Give a folder its name, in the place of what was there."""
    for left in target.parent.glob(f".{target.name}.*"):
        if left != beside:
            shutil.rmtree(left, ignore_errors=True)
    if target.is_dir():
        shutil.rmtree(target)
    beside.replace(target)


def write_json(content: object, target: Path) -> None:
    """A JSON file that appears whole or not at all."""
    with appearing_whole(target) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
