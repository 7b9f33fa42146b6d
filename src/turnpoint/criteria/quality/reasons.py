"""Why a derived response is what it is, in one plain sentence with its numbers, for the list of differences."""

from __future__ import annotations

from typing import Final

import polars as pl

_GROWN: Final = ("progression_at_mm", "nadir_mm")
_SHRUNK: Final = ("sum_of_diameters_mm", "partial_response_at_mm", "baseline_mm", "progression_at_mm")
_STABLE: Final = ("sum_of_diameters_mm", "partial_response_at_mm", "progression_at_mm", "nadir_mm")


def why(item: str) -> pl.Expr:
    """The reason as a sentence, over a frame with the columns of the differences and the derived responses."""
    alone = pl.col("derived_row").is_null()
    unreported = pl.col("reported").is_null()
    match item:
        case "overall_response":
            reason = pl.concat_str(_of_overall(), _what_it_would_need(overall=True))
        case "target_response":
            reason = pl.concat_str(_of_targets(), _what_it_would_need(overall=False))
        case "non_target_response":
            reason = pl.lit("It follows from the status of every non-target lesion known by then")
        case "new_lesion":
            reason = (
                pl.when(pl.col("new_lesion") == "yes")
                .then(pl.lit("A certain new lesion is recorded at this visit or before"))
                .otherwise(pl.lit("No certain new lesion is recorded up to this visit"))
            )
        case _:
            reason = _of_sum()
    return (
        pl.when(alone)
        .then(pl.lit("Reported, but nothing was assessed within the days allowed."))
        .when("by_markers")
        .then(
            pl.lit(
                "It follows from the marker up to this visit, and the lesions where the criteria combine both."
            )
        )
        .when(unreported)
        .then(pl.concat_str(pl.lit("No response was reported for this visit; "), _lower(reason), pl.lit(".")))
        .otherwise(pl.concat_str(reason, pl.lit(".")))
    )


def _lower(sentence: pl.Expr) -> pl.Expr:
    return pl.concat_str(sentence.str.slice(0, 1).str.to_lowercase(), sentence.str.slice(1))


def _mm(column: str) -> pl.Expr:
    return pl.concat_str(pl.col(column).round(2).cast(pl.String).fill_null("?"), pl.lit(" mm"))


def _plain(label: pl.Expr) -> pl.Expr:
    """An immune response as the one of RECIST 1.1 that it goes back to: iUPD and iCPD are PD."""
    return label.str.replace_all("i", "", literal=True).str.replace(r"^[UC]PD$|(NON-)UPD", "${1}PD")


def _of_targets() -> pl.Expr:
    """What the targets were judged by."""
    response = _plain(pl.col("target_response"))
    above = pl.col("sum_of_diameters_mm") > pl.col("partial_response_at_mm") + 1e-9
    return (
        pl.when(response.is_null() & (pl.col("targets").fill_null(0) == 0))
        .then(pl.lit("There are no target lesions"))
        .when(response == "PD")
        .then(_of_growth())
        .when((response == "NE") & (pl.col("not_evaluable_targets") > 0))
        .then(
            pl.format(
                "{} of {} targets were not evaluated, and the rest, {}, does not prove PD ({})",
                *("not_evaluable_targets", "targets", _mm("known_part_mm"), _mm("progression_at_mm")),
            )
        )
        .when(response == "NE")
        .then(pl.lit("There is no complete sum before it to compare with"))
        .when(response == "CR")
        .then(pl.lit("Every target is absent, or a node under 10 mm"))
        .when((response == "PR") & above)
        .then(_sentence("The sum of {} lies above {} again (PR) and below {} (PD)", *_SHRUNK[:2], _SHRUNK[3]))
        .when(response == "PR")
        .then(
            _sentence(
                "The sum of {} is at or below {}, 70 % of the baseline of {}, and below {} (PD)", *_SHRUNK
            )
        )
        .when(response == "SD")
        .then(
            _sentence(
                "The sum of {} lies above {} (PR) and below {} (PD: nadir {} + 20 % and 5 mm)", *_STABLE
            )
        )
        .otherwise(pl.lit("It is the baseline, or before it"))
    )


