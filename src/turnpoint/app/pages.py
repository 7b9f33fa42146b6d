"""The clinic's desk: the list of patients, one patient, a visit entered, rows and their history, files brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from turnpoint.app import links, store, waiting
from turnpoint.app.access import may_add, may_edit, patients_for, studies_for
from turnpoint.app.api import author_of
from turnpoint.app.assessor import NOT_READ
from turnpoint.app.gate import LOCAL_USER
from turnpoint.app.intake import taken_in
from turnpoint.app.models import TABLES, Change, Patient, Row
from turnpoint.app.pictures import document_of, study_of_patient
from turnpoint.app.shell import (
    Shell,
    choose_language,
    language_of,
    problems_in,
    rendered,
    say,
    shell_of,
    show,
    told,
)
from turnpoint.app.studies import Cells, Checked, starts_of
from turnpoint.app.table_words import columns_in_words
from turnpoint.app.waiting import WAITING
from turnpoint.app.words import (
    ACTIONS,
    CHANGES,
    CHOICES,
    GLOSSARY,
    ROLES,
    STATUSES,
    TABLE_NAMES,
    cell_name,
    column_name,
)
from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.errors import Problem, TurnpointError
from turnpoint.kinetics.progression_gap import progression_gap
from turnpoint.model.series import chosen_readers, of_reader
from turnpoint.pictures.document import from_json
from turnpoint.reports.catalogue import language
from turnpoint.reports.rendering import render_patient
from turnpoint.study.study import Study as StudyTables
from turnpoint.study.validation import NOTHING_MEASURED
from turnpoint.workflows.attention import REASONS
from turnpoint.workflows.respond import respond

_PER_PAGE = 50
_FURTHER = 2  # empty lines of each kind in the entry form
_FIRST = 5  # of lesions at the first scan: RECIST 1.1 has at most five target lesions
_MOST_CHANGES = 300
_MOST_SHOWN = 32  # pictures whose page is kept ready; each a few hundred kB
_UNDETERMINED = "undetermined"
_WHO: Mapping[str, str] = {LOCAL_USER: mark("this computer"), links.PATIENT: mark("the patient")}

STATES: Mapping[str, str] = {
    "responding": mark("Probably still responding"),
    "plateau": mark("Plateau"),
    "regrowing": mark("Probably regrowing"),
    "undetermined": mark("Cannot tell yet"),
}
ATTENTION: Mapping[str, str] = {
    "progressed_now": mark("progression at the last visit"),
    "alert_now": mark("new alert"),
    "alert_withdrawn": mark("alert withdrawn"),
    "alert_stands": mark("alert stands"),
    NOT_READ: mark("the data cannot be read"),
    "cannot_tell": mark("cannot tell yet"),
    "progressed_before": mark("progression before"),
    "none": mark("nothing new"),
}
AUDIENCES: Mapping[str, str] = {
    "clinician": mark("for the clinician"),
    "patient": mark("for the patient"),
    "statistician": mark("for the statistician"),
}
_FORMATS = (("study", mark("study folder")), ("sdtm", "SDTM"), ("adam", "ADaM"), ("fhir", "FHIR"))


@require_http_methods(["GET", "POST"])
def today(request: HttpRequest) -> HttpResponse:
    """Patients, those first that need attention; what is looked for is posted, as an address would keep a name."""
    _, words = language_of(request)
    given = request.POST if request.method == "POST" else request.GET
    asked = {name: given.get(name, "").strip() for name in ("study", "why")}
    asked["q"] = request.POST.get("q", "").strip()
    found = patients_for(request.user)
    if asked["q"]:
        found = found.filter(patient_id__icontains=asked["q"])
    if asked["study"]:
        found = found.filter(study=asked["study"])
    if asked["why"] in ATTENTION:
        found = found.filter(line__reason=asked["why"])
    total = found.count()
    pages = max(-(-total // _PER_PAGE), 1)
    number = given.get("page", "1")
    page = min(max(int(number), 1), pages) if number.isdecimal() and len(number) < 10 else 1
    some = list(found.order_by("-attention", "patient_id", "id")[(page - 1) * _PER_PAGE : page * _PER_PAGE])
    starts = starts_of(some)
    return show(
        request,
        "today.html",
        shell_of(request, words.text("Today"), "/"),
        asked=asked,
        is_filtered=any(asked.values()),
        studies=list(studies_for(request.user).order_by("name").values_list("id", "name")),
        reasons=[(key, words.text(ATTENTION[key])) for key in (*REASONS, NOT_READ)],
        items=[_line(patient, starts.get(patient.id), words) for patient in some],
        counted=words.plural("{count} patient", "{count} patients", total),
        page=page,
        pages=pages,
    )


def _line(patient: Patient, start: date | None, words: Language) -> dict[str, str]:
    """One patient's line of the list; dates where the first day of treatment is known."""
    line, is_current = patient.line, patient.assessed_version == patient.version
    reason = line.get("reason", "") if is_current else ""
    said = {
        "id": patient.id,
        "name": patient.patient_id,
        "reason": reason,
        "why": "",
        "path": "",
        "course": "",
    }
    if not is_current:
        return {**said, "headline": words.text("being worked out"), "last": "", "due": ""}
    if reason == NOT_READ:
        return {**said, "headline": words.text(ATTENTION[NOT_READ]), "last": "", "due": ""}
    verdict = line["verdict"]
    days, course = line["course_days"] or [], line["course"] or []
    last, due = line["last_day"], line["due_day"]
    return {
        **said,
        "headline": words.text(STATES.get(verdict, STATES[_UNDETERMINED])),
        "why": "" if reason in ("none", "cannot_tell") else words.text(ATTENTION[reason]),
        "path": _path(days, course),
        "course": words.text("from the first to the last value: {change}", change=_change(course, words)),
        "last": "" if last is None else words.text("last visit: {day}", day=day_in_words(last, start, words)),
        "due": ""
        if due is None
        else words.text("next one due about {day}", day=day_in_words(due, start, words)),
    }


