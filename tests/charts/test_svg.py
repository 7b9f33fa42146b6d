from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import polars as pl

from turnpoint.charts.canvas import COURSE, sheet
from turnpoint.charts.specification import Specification, channel, marks
from turnpoint.charts.svg import svg

_HOSTILE = "<script>alert(1)</script> & \"quoted\" 'single' \x00"


def _chart(text: str = "label") -> Specification:
    data = pl.DataFrame({"x": [1.0, 2.0], "y": [1.0, 3.0], "text": [text, text]})
    x, y = channel("x:Q", title=None), channel("y:Q", title=None)
    layers = [
        marks(data, "line", clip=True).encode(x=x, y=y),
        marks(data, "text", clip=True).encode(x=x, y=y, text="text:N"),
    ]
    return sheet(layers, COURSE, 100)


def _parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - our own picture


def test_svg_is_an_image_with_title_and_description() -> None:
    root = _parsed(svg(_chart(), figure_id="sums", title="Sums, mm", description="Week 0: 49 mm."))
    assert root.attrib["role"] == "img"
    named = [root.find(f"*[@id='{name}']") for name in root.attrib["aria-labelledby"].split()]
    assert [element.text for element in named if element is not None] == ["Sums, mm", "Week 0: 49 mm."]


def test_svg_has_plain_names_when_another_library_has_renamed_the_namespace() -> None:
    # WeasyPrint does this when it is imported, for the whole process
    ET.register_namespace("other", "http://www.w3.org/2000/svg")
    assert svg(_chart(), figure_id="a", title="t", description="d").startswith("<svg ")


def test_svg_scales_to_its_viewbox() -> None:
    root = _parsed(svg(_chart(), figure_id="sums", title="t", description="d"))
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert root.attrib["width"] == "640"


def test_svg_ids_begin_with_the_figure_when_pictures_share_a_page() -> None:
    first = svg(_chart(), figure_id="a", title="t", description="d")
    second = svg(_chart(), figure_id="b", title="t", description="d")
    ids = [set(re.findall(r'id="([^"]+)"', drawn)) for drawn in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    assert all(name.startswith("a-") for name in ids[0])
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= ids[0]


def test_svg_is_the_same_when_drawn_twice() -> None:
    drawn = [svg(_chart(), figure_id="a", title="t", description="d") for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_svg_shows_markup_as_text_when_a_name_is_hostile() -> None:
    drawn = svg(_chart(_HOSTILE), figure_id="a", title=_HOSTILE, description=_HOSTILE)
    root = _parsed(drawn)
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


def test_svg_holds_no_english_for_screen_readers_besides_its_own_title() -> None:
    drawn = svg(_chart(), figure_id="a", title="t", description="d")
    assert "aria-roledescription" not in drawn
    assert "aria-label=" not in drawn
