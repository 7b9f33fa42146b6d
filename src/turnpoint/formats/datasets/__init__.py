"""Data sets of CDISC as files: SAS transport files, Dataset-JSON, CSV and Parquet."""

from turnpoint.formats.datasets.dataset import Dataset
from turnpoint.formats.datasets.files import ENDINGS, dataset_files, describe, read_columns
from turnpoint.formats.datasets.identifiers import STUDY_ID, study_ids
from turnpoint.formats.datasets.tables import is_table
from turnpoint.formats.datasets.writing import DatasetKind, LabelledDataset, write_dataset

__all__ = [
    "ENDINGS",
    "STUDY_ID",
    "Dataset",
    "DatasetKind",
    "LabelledDataset",
    "dataset_files",
    "describe",
    "is_table",
    "read_columns",
    "study_ids",
    "write_dataset",
]
