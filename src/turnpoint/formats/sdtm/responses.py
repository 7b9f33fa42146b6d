"""Responses that a trial reported, from SDTM: RS, and the sums of diameters in TR.

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
# What RSCAT says of each set of criteria; responses without RSCAT are taken to be by the criteria asked for.
_CATEGORIES: Final = {
    "recist-1.1": r"(?i)(?<![a-z-])recist",
    "irecist": r"(?i)\bi-?recist|immune",
    "gcig-ca-125": r"(?i)gcig|rustin|ca.?125",
    "gcig-combined": r"(?i)gcig|rustin",
    "pcwg3-psa": r"(?i)pcwg.*psa|psa",
}


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
    category, pattern = pl.col("RSCAT"), _CATEGORIES.get(criteria, "")
    words = records.frame["RSCAT"].drop_nulls().unique().to_list()
    own = category.is_null() | category.is_in([word for word in words if re.search(pattern, word)])
    item = pl.col("RSTESTCD").str.to_uppercase().replace_strict(_ITEMS, default=None, return_dtype=pl.String)
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
