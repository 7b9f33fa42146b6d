"""The records of SDTM that a study has no place for, kept with the reason why: `formats.ledger`.

A reader that wants no side table passes plain `Findings`, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import polars as pl

from turnpoint.formats import ledger
from turnpoint.study.findings import Findings

# What stands for date, code, name, value and unit in each domain, the first that is there.
_ROLES: Final[Mapping[str, Sequence[str]]] = {
    "date": ("{}DTC", "{}STDTC", "RFSTDTC"),
    "code": ("{}TESTCD", "QNAM", "{}DECOD"),
    "name": ("{}TEST", "{}TRT", "{}TERM", "{}LNKID"),
    "value": ("{}STRESC", "{}ORRES", "{}STRESN", "QVAL", "{}DOSE", "{}TOXGR", "{}SEV"),
    "unit": ("{}STRESU", "{}ORRESU", "{}DOSU"),
}


class Ledger(Findings):
    """What was found in SDTM data sets: problems, and records left out, told by their numbers until the end."""

    def __init__(self) -> None:
        super().__init__()
        self._left: list[tuple[str, pl.Series, str]] = []
        self._kept = ledger.Ledger()

    def leave(self, file: str, records: pl.Series, reason: str) -> None:
        """Keep records that are left out.

        Args:
            file: the name of their domain's file, or of several, records counting on from one to the next.
            records: number of each + 1.
            reason: why.
        """
        self._left.append((file, records, reason))

    def leave_rows(self, rows: pl.DataFrame) -> None:
        """Keep rows that are laid out as the side table is, other columns missing."""
        self._kept.keep_rows(rows)

    def unmapped(self, domains: Sequence[tuple[str, str, pl.DataFrame]]) -> pl.DataFrame:
        """The side table.

        Args:
            domains: name, file and records of each, those that share a side table's file name (`tr.xpt + tu.xpt`)
                one after another.

        Returns:
            `UNMAPPED_SCHEMA`, sorted by file and row.
        """
        shown = {file: side_rows(file, name, frame) for name, file, frame in domains}
        files = [file for _, file, _ in domains]
        for first, second in pairwise(files):
            last = shown[first]["record_number"].max()
            offset = last - 1 if isinstance(last, int) else 0
            moved = shown[second].with_columns(pl.col("record_number") + offset)
            shown.setdefault(f"{first} + {second}", pl.concat([shown[first], moved]))
        for file, records, reason in self._left:
            if file in shown:
                wanted = records.unique().cast(pl.Int64).to_frame("record_number")
                own = shown[file].join(wanted, on="record_number", how="semi")
                self._kept.keep_rows(own.with_columns(pl.lit(reason).alias("reason")).drop("record_number"))
        whole = self._kept.unmapped()
        return whole.unique(["file", "row", "record", "code", "reason"], maintain_order=True).sort(
            "file", "row", nulls_last=True, maintain_order=True
        )


def leave(findings: Findings, file: str, found: pl.DataFrame, reason: str) -> None:
    """Keep records that need no warning, because what they say is in the study in another way."""
    if found.height and isinstance(findings, Ledger):
        findings.leave(file, found["record"], reason)


def side_rows(file: str, domain: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Records of a domain as rows of the side table without a reason, and `record_number`.

    Args:
        file: its name.
        domain: its name; `SUPPLB` for a supplement.
        frame: its columns and `record`.
    """
    prefix = domain.removeprefix("SUPP")
    columns = frame.schema

    def of_role(role: str) -> pl.Expr:
        names = [name for pattern in _ROLES[role] if (name := pattern.format(prefix)) in columns]
        texts = [pl.col(name).cast(pl.String) for name in names]
        return (pl.coalesce(texts) if texts else pl.lit(None, dtype=pl.String)).alias(role)

    number = pl.col("record") - 1
    sequence = f"{prefix}SEQ"
    counted = (
        pl.col(sequence).cast(pl.Int64, strict=False).cast(pl.String)
        if sequence in columns
        else pl.lit(None, dtype=pl.String)
    )
    named = pl.coalesce(pl.format(f"{domain} {{}}", counted), pl.format(f"{domain} record {{}}", number))
    return frame.select(
        pl.lit(file).alias("file"),
        number.cast(pl.Int64).alias("row"),
        named.alias("record"),
        pl.col("USUBJID").alias("patient_id"),
        *(of_role(role) for role in _ROLES),
        pl.col("record").cast(pl.Int64).alias("record_number"),
    )
