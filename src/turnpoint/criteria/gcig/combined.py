"""GCIG, combined: response by RECIST 1.1 and CA-125 together, progression by whichever comes first.

Source: Rustin et al. 2011, doi:10.1097/IGC.0b013e3182070f17, and its tables of the best response with and without
measurable disease. The rules, on top of those of `recist` and `ca_125`:

1.  Judged by both when there are lesions and CA-125 values; by the one there is when the other is missing.
2.  A visit is a day with a scan or a sample. What was last found by the other holds on.
3.  A response by CA-125 is always a confirmed one (28 days), from its first sample on; until then CA-125 is SD.
4.  Progression is the first by either, and nothing after it counts. It makes the visit PD whatever the other says.
5.  A scan is read beside the sample nearest to it, at most 28 days away; of two as near the later one.
6.  Measurable disease: CR by RECIST with normal CA-125 is CR, else PR. PR by RECIST is PR. Less by RECIST, or not
    evaluated, is PR when CA-125 responds; SD when either is SD; else NE.
7.  No measurable disease, evaluable by CA-125: the response is that of CA-125, a CR only with CR of the non-target
    lesions as well; without one it is SD. Not evaluable by CA-125: the response is RECIST's, a CR only with normal
    CA-125.
8.  A response by CA-125 within 28 days before progression by RECIST is none; one that is older counts.
9.  SD of patients with lesions must have lasted (`minimum_stable_days`); SD by CA-125 alone needs no time.
10. The day of the response is that of the earlier one.

The cells of the paper's two tables (6 to 8) were checked against the combined table of pharmaverse/admiralonco
(vignette adrs_gcig) where that has them; 7 and 8 were not checked against a second source.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.criteria.gcig import ca_125
from turnpoint.criteria.labels import LABEL, LABELS, label
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist import visit_response
from turnpoint.criteria.recist.best_response import best_responses
from turnpoint.criteria.recist.continuing_response import with_continuing_response
from turnpoint.criteria.recist.eligibility import eligibility_problems
from turnpoint.criteria.recist.progression_free_survival import deaths, progression_free_survival
from turnpoint.criteria.responses import Responses
from turnpoint.study.study import Study

NEAREST_SAMPLE_DAYS: Final = 28
RESPONSE_BEFORE_PROGRESSION_DAYS: Final = 28

RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "day": pl.Int64,
    "recist_response": pl.String,
    "ca_125_response": pl.String,
    "ca_125_normal": pl.Boolean,
    "overall_response": pl.String,
}
BEST_RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "evaluable": pl.Boolean,
    "evaluable_by": pl.String,
    "best_response": pl.String,
    "confirmed_best_response": pl.String,
    "response_day": pl.Int64,
    "progression_day": pl.Int64,
    "progression_by": pl.String,
    "last_evaluable_day": pl.Int64,
    "reason": pl.String,
}
_COURSE = ["patient_id", "reader"]
_BY_BOTH, _BY_RECIST, _BY_CA_125 = "RECIST 1.1 and CA-125", "RECIST 1.1", "CA-125"


def judge(study: Study, new_therapy: pl.DataFrame, rules: ProtocolRules = ProtocolRules()) -> Responses:
    """Combined responses of every patient with lesions or CA-125 values.

    Args:
        study: its `lesions`, `markers` and `events` are looked at.
        new_therapy: `patient_id, new_therapy_day`.
        rules: minimum duration of SD, and confirmation.

    Returns:
        `responses`, one row a day with a scan or a sample, and `best_responses`, one row a patient and reader (null
        when only CA-125 was followed): `best_response` with RECIST responses as seen, `confirmed_best_response` with
        confirmed ones; a response by CA-125 is confirmed in both. `evaluable` is by either, for response.
    """
    serum = ca_125.judge(study, new_therapy, rules)
    scans = with_continuing_response(visit_response.responses(study.lesions), new_therapy, rules)
    courses = _with_progression(_courses(scans, serum), scans, new_therapy, rules)
    scans = _beside_samples(scans.join(courses, on=_COURSE, nulls_equal=True), serum.responses)
    courses = courses.join(new_therapy, on="patient_id", how="left", maintain_order="left")
    visits = _visits(scans, serum.responses, courses)
    best = _best(scans, visits, courses, new_therapy, rules)
    return Responses(
        visits.select(pl.col(name).cast(dtype) for name, dtype in RESPONSES_SCHEMA.items()),
        best,
        (*eligibility_problems(study.lesions), *serum.problems),
        progression_free=progression_free_survival(visits, deaths(study), new_therapy, rules),
    )


def _courses(scans: pl.DataFrame, serum: Responses) -> pl.DataFrame:
    """One row a patient and reader: what there is to judge by (rule 1)."""
    read = scans.group_by(_COURSE).agg(
        pl.lit(value=True).alias("has_lesions"),
        pl.col("target_response").is_not_null().any().alias("measurable"),
    )
    sampled = serum.best_responses.select(
        "patient_id",
        pl.lit(value=True).alias("has_ca_125"),
        pl.col("evaluable").alias("ca_125_evaluable"),
        pl.col("confirmed_best_response").alias("ca_125_best"),
        pl.col("response_day").alias("ca_125_response_day"),
        pl.col("progression_day").alias("ca_125_progression_day"),
        pl.col("reason").alias("ca_125_reason"),
    )
    alone = sampled.join(read, on="patient_id", how="anti").with_columns(reader=pl.lit(None, pl.String))
    both = read.join(sampled, on="patient_id", how="left")
    flags = ("has_lesions", "measurable", "has_ca_125", "ca_125_evaluable")
    return (
        pl.concat([both, alone], how="diagonal")
        .with_columns(pl.col(flags).fill_null(value=False))
        .sort(_COURSE, nulls_last=False)
    )


def _with_progression(
    courses: pl.DataFrame,
    scans: pl.DataFrame,
    new_therapy: pl.DataFrame,
    rules: ProtocolRules,
) -> pl.DataFrame:
    """Rules 4 and 8: `recist_progression_day`, `progression_day`, `progression_by`, `ca_125_responds`."""
    recist = best_responses(scans, new_therapy, rules).select(
        *_COURSE,
        pl.col("progression_day").alias("recist_progression_day"),
    )
    by_scan, by_serum = pl.col("recist_progression_day"), pl.col("ca_125_progression_day")
    first = pl.min_horizontal(by_scan, by_serum)
    old_enough = by_scan - pl.col("ca_125_response_day") > RESPONSE_BEFORE_PROGRESSION_DAYS
    return courses.join(recist, on=_COURSE, how="left", nulls_equal=True, maintain_order="left").with_columns(
        first.alias("progression_day"),
        pl.when(by_scan == by_serum)
        .then(pl.lit(_BY_BOTH))
        .when(by_scan == first)
        .then(pl.lit(_BY_RECIST))
        .when(by_serum == first)
        .then(pl.lit(_BY_CA_125))
        .alias("progression_by"),
        (pl.col("ca_125_response_day").is_not_null() & (by_scan.is_null() | old_enough)).alias(
            "ca_125_responds"
        ),
    )


def _beside_samples(scans: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Rules 5 to 7: `gated`, the RECIST response as far as CA-125 lets it be one."""
    known = samples.filter(pl.col("normal").is_not_null()).select(
        "patient_id",
        "day",
        pl.col("normal").alias("normal_nearest"),
        (pl.col("confirmed_response") == "CR").fill_null(value=False).alias("complete_nearest"),
    )
    nearest = scans.sort("day", maintain_order=True).join_asof(
        known.sort("day"),
        on="day",
        by="patient_id",
        strategy="nearest",
        tolerance=NEAREST_SAMPLE_DAYS,
        check_sortedness=False,
    )
    serum_decides = ~pl.col("measurable") & pl.col("ca_125_evaluable")
    complete = (
        pl.when(serum_decides)
        .then(pl.col("complete_nearest") & pl.col("ca_125_responds"))
        .otherwise("normal_nearest")
    )
    less = pl.when("measurable").then(label("PR")).otherwise(label("NON-CR/NON-PD"))
    response = pl.col("overall_response").cast(LABEL)
    gated = (
        pl.when(~pl.col("has_ca_125") | response.is_null())
        .then(response)
        .when((response == "CR") & ~complete.fill_null(value=False))
        .then(less)
        .otherwise(response)
    )
    return nearest.with_columns(gated.alias("gated")).sort(*_COURSE, "day", nulls_last=False)


