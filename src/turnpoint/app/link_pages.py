"""The pages of a patient's own link: where the clinic makes it, and where the patient comes in by it.

A link mostly comes from an e-mail, so its first request comes from another site, with no cookie of ours, and a program
that looks into e-mails may be the first to make it. So that request changes nothing: it puts the link into a cookie of
this one address for ten minutes and goes on to the same address without it, and only the patient's own click exchanges
it for a session.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.views.decorators.http import require_http_methods, require_POST

from turnpoint.app import links, store
from turnpoint.app.access import may_edit
from turnpoint.app.api import author_of
from turnpoint.app.configuration import LOOPBACK
from turnpoint.app.gate import Often
from turnpoint.app.models import Patient, Row
from turnpoint.app.notebook_forms import a_day
from turnpoint.app.pages import patient_here
from turnpoint.app.shell import choose_language, language_of, problems_in, rendered, say, shell_of, show
from turnpoint.app.studies import starts_of
from turnpoint.charts.language import Language

_COOKIE = "turnpoint-link"
_SECONDS = 600
_WRONG_PER_MINUTE = 20
_wrong = Often(_WRONG_PER_MINUTE)


@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, patient_id: str) -> HttpResponse:
    """Make the patient's own link, or withdraw it; at the desk."""
    _, words = language_of(request)
    found = patient_here(request, patient_id)
    if not may_edit(request.user, found.study):
        raise Http404
    if request.method == "GET":
        return _page(request, found)
    who = author_of(request).who
    if request.POST.get("do") == "withdraw":
        links.withdraw(found, who)
        say(request, words.text("The link is withdrawn. Nobody comes in by it any more."))
        return HttpResponseRedirect(f"/p/{found.id}/link")
    problems = [] if starts_of([found]) else _began(request, found, words)
    if problems:
        return _page(request, found, status=422, problems=problems)
    _, token = links.make(found, who)
    return _page(request, found, made=f"{_address(request)}{links.PLACE}?{links.ASKED_BY}={token}")


def _began(request: HttpRequest, found: Patient, words: Language) -> list[dict[str, str]]:
    """Keep the first day of treatment, without which the notebook's dates are no days of the course."""
    given = request.POST.get("start_date", "")
    day, unclear = a_day(given, words, date.today())  # noqa: DTZ011  (the day on the wall)
    if day is None:
        where = words.text("First day of treatment")
        return [{"severity": "error", "where": where, "rule": "", "mend": unclear or ""}]
    own = Row.objects.filter(patient=found, table="patients", removed=False).first()
    cells = {"start_date": day}
    try:
        if own is None:
            store.add_rows(found, {"patients": [cells]}, author_of(request))
        else:
            store.change_row(own, cells, author_of(request))
    except store.Refused as error:
        return problems_in(list(error.problems))
    return []


def _page(request: HttpRequest, found: Patient, status: int = 200, **content: Any) -> HttpResponse:
    _, words = language_of(request)
    standing = links.link_of(found)
    content = {"made": "", "problems": [], **content}
    return show(
        request,
        "link.html",
        shell_of(request, words.text("The patient's own link")),
        status,
        patient={"id": found.id, "name": found.patient_id},
        standing=standing is not None,
        until="" if standing is None else words.date(standing.until.date()),
        opened=""
        if standing is None or standing.opened is None
        else words.date(standing.opened.astimezone().date()),
        days=words.number(links.DAYS),
        has_start=bool(starts_of([found])),
        is_only_here=urlsplit(_address(request)).hostname in (*LOOPBACK, "::1"),
        today=date.today().isoformat(),  # noqa: DTZ011
        **content,
    )


def _address(request: HttpRequest) -> str:
    """Under which the patient reaches this server."""
    team = settings.TURNPOINT.team
    return team.address.rstrip("/") if team else request.build_absolute_uri("/").rstrip("/")


@require_http_methods(["GET", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """Where a link leads: first its secret leaves the address, then the patient opens the notebook."""
    code, words = language_of(request)
    asked = request.GET.get(links.ASKED_BY)
    if asked is not None:
        answer = HttpResponse(rendered("link_onward.html", words, place=links.PLACE))
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.set_cookie(_COOKIE, asked[:200], _SECONDS, path=links.PLACE, **_cookie())
        return answer
    given = request.COOKIES.get(_COOKIE)
    found = None if given is None else links.named(given)
    if found is None:
        is_too_often = given is not None and _wrong.is_too_often("all")
        answer = _closed(request, was_wrong=given is not None, status=429 if is_too_often else None)
        answer.delete_cookie(_COOKIE, path=links.PLACE, samesite="Strict")
        return answer
    if request.method == "GET":
        shell = shell_of(request, words.text("My notebook"))
        shell.places, shell.home, shell.signed_in, shell.is_linked = [], links.PLACE, "", False
        return show(request, "link_open.html", shell, until=words.date(found.until.date()))
    links.opened(found)
    request.session.flush()  # whoever else was signed in here is no longer
    request.session[links.SESSION] = found.id
    choose_language(request, code)
    rotate_token(request)
    answer = HttpResponseRedirect("/")
    answer.delete_cookie(_COOKIE, path=links.PLACE, samesite="Strict")
    return answer


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Close the notebook on this device."""
    logout(request)
    return HttpResponseRedirect(links.PLACE)


def _closed(request: HttpRequest, *, was_wrong: bool, status: int | None) -> HttpResponse:
    _, words = language_of(request)
    shell = shell_of(request, words.text("My notebook"))
    shell.places, shell.home, shell.signed_in = [], links.PLACE, ""
    if was_wrong:
        heading = words.text("This link does not open your notebook")
        lines = [
            words.text(
                "It may have run out, or have been replaced by a newer one, or a part of it is missing."
            )
        ]
    else:
        heading = words.text("Your notebook is closed")
        lines = [words.text("To open it again, use the link that your clinic gave you.")]
    lines.append(words.text("If it no longer works, ask your clinic for a new one. What you wrote is kept."))
    return show(
        request, "said.html", shell, status or (403 if was_wrong else 200), heading=heading, lines=lines
    )


def _cookie() -> dict[str, Any]:
    return {"httponly": True, "samesite": "Strict", "secure": settings.SESSION_COOKIE_SECURE}
