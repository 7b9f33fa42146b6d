"""What stands around every page: language, places, words in a template of ours or of the reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import count
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from turnpoint.app.access import may_add
from turnpoint.app.tour_stops import STOPS
from turnpoint.app.words import GLOSSARY
from turnpoint.charts.language import Language, mark
from turnpoint.errors import Problem
from turnpoint.reports.catalogue import language
from turnpoint.reports.figure import Figure
from turnpoint.reports.page import colours, environment
from turnpoint.reports.problem_text import in_language
from turnpoint.reports.provenance_text import not_a_device

LANGUAGES = ("en", "zh")
_SESSION = "lang"
TOUR = "tour"
_DESK = (
    ("/", mark("Today")),
    ("/cohort", mark("Cohort")),
    ("/trial", mark("Trial")),
    ("/new", mark("New patient")),
    ("/import", mark("Bring files")),
    ("/words", mark("Words")),
)
_NOTEBOOK = (
    ("/", mark("My notebook")),
    ("/course", mark("My course")),
    ("/prepare", mark("Prepare my visit")),
    ("/written", mark("What I wrote")),
)
_FOR_ADDING = ("/new", "/import")
_IN_HTML = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}


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
        is_linked: it is the notebook of a patient's own link.
        patient: what `above_patient.html` shows.
        cohort: what `above_cohort.html` shows.
        trial: what `above_trial.html` shows.
        tour: the stop of the tour that the person takes; empty when they take none.
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
    is_linked: bool = False
    patient: dict[str, Any] = field(default_factory=dict)
    cohort: dict[str, Any] = field(default_factory=dict)
    trial: dict[str, Any] = field(default_factory=dict)
    tour: dict[str, Any] = field(default_factory=dict)


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
    is_linked = hasattr(request, "turnpoint_link") and request.user.is_authenticated
    named = _NOTEBOOK if settings.TURNPOINT.notebook or is_linked else _DESK
    places = [
        (address, words.text(name))
        for address, name in (named if request.user.is_authenticated else ())
        if address not in _FOR_ADDING or may_add(request.user)
    ]
    return Shell(
        title=title,
        lang=code,
        csrf=get_token(request),
        address=request.get_full_path(),
        here=here,
        places=places,
        messages=request.session.pop("messages", []),
        signed_in=request.user.get_username() if settings.TURNPOINT.team else "",
        is_linked=is_linked,
        tour=_tour(request, words),
    )


def _tour(request: HttpRequest, words: Language) -> dict[str, Any]:
    """The stop of the tour that the person takes; empty when they take none."""
    stop = request.session.get(TOUR)
    if not isinstance(stop, int) or not 0 <= stop < len(STOPS):
        return {}
    return {
        "where": words.text("Stop {number} of {count}", number=stop + 1, count=len(STOPS)),
        "words": words.text(STOPS[stop][1]),
        "next": stop + 1 if stop + 1 < len(STOPS) else None,
    }


def say(request: HttpRequest, words: str, kind: str = "done") -> None:
    """Something to be said on the next page."""
    request.session["messages"] = [*request.session.get("messages", []), (kind, words)]


def show(
    request: HttpRequest, template: str, shell: Shell, status: int = 200, **content: Any
) -> HttpResponse:
    """A page of ours."""
    _, words = language_of(request)
    content.setdefault("disclaimer", not_a_device(words))
    for name in ("small_print", "problems", "follows"):
        content.setdefault(name, [])
    return HttpResponse(rendered(template, words, shell=shell, **content), status=status)


def rendered(template: str, words: Language, **content: Any) -> str:
    """A template of ours, or of the reports inside our shell."""
    found = _environment().get_template(template)
    return found.render(
        text=words.text,
        language=words,
        colours=colours(),
        what_is=_explaining(words),
        told=partial(told, words),
        **content,
    )


def _explaining(words: Language) -> Callable[[str], Markup]:
    """What a template puts beside a term: a button that opens its meaning; the browser does the rest."""
    numbers = count(1)

    def what_is(term: str) -> Markup:
        name, meaning = (words.text(own) for own in GLOSSARY[term])
        return Markup(
            '<button type="button" class="what" popovertarget="what{number}" aria-label="{label}">?</button>'
            '<span popover class="meaning" id="what{number}"><strong>{name}</strong> {meaning}</span>'
        ).format(
            number=next(numbers),
            label=words.text("What is this: {term}", term=name),
            name=name,
            meaning=meaning,
        )

    return what_is


def spoken(text: str, words: Language) -> str | None:
    """A text of a rule or of ours in the person's language; None when it is not known there."""
    ours = words.text(text)
    return in_language(text, words) if ours == text else ours


def told(words: Language, text: str, *, is_clause: bool = False) -> str:
    """A text of `check`, with a full stop after a clause; one that has no translation says that it is English."""
    if not text:
        return ""
    found = spoken(text, words)
    is_chinese = words.locale.language == "zh" and found is not None
    said = text if found is None else found
    if is_clause:
        said += (
            ("。" if is_chinese else ". ") if said[-1:] not in ("?", "？") else ("" if is_chinese else " ")
        )
    return said if found is not None else Markup('<span lang="en">{}</span>').format(said)


def alone(template: str, words: Language, **content: Any) -> str:
    """A template of ours as a page of its own, as the reports are: styles inside it, nothing loaded."""
    found = _environment(is_alone=True).get_template(template)
    return found.render(text=words.text, language=words, colours=colours(), **content)


def problems_in(problems: list[Problem]) -> list[dict[str, str]]:
    """Problems as `follows.html` shows them; as `check` says them."""
    return [
        {
            "of_check": "yes",
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
def _environment(*, is_alone: bool = False) -> Environment:
    """Our templates and the reports'; what is found first holds, so `is_alone` takes the reports' base."""
    ours = PackageLoader("turnpoint.app", "templates")
    theirs = PackageLoader("turnpoint.reports", "templates")
    return environment(ChoiceLoader([theirs, ours] if is_alone else [ours, theirs]), _to_be_drawn)


def _to_be_drawn(picture: Figure) -> Markup:
    """A place for the browser to draw in, with the picture's words, and what it draws from."""
    what = {"description": picture.description, **picture.specification}
    # data, not a program; no end of an element may stand in it
    data = json.dumps(what, ensure_ascii=False, allow_nan=False).translate(_IN_HTML)
    return Markup(
        '<div class="vega" role="img" aria-label="{words}" data-figure="{name}"></div>'
        '<script type="application/json">{data}</script>'
    ).format(words=picture.description, name=picture.figure_id, data=Markup(data))  # noqa: S704