def day_in_words(day: int, start: date | None, words: Language) -> str:
    """A day of the course as a date, where the first day of treatment is known."""
    if start is None:
        return words.text("day {day}", day=words.number(day))
    return words.date(start + timedelta(days=day))


def _change(course: Sequence[float], words: Language) -> str:
    return words.signed_percent(course[-1] / course[0] - 1.0) if course and course[0] else NOTHING


def _path(days: Sequence[float], course: Sequence[float]) -> str:
    """The small course as an SVG path, 100 wide and 28 high."""
    if len(course) < 2 or days[-1] == days[0]:
        return ""
    lowest, highest = min(course), max(course)
    tall = (highest - lowest) or 1.0
    places = (
        (100.0 * (day - days[0]) / (days[-1] - days[0]), 25.0 - 22.0 * (value - lowest) / tall)
        for day, value in zip(days, course, strict=True)
    )
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in places)


@require_GET
def patient(request: HttpRequest, patient_id: str) -> HttpResponse:
    """One patient: the clinician's page, with a look back in time."""
    code, words = language_of(request)
    found = patient_here(request, patient_id)
    try:
        at = _at(request)
        now = document_of(found)[1]
        shown = _shown_of(now if at is None else document_of(found, at)[1], now, code)
    except TurnpointError as error:
        return _cannot_be_shown(request, found, error)
    shell = patient_shell(request, found, at, shown.days)
    shell.has_charts = True
    return HttpResponse(rendered(shown.template, words, shell=shell, **shown.content))


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the clinician's page shows of a picture.

    Attributes:
        template: into which it goes.
        content: what goes into it.
        days: on which anything was measured, of what is known now.
    """

    template: str
    content: Mapping[str, Any]
    days: Sequence[int]


@lru_cache(maxsize=_MOST_SHOWN)
def _shown_of(document: bytes, now: bytes, code: str) -> _Shown:
    """Worked out once for a picture as JSON, the one of all that is known now, and a language."""
    kept: list[tuple[str, Mapping[str, Any]]] = []

    def keep(template: str, language: Language, **content: Any) -> str:  # noqa: ARG001  (as `Into` has it)
        kept.append((template, content))
        return ""

    whole = from_json(now)
    # a look back keeps the weeks of now
    render_patient(from_json(document), "clinician", code, keep, None if document == now else whole)
    days = {*whole.markers["day"], *(own.day for lesion in whole.lesions for own in lesion.readings)}
    return _Shown(*kept[0], sorted(days))


@require_http_methods(["GET", "POST"])
def visit(request: HttpRequest, patient_id: str) -> HttpResponse:
    """Enter a visit: last visit's lesions come up, and what follows from the new sizes."""
    found = patient_here(request, patient_id)
    _, words = language_of(request)
    if not may_edit(request.user, found.study):
        raise Http404
    if request.method == "GET":
        return _entry(request, found, None, [])
    rows = rows_from(request.POST)
    if not any(rows.values()):
        return _entry(request, found, request.POST, problems_in([_empty()]), status=422)
    try:
        why = request.POST.get("why", "")[:500]
        store.add_rows(found, rows, author_of(request, why), seen=_seen(request.POST))
    except store.Refused as error:
        return _entry(request, found, request.POST, problems_in(list(error.problems)), status=422)
    except store.Stale:
        stale = {
            "severity": "error",
            "where": "",
            "rule": words.text("Somebody changed this patient after you opened the form"),
            "mend": words.text("What you entered is still here. Look at the history, then store it again."),
        }
        return _entry(request, found, request.POST, [stale], status=412)
    say(request, words.text("The visit is stored."))
    return HttpResponseRedirect(f"/p/{found.id}")