def _visits(scans: pl.DataFrame, samples: pl.DataFrame, courses: pl.DataFrame) -> pl.DataFrame:
    """Rules 2, 3, 6 and 7 at every day with a scan or a sample."""
    of_scans = scans.select(*_COURSE, "day", "gated", pl.col("overall_response").alias("recist_response"))
    ca_125, confirmed = pl.col("overall_response"), pl.col("confirmed_response")
    # A sample after an intervention says nothing: what the one before it said holds on.
    told = samples.filter(pl.col("normal").is_not_null())
    of_samples = (
        courses.filter("has_ca_125")
        .select(*_COURSE, "ca_125_responds")
        .join(told, on="patient_id", how="inner", suffix="_of_sample")
        .select(
            *_COURSE,
            "day",
            pl.when((ca_125 == "PD") | ca_125.is_null())
            .then(ca_125)
            .when(pl.col("ca_125_responds") & confirmed.is_not_null())
            .then(confirmed)
            .when(ca_125.is_in(["CR", "PR"]))
            .then(pl.lit("SD"))
            .otherwise(ca_125)
            .alias("ca_125_response"),
            pl.col("normal").alias("ca_125_normal"),
        )
    )
    carried = ("gated", "recist_response", "ca_125_response", "ca_125_normal")
    together = (
        pl.concat([of_scans, of_samples], how="diagonal")
        .group_by(*_COURSE, "day")
        .agg(pl.col(name).drop_nulls().first() for name in carried)
        .sort(*_COURSE, "day", nulls_last=False)
        .with_columns(pl.col(carried).forward_fill().over(_COURSE))
        .join(courses, on=_COURSE, how="left", nulls_equal=True, maintain_order="left")
    )
    return together.with_columns(_overall().alias("overall_response"))


