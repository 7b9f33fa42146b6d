"""Views made from the bundled real series, with assessments written by hand: the model is not needed to test reports."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import turnpoint
from turnpoint.criteria.called_progression import CALLED_SCHEMA, CalledProgression
from turnpoint.criteria.recist.complete_response import NothingLeft
from turnpoint.kinetics.progression_gap import ProgressionGap
from turnpoint.model.prior import Alert
from turnpoint.pictures.patient import PatientPicture, Provenance
from turnpoint.reports.views import CohortView
from turnpoint.turning.evidence import Evidence
from turnpoint.turning.lesion_courses import (
    LesionCourse,
    LesionReading,
    LesionTrend,
    PartedLesion,
    PartedWays,
)

DATASETS = Path(turnpoint.__file__).parent / "datasets"
PROVENANCE = Provenance(
    version="0.1.0",
    created=date(2026, 1, 2),
    prior_name="docetaxel-nsclc-ct",
    prior_data="OAK, docetaxel arm: CT of one target lesion, previously treated NSCLC",
    prior_patients=325,
    alert=Alert(
        threshold=0.58,
        false_alerts_per_100=4.9,
        followed=36,
        unfollowed=14,
        patients=325,
        data="docetaxel-nsclc-ct",
        early_per_100=5.7,
        courses=600,
    ),
    fit="like",
    parts=("docetaxel-nsclc-ct",),
)

SUMS_SCHEMA = {
    "day": pl.Int64,
    "sum_of_diameters_mm": pl.Float64,
    "censored": pl.Boolean,
    "reading_sd_mm": pl.Float64,
    "change_from_baseline_pct": pl.Float64,
    "change_from_nadir_pct": pl.Float64,
    "target_response": pl.String,
    "overall_response": pl.String,
    "new_lesion": pl.Boolean,
}
MARKERS_SCHEMA = {
    "day": pl.Int64,
    "marker": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "censoring": pl.String,
    "upper_limit": pl.Float64,
}
DOSES_SCHEMA = {
    "day": pl.Int64,
    "drug": pl.String,
    "dose": pl.Float64,
    "unit": pl.String,
    "action": pl.String,
}
EVENTS_SCHEMA = {"day": pl.Int64, "end_day": pl.Int64, "term": pl.String, "grade": pl.Int64}
FAN_SCHEMA = {
    "quantity": pl.String,
    "day": pl.Float64,
    "kind": pl.String,
    **{f"q{level}": pl.Float64 for level in ("05", "25", "50", "75", "95")},
}
PROGRESSION_SCHEMA = {"quantity": pl.String, "weeks": pl.Float64, "p_progression": pl.Float64}
SETTLE_SCHEMA = {
    "rank": pl.Int64,
    "plan": pl.String,
    "quantity": pl.String,
    **dict.fromkeys(
        ("expected_information_bits", "standard_error_bits", "information_bit_weeks", "p_decided", "weeks"),
        pl.Float64,
    ),
    "scans": pl.Int64,
    "blood_tests": pl.Int64,
    "is_assumed": pl.Boolean,
}
PROGRESSION_DAYS_SCHEMA = {"quantity": pl.String, "q05": pl.Int64, "q50": pl.Int64, "q95": pl.Int64}
_TRIPLES = ("resistant_fraction", "dominance_day", "turning_day", "regrowth_day")
ASSESSMENT_SCHEMA = {
    "patient_id": pl.String,
    "day": pl.Int64,
    **{f"p_{name}": pl.Float64 for name in ("responding", "plateau", "regrowing")},
    "verdict": pl.String,
    **{f"p_{name}": pl.Float64 for name in ("resistant", "scar", "floor", "pause")},
    **{f"{name}_q{level}": pl.Float64 for name in _TRIPLES for level in ("05", "50", "95")},
    "p_turned": pl.Float64,
    "alert": pl.Boolean,
    "p_progression_24w": pl.Float64,
}


def sums_frame(days: list[int], sizes: list[float], censored: list[bool] | None = None) -> pl.DataFrame:
    """Sums with the changes and responses that RECIST gives them."""
    rows, nadir = [], sizes[0]
    for index, (day, size) in enumerate(zip(days, sizes, strict=True)):
        from_baseline = 100 * (size - sizes[0]) / sizes[0] if sizes[0] else 0.0
        from_nadir = None if index == 0 else 100 * (size - nadir) / nadir if nadir else 0.0
        grown = index > 0 and size >= 1.2 * nadir and size >= nadir + 5
        response = (
            None
            if index == 0
            else "PD"
            if grown
            else "CR"
            if size == 0
            else "PR"
            if from_baseline <= -30
            else "SD"
        )
        rows.append(
            (
                day,
                size,
                bool(censored and censored[index]),
                math.hypot(0.035 * size, 1.0),
                from_baseline,
                from_nadir,
                response,
                response,
                False,
            )
        )
        nadir = min(nadir, size)
    return pl.DataFrame(rows, schema=SUMS_SCHEMA, orient="row")


def marker_frame(
    marker: str, days: list[int], values: list[float], unit: str, upper_limit: float | None = None
) -> pl.DataFrame:
    rows = [(day, marker, value, unit, "none", upper_limit) for day, value in zip(days, values, strict=True)]
    return pl.DataFrame(rows, schema=MARKERS_SCHEMA, orient="row")


def fan_frame(
    quantity: str, days: list[int], values: list[float], growth_per_week: float, horizon_weeks: int = 24
) -> pl.DataFrame:
    """A fan that follows the values and then opens."""
    rows = []
    for day in range(days[0], days[-1] + 1, 7):
        later = next(index for index in range(len(days)) if days[index] >= day)
        earlier = max(0, later - 1)
        span = max(days[later] - days[earlier], 1)
        value = values[earlier] + (values[later] - values[earlier]) * (day - days[earlier]) / span
        rows.append((quantity, float(day), "fitted", *_spread(max(value, 0.05), 0.05)))
    for week in range(1, horizon_weeks + 1):
        value = max(values[-1], 0.05) * math.exp(growth_per_week * week)
        rows.append((quantity, days[-1] + 7.0 * week, "forecast", *_spread(value, 0.05 + 0.02 * week)))
    return pl.DataFrame(rows, schema=FAN_SCHEMA, orient="row")


def _spread(value: float, sd: float) -> tuple[float, ...]:
    return tuple(value * math.exp(z * sd) for z in (-1.645, -0.674, 0.0, 0.674, 1.645))


def assessment_row(
    day: int,
    p_state: tuple[float, float, float],
    verdict: str,
    *,
    p_cause: tuple[float, float, float, float] = (0.8, 0.1, 0.05, 0.05),
    turning: tuple[float, float, float] | None = (70.0, 140.0, 230.0),
    p_turned: float = 0.5,
    alert: bool = False,
) -> dict[str, object]:
    """One visit; dominance is taken 60 days before and regrowth 80 days after the turning point."""
    row: dict[str, object] = {
        "patient_id": "P",
        "day": day,
        "verdict": verdict,
        "p_turned": p_turned,
        "alert": alert,
        "p_progression_24w": 0.86 if alert else 0.3,
    }
    row |= dict(zip(("p_responding", "p_plateau", "p_regrowing"), p_state, strict=True))
    row |= dict(zip(("p_resistant", "p_scar", "p_floor", "p_pause"), p_cause, strict=True))
    for name, shift in (("dominance_day", -60.0), ("turning_day", 0.0), ("regrowth_day", 80.0)):
        for index, level in enumerate(("05", "50", "95")):
            row[f"{name}_q{level}"] = (
                None if turning is None else min(3650.0, max(0.0, turning[index] + shift))
            )
    for level, value in zip(("05", "50", "95"), (0.31, 0.64, 0.88), strict=True):
        row[f"resistant_fraction_q{level}"] = None if turning is None else value
    return row


def assessment_frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ASSESSMENT_SCHEMA)


def gap(sum_mm: float, nadir_mm: float) -> ProgressionGap:
    needed = max(1.2 * nadir_mm, nadir_mm + 5)
    ratio = (max(needed, sum_mm) / sum_mm) ** 3 if sum_mm else None
    from_nadir = (needed / nadir_mm) ** 3 if nadir_mm else None
    return ProgressionGap(
        sum_mm=sum_mm,
        nadir_mm=nadir_mm,
        progression_sum_mm=needed,
        to_go_mm=max(0.0, needed - sum_mm),
        volume_ratio=ratio,
        doublings=None if ratio is None else math.log2(ratio),
        volume_ratio_from_nadir=from_nadir,
        doublings_from_nadir=None if from_nadir is None else math.log2(from_nadir),
    )


def progression_frame(quantity: str, chances: tuple[float, ...]) -> pl.DataFrame:
    rows = [(quantity, weeks, chance) for weeks, chance in zip((6.0, 12.0, 24.0), chances, strict=False)]
    return pl.DataFrame(rows, schema=PROGRESSION_SCHEMA, orient="row")


def diagnostics_frame(
    last_day: int, p_turned_resistant: float = 0.62, p_never_turns: float = 0.02
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "patient_id": ["P"],
            "day": [last_day],
            "raised": [False],
            "withdrawn": [False],
            "met": [False],
            "prior_distance": [1.2],
            "p_turned_resistant": [p_turned_resistant],
            "p_never_turns": [p_never_turns],
            "risen": [False],
            "fallen": [False],
            "off_treatment": [False],
        }
    )


def progression_days_frame(quantity: str, last_day: int) -> pl.DataFrame:
    rows = [(quantity, last_day + 42, last_day + 300, None)]
    return pl.DataFrame(rows, schema=PROGRESSION_DAYS_SCHEMA, orient="row")


def settle_frame(quantity: str, last_day: int) -> pl.DataFrame:
    """Two plans in the quantity, and one with ctDNA that was never read."""
    is_sum = quantity == "sum_of_diameters_mm"
    names = (
        ("scan in 6 weeks", "scan every 6 weeks")
        if is_sum
        else (f"{quantity} every 3 weeks", f"{quantity} every 2 weeks")
    )
    rows = [
        (1, names[1], quantity, 0.21, 0.01, 2.6, 0.45, 14.2, 2 * is_sum, 6 * (not is_sum), False),
        (2, names[0], quantity, 0.14, 0.01, 2.1, 0.31, 17.0, 1 * is_sum, 4 * (not is_sum), False),
        (3, "ctDNA now and every 3 weeks", "ctDNA", 0.11, 0.02, 1.9, 0.22, 19.8, 0, 5, True),
    ]
    return pl.DataFrame(rows, schema=SETTLE_SCHEMA, orient="row").with_columns(
        patient_id=pl.lit("P"), day=pl.lit(last_day), p_now=pl.lit(0.5)
    )


def oak(patient_id: str) -> tuple[list[int], list[float]]:
    """Days and diameters of one real patient."""
    lesions = pl.read_csv(
        DATASETS / "oak-docetaxel" / "lesions.csv", schema_overrides={"diameter_mm": pl.Float64}
    )
    own = lesions.filter((pl.col("patient_id") == patient_id) & pl.col("diameter_mm").is_not_null()).sort(
        "day"
    )
    return own["day"].to_list(), own["diameter_mm"].to_list()


def ascent(patient_id: str) -> tuple[list[int], list[float]]:
    """Days and PSA values of one real patient."""
    markers = pl.read_csv(
        DATASETS / "ascent2-docetaxel-psa" / "markers.csv", schema_overrides={"value": pl.Float64}
    )
    own = markers.filter(pl.col("patient_id") == patient_id).sort("day")
    return own["day"].to_list(), own["value"].to_list()


def sized_view(
    patient_id: str,
    days: list[int],
    sizes: list[float],
    assessment: list[dict[str, object]],
    evidence: tuple[Evidence, ...],
    *,
    growth_per_week: float = 0.0,
    chances: tuple[float, ...] = (0.04, 0.11, 0.27),
) -> PatientPicture:
    """A view of a patient with sums and nothing else."""
    nadir = min(sizes)
    quantity = "sum_of_diameters_mm"
    return PatientPicture(
        patient_id=patient_id,
        study_name="oak-docetaxel",
        tumour_type="NSCLC",
        regimen="docetaxel",
        sums=sums_frame(days, sizes),
        baseline_mm=sizes[0],
        nadir_mm=nadir,
        partial_response_line_mm=0.7 * sizes[0],
        progression_line_mm=max(1.2 * nadir, nadir + 5),
        markers=pl.DataFrame(schema=MARKERS_SCHEMA),
        doses=pl.DataFrame(schema=DOSES_SCHEMA),
        events=pl.DataFrame(schema=EVENTS_SCHEMA),
        assessment=assessment_frame(assessment),
        diagnostics=diagnostics_frame(days[-1]),
        fan=fan_frame(quantity, days, sizes, growth_per_week),
        p_progression=progression_frame(quantity, chances),
        progression_days=progression_days_frame(quantity, days[-1]),
        settle=settle_frame(quantity, days[-1]),
        progression_gap=gap(sizes[-1], nadir),
        evidence=evidence,
        provenance=PROVENANCE,
    )


def regrowing_view() -> PatientPicture:
    """OAKD-013 until week 30: shrank, flat, now up; with a marker, doses and events beside the real sums."""
    days, sizes = oak("OAKD-013")
    days, sizes = days[:6], sizes[:6]
    marker_days = [-3, 19, 40, 61, 82, 103, 124, 145, 166, 187, 208]
    cea = [48.2, 39.0, 27.5, 19.8, 14.1, 12.6, 12.9, 12.2, 13.4, 17.8, 24.6]
    rows = [
        assessment_row(-3, (0.62, 0.2, 0.18), "undetermined", turning=(0.0, 210.0, 3650.0), p_turned=0.08),
        assessment_row(40, (0.86, 0.1, 0.04), "responding", turning=(42.0, 190.0, 900.0), p_turned=0.05),
        assessment_row(82, (0.79, 0.17, 0.04), "responding", turning=(70.0, 170.0, 480.0), p_turned=0.09),
        assessment_row(124, (0.33, 0.47, 0.2), "undetermined", turning=(84.0, 150.0, 320.0), p_turned=0.38),
        assessment_row(166, (0.12, 0.63, 0.25), "plateau", turning=(84.0, 138.0, 240.0), p_turned=0.71, alert=False),
        assessment_row(
            208, (0.03, 0.16, 0.81), "regrowing", turning=(81.0, 128.0, 181.0), p_turned=0.94, alert=True,
            p_cause=(0.83, 0.13, 0.0, 0.04),
        ),
    ]  # fmt: skip
    evidence = (
        Evidence(
            "marker_risen",
            {"from": 12.2, "to": 24.6, "change_pct": 101.6, "weeks": 9.0, "error_pct": 37.6},
            {"quantity": "CEA"},
        ),
        Evidence(
            "size_risen",
            {"from_mm": 32.2, "to_mm": 38.4, "weeks": 18.0, "error_mm": 4.3},
            {"lesion": "T1", "site": "lung"},
        ),
    )
    view = sized_view(
        "OAKD-013", days, sizes, rows, evidence, growth_per_week=0.017, chances=(0.34, 0.62, 0.86)
    )
    doses = [(day, "docetaxel", 75.0, "mg/m2", "given") for day in (0, 21, 42, 63)]
    doses += [(day, "docetaxel", 60.0, "mg/m2", "given") for day in (112, 133, 154, 175, 196)]
    events = [
        (14, 30, "Neutrophil count decreased", 3),
        (60, 130, "Peripheral sensory neuropathy", 2),
        (150, None, "Fatigue", 1),
    ]
    return replace(
        view,
        week_regrowth_read=208 / 7,
        lesions=(lesion("T1", "lung", days, sizes, "rose"),),
        markers=marker_frame("CEA", marker_days, cea, "ng/mL", 5.0),
        doses=pl.DataFrame(doses, schema=DOSES_SCHEMA, orient="row"),
        events=pl.DataFrame(events, schema=EVENTS_SCHEMA, orient="row"),
        fan=pl.concat([view.fan, fan_frame("CEA", marker_days, cea, 0.05)]),
        p_progression=pl.concat([view.p_progression, progression_frame("CEA", (0.71, 0.83, 0.9))]),
    )


def lesion(
    lesion_id: str, site: str, days: list[int], sizes: list[float], trend: LesionTrend
) -> LesionCourse:
    """A target that was measured at every visit."""
    return LesionCourse(
        lesion_id=lesion_id,
        site=site,
        role="target",
        node=False,
        readings=tuple(LesionReading(day, "measured", size) for day, size in zip(days, sizes, strict=True)),
        trend=trend,
        from_baseline_pct=100.0 * (sizes[-1] / sizes[0] - 1.0),
        from_smallest_pct=100.0 * (sizes[-1] / min(sizes[:-1]) - 1.0),
    )


def called_view(kind: str = "new_lesion") -> PatientPicture:
    """The responding patient, with progression called at the last visit."""
    view = responding_view()
    day = int(view.sums["day"][-1])
    called = {
        "new_lesion": CalledProgression(
            day, day, "RECIST 1.1", "new_lesion", "N1", "brain", 11.0, None, "mm"
        ),
        "target": CalledProgression(day, day, "RECIST 1.1", "target", None, None, 46.0, 38.0, "mm"),
        "non_target": CalledProgression(
            day, day, "RECIST 1.1", "non_target", "P1", "pleura", None, None, "mm"
        ),
        "marker": CalledProgression(day, day + 21, "PCWG3", "marker", "PSA", None, 50.0, 40.0, "ng/mL"),
    }[kind]
    nothing = pl.lit(None, dtype=pl.Float64)
    return replace(
        view,
        called=(called,),
        p_progression=view.p_progression.with_columns(nothing.alias("p_progression")),
        settle=view.settle.clear(),
    )


def mixed_view() -> PatientPicture:
    """50 to 14 mm in the liver, 20 to 40 mm in the lung."""
    days = [0, 42, 84, 126]
    liver, lung = [50.0, 30.0, 20.0, 14.0], [20.0, 26.0, 33.0, 40.0]
    sums = [one + other for one, other in zip(liver, lung, strict=True)]
    rows = [assessment_row(126, (0.33, 0.5, 0.17), "undetermined", p_turned=0.45)]
    evidence = (
        Evidence("contrary_readings", {}, {"risen": "lung T2", "fallen": "liver T1"}),
        Evidence(
            "size_fallen",
            {"from_mm": 30.0, "to_mm": 14.0, "weeks": 12.0, "error_mm": 4.0},
            {"lesion": "T1", "site": "liver"},
        ),
        Evidence(
            "size_risen",
            {"from_mm": 20.0, "to_mm": 40.0, "weeks": 18.0, "error_mm": 4.1},
            {"lesion": "T2", "site": "lung"},
        ),
    )
    return replace(
        sized_view("MIXED", days, sums, rows, evidence),
        lesions=(lesion("T1", "liver", days, liver, "fell"), lesion("T2", "lung", days, lung, "rose")),
        parted=PartedWays(
            (PartedLesion("T1", "liver", 50.0, 14.0),), (PartedLesion("T2", "lung", 20.0, 40.0),)
        ),
        week_regrowth_read=6.0,
    )


def nothing_left_view() -> PatientPicture:
    """A complete response with a normal marker."""
    days, sizes = [0, 42, 84, 126], [30.0, 12.0, 0.0, 0.0]
    rows = [
        assessment_row(126, (0.2, 0.7, 0.1), "plateau", p_turned=0.4, p_cause=(0.0, 0.0, 1.0, 0.0)),
    ]
    evidence = (Evidence("size_floor", {"value_mm": 0.0}, {"lesion": "T1", "site": "liver"}),)
    view = sized_view("GONE", days, sizes, rows, evidence)
    return replace(
        view,
        sums=view.sums.with_columns((pl.col("sum_of_diameters_mm") == 0).alias("censored")),
        markers=marker_frame("CEA", days, [40.0, 9.0, 2.1, 1.9], "ng/mL", 5.0),
        nothing_left=NothingLeft(84, ("CEA",), (), ()),
    )


def plateau_changed_view() -> PatientPicture:
    """A plateau by the trend, with a fall of the last weeks beyond its error."""
    fall = Evidence(
        "size_fallen",
        {"from_mm": 40.0, "to_mm": 22.0, "weeks": 6.0, "error_mm": 3.0},
        {"lesion": "", "site": ""},
    )
    return replace(plateau_view("unclear"), evidence=(fall,))


def unclear_view() -> PatientPicture:
    """Five values, and no state more likely than not."""
    view = plateau_view("unclear")
    day = int(view.sums["day"][-1])
    rows = [assessment_row(day, (0.3, 0.4, 0.3), "undetermined", p_turned=0.5)]
    limit = Evidence("no_state_likely", {"chance_pct": 40.0}, {})
    return replace(view, assessment=assessment_frame(rows), evidence=(limit, *view.evidence))


def off_treatment_view() -> PatientPicture:
    """Level sizes without a dose since week 10; the model expects growth."""
    view = plateau_view("unclear")
    day = int(view.sums["day"][-1])
    rows = [assessment_row(day, (0.02, 0.1, 0.88), "undetermined", p_turned=0.45)]
    limits = (
        Evidence("off_nothing_risen", {}, {}),
        Evidence("off_treatment", {"since_week": 10.0}, {"drug": "docetaxel"}),
    )
    return replace(
        view,
        assessment=assessment_frame(rows),
        diagnostics=view.diagnostics.with_columns(off_treatment=pl.lit(value=True)),
        evidence=(*limits, *view.evidence),
    )


def sizes_only_view() -> PatientPicture:
    """A plateau in sizes alone: the cause is the prior's."""
    return replace(plateau_view("scar"), cause_is_prior=True)