@require_POST
def preview(request: HttpRequest, patient_id: str) -> HttpResponse:
    """What follows from what is typed, by the same rules as storing it."""
    found = patient_here(request, patient_id)
    _, words = language_of(request)
    rows = rows_from(request.POST)
    if not any(rows.values()):
        return HttpResponse("")
    checked = store.preview(found, rows)
    html = rendered(
        "follows.html",
        words,
        problems=problems_in(_of_entry(checked)),
        follows=list(follows(checked, words)),
    )
    return HttpResponse(html)


def follows(checked: Checked, words: Language) -> Iterator[tuple[str, str]]:
    """Sum, change and response at the last visit of a study of one patient."""
    if checked.study is None or checked.study.lesions.is_empty():
        return
    responses = of_reader(respond(checked.study).responses, chosen_readers(checked.study.lesions))
    if responses.is_empty():
        return
    last = responses.sort("day").row(-1, named=True)
    yield words.text("Day"), words.number(last["day"])
    yield (
        words.text("Sum of diameters"),
        words.text("{size} mm", size=words.number(last["sum_of_diameters_mm"], 1)),
    )
    yield words.text("Change since the start"), _share(last["change_from_baseline_pct"], words)
    yield words.text("Change since the smallest"), _share(last["change_from_nadir_pct"], words)
    sum_mm, nadir_mm = last["sum_of_diameters_mm"], last["nadir_mm"]
    if sum_mm is not None:
        gap = progression_gap(sum_mm, sum_mm if nadir_mm is None else min(sum_mm, nadir_mm))
        mm = words.number(gap.progression_sum_mm, 1)
        yield words.text("Progression from"), words.text("{size} mm", size=mm)
    yield words.text("Response (RECIST 1.1)"), str(last["overall_response"] or NOTHING)


def _share(percent: float | None, words: Language) -> str:
    return NOTHING if percent is None else words.signed_percent(percent / 100.0, 1)


@require_GET
def rows(request: HttpRequest, patient_id: str) -> HttpResponse:
    """What was entered, to be corrected."""
    return _rows(request, patient_here(request, patient_id), [])


@require_POST
def row(request: HttpRequest, patient_id: str, row_id: str) -> HttpResponse:
    """Correct a row, take it out or put it back."""
    found = patient_here(request, patient_id)
    _, words = language_of(request)
    own = Row.objects.filter(id=row_id, patient=found).select_related("patient").first()
    if own is None or not may_edit(request.user, found.study):
        raise Http404
    author, seen = author_of(request, request.POST.get("why", "")[:500]), _seen(request.POST)
    try:
        match request.POST.get("do"):
            case "remove":
                store.remove_row(own, author, seen=seen)
            case "restore":
                store.restore_row(own, author, seen=seen)
            case _:
                cells = {
                    name.removeprefix("cell-"): str(value).strip() or None
                    for name, value in request.POST.items()
                    if name.startswith("cell-") and name != "cell-patient_id"
                }
                store.change_row(own, cells, author, seen=seen)
    except store.Refused as error:
        return _rows(request, found, problems_in(list(error.problems)), status=422)
    except store.Stale:
        say(request, words.text("Somebody changed this patient meanwhile. Nothing was stored."), "warning")
        return HttpResponseRedirect(f"/p/{found.id}/rows")
    say(request, words.text("Stored. The old value stays in the history."))
    return HttpResponseRedirect(f"/p/{found.id}/rows")


