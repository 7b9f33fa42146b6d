"""When a new anti-cancer therapy began: told by `line`, or read from a drug that is not part of the regimen so far.

The rules:

1. The course's line is the patient's, or else the first that a dose up to day 28 states, or else 1. A dose after day 0
   with a later line is a new therapy.
2. The regimen is what is given within 14 days of the first dose from day 0 on (and what was given before), and every
   drug of which a row states the line or the name (`regimen`) of that regimen.
3. Another drug, first given later without a line, raises the question. It is read as a new therapy when it is of
   another named regimen, or when no drug of the regimen is given on its first day, or taken daily then; else as added
   to the regimen. What comes after that day changes nothing. Both are a warning that says what it does to
   progression-free survival, and that `line` settles it.
4. Drugs that only support a treatment (antiemetics, growth factors, bone agents, steroids, detoxifying agents: groups
   A04, B03XA, L03AA, M05B, H02AB, V03AF of the ATC classification) are none.

Sources: FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018), appendix C (progression
after a new anti-cancer therapy is censored at the last assessment before it); Eisenhauer et al. 2009 (RECIST 1.1),
doi:10.1016/j.ejca.2008.10.026, section 4.4.3; WHO Collaborating Centre for Drug Statistics Methodology, ATC index.
That a switch without a line is a new therapy is our choice: who reads it must be told, and is.
"""

from __future__ import annotations

from typing import Final

import polars as pl

# Within one first cycle; a drug of days 8 or 14 belongs to the regimen.
_FIRST_CYCLE_DAYS: Final = 14
# A line first stated later than this is not the line that the course began with; screening takes up to four weeks.
_OWN_LINE_DAYS: Final = 28
_SUPPORTIVE: Final = (
    r"setron\b|aprepitant|rolapitant|metoclopramide|domperidone|olanzapine|prochlorperazine"
    r"|grastim|epoetin|dronate|dronic|denosumab"
    r"|dexamethason|predniso|cortison|betamethason"
    r"|folin|leucovorin|mesna|dexrazoxane|amifostine|rasburicase|palifermin|glucarpidase"
)
_SALTS: Final = (
    r"\b(hydrochloride|hcl|sodium|disodium|mesylate|tosylate|tartrate|citrate|acetate|trihydrate)\b"
)

NEW_DRUGS_SCHEMA: Final = {
    "patient_id": pl.String(),
    "new_therapy_day": pl.Int64(),
    "source_row": pl.Int64(),
    "drug": pl.String(),
    "switched": pl.Boolean(),
}


