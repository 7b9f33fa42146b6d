"""Best overall response over a course, with and without confirmation.

Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, sections 4.4.3, 4.5 and table 3. The rules:

1. Nothing after the first PD counts, nor after the start of a new therapy (4.4.3).
2. Unconfirmed: the best of the visits, in the order CR, PR, SD, NON-CR/NON-PD, PD, NE (4.4.3).
3. SD and NON-CR/NON-PD must have lasted: they count from `minimum_stable_days` after the start (4.5). A visit of CR, PR
   or SD by then shows SD at least (table 3, "SD provided minimum criteria for SD duration met"); one before it alone
   is NE, or PD when PD follows (table 3, "otherwise").
4. Confirmed CR: a CR, then another at least `confirmation_days` later, with only CR and NE between. Confirmed PR: a
   PR, then a PR or CR so much later, with only PR, CR and NE between, and no PR after a CR (table 3, footnote a: what
   is seen after a true CR is PD, so that CR, PR confirms neither). At most `most_not_evaluable_between` NE may lie
   between, and for PR, by option, `most_stable_between` SD: a sum about the border of PR falls on both sides of it. A
   response without confirmation counts as SD under rule 3.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import with_course
from turnpoint.criteria.labels import LABEL, label
from turnpoint.criteria.protocol import ProtocolRules

BEST_RESPONSES_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "reader": pl.String,
    "best_response": pl.String,
    "confirmed_best_response": pl.String,
    "progression_day": pl.Int64,
    "last_evaluable_day": pl.Int64,
}

# An iUPD confirms nothing and ends nothing: it breaks a sequence, as the one label does that is none of PR, CR and NE.
_IMMUNE_AS_RECIST = {
    "iCR": "CR",
    "iPR": "PR",
    "iSD": "SD",
    "NON-iCR/NON-iUPD": "NON-CR/NON-PD",
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
        rules: minimum duration and confirmation.

    Returns:
        `patient_id, reader, best_response, confirmed_best_response, progression_day` (first PD that counts, else
        null), `last_evaluable_day` (last visit that counts and is not NE, PD included; null when there is none).
        A patient with no visit after baseline is NE.
    """
    visits = _courses(responses)
    counted = _counted(visits, new_therapy)
    found = (
        visits.group_by("course", maintain_order=True)
        .agg(pl.col("patient_id", "reader").first())
        .join(_summary(counted, rules), on="course", how="left", maintain_order="left")
        .join(
            _confirmed(counted, rules, ["CR"], ["CR"], 0, "confirmed_cr"),
            on="course",
            how="left",
            maintain_order="left",
        )
        .join(
            _confirmed(counted, rules, ["PR"], ["CR", "PR"], rules.most_stable_between, "confirmed_pr"),
            on="course",
            how="left",
            maintain_order="left",
        )
    )
    lasting = (
        pl.when("stable")
        .then(label("SD"))
        .when("stable_non_target")
        .then(label("NON-CR/NON-PD"))
        .when(pl.col("progression_day").is_not_null())
        .then(label("PD"))
        .otherwise(label("NE"))
    )
    best = pl.when("any_cr").then(label("CR")).when("any_pr").then(label("PR")).otherwise(lasting)
    confirmed = (
        pl.when("confirmed_cr").then(label("CR")).when("confirmed_pr").then(label("PR")).otherwise(lasting)
    )
    return found.with_columns(best.alias("best_response"), confirmed.alias("confirmed_best_response")).select(
        pl.col(name).cast(dtype) for name, dtype in BEST_RESPONSES_SCHEMA.items()
    )


def first_progressions(responses: pl.DataFrame, new_therapy: pl.DataFrame | None = None) -> pl.DataFrame:
    """The `progression_day` of `best_responses` alone, of those who have one: `patient_id, reader, progression_day`."""
    return (
        _counted(_courses(responses), new_therapy)
        .drop_nulls("progression_day")
        .group_by("course", maintain_order=True)
        .agg(pl.col("patient_id", "reader", "progression_day").first())
        .drop("course")
    )


def _courses(responses: pl.DataFrame) -> pl.DataFrame:
    return with_course(
        responses.select("patient_id", "reader", "day", pl.col("overall_response").cast(LABEL))
    )


def confirmed_partial_responses(
    visits: pl.DataFrame, new_therapy: pl.DataFrame | None, rules: ProtocolRules
) -> pl.DataFrame:
    """The days on which a PR was confirmed (rule 4): `course, confirmed_day`, one row a confirmation.

    Args:
        visits: `course, patient_id, day, overall_response`, with the labels of RECIST 1.1 or iRECIST, sorted.
        new_therapy: `patient_id, new_therapy_day`.
        rules: what confirms a response.
    """
    as_recist = visits.with_columns(pl.col("overall_response").replace(_IMMUNE_AS_RECIST).cast(LABEL))
    counted = _counted(as_recist, new_therapy)
    return _matched(counted, rules, ["PR"], ["CR", "PR"], rules.most_stable_between)