def _rows(
    request: HttpRequest, found: Patient, problems: list[dict[str, str]], status: int = 200
) -> HttpResponse:
    _, words = language_of(request)
    standing = Row.objects.filter(patient=found, removed=False)
    tables = []
    for table in TABLES:
        own = [one for one in standing if one.table == table]
        named_in = dict.fromkeys(name for one in own for name in one.cells)
        # of day and date the one that is used; any other cell may be empty and yet be filled in later
        unused = {"day", "date"} - {name for one in own for name, value in one.cells.items() if value}
        columns = [name for name in named_in if name != "patient_id" and name not in unused]
        if own:
            shown = [
                {
                    "id": one.id,
                    "cells": {name: one.cells.get(name) for name in columns},
                    "said": {name: cell_name(name, one.cells.get(name), words) for name in columns},
                }
                for one in own
            ]
            named = [(name, column_name(name, words)) for name in columns]
            tables.append((words.text(TABLE_NAMES[table]), named, shown))
    shell = shell_of(request, words.text("Rows and corrections"))
    return show(
        request,
        "rows.html",
        shell,
        status,
        patient=_patient_fields(request, found),
        tables=tables,
        by_patient=links.by_patient(found),
        choices={
            column: [(value, words.text(name)) for value, name in own.items()]
            for column, own in CHOICES.items()
        },
        problems=problems,
        follows=[],
    )


@require_GET
def history(request: HttpRequest, patient_id: str) -> HttpResponse:
    """Every change of a patient, last first."""
    found = patient_here(request, patient_id)
    _, words = language_of(request)
    removed = set(Row.objects.filter(patient=found, removed=True).values_list("id", flat=True))
    changes = []
    for change in Change.objects.filter(patient=found.id).order_by("-number")[:_MOST_CHANGES]:
        can_undo = change.action == "row removed" and change.row in removed
        removed -= {change.row} if can_undo else set()
        changes.append(
            {
                "at": f"{words.date(change.at.astimezone().date())} {change.at.astimezone():%H:%M}",
                "who": words.text(_WHO[change.who]) if change.who in _WHO else change.who,
                "action": words.text(CHANGES.get(change.action, change.action)),
                "table": words.text(TABLE_NAMES[change.table]) if change.table else "",
                "before": _cells_in_words(change.before, change.after, words),
                "after": _cells_in_words(change.after, change.before, words),
                "why": change.why,
                "row": change.row,
                "can_undo": can_undo and may_edit(request.user, found.study),
            }
        )
    shell = shell_of(request, words.text("History of changes"))
    return show(request, "history.html", shell, patient=_patient_fields(request, found), changes=changes)


def _cells_in_words(cells: Any, other: Any, words: Language) -> str:
    """The cells that differ from the other state of the row."""
    if not isinstance(cells, dict):
        return ""
    before = other if isinstance(other, dict) else {}
    return words.listed(
        [
            f"{column_name(name, words)} {cell_name(name, value, words)}"
            for name, value in cells.items()
            if name != "patient_id" and value is not None and (not before or before.get(name) != value)
        ]
    )


@require_http_methods(["GET", "POST"])
def bring(request: HttpRequest) -> HttpResponse:
    """Files are read; what was found is shown before anything is stored."""
    _, words = language_of(request)
    if not may_add(request.user):
        raise Http404
    shell = shell_of(request, words.text("Bring files"), "/import")
    if request.method == "GET":
        return show(request, "import.html", shell)
    given = request.FILES.getlist("files")
    found = taken_in([(file.name or "", file.file) for file in given])
    if found.is_refused and found.table is None:
        return show(request, "import.html", shell, 422, problems=problems_in(list(found.problems)))
    name = Path(given[0].name or "study").stem if len(given) == 1 else words.text("study")
    waiting.drop(request.session.get(WAITING, ""))
    file = (given[0].name or "table", given[0].file) if found.table is not None else None
    request.session[WAITING] = waiting.put(found, name, file=file)
    return HttpResponseRedirect("/import/table" if found.is_refused else "/import/found")


