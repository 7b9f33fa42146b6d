"""SDTM, the data sets in which trials are submitted: a folder of them, or one, becomes a study.

    TU, TR -> lesions     LB -> markers     DM -> patients     EX, CM, PR -> doses     AE -> events
    (RS: `responses`)

The files are SAS transport files, Dataset-JSON, CSV or Parquet, in any mixture; ADaM is read where its SDTM is missing
(`analysis`). A file's domain is what its records say, not its name; a
domain may be split over several files, and a file that repeats another is read once. SUPP-- fills columns that its
domain leaves empty. Whatever is not read is counted in the study's warnings, and kept in a side table (`convert`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import Problem, counted
from turnpoint.formats.datasets import (
    ENDINGS,
    STUDY_ID,
    Dataset,
    dataset_files,
    describe,
    is_table,
    read_columns,
)
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted, with_aside
from turnpoint.formats.sdtm.analysis import ANALYSIS_COLUMNS
from turnpoint.formats.sdtm.analysis_reading import analysis_rows, joined, read_analysis, stands_for
from turnpoint.formats.sdtm.course import dose_rows, event_rows, patient_rows
from turnpoint.formats.sdtm.days import start_dates, study_day, with_days
from turnpoint.formats.sdtm.ledger import Ledger, side_rows
from turnpoint.formats.sdtm.lesions import lesion_rows
from turnpoint.formats.sdtm.markers import marker_rows
from turnpoint.formats.sdtm.tables import COLUMNS, SUPPLEMENT, Records, with_supplement
from turnpoint.formats.sdtm.therapies import medication_rows, own_lines, procedure_rows
from turnpoint.study.findings import Findings
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.study.validation import build

READ: Final = ("DM", "TU", "TR", "EX", "CM", "PR", "AE", "LB")
# TR and TU side by side: their records are counted as one.
_SIDE_ORDER: Final = ("TR", "TU", "DM", "EX", "CM", "PR", "AE", "LB")
RESPONSES: Final = "responses as reported, which `respond --reported` compares with the derived ones"
UNREAD: Final = "a data set of another domain, which is not read"
ANALYSIS: Final = "a data set of ADaM beside the SDTM that it is made from"
QUALIFIER: Final = "a supplemental qualifier that is not read"
# Read, but not as part of a study.
_BESIDE: Final = ("RS",)


def recognises(path: Path) -> bool:
    """True for files of data sets, alone or in a folder; and for a file that has their ending and is to be one."""
    return bool(dataset_files(path)) or (path.is_file() and path.suffix.lower() in ENDINGS)


def inspect(path: Path, needed: Collection[str] = tuple(TABLES)) -> tuple[Study | None, tuple[Problem, ...]]:
    """Read an SDTM folder or file as a study, and list every problem, without raising on bad data.

    Args:
        path: a folder with SAS transport files or Dataset-JSON, or one such file.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).

    Returns:
        The study, None when there is any error; everything found.

    Raises:
        MissingExtraError: there is a SAS transport file, and pyreadstat is not installed.
    """
    found = _read(path, Findings(), needed)
    return found.study, found.problems


def convert(path: Path) -> Converted:
    """Read an SDTM folder or file as a study, with the records that the study has no place for beside it.

    Args:
        path: as for `inspect`.

    Raises:
        MissingExtraError: there is a SAS transport file, and pyreadstat is not installed.
    """
    return _read(path, Ledger(), tuple(TABLES))


def _read(path: Path, findings: Findings, needed: Collection[str]) -> Converted:
    domains = _domains(path, findings)
    tables = {} if findings.has_errors else study_tables(domains, findings)
    unmapped = pl.DataFrame(schema=UNMAPPED_SCHEMA)
    if isinstance(findings, Ledger):
        if domains:
            _leave_responses(path, findings)
        named = [(name, domains[name].file, domains[name].frame) for name in _SIDE_ORDER if name in domains]
        unmapped = findings.unmapped(named)
    columns = [table.frame["patient_id"].unique().drop_nulls() for table in tables.values()]
    identifiers = frozenset(identifier for column in columns for identifier in column)
    if findings.has_errors:
        return Converted(None, findings.listed(identifiers), unmapped)
    name = path.resolve().name if path.is_dir() else path.stem
    study, problems = build(tables, name, findings, needed)
    return Converted(study, problems, with_aside(unmapped, findings, _by_record))


def _by_record(_table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the side table by the number of the record, as it has all others."""
    number = (pl.col("row") - 1).alias("row")
    return rows.with_columns(number, pl.format("record {}", number).alias("record"))


def _domains(path: Path, findings: Findings) -> dict[str, Records]:
    """The domains that a study is made of; none when a file is damaged, or there is nothing to study (reported)."""
    files = dataset_files(path)
    if not files:
        findings.add(
            path.name,
            "the file is no data set of SDTM or ADaM",
            "Give it as SAS transport (XPT), Dataset-JSON, CSV or Parquet, with USUBJID and DOMAIN or PARAMCD.",
        )
        return {}
    domains = read_domains(files, READ, findings)
    if not findings.has_errors and not domains.keys() & {"TR", "TU", "LB"}:
        findings.add(
            path.name,
            "there is no data set with lesions (TR, TU; ADTR) or laboratory results (LB; ADLB)",
            "Give the folder of all SDTM or ADaM data sets, with tr.xpt, tr.json or tr.csv.",
        )
    return {} if findings.has_errors else domains


