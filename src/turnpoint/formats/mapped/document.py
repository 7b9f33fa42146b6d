"""Reading a mapping file: TOML becomes a declaration, and every mistake in it is reported at once.

    format = "turnpoint mapping 1"      [rows]  whose and when      [patients]  said once a patient
    file = "table.csv"                  [[lesions]] [[markers]] [[doses]] [[events]]  a group of columns each

A value is the name of a column, or `{ is = "CEA" }` for what is the same in every row, or `{ column = "sex", values = {
"1" = "male" } }`. `{n}` stands for each of the block's `n`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from turnpoint.formats.mapped.dates import DATE_FORMATS
from turnpoint.formats.mapped.declaration import (
    DROP,
    FIRST_DATE,
    QUESTION,
    SIZE_UNITS,
    TIME_UNITS,
    Block,
    Declaration,
    Source,
)
from turnpoint.study.findings import Findings
from turnpoint.study.naming import nearest
from turnpoint.study.schema import TABLES

WORDS: Final = ("too_small", "absent", "not_evaluable", "not_detected")
_TOP: Final = (
    "format", "file", "sheet", "header_row", "header_lines", "rows", "patients", "codes", "words", "unmapped",
)  # fmt: skip
_ROWS: Final = (
    "patient_id", "day", "date", "date_format", "decimal_mark", "missing", "text_aside", "day_zero", "fill_down"
)  # fmt: skip
_SOURCE: Final = (
    "column", "is", "values", "unit", "checkboxes", "unit_column", "percent_of", "date_format",
)  # fmt: skip
_BLOCKS: Final = ("lesions", "markers", "doses", "events")
_DERIVED: Final = ("censoring", "reported_value", "reported_unit")


class _Reader:
    """Takes the document apart; mistakes become problems of the mapping file."""

    def __init__(self, name: str, findings: Findings) -> None:
        self.name = name
        self.findings = findings

    def wrong(self, key: str, value: Any, rule: str, mend: str) -> None:
        self.findings.add(self.name, rule, mend, column=key, value=None if value is None else _shown(value))

    def known(self, table: Mapping[str, Any], key: str, names: Sequence[str]) -> None:
        """Report the keys that mean nothing."""
        for name in table:
            if name not in names:
                meant = nearest(name, list(names))
                mend = f"Write {meant}." if meant else f"Known here: {', '.join(names)}."
                self.wrong(f"{key}.{name}" if key else name, None, "not a key of a mapping", mend)

    def text(self, table: Mapping[str, Any], key: str, name: str, default: str | None) -> str | None:
        """A text; a question that is not answered is a mistake."""
        value = table.get(name, default)
        full = f"{key}.{name}" if key else name
        if value == QUESTION:
            self.unanswered(full)
            return default
        if value is not None and not isinstance(value, str):
            self.wrong(full, value, "not text", "Write it in quotes.")
            return default
        return value

    def unanswered(self, key: str) -> None:
        self.wrong(
            key,
            QUESTION,
            "the question is not answered",
            "Write the answer in place of the question mark; turnpoint map guess FILE --replace asks again.",
        )

    def texts(self, table: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
        """A list of texts or numbers, as texts."""
        value = table.get(name, [])
        full = f"{key}.{name}"
        if value == QUESTION:
            self.unanswered(full)
            return ()
        single = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in single):
            self.wrong(full, value, "not a list of texts", 'Write for example ["999", "ND"].')
            return ()
        return tuple(str(one) for one in single)

    def section(self, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = document.get(name, {})
        if isinstance(value, Mapping):
            return value
        self.wrong(name, value, "not a section", f"Write [{name}] on a line of its own.")
        return {}

    def source(self, value: Any, key: str) -> Source | None:
        """One value; None when it is a mistake."""
        if value == QUESTION or (isinstance(value, Mapping) and QUESTION in value.values()):
            part = (
                next((f".{name}" for name in value if value[name] == QUESTION), "")
                if value != QUESTION
                else ""
            )
            self.unanswered(key + part)
            return None
        if isinstance(value, str) and value:
            return Source(column=value)
        if not isinstance(value, Mapping):
            self.wrong(
                key,
                value,
                "not the name of a column",
                'Write it in quotes; { is = "..." } for a fixed value.',
            )
            return None
        return self.told(value, key)

    def told(self, value: Mapping[str, Any], key: str) -> Source | None:
        """One value that is more than the name of a column."""
        self.known(value, key, _SOURCE)
        given = [name for name in ("column", "is", "checkboxes") if name in value]
        if len(given) != 1:
            self.wrong(
                key, value, "says where it comes from never or twice", "Write one of column, is, checkboxes."
            )
            return None
        timed = key.rpartition(".")[2] == "day"
        unit = str(value.get("unit", "days" if timed else "mm"))
        if unit not in (TIME_UNITS if timed else SIZE_UNITS):
            rule = "not a unit of time here" if timed else "not a unit of sizes here"
            self.wrong(
                f"{key}.unit", unit, rule, "Write days, weeks or months." if timed else "Write mm or cm."
            )
            return None
        maps = {name: self.meanings(value, key, name) for name in ("values", "checkboxes")}
        constant, column = value.get("is"), value.get("column")
        if "column" in value and not (isinstance(column, str) and column):
            self.wrong(f"{key}.column", column, "not the name of a column", "Write it in quotes.")
            return None
        return Source(
            column=column,
            constant=None if constant is None else _constant(constant),
            values=maps["values"],
            unit=unit,
            checkboxes=maps["checkboxes"],
            unit_column=self.text(value, key, "unit_column", None),
            percent_of=self.baseline(value, key),
            date_formats=self.date_formats(value, key, "date_format"),
        )

    def baseline(self, source: Mapping[str, Any], key: str) -> str | float | None:
        """What a change in percent is of: a column, or a number in mm."""
        value = source.get("percent_of")
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            return self.text(source, key, "percent_of", None)
        if value > 0:
            return float(value)
        self.wrong(
            f"{key}.percent_of", value, "no sum of diameters", "Write a number of mm above 0, or a column."
        )
        return None

    def date_formats(self, table: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
        """One format of dates, or several."""
        found = self.texts(table, key, name)
        for one in found:
            if one not in DATE_FORMATS:
                mend = f"Write one of {', '.join(DATE_FORMATS)}."
                self.wrong(f"{key}.{name}", one, "not one of those known", mend)
        return tuple(one for one in found if one in DATE_FORMATS)

    def meanings(self, source: Mapping[str, Any], key: str, name: str) -> dict[str, str]:
        """What cells mean, or what a tick means."""
        table = source.get(name, {})
        if not isinstance(table, Mapping):
            self.wrong(f"{key}.{name}", table, "not a table", 'Write { "1" = "male", "2" = "female" }.')
            return {}
        for cell, meaning in table.items():
            if meaning == QUESTION:
                self.unanswered(f"{key}.{name}.{cell}")
        return {str(cell): _constant(meaning) for cell, meaning in table.items()}

    def fields(
        self, table: Mapping[str, Any], key: str, names: Sequence[str], other: Sequence[str] = ()
    ) -> dict[str, Source]:
        """The values of a section or a block."""
        self.known(table, key, [*names, *other])
        found = {name: self.source(table[name], f"{key}.{name}") for name in names if name in table}
        return {name: one for name, one in found.items() if one is not None}

    def blocks(self, document: Mapping[str, Any], table: str) -> list[Block]:
        """The blocks of one table, `{n}` written out."""
        given = document.get(table, [])
        if given == QUESTION:
            self.unanswered(table)
            return []
        if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
            self.wrong(table, None, "not blocks", f"Write [[{table}]] with two brackets.")
            return []
        columns = [column for column in TABLES[table].columns if column.name not in ("patient_id", *_DERIVED)]
        found = []
        for number, one in enumerate(given, start=1):
            key = f"{table}[{number}]"
            fields = self.fields(one, key, [column.name for column in columns], ("n", "only"))
            needed = [column.name for column in columns if column.required and column.name != "status"]
            for name in needed:
                if name not in one:
                    self.wrong(
                        f"{key}.{name}",
                        None,
                        "is missing",
                        f"Write {name} = ...: {TABLES[table].column(name).meaning}.",
                    )
            if table == "lesions" and not {"diameter_mm", "status"} & one.keys():
                self.wrong(key, None, "has neither diameter_mm nor status", "Write one of the two.")
            told = self.section(one, "only")
            only = {column: cells for column in told if (cells := self.texts(told, f"{key}.only", column))}
            found += _written_out(table, fields, only, self.numbers(one, key))
        return found

    def numbers(self, block: Mapping[str, Any], key: str) -> list[str]:
        value = block.get("n")
        uses = "{n}" in str(block)
        if value is None:
            if uses:
                self.wrong(f"{key}.n", None, "{n} is used but not said", "Write n = [1, 2, 3].")
            return [""]
        if not isinstance(value, list) or not value or not all(isinstance(one, int | str) for one in value):
            self.wrong(f"{key}.n", value, "not a list of numbers", "Write n = [1, 2, 3].")
            return [""]
        return [str(one) for one in value]


def parsed(text: str, name: str, findings: Findings) -> Declaration | None:
    """The mapping in a TOML text; None when it has mistakes, all of them in the findings.

    Args:
        text: of the mapping file.
        name: its name, for messages.
        findings: where problems go.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        findings.add(name, f"not TOML ({error})", "Mend that line; text stands in quotes.")
        return None
    return declared(document, name, findings)


