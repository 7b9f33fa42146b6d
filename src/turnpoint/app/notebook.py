"""The patient's notebook: what they write down, the course in plain words when they want to see it, the next visit.

What the results may mean is never shown at once. Whether they are good or bad, new results are asked about first, so
that the question itself says nothing; until then no page, picture, file or question of the notebook speaks of them.

It is the notebook of whoever has this computer, or, at a clinic's desk, of the patient whose own link the session came
in by (`links`). There, the clinic's rows stand beside the patient's: the patient changes only their own, and sees sizes
and values of the clinic only after that question, as these are news to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from turnpoint.app import links, store
from turnpoint.app import notebook_forms as forms
from turnpoint.app.api import as_file, author_of, packed
from turnpoint.app.models import Patient, Preparation, Row, Study, new_id
from turnpoint.app.pictures import key_of, picture_of
from turnpoint.app.plain_words import (
    FEELINGS,
    MARKER_NAMES,
    SEEN_AS,
    SEVERE,
    SEVERITY,
    SITES,
    TAKEN,
    TUMOURS,
    spot_name,
)
from turnpoint.app.shell import alone, language_of, problems_in, rendered, say, shell_of, show
from turnpoint.app.studies import Checked, cells_of, checked, rows_of, starts_of
from turnpoint.charts.language import Language, mark
from turnpoint.errors import MissingExtraError, TurnpointError
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.catalogue import language
from turnpoint.reports.patient_page import patient_questions, questions_for_any_visit
from turnpoint.reports.pdf import pdf
from turnpoint.reports.places import site_name
from turnpoint.reports.provenance_text import not_a_device
from turnpoint.reports.rendering import render_patient
from turnpoint.reports.side_effects import plain_name

STUDY = "notebook"
RESULTS = ("lesions", "markers")
_FURTHER = 3  # empty lines of a form
_LAST = 6  # what the first page recalls
_MOST_QUESTIONS = 40
_MOST_TEXT = 4000

KINDS: Mapping[str, str] = {
    "scan": mark("Sizes from a scan"),
    "blood": mark("Blood values"),
    "treatment": mark("Treatment"),
    "feelings": mark("How I feel"),
}
_FORMS: Mapping[str, Callable[[QueryDict, Sequence[Row], Language, date], forms.Written]] = {
    "scan": forms.scan,
    "blood": forms.blood,
    "treatment": forms.treatment,
    "feelings": forms.feelings,
}


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The first page: what can be done here."""
    _, words = language_of(request)
    owner = _owner(request)
    shell = shell_of(request, words.text("My notebook"), "/")
    if owner is None:
        return _welcome(request, [])
    rows = _rows(request, owner)
    return show(
        request,
        "notebook_home.html",
        shell,
        kinds=_kinds(words),
        last=_by_day([row for row in rows if row.table != "patients" and row.is_shown], words)[:_LAST],
        has_results=_has_results(rows),
    )


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Open the notebook: when treatment began, and for what."""
    _, words = language_of(request)
    if _owner(request) is not None:
        return HttpResponseRedirect("/")
    day, unclear = forms.a_day(request.POST.get("date", ""), words, _today())
    if day is None:
        return _welcome(request, [(words.text("First day of treatment"), unclear or "")], 422)
    tumour = request.POST.get("tumour", "")
    cells = {"start_date": day, "tumour_type": tumour if tumour in TUMOURS else None}
    with transaction.atomic():
        study = Study.objects.filter(name=STUDY).first() or store.add_study(STUDY, {}, author_of(request))
        store.add_patient(study, f"notebook-{new_id()[:6]}", cells, author_of(request))
    return HttpResponseRedirect("/")


@require_http_methods(["GET", "POST"])
def write(request: HttpRequest, kind: str) -> HttpResponse:
    """Write down what a letter, a slip or the day says."""
    _, words = language_of(request)
    owner = _owner(request)
    if kind not in _FORMS:
        raise Http404
    if owner is None:
        return HttpResponseRedirect("/")
    rows = _rows(request, owner)
    if request.method == "GET":
        return _form(request, kind, rows, None, [])
    written = _FORMS[kind](request.POST, rows, words, _today())
    if written.is_empty:
        written.unclear.append((words.text(KINDS[kind]), words.text("Nothing was written yet.")))
    if written.unclear:
        return _form(request, kind, rows, request.POST, _said(written.unclear), 422)
    try:
        _keep(owner, written, store.Author(author_of(request).who))
    except store.Refused as error:
        return _form(request, kind, rows, request.POST, _refused(request, error), 422)
    except store.Stale:
        stale = words.text(
            "Something else was written meanwhile. Look whether this still fits, then keep it."
        )
        return _form(request, kind, rows, request.POST, _said([(words.text(KINDS[kind]), stale)]), 412)
    say(request, words.text("It is written down."))
    if any(int(cells["grade"] or 0) >= SEVERE for cells in written.rows.get("events", ())):
        say(request, _sounds_hard(request, words), "care")
    return HttpResponseRedirect("/")


def _sounds_hard(request: HttpRequest, words: Language) -> str:
    if _is_linked(request):
        return words.text(
            "What you wrote sounds hard. Nobody at your clinic is told at once. If it is like this now, call the "
            "number that your clinic gave you."
        )
    return words.text(
        "What you wrote sounds hard. This notebook tells nobody. If it is like this now, call the number that "
        "your clinic gave you."
    )


def _refused(request: HttpRequest, error: store.Refused) -> list[dict[str, str]]:
    """What is wrong; by a link, without what a rule says of the clinic's rows before the patient chose to see them."""
    _, words = language_of(request)
    if not _is_linked(request) or _is_opened(_owner_or_404(request)):
        return problems_in(list(error.problems))
    said = words.text(
        "This does not fit what stands there already. Nothing was kept. Check the day and the unit, or ask your clinic."
    )
    return _said([("", said)])


