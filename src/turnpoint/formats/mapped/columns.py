"""What the name of a column says that it is, as people name them in spreadsheets, laboratories and REDCap projects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from turnpoint.formats.mapped.names import FREE_TEXT, NAMES, OF_NO_USE, OTHER_NAMES
from turnpoint.formats.mapped.vocabulary import SITES, bracketed, plain, tokens
from turnpoint.study.markers import find_marker
from turnpoint.study.schema import fold
from turnpoint.study.units import parse

# patient, day, week, month, visit, date, start_date, arm, tumour_type, sex, birth_year, line, death_date, death_day;
# size, sum, change, new_flag, site, status, node, lesion_date, lesion_id, role, size_unit; marker, marker_unit,
# marker_limit, marker_date; test, result, unit, limit; doses, events; ignored; unknown.
Kind: TypeAlias = str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column is.

    Attributes:
        kind: which part of the study.
        entity: the marker, the column of doses or events, the lesion's word, or why it is of no use.
        pattern: of a lesion's column, the name with `{n}` for its number.
        number: that number as written.
        role: of the lesion, where the name says it.
        unit: that the name says.
        day: of the course, where each time has a column of its own.
        site: of the lesion, where the name says it.
        node: true for a lymph node.
        base: of a lesion, the words of the name without its time, number and unit.
        looks_like: of an unknown column, what its name is akin to: a size, a marker or a date.
    """

    kind: Kind
    entity: str = ""
    pattern: str | None = None
    number: str = ""
    role: str | None = None
    unit: str | None = None
    day: int | None = None
    site: str | None = None
    node: bool = False
    base: str = ""
    looks_like: str = ""


def _kinds_by_name() -> dict[str, tuple[Kind, ...]]:
    """What a folded name may mean, in the order of `NAMES`."""
    kinds: dict[str, list[Kind]] = {}
    for kind, names in NAMES.items():
        for name in dict.fromkeys(map(fold, names)):
            kinds.setdefault(name, []).append(kind)
    return {name: tuple(own) for name, own in kinds.items()}


_EXACT: Final[Mapping[str, tuple[Kind, ...]]] = _kinds_by_name()
_DATES: Final = ("date", "start_date", "death_date")
_OTHER: Final = {fold(name): (table, column) for table, column, names in OTHER_NAMES for name in names}
# The entity of a column of a table with one row a lesion.
ONE_A_ROW: Final = "one a row"
_LESION: Final = frozenset(
    {
        "lesion",
        "les",
        "tl",
        "ntl",
        "nl",
        "target",
        "nontarget",
        "newlesion",
        "tumor",
        "tum",
        "met",
        "ln",
        "node",
    }
)
_SIZE: Final = frozenset(
    {
        "size", "diam", "diameter", "longest", "measurement", "meas", "axis", "short", "sad", "mm", "cm", "sum", "ct",
        "mri", "mrt", "max", "maximum", "value",
    }
)  # fmt: skip
_SUM: Final = frozenset({"sld", "sod", "sumdiam"})
_SUMMED: Final = frozenset({"diameter", "longest", "target", "lesion", "tumor", "diam", "sld", "recist"})
_SITE: Final = frozenset({"site"})
_STATUS: Final = frozenset({"status"})
_WHICH: Final = frozenset({"id", "no", "nr", "number", "num", "name", "label"})
_PART: Final = frozenset({"type", "role", "category", "class"})
_PLAIN: Final = {
    **dict.fromkeys(
        ("size", "diameter", "longestdiameter", "ldmm", "ldcm", "größe", "大小", "长径", "直径"), "size"
    ),
    **dict.fromkeys(("site", "location", "organ", "lokalisation", "部位"), "site"),
    **dict.fromkeys(("role",), "role"),
}
_FLAG: Final = frozenset(
    {"yn", "flag", "yes", "is", "y", "n", "any", "ja", "nein", "是否", "有无", "appearance"}
)
_NO_DIAMETER: Final = frozenset(
    {"margin", "distance", "thickness", "volume", "depth", "shift", "prior", "id"}
)
_NODE: Final = frozenset({"node", "nodal", "lymph", "ln"})
_DATE: Final = frozenset({"date", "dt", "dat"})
_VALUE: Final = frozenset({"value", "s", "conc", "num"})
_LIMIT: Final = frozenset({"limit", "upper", "ul"})
_UNIT: Final = frozenset({"unit"})
# Names that are a marker's and, more often, something else's.
_AMBIGUOUS: Final = frozenset({"ld", "tg", "hct", "scc", "unit", "value"})
_SIZE_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("mm", "millimeter", "millimetre", "毫米"), "mm"),
        **dict.fromkeys(("cm", "centimeter", "centimetre", "zentimeter", "厘米"), "cm"),
    }
)
_TRAILING_UNIT: Final = re.compile(r"[\s,_:]+([A-Za-zµμ\[\]']{1,8}/[A-Za-z]{1,2})$")
_DAYS: Final[Mapping[str, float]] = MappingProxyType({"day": 1, "d": 1, "week": 7, "w": 7, "month": 30.4375})


