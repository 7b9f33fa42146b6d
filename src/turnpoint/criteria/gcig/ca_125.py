"""GCIG CA-125: response and progression of ovarian cancer by CA-125.

Source: Rustin et al. 2011, doi:10.1097/IGC.0b013e3182070f17; its rule for the samples between (5) is worded as in the
GCIG definitions of November 2005. The rules, on top of those of `marker_series`:

1.  Normal is at most the upper limit of the sample's own laboratory, 35 U/mL when the row gives none.
2.  Evaluable for response: the last sample up to day 0 is no older than 14 days and at least 2 x the upper limit.
3.  A sample within 28 days after an intervention on peritoneum or pleura (`events` that name paracentesis, pleurodesis
    and the like) is not evaluable: it is no baseline, no nadir, no response and no progression. Mouse antibodies,
    which exclude a patient too, are not recorded in a study and not looked for.
4.  Response: at least 50 % below the pre-treatment sample. CR when normal as well, PR otherwise.
5.  Confirmed: maintained for at least 28 days. Every sample up to the confirming one still shows the response, and is
    at most 10 % (assay variability) above the one before, unless it is normal: variation within the normal range does
    not matter. Dated at the first sample of the response. A confirmed response is a CR once it is normal; how long it
    stays so is not asked.
6.  Progression: (A) raised before treatment and normal since, or (C) normal before treatment: at least 2 x the upper
    limit; (B) raised before treatment and never normal since: at least 2 x the nadir. On two samples at least 7 days
    apart, none between them under the bar; dated at the first of them. One sample alone is no progression.
7.  SD: neither; no minimum time. NE: not evaluable by rule 2, but progression counts all the same (category C).
8.  Nothing after progression counts, nor after a new therapy.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.criteria import marker_rise
from turnpoint.criteria.labels import label
from turnpoint.criteria.marker_progression import CA125_RATIO, CA125_UPPER_LIMIT
from turnpoint.criteria.marker_series import (
    TOLERANCE,
    change_pct,
    marker_series,
    number,
    warning,
    with_baseline,
    with_run,
)
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.responses import Responses
from turnpoint.errors import Problem
from turnpoint.study.study import Study

MARKER: Final = "CA-125"
EVALUABLE_RATIO: Final = 2.0
EARLIEST_BASELINE_DAY: Final = -14
RESPONSE_RATIO: Final = 0.5
ASSAY_VARIABILITY_RATIO: Final = 1.1
PROGRESSION_APART_DAYS: Final = 7
INTERFERENCE_DAYS: Final = 28
# Terms that name an intervention, not a finding: "ascites" alone is none.
INTERFERENCE: Final = (
    r"(?i)paracentesis|thoracentesis|thoracocentesis|pleurodesis|laparotomy|laparoscop|debulking|cytoreductive surg"
    r"|(drain\w* of|puncture of|tap of).*(ascites|peritone|pleura)|(ascites|ascitic|peritone\w+|pleural).*(drain|tap\b)"
)

RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "day": pl.Int64,
    "ca_125_u_per_ml": pl.Float64,
    "upper_limit_u_per_ml": pl.Float64,
    "baseline_u_per_ml": pl.Float64,
    "nadir_u_per_ml": pl.Float64,
    "change_from_baseline_pct": pl.Float64,
    "change_from_nadir_pct": pl.Float64,
    "response_threshold_u_per_ml": pl.Float64,
    "progression_threshold_u_per_ml": pl.Float64,
    "category": pl.String,
    "normal": pl.Boolean,
    "progression_met": pl.Boolean,
    "confirmed_response": pl.String,
    "overall_response": pl.String,
}
BEST_RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "evaluable": pl.Boolean,
    "best_response": pl.String,
    "confirmed_best_response": pl.String,
    "normalised": pl.Boolean,
    "response_day": pl.Int64,
    "progression_day": pl.Int64,
    "progression_category": pl.String,
    "unconfirmed_progression_day": pl.Int64,
    "last_evaluable_day": pl.Int64,
    "reason": pl.String,
}


def judge(study: Study, new_therapy: pl.DataFrame, rules: ProtocolRules = ProtocolRules()) -> Responses:
    """Responses by CA-125 of every patient with a CA-125 value.

    Args:
        study: its `markers` and `events` are looked at.
        new_therapy: `patient_id, new_therapy_day`.
        rules: `confirmation_days` counts, the rest does not.

    Returns:
        `responses`, one row a day with a value, in U/mL, a censored value as its limit: up to the baseline and after
        a new therapy `overall_response` is null. CR and PR are of that sample alone; `confirmed_response` is that of
        the confirmed response it is part of. `progression_met` says that the sample is over the bar of `category`;
        it is PD only when confirmed. `best_responses`, one row a patient: `normalised` is true when CA-125 was
        raised before treatment and normal later; `response_day` is the day of the confirmed response;
        `unconfirmed_progression_day` the first sample over the bar, confirmed or not.
    """
    series = marker_series(study.markers, MARKER, new_therapy)
    series = series.with_columns(pl.col("upper_limit").fill_null(CA125_UPPER_LIMIT))
    interfered = _interfered(series, study.events)
    usable = _with_responses(_with_progression(_with_rules(series.filter(~interfered))), rules)
    visits = _visits(usable, series.filter(interfered))
    return Responses(visits, _best(usable, series), _assay_problems(study.markers))


def _interfered(series: pl.DataFrame, events: pl.DataFrame) -> pl.Series:
    """Rule 3: which samples lie within 28 days after an intervention."""
    found = (
        events.filter(pl.col("term").str.contains(INTERFERENCE))
        .group_by("patient_id", "day")
        .agg(pl.max_horizontal("day", "end_day").max().alias("until"))
        .sort("patient_id", "day")
        .with_columns(pl.col("until").cum_max().over("patient_id") + INTERFERENCE_DAYS)
    )
    keys = series.select("patient_id", "day").with_row_index("place").sort("day")
    joined = keys.join_asof(found.sort("day"), on="day", by="patient_id", check_sortedness=False)
    within = (pl.col("day") <= pl.col("until")).fill_null(value=False)
    return joined.sort("place").select(within.alias("interfered")).to_series()


def _with_rules(series: pl.DataFrame) -> pl.DataFrame:
    """Rules 1, 2 and 4: `normal`, `raised`, `evaluable`, `response_threshold`, `responded`."""
    lower, upper, limit = pl.col("lower"), pl.col("upper"), pl.col("upper_limit")
    frame = with_baseline(series).with_columns((upper <= limit + TOLERANCE).alias("normal"))
    at_baseline = pl.col("day") == pl.col("baseline_day")
    day = pl.col("baseline_day")
    enough = at_baseline & (lower >= EVALUABLE_RATIO * limit - TOLERANCE)
    return frame.with_columns(
        (at_baseline & ~pl.col("normal")).any().over("course").alias("raised"),
        (enough & (day >= EARLIEST_BASELINE_DAY) & (day <= 0)).any().over("course").alias("evaluable"),
        (RESPONSE_RATIO * pl.col("baseline_lower")).alias("response_threshold"),
    ).with_columns(
        (pl.col("after") & pl.col("evaluable") & (upper <= pl.col("response_threshold") + TOLERANCE))
        .fill_null(value=False)
        .alias("responded")
    )


def _with_progression(frame: pl.DataFrame) -> pl.DataFrame:
    """Rule 6: `category`, `bar`, `met`, `progression_from` (of confirmed runs only), `progression_day`."""
    been_normal = (
        pl.when(pl.col("day") >= pl.col("baseline_day")).then("normal").cum_max().shift(1).over("course")
    )
    category = (
        pl.when(~pl.col("after"))
        .then(None)
        .when(~pl.col("raised"))
        .then(pl.lit("C"))
        .when(been_normal)
        .then(pl.lit("A"))
        .otherwise(pl.lit("B"))
    )
    bar = CA125_RATIO * pl.when(pl.col("category") == "B").then("nadir").otherwise("upper_limit")
    frame = frame.with_columns(category.alias("category")).with_columns(
        pl.when(pl.col("category").is_not_null()).then(bar).alias("bar")
    )
    met = pl.col("after") & pl.col("judged")
    frame = frame.with_columns(
        (met & (pl.col("lower") >= pl.col("bar") - TOLERANCE)).fill_null(value=False).alias("met")
    )
    return marker_rise.with_confirmed_rise(frame, PROGRESSION_APART_DAYS)


def _with_responses(frame: pl.DataFrame, rules: ProtocolRules) -> pl.DataFrame:
    """Rules 4, 5, 7 and 8: `counted`, `overall_response`, `confirmed_response`."""
    frame = frame.with_columns(marker_rise.counted().alias("counted")).with_columns(
        (pl.col("counted") & pl.col("responded")).alias("holding"),
    )
    # Both samples can be below the assay's limit: what is known of each is that it is at most so much.
    no_rise = pl.col("upper") <= ASSAY_VARIABILITY_RATIO * pl.col("upper").shift(1) + TOLERANCE
    maintained = no_rise | pl.col("normal")
    frame = with_run(frame, "holding", "response", linked=maintained)
    confirmed = pl.col("response_to") - pl.col("response_from") >= rules.confirmation_days
    run = ["course", "response_from"]
    normal_by_then = (pl.col("holding") & pl.col("normal")).cum_max().over(run)
    overall = (
        pl.when(~(pl.col("after") & pl.col("judged")))
        .then(None)
        .when("progressed")
        .then(label("PD"))
        .when(~pl.col("evaluable"))
        .then(label("NE"))
        .when(pl.col("responded") & pl.col("normal"))
        .then(label("CR"))
        .when("responded")
        .then(label("PR"))
        .otherwise(label("SD"))
    )
    return frame.with_columns(
        overall.alias("overall_response"),
        pl.when(confirmed & normal_by_then)
        .then(label("CR"))
        .when(confirmed)
        .then(label("PR"))
        .alias("confirmed_response"),
    )


def _visits(usable: pl.DataFrame, interfered: pl.DataFrame) -> pl.DataFrame:
    """The table of every day with a value; a sample that is not evaluable by rule 3 is NE."""
    finite = pl.when(pl.col("nadir").is_finite()).then("nadir").alias("nadir")
    baseline_day = usable.select("course", "baseline_day").unique("course")
    others = interfered.join(baseline_day, on="course", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("judged") & (pl.col("day") > pl.max_horizontal("baseline_day", 0)))
        .then(label("NE"))
        .alias("overall_response")
    )
    own = usable.with_columns(
        change_pct("baseline").alias("change_from_baseline_pct"),
        change_pct("nadir").alias("change_from_nadir_pct"),
        finite,
        pl.when("evaluable").then("response_threshold").alias("response_threshold_u_per_ml"),
        pl.when(pl.col("bar").is_finite()).then("bar").alias("progression_threshold_u_per_ml"),
        pl.when("after").then("met").alias("progression_met"),
    ).rename({"baseline": "baseline_u_per_ml", "nadir": "nadir_u_per_ml"})
    together = pl.concat([own, others], how="diagonal").sort("patient_id", "day")
    together = together.rename({"value": "ca_125_u_per_ml", "upper_limit": "upper_limit_u_per_ml"})
    return together.select(pl.col(name).cast(dtype) for name, dtype in RESPONSES_SCHEMA.items())


def _best(usable: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Best response of every patient (rules 5, 7 and 8), with the reason in words."""
    progressed = pl.col("progression_day").is_not_null()
    none = pl.when("sd").then(label("SD")).when(progressed).then(label("PD")).otherwise(label("NE"))
    best = pl.when("cr").then(label("CR")).when("pr").then(label("PR")).otherwise(none)
    # A response that is not confirmed is neither response nor progression: SD.
    unconfirmed = pl.when(pl.col("cr") | pl.col("pr")).then(label("SD")).otherwise(none)
    kept = (
        pl.when("confirmed_cr")
        .then(label("CR"))
        .when("confirmed_pr")
        .then(label("PR"))
        .otherwise(unconfirmed)
    )
    # A patient whose every sample is excluded by rule 3 has no summary.
    flags = ("evaluable", "normalised", "seen", "cr", "pr", "sd", "confirmed_cr", "confirmed_pr")
    return (
        series.unique("course", keep="first", maintain_order=True)
        .select("patient_id", "reader", "course")
        .join(_summary(usable), on="course", how="left", maintain_order="left")
        .with_columns(pl.col(flags).fill_null(value=False))
        .with_columns(best.alias("best_response"), kept.alias("confirmed_best_response"))
        .with_columns(_reason().alias("reason"))
        .select(pl.col(name).cast(dtype) for name, dtype in BEST_RESPONSES_SCHEMA.items())
    )


