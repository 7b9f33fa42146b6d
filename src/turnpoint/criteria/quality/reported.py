"""Derived responses beside reported ones: every disagreement, with the numbers that decide it.

The rules:

1. Visits are matched by patient, reader and day; of what is left, the nearest two within `tolerance_days` match, each
   once. A side that names no reader at all is compared with each reader of the other.
2. Labels are compared by meaning: "Complete Response" is CR, "INEVALUABLE" is NE. A word that is no response differs.
3. Sums differ from 0.1 mm on: they are reported to one decimal.
4. What was not reported of a visit is not compared; "not applicable" is not reported. A visit of one side alone is a
   difference, except that nothing is expected of the baseline.
5. A reported best response agrees with the derived one, confirmed or not; a reported confirmed one with the confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.quality.reasons import why
from turnpoint.criteria.recist.continuing_response import after_confirmed_response
from turnpoint.criteria.recist.sums import progression_sum_mm, sum_of_diameters
from turnpoint.criteria.recist.visit_response import PARTIAL_RESPONSE_RATIO

TOLERANCE_DAYS: Final = 7
TOLERANCE_MM: Final = 0.1
LABEL_ITEMS: Final = ("overall_response", "target_response", "non_target_response")
VISIT_ITEMS: Final = (*LABEL_ITEMS, "new_lesion", "sum_of_diameters_mm")
BEST_ITEMS: Final = ("best_response", "confirmed_best_response")

DIFFERENCES_SCHEMA: Final = pl.Schema(
    {
        "patient_id": pl.String(),
        "reader": pl.String(),
        "day": pl.Int64(),
        "reported_day": pl.Int64(),
        "item": pl.String(),
        "derived": pl.String(),
        "reported": pl.String(),
        "sum_of_diameters_mm": pl.Float64(),
        "known_part_mm": pl.Float64(),
        "baseline_mm": pl.Float64(),
        "nadir_mm": pl.Float64(),
        "change_from_baseline_pct": pl.Float64(),
        "change_from_nadir_pct": pl.Float64(),
        "partial_response_at_mm": pl.Float64(),
        "progression_at_mm": pl.Float64(),
        "targets": pl.Int64(),
        "not_evaluable_targets": pl.Int64(),
        "why": pl.String(),
    }
)
AGREEMENT_SCHEMA: Final = pl.Schema(
    {
        "item": pl.String(),
        "compared": pl.Int64(),
        "agree": pl.Int64(),
        "differ": pl.Int64(),
        "derived_only": pl.Int64(),
        "reported_only": pl.Int64(),
    }
)

_MEANINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "CR": ("CR", "COMPLETE RESPONSE", "COMPLETE REMISSION"),
        "PR": ("PR", "PARTIAL RESPONSE", "PARTIAL REMISSION"),
        "SD": ("SD", "STABLE DISEASE", "STABLE", "NO CHANGE"),
        "PD": ("PD", "PROGRESSIVE DISEASE", "PROGRESSION", "DISEASE PROGRESSION", "PROGRESSED"),
        "NON-CR/NON-PD": (
            "NON-CR/NON-PD",
            "NON-CR NON-PD",
            "NON COMPLETE RESPONSE/NON PROGRESSIVE DISEASE",
            "NON-COMPLETE RESPONSE AND NON-PROGRESSIVE DISEASE",
            "INCOMPLETE RESPONSE/STABLE DISEASE",
            "IR/SD",
        ),
        "NE": (
            "NE",
            "NOT EVALUABLE",
            "INEVALUABLE",
            "UNEVALUABLE",
            "NON-EVALUABLE",
            "NOT ASSESSABLE",
            "UNABLE TO EVALUATE",
            "UNKNOWN",
            "UE",
        ),
        "iCR": ("iCR",),
        "iPR": ("iPR",),
        "iSD": ("iSD",),
        "iUPD": ("iUPD",),
        "iCPD": ("iCPD",),
        "NON-iCR/NON-iUPD": ("NON-iCR/NON-iUPD",),
    }
)
_NOT_REPORTED: Final = ("NA", "NOTAPPLICABLE", "ND", "NOTDONE", "NOTREPORTED", "MISSING")
_YES: Final = (
    "Y",
    "YES",
    "TRUE",
    "T",
    "1",
    "UNEQUIVOCAL",
    "PD",
    "PRESENT",
    "NEW",
    "NEWLESION",
    "PROGRESSION",
)
_NO: Final = ("N", "NO", "FALSE", "F", "0", "ABSENT", "NONE", "EQUIVOCAL", "NONEWLESION")


def _folded(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())


_BY_TEXT: Final = {_folded(text): label for label, texts in _MEANINGS.items() for text in texts}


def label_of(text: pl.Expr) -> pl.Expr:
    """The response that a text means; null when it says that there is none; any other text stays as it is."""
    folded = text.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    known = folded.replace_strict(_BY_TEXT, default=None, return_dtype=pl.String)
    return pl.when(~folded.is_in(_NOT_REPORTED)).then(pl.coalesce(known, text.str.strip_chars()))


def flag_of(text: pl.Expr) -> pl.Expr:
    """`yes` or `no` for a new lesion; null when the text says neither."""
    folded = text.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    return pl.when(folded.is_in(_YES)).then(pl.lit("yes")).when(folded.is_in(_NO)).then(pl.lit("no"))


def compare(
    responses: pl.DataFrame,
    best: pl.DataFrame,
    lesions: pl.DataFrame,
    reported: pl.DataFrame,
    tolerance_days: int = TOLERANCE_DAYS,
    rules: ProtocolRules = ProtocolRules(),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compare derived responses with reported ones.

    Args:
        responses: as a criterion gives them; items and numbers that it lacks are not compared.
        best: its best responses.
        lesions: as in `Study.lesions`.
        reported: `patient_id, reader, day, visit, item, reported`, one row an item; `visit` tells visits without a day
            apart.
        tolerance_days: how far apart the days of one visit may be.
        rules: by which the responses were derived.

    Returns:
        The differences (`DIFFERENCES_SCHEMA`), sorted by patient, reader and day; and how often each item was
        compared, agreed and differed (`AGREEMENT_SCHEMA`).
    """
    visits = reported.filter(pl.col("item").is_in(VISIT_ITEMS))
    derived, visits = _with_readers(_numbers(_with_continuing(responses, rules), lesions), visits)
    pairs = _matched(derived, _wide(visits), tolerance_days)
    parts, counts = [], []
    for item in VISIT_ITEMS:
        if item in derived.columns and (visits["item"] == item).any():
            part, count = _compared(pairs, item)
            parts.append(part)
            counts.append(count)
    for item in BEST_ITEMS:
        told = reported.filter(pl.col("item") == item)
        if told.height and "best_response" in best.columns:
            part, count = _compared_best(best, told, item)
            parts.append(part)
            counts.append(count)
    empty = pl.DataFrame(schema=DIFFERENCES_SCHEMA)
    differences = pl.concat([empty, *parts], how="diagonal").select(DIFFERENCES_SCHEMA.names())
    return (
        differences.sort("patient_id", "reader", "day", "reported_day", maintain_order=True, nulls_last=True),
        pl.DataFrame(counts, schema=AGREEMENT_SCHEMA, orient="row"),
    )


