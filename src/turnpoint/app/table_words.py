"""What a clinic's table asks and says, in the reader's language: questions, answers, what each column became."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from turnpoint.app.words import COLUMN_NAMES, ROLES, SEXES, STATUSES, TABLE_NAMES, column_name
from turnpoint.charts.language import Language, mark
from turnpoint.workflows.mapping import plain

_TIMES: Final = re.compile(r" \((\d+) times\)")
MEANINGS: Final = (
    "target mm", "target cm", "non_target mm", "new mm", "sum mm", "CEA ng/mL", "date", "day", "week", "start_date",
    "patient", "ignore", "drop",
)  # fmt: skip
_CHOICES: Final[Mapping[str, str]] = {
    **ROLES,
    **STATUSES,
    **SEXES,
    "": mark("none"),
    ",": mark("decimals: 1,250 is a little more than one"),
    ".": mark("thousands: 1,250 is more than a thousand"),
}
# The questions and messages of a table as they are worded there, and what a form says instead.
_SAID: Final = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"(?P<name>.+): in mm or in cm\?", mark("{name}: in mm or in cm?")),
        (r"Every date could be (?P<ways>.+)\. Which is it\?", mark("How are the dates written?")),
        (
            r"Do these cells say that nothing is known: (?P<cells>.+)\? Write \[\] if they are values\.",
            mark("Do these cells say that nothing is known: {cells}?"),
        ),
        (
            r"(?P<name>.+): do these say that nothing is known: (?P<cells>.+)\? Write \[\] if they are values\.",
            mark("{name}: do these say that nothing is known: {cells}?"),
        ),
        (
            r"(?P<name>.+): in which unit is (?P<marker>.+)\? Usual is (?P<unit>.+)\.",
            mark("{name}: in which unit is {marker}? Usual is {unit}."),
        ),
        (r"In which unit are the results\?", mark("In which unit are the results?")),
        (
            r"(?P<name>.+): what does (?P<cell>.+) mean: .+\?",
            mark("{name}: what does {cell} mean?"),
        ),
        (r"Which column names the patient.*\?", mark("Which column names the patient?")),
        (
            r"Every row has the same (?P<name>.+)\. Is the table of one patient\? If not, .+",
            mark("Every row has the same {name}. Which column names the patient?"),
        ),
        (
            r"Every row has another (?P<name>.+)\. Is it the patient, or the number of the row\?",
            mark(
                "Every row has another {name}: perhaps it is the number of the row. Which column names the patient?"
            ),
        ),
        (
            r"(?P<count>\d+) rows have no (?P<name>.+)\. Are they of the patient above .+",
            mark("{count} rows have no {name}. Are they of the patient above (merged cells)?"),
        ),
        (r"Which column is the date of the visit.*", mark("Which column is the date of the visit?")),
        (
            r"(?P<name>.+): on which day of the course is (?P<label>.+)\?",
            mark("{name}: on which day of the course is {label}? The treatment begins on day 0."),
        ),
        (r"Does the comma of numbers .+", mark("What does the comma of numbers such as 1,250 mark?")),
        (
            r"These columns of numbers have cells that are none: (?P<names>.+)\. Are such cells kept aside\? .+",
            mark("These columns of numbers have cells that are none: {names}. Are such cells left aside?"),
        ),
        (
            r"Do these cells of a (?:marker|size) mean (?P<state>.+): \[(?P<cells>.+)\]\?",
            mark("Do these cells mean “{state}”: {cells}?"),
        ),
        (r"(?P<name>.+): target, non_target or new lesions\?", mark("{name}: which kind of lesions?")),
        (r"Are the lesions target, non_target or new\?", mark("Which kind of lesions?")),
        (
            r"No column names the lesion\. Does (?P<name>.+) tell the lesions of a patient apart\?",
            mark("No column names the lesion. Which one tells the lesions of a patient apart?"),
        ),
        (
            r"Of the sum of diameters only the change is known \((?P<name>.+)\)\. .+",
            mark(
                "Of the sum of diameters only the change is known ({name}). What was it at baseline: the name of a "
                "column, or a number in mm? With 100 the change is read as it is, and the 5 mm of RECIST mean nothing."
            ),
        ),
        (
            r"(?P<name>.+): what does (?P<cell>.+) say of a new lesion: .+",
            mark("{name}: what does {cell} say of a new lesion?"),
        ),
        (r"Which sheet is read: .+", mark("Which sheet is read?")),
        (
            r"What is (?P<name>.+)\? It looks like a .+, and is not read\. .+",
            mark("What is {name}? It looks like data, and is not read. Say what it is, or ignore."),
        ),
        (
            r"No lesion or marker was recognised\..+",
            mark("No lesion or marker was recognised. Say below what a column is."),
        ),
        (r"(?P<answer>.+) is none of (?P<choices>.+)\.", mark("{answer} is none of {choices}.")),
        (
            r"(?P<answer>.+) is no unit\. .+",
            mark("{answer} is no unit. Write it as on the report: ng/mL, U/mL."),
        ),
        (
            r"(?P<answer>.+) is no day\. .+",
            mark("{answer} is no day. Write a whole number, 0 for the start of the treatment."),
        ),
        (
            r"(?P<answer>.+) is neither a column nor a size in mm\.",
            mark("{answer} is neither a column nor a size in mm."),
        ),
        (
            r"(?P<answer>.+) says nothing of a column\. .+",
            mark("{answer} says nothing of a column. Choose from the list, or write a marker with its unit."),
        ),
    )
)


def choice_in_words(choice: str, words: Language) -> str:
    """An answer in words: of a list whether it is so."""
    if choice.startswith("["):
        return words.text("no") if choice == "[]" else words.text("yes")
    text = plain(choice)
    return words.text(_CHOICES[text]) if text in _CHOICES else text


def columns_in_words(table: Mapping[str, Any], words: Language) -> Iterator[tuple[str, str]]:
    """Each column that is read, and what it became."""
    for column, key in table["became"].items():
        part, _, name = key.partition(".")
        known = column_name(name, words) if name in COLUMN_NAMES else words.text("which rows are read")
        is_table = part in TABLE_NAMES and part != "patients"
        yield (
            column,
            words.text("{table}: {column}", table=words.text(TABLE_NAMES[part]), column=known)
            if is_table
            else known,
        )


def in_words(said: str, words: Language) -> str:
    """A question or message of a table in the reader's language; as it is where it is none of those known here."""
    for pattern, message in _SAID:
        found = pattern.fullmatch(said)
        if found is not None:
            return words.text(message, **_named(found, words))
    return said


def _named(found: re.Match[str], words: Language) -> dict[str, str]:
    """Its parts; columns of one pattern and counts as people write them."""
    return {
        name: words.text(STATUSES[text])
        if name == "state" and text in STATUSES
        else _TIMES.sub(r" ×\1", text.replace("{n}", "…"))
        for name, text in found.groupdict().items()
    }