def _of_growth() -> pl.Expr:
    """Why the targets are PD."""
    grown = pl.col("known_part_mm") >= pl.col("progression_at_mm") - 1e-9
    whole = _sentence(
        "The sum of {} has reached {}, the nadir of {} + 20 % and 5 mm", "sum_of_diameters_mm", *_GROWN
    )
    part = _sentence(
        "The evaluated part of the sum alone, {}, has reached {}, the nadir of {} + 20 % and 5 mm",
        "known_part_mm",
        *_GROWN,
    )
    back = pl.lit("A target lesion is back after the complete response, which is PD at any size")
    return (
        pl.when(~grown).then(back).when(pl.col("sum_of_diameters_mm").is_null()).then(part).otherwise(whole)
    )


def _sentence(text: str, *columns: str) -> pl.Expr:
    return pl.format(text, *(_mm(column) for column in columns))


def _of_overall() -> pl.Expr:
    """What the visit was judged by."""
    overall, target, others = (
        _plain(pl.col(name)) for name in ("derived", "target_response", "non_target_response")
    )
    return (
        pl.when(pl.col("progression_reason").is_not_null())
        .then(pl.col("progression_reason"))
        .when(overall.is_null())
        .then(pl.lit("It is the baseline, or before it"))
        .when((overall == "PD") & (target == "PD"))
        .then(_of_targets())
        .when((overall == "PD") & (pl.col("new_lesion") == "yes"))
        .then(pl.lit("There is a new lesion"))
        .when((overall == "PD") & (others == "PD"))
        .then(
            pl.lit("A non-target lesion has progressed unequivocally, or is back after a complete response")
        )
        .when(target.is_null() & others.is_not_null())
        .then(pl.format("There are no target lesions, and the non-targets are {}", others))
        .when((target == "CR") & (overall != "CR"))
        .then(pl.format("Every target is absent, or a node under 10 mm, but the non-targets are {}", others))
        .otherwise(_of_targets())
    )


def _what_it_would_need(*, overall: bool) -> pl.Expr:
    """What the reported response would have needed."""
    said, target = _plain(pl.col("reported")), _plain(pl.col("target_response"))
    other_ways = ", a new lesion or unequivocal progression" if overall else ""
    after = pl.col("after_confirmed_pr").fill_null(value=False)
    above = pl.col("sum_of_diameters_mm") > pl.col("partial_response_at_mm") + 1e-9
    return (
        pl.when(after & (said == "PR") & (target == "SD"))
        .then(
            pl.lit(
                "; a PR was confirmed before, which by the RECIST group's answer stays PR until progression "
                "(--continuing-response group)"
            )
        )
        .when(after & (said == "SD") & (target == "PR") & above)
        .then(
            pl.lit(
                "; a PR was confirmed before and stays PR until progression (--continuing-response group); by its own "
                "sum the visit is SD (time-point)"
            )
        )
        .when((said == "PD") & pl.col("progression_at_mm").is_not_null())
        .then(pl.format("; PD would need {}{}", _mm("progression_at_mm"), pl.lit(other_ways)))
        .when((said == "PR") & (target == "SD"))
        .then(pl.format("; PR would need {} or less", _mm("partial_response_at_mm")))
        .when((said == "CR") & target.is_in(["PR", "SD", "PD"]))
        .then(pl.lit("; CR would need every target gone"))
        .when((said == "NE") & (pl.col("not_evaluable_targets") == 0))
        .then(pl.lit("; every target was evaluated"))
        .when((said == "NON-CR/NON-PD") & (pl.col("targets") > 0))
        .then(pl.lit("; NON-CR/NON-PD is for patients without target lesions"))
        .otherwise(pl.lit(""))
    )


def _of_sum() -> pl.Expr:
    return (
        pl.when(pl.col("sum_of_diameters_mm").is_null())
        .then(
            pl.format(
                "{} of {} targets were not evaluated; the rest adds up to {}",
                pl.col("not_evaluable_targets"),
                pl.col("targets"),
                _mm("known_part_mm"),
            )
        )
        .otherwise(
            pl.format(
                "The diameters of {} targets add up to {}, nodes by their short axis",
                pl.col("targets"),
                _mm("sum_of_diameters_mm"),
            )
        )
    )