def declared(document: Mapping[str, Any], name: str, findings: Findings) -> Declaration | None:
    """The mapping in a TOML document; None when it has mistakes, all of them in the findings.

    Args:
        document: as `tomllib` gives it.
        name: of the mapping file, for messages.
        findings: where problems go.
    """
    read = _Reader(name, findings)
    read.known(document, "", (*_TOP, *_BLOCKS))
    rows = read.section(document, "rows")
    read.known(rows, "rows", _ROWS)
    times = {name: read.source(rows[name], f"rows.{name}") for name in ("day", "date") if name in rows}
    patients = read.fields(
        read.section(document, "patients"),
        "patients",
        [column.name for column in TABLES["patients"].columns if column.name != "patient_id"],
    )
    blocks = [block for table in _BLOCKS for block in read.blocks(document, table)]
    codes, words = read.section(document, "codes"), read.section(document, "words")
    read.known(words, "words", WORDS)
    found = Declaration(
        file=_file(read, document),
        sheet=read.text(document, "", "sheet", None),
        header_row=_lines(read, document, "header_row"),
        header_lines=_lines(read, document, "header_lines"),
        patient=_patient(read, rows),
        times={name: one for name, one in times.items() if one is not None},
        date_formats=read.date_formats(rows, "rows", "date_format") or ("yyyy-mm-dd",),
        decimal_mark=_one_of(read, rows, "decimal_mark", "", ("", ".", ",")) or None,
        missing=read.texts(rows, "rows", "missing"),
        codes={column: read.texts(codes, "codes", column) for column in codes},
        text_aside=read.texts(rows, "rows", "text_aside"),
        day_zero_is_first_date=_one_of(read, rows, "day_zero", "", ("", FIRST_DATE)) == FIRST_DATE,
        fill_down=read.texts(rows, "rows", "fill_down"),
        patients=patients,
        blocks=tuple(blocks),
        words={name: read.texts(words, "words", name) for name in WORDS if name in words},
        ignored=_ignored(read, read.section(document, "unmapped")),
    )
    _report_contradictions(read, document, found)
    return None if findings.has_errors_in(name) else found