def _overall() -> pl.Expr:
    """The better of what each says (rules 6 and 7), but for PD (rule 4)."""
    recist, ca_125 = pl.col("gated"), pl.col("ca_125_response").cast(LABEL)
    complete = (ca_125 == "CR") & ~pl.col("has_lesions")
    of_serum = (
        pl.when(complete)
        .then(label("CR"))
        .when(ca_125.is_in(["CR", "PR"]))
        .then(label("PR"))
        .otherwise(ca_125)
        .fill_null(label("NE"))
    )
    progressed = (recist == "PD") | (ca_125 == "PD")
    after_therapy = pl.col("day") > pl.col("new_therapy_day")
    return (
        pl.when(after_therapy.fill_null(value=False) | (recist.is_null() & ca_125.is_null()))
        .then(None)
        .when(progressed.fill_null(value=False))
        .then(label("PD"))
        .otherwise(_better(recist.fill_null(label("NE")), of_serum))
    )


def _better(*responses: pl.Expr) -> pl.Expr:
    """The best of several responses; the labels are in that order."""
    places = pl.min_horizontal(response.to_physical() for response in responses)
    return pl.lit(pl.Series(LABELS, dtype=LABEL)).gather(places.cast(pl.UInt32))


def _best(
    scans: pl.DataFrame,
    visits: pl.DataFrame,
    courses: pl.DataFrame,
    new_therapy: pl.DataFrame,
    rules: ProtocolRules,
) -> pl.DataFrame:
    """Best response of every patient and reader (rules 4 and 6 to 10)."""
    until, measurable = pl.col("progression_day"), pl.col("measurable")
    in_time = scans.filter(until.is_null() | (pl.col("day") <= until))
    as_gated = in_time.with_columns(pl.col("gated").alias("overall_response"))
    names = ("best_response", "confirmed_best_response")
    gated = best_responses(as_gated, new_therapy, rules).select(
        *_COURSE, *(pl.col(name).cast(LABEL).alias(f"gated_{name}") for name in names)
    )
    alone = best_responses(in_time, new_therapy, rules).select(
        *_COURSE, pl.col("confirmed_best_response").is_in(["CR", "PR"]).alias("confirmed_alone")
    )
    found = courses
    for part in (gated, alone, _seen(visits, rules)):
        found = found.join(part, on=_COURSE, how="left", nulls_equal=True, maintain_order="left")
    # Two scans of CR, of which CA-125 was normal at one only, confirm a PR.
    partial = pl.when(measurable & pl.col("confirmed_alone")).then(label("PR")).otherwise(label("NE"))
    serum, nothing = _serum_part(), label("NE")
    return (
        found.with_columns(
            _better(pl.col("gated_best_response").fill_null(nothing), serum).alias("best_response"),
            _better(pl.col("gated_confirmed_best_response").fill_null(nothing), partial, serum).alias(
                "confirmed_best_response"
            ),
            pl.min_horizontal(
                "scan_response_day", pl.when("ca_125_responds").then("ca_125_response_day")
            ).alias("response_day"),
        )
        .with_columns(_evaluable_by().alias("evaluable_by"))
        .with_columns(pl.col("evaluable_by").is_not_null().alias("evaluable"), _reason().alias("reason"))
        .select(pl.col(name).cast(dtype) for name, dtype in BEST_RESPONSES_SCHEMA.items())
    )


