"""Data sets of CDISC as files: SAS transport files and Dataset-JSON, read and written."""

from turnpoint.formats.datasets.dataset import Dataset
from turnpoint.formats.datasets.files import ENDINGS, dataset_files, describe, read_columns
from turnpoint.formats.datasets.writing import DatasetKind, LabelledDataset, write_dataset

__all__ = [
    "ENDINGS",
    "Dataset",
    "DatasetKind",
    "LabelledDataset",
    "dataset_files",
    "describe",
    "read_columns",
    "write_dataset",
]
