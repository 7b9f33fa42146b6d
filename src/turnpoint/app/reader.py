"""The worker that reads an upload (`intake`): `python -m turnpoint.app.reader FOLDER`, once, then it is gone.

A clinic's table is read by the answers in `FOLDER/answers.json`; what was understood and asked goes into what is found.
"""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnpoint.app.cells import unsafe_cells
from turnpoint.app.limits import ANSWERS, MEMORY_BYTES, MOST_PROBLEMS, MOST_ROWS, MOST_UNPACKED_BYTES, SECONDS
from turnpoint.errors import MissingExtraError, Problem
from turnpoint.formats.ledger import Converted

if TYPE_CHECKING:
    from turnpoint.workflows.table_answers import TableRead


def main(place: Path) -> None:
    """Read `place/in`; write `place/found.json` and, when there is no error, `place/tables/*.json`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_UNPACKED_BYTES, MOST_UNPACKED_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _unpack_all(place / "in")
    found, table = _converted(place / "in", json.loads((place / ANSWERS).read_bytes()))
    problems = list(found.problems)
    if found.study is not None:
        study = found.study
        rows = sum(getattr(study, table).height for table in ("lesions", "markers", "doses", "events"))
        if rows > MOST_ROWS:
            rule = f"{rows:,} rows, more than {MOST_ROWS:,}"
            problems.append(Problem("upload", None, None, None, rule, "Bring fewer patients."))
        else:
            problems += _write_tables(study, place / "tables")
    unused = (
        found.unmapped.group_by("reason").len("records").sort(["records", "reason"], descending=[True, False])
    )
    content = {
        "problems": [asdict(problem) for problem in problems[:MOST_PROBLEMS]],
        "unused": unused.to_dicts(),
        "table": table,
    }
    (place / "found.json").write_text(json.dumps(content), encoding="utf-8")


def _unpack_all(folder: Path) -> None:
    """An archive that unpacks to other than it says would fill the memory of whoever believes it.

    Raises:
        zipfile.BadZipFile: it does.
    """
    for path in folder.iterdir():
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if archive.testzip() is not None:
                    raise zipfile.BadZipFile


def _converted(folder: Path, answers: dict[str, str]) -> tuple[Converted, dict[str, Any] | None]:
    """One file as a file, several as a folder; of a clinic's table what was understood and asked as well."""
    import polars as pl  # noqa: PLC0415  (after the limits are set)

    from turnpoint.formats import FORMATS, recognise  # noqa: PLC0415
    from turnpoint.formats.ledger import UNMAPPED_SCHEMA  # noqa: PLC0415
    from turnpoint.workflows.opening import convert_to_study  # noqa: PLC0415
    from turnpoint.workflows.table_answers import read_table  # noqa: PLC0415

    files = _unpacked(sorted(folder.iterdir()), folder)
    if not files:
        problem = Problem("upload", None, None, None, "holds no file", "Pack the files of one study.")
        return Converted(None, (problem,), pl.DataFrame(schema=UNMAPPED_SCHEMA)), None
    try:
        if len(files) == 1 and recognise(files[0]) is FORMATS["table"]:
            read = read_table(files[0], answers)
            return read.converted, _as_json(read) if read.questions or read.mapping else None
        return convert_to_study(files[0] if len(files) == 1 else folder), None
    except MissingExtraError as error:
        problem = Problem(
            files[0].name, None, None, None, "needs a library that is not installed", str(error)
        )
        return Converted(None, (problem,), pl.DataFrame(schema=UNMAPPED_SCHEMA)), None


def _as_json(read: TableRead) -> dict[str, Any]:
    """What was understood of a table, and what is asked."""
    return {
        "questions": [asdict(question) for question in read.questions],
        **{
            name: getattr(read, name)
            for name in ("answers", "wrong", "unknown", "became", "aside", "other_sheets", "mapping")
        },
    }


def _unpacked(files: list[Path], folder: Path) -> list[Path]:
    """The files, or those packed in them when it is one archive: a study that Turnpoint saved, for example.

    A workbook is an archive, too, and stays one. Every member is written under its bare name: none leaves the folder.
    """
    if len(files) != 1 or files[0].suffix.lower() != ".zip" or not zipfile.is_zipfile(files[0]):
        return files
    with zipfile.ZipFile(files[0]) as archive:
        for number, member in enumerate(archive.infolist()):
            name = Path(member.filename.replace("\\", "/")).name
            if name and not member.is_dir() and not name.startswith("."):
                place = folder / name
                place = place if not place.exists() else folder / f"{number}-{name}"
                place.write_bytes(archive.read(member))
    files[0].unlink()
    return sorted(folder.iterdir())


def _write_tables(study: object, folder: Path) -> list[Problem]:
    """The study's tables as text, as a study folder holds them; or what may not be kept, and no tables.

    Rows are counted after reading, so a problem says the column and the value, by which they are found in any file.
    """
    import polars as pl  # noqa: PLC0415

    from turnpoint.study.study import Study  # noqa: PLC0415
    from turnpoint.study.writing import write_study  # noqa: PLC0415

    if not isinstance(study, Study):
        raise TypeError
    written = write_study(study, folder / "csv")
    tables, problems = dict[str, str](), dict[Problem, None]()
    for path in written:
        frame = pl.read_csv(path, infer_schema=False)
        rows = [
            {name: value for name, value in row.items() if value is not None}
            for row in frame.iter_rows(named=True)
        ]
        problems |= {replace(problem, row=None): None for problem in unsafe_cells(path.stem, rows)}
        tables[path.stem] = json.dumps(rows, ensure_ascii=False)
    if not problems:
        for table, text in tables.items():
            (folder / f"{table}.json").write_text(text, encoding="utf-8")
    return list(problems)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
