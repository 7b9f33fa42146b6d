"""One picture of a page with its words: a specification for a browser, drawn as SVG where a page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from turnpoint.charts.specification import Specification
from turnpoint.charts.svg import svg


@dataclass(frozen=True, slots=True)
class FigurePart:
    """One lane of a picture.

    Attributes:
        title: what it shows.
        caption: how to read it.
        description: the same in words, with its numbers.
    """

    title: str
    caption: str
    description: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture with its words.

    Attributes:
        figure_id: unique in its page.
        heading: what it shows.
        caption: how to read it.
        description: the same in words, with its numbers, for people who do not see it.
        specification: Vega-Lite with its data.
        parts: the lanes of a picture that has several; its caption and description then stand above all of them.
    """

    figure_id: str
    heading: str
    caption: str
    description: str
    specification: Specification
    parts: tuple[FigurePart, ...] = ()

    @property
    def drawing(self) -> str:
        """The picture as SVG, for a page of any width and a phone."""
        return svg(
            self.specification, figure_id=self.figure_id, title=self.heading, description=self.description
        )
