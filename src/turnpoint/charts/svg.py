"""From a chart to an SVG that can stand inside a page: small, safe, with an alternative text."""

from __future__ import annotations

import copy
import json
import re
from threading import Thread
from typing import Any
from xml.etree import ElementTree as ET

from turnpoint.charts.canvas import FONT
from turnpoint.charts.specification import Specification, at_rest

_SVG = "http://www.w3.org/2000/svg"
_LONG_DECIMAL = re.compile(r"(\.\d\d)\d+")
_CLIP = re.compile(r"url\(#(.*?)\)")
_UNSEEN = (("opacity", "0"), ("display", "none"), ("d", ""), ("fill", "transparent"))
_UNUSED = ("class", "role", "aria-roledescription", "aria-hidden", "pointer-events", "version", "font-family")
_AS_USUAL = (
    ("opacity", "1"), ("transform", "translate(0,0)"), ("text-anchor", "start"), ("font-weight", "400"),
    ("stroke-miterlimit", "10"),
)  # fmt: skip
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def svg(chart: Specification, *, figure_id: str, title: str, description: str) -> str:
    """Draw a chart, without network or browser.

    Args:
        chart: a Vega-Lite specification with its data.
        figure_id: unique in the page; starts every id inside the picture.
        title: name of the picture, for screen readers.
        description: what it shows, with its numbers.

    Returns:
        An `<svg>` element that scales to the width it is given. Its property `--on-phone` is the size to which a small
        page may let the text grow, in pixels of the picture.
    """
    import vl_convert  # noqa: PLC0415 - 80 MB of renderer, loaded when a picture is drawn

    chart = at_rest(chart)
    # a character that XML forbids would abort the renderer, and the process with it; rows have none (`inline`)
    spec = {name: part if name == "datasets" else _printable(part) for name, part in chart.items()}
    # looking each font of the list up for each text would take half of the time; the picture names them once
    spec["config"] |= {"font": "sans-serif"}
    drawn = vl_convert.vegalite_to_svg(json.dumps(spec), show_warnings=False)
    root = ET.fromstring(drawn)  # noqa: S314 - made by our own renderer on the line above
    for (
        element
    ) in root.iter():  # plain names: prefixes would hang on a global table that other libraries change
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
    _shrink(root)
    _edges_first(root)
    _own_ids(root, figure_id)
    width, height = root.attrib["width"], root.attrib["height"]
    root.attrib.clear()
    root.attrib |= {
        "xmlns": _SVG,
        "viewBox": f"0 0 {width} {height}",
        "width": width,
        "height": height,
        "role": "img",
        "font-family": FONT,
        "style": f"--on-phone:{chart['usermeta']['largest_text_px']}px",
        "aria-labelledby": f"{figure_id}-title {figure_id}-desc",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{figure_id}-{tag}"})
        element.text = printable(text)
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode")


def start_renderer() -> None:
    """Start the renderer beside whatever comes next: its first picture takes half a second more than any other."""

    def draw_nothing() -> None:
        import vl_convert  # noqa: PLC0415 - as in `svg`

        vl_convert.vegalite_to_svg({"mark": "point", "data": {"values": []}}, show_warnings=False)

    Thread(target=draw_nothing, name="renderer").start()


def printable(text: str) -> str:
    """The text with every character that XML forbids replaced: control characters and halves of surrogate pairs."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _printable(value: Any) -> Any:
    """The same for every string of a spec."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {name: _printable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_printable(part) for part in value]
    return value


def _shrink(parent: ET.Element) -> None:
    """Drop what cannot be seen and digits that no screen can show."""
    for child in list(parent):
        if any(child.get(name) == value for name, value in _UNSEEN):
            parent.remove(child)
            continue
        for name in _UNUSED:
            child.attrib.pop(name, None)
        for name in ("d", "transform"):
            if name in child.attrib:
                child.set(name, _LONG_DECIMAL.sub(r"\1", child.attrib[name]))
        for name, value in _AS_USUAL:
            if child.get(name) == value:
                del child.attrib[name]
        if child.tag == "text":
            _lines_by_size(child)
        _shrink(child)
        if child.tag == "g" and len(child) == 0:
            parent.remove(child)


def _edges_first(root: ET.Element) -> None:
    """Each text with an edge as two: the edge, and the text on it; not every reader knows `paint-order`."""
    for parent in list(root.iter()):
        for place, child in reversed(list(enumerate(parent))):
            if child.tag != "text" or "stroke" not in child.attrib:
                continue
            edge = copy.deepcopy(child)
            edge.attrib["fill"] = edge.attrib["stroke"]
            for name in ("stroke", "stroke-width", "stroke-linejoin"):
                child.attrib.pop(name, None)
            parent.insert(place, edge)


def _lines_by_size(text: ET.Element) -> None:
    """The lines of a text as far apart as its size, whatever size a page gives it."""
    size = float(text.get("font-size", "0").removesuffix("px"))
    for line in text.iter("tspan"):
        if size and "dy" in line.attrib:
            line.set("dy", f"{float(line.attrib['dy']) / size:.2f}em")


def _own_ids(root: ET.Element, figure_id: str) -> None:
    """Name clip paths after the figure: the renderer counts them through, so two pictures would share names."""
    names: dict[str, str] = {}
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", names.setdefault(element.attrib["id"], f"{figure_id}-{len(names)}"))
    for element in root.iter():
        reference = element.get("clip-path")
        found = _CLIP.fullmatch(reference) if reference else None
        if found:
            element.set("clip-path", f"url(#{names[found.group(1)]})")
