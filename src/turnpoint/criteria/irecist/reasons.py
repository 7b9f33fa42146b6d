"""Why a visit is iUPD or iCPD, in words with the numbers that decide it."""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.irecist.sequence import FURTHER
from turnpoint.criteria.recist.sums import progression_sum_mm
from turnpoint.criteria.recist.visit_response import TOLERANCE_MM


def with_reasons(walked: pl.DataFrame, least_days: int) -> pl.DataFrame:
    """The visits with `progression_reason`: the reason at a visit of iUPD or iCPD, else null.

    Args:
        walked: the visits, with the columns of `sequence.sequence`.
        least_days: days from the iUPD to the visit that may confirm it.

    Returns:
        The visits in the same order. The first iUPD says what progressed, a later one that it is still open, iCPD what
        went on; several reasons have `; ` between.
    """
    response, day, iupd_day = pl.col("response"), pl.col("day"), pl.col("iupd_day")
    since = pl.format("since day {}", iupd_day)
    first = (response == "iUPD") & (day == iupd_day)
    further = _joined(_further(since))
    days = pl.format("{} days after day {}, iCPD asks for {}", day - iupd_day, iupd_day, pl.lit(least_days))
    early = pl.concat_str(further, days, separator="; but ")
    went_on = (
        pl.when(first)
        .then(pl.lit("first"))
        .when(pl.any_horizontal(FURTHER))
        .then(pl.lit("further"))
        .otherwise(response)
    )
    # Texts cost more than all the rest, so each is made only for the visits that have it.
    parts = {
        "first": _joined(_first()),
        "further": pl.when(response == "iCPD").then(further).otherwise(early),
        "iUPD": pl.format("still met, no further growth {}", since),
        "iCPD": pl.lit("after iCPD"),
    }
    concerned = walked.filter(response.is_in(["iUPD", "iCPD"])).with_columns(went_on.alias("went_on"))
    texts = [
        concerned.filter(pl.col("went_on") == which).select("place", text.alias("progression_reason"))
        for which, text in parts.items()
    ]
    return walked.join(pl.concat(texts), on="place", how="left", maintain_order="left")


def _first() -> list[pl.Expr]:
    """What makes an iUPD; each is null when it does not."""
    known, nadir = pl.col("known_part_mm"), pl.col("nadir_mm")
    by_size = (known >= progression_sum_mm(nadir) - TOLERANCE_MM).fill_null(value=False)
    rise = known - nadir
    grown = (
        pl.when(nadir > 0)
        .then(
            pl.format(
                "target sum {} mm, +{} % and +{} mm over the nadir of {} mm",
                _number(known),
                _number(100.0 * rise / nadir),
                _number(rise),
                _number(nadir),
            )
        )
        .otherwise(pl.format("target sum {} mm after a nadir of 0 mm", _number(known)))
    )
    target = pl.when(by_size).then(grown).otherwise(pl.lit("a target lesion is back after complete response"))
    non_target = (
        pl.when("non_target_unequivocal")
        .then(pl.lit("unequivocal progression of non-target disease"))
        .otherwise(pl.lit("a non-target lesion is back after complete response"))
    )
    return [
        pl.when("target_progressed").then(target),
        pl.when("non_target_progressed").then(non_target),
        pl.when("new_progressed").then(_new_lesions()),
    ]


def _further(since: pl.Expr) -> list[pl.Expr]:
    """What went on in an open progression; each is null when it did not."""
    known, new_known = pl.col("known_part_mm"), pl.col("new_known_mm")
    grew = pl.format(
        "target sum {} mm, +{} mm {}", _number(known), _number(known - pl.col("target_at_iupd_mm")), since
    )
    new_grew = pl.format(
        "sum of new lesions {} mm, +{} mm {}",
        _number(new_known),
        _number(new_known - pl.col("new_at_iupd_mm")),
        since,
    )
    added = pl.format("not progressed on day {}", pl.col("iupd_day"))
    first = _first()
    return [
        pl.when("target_grew").then(grew),
        pl.when("target_added").then(pl.format("{}, {}", first[0], added)),
        pl.when("non_target_grew").then(pl.format("non-target disease increased further {}", since)),
        pl.when("non_target_added").then(pl.format("{}, {}", first[1], added)),
        pl.when("more_new").then(
            pl.format("{} so far, more than on day {}", _lesions(pl.col("appeared")), pl.col("iupd_day"))
        ),
        pl.when("new_sum_grew").then(new_grew),
        pl.when("new_grew").then(pl.format("a new non-target lesion increased {}", since)),
        pl.when("new_added").then(pl.format("{}, {}", first[2], added)),
    ]


def _new_lesions() -> pl.Expr:
    """How many new lesions there have been; the sum of those measured, and its rise when that is progression."""
    known, nadir = pl.col("new_known_mm"), pl.col("new_nadir_mm")
    grown = (known >= progression_sum_mm(nadir) - TOLERANCE_MM).fill_null(value=False)
    size = (
        pl.when(grown)
        .then(
            pl.format(
                ", sum {} mm, +{} mm over its nadir of {} mm",
                _number(known),
                _number(known - nadir),
                _number(nadir),
            )
        )
        .otherwise(pl.format(", sum {} mm", _number(pl.col("new_lesion_sum_mm"))))
    )
    return pl.concat_str(pl.format("{} so far", _lesions(pl.col("appeared"))), size, ignore_nulls=True)


def _lesions(count: pl.Expr) -> pl.Expr:
    return pl.when(count == 1).then(pl.lit("1 new lesion")).otherwise(pl.format("{} new lesions", count))


def _number(value: pl.Expr) -> pl.Expr:
    """At most one decimal."""
    return value.round(1).cast(pl.String).str.strip_suffix(".0")


def _joined(parts: list[pl.Expr]) -> pl.Expr:
    return pl.concat_str(parts, separator="; ", ignore_nulls=True)
