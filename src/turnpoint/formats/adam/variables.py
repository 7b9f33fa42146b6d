"""ADaM data sets of tumour response: ADSL, ADTR, ADRS and ADTTE, shaped as the field shapes them.

    ADTR   LDIAMn, NLDIAMn (a lymph node), SDIAM     ADRS   OVR, BOR, CBOR, RSP     ADTTE   PFS, TTP

The numbers are those of `respond`; nothing is judged again here. The rules they share:

1. --DY has no day 0: day 0 of the course is study day 1. --DT needs the start of the course, and is missing without it.
2. Several readers keep apart by PARCAT2; it is missing when the study names none.
3. SRCDOM, SRCVAR and SRCSEQ name the record a value is from: TR by its TRSEQ when the study came from SDTM, and the
   table of the study folder by its row when not; a value derived from others names the analysis record it follows.
4. AVISIT is BASELINE for the visit that is, SCREENING before it, and VISIT 1, 2, ... after it.

They are shaped for analysis and not a submission: define.xml, and the population flags of a trial, are not in them.

Sources: CDISC, ADaM Implementation Guide 1.3, section 3; ADaM Basic Data Structure for Time-to-Event Analyses 1.0;
parameter codes as in the ADTR, ADRS and ADTTE articles of the R package admiralonco.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.formats.datasets import LabelledDataset, study_ids
from turnpoint.formats.sdtm import relative_day
from turnpoint.study.study import Study

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "STUDYID": "Study Identifier",
        "USUBJID": "Unique Subject Identifier",
        "ARM": "Description of Planned Arm",
        "SEX": "Sex",
        "BRTHYR": "Year of Birth",
        "TRTSDT": "Date of First Exposure to Treatment",
        "DTHDT": "Date of Death",
        "DTHDY": "Study Day of Death",
        "LSTALVDT": "Date Last Known Alive",
        "LSTALVDY": "Study Day Last Known Alive",
        "ASEQ": "Analysis Sequence Number",
        "PARAMCD": "Parameter Code",
        "PARAM": "Parameter",
        "PARCAT1": "Parameter Category 1",
        "PARCAT2": "Parameter Category 2, Evaluator",
        "PARCAT3": "Parameter Category 3, Criteria",
        "TRLNKID": "Link ID of the Lesion",
        "AVISIT": "Analysis Visit",
        "AVISITN": "Analysis Visit (N)",
        "STARTDT": "Time-to-Event Origin Date",
        "ADT": "Analysis Date",
        "ADTF": "Analysis Date Imputation Flag",
        "ADY": "Analysis Relative Day",
        "AVAL": "Analysis Value",
        "AVALC": "Analysis Value (C)",
        "AVALU": "Analysis Value Unit",
        "ABLFL": "Baseline Record Flag",
        "BASE": "Baseline Value",
        "CHG": "Change from Baseline",
        "PCHG": "Percent Change from Baseline",
        "NADIR": "Nadir Before the Visit",
        "CHGNAD": "Change from Nadir",
        "PCHGNAD": "Percent Change from Nadir",
        "ANL01FL": "Analysis Flag 01",
        "CNSR": "Censor",
        "EVNTDESC": "Event or Censoring Description",
        "CNSDTDSC": "Censor Date Description",
        "SRCDOM": "Source Data",
        "SRCVAR": "Source Variable",
        "SRCSEQ": "Source Sequence Number",
    }
)


@dataclass(frozen=True, slots=True)
class ParameterCodes:
    """PARAMCD as the trial writes them; a lesion's number follows the first two.

    Attributes:
        lesion: of a target lesion's diameter.
        node: of a target lymph node's short axis.
        sum: of the sum of diameters.
    """

    lesion: str = "LDIAM"
    node: str = "NLDIAM"
    sum: str = "SDIAM"


USUAL_CODES: Final = ParameterCodes()


def timed(frame: pl.DataFrame, study: Study, study_id: str | None) -> pl.DataFrame:
    """Rows with `patient_id, day` and `STUDYID, USUBJID, ARM, ADT, ADY, TRTSDT` beside them, in the same order."""
    people = study.patients.select("patient_id", "arm", "start_date").join(
        study_ids(study, study_id), on="patient_id", how="left", maintain_order="left"
    )
    return frame.join(people, on="patient_id", how="left", maintain_order="left").with_columns(
        pl.col("patient_id").alias("USUBJID"),
        pl.col("arm").alias("ARM"),
        (pl.col("start_date") + pl.duration(days=pl.col("day"))).alias("ADT"),
        relative_day(pl.col("day")).alias("ADY"),
        pl.col("start_date").alias("TRTSDT"),
    )


def visits(responses: pl.DataFrame) -> pl.DataFrame:
    """The visits of each patient and reader by their names (rule 4).

    Args:
        responses: as `respond` gives them, sorted.

    Returns:
        `patient_id, reader, day, is_baseline, AVISIT, AVISITN`; the baseline's number is 0.
    """
    course = ["patient_id", "reader"]
    # At the baseline itself, and before it, there is no nadir yet.
    could_be = pl.col("nadir_mm").is_null() & pl.col("sum_of_diameters_mm").is_not_null()
    # Without target disease the baseline is the last visit up to day 0, or else the first.
    last_before = pl.coalesce(
        pl.when(could_be).then("day").max().over(course),
        pl.when(pl.col("day") <= 0).then("day").max().over(course),
        pl.col("day").min().over(course),
    )
    frame = responses.select(*course, "day", (pl.col("day") - last_before).alias("since"))
    number = (pl.col("since") > 0).cum_sum().over(course).cast(pl.Int64)
    since = pl.col("since")
    return frame.with_columns(
        (since == 0).alias("is_baseline"),
        pl.when(since < 0)
        .then(pl.lit("SCREENING"))
        .when(since == 0)
        .then(pl.lit("BASELINE"))
        .otherwise(pl.format("VISIT {}", number))
        .alias("AVISIT"),
        pl.when(since < 0).then(-1).otherwise(number).alias("AVISITN"),
    ).drop("since")


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with ASEQ, counted within each patient in their order."""
    return frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("USUBJID").alias("ASEQ"))


def labelled(name: str, label: str, frame: pl.DataFrame, keys: Sequence[str]) -> LabelledDataset:
    """A data set of ADaM, its columns labelled."""
    return LabelledDataset(name, label, {column: LABELS[column] for column in frame.columns}, frame, keys)
