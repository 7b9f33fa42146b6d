from __future__ import annotations

import re
from types import ModuleType

from turnpoint.reports.booklet import booklet
from turnpoint.reports.catalogue import language
from turnpoint.reports.rendering import render_patient


def test_booklet_names_no_id_twice_and_every_reference_has_its_id(views: ModuleType) -> None:
    page = render_patient(views.undetermined_view(), "patient", "en")
    made = booklet("Two patients", [("First", page), ("Second", page)], language("en"))
    ids = re.findall(r' id="([^"]+)"', made)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", made)) | set(re.findall(r'href="#([^"]+)"', made))
    used |= {name for names in re.findall(r'aria-labelledby="([^"]+)"', made) for name in names.split()}
    assert used
    assert used <= set(ids)


def test_booklet_lists_its_parts_and_escapes_their_names(views: ModuleType) -> None:
    page = render_patient(views.undetermined_view(), "patient", "en")
    made = booklet("Demo", [("<b>First</b>", page)], language("en"))
    assert "&lt;b&gt;First&lt;/b&gt;" in made
    assert '<a href="#part-1">' in made