def _file(read: _Reader, document: Mapping[str, Any]) -> str:
    file = read.text(document, "", "file", None)
    if not file:
        mend = 'Write file = "table.csv", the name of the table beside this file.'
        read.wrong("file", None, "is missing", mend)
    return file or ""


def _lines(read: _Reader, document: Mapping[str, Any], name: str) -> int:
    number = document.get(name, 1)
    if isinstance(number, int) and not isinstance(number, bool) and number >= 1:
        return number
    mend = (
        "Write the number of the line with the column names."
        if name == "header_row"
        else "Write how many lines hold the column names."
    )
    read.wrong(name, number, "not a line" if name == "header_row" else "not a number of lines", mend)
    return 1


def _patient(read: _Reader, rows: Mapping[str, Any]) -> Source:
    if "patient_id" not in rows:
        read.wrong("rows.patient_id", None, "is missing", "Name the column of the patient.")
        return Source()
    return read.source(rows["patient_id"], "rows.patient_id") or Source()


def _report_contradictions(read: _Reader, document: Mapping[str, Any], found: Declaration) -> None:
    """What each key allows and all together do not."""
    if not {"lesions", "markers"} & document.keys():
        read.wrong("lesions", None, "there is neither [[lesions]] nor [[markers]]", "Write one of the two.")
    own_time = [{"day", "date"} & block.fields.keys() for block in found.blocks]
    rows, patients = (
        said if isinstance(said := document.get(name), Mapping) else {} for name in ("rows", "patients")
    )
    if not {"day", "date"} & rows.keys() and not all(own_time):
        read.wrong(
            "rows.date",
            None,
            "there is no time",
            "Write date = or day = with its column, here or in each block.",
        )
    if found.header_lines > found.header_row:
        rule = "more lines of names than there are up to header_row"
        read.wrong(
            "header_lines", found.header_lines, rule, "Write the last line of the names as header_row."
        )
    has_dates = "date" in rows or any("date" in block.fields for block in found.blocks)
    if has_dates and "start_date" not in patients and "day_zero" not in rows:
        read.wrong(
            "rows.day_zero",
            None,
            "dates need a day 0",
            f'Write start_date = under [patients], or day_zero = "{FIRST_DATE}" under [rows].',
        )


