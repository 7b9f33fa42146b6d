"""From what a patient writes to rows of the study's tables; what is not clear is said in plain words, all at once.

Nothing is stored here. Days are calendar dates, sizes may be in cm, numbers may have a comma.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.http import QueryDict

from turnpoint.app.models import Row
from turnpoint.app.plain_words import (
    FEELINGS,
    NODE,
    SEEN_AS,
    SEVERITY,
    SITES,
    TAKEN,
    TOLD_AS,
    spot_name,
)
from turnpoint.app.studies import Cells
from turnpoint.charts.language import Language
from turnpoint.reports.side_effects import plain_name
from turnpoint.study.schema import TABLES, fold

_YEAR_FIRST = re.compile(r"(\d{4})[-/]?(\d{1,2})[-/]?(\d{1,2})")
LARGEST_MM = TABLES["lesions"].column("diameter_mm").high or 0.0


@dataclass(slots=True)
class Written:
    """What a form says.

    Attributes:
        rows: to be added, by table.
        changes: rows that stand and change, with their new cells.
        gone: rows that are taken out.
        unclear: where and what, in words; when there is any, nothing is to be stored.
    """

    rows: dict[str, list[Cells]] = field(default_factory=dict)
    changes: list[tuple[Row, Cells]] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    unclear: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Nothing was written."""
        return not (any(self.rows.values()) or self.changes or self.gone or self.unclear)


def as_dated(cells: Cells, start: date | None) -> Cells:
    """A clinic's row as the notebook's own: with its date, which may be written otherwise there, or be a day."""
    day, given = cells.get("day") or "", _YEAR_FIRST.match(cells.get("date") or "")
    said = None
    with suppress(ValueError, OverflowError):
        if given:
            said = date(*(int(part) for part in given.groups()))
        elif start is not None and day:
            said = start + timedelta(days=int(float(day)))
    grade = {"grade": f"{float(cells['grade'] or 0):.0f}"} if "grade" in cells else {}
    return {**cells, **grade, "date": None if said is None else said.isoformat()}


def last_of(rows: Sequence[Row], table: str, name: str) -> dict[str, Row]:
    """The last row of each lesion, marker or drug, in the order in which they were first written."""
    found: dict[str, Row] = {}
    for row in sorted((row for row in rows if row.table == table), key=lambda row: date_of(row) or ""):
        found[row.cells[name]] = row
    return found


def lasting(rows: Sequence[Row]) -> dict[str, Row]:
    """The side effects that have no end yet; one's own before the clinic's."""
    found = (row for row in rows if row.table == "events" and not row.cells.get("end_date"))
    return {row.cells["term"]: row for row in sorted(found, key=lambda row: row.is_own)}


def date_of(row: Row) -> str | None:
    """The day of a row as it was written."""
    found: str | None = row.cells.get("date")
    return found


def a_day(given: str, words: Language, today: date) -> tuple[str | None, str | None]:
    """A date that has been, as yyyy-mm-dd; else None and what is not clear about it."""
    try:
        found = date.fromisoformat(given.strip())
    except ValueError:
        return None, words.text("Which day was it? Write year, month and day.")
    if found > today:
        return None, words.text("This day is still ahead. Write the day on which it was.")
    return found.isoformat(), None


def a_number(given: str) -> float | None:
    """A number of 0 or more, with a point or a comma; None for anything else."""
    text = given.strip().replace(",", ".")
    whole, _, part = text.partition(".")
    is_plain = whole.isascii() and whole.isdigit() and (not part or (part.isascii() and part.isdigit()))
    return float(text) if is_plain and len(text) < 12 else None


def scan(form: QueryDict, rows: Sequence[Row], words: Language, today: date) -> Written:
    """Sizes from the letter of a scan."""
    written = Written()
    day = _day(form, written, words, today)
    factor = 10.0 if form.get("unit") == "cm" else 1.0
    known = last_of(rows, "lesions", "lesion_id")
    taken = {(row.cells["lesion_id"], date_of(row)): row for row in rows if row.table == "lesions"}
    found: list[Cells] = []
    for spot in _lines(form, "spot", "size", "seen"):
        if spot["spot"] not in known or not (spot["size"] or spot["seen"] not in ("", "measured")):
            continue
        own = known[spot["spot"]].cells
        where = spot_name(own, words)
        cells = _sized(spot, where, factor, written, words)
        cells |= {name: own.get(name) for name in ("lesion_id", "role", "site", "node")}
        if own.get("role") == "non_target" and cells["status"] == "measured":
            cells["status"] = "present"
        found.append({"date": day, **cells})
        if (spot["spot"], day) in taken:
            written.unclear.append((where, _twice(taken[spot["spot"], day], words)))
    names = set(known)
    for spot in _lines(form, "site", "new_size", "is_new"):
        if not spot["new_size"]:
            continue
        is_new = bool(known) and spot["is_new"] != "before"
        name = _free("N" if is_new else "T", names)
        names.add(name)
        site = spot["site"] if spot["site"] in SITES else None
        own = {"lesion_id": name, "site": site}
        sized = _sized(
            {"size": spot["new_size"], "seen": "measured"}, spot_name(own, words), factor, written, words
        )
        # a spot that was there before and has no first size cannot be part of the sum
        role = "new" if is_new else "non_target" if known else "target"
        if role == "non_target":
            sized["status"] = "present"
        found.append({"date": day, **own, "role": role, "node": "true" if site == NODE else "false", **sized})
    written.rows["lesions"] = found
    return written


