"""A whole study on one page: from what the list knows of each patient, and from their rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl
from django.db.models import F, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from turnpoint.app.access import studies_for
from turnpoint.app.assessor import NOT_READ
from turnpoint.app.models import Patient, Study
from turnpoint.app.shell import language_of, problems_in, rendered, shell_of, show
from turnpoint.app.store import Refused
from turnpoint.app.studies import study_of
from turnpoint.charts.language import Language
from turnpoint.reports.rendering import render_cohort
from turnpoint.reports.views import CohortView
from turnpoint.workflows.attention import ENDS_SCHEMA
from turnpoint.workflows.priors import by_prior
from turnpoint.workflows.report import cohort_from


@require_GET
def cohort(request: HttpRequest) -> HttpResponse:
    """Waterfall, spider, swimmer, and alerts with what followed."""
    code, words = language_of(request)
    shell = shell_of(request, words.text("Cohort"), "/cohort")
    chosen = _chosen(request)
    if chosen is None:
        lines = [words.text("Bring a study first, or enter a patient.")]
        return show(request, "said.html", shell, heading=words.text("Nothing here yet"), lines=lines)
    shell.above = "above_cohort.html"
    shell.cohort = {
        "id": chosen.id,
        "studies": list(studies_for(request.user).order_by("name").values_list("id", "name")),
    }
    patients = Patient.objects.filter(study=chosen, removed=False)
    total = patients.count()
    done = patients.filter(assessed_version=F("version")).count()
    if done < total:
        said = words.text(
            "{done} of {total} patients are worked out. This page comes by itself.",
            done=words.number(done),
            total=words.number(total),
        )
        return show(request, "wait.html", shell, heading=chosen.name, lines=[said])
    shell.has_charts = True

    def into(template: str, language: Language, **content: Any) -> str:
        return rendered(template, language, shell=shell, **content)

    try:
        return HttpResponse(render_cohort(_view(chosen), code, into))
    except Refused as error:
        problems = problems_in(list(error.problems))
        return show(request, "said.html", shell, 422, heading=chosen.name, lines=[], problems=problems)


def _chosen(request: HttpRequest) -> Study | None:
    """The study that is asked for, else the newest."""
    mine = studies_for(request.user).filter(patients__removed=False).distinct().order_by("-created")
    asked = request.GET.get("study", "")
    if not asked:
        return mine.first()
    found = mine.filter(id=asked).first()
    if found is None:
        raise Http404
    return found


def _view(study: Study) -> CohortView:
    """The study as it stands."""
    patients = Patient.objects.filter(study=study, removed=False)
    return _view_of(study.id, patients.count(), patients.aggregate(versions=Sum("version"))["versions"])


@lru_cache(maxsize=8)
def _view_of(study_id: str, _patients: int, _versions: int) -> CohortView:
    """Worked out once for what is known: any change of a patient changes the sum of versions, or the count."""
    patients = list(Patient.objects.filter(study=study_id, removed=False).select_related("study"))
    read = [patient for patient in patients if patient.line.get("reason") != NOT_READ]
    found = study_of(read)
    if found.study is None:
        raise Refused(found.errors)
    lines = [{name: patient.line.get(name) for name in ENDS_SCHEMA} for patient in read]
    ends = pl.DataFrame(lines, schema=ENDS_SCHEMA).filter(pl.col("visits") > 0).sort("patient_id")
    return cohort_from(found.study, ends, [prior for prior, _ in by_prior(found.study)])
