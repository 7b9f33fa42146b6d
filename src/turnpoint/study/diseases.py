"""Diseases by name: the words of a text that name one, and what is usually followed in it (`diseases.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Disease:
    """One disease.

    Attributes:
        name: short, English; also a word by which a prior is chosen.
        title, zh: as a reader knows it, in English and Chinese.
        words, words_zh: that name it in a text.
        markers: usually followed, `study.markers` names.
        markers_source: where that stands; empty where it is recalled.
        regimens: usual ones, recalled.
        scans_every_weeks, markers_every_weeks: usual intervals, shortest and longest, recalled; empty where none is.
        priors: shipped priors that its patients can get; none where nobody measured it.
        why: these.
    """

    name: str
    title: str
    zh: str
    words: tuple[str, ...]
    words_zh: tuple[str, ...]
    markers: tuple[str, ...]
    markers_source: str
    regimens: tuple[str, ...]
    scans_every_weeks: tuple[float, ...]
    markers_every_weeks: tuple[float, ...]
    priors: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class HalfLife:
    """How fast a marker leaves the blood when nothing makes it.

    Attributes:
        marker: `study.markers` name.
        days: shortest and longest stated.
        source: where it stands.
        checked: whether it was read there, and not recalled.
    """

    marker: str
    days: tuple[float, float]
    source: str
    checked: bool


@cache
def diseases() -> Mapping[str, Disease]:
    """The table that comes along, by name, in its order."""
    return MappingProxyType({row["name"]: Disease(**_as_tuples(row)) for row in _document()["disease"]})


@cache
def half_lives() -> Mapping[str, HalfLife]:
    """Half-lives by marker."""
    return MappingProxyType({row["marker"]: HalfLife(**_as_tuples(row)) for row in _document()["half_life"]})


def diseases_in(text: str) -> frozenset[str]:
    """Names of the diseases that a text names, in English or Chinese.

    The longest word first, and what it has taken no other sees.

    >>> sorted(diseases_in("Metastatic NSCLC, lung"))
    ['nsclc']
    >>> sorted(diseases_in("小细胞肺癌"))
    ['sclc']
    """
    left, found = text.lower(), set()
    for word, name in _words():
        if word in left:
            found.add(name)
            left = left.replace(word, " ")
    return frozenset(found)


@cache
def _words() -> tuple[tuple[str, str], ...]:
    """Every word with the disease it names, the longest first."""
    pairs = [(word, own.name) for own in diseases().values() for word in (*own.words, *own.words_zh)]
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0])))


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((files("turnpoint.study") / "diseases.toml").read_text(encoding="utf-8"))


def _as_tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
