"""From content to a page: one set of templates, styles inline, nothing loaded from anywhere."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from turnpoint.charts import palette
from turnpoint.charts.language import Language
from turnpoint.charts.svg import printable


@cache
def _environment() -> Environment:
    """Every value is escaped unless it is marked as safe here; a name that is missing is an error."""
    environment = Environment(
        loader=PackageLoader("turnpoint.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawing"] = Markup  # SVG from our own renderer, escaped there
    return environment


def page(template: str, language: Language, **content: Any) -> str:
    """The finished HTML.

    Args:
        template: file in `templates`.
        language: of the page.
        content: what the template shows; text is escaped.
    """
    colours = {name.lower(): value for name, value in vars(palette).items() if name.isupper()}
    colours["ne"] = palette.RESPONSES["NE"]
    html = (
        _environment()
        .get_template(template)
        .render(text=language.text, language=language, colours=colours, **content)
    )
    return printable(html)