def _keep(owner: Patient, written: forms.Written, author: store.Author) -> None:
    """All of it, or nothing."""
    with transaction.atomic():
        store.hold(owner)
        for row, cells in written.changes:
            store.change_row(row, cells, author)
        for row in written.gone:
            store.remove_row(row, author)
        if any(written.rows.values()):
            store.add_rows(owner, written.rows, author)


@require_GET
def written_down(request: HttpRequest) -> HttpResponse:
    """All that was written, day by day, to be corrected."""
    return _written_down(request, [])


@require_POST
def correct(request: HttpRequest, row_id: str) -> HttpResponse:
    """Correct what was written, take it out or put it back."""
    _, words = language_of(request)
    owner = _owner_or_404(request)
    row = Row.objects.filter(id=row_id, patient=owner).select_related("patient").first()
    if row is None or (_is_linked(request) and not links.by_patient(owner).get(row.id)):
        raise Http404
    author, seen = author_of(request), owner.version  # nobody else's change comes between that and this
    try:
        match request.POST.get("do"):
            case "remove" if row.table != "patients":
                store.remove_row(row, author, seen=seen)
                say(request, words.text("It is taken out. You can put it back below."))
            case "restore":
                store.restore_row(row, author, seen=seen)
                say(request, words.text("It is back."))
            case _:
                cells, unclear = forms.correction(row, request.POST, words, _today())
                if unclear:
                    return _written_down(request, _said(unclear), 422)
                store.change_row(row, cells, author, seen=seen)
                say(request, words.text("It is corrected."))
    except store.Stale:
        say(request, words.text("This was changed meanwhile. Look at it again."), "warning")
    except store.Refused as error:
        return _written_down(request, _refused(request, error), 422)
    return HttpResponseRedirect("/written")


@require_GET
def course(request: HttpRequest) -> HttpResponse:
    """The course in the words of the patient's report, for those who want to see it now."""
    code, words = language_of(request)
    owner = _owner_or_404(request)
    shell = shell_of(request, words.text("My course"), "/course")
    if not _has_results(_rows(request, owner)):
        lines = [
            words.text("Write down sizes from a scan or a blood value first. Then this page can show them.")
        ]
        return show(request, "said.html", shell, heading=words.text("Nothing to show yet"), lines=lines)
    if not _is_opened(owner):
        return show(request, "notebook_ask.html", shell)
    shell.above, shell.has_charts = "above_course.html", True

    def into(template: str, language: Language, **content: Any) -> str:
        return rendered(template, language, shell=shell, **content)

    try:
        return HttpResponse(render_patient(_shown(owner, words), "patient", code, into))
    except TurnpointError as error:
        return _not_yet(request, error)


