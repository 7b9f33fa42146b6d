"""Turnpoint's assessment as FHIR Observations: one for each patient and visit, for a record that takes them in.

The Observation is `preliminary`: a model wrote it, and nobody has signed it. Its value is the verdict; probabilities,
the resistant fraction and the three dates are components, the dates in days from the start of the course. No code of
LOINC is claimed, since there is none for this: code, category and components are of Turnpoint's own code system
`urn:turnpoint:assessment`, whose codes are the columns of the assessment with hyphens.

Source: HL7 FHIR R4 (4.0.1), "Observation".
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.formats.fhir.writing import (
    UCUM_URL,
    Resource,
    absent,
    bundle,
    own_coded,
    resource_id,
    subject,
    when,
    write_resources,
)
from turnpoint.study.study import Study

SYSTEM: Final = "assessment"
SENTENCE: Final = (
    "Turnpoint informs a conversation between patient and doctor. It is not a medical device and recommends no "
    "treatment."
)
_LEVELS: Final = ("q05", "q50", "q95")
_LEVEL_WORDS: Final = {"q05": "5 % quantile", "q50": "median", "q95": "95 % quantile"}
_PROBABILITIES: Final = {
    "p_responding": "Probability that the tumour is responding",
    "p_plateau": "Probability that the tumour is on a plateau",
    "p_regrowing": "Probability that the tumour is regrowing",
    "p_resistant": "Probability that resistant cells are the cause of the plateau",
    "p_scar": "Probability that scar tissue is the cause of the plateau",
    "p_floor": "Probability that the limit of measurement is the cause of the plateau",
    "p_pause": "Probability that a pause of treatment is the cause of the plateau",
    "p_turned": "Probability that the turning point has passed",
    "p_progression_12w": "Probability that the criterion for progression is met within 12 weeks",
    "p_progression_24w": "Probability that the criterion for progression is met within 24 weeks",
}
_DATES: Final = {
    "dominance_day": "Day when resistant cells are half of the tumour",
    "turning_day": "Day when the living tumour is smallest",
    "regrowth_day": "Day when regrowth can be detected",
}
# Days are given up to ten years; what is later is only known to be so.
_FARTHEST_DAYS: Final = 3650
_VERDICTS: Final = {
    "responding": "Responding",
    "plateau": "Plateau",
    "regrowing": "Regrowing",
    "undetermined": "Cannot tell yet",
}


def assessment_bundle(
    assessment: pl.DataFrame, study: Study, *, method: str, timestamp: datetime
) -> Resource:
    """An assessment as a Bundle of Observations.

    Args:
        assessment: `assess(...).frame`, one row a patient and visit.
        study: what was assessed; gives the dates, and where it was read from FHIR the Observations it is derived from.
        method: what made it, for people; each patient's prior is added.
        timestamp: when, with its time zone.

    Returns:
        JSON of a Bundle of type collection.
    """
    return bundle(assessment_observations(assessment, study, method=method, timestamp=timestamp), timestamp)


def write_assessment(
    assessment: pl.DataFrame, study: Study, path: str | Path, *, method: str, timestamp: datetime
) -> Path:
    """Write an assessment as a Bundle (`.json`) or one Observation a line (`.ndjson`).

    Raises:
        UsageError: another ending, or a place that cannot be written to.
    """
    found = assessment_observations(assessment, study, method=method, timestamp=timestamp)
    return write_resources(found, path, timestamp)


def assessment_observations(
    assessment: pl.DataFrame, study: Study, *, method: str, timestamp: datetime
) -> Iterator[Resource]:
    """The Observations of an assessment, as `assessment_bundle` takes them."""
    starts: dict[str, date] = dict(study.patients.select("patient_id", "start_date").drop_nulls().iter_rows())
    sources = _sources(study)
    for row in assessment.iter_rows(named=True):
        patient, day = row["patient_id"], row["day"]
        days, names = sources.get(patient, ([], []))
        derived = names[: bisect_right(days, day)]
        yield {
            "resourceType": "Observation",
            "id": resource_id("assessment", patient, day),
            "status": "preliminary",
            "category": [own_coded(SYSTEM, "model-assessment", "Model-based assessment")],
            "code": own_coded(SYSTEM, "course-state", "State of the tumour's course under treatment"),
            "subject": subject(patient, is_written=False),
            **when("effectiveDateTime", day, starts.get(patient)),
            "issued": timestamp.isoformat(timespec="seconds"),
            **_verdict(row["verdict"]),
            "note": [{"text": SENTENCE}],
            "method": {"text": ", prior ".join(filter(None, (method, row.get("prior"))))},
            **({"derivedFrom": [{"reference": name} for name in derived]} if derived else {}),
            "component": list(_components(row)),
        }


def _sources(study: Study) -> dict[str, tuple[list[int], list[str]]]:
    """The Observations that a patient's values were read from, by day; empty for a study of another format."""
    tables = [table for table in (study.lesions, study.markers) if "resource" in table.columns]
    if not tables:
        return {}
    told = pl.concat([table.select("patient_id", "day", "resource") for table in tables]).drop_nulls()
    told = told.filter(pl.col("resource").str.contains(r"^Observation/[A-Za-z0-9\-.]{1,64}$")).unique()
    grouped = told.sort("day", "resource").group_by("patient_id").agg("day", "resource")
    return {patient: (days, names) for patient, days, names in grouped.iter_rows()}


def _verdict(verdict: str | None) -> Resource:
    if verdict is None:
        return absent()
    return {"valueCodeableConcept": own_coded(SYSTEM, verdict, _VERDICTS.get(verdict, verdict))}


def _components(row: dict[str, object]) -> Iterator[Resource]:
    for name, words in _PROBABILITIES.items():
        yield _component(name, words, row.get(name), "1")
    for level in _LEVELS:
        words = f"Resistant share of the living tumour, {_LEVEL_WORDS[level]}"
        yield _component(f"resistant_fraction_{level}", words, row.get(f"resistant_fraction_{level}"), "1")
    for name, words in _DATES.items():
        for level in _LEVELS:
            said = f"{words}, from the start of the course, {_LEVEL_WORDS[level]}"
            yield _component(f"{name}_{level}", said, row.get(f"{name}_{level}"), "d")
    alert = row.get("alert")
    code = {"code": own_coded(SYSTEM, "alert", "Alert raised")}
    yield code | ({"valueBoolean": alert} if isinstance(alert, bool) else absent())


def _component(name: str, words: str, value: object, unit: str) -> Resource:
    code: Resource = {"code": own_coded(SYSTEM, name.replace("_", "-"), words)}
    if not isinstance(value, int | float) or not math.isfinite(value):
        return code | absent()
    measured: Resource = {"value": round(float(value), 6), "unit": unit, "system": UCUM_URL, "code": unit}
    if unit == "d" and value >= _FARTHEST_DAYS:
        measured["comparator"] = ">="
    return code | {"valueQuantity": measured}
