"""Which data sets of ADaM are read, and what is said of them; `analysis` has the rules of their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from turnpoint.errors import counted
from turnpoint.formats.datasets import Dataset, read_columns
from turnpoint.formats.sdtm.analysis import (
    ANALYSIS_COLUMNS,
    DERIVED,
    NO_LESION,
    NOT_DEAD,
    STANDS_FOR,
    TIMES,
    is_death,
    iso_date,
    translated,
    with_deaths,
)
from turnpoint.formats.sdtm.ledger import Ledger
from turnpoint.formats.sdtm.tables import Records
from turnpoint.study.findings import Findings

# What is worth a warning, and what to do; the rest is kept in the side table alone.
_SAID: Mapping[str, str] = {
    DERIVED: "They are left out; nothing to do.",
    NO_LESION: "They are left out; give TRLNKID.",
}


def stands_for(found: Dataset) -> str | None:
    """The SDTM domain that a data set of ADaM stands for; None for any other data set."""
    if found.domain.startswith(TIMES):
        return "DM"
    return next((domain for domain, name in STANDS_FOR.items() if found.domain.startswith(name)), None)


def read_analysis(
    datasets: Sequence[Dataset], missing: Iterable[str], findings: Findings
) -> dict[str, Records]:
    """The records of domains of which there is no SDTM, from ADaM.

    Args:
        datasets: of ADaM, those of `stands_for`.
        missing: the domains wanted.
        findings: where it is said what is read, and what is left out.
    """
    found: dict[str, Records] = {}
    read: list[tuple[Records, str]] = []
    times = _read([one for one in datasets if one.domain.startswith(TIMES)], findings)
    for domain in missing:
        own = [one for one in datasets if stands_for(one) == domain and not one.domain.startswith(TIMES)]
        records = _read(own, findings)
        if records is not None:
            found[domain] = _translated(domain, own[0], records, findings)
            read.append((records, own[0].domain))
    if "DM" in missing and (read or times):
        # The patients whom other data sets name, where there is no ADSL.
        named = [records for records, _ in read] + ([times] if times else [])
        people = found.get("DM") or _translated("DM", datasets[0], _people(named), Findings())
        found["DM"] = people if times is None else _with_times(people, times, datasets, findings)
    if read:
        files = ", ".join(f"{name} ({records.file})" for records, name in read)
        findings.add(
            read[0][0].file,
            f"ADaM is read where there is no SDTM: {files}",
            "Nothing to do; with SDTM beside it (TU, TR, LB, EX, AE, DM) that is read instead.",
            severity="warning",
        )
    if "TR" in found:
        _say_what_is_missing(found["TR"], findings)
    return found


def _read(datasets: Sequence[Dataset], findings: Findings) -> Records | None:
    return joined([(one, read_columns(one, ANALYSIS_COLUMNS, findings)) for one in datasets], findings)


def _translated(domain: str, source: Dataset, records: Records, findings: Findings) -> Records:
    frame, left = translated(domain, records.frame)
    for reason, rows in left.items():
        if isinstance(findings, Ledger):
            findings.leave_rows(analysis_rows(source, rows, reason))
        if reason in _SAID:
            findings.add(
                records.file,
                f"{counted(rows.height, 'record')}: {reason}",
                _SAID[reason],
                row=int(rows["record"][0]),
                severity="warning",
            )
    return Records(records.file, frame)


def _people(named: Sequence[Records]) -> Records:
    whole = pl.concat([records.frame for records in named]).drop_nulls("USUBJID")
    known = whole.sort(pl.col("TRTSDT").is_null(), maintain_order=True)
    once = known.unique("USUBJID", keep="first", maintain_order=True).sort("USUBJID")
    return Records(
        named[0].file, once.with_columns(pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("record"))
    )


def _with_times(people: Records, times: Records, datasets: Sequence[Dataset], findings: Findings) -> Records:
    """The patients with the deaths of ADTTE; its other times go to the side table."""
    if isinstance(findings, Ledger):
        source = next(one for one in datasets if one.domain.startswith(TIMES))
        findings.leave_rows(analysis_rows(source, times.frame.filter(~is_death()), NOT_DEAD))
    return Records(people.file, with_deaths(people.frame, times.frame))


def _say_what_is_missing(results: Records, findings: Findings) -> None:
    """ADTR of a trial usually has the targets alone: a study of them knows no other way of progressing."""
    group = results.frame["TRGRPID"].str.to_uppercase()
    if not group.str.contains("NON|NEW").any():
        findings.add(
            results.file,
            "ADTR has target lesions alone: non-target and new lesions, and progression by them, are not known",
            "Give SDTM TU and TR, or compare with the responses of the trial: respond --reported adrs.",
            severity="warning",
        )


def analysis_rows(source: Dataset, rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    """Records of ADaM as rows of the side table."""
    return rows.select(
        pl.lit(source.file).alias("file"),
        (pl.col("record") - 1).cast(pl.Int64).alias("row"),
        pl.format("{} record {}", pl.lit(source.domain), pl.col("record") - 1).alias("record"),
        pl.col("USUBJID").alias("patient_id"),
        iso_date("ADT", "ASTDT").alias("date"),
        pl.col("PARAMCD").alias("code"),
        pl.col("PARAM").alias("name"),
        pl.coalesce("AVALC", pl.col("AVAL").cast(pl.String)).alias("value"),
        pl.col("AVALU").alias("unit"),
        pl.lit(reason).alias("reason"),
    )


def joined(parts: list[tuple[Dataset, pl.DataFrame | None]], findings: Findings) -> Records | None:
    """One domain of several files; records count on from file to file."""
    read: list[tuple[str, pl.DataFrame]] = []
    for found, frame in parts:
        if frame is None:
            continue
        same = next((file for file, other in read if other.equals(frame)), None)
        if same is None:
            read.append((found.file, frame))
            continue
        findings.add(
            found.file,
            f"the file holds the records of {same} again",
            "They are read once; remove one of the files.",
            severity="warning",
        )
    if not read:
        return None
    frame = pl.concat([frame for _, frame in read])
    if len(read) > 1:
        frame = frame.with_columns(pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("record"))
    return Records(" + ".join(file for file, _ in read), frame)
