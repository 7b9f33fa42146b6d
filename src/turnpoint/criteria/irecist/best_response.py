"""Best overall response by iRECIST, with and without confirmation, and the day of progression.

Source: Seymour et al. 2017, doi:10.1016/S1470-2045(17)30074-8, table 3 and "Statistical considerations"; the RECIST
group's answers at recist.eortc.org. The rules:

1. Nothing after the first iCPD counts, nor after the start of a new therapy.
2. Best of the visits in the order iCR, iPR, iSD, NON-iCR/NON-iUPD, then iCPD or else iUPD, then NE (table 3): an iUPD
   that was not confirmed does not stand against a later response, and an earlier response stands against iCPD.
3. iSD and NON-iCR/NON-iUPD must have lasted until `minimum_stable_days` after the start, and a response needs its
   confirmation in `confirmed_best_response`, as in RECIST 1.1 (`recist.best_response`, rules 3 and 4). iUPD between a
   response and its confirmation is a break.
4. Progression is dated back to the first iUPD of the sequence that iCPD ended, in which only iUPD and NE lie between; a
   reset begins another one.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import with_course
from turnpoint.criteria.irecist.sequence import IMMUNE_LABELS
from turnpoint.criteria.labels import LABELS
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist import best_response

BEST_RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "best_response": pl.String,
    "confirmed_best_response": pl.String,
    "progression_day": pl.Int64,
    "unconfirmed_progression_day": pl.Int64,
    "last_evaluable_day": pl.Int64,
}

# For the search of responses and their confirmation, RECIST 1.1 does the work. iUPD ends nothing there and confirms
# nothing: it stands as the one label that breaks a sequence of CR, PR, SD and NE.
_AS_RECIST = {
    **dict(zip(IMMUNE_LABELS[: len(LABELS)], LABELS, strict=True)),
    "iUPD": "NON-CR/NON-PD",
    "iCPD": "PD",
}


def best_responses(
    responses: pl.DataFrame,
    new_therapy: pl.DataFrame | None = None,
    rules: ProtocolRules = ProtocolRules(),
) -> pl.DataFrame:
    """Best response of every patient and reader.

    Args:
        responses: from `visit_response.responses`; visits without an overall response are before treatment.
        new_therapy: `patient_id, new_therapy_day`; visits after that day do not count.
        rules: minimum duration of iSD, confirmation of responses.

    Returns:
        `patient_id, reader, best_response, confirmed_best_response, progression_day` (of the iUPD that was confirmed;
        null without iCPD), `unconfirmed_progression_day` (first iUPD whose sequence no iCPD ended; else null),
        `last_evaluable_day` (last visit that counts and is not NE, progression included; null without one).
    """
    visits = with_course(responses.select("patient_id", "reader", "day", "overall_response"))
    as_recist = visits.with_columns(pl.col("overall_response").replace_strict(_AS_RECIST))
    # One row a course, in the order of the courses.
    searched = best_response.best_responses(as_recist, new_therapy, rules).with_columns(
        pl.int_range(1, pl.len() + 1).alias("course")
    )
    found = (
        searched.rename({"progression_day": "confirming_day"})
        .join(_lasting(visits, searched, rules), on="course", how="left", maintain_order="left")
        .join(_progression(visits, searched), on="course", how="left", maintain_order="left")
    )
    return found.with_columns(
        pl.when(pl.col(name).is_in(["CR", "PR"]))
        .then(pl.lit("i") + pl.col(name))
        .otherwise(
            pl.coalesce(
                "lasting",
                pl.when(pl.col("confirming_day").is_not_null()).then(pl.lit("iCPD")),
                pl.when(pl.col("unconfirmed_progression_day").is_not_null()).then(pl.lit("iUPD")),
                pl.lit("NE"),
            )
        )
        .alias(name)
        for name in ("best_response", "confirmed_best_response")
    ).select(pl.col(name).cast(dtype) for name, dtype in BEST_RESPONSES_SCHEMA.items())


def _counted(visits: pl.DataFrame, searched: pl.DataFrame) -> pl.DataFrame:
    """Rule 1: the visits up to the last that counts; those that are NE after it change nothing."""
    return visits.join(searched.select("course", "last_evaluable_day"), on="course", how="left").filter(
        (pl.col("day") <= pl.col("last_evaluable_day")) & pl.col("overall_response").is_not_null()
    )


def _lasting(visits: pl.DataFrame, searched: pl.DataFrame, rules: ProtocolRules) -> pl.DataFrame:
    """Rule 3: `course, lasting`: iSD or NON-iCR/NON-iUPD that lasted, or null."""
    overall, late = pl.col("overall_response"), pl.col("day") >= rules.minimum_stable_days
    stable = (overall.is_in(["iCR", "iPR", "iSD"]) & late).any()
    non_target = ((overall == "NON-iCR/NON-iUPD") & late).any()
    return (
        _counted(visits, searched)
        .group_by("course")
        .agg(
            pl.when(stable)
            .then(pl.lit("iSD"))
            .when(non_target)
            .then(pl.lit("NON-iCR/NON-iUPD"))
            .alias("lasting")
        )
    )


def _progression(visits: pl.DataFrame, searched: pl.DataFrame) -> pl.DataFrame:
    """Rule 4: `course, progression_day, unconfirmed_progression_day`."""
    overall, day = pl.col("overall_response"), pl.col("day")
    answered = ~overall.is_in(["iUPD", "iCPD", "NE"])
    sequences = (
        _counted(visits, searched)
        .sort("course", "day", maintain_order=True)
        .with_columns(answered.cum_sum().over("course").alias("sequence"))
        .group_by("course", "sequence")
        .agg(
            pl.when(overall == "iUPD").then(day).min().alias("first_iupd"),
            (overall == "iCPD").any().alias("confirmed"),
        )
    )
    confirmed = pl.col("confirmed")
    return sequences.group_by("course").agg(
        pl.col("first_iupd").filter(confirmed).min().alias("progression_day"),
        pl.col("first_iupd").filter(~confirmed).min().alias("unconfirmed_progression_day"),
    )
