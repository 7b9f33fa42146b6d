"""Who comes in: the token of the person at this computer, exchanged for a session; hosts and origins of our own only.

The address that `turnpoint serve` prints carries the token once. It is exchanged for a session cookie and taken out of
the address, so that it stays in no history, log or link. Programs send it as `Authorization: Bearer`.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import CsrfViewMiddleware

from turnpoint.app import links
from turnpoint.app.configuration import Configuration
from turnpoint.app.shell import asked_for
from turnpoint.app.team import LONGEST_HOURS
from turnpoint.app.wrong import note, problem, said
from turnpoint.charts.language import mark
from turnpoint.reports.catalogue import language

LOCAL_USER = "this computer"
OPEN_TO_ALL = ("/healthz", "/static/", "/report.css", "/sign-in", links.PLACE)
_API = "/api/"
_SAFE = ("GET", "HEAD", "OPTIONS")
_WRONG_TOKENS_PER_MINUTE = 20
_PER_MINUTE = 600  # requests of one person of a team; a person with ten busy windows makes fewer
_SIGN_INS_PER_MINUTE = 120  # of everybody together: a clinic in the morning makes fewer
_NO_FAULTS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)
_SINCE = "signed in at"

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

    def process_exception(self, request: HttpRequest, error: Exception) -> None:  # noqa: ARG002  (Django's signature)
        """A line of the log; the answer is `wrong.failed`."""
        if not isinstance(error, _NO_FAULTS):
            note(error)


class Often:
    """Counts what happens, by who makes it happen, over the last minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._moments: dict[object, deque[float]] = {}
        self._lock = Lock()

    def is_too_often(self, who: object) -> bool:
        """Count once more; whether it is more than the most."""
        now = time.monotonic()
        with self._lock:
            moments = self._moments.setdefault(who, deque())
            moments.append(now)
            while moments[0] < now - 60.0:
                moments.popleft()
            if len(self._moments) > 10_000:
                self._moments = {who: moments}
            return len(moments) > self._most


class Gate:
    """Hosts and origins of our own; the token becomes a session."""

    def __init__(self, following: Next) -> None:
        self._following = following
        self._wrong = Often(_WRONG_TOKENS_PER_MINUTE)
        self._sign_ins = Often(_SIGN_INS_PER_MINUTE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request on, turn it away, or exchange its token."""
        return self._refusal(request) or self._exchange(request) or self._following(request)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        """What is wrong with where it comes from or goes to."""
        try:
            host = request.get_host()
        except DisallowedHost:
            return _turned_away(request, 400, mark("This address is not one of this server."))
        if "\0" in request.path or "%00" in request.META.get(
            "QUERY_STRING", ""
        ):  # nowhere, and no text of a store
            return said(request, 404)
        if not _is_own_origin(request, host):
            return _turned_away(request, 403, mark("Another site may not ask this of Turnpoint."))
        if request.path.startswith(("/sign-in/", links.PLACE)) and self._sign_ins.is_too_often("all"):
            return _turned_away(request, 429, mark("Too many sign-ins at once. Wait a minute."))
        return None

    def _exchange(self, request: HttpRequest) -> HttpResponse | None:
        """The token in a header lets in this request, that in an address a session."""
        given, token = _bearer(request), request.GET.get("token")
        if given is not None:
            if not self._is_token(given):
                return self._wrong_token(request)
            request._dont_enforce_csrf_checks = True  # no cookie lets it in
            request.turnpoint_bearer = True
        if token is None or request.path.startswith(_API):
            return None
        if not self._is_token(token):
            return self._wrong_token(request)
        login(request, local_user(), backend="django.contrib.auth.backends.ModelBackend")
        kept = request.GET.copy()
        del kept["token"]
        query = f"?{kept.urlencode()}" if kept else ""
        return HttpResponseRedirect(f"/{request.path.lstrip('/')}{query}")

    def _is_token(self, given: str) -> bool:
        configuration: Configuration = settings.TURNPOINT
        return secrets.compare_digest(given.encode(), configuration.token.encode())

    def _wrong_token(self, request: HttpRequest) -> HttpResponse:
        if self._wrong.is_too_often("all"):
            return _turned_away(request, 429, mark("Too many wrong tokens. Wait a minute."))
        return _turned_away(
            request,
            401,
            mark("The token is not that of this server. Open the address that turnpoint serve printed."),
        )


class SignIn:
    """Nobody sees anything before they have come in; runs after Django knows the session's user."""

    def __init__(self, following: Next) -> None:
        self._following = following
        self._often = Often(_PER_MINUTE)
        self._csrf = CsrfViewMiddleware(following)  # of the API, whose views Django's own leaves out

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let who came in on."""
        is_bearer = getattr(request, "turnpoint_bearer", False)
        link = None if is_bearer else _came_by_link(request)
        if is_bearer:
            request.user = local_user()
        elif (settings.TURNPOINT.team or link) and request.user.is_authenticated:
            since = request.session.setdefault(_SINCE, int(time.time()))
            if time.time() - since > LONGEST_HOURS * 3600:
                logout(request)
            elif self._often.is_too_often(link or request.user.pk):
                return _turned_away(request, 429, mark("Too many requests. Wait a minute."))
        if not request.user.is_authenticated and not request.path.startswith(OPEN_TO_ALL):
            return _shown_the_way(request, link)
        if link and request.path.startswith(_API):
            return _turned_away(request, 403, mark("A patient's own link opens their notebook only."))
        if request.path.startswith(_API) and self._csrf.process_view(request, None, (), {}) is not None:
            return _turned_away(
                request, 403, mark("A session needs its X-CSRFToken for this; a program sends the token.")
            )
        return self._following(request)


def _shown_the_way(request: HttpRequest, link: str | None) -> HttpResponse:
    """How one comes in, for who has not."""
    team, is_program = settings.TURNPOINT.team, request.path.startswith(_API)
    if link and not is_program:
        return HttpResponseRedirect(links.PLACE)
    if team and request.method == "GET" and not is_program:
        return HttpResponseRedirect("/sign-in")
    way = mark("Sign in.") if team else mark("Open the address that turnpoint serve printed, with its token.")
    return _turned_away(request, 401, way)


def _came_by_link(request: HttpRequest) -> str | None:
    """The patient's link by which this session came in: it sees the addresses of a notebook and no other."""
    held = request.session.get(links.SESSION)
    if held is None:
        return None
    found = links.standing(held)
    if found is None:  # withdrawn, or it ran out
        logout(request)
    else:
        request.user = links.the_patient()
        request.turnpoint_link = found
        request.urlconf = "turnpoint.app.patient_urls"
    return str(held)


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
    words = language(asked_for(request)).text(text)
    if request.path.startswith(_API):
        return problem(status, words)
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")
