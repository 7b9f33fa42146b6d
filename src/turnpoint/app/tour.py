"""A first look around with two real studies that come along: a few stops, each with a word on what is to be seen."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from turnpoint.app import store
from turnpoint.app.access import may_add, patients_for
from turnpoint.app.api import author_of
from turnpoint.app.intake import taken_in
from turnpoint.app.models import Study
from turnpoint.app.shell import TOUR
from turnpoint.app.tour_stops import STOPS

_WHO: Final = "tour_patient"
_STUDIES: Final = ("oak-docetaxel", "ascent2-docetaxel-psa")


@require_POST
def tour(request: HttpRequest) -> HttpResponse:
    """Begin, go on or end; the studies are brought when the tour begins."""
    try:
        stop = int(request.POST.get("stop", "0"))
    except ValueError:
        stop = 0
    if not 0 <= stop < len(STOPS):
        request.session.pop(TOUR, None)
        return HttpResponseRedirect("/")
    if stop == 0:
        if not may_add(request.user):
            raise Http404
        _bring(request)
    request.session[TOUR] = stop
    address = STOPS[stop][0]
    if "{id}" not in address:
        return HttpResponseRedirect(address)
    found = _patient(request)
    return HttpResponseRedirect("/" if found is None else address.format(id=found))


def _patient(request: HttpRequest) -> str | None:
    """Whoever needs attention first when the tour comes to them, and the same one at the stops that follow."""
    mine = patients_for(request.user).filter(study__name__in=_STUDIES)
    kept = mine.filter(id=request.session.get(_WHO, "")).values_list("id", flat=True).first()
    found = kept or mine.order_by("-attention", "patient_id").values_list("id", flat=True).first()
    request.session[_WHO] = found
    return found


def _bring(request: HttpRequest) -> None:
    for name in _STUDIES:
        if Study.objects.filter(name=name).exists():
            continue
        folder = Path(str(files("turnpoint"))) / "datasets" / name
        with_files = [(path.name, path.open("rb")) for path in sorted(folder.iterdir()) if path.is_file()]
        found = taken_in(with_files)
        for _, opened in with_files:
            opened.close()
        store.add_study(name, found.tables, author_of(request), unused=found.unused)