def responding_view() -> PatientPicture:
    """OAKD-228 until week 18: 70 to 14 mm, still falling."""
    days, sizes = oak("OAKD-228")
    rows = [
        assessment_row(days[0], (0.6, 0.2, 0.2), "undetermined", turning=(0.0, 200.0, 3650.0), p_turned=0.06),
        assessment_row(days[1], (0.9, 0.07, 0.03), "responding", turning=(56.0, 260.0, 1400.0), p_turned=0.03),
        assessment_row(days[2], (0.74, 0.2, 0.06), "responding", turning=(70.0, 230.0, 1100.0), p_turned=0.12),
        assessment_row(days[3], (0.84, 0.12, 0.04), "responding", turning=(133.0, 280.0, 1200.0), p_turned=0.05,
                       p_cause=(0.35, 0.6, 0.05, 0.0)),
    ]  # fmt: skip
    evidence = (
        Evidence(
            "size_fallen",
            {"from_mm": 70.0, "to_mm": 14.0, "weeks": 22.0, "error_mm": 6.1},
            {"lesion": "", "site": ""},
        ),
    )
    return sized_view("OAKD-228", days[:4], sizes[:4], rows, evidence, growth_per_week=-0.01)


def plateau_view(cause: str = "resistant", *, alert: bool = False) -> PatientPicture:
    """OAKD-137 until week 36: 35, 26, then 22 or 23 mm five times."""
    days, sizes = oak("OAKD-137")
    days, sizes = days[:7], sizes[:7]
    names = ("resistant", "scar", "floor", "pause")
    p_cause: Any = (
        tuple(0.79 if name == cause else 0.07 for name in names) if cause in names else (0.3, 0.3, 0.2, 0.2)
    )
    rows = [
        assessment_row(
            day, state, verdict, p_turned=p_turned, alert=alert and day == days[-1], p_cause=p_cause
        )
        for day, state, verdict, p_turned in (
            (days[0], (0.6, 0.2, 0.2), "undetermined", 0.1),
            (days[2], (0.7, 0.2, 0.1), "responding", 0.2),
            (days[4], (0.2, 0.6, 0.2), "plateau", 0.45),
            (days[6], (0.1, 0.68, 0.22), "plateau", 0.62),
        )
    ]
    evidence = (
        Evidence(
            "size_level",
            {"low_mm": 22.0, "high_mm": 23.0, "readings": 5.0, "weeks": 24.0, "error_mm": 3.6},
            {"lesion": "", "site": ""},
        ),
    )
    return sized_view("OAKD-137", days, sizes, rows, evidence, growth_per_week=0.003)


