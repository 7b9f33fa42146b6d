"""A first mapping of a wide table: what its columns are by their names and cells, and questions where they do not tell.

Nothing is guessed in silence: what is unsure becomes a question mark in the mapping, and a mapping with a question
mark is not read. What is taken without a question (sizes above 15 are in mm) is written down, or warned of when read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from turnpoint.formats.mapped import guessing_lesions, guessing_rows
from turnpoint.formats.mapped.cells import Sheet
from turnpoint.formats.mapped.columns import Meaning, day_in, unit_in
from turnpoint.formats.mapped.dictionary import Dictionary
from turnpoint.formats.mapped.facts import Facts
from turnpoint.formats.mapped.names import FREE_TEXT, PERSONAL
from turnpoint.formats.mapped.questions import Draft, Guess, Line, Question, one_line, quoted
from turnpoint.study.markers import MARKERS, find_marker

_PATIENT: Final = ("start_date", "arm", "tumour_type", "sex", "birth_year", "line", "death_date", "death_day")
_SEXES: Final = ("male", "female", "other", "unknown", "m", "f", "w", "u")
# Kinds that are of no use where the table has what they are computed from, or a better one.
_COMPUTED: Final[Mapping[str, str]] = {
    "sum": "computed from the lesions",
    "change": "computed from the sizes",
    "visit": "the name of the visit",
    "week": "another column says when",
    "month": "another column says when",
    "day": "another column says when",
}


def guess(
    sheet: Sheet,
    *,
    sheet_name: str | None = None,
    header: tuple[int, int] = (1, 1),
    told: Mapping[str, str] | None = None,
    dictionary: Dictionary | None = None,
) -> Guess:
    """A first mapping of a table, by the names and the cells of its columns.

    Args:
        sheet: the table.
        sheet_name: of a workbook.
        header: the line of the column names, the last one where there are several, and how many.
        told: by column, what a person says that it is: `patient`, `date`, `day`, `week`, `target mm`, `non_target
            cm`, `CEA ng/mL`, `note`.
        dictionary: of the project.

    Raises:
        ValueError: something told that means nothing.
    """
    meanings = {name: as_meaning(name, what) for name, what in (told or {}).items()}
    return _Writer(Facts(sheet, meanings, dictionary), sheet_name, header).written()


def as_meaning(name: str, what: str) -> Meaning:
    """What a person says that a column is.

    Args:
        name: of the column.
        what: as for `guess`.

    Raises:
        ValueError: it means nothing.

    >>> as_meaning("RP", "target cm").unit
    'cm'
    """
    first, _, rest = what.strip().partition(" ")
    if first in ("patient", "date", "day", "week", "start_date", "new_flag") and not rest:
        return Meaning(first)
    day = day_in(name)
    if first in ("target", "non_target", "new") and rest in ("", "mm", "cm"):
        return Meaning("size", first, name, role=first, unit=rest or None, day=day, base=first)
    if first == "sum" and rest in ("", "mm", "cm"):
        return Meaning("sum", unit=rest or None, day=day)
    marker = find_marker(what) or find_marker(what.rpartition(" ")[0])
    unit = unit_in(what.rpartition(" ")[2]) if marker is not None and find_marker(what) is None else None
    if marker is not None and (unit is not None or find_marker(what) is not None):
        return Meaning("marker", marker.name, unit=unit, day=day)
    if first == "note":
        return Meaning("ignored", FREE_TEXT)
    raise ValueError(
        f"{what} says nothing of a column. Write ignore, drop, patient, date, day, week, start_date, new_flag, "
        "target mm, non_target cm, new mm, sum mm, or a marker with its unit: CEA ng/mL."
    )


class _Writer:
    """Writes the mapping section by section; a column that a section reads is understood."""

    def __init__(self, facts: Facts, sheet_name: str | None, header: tuple[int, int]) -> None:
        self.facts = facts
        self.draft = Draft()
        self.head = [Line('format = "turnpoint mapping 1"'), Line(f"file = {quoted(facts.sheet.file)}")]
        self.head += [Line(f"sheet = {quoted(sheet_name)}")] if sheet_name else []
        self.head += [Line(f"header_row = {header[0]}")] if header[0] != 1 else []
        self.head += [Line(f"header_lines = {header[1]}")] if header[1] != 1 else []

    def written(self) -> Guess:
        facts, draft = self.facts, self.draft
        guessing_rows.rows(facts, draft)
        self.patients()
        guessing_rows.codes(facts, draft)
        guessing_lesions.words(facts, draft)
        guessing_lesions.lesions(facts, draft)
        self.markers()
        self.long_markers()
        if not any(line.before.startswith(("\n[[lesions]]", "\n[[markers]]")) for line in draft.lines):
            asked = (
                "No lesion or marker was recognised. Delete this line and write [[lesions]] or [[markers]]."
            )
            self.head.append(Line("lesions = ", Question("lesions", asked)))
        for table, telling in (("doses", "drug"), ("events", "term")):
            self.plain_block(table, telling)
        unsure, aside = self.unmapped()
        columns = facts.sheet.columns
        understood = tuple(name for name in columns if name not in unsure)
        note = Line(
            f"# A first mapping of {one_line(facts.sheet.file)}: {len(understood)} of {len(columns)} columns "
            "understood. Check every line."
        )
        return Guess((note, *self.head, *draft.lines), len(columns), understood, unsure, aside)

    def patients(self) -> None:
        """What is said once a patient."""
        found = [(kind, names[0]) for kind in _PATIENT if (names := self.facts.of(kind))]
        if not found:
            return
        self.draft.add("\n[patients]")
        for kind, name in found:
            if kind == "sex":
                guessing_lesions.coded(self.facts, self.draft, kind, name, _SEXES)
            else:
                self.draft.use(kind, name)

    def markers(self) -> None:
        """A block for each marker."""
        facts, draft = self.facts, self.draft
        for name in facts.of("marker"):
            meaning = facts.meanings[name]
            marker = MARKERS[meaning.entity]
            beside = {
                kind: [other for other in facts.of(kind) if facts.meanings[other].entity == marker.name]
                for kind in ("marker_unit", "marker_limit", "marker_date")
            }
            units = beside["marker_unit"] or (facts.of("unit") if len(facts.of("marker")) == 1 else [])
            draft.add("\n[[markers]]")
            draft.add(f"marker = {{ is = {quoted(marker.name)} }}")
            draft.use("value", name)
            if meaning.day is not None:
                draft.add(f'day = {{ is = "{meaning.day}" }}')
            if units:
                draft.use("unit", units[0])
            elif meaning.unit is not None:
                draft.add(f"unit = {{ is = {quoted(meaning.unit)} }}")
            else:
                asked = f"{name}: in which unit is {marker.name}? Usual is {marker.unit}."
                key = f"markers.{marker.name if meaning.day is not None else name}.unit"
                found = Question(key, asked, quoted(marker.unit), facts.examples(name))
                draft.add("unit = { is = ", found, " }")
            for kind, key in (("marker_limit", "upper_limit"), ("marker_date", "date")):
                if beside[kind]:
                    draft.use(key, beside[kind][0])
            if not beside["marker_date"] and meaning.day is None:
                own = guessing_rows.date_of(facts, name, lab=True)
                if own is not None:
                    draft.use("date", own)

    def long_markers(self) -> None:
        """A block for a table with one row a laboratory result: those of tumour markers are read."""
        facts, draft = self.facts, self.draft
        tests, results = facts.of("test"), facts.of("result")
        if not tests or not results:
            return
        names = facts.cells(tests[0]).unique(maintain_order=True).to_list()
        known = [name for name in names if find_marker(name) is not None]
        if not known:
            return
        draft.add("\n[[markers]]  # one row a result")
        draft.use("marker", tests[0])
        draft.use("value", results[0])
        if facts.of("unit"):
            draft.use("unit", facts.of("unit")[0])
        else:
            found = Question(
                "markers.unit", "In which unit are the results?", None, facts.examples(results[0])
            )
            draft.add("unit = { is = ", found, " }")
        if facts.of("limit"):
            draft.use("upper_limit", facts.of("limit")[0])
        own = guessing_rows.date_of(facts, results[0], lab=True)
        if own is not None:
            draft.use("date", own)
        if len(known) < len(names):
            listed = ", ".join(map(quoted, known))
            draft.add(
                f"only = {{ {quoted(tests[0])} = [{listed}] }}  # the other results are no tumour markers"
            )

    def plain_block(self, table: str, telling: str) -> None:
        """Doses and events, where the columns have the study's own names or usual ones."""
        fields = {
            meaning.entity: name
            for name, meaning in self.facts.meanings.items()
            if meaning.kind == table and name not in self.draft.read
        }
        needed = {telling} | ({"grade"} if table == "events" else set())
        if not needed <= fields.keys():
            return
        self.draft.add(f"\n[[{table}]]")
        for key, name in fields.items():
            self.draft.use(key, name)

    def unmapped(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is left: known to be of no use, or a question each. Returns the unsure ones, and all that is left."""
        draft, facts = self.draft, self.facts
        left = [name for name in facts.sheet.columns if name not in draft.read]
        if not left:
            return (), ()
        draft.add(
            '\n[unmapped]  # "ignore", "drop" (kept nowhere), or map the column above and delete its line'
        )
        unsure = []
        for name in left:
            meaning = facts.meanings[name]
            why = meaning.entity if meaning.kind == "ignored" else self.superseded(meaning)
            if not len(facts.cells(name)):
                draft.add(f'{quoted(name)} = "ignore"  # empty')
            elif why is not None:
                answer = "drop" if why == PERSONAL else "ignore"
                draft.add(f"{quoted(name)} = {quoted(answer)}  # {why}")
            else:
                unsure.append(name)
                draft.add(f"{quoted(name)} = ", self.asked(name, meaning))
        return tuple(unsure), tuple(left)

    def superseded(self, meaning: Meaning) -> str | None:
        """Why a column is not needed although it is understood; None when nothing says so."""
        sized = bool(self.facts.of("size") or self.facts.of("sum"))
        if meaning.kind in ("sum", "change"):
            return _COMPUTED[meaning.kind] if sized or meaning.entity == "other" else None
        if meaning.kind == "date" and any(line.before.startswith("day") for line in self.draft.lines):
            return "another column says when"
        if meaning.kind == "patient":
            return "another column names the patient"
        return _COMPUTED.get(meaning.kind)

    def asked(self, name: str, meaning: Meaning) -> Question:
        """What is asked of a column that nothing reads; one that looks like data needs a no in words."""
        key, shown = f"unmapped.{name}", self.facts.examples(name)
        akin = meaning.looks_like or {
            "size": "size", "lesion_date": "date", "marker_date": "date", "date": "date", "marker": "marker",
            "result": "marker", "sum": "size", "change": "size", "test": "marker", "new_flag": "new lesion",
        }.get(meaning.kind, "")  # fmt: skip
        if akin:
            text = (
                f"What is {name}? It looks like a {akin}, and is not read. Say what it is (target mm, CEA ng/mL), or "
                "ignore."
            )
            return Question(key, text, None, shown)
        return Question(key, f"What is {name}? It is not read.", quoted("ignore"), shown, optional=True)
