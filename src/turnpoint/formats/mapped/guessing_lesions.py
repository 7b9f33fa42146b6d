"""The blocks [[lesions]] of a first mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from turnpoint.formats.mapped.columns import ONE_A_ROW, Meaning
from turnpoint.formats.mapped.facts import (
    ABSENT,
    NOT_DETECTED,
    NOT_EVALUABLE,
    TOO_SMALL,
    Facts,
    folded,
    share,
)
from turnpoint.formats.mapped.guessing_rows import date_of
from turnpoint.formats.mapped.numbers import unit_beside
from turnpoint.formats.mapped.questions import Draft, Question, all_quoted, one_line, quoted
from turnpoint.formats.mapped.vocabulary import bracketed
from turnpoint.study.schema import fold

# No lesion is 15 cm in one table and stays below 15 mm in none: a size above it is in mm.
_MOST_CM: Final = 15
_LABELS: Final[Mapping[str, str]] = {"target": "T", "non_target": "NT", "new": "N"}
_MOST_VALUES: Final = 12
_SEEN: Final = (
    "1",
    "1.0",
    "yes",
    "y",
    "true",
    "x",
    "ja",
    "j",
    "new",
    "present",
    "positive",
    "+",
    "是",
    "有",
    "新发",
    "✓",
)
_NOT_SEEN: Final = (
    "0", "0.0", "no", "n", "false", "nein", "none", "absent", "negative", "-", "nil", "keine", "否", "无", "没有",
)  # fmt: skip
_DOUBTFUL: Final = ("?", "equivocal", "possible", "suspected", "fraglich", "可疑", "yes?", "ja?", "v.a.")


def words(facts: Facts, draft: Draft) -> None:
    """Words in place of a size or a marker's value."""
    kinds = (
        ("too_small", TOO_SMALL, ("size", "sum")),
        ("absent", ABSENT, ("size", "sum")),
        ("not_evaluable", NOT_EVALUABLE, ("size", "sum")),
        ("not_detected", NOT_DETECTED, ("marker", "result")),
    )
    found: dict[str, list[str]] = {}
    for state, known, of in kinds:
        cells: dict[str, None] = {}
        for name in (name for kind in of for name in facts.of(kind)):
            some = facts.cells(name)
            cells |= dict.fromkeys(some.filter(folded(some).is_in(list(known))).unique().sort().to_list())
        if cells:
            found[state] = list(cells)
    if not found:
        return
    draft.add(
        "\n[words]  # cells of a size that are a state instead, and of a marker that is below its limit"
    )
    for status, cells_found in found.items():
        listed = "[" + ", ".join(map(quoted, cells_found)) + "]"
        kind_of = "marker" if status == "not_detected" else "size"
        asked = f"Do these cells of a {kind_of} mean {status}: {listed}?"
        draft.add(f"{status} = ", Question(f"words.{status}", asked, listed, choices=(listed, "[]")))


def lesions(facts: Facts, draft: Draft) -> None:
    """A block for each pattern of names, for each sum, and for a table with one row a lesion."""
    long = _long_columns(facts)
    if long is not None:
        _long_block(facts, draft, long)
    groups: dict[tuple[str, str | None, int | None], dict[str, list[Meaning]]] = {}
    for meaning in facts.meanings.values():
        if meaning.pattern is not None and (
            meaning.entity != ONE_A_ROW or (long is None and meaning.kind == "size")
        ):
            group = groups.setdefault((meaning.entity, meaning.role, meaning.day), {})
            group.setdefault(meaning.kind, []).append(meaning)
    taken: dict[tuple[str, int | None], str] = {}
    for (_, role, _day), kinds in groups.items():
        for pattern, numbers in _patterns(kinds.get("size", kinds.get("status", []))).items():
            _block(facts, draft, role, pattern, numbers, kinds, taken)
    _new_lesions(facts, draft)
    sums = facts.of("sum")
    changes = [name for name in facts.of("change") if facts.meanings[name].entity == "size"]
    if not facts.of("size"):
        # The sum at baseline alone, and changes from it.
        base = sums[0] if len(sums) == 1 and facts.meanings[sums[0]].day == 0 and changes else None
        if base is not None or not sums:
            _changes(facts, draft, changes, base)
        for name in sums if base is None else ():
            _sum(facts, draft, name)


