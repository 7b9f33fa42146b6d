"""What is said when something goes wrong: a calm page, or a problem document; never a detail of what was asked for.

Nothing that an exception says is shown or logged, as it may quote a patient's data: only its kind and its place.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from turnpoint.app.shell import language_of, shell_of, show
from turnpoint.charts.language import Language, mark

_PACKAGE = Path(__file__).parents[1]
_TITLES = {
    400: mark("This could not be understood"),
    403: mark("This is not allowed"),
    404: mark("There is nothing here"),
    500: mark("Something went wrong"),
}
_LINES = {
    400: mark("Go back and try again."),
    403: mark("Your role is to look, not to change."),
    404: mark("There is nothing at this address, or it is not yours to see."),
    500: mark("Nothing was lost that was said to be stored. Go back and try again."),
}

log = logging.getLogger("turnpoint.app")


def misunderstood(request: HttpRequest, exception: object = None) -> HttpResponse:  # noqa: ARG001
    """400."""
    return said(request, 400)


def forbidden(request: HttpRequest, exception: object = None) -> HttpResponse:  # noqa: ARG001
    """403."""
    return said(request, 403)


def not_found(request: HttpRequest, exception: object = None) -> HttpResponse:  # noqa: ARG001
    """404."""
    return said(request, 404)


def failed(request: HttpRequest) -> HttpResponse:
    """500."""
    return said(request, 500)


def said(request: HttpRequest, status: int) -> HttpResponse:
    """An answer to a request that went wrong."""
    if request.path.startswith("/api/"):
        return problem(status, _TITLES[status], _LINES[status])
    try:
        _, words = language_of(request)
        return _page(request, status, words)
    except Exception:  # noqa: BLE001  (it may be the page itself, or the store, that cannot be had)
        text = f"{_TITLES[status]}. {_LINES[status]}\n"
        return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def problem(status: int, title: str, detail: str = "") -> HttpResponse:
    """A problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "problems": []}
    return JsonResponse(document, status=status, content_type="application/problem+json")


def note(error: BaseException) -> None:
    """One line of the log: the kind of what went wrong, and where in the package."""
    ours = [
        f"{Path(frame.filename).relative_to(_PACKAGE).as_posix()} line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_PACKAGE)
    ]
    log.error("a fault: %s in %s", type(error).__name__, ours[-1] if ours else "a library")


def _page(request: HttpRequest, status: int, words: Language) -> HttpResponse:
    content: dict[str, Any] = {"heading": words.text(_TITLES[status]), "lines": [words.text(_LINES[status])]}
    shell = shell_of(request, words.text(_TITLES[status]))
    return show(request, "said.html", shell, status, problems=[], follows=[], **content)
