"""Several pages in one self-contained file, with a list of contents."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from turnpoint.charts.language import Language
from turnpoint.reports.page import page


def booklet(title: str, pages: Sequence[tuple[str, str]], language: Language) -> str:
    """One file of several finished pages of this room, in order.

    Args:
        title: of the whole.
        pages: heading for the list of contents, and the page's HTML.
        language: of the list.
    """
    parts = [(heading, Markup(_main_of(html))) for heading, html in pages]  # noqa: S704 - our own pages
    return page("booklet.html", language, title=title, parts=parts)


def _main_of(html: str) -> str:
    """What stands in the page's one <main> element; every page comes from the same base template."""
    return html.partition("<main>")[2].rpartition("</main>")[0]
