"""Addresses: none of them says anything about a patient."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from turnpoint.app import pages
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


urlpatterns = [
    path("", pages.today),
    path("p/<str:patient_id>", pages.patient),
    path("p/<str:patient_id>/charts.json", pages.charts),
    path("p/<str:patient_id>/visit", pages.visit),
    path("p/<str:patient_id>/visit/preview", pages.preview),
    path("p/<str:patient_id>/rows", pages.rows),
    path("p/<str:patient_id>/rows/<str:row_id>", pages.row),
    path("p/<str:patient_id>/history", pages.history),
    path("import", pages.bring),
    path("studies/<str:study_id>", pages.study),
    path("tour", pages.tour),
    path("language", pages.speak),
    path("report.css", pages.style),
    path("healthz", healthz),
    path("api/v1/", api.urls),
]

if settings.TURNPOINT.team:
    from turnpoint.app import sign_in

    urlpatterns += [
        path("sign-in", sign_in.door),
        path("sign-out", sign_in.leave),
        path("sign-in/", include("allauth.socialaccount.providers.openid_connect.urls")),
    ]