def _shown(owner: Patient, words: Language) -> PatientPicture:
    """The picture, without what the clinic calls the patient and the study."""
    return replace(picture_of(owner), patient_id=words.text("my notebook"), study_name=STUDY)


@require_POST
def open_course(request: HttpRequest) -> HttpResponse:
    """Yes, show me what the results may mean."""
    owner = _owner_or_404(request)
    store.prepare(owner, author_of(request), is_private=_is_linked(request), opened=key_of(owner))
    return HttpResponseRedirect("/course")


@require_GET
def course_pdf(request: HttpRequest) -> HttpResponse:
    """The course as PDF."""
    code, words = language_of(request)
    shown = _shown(_opened_or_404(request), words)
    return _as_pdf(request, render_patient(shown, "patient", code), "turnpoint-my-course.pdf")


@require_http_methods(["GET", "POST"])
def prepare(request: HttpRequest) -> HttpResponse:
    """Questions for the next visit, chosen and put in order; notes; what matters."""
    _, words = language_of(request)
    owner = _owner_or_404(request)
    kept = Preparation.objects.filter(patient=owner).first() or Preparation(patient=owner)
    chosen = _in_language(request, owner, list(kept.questions), words)
    if request.method == "POST":
        offered = [one for one in _suggested(request, owner, words) if one not in chosen]
        chosen, moved = _changed(chosen, offered, request.POST)
        texts = {
            name: request.POST.get(name, "").replace("\r\n", "\n").strip()[:_MOST_TEXT]
            for name in ("matters", "notes")
        }
        is_private = _is_linked(request)
        store.prepare(owner, author_of(request), is_private=is_private, questions=chosen, **texts)
        if moved is None:
            say(request, words.text("It is kept."))
        return HttpResponseRedirect("/prepare" if moved is None else f"/prepare?at={moved}")
    at = request.GET.get("at", "")
    return show(
        request,
        "notebook_prepare.html",
        shell_of(request, words.text("Prepare my visit"), "/prepare"),
        chosen=chosen,
        at=int(at) if at.isdecimal() and len(at) < 4 else None,
        suggested=[one for one in _suggested(request, owner, words) if one not in chosen],
        matters=kept.matters,
        notes=kept.notes,
        is_opened=_is_opened(owner),
        has_results=_has_results(_rows(request, owner)),
    )


def _changed(chosen: list[str], offered: list[str], form: QueryDict) -> tuple[list[str], int | None]:
    """The questions after one button, and the place where the reader goes on; None where nothing moved."""
    own = " ".join(form.get("own", "").split())[:300]
    if own and own not in chosen and len(chosen) < _MOST_QUESTIONS:
        chosen = [*chosen, own]
    did, _, number = form.get("do", "").partition("-")
    place = int(number) if number.isdecimal() and len(number) < 4 else -1
    if did == "choose" and 0 <= place < len(offered) and len(chosen) < _MOST_QUESTIONS:
        return [*chosen, offered[place]], len(chosen)
    if not 0 <= place < len(chosen):
        return chosen, len(chosen) - 1 if own else None
    if did == "leave":
        return [*chosen[:place], *chosen[place + 1 :]], max(place - 1, 0)
    to = place - 1 if did == "up" else place + 1
    if did in ("up", "down") and 0 <= to < len(chosen):
        chosen[place], chosen[to] = chosen[to], chosen[place]
        return chosen, to
    return chosen, place


@require_GET
def sheet(request: HttpRequest) -> HttpResponse:
    """One page for the visit, to be printed."""
    _, words = language_of(request)
    shell = shell_of(request, words.text("My visit"), "/prepare")
    return show(request, "notebook_sheet.html", shell, is_alone=False, **_sheet(request, words))


@require_GET
def sheet_pdf(request: HttpRequest) -> HttpResponse:
    """The same as PDF."""
    _, words = language_of(request)
    content = _sheet(request, words)
    title = words.text("My visit")
    html = alone(
        "notebook_sheet.html",
        words,
        is_alone=True,
        title=title,
        small_print=[],
        disclaimer=not_a_device(words),
        **content,
    )
    return _as_pdf(request, html, "turnpoint-my-visit.pdf")


