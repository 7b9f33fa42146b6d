"""Files of CDISC data sets, of every kind, told apart by their content: which there are, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.formats.datasets import dataset_json, tables, xpt
from turnpoint.formats.datasets.dataset import Dataset, typed
from turnpoint.study.findings import Findings


@dataclass(frozen=True, slots=True)
class _Kind:
    holds: Callable[[Path], bool]
    describe: Callable[[Path, Findings], Dataset | None]
    read: Callable[[Dataset, Mapping[str, pl.DataType], Findings], pl.DataFrame | None]


_KINDS: Final = (
    _Kind(xpt.is_transport, xpt.describe, xpt.read_columns),
    _Kind(dataset_json.is_dataset_json, dataset_json.describe, dataset_json.read_columns),
    _Kind(tables.is_table, tables.describe, tables.read_columns),
)
# A file of one of these names is to be a data set, though its content is not.
ENDINGS: Final = (".xpt", ".dsjc")


def dataset_files(path: Path) -> list[Path]:
    """The files with a data set that a path is or holds, in any of the forms, mixed in one folder if so."""
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in found if file.is_file() and _kind(file) is not None]


def describe(path: Path, findings: Findings) -> Dataset | None:
    """What a file of `dataset_files` holds; None when it is damaged (reported).

    Raises:
        MissingExtraError: it is a SAS transport file, and pyreadstat is not installed.
    """
    kind = _kind(path)
    return None if kind is None else kind.describe(path, findings)


def read_columns(
    dataset: Dataset, wanted: Mapping[str, pl.DataType], findings: Findings
) -> pl.DataFrame | None:
    """The wanted columns of a data set as `dataset.typed` gives them; None when the file is damaged (reported).

    Args:
        dataset: from `describe`.
        wanted: names in upper case and types, `String` or `Float64`.
        findings: where problems go.
    """
    kind = _kind(dataset.path)
    found = None if kind is None else kind.read(dataset, wanted, findings)
    return None if found is None else typed(found, dataset, wanted)


def _kind(path: Path) -> _Kind | None:
    return next((kind for kind in _KINDS if kind.holds(path)), None)
