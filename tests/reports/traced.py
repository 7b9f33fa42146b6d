"""Is every number that a page says a number of the picture, or plain arithmetic on its readings and days?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import turnpoint
from turnpoint.pictures.document import to_json
from turnpoint.pictures.patient import PatientPicture

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_LOCALE = Path(turnpoint.__file__).parent / "reports" / "locale"


def untraced(words: str, picture: PatientPicture) -> list[str]:
    """The numbers among the words that come from nowhere, each with what stands around it."""
    known = _said(picture) | _of_sentences()
    return [
        f"{found[0]} in: {words[max(0, found.start() - 40) : found.end() + 20]!r}"
        for found in _NUMBER.finditer(words)
        if found[0].replace(",", "") not in known
    ]


def _said(picture: PatientPicture) -> set[str]:
    """How the numbers of a picture may be written: as they are, in weeks, in percent, to none to four places, or six digits."""
    document = json.loads(to_json(picture))
    own = document["picture"]
    values = {
        abs(one) for value in _numbers(document) for one in (value, value / 7, 100 * value, 100 * (1 - value))
    }
    sums = _column(own["sums"], "sum_of_diameters_mm")
    values |= {abs(a - b) for a, b in product(sums, sums)}
    values |= {abs(100 * (a / b - 1)) for a, b in product(sums, sums) if b}
    days = {day for name in ("sums", "assessment", "markers", "doses") for day in _column(own[name], "day")}
    values |= {abs(a - b) / step for a, b in product(days, days) for step in (1, 7)}
    alert = own["provenance"]["alert"]
    judged = alert["followed"] + alert["unfollowed"]
    values |= {judged, 100 * alert["followed"] / max(judged, 1)}
    written = {f"{value:.{places}f}" for value in values for places in range(4)}
    written |= {f"{value:.6g}" for value in values} | {f"{value:.4f}" for value in values}
    short = {one.rstrip("0").rstrip(".") for one in written if "." in one}
    return written | short | set(_NUMBER.findall(json.dumps(document)))


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, bool | str) or value is None:
        return
    if isinstance(value, int | float):
        yield float(value)
        return
    parts: Iterable[Any] = value.values() if isinstance(value, dict) else value
    for part in parts:
        yield from _numbers(part)


def _column(table: dict[str, Any], name: str) -> list[float]:
    place = list(table["columns"]).index(name)
    return [row[place] for row in table["rows"] if row[place] is not None]


@cache
def _of_sentences() -> set[str]:
    """Numbers that stand in the sentences themselves: 24 weeks, RECIST 1.1."""
    found: set[str] = set()
    for path in _LOCALE.rglob("*.po"):
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")):
            found |= set(_NUMBER.findall(re.sub(r"\{\w+\}", "", text)))
    return found
