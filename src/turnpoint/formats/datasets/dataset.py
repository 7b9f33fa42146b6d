"""A data set of CDISC, whatever file it is in: what it is called, which columns it has, and what they hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that a file holds, not read yet.

    Attributes:
        path: the file.
        domain: the SDTM domain: what its DOMAIN column says, or else its name (`SUPP` and the domain for supplements);
            of ADaM the name of the data set.
        columns: names of its columns, in upper case, and as they stand in the file.
    """

    path: Path
    domain: str
    columns: Mapping[str, str]

    @property
    def file(self) -> str:
        """The file's name, for messages."""
        return self.path.name


# Dates that SDTM never has under these names: it has texts that end in DTC.
_ANALYSIS_DATES: Final = frozenset({"TRTSDT", "TRTEDT", "ASTDT", "AENDT", "ADT"})
_ANALYSIS: Final = re.compile(r"AD(?!VERSE)[A-Z0-9_]+")


def analysis_name(name: str) -> str | None:
    """The ADaM data set that a name is: ADTR, ADSL, ...; None for any other name.

    >>> analysis_name("adtr"), analysis_name("adverse_events"), analysis_name("ad")
    ('ADTR', None, None)
    """
    stem = name.strip().upper()
    return stem if _ANALYSIS.fullmatch(stem) else None


def domain_of(said: Sequence[str], columns: Collection[str], name: str) -> str:
    """The domain of a data set: of ADaM its name, whatever DOMAIN it has kept from SDTM.

    ADaM is what is named AD..., or has what SDTM never has: PARAMCD beside AVAL or AVALC, or a date such as TRTSDT.

    Args:
        said: what the first record has in DOMAIN and RDOMAIN, as far as they are there.
        columns: its columns, in upper case.
        name: of the data set, or of its file.

    >>> domain_of(["TR"], ["DOMAIN"], "tr1"), domain_of(["TR"], ["RDOMAIN", "QNAM", "QVAL"], "supptr")
    ('TR', 'SUPPTR')
    >>> domain_of(["EX"], ["DOMAIN", "PARAMCD", "AVAL"], "exposure"), domain_of(["TR"], ["DOMAIN"], "adtr")
    ('ADEX', 'ADTR')
    """
    stem = name.strip().upper()
    analysis = analysis_name(stem)
    if analysis is not None:
        return analysis
    own = set(columns)
    if ("PARAMCD" in own and {"AVAL", "AVALC"} & own) or own & _ANALYSIS_DATES:
        return (
            "ADTTE"
            if "CNSR" in columns
            else f"AD{next((word.strip().upper() for word in said if word), stem)}"
        )
    told = next((word.strip().upper() for word in said if word.strip()), None)
    domain = told or (stem[:2] if len(stem) <= 3 else stem)
    return f"SUPP{domain.removeprefix('SUPP')}" if {"QNAM", "QVAL"} <= set(columns) else domain


def typed(found: pl.DataFrame, dataset: Dataset, wanted: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The wanted columns, missing ones as nulls, and `record`, the number of the record + 1.

    Text is stripped and never empty (null instead); a column of another type than wanted is converted.

    Args:
        found: columns of the data set as they stand in the file, one row a record.
        dataset: which it is.
        wanted: names in upper case and types, `String` or `Float64`.
    """
    return found.select(
        *(
            _typed(pl.col(own), found.schema[own], dtype).alias(name)
            if (own := dataset.columns.get(name)) is not None
            else pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in wanted.items()
        ),
        pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("record"),
    )


def _typed(column: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if wanted != pl.String:
        return column.cast(wanted, strict=False).fill_nan(None) if found != pl.Null else column.cast(wanted)
    if found.is_float():
        # 3.0 is visit 3.
        whole = column.cast(pl.Int64, strict=False)
        column = (
            pl.when(column == whole)
            .then(whole.cast(pl.String))
            .otherwise(column.fill_nan(None).cast(pl.String))
        )
    text = column.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)