@require_http_methods(["GET", "POST"])
def found_in_files(request: HttpRequest) -> HttpResponse:
    """What was read and waits for a yes."""
    _, words = language_of(request)
    key = request.session.get(WAITING, "")
    own = waiting.get(key)
    if own is None or not own.tables or not may_add(request.user):
        return HttpResponseRedirect("/import")
    if request.method == "GET":
        patients = {row["patient_id"] for rows in own.tables.values() for row in rows}
        return show(
            request,
            "import_found.html",
            shell_of(request, words.text("Bring files"), "/import"),
            name=own.name,
            counted=words.plural("{count} patient", "{count} patients", len(patients)),
            counts=[
                (words.text(TABLE_NAMES[table]), words.number(len(rows)))
                for table, rows in own.tables.items()
            ],
            unused=own.unused,
            columns=[] if own.table is None else list(columns_in_words(own.table, words)),
            aside=[] if own.table is None else own.table["aside"],
            problems=problems_in([Problem(**one) for one in own.problems]),
        )
    request.session.pop(WAITING)
    waiting.drop(key)
    if request.POST.get("do") != "store":
        return HttpResponseRedirect("/import")
    name = request.POST.get("name", "").strip()[:200] or own.name
    made = store.add_study(
        name,
        own.tables,
        author_of(request),
        problems=own.problems,
        unused=own.unused,
        mapping=own.table["mapping"] if own.table else "",
    )
    return HttpResponseRedirect(f"/studies/{made.id}")


@require_GET
def study(request: HttpRequest, study_id: str) -> HttpResponse:
    """A study: what was doubtful in its files, what stayed unused, and the ways out."""
    _, words = language_of(request)
    found = studies_for(request.user).filter(id=study_id).first()
    if found is None:
        raise Http404
    count = found.patients.filter(removed=False).count()
    return show(
        request,
        "study.html",
        shell_of(request, words.text("Study")),
        study=found,
        counted=words.plural("{count} patient", "{count} patients", count),
        unused=found.unused,
        problems=problems_in([Problem(**one) for one in found.problems]),
        follows=[],
        formats=[(value, words.text(name)) for value, name in _FORMATS],
    )


@require_GET
def words_page(request: HttpRequest) -> HttpResponse:
    """What the terms mean."""
    _, words = language_of(request)
    meanings = [(key, words.text(name), words.text(meaning)) for key, (name, meaning) in GLOSSARY.items()]
    return show(request, "words.html", shell_of(request, words.text("Words"), "/words"), meanings=meanings)


@require_POST
def speak(request: HttpRequest) -> HttpResponse:
    """Speak another language."""
    choose_language(request, request.POST.get("lang", ""))
    target = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(target if is_ours else "/")


@require_GET
def style(_request: HttpRequest) -> HttpResponse:
    """The reports' own style."""
    answer = HttpResponse(rendered("style.css", language("en")), content_type="text/css; charset=utf-8")
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