def _leave_responses(path: Path, ledger: Ledger) -> None:
    """RS and ADRS are no part of a study: their records go to the side table."""
    for file in dataset_files(path):
        found = describe(file, Findings())
        if found is None or "RS" not in (found.domain, stands_for(found)):
            continue
        columns = COLUMNS["RS"] if found.domain == "RS" else ANALYSIS_COLUMNS
        frame = read_columns(found, columns, Findings())
        if frame is not None and found.domain == "RS":
            rows = side_rows(found.file, found.domain, frame).drop("record_number")
            ledger.leave_rows(rows.with_columns(pl.lit(RESPONSES).alias("reason")))
        elif frame is not None:
            ledger.leave_rows(analysis_rows(found, frame, RESPONSES))


def read_domains(files: Iterable[Path], wanted: tuple[str, ...], findings: Findings) -> dict[str, Records]:
    """The records of the wanted domains, supplements filled in; other data sets are named in one warning."""
    datasets = _one_form_each(
        [found for file in files if (found := describe(file, findings)) is not None], findings
    )
    domains: dict[str, Records] = {}
    for domain in wanted:
        own = [found for found in datasets if found.domain == domain]
        records = joined([(found, read_columns(found, COLUMNS[domain], findings)) for found in own], findings)
        if records is None:
            continue
        for found in datasets:
            if found.domain == f"SUPP{domain}":
                supplement = read_columns(found, SUPPLEMENT, findings)
                if supplement is not None:
                    records = with_supplement(records, supplement, domain)
                    _leave_supplement(found, supplement, domain, findings)
        domains[domain] = records
    present = {found.domain for found in datasets}
    analysis = [found for found in datasets if stands_for(found) is not None]
    domains |= read_analysis(analysis, [domain for domain in wanted if domain not in present], findings)
    _name_passed_over([found for found in analysis if stands_for(found) in present], findings)
    _name_unread([found for found in datasets if found not in analysis], wanted, findings)
    return domains


def _one_form_each(datasets: list[Dataset], findings: Findings) -> list[Dataset]:
    """The data sets without tables that lie there as a data set too: `tr.csv` beside `tr.xpt` is not read twice.

    Of two true data sets the records are compared (`joined`); the text of a table has other numbers and spaces.
    """
    sets = {
        (found.domain, found.path.stem.casefold()): found for found in datasets if not is_table(found.path)
    }
    kept = []
    for found in datasets:
        read = sets.get((found.domain, found.path.stem.casefold()), found)
        if read is found or not is_table(found.path):
            kept.append(found)
            continue
        findings.add(
            found.file,
            f"the same data set lies beside it as {read.file}, which is read",
            "Keep one of the two, or give them different names if their records differ.",
            severity="warning",
        )
    return kept


def _name_passed_over(datasets: Sequence[Dataset], findings: Findings) -> None:
    """ADaM beside the SDTM that it was made from: reading both would count everything twice."""
    for found in datasets:
        domain = stands_for(found)
        if isinstance(findings, Ledger):
            findings.leave_rows(_as_side_row(found, ANALYSIS))
        if domain in READ:
            findings.add(
                found.file,
                f"the data set is ADaM ({found.domain}), and {domain}, from which it is made, is read instead",
                "Nothing to do.",
                severity="warning",
            )


def _name_unread(datasets: Sequence[Dataset], wanted: Sequence[str], findings: Findings) -> None:
    known = {*wanted, *READ, *_BESIDE}
    unread = sorted({found.domain for found in datasets if found.domain.removeprefix("SUPP") not in known})
    if not unread:
        return
    if isinstance(findings, Ledger):
        for found in datasets:
            if found.domain in unread:
                findings.leave_rows(_as_side_row(found, UNREAD))
    findings.add(
        datasets[0].file,
        f"data sets that are not read lie beside it: {', '.join(unread[:12])}{', ...' if len(unread) > 12 else ''}",
        "Nothing to do.",
        severity="warning",
    )


def _as_side_row(found: Dataset, reason: str) -> pl.DataFrame:
    return pl.DataFrame(
        [(found.file, found.domain, reason)],
        schema={"file": pl.String, "record": pl.String, "reason": pl.String},
        orient="row",
    )


def _leave_supplement(found: Dataset, supplement: pl.DataFrame, domain: str, findings: Findings) -> None:
    """Qualifiers that no column of ours takes."""
    if isinstance(findings, Ledger):
        others = supplement.filter(
            ~pl.col("QNAM").str.to_uppercase().is_in(list(COLUMNS[domain])).fill_null(value=False)
        )
        rows = side_rows(found.file, found.domain, others).drop("record_number")
        findings.leave_rows(rows.with_columns(pl.lit(QUALIFIER).alias("reason")))