def _summary(usable: pl.DataFrame) -> pl.DataFrame:
    """What the best response and the reason need to know of each course."""
    day, counted, at_baseline = pl.col("day"), pl.col("counted"), pl.col("day") == pl.col("baseline_day")
    overall, confirmed = pl.col("overall_response"), pl.col("confirmed_response")
    then = day == pl.col("progression_day")
    normal_later = pl.col("raised") & pl.col("after") & pl.col("judged") & pl.col("normal")
    return usable.group_by("course").agg(
        *marker_rise.summary(),
        pl.when(at_baseline).then("upper_limit").max().alias("before_limit"),
        normal_later.any().alias("normalised"),
        counted.any().alias("seen"),
        *((counted & (overall == name)).any().alias(name.lower()) for name in ("CR", "PR", "SD")),
        (confirmed == "CR").any().alias("confirmed_cr"),
        confirmed.is_not_null().any().alias("confirmed_pr"),
        pl.when(confirmed.is_not_null()).then(day).min().alias("response_day"),
        pl.when(confirmed.is_not_null()).then("response_to").min().alias("maintained_to"),
        pl.when(counted & pl.col("responded")).then(day).min().alias("first_response_day"),
        pl.when(then).then("category").drop_nulls().first().alias("progression_category"),
    )


