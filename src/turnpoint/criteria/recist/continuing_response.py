"""A confirmed partial response whose sum rises again a little: PR or SD, as the protocol says.

The rules:

1. `time-point`, the default: each visit is judged by its own sum, as tables 1 and 2 of the paper do and most programs
   of trials; above 70 % of the baseline it is SD.
2. `group`: once confirmed (`best_response`, rule 4) a PR stays PR until progression. A visit of SD after the
   confirmation is PR then, its targets too, up to the first progression and up to a new therapy; NE stays NE.
3. In iRECIST (iPR, iSD) an iUPD ends it as a PD does; after a reset the response must be confirmed anew.

Neither changes a best response, its confirmation, or progression.

Source: the RECIST group's answers at recist.eortc.org, "Managing PR when TP measurements change slightly over time" and
"The definition of SD"; Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, tables 1 to 3.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import with_course
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist.best_response import confirmed_partial_responses

_PROGRESSION = ("PD", "iUPD", "iCPD")
_STABLE, _PARTIAL = ("SD", "iSD"), ("PR", "iPR")


def with_continuing_response(
    responses: pl.DataFrame, new_therapy: pl.DataFrame | None, rules: ProtocolRules
) -> pl.DataFrame:
    """The responses with SD after a confirmed PR as PR, where the protocol has chosen `group`.

    Args:
        responses: `patient_id, reader, day, target_response, overall_response` and any others, with the labels of
            RECIST 1.1 or iRECIST, sorted by patient, reader and day.
        new_therapy: `patient_id, new_therapy_day`.
        rules: `continuing_response`, and what confirms a response.
    """
    if rules.continuing_response == "time-point":
        return responses
    stays = after_confirmed_response(responses, new_therapy, rules) & responses["overall_response"].is_in(
        _STABLE
    )
    return responses.with_columns(
        pl.when(stays).then(pl.col(name).replace(_STABLE, _PARTIAL)).otherwise(name).alias(name)
        for name in ("target_response", "overall_response")
    )


def after_confirmed_response(
    responses: pl.DataFrame, new_therapy: pl.DataFrame | None, rules: ProtocolRules
) -> pl.Series:
    """Whether each visit comes after the confirmation of a PR, with no progression and no new therapy since.

    Args and order as in `with_continuing_response`.
    """
    overall, day = pl.col("overall_response"), pl.col("day")
    visits = with_course(
        responses.select("patient_id", "reader", "day", "overall_response").with_row_index("place")
    )
    confirmed = confirmed_partial_responses(visits, new_therapy, rules)
    progressed = pl.when(overall.is_in(_PROGRESSION)).then(day).forward_fill().over("course")
    if new_therapy is None or new_therapy.is_empty():
        visits = visits.with_columns(pl.lit(None, dtype=pl.Int64).alias("new_therapy_day"))
    else:
        visits = visits.join(new_therapy, on="patient_id", how="left", maintain_order="left")
    found = (
        visits.with_columns(progressed.alias("progressed"))
        .sort("day")
        .join_asof(
            confirmed.sort("confirmed_day"),
            left_on="day",
            right_on="confirmed_day",
            by="course",
            strategy="backward",
            allow_exact_matches=False,
            coalesce=False,
            check_sortedness=False,
        )
        .sort("place")
    )
    since = pl.col("confirmed_day")
    none_since = (pl.col("progressed") <= since).fill_null(value=True)
    in_time = (day <= pl.col("new_therapy_day")).fill_null(value=True)
    return found.select((since.is_not_null() & none_since & in_time).alias("continues")).to_series()