def _with_continuing(responses: pl.DataFrame, rules: ProtocolRules) -> pl.DataFrame:
    """`after_confirmed_pr`: the visit comes after a confirmed PR, where the rules for its response differ."""
    if "target_response" not in responses.columns:
        return responses
    after = after_confirmed_response(responses, None, rules)
    return responses.with_columns(after.alias("after_confirmed_pr"))


def _numbers(responses: pl.DataFrame, lesions: pl.DataFrame) -> pl.DataFrame:
    """The visits with what decides them; `expected` where a response was derived."""
    frame = responses.with_columns(
        pl.col("overall_response").is_not_null().alias("expected"), pl.col("day").alias("derived_day")
    )
    if "new_lesion" in frame.columns:
        told = pl.when("new_lesion").then(pl.lit("yes")).otherwise(pl.lit("no"))
        frame = frame.with_columns(told.alias("new_lesion"))
    if {"baseline_mm", "nadir_mm"} <= set(frame.columns):
        frame = frame.with_columns(
            (PARTIAL_RESPONSE_RATIO * pl.col("baseline_mm")).alias("partial_response_at_mm"),
            progression_sum_mm(pl.col("nadir_mm")).alias("progression_at_mm"),
        )
    sums = sum_of_diameters(lesions).select(
        "patient_id",
        "reader",
        "day",
        "targets",
        pl.col("not_evaluable").alias("not_evaluable_targets"),
        "known_part_mm",
    )
    keys = ["patient_id", "reader", "day"]
    if "reader" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias("reader"))
    return frame.join(sums, on=keys, how="left", nulls_equal=True, maintain_order="left")


