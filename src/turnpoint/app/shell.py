"""What stands around every page: language, places, words in a template of ours or of the reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from turnpoint.app.access import may_add
from turnpoint.charts.language import Language
from turnpoint.errors import Problem
from turnpoint.reports.catalogue import language
from turnpoint.reports.figure import Figure
from turnpoint.reports.page import colours
from turnpoint.reports.provenance_text import not_a_device

LANGUAGES = ("en", "zh")
_SESSION = "lang"


@dataclass(slots=True)
class Shell:
    """What the base template needs.

    Attributes:
        title: of the browser's window; never says who a page is about.
        lang: code of the language.
        csrf: token of forms.
        address: of this page, to come back to.
        here: the place it belongs to.
        places: address and name of each place of the bar.
        home: where the brand leads.
        messages: kind and words of what just happened.
        above: a template between the bar and the content.
        has_charts: the page draws charts.
        signed_in: name of the person, where a team signs in.
        patient: what `above_patient.html` shows.
    """

    title: str
    lang: str
    csrf: str
    address: str
    here: str
    places: list[tuple[str, str]]
    home: str = "/"
    messages: list[tuple[str, str]] = field(default_factory=list)
    above: str | None = None
    has_charts: bool = False
    signed_in: str = ""
    patient: dict[str, Any] = field(default_factory=dict)


def language_of(request: HttpRequest) -> tuple[str, Language]:
    """The code and the language that the person chose, else that of their browser."""
    chosen = request.session.get(_SESSION)
    code = chosen if chosen in LANGUAGES else asked_for(request)
    return code, language(code)


def asked_for(request: HttpRequest) -> str:
    """The code of the language that the browser asks for, before anybody chose one."""
    asked = request.headers.get("Accept-Language", "en")[:2].lower()
    return asked if asked in LANGUAGES else "en"


def choose_language(request: HttpRequest, code: str) -> None:
    """Keep the person's choice."""
    if code in LANGUAGES:
        request.session[_SESSION] = code


def shell_of(request: HttpRequest, title: str, here: str = "") -> Shell:
    """The shell of one page."""
    code, words = language_of(request)
    places = [("/", words.text("Today"))] if request.user.is_authenticated else []
    if may_add(request.user):
        places.append(("/import", words.text("Bring files")))
    if settings.TURNPOINT.notebook:
        places = []
    return Shell(
        title=title,
        lang=code,
        csrf=get_token(request),
        address=request.get_full_path(),
        here=here,
        places=places,
        messages=request.session.pop("messages", []),
        signed_in=request.user.get_username() if settings.TURNPOINT.team else "",
    )


def say(request: HttpRequest, words: str, kind: str = "done") -> None:
    """Something to be said on the next page."""
    request.session["messages"] = [*request.session.get("messages", []), (kind, words)]


def show(
    request: HttpRequest, template: str, shell: Shell, status: int = 200, **content: Any
) -> HttpResponse:
    """A page of ours."""
    _, words = language_of(request)
    content.setdefault("disclaimer", not_a_device(words))
    content.setdefault("small_print", [])
    return HttpResponse(rendered(template, words, shell=shell, **content), status=status)


def rendered(template: str, words: Language, **content: Any) -> str:
    """A template of ours, or of the reports inside our shell."""
    return (
        _environment()
        .get_template(template)
        .render(text=words.text, language=words, colours=colours(), **content)
    )


def problems_in(problems: list[Problem]) -> list[dict[str, str]]:
    """Problems as `follows.html` shows them; as `check` says them."""
    return [
        {
            "severity": problem.severity,
            "where": " ".join(
                part
                for part in (
                    problem.file.removesuffix(".csv"),
                    "" if problem.row is None else f"{problem.row}",
                    problem.column or "",
                    "" if problem.value is None else f"= {problem.value}",
                )
                if part
            ),
            "rule": problem.rule,
            "mend": problem.mend,
        }
        for problem in problems
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("turnpoint.app", "templates"), PackageLoader("turnpoint.reports", "templates")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = _to_be_drawn
    return environment


def _to_be_drawn(picture: Figure) -> Markup:
    """A place for the browser to draw in, with the picture's words."""
    return Markup('<div class="vega" role="img" aria-label="{words}" data-figure="{name}"></div>').format(
        words=picture.description, name=picture.figure_id
    )
