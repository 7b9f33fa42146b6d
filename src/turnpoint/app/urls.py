"""Addresses: none of them says anything about a patient."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from turnpoint.app import pages
from turnpoint.app.api import api
from turnpoint.app.models import ChainEnd


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
