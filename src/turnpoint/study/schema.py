"""The one declaration of the five tables: reading, validation and the documentation all follow it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

import polars as pl

Kind = Literal["text", "number", "integer", "date", "flag", "category", "quantity"]

# A day further than this from the start is a typing error, not a course of treatment: 20 years.
FARTHEST_DAY: Final = 7305
# A baseline scan is taken some weeks before the start; one further back is doubtful.
EARLIEST_USUAL_DAY: Final = -120

DTYPES: Final[Mapping[Kind, pl.DataType]] = MappingProxyType(
    {
        "text": pl.String(),
        "number": pl.Float64(),
        "integer": pl.Int64(),
        "date": pl.Date(),
        "flag": pl.Boolean(),
        "category": pl.String(),
        "quantity": pl.Float64(),
    }
)
_KIND_WORDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "text": "text",
        "number": "number",
        "integer": "whole number",
        "date": "date, yyyy-mm-dd",
        "flag": "true / false",
        "category": "one of",
        "quantity": "number, or `<0.1`, `>5000`",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column.

    Attributes:
        name: its name in the file and in the frame.
        kind: how its text is converted; the frame's type follows from it (`DTYPES`).
        meaning: one clause for the documentation.
        unit: unit of the numbers, if they have a fixed one.
        required: true when every row must have it.
        allowed: the values of a category.
        synonyms: other spellings of them (folded as by `fold`), and what they mean.
        low, high: the closed range outside which a number is an error.
        doubtful_low, doubtful_high: the closed range outside which it is a warning.
        aliases: other spellings of the column's name, read as this column.
        hints: other names that such a column often has, suggested when this one is missing.
        mend: what to do when the cell is empty, unknown or out of range.
        derived: true for a column that Turnpoint writes and a user need not.
        transient: true for a column that is used up while reading (`date` becomes `day`).
    """

    name: str
    kind: Kind
    meaning: str
    unit: str | None = None
    required: bool = False
    allowed: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    doubtful_low: float | None = None
    doubtful_high: float | None = None
    aliases: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    mend: str = "Correct the value, or leave the cell empty."
    derived: bool = False
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One declared table.

    Attributes:
        name: its name, and the file's name without the ending.
        meaning: one clause for the documentation.
        columns: in the order of the frame.
        key: the columns that make a row unique; empty when rows may repeat.
        timed: true when a row happens on a `day` or `date`.
        telling: columns that only this table has, by which a single file is recognised.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    timed: bool = True
    telling: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The declared column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def frame_schema(self) -> pl.Schema:
        """Columns and types of the table in a `Study`, `source_row` last."""
        columns = {column.name: DTYPES[column.kind] for column in self.columns if not column.transient}
        return pl.Schema({**columns, "source_row": pl.Int64()})


def fold(name: str) -> str:
    """A name without case, spaces and punctuation, for comparing: `Patient ID` and `patient_id` are one."""
    return re.sub(r"[\W_]", "", name.casefold())


_PATIENT = Column(
    "patient_id",
    "text",
    "the patient; the same text in every table",
    hints=("patient", "subject", "subject_id", "subjid", "usubjid", "pid", "pat_no", "id"),
    required=True,
    mend="Write the patient's identifier in every row.",
)
_DAY = Column(
    "day",
    "integer",
    "day of the course, 0 = start of treatment; scans before it are negative",
    unit="days",
    low=-FARTHEST_DAY,
    high=FARTHEST_DAY,
    doubtful_low=EARLIEST_USUAL_DAY,
    mend="Write the whole number of days since the start of the course.",
)
_DATE = Column(
    "date",
    "date",
    "calendar date, instead of `day`; needs `start_date` in patients",
    transient=True,
    mend="Write the full date as yyyy-mm-dd, or give the day of the course in a column named day.",
)
_VISIT = Column(
    "visit",
    "text",
    "the visit by name or number",
    mend="Write the same text in the rows of one assessment, another in those of another.",
)
_LINE = Column("line", "integer", "line of treatment, 1 = first", low=1, high=30)

