"""Whose and when: the section [rows] of a first mapping."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from turnpoint.errors import counted
from turnpoint.formats.mapped.columns import day_in, rank
from turnpoint.formats.mapped.dates import EXCEL, fitting, several
from turnpoint.formats.mapped.declaration import FIRST_DATE
from turnpoint.formats.mapped.facts import NOT_KNOWN, SURE, Facts, folded, share
from turnpoint.formats.mapped.numbers import looks_numeric
from turnpoint.formats.mapped.questions import Draft, Question, all_quoted, one_line, quoted
from turnpoint.formats.mapped.vocabulary import bracketed
from turnpoint.study.schema import fold

_CODES: Final = (999, 9999, 998, 997, 996, 888, 777, 99, 98, 88)
# No diameter is as long (the study's own limit, in mm), and no diameter or marker is below 0.
_LONGEST_MM: Final = 500
# A code for missing stands far above what a column holds otherwise.
_FAR_ABOVE: Final = 2
_COMMA: Final = r"\d,\d{1,2}(\D|$)|\d,\d{4,}"
_EITHER: Final = r"^[<>≤≥]?=?\s*[+-]?[1-9]\d{0,2},\d{3}\D*$"
_SCAN: Final = re.compile(r"(?i)scan|ct|mr[it]|imag|影像|扫描|staging")
_LAB: Final = re.compile(r"(?i)lab|blood|sample|collect|draw|specimen|result|abnahme|采样|采血|检验|检测")
_PATTERNS: Final = re.compile(r"(?i)[dmyjt]{1,4}([./-])[dmyjt]{1,4}\1[dmyjt]{1,4}")
# Names that a column of row numbers, or of the study, may have too.
_WEAK_NAMES: Final = ("id", "studyid", "编号")
_MOST_VALUES: Final = 40


def rows(facts: Facts, draft: Draft) -> None:
    """Write the section."""
    draft.add("\n[rows]")
    _patient(facts, draft)
    _date_formats(facts, draft)
    place = len(draft.lines)
    _times(facts, draft)
    dated = any(line.before.startswith("date") for line in draft.lines[place:])
    _decimal_mark(facts, draft)
    _missing(facts, draft)
    _texts(facts, draft)
    if dated and not facts.of("start_date"):
        draft.add("# No column says when treatment began: day 0 is each patient's first date.")
        draft.add(f"day_zero = {quoted(FIRST_DATE)}")


def date_of(facts: Facts, name: str, *, lab: bool) -> str | None:
    """The date that a column of sizes or markers has of its own; None where that of the row is meant."""
    first = first_date(facts)
    filled = facts.frame.filter(pl.col(name).is_not_null())
    if first is None or not filled.height:
        return None
    covering = [
        other
        for other in facts.of("date")
        if filled[other].is_not_null().mean() >= SURE  # type: ignore[operator]
    ]
    own = [other for other in covering if (_LAB if lab else _SCAN).search(other) and other != first]
    if len(own) == 1 and not (_LAB if lab else _SCAN).search(first):
        return own[0]
    return covering[0] if first not in covering and len(covering) == 1 else None


def first_date(facts: Facts) -> str | None:
    """The date of the row, where the names tell it."""
    dates = facts.of("date")
    general = [name for name in dates if not _SCAN.search(name) and not _LAB.search(name)]
    scans = [name for name in dates if _SCAN.search(name)]
    for some in (dates, general, scans):
        if len(some) == 1 and (some is not scans or not general):
            return some[0]
    return None


def _patient(facts: Facts, draft: Draft) -> None:
    """The column of the patient; one that may be another thing is asked for."""
    named = sorted(facts.of("patient"), key=lambda name: rank(name, "patient"))
    kinds = {name: facts.cells(name).n_unique() for name in named}
    height = facts.frame.height
    found = [name for name in named if kinds[name] > 1] or named
    if not found:
        draft.add(
            "patient_id = ",
            Question(
                "rows.patient_id",
                "Which column names the patient?",
                choices=all_quoted(facts.sheet.columns),
            ),
        )
        return
    first = found[0]
    draft.read.add(first)
    weak = fold(bracketed(first)[0]) in _WEAK_NAMES
    others = [name for name in found[1:] if kinds[name] < height and not _same_groups(facts, first, name)]
    timed = any(facts.of(kind) for kind in ("date", "day", "week", "month", "visit"))
    asked = None
    if others:
        asked = f"Which column names the patient: {', '.join((first, *others))}?"
    elif kinds[first] == 1 and height > 1:
        asked = f"Every row has the same {first}. Is the table of one patient? If not, which column names the patient?"
    elif kinds[first] == height > 2 and weak and timed:
        asked = f"Every row has another {first}. Is it the patient, or the number of the row?"
    if asked is None:
        draft.add(f"patient_id = {quoted(first)}")
    else:
        sure = not others and kinds[first] == 1 and fold(first) != "studyid"
        presumed = (
            f"every row has the same {first}: it is read as one patient"
            if sure and _one_course(facts)
            else ""
        )
        proposal = quoted(first) if sure else None
        draft.add(
            "patient_id = ",
            Question(
                "rows.patient_id",
                asked,
                proposal,
                presumed=presumed,
                choices=all_quoted(facts.sheet.columns),
            ),
        )
    rest = [name for name in facts.sheet.columns if name != first]
    blank = facts.frame.filter(pl.col(first).is_null() & pl.any_horizontal(pl.col(rest).is_not_null()))
    if rest and blank.height and facts.frame[first][0] is not None:
        text = f"{blank.height} rows have no {first}. Are they of the patient above (merged cells)? Write [] if not."
        draft.add(
            "fill_down = ",
            Question("rows.fill_down", text, f"[{quoted(first)}]", choices=(f"[{quoted(first)}]", "[]")),
        )


def _one_course(facts: Facts) -> bool:
    """Whether no time comes twice, as in a table with one row a visit of one patient."""
    times = [name for kind in ("date", "day", "week") for name in facts.of(kind)]
    return bool(times) and not facts.cells(times[0]).is_duplicated().any()


def _same_groups(facts: Facts, one: str, other: str) -> bool:
    both = facts.frame.select(one, other).drop_nulls()
    return both.n_unique() == both[one].n_unique() == both[other].n_unique()


def _times(facts: Facts, draft: Draft) -> None:
    """The day or the date of a row."""
    days = [name for name in facts.of("day") if _counts(facts, name)]
    dates = facts.of("date")
    others = [
        name
        for name, meaning in facts.meanings.items()
        if meaning.kind == "unknown" and meaning.looks_like == "date" and facts.is_date[name]
    ]
    labels = [
        name
        for kind in ("day", "week", "month", "visit")
        for name in facts.of(kind)
        if kind == "visit" or not _counts(facts, name)
    ]
    counted = [(name, kind) for kind in ("week", "month") for name in facts.of(kind) if _counts(facts, name)]
    cycles = [name for name in facts.of("doses") if facts.meanings[name].entity == "cycle"]
    if days:
        draft.use("day", days[0])
    elif dates:
        first = first_date(facts)
        if first is not None:
            draft.use("date", first)
        else:
            draft.read |= set(dates)
            text = f"Which column is the date of the visit: {', '.join(dates)}?"
            draft.add("date = ", Question("rows.date", text, choices=all_quoted(dates)))
    elif counted:
        name, kind = counted[0]
        draft.use("day", name, f'unit = "{kind}s"')
    elif labels:
        _labels(facts, draft, labels[0])
    elif others:
        draft.read |= set(others[:1])
        text = f"Which column is the date of the visit? {', '.join(others)} may be."
        draft.add(
            "date = ",
            Question(
                "rows.date",
                text,
                quoted(others[0]) if len(others) == 1 else None,
                choices=all_quoted(facts.sheet.columns),
            ),
        )
    elif cycles:
        _labels(facts, draft, cycles[0])
    elif not any(facts.of(kind) for kind in ("lesion_date", "marker_date")) and not _one_column_a_time(facts):
        text = "Which column is the date of the visit? (Or write day = ...)"
        draft.add("date = ", Question("rows.date", text, choices=all_quoted(facts.sheet.columns)))


def _counts(facts: Facts, name: str) -> bool:
    return share(facts.cells(name), looks_numeric(pl.col("cell"))) >= SURE


def _one_column_a_time(facts: Facts) -> bool:
    return any(meaning.day is not None for meaning in facts.meanings.values())


def _labels(facts: Facts, draft: Draft, name: str) -> None:
    """The day that each name of a visit stands for; asked where the name does not say."""
    draft.use("day.column", name)
    for label in facts.cells(name).unique(maintain_order=True).to_list()[:_MOST_VALUES]:
        day = day_in(label)
        key = f"day.values.{quoted(label)}"
        if day is not None:
            draft.add(f"{key} = {day}")
            continue
        asked = f"{name}: on which day of the course is {one_line(label)}?"
        draft.add(f"{key} = ", Question(f"rows.day.{label}", asked))


def _date_formats(facts: Facts, draft: Draft) -> None:
    """How dates are written, by those cells that allow one way only; a format of its own where columns differ."""
    found = {name: _ways(facts, name) for name, is_date in facts.is_date.items() if is_date}
    # Dates as yyyy-mm-dd are read whatever the format.
    found = {name: ways for name, ways in found.items() if "yyyy-mm-dd" not in ways}
    if not found:
        return
    common = [way for way in next(iter(found.values())) if all(way in ways for ways in found.values())]
    if common:
        _ask_format(facts, draft, common, list(found))
        return
    unread = ("ignored",)
    for name, ways in found.items():
        if facts.meanings[name].kind in unread:
            continue
        if len(ways) == 1:
            draft.date_formats[name] = f"date_format = {quoted(ways[0])}"
        elif ways:
            # What is open of this column alone is asked for all, as the others have a format of their own.
            _ask_format(facts, draft, ways, [name])
        elif mixed := several(facts.cells(name)):
            draft.date_formats[name] = f"date_format = [{', '.join(map(quoted, mixed))}]"


def _ask_format(facts: Facts, draft: Draft, ways: list[str], names: list[str]) -> None:
    if len(ways) == 1:
        draft.add(f"date_format = {quoted(ways[0])}")
        return
    cells = pl.concat([facts.cells(name) for name in names])
    asked = f"Every date could be {' or '.join(ways)}. Which is it?"
    draft.add(
        "date_format = ",
        Question(
            "rows.date_format", asked, None, ", ".join(cells.head(3).to_list()), choices=all_quoted(ways)
        ),
    )


def _ways(facts: Facts, name: str) -> list[str]:
    """The ways that read the cells of a column; those of most cells, as a date that is wrong may be among them."""
    cells = facts.cells(name)
    ways = fitting(cells, 1.0) or fitting(cells, SURE)
    said = _PATTERNS.search(" ".join(bracketed(name)[1]))
    if said is not None:
        written = said[0].lower().replace("j", "y").replace("t", "d")
        ways = [way for way in ways if way == written] or ways
    if "dd.mm.yyyy" in ways:  # nobody writes the month first before a point
        ways = [way for way in ways if way != "mm.dd.yyyy"]
    if not facts.meanings[name].kind.endswith("date"):
        ways = [way for way in ways if way != EXCEL]
    return ways


def numeric(facts: Facts) -> list[str]:
    """The columns of numbers that a mapping may read."""
    return [name for kind in ("size", "sum", "marker", "result") for name in facts.of(kind)]


def _decimal_mark(facts: Facts, draft: Draft) -> None:
    commas = either = points = 0.0
    for name in (*numeric(facts), *facts.of("change")):
        cells = facts.cells(name)
        commas += share(cells, pl.col("cell").str.contains(_COMMA))
        either += share(cells, pl.col("cell").str.contains(_EITHER))
        points += share(cells, pl.col("cell").str.contains(r"\d\.\d"))
    if commas:
        draft.add('decimal_mark = ","')
    elif either and points:
        draft.add('decimal_mark = "."  # a comma parts thousands, as other cells have a decimal point')
    elif either:
        text = "Does the comma of numbers such as 1,250 mark decimals (write ,) or thousands (write .)?"
        draft.add("decimal_mark = ", Question("rows.decimal_mark", text, choices=all_quoted(",.")))


def _missing(facts: Facts, draft: Draft) -> None:
    """Words in columns of numbers that may say that nothing is known."""
    found: dict[str, int] = {}
    for name in numeric(facts):
        cells = facts.cells(name)
        for cell in cells.filter(folded(cells).is_in(list(NOT_KNOWN))).to_list():
            found[cell] = found.get(cell, 0) + 1
    if found:
        listed = ", ".join(f"{cell} ({count} times)" for cell, count in found.items())
        proposal = "[" + ", ".join(quoted(cell) for cell in found) + "]"
        text = f"Do these cells say that nothing is known: {listed}? Write [] if they are values."
        draft.add("missing = ", Question("rows.missing", text, proposal, choices=(proposal, "[]")))


def _texts(facts: Facts, draft: Draft) -> None:
    """Texts in columns of numbers, that mean nothing known: an error when read, unless they are kept aside."""
    odd = {name: count for name in numeric(facts) if (count := len(facts.texts(name)))}
    if not odd:
        return
    listed = ", ".join(f"{name} ({counted(count, 'cell')})" for name, count in odd.items())
    text = f"These columns of numbers have cells that are none: {listed}. Are such cells kept aside? Write [] if not."
    proposal = "[" + ", ".join(map(quoted, odd)) + "]"
    draft.add("text_aside = ", Question("rows.text_aside", text, proposal, choices=(proposal, "[]")))


def codes(facts: Facts, draft: Draft) -> None:
    """Numbers of a column that no value could be, or that stand far above all its others: asked for it alone."""
    asked = {name: found for name in numeric(facts) if (found := _doubtful(facts, name)) is not None}
    if asked:
        draft.add("\n[codes]  # numbers of a column that say that nothing is known")
    for name, (written, proposed) in asked.items():
        listed = "[" + ", ".join(map(quoted, written)) + "]"
        text = (
            f"{name}: do these say that nothing is known: {', '.join(written)}? Write [] if they are values."
        )
        draft.add(
            f"{quoted(name)} = ",
            Question(f"codes.{name}", text, listed if proposed else None, choices=(listed, "[]")),
        )


def _doubtful(facts: Facts, name: str) -> tuple[list[str], bool] | None:
    """Such numbers as written, and whether none of them could be a value; a number among the others is a value."""
    numbers = facts.numbers(name)
    sized = facts.meanings[name].kind in ("size", "sum")
    others = numbers.filter(~numbers.is_in(list(map(float, _CODES))) & (numbers >= 0))
    most = others.max()
    high = float(most) if isinstance(most, float) else 0.0
    in_mm = 10 if facts.meanings[name].unit == "cm" else 1
    impossible = {
        x for x in numbers.to_list() if x < 0 or (sized and x * in_mm > _LONGEST_MM and x in _CODES)
    }
    far = {x for x in numbers.to_list() if x in _CODES and x > _FAR_ABOVE * high and len(others)} - impossible
    if not impossible and not far:
        return None
    cells = facts.cells(name).unique(maintain_order=True).to_list()
    # A column that would end up empty is asked for without a proposal.
    return [cell for cell in cells if _is_one_of(cell, impossible | far)], not far and len(others) > 0


def _is_one_of(cell: str, numbers: set[float]) -> bool:
    try:
        return float(cell.replace(",", ".")) in numbers
    except ValueError:
        return False
