"""What a mapping file says, as frozen objects: which columns of a wide table are which columns of the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

FORMAT: Final = "turnpoint mapping 1"
QUESTION: Final = "?"
DROP: Final = "drop"
FIRST_DATE: Final = "first_date"
SIZE_UNITS: Final[Mapping[str, float]] = MappingProxyType({"mm": 1.0, "cm": 10.0})
# A month is 365.25 / 12 days.
TIME_UNITS: Final[Mapping[str, float]] = MappingProxyType({"days": 1.0, "weeks": 7.0, "months": 30.4375})


@dataclass(frozen=True, slots=True)
class Source:
    """Where the cells of one column of the study come from.

    Attributes:
        column: the column of the file; None for a constant or checkboxes.
        constant: the same in every row.
        values: what the cells of the file mean; others stay as they are. An empty text means nothing.
        unit: of a size, `mm` or `cm`; of a day, `days`, `weeks` or `months`.
        checkboxes: columns of which a 1 means the text beside it.
        unit_column: the column that says `mm` or `cm` for each row.
        percent_of: of a size that is a change in percent, what it is of: a column, or a number in mm.
        date_formats: how these dates are written, where the other dates are written otherwise.
    """

    column: str | None = None
    constant: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    unit: str = "mm"
    checkboxes: Mapping[str, str] = field(default_factory=dict)
    unit_column: str | None = None
    percent_of: str | float | None = None
    date_formats: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file that it reads."""
        others = (self.column, self.unit_column, self.percent_of)
        return (*(one for one in others if isinstance(one, str)), *self.checkboxes)


@dataclass(frozen=True, slots=True)
class Block:
    """One group of columns that gives a row of a table.

    Attributes:
        table: `lesions`, `markers`, `doses` or `events`.
        fields: by column of the study; a time of its own stands before that of the row.
        only: the rows of the file it reads: column and the values it may have.
    """

    table: str
    fields: Mapping[str, Source]
    only: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A mapping.

    Attributes:
        file: beside the mapping file.
        sheet: of a workbook; None is the first.
        header_row: the line of the column names, the last one where there are several.
        header_lines: how many there are.
        patient: the column of the patient.
        times: `day` and `date` of a row, as far as it has them.
        date_formats: how dates are written; the first that fits a cell counts.
        decimal_mark: `.` or `,`; None where nobody said.
        missing: cells that say that nothing is known.
        codes: the same by column, for numbers that are values in other columns.
        text_aside: columns of numbers of which cells that are none are kept aside.
        day_zero_is_first_date: true when day 0 is the patient's first date.
        fill_down: columns whose empty cells are as the cell above.
        patients: columns of `patients`.
        blocks: in their order, `{n}` written out.
        words: cells of a size that are a state instead, and of a marker that is below its limit (`not_detected`).
        ignored: columns left out on purpose: `ignore`, or `drop` for those that no side table keeps either.
    """

    file: str
    sheet: str | None
    header_row: int
    header_lines: int
    patient: Source
    times: Mapping[str, Source]
    date_formats: tuple[str, ...]
    decimal_mark: str | None
    missing: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]
    text_aside: tuple[str, ...]
    day_zero_is_first_date: bool
    fill_down: tuple[str, ...]
    patients: Mapping[str, Source]
    blocks: tuple[Block, ...]
    words: Mapping[str, tuple[str, ...]]
    ignored: Mapping[str, str]

    def columns(self) -> dict[str, str]:
        """Every column of the file that it names, and the first key that names it."""
        named: dict[str, str] = {}
        parts = [
            ("rows.patient_id", self.patient),
            *((f"rows.{name}", one) for name, one in self.times.items()),
        ]
        parts += [(f"patients.{name}", one) for name, one in self.patients.items()]
        for block in self.blocks:
            parts += [(f"{block.table}.{name}", one) for name, one in block.fields.items()]
            named |= {column: f"{block.table}.only" for column in block.only if column not in named}
        for key, one in parts:
            for column in one.columns:
                named.setdefault(column, key)
        named |= {column: f"codes.{column}" for column in self.codes if column not in named}
        named |= {column: "rows.text_aside" for column in self.text_aside if column not in named}
        named |= {column: "rows.fill_down" for column in self.fill_down if column not in named}
        return named