def coded(facts: Facts, draft: Draft, key: str, name: str, allowed: Sequence[str]) -> None:
    """A column of categories: as it is where its cells are known, else a question for each of them."""
    draft.read.add(name)
    values = sorted(facts.cells(name).unique().to_list())
    if {fold(value) for value in values} <= {fold(value) for value in allowed}:
        draft.add(f"{key} = {quoted(name)}")
        return
    for value in values[:_MOST_VALUES]:
        said = f"{key}.values.{quoted(value)} = "
        meant = facts.said(name, value)
        known = _CATEGORIES.get(fold(meant)) or next(
            (one for one in allowed if fold(one) == fold(meant)), None
        )
        if known in allowed:
            draft.add(f"{said}{quoted(str(known))}")
            continue
        asked = f"{name}: what does {one_line(meant)} mean: {', '.join(allowed[:4])}?"
        draft.add(
            said,
            Question(f"{key}.{value}", asked, choices=all_quoted(one for one in allowed if len(one) > 1)),
        )
    draft.add(f"{key}.column = {quoted(name)}")


_UNITS: Final = all_quoted(("mm", "cm"))
_ROLES: Final = all_quoted(("target", "non_target", "new"))
_NEW_LESION: Final = all_quoted(("present", "equivocal", ""))
_STATES: Final = ("present", "absent", "not_evaluable", "unequivocal_progression", "equivocal")
_CATEGORIES: Final = {
    fold(word): meaning
    for meaning, those in (
        ("target", ("target", "target lesion", "tl", "t", "ziel", "zielläsion", "靶病灶", "靶")),
        ("non_target", ("non target", "nontarget", "non-target lesion", "ntl", "nt", "nichtzielläsion",
                        "非靶病灶", "非靶")),
        ("new", ("new", "new lesion", "nl", "neu", "neue läsion", "新病灶", "新发")),
        (
            "present",
            ("stable", "unchanged", "sd", "non-CR/non-PD", "non CR non PD", "vorhanden", "stabil", "存在", "稳定"),
        ),
        ("absent", ("cr", "resolved", "gone", "complete response", "verschwunden", "消失")),
        ("not_evaluable", ("ne", "not evaluable", "n.b.", "无法评估")),
        ("unequivocal_progression", ("pd", "progression", "unequivocal progression", "progress", "进展")),
        ("male", ("male", "m", "männlich", "man", "男")),
        ("female", ("female", "f", "w", "weiblich", "woman", "女")),
    )
    for word in those
}  # fmt: skip


def _block(
    facts: Facts,
    draft: Draft,
    role: str | None,
    pattern: str,
    numbers: Sequence[str],
    kinds: Mapping[str, list[Meaning]],
    taken: dict[tuple[str, int | None], str],
) -> None:
    sized = "size" in kinds
    meaning = next(one for one in kinds.get("size", kinds.get("status", [])) if one.pattern == pattern)
    names = [pattern.replace("{n}", number) for number in numbers]
    draft.add(f"\n[[lesions]]  # {one_line(pattern)}")
    many = numbers != [""]
    if many:
        draft.add(f"n = [{', '.join(map(quoted, numbers))}]")
    label = _LABELS.get(role or "", "L")
    # The name of a time is none of the lesion: it is the same one at each.
    alone = meaning.base if meaning.day is not None else bracketed(pattern)[0] or pattern
    lesion = f"{label}{{n}}" if many else alone
    # Numbered afresh for each organ, two lesions would be one: then the whole name tells them apart.
    keys = [(lesion.replace("{n}", number), meaning.day) for number in numbers]
    if any(taken.get(key, pattern) != pattern for key in keys):
        whole = bracketed(pattern.replace("{n}", "\x00"))[0].replace("\x00", "{n}")
        lesion = whole if meaning.day is None else f"{meaning.base} {{n}}" if many else meaning.base
    taken.update(dict.fromkeys(keys, pattern))
    draft.add(f"lesion_id = {{ is = {quoted(lesion)} }}")
    if role is None:
        asked = Question(
            f"lesions.{pattern}.role",
            f"{pattern}: target, non_target or new lesions?",
            quoted("target"),
            choices=_ROLES,
        )
        draft.add("role = { is = ", asked, " }")
    else:
        draft.add(f"role = {{ is = {quoted(role)} }}")
    draft.read |= set(names)
    _time(facts, draft, names[0], meaning)
    if sized:
        _size(facts, draft, pattern, names, meaning.unit)
    elif many:
        draft.add(f"status = {quoted(pattern)}")
    else:
        coded(facts, draft, "status", pattern, _STATES)
    told = set()
    for kind, key in (("site", "site"), ("status", "status"), ("node", "node"), ("lesion_date", "date")):
        for other, its_numbers in _patterns(kinds.get(kind, [])).items():
            if other != pattern and set(numbers) <= set(its_numbers):
                draft.add(f"{key} = {_coded_column(facts, draft, other, numbers)}")
                draft.read |= {other.replace("{n}", number) for number in numbers}
                told.add(key)
                break
    if meaning.site and "site" not in told:
        draft.add(f"site = {{ is = {quoted(meaning.site)} }}")
    if meaning.node and "node" not in told:
        draft.add('node = { is = "true" }')


