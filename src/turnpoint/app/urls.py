"""Addresses: none of them says anything about a patient."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from turnpoint.app.api import api


def healthz(_request: HttpRequest) -> HttpResponse:
    """Whether the server and its store answer."""
    from turnpoint.app.models import ChainEnd  # noqa: PLC0415

    ChainEnd.objects.filter(id=1).exists()
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("healthz", healthz),
    path("api/v1/", api.urls),
]
