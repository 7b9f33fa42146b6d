"""A report of one patient, or of a whole study, as a self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from turnpoint._version import __version__
from turnpoint.criteria.called_progression import called_of
from turnpoint.criteria.recist import TOO_SMALL_MM, nothing_left, target_diameters
from turnpoint.errors import UsageError
from turnpoint.kinetics.progression_gap import ProgressionGap, progression_gap
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import GENERIC, Prior
from turnpoint.model.series import chosen_readers, of_reader, parts_of
from turnpoint.reports.pdf import pdf
from turnpoint.reports.rendering import Audience, render_cohort, render_patient
from turnpoint.reports.views import CohortView, PatientView, PriorFit, Provenance
from turnpoint.study.study import Study
from turnpoint.turning.detectable import reading_sd_mm
from turnpoint.turning.evidence import cause_is_prior, gather_evidence, week_first_read
from turnpoint.turning.lesion_courses import lesion_courses, parted_ways
from turnpoint.turning.series_facts import series_facts
from turnpoint.workflows.assess import Assessment, assess
from turnpoint.workflows.harm_view import harm_view_of
from turnpoint.workflows.lying_ahead import what_lies_ahead
from turnpoint.workflows.priors import usable_readings
from turnpoint.workflows.respond import called, lesions_of_one_reader, respond

AUDIENCES = ("patient", "clinician", "statistician")
LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Report:
    """A rendered report.

    Attributes:
        html: a whole page with no outside reference.
    """

    html: str

    def save(self, path: str | Path) -> Path:
        """Write the page as .html, or as .pdf (needs the `pdf` extra); returns the path.

        Raises:
            UsageError: another ending.
            MissingExtraError: a PDF without WeasyPrint or Pango.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending not in {".html", ".pdf"}:
            raise UsageError(f"--out {target.name}: a report is written as .html or .pdf.")
        target.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".pdf":
            target.write_bytes(pdf(self.html))
        else:
            target.write_text(self.html, encoding="utf-8")
        return target


def report(
    assessment: Assessment | Study,
    patient_id: str | None = None,
    *,
    audience: str = "clinician",
    lang: str = "en",
    prior: str | Path | Prior | None = None,
    false_alerts_per_100: float | None = None,
) -> Report:
    """A report of one patient, or of the whole study when no patient is named.

    Args:
        assessment: an assessment, or a study to assess first.
        patient_id: whose report; None for the cohort page.
        audience: `patient`, `clinician` or `statistician`; the cohort page is the same for all.
        lang: `en` or `zh`.
        prior: for a study that is assessed here.
        false_alerts_per_100: for a study that is assessed here (`assess`).

    Raises:
        UsageError: an unknown audience or language, or no such patient in the study.
        StudyError: nothing in the study can be used.
    """
    if audience not in AUDIENCES:
        raise UsageError(f"--audience {audience}: not one of {', '.join(AUDIENCES)}.")
    if lang not in LANGUAGES:
        raise UsageError(f"--lang {lang}: not one of {', '.join(LANGUAGES)}.")
    study = assessment.study if isinstance(assessment, Assessment) else assessment

    def _assessed(wanted: Study) -> Assessment:
        return assess(wanted, prior, false_alerts_per_100=false_alerts_per_100)

    if patient_id is not None and patient_id not in set(study.patient_ids):
        raise UsageError(f"--patient: no such patient among the {len(study.patient_ids)} of the study.")
    if patient_id is None:
        whole = assessment if isinstance(assessment, Assessment) else _assessed(study)
        return Report(render_cohort(cohort_view(whole), lang))
    if isinstance(assessment, Study):
        assessment = _assessed(study.only([patient_id]))
    return Report(render_patient(patient_view(assessment, patient_id), cast("Audience", audience), lang))


