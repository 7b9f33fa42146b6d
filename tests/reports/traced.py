"""Is every number that a page says a number of what it was given, or plain arithmetic on its readings and days?"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

import turnpoint
from turnpoint.criteria.called_progression import RECIST
from turnpoint.pictures.document import to_json, written_table
from turnpoint.pictures.patient import PatientPicture

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_REPORTS = Path(turnpoint.__file__).parent / "reports"
_LOCALE = _REPORTS / "locale"


def untraced(words: str, picture: PatientPicture, also: Iterable[float] = ()) -> list[str]:
    """The numbers among the words that come from nowhere, each with what stands around it; `also` may be said."""
    shares = [value for value in _numbers(json.loads(to_json(picture))) if 0 <= value <= 1]
    words = words.replace(RECIST, "")  # a criterion's name is no number
    if any(share > 0.99 for share in shares):
        words = words.replace(">99%", "")
    if any(share < 0.01 for share in shares):
        words = words.replace("<1%", "")
    return not_among(words, _said(picture) | _forms(also) | of_sentences())


def untraced_of(words: str, view: Any, *pages: str, also: Iterable[float] = ()) -> list[str]:
    """The same of a page that is not of one patient.

    Args:
        words: what it says.
        view: what it was given: numbers of its tables, how many rows, patients and rows of each kind they have.
        pages: modules of `reports` whose own sentences it says, where they are not in the catalogue.
        also: what else it may say, worked out elsewhere.
    """
    document = json.loads(msgspec.json.encode(view, enc_hook=written_table))
    values = [own for value in _numbers(document) for own in (value, value / 7, 100 * value)]
    for name in (own for own in dir(view) if not own.startswith("_")):
        table = getattr(view, name)
        if isinstance(table, pl.DataFrame):
            values += _counts(table)
    known = _forms([*values, *also]) | of_sentences() | set(_NUMBER.findall(json.dumps(document)))
    return not_among(words, known.union(*(_of_code(page) for page in pages)))


def _counts(table: pl.DataFrame) -> list[float]:
    """How many rows there are, with a value in each column, and of each kind of it."""
    found: list[float] = [table.height]
    for column in table.iter_columns():
        found += [column.len() - column.null_count(), column.n_unique()]
        if column.dtype in (pl.String, pl.Boolean):
            found += column.value_counts()["count"].to_list()
    return found


def _of_code(page: str) -> set[str]:
    """Numbers of the sentences that stand in a module of `reports`, or in a template."""
    path = _REPORTS / page
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return set(_NUMBER.findall(text))
    said = (own.value for own in ast.walk(ast.parse(text)) if isinstance(own, ast.Constant))
    return {number for own in said if isinstance(own, str) for number in _NUMBER.findall(own)}


def not_among(words: str, known: set[str]) -> list[str]:
    """The numbers among the words that are not known, each with what stands around it."""
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
    return _forms(values) | set(_NUMBER.findall(json.dumps(document)))


def _forms(values: Iterable[float]) -> set[str]:
    """How numbers may be written: to none to four places, or to four or six digits; without a sign."""
    sizes = {abs(value) for value in values}
    written = {f"{value:.{places}f}" for value in sizes for places in range(5)}
    written |= {f"{value:.{digits}g}" for value in sizes for digits in (4, 6)}
    return written | {one.rstrip("0").rstrip(".") for one in written if "." in one}


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
def of_sentences() -> set[str]:
    """Numbers that stand in the sentences themselves: 24 weeks, RECIST 1.1."""
    found: set[str] = set()
    for path in _LOCALE.rglob("*.po"):
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")):
            found |= set(_NUMBER.findall(re.sub(r"\{\w+\}", "", text)))
    return found
