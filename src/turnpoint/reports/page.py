"""From content to a page: one set of templates, styles inline, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from turnpoint.charts import palette
from turnpoint.charts.language import Language
from turnpoint.charts.svg import printable
from turnpoint.reports.figure import Figure


def environment(loader: BaseLoader, drawn: Callable[[Figure], Markup]) -> Environment:
    """Templates of pages: every value is escaped unless it is marked as safe; a name that is missing is an error.

    Args:
        loader: where the templates are.
        drawn: what stands for a picture in them.
    """
    made = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["drawn"] = drawn
    return made


@cache
def _environment() -> Environment:
    return environment(PackageLoader("turnpoint.reports", "templates"), drawn)


def drawn(picture: Figure) -> Markup:
    """The picture inside the page."""
    return Markup(picture.drawing)  # noqa: S704 - SVG from our own renderer, escaped there


def colours() -> dict[str, Any]:
    """The palette, by the names that styles use."""
    named = {name.lower(): value for name, value in vars(palette).items() if name.isupper()}
    return {**named, "ne": palette.RESPONSES["NE"]}


class Into(Protocol):
    """Puts content into a template: a page of its own (`page`), or a part of somebody else's."""

    def __call__(self, template: str, language: Language, **content: Any) -> str:
        """The HTML."""
        ...


def page(template: str, language: Language, **content: Any) -> str:
    """The finished HTML.

    Args:
        template: file in `templates`.
        language: of the page.
        content: what the template shows; text is escaped.
    """
    html = (
        _environment()
        .get_template(template)
        .render(text=language.text, language=language, colours=colours(), **content)
    )
    return printable(html)
