"""A clinic's own table: what each of its columns became, and the questions that it leaves open, as a form.

The table waits as it was brought; whenever the answers change the worker reads it anew (`reader`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from turnpoint.app import waiting
from turnpoint.app.access import may_add
from turnpoint.app.intake import taken_in
from turnpoint.app.shell import language_of, problems_in, shell_of, show
from turnpoint.app.table_words import MEANINGS, choice_in_words, columns_in_words, in_words
from turnpoint.app.waiting import WAITING, Waiting
from turnpoint.charts.language import Language
from turnpoint.errors import Problem
from turnpoint.workflows.mapping import plain
from turnpoint.workflows.table_answers import UNMAPPED

_FIELD: Final = "answer-"
_LONGEST: Final = 1000
_NO_FIELD: Final = "lesions"  # nothing was recognised: answered by saying what a column is
_MOST_RADIOS: Final = 6


@require_http_methods(["GET", "POST"])
def answers(request: HttpRequest) -> HttpResponse:
    """The questions of a table that waits; their answers, by which it is read anew."""
    if not may_add(request.user):
        raise Http404
    key = request.session.get(WAITING, "")
    own = waiting.get(key)
    if own is None or own.table is None:
        return HttpResponseRedirect("/import")
    if request.method == "GET":
        return _form(request, own, own.table["answers"], own.table["wrong"])
    if request.POST.get("do") == "leave":
        request.session.pop(WAITING)
        waiting.drop(key)
        return HttpResponseRedirect("/import")
    return _read_anew(request, key, own)


def _read_anew(request: HttpRequest, key: str, own: Waiting) -> HttpResponse:
    table = waiting.table(key)
    if table is None:
        return HttpResponseRedirect("/import")
    given = {
        name.removeprefix(_FIELD): str(text).strip()[:_LONGEST]
        for name, text in request.POST.items()
        if name.startswith(_FIELD)
    }
    with table:
        found = taken_in([(own.file, table)], given)
    if found.table is None:  # others are bringing files at this moment
        return _form(request, own, given, {}, list(found.problems))
    waiting.put(found, own.name, key)
    if not found.is_refused:
        return HttpResponseRedirect("/import/found")
    now = waiting.get(key) or own
    return _form(request, now, {**given, **found.table["answers"]}, _faults(found.table, given, request))


def _faults(table: Mapping[str, Any], given: Mapping[str, str], request: HttpRequest) -> dict[str, str]:
    """One message by each field whose answer is wrong or missing."""
    _, words = language_of(request)
    missing = words.text("An answer is missing here.")
    lacking = {
        one["key"]: missing
        for one in table["questions"]
        if not given.get(one["key"]) and one["key"] not in table["answers"] and one["key"] != _NO_FIELD
    }
    return {**lacking, **table["wrong"]}


def _form(
    request: HttpRequest,
    own: Waiting,
    given: Mapping[str, str],
    wrong: Mapping[str, str],
    problems: list[Problem] | None = None,
) -> HttpResponse:
    _, words = language_of(request)
    table = own.table or {}
    found = [Problem(**one) for one in own.problems] if problems is None else problems
    open_fields = [_field(one, given, wrong, words) for one in table["questions"] if not one["optional"]]
    asked = {one["key"] for one in open_fields}
    return show(
        request,
        "import_table.html",
        shell_of(request, words.text("Bring files"), "/import"),
        422 if wrong or found else 200,
        file=own.file,
        fields=open_fields,
        columns=list(columns_in_words(table, words)),
        unread=[
            _column(name, given, wrong, words)
            for name in dict.fromkeys((*table["aside"], *_told(given)))
            if UNMAPPED + name not in asked
        ],
        meanings=MEANINGS,
        other_sheets=words.listed(list(table["other_sheets"])),
        problems=problems_in(found),
    )


def _told(given: Mapping[str, str]) -> Iterator[str]:
    """Columns of which a person said what they are: they are asked about no more, and may be corrected."""
    return (key.removeprefix(UNMAPPED) for key in given if key.startswith(UNMAPPED))


def _column(name: str, given: Mapping[str, str], wrong: Mapping[str, str], words: Language) -> dict[str, str]:
    """A column that is not read, with room to say what it is."""
    key, answer = UNMAPPED + name, plain(given.get(UNMAPPED + name, ""))
    fault = wrong.get(key)
    return {"key": key, "name": name, "value": answer, "wrong": in_words(fault, words) if fault else ""}


def _field(
    question: Mapping[str, Any], given: Mapping[str, str], wrong: Mapping[str, str], words: Language
) -> dict[str, Any]:
    """A question as a form shows it."""
    key, choices = question["key"], question["choices"]
    answer = given.get(key, question["proposal"] or "")
    fault = wrong.get(key)
    return {
        "key": key,
        "text": in_words(question["text"], words),
        "examples": question["examples"],
        "kind": "none"
        if key == _NO_FIELD
        else "meaning"
        if key.startswith(UNMAPPED)
        else "text"
        if not choices
        else "radio"
        if len(choices) <= _MOST_RADIOS
        else "select",
        "choices": [(choice, choice_in_words(choice, words), choice == answer) for choice in choices],
        "value": plain(answer),
        "wrong": in_words(fault, words) if fault else "",
    }
