"""Who comes in: the token of the person at this computer, exchanged for a session; hosts and origins of our own only.

The address that `turnpoint serve` prints carries the token once. It is exchanged for a session cookie and taken out of
the address, so that it stays in no history, log or link. Programs send it as `Authorization: Bearer`.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from threading import Lock
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

from turnpoint.app.configuration import Configuration

LOCAL_USER = "this computer"
OPEN_TO_ALL = ("/healthz", "/static/", "/sign-in")
_API = "/api/"
_SAFE = ("GET", "HEAD", "OPTIONS")
_WRONG_TOKENS_PER_MINUTE = 20

log = logging.getLogger("turnpoint.app")
Next = Callable[[HttpRequest], HttpResponse]


class Calm:
    """Whatever goes wrong, a calm answer without a word of the data, and a line of the log without one either."""

    def __init__(self, following: Next) -> None:
        self._following = following

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; nothing that a patient is told stays in a browser's cache."""
        response = self._following(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response


class Gate:
    """Hosts and origins of our own; the token becomes a session."""

    def __init__(self, following: Next) -> None:
        self._following = following
        self._wrong: list[float] = []
        self._lock = Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request on, turn it away, or exchange its token."""
        try:
            host = request.get_host()
        except DisallowedHost:
            return _turned_away(request, 400, "This address is not one of this server.")
        if not _is_own_origin(request, host):
            return _turned_away(request, 403, "Another site may not ask this of Turnpoint.")
        given = _bearer(request)
        if given is not None:
            if not self._is_token(given):
                return self._wrong_token(request)
            request._dont_enforce_csrf_checks = True  # no cookie lets it in
            request.turnpoint_bearer = True
        token = request.GET.get("token")
        if token is not None and not request.path.startswith(_API):
            if not self._is_token(token):
                return self._wrong_token(request)
            login(request, local_user(), backend="django.contrib.auth.backends.ModelBackend")
            kept = request.GET.copy()
            del kept["token"]
            query = f"?{kept.urlencode()}" if kept else ""
            return HttpResponseRedirect(request.path + query)
        return self._following(request)

    def _is_token(self, given: str) -> bool:
        configuration: Configuration = settings.TURNPOINT
        return secrets.compare_digest(given.encode(), configuration.token.encode())

    def _wrong_token(self, request: HttpRequest) -> HttpResponse:
        with self._lock:
            now = time.monotonic()
            self._wrong = [moment for moment in self._wrong if now - moment < 60.0] + [now]
            many = len(self._wrong) > _WRONG_TOKENS_PER_MINUTE
        if many:
            return _turned_away(request, 429, "Too many wrong tokens. Wait a minute.")
        return _turned_away(
            request,
            401,
            "The token is not that of this server. Open the address that turnpoint serve printed.",
        )


class SignIn:
    """Nobody sees anything before they have come in; runs after Django knows the session's user."""

    def __init__(self, following: Next) -> None:
        self._following = following

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let who came in on."""
        if getattr(request, "turnpoint_bearer", False):
            request.user = local_user()
        elif not request.user.is_authenticated and not request.path.startswith(OPEN_TO_ALL):
            return _turned_away(
                request, 401, "Open the address that turnpoint serve printed, with its token."
            )
        return self._following(request)


def local_user() -> AbstractUser:
    """The person at this computer, who may do everything."""
    users = get_user_model()
    found, _ = users.objects.get_or_create(username=LOCAL_USER, defaults={"is_superuser": True})
    return found


def _bearer(request: HttpRequest) -> str | None:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def _is_own_origin(request: HttpRequest, host: str) -> bool:
    """A browser names the site a request comes from: ours, or none."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if request.method not in _SAFE and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    return origin is None or (origin != "null" and urlsplit(origin).netloc == host)


def _turned_away(request: HttpRequest, status: int, text: str) -> HttpResponse:
    log.info("turned away with %d", status)
    if request.path.startswith(_API):
        return JsonResponse(
            {"type": "about:blank", "title": text, "status": status},
            status=status,
            content_type="application/problem+json",
        )
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
