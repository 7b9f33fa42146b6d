"""Several pages in one self-contained file, with a list of contents."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from turnpoint.charts.language import Language
from turnpoint.reports.page import page

# where a page names an id: its definition, a clip path, the title and description of a picture
_ID_USE = re.compile(
    r'(?<= id=")(?=\w)|(?<=url\(#)|(?<=aria-labelledby=")(?=\w)|(?<=-title )(?=[\w-]+-desc">)'
)


def booklet(title: str, pages: Sequence[tuple[str, str]], language: Language) -> str:
    """One file of several finished pages of this room, in order.

    Args:
        title: of the whole.
        pages: heading for the list of contents, and the page's HTML.
        language: of the list.
    """
    parts = [
        (heading, Markup(_ID_USE.sub(f"part{place}-", _main_of(html))))  # noqa: S704 - our own pages
        for place, (heading, html) in enumerate(pages, start=1)
    ]
    return page("booklet.html", language, title=title, parts=parts)


def _main_of(html: str) -> str:
    """What stands in the page's one <main> element; every page comes from the same base template."""
    return html.partition("<main>")[2].rpartition("</main>")[0]