def _written_out(
    table: str, fields: Mapping[str, Source], only: Mapping[str, tuple[str, ...]], numbers: Sequence[str]
) -> list[Block]:
    def put(text: str | None, number: str) -> str | None:
        return None if text is None else text.replace("{n}", number)

    return [
        Block(
            table,
            {
                name: replace(
                    one,
                    column=put(one.column, number),
                    constant=put(one.constant, number),
                    checkboxes={put(column, number) or "": text for column, text in one.checkboxes.items()},
                    unit_column=put(one.unit_column, number),
                )
                for name, one in fields.items()
            },
            only,
        )
        for number in numbers
    ]


def _one_of(read: _Reader, table: Mapping[str, Any], name: str, default: str, known: Sequence[str]) -> str:
    value = read.text(table, "rows", name, default) or default
    if value not in known:
        read.wrong(
            f"rows.{name}",
            value,
            "not one of those known",
            f"Write one of {', '.join(one for one in known if one)}.",
        )
        return default
    return value


def _ignored(read: _Reader, table: Mapping[str, Any]) -> dict[str, str]:
    for column, answer in table.items():
        if answer == QUESTION:
            read.wrong(
                f"unmapped.{column}",
                QUESTION,
                "the question is not answered",
                'Write "ignore", or name the column in a block above and delete this line.',
            )
        elif answer not in ("ignore", DROP):
            mend = 'Write "ignore" or "drop", or delete the line.'
            read.wrong(f"unmapped.{column}", answer, "not an answer", mend)
    return {column: str(answer) for column, answer in table.items()}


def _constant(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