def _with_readers(derived: pl.DataFrame, reported: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rule 1, the readers: both sides with `key`, the reader without case and spaces around."""
    for_derived, for_reported = (
        frame["reader"].null_count() == frame.height for frame in (derived, reported)
    )
    if for_reported and not for_derived:
        known = derived.select("patient_id", "reader").unique()
        reported = reported.drop("reader").join(known, on="patient_id", how="left")
    elif for_derived and not for_reported:
        known = reported.select("patient_id", "reader").unique()
        derived = derived.drop("reader").join(known, on="patient_id", how="left")
    key = pl.col("reader").str.strip_chars().str.to_uppercase().fill_null("").alias("key")
    return derived.with_columns(key), reported.with_columns(key)


def _wide(reported: pl.DataFrame) -> pl.DataFrame:
    """One row a reported visit, its items as columns `<item> reported`."""
    of_item = pl.col("item")
    undated = pl.when(pl.col("day").is_null()).then("visit").alias("undated")
    return (
        reported.group_by("patient_id", "key", "day", undated, maintain_order=True)
        .agg(
            pl.col("reader").first().alias("reported_reader"),
            *(
                pl.col("reported").filter(of_item == item).first().alias(f"{item} reported")
                for item in VISIT_ITEMS
            ),
        )
        .drop("undated")
        .rename({"day": "reported_day"})
        .with_row_index("reported_row")
    )


def _matched(derived: pl.DataFrame, visits: pl.DataFrame, tolerance_days: int) -> pl.DataFrame:
    """Both sides' visits, paired where they match (rule 1)."""
    derived = derived.with_row_index("derived_row")
    who = ["patient_id", "key"]
    keys = derived.select("derived_row", *who, "day")
    told = visits.select("reported_row", *who, "reported_day")
    exact = keys.join(told, left_on=[*who, "day"], right_on=[*who, "reported_day"]).select(
        "derived_row", "reported_row"
    )
    rest = keys.join(exact, on="derived_row", how="anti").join(
        told.join(exact, on="reported_row", how="anti"), on=who
    )
    apart = (pl.col("day") - pl.col("reported_day")).abs()
    near = (
        rest.filter(apart <= tolerance_days)
        .sort(apart, "derived_row")
        .unique("derived_row", keep="first", maintain_order=True)
        .unique("reported_row", keep="first", maintain_order=True)
        .select("derived_row", "reported_row")
    )
    pairs = pl.concat([exact, near])
    return (
        derived.join(pairs, on="derived_row", how="left")
        .join(
            visits.rename({"patient_id": "reported_patient", "key": "reported_key"}),
            on="reported_row",
            how="full",
            coalesce=True,
        )
        .with_columns(
            pl.coalesce("patient_id", "reported_patient").alias("patient_id"),
            pl.coalesce("reader", "reported_reader").alias("reader"),
            pl.col("expected").fill_null(value=False),
        )
    )


def _compared(pairs: pl.DataFrame, item: str) -> tuple[pl.DataFrame, tuple[str, int, int, int, int, int]]:
    """Rules 2 to 4 for one item."""
    text = pl.col(f"{item} reported")
    if item == "sum_of_diameters_mm":
        said = text.cast(pl.Float64, strict=False)
        shown = [pl.col(item).round(2).cast(pl.String), pl.coalesce(said.round(2).cast(pl.String), text)]
        differs = ((pl.col(item) - said).abs() >= TOLERANCE_MM - 1e-9).fill_null(value=True)
    else:
        shown = [pl.col(item), flag_of(text) if item == "new_lesion" else label_of(text)]
        differs = pl.col("shown_derived").ne_missing(pl.col("shown_reported"))
    frame = pairs.with_columns(shown[0].alias("shown_derived"), shown[1].alias("shown_reported"))
    both_sides = pl.col("derived_row").is_not_null() & pl.col("reported_row").is_not_null()
    told = pl.col("shown_reported").is_not_null()
    # A visit of one side alone is told once, by its overall response; so is one whose response was not reported.
    reported_only = pl.col("derived_row").is_null() & told
    derived_only = pl.lit(value=False)
    if item == "overall_response":
        derived_only = pl.col("expected") & ~told
    compared = both_sides & told
    found = frame.filter((compared & differs) | reported_only | derived_only).with_columns(
        pl.lit(item).alias("item"),
        pl.col("shown_derived").alias("derived"),
        pl.col("shown_reported").alias("reported"),
        pl.col("derived_day").alias("day"),
    )
    counts = frame.select(
        compared.sum().alias("compared"),
        (compared & ~differs).sum().alias("agree"),
        (compared & differs).sum().alias("differ"),
        derived_only.sum().alias("derived_only")
        if item == "overall_response"
        else pl.lit(0).alias("derived_only"),
        reported_only.sum().alias("reported_only"),
    ).row(0)
    described = _numbered(found).with_columns(why(item).alias("why"))
    return described.select(pl.col(name).cast(dtype) for name, dtype in DIFFERENCES_SCHEMA.items()), (
        item,
        *counts,
    )


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column of the differences and of their reasons, null where the criteria lack it."""
    by_markers = pl.lit("target_response" not in frame.columns).alias("by_markers")
    text = (*LABEL_ITEMS, "new_lesion", "progression_reason", "why")
    needed = dict(DIFFERENCES_SCHEMA) | {name: pl.String() for name in text}
    needed |= {"after_confirmed_pr": pl.Boolean()}
    absent = [
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in needed.items() if name not in frame.columns
    ]
    return frame.with_columns(by_markers, *absent)


def _compared_best(
    best: pl.DataFrame, told: pl.DataFrame, item: str
) -> tuple[pl.DataFrame, tuple[str, int, int, int, int, int]]:
    """Rule 5."""
    if "reader" not in best.columns:
        best = best.with_columns(pl.lit(None, dtype=pl.String).alias("reader"))
    frame = _beside(best, told)
    confirmed, plain, said = pl.col("confirmed_best_response"), pl.col("best_response"), pl.col("reported")
    either = (
        pl.when(plain == confirmed).then(plain).otherwise(pl.format("{} (confirmed: {})", plain, confirmed))
    )
    wanted_confirmed = item == "confirmed_best_response"
    agrees = (said == confirmed) if wanted_confirmed else (said == confirmed) | (said == plain)
    compared = plain.is_not_null() & said.is_not_null()
    derived_only, reported_only = plain.is_not_null() & said.is_null(), plain.is_null() & said.is_not_null()
    counts = frame.select(
        compared.sum().alias("compared"),
        (compared & agrees).sum().alias("agree"),
        (compared & ~agrees).sum().alias("differ"),
        derived_only.sum().alias("derived_only"),
        reported_only.sum().alias("reported_only"),
    ).row(0)
    reason = (
        pl.when(reported_only)
        .then(pl.lit("Reported, but nothing was assessed."))
        .when(derived_only)
        .then(pl.lit("No best response was reported."))
        .when(pl.col("progression_day").is_null())
        .then(pl.lit("No visit that counts shows progression; the visits decide."))
        .otherwise(pl.format("The visits up to the progression on day {} decide.", "progression_day"))
    )
    found = frame.filter((compared & ~agrees) | reported_only | derived_only).with_columns(
        (confirmed if wanted_confirmed else either).alias("derived"),
        pl.lit(item).alias("item"),
        reason.alias("why"),
    )
    shown = _numbered(found).select(pl.col(name).cast(dtype) for name, dtype in DIFFERENCES_SCHEMA.items())
    return shown, (item, *counts)


def _beside(best: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """The derived best responses with `reported`, one row a patient and reader of either side."""
    absent = {"reader": pl.String(), "progression_day": pl.Int64()}
    best = best.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in absent.items() if name not in best.columns
    )
    derived, told = _with_readers(best, told)
    who = ["patient_id", "key"]
    reported = told.unique(who, keep="first", maintain_order=True).select(
        *who, pl.col("reader").alias("reported_reader"), label_of(pl.col("reported")).alias("reported")
    )
    return derived.join(reported, on=who, how="full", coalesce=True).with_columns(
        pl.coalesce("reader", "reported_reader").alias("reader")
    )
