"""What the columns of a wide table are, by their names and by what their cells look like."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.formats.mapped.cells import Sheet
from turnpoint.formats.mapped.columns import Kind, meaning_of
from turnpoint.formats.mapped.dates import DATE_FORMATS, as_iso
from turnpoint.study.cell_values import MISSING_WORDS

# The share of the cells of a column that must look alike.
SURE: Final = 0.95
_NUMBER: Final = r"^[<>≤≥]?=?\s*[+-]?(\d+([.,]\d+)?|[.,]\d+)$"
TOO_SMALL: Final = ("toosmall", "toosmalltomeasure", "tstm", "ts", "<5", "<5mm")
ABSENT: Final = ("absent", "disappeared", "gone", "resolved", "cr", "0", "0.0")
NOT_EVALUABLE: Final = ("ne", "notevaluable", "notassessable", "inevaluable", "nonevaluable")
NOT_KNOWN: Final = ("nd", "notdone", "missing", "unknown", "unk", "nk", "notknown", "notdetermined")


class Facts:
    """What the columns are, each looked at once."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        known = pl.col(sheet.columns)
        self.frame = sheet.frame.with_columns(
            pl.when(~known.str.to_lowercase().is_in(list(MISSING_WORDS))).then(known)
        )
        self.is_date = {name: share(self.cells(name), _as_date()) >= SURE for name in sheet.columns}
        self.is_number = {name: self._numeric(name) for name in sheet.columns}
        self.meanings = {
            name: meaning_of(name, is_date=self.is_date[name], is_number=self.is_number[name])
            for name in sheet.columns
        }

    def _numeric(self, name: str) -> bool:
        words = [*TOO_SMALL, *ABSENT, *NOT_EVALUABLE, *NOT_KNOWN]
        cells = self.cells(name)
        plain = cells.filter(~folded(cells).is_in(words))
        return plain.len() > 0 and share(plain, pl.col("cell").str.contains(_NUMBER)) >= SURE

    def cells(self, name: str) -> pl.Series:
        """The cells of a column that say something."""
        return self.frame[name].drop_nulls()

    def examples(self, name: str) -> str:
        """A few different numbers; never text, which may say who the patient is, as mappings get passed on."""
        if not self.is_number[name]:
            return ""
        return ", ".join(self.cells(name).unique(maintain_order=True).head(5).to_list())[:80]

    def of(self, kind: Kind) -> list[str]:
        """The columns of one kind."""
        return [name for name, meaning in self.meanings.items() if meaning.kind == kind]


def folded(cells: pl.Series) -> pl.Series:
    """The cells without case, spaces, hyphens and underscores."""
    return cells.str.to_lowercase().str.replace_all(r"[\s_\-]", "")


def share(cells: pl.Series, test: pl.Expr) -> float:
    """The share of the cells that pass a test written for one column."""
    if not len(cells):
        return 0.0
    frame = cells.alias("cell").to_frame()
    return float(frame.select(test.fill_null(value=False).mean()).item())


def written_as(way: str) -> pl.Expr:
    """True for a cell that is a date written this way, a key of `DATE_FORMATS`."""
    return as_iso(pl.col("cell"), way).str.contains(r"^\d{4}-\d{2}-\d{2}$")


def _as_date() -> pl.Expr:
    return pl.any_horizontal(written_as(way) for way in DATE_FORMATS)