def patient_view(assessment: Assessment, patient_id: str) -> PatientView:
    """Everything a report shows about one patient."""
    study, prior = assessment.study.only([patient_id]), assessment.priors[patient_id]
    readings = usable_readings(study)
    rows = assessment.frame.filter(pl.col("patient_id") == patient_id).sort("day")
    diagnostics = assessment.diagnostics.filter(pl.col("patient_id") == patient_id).sort("day")
    lesions = lesions_of_one_reader(study)
    facts = series_facts(parts_of(study), prior)
    courses = lesion_courses(lesions, facts)
    sites = {own.lesion_id: own.site for own in courses}
    sums = _sums(of_reader(respond(study).responses, chosen_readers(study.lesions)), readings, lesions)
    last = sums.drop_nulls("sum_of_diameters_mm").tail(1)
    gap = _gap(last)
    ahead = what_lies_ahead(study, patient_id, prior)
    patient = study.patients.row(0, named=True)
    judged = rows.join(diagnostics, on="day", suffix="_again").row(-1, named=True)
    return PatientView(
        patient_id=patient_id,
        study_name=assessment.study.name,
        tumour_type=patient["tumour_type"],
        regimen=_regimen(study, patient["arm"]),
        sums=sums,
        baseline_mm=None if gap is None else float(last["baseline_mm"][0]),
        nadir_mm=None if gap is None else gap.nadir_mm,
        partial_response_line_mm=None if gap is None else 0.7 * float(last["baseline_mm"][0]),
        progression_line_mm=None if gap is None else gap.progression_sum_mm,
        markers=study.markers.select("day", "marker", "value", "unit", "censoring", "upper_limit"),
        doses=study.doses.select("day", "drug", "dose", "unit", "action"),
        events=study.events.select("day", "end_day", "term", "grade"),
        assessment=rows,
        diagnostics=diagnostics,
        fan=ahead.fan,
        p_progression=_forecast(ahead.p_progression, has_baseline=gap is not None),
        progression_days=ahead.progression_days,
        settle=ahead.settle,
        progression_gap=gap,
        evidence=gather_evidence(facts, sites, judged, _off(study, judged)),
        provenance=provenance(prior, patient["tumour_type"]),
        harm=harm_view_of(study, patient_id, prior) if study.doses.height or study.events.height else None,
        called=called_of(called(study), patient_id),
        lesions=courses,
        parted=parted_ways(facts, sites),
        nothing_left=nothing_left(sums, study.markers),
        cause_is_prior=cause_is_prior(facts, judged),
        week_regrowth_read=week_first_read(diagnostics),
    )


def _forecast(p_progression: pl.DataFrame, *, has_baseline: bool) -> pl.DataFrame:
    """Without a baseline sum no sum can be called progression, and none is forecast."""
    kept = pl.lit(has_baseline) | (pl.col("quantity") != SUM_OF_DIAMETERS)
    return p_progression.with_columns(pl.when(kept).then("p_progression").alias("p_progression"))


# The tumours of the shipped priors, as studies name them; the other keywords of a prior are its drugs.
_TUMOURS: Mapping[str, tuple[str, ...]] = {
    "chemotherapy-colorectal-ct": ("colorectal", "colon", "rectal", "rectum", "bowel"),
    "docetaxel-nsclc-ct": ("lung", "nsclc"),
    "docetaxel-prostate-psa": ("prostate",),
    "immunotherapy-nsclc-ct": ("lung", "nsclc"),
}


def _prior_fit(parts: Sequence[str], tumour_type: str | None) -> PriorFit:
    """Whether the prior's patients are like one with this tumour."""
    if parts[0] == GENERIC:
        return "generic"
    if len(parts) > 1:
        return "parts"
    if parts[0] not in _TUMOURS or tumour_type is None:
        return "unknown"
    return "like" if any(word in tumour_type.lower() for word in _TUMOURS[parts[0]]) else "other_tumour"


def provenance(prior: Prior, tumour_type: str | None = None) -> Provenance:
    """The small print of a prior, for a patient with this tumour."""
    parts = tuple(prior.name.split("+"))
    return Provenance(
        version=__version__,
        created=datetime.now(tz=UTC).date(),
        prior_name=prior.name,
        prior_data=prior.card.data,
        prior_patients=prior.card.patients,
        alert=prior.alert,
        fit=_prior_fit(parts, tumour_type),
        parts=parts,
    )


def _sums(responses: pl.DataFrame, readings: pl.DataFrame, lesions: pl.DataFrame) -> pl.DataFrame:
    """The sum of diameters by visit with its response, for the picture and the table of visits."""
    censored = readings.filter(pl.col("quantity") == SUM_OF_DIAMETERS).select(
        "patient_id", "day", (pl.col("censoring") < 0).alias("censored")
    )
    return (
        responses.join(censored, on=["patient_id", "day"], how="left", maintain_order="left")
        .join(_reading_errors(lesions), on="day", how="left", maintain_order="left")
        .with_columns(pl.col("censored").fill_null(value=False))
        .select(
            "day",
            "sum_of_diameters_mm",
            "censored",
            "reading_sd_mm",
            "baseline_mm",
            "nadir_mm",
            "change_from_baseline_pct",
            "change_from_nadir_pct",
            "target_response",
            "overall_response",
            "new_lesion",
        )
        .sort("day")
    )


def _reading_errors(lesions: pl.DataFrame) -> pl.DataFrame:
    """`day, reading_sd_mm`: SD of the error of each sum, lesion by lesion and summed as independent errors."""
    read = target_diameters(lesions).select("day", pl.col("diameter_mm").clip(TOO_SMALL_MM))
    sd = reading_sd_mm(read["diameter_mm"].to_numpy().astype(np.float64))
    squared = read.select("day", pl.Series("squared", sd**2, pl.Float64))
    return squared.group_by("day").agg(pl.col("squared").sum().sqrt().alias("reading_sd_mm"))


