"""Best overall response over a course, with and without confirmation (RECIST 1.1, section 4.4, table 3).

1. Nothing after the first PD counts, nor after a new therapy.
2. Unconfirmed: the best of the visits, in the order CR, PR, SD, NON-CR/NON-PD, PD, NE.
3. SD (and NON-CR/NON-PD) must have lasted: it counts from `minimum_stable_days` after the start; earlier it is NE.
4. Confirmed CR: two CR at least `confirmation_days` apart with nothing but CR and NE between. Confirmed PR: two of
   CR or PR so far apart with nothing but CR, PR and NE between. An unconfirmed one counts as SD under rule 3.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.sums import PATIENT, VISIT

MINIMUM_STABLE_DAYS = 42
CONFIRMATION_DAYS = 28

BEST_RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "best_response": pl.String,
    "confirmed_best_response": pl.String,
    "progression_day": pl.Int64,
    "last_evaluable_day": pl.Int64,
}


def best_responses(
    responses: pl.DataFrame,
    new_therapy: pl.DataFrame | None = None,
    *,
    minimum_stable_days: int = MINIMUM_STABLE_DAYS,
    confirmation_days: int = CONFIRMATION_DAYS,
) -> pl.DataFrame:
    """Best response of every patient and reader.

    Args:
        responses: from `recist_1_1.responses`.
        new_therapy: `patient_id, new_therapy_day`; visits after that day do not count.
        minimum_stable_days: days from the start (day 0) before SD counts.
        confirmation_days: days between a response and its confirmation.

    Returns:
        `patient_id, reader, best_response, confirmed_best_response, progression_day` (first PD),
        `last_evaluable_day` (last visit that is not NE, up to and including PD). A patient with no visit
        after baseline is NE.
    """
    overall, day = pl.col("overall_response"), pl.col("day")
    counted = _counted(responses, new_therapy)
    stable = day >= minimum_stable_days
    has = {label: (overall == label).any() for label in ("CR", "PR", "SD", "NON-CR/NON-PD", "PD")}
    summary = _confirmed_runs(counted, confirmation_days).join(
        counted.group_by(PATIENT).agg(
            *(value.alias(label) for label, value in has.items()),
            (overall.is_in(["CR", "PR", "SD"]) & stable).any().alias("stable"),
            ((overall == "NON-CR/NON-PD") & stable).any().alias("stable_non_target"),
            day.filter(overall == "PD").min().alias("progression_day"),
            day.filter(overall != "NE").max().alias("last_evaluable_day"),
        ),
        on=PATIENT,
        how="right",
        nulls_equal=True,
    )
    rest = (
        pl.when("stable")
        .then(pl.lit("SD"))
        .when("stable_non_target")
        .then(pl.lit("NON-CR/NON-PD"))
        .when("PD")
        .then(pl.lit("PD"))
        .otherwise(pl.lit("NE"))
    )
    best = pl.when("CR").then(pl.lit("CR")).when("PR").then(pl.lit("PR")).otherwise(rest)
    confirmed = (
        pl.when("confirmed_cr").then(pl.lit("CR")).when("confirmed_pr").then(pl.lit("PR")).otherwise(rest)
    )
    found = summary.with_columns(best.alias("best_response"), confirmed.alias("confirmed_best_response"))
    return (
        responses.select(PATIENT)
        .unique()
        .join(found, on=PATIENT, how="left", nulls_equal=True)
        .with_columns(pl.col("best_response", "confirmed_best_response").fill_null("NE"))
        .select(pl.col(name).cast(dtype) for name, dtype in BEST_RESPONSES_SCHEMA.items())
        .sort(PATIENT)
    )


def _counted(responses: pl.DataFrame, new_therapy: pl.DataFrame | None) -> pl.DataFrame:
    """Rule 1: visits after baseline, up to the first PD and to a new therapy."""
    judged = responses.filter(pl.col("overall_response").is_not_null())
    if new_therapy is not None and not new_therapy.is_empty():
        judged = judged.join(new_therapy, on="patient_id", how="left").filter(
            pl.col("new_therapy_day").is_null() | (pl.col("day") <= pl.col("new_therapy_day"))
        )
    first_pd = pl.col("day").filter(pl.col("overall_response") == "PD").min().over(PATIENT)
    return judged.filter(first_pd.is_null() | (pl.col("day") <= first_pd)).sort(VISIT)


def _confirmed_runs(counted: pl.DataFrame, confirmation_days: int) -> pl.DataFrame:
    """Rule 4: `confirmed_cr` and `confirmed_pr` for each patient and reader."""
    overall, day = pl.col("overall_response"), pl.col("day")
    flags = []
    for name, labels in (("confirmed_cr", ["CR"]), ("confirmed_pr", ["CR", "PR"])):
        breaks = (~overall.is_in([*labels, "NE"])).cum_sum().over(PATIENT, order_by="day")
        runs = (
            counted.with_columns(breaks.alias("run"))
            .filter(overall.is_in(labels))
            .group_by([*PATIENT, "run"])
            .agg((day.max() - day.min() >= confirmation_days).alias(name))
        )
        flags.append(runs.group_by(PATIENT).agg(pl.col(name).any()))
    return flags[0].join(flags[1], on=PATIENT, how="full", coalesce=True, nulls_equal=True)
