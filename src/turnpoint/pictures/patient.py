"""The picture of one patient at a visit: all that is said about them, computed once and only shown after that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from turnpoint.criteria.called_progression import CalledProgression
from turnpoint.criteria.protocol import ContinuingResponse
from turnpoint.criteria.recist import NothingLeft
from turnpoint.kinetics.progression_gap import ProgressionGap
from turnpoint.model.prior import Alert
from turnpoint.pictures.harm import HarmPicture
from turnpoint.turning.evidence import Evidence
from turnpoint.turning.lesion_courses import LesionCourse, PartedWays

PriorFit = Literal["like", "other_tumour", "parts", "generic", "unmeasured", "unknown"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from: shown in small print at the foot of every report.

    Attributes:
        version: Turnpoint's version.
        created: the day the report was made.
        prior_name: the prior's name, for example `docetaxel-nsclc-ct`.
        prior_data: what it was fitted to, one line.
        prior_patients: how many patients that was.
        alert: what raises one, and how often progression followed in the patients it was counted in; without a rate
            when the prior carries no calibration, and the report says so.
        fit: whether the prior's patients are like this one: `like`; `other_tumour`, with another kind of cancer;
            `parts`, put together from priors of different patients; `generic`, for which there is none; `unmeasured`,
            nor is there one of any patients with their disease; `unknown`, where the data do not say.
        parts: the shipped priors it is put together from.
        prior_warnings: of its card.
        simulated: its patients are virtual ones, drawn from a published model.
        continuing_response: what a visit of SD after a confirmed PR is shown as (`criteria.protocol`).
    """

    version: str
    created: date
    prior_name: str
    prior_data: str
    prior_patients: int
    alert: Alert
    fit: PriorFit = "unknown"
    parts: tuple[str, ...] = ()
    prior_warnings: tuple[str, ...] = ()
    simulated: bool = False
    continuing_response: ContinuingResponse = "time-point"


@dataclass(frozen=True, slots=True)
class PatientPicture:
    """One patient's course as a report shows it.

    Attributes:
        patient_id: as in the study.
        study_name: for the title.
        tumour_type: as in the study, or None.
        regimen: drugs in use, or the arm, or None.
        sums: one row a visit with a sum: `day, sum_of_diameters_mm, censored` (true when nothing of the sum can be
            measured), `reading_sd_mm` (SD of a repeated reading, lesion by lesion and summed),
            `change_from_baseline_pct, change_from_nadir_pct, target_response, overall_response, new_lesion`. Empty
            when there are no lesions.
        baseline_mm, nadir_mm: null when there is no sum.
        partial_response_line_mm: 0.7 x baseline.
        progression_line_mm: what the sum must reach for RECIST to call progression now.
        markers: `day, marker, value, unit, censoring, upper_limit`; empty when there are none.
        doses: `day, drug, dose, unit, action`; empty when there are none.
        events: `day, end_day, term, grade`; empty when there are none.
        assessment: this patient's rows of `assess` (design section 4), by day.
        diagnostics: this patient's rows of the assessment's diagnostics, by day; the report reads `p_never_turns`,
            `off_treatment`, `risen` and `fallen`.
        fan: `quantity` (`sum_of_diameters_mm` or the marker), `day`, `kind` (`fitted` up to the last visit,
            `forecast` after it), `q05, q25, q50, q75, q95`.
        p_progression: chance that the criterion for each quantity is met within 6, 12, 24 weeks if the regimen
            stays as it is at the last visit: `quantity, weeks, p_progression`; null where the criterion is met already
            or no visit is due by then.
        progression_days: the day the criterion would be met: `quantity, q05, q50, q95`; null when over two years away.
        settle: what would settle soonest whether it has turned (`workflows.settle`); empty without one.
        progression_gap: what RECIST still waits for; None without a sum.
        evidence: why we think so, most important first.
        provenance: the small print.
        harm: doses against limits, side effects and the next cycle; None without doses and events.
        called: what called progression, the first first; empty while nothing has.
        lesions: every lesion, as it was read.
        parted: lesions that shrank while others grew; None when all go one way.
        nothing_left: a complete response that stands; None without one.
        cause_is_prior: nothing read of this patient tells why the tumour does not shrink.
        week_regrowth_read: since when something read has stood above its smallest value beyond error; None while
            nothing does.
    """

    patient_id: str
    study_name: str
    tumour_type: str | None
    regimen: str | None
    sums: pl.DataFrame
    baseline_mm: float | None
    nadir_mm: float | None
    partial_response_line_mm: float | None
    progression_line_mm: float | None
    markers: pl.DataFrame
    doses: pl.DataFrame
    events: pl.DataFrame
    assessment: pl.DataFrame
    diagnostics: pl.DataFrame
    fan: pl.DataFrame
    p_progression: pl.DataFrame
    progression_days: pl.DataFrame
    settle: pl.DataFrame
    progression_gap: ProgressionGap | None
    evidence: tuple[Evidence, ...]
    provenance: Provenance
    harm: HarmPicture | None = None
    called: tuple[CalledProgression, ...] = ()
    lesions: tuple[LesionCourse, ...] = ()
    parted: PartedWays | None = None
    nothing_left: NothingLeft | None = None
    cause_is_prior: bool = False
    week_regrowth_read: float | None = None
