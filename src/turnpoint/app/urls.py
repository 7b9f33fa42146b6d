"""Addresses: none of them says anything about a patient."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from turnpoint.app import cohort, link_pages, mapping, new_patient, notebook, pages, tour, trial_page
from turnpoint.app.api import api
from turnpoint.app.models import ChainEnd

handler400 = "turnpoint.app.wrong.misunderstood"
handler403 = "turnpoint.app.wrong.forbidden"
handler404 = "turnpoint.app.wrong.not_found"
handler500 = "turnpoint.app.wrong.failed"


def healthz(_request: HttpRequest) -> HttpResponse:
    """Whether the server and its store answer."""
    ChainEnd.objects.filter(id=1).exists()
    return JsonResponse({"status": "ok"})


DESK = [
    path("", pages.today),
    path("p/<str:patient_id>", pages.patient),
    path("p/<str:patient_id>/visit", pages.visit),
    path("p/<str:patient_id>/visit/preview", pages.preview),
    path("p/<str:patient_id>/rows", pages.rows),
    path("p/<str:patient_id>/rows/<str:row_id>", pages.row),
    path("p/<str:patient_id>/history", pages.history),
    path("p/<str:patient_id>/link", link_pages.link),
    path("import", pages.bring),
    path("import/table", mapping.answers),
    path("import/found", pages.found_in_files),
    path("studies/<str:study_id>", pages.study),
    path("cohort", cohort.cohort),
    path("trial", trial_page.trial),
    path("trial/trial.toml", trial_page.declaration),
    path("new", new_patient.new),
    path("words", pages.words_page),
    path("tour", tour.tour),
    path("mine", link_pages.mine),
]
NOTEBOOK = [
    path("", notebook.home),
    path("begin", notebook.begin),
    path("write/<str:kind>", notebook.write),
    path("written", notebook.written_down),
    path("written/<str:row_id>", notebook.correct),
    path("course", notebook.course),
    path("course/open", notebook.open_course),
    path("course/report.pdf", notebook.course_pdf),
    path("prepare", notebook.prepare),
    path("sheet", notebook.sheet),
    path("sheet.pdf", notebook.sheet_pdf),
    path("file.zip", notebook.file_for_doctor),
]
FOR_ALL = [path("language", pages.speak), path("report.css", pages.style), path("healthz", healthz)]
urlpatterns = [
    *(NOTEBOOK if settings.TURNPOINT.notebook else DESK),
    *FOR_ALL,
    path("api/v1/", api.urls),
]

if settings.TURNPOINT.team:
    from turnpoint.app import sign_in

    urlpatterns += [
        path("sign-in", sign_in.door),
        path("sign-out", sign_in.leave),
        path("sign-in/", include("allauth.socialaccount.providers.openid_connect.urls")),
    ]