def refused(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  (Django's words, not for people)
    """A form that did not come from one of our pages."""
    _, words = language_of(request)
    return HttpResponse(
        words.text("This form was open too long, or did not come from this page. Go back and try again."),
        status=403,
        content_type="text/plain; charset=utf-8",
    )


def patient_here(request: HttpRequest, patient_id: str) -> Patient:
    """The patient of an address, for those who may see them."""
    found = patients_for(request.user).filter(id=patient_id).first()
    if found is None:
        raise Http404
    return found


def patient_shell(request: HttpRequest, found: Patient, at: int | None, days: Sequence[int]) -> Shell:
    """The shell of a patient's page."""
    _, words = language_of(request)
    shell = shell_of(request, words.text("Patient"))
    shell.above = "above_patient.html"
    start = starts_of([found]).get(found.id)
    labels = [day_in_words(own, start, words) for own in days]
    day = days[-1] if at is None else at
    shell.patient = {
        **_patient_fields(request, found),
        "days": days,
        "labels": labels,
        "at": day,
        "label": day_in_words(day, start, words),
        "place": max((place for place, own in enumerate(days) if own <= day), default=0),
        "is_now": at is None or at >= days[-1],
        "api": f"/api/v1/studies/{found.study_id}/patients/{found.id}",
        "reports": [(audience, words.text(name)) for audience, name in AUDIENCES.items()],
        "by_patient": _by_patient(found, words),
    }
    return shell


def _patient_fields(request: HttpRequest, found: Patient) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.patient_id,
        "version": found.version,
        "may_edit": may_edit(request.user, found.study),
    }


def _by_patient(found: Patient, words: Language) -> str:
    """How much of what stands the patient entered by their link."""
    own = Row.objects.filter(id__in=links.by_patient(found), removed=False).count()
    if not own:
        return ""
    return words.plural(
        "{count} row was entered by the patient.", "{count} rows were entered by the patient.", own
    )


def _cannot_be_shown(request: HttpRequest, found: Patient, error: TurnpointError) -> HttpResponse:
    _, words = language_of(request)
    given = list(getattr(error, "problems", ()))
    problems = problems_in(given)
    is_new = [problem.rule for problem in given] == [NOTHING_MEASURED]
    lines = [words.text("Nothing has been measured yet. Enter the first visit.")] if is_new else []
    if not given:
        lines = [told(words, str(error))]
    return show(
        request,
        "said.html",
        shell_of(request, words.text("Patient")),
        200 if is_new else 422,
        heading=words.text("{patient} cannot be shown yet", patient=found.patient_id),
        lines=lines,
        problems=[] if is_new else problems,
        entry=f"/p/{found.id}/visit" if may_edit(request.user, found.study) else "",
    )


def _at(request: HttpRequest) -> int | None:
    given = request.GET.get("at", "").strip()
    return int(given) if given.removeprefix("-").isdecimal() and len(given) < 7 else None


def _seen(form: QueryDict) -> int:
    given = form.get("seen", "")
    return int(given) if given.isdecimal() and len(given) < 10 else -1


def _empty() -> Problem:
    return Problem(
        "visit",
        None,
        None,
        None,
        mark("nothing was entered"),
        mark("Enter a size, a marker, a dose or a side effect"),
    )


def _of_entry(checked: Checked) -> list[Problem]:
    return [problem for problem in checked.problems if problem.severity == "error" or problem.row is not None]


def rows_from(form: QueryDict) -> dict[str, list[Cells]]:
    """The rows of an entry form; a line in which nothing was entered is none."""
    when = {name: form.get(name, "").strip() or None for name in ("day", "date")}
    if when["day"]:
        when["date"] = None

    def lines(**names: str) -> Iterator[Cells]:
        columns = {own: form.getlist(given) for own, given in names.items()}
        for place in range(max(map(len, columns.values()), default=0)):
            cells = {
                own: (values[place].strip() if place < len(values) else "") or None
                for own, values in columns.items()
            }
            yield {**when, **cells}

    lesions = [
        line
        for line in lines(
            lesion_id="lesion_id",
            role="role",
            site="site",
            node="node",
            diameter_mm="diameter_mm",
            status="status",
        )
        if line["lesion_id"] and (line["diameter_mm"] or line["status"] not in (None, "measured"))
    ]
    markers = [
        line
        for line in lines(marker="marker", value="value", unit="marker_unit", upper_limit="upper_limit")
        if line["value"]
    ]
    doses = [
        line
        for line in lines(drug="drug", dose="dose", unit="dose_unit", action="action")
        if line["dose"] or line["action"] in ("start", "stop")
    ]
    events = [line for line in lines(term="term", grade="grade") if line["term"] and line["grade"]]
    return {"lesions": lesions, "markers": markers, "doses": doses, "events": events}


def _entry(
    request: HttpRequest,
    found: Patient,
    form: QueryDict | None,
    problems: list[dict[str, str]],
    status: int = 200,
) -> HttpResponse:
    """The entry form, with what was typed where it was sent back."""
    _, words = language_of(request)
    try:
        known = study_of_patient(found)
    except TurnpointError:
        known = None
    typed = {} if form is None else rows_from(form)
    last, start = _last_day(known), starts_of([found]).get(found.id)
    return show(
        request,
        "visit.html",
        shell_of(request, words.text("Enter a visit")),
        status,
        patient=_patient_fields(request, found),
        entered={name: "" if form is None else form.get(name, "") for name in ("day", "date", "why")},
        has_start=start is not None,
        last_visit=""
        if last is None
        else words.text("The last visit: {day}.", day=_day_and_date(last, start, words)),
        lesions=_lesion_lines(known, typed.get("lesions", []), words),
        markers=_marker_lines(known, typed.get("markers", []), words),
        doses=_dose_lines(known, typed.get("doses", [])),
        events=[*typed.get("events", []), *({"term": "", "grade": ""} for _ in range(_FURTHER))],
        terms=[] if known is None else known.events["term"].unique().sort().to_list(),
        roles=[(value, words.text(name)) for value, name in ROLES.items()],
        statuses=[(value, words.text(name)) for value, name in STATUSES.items()],
        actions=[(value, words.text(name)) for value, name in ACTIONS.items()],
        problems=problems,
        follows=[],
    )


def _day_and_date(day: int, start: date | None, words: Language) -> str:
    said = words.text("day {day}", day=words.number(day))
    return said if start is None else f"{said} ({day_in_words(day, start, words)})"


def _last_day(known: StudyTables | None) -> int | None:
    if known is None:
        return None
    days = [day for table in (known.lesions, known.markers) for day in table["day"].to_list()]
    return max(days, default=None)


def _lesion_lines(known: StudyTables | None, typed: Sequence[Cells], words: Language) -> list[dict[str, Any]]:
    """One line for each lesion of the last scan, then some for further ones."""
    of = {line["lesion_id"]: line for line in typed}
    lines: list[dict[str, Any]] = []
    if known is not None and not known.lesions.is_empty():
        last = (
            known.lesions.sort("day")
            .unique("lesion_id", keep="last", maintain_order=True)
            .sort("role", "lesion_id")
        )
        for own in last.iter_rows(named=True):
            given = of.pop(own["lesion_id"], {})
            lines.append(
                {
                    "is_new": False,
                    "lesion_id": own["lesion_id"],
                    "role": own["role"],
                    "role_name": cell_name("role", own["role"], words),
                    "site": own["site"] or "",
                    "site_name": cell_name("site", own["site"], words),
                    "node": "true" if own["node"] else "false",
                    "before": words.number(own["diameter_mm"], 1),
                    "diameter_mm": given.get("diameter_mm") or "",
                    "status": given.get("status")
                    or (
                        "measured"
                        if own["role"] == "target" or own["diameter_mm"] is not None
                        else own["status"]
                    ),
                }
            )
    # at the first scan lesions are chosen, at a later one further ones are new
    role, count = ("new", _FURTHER) if lines else ("target", _FIRST)
    further = [*of.values(), *({} for _ in range(count))]
    lines += [
        {
            "is_new": True,
            "lesion_id": given.get("lesion_id") or "",
            "role": given.get("role") or role,
            "role_name": "",
            "site": given.get("site") or "",
            "site_name": "",
            "node": given.get("node") or "false",
            "before": "",
            "diameter_mm": given.get("diameter_mm") or "",
            "status": given.get("status") or "measured",
        }
        for given in further
    ]
    return lines


def _marker_lines(known: StudyTables | None, typed: Sequence[Cells], words: Language) -> list[dict[str, Any]]:
    of = {line["marker"]: line for line in typed}
    lines: list[dict[str, Any]] = []
    if known is not None and not known.markers.is_empty():
        last = known.markers.sort("day").unique("marker", keep="last", maintain_order=True).sort("marker")
        for own in last.iter_rows(named=True):
            given = of.pop(own["marker"], {})
            sign = {"left": "<", "right": ">"}.get(own["censoring"], "")
            lines.append(
                {
                    "is_new": False,
                    "marker": own["marker"],
                    "before": sign + words.measured(own["value"]),
                    "value": given.get("value") or "",
                    "unit": given.get("unit") or own["unit"],
                    "upper_limit": given.get("upper_limit")
                    or ("" if own["upper_limit"] is None else f"{own['upper_limit']:g}"),
                }
            )
    further = [*of.values(), *({} for _ in range(_FURTHER))]
    lines += [
        {
            "is_new": True,
            "before": "",
            **{name: given.get(name) or "" for name in ("marker", "value", "unit", "upper_limit")},
        }
        for given in further
    ]
    return lines


def _dose_lines(known: StudyTables | None, typed: Sequence[Cells]) -> list[dict[str, Any]]:
    of = {line["drug"]: line for line in typed}
    lines: list[dict[str, Any]] = []
    if known is not None and not known.doses.is_empty():
        given_last = known.doses.filter(pl.col("action") != "stop").sort("day")
        for own in given_last.unique("drug", keep="last", maintain_order=True).iter_rows(named=True):
            given = of.pop(own["drug"], {})
            lines.append(
                {
                    "drug": own["drug"],
                    "dose": given.get("dose") or "",
                    "unit": given.get("unit") or own["unit"] or "",
                    "action": given.get("action") or "given",
                }
            )
    further = [*of.values(), {}]
    lines += [
        {
            **{name: given.get(name) or "" for name in ("drug", "dose", "unit")},
            "action": given.get("action") or "given",
        }
        for given in further
    ]
    return lines
