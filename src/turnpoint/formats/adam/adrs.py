"""ADRS: the response at every visit, the best one with and without confirmation, and whether there was one.

The rules:

1. OVR is the overall response at a visit after the baseline. AVAL numbers the responses from CR (1) to NE (6).
2. BOR and CBOR are dated by the first visit, up to progression, whose response is the best one; SD that stands for a
   response which was not confirmed, by the first visit with SD or better.
3. RSP is Y when the best response is CR or PR, by the criteria without confirmation; dated by the first such visit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.formats.adam.variables import labelled, numbered, timed, visits
from turnpoint.formats.datasets import LabelledDataset
from turnpoint.study.study import Study

RESPONSE_NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {"CR": 1, "PR": 2, "SD": 3, "NON-CR/NON-PD": 4, "PD": 5, "NE": 6}
)
_RESPONDED: Final = ("CR", "PR")
_AS_STABLE: Final = ("CR", "PR", "SD")
_COURSE: Final = ("patient_id", "reader")
_VISIT: Final = (*_COURSE, "day")
_ORDER: Final = {"OVR": 0, "BOR": 1, "CBOR": 2, "RSP": 3}
_PARAMETERS: Final = {
    "OVR": "Overall Response",
    "BOR": "Best Overall Response",
    "CBOR": "Confirmed Best Overall Response",
    "RSP": "Response (CR or PR)",
}
_COLUMNS: Final = (
    *("STUDYID", "USUBJID", "ARM", "TRTSDT", "ASEQ", "PARAMCD", "PARAM", "PARCAT1", "PARCAT2", "PARCAT3"),
    *("AVISIT", "AVISITN", "ADT", "ADY", "AVAL", "AVALC", "ANL01FL", "SRCDOM", "SRCVAR", "SRCSEQ"),
)


def response_results(
    study: Study,
    responses: pl.DataFrame,
    best: pl.DataFrame,
    adtr: LabelledDataset,
    *,
    study_id: str | None,
    criteria: str,
    sum_code: str = "SDIAM",
) -> LabelledDataset:
    """ADRS.

    Args:
        study: the study.
        responses: `respond(study).responses`.
        best: `respond(study).best_responses`.
        adtr: ADTR, to whose sums the responses are traced.
        study_id: its STUDYID; None for each patient's own (`datasets.study_ids`).
        criteria: their name, for PARCAT3.
        sum_code: PARAMCD of the sums.
    """
    judged = responses.filter(pl.col("overall_response").is_not_null()).select(
        *_VISIT, pl.col("overall_response").alias("AVALC"), pl.lit("OVR").alias("PARAMCD")
    )
    rows = pl.concat(
        [
            judged,
            _best(judged, best, "best_response", "BOR"),
            _best(judged, best, "confirmed_best_response", "CBOR"),
            _responded(judged, best),
        ],
        how="diagonal",
    )
    rows = rows.join(visits(responses), on=_VISIT, how="left", nulls_equal=True, maintain_order="left")
    order = pl.col("PARAMCD").replace_strict(_ORDER, return_dtype=pl.Int64).alias("order")
    rows = rows.with_columns(order).sort(*_COURSE, "order", "day", nulls_last=False, maintain_order=True)
    numbers = {**RESPONSE_NUMBERS, "Y": 1, "N": 0}
    rows = numbered(timed(rows, study, study_id)).with_columns(
        pl.col("AVALC").replace_strict(numbers, default=None, return_dtype=pl.Int64).alias("AVAL"),
        pl.col("PARAMCD").replace_strict(_PARAMETERS, return_dtype=pl.String).alias("PARAM"),
        pl.lit("Tumor Response").alias("PARCAT1"),
        pl.col("reader").alias("PARCAT2"),
        pl.lit(criteria.upper()).alias("PARCAT3"),
        pl.lit("Y").alias("ANL01FL"),
    )
    rows = _traced(rows, adtr.frame.filter(pl.col("PARAMCD") == sum_code))
    return labelled("ADRS", "Response Analysis Dataset", rows.select(_COLUMNS), ("USUBJID", "ASEQ"))


def _best(judged: pl.DataFrame, best: pl.DataFrame, column: str, code: str) -> pl.DataFrame:
    """Rule 2."""
    wanted = best.select(*_COURSE, pl.col(column).alias("AVALC"), "progression_day").drop_nulls("AVALC")
    seen = judged.rename({"AVALC": "seen"}).drop("PARAMCD")
    joined = seen.join(wanted, on=_COURSE, how="inner", nulls_equal=True).filter(
        pl.col("progression_day").is_null() | (pl.col("day") <= pl.col("progression_day"))
    )
    same = pl.col("seen") == pl.col("AVALC")
    stable = (pl.col("AVALC") == "SD") & pl.col("seen").is_in(_AS_STABLE)
    days = joined.group_by(_COURSE).agg(
        pl.col("day").filter(same).min().alias("own"), pl.col("day").filter(stable).min().alias("as_stable")
    )
    return wanted.join(days, on=_COURSE, how="left", nulls_equal=True, maintain_order="left").select(
        *_COURSE, pl.coalesce("own", "as_stable").alias("day"), "AVALC", pl.lit(code).alias("PARAMCD")
    )


def _responded(judged: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
    """Rule 3."""
    did = pl.col("best_response").is_in(_RESPONDED)
    first = (
        judged.filter(pl.col("AVALC").is_in(_RESPONDED))
        .group_by(_COURSE)
        .agg(pl.col("day").min().alias("first"))
    )
    rows = best.join(first, on=_COURSE, how="left", nulls_equal=True, maintain_order="left")
    return rows.drop_nulls("best_response").select(
        *_COURSE,
        pl.when(did).then("first").alias("day"),
        pl.when(did).then(pl.lit("Y")).otherwise(pl.lit("N")).alias("AVALC"),
        pl.lit("RSP").alias("PARAMCD"),
    )


def _traced(rows: pl.DataFrame, sums: pl.DataFrame) -> pl.DataFrame:
    """A response at a visit follows from its sum in ADTR, a best response from one at a visit."""
    by_sum = sums.select(
        pl.col("USUBJID"), pl.col("PARCAT2"), pl.col("ADY"), pl.col("ASEQ").alias("sum_sequence")
    )
    own = rows.filter(pl.col("PARAMCD") == "OVR").select(
        "USUBJID", "PARCAT2", "ADY", pl.col("ASEQ").alias("own_sequence")
    )
    keys = ["USUBJID", "PARCAT2", "ADY"]
    for other in (by_sum, own):
        rows = rows.join(other, on=keys, how="left", nulls_equal=True, maintain_order="left")
    at_visit = pl.col("PARAMCD") == "OVR"
    sequence = pl.when(at_visit).then("sum_sequence").otherwise("own_sequence").alias("SRCSEQ")
    rows = rows.with_columns(sequence)
    known = pl.col("SRCSEQ").is_not_null()
    domain = pl.when(at_visit).then(pl.lit("ADTR")).otherwise(pl.lit("ADRS"))
    variable = pl.when(at_visit).then(pl.lit("AVAL")).otherwise(pl.lit("AVALC"))
    return rows.with_columns(
        pl.when(known).then(domain).alias("SRCDOM"), pl.when(known).then(variable).alias("SRCVAR")
    )
