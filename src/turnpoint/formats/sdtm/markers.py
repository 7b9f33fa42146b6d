"""Tumour markers from SDTM: the tests of LB that are markers Turnpoint knows.

The rules:

1. A test is a marker by its LOINC code, or else by its name (LBTEST), or else by CDISC's code for it. Other laboratory
   tests are counted, not read; so are tests of urine and other fluids.
2. The value is the standard result in its unit, or else the original one; `<0.1` and `>5000` are limits,
   also in words. A 0 is below the lower limit of quantitation (LBLLOQ, in the standard unit) where the record has one.
3. Of several results of one marker on one day the last is read; the others are counted.
4. A result without a number, a unit or a date is left out, and counted.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.sdtm.days import with_days
from turnpoint.formats.sdtm.states import plain
from turnpoint.formats.sdtm.tables import Records, note
from turnpoint.study.findings import Findings
from turnpoint.study.markers import find_marker

# CDISC's test codes, folded, where the name of the test does not tell. Others would mislead: HCT is the haematocrit.
_CODES: Final = {
    "PSA": "PSA",
    "CEA": "CEA",
    "AFP": "AFP",
    "LDH": "LDH",
    "ALP": "ALP",
    "HCG": "hCG",
    "NSE": "NSE",
    "CA125": "CA-125",
    "CA125AG": "CA-125",
    "CA199": "CA 19-9",
    "CA199AG": "CA 19-9",
    "CA153": "CA 15-3",
    "CA153AG": "CA 15-3",
    "CA2729": "CA 27.29",
    "CA2729AG": "CA 27.29",
    "CA724AG": "CA 72-4",
    "TESTOS": "testosterone",
}
_BLOOD: Final = ("SERUM", "PLASMA", "BLOOD", "SERUMORPLASMA", "SERUMPLASMA", "WHOLEBLOOD", "BLOODSERUM")
_QUANTITY: Final = r"^([<>]=?)?\s*(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def marker_rows(laboratory: Records, starts: pl.DataFrame, findings: Findings) -> Records:
    """The markers table.

    Args:
        laboratory: LB.
        starts: `USUBJID, start`.
        findings: where problems go.
    """
    frame = with_days(_with_values(_with_signs(_of_markers(laboratory, findings))), starts, "LBDTC", "LBDY")
    complete = pl.all_horizontal(pl.col(name).is_not_null() for name in ("text", "unit", "day"))
    note(
        findings,
        laboratory.file,
        frame.filter(~complete),
        "markers without a number, a unit or a full date",
        "They are left out; nothing to do if they were not measured.",
        "LBSTRESC",
        left_out=True,
    )
    frame = frame.filter(complete).sort("USUBJID", "marker", "LBDTC", "record", maintain_order=True)
    last = frame.unique(["USUBJID", "marker", "day"], keep="last", maintain_order=True)
    note(
        findings,
        laboratory.file,
        frame.join(last, on="record", how="anti"),
        "earlier results of a marker on a day that has several",
        "The last of the day is read.",
        "LBDTC",
        left_out=True,
    )
    return Records(
        laboratory.file,
        last.sort("record").select(
            pl.col("USUBJID").alias("patient_id"),
            "day",
            "marker",
            pl.col("text").alias("value"),
            "unit",
            pl.when(pl.col("LBSTNRHI") > 0).then("LBSTNRHI").alias("upper_limit"),
            pl.col("LBNAM").alias("assay"),
            "record",
        ),
    )


def _of_markers(laboratory: Records, findings: Findings) -> pl.DataFrame:
    """Rule 1: the records of tests that are markers, with `marker`."""
    frame = laboratory.frame.join(
        _markers(laboratory.frame),
        on=["LBTESTCD", "LBTEST", "LBLOINC"],
        nulls_equal=True,
        how="left",
        maintain_order="left",
    )
    of_blood = plain(pl.col("LBSPEC")).is_in(_BLOOD) | pl.col("LBSPEC").is_null()
    read = pl.col("marker").is_not_null() & of_blood
    others = frame.filter(~read)
    tests = others["LBTESTCD"].n_unique()
    note(
        findings,
        laboratory.file,
        others,
        f"laboratory tests that are no tumour marker in blood ({tests:,} tests)",
        "They are not read; nothing to do.",
        "LBTESTCD",
        left_out=True,
    )
    return frame.filter(read)


def _markers(frame: pl.DataFrame) -> pl.DataFrame:
    """The distinct tests and the markers they are (rule 1)."""
    tests = frame.select("LBTESTCD", "LBTEST", "LBLOINC").unique(maintain_order=True)
    return tests.with_columns(
        pl.Series("marker", [_marker(*row) for row in tests.iter_rows()], dtype=pl.String)
    )


def _marker(code: str | None, name: str | None, loinc: str | None) -> str | None:
    for text in (loinc, name):
        found = find_marker(text) if text else None
        if found is not None:
            return found.name
    return _CODES.get("".join(letter for letter in (code or "").upper() if letter.isalnum()))


def _with_signs(frame: pl.DataFrame) -> pl.DataFrame:
    """LESS THAN 0.1 as <0.1."""
    return frame.with_columns(
        pl.col(name)
        .str.replace(r"(?i)^(less than|below|under)\s+", "<")
        .str.replace(r"(?i)^(greater than|more than|above|over)\s+", ">")
        for name in ("LBORRES", "LBSTRESC")
    )


def _with_values(frame: pl.DataFrame) -> pl.DataFrame:
    """Rule 2: `text` and `unit`."""
    standard = pl.coalesce(
        pl.col("LBSTRESN").cast(pl.String),
        pl.when(pl.col("LBSTRESC").str.contains(_QUANTITY)).then("LBSTRESC"),
    )
    # A number beside a limit: LBSTRESC says `<0.1` where LBSTRESN has 0.1.
    limit = pl.when(
        pl.col("LBSTRESC").str.contains(r"^[<>]") & pl.col("LBSTRESC").str.contains(_QUANTITY)
    ).then("LBSTRESC")
    original = pl.when(pl.col("LBORRES").str.contains(_QUANTITY)).then("LBORRES")
    in_standard = pl.coalesce(limit, standard)
    zero_below = pl.when((in_standard.cast(pl.Float64, strict=False) == 0) & (pl.col("LBLLOQ") > 0)).then(
        pl.format("<{}", "LBLLOQ")
    )
    done = (plain(pl.col("LBSTAT")) != "NOTDONE").fill_null(value=True)
    return frame.with_columns(
        pl.when(done).then(pl.coalesce(zero_below, in_standard, original)).alias("text"),
        pl.when(in_standard.is_not_null())
        .then(pl.coalesce("LBSTRESU", "LBORRESU"))
        .otherwise("LBORRESU")
        .alias("unit"),
    )
