"""Quality control: the responses derived from the lesions beside those that were reported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from turnpoint.criteria import CRITERIA, criterion
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.quality import compare
from turnpoint.criteria.responses import Responses
from turnpoint.errors import Problem, StudyError
from turnpoint.formats import fhir
from turnpoint.formats.datasets import dataset_files
from turnpoint.formats.reported import reported_in_table, table_files
from turnpoint.formats.sdtm import reported_responses
from turnpoint.study.findings import Findings
from turnpoint.study.study import Study
from turnpoint.workflows.respond import respond


@dataclass(frozen=True, slots=True)
class QualityControl:
    """Derived responses beside reported ones.

    Attributes:
        differences: one row an item of a visit, or a best response, that was reported otherwise, on one side only, or
            not at all: `patient_id, reader, day, reported_day, item, derived, reported`, the numbers that decide it,
            and `why` in one sentence.
        agreement: one row an item: how often it was compared, agreed, differed, or stood on one side only.
        problems: warnings about the reported responses.
        criteria: by which the responses were derived.
    """

    differences: pl.DataFrame
    agreement: pl.DataFrame
    problems: tuple[Problem, ...]
    criteria: str


def quality(
    study: Study,
    reported: str | Path,
    criteria: str = "recist-1.1",
    *,
    rules: ProtocolRules | None = None,
    derived: Responses | None = None,
) -> QualityControl:
    """Compare the responses derived from a study with those that were reported.

    Args:
        study: with lesions.
        reported: a CSV or Parquet table laid out like `responses` or `best_responses`, a folder with these, an SDTM RS
            data set (XPT), or the SDTM folder that holds it.
        criteria: one of `turnpoint.criteria.CRITERIA`.
        rules: what the protocol sets.
        derived: the derived responses, by these rules, when they are known already.

    Raises:
        StudyError: the reported responses cannot be read.
        UsageError: unknown criteria.
        MissingExtraError: the file needs a library that is not installed.
    """
    found = derived if derived is not None else respond(study, criteria, rules=rules)
    findings = Findings()
    # By its own name: what RSCAT says is looked up under it.
    name = next(known for known, judge in CRITERIA.items() if judge is criterion(criteria))
    told = _reported(Path(reported), study, name, findings)
    if told.is_empty() and not findings.has_errors:
        findings.add(
            Path(reported).name,
            "no reported response was found",
            "Give a table with patient_id, day and overall_response, an SDTM RS data set, or FHIR disease status.",
        )
    if findings.has_errors:
        raise StudyError(findings.listed(frozenset(study.patient_ids)))
    told = with_days_of_visits(told, study.lesions)
    _report_repeated(told, Path(reported).name, findings)
    differences, agreement = compare(
        found.responses, found.best_responses, study.lesions, told, rules=rules or ProtocolRules()
    )
    return QualityControl(differences, agreement, findings.listed(frozenset(study.patient_ids)), name)


def _reported(place: Path, study: Study, criteria: str, findings: Findings) -> pl.DataFrame:
    """What was reported, one row an item."""
    starts = study.patients.select("patient_id", "start_date")
    if not place.exists():
        findings.add(place.name, "there is no such file or folder", "Check the path.")
        return pl.DataFrame()
    if fhir.recognises(place):
        return fhir.reported_in_fhir(place, starts, findings)
    files = dataset_files(place)
    if files:
        return reported_responses(files, starts, criteria, findings)
    tables = [reported_in_table(file, starts, findings) for file in table_files(place)]
    return pl.concat(tables) if tables else pl.DataFrame()


def with_days_of_visits(told: pl.DataFrame, lesions: pl.DataFrame) -> pl.DataFrame:
    """The day of each reported visit as the lesions have it, where both name the visit; else its own day.

    A visit has one day in the study, while its response may be dated by a later signature, or by a month alone.
    """
    if "visit" not in lesions.columns:
        return told
    visits = lesions.filter(pl.col("visit").is_not_null())
    found = told
    for keys, name in ((["patient_id", "reader", "visit"], "own"), (["patient_id", "visit"], "any")):
        days = visits.group_by(keys).agg(
            pl.col("day").min().alias(name), pl.col("day").n_unique().alias("days")
        )
        # A visit that stands for several days (unscheduled ones, or readers who differ) says nothing.
        own = days.filter(pl.col("days") == 1).drop("days")
        found = found.join(own, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return found.with_columns(pl.coalesce("own", "any", "day").alias("day")).drop("own", "any")


def _report_repeated(told: pl.DataFrame, file: str, findings: Findings) -> None:
    """Warn of items that were reported twice for a visit, with other values; the first is compared."""
    visit = pl.when(pl.col("day").is_null()).then("visit").alias("undated")
    values = told.group_by("patient_id", "reader", "day", visit, "item").agg(
        pl.col("reported").n_unique().alias("values")
    )
    repeated = values.filter(pl.col("values") > 1)
    if repeated.height:
        findings.add(
            file,
            f"{repeated.height:,} responses were reported twice for one reader and visit, with other values",
            "The first of them is compared; keep one.",
            severity="warning",
        )
