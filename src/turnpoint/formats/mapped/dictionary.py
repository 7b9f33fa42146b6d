"""The data dictionary of a REDCap project: what its fields are called, and what their codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from turnpoint.formats.mapped.cells import read_sheet
from turnpoint.study.findings import Findings
from turnpoint.study.schema import fold

# The columns as REDCap exports them, without what it puts after the first words.
_NAME: Final = ("variablefieldname", "fieldname", "variable")
_LABEL: Final = ("fieldlabel", "label")
_CHOICES: Final = (
    "choicescalculationsorsliderlabels",
    "choicesorcalculations",
    "selectchoicesorcalculations",
    "choices",
)


@dataclass(frozen=True, slots=True)
class Dictionary:
    """What a dictionary says.

    Attributes:
        labels: the label of each field.
        choices: for a coded field, what each code means.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_dictionary(place: Path, findings: Findings) -> Dictionary | None:
    """Read a dictionary; None when the file is none (reported).

    Args:
        place: a CSV file or a workbook.
        findings: where problems go.
    """
    sheet = read_sheet(place, None, 1, findings)
    if sheet is None:
        return None
    columns = {fold(name): name for name in sheet.columns}
    name, label, choices = (
        next((columns[one] for one in known if one in columns), None) for known in (_NAME, _LABEL, _CHOICES)
    )
    if name is None or choices is None:
        findings.add(
            place.name,
            "no data dictionary of REDCap: a column Variable / Field Name or Choices is missing",
            "Export it in REDCap: Project Setup, Data Dictionary, Download.",
        )
        return None
    rows = sheet.frame.select(name, label or name, choices).rows()
    return Dictionary(
        {field: text for field, text, _ in rows if field and text},
        {field: found for field, _, text in rows if field and (found := _codes(text or ""))},
    )


def _codes(text: str) -> dict[str, str]:
    """`1, Male | 2, Female` as a mapping; empty for a calculation.

    >>> _codes("1, Male | 2, Female")
    {'1': 'Male', '2': 'Female'}
    """
    parts = [one.partition(",") for one in text.split("|")]
    if not all(code.strip() and comma for code, comma, _ in parts):
        return {}
    return {code.strip(): meaning.strip() for code, _, meaning in parts}
