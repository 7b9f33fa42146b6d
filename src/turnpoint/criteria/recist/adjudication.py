"""Where several readers of the same scans disagree, and what was accepted.

Source: FDA, Clinical Trial Imaging Endpoint Process Standards (2018), section IV: two readers judge apart, and a third
decides where they disagree. The rules:

1. The investigator is not one of the independent readers; where there are others, the investigator is left out.
2. Readers disagree when their best response (confirmed or not) or their day of progression differs.
3. The accepted reader of a visit is the one whose rows carry `accepted` = Y (SDTM TRACPTFL); the responses accepted at
   each visit make the accepted course. Without that column a reader named adjudicator is the accepted one.
4. Readers who agree need no decision: what they agree on is the result.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist.best_response import best_responses

ADJUDICATION_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "readers": pl.String,
    "needs_adjudication": pl.Boolean,
    "differing": pl.String,
    "accepted": pl.String,
    "best_response": pl.String,
    "confirmed_best_response": pl.String,
    "progression_day": pl.Int64,
}
_COMPARED = ("best_response", "confirmed_best_response", "progression_day")
_YES = ("y", "yes", "true", "1")


def adjudication(
    lesions: pl.DataFrame,
    responses: pl.DataFrame,
    best: pl.DataFrame,
    new_therapy: pl.DataFrame,
    rules: ProtocolRules = ProtocolRules(),
) -> pl.DataFrame:
    """What the readers of each patient disagree on, and the result.

    Args:
        lesions: as in `Study.lesions`; a column `accepted` names the accepted reader of each visit (Y).
        responses: the responses of all readers.
        best: their best responses.
        new_therapy: `patient_id, new_therapy_day`.
        rules: what the protocol sets.

    Returns:
        One row a patient with at least two independent readers: `readers` and `differing` (columns that differ) are
        lists with `; ` between; `accepted` the reader or readers accepted, null when none is named; the last three
        columns are the result, null while readers disagree and none is accepted.
    """
    independent = best.filter(_independent(pl.col("reader")))
    several = independent.group_by("patient_id").agg(
        pl.col("reader").sort().str.join("; ").alias("readers"),
        pl.len().alias("judged_by"),
        *(pl.col(name).n_unique().alias(f"{name}_count") for name in _COMPARED),
        *(pl.col(name).first() for name in _COMPARED),
    )
    several = several.filter(pl.col("judged_by") > 1)
    differing = [
        pl.when(pl.col(f"{name}_count") > 1).then(pl.lit(name)).otherwise(None) for name in _COMPARED
    ]
    accepted = _accepted(lesions, responses, new_therapy, rules)
    needed = pl.col("differing") != ""
    return (
        several.with_columns(pl.concat_str(differing, separator="; ", ignore_nulls=True).alias("differing"))
        .join(accepted, on="patient_id", how="left", suffix="_accepted")
        .with_columns(
            needed.alias("needs_adjudication"),
            *(
                pl.when(pl.col("accepted").is_not_null())
                .then(f"{name}_accepted")
                .when(~needed)
                .then(name)
                .alias(name)
                for name in _COMPARED
            ),
        )
        .sort("patient_id")
        .select(pl.col(name).cast(dtype) for name, dtype in ADJUDICATION_SCHEMA.items())
    )


def _independent(reader: pl.Expr) -> pl.Expr:
    """Rule 1, and not the adjudicator, who decides."""
    named = reader.str.to_lowercase()
    return reader.is_not_null() & ~named.str.contains("investigator|adjudicator")


def _accepted(
    lesions: pl.DataFrame, responses: pl.DataFrame, new_therapy: pl.DataFrame, rules: ProtocolRules
) -> pl.DataFrame:
    """Rule 3: `patient_id, accepted` and the result of the accepted responses."""
    keys = ["patient_id", "reader", "day"]
    if "accepted" in lesions.columns:
        flagged = (
            lesions.filter(pl.col("accepted").cast(pl.String).str.to_lowercase().is_in(_YES))
            .select(keys)
            .unique()
        )
    else:
        named = pl.col("reader").str.to_lowercase().str.contains("adjudicator").fill_null(value=False)
        flagged = responses.filter(named).select(keys)
    flagged = flagged.filter(pl.col("reader").is_not_null() & ~_investigator(pl.col("reader")))
    chosen = responses.join(flagged, on=keys, how="semi")
    # The baseline belongs to the course whoever's was accepted.
    names = chosen.group_by("patient_id").agg(
        pl.col("reader").unique().sort().str.join("; ").alias("accepted")
    )
    course = chosen.sort("patient_id", "day", "reader").unique(
        ["patient_id", "day"], keep="first", maintain_order=True
    )
    result = best_responses(course.with_columns(reader=pl.lit(None, pl.String)), new_therapy, rules)
    return names.join(result.select("patient_id", *_COMPARED), on="patient_id")


def _investigator(reader: pl.Expr) -> pl.Expr:
    return reader.str.to_lowercase().str.contains("investigator")