def _sheet(request: HttpRequest, words: Language) -> dict[str, Any]:
    """What was prepared, and the newest of what was written; nothing of what it may mean."""
    owner = _owner_or_404(request)
    kept = Preparation.objects.filter(patient=owner).first() or Preparation(patient=owner)
    rows = [row for row in _rows(request, owner) if row.is_shown]
    newest = [
        row
        for table, name in (("lesions", "lesion_id"), ("markers", "marker"), ("doses", "drug"))
        for row in forms.last_of(rows, table, name).values()
    ]
    newest += [row for row in rows if row.table == "events" and not row.cells.get("end_date")]
    return {
        "today": words.date(_today()),
        "questions": _in_language(request, owner, list(kept.questions), words),
        "matters": kept.matters,
        "notes": kept.notes,
        "written": _by_day(newest, words),
    }


@require_GET
def file_for_doctor(request: HttpRequest) -> HttpResponse:
    """All that was written, as a file that the clinic's Turnpoint reads."""
    owner = _owner_or_404(request)
    if _is_linked(request) and not _is_opened(owner):  # it holds what the clinic entered
        return HttpResponseRedirect("/course")
    try:
        content, kind, _ = packed(_for_others(owner), "study")
    except TurnpointError as error:
        return _not_yet(request, error)
    return as_file(content, kind, "turnpoint-my-notebook.zip")


def _for_others(owner: Patient) -> Checked:
    """All that is written of the owner, under no name."""
    rows = cells_of(rows_of([owner]))
    return checked(
        {name: [{**cells, "patient_id": STUDY} for cells in own] for name, own in rows.items()}, STUDY
    )


def _owner(request: HttpRequest) -> Patient | None:
    """Whose notebook it is; None while it is empty."""
    if _is_linked(request):
        linked: Patient = request.turnpoint_link.patient
        return linked
    return (
        Patient.objects.filter(study__name=STUDY, removed=False)
        .select_related("study")
        .order_by("id")
        .first()
    )


def _is_linked(request: HttpRequest) -> bool:
    """Whether it is a notebook at a clinic's desk."""
    return hasattr(request, "turnpoint_link")


def _owner_or_404(request: HttpRequest) -> Patient:
    owner = _owner(request)
    if owner is None:
        raise Http404
    return owner


def _opened_or_404(request: HttpRequest) -> Patient:
    """The owner, once they have chosen to see what their results may mean."""
    owner = _owner_or_404(request)
    if not _is_opened(owner):
        raise Http404
    return owner


def _is_opened(owner: Patient) -> bool:
    return Preparation.objects.filter(patient=owner, opened=key_of(owner)).exists()


def _rows(request: HttpRequest, owner: Patient, *, removed: bool = False) -> list[Row]:
    """What is written of the owner; by a link, with whose it is and whether the patient may see it now."""
    rows = list(Row.objects.filter(patient=owner, removed=removed).order_by("position"))
    if _is_linked(request):
        own, start, is_opened = links.by_patient(owner), starts_of([owner]).get(owner.id), _is_opened(owner)
        for row in rows:
            row.is_own = own.get(row.id, False)
            row.is_shown = row.id in own or row.table not in RESULTS or is_opened
            if row.id not in own and row.table != "patients":
                row.cells = forms.as_dated(row.cells, start)
    return rows


def _has_results(rows: Sequence[Row]) -> bool:
    return any(row.table in RESULTS for row in rows)


def _today() -> date:
    return date.today()  # noqa: DTZ011  (the day on the wall of whoever writes)


def _suggested(request: HttpRequest, owner: Patient, words: Language) -> list[str]:
    """Questions to choose from; what they are made from is what the results may mean, so only once that was opened."""
    general = questions_for_any_visit(words)
    if not (_has_results(_rows(request, owner)) and _is_opened(owner)):
        return general
    try:
        return list(dict.fromkeys([*patient_questions(picture_of(owner), words), *general]))
    except TurnpointError:
        return general