def _gap(last: pl.DataFrame) -> ProgressionGap | None:
    """What RECIST waits for, from the last visit with a sum; None without one."""
    if last.is_empty() or last["baseline_mm"][0] is None:
        return None
    sum_mm = float(last["sum_of_diameters_mm"][0])
    earlier = last["nadir_mm"][0]
    return progression_gap(sum_mm, sum_mm if earlier is None else min(sum_mm, float(earlier)))


def _regimen(study: Study, arm: str | None) -> str | None:
    drugs = study.doses.filter(pl.col("action") != "stop")["drug"].unique().sort().to_list()
    return ", ".join(drugs) if drugs else arm


def _off(study: Study, last: Mapping[str, Any]) -> tuple[float, str] | None:
    """The week of the last dose and which drugs there were, where none is on at the last visit."""
    if not last["off_treatment"]:
        return None
    known = study.doses.filter(pl.col("day") <= last["day"])
    drugs = known["drug"].drop_nulls().unique().sort().to_list()
    week = known["day"].max()
    return (float(week) / 7.0 if isinstance(week, int | float) else 0.0), ", ".join(drugs)


def cohort_view(assessment: Assessment) -> CohortView:
    """A whole study on one page."""
    study, frame = assessment.study, assessment.frame
    responses = respond(study)
    readers = chosen_readers(study.lesions)
    visits = of_reader(responses.responses, readers)
    best = of_reader(responses.best_responses, readers).select("patient_id", "best_response")
    after_baseline = visits.filter(pl.col("change_from_nadir_pct").is_not_null())
    waterfall = (
        after_baseline.drop_nulls("change_from_baseline_pct")
        .group_by("patient_id")
        .agg(pl.col("change_from_baseline_pct").min().alias("best_change_pct"))
        .join(best, on="patient_id", how="left")
        .select("patient_id", "best_change_pct", "best_response")
        .sort("best_change_pct", "patient_id", descending=[True, False])
    )
    spider = (
        visits.drop_nulls("change_from_baseline_pct")
        .join(best, on="patient_id", how="left")
        .select(
            "patient_id", (pl.col("day") / 7.0).alias("week"), "change_from_baseline_pct", "best_response"
        )
        .sort("patient_id", "week")
    )
    progressions = called(study)
    swimmer = _swimmer(visits, progressions, frame)
    alerts = (
        frame.filter(pl.col("alert"))
        .sort("patient_id", "day")
        .group_by("patient_id", maintain_order=True)
        .first()
        .join(swimmer.select("patient_id", "progression_day"), on="patient_id", how="left")
        .select(
            "patient_id",
            pl.col("day").alias("alert_day"),
            "verdict",
            "p_turned",
            "progression_day",
            (pl.col("progression_day") - pl.col("day")).alias("lead_days"),
        )
        .sort("patient_id")
    )
    last = frame.sort("patient_id", "day").group_by("patient_id", maintain_order=True).last()
    counts: Mapping[str, int] = {
        "patients": len(study.patient_ids),
        "visits": frame.height,
        "alerts": alerts.height,
        "progressions": swimmer["progression_day"].drop_nulls().len(),
    }
    return CohortView(
        study_name=study.name,
        counts=counts,
        waterfall=waterfall,
        spider=spider,
        called=progressions,
        swimmer=swimmer,
        alerts=alerts,
        marker_spider=_marker_spider(study),
        verdicts=last.group_by("verdict").agg(pl.len().alias("patients")).sort("verdict"),
        provenance=tuple(
            provenance(own) for own in {own.name: own for own in assessment.priors.values()}.values()
        ),
    )


def _swimmer(visits: pl.DataFrame, progressions: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """One row a patient: last day seen, first response, progression as it was called, first alert."""
    last = frame.group_by("patient_id").agg(pl.col("day").max().alias("last_day"))
    response = (
        visits.filter(pl.col("overall_response").is_in(["CR", "PR"]))
        .group_by("patient_id")
        .agg(pl.col("day").min().alias("first_response_day"))
    )
    progression = progressions.group_by("patient_id").agg(pl.col("day").min().alias("progression_day"))
    alert = frame.filter("alert").group_by("patient_id").agg(pl.col("day").min().alias("alert_day"))
    joined = last
    for part in (response, progression, alert):
        joined = joined.join(part, on="patient_id", how="left")
    return joined.select("patient_id", "last_day", "first_response_day", "progression_day", "alert_day").sort(
        "last_day", "patient_id", descending=[True, False]
    )


def _marker_spider(study: Study) -> pl.DataFrame:
    """Change of each marker from its first value, in percent."""
    first = pl.col("value").first().over("patient_id", "marker", order_by="day")
    return (
        study.markers.filter(pl.col("value") > 0)
        .select(
            "patient_id",
            (pl.col("day") / 7.0).alias("week"),
            "marker",
            (100.0 * (pl.col("value") / first - 1.0)).alias("change_from_first_pct"),
        )
        .sort("patient_id", "marker", "week")
    )