def _sized(
    spot: Mapping[str, str], where: str, factor: float, written: Written, words: Language
) -> dict[str, str | None]:
    """Size and status of one spot."""
    seen = spot["seen"] if spot["seen"] in SEEN_AS else "measured"
    if not spot["size"] or seen in ("absent", "not_evaluable"):
        if spot["size"]:
            written.unclear.append(
                (where, words.text("There is a size, and it was not seen. Which of the two is right?"))
            )
        return {"diameter_mm": None, "status": seen}
    size = a_number(spot["size"])
    if size is None or not 0 < size * factor <= LARGEST_MM:
        written.unclear.append(
            (where, words.text("Write the size as a number, such as 23. Choose mm or cm as in the letter."))
        )
        return {"diameter_mm": None, "status": seen}
    return {"diameter_mm": f"{size * factor:g}", "status": seen}


def blood(form: QueryDict, rows: Sequence[Row], words: Language, today: date) -> Written:
    """Markers from a lab slip."""
    written = Written()
    day = _day(form, written, words, today)
    taken = {(fold(row.cells["marker"]), date_of(row)): row for row in rows if row.table == "markers"}
    found: list[Cells] = []
    for line in _lines(form, "marker", "value", "unit", "upper_limit"):
        if not line["value"]:
            continue
        where = line["marker"] or words.text("blood value")
        sign = line["value"][0] if line["value"][0] in "<>" else ""
        value = a_number(line["value"].removeprefix(sign))
        limit = a_number(line["upper_limit"])
        if not line["marker"]:
            written.unclear.append((where, words.text("What is it called on the slip?")))
        if value is None:
            written.unclear.append((where, words.text("Write the value as a number, such as 12.5 or <0.1.")))
        if not line["unit"]:
            written.unclear.append((where, words.text("Write the unit that stands beside the number.")))
        if line["upper_limit"] and limit is None:
            written.unclear.append((where, words.text("Write the highest normal value as a number.")))
        if (fold(line["marker"]), day) in taken:
            written.unclear.append((where, _twice(taken[fold(line["marker"]), day], words)))
        found.append(
            {
                "date": day,
                "marker": line["marker"],
                "value": None if value is None else f"{sign}{value:g}",
                "unit": line["unit"],
                "upper_limit": None if limit is None else f"{limit:g}",
            }
        )
    written.rows["markers"] = found
    return written


def treatment(form: QueryDict, rows: Sequence[Row], words: Language, today: date) -> Written:  # noqa: ARG001
    """A dose, or the beginning or end of a drug that is taken every day."""
    written = Written()
    day = _day(form, written, words, today)
    found: list[Cells] = []
    for line in _lines(form, "drug", "taken", "dose", "dose_unit"):
        if not line["drug"]:
            if line["dose"]:
                written.unclear.append((line["dose"], words.text("Which drug was it?")))
            continue
        if not line["taken"] and not line["dose"]:
            continue  # a drug of before, of which nothing is said today
        dose = a_number(line["dose"])
        if line["dose"] and dose is None:
            written.unclear.append(
                (line["drug"], words.text("Write the amount as a number, or leave it empty."))
            )
        found.append(
            {
                "date": day,
                "drug": line["drug"],
                "action": line["taken"] if line["taken"] in TAKEN else "given",
                "dose": None if dose is None else f"{dose:g}",
                "unit": line["dose_unit"] or None,
            }
        )
    written.rows["doses"] = found
    return written