def new_therapy_days(doses: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """The first day of a new anti-cancer therapy of each patient who had one after day 0.

    Args:
        doses: as in `Study.doses`.
        patients: as in `Study.patients`.

    Returns:
        `patient_id, new_therapy_day`, sorted.
    """
    switched = new_drugs(doses, patients).filter("switched").select("patient_id", "new_therapy_day")
    return (
        pl.concat([_told(doses, patients), switched])
        .group_by("patient_id")
        .agg(pl.col("new_therapy_day").min())
        .sort("patient_id")
    )


def _told(doses: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """Rule 1: `patient_id, new_therapy_day`."""
    return (
        _lined(doses, patients)
        .filter((pl.col("line") > pl.col("own_line")) & (pl.col("day") > 0))
        .group_by("patient_id")
        .agg(pl.col("day").min().alias("new_therapy_day"))
    )


def _lined(doses: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """Doses that were given, each with the line of its patient's course (`own_line`)."""
    given = doses.filter(
        (pl.col("action") != "stop")
        & pl.all_horizontal(pl.col(name).is_not_null() for name in ("patient_id", "day", "drug"))
    )
    first = (
        given.filter(pl.col("line").is_not_null() & (pl.col("day") <= _OWN_LINE_DAYS))
        .group_by("patient_id")
        .agg(pl.col("line").sort_by("day").first().alias("first_line"))
    )
    own = patients.select("patient_id", pl.col("line").alias("own_line")).unique("patient_id", keep="first")
    return (
        given.join(own, on="patient_id", how="left", maintain_order="left")
        .join(first, on="patient_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("own_line", "first_line", 1).alias("own_line"))
        .drop("first_line")
    )


def new_drugs(doses: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """Drugs that begin outside the regimen without a line (rules 2 to 4).

    Args:
        doses: `patient_id, day, drug, action, regimen, line, source_row`.
        patients: `patient_id, line`.

    Returns:
        One row a patient and drug, columns `NEW_DRUGS_SCHEMA`: the day and the row on which it is first given;
        `switched` says whether it is read as a new therapy (rule 3).
    """
    given = _named(_lined(doses, patients))
    course = pl.when(pl.col("day") >= 0).then("day").min().over("patient_id")
    given = given.with_columns(
        (pl.col("day") <= course + _FIRST_CYCLE_DAYS).fill_null(value=True).alias("early")
    )
    drugs = (
        given.with_columns(pl.col("day").min().over("patient_id", "drug").alias("new_therapy_day"))
        .filter(pl.col("day") == pl.col("new_therapy_day"))
        .group_by("patient_id", "drug", "new_therapy_day")
        .agg(
            pl.col("source_row").first(),
            pl.col("early").any(),
            pl.col("line").is_not_null().any().alias("told"),
            pl.col("regimen").drop_nulls().unique().alias("regimens"),
        )
    )
    own = (
        given.filter("early")
        .group_by("patient_id")
        .agg(
            pl.col("drug").unique().alias("own_drugs"),
            pl.col("regimen").drop_nulls().unique().alias("own_regimens"),
        )
    )
    later = drugs.filter(~pl.col("early") & ~pl.col("told")).join(own, on="patient_id")
    on = _on_days(doses, later).join(own, on="patient_id").filter(pl.col("taken").is_in(pl.col("own_drugs")))
    on = on.select("patient_id", "new_therapy_day").unique().with_columns(pl.lit(value=True).alias("goes_on"))
    named = (pl.col("regimens").list.len() > 0) & (pl.col("own_regimens").list.len() > 0)
    same = pl.col("regimens").list.set_intersection("own_regimens").list.len() > 0
    return (
        later.filter(~same)
        .join(on, on=["patient_id", "new_therapy_day"], how="left")
        .with_columns((named | ~pl.col("goes_on").fill_null(value=False)).alias("switched"))
        .select(pl.col(name).cast(dtype) for name, dtype in NEW_DRUGS_SCHEMA.items())
        .sort("patient_id", "new_therapy_day", "source_row")
    )


def _named(doses: pl.DataFrame) -> pl.DataFrame:
    """Doses of what acts on the tumour (rule 4), drugs and regimens in one spelling."""
    drug = pl.col("drug").str.to_lowercase().str.replace_all(_SALTS, "").str.strip_chars()
    return doses.with_columns(
        drug.alias("drug"), pl.col("regimen").str.to_lowercase().str.strip_chars().alias("regimen")
    ).filter(~pl.col("drug").str.contains(_SUPPORTIVE))


def _on_days(doses: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """`patient_id, new_therapy_day, taken`: drugs that are given on the first day of another, or taken daily then."""
    day, first = pl.col("day"), pl.col("new_therapy_day")
    rows = (
        _named(doses.drop_nulls(["patient_id", "drug", "day"]))
        .rename({"drug": "taken"})
        .join(begun.select("patient_id", "new_therapy_day").unique(), on="patient_id")
        .filter(day <= first)
    )
    daily = (
        rows.filter(pl.col("action") != "given")
        .sort("day")
        .group_by("patient_id", "new_therapy_day", "taken")
        .agg(pl.col("action").last(), day.last())
        .filter(pl.col("action") == "start")
    )
    given = rows.filter((pl.col("action") == "given") & (day == first))
    columns = ("patient_id", "new_therapy_day", "taken")
    return pl.concat([given.select(columns), daily.select(columns)]).unique()
