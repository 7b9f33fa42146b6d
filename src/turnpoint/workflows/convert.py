"""Convert what people have into the study folder, or a standard's files; what has no place goes to a side table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, cast

import polars as pl

from turnpoint.criteria.recist import target_diameters
from turnpoint.errors import Problem, StudyError, UsageError
from turnpoint.formats.adam import (
    USUAL_CODES,
    ParameterCodes,
    response_results,
    subject_level,
    time_to_event,
    tumour_results,
)
from turnpoint.formats.datasets import DatasetKind, LabelledDataset, write_dataset
from turnpoint.formats.fhir import write_study_as_fhir
from turnpoint.formats.ledger import UNMAPPED_SCHEMA
from turnpoint.formats.model_tables import DIALECTS as MODEL_TABLES
from turnpoint.formats.model_tables import write_model_table
from turnpoint.formats.sdtm import sdtm_datasets
from turnpoint.study.study import Study
from turnpoint.study.writing import StudyFormat, write_study, write_table
from turnpoint.workflows.opening import convert_to_study
from turnpoint.workflows.respond import lesions_of_one_reader, respond

Target = Literal["study", "adam", "sdtm", "dataset-json", "fhir", "nonmem", "monolix", "nlmixr2"]
# What each target can be written as, the usual one first.
FORMATS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "study": ("csv", "parquet"),
        "adam": ("xpt", "parquet", "json", "ndjson", "dsjc"),
        "sdtm": ("xpt", "json", "ndjson", "dsjc"),
        "dataset-json": ("json", "ndjson", "dsjc"),
        "fhir": ("json", "ndjson"),
        "nonmem": ("csv",),
        "monolix": ("csv",),
        "nlmixr2": ("csv",),
    }
)
_FHIR_ENDINGS: Final = (".json", ".ndjson")
UNMAPPED: Final = "unmapped.csv"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was converted.

    Attributes:
        study: what was read; its `problems` are the warnings.
        target: what it was written as.
        written: the files, the side table last when there is one.
        unmapped: the side table: what the study, or what was written, has no place for, one row a record, with the
            reason.
    """

    study: Study
    target: str
    written: tuple[Path, ...]
    unmapped: pl.DataFrame

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The warnings of the study."""
        return self.study.problems

    def reasons(self) -> pl.DataFrame:
        """How many records each reason left out: `reason, records`, most first."""
        return (
            self.unmapped.group_by("reason")
            .agg(pl.len().cast(pl.Int64).alias("records"))
            .sort(["records", "reason"], descending=[True, False])
        )


# `format` is the word that users look for, though Python has a function of that name.
def convert(
    source: str | Path | Study,
    out: str | Path,
    *,
    to: Target | None = None,
    format: str | None = None,  # noqa: A002
    criteria: str = "recist-1.1",
    study_id: str | None = None,
    codes: ParameterCodes = USUAL_CODES,
    created: datetime | None = None,
) -> Conversion:
    """Read anything that Turnpoint reads, and write it as a study folder or as a standard's files.

    Args:
        source: a study, or what `read` takes.
        out: a folder; for FHIR a file ending in `.json` or `.ndjson`.
        to: what to write: `study`, `adam` (ADSL, ADTR, ADRS, ADTTE), `sdtm`, `dataset-json` (SDTM as Dataset-JSON),
            `fhir`, or a table of models for `nonmem`, `monolix` or `nlmixr2`; by default FHIR for a file, and a study
            folder for anything else.
        format: how: one of `FORMATS[to]`, the first by default.
        criteria: by which the responses of ADaM are judged.
        study_id: STUDYID; by default each patient's own (`study_id` in patients), or else the study's name.
        codes: PARAMCD of ADTR.
        created: the time that the files say; now by default.

    Raises:
        StudyError: the data has errors.
        UsageError: an unknown target or format, or a place that cannot be written to.
        MissingExtraError: a format needs a library that is not installed.
    """
    place = Path(out)
    target = checked_kind(place, to, format)
    wanted = format or default_format(place, target)
    moment = created or datetime.now(UTC)
    if isinstance(source, Study):
        study, unmapped = source, pl.DataFrame(schema=UNMAPPED_SCHEMA)
    else:
        found = convert_to_study(source)
        if found.study is None:
            raise StudyError(found.problems)
        study, unmapped = found.study, found.unmapped
    if target == "study":
        written = write_study(study, place, format=cast("StudyFormat", wanted))
    elif target in MODEL_TABLES:
        written, without_place = _write_model_table(study, place, target, criteria)
        unmapped = pl.concat([unmapped, without_place], how="diagonal")
    elif target == "fhir":
        written = (write_study_as_fhir(study, place, timestamp=moment),)
    else:
        make = _SETS[target]
        written = _write_all(
            make(study, study_id, criteria, codes), place, cast("DatasetKind", wanted), moment
        )
    return Conversion(study, target, (*written, *_side_table(unmapped, place)), unmapped)


def checked_kind(out: Path, to: str | None, format: str | None) -> Target:  # noqa: A002
    """What to write, from the target's name or from the ending of the place.

    Raises:
        UsageError: an unknown target or format, or a file where a folder is wanted or the other way about.
    """
    is_file = out.suffix.lower() in _FHIR_ENDINGS and not out.is_dir()
    target = to or ("fhir" if is_file else "study")
    if target not in FORMATS:
        raise UsageError(f"to={target}: not something to convert to. Valid ones: {', '.join(FORMATS)}")
    if format is not None and format not in FORMATS[target]:
        raise UsageError(
            f"format={format}: {target} cannot be written so. Valid ones: {', '.join(FORMATS[target])}"
        )
    if target == "fhir" and not is_file:
        raise UsageError(f"{out.name}: FHIR is written to a file. End its name in .json or .ndjson")
    if target == "fhir" and format is not None and out.suffix.lower() != f".{format}":
        raise UsageError(f"{out.name}: does not end in .{format}. Leave out the format, or change the name")
    if target != "fhir" and (out.is_file() or (out.suffix and not out.is_dir())):
        raise UsageError(f"{out.name}: {target} is written to a folder. Name one")
    return cast("Target", target)


def default_format(out: Path, target: Target) -> str:
    """How a target is written when nobody says."""
    return out.suffix.lower().removeprefix(".") if target == "fhir" else FORMATS[target][0]


def adam(
    study: Study, *, criteria: str = "recist-1.1", study_id: str | None, codes: ParameterCodes = USUAL_CODES
) -> tuple[LabelledDataset, ...]:
    """ADSL, ADTR, ADRS and ADTTE of a study.

    Args:
        study: with lesions.
        criteria: by which it is judged; they must judge sums of diameters.
        study_id: STUDYID; None for each patient's own, or else the study's name.
        codes: PARAMCD of ADTR.

    Raises:
        UsageError: unknown criteria, or criteria without sums of diameters or progression-free survival.
    """
    judged = respond(study, criteria)
    if judged.progression_free is None or "sum_of_diameters_mm" not in judged.responses.columns:
        raise UsageError(
            f"criteria={criteria}: ADaM is made of sums of diameters and progression-free survival. Use recist-1.1"
        )
    results = tumour_results(
        study,
        judged.responses,
        target_diameters(study.lesions),
        codes=codes,
        study_id=study_id,
        criteria=criteria,
    )
    answers = response_results(
        study,
        judged.responses,
        judged.best_responses,
        results,
        sum_code=codes.sum,
        study_id=study_id,
        criteria=criteria,
    )
    times = time_to_event(study, judged.progression_free, answers, study_id=study_id)
    return subject_level(study, study_id), results, answers, times


def _as_sdtm(
    study: Study, name: str | None, _criteria: str, _codes: ParameterCodes
) -> tuple[LabelledDataset, ...]:
    return sdtm_datasets(study, name)


def _as_adam(
    study: Study, name: str | None, criteria: str, codes: ParameterCodes
) -> tuple[LabelledDataset, ...]:
    return adam(study, criteria=criteria, study_id=name, codes=codes)


_SETS: Final[
    Mapping[str, Callable[[Study, str | None, str, ParameterCodes], tuple[LabelledDataset, ...]]]
] = MappingProxyType({"adam": _as_adam, "sdtm": _as_sdtm, "dataset-json": _as_sdtm})


def _write_model_table(
    study: Study, folder: Path, dialect: str, criteria: str
) -> tuple[tuple[Path, ...], pl.DataFrame]:
    """The table, and what of the study has no place in it; beside another table it would not be found again."""
    _make(folder)
    path = folder / f"{dialect}.csv"
    _refuse_strangers(folder, (".csv", ".tsv", ".txt", ".parquet", ".xpt"), {path.name, UNMAPPED})
    judged = respond(replace(study, lesions=lesions_of_one_reader(study)), criteria).responses
    columns = ["patient_id", "reader", "day", "sum_of_diameters_mm"]
    if not set(columns) <= set(judged.columns):
        raise UsageError(f"criteria={criteria}: they have no sums of diameters. Use recist-1.1")
    return write_model_table(study, judged.select(columns), path, dialect)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder.name}: cannot be made ({(error.strerror or 'error').lower()})") from error


def _refuse_strangers(folder: Path, endings: tuple[str, ...], own: set[str]) -> None:
    foreign = sorted(
        file.name for file in folder.iterdir() if file.suffix.lower() in endings and file.name not in own
    )
    if foreign:
        raise UsageError(
            f"{folder.name}: holds {', '.join(foreign[:6])}, which would mix with the data sets. Choose an empty folder"
        )


def _write_all(
    datasets: tuple[LabelledDataset, ...], folder: Path, kind: DatasetKind, created: datetime
) -> tuple[Path, ...]:
    """A file for each data set that has rows; a folder with data sets of another kind would mix with them."""
    _make(folder)
    wanted = {dataset.name.lower(): dataset for dataset in datasets if dataset.frame.height}
    _refuse_strangers(
        folder, (".xpt", ".json", ".ndjson", ".dsjc", ".parquet"), {f"{name}.{kind}" for name in wanted}
    )
    return tuple(
        write_dataset(dataset, folder / f"{name}.{kind}", kind, created=created)
        for name, dataset in wanted.items()
    )


def _side_table(unmapped: pl.DataFrame, out: Path) -> tuple[Path, ...]:
    """The side table beside what was written; without rows only over one of an earlier conversion."""
    place = out.with_name(f"{out.stem}-{UNMAPPED}") if out.suffix.lower() in _FHIR_ENDINGS else out / UNMAPPED
    if unmapped.is_empty() and not place.exists():
        return ()
    return (write_table(unmapped, place),)