PATIENTS: Final = Table(
    "patients",
    "one row a patient",
    (
        _PATIENT,
        Column("arm", "text", "treatment arm"),
        Column("tumour_type", "text", "tumour type", aliases=("tumor_type",)),
        Column(
            "sex",
            "category",
            "sex",
            allowed=("female", "male", "other", "unknown"),
            synonyms={
                "f": "female",
                "w": "female",
                "m": "male",
                "u": "unknown",
                "女": "female",
                "男": "male",
            },
            mend="Write female, male, other or unknown.",
        ),
        Column("birth_year", "integer", "year of birth", low=1880, high=2100, mend="Write four digits."),
        Column(
            "start_date",
            "date",
            "day 0 of the course",
            mend="Write the full date as yyyy-mm-dd, or leave it out and give days instead of dates.",
        ),
        _LINE,
        Column(
            "death_day",
            "integer",
            "day of death; empty while alive or not known",
            unit="days",
            low=0,
            high=FARTHEST_DAY,
            mend="Write the whole number of days since the start of the course, or leave it empty.",
        ),
        Column(
            "death_date",
            "date",
            "calendar date, instead of `death_day`; needs `start_date`",
            transient=True,
            mend="Write the full date as yyyy-mm-dd, or leave it empty.",
        ),
        Column(
            "last_alive_day",
            "integer",
            "last day on which the patient is known to have been alive; without it, the last day with any row",
            unit="days",
            low=0,
            high=FARTHEST_DAY,
            mend="Write the whole number of days since the start of the course, or leave it empty.",
        ),
        Column(
            "last_alive_date",
            "date",
            "calendar date, instead of `last_alive_day`; needs `start_date`",
            transient=True,
            mend="Write the full date as yyyy-mm-dd, or leave it empty.",
        ),
    ),
    key=("patient_id",),
    timed=False,
    telling=("arm", "tumour_type", "sex", "birth_year", "start_date"),
)

LESIONS: Final = Table(
    "lesions",
    "one row a lesion and visit",
    (
        _PATIENT,
        _DAY,
        _DATE,
        Column(
            "lesion_id",
            "text",
            "the lesion; the same text at every visit",
            hints=("lesion", "lesion_no", "trlnkid", "tulnkid", "tumour", "tumor"),
            required=True,
            mend="Name the lesion, the same way at every visit, for example T1.",
        ),
        Column(
            "role",
            "category",
            "the lesion's part in the response criteria",
            hints=("type", "category", "lesion_type", "trgrpid", "target"),
            required=True,
            allowed=("target", "non_target", "new"),
            mend="Write target, non_target or new.",
        ),
        replace(
            _VISIT,
            meaning="the visit by name or number: rows of one visit are one assessment, dated on its first day",
        ),
        Column("site", "text", "organ or place"),
        Column(
            "node",
            "flag",
            "true for a lymph node; said once, it holds for all visits of the lesion; false when never said",
            mend="Write true or false.",
        ),
        Column(
            "diameter_mm",
            "number",
            "longest diameter; short axis for a node",
            hints=("diameter", "size", "size_mm", "longest_diameter", "ld", "sld", "trstresn"),
            unit="mm",
            low=0,
            high=500,
            doubtful_high=300,
            mend="Write it in mm, or leave it empty with status=absent (disappeared) or not_evaluable (could not be "
            "measured).",
        ),
        Column(
            "status",
            "category",
            "what was seen",
            hints=("state", "result", "assessment"),
            required=True,
            allowed=(
                "measured",
                "too_small",
                "absent",
                "present",
                "not_evaluable",
                "equivocal",
                "unequivocal_progression",
            ),
            synonyms={
                "ne": "not_evaluable",
                "toosmalltomeasure": "too_small",
                "tstm": "too_small",
                "disappeared": "absent",
            },
            mend="Write measured (with diameter_mm), too_small, absent, present, not_evaluable, equivocal or "
            "unequivocal_progression.",
        ),
        Column("method", "text", "how it was measured, for example CT"),
        Column("reader", "text", "who read the scan, when several did"),
    ),
    key=("patient_id", "day", "lesion_id", "reader"),
    telling=("lesion_id", "role", "diameter_mm", "status"),
)

MARKERS: Final = Table(
    "markers",
    "one row a marker and blood sample",
    (
        _PATIENT,
        _DAY,
        _DATE,
        Column(
            "marker",
            "text",
            "name or LOINC code",
            hints=("test", "analyte", "parameter", "biomarker", "lbtestcd"),
            required=True,
            mend="Write the marker's name or its LOINC code, for example PSA or 2857-1.",
        ),
        Column(
            "value",
            "quantity",
            "the result; `<0.1` below and `>5000` above what the assay measures",
            hints=("result", "level", "lbstresn", "lborres"),
            required=True,
            low=0,
            mend="Write a number, <LIMIT when the assay found less than its limit, or leave out the row when "
            "there was no result.",
        ),
        Column(
            "unit",
            "text",
            "UCUM unit",
            hints=("units", "lbstresu", "lborresu"),
            required=True,
            mend="Write the laboratory's unit, for example ng/mL or U/mL; 1 for a pure number.",
        ),
        Column("upper_limit", "number", "upper end of the laboratory's reference range, in `unit`", low=0),
        Column("assay", "text", "assay or laboratory"),
        replace(_VISIT, meaning="the visit by name or number; a sample keeps its own day"),
        Column(
            "censoring",
            "category",
            "`left`: the true value is below `value`; `right`: above it; for files without `<` and `>`",
            allowed=("none", "left", "right"),
            mend="Write none, left or right, or leave the column out and write <0.1 or >5000 as the value.",
            derived=True,
        ),
        Column("reported_value", "text", "the value as the laboratory gave it", derived=True),
        Column("reported_unit", "text", "the unit as the laboratory gave it", derived=True),
    ),
    key=("patient_id", "day", "marker"),
    telling=("marker", "value", "upper_limit", "assay"),
)