def _seen(visits: pl.DataFrame, rules: ProtocolRules) -> pl.DataFrame:
    """Of the visits that count: `lasting` (SD by CA-125 late enough), `scan_response_day`, `last_evaluable_day`."""
    day, until, overall = pl.col("day"), pl.col("progression_day"), pl.col("overall_response")
    counted = visits.filter(overall.is_not_null() & (until.is_null() | (day <= until)))
    stable = pl.col("ca_125_response").is_in(["CR", "PR", "SD"]) & (overall != "PD")
    return counted.group_by(_COURSE).agg(
        (stable & (day >= rules.minimum_stable_days)).any().alias("lasting"),
        pl.when(pl.col("gated").is_in(["CR", "PR"]) & (overall != "PD"))
        .then(day)
        .min()
        .alias("scan_response_day"),
        pl.when(overall != "NE").then(day).max().alias("last_evaluable_day"),
    )


def _serum_part() -> pl.Expr:
    """What CA-125 alone makes of the course (rules 6 to 9); PD of either is the least that it is."""
    complete = ~pl.col("has_lesions") & (pl.col("ca_125_best") == "CR")
    stable = pl.when("has_lesions").then("lasting").otherwise(pl.col("ca_125_best") == "SD")
    return (
        pl.when(pl.col("ca_125_responds") & complete)
        .then(label("CR"))
        .when("ca_125_responds")
        .then(label("PR"))
        .when(stable.fill_null(value=False))
        .then(label("SD"))
        .when(pl.col("progression_day").is_not_null())
        .then(label("PD"))
        .otherwise(label("NE"))
    )


def _evaluable_by() -> pl.Expr:
    """What the patient's response can be judged by; null when by neither."""
    return (
        pl.when(pl.col("has_lesions") & pl.col("ca_125_evaluable"))
        .then(pl.lit(_BY_BOTH))
        .when("has_lesions")
        .then(pl.lit(_BY_RECIST))
        .when("ca_125_evaluable")
        .then(pl.lit(_BY_CA_125))
    )


def _reason() -> pl.Expr:
    """What each of the two found, and which came first."""
    recist = (
        pl.when("has_lesions")
        .then(pl.format("RECIST 1.1: {}", pl.col("gated_best_response").cast(pl.String).fill_null("NE")))
        .otherwise(pl.lit("RECIST 1.1: no lesions"))
    )
    serum = (
        pl.when("has_ca_125")
        .then(pl.format("; CA-125: {}", "ca_125_reason"))
        .otherwise(pl.lit("; CA-125: no value"))
    )
    voided = (
        pl.when(pl.col("ca_125_response_day").is_not_null() & ~pl.col("ca_125_responds"))
        .then(
            pl.format(
                "; its response does not count, {} days before progression by RECIST 1.1",
                pl.col("recist_progression_day") - pl.col("ca_125_response_day"),
            )
        )
        .otherwise(pl.lit(""))
    )
    progression = (
        pl.when(pl.col("progression_day").is_not_null())
        .then(pl.format("; progression on day {} by {}", "progression_day", "progression_by"))
        .otherwise(pl.lit(""))
    )
    return pl.concat_str(recist, serum, voided, progression)
