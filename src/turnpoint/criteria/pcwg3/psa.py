"""PCWG3: response and progression of prostate cancer by PSA.

Source: Scher et al. 2016, doi:10.1200/JCO.2015.64.2702, whose PSA rules are those of PCWG2 (Scher et al. 2008,
doi:10.1200/JCO.2007.12.4487, tables 3 and 4). The rules, on top of those of `marker_series`:

1. PSA50 and PSA90: at least 50 and 90 % below the baseline at any time; confirmed by a second value at least 21 days
   later, every value between still as low. Early rises do not matter for a response.
2. Change at 12 weeks: of the value nearest to day 84, at most 14 days away (the earlier of two as near); of the last
   value when the series ends before that. Maximal decline: at any time.
3. Progression after a decline from baseline: the first rise of at least 25 % and at least 2 ng/mL over the nadir.
4. Progression without a decline from baseline: so much over the baseline, from 12 weeks (day 84) on; earlier rises are
   ignored, since an effect on PSA may take that long to show. After a decline the 12 weeks do not matter.
5. Both are confirmed by a second value at least 21 days later, no value between them under the bar, and dated at the
   first. A rise that is not confirmed, as by the last value of a series, is listed and is no progression.
6. The rise of PSA alone is no reason to change treatment: PCWG3 looks at bone, soft tissue and symptoms beside it.
7. In the labels of the other criteria: PR is PSA50, PD is a confirmed progression, SD neither, NE without a baseline
   or a value after it. There is no CR. Nothing after progression counts, nor after a new therapy.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.criteria import marker_rise
from turnpoint.criteria.labels import label
from turnpoint.criteria.marker_progression import psa_bar
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

MARKER: Final = "PSA"
PSA50_RATIO: Final = 0.5
PSA90_RATIO: Final = 0.1
CONFIRMATION_DAYS: Final = 21
TWELVE_WEEKS_DAY: Final = 84
TWELVE_WEEKS_WINDOW_DAYS: Final = 14

RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "day": pl.Int64,
    "psa_ng_per_ml": pl.Float64,
    "baseline_ng_per_ml": pl.Float64,
    "nadir_ng_per_ml": pl.Float64,
    "change_from_baseline_pct": pl.Float64,
    "change_from_nadir_pct": pl.Float64,
    "progression_threshold_ng_per_ml": pl.Float64,
    "psa50": pl.Boolean,
    "psa90": pl.Boolean,
    "progression_met": pl.Boolean,
    "overall_response": pl.String,
}
BEST_RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "evaluable": pl.Boolean,
    "best_response": pl.String,
    "confirmed_best_response": pl.String,
    "psa50": pl.Boolean,
    "psa50_confirmed": pl.Boolean,
    "psa90": pl.Boolean,
    "psa90_confirmed": pl.Boolean,
    "best_decline_pct": pl.Float64,
    "decline_at_12_weeks_pct": pl.Float64,
    "nadir_ng_per_ml": pl.Float64,
    "nadir_day": pl.Int64,
    "progression_day": pl.Int64,
    "unconfirmed_progression_day": pl.Int64,
    "last_evaluable_day": pl.Int64,
    "reason": pl.String,
}


def judge(study: Study, new_therapy: pl.DataFrame, rules: ProtocolRules = ProtocolRules()) -> Responses:
    """Responses by PSA of every patient with a PSA value.

    Args:
        study: its `markers` are looked at.
        new_therapy: `patient_id, new_therapy_day`.
        rules: not looked at; PCWG3 sets its own intervals.

    Returns:
        `responses`, one row a day with a value, in ng/mL, a censored value as its limit: up to the baseline and after
        a new therapy `overall_response` is null. `progression_met` says that the value is over the bar when it may
        count; it is PD only when confirmed. `best_responses`, one row a patient: the declines are in percent of the
        baseline, negative when PSA only rose, and count up to progression; `nadir_ng_per_ml` is the smallest value
        of that time, baseline included, `unconfirmed_progression_day` the first value over the bar, confirmed or not.
    """
    del rules
    series = marker_series(study.markers, MARKER, new_therapy)
    frame = _with_responses(_with_progression(with_baseline(series)))
    return Responses(_visits(frame), _best(frame), _baseline_problems(frame))


def _with_progression(frame: pl.DataFrame) -> pl.DataFrame:
    """Rules 3 to 5: `declined`, `bar`, `met`, `progressed`, `progression_day`."""
    nadir, after = pl.col("nadir"), pl.col("after")
    frame = frame.with_columns(
        (nadir < pl.col("baseline_lower")).fill_null(value=False).alias("declined"),
        pl.when(after).then(psa_bar(nadir)).alias("bar"),
    )
    counts = after & pl.col("judged") & (pl.col("declined") | (pl.col("day") >= TWELVE_WEEKS_DAY))
    risen = pl.col("lower") >= pl.col("bar") - TOLERANCE
    frame = frame.with_columns((counts & risen).fill_null(value=False).alias("met"))
    return marker_rise.with_confirmed_rise(frame, CONFIRMATION_DAYS)


def _with_responses(frame: pl.DataFrame) -> pl.DataFrame:
    """Rules 1 and 7: `evaluable`, `counted`, `psa50`, `psa90`, their runs, `overall_response`."""
    upper, after = pl.col("upper"), pl.col("after")
    frame = frame.with_columns(
        (pl.col("baseline_lower") > 0).any().over("course").fill_null(value=False).alias("evaluable"),
        marker_rise.counted().alias("counted"),
        *(
            (after & (pl.col("baseline_lower") > 0) & (upper <= ratio * pl.col("baseline_lower") + TOLERANCE))
            .fill_null(value=False)
            .alias(name)
            for name, ratio in (("psa50", PSA50_RATIO), ("psa90", PSA90_RATIO))
        ),
    )
    for name in ("psa50", "psa90"):
        frame = frame.with_columns((pl.col(name) & pl.col("counted")).alias("holding"))
        frame = with_run(frame, "holding", name)
    overall = (
        pl.when(~(after & pl.col("judged")))
        .then(None)
        .when("progressed")
        .then(label("PD"))
        .when(~pl.col("evaluable"))
        .then(label("NE"))
        .when("psa50")
        .then(label("PR"))
        .otherwise(label("SD"))
    )
    return frame.with_columns(overall.alias("overall_response"))


def _visits(frame: pl.DataFrame) -> pl.DataFrame:
    """The table of every day with a value."""
    columns = frame.with_columns(
        change_pct("baseline").alias("change_from_baseline_pct"),
        change_pct("nadir").alias("change_from_nadir_pct"),
        pl.when(pl.col("nadir").is_finite()).then("nadir").alias("nadir_ng_per_ml"),
        pl.when(pl.col("bar").is_finite()).then("bar").alias("progression_threshold_ng_per_ml"),
        *(pl.when("after").then(name).alias(name) for name in ("psa50", "psa90")),
        pl.when("after").then("met").alias("progression_met"),
    ).rename({"value": "psa_ng_per_ml", "baseline": "baseline_ng_per_ml"})
    return columns.select(pl.col(name).cast(dtype) for name, dtype in RESPONSES_SCHEMA.items())


def _best(frame: pl.DataFrame) -> pl.DataFrame:
    """Best response of every patient, with the reason in words."""
    progressed = pl.col("progression_day").is_not_null()
    none = pl.when("sd").then(label("SD")).when(progressed).then(label("PD")).otherwise(label("NE"))
    unconfirmed = pl.when("psa50").then(label("SD")).otherwise(none)
    baseline = pl.when("evaluable").then("baseline")
    return (
        _summary(frame)
        .with_columns(
            pl.when("psa50").then(label("PR")).otherwise(none).alias("best_response"),
            pl.when("psa50_confirmed")
            .then(label("PR"))
            .otherwise(unconfirmed)
            .alias("confirmed_best_response"),
            (100.0 * (baseline - pl.col("lowest")) / baseline).alias("best_decline_pct"),
            (100.0 * (baseline - pl.col("at_12_weeks")) / baseline).alias("decline_at_12_weeks_pct"),
        )
        .with_columns(_reason().alias("reason"))
        .select(pl.col(name).cast(dtype) for name, dtype in BEST_RESPONSES_SCHEMA.items())
    )


def _summary(frame: pl.DataFrame) -> pl.DataFrame:
    """What the best response and the reason need to know of each course."""
    counted, day, upper = pl.col("counted"), pl.col("day"), pl.col("upper")
    overall, at_baseline = pl.col("overall_response"), day == pl.col("baseline_day")
    known = (counted | at_baseline) & upper.is_finite()
    confirmed = {
        name: pl.col(f"{name}_to") - pl.col(f"{name}_from") >= CONFIRMATION_DAYS
        for name in ("psa50", "psa90")
    }
    return frame.group_by("course", maintain_order=True).agg(
        pl.col("patient_id", "reader").first(),
        *marker_rise.summary(),
        pl.col("baseline").max(),
        (counted & (overall == "SD")).any().alias("sd"),
        *((counted & pl.col(name)).any().alias(name) for name in ("psa50", "psa90")),
        *(
            (counted & long_enough).any().alias(f"{name}_confirmed")
            for name, long_enough in confirmed.items()
        ),
        pl.when(counted & upper.is_finite()).then(upper).min().alias("lowest"),
        pl.when(known).then(upper).min().alias("nadir_ng_per_ml"),
        day.filter(known).sort_by(upper.filter(known), maintain_order=True).first().alias("nadir_day"),
        _at_twelve_weeks(counted, day, upper).alias("at_12_weeks"),
    )


def _at_twelve_weeks(counted: pl.Expr, day: pl.Expr, upper: pl.Expr) -> pl.Expr:
    """Rule 2: the value at 12 weeks."""
    away = (day - TWELVE_WEEKS_DAY).abs()
    near = counted & (away <= TWELVE_WEEKS_WINDOW_DAYS)
    nearest = upper.filter(near).sort_by(away.filter(near), maintain_order=True).first()
    last_day = day.filter(counted).max()
    ended = last_day < TWELVE_WEEKS_DAY - TWELVE_WEEKS_WINDOW_DAYS
    value = pl.when(near.any()).then(nearest).when(ended).then(upper.filter(counted).last())
    return pl.when(value.is_finite()).then(value)


def _reason() -> pl.Expr:
    """What decided, with the numbers."""
    before = pl.format("{} ng/mL on day {}", "before", "baseline_day")
    baseline = (
        pl.when(~pl.col("evaluable"))
        .then(pl.format("not evaluable: the baseline, {}, is no number to compare with", before))
        .when(pl.col("baseline_day") > 0)
        .then(pl.format("baseline {}, the first value, since there is none up to day 0", before))
        .otherwise(pl.format("baseline {}", before))
    )
    confirmed = pl.when("psa50_confirmed").then(pl.lit("confirmed")).otherwise(pl.lit("not confirmed"))
    decline = pl.col("best_decline_pct")
    response = (
        pl.when(~pl.col("evaluable"))
        .then(pl.lit(""))
        .when("psa50")
        .then(pl.format("; lower by up to {} %, PSA50 {}", number(decline), confirmed))
        .when(decline > 0)
        .then(pl.format("; lower by up to {} %", number(decline)))
        .when(pl.col("last_evaluable_day").is_null())
        .then(pl.lit("; no value after it that counts"))
        .otherwise(pl.lit("; never lower"))
    )
    return pl.concat_str(baseline, response, marker_rise.reason("ng/mL"))


def _baseline_problems(frame: pl.DataFrame) -> tuple[Problem, ...]:
    """Warns of patients whose baseline was measured under treatment."""
    return warning(
        frame.filter(pl.col("baseline_day") > 0),
        "day",
        "without a PSA up to day 0; the first value is the baseline (PCWG3, Scher 2016)",
        "Add the value before treatment; a response is judged from the first until then.",
    )