def _coded_column(facts: Facts, draft: Draft, pattern: str, numbers: Sequence[str]) -> str:
    """A column with what its codes mean by the dictionary, where they mean the same in all its numbers."""
    meanings = [facts.dictionary.choices.get(pattern.replace("{n}", number), {}) for number in numbers]
    if not meanings[0] or any(one != meanings[0] for one in meanings):
        return draft.column(pattern)
    listed = ", ".join(f"{quoted(code)} = {quoted(text)}" for code, text in meanings[0].items())
    return f"{{ column = {quoted(pattern)}, values = {{ {listed} }} }}"


def _time(facts: Facts, draft: Draft, name: str, meaning: Meaning) -> None:
    """The day that the name of the column says, or a date beside it."""
    if meaning.day is not None:
        draft.add(f'day = {{ is = "{meaning.day}" }}')
    elif (date := date_of(facts, name, lab=False)) is not None:
        draft.use("date", date)


def _size(
    facts: Facts, draft: Draft, pattern: str, names: Sequence[str], unit: str | None, *more: str
) -> None:
    """The size, in mm or cm as the name, a column of units or the sizes themselves say; else it is asked."""
    column = f"column = {quoted(pattern)}"
    beside = facts.of("size_unit") or ([] if facts.of("result") or facts.of("marker") else facts.of("unit"))
    if unit is None and beside:
        draft.read.add(beside[0])
        more = (*more, f"unit_column = {quoted(beside[0])}")
    elif unit is None and all(_say_their_unit(facts, name) for name in names):
        draft.add("# Each cell says its unit.")
    elif unit is None and (highest := max((_highest(facts, name) for name in names), default=0.0)) > _MOST_CM:
        draft.add(f"# In mm: {highest:g} cm would be no lesion.")
    elif unit is None:
        shown = "; ".join(facts.examples(name) for name in names[:2])
        asked = Question(
            f"lesions.{pattern}.unit", f"{pattern}: in mm or in cm?", None, shown, choices=_UNITS
        )
        draft.add(f"diameter_mm = {{ {', '.join((column, *more))}, unit = ", asked, " }")
        return
    elif unit == "cm":
        more = (*more, 'unit = "cm"')
    draft.add(f"diameter_mm = {{ {', '.join((column, *more))} }}")


def _say_their_unit(facts: Facts, name: str) -> bool:
    """Whether every number of a column stands with its unit."""
    cells = facts.cells(name)
    numbers = cells.filter(cells.str.contains(r"\d"))
    return len(numbers) > 0 and share(numbers, unit_beside(pl.col("cell")).is_in(["mm", "cm"])) == 1


def _highest(facts: Facts, name: str) -> float:
    """The largest size that is no code for missing."""
    numbers = facts.numbers(name)
    most = numbers.filter(numbers <= 500).max()
    return float(most) if isinstance(most, float) else 0.0


def _sum(facts: Facts, draft: Draft, name: str) -> None:
    meaning = facts.meanings[name]
    draft.add(f"\n[[lesions]]  # {one_line(name)}: the sum of the target lesions, read as one")
    draft.add('lesion_id = { is = "sum of diameters" }')
    draft.add('role = { is = "target" }')
    draft.read.add(name)
    _time(facts, draft, name, meaning)
    sums = facts.of("sum")
    _size(facts, draft, name, sums, meaning.unit or next((facts.meanings[one].unit for one in sums), None))


def _changes(facts: Facts, draft: Draft, names: Sequence[str], base: str | None) -> None:
    """Changes in percent, where no size is known but perhaps that at baseline."""
    for name in names:
        meaning = facts.meanings[name]
        draft.add(f"\n[[lesions]]  # {one_line(name)}: the change of the sum from baseline")
        draft.add('lesion_id = { is = "sum of diameters" }')
        draft.add('role = { is = "target" }')
        draft.read.add(name)
        _time(facts, draft, name, meaning)
        if base is not None:
            draft.read.add(base)
            draft.add(f"diameter_mm = {{ column = {quoted(name)}, percent_of = {quoted(base)} }}")
            continue
        text = (
            f"Of the sum of diameters only the change is known ({name}). What was it at baseline: the name of a "
            "column, or a number in mm? With 100 the change is read as it is, and the 5 mm of RECIST mean nothing."
        )
        asked = Question("lesions.percent_of", text, None, facts.examples(name))
        draft.add(f"diameter_mm = {{ column = {quoted(name)}, percent_of = ", asked, " }")