def undetermined_view() -> PatientPicture:
    """The same patient at the second scan: too little to say anything."""
    days, sizes = oak("OAKD-137")
    rows = [
        assessment_row(
            days[0], (0.5, 0.25, 0.25), "undetermined", turning=(0.0, 300.0, 3650.0), p_turned=0.1
        ),
        assessment_row(
            days[1], (0.55, 0.3, 0.15), "undetermined", turning=(0.0, 280.0, 3650.0), p_turned=0.12
        ),
    ]
    evidence = (
        Evidence("few_values", {"informative_values": 2.0}, {}),
        Evidence("near_prior", {"shrinkage_pct": 7.0}, {}),
    )
    return sized_view("OAKD-137", days[:2], sizes[:2], rows, evidence)


def marker_only_view() -> PatientPicture:
    """ASC-720001: PSA and nothing else."""
    days, values = ascent("ASC-720001")
    rows = [
        assessment_row(day, state, verdict, turning=(60.0, 130.0, 190.0), p_turned=p_turned, alert=alert)
        for day, state, verdict, p_turned, alert in (
            (days[0], (0.5, 0.3, 0.2), "undetermined", 0.1, False),
            (days[3], (0.7, 0.2, 0.1), "responding", 0.25, False),
            (days[7], (0.25, 0.65, 0.1), "plateau", 0.6, False),
            (days[9], (0.02, 0.08, 0.9), "regrowing", 0.95, True),
        )
    ]
    evidence = (
        Evidence(
            "marker_risen",
            {"from": 20.0, "to": 29.2, "change_pct": 46.0, "weeks": 6.0, "error_pct": 30.0},
            {"quantity": "PSA"},
        ),
    )
    base = sized_view("ASC-720001", [0], [10.0], rows, evidence)
    return replace(
        base,
        study_name="ascent2-docetaxel-psa",
        tumour_type="prostate cancer, androgen-independent",
        sums=pl.DataFrame(schema=SUMS_SCHEMA),
        baseline_mm=None,
        nadir_mm=None,
        partial_response_line_mm=None,
        progression_line_mm=None,
        markers=marker_frame("PSA", days, values, "ng/mL", 4.0),
        fan=fan_frame("PSA", days, values, 0.04),
        p_progression=progression_frame("PSA", (0.55, 0.78, 0.92)),
        progression_gap=None,
    )


