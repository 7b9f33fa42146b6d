"""Open what people have: a study folder, a single table, or a standard's files, told apart by their content."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

from turnpoint.errors import Problem, StudyError, UsageError
from turnpoint.formats import recognise
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted, with_aside
from turnpoint.study import reading
from turnpoint.study.findings import Findings
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.workflows.partition import is_partitioned


def read(path: str | Path, needed: Collection[str] = tuple(TABLES)) -> Study:
    """Read and check a study.

    Args:
        path: a study folder, a single CSV or Parquet file, or a folder or file of a format that is read
            (`turnpoint.formats.FORMATS`).
        needed: the tables that the work at hand cannot do without; an error in another one is a warning, and its row
            is left out.

    Returns:
        The study; its `problems` are the warnings.

    Raises:
        StudyError: the data has errors; it carries every problem found, warnings too.
        MissingExtraError: the format needs a library that is not installed.
    """
    study, problems = inspect(path, needed)
    if study is None:
        raise StudyError(problems)
    return study


def inspect(
    path: str | Path, needed: Collection[str] = tuple(TABLES)
) -> tuple[Study | None, tuple[Problem, ...]]:
    """Read a study and list every problem in it, without raising on bad data.

    Args:
        path: as for `read`.
        needed: as for `read`.

    Returns:
        The study, None when there is any error; everything found, in file and row order.

    Raises:
        MissingExtraError: the format needs a library that is not installed.
    """
    place = _whole(path)
    known = recognise(place)
    return reading.inspect(place, needed) if known is None else known.inspect(place, needed)


def convert_to_study(path: str | Path) -> Converted:
    """Read a study, list every problem in it, and keep what a study has no place for.

    Args:
        path: as for `read`.

    Returns:
        The study, None when there is any error; everything found; the side table, which for a study folder holds
        nothing but rows set aside for an odd day.

    Raises:
        MissingExtraError: the format needs a library that is not installed.
    """
    place = _whole(path)
    known = recognise(place)
    if known is not None:
        return known.convert(place)
    findings = Findings()
    study, problems = reading.inspected(place, tuple(TABLES), findings)
    return Converted(study, problems, with_aside(pl.DataFrame(schema=UNMAPPED_SCHEMA), findings))


def _whole(path: str | Path) -> Path:
    """The path of a study that is not in parts.

    Raises:
        UsageError: it is.
    """
    place = Path(path)
    if is_partitioned(place):
        raise UsageError(
            f"STUDY: `{place.name}` is a study in parts, and this takes a whole one. Name the study that it was cut "
            "from, or one of the parts; assess, ahead, forecast, metrics and respond take the parts together."
        )
    return place
