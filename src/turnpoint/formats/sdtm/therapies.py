"""Other treatment of the cancer from SDTM: drugs of CM, radiotherapy and surgery of PR, as rows of doses.

The rules:

1. A medication is against the cancer when its category (CMCAT, CMSCAT) says so, or its ATC class (CMCLASCD L01 or L02,
   CMCLAS), or the stem of its name (CMDECOD, CMTRT). A procedure is when it is radiotherapy, by its name or category,
   or when its category or indication (PRCAT, PRSCAT, PRINDC) names the cancer and it is no biopsy and no imaging.
   Others are counted, not read; so is what did not occur (--OCCUR = N).
2. What began before day 0, or is of a category of prior treatment, is a treatment before the course: counted, not read.
3. A subsequent treatment, by its category, is of the line after the course's own (DM TRTLINE, or else the first
   EXLINE, or else 1); so is any that begins after day 28 in a patient without EX. Of others the study asks
   (`study.new_therapy`, rule 3).
4. A drug that EX has too is counted once, as EX has it, unless it is a subsequent treatment. One without a last day
   goes on. A procedure lasts a day where no last day is given.
5. Without a date, or with part of one that day 0 may lie in, a treatment cannot be placed: it is left out, and the
   warning says what that does to progression-free survival. Other partial dates are read by rule 1 of `course`.

Sources: CDISC, SDTM Implementation Guide 3.4, sections 6.1 (CM, PR); WHO Collaborating Centre for Drug Statistics
Methodology, ATC groups L01 (antineoplastic agents) and L02 (endocrine therapy); WHO, The use of stems in the selection
of International Nonproprietary Names (2018).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.sdtm.course import spans, starts_and_stops
from turnpoint.formats.sdtm.tables import Records, note
from turnpoint.study.findings import Findings

_CANCER: Final = (
    r"ANTI[- ]?(CANCER|NEOPLAS|TUMOU?R)|CANCER|ONCOLOG|CHEMO ?THERAP|TUMOU?R|MALIGNAN|NEOPLAS|CARCINOM"
)
_SUBSEQUENT: Final = (
    r"SUBSEQUENT|FOLLOW[- ]?UP|FURTHER|POST[- ]?(STUDY|TREATMENT|PROGRESSION|DISCONTINUATION)|NEXT LINE"
    r"|NEW[- ](SYSTEMIC |ANTI|CANCER|THERAP|LINE)"
)
# "PRIOR AND CONCOMITANT MEDICATION" is all there is.
_PRIOR: Final = r"PRIOR|PREVIOUS|PRE-?STUDY|HISTORY"
_NOT_PRIOR: Final = r"CONCOMITANT|CONCURRENT|SUBSEQUENT|FOLLOW"
_STEMS: Final = (
    r"PLATIN\b|TAXEL\b|RUBICIN\b|TECAN\b|TREXED\b|CITABINE\b|TABINE\b|FLUOROURACIL|\b5-?FU\b|TINIB\b|CICLIB\b|PARIB\b"
    r"|RAFENIB\b|ZOMIB\b|LISIB\b|SERTIB\b|RASIB\b|DEGIB\b|FOSFAMIDE\b|PHOSPHAMIDE\b|MUSTINE\b|POSIDE\b|BULIN\b"
    r"|\bVIN(CRISTINE|BLASTINE|ORELBINE|FLUNINE|DESINE)|LUTAMIDE\b|TEMOZOLOMIDE|DACARBAZINE|MITOMYCIN|TRABECTEDIN"
    r"|T[AU](X|M)[A-Z]*MAB\b|TUZUMAB|TUXIMAB|TUMUMAB|VACIZUMAB|CIRUMAB|(PEMBRO|NIVO|CEMIP|ATEZO|DURVAL|AVEL|IPILIM|TREMELIM|"
    r"DOSTAR|TORIPA|SINTI|TISLE|CAMRE)[A-Z]*MAB\b|TRASTUZUMAB|PERTUZUMAB|(EVEROLI|TEMSIROLI)MUS|TAMOXIFEN|FULVESTRANT"
    r"|(ANASTRO|LETRO)ZOLE|EXEMESTANE|ABIRATERONE|RELIN\b|DEGARELIX|MEGESTROL|TIPIRACIL|AFLIBERCEPT"
)
_RADIOTHERAPY: Final = (
    r"RADIO ?THERAP|RADIATION|IRRADIAT|RADIOSURG|GAMMA ?KNIFE|CYBER ?KNIFE|BRACHYTHERAP"
    r"|STEREOTACTIC (BODY|ABLATIVE)|\bSBRT\b|\bWBRT\b|\bIMRT\b|RADIO ?EMBOLI[SZ]|CHEMO ?EMBOLI[SZ]"
    r"|METASTASECTOM|DEBULKING|CYTOREDUC"
)
_DIAGNOSTIC: Final = (
    r"BIOPS|IMAGING|SCAN\b|TOMOGRAPH|\bCT\b|\bMRI?\b|\bPET\b|X-?RAY|ULTRASO|ECHOCARD|ENDOSCOP|BRONCHOSCOP|ASPIRAT"
    r"|CATHETER|\bPORT\b|TRANSFUS|STENT|DRAIN|CENTESIS"
)
# A treatment that begins later is no part of what the course began with, where no exposure says with what.
_OWN_TREATMENT_DAYS: Final = 28


def medication_rows(
    medications: Records, own_lines: pl.DataFrame, starts: pl.DataFrame, findings: Findings
) -> Records:
    """Rows of doses from CM.

    Args:
        medications: CM.
        own_lines: `USUBJID, own_line, exposure` of every patient (`own_lines`).
        starts: `USUBJID, start`.
        findings: where problems go.
    """
    name = pl.coalesce("CMDECOD", "CMTRT").str.to_uppercase()
    category = _text("CMCAT", "CMSCAT")
    against = _any(
        category.str.contains(_CANCER),
        category.str.contains(_SUBSEQUENT),
        _text("CMCLASCD").str.contains("^L0[12]"),
        _text("CMCLAS").str.contains("ANTINEOPLAS|ENDOCRINE THERAPY"),
        _text("CMDECOD", "CMTRT").str.contains(_STEMS),
    )
    frame = medications.frame.with_columns(name.alias("treatment"), category.alias("category"))
    return _rows(Records(medications.file, frame), "CM", against, own_lines, starts, findings)


def procedure_rows(
    procedures: Records, own_lines: pl.DataFrame, starts: pl.DataFrame, findings: Findings
) -> Records:
    """Rows of doses from PR; arguments as for `medication_rows`."""
    name, category = _text("PRDECOD", "PRTRT"), _text("PRCAT", "PRSCAT")
    rays = _any(name.str.contains(_RADIOTHERAPY), category.str.contains(_RADIOTHERAPY))
    of_cancer = _any(category.str.contains(_CANCER), _text("PRINDC").str.contains(_CANCER))
    against = (rays | of_cancer) & ~_any(name.str.contains(_DIAGNOSTIC))
    frame = procedures.frame.with_columns(
        pl.coalesce("PRDECOD", "PRTRT").str.to_uppercase().alias("treatment"), category.alias("category")
    )
    return _rows(Records(procedures.file, frame), "PR", against, own_lines, starts, findings)


def own_lines(people: pl.DataFrame | None, exposure: pl.DataFrame | None) -> pl.DataFrame:
    """`USUBJID, own_line, exposure`: the line of the course where it is said (rule 3), and the drugs of EX."""
    schema = {"USUBJID": pl.String(), "own_line": pl.Int64(), "exposure": pl.List(pl.String())}
    found = [pl.DataFrame(schema=schema)]
    if exposure is not None:
        found.append(
            exposure.drop_nulls("USUBJID")
            .group_by("USUBJID")
            .agg(
                pl.col("EXLINE").cast(pl.Int64, strict=False).min().alias("own_line"),
                pl.col("EXTRT").str.to_uppercase().drop_nulls().unique().alias("exposure"),
            )
        )
    if people is not None:
        told = pl.col("TRTLINE").cast(pl.Int64, strict=False).alias("own_line")
        found.append(people.select("USUBJID", told, pl.lit([], dtype=pl.List(pl.String)).alias("exposure")))
    # DM stands last: what it says of the line is said of the course.
    return (
        pl.concat(found)
        .group_by("USUBJID", maintain_order=True)
        .agg(pl.col("own_line").drop_nulls().last(), pl.col("exposure").list.explode(keep_nulls=False))
    )


def _rows(
    records: Records,
    domain: str,
    against: pl.Expr,
    lines: pl.DataFrame,
    starts: pl.DataFrame,
    findings: Findings,
) -> Records:
    """Rules 1 to 5, for either domain."""
    what = {"CM": "medications", "PR": "procedures"}[domain]
    file, occurred = records.file, pl.col(f"{domain}OCCUR").ne_missing("N")
    frame = records.frame.with_columns((against & occurred).alias("against"))
    others = frame.filter(~pl.col("against"))
    mend = "They are not read; nothing to do."
    kind = f"{what} that are no treatment of the cancer"
    note(findings, file, others, kind, mend, f"{domain}TRT", left_out=True)
    found = Records(file, frame.filter("against"))
    frame = spans(found, starts, f"{domain}ST", f"{domain}EN", findings)
    prior = _any(
        pl.col("first") < 0,
        pl.col("first_to") < 0,
        pl.col("category").str.contains(_PRIOR) & ~pl.col("category").str.contains(_NOT_PRIOR),
    )
    kind = "treatments of the cancer before the course"
    note(findings, file, frame.filter(prior), kind, mend, f"{domain}STDTC", left_out=True)
    frame = frame.filter(~prior)
    placed = pl.col("first").is_not_null() & ~_any((pl.col("first_from") <= 0) & (pl.col("first_to") > 0))
    note(
        findings,
        file,
        frame.filter(~placed),
        "treatments of the cancer whose first day is not known to be after the start",
        f"They are left out, and progression-free survival is not censored for them; give {domain}STDTC.",
        f"{domain}STDTC",
        left_out=True,
    )
    frame = frame.filter(placed).join(lines, on="USUBJID", how="left", maintain_order="left")
    subsequent = _any(pl.col("category").str.contains(_SUBSEQUENT))
    again = _any(pl.col("exposure").list.contains(pl.col("treatment"))) & ~subsequent
    kind = "treatments of the cancer that EX has too"
    note(
        findings,
        file,
        frame.filter(again),
        kind,
        "They are read from EX; nothing to do.",
        f"{domain}TRT",
        left_out=True,
    )
    frame = frame.filter(~again)
    unexposed = (pl.col("exposure").list.len().fill_null(0) == 0) & (pl.col("first") > _OWN_TREATMENT_DAYS)
    new = subsequent | unexposed
    lasting = {"CM": pl.col("last"), "PR": pl.max_horizontal(pl.col("last"), pl.col("first") + 1)}[domain]
    nothing = pl.lit(None, dtype=pl.String)
    dose, unit = pl.lit(None, dtype=pl.Float64), nothing
    if domain == "CM":
        dose, unit = pl.col("CMDOSE"), pl.col("CMDOSU")
    as_exposure = frame.select(
        "USUBJID",
        "record",
        "first",
        lasting.alias("last"),
        pl.col("treatment").alias("EXTRT"),
        dose.alias("EXDOSE"),
        unit.alias("EXDOSU"),
        pl.lit("DAILY").alias("EXDOSFRQ"),
        nothing.alias("EXCYCLE"),
        nothing.alias("EXREGIM"),
        pl.when((pl.col("first") > 0) & new).then(pl.col("own_line").fill_null(1) + 1).alias("EXLINE"),
    )
    return Records(file, starts_and_stops(as_exposure))


def _text(*names: str) -> pl.Expr:
    """The texts of some columns, one after another, in capitals; empty where there is none."""
    return pl.concat_str(
        [pl.col(name).str.to_uppercase() for name in names], separator=" / ", ignore_nulls=True
    )


def _any(*conditions: pl.Expr) -> pl.Expr:
    """True where any holds; what is not known holds not."""
    return pl.any_horizontal(condition.fill_null(value=False) for condition in conditions)