def meaning_of(name: str, *, is_date: bool, is_number: bool) -> Meaning:
    """What a column is, by its name and by what its cells look like.

    Args:
        name: as written.
        is_date: nearly all its cells are dates.
        is_number: nearly all its cells are numbers, or words that stand for one.

    >>> meaning_of("lesion2_size_mm", is_date=False, is_number=True).pattern
    'lesion{n}_size_mm'
    >>> meaning_of("CA 19-9 (U/ml)", is_date=False, is_number=True).unit
    'U/ml'
    >>> meaning_of("肝病灶(mm)", is_date=False, is_number=True).site
    'liver'
    """
    bare, beside = bracketed(name)
    unit = next((found for text in beside if (found := unit_in(text)) is not None), None)
    other = " ".join(text for text in beside if unit_in(text) is None)
    kinds = _EXACT.get(fold(bare)) or _EXACT.get(fold(plain(name))) or ()
    for kind in kinds:
        if _fits(kind, is_date=is_date, is_number=is_number):
            return Meaning(kind, unit=unit)
    words = fold(bare)
    if words in _OTHER:
        table, column = _OTHER[words]
        return Meaning(table, column)
    spelled = bare.strip().lower().replace(" ", "_")
    why = next((reason for pattern, reason in OF_NO_USE if pattern.search(spelled)), None)
    if why is not None:
        return Meaning("ignored", why)
    trailing = _TRAILING_UNIT.search(bare)
    if unit is None and trailing is not None and unit_in(trailing[1]) is not None:
        unit, bare = unit_in(trailing[1]), bare[: trailing.start()]
    day, parts = _day_of(tokens(f"{bare} {other}"))
    dated = re.fullmatch(r"\d{1,4}([-./年])\d{1,2}([-./月])\d{1,4}日?", bare) is not None
    if "note" in parts:
        return Meaning("ignored", FREE_TEXT)
    meant = _computed(parts, unit, day, is_number=is_number) or _new(parts, unit, is_date=is_date)
    meant = meant or _lesion(name, parts, unit, day, is_date=is_date, is_number=is_number)
    meant = meant or _marker(parts, unit, day, is_date=is_date, is_number=is_number)
    return meant or Meaning(
        "unknown",
        unit=unit,
        day=day,
        looks_like=_akin(parts, unit, is_date=is_date, timed=dated or day is not None),
    )


def unit_in(text: str) -> str | None:
    """The unit that a text names, of a size or a marker; None when it names none.

    >>> unit_in("MM"), unit_in("ng/ML"), unit_in("CT")
    ('mm', 'ng/ML', None)
    """
    first = re.split(r"[,;，；]", text, maxsplit=1)[0].strip()
    size = _SIZE_UNITS.get(first.lower())
    if size is not None:
        return size
    return first if first and not first.isdigit() and parse(first) is not None else None


def day_in(label: str) -> int | None:
    """The day of the course that the name of a visit says; None when it says none.

    >>> day_in("Week 6"), day_in("baseline_arm_1"), day_in("C2D1")
    (42, 0, None)
    """
    return _day_of(tokens(label))[0]


def rank(name: str, kind: Kind) -> int:
    """How early a name stands among those of its kind: 0 is the surest."""
    names = [fold(one) for one in NAMES[kind]]
    folded = fold(bracketed(name)[0])
    return names.index(folded) if folded in names else len(names)


def _fits(kind: Kind, *, is_date: bool, is_number: bool) -> bool:
    if kind in _DATES:
        return is_date
    if kind in ("result", "limit"):
        return is_number
    if kind == "test":
        return not is_number and not is_date
    if kind in ("day", "week", "month"):
        return not is_date
    return kind != "visit" or not is_date


