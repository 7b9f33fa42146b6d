"""A report of one patient, or of a whole study, as a self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from turnpoint.errors import UsageError
from turnpoint.model.prior import Prior
from turnpoint.model.series import chosen_readers, of_reader
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.pdf import pdf
from turnpoint.reports.rendering import Audience, render_cohort, render_patient
from turnpoint.reports.views import CohortView
from turnpoint.study.study import Study
from turnpoint.workflows.assess import Asked, Assessment, assess
from turnpoint.workflows.attention import ends_of
from turnpoint.workflows.picture import picture_as
from turnpoint.workflows.provenance import provenance
from turnpoint.workflows.respond import called, respond

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
    of: Assessment | Study | PatientPicture,
    patient_id: str | None = None,
    *,
    audience: str = "clinician",
    lang: str = "en",
    prior: str | Path | Prior | None = None,
    false_alerts_per_100: float | None = None,
    seed: int = 0,
) -> Report:
    """A report of one patient, or of the whole study when no patient is named.

    Args:
        of: an assessment; a study, which is assessed here; or a patient's picture, which is shown as it is.
        patient_id: whose report; None for the cohort page.
        audience: `patient`, `clinician` or `statistician`; the cohort page is the same for all.
        lang: `en` or `zh`.
        prior: for a study that is assessed here.
        false_alerts_per_100: for a study that is assessed here (`assess`).
        seed: for a study that is assessed here.

    Raises:
        UsageError: an unknown audience or language, or no such patient in the study.
        StudyError: nothing in the study can be used.
    """
    if audience not in AUDIENCES:
        raise UsageError(f"--audience {audience}: not one of {', '.join(AUDIENCES)}.")
    if lang not in LANGUAGES:
        raise UsageError(f"--lang {lang}: not one of {', '.join(LANGUAGES)}.")
    if isinstance(of, PatientPicture):
        return Report(render_patient(of, cast("Audience", audience), lang))
    asked = of.asked if isinstance(of, Assessment) else Asked(prior, false_alerts_per_100, seed)
    if patient_id is not None:
        study = of.study if isinstance(of, Assessment) else of
        return Report(render_patient(picture_as(study, patient_id, asked), cast("Audience", audience), lang))
    whole = of if isinstance(of, Assessment) else assess(of, **asked.arguments)
    return Report(render_cohort(cohort_view(whole), lang))


def cohort_view(assessment: Assessment) -> CohortView:
    """A whole study on one page."""
    return cohort_from(assessment.study, ends_of(assessment.frame), list(assessment.priors.values()))


def cohort_from(study: Study, ends: pl.DataFrame, priors: Sequence[Prior]) -> CohortView:
    """The same from what was kept of an assessment.

    Args:
        study: what was assessed.
        ends: `ends_of` its frame.
        priors: that were used, each any number of times.
    """
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
    swimmer = _swimmer(visits, progressions, ends)
    alerts = (
        ends.drop_nulls("alert_day")
        .join(swimmer.select("patient_id", "progression_day"), on="patient_id", how="left")
        .select(
            "patient_id",
            "alert_day",
            verdict="alert_verdict",
            p_turned="alert_p_turned",
            progression_day="progression_day",
            lead_days=pl.col("progression_day") - pl.col("alert_day"),
        )
        .sort("patient_id")
    )
    counts: Mapping[str, int] = {
        "patients": len(study.patient_ids),
        "visits": int(ends["visits"].sum()),
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
        verdicts=ends.group_by("verdict").agg(pl.len().alias("patients")).sort("verdict"),
        provenance=tuple(provenance(own) for own in {own.name: own for own in priors}.values()),
    )


def _swimmer(visits: pl.DataFrame, progressions: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """One row a patient: last day seen, first response, progression as it was called, first alert."""
    response = (
        visits.filter(pl.col("overall_response").is_in(["CR", "PR"]))
        .group_by("patient_id")
        .agg(pl.col("day").min().alias("first_response_day"))
    )
    progression = progressions.group_by("patient_id").agg(pl.col("day").min().alias("progression_day"))
    joined = ends
    for part in (response, progression):
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
