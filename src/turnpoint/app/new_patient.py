"""A patient who is entered by hand."""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from turnpoint.app import store
from turnpoint.app.access import may_add, studies_for
from turnpoint.app.api import author_of
from turnpoint.app.shell import language_of, problems_in, shell_of, show
from turnpoint.app.words import COLUMN_NAMES, SEXES
from turnpoint.charts.language import Language

_COLUMNS = ("start_date", "tumour_type", "sex", "birth_year", "arm")


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Name and what is known at the start; the first visit comes next."""
    _, words = language_of(request)
    if not may_add(request.user):
        raise Http404
    if request.method == "GET":
        return _form(request, words, [])
    cells = {name: request.POST.get(name, "").strip()[:200] or None for name in _COLUMNS}
    try:
        with transaction.atomic():
            mine = studies_for(request.user).filter(id=request.POST.get("study", "")).first()
            name = request.POST.get("new_study", "").strip()[:200] or words.text("study")
            study = mine or store.add_study(name, {}, author_of(request))
            made = store.add_patient(
                study, request.POST.get("patient_id", "")[:200], cells, author_of(request)
            )
    except store.Refused as error:
        return _form(request, words, problems_in(list(error.problems)), 422)
    return HttpResponseRedirect(f"/p/{made.id}/visit")


def _form(
    request: HttpRequest, words: Language, problems: list[dict[str, str]], status: int = 200
) -> HttpResponse:
    return show(
        request,
        "new.html",
        shell_of(request, words.text("New patient"), "/new"),
        status,
        studies=list(studies_for(request.user).order_by("name").values_list("id", "name")),
        entered={
            name: request.POST.get(name, "") for name in ("patient_id", "study", "new_study", *_COLUMNS)
        },
        names={name: words.text(COLUMN_NAMES[name]) for name in _COLUMNS},
        sexes=[(value, words.text(name)) for value, name in SEXES.items()],
        problems=problems,
    )
