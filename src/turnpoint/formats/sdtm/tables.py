"""The SDTM domains that are read, their columns, and how what is not read is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.errors import Severity, counted
from turnpoint.formats.sdtm.ledger import Ledger
from turnpoint.study.findings import Findings

_TEXT, _NUMBER = pl.String(), pl.Float64()


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a domain.

    Attributes:
        file: the file's name, for messages; several names when the domain is split over files.
        frame: its columns, and `record`, the number of the record + 1 (so that the header is line 1).
    """

    file: str
    frame: pl.DataFrame


def _columns(text: str, numbers: str = "") -> Mapping[str, pl.DataType]:
    return MappingProxyType(dict.fromkeys(text.split(), _TEXT) | dict.fromkeys(numbers.split(), _NUMBER))


_VISIT: Final = "VISITNUM VISIT"
COLUMNS: Final[Mapping[str, Mapping[str, pl.DataType]]] = MappingProxyType(
    {
        "DM": _columns(
            "STUDYID USUBJID RFSTDTC RFXSTDTC DTHDTC BRTHDTC SEX ARM ACTARM TUMTYPE TRTLINE DTHDY RFPENDTC "
            "LSTALVDY"
        ),
        "TU": _columns(
            f"STUDYID USUBJID TULNKID TUSPID TUTESTCD TUORRES TUSTRESC TULOC TUMETHOD TUEVAL TUEVALID "
            f"TUACPTFL {_VISIT} TUDTC",
            "TUDY VISITDY TUSEQ",
        ),
        "TR": _columns(
            "STUDYID USUBJID TRGRPID TRLNKID TRSPID TRTESTCD TRTEST TRORRES TRORRESU TRSTRESC TRSTRESU TRSTAT TRLOC "
            f"TRMETHOD TREVAL TREVALID TRACPTFL TRDTF {_VISIT} TRDTC",
            "TRSTRESN TRDY VISITDY TRSEQ",
        ),
        "RS": _columns(
            f"STUDYID USUBJID RSTESTCD RSCAT RSORRES RSSTRESC RSSTAT RSEVAL RSEVALID {_VISIT} RSDTC",
            "RSDY RSSEQ",
        ),
        "EX": _columns(
            "STUDYID USUBJID EXTRT EXDOSU EXDOSFRQ EXOCCUR EXSTDTC EXENDTC EXCYCLE EXREGIM EXLINE",
            "EXDOSE EXSTDY EXENDY EXSEQ",
        ),
        "CM": _columns(
            "STUDYID USUBJID CMTRT CMDECOD CMCAT CMSCAT CMCLAS CMCLASCD CMOCCUR CMDOSU CMSTDTC CMENDTC",
            "CMDOSE CMSTDY CMENDY CMSEQ",
        ),
        "PR": _columns(
            "STUDYID USUBJID PRTRT PRDECOD PRCAT PRSCAT PRINDC PROCCUR PRSTDTC PRENDTC", "PRSTDY PRENDY PRSEQ"
        ),
        "AE": _columns(
            "STUDYID USUBJID AETERM AEDECOD AETOXGR AESEV AESDTH AEOUT AESTDTC AEENDTC", "AESTDY AEENDY AESEQ"
        ),
        "LB": _columns(
            "STUDYID USUBJID LBTESTCD LBTEST LBLOINC LBORRES LBORRESU LBSTRESC LBSTRESU LBSPEC LBSTAT LBNAM LBDTC",
            "LBSTRESN LBSTNRHI LBLLOQ LBDY LBSEQ",
        ),
    }
)
SUPPLEMENT: Final = _columns("USUBJID RDOMAIN IDVAR IDVARVAL QNAM QVAL")


def visit_of() -> pl.Expr:
    """The key of a visit: its number, or else its name. Unscheduled visits share a name, not a number."""
    return pl.coalesce("VISITNUM", "VISIT")


def note(
    findings: Findings,
    file: str,
    found: pl.DataFrame,
    what: str,
    mend: str,
    column: str,
    *,
    severity: Severity = "warning",
    left_out: bool = False,
) -> None:
    """Report records of one kind as one problem, counted, at the first of them; nothing when there are none.

    Args:
        findings: where the problem goes; a `Ledger` keeps the records that are left out, too.
        file: the file's name.
        found: the records, by `record`.
        what: they are.
        mend: what to do.
        column: the column to name.
        severity: `error` or `warning`.
        left_out: true when the study has none of them.
    """
    if found.is_empty():
        return
    if left_out and isinstance(findings, Ledger):
        findings.leave(file, found["record"], what)
    first = found["record"].min()
    findings.add(
        file,
        f"{counted(found.height, 'record')}: {what}",
        mend,
        row=int(first) if isinstance(first, int) else None,
        column=column,
        severity=severity,
    )


def with_supplement(records: Records, supplement: pl.DataFrame, domain: str) -> Records:
    """The records with the values of SUPP-- filled in where a column of ours is empty.

    Args:
        records: with its --SEQ.
        supplement: SUPP--; only values tied to one record by --SEQ, or to the patient, are used.
        domain: its name.
    """
    wanted = [name for name in COLUMNS[domain] if COLUMNS[domain][name] == _TEXT and name != "USUBJID"]
    useful = supplement.filter(pl.col("QNAM").str.to_uppercase().is_in(wanted) & pl.col("QVAL").is_not_null())
    frame, sequence = records.frame, f"{domain}SEQ"
    by_record = pl.col("IDVAR").str.to_uppercase() == sequence
    for name in useful["QNAM"].str.to_uppercase().unique().sort().to_list():
        own = useful.filter(pl.col("QNAM").str.to_uppercase() == name)
        for part, keys in (
            (own.filter(by_record), ["USUBJID", sequence]),
            (own.filter(pl.col("IDVAR").is_null()), ["USUBJID"]),
        ):
            if part.is_empty() or not set(keys) <= set(frame.columns):
                continue
            values = part.select(
                "USUBJID",
                pl.col("IDVARVAL").cast(pl.Float64, strict=False).alias(sequence),
                pl.col("QVAL").alias("supplied"),
            ).unique(keys, keep="first")
            frame = (
                frame.join(values.select(*keys, "supplied"), on=keys, how="left", maintain_order="left")
                .with_columns(pl.coalesce(name, "supplied").alias(name))
                .drop("supplied")
            )
    return Records(records.file, frame)
