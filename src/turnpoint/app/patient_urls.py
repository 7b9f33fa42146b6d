"""All the addresses that a session of a patient's own link has: their notebook, and no other."""

from __future__ import annotations

from django.urls import path

from turnpoint.app import link_pages
from turnpoint.app.urls import (
    FOR_ALL,
    NOTEBOOK,
    handler400,
    handler403,
    handler404,
    handler500,
)

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [*NOTEBOOK, *FOR_ALL, path("mine", link_pages.mine), path("sign-out", link_pages.leave)]