DOSES: Final = Table(
    "doses",
    "one row a dose, or a start and a stop for a drug taken daily",
    (
        _PATIENT,
        _DAY,
        _DATE,
        Column(
            "drug",
            "text",
            "the drug; read in lower case",
            hints=("treatment", "medication", "agent", "extrt"),
            required=True,
            mend="Name the drug.",
        ),
        Column("dose", "number", "amount, in `unit`", low=0, mend="Check the value; a dose is 0 or more."),
        Column("unit", "text", "unit of the dose, for example mg/m2"),
        Column(
            "action",
            "category",
            "`given` when not said; `start` and `stop` for a drug taken daily",
            allowed=("given", "start", "stop"),
            mend="Write given, start or stop.",
        ),
        Column("cycle", "integer", "number of the cycle", low=0, high=500, mend="Write the number alone."),
        Column("regimen", "text", "regimen"),
        _LINE,
    ),
    telling=("drug", "dose", "action", "cycle", "regimen"),
)

EVENTS: Final = Table(
    "events",
    "one row an adverse event",
    (
        _PATIENT,
        _DAY,
        _DATE,
        Column(
            "end_day",
            "integer",
            "last day of the event; empty while it lasts",
            unit="days",
            low=-FARTHEST_DAY,
            high=FARTHEST_DAY,
            mend="Write the whole number of days since the start of the course, or leave it empty.",
        ),
        Column(
            "end_date",
            "date",
            "calendar date, instead of `end_day`",
            transient=True,
            mend="Write the full date as yyyy-mm-dd, or leave it empty.",
        ),
        Column(
            "term",
            "text",
            "CTCAE term",
            hints=("event", "adverse_event", "aeterm", "aedecod"),
            required=True,
            mend="Name the event as CTCAE does.",
        ),
        Column(
            "grade",
            "integer",
            "CTCAE grade",
            hints=("ctcae_grade", "severity", "aetoxgr"),
            required=True,
            low=1,
            high=5,
            mend="Write the CTCAE grade, 1 to 5.",
        ),
    ),
    telling=("term", "grade", "end_day", "end_date"),
)

TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {table.name: table for table in (PATIENTS, LESIONS, MARKERS, DOSES, EVENTS)}
)


def as_markdown() -> str:
    """The schema as Markdown tables, one a file, for the documentation."""
    parts = []
    for table in TABLES.values():
        rows = "\n".join(_markdown_row(column) for column in table.columns)
        parts.append(
            f"### {table.name}\n\n{table.meaning.capitalize()}.\n\n"
            f"| column | value | unit | range | meaning |\n| --- | --- | --- | --- | --- |\n{rows}\n"
        )
    return "\n".join(parts)


def _markdown_row(column: Column) -> str:
    name = f"**{column.name}**" if column.required else column.name
    if column.name in ("day", "date"):
        name += " (one of `day` and `date`)"
    words = _KIND_WORDS[column.kind]
    if column.allowed:
        words += " " + ", ".join(f"`{value}`" for value in column.allowed)
    meaning = column.meaning + (" (Turnpoint writes it)" if column.derived else "")
    return f"| {name} | {words} | {column.unit or ''} | {_range_words(column)} | {meaning} |"


def _range_words(column: Column) -> str:
    if column.low is None and column.high is None:
        return ""
    low = "" if column.low is None else f"{column.low:g}"
    high = "" if column.high is None else f"{column.high:g}"
    text = f"{low} to {high}" if low and high else f"{low} or more" if low else f"up to {high}"
    if column.doubtful_low is not None:
        text += f"; doubtful below {column.doubtful_low:g}"
    if column.doubtful_high is not None:
        text += f"; doubtful above {column.doubtful_high:g}"
    return text