def _in_language(request: HttpRequest, owner: Patient, chosen: list[str], words: Language) -> list[str]:
    """Chosen questions in the language of the reader; one's own stay as they were written."""
    now = _suggested(request, owner, words)
    known = {
        other: own
        for code in ("en", "zh")
        for other, own in zip(_suggested(request, owner, language(code)), now, strict=False)
    }
    return [known.get(one, one) for one in chosen]


def _by_day(rows: Sequence[Row], words: Language) -> list[tuple[str, list[tuple[Row, str]]]]:
    """Rows in plain words by day, newest day first."""
    days: dict[str, list[tuple[Row, str]]] = {}
    for row in sorted(rows, key=lambda row: forms.date_of(row) or "", reverse=True):
        days.setdefault(forms.date_of(row) or "", []).append((row, forms.told(row, words)))
    return [(words.date(date.fromisoformat(day)) if day else "", told) for day, told in days.items()]


def _kinds(words: Language) -> list[tuple[str, str]]:
    return [(kind, words.text(name)) for kind, name in KINDS.items()]


def _said(unclear: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """What is not clear, as `follows.html` shows it."""
    return [{"severity": "error", "where": where, "rule": "", "mend": what} for where, what in unclear]


def _welcome(request: HttpRequest, unclear: Sequence[tuple[str, str]], status: int = 200) -> HttpResponse:
    _, words = language_of(request)
    return show(
        request,
        "notebook_welcome.html",
        shell_of(request, words.text("My notebook"), "/"),
        status,
        tumours=[(value, words.text(name)) for value, name in TUMOURS.items()],
        entered=request.POST.get("date", ""),
        chosen=request.POST.get("tumour", ""),
        today=_today().isoformat(),
        problems=_said(unclear),
        follows=[],
    )


def _form(
    request: HttpRequest,
    kind: str,
    rows: Sequence[Row],
    form: QueryDict | None,
    problems: list[dict[str, str]],
    status: int = 200,
) -> HttpResponse:
    """A form of one kind, with what was typed where it was sent back."""
    _, words = language_of(request)
    typed = form if form is not None else QueryDict()
    content = {
        "scan": _scan_form,
        "blood": _blood_form,
        "treatment": _treatment_form,
        "feelings": _feelings_form,
    }[kind](rows, typed, words)
    return show(
        request,
        f"notebook_{kind}.html",
        shell_of(request, words.text(KINDS[kind]), "/"),
        status,
        heading=words.text(KINDS[kind]),
        kind=kind,
        day=typed.get("date", _today().isoformat() if kind == "feelings" else ""),
        today=_today().isoformat(),
        problems=problems,
        follows=[],
        **content,
    )


def _typed(form: QueryDict, name: str, place: int) -> str:
    values = form.getlist(name)
    return values[place] if place < len(values) else ""


def _before(row: Row, words: Language) -> str:
    """What was written last, and when; nothing of what the patient has not chosen to see."""
    if not row.is_shown:
        return ""
    day = forms.date_of(row)
    when = words.date(date.fromisoformat(day)) if day else ""
    return words.text("last time ({day}): {what}", day=when, what=forms.told(row, words))


def _scan_form(rows: Sequence[Row], form: QueryDict, words: Language) -> dict[str, Any]:
    known = {
        name: row
        for name, row in forms.last_of(rows, "lesions", "lesion_id").items()
        if row.is_shown or row.cells.get("role") != "new"  # a new spot is news
    }
    return {
        "spots": [
            {
                "id": name,
                "name": spot_name(row.cells, words),
                "before": _before(row, words),
                "size": _typed(form, "size", place),
                "seen": _typed(form, "seen", place) or "measured",
            }
            for place, (name, row) in enumerate(known.items())
        ],
        "further": [
            {name: _typed(form, name, place) for name in ("site", "new_size", "is_new")}
            for place in range(_FURTHER)
        ],
        "sites": [(site, site_name(site, words)) for site in SITES],
        "seen_as": [(value, words.text(name)) for value, name in SEEN_AS.items()],
        "unit": form.get("unit", "mm"),
    }


def _blood_form(rows: Sequence[Row], form: QueryDict, words: Language) -> dict[str, Any]:
    known = forms.last_of(rows, "markers", "marker")
    lines = [
        {
            "marker": name,
            "is_known": True,
            "before": _before(row, words),
            "value": _typed(form, "value", place),
            "unit": _typed(form, "unit", place) or row.cells.get("unit") or "",
            "upper_limit": _typed(form, "upper_limit", place) or row.cells.get("upper_limit") or "",
        }
        for place, (name, row) in enumerate(known.items())
    ]
    lines += [
        {
            "is_known": False,
            "before": "",
            **{name: _typed(form, name, place) for name in ("marker", "value", "unit", "upper_limit")},
        }
        for place in range(len(lines), len(lines) + _FURTHER)
    ]
    return {"lines": lines, "names": MARKER_NAMES}


def _treatment_form(rows: Sequence[Row], form: QueryDict, words: Language) -> dict[str, Any]:
    known = list(forms.last_of(rows, "doses", "drug").values())
    lines = [
        {
            "drug": row.cells["drug"],
            "before": _before(row, words),
            "taken": _typed(form, "taken", place),
            "dose": _typed(form, "dose", place),
            "dose_unit": _typed(form, "dose_unit", place) or row.cells.get("unit") or "mg",
        }
        for place, row in enumerate(known)
    ]
    lines += [
        {
            "before": "",
            **{name: _typed(form, name, place) for name in ("drug", "taken", "dose", "dose_unit")},
        }
        for place in range(len(lines), len(lines) + _FURTHER)
    ]
    return {"lines": lines, "takings": [(value, words.text(name)) for value, name in TAKEN.items()]}


def _feelings_form(rows: Sequence[Row], form: QueryDict, words: Language) -> dict[str, Any]:
    lasting = forms.lasting(rows)
    return {
        "feelings": [
            {
                "name": f"feeling-{term}",
                "words": plain_name(term, words),
                "before": "" if term not in lasting else _before(lasting[term], words),
                "given": form.get(f"feeling-{term}", ""),
                "grades": [(f"{grade}", words.text(SEVERITY[grade])) for grade in range(worst + 1)],
            }
            for term, worst in FEELINGS.items()
        ]
    }


def _written_down(request: HttpRequest, problems: list[dict[str, str]], status: int = 200) -> HttpResponse:
    _, words = language_of(request)
    owner = _owner_or_404(request)
    rows = _rows(request, owner)
    start = next((row for row in rows if row.table == "patients" and row.cells.get("start_date")), None)
    gone = _rows(request, owner, removed=True)
    return show(
        request,
        "notebook_written.html",
        shell_of(request, words.text("What I wrote"), "/written"),
        status,
        days=_by_day([row for row in rows if row.table != "patients" and row.is_shown], words),
        start=start,
        began=words.date(date.fromisoformat(start.cells["start_date"])) if start else "",
        gone=[(row, forms.told(row, words)) for row in gone if row.is_own],
        seen_as=[(value, words.text(name)) for value, name in SEEN_AS.items()],
        grades=[(f"{grade}", words.text(name)) for grade, name in enumerate(SEVERITY) if grade],
        today=_today().isoformat(),
        problems=problems,
        follows=[],
    )


def _not_yet(request: HttpRequest, error: TurnpointError) -> HttpResponse:
    """The results cannot be put together yet."""
    _, words = language_of(request)
    problems = problems_in(list(getattr(error, "problems", ())))
    line = words.text("Something that you wrote does not fit together. Look at “What I wrote”.")
    if _is_linked(request):
        problems, line = (
            [],
            words.text("Something in the numbers does not fit together yet. Ask your clinic."),
        )
    return show(
        request,
        "said.html",
        shell_of(request, words.text("My course"), "/course"),
        422,
        heading=words.text("This cannot be shown yet"),
        lines=[line],
        problems=problems,
        follows=[],
    )


def _as_pdf(request: HttpRequest, html: str, name: str) -> HttpResponse:
    """The page as PDF, or how it can be had otherwise."""
    _, words = language_of(request)
    try:
        return as_file(pdf(html), "application/pdf", name)
    except MissingExtraError:
        lines = [
            words.text(
                "This computer cannot make the file. Print the page instead, and choose “Save as PDF”."
            )
        ]
        shell = shell_of(request, words.text("My visit"), "/prepare")
        return show(request, "said.html", shell, 501, heading=words.text("No PDF here"), lines=lines)