def _new_lesions(facts: Facts, draft: Draft) -> None:
    """A column that says whether a new lesion was seen."""
    for name in facts.of("new_flag"):
        draft.add(f"\n[[lesions]]  # {one_line(name)}")
        draft.add(f"lesion_id = {{ is = {quoted(bracketed(name)[0])} }}")
        draft.add('role = { is = "new" }')
        draft.read.add(name)
        if (date := date_of(facts, name, lab=False)) is not None:
            draft.use("date", date)
        draft.add(f"status.column = {quoted(name)}")
        for value in facts.cells(name).unique(maintain_order=True).to_list()[: 4 * _MOST_VALUES]:
            whole = facts.said(name, value).casefold().strip()
            # Yes, liver: the first word says it.
            plain = whole if whole in _DOUBTFUL else re.split(r"[\s,;:(（–-]", whole)[0] or whole
            state = (
                "present"
                if plain in _SEEN or (plain.isdigit() and 0 < int(plain) < 10)
                else ""
                if plain in _NOT_SEEN
                else "equivocal"
                if plain in _DOUBTFUL
                else None
            )
            key = f"status.values.{quoted(value)} = "
            if state is not None:
                draft.add(f"{key}{quoted(state)}")
                continue
            asked = f"{name}: what does {one_line(value)} say of a new lesion: present, equivocal, or none?"
            draft.add(key, Question(f"{name}.{value}", asked, choices=_NEW_LESION))


def _long_columns(facts: Facts) -> dict[str, str] | None:
    """The columns of a table with one row a lesion; None when it is no such table."""
    own = {
        kind: name
        for kind in ("lesion_id", "role", "size", "site", "status", "lesion_date")
        for name in facts.of(kind)
        if facts.meanings[name].entity == ONE_A_ROW
    }
    if {"size", "status"} & own.keys() and ("lesion_id" in own or _several_a_visit(facts, own)):
        return own
    return None


def _several_a_visit(facts: Facts, own: Mapping[str, str]) -> bool:
    """Whether a patient has several rows of one time, each with a site."""
    times = [name for kind in ("date", "day", "week") for name in facts.of(kind)]
    patients = facts.of("patient")
    if "site" not in own or not times or not patients:
        return False
    keys = facts.frame.filter(pl.col(own["site"]).is_not_null()).select(patients[0], times[0])
    return bool(keys.is_duplicated().any())


def _long_block(facts: Facts, draft: Draft, own: Mapping[str, str]) -> None:
    """A table with one row a lesion, as repeating instruments of REDCap have it."""
    draft.add("\n[[lesions]]  # one row a lesion")
    if "lesion_id" in own:
        draft.use("lesion_id", own["lesion_id"])
    else:
        draft.read.add(own["site"])
        text = f"No column names the lesion. Does {own['site']} tell the lesions of a patient apart?"
        draft.add(
            "lesion_id = ",
            Question("lesions.lesion_id", text, quoted(own["site"]), choices=all_quoted(facts.sheet.columns)),
        )
    if "role" in own:
        coded(facts, draft, "role", own["role"], ("target", "non_target", "new"))
    else:
        asked = Question(
            "lesions.role", "Are the lesions target, non_target or new?", quoted("target"), choices=_ROLES
        )
        draft.add("role = { is = ", asked, " }")
    if "size" in own:
        draft.read.add(own["size"])
        _size(facts, draft, own["size"], [own["size"]], facts.meanings[own["size"]].unit)
        if "lesion_date" not in own and (date := date_of(facts, own["size"], lab=False)) is not None:
            draft.use("date", date)
    for kind, key in (("site", "site"), ("status", "status"), ("lesion_date", "date")):
        if kind in own:
            draft.read.add(own[kind])
            draft.add(f"{key} = {_coded_column(facts, draft, own[kind], [''])}")


def _patterns(meanings: Sequence[Meaning]) -> dict[str, list[str]]:
    """The numbers of each pattern of names."""
    found: dict[str, list[str]] = {}
    for meaning in meanings:
        if meaning.pattern is not None:
            found.setdefault(meaning.pattern, []).append(meaning.number)
    return found
