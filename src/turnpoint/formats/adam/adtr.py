"""ADTR: the diameter of each target lesion, and their sum, visit by visit.

The rules:

1. LDIAMn is what a target adds to the sum: its longest diameter, or (NLDIAMn) a node's short axis; 0 for absent, what
   was recorded or 5 mm for too small. n counts the reader's targets in the order of their identifiers. It has no value
   where the lesion was not evaluable.
2. SDIAM is the sum, missing when it is not complete. BASE, NADIR, and the changes from them are those of `respond`.
3. ANL01FL flags the complete sums from the baseline on, and lesions with a value there.
4. ADTF says which part of ADT was imputed (D, M, Y), where the study knows it: of a lesion its own, of the sum that of
   the target whose date is known least (`date_imputed` of `lesions`, which reading SDTM gives).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.adam.variables import USUAL_CODES, ParameterCodes, labelled, numbered, timed, visits
from turnpoint.formats.datasets import LabelledDataset
from turnpoint.study.study import Study

_COURSE: Final = ("patient_id", "reader")
_VISIT: Final = (*_COURSE, "day")
_COLUMNS: Final = (
    *("STUDYID", "USUBJID", "ARM", "TRTSDT", "ASEQ", "PARAMCD", "PARAM", "PARCAT1", "PARCAT2", "PARCAT3"),
    *("TRLNKID", "AVISIT", "AVISITN", "ADT", "ADTF", "ADY", "AVAL", "AVALU", "ABLFL", "BASE", "CHG", "PCHG"),
    *("NADIR", "CHGNAD", "PCHGNAD", "ANL01FL", "SRCDOM", "SRCVAR", "SRCSEQ"),
)


def tumour_results(
    study: Study,
    responses: pl.DataFrame,
    diameters: pl.DataFrame,
    *,
    study_id: str | None,
    criteria: str,
    codes: ParameterCodes = USUAL_CODES,
) -> LabelledDataset:
    """ADTR.

    Args:
        study: the study.
        responses: `respond(study).responses`.
        diameters: what each target adds to the sum: `patient_id, reader, day, lesion_id, diameter_mm`.
        study_id: its STUDYID; None for each patient's own (`datasets.study_ids`).
        criteria: their name, for PARCAT3.
        codes: PARAMCD as the trial writes them.
    """
    of_visit = visits(responses)
    sums = _sums(responses, codes)
    lesions = _lesions(study, diameters, of_visit, codes)
    rows = pl.concat([lesions, sums], how="diagonal").join(
        of_visit, on=_VISIT, how="left", nulls_equal=True, maintain_order="left"
    )
    rows = timed(rows, study, study_id).with_columns(
        pl.lit("Target Lesion(s)").alias("PARCAT1"),
        pl.col("reader").alias("PARCAT2"),
        pl.lit(criteria.upper()).alias("PARCAT3"),
        pl.lit("mm").alias("AVALU"),
        pl.when(pl.col("is_baseline") & pl.col("AVAL").is_not_null()).then(pl.lit("Y")).alias("ABLFL"),
        pl.when(pl.col("AVAL").is_not_null() & (pl.col("AVISITN") >= 0)).then(pl.lit("Y")).alias("ANL01FL"),
    )
    rows = _with_imputed_dates(rows, study)
    rows = rows.sort(*_COURSE, "is_sum", "number", "day", nulls_last=False, maintain_order=True)
    frame = numbered(rows).select(_COLUMNS)
    return labelled("ADTR", "Tumor Results Analysis Dataset", frame, ("USUBJID", "ASEQ"))


def _with_imputed_dates(rows: pl.DataFrame, study: Study) -> pl.DataFrame:
    """Rule 4."""
    nothing = pl.lit(None, dtype=pl.String)
    if "date_imputed" not in study.lesions.columns:
        return rows.with_columns(nothing.alias("ADTF"))
    targets = study.lesions.filter(pl.col("role") == "target")
    # Of a sum the flag of the target whose date is known least: D before M before Y.
    of_visit = targets.group_by(_VISIT).agg(pl.col("date_imputed").cast(pl.String).max().alias("of visit"))
    of_lesion = targets.select(
        *_VISIT,
        pl.col("lesion_id").alias("TRLNKID"),
        pl.col("date_imputed").cast(pl.String).alias("of lesion"),
    ).unique([*_VISIT, "TRLNKID"], keep="first", maintain_order=True)
    joined = rows.join(of_visit, on=_VISIT, how="left", nulls_equal=True, maintain_order="left").join(
        of_lesion, on=[*_VISIT, "TRLNKID"], how="left", nulls_equal=True, maintain_order="left"
    )
    flag = pl.when("is_sum").then("of visit").otherwise("of lesion")
    known = pl.col("ADT").is_not_null() & (flag != "")
    return joined.with_columns(pl.when(known).then(flag).alias("ADTF")).drop("of visit", "of lesion")


def _sums(responses: pl.DataFrame, codes: ParameterCodes) -> pl.DataFrame:
    """Rule 2; no row for a patient without target disease."""
    value, nadir, base = pl.col("sum_of_diameters_mm"), pl.col("nadir_mm"), pl.col("baseline_mm")
    # An infinite change, from a nadir of 0 mm, is no number that a data set can hold.
    from_nadir = pl.col("change_from_nadir_pct")
    return responses.filter(base.is_not_null().any().over(_COURSE, mapping_strategy="group_to_rows")).select(
        *_VISIT,
        pl.lit(value=True).alias("is_sum"),
        pl.lit(0, dtype=pl.Int64).alias("number"),
        pl.lit(codes.sum).alias("PARAMCD"),
        pl.lit("Target Lesions Sum of Diameters (mm)").alias("PARAM"),
        value.alias("AVAL"),
        base.alias("BASE"),
        (value - base).round(6).alias("CHG"),
        pl.col("change_from_baseline_pct").alias("PCHG"),
        nadir.alias("NADIR"),
        (value - nadir).round(6).alias("CHGNAD"),
        pl.when(from_nadir.is_finite()).then(from_nadir).alias("PCHGNAD"),
    )


def _lesions(
    study: Study, diameters: pl.DataFrame, of_visit: pl.DataFrame, codes: ParameterCodes
) -> pl.DataFrame:
    """Rule 1."""
    known = diameters.select(*_COURSE, "lesion_id").unique()
    seen = sources(study).filter(pl.col("role") == "target")
    missed = seen.filter(pl.col("status") == "not_evaluable").join(
        known, on=[*_COURSE, "lesion_id"], how="semi", nulls_equal=True
    )
    keys = [*_VISIT, "lesion_id"]
    named = seen.select(*keys, "SRCDOM", "SRCVAR", "SRCSEQ")
    rows = pl.concat(
        [diameters.select(*keys, pl.col("diameter_mm").alias("AVAL")), missed.select(keys)], how="diagonal"
    ).unique(keys, keep="first", maintain_order=True)
    rows = rows.join(named, on=keys, how="left", nulls_equal=True, maintain_order="left")
    nodes = seen.group_by(*_COURSE, "lesion_id").agg(pl.col("node").any())
    rows = rows.join(nodes, on=[*_COURSE, "lesion_id"], how="left", nulls_equal=True, maintain_order="left")
    number = pl.col("lesion_id").rank("dense").over(_COURSE).cast(pl.Int64)
    rows = rows.with_columns(number.alias("number")).join(
        of_visit.select(*_VISIT, "is_baseline"),
        on=_VISIT,
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    base = pl.col("AVAL").filter("is_baseline").first().over(*_COURSE, "lesion_id")
    change = pl.col("AVAL") - pl.col("BASE")
    code = pl.when("node").then(pl.lit(codes.node)).otherwise(pl.lit(codes.lesion))
    return (
        rows.with_columns(base.alias("BASE"))
        .with_columns(
            change.round(6).alias("CHG"),
            pl.when(pl.col("BASE") > 0).then(100.0 * change / pl.col("BASE")).alias("PCHG"),
            pl.format("{}{}", code, "number").alias("PARAMCD"),
            pl.format("Target Lesion {} Analysis Diameter (mm)", "number").alias("PARAM"),
            pl.col("lesion_id").alias("TRLNKID"),
            pl.lit(value=False).alias("is_sum"),
        )
        .drop("is_baseline", "lesion_id", "node")
    )


def sources(study: Study) -> pl.DataFrame:
    """The lesions with the record that each is from: `SRCDOM, SRCVAR, SRCSEQ`."""
    lesions = study.lesions
    if {"source_domain", "source_sequence"} <= set(lesions.columns):
        domain = pl.col("source_domain").cast(pl.String)
        sequence = pl.col("source_sequence").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
    else:
        domain, sequence = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.Int64)
    # A study folder keeps them as it found them, empty cells too.
    known = domain.is_in(["TR", "TU"]).fill_null(value=False) & sequence.is_not_null()
    variable = pl.when(domain == "TU").then(pl.lit("TUORRES")).otherwise(pl.lit("TRSTRESN"))
    return lesions.with_columns(
        pl.when(known).then(domain).otherwise(pl.lit("LESIONS")).alias("SRCDOM"),
        pl.when(known).then(variable).otherwise(pl.lit("diameter_mm")).alias("SRCVAR"),
        pl.when(known).then(sequence).otherwise("source_row").alias("SRCSEQ"),
    )