def cohort_view() -> CohortView:
    """The whole OAK docetaxel arm; every twelfth patient is given an alert at the visit before the last."""
    lesions = pl.read_csv(
        DATASETS / "oak-docetaxel" / "lesions.csv", schema_overrides={"diameter_mm": pl.Float64}
    )
    known = lesions.filter(pl.col("diameter_mm").is_not_null()).sort("patient_id", "day")
    course = known.with_columns(
        (100 * (pl.col("diameter_mm") / pl.col("diameter_mm").first().over("patient_id") - 1)).alias(
            "change"
        ),
        (pl.col("diameter_mm") / pl.col("diameter_mm").cum_min().over("patient_id") - 1).alias("rise"),
        (pl.col("diameter_mm") - pl.col("diameter_mm").cum_min().over("patient_id")).alias("rise_mm"),
        (pl.int_range(pl.len()).over("patient_id") == 0).alias("first"),
    ).with_columns(((pl.col("rise") >= 0.2) & (pl.col("rise_mm") >= 5)).alias("progressed"))
    patients = course.group_by("patient_id", maintain_order=True).agg(
        pl.col("change").filter(~pl.col("first")).min().alias("best_change_pct"),
        pl.col("day").max().alias("last_day"),
        pl.col("day").filter((pl.col("change") <= -30) & ~pl.col("first")).min().alias("first_response_day"),
        pl.col("day").filter(pl.col("progressed")).min().alias("progression_day"),
        pl.col("day").sort().get(-2, null_on_oob=True).alias("before_last"),
    )
    response = (
        pl.when(pl.col("best_change_pct").is_null()).then(pl.lit("NE"))
        .when(pl.col("best_change_pct") <= -100).then(pl.lit("CR"))
        .when(pl.col("best_change_pct") <= -30).then(pl.lit("PR"))
        .when(pl.col("best_change_pct") >= 20).then(pl.lit("PD"))
        .otherwise(pl.lit("SD"))
    )  # fmt: skip
    patients = patients.with_columns(
        response.alias("best_response"),
        pl.when((pl.int_range(pl.len()) % 12 == 0) & (pl.col("before_last") > 0))
        .then("before_last")
        .alias("alert_day"),
    )
    alerts = patients.filter(pl.col("alert_day").is_not_null()).select(
        "patient_id",
        "alert_day",
        pl.lit("regrowing").alias("verdict"),
        pl.lit(0.91).alias("p_turned"),
        "progression_day",
        (pl.col("progression_day") - pl.col("alert_day")).alias("lead_days"),
    )
    spider = course.join(patients.select("patient_id", "best_response"), on="patient_id").select(
        "patient_id",
        (pl.col("day") / 7).alias("week"),
        pl.col("change").alias("change_from_baseline_pct"),
        "best_response",
    )
    return CohortView(
        study_name="oak-docetaxel",
        counts={
            "patients": patients.height,
            "visits": lesions.height,
            "alerts": alerts.height,
            "progressions": patients["progression_day"].drop_nulls().len(),
        },
        waterfall=patients.select("patient_id", "best_change_pct", "best_response"),
        spider=spider,
        called=_called_by_targets(patients),
        swimmer=patients.select(
            "patient_id", "last_day", "first_response_day", "progression_day", "alert_day"
        ),
        alerts=alerts,
        marker_spider=psa_spider(),
        verdicts=pl.DataFrame(
            {"verdict": ["responding", "plateau", "regrowing", "undetermined"], "patients": [71, 52, 94, 108]}
        ),
        provenance=(PROVENANCE,),
    )


def _called_by_targets(patients: pl.DataFrame) -> pl.DataFrame:
    """Everyone's progression is growth of the one target lesion."""
    called = patients.drop_nulls("progression_day").select(
        "patient_id",
        day="progression_day",
        known_day="progression_day",
        criterion=pl.lit("RECIST 1.1"),
        kind=pl.lit("target"),
        lesion_id=pl.lit(None, pl.String),
        site=pl.lit(None, pl.String),
        value=pl.lit(50.0),
        smallest=pl.lit(40.0),
        unit=pl.lit("mm"),
    )
    return called.select(pl.col(name).cast(dtype) for name, dtype in CALLED_SCHEMA.items())


def psa_spider() -> pl.DataFrame:
    """PSA of ASCENT-2 as percent change from the first value."""
    markers = pl.read_csv(
        DATASETS / "ascent2-docetaxel-psa" / "markers.csv", schema_overrides={"value": pl.Float64}
    )
    return markers.sort("patient_id", "day").select(
        "patient_id",
        (pl.col("day") / 7).alias("week"),
        "marker",
        (100 * (pl.col("value") / pl.col("value").first().over("patient_id") - 1)).alias(
            "change_from_first_pct"
        ),
    )
