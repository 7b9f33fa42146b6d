"""iRECIST: response at every visit under immunotherapy, progression confirmed or not.

Source: Seymour et al. 2017, doi:10.1016/S1470-2045(17)30074-8 (its table 2 is the response at a visit), and the RECIST
group's answers on iRECIST at recist.eortc.org ("EORTC"). RECIST 1.1 is `criteria.recist`. The rules:

1.  Until RECIST 1.1 progression every response is that of RECIST 1.1, with an i before it.
2.  Progression of the target lesions, of the non-target lesions, or by a new lesion is iUPD, unconfirmed (table 2).
    New lesions are measured apart and never enter the sum of the targets (`new_lesions`).
3.  iUPD stays while any of the three is still met and nothing went on. Visits that are NE may lie between. A visit at
    which neither the lesions of baseline nor a new one was evaluated is NE; so is one that does not show the non-target
    lesions when it was they that progressed and nothing else has.
4.  iUPD becomes iCPD when the progression goes on (rules 5 and 6) at a visit at least `confirmation_days` after the
    iUPD: scans before 4 weeks do not confirm (EORTC). That it should be within 8 weeks is advice and not judged. Growth
    counts from the iUPD, over several visits if need be (EORTC: "sequential increases are additive").
5.  It goes on where it was: the sum of the targets, or of the new target lesions, at least 5 mm above that at the iUPD;
    a non-target or a new non-target lesion larger than at the iUPD by any measure or, when no size says more, still of
    status `unequivocal_progression`; another new lesion. A sum that was incomplete at the iUPD is no reference: the
    first complete one after it is.
6.  Or it appears elsewhere: RECIST 1.1 progression in a category that had none at the iUPD.
7.  When no progression is met any more the visit is iCR, iPR, iSD or NON-iCR/NON-iUPD, and the bar is reset: the next
    progression is iUPD again. New lesions known by then are progression again only with another one, when their sum
    has grown by 20 % and 5 mm over its smallest, when one progresses unequivocally (EORTC "How do new lesions define
    progression?"), or after an iCR, after which any lesion that is back is (RECIST 1.1, rule 7).
8.  A new lesion that stays as it is keeps iUPD. It need not go for the bar to be reset: when the lesions of baseline
    respond better than at the iUPD, the visit has their response, or iPR in place of iCR (EORTC "Assigning response
    after the appearance of new lesions", scenarios B and F). Better is a better category or, within iPR, a sum at
    least 5 mm smaller; the 5 mm are Turnpoint's choice.
9.  What is seen after iCPD does not count towards the best response. It is listed as iCPD while progression is met.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import PATIENT, VISIT
from turnpoint.criteria.irecist.best_response import best_responses
from turnpoint.criteria.irecist.new_lesions import new_lesion_rows, size_mm, with_new_lesions
from turnpoint.criteria.irecist.reasons import with_reasons
from turnpoint.criteria.irecist.sequence import IMMUNE_LABELS, sequence
from turnpoint.criteria.labels import LABEL, LABELS
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist import visit_response
from turnpoint.criteria.recist.continuing_response import with_continuing_response
from turnpoint.criteria.recist.eligibility import eligibility_problems
from turnpoint.criteria.recist.sums import numbered, sums_at_visits
from turnpoint.criteria.responses import Responses
from turnpoint.study.study import Study

RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    **visit_response.RESPONSES_SCHEMA,
    "new_lesion_sum_mm": pl.Float64,
    "progression_reason": pl.String,
}
_NAMED = ("target_response", "non_target_response", "overall_response")
_IMMUNE = dict(zip(LABELS, IMMUNE_LABELS[: len(LABELS)], strict=True))


def judge(study: Study, new_therapy: pl.DataFrame, rules: ProtocolRules = ProtocolRules()) -> Responses:
    """Responses and best responses by iRECIST.

    Args:
        study: only its lesions are looked at.
        new_therapy: `patient_id, new_therapy_day`; visits after that day do not count towards the best response.
        rules: what the protocol sets.

    Returns:
        `responses` as from `responses`, `best_responses` as from `best_response.best_responses`.
    """
    visits = with_continuing_response(responses(study.lesions, rules), new_therapy, rules)
    return Responses(visits, best_responses(visits, new_therapy, rules), eligibility_problems(study.lesions))


def responses(lesions: pl.DataFrame, rules: ProtocolRules = ProtocolRules()) -> pl.DataFrame:
    """Response at every visit of every patient and reader.

    Args:
        lesions: as in `Study.lesions`.
        rules: `confirmation_days` is also the least time from iUPD to iCPD (rule 4).

    Returns:
        The columns of `visit_response.responses` with iRECIST labels (a category that meets RECIST 1.1 progression is
        iUPD, confirmed or not; `new_lesion` is whether one is there), `new_lesion_sum_mm` (sum of the new target
        lesions; null without any, or when one was not evaluated) and `progression_reason` (in words, at iUPD and iCPD).
    """
    judged = visit_response.responses(lesions)
    progressed = judged.filter(pl.col("overall_response") == "PD").select(PATIENT).unique()
    plain = judged.with_columns(
        pl.col(_NAMED).replace_strict(_IMMUNE, return_dtype=pl.String),
        pl.lit(None, pl.Float64).alias("new_lesion_sum_mm"),
        pl.lit(None, pl.String).alias("progression_reason"),
    ).select(pl.col(name).cast(dtype) for name, dtype in RESPONSES_SCHEMA.items())
    if progressed.is_empty():
        return plain
    concerned = lesions.join(progressed, on=PATIENT, how="semi", nulls_equal=True)
    own = judged.join(progressed, on=PATIENT, how="semi", nulls_equal=True, maintain_order="left")
    walked = _walked(concerned, own, rules)
    rest = plain.join(progressed, on=PATIENT, how="anti", nulls_equal=True, maintain_order="left")
    return pl.concat([rest, walked]).sort(VISIT, nulls_last=False, maintain_order=True)


def _walked(lesions: pl.DataFrame, judged: pl.DataFrame, rules: ProtocolRules) -> pl.DataFrame:
    """Rules 2 to 9: the responses of patients with RECIST 1.1 progression, from theirs by RECIST 1.1."""
    visits, readings = _looked_at(lesions, judged)
    counted = visits.filter(pl.col("overall_response").is_not_null()).with_row_index("place")
    found = sequence(
        counted,
        readings.join(counted.select("visit", pl.col("place").cast(pl.Int64)), on="visit"),
        rules.confirmation_days,
    )
    walked = with_reasons(counted.drop("new_lesion").hstack(found), rules.confirmation_days)
    progression = {"target_response": "target_progressed", "non_target_response": "non_target_progressed"}
    walked = walked.with_columns(
        pl.col("response").alias("overall_response"),
        *(
            pl.when(flag)
            .then(pl.lit("iUPD"))
            .otherwise(pl.col(name).replace_strict(_IMMUNE, return_dtype=pl.String))
            .alias(name)
            for name, flag in progression.items()
        ),
    )
    before = visits.filter(pl.col("overall_response").is_null()).with_columns(
        pl.lit(None, pl.String).alias("progression_reason")
    )
    return pl.concat(
        frame.select(pl.col(name).cast(dtype) for name, dtype in RESPONSES_SCHEMA.items())
        for frame in (before, walked)
    )


def _looked_at(lesions: pl.DataFrame, judged: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The visits and the lesion readings that `sequence.sequence` walks."""
    rows = numbered(lesions)
    sites = (
        lesions.filter(pl.col("role") == "new")
        .group_by(*PATIENT, "lesion_id")
        .agg(pl.col("site").drop_nulls().first())
    )
    new = new_lesion_rows(rows, sites)
    sums = sums_at_visits(rows)
    # `judged` and `sums` both have one row a visit in the same order.
    visits = judged.with_columns(
        sums["course"],
        sums["visit"],
        sums["known_part_mm"],
        (sums["malignant"] > 0).alias("malignant"),
        pl.col("target_response").cast(LABEL).alias("target"),
        pl.col("non_target_response").cast(LABEL).alias("non_target"),
    )
    non_targets = rows.filter(pl.col("role") == "non_target").with_columns(size_mm().alias("mm"))
    visits = with_new_lesions(_with_non_targets(visits, non_targets), new)
    columns = (
        "course",
        "visit",
        "lesion_id",
        "mm",
        (pl.col("status") == "unequivocal_progression").alias("unequivocal"),
    )
    # Of new target lesions the sum says how they grew; one without a size can only be said to have progressed.
    of_new = new.filter(
        ~pl.col("new_target") | ((pl.col("status") == "unequivocal_progression") & pl.col("mm").is_null())
    )
    readings = pl.concat(
        [
            non_targets.select(*columns, pl.lit(value=False).alias("new")),
            of_new.select(*columns, pl.lit(value=True).alias("new")),
        ]
    )
    return visits, readings


def _with_non_targets(visits: pl.DataFrame, non_targets: pl.DataFrame) -> pl.DataFrame:
    """`non_target_there`: one that is no node is seen; `non_target_unequivocal`: one progresses unequivocally."""
    status = pl.col("status")
    seen = ~status.is_in(["absent", "not_evaluable"]) & ~pl.col("node")
    at_visits = non_targets.group_by("visit").agg(
        seen.any().alias("non_target_there"),
        (status == "unequivocal_progression").any().alias("non_target_unequivocal"),
    )
    return visits.join(at_visits, on="visit", how="left", maintain_order="left").with_columns(
        pl.col("non_target_there", "non_target_unequivocal").fill_null(value=False)
    )
