"""Open what people have: a study folder, a single table, or a standard's files, told apart by their content."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from turnpoint.errors import Problem, StudyError
from turnpoint.formats import recognise
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted
from turnpoint.study import reading
from turnpoint.study.study import Study


def read(path: str | Path) -> Study:
    """Read and check a study.

    Args:
        path: a study folder, a single CSV or Parquet file, or a folder or file of a format that is read
            (`turnpoint.formats.FORMATS`).

    Returns:
        The study; its `problems` are the warnings.

    Raises:
        StudyError: the data has errors; it carries every problem found, warnings too.
        MissingExtraError: the format needs a library that is not installed.
    """
    study, problems = inspect(path)
    if study is None:
        raise StudyError(problems)
    return study


def inspect(path: str | Path) -> tuple[Study | None, tuple[Problem, ...]]:
    """Read a study and list every problem in it, without raising on bad data.

    Args:
        path: as for `read`.

    Returns:
        The study, None when there is any error; everything found, in file and row order.

    Raises:
        MissingExtraError: the format needs a library that is not installed.
    """
    place = Path(path)
    known = recognise(place)
    return reading.inspect(place) if known is None else known.inspect(place)


def convert_to_study(path: str | Path) -> Converted:
    """Read a study, list every problem in it, and keep what a study has no place for.

    Args:
        path: as for `read`.

    Returns:
        The study, None when there is any error; everything found; the side table, empty for a study folder, which
        holds nothing else.

    Raises:
        MissingExtraError: the format needs a library that is not installed.
    """
    place = Path(path)
    known = recognise(place)
    if known is not None:
        return known.convert(place)
    study, problems = reading.inspect(place)
    return Converted(study, problems, pl.DataFrame(schema=UNMAPPED_SCHEMA))
