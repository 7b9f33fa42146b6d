"""Problems of the data in the reader's language.

Rules write their problems in English, some put together in expressions over whole tables, and stores keep them so. So a
problem is translated from its finished text: `problems.po` holds every text of the rules (`scripts/problem_texts.py`),
`{0}` for each value put into it. A text is a known one; or a known one with values, each a datum or again a known text;
or some of these one after the other. A text that is not known as a whole stays English as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from math import prod

from turnpoint.charts.language import Language
from turnpoint.reports.catalogue import texts_of

DOMAIN = "problems"
_PLACE = re.compile(r"\{(\d+)\}")
# No datum but English: three words in a row, or one that only binds others.
_PROSE = re.compile(
    r"(?:^|\s)[a-z]{2,} [a-z]{2,} [a-z]{2,}(?:$|[\s,.;:?])"
    r"|(?<![\w-])(?:of|that|are|is|the|has|have|not|with|without|for|by|from|which|was|were|its?)(?![\w-])"
)
_BLANK = re.compile(
    r"(?<=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]) (?=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef])"
)
_SENTENCES = re.compile(r"(?<=[.?]) (?=[A-Z])")
_DEEPEST = 4
_MOST_WAYS = 1000
_LONGEST = 800  # a column's name may be anything, and is looked through again and again


@dataclass(frozen=True, slots=True)
class _Template:
    """A text with values."""

    patterns: tuple[re.Pattern[str], ...]  # each value as short, or as long, as it can be
    pieces: tuple[str, ...]  # around its values
    letters: int  # in it, beside its values
    length: int
    translation: str
    places: tuple[str, ...]

    def may_be(self, text: str) -> bool:
        """Whether its pieces are there; few enough of them that a crafted text takes no long time to match."""
        begin, *between, end = self.pieces
        if not (text.startswith(begin) and text.endswith(end)):
            return False
        return 0 < prod(text.count(piece) for piece in between) <= _MOST_WAYS


def in_language(text: str, language: Language) -> str | None:
    """A text of a problem in this language; None when it is not known there, and is to be shown in English.

    >>> from turnpoint.reports.catalogue import language
    >>> in_language("below 0 mm", language("zh")), in_language("no such text", language("zh"))
    ('低于 0 mm', None)
    """
    return text if language.locale.language == "en" else _known(text.strip(), language.locale.language, 0)


@lru_cache(maxsize=8192)
def _known(text: str, code: str, depth: int) -> str | None:
    if not text or depth > _DEEPEST:
        return text or None
    whole, _ = _texts(code)
    if text in whole:
        return whole[text]
    if text.endswith(".") and text[:-1] in whole:
        return whole[text[:-1]] + "。"
    if len(text) > _LONGEST:
        return None
    for found in (_in_clauses, _with_values, _in_sentences, _with_datum):
        translation = found(text, code, depth + 1)
        if translation is not None:
            return translation
    return None


def _with_values(text: str, code: str, depth: int) -> str | None:
    """By the template that says most of it."""
    for template in _texts(code)[1]:
        if not template.may_be(text):
            continue
        for pattern in template.patterns:
            match = pattern.fullmatch(text)
            if match is None:
                break
            values = dict(
                zip(template.places, (_value(own, code, depth) for own in match.groups()), strict=True)
            )
            if None not in values.values():
                return _BLANK.sub("", _PLACE.sub(partial(_put, values), template.translation))
    return None


def _put(values: Mapping[str, str | None], place: re.Match[str]) -> str:
    return values[place[1]] or ""


def _value(value: str, code: str, depth: int) -> str | None:
    known = _known(value.strip(), code, depth) if value.strip() else value
    return known if known is not None else None if _PROSE.search(value) else value


def _in_sentences(text: str, code: str, depth: int) -> str | None:
    return _joined(_SENTENCES.split(text), "", lambda part: _known(part, code, depth))


def _in_clauses(text: str, code: str, depth: int) -> str | None:
    return _joined(text.split("; "), "；", lambda part: _known(part, code, depth))


def _with_datum(text: str, code: str, depth: int) -> str | None:
    before, colon, after = text.partition(": ")
    told, value = _known(before, code, depth), _value(after, code, depth)
    return f"{told}：{value}" if colon and told and value else None


def _joined(parts: list[str], between: str, known: Callable[[str], str | None]) -> str | None:
    if len(parts) < 2:
        return None
    told = [known(part) for part in parts]
    return None if None in told else between.join(part or "" for part in told)


@cache
def _texts(code: str) -> tuple[Mapping[str, str], tuple[_Template, ...]]:
    """Texts without values, and templates, those that say most first."""
    texts = texts_of(code, DOMAIN)
    templates = [_template(text, own) for text, own in texts.items() if _PLACE.search(text)]
    templates.sort(key=lambda template: (-template.letters, len(template.places), -template.length))
    return {text: own for text, own in texts.items() if not _PLACE.search(text)}, tuple(templates)


def _template(text: str, translation: str) -> _Template:
    pieces = _PLACE.split(text)
    patterns = [
        "".join(re.escape(piece) if place % 2 == 0 else value for place, piece in enumerate(pieces))
        for value in ("(.*?)", "(.*)")
    ]
    return _Template(
        tuple(re.compile(pattern, re.DOTALL) for pattern in patterns),
        tuple(pieces[::2]),
        sum(letter.isalpha() for piece in pieces[::2] for letter in piece),
        sum(map(len, pieces[::2])),
        translation,
        tuple(pieces[1::2]),
    )