def _day_of(parts: Sequence[str]) -> tuple[int | None, list[str]]:
    """The day that a name says (week 6 is 42), and the other words."""
    left = list(parts)
    if set(left) & {"change", "from", "since"}:
        return None, [word for word in left if word not in ("baseline", "from", "since")]
    if set(left) & {"c", "cycle", "zyklus", "周期"}:  # a day of a cycle is none of the course
        return None, left
    if "baseline" in left:
        left.remove("baseline")
        return 0, left
    for place, word in enumerate(left):
        # A number before the word is what it counts (6周, 12 weeks), else the one after it (week 6).
        for other in (place + 1, place - 1):
            if word in _DAYS and 0 <= other < len(left) and left[other].isdigit():
                day = round(int(left[other]) * _DAYS[word])
                return day, [one for at, one in enumerate(left) if at not in (place, other)]
    return None, left


def _computed(parts: Sequence[str], unit: str | None, day: int | None, *, is_number: bool) -> Meaning | None:
    """A sum of diameters, or a change in percent."""
    said = set(parts)
    of_sizes = said & (_LESION | _SIZE | _SUM) or not said - {"change", "percent", "%", "best"}
    percent = said & {"percent", "%"} or unit == "%"
    if "change" in said and is_number and (percent or of_sizes):
        return Meaning("change", "size" if of_sizes and not _marker_of(parts) else "other", day=day)
    of_diameters = "sum" in said and said & _SUMMED
    if (said & _SUM or of_diameters) and is_number and unit in (None, "mm", "cm"):
        return Meaning("sum", unit=unit or _spelled(parts), day=day)
    return None


def _new(parts: Sequence[str], unit: str | None, *, is_date: bool) -> Meaning | None:
    """A column that says whether a new lesion was seen, not how large it is."""
    said = set(parts)
    named = (
        "newlesion" in said or {"new", "lesion"} <= said or {"new", "tumor"} <= said or {"new", "met"} <= said
    )
    extra = said - {"newlesion", "new", "lesion", "tumor", "met", "s"} - _FLAG
    return Meaning("new_flag") if named and not extra and unit is None and not is_date else None


def _lesion(
    name: str, parts: Sequence[str], unit: str | None, day: int | None, *, is_date: bool, is_number: bool
) -> Meaning | None:
    words = [token for token in parts if not token.isdigit()]
    numbers = [token for token in parts if token.isdigit()]
    unit = unit if unit in ("mm", "cm") else _spelled(words)
    sites = [token for token in words if token in SITES]
    # T1 is a target lesion where it has a size; L1 says no more than its number.
    lettered = [token for token in words if token in ("t", "l")] if len(numbers) == 1 else []
    own = _LESION | _NODE | SITES.keys() | {"side", "t", "l", "non", "new"}
    rest = [word for word in words if word not in own or (word in ("t", "l") and word not in lettered)]
    node = bool(set(words) & _NODE)
    site = ", ".join(dict.fromkeys(sites)) or ("lymph node" if node and is_number else None)
    # A lesion with a length is one whatever else the name says of it: Hilar mass (cm).
    told = unit in ("mm", "cm") and bool(set(words) & (_LESION | _NODE)) and not set(words) & _NO_DIAMETER
    qualified = told and is_number and not set(rest) & (_DATE | _STATUS | _UNIT)
    if (
        _role(words) == "non_target"
        and not numbers
        and not is_number
        and not is_date
        and not set(rest) - _STATUS
    ):
        return Meaning("status", "_".join(words), name, role="non_target", day=day)
    if not numbers and not sites and not (qualified and not set(rest) <= _SIZE) and "side" not in words:
        kind = _long_kind(name, words, rest, is_date=is_date, is_number=is_number)
        role, base = _role(words), " ".join(word for word in words if word not in ("mm", "cm"))
        return (
            None if kind is None else Meaning(kind, ONE_A_ROW, name, unit=unit, day=day, role=role, base=base)
        )
    if not set(words) & (_LESION | _NODE | SITES.keys()) and not lettered:
        return None
    if len(numbers) > 1:
        return None
    number = numbers[0] if numbers else ""
    start = _place(name, number) if number else -1
    pattern = f"{name[:start]}{{n}}{name[start + len(number) :]}" if start >= 0 else name
    kind = "size" if qualified else _lesion_kind(words, rest, is_date=is_date, is_number=is_number)
    if kind is None:
        return None
    entity = "_".join(word for word in words if word not in rest)
    base = " ".join(word for word in words if word not in ("mm", "cm"))
    return Meaning(kind, entity, pattern, number, _role(words), unit, day, site, node, base)


def _place(name: str, number: str) -> int:
    """Where the number of a lesion stands: not the 6 of week6."""
    places = [found.start() for found in re.finditer(rf"(?<!\d){number}(?!\d)", name)]
    apart = [at for at in places if not re.search(r"(?i)(week|wk|w|day|d|month|mo)[ _-]*$", name[:at])]
    return (apart or places or [name.find(number)])[0]


