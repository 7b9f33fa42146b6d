"""A study as SDTM data sets, which read back as the same study.

    patients -> DM     lesions -> TU, TR     markers -> LB     doses -> EX     events -> AE

What SDTM has no variable for is a supplemental qualifier: TUMTYPE, TRTLINE, DTHDY and LSTALVDY of DM; EXCYCLE, EXREGIM
and EXLINE of EX. The rules:

1. A size is LDIAM, or LPERP for a node, 0 mm for absent; the states of a lesion without a size are TUMSTATE. A site
   that does not say so of a node gets LYMPH NODE after it, since SDTM tells nodes by their location alone.
2. The reader INVESTIGATOR is --EVAL; any other is --EVALID, of an INDEPENDENT ASSESSOR.
3. The method of a scan is TRMETHOD; TUMETHOD would stand for every scan without one. Dates stand beside study days
   where the start of the course is known.
4. A start of a drug with its stop is one record up to the day before the stop; one without a stop is taken QD. A stop
   without a start has no record of its own: it is the end of the drug's last dose.

Columns that a study keeps beyond its own, and days of a stop that no start precedes, are not written.

Source: CDISC, SDTM Implementation Guide 3.4, sections 4.4, 6.1 to 6.3 and 8.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from turnpoint.formats.datasets import LabelledDataset, study_ids
from turnpoint.formats.sdtm.days import relative_day
from turnpoint.formats.sdtm.states import is_node
from turnpoint.study.study import Study

_LABELS: Final[Mapping[str, str]] = {
    "STUDYID": "Study Identifier",
    "DOMAIN": "Domain Abbreviation",
    "RDOMAIN": "Related Domain Abbreviation",
    "USUBJID": "Unique Subject Identifier",
    "VISIT": "Visit Name",
    "IDVAR": "Identifying Variable",
    "IDVARVAL": "Identifying Variable Value",
    "QNAM": "Qualifier Variable Name",
    "QLABEL": "Qualifier Variable Label",
    "QVAL": "Data Value",
    "RFSTDTC": "Subject Reference Start Date/Time",
    "DTHDTC": "Date/Time of Death",
    "RFPENDTC": "Date/Time of End of Participation",
    "BRTHDTC": "Date/Time of Birth",
    "SEX": "Sex",
    "ARM": "Description of Planned Arm",
    "EXTRT": "Name of Treatment",
    "EXDOSE": "Dose",
    "EXDOSU": "Dose Units",
    "EXDOSFRQ": "Dosing Frequency per Interval",
    "AETERM": "Reported Term for the Adverse Event",
    "AEDECOD": "Dictionary-Derived Term",
    "AETOXGR": "Standard Toxicity Grade",
    "LBNAM": "Vendor Name",
    "LBSTNRHI": "Reference Range Upper Limit-Std Units",
    "TUMTYPE": "Tumour Type",
    "TRTLINE": "Line of Treatment",
    "DTHDY": "Study Day of Death",
    "LSTALVDY": "Study Day Last Known Alive",
    "EXCYCLE": "Cycle",
    "EXREGIM": "Regimen",
    "EXLINE": "Line of Treatment",
}
# Of any domain, after its prefix.
_GENERAL_LABELS: Final[Mapping[str, str]] = {
    "SEQ": "Sequence Number",
    "GRPID": "Group ID",
    "LNKID": "Link ID",
    "TESTCD": "Short Name of Test",
    "TEST": "Name of Test",
    "ORRES": "Result or Finding in Original Units",
    "ORRESU": "Original Units",
    "STRESC": "Character Result/Finding in Std Format",
    "STRESN": "Numeric Result/Finding in Standard Units",
    "STRESU": "Standard Units",
    "STAT": "Completion Status",
    "LOC": "Location",
    "METHOD": "Method",
    "EVAL": "Evaluator",
    "EVALID": "Evaluator Identifier",
    "ACPTFL": "Accepted Record Flag",
    "DTC": "Date/Time",
    "STDTC": "Start Date/Time",
    "ENDTC": "End Date/Time",
    "DY": "Study Day",
    "STDY": "Study Day of Start",
    "ENDY": "Study Day of End",
}
_NAMES: Final = {
    "DM": "Demographics",
    "TU": "Tumor/Lesion Identification",
    "TR": "Tumor/Lesion Results",
    "LB": "Laboratory Test Results",
    "EX": "Exposure",
    "AE": "Adverse Events",
    "SUPPDM": "Supplemental Qualifiers for DM",
    "SUPPEX": "Supplemental Qualifiers for EX",
}
_ROLES: Final = {"target": "TARGET", "non_target": "NON-TARGET", "new": "NEW"}
_STATES: Final = {
    "present": "PRESENT",
    "absent": "ABSENT",
    "not_evaluable": "NOT EVALUABLE",
    "equivocal": "EQUIVOCAL",
    "unequivocal_progression": "UNEQUIVOCAL PROGRESSION",
}
_TESTS: Final = {"LDIAM": "Longest Diameter", "LPERP": "Longest Perpendicular", "TUMSTATE": "Tumor State"}
_TOO_SMALL: Final = "TOO SMALL TO MEASURE"
_SEXES: Final = {"female": "F", "male": "M", "unknown": "U", "other": "UNDIFFERENTIATED"}
_TEXT: Final = pl.String()


def sdtm_datasets(study: Study, study_id: str | None = None) -> tuple[LabelledDataset, ...]:
    """DM, TU, TR, LB, EX, AE and their supplements, those that have rows.

    Args:
        study: what to write.
        study_id: its STUDYID; by default each patient's own, or else the study's name.
    """
    identifiers = study_ids(study, study_id).rename({"patient_id": "USUBJID"})
    people = _people(study)
    named, results = _tumours(study)
    doses = _doses(study)
    frames = {
        "DM": people,
        "TU": named,
        "TR": results,
        "LB": _laboratory(study),
        "EX": doses,
        "AE": _events(study),
        "SUPPDM": _supplement(people, None, ("TUMTYPE", "TRTLINE", "DTHDY", "LSTALVDY")),
        "SUPPEX": _supplement(doses, "EXSEQ", ("EXCYCLE", "EXREGIM", "EXLINE")),
    }
    return tuple(_dataset(domain, frame, identifiers) for domain, frame in frames.items() if frame.height)


def _dataset(domain: str, frame: pl.DataFrame, identifiers: pl.DataFrame) -> LabelledDataset:
    qualifiers = ("TUMTYPE", "TRTLINE", "EXCYCLE", "EXREGIM", "EXLINE", "DTHDY", "LSTALVDY")
    own = frame.drop(qualifiers, strict=False)
    kind = "RDOMAIN" if domain.startswith("SUPP") else "DOMAIN"
    own = own.join(identifiers, on="USUBJID", how="left", maintain_order="left").select(
        "STUDYID", pl.lit(domain.removeprefix("SUPP")).alias(kind), pl.all().exclude("STUDYID")
    )
    labels = {
        name: _LABELS.get(name) or _GENERAL_LABELS[name.removeprefix(domain[:2])] for name in own.columns
    }
    keys = tuple(name for name in ("STUDYID", "USUBJID", f"{domain}SEQ") if name in own.columns)
    return LabelledDataset(domain, _NAMES[domain], labels, own, keys)


def _people(study: Study) -> pl.DataFrame:
    start, death, alive = pl.col("start_date"), pl.col("death_day"), pl.col("last_alive_day")
    return study.patients.select(
        pl.col("patient_id").alias("USUBJID"),
        start.dt.to_string("%Y-%m-%d").alias("RFSTDTC"),
        (start + pl.duration(days=death)).dt.to_string("%Y-%m-%d").alias("DTHDTC"),
        (start + pl.duration(days=alive)).dt.to_string("%Y-%m-%d").alias("RFPENDTC"),
        pl.col("birth_year").cast(_TEXT).alias("BRTHDTC"),
        pl.col("sex").replace_strict(_SEXES, default=None, return_dtype=_TEXT).alias("SEX"),
        pl.col("arm").alias("ARM"),
        pl.col("tumour_type").alias("TUMTYPE"),
        pl.col("line").cast(_TEXT).alias("TRTLINE"),
        pl.when(start.is_null()).then(relative_day(death)).cast(_TEXT).alias("DTHDY"),
        pl.when(start.is_null()).then(relative_day(alive)).cast(_TEXT).alias("LSTALVDY"),
    )


def _tumours(study: Study) -> tuple[pl.DataFrame, pl.DataFrame]:
    """TU and TR (rules 1 and 2)."""
    if study.lesions.is_empty():
        return pl.DataFrame(), pl.DataFrame()
    reader, site = pl.col("reader"), pl.col("site").str.to_uppercase()
    investigator = reader.str.to_uppercase() == "INVESTIGATOR"
    says_node = is_node(site)
    located = pl.when(pl.col("node") & ~says_node).then(site + " LYMPH NODE").otherwise(site)
    accepted = pl.col("accepted") if "accepted" in study.lesions.columns else pl.lit(None, dtype=_TEXT)
    rows = _timed(study.lesions, study).with_columns(
        pl.when(investigator)
        .then(reader)
        .when(reader.is_not_null())
        .then(pl.lit("INDEPENDENT ASSESSOR"))
        .alias("eval"),
        pl.when(~investigator).then(reader).alias("evalid"),
        located.alias("location"),
        pl.col("role").replace_strict(_ROLES, return_dtype=_TEXT).alias("group"),
        accepted.cast(_TEXT).alias("accepted"),
    )
    first = rows.unique(["patient_id", "reader", "lesion_id"], keep="first", maintain_order=True)
    named = _counted(
        first.select(
            pl.col("patient_id").alias("USUBJID"),
            pl.col("lesion_id").alias("TULNKID"),
            pl.lit("TUMIDENT").alias("TUTESTCD"),
            pl.lit("Tumor Identification").alias("TUTEST"),
            pl.col("group").alias("TUORRES"),
            pl.col("group").alias("TUSTRESC"),
            pl.col("location").alias("TULOC"),
            pl.col("eval").alias("TUEVAL"),
            pl.col("evalid").alias("TUEVALID"),
            pl.col("date").alias("TUDTC"),
            pl.col("study_day").alias("TUDY"),
        ),
        "TUSEQ",
    )
    return named, _results(rows)


def _results(rows: pl.DataFrame) -> pl.DataFrame:
    """TR: sizes, then states, as far as a row says one or the other (rule 1)."""
    status, mm, target = pl.col("status"), pl.col("diameter_mm"), pl.col("role") == "target"
    measured = status.is_in(["measured", "too_small"]) | mm.is_not_null()
    sized = measured | (target & status.is_in(["absent", "not_evaluable"]))
    size = pl.when(target & (status == "absent") & mm.is_null()).then(0.0).otherwise(mm)
    missed = target & (status == "not_evaluable")
    number = size.cast(_TEXT)
    said = pl.when(status == "too_small").then(pl.lit(_TOO_SMALL)).otherwise(number)
    sizes = rows.filter(sized).with_columns(
        pl.when("node").then(pl.lit("LPERP")).otherwise(pl.lit("LDIAM")).alias("TRTESTCD"),
        pl.when(~missed).then(said).alias("TRORRES"),
        pl.when(~missed).then(pl.coalesce(number, said)).alias("TRSTRESC"),
        pl.when(~missed).then(size).alias("TRSTRESN"),
        pl.when(~missed & size.is_not_null()).then(pl.lit("mm")).alias("TRSTRESU"),
        pl.when(missed).then(pl.lit("NOT DONE")).alias("TRSTAT"),
        pl.lit(0).alias("of_state"),
    )
    word = status.replace_strict(_STATES, default=None, return_dtype=_TEXT)
    states = rows.filter(word.is_not_null() & ~target).with_columns(
        pl.lit("TUMSTATE").alias("TRTESTCD"),
        word.alias("TRORRES"),
        word.alias("TRSTRESC"),
        pl.lit(None, dtype=pl.Float64).alias("TRSTRESN"),
        pl.lit(None, dtype=_TEXT).alias("TRSTRESU"),
        pl.lit(None, dtype=_TEXT).alias("TRSTAT"),
        pl.lit(1).alias("of_state"),
    )
    both = pl.concat([sizes, states]).sort("place", "of_state")
    return _as_results(both)


def _as_results(both: pl.DataFrame) -> pl.DataFrame:
    """The variables of TR."""
    return _counted(
        both.select(
            pl.col("patient_id").alias("USUBJID"),
            pl.col("group").alias("TRGRPID"),
            pl.col("lesion_id").alias("TRLNKID"),
            "TRTESTCD",
            pl.col("TRTESTCD").replace_strict(_TESTS, return_dtype=_TEXT).alias("TRTEST"),
            "TRORRES",
            pl.col("TRSTRESU").alias("TRORRESU"),
            "TRSTRESC",
            "TRSTRESN",
            "TRSTRESU",
            "TRSTAT",
            pl.col("method").alias("TRMETHOD"),
            pl.col("eval").alias("TREVAL"),
            pl.col("evalid").alias("TREVALID"),
            pl.col("accepted").alias("TRACPTFL"),
            pl.col("visit").alias("VISIT"),
            pl.col("date").alias("TRDTC"),
            pl.col("study_day").alias("TRDY"),
        ),
        "TRSEQ",
    )


def _laboratory(study: Study) -> pl.DataFrame:
    sign = pl.col("censoring").replace_strict({"left": "<", "right": ">"}, default="", return_dtype=_TEXT)
    number, exact = pl.col("value").cast(_TEXT), pl.col("censoring") == "none"
    code = pl.col("marker").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "").str.slice(0, 8)
    return _counted(
        _timed(study.markers, study).select(
            pl.col("patient_id").alias("USUBJID"),
            code.alias("LBTESTCD"),
            pl.col("marker").alias("LBTEST"),
            pl.coalesce("reported_value", number).cast(_TEXT).alias("LBORRES"),
            pl.coalesce("reported_unit", "unit").alias("LBORRESU"),
            (sign + number).alias("LBSTRESC"),
            pl.when(exact).then("value").alias("LBSTRESN"),
            pl.col("unit").alias("LBSTRESU"),
            pl.col("upper_limit").alias("LBSTNRHI"),
            pl.col("assay").alias("LBNAM"),
            pl.col("date").alias("LBDTC"),
            pl.col("study_day").alias("LBDY"),
        ),
        "LBSEQ",
    )


def _doses(study: Study) -> pl.DataFrame:
    """Rule 4."""
    drug = ["patient_id", "drug"]
    rows = _timed(study.doses, study)
    action = pl.col("action")
    of_course = rows.filter(action.is_in(["start", "stop"]))
    stops = of_course.with_columns(
        action.shift(-1).over(drug).alias("next"), pl.col("day").shift(-1).over(drug).alias("next_day")
    )
    ends = stops.filter((action == "start") & (pl.col("next") == "stop")).select(
        "place", (pl.col("next_day") - 1).alias("end")
    )
    rows = rows.filter(action != "stop").join(ends, on="place", how="left", maintain_order="left")
    last = pl.when(action == "given").then("day").otherwise(pl.max_horizontal("end", "day"))
    last = pl.when((action == "start") & pl.col("end").is_null()).then(None).otherwise(last)
    return _counted(
        rows.with_columns(last.alias("last")).select(
            pl.col("patient_id").alias("USUBJID"),
            pl.col("drug").alias("EXTRT"),
            pl.col("dose").alias("EXDOSE"),
            pl.col("unit").alias("EXDOSU"),
            pl.when(action == "start").then(pl.lit("QD")).alias("EXDOSFRQ"),
            pl.col("date").alias("EXSTDTC"),
            (pl.col("start_date") + pl.duration(days=pl.col("last")))
            .dt.to_string("%Y-%m-%d")
            .alias("EXENDTC"),
            pl.col("study_day").alias("EXSTDY"),
            relative_day(pl.col("last")).alias("EXENDY"),
            pl.col("cycle").cast(_TEXT).alias("EXCYCLE"),
            pl.col("regimen").alias("EXREGIM"),
            pl.col("line").cast(_TEXT).alias("EXLINE"),
        ),
        "EXSEQ",
    )


def _events(study: Study) -> pl.DataFrame:
    end = pl.col("start_date") + pl.duration(days=pl.col("end_day"))
    return _counted(
        _timed(study.events, study).select(
            pl.col("patient_id").alias("USUBJID"),
            pl.col("term").alias("AETERM"),
            pl.col("term").alias("AEDECOD"),
            pl.col("grade").cast(_TEXT).alias("AETOXGR"),
            pl.col("date").alias("AESTDTC"),
            end.dt.to_string("%Y-%m-%d").alias("AEENDTC"),
            pl.col("study_day").alias("AESTDY"),
            relative_day(pl.col("end_day")).alias("AEENDY"),
        ),
        "AESEQ",
    )


def _supplement(frame: pl.DataFrame, key: str | None, names: Sequence[str]) -> pl.DataFrame:
    """One row a qualifier that a record has."""
    if frame.is_empty():
        return frame
    value = pl.lit("", dtype=_TEXT) if key is None else pl.col(key).cast(_TEXT)
    parts = [
        frame.drop_nulls(name).select(
            "USUBJID",
            pl.lit(key or "").alias("IDVAR"),
            value.alias("IDVARVAL"),
            pl.lit(name).alias("QNAM"),
            pl.lit(_LABELS[name]).alias("QLABEL"),
            pl.col(name).alias("QVAL"),
        )
        for name in names
    ]
    return pl.concat(parts)


def _timed(table: pl.DataFrame, study: Study) -> pl.DataFrame:
    """A table with `start_date`, `date`, `study_day` (rule 3) and `place`, in its order."""
    starts = study.patients.select("patient_id", "start_date")
    table = table.join(starts, on="patient_id", how="left", maintain_order="left")
    date = pl.col("start_date") + pl.duration(days=pl.col("day"))
    return table.with_columns(
        date.dt.to_string("%Y-%m-%d").alias("date"), relative_day(pl.col("day")).alias("study_day")
    ).with_row_index("place")


def _counted(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The records with --SEQ, counted within each patient, after USUBJID."""
    counted = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("USUBJID").alias(name)
    return frame.select("USUBJID", counted, pl.exclude("USUBJID"))
