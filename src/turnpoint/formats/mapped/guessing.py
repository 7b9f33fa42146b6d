"""A first mapping of a wide table: what its columns are by their names and cells, and questions where they do not tell.

Nothing is guessed in silence: what is unsure becomes a question mark in the mapping, and a mapping with a question
mark is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from turnpoint.formats.mapped.cells import Sheet
from turnpoint.formats.mapped.columns import ONE_A_ROW, PERSONAL, Meaning
from turnpoint.formats.mapped.dates import DATE_FORMATS
from turnpoint.formats.mapped.declaration import FIRST_DATE
from turnpoint.formats.mapped.facts import (
    ABSENT,
    NOT_EVALUABLE,
    NOT_KNOWN,
    SURE,
    TOO_SMALL,
    Facts,
    folded,
    share,
    written_as,
)
from turnpoint.formats.mapped.questions import Guess, Line, Question, one_line, quoted
from turnpoint.study.markers import MARKERS
from turnpoint.study.schema import fold

_CODES: Final = ("999", "-999", "9999", "-9", "-99", "99", "998", "997", "-1", "-8", "-7")
_COMMA: Final = r"^[<>]?\s*[+-]?\d+,\d+$"
_PATIENT: Final = ("start_date", "arm", "tumour_type", "sex", "birth_year", "line", "death_date", "death_day")
_SEXES: Final = ("male", "female", "other", "unknown", "m", "f", "w", "u")
_MOST_VALUES: Final = 12


def guess(sheet: Sheet, *, sheet_name: str | None = None, header_row: int = 1) -> Guess:
    """A first mapping of a table, by the names and the cells of its columns.

    Args:
        sheet: the table.
        sheet_name: of a workbook.
        header_row: the line of the column names.
    """
    facts = Facts(sheet)
    return _Writer(facts, sheet_name, header_row).written()


class _Writer:
    """Writes the mapping section by section; a column that a section reads is understood."""

    def __init__(self, facts: Facts, sheet_name: str | None, header_row: int) -> None:
        self.facts = facts
        self.lines: list[Line] = []
        self.read: set[str] = set()
        self.head = [Line('format = "turnpoint mapping 1"'), Line(f"file = {quoted(facts.sheet.file)}")]
        self.head += [Line(f"sheet = {quoted(sheet_name)}")] if sheet_name else []
        self.head += [Line(f"header_row = {header_row}")] if header_row != 1 else []

    def written(self) -> Guess:
        self.rows()
        self.patients()
        self.words()
        self.lesions()
        self.long_lesions()
        self.markers()
        if not any(line.before.startswith(("\n[[lesions]]", "\n[[markers]]")) for line in self.lines):
            asked = (
                "No lesion or marker was recognised. Delete this line and write [[lesions]] or [[markers]]."
            )
            self.head.append(Line("lesions = ", Question("lesions", asked)))
        for table, telling in (("doses", "drug"), ("events", "term")):
            self.plain_block(table, telling)
        unsure = self.unmapped()
        columns = self.facts.sheet.columns
        understood = tuple(name for name in columns if name not in unsure)
        note = Line(
            f"# A first mapping of {one_line(self.facts.sheet.file)}: {len(understood)} of {len(columns)} columns "
            "understood. Check every line."
        )
        return Guess((note, *self.head, *self.lines), len(columns), understood, unsure)

    def add(self, text: str, question: Question | None = None, after: str = "") -> None:
        self.lines.append(Line(text, question, after))

    def use(self, key: str, name: str) -> None:
        """A line that reads a column."""
        self.read.add(name)
        self.add(f"{key} = {quoted(name)}")

    def rows(self) -> None:
        """Whose and when."""
        facts = self.facts
        self.add("\n[rows]")
        patients = facts.of("patient")
        if patients:
            self.use("patient_id", patients[0])
        else:
            self.add("patient_id = ", Question("rows.patient_id", "Which column names the patient?"))
        times = [*facts.of("day"), *facts.of("date")]
        if len(times) == 1 or (times and facts.of("day")):
            self.use(facts.meanings[times[0]].kind, times[0])
        elif times:
            listed = ", ".join(times)
            found = Question(
                "rows.date", f"Which column is the date of the visit: {listed}?", quoted(times[0])
            )
            self.read.add(times[0])
            self.add("date = ", found)
        elif "redcap_event_name" in facts.sheet.columns:
            self.events_as_days()
        elif not facts.of("lesion_date") and not facts.of("marker_date"):
            self.add(
                "date = ",
                Question("rows.date", "Which column is the date of the visit? (Or write day = ...)"),
            )
        self.date_format()
        if any(share(facts.cells(name), pl.col("cell").str.contains(_COMMA)) > 0 for name in self.numeric()):
            self.add('decimal_mark = ","')
        self.missing()
        if not facts.of("day") and not facts.of("start_date"):
            text = (
                f"What is day 0? {FIRST_DATE} takes each patient's first date; better is a column of the start of "
                "treatment: start_date under [patients]."
            )
            self.add("day_zero = ", Question("rows.day_zero", text, quoted(FIRST_DATE)))

    def events_as_days(self) -> None:
        """Without dates, the day that each event of a REDCap project stands for."""
        self.use("day.column", "redcap_event_name")
        for event in self.facts.cells("redcap_event_name").unique(maintain_order=True).to_list():
            asked = Question(f"rows.day.{event}", f"On which day of the course is {event}?", _day_of(event))
            self.add(f"day.values.{quoted(event)} = ", asked)

    def numeric(self) -> list[str]:
        """The columns of numbers that the mapping reads."""
        return [*self.facts.of("size"), *self.facts.of("marker")]

    def date_format(self) -> None:
        """How dates are written, by those cells that allow one way only."""
        dates = [name for name, is_date in self.facts.is_date.items() if is_date]
        if not dates:
            return
        cells = pl.concat([self.facts.cells(name) for name in dates])
        fitting = [way for way in DATE_FORMATS if share(cells, written_as(way)) >= SURE]
        if "yyyy-mm-dd" in fitting or not fitting:
            return
        if len(fitting) == 1:
            self.add(f"date_format = {quoted(fitting[0])}")
            return
        asked = f"Every date could be {' or '.join(fitting)}. Which is it?"
        self.add(
            "date_format = ", Question("rows.date_format", asked, None, ", ".join(cells.head(3).to_list()))
        )

    def missing(self) -> None:
        """Codes and words in columns of numbers that may say that nothing is known."""
        found: dict[str, int] = {}
        for name in self.numeric():
            cells = self.facts.cells(name)
            codes = cells.is_in(list(_CODES)) | folded(cells).is_in(list(NOT_KNOWN))
            for cell in cells.filter(codes).to_list():
                found[cell] = found.get(cell, 0) + 1
        if found:
            listed = ", ".join(f"{cell} ({count} times)" for cell, count in found.items())
            proposal = "[" + ", ".join(quoted(cell) for cell in found) + "]"
            text = f"Do these cells say that nothing is known: {listed}? Write [] if they are values."
            self.add("missing = ", Question("rows.missing", text, proposal))

    def patients(self) -> None:
        """What is said once a patient."""
        found = [(kind, names[0]) for kind in _PATIENT if (names := self.facts.of(kind))]
        if not found:
            return
        self.add("\n[patients]")
        for kind, name in found:
            if kind == "sex":
                self.coded(kind, name, _SEXES)
            else:
                self.use(kind, name)

    def words(self) -> None:
        """Words in place of a size."""
        found: dict[str, dict[str, None]] = {"too_small": {}, "absent": {}, "not_evaluable": {}}
        kinds = (("too_small", TOO_SMALL), ("absent", ABSENT), ("not_evaluable", NOT_EVALUABLE))
        for name in self.facts.of("size"):
            cells = self.facts.cells(name)
            for status, words in kinds:
                found[status] |= dict.fromkeys(
                    cells.filter(folded(cells).is_in(list(words))).unique().sort().to_list()
                )
        if not any(found.values()):
            return
        self.add("\n[words]  # cells of a size that are a state instead")
        for status, cells_found in found.items():
            if cells_found:
                listed = "[" + ", ".join(quoted(cell) for cell in cells_found) + "]"
                asked = Question(
                    f"words.{status}", f"Do these cells of a size mean {status}: {listed}?", listed
                )
                self.add(f"{status} = ", asked)

    def lesions(self) -> None:
        """A block for each pattern of names and numbers."""
        groups: dict[tuple[str, str | None], dict[str, list[Meaning]]] = {}
        for name in self.facts.sheet.columns:
            meaning = self.facts.meanings[name]
            if meaning.pattern is not None:
                group = groups.setdefault((meaning.entity, meaning.role), {})
                group.setdefault(meaning.kind, []).append(meaning)
        for (entity, role), kinds in groups.items():
            for pattern, numbers in _patterns(kinds.get("size", kinds.get("status", []))).items():
                self.lesion_block(entity, role, pattern, numbers, kinds)

    def lesion_block(
        self,
        entity: str,
        role: str | None,
        pattern: str,
        numbers: Sequence[str],
        kinds: Mapping[str, list[Meaning]],
    ) -> None:
        sized = "size" in kinds
        self.add(f"\n[[lesions]]  # {one_line(pattern)}")
        many = numbers != [""]
        if many:
            self.add(f"n = [{', '.join(quoted(number) for number in numbers)}]")
        label = {"target": "T", "non_target": "NT", "new": "N"}.get(role or "", "L")
        self.add(f"lesion_id = {{ is = {quoted(label + '{n}' if many else entity)} }}")
        if role is None:
            asked = Question(
                f"lesions.{pattern}.role", f"{pattern}: target, non_target or new lesions?", quoted("target")
            )
            self.add("role = { is = ", asked, " }")
        else:
            self.add(f"role = {{ is = {quoted(role)} }}")
        self.read |= {pattern.replace("{n}", number) for number in numbers}
        if sized:
            self.size(pattern, numbers, kinds["size"])
        else:
            self.add(f"status = {quoted(pattern)}")
        for kind, key in (("site", "site"), ("status", "status"), ("node", "node"), ("lesion_date", "date")):
            for other, its_numbers in _patterns(kinds.get(kind, [])).items():
                if other != pattern and set(numbers) <= set(its_numbers):
                    self.add(f"{key} = {quoted(other)}")
                    self.read |= {other.replace("{n}", number) for number in numbers}
                    break

    def size(self, pattern: str, numbers: Sequence[str], sizes: Sequence[Meaning]) -> None:
        """The size, in mm or cm if the name says so."""
        unit = next((one.unit for one in sizes if one.pattern in (pattern, None)), None)
        if unit is not None:
            part = "" if unit == "mm" else f', unit = "{unit}"'
            self.add(f"diameter_mm = {{ column = {quoted(pattern)}{part} }}")
            return
        names = [pattern.replace("{n}", number) for number in numbers]
        shown = "; ".join(self.facts.examples(name) for name in names[:2])
        asked = Question(f"lesions.{pattern}.unit", f"{pattern}: in mm or in cm?", quoted("mm"), shown)
        self.add(f"diameter_mm = {{ column = {quoted(pattern)}, unit = ", asked, " }")

    def long_lesions(self) -> None:
        """A block for a table with one row a lesion, as repeating instruments of REDCap have it."""
        facts = self.facts
        own = {
            kind: name
            for kind in ("lesion_id", "role", "size", "site", "status", "lesion_date")
            for name in facts.of(kind)
            if facts.meanings[name].entity == ONE_A_ROW
        }
        if "lesion_id" not in own or not {"size", "status"} & own.keys():
            return
        self.add("\n[[lesions]]  # one row a lesion")
        self.use("lesion_id", own["lesion_id"])
        if "role" in own:
            self.coded("role", own["role"], ("target", "non_target", "new"))
        else:
            asked = Question("lesions.role", "Are the lesions target, non_target or new?", quoted("target"))
            self.add("role = { is = ", asked, " }")
        if "size" in own:
            self.read.add(own["size"])
            self.size(own["size"], [""], [facts.meanings[own["size"]]])
        for kind, key in (("site", "site"), ("status", "status"), ("lesion_date", "date")):
            if kind in own:
                self.use(key, own[kind])

    def coded(self, key: str, name: str, allowed: Sequence[str]) -> None:
        """A column of categories: as it is where its cells are known, else a question for each of them."""
        self.read.add(name)
        values = sorted(self.facts.cells(name).unique().to_list())
        if {fold(value) for value in values} <= {fold(value) for value in allowed}:
            self.add(f"{key} = {quoted(name)}")
            return
        for value in values[:_MOST_VALUES]:
            asked = f"{name}: what does {value} mean: {', '.join(allowed[:4])}?"
            self.add(f"{key}.values.{quoted(value)} = ", Question(f"{key}.{value}", asked))
        self.add(f"{key}.column = {quoted(name)}")

    def markers(self) -> None:
        """A block for each marker."""
        for name in self.facts.of("marker"):
            meaning = self.facts.meanings[name]
            marker = MARKERS[meaning.entity]
            self.add("\n[[markers]]")
            self.add(f"marker = {{ is = {quoted(marker.name)} }}")
            self.use("value", name)
            beside = {
                kind: [
                    other for other in self.facts.of(kind) if self.facts.meanings[other].entity == marker.name
                ]
                for kind in ("marker_unit", "marker_limit", "marker_date")
            }
            if beside["marker_unit"]:
                self.use("unit", beside["marker_unit"][0])
            elif meaning.unit is not None:
                self.add(f"unit = {{ is = {quoted(meaning.unit)} }}")
            else:
                asked = f"{name}: in which unit is {marker.name}? Usual is {marker.unit}."
                found = Question(
                    f"markers.{name}.unit", asked, quoted(marker.unit), self.facts.examples(name)
                )
                self.add("unit = { is = ", found, " }")
            for kind, key in (("marker_limit", "upper_limit"), ("marker_date", "date")):
                if beside[kind]:
                    self.use(key, beside[kind][0])

    def plain_block(self, table: str, telling: str) -> None:
        """Doses and events, where the columns have the study's own names or usual ones."""
        fields = {
            meaning.entity: name
            for name, meaning in self.facts.meanings.items()
            if meaning.kind == table and name not in self.read
        }
        needed = {telling} | ({"grade"} if table == "events" else set())
        if not needed <= fields.keys():
            return
        self.add(f"\n[[{table}]]")
        for key, name in fields.items():
            self.use(key, name)

    def unmapped(self) -> tuple[str, ...]:
        """What is left: known to be of no use, or a question each."""
        left = [name for name in self.facts.sheet.columns if name not in self.read]
        if not left:
            return ()
        self.add(
            '\n[unmapped]  # "ignore", "drop" (kept nowhere), or map the column above and delete its line'
        )
        unsure = []
        for name in left:
            meaning = self.facts.meanings[name]
            if meaning.kind == "ignored":
                answer = "drop" if meaning.entity == PERSONAL else "ignore"
                self.add(f"{quoted(name)} = {quoted(answer)}  # {meaning.entity}")
            elif not len(self.facts.cells(name)):
                self.add(f'{quoted(name)} = "ignore"  # empty')
            else:
                unsure.append(name)
                asked = Question(
                    f"unmapped.{name}",
                    f"What is {name}? It is not read.",
                    quoted("ignore"),
                    self.facts.examples(name),
                )
                self.add(f"{quoted(name)} = ", asked)
        return tuple(unsure)


def _day_of(event: str) -> str | None:
    """The day that the name of a visit says: week_6_arm_1 is 42."""
    said = re.search(r"(day|week|month)_?(\d{1,3})(?!\d)", event.lower())
    if said is None:
        return "0" if "baseline" in event.lower() else None
    # A month is 365.25 / 12 days.
    return str(round(int(said[2]) * {"day": 1, "week": 7, "month": 30.4375}[said[1]]))


def _patterns(meanings: Sequence[Meaning]) -> dict[str, list[str]]:
    """The numbers of each pattern of names."""
    found: dict[str, list[str]] = {}
    for meaning in meanings:
        if meaning.pattern is not None:
            found.setdefault(meaning.pattern, []).append(meaning.number)
    return found