def _counted(visits: pl.DataFrame, new_therapy: pl.DataFrame | None) -> pl.DataFrame:
    """Rule 1: the visits with a response, up to the first PD and to a new therapy."""
    judged = visits.filter(pl.col("overall_response").is_not_null())
    if new_therapy is not None and not new_therapy.is_empty():
        judged = judged.join(new_therapy, on="patient_id", how="left", maintain_order="left").filter(
            pl.col("new_therapy_day").is_null() | (pl.col("day") <= pl.col("new_therapy_day"))
        )
    first_pd = (
        judged.filter(pl.col("overall_response") == "PD")
        .group_by("course")
        .agg(pl.col("day").min().alias("progression_day"))
    )
    return judged.join(first_pd, on="course", how="left", maintain_order="left").filter(
        pl.col("progression_day").is_null() | (pl.col("day") <= pl.col("progression_day"))
    )


def _summary(counted: pl.DataFrame, rules: ProtocolRules) -> pl.DataFrame:
    """Rules 2 and 3, as flags of each course."""
    overall, lasting = pl.col("overall_response"), pl.col("day") >= rules.minimum_stable_days
    return counted.group_by("course").agg(
        (overall == "CR").any().alias("any_cr"),
        (overall == "PR").any().alias("any_pr"),
        (overall.is_in(["CR", "PR", "SD"]) & lasting).any().alias("stable"),
        ((overall == "NON-CR/NON-PD") & lasting).any().alias("stable_non_target"),
        pl.col("progression_day").first(),
        pl.when(overall != "NE").then("day").max().alias("last_evaluable_day"),
    )


def _confirmed(
    counted: pl.DataFrame,
    rules: ProtocolRules,
    first: list[str],
    second: list[str],
    most_stable: int,
    name: str,
) -> pl.DataFrame:
    """Rule 4: the courses in which a response of `first` is confirmed by one of `second`: `course`, `name` (true)."""
    matched = _matched(counted, rules, first, second, most_stable)
    return matched.select("course").unique().with_columns(pl.lit(value=True).alias(name))


def _matched(
    counted: pl.DataFrame, rules: ProtocolRules, first: list[str], second: list[str], most_stable: int
) -> pl.DataFrame:
    """Rule 4: `course, confirmed_day`, one row a response of `first` that is confirmed by one of `second`.

    Each response is matched with the first possible confirmation; a later one would only have more between. What
    lies between is counted as a difference of running counts.
    """
    overall = pl.col("overall_response")
    if not counted["overall_response"].is_in(first).any():  # of most patients nothing is to be confirmed
        return counted.select("course", pl.col("day").alias("confirmed_day")).clear()
    # The latest CR that has a PR after it: such a PR must not lie after the response to be confirmed.
    complete = pl.when(overall == "CR").then("row").forward_fill().over("course")
    # SD between is a break as soon as it is one too many.
    tolerated = [*second, "NE", "SD"] if most_stable else [*second, "NE"]
    # Rows are numbered before anything is computed by course: inside `over` the numbers would be those of the course.
    running = (
        counted.with_columns(pl.int_range(pl.len()).alias("row"))
        .with_columns(
            (~overall.is_in(tolerated)).cum_sum().alias("breaks"),
            (overall == "SD").cum_sum().alias("stable"),
            (overall == "NE").cum_sum().alias("not_evaluable"),
            pl.when(overall == "PR").then(complete).cum_max().fill_null(-1).alias("downgraded"),
        )
        .select("course", "day", "overall_response", "breaks", "stable", "not_evaluable", "downgraded", "row")
    )
    candidates = running.filter(overall.is_in(second)).drop("overall_response")
    candidates = candidates.with_columns(pl.col("day").alias("confirmed_day"))
    return (
        running.filter(overall.is_in(first))
        .with_columns((pl.col("day") + rules.confirmation_days).alias("confirmable_day"))
        .sort("confirmable_day")
        .join_asof(
            candidates.sort("day"),
            left_on="confirmable_day",
            right_on="day",
            by="course",
            strategy="forward",
            check_sortedness=False,
        )
        .filter(
            (pl.col("breaks_right") == pl.col("breaks"))
            & (pl.col("stable_right") - pl.col("stable") <= most_stable)
            & (pl.col("not_evaluable_right") - pl.col("not_evaluable") <= rules.most_not_evaluable_between)
            & (pl.col("downgraded_right") <= pl.col("row"))
        )
        .select("course", "confirmed_day")
    )