def study_tables(domains: Mapping[str, Records], findings: Findings) -> dict[str, RawTable]:
    """The tables of a study, columns as in the study folder, before they are checked as any study is."""
    timed = [(name, domains[name].frame) for name in ("TR", "TU", "LB") if name in domains]
    people, exposure = domains.get("DM"), domains.get("EX")
    starts = start_dates(
        people.frame if people else None, exposure.frame if exposure else None, timed, findings
    )
    tables: dict[str, Records] = {}
    results, names = (_with_visits(domains.get(name), starts, name) for name in ("TR", "TU"))
    if results is not None or names is not None:
        tables["lesions"] = lesion_rows(results or _no_results(names), names, findings)
    if "LB" in domains:
        tables["markers"] = marker_rows(domains["LB"], starts, findings)
    doses = _doses(domains, starts, findings)
    if doses is not None:
        tables["doses"] = doses
    if "AE" in domains:
        tables["events"] = event_rows(domains["AE"], starts, findings)
    tables["patients"] = _identified(_patients(people, tables, starts, findings), domains)
    return {name: _raw(records) for name, records in tables.items() if records.frame.height}


def _identified(patients: Records, domains: Mapping[str, Records]) -> Records:
    """The patients with the STUDYID that any of their records has."""
    named = [
        records.frame.select(pl.col("USUBJID").alias("patient_id"), pl.col("STUDYID").alias(STUDY_ID))
        for name in ("DM", *(other for other in domains if other != "DM"))
        if (records := domains.get(name)) is not None
    ]
    known = pl.concat(named).drop_nulls().unique("patient_id", keep="first", maintain_order=True)
    if known.is_empty():
        return patients
    return Records(
        patients.file, patients.frame.join(known, on="patient_id", how="left", maintain_order="left")
    )


def _doses(domains: Mapping[str, Records], starts: pl.DataFrame, findings: Findings) -> Records | None:
    """The doses of EX, then other treatment of CM and PR; records count on from one to the next."""
    people, exposure = domains.get("DM"), domains.get("EX")
    lines = own_lines(people.frame if people else None, exposure.frame if exposure else None)
    parts = [dose_rows(exposure, starts, findings)] if exposure else []
    read = [exposure] if exposure else []
    for name, rows in (("CM", medication_rows), ("PR", procedure_rows)):
        if name in domains:
            found = rows(domains[name], lines, starts, findings)
            if found.frame.height:
                parts.append(found)
                read.append(domains[name])
    if len(parts) < 2:
        return parts[0] if parts else None
    before = [0, *accumulate(records.frame.height for records in read[:-1])]
    frames = [
        part.frame.with_columns(pl.col("record") + offset) for part, offset in zip(parts, before, strict=True)
    ]
    return Records(" + ".join(part.file for part in parts), pl.concat(frames, how="diagonal_relaxed"))


def _with_visits(records: Records | None, starts: pl.DataFrame, prefix: str) -> Records | None:
    if records is None:
        return None
    frame = with_days(records.frame, starts, f"{prefix}DTC", f"{prefix}DY")
    return Records(records.file, frame.with_columns(study_day("VISITDY").alias("planned_day")))


def _no_results(names: Records | None) -> Records:
    """An empty TR beside a TU."""
    days = {name: pl.Int64() for name in ("day", "day_from", "day_to", "planned_day", "record")}
    return Records(names.file if names else "TU", pl.DataFrame(schema={**COLUMNS["TR"], **days}))


def _patients(
    people: Records | None, tables: Mapping[str, Records], starts: pl.DataFrame, findings: Findings
) -> Records:
    """DM, and the patients of the other tables whom it lacks."""
    empty = Records(
        "dm",
        pl.DataFrame(
            schema={name: pl.String() for name in ("USUBJID", *COLUMNS["DM"])} | {"record": pl.Int64()}
        ),
    )
    listed = patient_rows(people or empty, starts, findings)
    identifiers = (
        pl.concat(
            [records.frame.select("patient_id") for records in tables.values()]
            or [listed.frame.select("patient_id")]
        )
        .unique()
        .drop_nulls()
    )
    unlisted = identifiers.join(listed.frame, on="patient_id", how="anti").sort("patient_id")
    if unlisted.height and people is not None:
        findings.add(
            people.file,
            f"not in DM: {counted(unlisted.height, 'patient')} of other data sets",
            "They are read as they are; add them to DM.",
            column="USUBJID",
            severity="warning",
        )
    added = (
        unlisted.join(
            starts.rename({"USUBJID": "patient_id", "start": "start_date"}), on="patient_id", how="left"
        )
        .with_row_index("record", offset=listed.frame.height + 2)
        .with_columns(pl.col("record").cast(pl.Int64))
    )
    return Records(listed.file, pl.concat([listed.frame, added], how="diagonal"))


def _raw(records: Records) -> RawTable:
    return RawTable(
        records.file, records.frame.drop("record"), records.frame["record"].alias("source_row"), None
    )
