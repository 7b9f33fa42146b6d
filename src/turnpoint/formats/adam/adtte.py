"""ADTTE: progression-free survival and time to progression.

The rules:

1. PFS is `respond`'s progression-free survival: the event is progression or death.
2. TTP has progression alone as its event; a death without it is censored at the last evaluable visit.
3. AVAL counts the days from STARTDT, both days included: ADT - STARTDT + 1.
4. CNSR is 0 for an event; a censored time has the number of its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.formats.adam.variables import labelled, numbered, timed
from turnpoint.formats.datasets import LabelledDataset
from turnpoint.study.study import Study

_CENSORED_DEATH: Final = "death_before_progression"
# CNSR, EVNTDESC and CNSDTDSC of each reason.
REASONS: Final[Mapping[str, tuple[int, str, str | None]]] = MappingProxyType(
    {
        "progression": (0, "Disease Progression", None),
        "death": (0, "Death", None),
        "no_event": (1, "No Event", "Last Evaluable Tumor Assessment"),
        "new_therapy": (2, "New Anti-Cancer Therapy", "Last Evaluable Assessment Before New Therapy"),
        "missed_visits": (3, "Event After Missed Visits", "Last Evaluable Assessment Before Missed Visits"),
        "no_evaluable_visit": (4, "No Evaluable Assessment", "Start of the Course"),
        _CENSORED_DEATH: (5, "Death Without Progression", "Last Evaluable Tumor Assessment"),
    }
)
_PARAMETERS: Final = {"PFS": "Progression-Free Survival (days)", "TTP": "Time to Progression (days)"}
_COURSE: Final = ("patient_id", "reader")
_COLUMNS: Final = (
    *("STUDYID", "USUBJID", "ARM", "TRTSDT", "ASEQ", "PARAMCD", "PARAM", "PARCAT2", "STARTDT", "ADT", "ADY"),
    *("AVAL", "AVALU", "CNSR", "EVNTDESC", "CNSDTDSC", "SRCDOM", "SRCVAR", "SRCSEQ"),
)


def time_to_event(
    study: Study, progression_free: pl.DataFrame, adrs: LabelledDataset, *, study_id: str | None
) -> LabelledDataset:
    """ADTTE.

    Args:
        study: the study.
        progression_free: `respond(study).progression_free`.
        adrs: ADRS, to whose responses the times are traced.
        study_id: its STUDYID; None for each patient's own (`datasets.study_ids`).
    """
    pfs = progression_free.select(
        *_COURSE,
        pl.col("progression_free_days").alias("day"),
        "reason",
        "last_evaluable_day",
        pl.lit("PFS").alias("PARAMCD"),
    )
    died = pl.col("reason") == "death"
    ttp = pfs.with_columns(
        pl.lit("TTP").alias("PARAMCD"),
        pl.when(died).then(pl.max_horizontal("last_evaluable_day", 0)).otherwise("day").alias("day"),
        pl.when(died).then(pl.lit(_CENSORED_DEATH)).otherwise("reason").alias("reason"),
    )
    rows = pl.concat([pfs, ttp]).sort(*_COURSE, "PARAMCD", nulls_last=False, maintain_order=True)
    rows = numbered(timed(rows, study, study_id)).with_columns(
        pl.col("PARAMCD").replace_strict(_PARAMETERS, return_dtype=pl.String).alias("PARAM"),
        pl.col("reader").alias("PARCAT2"),
        pl.col("start_date").alias("STARTDT"),
        (pl.col("day") + 1).cast(pl.Float64).alias("AVAL"),
        pl.lit("DAYS").alias("AVALU"),
        *(
            pl.col("reason")
            .replace_strict({reason: said[place] for reason, said in REASONS.items()}, return_dtype=dtype)
            .alias(name)
            for place, (name, dtype) in enumerate(
                {"CNSR": pl.Int64, "EVNTDESC": pl.String, "CNSDTDSC": pl.String}.items()
            )
        ),
    )
    return labelled(
        "ADTTE",
        "Time-to-Event Analysis Dataset",
        _traced(rows, adrs.frame).select(_COLUMNS),
        ("USUBJID", "ASEQ"),
    )


def _traced(rows: pl.DataFrame, adrs: pl.DataFrame) -> pl.DataFrame:
    """A progression and a last assessment follow from ADRS, a death from ADSL."""
    judged = adrs.filter(pl.col("PARAMCD") == "OVR").select(
        "USUBJID", "PARCAT2", "ADY", pl.col("ASEQ").alias("SRCSEQ")
    )
    rows = rows.join(
        judged, on=["USUBJID", "PARCAT2", "ADY"], how="left", nulls_equal=True, maintain_order="left"
    )
    died = pl.col("reason") == "death"
    known = pl.col("SRCSEQ").is_not_null()
    return rows.with_columns(
        pl.when(died).then(pl.lit("ADSL")).when(known).then(pl.lit("ADRS")).alias("SRCDOM"),
        pl.when(died).then(pl.lit("DTHDT")).when(known).then(pl.lit("ADT")).alias("SRCVAR"),
        pl.when(~died).then("SRCSEQ").alias("SRCSEQ"),
    )