def feelings(form: QueryDict, rows: Sequence[Row], words: Language, today: date) -> Written:
    """How one feels: a side effect lasts until another severity, or none, is written."""
    written = Written()
    day = _day(form, written, words, today)
    open_now = lasting(rows)
    found: list[Cells] = []
    for term, worst in FEELINGS.items():
        given = form.get(f"feeling-{term}", "")
        if not given.isdecimal() or int(given) > worst or day is None:
            continue
        before = open_now.get(term)
        since = None if before is None else date_of(before)
        if before is not None and not before.is_own:
            if given in ("0", before.cells["grade"]):
                said = words.text("Your clinic wrote this down. Tell them when it is over.")
                written.unclear.append((plain_name(term, words), said))
                continue
        elif before is not None and since is not None:
            if since > day:
                written.unclear.append(
                    (
                        plain_name(term, words),
                        words.text("You wrote something later about this. Correct that first."),
                    )
                )
                continue
            if before.cells["grade"] == given:
                continue
            if since == day:
                if given == "0":
                    written.gone.append(before)
                else:
                    written.changes.append((before, {"grade": given}))
                continue
            last = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
            written.changes.append((before, {"end_date": last}))
        if given != "0":
            found.append({"date": day, "term": term, "grade": given})
    written.rows["events"] = found
    return written


def correction(
    row: Row, form: QueryDict, words: Language, today: date
) -> tuple[Cells, list[tuple[str, str]]]:
    """The cells of one row as a patient corrects them, and what is not clear."""
    written = Written()
    cells: dict[str, str | None] = {}
    if row.table == "patients":
        day, unclear = a_day(form.get("date", ""), words, today)
        return {"start_date": day}, [(words.text("Which day"), unclear)] if unclear else []
    cells["date"] = _day(form, written, words, today)
    match row.table:
        case "lesions":
            spot = {"size": form.get("size", "").strip(), "seen": form.get("seen", "")}
            cells |= _sized(spot, spot_name(row.cells, words), 1.0, written, words)
            if row.cells.get("role") == "non_target" and cells["status"] == "measured":
                cells["status"] = "present"
        case "markers":
            given = form.get("value", "").strip()
            sign = given[:1] if given[:1] in ("<", ">") else ""
            value = a_number(given.removeprefix(sign))
            if value is None:
                said = words.text("Write the value as a number, such as 12.5 or <0.1.")
                written.unclear.append((row.cells["marker"], said))
            cells["value"] = None if value is None else f"{sign}{value:g}"
        case "doses":
            cells["drug"] = form.get("drug", "").strip() or row.cells["drug"]
        case "events":
            grade = form.get("grade", "")
            cells["grade"] = grade if grade in ("1", "2", "3", "4") else row.cells["grade"]
    return cells, written.unclear


def told(row: Row, words: Language) -> str:
    """One row in plain words."""
    cells = row.cells
    match row.table:
        case "lesions":
            status = cells.get("status") or "measured"
            size = cells.get("diameter_mm")
            number = a_number(size or "")
            if number is not None:
                size = words.number(number, 1)
            said = words.text("{size} mm", size=size) if size else words.text(TOLD_AS.get(status, status))
            return words.text("{name}: {value}", name=spot_name(cells, words), value=said)
        case "markers":
            value = f"{_by_language(cells['value'], words)} {cells.get('unit') or ''}".strip()
            return words.text("{name}: {value}", name=cells["marker"], value=value)
        case "doses":
            action = cells.get("action") or "given"
            taken = words.text(TAKEN[action])
            amount = (
                f" ({_by_language(cells['dose'], words)} {cells.get('unit') or ''})".replace(" )", ")")
                if cells.get("dose")
                else ""
            )
            return words.text("{name}: {value}", name=cells["drug"] + amount, value=taken)
        case "events":
            grade = min(int(cells["grade"]), 4)
            severity = words.text(SEVERITY[grade])
            said = words.text("{name}: {value}", name=plain_name(cells["term"], words), value=severity)
            if cells.get("end_date"):
                until = words.date(date.fromisoformat(cells["end_date"]))
                return words.text("{what} (until {day})", what=said, day=until)
            return said
        case _:
            return words.text("Treatment began")


def _by_language(value: str, words: Language) -> str:
    """A number as it was written, with the language's own marks."""
    sign = value[:1] if value[:1] in "<>" else ""
    number = a_number(value.removeprefix(sign))
    return value if number is None else sign + words.measured(number)


def _day(form: QueryDict, written: Written, words: Language, today: date) -> str | None:
    day, unclear = a_day(form.get("date", ""), words, today)
    if unclear:
        written.unclear.append((words.text("Which day"), unclear))
    return day


def _lines(form: QueryDict, *names: str) -> Iterator[dict[str, str]]:
    """Fields that repeat, line by line."""
    columns = {name: form.getlist(name) for name in names}
    for place in range(max(map(len, columns.values()), default=0)):
        yield {name: values[place].strip() if place < len(values) else "" for name, values in columns.items()}


def _twice(row: Row, words: Language) -> str:
    if not row.is_own:
        return words.text("Your clinic wrote this for that day already. Ask them if it is not right.")
    return words.text("You wrote this for that day already. You can correct it under “What I wrote”.")


def _free(letter: str, names: set[str]) -> str:
    return next(name for number in range(1, 1000) if (name := f"{letter}{number}") not in names)
