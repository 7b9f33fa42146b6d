"""What the columns of a wide table are, by their names and by what their cells look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from turnpoint.formats.mapped.cells import Sheet
from turnpoint.formats.mapped.columns import Kind, Meaning, meaning_of
from turnpoint.formats.mapped.dates import DATE_FORMATS, written_as
from turnpoint.formats.mapped.dictionary import Dictionary
from turnpoint.formats.mapped.numbers import (
    looks_numeric,
    number_in,
    one_diameter,
    plain_number,
    several_diameters,
)
from turnpoint.study.cell_values import MISSING_WORDS

# The share of the cells of a column that must look alike.
SURE: Final = 0.95
# Below this share a column that its name calls a size or a marker is not read without a question.
_MOSTLY: Final = 0.5
TOO_SMALL: Final = (
    "toosmall", "toosmalltomeasure", "tstm", "ts", "<5", "<5mm", "zuklein", "nichtmessbar(zuklein)", "太小", "过小",
)  # fmt: skip
ABSENT: Final = (
    "absent", "disappeared", "gone", "resolved", "cr", "0", "0.0", "0,0", "verschwunden", "nichtmehrnachweisbar",
    "消失", "未见",
)  # fmt: skip
NOT_EVALUABLE: Final = (
    "ne", "notevaluable", "notassessable", "inevaluable", "nonevaluable", "notmeasurable", "n.b.", "nb",
    "nichtbeurteilbar", "nichtauswertbar", "无法评估", "不可评估", "无法测量",
)  # fmt: skip
NOT_KNOWN: Final = (
    "nd", "notdone", "missing", "unknown", "unk", "nk", "notknown", "notdetermined", "n.d.", "pending", "-", "--",
    "?", "nichtbestimmt", "nichtdurchgeführt", "k.a.", "fehlt", "ausstehend", "未查", "未测", "未做", "缺失", "无",
    "没有", "/",
)  # fmt: skip
NOT_DETECTED: Final = (
    "notdetected", "undetectable", "negative", "neg", "belowdetection", "bdl", "n.n.", "nn", "nichtnachweisbar",
    "u.n.", "未检出", "阴性",
)  # fmt: skip
_WORDS: Final = (*TOO_SMALL, *ABSENT, *NOT_EVALUABLE, *NOT_KNOWN, *NOT_DETECTED)
# 1927 to 2064: what Excel keeps a date as, and no size or marker in days.
_SERIAL: Final = r"^[1-5]\d{4}(\.\d+)?$"


class Facts:
    """What the columns are, each looked at once.

    Args:
        sheet: the table.
        told: what a person says that columns are.
        dictionary: of the project, if there is one.
    """

    def __init__(
        self,
        sheet: Sheet,
        told: Mapping[str, Meaning] | None = None,
        dictionary: Dictionary | None = None,
    ) -> None:
        self.sheet = sheet
        self.dictionary = dictionary or Dictionary()
        known = pl.col(sheet.columns)
        self.frame = sheet.frame.with_columns(
            pl.when(~known.str.to_lowercase().is_in(list(MISSING_WORDS))).then(known)
        )
        self.is_date = {name: self._date(name) for name in sheet.columns}
        self.is_number = {name: self._numeric(name) for name in sheet.columns}
        own = told or {}
        self.meanings = {name: own.get(name) or self._meaning(name) for name in sheet.columns}

    def _meaning(self, name: str) -> Meaning:
        """What a column is by its name, or where that says nothing by its label in the dictionary."""
        looks = {"is_date": self.is_date[name], "is_number": self.is_number[name]}
        found = meaning_of(name, **looks)
        label = self.dictionary.labels.get(name)
        if found.kind != "unknown" or label is None:
            return found
        labelled = meaning_of(label, **looks)
        # A pattern is of the column's own name.
        return replace(labelled, pattern=name, number="") if labelled.pattern is not None else labelled

    def said(self, name: str, value: str) -> str:
        """What a code means by the dictionary, else the cell itself."""
        return self.dictionary.choices.get(name, {}).get(value, value)

    def _date(self, name: str) -> bool:
        cells = self.cells(name)
        ways = pl.any_horizontal(written_as(way) for way in DATE_FORMATS if way != "excel")
        if share(cells, ways) >= SURE:
            return True
        # A number of Excel is a date where the name says so.
        named = meaning_of(name, is_date=True, is_number=False)
        dated = named.kind.endswith("date") or (
            named.looks_like == "date" and re.search("(?i)dat|dt|日期|时间", name)
        )
        return bool(dated) and share(cells, ways | pl.col("cell").str.contains(_SERIAL)) >= SURE

    def _numeric(self, name: str) -> bool:
        cells = self.cells(name)
        plain = cells.filter(~folded(cells).is_in(_WORDS))
        if not plain.len():
            return False
        cell = pl.col("cell")
        numeric = share(plain, looks_numeric(cell) | several_diameters(cell))
        # A column that is called a marker or a size is one, though a few of its cells are not numbers: those are
        # reported when it is read, each with its line.
        called = meaning_of(name, is_date=False, is_number=True).kind in ("size", "marker", "sum")
        return numeric >= (_MOSTLY if called else SURE)

    def cells(self, name: str) -> pl.Series:
        """The cells of a column that say something."""
        return self.frame[name].drop_nulls()

    def numbers(self, name: str) -> pl.Series:
        """The numbers among the cells of a column, the sign of a limit left off."""
        whole = one_diameter(pl.col("cell"), None, node=False)
        text = plain_number(number_in(whole), None).str.replace(",", ".", literal=True)
        found = text.str.replace(r"^[<>≤≥＜＞]?=?\s*", "").cast(pl.Float64, strict=False)
        return self.cells(name).alias("cell").to_frame().select(found).to_series().drop_nulls()

    def texts(self, name: str) -> pl.Series:
        """The cells of a column of numbers that are neither numbers nor words that are known."""
        cells = self.cells(name)
        cell = pl.col("cell")
        plain = cells.filter(~folded(cells).is_in(_WORDS)).alias("cell").to_frame()
        return plain.filter(~looks_numeric(cell) & ~several_diameters(cell)).to_series()

    def examples(self, name: str) -> str:
        """A few different numbers; never text, which may say who the patient is, as mappings get passed on."""
        if not self.is_number[name]:
            return ""
        return ", ".join(self.cells(name).unique(maintain_order=True).head(5).to_list())[:80]

    def of(self, kind: Kind) -> list[str]:
        """The columns of one kind."""
        return [name for name, meaning in self.meanings.items() if meaning.kind == kind]


def folded(cells: pl.Series) -> pl.Series:
    """The cells without case, spaces, hyphens and underscores; a hyphen alone stays."""
    return cells.str.to_lowercase().str.replace_all(r"[\s_]", "").str.replace_all(r"(\w)-+(\w)", "$1$2")


def share(cells: pl.Series, test: pl.Expr) -> float:
    """The share of the cells that pass a test written for one column."""
    if not len(cells):
        return 0.0
    frame = cells.alias("cell").to_frame()
    return float(frame.select(test.fill_null(value=False).mean()).item())
