"""Data sets written as trials submit them: SAS transport files (version 5), Dataset-JSON 1.1, Parquet.

A data set is a frame with a name, a label, and a label for each column. What version 5 cannot hold (names over 8
letters, labels over 40, texts over 200 bytes) is refused before anything is written.

Sources: SAS Institute, TS-140; CDISC, Dataset-JSON v1.1 (2024).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from turnpoint.errors import MissingExtraError, UsageError
from turnpoint.study.whole_files import appearing_whole

DatasetKind = Literal["xpt", "json", "ndjson", "dsjc", "parquet"]
KINDS: Final = ("xpt", "json", "ndjson", "dsjc", "parquet")
_LONGEST_NAME: Final = 8
_LONGEST_LABEL: Final = 40
_LONGEST_TEXT_BYTES: Final = 200
# SAS counts days from here.
_SAS_EPOCH: Final = date(1960, 1, 1)
_ROWS_A_PART: Final = 20_000


@dataclass(frozen=True, slots=True)
class LabelledDataset:
    """A data set to write.

    Attributes:
        name: up to 8 letters and digits: `ADTR`.
        label: what it is, up to 40 letters.
        labels: of every column, in their order.
        frame: its rows; texts, numbers, dates.
        keys: the columns that make a row unique, in the order of the rows.
    """

    name: str
    label: str
    labels: Mapping[str, str]
    frame: pl.DataFrame
    keys: Sequence[str] = ()


def write_dataset(dataset: LabelledDataset, path: Path, kind: DatasetKind, *, created: datetime) -> Path:
    """Write a data set; the file appears whole or not at all.

    Args:
        dataset: what to write.
        path: where; its folder exists.
        kind: `xpt`, `json`, `ndjson`, `dsjc` (compressed JSON) or `parquet`.
        created: when, for the formats that say so.

    Returns:
        The path written.

    Raises:
        UsageError: the format cannot hold the data set, or the place cannot be written to.
        MissingExtraError: `xpt` without pyreadstat.
    """
    try:
        with appearing_whole(path) as part:
            if kind == "xpt":
                _write_transport(dataset, part)
            elif kind == "parquet":
                dataset.frame.write_parquet(part)
            elif kind == "dsjc":
                with gzip.open(part, "wt", encoding="utf-8", newline="\n") as file:
                    file.writelines(_json_text(dataset, created, is_lines=False))
            else:
                with part.open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(_json_text(dataset, created, is_lines=kind == "ndjson"))
    except OSError as error:
        raise UsageError(f"{path.name}: cannot be written ({(error.strerror or 'error').lower()})") from error
    return path


def _json_text(dataset: LabelledDataset, created: datetime, *, is_lines: bool) -> Iterator[str]:
    """The file in pieces, so that a large data set is never one text in memory."""
    about = json.dumps(_about(dataset, created), ensure_ascii=False)
    yield about + "\n" if is_lines else about.removesuffix("}") + ', "rows": ['
    floats, dated = pl.col(pl.Float64, pl.Float32), pl.col(pl.Date)
    # JSON has no NaN.
    ready = dataset.frame.with_columns(pl.when(floats.is_finite()).then(floats).name.keep())
    ready = ready.with_columns(dated.dt.to_string("%Y-%m-%d"))
    first = True
    for part in ready.iter_slices(_ROWS_A_PART):
        for row in part.iter_rows():
            text = json.dumps(row, ensure_ascii=False)
            yield text + "\n" if is_lines else ("\n" if first else ",\n") + text
            first = False
    if not is_lines:
        yield "\n]}\n"


def _about(dataset: LabelledDataset, created: datetime) -> dict[str, Any]:
    return {
        "datasetJSONCreationDateTime": created.strftime("%Y-%m-%dT%H:%M:%S"),
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": f"IG.{dataset.name}",
        "records": dataset.frame.height,
        "name": dataset.name,
        "label": dataset.label,
        "columns": [_column(dataset, name, dtype) for name, dtype in dataset.frame.schema.items()],
    }


def _column(dataset: LabelledDataset, name: str, dtype: pl.DataType) -> dict[str, Any]:
    found: dict[str, Any] = {
        "itemOID": f"IT.{dataset.name}.{name}",
        "name": name,
        "label": dataset.labels[name],
        "dataType": _data_type(dtype),
    }
    if dtype == pl.String:
        longest = dataset.frame[name].str.len_chars().max()
        found["length"] = max(1, longest) if isinstance(longest, int) else 1
    if name in dataset.keys:
        found["keySequence"] = list(dataset.keys).index(name) + 1
    return found


def _data_type(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "double"
    if dtype == pl.Boolean:
        return "boolean"
    return "date" if dtype == pl.Date else "string"


def _write_transport(dataset: LabelledDataset, path: Path) -> None:
    try:
        import pyreadstat  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingExtraError(
            "SAS transport files (XPT): pyreadstat is not installed. Run: pip install 'turnpoint[cdisc]', or write "
            "Dataset-JSON or Parquet."
        ) from error
    _refuse_what_version_5_lacks(dataset)
    frame = dataset.frame.with_columns(
        pl.col(pl.Date) - _SAS_EPOCH,
        # Version 5 has numbers and texts, and an empty text for a missing one.
        pl.col(pl.Boolean).replace_strict({True: "Y", False: "N"}, return_dtype=pl.String),
    ).with_columns(pl.col(pl.Duration).dt.total_days().cast(pl.Float64), pl.col(pl.Int64).cast(pl.Float64))
    dated = {name: "DATE9." for name, dtype in dataset.frame.schema.items() if dtype == pl.Date}
    try:
        pyreadstat.write_xport(
            frame,
            str(path),
            file_label=dataset.label,
            column_labels=[dataset.labels[name] for name in frame.columns],
            table_name=dataset.name,
            file_format_version=5,
            variable_format=dated,
        )
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
        raise UsageError(f"{path.name}: cannot be written as a SAS transport file") from error


def _refuse_what_version_5_lacks(dataset: LabelledDataset) -> None:
    names = [name for name in (dataset.name, *dataset.frame.columns) if len(name) > _LONGEST_NAME]
    labels = [label for label in (dataset.label, *dataset.labels.values()) if len(label) > _LONGEST_LABEL]
    texts = [
        name
        for name, dtype in dataset.frame.schema.items()
        if dtype == pl.String and (dataset.frame[name].str.len_bytes() > _LONGEST_TEXT_BYTES).any()
    ]
    for found, rule in (
        (names, f"names of more than {_LONGEST_NAME} letters"),
        (labels, f"labels of more than {_LONGEST_LABEL} letters"),
        (texts, f"columns with texts of more than {_LONGEST_TEXT_BYTES} bytes"),
    ):
        if found:
            raise UsageError(
                f"{dataset.name}: a SAS transport file cannot hold {rule}: {', '.join(found[:6])}. Write "
                "Dataset-JSON or Parquet."
            )