def _spelled(words: Sequence[str]) -> str | None:
    return next((word for word in words if word in ("mm", "cm")), None)


def _long_kind(
    name: str, words: Sequence[str], rest: Sequence[str], *, is_date: bool, is_number: bool
) -> Kind | None:
    """A column of a table with one row a lesion."""
    known = _PLAIN.get(re.sub("(mm|cm)$", "", fold(bracketed(name)[0])))
    if known is not None:
        # LD alone is more often a laboratory's LDH.
        return (known if is_number or known != "size" else None) if fold(name) != "ld" else None
    measured = {"size", "diameter", "longest", "short", "axis", "mm", "cm"}
    if set(words) & measured - {"longest", "short"} and set(words) <= measured | {"max", "maximum", "ct"}:
        return "size" if is_number else None
    if not set(words) & _LESION:
        return None
    if set(rest) <= _WHICH and not is_date and "new" not in words:
        return "lesion_id"
    if set(rest) <= _PART:
        return "role"
    return _lesion_kind(words, rest, is_date=is_date, is_number=is_number)


def _lesion_kind(words: Sequence[str], rest: Sequence[str], *, is_date: bool, is_number: bool) -> Kind | None:
    left = set(rest)
    if left & _DATE:
        return "lesion_date" if is_date else None
    if left & _SITE:
        return "site"
    if left & _STATUS:
        return "status"
    if left and left <= _UNIT | _SIZE and left & _UNIT:
        return "size_unit"
    if set(words) & _NODE and left & _FLAG:
        return "node"
    return "size" if is_number and left <= _SIZE else None


def _role(words: Sequence[str]) -> str | None:
    said = set(words)
    if said & {"ntl", "nontarget"} or {"non", "target"} <= said:
        return "non_target"
    if said & {"new", "nl", "newlesion"}:
        return "new"
    return "target" if said & {"tl", "target", "t"} else None


def _marker_of(parts: Sequence[str]) -> tuple[str, list[str]] | None:
    """The longest run of words that is a marker's name, and the others."""
    for length in range(len(parts), 0, -1):
        for start in range(len(parts) - length + 1):
            name = "".join(parts[start : start + length])
            found = None if name in _AMBIGUOUS else find_marker(name)
            if found is not None:
                return found.name, [*parts[:start], *parts[start + length :]]
    return None


def _marker(
    parts: Sequence[str], unit: str | None, day: int | None, *, is_date: bool, is_number: bool
) -> Meaning | None:
    """A marker's column; the words beside its name must say what of it."""
    first = _marker_of(parts)
    if first is None:
        return None
    name, rest = first
    # The name twice, as 癌胚抗原CEA has it.
    while (again := _marker_of(rest)) is not None and again[0] == name:
        rest = again[1]
    kind, spelled = _marker_part(rest, is_date=is_date, is_number=is_number)
    if kind is None or unit in ("mm", "cm"):
        return None
    return Meaning(kind, name, unit=unit or spelled, day=day)


def _marker_part(rest: Sequence[str], *, is_date: bool, is_number: bool) -> tuple[Kind | None, str | None]:
    left = [token for token in rest if token not in _VALUE]
    if not left:
        return ("marker" if is_number else None), None
    if set(left) <= _DATE:
        return ("marker_date" if is_date else None), None
    if set(left) <= _LIMIT:
        return ("marker_limit" if is_number else None), None
    if set(left) <= _UNIT:
        return "marker_unit", None
    unit = _unit(left)
    return ("marker" if unit is not None and is_number else None), unit


def _unit(words: Sequence[str]) -> str | None:
    """A unit as names have it: ng, ml is ng/mL."""
    if len(words) != 2:
        return None
    amount = {"u": "U", "iu": "[IU]", "ku": "kU"}.get(words[0], words[0])
    volume = {"ml": "mL", "l": "L", "dl": "dL"}.get(words[1])
    text = f"{amount}/{volume}"
    return text if volume is not None and parse(text) is not None else None


def _akin(parts: Sequence[str], unit: str | None, *, is_date: bool, timed: bool) -> str:
    """What the name of an unknown column is akin to; such a column is never left out by pressing Enter."""
    if is_date or set(parts) & _DATE:
        return "date"
    first = _marker_of(parts)
    if first is not None or (unit is not None and unit not in ("mm", "cm", "%", "1")):
        return "marker"
    words = set(parts)
    sized = words & (_LESION | _SUM | SITES.keys() | {"size", "diam", "diameter", "mm", "cm", "change"})
    if sized or unit in ("mm", "cm"):
        return "size"
    # A column of one time: of what, its name does not say.
    return "size or a marker" if timed else ""