def _reason() -> pl.Expr:
    """Why the patient is evaluable or not, and what decided; with the numbers."""
    return pl.concat_str(
        _evaluable_reason(), _response_reason(), marker_rise.reason("U/mL", pl.col("progression_category"))
    )


def _evaluable_reason() -> pl.Expr:
    limit, day = number("before_limit"), pl.col("baseline_day")
    before = pl.format("{} U/mL on day {}", "before", "baseline_day")
    return (
        pl.when(day.is_null())
        .then(pl.lit("not evaluable for response: no sample free of interference with peritoneum or pleura"))
        .when("evaluable")
        .then(pl.format("evaluable: {} is at least 2 x the upper limit of {}", before, limit))
        .when(day > 0)
        .then(pl.format("not evaluable for response: no sample up to day 0, the first is {}", before))
        .when(day < EARLIEST_BASELINE_DAY)
        .then(pl.format("not evaluable for response: {}, more than 14 days before the start", before))
        .otherwise(
            pl.format("not evaluable for response: {} is below 2 x the upper limit of {}", before, limit)
        )
    )


def _response_reason() -> pl.Expr:
    return (
        pl.when("confirmed_pr")
        .then(
            pl.format(
                "; at least 50 % lower from day {} and maintained until day {}{}",
                "response_day",
                "maintained_to",
                pl.when("confirmed_cr")
                .then(pl.lit(", and normal"))
                .when("cr")
                .then(pl.lit(", normal at another time only"))
                .otherwise(pl.lit(", not normal")),
            )
        )
        .when(pl.col("cr") | pl.col("pr"))
        .then(pl.format("; at least 50 % lower on day {}, not confirmed", "first_response_day"))
        .when("sd")
        .then(pl.lit("; never 50 % lower"))
        .when(~pl.col("seen"))
        .then(pl.lit("; no sample after it that counts"))
        .otherwise(pl.lit(""))
    )


def _assay_problems(markers: pl.DataFrame) -> tuple[Problem, ...]:
    """Warns of patients whose CA-125 was measured by several assays."""
    own = markers.filter((pl.col("marker") == MARKER) & pl.col("assay").is_not_null())
    several = own.filter(pl.col("assay").n_unique().over("patient_id") > 1)
    return warning(
        several,
        "assay",
        "with CA-125 by more than one assay, where the criteria want one (GCIG, Rustin 2011)",
        "Compare values of one assay only; all count until then.",
    )
