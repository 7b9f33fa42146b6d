from __future__ import annotations

import builtins
from types import ModuleType

import pytest

from turnpoint.errors import MissingExtraError
from turnpoint.reports.pdf import pdf
from turnpoint.reports.rendering import render_patient


def test_pdf_is_a_pdf_when_the_page_is_chinese(views: ModuleType) -> None:
    pytest.importorskip("weasyprint", exc_type=ImportError)
    assert pdf(render_patient(views.undetermined_view(), "patient", "zh")).startswith(b"%PDF-")


def test_pdf_loads_nothing_when_a_page_asks_for_it() -> None:
    weasyprint = pytest.importorskip("weasyprint", exc_type=ImportError)
    del weasyprint
    # WeasyPrint reports what it cannot load and goes on; nothing is fetched and a file still comes out
    assert pdf('<!doctype html><img src="file:///etc/hostname">text').startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (ImportError("no weasyprint"), r"pip install 'turnpoint\[pdf\]'"),
        (OSError("no pango"), "libpango-1.0-0"),
    ],
)
def test_pdf_says_what_to_install_when_a_library_is_missing(
    monkeypatch: pytest.MonkeyPatch, error: Exception, mend: str
) -> None:
    load = builtins.__import__

    def without(name: str, *rest: object, **named: object) -> object:
        if name == "weasyprint":
            raise error
        return load(name, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=mend):
        pdf("<p>text</p>")
