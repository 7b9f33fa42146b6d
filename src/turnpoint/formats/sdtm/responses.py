"""Responses that a trial reported, from SDTM or ADaM: RS or ADRS, and the sums of diameters in TR or ADTR.

RS is never read as data of a study; it is what the derived responses are compared with. One row an item of a visit and
reader, as it was reported; what the words mean is for the criteria to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.formats.reported import REPORTED_SCHEMA
from turnpoint.formats.sdtm.days import with_days
from turnpoint.formats.sdtm.reading import read_domains
from turnpoint.formats.sdtm.states import SUM_TESTS
from turnpoint.formats.sdtm.tables import Records, note, visit_of
from turnpoint.study.findings import Findings

_ITEMS: Final = {
    "OVRLRESP": "overall_response",
    "TRGRESP": "target_response",
    "NTRGRESP": "non_target_response",
    "NEWLPROG": "new_lesion",
    "NEWLIND": "new_lesion",
    "BESTRESP": "best_response",
    "BOR": "best_response",
    "CBOR": "confirmed_best_response",
}
# Responses by a tumour marker, under the names that trials give them.
_OF_MARKER: Final = ("MRKRRESP", "TMRESP", "PSARESP", "CA125RSP", "CA125RESP")
_BY_MARKER: Final = ("gcig-ca-125", "pcwg3-psa")
_IMMUNE: Final = r"\bi-?recist|\bir-?recist|immune"
_PROSTATE: Final = r"pcwg|\bpsa\b"
_CA_125: Final = r"ca[\s-]?125|rustin"


def criteria_of(category: str) -> tuple[str, ...]:
    """The criteria that RSCAT (PARCAT3 of ADaM) means; several when it leaves that open.

    RECIST together with CA-125 are the combined criteria of GCIG, and neither of the two.

    >>> criteria_of("RECIST 1.1 - CA125"), criteria_of("RECIST 1.1"), criteria_of("PCWG3"), criteria_of("GCIG")
    (('gcig-combined',), ('recist-1.1',), ('pcwg3-psa',), ('gcig-ca-125', 'gcig-combined'))
    """
    said = category.casefold()
    recist = "recist" in said
    if re.search(_IMMUNE, said):
        return ("irecist",)
    if re.search(_PROSTATE, said):
        return ("pcwg3-psa",)
    if "combined" in said or (recist and re.search(rf"{_CA_125}|gcig", said)):
        return ("gcig-combined",)
    if re.search(_CA_125, said):
        return ("gcig-ca-125",)
    if "gcig" in said:
        return ("gcig-ca-125", "gcig-combined")
    return ("recist-1.1",) if recist else ()


def reported_responses(
    files: Iterable[Path], starts: pl.DataFrame, criteria: str, findings: Findings
) -> pl.DataFrame:
    """What RS, and the sums in TR, report.

    Args:
        files: SAS transport files and Dataset-JSON; those of other domains are passed over.
        starts: `patient_id, start_date` of the study they belong to.
        criteria: the criteria whose responses are wanted; RSCAT of others is counted.
        findings: where problems go.

    Returns:
        `REPORTED_SCHEMA`, one row an item; `day` is null without a full date and a study day.
    """
    days = starts.select(pl.col("patient_id").alias("USUBJID"), pl.col("start_date").alias("start"))
    domains = read_domains(files, ("RS", "TR"), findings)
    parts = [pl.DataFrame(schema=REPORTED_SCHEMA)]
    if "RS" in domains:
        parts.append(_responses(domains["RS"], days, criteria, findings))
    if "TR" in domains:
        parts.append(_sums(domains["TR"], days))
    return pl.concat(parts)


def _responses(records: Records, starts: pl.DataFrame, criteria: str, findings: Findings) -> pl.DataFrame:
    category = pl.col("RSCAT")
    words = [word for word in records.frame["RSCAT"].drop_nulls().unique() if criteria in criteria_of(word)]
    # Without RSCAT a response is taken to be by the criteria asked for.
    own = category.is_null() | category.is_in(words)
    code = pl.col("RSTESTCD").str.to_uppercase()
    item = code.replace_strict(_ITEMS, default=None, return_dtype=pl.String)
    if criteria in _BY_MARKER:
        item, own = _of_marker(records, code, item, own, findings)
    frame = records.frame.with_columns(
        item.alias("item"), pl.coalesce("RSSTRESC", "RSORRES").alias("reported")
    )
    note(
        findings,
        records.file,
        frame.filter(~own),
        f"responses by other criteria than {criteria} (RSCAT)",
        "They are not compared; nothing to do.",
        "RSCAT",
    )
    note(
        findings,
        records.file,
        frame.filter(own & pl.col("item").is_null()),
        "responses of a kind that is not compared",
        "Nothing to do.",
        "RSTESTCD",
    )
    told = own & pl.col("item").is_not_null() & pl.col("reported").is_not_null()
    return _as_reported(with_days(frame.filter(told), starts, "RSDTC", "RSDY"), "RS")


def _of_marker(
    records: Records, code: pl.Expr, item: pl.Expr, own: pl.Expr, findings: Findings
) -> tuple[pl.Expr, pl.Expr]:
    """By a marker the response is the marker's; the overall one, where there is none, rests on scans too."""
    marker = code.is_in(_OF_MARKER).fill_null(value=False)
    if records.frame.filter(own & marker).height:
        item = pl.when(marker).then(pl.lit("overall_response")).when(item != "overall_response").then(item)
        return item, own & (code != "OVRLRESP")
    whole = own & pl.col("RSCAT").str.to_lowercase().str.contains("pcwg")
    note(
        findings,
        records.file,
        records.frame.filter(whole & (code == "OVRLRESP")),
        "overall responses by PCWG, which rest on bone and soft tissue as well as on PSA",
        "They are compared with the response by PSA; differences may come from the scans.",
        "RSCAT",
    )
    return item, own


def _sums(records: Records, starts: pl.DataFrame) -> pl.DataFrame:
    """Sums of diameters as TR has them."""
    sums = records.frame.filter(pl.col("TRTESTCD").str.to_uppercase().is_in(SUM_TESTS))
    factor = pl.when(pl.col("TRSTRESU").str.to_lowercase() == "cm").then(10.0).otherwise(1.0)
    value = pl.coalesce("TRSTRESN", pl.col("TRSTRESC").cast(pl.Float64, strict=False)) * factor
    frame = sums.with_columns(
        pl.lit("sum_of_diameters_mm").alias("item"), value.cast(pl.String).alias("reported")
    ).drop_nulls("reported")
    return _as_reported(with_days(frame, starts, "TRDTC", "TRDY"), "TR")


def _as_reported(frame: pl.DataFrame, prefix: str) -> pl.DataFrame:
    return frame.select(
        pl.col("USUBJID").alias("patient_id"),
        pl.coalesce(f"{prefix}EVALID", f"{prefix}EVAL").alias("reader"),
        "day",
        visit_of().alias("visit"),
        "item",
        "reported",
    ).cast(REPORTED_SCHEMA)
